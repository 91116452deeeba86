//! Routes.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/routes>

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{
    catalog::project_number,
    engine::Engine,
    kind::Kind,
    links::{Key, Link, Scope, url},
    names::{check_number, check_tags},
    project::{Birth, Phase, Project},
    ranges,
};
use crate::gcp::{
    body::{Fields, Object, default},
    error::GcpError,
};

const HOPS: [&str; 8] = [
    "nextHopGateway",
    "nextHopInstance",
    "nextHopIp",
    "nextHopIlb",
    "nextHopVpnTunnel",
    "nextHopNetwork",
    "nextHopPeering",
    "nextHopHub",
];

pub(super) fn insert(engine: &mut Engine<'_>, mut body: Object) -> Result<Object, GcpError> {
    let limit = engine.context.options().quotas.routes;
    engine.quota(Kind::Route, "ROUTES", limit, "")?;
    let network = body.text("network").ok_or_else(|| GcpError::required("resource.network"))?;
    let (network, _) = engine.existing("resource.network", network, Kind::Network)?;
    let range = body.text("destRange").ok_or_else(|| GcpError::required("resource.destRange"))?;
    ranges::any("resource.destRange", range)?;
    check_number(&body, "resource", "priority", 0..=65_535)?;
    check_tags(&body.texts("tags"), "resource.tags")?;
    let given: Vec<&str> = HOPS.into_iter().filter(|hop| body.text(hop).is_some()).collect();
    let [hop] = given.as_slice() else {
        let problem = "Exactly one next hop must be specified.";
        return Err(GcpError::invalid("resource.nextHop", &given.join(", "), problem));
    };
    let next = next_hop(engine, hop, body.text(hop).unwrap_or_default())?;
    body.insert((*hop).to_owned(), next.into());
    body.insert("network".to_owned(), engine.url(&network).into());
    default(&mut body, "priority", 1000);
    body.insert("routeType".to_owned(), "STATIC".into());
    Ok(body)
}

fn next_hop(engine: &Engine<'_>, hop: &str, value: &str) -> Result<String, GcpError> {
    let field = format!("resource.{hop}");
    match hop {
        "nextHopGateway" => {
            let path = format!("projects/{}/global/gateways/default-internet-gateway", engine.project.id);
            let given = value.ends_with("global/gateways/default-internet-gateway");
            let problem = "The only gateway is global/gateways/default-internet-gateway.";
            if given { Ok(url(&path)) } else { Err(GcpError::invalid(&field, value, problem)) }
        }
        "nextHopInstance" => {
            let (key, _) = engine.existing(&field, value, Kind::Instance)?;
            Ok(engine.url(&key))
        }
        "nextHopIp" => {
            let ip: Result<std::net::IpAddr, _> = value.parse();
            ip.map(|ip| ip.to_string())
                .map_err(|_| GcpError::invalid(&field, value, "Must be an IP address."))
        }
        "nextHopIlb" => match Link::parse(value, &engine.project.id) {
            Some(link) => Ok(link.url()),
            None => Ok(value.to_owned()),
        },
        _ => Err(GcpError::invalid(&field, value, "The sandbox has no such next hops.")),
    }
}

/// The route to the internet that a network has from the start.
pub(super) fn to_the_internet(project: &str, network: &Key) -> (Key, Object, Option<Key>) {
    let gateway = url(&format!("projects/{project}/global/gateways/default-internet-gateway"));
    let (own, range) = (network.url(project), "0.0.0.0/0");
    let body = json!({
        "network": own,
        "destRange": range,
        "nextHopGateway": gateway,
        "priority": 1000,
        "routeType": "STATIC",
        "description": "Default route to the Internet.",
    });
    automatic(&own, range, body, network)
}

/// The route that makes a range of a subnetwork reachable within its network.
pub(super) fn to_range(
    project: &str,
    subnetwork: &Key,
    network: &str,
    range: &str,
) -> (Key, Object, Option<Key>) {
    let body = json!({
        "network": network,
        "destRange": range,
        "nextHopNetwork": network,
        "priority": 0,
        "routeType": "SUBNET",
        "description": format!("Default local route to the subnetwork {range}."),
    });
    automatic(&subnetwork.url(project), range, body, subnetwork)
}

fn automatic(of: &str, range: &str, body: Value, owner: &Key) -> (Key, Object, Option<Key>) {
    let name = format!("default-route-{:016x}", project_number(&format!("{of} {range}")));
    let body = body.as_object().cloned().unwrap_or_default();
    (Key::new(Kind::Route, Scope::Global, name), body, Some(owner.clone()))
}

/// Lets the routes to a subnetwork follow its ranges.
pub(super) fn follow(project: &mut Project, subnetwork: &Key, now: SystemTime) {
    let Some(stored) = project.resources.get(subnetwork) else { return };
    let network = stored.body.text("network").unwrap_or_default().to_owned();
    let ranges = ranges::all_of(&stored.body);
    let wanted: Vec<_> =
        ranges.iter().map(|range| to_range(&project.id, subnetwork, &network, &range.to_string())).collect();
    let own: Vec<Key> = project.owned_by(subnetwork).cloned().collect();
    for key in own {
        if !wanted.iter().any(|(route, ..)| *route == key) {
            project.resources.remove(&key);
        }
    }
    for (key, body, owner) in wanted {
        if !project.resources.contains_key(&key) {
            let id = project_number(&key.name);
            project.store(&key, body, Birth { id, at: now, listed_from: now, owner, phase: Phase::Ready });
        }
    }
}

/// The routes to subnetworks stay as long as these.
pub(super) fn check_deletion(engine: &Engine<'_>, key: &Key) -> Result<(), GcpError> {
    let local = engine.idle(key)?.body.text("routeType") == Some("SUBNET");
    if local {
        return Err(GcpError::invalid("route", &key.name, "The local route cannot be deleted."));
    }
    Ok(())
}
