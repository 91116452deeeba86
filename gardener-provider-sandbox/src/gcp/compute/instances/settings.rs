//! What can be set of an instance: labels, metadata, tags, scheduling, identity.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    super::{
        catalog::ACCELERATOR_TYPES,
        changes::{replace, takes},
        disks,
        engine::{Engine, Work},
        fingerprint,
        kind::Kind,
        links::{Key, Link},
        names::{check_labels, check_tags, check_word},
        operations::Failure,
        project::Phase,
    },
    insert,
};
use crate::gcp::{
    body::{Fields, Object, default},
    error::{GcpError, Reply},
    options::MachineType,
};

/// Checks and completes the settings of a new instance.
pub(super) fn complete(
    engine: &Engine<'_>,
    key: &Key,
    machine: &MachineType,
    body: &mut Object,
) -> Result<(), GcpError> {
    let mut metadata = body.object("metadata").cloned().unwrap_or_default();
    check_metadata(&metadata, "resource.metadata")?;
    finish_metadata(&mut metadata);
    body.insert("metadata".to_owned(), Value::Object(metadata));
    let mut tags = body.object("tags").cloned().unwrap_or_default();
    check_tags(&tags.texts("items"), "resource.tags.items")?;
    fingerprint::renew(&mut tags, "fingerprint");
    body.insert("tags".to_owned(), Value::Object(tags));
    accelerators(engine, key, machine, body)?;
    let mut scheduling = body.object("scheduling").cloned().unwrap_or_default();
    let accelerated = !body.list("guestAccelerators").is_empty() || machine.accelerators.is_some();
    complete_scheduling(&mut scheduling, accelerated)?;
    body.insert("scheduling".to_owned(), Value::Object(scheduling));
    service_accounts(engine, body)?;
    reservation(engine, key, body)?;
    let mut policies = Object::new();
    disks::change_policies(engine, &mut policies, body, true)?;
    if !policies.list("resourcePolicies").is_empty() {
        body.extend(policies);
    }
    let mut shielded = body.object("shieldedInstanceConfig").cloned().unwrap_or_default();
    default(&mut shielded, "enableSecureBoot", false);
    default(&mut shielded, "enableVtpm", true);
    default(&mut shielded, "enableIntegrityMonitoring", true);
    body.insert("shieldedInstanceConfig".to_owned(), Value::Object(shielded));
    Ok(())
}

/// Metadata: keys are different and plain, a value has at most 256 KiB, all together 512 KiB.
///
/// <https://cloud.google.com/compute/docs/metadata/setting-custom-metadata#limitations>
pub(in super::super) fn check_metadata(metadata: &Object, at: &str) -> Result<(), GcpError> {
    let (mut keys, mut size) = (BTreeSet::new(), 0);
    for (index, item) in metadata.list("items").iter().enumerate() {
        let at = format!("{at}.items[{index}]");
        let item = item.as_object().ok_or_else(|| GcpError::invalid(&at, "", "Must be an object."))?;
        let key = item.text("key").ok_or_else(|| GcpError::required(&format!("{at}.key")))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if key.len() > 128 || !key.chars().all(plain) {
            let problem = "Must be a match of regex '[a-zA-Z0-9-_]{1,128}'";
            return Err(GcpError::invalid(&format!("{at}.key"), key, problem));
        }
        if !keys.insert(key) {
            return Err(GcpError::new(400, "invalid", format!("Metadata has duplicate key: {key}")));
        }
        let value = item.text("value").map_or(0, str::len);
        size += key.len() + value;
        if value > 256 * 1024 || size > 512 * 1024 {
            return Err(GcpError::invalid(&format!("{at}.value"), "", "The metadata is too large."));
        }
    }
    Ok(())
}

fn finish_metadata(metadata: &mut Object) {
    metadata.insert("kind".to_owned(), "compute#metadata".into());
    fingerprint::renew(metadata, "fingerprint");
}

/// <https://cloud.google.com/compute/docs/instances/setting-vm-host-options>
fn complete_scheduling(scheduling: &mut Object, accelerated: bool) -> Result<(), GcpError> {
    let at = "resource.scheduling";
    check_word(scheduling, at, "onHostMaintenance", &["MIGRATE", "TERMINATE"])?;
    check_word(
        scheduling,
        at,
        "provisioningModel",
        &["STANDARD", "SPOT", "FLEX_START", "RESERVATION_BOUND"],
    )?;
    check_word(scheduling, at, "instanceTerminationAction", &["DELETE", "STOP"])?;
    let spot = scheduling.text("provisioningModel") == Some("SPOT");
    let preemptible = spot || scheduling.flag("preemptible") == Some(true);
    if spot && scheduling.flag("preemptible") == Some(false) {
        let problem = "Scheduling must have preemptible be true for provisioning model SPOT.";
        return Err(GcpError::invalid(&format!("{at}.preemptible"), "false", problem));
    }
    if preemptible && scheduling.flag("automaticRestart") == Some(true) {
        let problem = "Scheduling must have automatic restart be false when preemptible is true.";
        return Err(GcpError::invalid(&format!("{at}.automaticRestart"), "true", problem));
    }
    if preemptible && scheduling.text("onHostMaintenance") == Some("MIGRATE") {
        let problem = "Scheduling must have onHostMaintenance be TERMINATE when preemptible is true.";
        return Err(GcpError::invalid(&format!("{at}.onHostMaintenance"), "MIGRATE", problem));
    }
    let limited = spot || scheduling.contains_key("maxRunDuration");
    if let Some(action) = scheduling.text("instanceTerminationAction").filter(|_| !limited) {
        let problem = "The termination action is for SPOT instances and those with a limited run time.";
        return Err(GcpError::invalid(&format!("{at}.instanceTerminationAction"), action, problem));
    }
    default(scheduling, "preemptible", preemptible);
    default(scheduling, "automaticRestart", !preemptible);
    default(scheduling, "provisioningModel", "STANDARD");
    default(scheduling, "onHostMaintenance", if preemptible { "TERMINATE" } else { "MIGRATE" });
    if spot {
        default(scheduling, "instanceTerminationAction", "STOP");
    }
    if accelerated && scheduling.text("onHostMaintenance") == Some("MIGRATE") {
        let problem = "Instances with guest accelerators do not support live migration.";
        return Err(GcpError::new(400, "badRequest", problem));
    }
    Ok(())
}

fn accelerators(
    engine: &Engine<'_>,
    key: &Key,
    machine: &MachineType,
    body: &mut Object,
) -> Result<(), GcpError> {
    let mut shown = Vec::new();
    for (index, accelerator) in body.list("guestAccelerators").iter().enumerate() {
        let at = format!("resource.guestAccelerators[{index}]");
        let text = accelerator["acceleratorType"].as_str().unwrap_or_default();
        let link =
            Link::parse(text, &engine.project.id).filter(|link| link.key.kind == Kind::AcceleratorType);
        let link = link.ok_or_else(|| {
            GcpError::invalid(&format!("{at}.acceleratorType"), text, "The URL is malformed.")
        })?;
        let known = ACCELERATOR_TYPES.iter().find(|(name, _)| *name == link.key.name);
        let Some((name, most)) = known.filter(|_| link.key.scope == key.scope) else {
            return Err(GcpError::not_found(&link.path()));
        };
        let count = accelerator["acceleratorCount"].as_u64().unwrap_or_default();
        if !(1..=u64::from(*most)).contains(&count) {
            let problem = format!("Must be between 1 and {most}.");
            return Err(GcpError::invalid(&format!("{at}.acceleratorCount"), &count.to_string(), &problem));
        }
        let built_in = machine.accelerators.as_ref().is_some_and(|(own, _)| own == name);
        if !machine.takes_accelerators && !built_in {
            let problem =
                format!("[{}, {name}] features are not compatible for creating instance.", machine.name);
            return Err(GcpError::new(400, "badRequest", problem));
        }
        shown.push(json!({ "acceleratorType": link.url(), "acceleratorCount": count }));
    }
    if !shown.is_empty() {
        body.insert("guestAccelerators".to_owned(), shown.into());
    }
    Ok(())
}

fn service_accounts(engine: &Engine<'_>, body: &Object) -> Result<(), GcpError> {
    let accounts = body.list("serviceAccounts");
    if accounts.len() > 1 {
        let problem = "At most one service account is allowed.";
        return Err(GcpError::invalid("resource.serviceAccounts", "", problem));
    }
    for account in accounts.iter().filter_map(Value::as_object) {
        let email = account.text("email").unwrap_or("default");
        let known = email == "default" || engine.identity.exists(email);
        if engine.context.options().check_service_accounts && !known {
            let problem = format!("The resource '{email}' of type 'serviceAccount' was not found.");
            return Err(GcpError::new(400, "invalid", problem));
        }
        if account.texts("scopes").is_empty() {
            let problem = "At least one scope is needed.";
            return Err(GcpError::invalid("resource.serviceAccounts[0].scopes", "", problem));
        }
    }
    Ok(())
}

/// <https://cloud.google.com/compute/docs/instances/reservations-consume>
fn reservation(engine: &Engine<'_>, key: &Key, body: &Object) -> Result<(), GcpError> {
    let Some(affinity) = body.object("reservationAffinity") else { return Ok(()) };
    let at = "resource.reservationAffinity";
    let words = ["ANY_RESERVATION", "SPECIFIC_RESERVATION", "NO_RESERVATION"];
    check_word(affinity, at, "consumeReservationType", &words)?;
    let specific = affinity.text("consumeReservationType") == Some("SPECIFIC_RESERVATION");
    if !specific {
        return Ok(());
    }
    let names = affinity.texts("values");
    if affinity.text("key") != Some("compute.googleapis.com/reservation-name") || names.is_empty() {
        let problem =
            "A specific reservation is named by key compute.googleapis.com/reservation-name and its value.";
        return Err(GcpError::invalid(at, "", problem));
    }
    for name in names {
        let short = name.rsplit('/').next().unwrap_or(name);
        let reservation = Key::new(Kind::Reservation, key.scope.clone(), short);
        if !engine.project.resources.contains_key(&reservation) {
            return Err(GcpError::not_found(&reservation.path(&engine.project.id)));
        }
    }
    Ok(())
}

/// `setLabels`, of any resource that has labels.
pub(in super::super) fn set_labels(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let message = "Labels fingerprint either invalid or resource labels have changed";
    fingerprint::check(body, "labelFingerprint", next.text("labelFingerprint"), message)?;
    check_labels(body, "labels")?;
    next.insert("labels".to_owned(), json!(body.object("labels").cloned().unwrap_or_default()));
    fingerprint::renew_labels(&mut next);
    Ok(replace(engine, key, "setLabels", next))
}

pub(super) fn set_metadata(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let current = next.object("metadata").and_then(|metadata| metadata.text("fingerprint"));
    let message = "Supplied fingerprint does not match current metadata fingerprint.";
    fingerprint::check(body, "fingerprint", current, message)?;
    check_metadata(body, "metadata")?;
    let mut metadata = Object::from_iter([("items".to_owned(), json!(body.list("items")))]);
    finish_metadata(&mut metadata);
    next.insert("metadata".to_owned(), Value::Object(metadata));
    Ok(replace(engine, key, "setMetadata", next))
}

pub(super) fn set_tags(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let current = next.object("tags").and_then(|tags| tags.text("fingerprint"));
    let message = "Supplied fingerprint does not match current tags fingerprint.";
    fingerprint::check(body, "fingerprint", current, message)?;
    check_tags(&body.texts("items"), "tags.items")?;
    let mut tags = Object::from_iter([("items".to_owned(), json!(body.texts("items")))]);
    fingerprint::renew(&mut tags, "fingerprint");
    next.insert("tags".to_owned(), Value::Object(tags));
    Ok(replace(engine, key, "setTags", next))
}

pub(super) fn set_scheduling(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let mut scheduling = body.clone();
    complete_scheduling(&mut scheduling, !next.list("guestAccelerators").is_empty())?;
    next.insert("scheduling".to_owned(), Value::Object(scheduling));
    Ok(replace(engine, key, "setScheduling", next))
}

/// Changes what a stopped instance can change only: of another one, the operation fails.
fn replace_stopped(engine: &mut Engine<'_>, key: &Key, what: &'static str, next: Object) -> Value {
    if next.text("status") == Some("TERMINATED") {
        return replace(engine, key, what, next);
    }
    let message = format!("The resource '{}' is not ready", key.path(&engine.project.id));
    let mut work = Work::new(what, key.clone(), takes(engine, key.kind));
    work.failure = Some(Failure::new("RESOURCE_NOT_READY", message));
    engine.busy(key, Phase::Changing);
    engine.start(work)
}

pub(super) fn set_service_account(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let accounts = body.text("email").map(|email| json!({ "email": email, "scopes": body.texts("scopes") }));
    let accounts = json!(accounts.into_iter().collect::<Vec<_>>());
    let asked = Object::from_iter([("serviceAccounts".to_owned(), accounts.clone())]);
    service_accounts(engine, &asked)?;
    next.insert("serviceAccounts".to_owned(), accounts);
    Ok(replace_stopped(engine, key, "setServiceAccount", next))
}

pub(super) fn set_machine_type(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let mut asked = body.clone();
    insert::machine_type(engine, key, &mut asked)?;
    next.insert("machineType".to_owned(), asked["machineType"].clone());
    Ok(replace_stopped(engine, key, "setMachineType", next))
}

pub(super) fn set_deletion_protection(engine: &mut Engine<'_>, key: &Key) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let on = engine.query.flag("deletionProtection").unwrap_or(true);
    next.insert("deletionProtection".to_owned(), on.into());
    Ok(replace(engine, key, "setDeletionProtection", next))
}

pub(super) fn change_policies(engine: &mut Engine<'_>, key: &Key, body: &Object, add: bool) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    disks::change_policies(engine, &mut next, body, add)?;
    let what = if add { "addResourcePolicies" } else { "removeResourcePolicies" };
    Ok(replace(engine, key, what, next))
}
