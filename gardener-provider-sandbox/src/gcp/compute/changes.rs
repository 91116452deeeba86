//! What changes something: creation, deletion, update, and the verbs.

use serde_json::Value;

use super::{
    addresses, balancing, disks,
    engine::{Engine, Work},
    firewalls, instances,
    kind::Kind,
    links::Key,
    names, networks, no_such_method,
    operations::Failure,
    policies,
    project::{Event, Phase},
    routers, routes, subnetworks,
};
use crate::gcp::{
    body::{Object, drop_nulls},
    error::{GcpError, Reply},
};
use std::time::Duration;

/// A creation that was found good.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) body: Object,
    /// What is created with it.
    pub(super) with: Vec<(Key, Object, Option<Key>)>,
    pub(super) failure: Option<Failure>,
    pub(super) meanwhile: Vec<(Duration, Event)>,
    /// When it has succeeded, besides being ready.
    pub(super) success: Vec<Event>,
}

impl From<Object> for Draft {
    fn from(body: Object) -> Self {
        Self { body, ..Self::default() }
    }
}

/// What a creation may name but only the cloud decides.
const OUTPUT_ONLY: [&str; 17] = [
    "id",
    "kind",
    "selfLink",
    "selfLinkWithId",
    "creationTimestamp",
    "status",
    "users",
    "subnetworks",
    "gatewayAddress",
    "gatewayIPv4",
    "state",
    "cpuPlatform",
    "lastStartTimestamp",
    "lastStopTimestamp",
    "resourceStatus",
    "routeType",
    "size",
];

pub(super) fn insert(engine: &mut Engine<'_>, kind: Kind, body: Object) -> Reply {
    let mut body = Value::Object(body);
    drop_nulls(&mut body);
    let Value::Object(mut body) = body else { return Err(no_such_method()) };
    body.retain(|name, _| !OUTPUT_ONLY.contains(&name.as_str()));
    if kind.is_catalog() || kind == Kind::Operation {
        return Err(no_such_method());
    }
    let key = Key::new(kind, engine.target.scope.clone(), names::resource_name(&body)?);
    if engine.project.resources.contains_key(&key) {
        return Err(GcpError::already_exists(&key.path(&engine.project.id)));
    }
    names::check_labels(&body, "resource.labels")?;
    let draft = match kind {
        Kind::Network => networks::insert(engine, &key, body)?,
        Kind::Subnetwork => subnetworks::insert(engine, &key, body)?,
        Kind::Router => routers::insert(engine, body)?.into(),
        Kind::Address => addresses::insert(engine, &key, body)?.into(),
        Kind::Firewall => firewalls::insert(engine, body)?.into(),
        Kind::Route => routes::insert(engine, body)?.into(),
        Kind::Instance => instances::insert(engine, &key, body)?,
        Kind::Disk => disks::insert(engine, &key, body)?.into(),
        Kind::ResourcePolicy | Kind::Reservation => policies::insert(kind, body)?.into(),
        Kind::ForwardingRule
        | Kind::TargetPool
        | Kind::InstanceGroup
        | Kind::BackendService
        | Kind::HealthCheck => balancing::insert(engine, kind, body)?.into(),
        Kind::Image | Kind::MachineType | Kind::DiskType | Kind::AcceleratorType | Kind::Operation => {
            return Err(no_such_method());
        }
    };
    let mut work = Work::new("insert", key.clone(), takes(engine, kind));
    (work.failure, work.meanwhile) = (draft.failure, draft.meanwhile);
    let mut made = vec![key.clone()];
    engine.store(&key, draft.body, None);
    for (with, body, owner) in draft.with {
        engine.store(&with, body, owner);
        made.push(with);
    }
    work.success = made.iter().cloned().map(Event::Ready).chain(draft.success).collect();
    work.undo = made.into_iter().map(Event::Removed).collect();
    Ok(engine.start(work))
}

pub(super) fn delete(engine: &mut Engine<'_>, key: &Key) -> Reply {
    engine.idle(key)?;
    if let Some(user) = engine.project.user_of(key) {
        let path = key.path(&engine.project.id);
        return Err(GcpError::in_use(key.kind.word(), &path, &user));
    }
    let mut removed = vec![key.clone()];
    match key.kind {
        Kind::Instance => removed.extend(instances::delete(engine, key)?),
        Kind::Network => networks::check_deletion(engine, key)?,
        Kind::Subnetwork => subnetworks::check_deletion(engine, key)?,
        Kind::Route => routes::check_deletion(engine, key)?,
        _ => {}
    }
    engine.busy(key, Phase::Deleting);
    let takes = match key.kind {
        Kind::Instance => engine.context.options().durations.instance_stop,
        kind => takes(engine, kind),
    };
    let mut work = Work::new("delete", key.clone(), takes);
    work.success = removed.into_iter().map(Event::Removed).collect();
    Ok(engine.start(work))
}

/// `whole` is true for `PUT`.
pub(super) fn update(engine: &mut Engine<'_>, key: &Key, body: Object, whole: bool) -> Reply {
    engine.idle(key)?;
    let next = match key.kind {
        Kind::Network => networks::patch(engine, key, &body)?,
        Kind::Subnetwork if !whole => subnetworks::patch(engine, key, &body)?,
        Kind::Router => routers::update(engine, key, body, whole)?,
        Kind::Firewall => firewalls::update(engine, key, body, whole)?,
        Kind::Disk if !whole => disks::update(engine, key, &body)?,
        _ => return Err(no_such_method()),
    };
    Ok(replace(engine, key, if whole { "update" } else { "patch" }, next))
}

/// Starts an operation that ends with the resource being `next`.
pub(super) fn replace(engine: &mut Engine<'_>, key: &Key, what: &'static str, mut next: Object) -> Value {
    if let Some(stored) = engine.project.resources.get(key) {
        for own in ["kind", "id", "name", "creationTimestamp", "selfLink", "region", "zone"] {
            match stored.body.get(own) {
                Some(value) => next.insert(own.to_owned(), value.clone()),
                None => next.remove(own),
            };
        }
    }
    engine.busy(key, Phase::Changing);
    let mut work = Work::new(what, key.clone(), takes(engine, key.kind));
    work.success = vec![Event::Replaced(key.clone(), next)];
    engine.start(work)
}

pub(super) fn verb(engine: &mut Engine<'_>, key: &Key, verb: &str, body: Object) -> Reply {
    let method = engine.target.verb();
    match (key.kind, verb, method) {
        (Kind::Router, "getRouterStatus", "GET") => routers::status(engine, key),
        (Kind::Router, "getNatMappingInfo", "GET") => routers::mappings(engine, key),
        (Kind::Router, "getNatIpInfo", "GET") => routers::nat_ips(engine, key),
        (Kind::Instance, "serialPort", "GET") => instances::serial_port(engine, key),
        (Kind::InstanceGroup, "listInstances", "POST") => balancing::list_instances(engine, key),
        (_, "testIamPermissions", "POST") => {
            engine.get(key)?;
            Ok(serde_json::json!({ "permissions": body.get("permissions").cloned().unwrap_or_default() }))
        }
        (_, "setLabels", "POST") => engine.once(|engine| instances::set_labels(engine, key, &body)),
        (Kind::Network, "switchToCustomMode", "POST") => {
            engine.once(|engine| networks::switch_to_custom_mode(engine, key))
        }
        (Kind::Subnetwork, verb, "POST") => engine.once(|engine| subnetworks::verb(engine, key, verb, &body)),
        (Kind::Disk, verb, "POST") => engine.once(|engine| disks::verb(engine, key, verb, &body)),
        (Kind::Instance, verb, _) => engine.once(|engine| instances::verb(engine, key, verb, &body)),
        (Kind::TargetPool | Kind::InstanceGroup, verb, "POST") => {
            engine.once(|engine| balancing::verb(engine, key, verb, &body))
        }
        _ => Err(no_such_method()),
    }
}

/// How long a change of such a resource takes.
pub(super) fn takes(engine: &Engine<'_>, kind: Kind) -> Duration {
    let durations = &engine.context.options().durations;
    match kind {
        Kind::Instance => durations.instance_start,
        Kind::Network | Kind::Subnetwork => durations.network,
        Kind::Router => durations.router,
        _ => durations.other,
    }
}

/// Puts `change` over `current` as `PATCH` does: objects are merged, everything else is replaced, null removes.
pub(super) fn merge(current: &mut Object, change: &Object) {
    for (name, value) in change {
        match (current.get_mut(name), value) {
            (_, Value::Null) => {
                current.remove(name);
            }
            (Some(Value::Object(current)), Value::Object(change)) => merge(current, change),
            (_, value) => {
                current.insert(name.clone(), value.clone());
            }
        }
    }
}
