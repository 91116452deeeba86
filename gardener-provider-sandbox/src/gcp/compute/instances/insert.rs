//! Creating an instance.

use serde_json::{Value, json};

use super::{
    super::{
        changes::{Draft, takes},
        engine::Engine,
        fingerprint,
        kind::Kind,
        links::{Key, Link},
        operations::Failure,
        project::Event,
    },
    attached, interfaces, quotas, settings,
};
use crate::gcp::{
    body::{Fields, Object, default},
    context::timestamp,
    error::GcpError,
    options::MachineType,
};

/// A creation that was found good; what the zone cannot give makes its operation fail.
pub(in super::super) fn insert(
    engine: &mut Engine<'_>,
    key: &Key,
    mut body: Object,
) -> Result<Draft, GcpError> {
    let machine = machine_type(engine, key, &mut body)?;
    settings::complete(engine, key, &machine, &mut body)?;
    let (disks, created) = attached::of_new(engine, key, &body)?;
    let (found, mut failure) = interfaces::of_new(engine, key, &body)?;
    body.insert("disks".to_owned(), disks.into());
    body.insert("networkInterfaces".to_owned(), found.into());
    body.insert("cpuPlatform".to_owned(), platform(&machine).into());
    body.insert("status".to_owned(), "PROVISIONING".into());
    body.insert("lastStartTimestamp".to_owned(), timestamp(engine.context.now).into());
    default(&mut body, "startRestricted", false);
    default(&mut body, "deletionProtection", false);
    default(&mut body, "canIpForward", false);
    default(&mut body, "shieldedInstanceIntegrityPolicy", json!({ "updateAutoLearnPolicy": true }));
    fingerprint::renew_labels(&mut body);
    fingerprint::renew(&mut body, "fingerprint");

    let sizes = created.iter().filter_map(|(_, disk)| disk.number("sizeGb"));
    let size = sizes.filter_map(|size| u64::try_from(size).ok()).sum();
    failure = quotas::exceeded(engine, key, &machine, size, &body).or(failure);
    failure = no_capacity(engine, key, &machine.name).or(failure);
    let half = takes(engine, Kind::Instance) / 2;
    Ok(Draft {
        body,
        with: created.into_iter().map(|(key, disk)| (key, disk, None)).collect(),
        failure,
        meanwhile: vec![(half, Event::Status(key.clone(), "STAGING"))],
        success: vec![Event::Status(key.clone(), "RUNNING")],
    })
}

/// The machine type that the request names, which must be of the instance's zone.
pub(in super::super) fn machine_type(
    engine: &Engine<'_>,
    key: &Key,
    body: &mut Object,
) -> Result<MachineType, GcpError> {
    let field = "resource.machineType";
    let text = body.text("machineType").ok_or_else(|| GcpError::required(field))?.to_owned();
    let link = Link::parse(&text, &engine.project.id).filter(|link| link.key.kind == Kind::MachineType);
    let link = link.ok_or_else(|| GcpError::invalid(field, &text, "The URL is malformed."))?;
    let known = engine.context.options().machine_types.iter().find(|machine| machine.name == link.key.name);
    let Some(machine) = known.filter(|_| link.key.scope == key.scope) else {
        let name: String = link.key.name.chars().take(63).collect();
        let problem =
            format!("Machine type with name '{name}' does not exist in zone '{}'.", key.scope.name());
        return Err(GcpError::invalid(field, &text, &problem));
    };
    body.insert("machineType".to_owned(), link.url().into());
    Ok(machine.clone())
}

fn platform(machine: &MachineType) -> &'static str {
    match machine.architecture.as_str() {
        "ARM64" => "Ampere Altra",
        _ => "Intel Ice Lake",
    }
}

/// Why the zone cannot give such a machine, if a fault rule says that it cannot.
pub(super) fn no_capacity(engine: &Engine<'_>, key: &Key, machine: &str) -> Option<Failure> {
    let faults = &engine.context.world.faults;
    let none = faults.no_capacity(engine.context.call, machine, key.scope.name());
    none.then(|| exhausted(engine, key, machine))
}

/// The zone has no such machines: <https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-resource-availability>.
fn exhausted(engine: &Engine<'_>, key: &Key, machine: &str) -> Failure {
    let zone = format!("projects/{}/zones/{}", engine.project.id, key.scope.name());
    let sorry = format!("The zone '{zone}' does not have enough resources available to fulfill the request.");
    if !engine.context.options().exhausted_with_details {
        let message = format!("{sorry}  Try a different zone, or try again later.");
        return Failure::new("ZONE_RESOURCE_POOL_EXHAUSTED", message);
    }
    let message = format!("{sorry} '(resource type:compute)'.");
    let details: Value = json!([
        { "errorInfo": {
            "reason": "resource_availability",
            "domain": "compute.googleapis.com",
            "metadatas": { "vmType": machine, "zone": key.scope.name(), "attachment": "" },
        } },
        { "help": { "links": [{
            "description": "Troubleshooting documentation",
            "url": "https://cloud.google.com/compute/docs/resource-error",
        }] } },
    ]);
    Failure::new("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", message).with_details(details)
}
