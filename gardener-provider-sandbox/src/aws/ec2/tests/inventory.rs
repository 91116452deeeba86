//! The inventory, by which tests assert that nothing is left.

use super::*;

#[tokio::test]
async fn it_shows_what_was_created_and_nothing_else() {
    let ec2 = ec2();
    let Network { vpc, gateway, subnet } = ec2.network().await;
    let (nat, address) = ec2.nat(&subnet).await;
    let machine = ec2.machine(&subnet).await;
    let name = [("ResourceId.1", machine.as_str()), ("Tag.1.Key", "Name"), ("Tag.1.Value", "m")];
    ec2.ok("CreateTags", &name).await;
    let kinds = left(&ec2.sandbox);
    // Two interfaces: the machine's and the NAT gateway's.
    let expected = [
        "elastic-ip",
        "instance",
        "internet-gateway",
        "natgateway",
        "network-interface",
        "network-interface",
        "subnet",
        "volume",
        "vpc",
    ];
    assert_eq!(kinds, expected);
    let resources = ec2.sandbox.aws().inventory(Some("eu-west-1"));
    let found = resources.iter().find(|resource| resource.id == machine).unwrap();
    assert_eq!((found.name.as_str(), found.region.as_str()), ("m", "eu-west-1"));
    assert!(ec2.sandbox.aws().inventory(Some("us-east-1")).is_empty());
    ec2.ok("TerminateInstances", &[("InstanceId.1", &machine)]).await;
    ec2.ok("DeleteNatGateway", &[("NatGatewayId", &nat)]).await;
    ec2.ok("DescribeVpcs", &[]).await;
    ec2.ok("ReleaseAddress", &[("AllocationId", &address)]).await;
    ec2.ok("DetachInternetGateway", &[("InternetGatewayId", &gateway), ("VpcId", &vpc)]).await;
    ec2.ok("DeleteInternetGateway", &[("InternetGatewayId", &gateway)]).await;
    ec2.ok("DeleteSubnet", &[("SubnetId", &subnet)]).await;
    ec2.ok("DeleteVpc", &[("VpcId", &vpc)]).await;
    assert!(left(&ec2.sandbox).is_empty(), "{:?}", left(&ec2.sandbox));
}
