//! What a provider spec must be like: the rules of the Go driver, and those of Compute Engine that it would be told too
//! late by.

use gardener_provider_client::checks::Checks;
use gardener_provider_core::Violation;

use super::{
    CLUSTER_TAG, Disk, NetworkInterface, ProviderSpec, ROLE_TAG, ReservationAffinity, SCRATCH, Scheduling,
};

/// All that is wrong with `spec`.
pub(super) fn violations(spec: &ProviderSpec) -> Vec<Violation> {
    let mut checks = Checks::of("providerSpec");
    place(&mut checks, spec);
    disks(&mut checks, &spec.disks);
    if spec.network_interfaces.is_empty() {
        checks.say("networkInterfaces", "is empty; name at least one network interface");
    }
    checks.each("networkInterfaces", &spec.network_interfaces, network_interface);
    checks.each("metadata", &spec.metadata, |checks, item| {
        checks.required("key", &item.key);
        if item.key == "user-data" {
            checks.say("key", "user-data is taken from the secret; leave it out");
        }
        if item.value.is_none() {
            checks.say("value", "is missing; set it");
        }
    });
    tags(&mut checks, &spec.tags);
    service_accounts(&mut checks, spec);
    checks.within("scheduling", |checks| scheduling(checks, &spec.scheduling));
    gpu(&mut checks, spec);
    if let Some(affinity) = &spec.reservation_affinity {
        checks.within("reservationAffinity", |checks| reservation(checks, affinity));
    }
    for (index, policy) in spec.resource_policies.iter().enumerate() {
        checks.required(&format!("resourcePolicies[{index}]"), policy);
    }
    checks.into_violations()
}

fn place(checks: &mut Checks, spec: &ProviderSpec) {
    checks.required("machineType", &spec.machine_type);
    checks.not_blank("minCpuPlatform", spec.min_cpu_platform.as_deref());
    for (field, value) in [("region", &spec.region), ("zone", &spec.zone)] {
        checks.required(field, value);
        if !value.trim().is_empty() && !is_name(value) {
            checks.say(
                field,
                format!("{value:?} is no name of one; expected one like europe-west1 or europe-west1-b"),
            );
        }
    }
    let is_in_region = spec.zone.strip_prefix(&spec.region).is_some_and(|rest| rest.starts_with('-'));
    if is_name(&spec.region) && is_name(&spec.zone) && !is_in_region {
        checks.say("zone", format!("{} is not in region {}", spec.zone, spec.region));
    }
}

/// Names as RFC 1035 has them, which Compute Engine asks for
/// (<https://cloud.google.com/compute/docs/naming-resources>).
pub(crate) fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last() != Some(&b'-')
}

fn disks(checks: &mut Checks, disks: &[Disk]) {
    let boots = disks.iter().filter(|disk| disk.boot).count();
    match (disks.is_empty(), boots) {
        (true, _) => checks.say("disks", "is empty; name at least one disk"),
        (false, 1) => {}
        (false, boots) => checks.say("disks", format!("has {boots} disks with boot: true; let one be so")),
    }
    checks.each("disks", disks, disk);
}

fn disk(checks: &mut Checks, disk: &Disk) {
    let is_scratch = disk.disk_type == SCRATCH;
    checks.required("type", &disk.disk_type);
    checks.one_of("interface", &disk.interface, &["NVME", "SCSI"]);
    if is_scratch && disk.interface.is_empty() {
        checks.say("interface", "is missing; a disk of type SCRATCH needs NVME or SCSI");
    }
    if is_scratch && disk.boot {
        checks.say("boot", "must be false for a disk of type SCRATCH");
    }
    if disk.boot {
        checks.required("image", &disk.image);
    }
    checks.at_least("sizeGb", Some(disk.size_gb), 0);
    if disk.size_gb == 0 && disk.image.is_empty() && !is_scratch {
        checks.say("sizeGb", "is missing; an empty disk needs it");
    }
    checks.at_least("provisionedIops", Some(disk.provisioned_iops), 0);
    checks.at_least("provisionedThroughput", Some(disk.provisioned_throughput), 0);
    checks.not_blank("storagePool", disk.storage_pool.as_deref());
    if let Some(encryption) = &disk.encryption {
        checks.within("encryption", |checks| {
            checks.required("kmsKeyName", &encryption.kms_key_name);
            let account = &encryption.kms_key_service_account;
            checks.not_blank("kmsKeyServiceAccount", Some(account.as_str()).filter(|text| !text.is_empty()));
        });
    }
}

fn network_interface(checks: &mut Checks, interface: &NetworkInterface) {
    if interface.network.is_empty() && interface.subnetwork.is_empty() {
        checks.say("subnetwork", "is missing; set network, subnetwork or both");
    }
    checks.one_of("stackType", &interface.stack_type, &["IPV4_ONLY", "IPV4_IPV6", "IPV6_ONLY"]);
    checks.one_of("ipv6accessType", &interface.ipv6_access_type, &["INTERNAL", "EXTERNAL"]);
    let range = &interface.ip_cidr_range;
    if !range.is_empty() && !is_range(range) {
        checks.say("ipCidrRange", format!("{range:?} is no range; use a size from /0 to /32, or a CIDR"));
    }
    if range.is_empty() && (interface.use_alias_ips || !interface.subnetwork_range_name.is_empty()) {
        checks.say("ipCidrRange", "is missing; alias addresses need the size of their range, such as /24");
    }
}

fn is_range(text: &str) -> bool {
    match text.strip_prefix('/') {
        Some(size) => {
            size.parse::<u8>().is_ok_and(|size| size <= 32) && size.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => text.parse::<ipnet::Ipv4Net>().is_ok(),
    }
}

fn tags(checks: &mut Checks, tags: &[String]) {
    for (index, tag) in tags.iter().enumerate() {
        if !is_name(tag) {
            let expected = "use 1 to 63 lower-case letters, digits and '-', a letter first";
            checks.say(&format!("tags[{index}]"), format!("{tag:?} is no network tag; {expected}"));
        }
    }
    for (prefix, what) in [(CLUSTER_TAG, "<technical id>"), (ROLE_TAG, "<role>")] {
        let marks = tags.iter().filter(|tag| tag.strip_prefix(prefix).is_some_and(|id| !id.is_empty()));
        match marks.count() {
            0 => {
                checks
                    .say("tags", format!("lacks a tag {prefix}{what}, by which machines are found; add it"));
            }
            1 => {}
            _ => checks.say("tags", format!("has several tags {prefix}{what}; keep one")),
        }
    }
}

fn service_accounts(checks: &mut Checks, spec: &ProviderSpec) {
    if spec.service_accounts.len() > 1 {
        checks.say("serviceAccounts", "has several; a machine acts as one service account at most");
    }
    checks.each("serviceAccounts", &spec.service_accounts, |checks, account| {
        checks.required("email", &account.email);
        if !account.email.trim().is_empty() && account.email.contains(char::is_whitespace) {
            checks.say("email", "holds white space; remove it");
        }
    });
}

fn scheduling(checks: &mut Checks, scheduling: &Scheduling) {
    checks.required("onHostMaintenance", &scheduling.on_host_maintenance);
    checks.one_of("onHostMaintenance", &scheduling.on_host_maintenance, &["MIGRATE", "TERMINATE"]);
    let model = scheduling.provisioning_model.as_deref().unwrap_or_default();
    let models = &["STANDARD", "SPOT", "RESERVATION_BOUND", "FLEX_START"];
    checks.one_of("provisioningModel", model, models);
    if scheduling.preemptible && !matches!(model, "" | "SPOT") {
        checks.say("preemptible", format!("stands beside provisioningModel {model}; keep one of them"));
    }
    let can_be_taken = scheduling.preemptible || model == "SPOT";
    if can_be_taken && scheduling.automatic_restart {
        checks.say("automaticRestart", "must be false for a machine that may be taken away");
    }
    if can_be_taken && scheduling.on_host_maintenance == "MIGRATE" {
        checks.say("onHostMaintenance", "must be TERMINATE for a machine that may be taken away");
    }
    let action = scheduling.instance_termination_action.as_deref();
    checks.not_blank("instanceTerminationAction", action);
    checks.one_of("instanceTerminationAction", action.unwrap_or_default(), &["STOP", "DELETE"]);
    let ends =
        matches!(model, "SPOT" | "RESERVATION_BOUND" | "FLEX_START") || scheduling.max_run_duration.is_some();
    if action.is_some() && !ends {
        checks.say(
            "instanceTerminationAction",
            "needs provisioningModel SPOT or a maxRunDuration; set one of them",
        );
    }
    if let Some(duration) = &scheduling.max_run_duration {
        // https://cloud.google.com/compute/docs/instances/limit-vm-runtime#restrictions
        checks.within("maxRunDuration", |checks| checks.at_least("seconds", Some(duration.seconds), 30));
    }
}

fn gpu(checks: &mut Checks, spec: &ProviderSpec) {
    let Some(gpu) = &spec.gpu else { return };
    checks.within("gpu", |checks| {
        checks.required("acceleratorType", &gpu.accelerator_type);
        checks.at_least("count", Some(gpu.count), 1);
    });
    if spec.scheduling.on_host_maintenance == "MIGRATE" {
        checks.say("scheduling.onHostMaintenance", "must be TERMINATE for a machine with accelerators");
    }
}

fn reservation(checks: &mut Checks, affinity: &ReservationAffinity) {
    let kind = affinity.consume_reservation_type.as_str();
    checks.required("consumeReservationType", kind);
    let kinds = &["ANY_RESERVATION", "SPECIFIC_RESERVATION", "NO_RESERVATION"];
    checks.one_of("consumeReservationType", kind, kinds);
    if kind == "SPECIFIC_RESERVATION" {
        checks.required("key", &affinity.key);
        if affinity.values.is_empty() {
            checks.say("values", "is empty; name the reservation");
        }
    } else if !affinity.key.is_empty() || !affinity.values.is_empty() {
        checks.say("key", "needs consumeReservationType SPECIFIC_RESERVATION; leave key and values out");
    }
    for (index, value) in affinity.values.iter().enumerate() {
        checks.required(&format!("values[{index}]"), value);
    }
}
