//! What RunInstances takes and refuses.

use super::*;
use crate::{Fault, aws::testing::elements};

type Parameters<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn wrong_parameters_of_a_launch() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let foreign = ec2.group(&ec2.vpc().await, "foreign").await;
    let cases: &[(Parameters<'_>, &str)] = &[
        (&[("ImageId", "ami-00000000000000000")], "InvalidAMIID.NotFound"),
        (&[("ImageId", "image")], "InvalidAMIID.Malformed"),
        (&[("InstanceType", "z9.huge")], "InvalidParameterValue"),
        (&[("InstanceType", "m6g.large")], "InvalidParameterValue"),
        (&[("SubnetId", "subnet-00000000000000000")], "InvalidSubnetID.NotFound"),
        (&[("SecurityGroupId.1", "sg-00000000000000000")], "InvalidGroup.NotFound"),
        (&[("SecurityGroupId.1", &foreign)], "InvalidParameter"),
        (&[("KeyName", "nobody")], "InvalidKeyPair.NotFound"),
        (&[("UserData", "not base64!")], "InvalidParameterValue"),
        (&[("MinCount", "2")], "InvalidParameterValue"),
        (&[("MaxCount", "many")], "InvalidParameterValue"),
        (&[("Placement.AvailabilityZone", "eu-west-1a")], "InvalidParameterValue"),
        (&[("Placement.Tenancy", "shared")], "InvalidParameterValue"),
        (&[("CpuOptions.CoreCount", "9"), ("CpuOptions.ThreadsPerCore", "1")], "InvalidParameterValue"),
        (&[("CpuOptions.CoreCount", "1")], "InvalidParameterCombination"),
        (&[("CpuOptions.AmdSevSnp", "enabled")], "InvalidParameterCombination"),
        (&[("MetadataOptions.HttpTokens", "maybe")], "InvalidParameterValue"),
        (&[("MetadataOptions.HttpPutResponseHopLimit", "65")], "InvalidParameterValue"),
        (&[("InstanceMarketOptions.MarketType", "auction")], "InvalidParameterValue"),
        (&[("InstanceMarketOptions.SpotOptions.MaxPrice", "0.001")], "SpotMaxPriceTooLow"),
        (&[("IamInstanceProfile.Arn", "arn:aws:iam::1:role/x")], "InvalidParameterValue"),
        (
            &[
                ("IamInstanceProfile.Arn", "arn:aws:iam::1:instance-profile/x"),
                ("IamInstanceProfile.Name", "x"),
            ],
            "InvalidParameterCombination",
        ),
        (
            &[("CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId", "mine")],
            "InvalidCapacityReservationId.Malformed",
        ),
        (&[("TagSpecification.1.ResourceType", "vpc")], "InvalidParameterValue"),
    ];
    for (more, expected) in cases {
        assert_eq!(code(&ec2.run(&subnet, more).await), *expected, "{more:?}");
    }
    assert!(!left(&ec2.sandbox).contains(&"instance"));
}

#[tokio::test]
async fn wrong_devices_of_a_launch() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let name = ("BlockDeviceMapping.1.DeviceName", "/dev/sdf");
    let root = ("BlockDeviceMapping.1.DeviceName", "/dev/xvda");
    let ebs = |member| format!("BlockDeviceMapping.1.Ebs.{member}");
    let (kind, size, iops) = (ebs("VolumeType"), ebs("VolumeSize"), ebs("Iops"));
    let (throughput, key) = (ebs("Throughput"), ebs("KmsKeyId"));
    let cases: &[(Parameters<'_>, &str)] = &[
        (&[name, (&kind, "floppy"), (&size, "1")], "InvalidParameterValue"),
        (&[name, (&kind, "gp3")], "MissingParameter"),
        (&[name, (&kind, "io2"), (&size, "10")], "MissingParameter"),
        (&[name, (&kind, "gp2"), (&size, "10"), (&iops, "3000")], "InvalidParameterCombination"),
        (&[name, (&kind, "gp2"), (&size, "10"), (&throughput, "125")], "InvalidParameterCombination"),
        (&[name, (&size, "10"), (&key, "alias/k")], "InvalidParameterDependency"),
        (&[root, (&size, "1")], "InvalidBlockDeviceMapping"),
        (&[name, (&size, "1"), ("BlockDeviceMapping.2.DeviceName", "/dev/sdf")], "InvalidBlockDeviceMapping"),
    ];
    for (more, expected) in cases {
        assert_eq!(code(&ec2.run(&subnet, more).await), *expected, "{more:?}");
    }
}

#[tokio::test]
async fn wrong_interfaces_of_a_launch() {
    let ec2 = ec2();
    let Network { vpc, subnet, .. } = ec2.network().await;
    let elsewhere =
        [("VpcId", vpc.as_str()), ("CidrBlock", "10.0.16.0/20"), ("AvailabilityZone", "eu-west-1c")];
    let elsewhere = ec2.id("CreateSubnet", &elsewhere, "subnetId").await;
    let index = |at: usize| format!("NetworkInterface.{at}.DeviceIndex");
    let on = |at: usize| format!("NetworkInterface.{at}.SubnetId");
    let (i1, i2, i3, i4) = (index(1), index(2), index(3), index(4));
    let (s1, s2, s3, s4) = (on(1), on(2), on(3), on(4));
    let first = [(i1.as_str(), "0"), (s1.as_str(), subnet.as_str())];
    let second = [(i2.as_str(), "1"), (s2.as_str(), subnet.as_str())];
    let cases: &[(&[Parameters<'_>], &str)] = &[
        (&[&first, &[("SubnetId", &subnet)]], "InvalidParameterCombination"),
        (&[&first, &[("SecurityGroupId.1", "sg-1")]], "InvalidParameterCombination"),
        (&[&first, &[(&i2, "0"), (&s2, &subnet)]], "InvalidParameterValue"),
        (&[&second], "InvalidParameterValue"),
        (&[&first, &[(&s2, &subnet)]], "MissingParameter"),
        (&[&first, &[(&i2, "1"), (&s2, &elsewhere)]], "InvalidParameterCombination"),
        (
            &[&first, &second, &[("NetworkInterface.2.AssociatePublicIpAddress", "true")]],
            "InvalidParameterCombination",
        ),
        (&[&first, &[("NetworkInterface.1.InterfaceType", "efa")]], "InvalidParameterCombination"),
        (&[&first, &[("NetworkInterface.1.NetworkCardIndex", "1")]], "InvalidParameterValue"),
        (
            &[&first, &second, &[(&i3, "2"), (&s3, &subnet)], &[(&i4, "3"), (&s4, &subnet)]],
            "AttachmentLimitExceeded",
        ),
    ];
    for (more, expected) in cases {
        let more = more.concat();
        assert_eq!(code(&ec2.run(&subnet, &more).await), *expected, "{more:?}");
    }
    assert!(!left(&ec2.sandbox).contains(&"network-interface"), "refused launches leave nothing behind");
}

#[tokio::test]
async fn a_machine_shows_what_it_was_asked_to_be() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let shown = ec2
        .run(
            &subnet,
            &[
                ("InstanceType", "p4d.24xlarge"),
                ("EbsOptimized", "true"),
                ("Monitoring.Enabled", "true"),
                ("InstanceMarketOptions.MarketType", "spot"),
                ("CpuOptions.CoreCount", "24"),
                ("CpuOptions.ThreadsPerCore", "1"),
                ("MetadataOptions.HttpPutResponseHopLimit", "7"),
                ("Placement.Tenancy", "dedicated"),
                ("CapacityReservationSpecification.CapacityReservationPreference", "none"),
                ("IamInstanceProfile.Name", "nodes"),
                ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
                ("BlockDeviceMapping.1.Ebs.VolumeSize", "50"),
                ("BlockDeviceMapping.1.Ebs.VolumeType", "io2"),
                ("BlockDeviceMapping.1.Ebs.Iops", "4000"),
                ("NetworkInterface.1.DeviceIndex", "0"),
                ("NetworkInterface.1.SubnetId", &subnet),
                ("NetworkInterface.1.InterfaceType", "efa"),
                ("NetworkInterface.2.DeviceIndex", "1"),
                ("NetworkInterface.2.NetworkCardIndex", "1"),
                ("NetworkInterface.2.SubnetId", &subnet),
                ("NetworkInterface.2.InterfaceType", "efa-only"),
            ],
        )
        .await;
    for (name, value) in [
        ("instanceType", "p4d.24xlarge"),
        ("ebsOptimized", "true"),
        ("instanceLifecycle", "spot"),
        ("coreCount", "24"),
        ("httpPutResponseHopLimit", "7"),
        ("tenancy", "dedicated"),
        ("capacityReservationPreference", "none"),
        ("arn", "arn:aws:iam::123456789012:instance-profile/nodes"),
        ("availabilityZone", "eu-west-1b"),
    ] {
        assert_eq!(element(&shown, name), value, "{name}");
    }
    assert_eq!(elements(&shown, "interfaceType"), ["efa", "efa-only"]);
    let volume = element(&shown, "volumeId");
    let volume = ec2.ok("DescribeVolumes", &[("VolumeId.1", &volume)]).await;
    assert_eq!((element(&volume, "volumeType").as_str(), element(&volume, "iops").as_str()), ("io2", "4000"));
}

#[tokio::test]
async fn capacity_quota_and_addresses_run_out_each_with_its_code() {
    let ec2 = faulty(Fault::no_capacity("m5.*", "eu-west-1b").times(1));
    let Network { vpc, subnet, .. } = ec2.network().await;
    let reply = ec2.call("RunInstances", &launch(&subnet)).await;
    assert_eq!(reply.status(), 500, "a server error, as the EC2 API reference lists it");
    assert_eq!(code(&String::from_utf8_lossy(reply.body())), "InsufficientInstanceCapacity");
    ec2.machine(&subnet).await;
    let tiny = ec2.subnet(&vpc, "10.0.255.0/28").await;
    for _ in 0..11 {
        ec2.machine(&tiny).await;
    }
    assert_eq!(code(&ec2.run(&tiny, &[]).await), "InsufficientFreeAddressesInSubnet");
    let mut options = SandboxOptions::instant();
    options.aws.quotas.vcpus = 3;
    let ec2 = with(options);
    let Network { subnet, .. } = ec2.network().await;
    ec2.machine(&subnet).await;
    assert_eq!(code(&ec2.run(&subnet, &[]).await), "VcpuLimitExceeded");
}

fn launch(subnet: &str) -> [(&str, &str); 5] {
    [
        ("ImageId", AMI),
        ("InstanceType", "m5.large"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("SubnetId", subnet),
    ]
}

#[tokio::test]
async fn instance_profiles_can_be_checked() {
    let mut options = SandboxOptions::instant();
    options.aws.check_instance_profiles = true;
    let ec2 = with(options);
    let Network { subnet, .. } = ec2.network().await;
    let profile = [("IamInstanceProfile.Name", "nodes")];
    assert_eq!(code(&ec2.run(&subnet, &profile).await), "InvalidParameterValue");
    let iam = ec2.to("iam", "2010-05-08");
    iam.ok("CreateInstanceProfile", &[("InstanceProfileName", "nodes")]).await;
    element(&ec2.run(&subnet, &profile).await, "instanceId");
}
