//! Elastic addresses and NAT gateways.

use super::*;
use crate::aws::testing::elements;

#[tokio::test]
async fn an_address_in_use_is_not_released_nor_used_twice() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let (nat, address) = ec2.nat(&subnet).await;
    let create = [("SubnetId", subnet.as_str()), ("AllocationId", address.as_str())];
    ec2.fails("CreateNatGateway", &create, "Resource.AlreadyAssociated").await;
    ec2.fails("ReleaseAddress", &create[1..], "InvalidIPAddress.InUse").await;
    let shown = ec2.ok("DescribeAddresses", &[("AllocationId.1", &address)]).await;
    let association = element(&shown, "associationId");
    ec2.fails("DisassociateAddress", &[("AssociationId", &association)], "AuthFailure").await;
    ec2.ok("DeleteNatGateway", &[("NatGatewayId", &nat)]).await;
    ec2.ok("ReleaseAddress", &create[1..]).await;
    ec2.fails("ReleaseAddress", &create[1..], "InvalidAllocationID.NotFound").await;
    // A gateway that is gone is still shown, as deleted, and cannot be deleted again.
    let shown = ec2.ok("DescribeNatGateways", &[("NatGatewayId.1", &nat)]).await;
    assert_eq!(element(&shown, "state"), "deleted");
    ec2.fails("DeleteNatGateway", &[("NatGatewayId", &nat)], "NatGatewayNotFound").await;
}

#[tokio::test]
async fn a_public_nat_gateway_fails_without_an_internet_gateway() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let subnet = ec2.subnet(&vpc, "10.0.0.0/20").await;
    let (nat, address) = ec2.nat(&subnet).await;
    let shown = ec2.ok("DescribeNatGateways", &[("NatGatewayId.1", &nat)]).await;
    assert_eq!(
        (element(&shown, "state").as_str(), element(&shown, "failureCode").as_str()),
        ("failed", "Gateway.NotAttached")
    );
    ec2.ok("ReleaseAddress", &[("AllocationId", &address)]).await;
    ec2.ok("DeleteSubnet", &[("SubnetId", &subnet)]).await;
}

#[tokio::test]
async fn addresses_move_between_machines() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let machine = ec2.machine(&subnet).await;
    let address = ec2.id("AllocateAddress", &[], "allocationId").await;
    let associate = [("AllocationId", address.as_str()), ("InstanceId", machine.as_str())];
    let association = ec2.id("AssociateAddress", &associate, "associationId").await;
    let filter = [("Filter.1.Name", "instance-id"), ("Filter.1.Value.1", machine.as_str())];
    assert_eq!(elements(&ec2.ok("DescribeAddresses", &filter).await, "allocationId"), [address.as_str()]);
    ec2.ok("DisassociateAddress", &[("AssociationId", &association)]).await;
    assert_eq!(element(&ec2.ok("DescribeAddresses", &filter).await, "addressesSet"), "");
    ec2.ok("ReleaseAddress", &associate[..1]).await;
}
