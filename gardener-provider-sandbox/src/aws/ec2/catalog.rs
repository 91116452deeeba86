//! What an account finds in EC2 from the start.

use crate::aws::options::{Image, InstanceType};

/// Regions of three partitions, each with three zones or more.
pub(crate) fn default_regions() -> Vec<(String, Vec<String>)> {
    [
        ("eu-west-1", "abc"),
        ("eu-central-1", "abc"),
        ("us-east-1", "abcdef"),
        ("us-west-2", "abcd"),
        ("ap-southeast-1", "abc"),
        ("cn-north-1", "abc"),
        ("us-gov-west-1", "abc"),
    ]
    .into_iter()
    .map(|(region, zones)| (region.to_owned(), zones.chars().map(|zone| format!("{region}{zone}")).collect()))
    .collect()
}

/// A few images of both architectures.
pub(crate) fn default_images() -> Vec<Image> {
    vec![
        Image::new("ami-0a1b2c3d4e5f60001", "gardenlinux-amd64", "x86_64").with_root_device("/dev/xvda", 4),
        Image::new("ami-0a1b2c3d4e5f60002", "gardenlinux-arm64", "arm64").with_root_device("/dev/xvda", 4),
        Image::new("ami-0a1b2c3d4e5f60003", "ubuntu-amd64", "x86_64").with_root_device("/dev/sda1", 8),
        Image::new("ami-0a1b2c3d4e5f60004", "ubuntu-arm64", "arm64").with_root_device("/dev/sda1", 8),
    ]
}

/// A few types of the kinds that differ: burstable, general, Arm, many interfaces, EFA, GPU.
pub(crate) fn default_instance_types() -> Vec<InstanceType> {
    let arm = |name, vcpus, memory| InstanceType {
        architecture: "arm64".to_owned(),
        threads_per_core: 1,
        ..InstanceType::new(name, vcpus, memory)
    };
    let efa = |name, vcpus, memory, network_cards, gpus| InstanceType {
        max_interfaces: 15 * network_cards,
        network_cards,
        efa: true,
        gpus,
        ..InstanceType::new(name, vcpus, memory)
    };
    vec![
        InstanceType { max_interfaces: 3, ..InstanceType::new("t3.medium", 2, 4096) },
        InstanceType { max_interfaces: 3, ..InstanceType::new("t3.large", 2, 8192) },
        InstanceType { max_interfaces: 3, ..InstanceType::new("m5.large", 2, 8192) },
        InstanceType::new("m5.xlarge", 4, 16_384),
        InstanceType::new("m5.2xlarge", 8, 32_768),
        InstanceType { max_interfaces: 3, ..InstanceType::new("c5.large", 2, 4096) },
        InstanceType { max_interfaces: 3, ..InstanceType::new("r5.large", 2, 16_384) },
        InstanceType { max_interfaces: 3, ..InstanceType::new("m6a.large", 2, 8192) },
        arm("m6g.large", 2, 8192),
        arm("m6g.xlarge", 4, 16_384),
        efa("c5n.18xlarge", 72, 196_608, 1, 0),
        efa("p4d.24xlarge", 96, 1_179_648, 4, 8),
    ]
}
