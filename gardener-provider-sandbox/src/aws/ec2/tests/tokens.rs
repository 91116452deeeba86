//! Idempotency tokens.

use super::*;
use crate::aws::testing::elements;

#[tokio::test]
async fn the_same_token_runs_one_machine() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let token = ("ClientToken", "8c7e2a55-0001");
    let first = element(&ec2.run(&subnet, &[token]).await, "instanceId");
    let second = ec2.run(&subnet, &[token]).await;
    assert_eq!(element(&second, "instanceId"), first);
    assert_eq!(element(&element(&second, "instanceState"), "name"), "running", "the state of now");
    let other = ec2.run(&subnet, &[token, ("InstanceType", "m5.xlarge")]).await;
    assert_eq!(code(&other), "IdempotentParameterMismatch");
    assert_eq!(elements(&ec2.ok("DescribeInstances", &[]).await, "instanceId").len(), 1);
    let filter = [("Filter.1.Name", "client-token"), ("Filter.1.Value.1", token.1)];
    assert_eq!(elements(&ec2.ok("DescribeInstances", &filter).await, "instanceId"), [first]);
}

#[tokio::test]
async fn every_create_with_a_token_is_idempotent() {
    let ec2 = ec2();
    let Network { vpc, subnet, .. } = ec2.network().await;
    let address = ec2.id("AllocateAddress", &[], "allocationId").await;
    let token = ("ClientToken", "t");
    let nat = [("SubnetId", subnet.as_str()), ("AllocationId", address.as_str()), token];
    let endpoint = [("VpcId", vpc.as_str()), ("ServiceName", "com.amazonaws.eu-west-1.s3"), token];
    for (action, parameters, id) in [
        ("CreateNatGateway", &nat[..], "natGatewayId"),
        ("CreateVpcEndpoint", &endpoint[..], "vpcEndpointId"),
        ("CreateRouteTable", &[("VpcId", vpc.as_str()), token], "routeTableId"),
        ("CreateEgressOnlyInternetGateway", &[("VpcId", vpc.as_str()), token], "egressOnlyInternetGatewayId"),
        ("CreateNetworkInterface", &[("SubnetId", subnet.as_str()), token], "networkInterfaceId"),
    ] {
        let first = ec2.id(action, parameters, id).await;
        assert_eq!(ec2.id(action, parameters, id).await, first, "{action}");
        let tag = [("TagSpecification.1.ResourceType", "x"), ("TagSpecification.1.Tag.1.Key", "k")];
        ec2.fails(action, &[parameters, &tag].concat(), "IdempotentParameterMismatch").await;
    }
}

#[tokio::test]
async fn a_token_ends_with_what_it_created() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let create = [("VpcId", vpc.as_str()), ("ClientToken", "t")];
    let first = ec2.id("CreateRouteTable", &create, "routeTableId").await;
    ec2.ok("DeleteRouteTable", &[("RouteTableId", &first)]).await;
    assert_ne!(ec2.id("CreateRouteTable", &create, "routeTableId").await, first);
}
