//! A spec that sets every field, so that every field of an instance can be held against the API's description.

use super::{
    AdvancedMachineFeatures, Disk, Encryption, Gpu, MetadataItem, NetworkInterface, ProviderSpec,
    ReservationAffinity, RunDuration, SCRATCH, Scheduling, ServiceAccount, ShieldedInstance,
};

/// Specs that set every field between them.
pub(crate) fn samples() -> Vec<ProviderSpec> {
    let text = |text: &str| text.to_owned();
    let pair = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let all = ProviderSpec {
        _api_version: None,
        _kind: None,
        can_ip_forward: true,
        deletion_protection: true,
        description: Some(text("a node")),
        disks: disks(),
        gpu: Some(Gpu { accelerator_type: text("nvidia-tesla-t4"), count: 1 }),
        labels: pair("name", "demo"),
        machine_type: text("n2-standard-2"),
        metadata: vec![MetadataItem { key: text("serial-port-enable"), value: Some(text("1")) }],
        min_cpu_platform: Some(text("Intel Ice Lake")),
        network_interfaces: vec![interface()],
        region: text("europe-west1"),
        scheduling: Scheduling {
            automatic_restart: false,
            on_host_maintenance: text("TERMINATE"),
            preemptible: true,
            provisioning_model: Some(text("SPOT")),
            instance_termination_action: Some(text("DELETE")),
            max_run_duration: Some(RunDuration { seconds: 86_400 }),
        },
        service_accounts: vec![ServiceAccount {
            email: text("nodes@my-project.iam.gserviceaccount.com"),
            scopes: vec![text("https://www.googleapis.com/auth/compute")],
        }],
        tags: vec![text("kubernetes-io-cluster-shoot--demo--app"), text("kubernetes-io-role-node")],
        zone: text("europe-west1-b"),
        shielded_instance_configuration: Some(ShieldedInstance {
            integrity_monitoring: Some(true),
            secure_boot: Some(true),
            vtpm: Some(true),
        }),
        advanced_machine_features: Some(AdvancedMachineFeatures { enable_nested_virtualization: Some(true) }),
        reservation_affinity: Some(ReservationAffinity {
            consume_reservation_type: text("SPECIFIC_RESERVATION"),
            key: text("compute.googleapis.com/reservation-name"),
            values: vec![text("nodes")],
        }),
        resource_policies: vec![text("compact")],
    };
    let least = ProviderSpec {
        disks: vec![Disk {
            boot: true,
            image: text("projects/p/global/images/i"),
            disk_type: text("pd-ssd"),
            ..Disk::default()
        }],
        machine_type: text("zones/europe-west1-b/machineTypes/custom-4-5120"),
        network_interfaces: vec![NetworkInterface {
            network: text("global/networks/default"),
            ..NetworkInterface::default()
        }],
        region: all.region.clone(),
        scheduling: Scheduling {
            automatic_restart: true,
            on_host_maintenance: text("MIGRATE"),
            ..Scheduling::default()
        },
        tags: all.tags.clone(),
        zone: all.zone.clone(),
        ..ProviderSpec::default()
    };
    vec![all, least]
}

fn disks() -> Vec<Disk> {
    let text = |text: &str| text.to_owned();
    let boot = Disk {
        auto_delete: Some(true),
        boot: true,
        size_gb: 50,
        disk_type: text("hyperdisk-balanced"),
        interface: String::new(),
        image: text("projects/my-project/global/images/gardenlinux"),
        encryption: Some(Encryption {
            kms_key_name: text("projects/my-project/locations/europe-west1/keyRings/r/cryptoKeys/k"),
            kms_key_service_account: text("kms@my-project.iam.gserviceaccount.com"),
        }),
        labels: [(text("name"), text("demo"))].into(),
        provisioned_iops: 3000,
        provisioned_throughput: 140,
        storage_pool: Some(text("projects/my-project/zones/europe-west1-b/storagePools/pool")),
    };
    let scratch = Disk { disk_type: text(SCRATCH), interface: text("NVME"), ..Disk::default() };
    let kept = Disk { auto_delete: Some(false), size_gb: 10, disk_type: text("pd-ssd"), ..Disk::default() };
    vec![boot, scratch, kept]
}

fn interface() -> NetworkInterface {
    NetworkInterface {
        disable_external_ip: false,
        network: "net".to_owned(),
        subnetwork: "net-nodes".to_owned(),
        stack_type: "IPV4_IPV6".to_owned(),
        ipv6_access_type: "EXTERNAL".to_owned(),
        use_alias_ips: true,
        ip_cidr_range: "/24".to_owned(),
        subnetwork_range_name: "pods".to_owned(),
    }
}
