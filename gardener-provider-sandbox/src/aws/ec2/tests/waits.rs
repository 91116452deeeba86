//! Slow state changes and the eventual-consistency lag, on a clock that costs nothing.

use super::*;
use crate::aws::testing::elements;

#[tokio::test(start_paused = true)]
async fn machines_change_their_state_with_time() {
    let ec2 = with(SandboxOptions::default());
    let Network { subnet, .. } = ec2.network().await;
    let machine = ec2.machine(&subnet).await;
    let id = [("InstanceId.1", machine.as_str())];
    let state = async || element(&element(&ec2.ok("DescribeInstances", &id).await, "instanceState"), "name");
    assert_eq!(state().await, "pending");
    ec2.sleep(15).await;
    assert_eq!(state().await, "running");
    ec2.ok("TerminateInstances", &id).await;
    assert_eq!(state().await, "shutting-down");
    ec2.fails("DeleteSubnet", &[("SubnetId", &subnet)], "DependencyViolation").await;
    ec2.sleep(40).await;
    assert_eq!(state().await, "terminated");
    ec2.ok("DeleteSubnet", &[("SubnetId", &subnet)]).await;
    ec2.sleep(3600).await;
    ec2.fails("DescribeInstances", &id, "InvalidInstanceID.NotFound").await;
}

#[tokio::test(start_paused = true)]
async fn nat_gateways_hold_their_address_until_they_are_gone() {
    let ec2 = with(SandboxOptions::default());
    let Network { vpc, gateway, subnet } = ec2.network().await;
    let (nat, address) = ec2.nat(&subnet).await;
    let id = [("NatGatewayId.1", nat.as_str())];
    let state = async || element(&ec2.ok("DescribeNatGateways", &id).await, "state");
    assert_eq!(state().await, "pending");
    ec2.sleep(90).await;
    assert_eq!(state().await, "available");
    ec2.ok("DeleteNatGateway", &[("NatGatewayId", &nat)]).await;
    assert_eq!(state().await, "deleting");
    ec2.fails("ReleaseAddress", &[("AllocationId", &address)], "InvalidIPAddress.InUse").await;
    let detach = [("InternetGatewayId", gateway.as_str()), ("VpcId", vpc.as_str())];
    ec2.fails("DetachInternetGateway", &detach, "DependencyViolation").await;
    ec2.sleep(60).await;
    assert_eq!(state().await, "deleted");
    ec2.ok("ReleaseAddress", &[("AllocationId", &address)]).await;
    ec2.ok("DetachInternetGateway", &detach).await;
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_block_is_associated_later() {
    let ec2 = with(SandboxOptions::default());
    let vpc = ec2.vpc().await;
    assert_eq!(
        element(&ec2.ok("DescribeVpcs", &[("VpcId.1", &vpc)]).await, "dhcpOptionsId").get(..5),
        Some("dopt-")
    );
    let associate = [("VpcId", vpc.as_str()), ("AmazonProvidedIpv6CidrBlock", "true")];
    let block = ec2.id("AssociateVpcCidrBlock", &associate, "ipv6CidrBlock").await.replace("/56", "/64");
    let create = [("VpcId", vpc.as_str()), ("CidrBlock", "10.0.0.0/20"), ("Ipv6CidrBlock", block.as_str())];
    ec2.fails("CreateSubnet", &create, "InvalidSubnet.Range").await;
    ec2.sleep(5).await;
    ec2.ok("CreateSubnet", &create).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_new_is_hidden_for_the_lag() {
    let ec2 = with(SandboxOptions::instant().with_lag(Duration::from_secs(10)));
    let vpc = ec2.vpc().await;
    let id = [("VpcId.1", vpc.as_str())];
    ec2.fails("DescribeVpcs", &id, "InvalidVpcID.NotFound").await;
    let filter = [("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "false")];
    assert_eq!(element(&ec2.ok("DescribeVpcs", &filter).await, "vpcSet"), "");
    ec2.fails(
        "CreateTags",
        &[("ResourceId.1", &vpc), ("Tag.1.Key", "k"), ("Tag.1.Value", "v")],
        "InvalidVpcID.NotFound",
    )
    .await;
    assert_eq!(left(&ec2.sandbox), ["vpc"], "the inventory sees through the lag");
    ec2.sleep(10).await;
    assert_eq!(elements(&ec2.ok("DescribeVpcs", &id).await, "vpcId"), [vpc]);
}

#[tokio::test(start_paused = true)]
async fn tokens_see_through_the_lag() {
    let ec2 = with(SandboxOptions::instant().with_lag(Duration::from_secs(10)));
    let default = ec2.ok("DescribeSubnets", &[]).await;
    let subnet = elements(&default, "subnetId").swap_remove(0);
    let token = ("ClientToken", "t");
    let first = element(&ec2.run(&subnet, &[token]).await, "instanceId");
    ec2.fails("DescribeInstances", &[("InstanceId.1", &first)], "InvalidInstanceID.NotFound").await;
    assert_eq!(element(&ec2.run(&subnet, &[token]).await, "instanceId"), first);
    ec2.sleep(10).await;
    ec2.ok("DescribeInstances", &[("InstanceId.1", &first)]).await;
}
