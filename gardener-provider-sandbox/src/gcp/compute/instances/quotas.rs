//! What a region may have of instances, processors and disks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{engine::Engine, kind::Kind, links::Key, operations::Failure};
use crate::gcp::{
    body::{Fields, Object},
    options::MachineType,
};

/// What is used of the regional quotas.
#[derive(Debug, Default)]
struct Usage {
    cpus: u64,
    instances: u64,
    addresses: u64,
    disks: u64,
    reserved: u64,
}

fn usage(engine: &Engine<'_>, region: &str) -> Usage {
    let mut usage = Usage::default();
    let types = engine.context.options().machine_types.iter();
    let cpus: BTreeMap<&str, u64> =
        types.map(|machine| (machine.name.as_str(), machine.cpus.into())).collect();
    for (_, stored) in engine.project.all(Kind::Instance).filter(|(key, _)| key.scope.region() == region) {
        usage.instances += 1;
        let name = stored.body.text("machineType").and_then(|url| url.rsplit('/').next());
        usage.cpus += name.and_then(|name| cpus.get(name)).copied().unwrap_or_default();
        usage.addresses += external(&stored.body);
    }
    for (_, stored) in engine.project.all(Kind::Disk).filter(|(key, _)| key.scope.region() == region) {
        usage.disks +=
            stored.body.number("sizeGb").and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    }
    let addresses = engine.project.all(Kind::Address).filter(|(key, _)| key.scope.name() == region);
    usage.reserved = addresses.count() as u64;
    usage
}

fn external(body: &Object) -> u64 {
    let interfaces = body.list("networkInterfaces").iter().filter_map(Value::as_object);
    interfaces.map(|interface| interface.list("accessConfigs").len() as u64).sum()
}

/// Why there may be no such instance with `disks` GB of new disks.
pub(super) fn exceeded(
    engine: &Engine<'_>,
    key: &Key,
    machine: &MachineType,
    disks: u64,
    body: &Object,
) -> Option<Failure> {
    let region = key.scope.region();
    let (used, quotas) = (usage(engine, region), &engine.context.options().quotas);
    let wanted = [
        ("CPUS", used.cpus + u64::from(machine.cpus), quotas.cpus),
        ("INSTANCES", used.instances + 1, quotas.instances as u64),
        ("IN_USE_ADDRESSES", used.addresses + external(body), quotas.in_use_addresses as u64),
        ("DISKS_TOTAL_GB", used.disks + disks, quotas.disks_total_gb),
    ];
    let broken = wanted.into_iter().find(|(_, wanted, limit)| wanted > limit);
    broken.map(|(metric, _, limit)| Failure::quota(metric, limit, region))
}

/// The quotas of a region, as it shows them.
pub(in super::super) fn shown(engine: &Engine<'_>, region: &str) -> Value {
    let (used, quotas) = (usage(engine, region), &engine.context.options().quotas);
    let quota =
        |metric: &str, limit: u64, usage: u64| json!({ "metric": metric, "limit": limit, "usage": usage });
    json!([
        quota("CPUS", quotas.cpus, used.cpus),
        quota("DISKS_TOTAL_GB", quotas.disks_total_gb, used.disks),
        quota("STATIC_ADDRESSES", quotas.static_addresses as u64, used.reserved),
        quota("IN_USE_ADDRESSES", quotas.in_use_addresses as u64, used.addresses),
        quota("INSTANCES", quotas.instances as u64, used.instances),
    ])
}
