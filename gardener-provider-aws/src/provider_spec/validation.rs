//! What a provider spec must be like: the rules of the Go driver, `io2` and a few contradictions added.

use std::collections::HashSet;

use gardener_provider_client::checks::Checks;
use gardener_provider_core::{Region, Violation};

use super::{
    BlockDevice, CLUSTER_TAG, CapacityReservation, CpuOptions, Ebs, MetadataOptions, NetworkInterface,
    Placement, ProviderSpec, ROLE_TAG,
};
use crate::endpoints::Partition;

/// All that is wrong with `spec`.
pub(super) fn violations(spec: &ProviderSpec) -> Vec<Violation> {
    let mut found = Checks::of("providerSpec");
    basics(&mut found, spec);
    block_devices(&mut found, &spec.block_devices);
    if let Some(reservation) = &spec.capacity_reservation {
        found.within("capacityReservation", |found| capacity_reservation(found, reservation));
    }
    if spec.network_interfaces.is_empty() {
        found.say("networkInterfaces", "is empty; name at least one network interface");
    }
    for (index, interface) in spec.network_interfaces.iter().enumerate() {
        found.within(&format!("networkInterfaces[{index}]"), |found| network_interface(found, interface));
    }
    if let Some(options) = &spec.instance_metadata_options {
        found.within("instanceMetadataOptions", |found| metadata(found, options));
    }
    if let Some(options) = &spec.cpu_options {
        found.within("cpuOptions", |found| cpu(found, options));
    }
    if let Some(options) = &spec.placement {
        found.within("placement", |found| placement(found, options));
    }
    market(&mut found, spec);
    found.into_violations()
}

fn basics(found: &mut Checks, spec: &ProviderSpec) {
    found.required("ami", &spec.ami);
    found.required("machineType", &spec.machine_type);
    found.required("region", &spec.region);
    if !spec.region.trim().is_empty() {
        let partition = Region::new(&spec.region).and_then(|region| Partition::of(&region));
        if let Err(error) = partition {
            let problem = error.message().split_once(": ").map_or(error.message(), |(_, problem)| problem);
            found.say("region", problem.to_owned());
        }
    }
    found.not_blank("keyName", spec.key_name.as_deref());
    match (spec.iam.arn.is_empty(), spec.iam.name.is_empty()) {
        (true, true) => found.say("iam", "is missing; set either arn or name"),
        (false, false) => found.say("iam", "has both arn and name; keep one of them"),
        _ => {}
    }
    for (prefix, what) in [(CLUSTER_TAG, "<technical id>"), (ROLE_TAG, "<role>")] {
        let is_there = spec.tags.keys().any(|key| key.strip_prefix(prefix).is_some_and(|id| !id.is_empty()));
        if !is_there {
            found.say("tags", format!("lacks a tag {prefix}{what}, by which machines are found; add it"));
        }
    }
}

const ROOT: &str = "/root";
const VOLUME_TYPES: &[&str] = &["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"];

fn block_devices(found: &mut Checks, devices: &[BlockDevice]) {
    let roots = devices.iter().filter(|device| device.device_name == ROOT).count();
    if devices.len() > 1 && roots != 1 {
        found.say("blockDevices", format!("{roots} of several disks are named {ROOT}; name exactly one so"));
    }
    let mut names = HashSet::new();
    for (index, device) in devices.iter().enumerate() {
        found.within(&format!("blockDevices[{index}]"), |found| {
            if devices.len() > 1 && device.device_name != ROOT && !is_data_device(&device.device_name) {
                let problem = "is no name of a data disk; use one like /dev/sdf or /dev/xvdba";
                found.say("deviceName", format!("{:?} {problem}", device.device_name));
            }
            if !names.insert(&device.device_name) {
                found.say(
                    "deviceName",
                    format!("{:?} is there twice; name each disk once", device.device_name),
                );
            }
            block_device(found, device);
        });
    }
}

fn block_device(found: &mut Checks, device: &BlockDevice) {
    let (volume, none, store) =
        (device.ebs != Ebs::default(), !device.no_device.is_empty(), !device.virtual_name.is_empty());
    if none || store {
        if volume || none && store {
            found.say("ebs", "stands beside noDevice or virtualName; keep one of the three");
        }
        let is_store = device.virtual_name.strip_prefix("ephemeral").is_some_and(|n| n.parse::<u8>().is_ok());
        if store && !is_store {
            found.say(
                "virtualName",
                format!("{:?} is no instance store; use ephemeral<n>", device.virtual_name),
            );
        }
        return;
    }
    found.within("ebs", |found| ebs(found, &device.ebs));
}

/// The names that AWS reserves for data disks, as Gardener allows them:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>
fn is_data_device(name: &str) -> bool {
    let Some(name) = name.strip_prefix("/dev/") else { return false };
    let tail: &[u8] = match name.strip_prefix("xvd").map(str::as_bytes) {
        Some([b'a'..=b'c']) => return true,
        Some([b'a'..=b'c', tail @ ..]) => tail,
        _ => name.strip_prefix("sd").map_or(&[], str::as_bytes),
    };
    matches!(tail, [b'a'..=b'z'])
}

fn ebs(found: &mut Checks, ebs: &Ebs) {
    found.required("volumeType", &ebs.volume_type);
    found.one_of("volumeType", &ebs.volume_type, VOLUME_TYPES);
    found.at_least("volumeSize", Some(ebs.volume_size), 1);
    found.at_least("iops", Some(ebs.iops), 0);
    found.at_least("throughput", ebs.throughput, 1);
    found.not_blank("kmsKeyID", ebs.kms_key_id.as_deref());
    found.not_blank("snapshotID", ebs.snapshot_id.as_deref());
    if ebs.iops == 0 && matches!(ebs.volume_type.as_str(), "io1" | "io2") {
        found.say("iops", format!("is missing; volumes of type {} need it", ebs.volume_type));
    }
}

fn capacity_reservation(found: &mut Checks, reservation: &CapacityReservation) {
    let known = &["open", "none", "capacity-reservations-only"];
    found.one_of("capacityReservationPreference", &reservation.capacity_reservation_preference, known);
    let id = reservation.capacity_reservation_id.is_some();
    let group = reservation.capacity_reservation_resource_group_arn.is_some();
    if id && group {
        found.say(
            "capacityReservationId",
            "stands beside capacityReservationResourceGroupArn; keep one of them",
        );
    }
    if !reservation.capacity_reservation_preference.is_empty() && (id || group) {
        found.say("capacityReservationPreference", "stands beside a chosen reservation; keep one of them");
    }
    found.not_blank("capacityReservationId", reservation.capacity_reservation_id.as_deref());
    found.not_blank(
        "capacityReservationResourceGroupArn",
        reservation.capacity_reservation_resource_group_arn.as_deref(),
    );
}

fn network_interface(found: &mut Checks, interface: &NetworkInterface) {
    found.required("subnetID", &interface.subnet_id);
    if interface.security_group_ids.is_empty() {
        found.say("securityGroupIDs", "is empty; name at least one security group");
    }
    for (index, group) in interface.security_group_ids.iter().enumerate() {
        found.required(&format!("securityGroupIDs[{index}]"), group);
    }
    found.not_blank("interfaceType", interface.interface_type.as_deref());
    let kind = interface.interface_type.as_deref().unwrap_or_default();
    found.one_of("interfaceType", kind, &["interface", "efa", "efa-only"]);
    found.at_least("networkCardIndex", interface.network_card_index, 0);
    found.at_least("deviceIndex", interface.device_index, 0);
    found.at_least("ipv6AddressCount", interface.ipv6_address_count, 0);
    found.at_least("ipv6PrefixCount", interface.ipv6_prefix_count, 0);
}

fn metadata(found: &mut Checks, options: &MetadataOptions) {
    found.one_of("httpEndpoint", &options.http_endpoint, &["enabled", "disabled"]);
    found.one_of("httpTokens", &options.http_tokens, &["required", "optional"]);
    found.one_of("httpProtocolIpv6", &options.http_protocol_ipv6, &["enabled", "disabled"]);
    if let Some(limit) = options.http_put_response_hop_limit.filter(|limit| !(0..=64).contains(limit)) {
        found.say("httpPutResponseHopLimit", format!("{limit} is out of range; use 0 to 64"));
    }
}

fn cpu(found: &mut Checks, options: &CpuOptions) {
    if options.core_count.is_some() != options.threads_per_core.is_some() {
        let missing = if options.core_count.is_none() { "coreCount" } else { "threadsPerCore" };
        found.say(missing, "is missing; set both coreCount and threadsPerCore or neither");
    }
    found.at_least("coreCount", options.core_count, 1);
    if let Some(threads) = options.threads_per_core.filter(|threads| !(1..=2).contains(threads)) {
        found.say("threadsPerCore", format!("{threads} is out of range; use 1 or 2"));
    }
    found.not_blank("amdSevSnp", options.amd_sev_snp.as_deref());
    found.one_of("amdSevSnp", options.amd_sev_snp.as_deref().unwrap_or_default(), &["enabled", "disabled"]);
}

fn placement(found: &mut Checks, placement: &Placement) {
    let tenancy = placement.tenancy.as_deref().unwrap_or_default();
    found.one_of("tenancy", tenancy, &["default", "dedicated", "host"]);
    let affinity = placement.affinity.as_deref().unwrap_or_default();
    found.one_of("affinity", affinity, &["default", "host"]);
    if placement.host_id.is_some() && tenancy != "host" {
        found.say("hostId", "needs tenancy host; set it or leave hostId out");
    }
    found.at_least("partitionNumber", placement.partition_number, 1);
    found.not_blank("groupId", placement.group_id.as_deref());
    found.not_blank("hostId", placement.host_id.as_deref());
}

fn market(found: &mut Checks, spec: &ProviderSpec) {
    let is_price = |price: &str| price.parse::<f64>().is_ok_and(|price| price.is_finite() && price > 0.0);
    if let Some(price) = spec.spot_price.as_deref().filter(|price| !price.is_empty() && !is_price(price)) {
        found.say("spotPrice", format!("{price:?} is no price; use dollars per hour, or \"\" for any price"));
    }
    let Some(options) = &spec.instance_market_options else { return };
    let known = &["spot", "capacity-block", "interruptible-capacity-reservation"];
    found.within("instanceMarketOptions", |found| {
        found.required("marketType", &options.market_type);
        found.one_of("marketType", &options.market_type, known);
    });
    if spec.spot_price.is_some() && options.market_type != "spot" {
        found.say("spotPrice", "stands beside another market type; leave spotPrice out");
    }
}
