//! Starting, stopping and deleting instances.

use serde_json::Value;

use super::{
    super::{
        engine::{Engine, Work},
        fingerprint,
        links::Key,
        no_such_method,
        project::{Event, Phase},
    },
    attached, insert,
};
use crate::gcp::{
    body::{Fields, Object},
    context::timestamp,
    error::{GcpError, Reply},
};

/// The disks that go with the instance.
pub(in super::super) fn delete(engine: &mut Engine<'_>, key: &Key) -> Result<Vec<Key>, GcpError> {
    let body = engine.idle(key)?.body.clone();
    if body.flag("deletionProtection") == Some(true) {
        let problem = format!(
            "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion. Please make sure \
             that deletion protection is set to false for: '{}''.",
            key.path(&engine.project.id)
        );
        return Err(GcpError::new(400, "invalidResourceUsage", problem));
    }
    set_status(engine, key, "STOPPING");
    Ok(attached::auto_deleted(engine, &body))
}

fn set_status(engine: &mut Engine<'_>, key: &Key, status: &str) {
    if let Some(stored) = engine.project.resources.get_mut(key) {
        stored.body.insert("status".to_owned(), status.into());
    }
}

/// `start`, `stop`, `reset`, `suspend` and `resume`. A start or stop that changes nothing succeeds.
pub(super) fn run(engine: &mut Engine<'_>, key: &Key, verb: &str) -> Reply {
    let body = engine.idle(key)?.body.clone();
    let status = body.text("status").unwrap_or_default().to_owned();
    let durations = engine.context.options().durations;
    let (what, from, through, to, takes): (_, &[&str], _, _, _) = match verb {
        "start" => ("start", &["TERMINATED", "RUNNING"], "STAGING", "RUNNING", durations.instance_start),
        "stop" => ("stop", &["RUNNING", "TERMINATED"], "STOPPING", "TERMINATED", durations.instance_stop),
        "reset" => ("reset", &["RUNNING"], "RUNNING", "RUNNING", durations.other),
        "suspend" => ("suspend", &["RUNNING"], "SUSPENDING", "SUSPENDED", durations.instance_stop),
        "resume" => ("resume", &["SUSPENDED"], "STAGING", "RUNNING", durations.instance_start),
        _ => return Err(no_such_method()),
    };
    if !from.contains(&status.as_str()) {
        let problem = format!("Instance in state {status} cannot {verb}.");
        return Err(GcpError::new(400, "invalid", problem));
    }
    let mut next = body.clone();
    next.insert("status".to_owned(), to.into());
    let now = timestamp(engine.context.now);
    match to {
        "RUNNING" => {
            next.insert("lastStartTimestamp".to_owned(), now.into());
            give_addresses(engine, &mut next);
        }
        "TERMINATED" => {
            next.insert("lastStopTimestamp".to_owned(), now.into());
            take_addresses(engine, &mut next);
        }
        _ => {
            next.insert("lastSuspendedTimestamp".to_owned(), now.into());
        }
    }
    let mut work = Work::new(what, key.clone(), takes);
    if what == "start" && status != "RUNNING" {
        let machine = body.text("machineType").and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        work.failure = insert::no_capacity(engine, key, machine);
    }
    engine.busy(key, Phase::Changing);
    if status != to && work.failure.is_none() {
        set_status(engine, key, through);
    }
    work.undo.push(Event::Status(key.clone(), if status == "RUNNING" { "RUNNING" } else { "TERMINATED" }));
    work.success = vec![Event::Replaced(key.clone(), next)];
    Ok(engine.start(work))
}

fn each_access(body: &mut Object, mut change: impl FnMut(&mut Object)) {
    let interfaces = body.get_mut("networkInterfaces").and_then(Value::as_array_mut).into_iter().flatten();
    for interface in interfaces {
        let access = interface.get_mut("accessConfigs").and_then(Value::as_array_mut).into_iter().flatten();
        access.filter_map(Value::as_object_mut).for_each(&mut change);
    }
}

/// An external address that was not reserved is lost by a stop.
fn take_addresses(engine: &Engine<'_>, body: &mut Object) {
    let reserved: Vec<String> = engine
        .project
        .all(super::super::kind::Kind::Address)
        .filter_map(|(_, stored)| stored.body.text("address").map(str::to_owned))
        .collect();
    each_access(body, |access| {
        if access.text("natIP").is_some_and(|ip| !reserved.iter().any(|other| other == ip)) {
            access.remove("natIP");
        }
    });
    fingerprint::renew(body, "fingerprint");
}

fn give_addresses(engine: &mut Engine<'_>, body: &mut Object) {
    each_access(body, |access| {
        if access.text("natIP").is_none() {
            access.insert("natIP".to_owned(), engine.external_ip().into());
        }
    });
    fingerprint::renew(body, "fingerprint");
}
