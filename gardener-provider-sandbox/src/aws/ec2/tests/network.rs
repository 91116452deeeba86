//! VPCs, subnets, gateways and what depends on what.

use super::*;
use crate::aws::testing::elements;

#[tokio::test]
async fn a_vpc_needs_a_block_of_a_size_that_ec2_takes() {
    let ec2 = ec2();
    ec2.fails("CreateVpc", &[], "MissingParameter").await;
    ec2.fails("CreateVpc", &[("CidrBlock", "10.0.0.0/8")], "InvalidVpc.Range").await;
    ec2.fails("CreateVpc", &[("CidrBlock", "10.0.0.0/29")], "InvalidVpc.Range").await;
    ec2.fails("CreateVpc", &[("CidrBlock", "ten")], "InvalidParameterValue").await;
    let reply = ec2.ok("CreateVpc", &[("CidrBlock", "10.0.1.2/16"), ("InstanceTenancy", "dedicated")]).await;
    assert_eq!(element(&reply, "cidrBlock"), "10.0.0.0/16", "host bits are dropped");
    assert_eq!(element(&reply, "instanceTenancy"), "dedicated");
}

#[tokio::test]
async fn a_vpc_comes_with_a_main_route_table_a_default_group_and_an_acl() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let filter = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc.as_str())];
    let tables = ec2.ok("DescribeRouteTables", &filter).await;
    assert_eq!(elements(&tables, "main"), ["true"]);
    let groups = ec2.ok("DescribeSecurityGroups", &filter).await;
    assert_eq!(elements(&groups, "groupName"), ["default"]);
    let group = element(&groups, "groupId");
    ec2.fails("DeleteSecurityGroup", &[("GroupId", &group)], "CannotDelete").await;
    assert_eq!(elements(&ec2.ok("DescribeNetworkAcls", &filter).await, "default"), ["true"]);
    ec2.ok("DeleteVpc", &[("VpcId", &vpc)]).await;
    assert_eq!(element(&ec2.ok("DescribeSecurityGroups", &filter).await, "securityGroupInfo"), "");
}

#[tokio::test]
async fn attributes_change_one_at_a_time() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let both =
        [("VpcId", vpc.as_str()), ("EnableDnsSupport.Value", "true"), ("EnableDnsHostnames.Value", "true")];
    ec2.fails("ModifyVpcAttribute", &both, "InvalidParameterCombination").await;
    let wanted = [("VpcId", vpc.as_str()), ("Attribute", "enableDnsHostnames")];
    assert_eq!(ec2.id("DescribeVpcAttribute", &wanted, "value").await, "false");
    ec2.ok("ModifyVpcAttribute", &[both[0], both[2]]).await;
    assert_eq!(ec2.id("DescribeVpcAttribute", &wanted, "value").await, "true");
    ec2.fails("DescribeVpcAttribute", &[("VpcId", &vpc), ("Attribute", "mtu")], "InvalidParameterValue")
        .await;
}

#[tokio::test]
async fn subnets_lie_in_their_vpc_and_do_not_overlap() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    ec2.subnet(&vpc, "10.0.0.0/20").await;
    let create = |block| [("VpcId", vpc.as_str()), ("CidrBlock", block)];
    ec2.fails("CreateSubnet", &create("10.0.8.0/24"), "InvalidSubnet.Conflict").await;
    ec2.fails("CreateSubnet", &create("10.1.0.0/24"), "InvalidSubnet.Range").await;
    ec2.fails("CreateSubnet", &create("10.0.32.0/29"), "InvalidSubnet.Range").await;
    let zone = [create("10.0.32.0/24")[0], create("10.0.32.0/24")[1], ("AvailabilityZone", "us-east-1a")];
    ec2.fails("CreateSubnet", &zone, "InvalidParameterValue").await;
    let missing = [("VpcId", "vpc-00000000000000000"), ("CidrBlock", "10.0.32.0/24")];
    ec2.fails("CreateSubnet", &missing, "InvalidVpcID.NotFound").await;
}

#[tokio::test]
async fn ipv6_blocks_of_subnets_come_from_the_vpc() {
    let ec2 = ec2();
    let parameters = [("CidrBlock", "10.0.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true")];
    let vpc = ec2.id("CreateVpc", &parameters, "vpcId").await;
    let shown = ec2.ok("DescribeVpcs", &[("VpcId.1", &vpc)]).await;
    let block = element(&shown, "ipv6CidrBlock");
    assert!(block.ends_with("/56"), "{block}");
    let inner = block.replace("/56", "/64");
    let create = [("VpcId", vpc.as_str()), ("CidrBlock", "10.0.0.0/20"), ("Ipv6CidrBlock", inner.as_str())];
    let subnet = ec2.id("CreateSubnet", &create, "subnetId").await;
    let clash = [create[0], ("CidrBlock", "10.0.16.0/20"), create[2]];
    ec2.fails("CreateSubnet", &clash, "InvalidSubnet.Conflict").await;
    let foreign = [create[0], clash[1], ("Ipv6CidrBlock", "2001:db8::/64")];
    ec2.fails("CreateSubnet", &foreign, "InvalidSubnet.Range").await;
    let association = element(&shown, "associationId");
    ec2.fails("DisassociateVpcCidrBlock", &[("AssociationId", &association)], "OperationNotPermitted").await;
    let reservation = block.replace("/56", "/108");
    let reserve =
        [("SubnetId", subnet.as_str()), ("Cidr", reservation.as_str()), ("ReservationType", "explicit")];
    let id = ec2.id("CreateSubnetCidrReservation", &reserve, "subnetCidrReservationId").await;
    ec2.fails("CreateSubnetCidrReservation", &reserve, "InvalidCidrReservation.Conflict").await;
    let listed = ec2.ok("GetSubnetCidrReservations", &[("SubnetId", &subnet)]).await;
    assert_eq!(elements(&listed, "cidr"), [reservation]);
    ec2.ok("DeleteSubnetCidrReservation", &[("SubnetCidrReservationId", &id)]).await;
    let again = [("SubnetCidrReservationId", id.as_str())];
    ec2.fails("DeleteSubnetCidrReservation", &again, "InvalidSubnetCidrReservationID.NotFound").await;
}

#[tokio::test]
async fn what_is_in_use_cannot_be_deleted() {
    let ec2 = ec2();
    let Network { vpc, gateway, subnet } = ec2.network().await;
    let (nat, _) = ec2.nat(&subnet).await;
    for (action, name, id) in [
        ("DeleteVpc", "VpcId", &vpc),
        ("DeleteSubnet", "SubnetId", &subnet),
        ("DeleteInternetGateway", "InternetGatewayId", &gateway),
    ] {
        ec2.fails(action, &[(name, id)], "DependencyViolation").await;
    }
    let detach = [("InternetGatewayId", gateway.as_str()), ("VpcId", vpc.as_str())];
    ec2.fails("DetachInternetGateway", &detach, "DependencyViolation").await;
    ec2.ok("DeleteNatGateway", &[("NatGatewayId", &nat)]).await;
    ec2.ok("DetachInternetGateway", &detach).await;
    ec2.fails("DetachInternetGateway", &detach, "Gateway.NotAttached").await;
    ec2.ok("DeleteInternetGateway", &detach[..1]).await;
    ec2.ok("DeleteSubnet", &[("SubnetId", &subnet)]).await;
    ec2.ok("DeleteVpc", &[("VpcId", &vpc)]).await;
    ec2.fails("DeleteVpc", &[("VpcId", &vpc)], "InvalidVpcID.NotFound").await;
}

#[tokio::test]
async fn one_internet_gateway_per_vpc_and_one_vpc_per_gateway() {
    let ec2 = ec2();
    let Network { vpc, gateway, .. } = ec2.network().await;
    let other_vpc = ec2.vpc().await;
    let attach = [("InternetGatewayId", gateway.as_str()), ("VpcId", other_vpc.as_str())];
    ec2.fails("AttachInternetGateway", &attach, "Resource.AlreadyAssociated").await;
    let second = ec2.id("CreateInternetGateway", &[], "internetGatewayId").await;
    let attach = [("InternetGatewayId", second.as_str()), ("VpcId", vpc.as_str())];
    ec2.fails("AttachInternetGateway", &attach, "InvalidParameterValue").await;
    let filter = [("Filter.1.Name", "attachment.vpc-id"), ("Filter.1.Value.1", vpc.as_str())];
    let found = ec2.ok("DescribeInternetGateways", &filter).await;
    assert_eq!(elements(&found, "internetGatewayId"), [gateway]);
}

#[tokio::test]
async fn dhcp_options_are_kept_while_a_vpc_has_them() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let options = [("DhcpConfiguration.1.Key", "domain-name"), ("DhcpConfiguration.1.Value.1", "a.internal")];
    let set = ec2.id("CreateDhcpOptions", &options, "dhcpOptionsId").await;
    ec2.ok("AssociateDhcpOptions", &[("DhcpOptionsId", &set), ("VpcId", &vpc)]).await;
    ec2.fails("DeleteDhcpOptions", &[("DhcpOptionsId", &set)], "DependencyViolation").await;
    assert_eq!(ec2.id("DescribeVpcs", &[("VpcId.1", &vpc)], "dhcpOptionsId").await, set);
    ec2.ok("AssociateDhcpOptions", &[("DhcpOptionsId", "default"), ("VpcId", &vpc)]).await;
    ec2.ok("DeleteDhcpOptions", &[("DhcpOptionsId", &set)]).await;
    ec2.fails("DescribeDhcpOptions", &[("DhcpOptionsId.1", &set)], "InvalidDhcpOptionID.NotFound").await;
    let wrong = [("DhcpConfiguration.1.Key", "colour"), ("DhcpConfiguration.1.Value.1", "red")];
    ec2.fails("CreateDhcpOptions", &wrong, "InvalidParameterValue").await;
}

#[tokio::test]
async fn quotas_have_codes_of_their_own() {
    let mut options = SandboxOptions::instant();
    options.aws.quotas.vpcs = 2;
    options.aws.quotas.addresses = 1;
    options.aws.quotas.nat_gateways_per_zone = 0;
    let ec2 = with(options);
    // The default VPC counts.
    let vpc = ec2.vpc().await;
    ec2.fails("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "VpcLimitExceeded").await;
    let address = ec2.id("AllocateAddress", &[], "allocationId").await;
    ec2.fails("AllocateAddress", &[], "AddressLimitExceeded").await;
    let subnet = ec2.subnet(&vpc, "10.0.0.0/20").await;
    let nat = [("SubnetId", subnet.as_str()), ("AllocationId", address.as_str())];
    ec2.fails("CreateNatGateway", &nat, "NatGatewayLimitExceeded").await;
}

#[tokio::test]
async fn malformed_ids_are_told_from_missing_ones() {
    let ec2 = ec2();
    ec2.fails("DeleteSubnet", &[("SubnetId", "sub")], "InvalidSubnetID.Malformed").await;
    ec2.fails("DeleteSubnet", &[("SubnetId", "subnet-0123456789abcdef0")], "InvalidSubnetID.NotFound").await;
    ec2.fails("DeleteNatGateway", &[("NatGatewayId", "nat-0123456789abcdef0")], "NatGatewayNotFound").await;
    ec2.fails("DescribeNatGateways", &[("NatGatewayId.1", "nat-0123456789abcdef0")], "NatGatewayNotFound")
        .await;
    ec2.fails(
        "ReleaseAddress",
        &[("AllocationId", "eipalloc-0123456789abcdef0")],
        "InvalidAllocationID.NotFound",
    )
    .await;
    ec2.fails("CreateVpn", &[], "InvalidAction").await;
}
