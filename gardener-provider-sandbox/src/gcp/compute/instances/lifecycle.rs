//! Starting, stopping and deleting instances.

use std::time::Duration;

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
    options::Durations,
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

/// A way from one status to another.
struct Turn {
    what: &'static str,
    from: &'static [&'static str],
    through: &'static str,
    to: &'static str,
    takes: Duration,
}

impl Turn {
    fn of(verb: &str, durations: &Durations) -> Option<Self> {
        let (start, stop) = (durations.instance_start, durations.instance_stop);
        let turn = |what, from, through, to, takes| Some(Self { what, from, through, to, takes });
        match verb {
            "start" => turn("start", &["TERMINATED", "RUNNING"], "STAGING", "RUNNING", start),
            "stop" => turn("stop", &["RUNNING", "TERMINATED"], "STOPPING", "TERMINATED", stop),
            "reset" => turn("reset", &["RUNNING"], "RUNNING", "RUNNING", durations.other),
            "suspend" => turn("suspend", &["RUNNING"], "SUSPENDING", "SUSPENDED", stop),
            "resume" => turn("resume", &["SUSPENDED"], "STAGING", "RUNNING", start),
            _ => None,
        }
    }
}

/// `start`, `stop`, `reset`, `suspend` and `resume`. A start or stop that changes nothing succeeds.
pub(super) fn run(engine: &mut Engine<'_>, key: &Key, verb: &str) -> Reply {
    let body = engine.idle(key)?.body.clone();
    let status = body.text("status").unwrap_or_default();
    let turn = Turn::of(verb, &engine.context.options().durations).ok_or_else(no_such_method)?;
    let Some(before) = turn.from.iter().find(|from| **from == status) else {
        let problem = format!("Instance in state {status} cannot {verb}.");
        return Err(GcpError::new(400, "invalid", problem));
    };
    let next = turned(engine, &turn, body.clone());
    let mut work = Work::new(turn.what, key.clone(), turn.takes);
    if turn.what == "start" && status != turn.to {
        let machine = body.text("machineType").and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        work.failure = insert::no_capacity(engine, key, machine);
    }
    engine.busy(key, Phase::Changing);
    if status != turn.to && work.failure.is_none() {
        set_status(engine, key, turn.through);
    }
    work.undo.push(Event::Status(key.clone(), before));
    work.success = vec![Event::Replaced(key.clone(), next)];
    Ok(engine.start(work))
}

/// The instance after the turn.
fn turned(engine: &mut Engine<'_>, turn: &Turn, mut next: Object) -> Object {
    let now = timestamp(engine.context.now);
    let stamp = match turn.to {
        "RUNNING" => "lastStartTimestamp",
        "TERMINATED" => "lastStopTimestamp",
        _ => "lastSuspendedTimestamp",
    };
    next.insert("status".to_owned(), turn.to.into());
    next.insert(stamp.to_owned(), now.into());
    match turn.to {
        "RUNNING" => give_addresses(engine, &mut next),
        "TERMINATED" => take_addresses(engine, &mut next),
        _ => {}
    }
    next
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
