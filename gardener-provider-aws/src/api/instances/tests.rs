use super::*;

fn reply(body: &str) -> Response<Bytes> {
    Response::new(Bytes::from(body.to_owned()))
}

fn form(spec: &ProviderSpec) -> std::collections::BTreeMap<String, String> {
    let tags = Tags::from([("Name".to_owned(), "m".to_owned())]);
    let run = RunInstances {
        spec,
        root_device: Some("/dev/xvda"),
        tags: &tags,
        user_data: "AA==",
        client_token: "uid",
    };
    run_instances(&run).request.form().into_iter().collect()
}

#[test]
fn every_field_of_the_spec_reaches_the_request() {
    let form = form(&crate::provider_spec::samples()[0]);
    let wanted = [
        ("ImageId", "ami-1"),
        ("InstanceType", "m5.large"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("ClientToken", "uid"),
        ("UserData", "AA=="),
        ("KeyName", "key"),
        ("EbsOptimized", "true"),
        ("Monitoring.Enabled", "true"),
        ("IamInstanceProfile.Arn", "arn:aws:iam::1:instance-profile/p"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "false"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.KmsKeyId", "key-1"),
        ("BlockDeviceMapping.1.Ebs.Iops", "3000"),
        ("BlockDeviceMapping.1.Ebs.Throughput", "125"),
        ("BlockDeviceMapping.1.Ebs.SnapshotId", "snap-1"),
        ("BlockDeviceMapping.2.DeviceName", "/dev/sdb"),
        ("BlockDeviceMapping.2.NoDevice", ""),
        ("BlockDeviceMapping.3.VirtualName", "ephemeral0"),
        ("NetworkInterface.1.DeviceIndex", "1"),
        ("NetworkInterface.1.NetworkCardIndex", "1"),
        ("NetworkInterface.1.InterfaceType", "efa"),
        ("NetworkInterface.1.SecurityGroupId.1", "sg-1"),
        ("NetworkInterface.1.AssociatePublicIpAddress", "true"),
        ("NetworkInterface.1.Ipv6AddressCount", "1"),
        ("NetworkInterface.1.PrimaryIpv6", "true"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.2.ResourceType", "volume"),
        ("TagSpecification.3.ResourceType", "network-interface"),
        ("TagSpecification.3.Tag.1.Value", "m"),
        ("InstanceMarketOptions.MarketType", "spot"),
        ("InstanceMarketOptions.SpotOptions.MaxPrice", "0.5"),
        ("CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId", "cr-1"),
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "2"),
        ("CpuOptions.AmdSevSnp", "enabled"),
        ("Placement.GroupId", "pg-1"),
        ("Placement.PartitionNumber", "1"),
    ];
    for (key, value) in wanted {
        assert_eq!(form.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(!form.contains_key("NetworkInterface.1.Ipv6PrefixCount"), "prefixes are assigned after creation");
}

#[test]
fn what_the_spec_leaves_out_is_left_to_ec2() {
    let mut spec = crate::provider_spec::samples().remove(1);
    assert_eq!(form(&spec)["InstanceMarketOptions.MarketType"], "capacity-block");
    spec.instance_market_options = None;
    spec.spot_price = Some(String::new());
    let any_price = form(&spec);
    assert_eq!(any_price["InstanceMarketOptions.MarketType"], "spot");
    assert!(!any_price.contains_key("InstanceMarketOptions.SpotOptions.MaxPrice"));
    spec.spot_price = None;
    spec.ebs_optimized = false;
    spec.block_devices.truncate(1);
    spec.block_devices[0].device_name = "whatever".to_owned();
    spec.block_devices[0].ebs = crate::provider_spec::Ebs::default();
    spec.network_interfaces[0].device_index = None;
    let form = form(&spec);
    assert!(form.keys().all(|key| !key.starts_with("InstanceMarketOptions") && key != "EbsOptimized"));
    assert_eq!(form["BlockDeviceMapping.1.DeviceName"], "/dev/xvda", "a sole disk is the image's");
    assert_eq!(form["BlockDeviceMapping.1.Ebs.DeleteOnTermination"], "true");
    assert!(!form.contains_key("BlockDeviceMapping.1.Ebs.Encrypted"));
    assert_eq!(form["NetworkInterface.1.DeviceIndex"], "0");
}

#[test]
fn instances_are_read() {
    let body = "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
        <reservationSet><item><reservationId>r-1</reservationId><groupSet/><instancesSet><item>\
        <instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState>\
        <privateDnsName>ip-10-0-0-1.eu-west-1.compute.internal</privateDnsName><dnsName/><reason/>\
        <clientToken>uid</clientToken><privateIpAddress>10.0.0.1</privateIpAddress>\
        <networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><sourceDestCheck>true</sourceDestCheck>\
        <attachment><deviceIndex>0</deviceIndex><networkCardIndex>0</networkCardIndex></attachment>\
        <ipv6AddressesSet/><ipv6PrefixSet><item><ipv6Prefix>2a05::/80</ipv6Prefix></item></ipv6PrefixSet>\
        <interfaceType>interface</interfaceType></item></networkInterfaceSet>\
        <tagSet><item><key>Name</key><value>m</value></item></tagSet></item></instancesSet></item>\
        <item><instancesSet><item><instanceId>i-2</instanceId><instanceState><name>terminated</name></instanceState>\
        <stateReason><code>Server.InsufficientInstanceCapacity</code><message>m</message></stateReason></item>\
        </instancesSet></item></reservationSet><nextToken>t</nextToken></DescribeInstancesResponse>";
    let page = (describe_instances(&[], None).parse)(&reply(body)).unwrap();
    assert_eq!(page.next.as_deref(), Some("t"));
    let [one, two] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((one.instance_id.as_str(), one.dns_name.as_deref()), ("i-1", None));
    assert_eq!(one.network_interfaces[0].ipv6_prefixes[0].ipv6_prefix, "2a05::/80");
    assert_eq!(one.tags["Name"], "m");
    assert!(!one.is_dead() && two.is_dead() && two.is_terminated());
    assert_eq!(two.state_reason.code, "Server.InsufficientInstanceCapacity");
    let none = (describe_instances(&[], None).parse)(&reply("<R><reservationSet/></R>")).unwrap();
    assert!(none.items.is_empty() && none.next.is_none());
}

#[test]
fn a_launch_and_a_termination_are_read() {
    let tags = Tags::new();
    let spec = crate::provider_spec::samples().remove(0);
    let run = RunInstances { spec: &spec, root_device: None, tags: &tags, user_data: "", client_token: "t" };
    let body = "<RunInstancesResponse><reservationId>r</reservationId><instancesSet><item><instanceId>i-1</instanceId>\
        <instanceState><name>pending</name></instanceState></item></instancesSet></RunInstancesResponse>";
    assert_eq!((run_instances(&run).parse)(&reply(body)).unwrap()[0].instance_id, "i-1");
    let body = "<TerminateInstancesResponse><instancesSet><item><instanceId>i-1</instanceId><currentState>\
        <name>shutting-down</name></currentState></item></instancesSet></TerminateInstancesResponse>";
    let changes = (terminate_instances(&["i-1"]).parse)(&reply(body)).unwrap();
    assert_eq!(changes[0].current_state.name, "shutting-down");
}
