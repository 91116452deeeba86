//! Route tables, routes and gateway endpoints.

use super::*;
use crate::aws::testing::elements;

async fn table(ec2: &Caller, vpc: &str) -> String {
    ec2.id("CreateRouteTable", &[("VpcId", vpc)], "routeTableId").await
}

#[tokio::test]
async fn a_route_is_created_once_and_replaced_only_if_there() {
    let ec2 = ec2();
    let Network { vpc, gateway, subnet } = ec2.network().await;
    let (nat, _) = ec2.nat(&subnet).await;
    let table = table(&ec2, &vpc).await;
    let to = |target| [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "0.0.0.0/0"), target];
    ec2.fails("ReplaceRoute", &to(("NatGatewayId", &nat)), "InvalidParameterValue").await;
    ec2.fails("DeleteRoute", &to(("RouteTableId", &table))[..2], "InvalidRoute.NotFound").await;
    ec2.ok("CreateRoute", &to(("GatewayId", &gateway))).await;
    ec2.fails("CreateRoute", &to(("NatGatewayId", &nat)), "RouteAlreadyExists").await;
    ec2.ok("ReplaceRoute", &to(("NatGatewayId", &nat))).await;
    let shown = ec2.ok("DescribeRouteTables", &[("RouteTableId.1", &table)]).await;
    assert_eq!(elements(&shown, "natGatewayId"), [nat.as_str()]);
    assert_eq!(elements(&shown, "gatewayId"), ["local"]);
    ec2.ok("DeleteRoute", &to(("RouteTableId", &table))[..2]).await;
    let local = [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "10.0.0.0/16")];
    ec2.fails("DeleteRoute", &local, "InvalidParameterValue").await;
}

#[tokio::test]
async fn the_target_of_a_route_must_exist_in_the_vpc() {
    let ec2 = ec2();
    let Network { gateway, .. } = ec2.network().await;
    let other = ec2.vpc().await;
    let table = table(&ec2, &other).await;
    let base = [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "0.0.0.0/0")];
    for (target, code) in [
        (("GatewayId", gateway.as_str()), "InvalidParameterValue"),
        (("GatewayId", "igw-0123456789abcdef0"), "InvalidGatewayID.NotFound"),
        (("NatGatewayId", "nat-0123456789abcdef0"), "InvalidNatGatewayID.NotFound"),
        (("NetworkInterfaceId", "eni-0123456789abcdef0"), "InvalidNetworkInterfaceID.NotFound"),
        (("DestinationCidrBlock", "0.0.0.0/0"), "InvalidParameterCombination"),
    ] {
        ec2.fails("CreateRoute", &[base[0], base[1], target], code).await;
    }
}

#[tokio::test]
async fn a_route_whose_target_is_gone_is_a_black_hole() {
    let ec2 = ec2();
    let Network { vpc, subnet, .. } = ec2.network().await;
    let (nat, _) = ec2.nat(&subnet).await;
    let table = table(&ec2, &vpc).await;
    let route =
        [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "0.0.0.0/0"), ("NatGatewayId", &nat)];
    ec2.ok("CreateRoute", &route).await;
    let states = |shown: String| elements(&element(&shown, "routeSet"), "state");
    let describe = [("RouteTableId.1", table.as_str())];
    assert_eq!(states(ec2.ok("DescribeRouteTables", &describe).await), ["active", "active"]);
    ec2.ok("DeleteNatGateway", &[("NatGatewayId", &nat)]).await;
    assert_eq!(states(ec2.ok("DescribeRouteTables", &describe).await), ["active", "blackhole"]);
}

#[tokio::test]
async fn associations_hold_a_route_table_and_a_subnet_has_one() {
    let ec2 = ec2();
    let Network { vpc, subnet, .. } = ec2.network().await;
    let (first, second) = (table(&ec2, &vpc).await, table(&ec2, &vpc).await);
    let associate = |table| [("RouteTableId", table), ("SubnetId", subnet.as_str())];
    let association = ec2.id("AssociateRouteTable", &associate(&first), "associationId").await;
    ec2.fails("AssociateRouteTable", &associate(&second), "Resource.AlreadyAssociated").await;
    ec2.fails("DeleteRouteTable", &[("RouteTableId", &first)], "DependencyViolation").await;
    let replace = [("AssociationId", association.as_str()), ("RouteTableId", second.as_str())];
    let new = ec2.id("ReplaceRouteTableAssociation", &replace, "newAssociationId").await;
    ec2.ok("DeleteRouteTable", &[("RouteTableId", &first)]).await;
    ec2.fails("DisassociateRouteTable", &replace[..1], "InvalidAssociationID.NotFound").await;
    ec2.ok("DisassociateRouteTable", &[("AssociationId", &new)]).await;
    ec2.ok("DeleteRouteTable", &[("RouteTableId", &second)]).await;
    let filter = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc.as_str())];
    let main = ec2.id("DescribeRouteTables", &filter, "routeTableId").await;
    ec2.fails("DeleteRouteTable", &[("RouteTableId", &main)], "DependencyViolation").await;
}

#[tokio::test]
async fn deleting_a_subnet_ends_its_association() {
    let ec2 = ec2();
    let Network { vpc, subnet, .. } = ec2.network().await;
    let table = table(&ec2, &vpc).await;
    ec2.ok("AssociateRouteTable", &[("RouteTableId", &table), ("SubnetId", &subnet)]).await;
    ec2.ok("DeleteSubnet", &[("SubnetId", &subnet)]).await;
    ec2.ok("DeleteRouteTable", &[("RouteTableId", &table)]).await;
}

#[tokio::test]
async fn a_gateway_endpoint_puts_its_route_into_its_tables() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let (first, second) = (table(&ec2, &vpc).await, table(&ec2, &vpc).await);
    let service = ("ServiceName", "com.amazonaws.eu-west-1.s3");
    let bad = [("VpcId", vpc.as_str()), ("ServiceName", "com.amazonaws.eu-west-1.lambda")];
    ec2.fails("CreateVpcEndpoint", &bad, "InvalidServiceName").await;
    let create = [("VpcId", vpc.as_str()), service, ("RouteTableId.1", first.as_str())];
    let endpoint = ec2.id("CreateVpcEndpoint", &create, "vpcEndpointId").await;
    let targets = async |table: &str| {
        let shown = ec2.ok("DescribeRouteTables", &[("RouteTableId.1", table)]).await;
        elements(&shown, "gatewayId").contains(&endpoint)
    };
    assert!(targets(&first).await && !targets(&second).await);
    let modify = [
        ("VpcEndpointId", endpoint.as_str()),
        ("AddRouteTableId.1", &second),
        ("RemoveRouteTableId.1", &first),
    ];
    ec2.ok("ModifyVpcEndpoint", &modify).await;
    assert!(!targets(&first).await && targets(&second).await);
    ec2.fails("DeleteVpc", &[("VpcId", &vpc)], "DependencyViolation").await;
    let delete = [("VpcEndpointId.1", endpoint.as_str()), ("VpcEndpointId.2", "vpce-0123456789abcdef0")];
    let reply = ec2.ok("DeleteVpcEndpoints", &delete).await;
    assert_eq!(elements(&reply, "resourceId"), ["vpce-0123456789abcdef0"]);
    assert!(!targets(&second).await);
}

#[tokio::test]
async fn an_egress_only_gateway_routes_ipv6_out() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let gateway =
        ec2.id("CreateEgressOnlyInternetGateway", &[("VpcId", &vpc)], "egressOnlyInternetGatewayId").await;
    let table = table(&ec2, &vpc).await;
    let route = [
        ("RouteTableId", table.as_str()),
        ("DestinationIpv6CidrBlock", "::/0"),
        ("EgressOnlyInternetGatewayId", gateway.as_str()),
    ];
    ec2.ok("CreateRoute", &route).await;
    let nat64 = [route[0], ("DestinationIpv6CidrBlock", "64:ff9b::/96"), route[2]];
    ec2.ok("CreateRoute", &nat64).await;
    let shown = ec2.ok("DescribeRouteTables", &[("RouteTableId.1", &table)]).await;
    assert_eq!(elements(&shown, "destinationIpv6CidrBlock"), ["::/0", "64:ff9b::/96"]);
    ec2.fails("DeleteVpc", &[("VpcId", &vpc)], "DependencyViolation").await;
    ec2.ok("DeleteEgressOnlyInternetGateway", &route[2..]).await;
    ec2.fails("DeleteEgressOnlyInternetGateway", &route[2..], "InvalidGatewayID.NotFound").await;
}
