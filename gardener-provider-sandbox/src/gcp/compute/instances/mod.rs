//! Instances.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/instances>

mod attached;
mod insert;
mod interfaces;
mod lifecycle;
mod quotas;
mod settings;

pub(super) use insert::insert;
pub(super) use lifecycle::delete;
pub(super) use quotas::shown as quotas;
pub(super) use settings::{check_metadata, set_labels};

use serde_json::json;

use super::{engine::Engine, links::Key, no_such_method};
use crate::gcp::{
    body::Object,
    error::{GcpError, Reply},
};

/// A verb on an instance, but `setLabels`.
pub(super) fn verb(engine: &mut Engine<'_>, key: &Key, verb: &str, body: &Object) -> Reply {
    match (engine.target.verb(), verb) {
        ("POST", "start" | "stop" | "reset" | "suspend" | "resume") => lifecycle::run(engine, key, verb),
        ("POST", "setMetadata") => settings::set_metadata(engine, key, body),
        ("POST", "setTags") => settings::set_tags(engine, key, body),
        ("POST", "setScheduling") => settings::set_scheduling(engine, key, body),
        ("POST", "setServiceAccount") => settings::set_service_account(engine, key, body),
        ("POST", "setMachineType") => settings::set_machine_type(engine, key, body),
        ("POST", "setDeletionProtection") => settings::set_deletion_protection(engine, key),
        ("POST", "addResourcePolicies") => settings::change_policies(engine, key, body, true),
        ("POST", "removeResourcePolicies") => settings::change_policies(engine, key, body, false),
        ("POST", "attachDisk") => attached::attach(engine, key, body),
        ("POST", "detachDisk") => attached::detach(engine, key),
        ("POST", "setDiskAutoDelete") => attached::set_auto_delete(engine, key),
        ("POST", "addAccessConfig") => interfaces::add_access_config(engine, key, body),
        ("POST", "deleteAccessConfig") => interfaces::delete_access_config(engine, key),
        ("PATCH", "updateNetworkInterface") => interfaces::update(engine, key, body),
        _ => Err(no_such_method()),
    }
}

/// `getSerialPortOutput`: a machine that says nothing.
pub(super) fn serial_port(engine: &Engine<'_>, key: &Key) -> Reply {
    let path = key.path(&engine.project.id);
    if !engine.project.resources.contains_key(key) {
        return Err(GcpError::not_found(&path));
    }
    Ok(json!({
        "kind": "compute#serialPortOutput",
        "contents": "",
        "start": "0",
        "next": "0",
        "selfLink": super::links::url(&format!("{path}/serialPort")),
    }))
}
