//! What load balancing leaves in a project, as far as cleaning up needs it: forwarding rules, target pools, instance
//! groups, backend services, health checks.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/forwardingRules>

use serde_json::{Value, json};

use super::{
    changes::replace,
    engine::Engine,
    fingerprint,
    kind::Kind,
    links::{Key, Link},
    names::check_word,
    no_such_method,
};
use crate::gcp::{
    body::{Fields, Object, default},
    error::{GcpError, Reply},
};

/// Fields that name other resources, by kind.
const REFERENCES: [(&str, Option<Kind>); 4] = [
    ("network", Some(Kind::Network)),
    ("subnetwork", Some(Kind::Subnetwork)),
    ("backendService", Some(Kind::BackendService)),
    ("target", None),
];

pub(super) fn insert(engine: &mut Engine<'_>, kind: Kind, mut body: Object) -> Result<Object, GcpError> {
    for (name, wanted) in REFERENCES {
        let Some(text) = body.text(name).map(str::to_owned) else { continue };
        let url = reference(engine, &format!("resource.{name}"), &text, wanted)?;
        body.insert(name.to_owned(), url.into());
    }
    for name in ["instances", "healthChecks"] {
        let urls: Vec<String> = body
            .texts(name)
            .into_iter()
            .map(|text| reference(engine, &format!("resource.{name}"), text, None))
            .collect::<Result<_, _>>()?;
        if !urls.is_empty() {
            body.insert(name.to_owned(), urls.into());
        }
    }
    match kind {
        Kind::ForwardingRule => forwarding_rule(engine, &mut body)?,
        Kind::TargetPool => default(&mut body, "sessionAffinity", "NONE"),
        Kind::InstanceGroup => default(&mut body, "size", 0),
        _ => {}
    }
    if matches!(kind, Kind::InstanceGroup | Kind::BackendService | Kind::ForwardingRule) {
        fingerprint::renew(&mut body, "fingerprint");
    }
    Ok(body)
}

fn forwarding_rule(engine: &mut Engine<'_>, body: &mut Object) -> Result<(), GcpError> {
    let schemes = ["EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED"];
    check_word(body, "resource", "loadBalancingScheme", &schemes)?;
    default(body, "loadBalancingScheme", "EXTERNAL");
    default(body, "IPProtocol", "TCP");
    default(body, "networkTier", "PREMIUM");
    if body.text("target").is_none() && body.text("backendService").is_none() {
        return Err(GcpError::required("resource.target"));
    }
    let address = match body.text("IPAddress") {
        None => engine.external_ip(),
        Some(text) if Link::parse(text, &engine.project.id).is_some() => {
            let (_, stored) = engine.existing("resource.IPAddress", text, Kind::Address)?;
            stored.body.text("address").unwrap_or_default().to_owned()
        }
        Some(text) => text.to_owned(),
    };
    body.insert("IPAddress".to_owned(), address.into());
    fingerprint::renew_labels(body);
    Ok(())
}

fn reference(engine: &Engine<'_>, field: &str, text: &str, kind: Option<Kind>) -> Result<String, GcpError> {
    let link = Link::parse(text, &engine.project.id).ok_or_else(|| {
        GcpError::invalid(field, text, "The URL is malformed or of a kind that the sandbox does not have.")
    })?;
    let (key, _) = engine.existing(field, text, kind.unwrap_or(link.key.kind))?;
    Ok(engine.url(&key))
}

/// Instances are added to pools and groups, and taken away.
pub(super) fn verb(engine: &mut Engine<'_>, key: &Key, verb: &str, body: &Object) -> Reply {
    let (what, add) = match verb {
        "addInstance" | "addInstances" => ("addInstances", true),
        "removeInstance" | "removeInstances" => ("removeInstances", false),
        _ => return Err(no_such_method()),
    };
    let mut next = engine.idle(key)?.body.clone();
    let mut instances: Vec<Value> = next.list("instances").to_vec();
    for given in body.list("instances") {
        let url = given["instance"].as_str().ok_or_else(|| GcpError::required("instances[].instance"))?;
        let url = Value::from(reference(engine, "instances", url, Some(Kind::Instance))?);
        instances.retain(|other| *other != url);
        if add {
            instances.push(url);
        }
    }
    if key.kind == Kind::InstanceGroup {
        next.insert("size".to_owned(), instances.len().into());
    }
    next.insert("instances".to_owned(), instances.into());
    Ok(replace(engine, key, what, next))
}

/// The instances of a group.
pub(super) fn list_instances(engine: &Engine<'_>, key: &Key) -> Reply {
    let stored = engine.project.resources.get(key);
    let stored = stored.ok_or_else(|| GcpError::not_found(&key.path(&engine.project.id)))?;
    let items: Vec<Value> = stored
        .body
        .texts("instances")
        .into_iter()
        .map(|instance| json!({ "instance": instance, "status": "RUNNING" }))
        .collect();
    let path = format!("{}/listInstances", key.path(&engine.project.id));
    let mut reply = json!({
        "kind": "compute#instanceGroupsListInstances",
        "id": path,
        "selfLink": super::links::url(&path),
    });
    if !items.is_empty() {
        reply["items"] = items.into();
    }
    Ok(reply)
}
