//! What happens to machines, their interfaces and volumes.

use super::*;
use crate::aws::testing::elements;

#[tokio::test]
async fn interfaces_and_volumes_go_with_the_machine_unless_asked_to_stay() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let shown = ec2
        .run(
            &subnet,
            &[
                ("BlockDeviceMapping.1.DeviceName", "/dev/sdf"),
                ("BlockDeviceMapping.1.Ebs.VolumeSize", "10"),
                ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "false"),
                ("NetworkInterface.1.DeviceIndex", "0"),
                ("NetworkInterface.1.SubnetId", &subnet),
                ("NetworkInterface.2.DeviceIndex", "1"),
                ("NetworkInterface.2.SubnetId", &subnet),
                ("NetworkInterface.2.DeleteOnTermination", "false"),
            ],
        )
        .await;
    let machine = element(&shown, "instanceId");
    let volumes = elements(&shown, "volumeId");
    let interfaces = elements(&shown, "networkInterfaceId");
    assert_eq!((volumes.len(), interfaces.len()), (2, 2));
    ec2.fails("DeleteVolume", &[("VolumeId", &volumes[1])], "VolumeInUse").await;
    ec2.fails("DeleteNetworkInterface", &[("NetworkInterfaceId", &interfaces[1])], "InvalidParameterValue")
        .await;
    ec2.ok("TerminateInstances", &[("InstanceId.1", &machine)]).await;
    assert_eq!(elements(&ec2.ok("DescribeVolumes", &[]).await, "volumeId"), [volumes[1].as_str()]);
    let rest = ec2.ok("DescribeNetworkInterfaces", &[]).await;
    assert_eq!(elements(&rest, "networkInterfaceId"), [interfaces[1].as_str()]);
    assert_eq!(element(&rest, "status"), "available");
    ec2.fails("DeleteSubnet", &[("SubnetId", &subnet)], "DependencyViolation").await;
    ec2.ok("DeleteVolume", &[("VolumeId", &volumes[1])]).await;
    ec2.ok("DeleteNetworkInterface", &[("NetworkInterfaceId", &interfaces[1])]).await;
    ec2.ok("DeleteSubnet", &[("SubnetId", &subnet)]).await;
}

#[tokio::test]
async fn terminating_is_idempotent_and_all_or_none() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let machine = ec2.machine(&subnet).await;
    let with_missing = [("InstanceId.1", machine.as_str()), ("InstanceId.2", "i-00000000000000000")];
    ec2.fails("TerminateInstances", &with_missing, "InvalidInstanceID.NotFound").await;
    let describe = [("InstanceId.1", machine.as_str())];
    assert_eq!(
        element(&element(&ec2.ok("DescribeInstances", &describe).await, "instanceState"), "name"),
        "running"
    );
    ec2.ok("TerminateInstances", &describe).await;
    let again = ec2.ok("TerminateInstances", &describe).await;
    assert_eq!(element(&element(&again, "previousState"), "name"), "terminated");
    ec2.fails("StartInstances", &describe, "IncorrectInstanceState").await;
}

#[tokio::test]
async fn a_missing_machine_among_many_is_named() {
    let ec2 = ec2();
    let many = [("InstanceId.1", "i-00000000000000001"), ("InstanceId.2", "i-00000000000000002")];
    let body = ec2.call("DescribeInstances", &many).await;
    let message = element(&String::from_utf8_lossy(body.body()), "Message");
    assert_eq!(message, "The instance IDs 'i-00000000000000001, i-00000000000000002' do not exist");
}

#[tokio::test]
async fn protection_keeps_a_machine() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let machine = element(&ec2.run(&subnet, &[("DisableApiTermination", "true")]).await, "instanceId");
    ec2.fails("TerminateInstances", &[("InstanceId.1", &machine)], "OperationNotPermitted").await;
}

#[tokio::test]
async fn source_dest_check_belongs_to_the_interface() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let nics = [
        ("NetworkInterface.1.DeviceIndex", "0"),
        ("NetworkInterface.1.SubnetId", subnet.as_str()),
        ("NetworkInterface.2.DeviceIndex", "1"),
        ("NetworkInterface.2.SubnetId", subnet.as_str()),
    ];
    let shown = ec2.run(&subnet, &nics).await;
    let interfaces = elements(&shown, "networkInterfaceId");
    let modify = [("NetworkInterfaceId", interfaces[1].as_str()), ("SourceDestCheck.Value", "false")];
    ec2.ok("ModifyNetworkInterfaceAttribute", &modify).await;
    let shown = ec2.ok("DescribeInstances", &[]).await;
    // The machine's own flag is that of its first interface.
    assert_eq!(elements(&shown, "sourceDestCheck"), ["true", "true", "false"]);
}

#[tokio::test]
async fn ipv6_prefixes_are_assigned_and_given_back() {
    let ec2 = ec2();
    let parameters = [("CidrBlock", "10.0.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true")];
    let vpc = ec2.id("CreateVpc", &parameters, "vpcId").await;
    let block = ec2.id("DescribeVpcs", &[("VpcId.1", &vpc)], "ipv6CidrBlock").await.replace("/56", "/64");
    let create = [("VpcId", vpc.as_str()), ("CidrBlock", "10.0.0.0/20"), ("Ipv6CidrBlock", block.as_str())];
    let subnet = ec2.id("CreateSubnet", &create, "subnetId").await;
    let interface = element(&ec2.run(&subnet, &[("Ipv6AddressCount", "1")]).await, "networkInterfaceId");
    let assign = [("NetworkInterfaceId", interface.as_str()), ("Ipv6PrefixCount", "2")];
    let prefixes = elements(&ec2.ok("AssignIpv6Addresses", &assign).await, "item");
    assert_eq!(prefixes.len(), 2);
    assert!(
        prefixes.iter().all(|prefix| prefix.ends_with("/80")) && prefixes[0] != prefixes[1],
        "{prefixes:?}"
    );
    ec2.fails("AssignIpv6Addresses", &assign[..1], "MissingParameter").await;
    let unassign = [assign[0], ("Ipv6Prefix.1", prefixes[0].as_str())];
    ec2.ok("UnassignIpv6Addresses", &unassign).await;
    ec2.fails("UnassignIpv6Addresses", &unassign, "InvalidParameterValue").await;
}

#[tokio::test]
async fn stopping_and_starting_keeps_everything() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let machine = ec2.machine(&subnet).await;
    let id = [("InstanceId.1", machine.as_str())];
    let state = async || element(&element(&ec2.ok("DescribeInstances", &id).await, "instanceState"), "name");
    ec2.ok("StopInstances", &id).await;
    assert_eq!(state().await, "stopped");
    ec2.ok("StartInstances", &id).await;
    assert_eq!(state().await, "running");
    assert_eq!(elements(&ec2.ok("DescribeVolumes", &[]).await, "createTime").len(), 1);
}
