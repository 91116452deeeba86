//! Specs that together set every field, so that every parameter of `RunInstances` can be held against the API's
//! description.

use super::{
    BlockDevice, CapacityReservation, CpuOptions, Ebs, InstanceProfile, MarketOptions, MetadataOptions,
    NetworkInterface, Placement, ProviderSpec,
};

/// Two specs that set every field between them; some exclude each other.
pub(crate) fn samples() -> Vec<ProviderSpec> {
    let text = |text: &str| Some(text.to_owned());
    let first = ProviderSpec {
        _api_version: None,
        _kind: None,
        ami: "ami-1".to_owned(),
        block_devices: disks(),
        capacity_reservation: Some(CapacityReservation {
            capacity_reservation_id: text("cr-1"),
            capacity_reservation_resource_group_arn: text("arn:aws:resource-groups:eu-west-1:1:group/g"),
            capacity_reservation_preference: String::new(),
        }),
        ebs_optimized: true,
        iam: InstanceProfile { arn: "arn:aws:iam::1:instance-profile/p".to_owned(), name: String::new() },
        machine_type: "m5.large".to_owned(),
        key_name: text("key"),
        monitoring: true,
        network_interfaces: vec![interface()],
        region: "eu-west-1".to_owned(),
        spot_price: text("0.5"),
        src_and_dst_checks_enabled: Some(false),
        tags: [("kubernetes.io/cluster/c", "1"), ("kubernetes.io/role/node", "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        instance_metadata_options: Some(MetadataOptions {
            http_endpoint: "enabled".to_owned(),
            http_put_response_hop_limit: Some(2),
            http_tokens: "required".to_owned(),
            http_protocol_ipv6: "enabled".to_owned(),
        }),
        cpu_options: Some(CpuOptions {
            core_count: Some(2),
            threads_per_core: Some(1),
            amd_sev_snp: text("enabled"),
        }),
        placement: Some(Placement {
            group_id: text("pg-1"),
            tenancy: text("host"),
            host_id: text("h-1"),
            partition_number: Some(1),
            affinity: text("host"),
        }),
        instance_market_options: None,
    };
    let second = ProviderSpec {
        iam: InstanceProfile { arn: String::new(), name: "p".to_owned() },
        capacity_reservation: Some(CapacityReservation {
            capacity_reservation_preference: "open".to_owned(),
            ..CapacityReservation::default()
        }),
        spot_price: None,
        instance_market_options: Some(MarketOptions { market_type: "capacity-block".to_owned() }),
        ..first.clone()
    };
    vec![first, second]
}

fn disks() -> Vec<BlockDevice> {
    let volume = Ebs {
        delete_on_termination: Some(false),
        encrypted: true,
        iops: 3000,
        throughput: Some(125),
        kms_key_id: Some("key-1".to_owned()),
        snapshot_id: Some("snap-1".to_owned()),
        volume_size: 50,
        volume_type: "gp3".to_owned(),
    };
    let named = |name: &str| BlockDevice { device_name: name.to_owned(), ..BlockDevice::default() };
    vec![
        BlockDevice { ebs: volume, ..named("/root") },
        BlockDevice { no_device: "omit".to_owned(), ..named("/dev/sdb") },
        BlockDevice { virtual_name: "ephemeral0".to_owned(), ..named("/dev/sdc") },
    ]
}

fn interface() -> NetworkInterface {
    NetworkInterface {
        associate_public_ip_address: Some(true),
        ipv6_address_count: Some(1),
        ipv6_prefix_count: Some(1),
        delete_on_termination: Some(false),
        description: Some("d".to_owned()),
        security_group_ids: vec!["sg-1".to_owned()],
        subnet_id: "subnet-1".to_owned(),
        interface_type: Some("efa".to_owned()),
        network_card_index: Some(1),
        device_index: Some(1),
        primary_ipv6: Some(true),
    }
}
