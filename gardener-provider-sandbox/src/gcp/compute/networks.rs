//! VPC networks.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/networks>

use serde_json::{Value, json};

use super::{
    changes::{Draft, merge, replace},
    engine::Engine,
    kind::Kind,
    links::{Key, Scope},
    names::{check_number, check_word},
    ranges, routes, subnetworks,
};
use crate::gcp::{
    body::{Fields, Object, default},
    error::{GcpError, Reply},
};

pub(super) fn insert(engine: &mut Engine<'_>, key: &Key, mut body: Object) -> Result<Draft, GcpError> {
    let limit = engine.context.options().quotas.networks;
    engine.quota(Kind::Network, "NETWORKS", limit, "")?;
    check(&body)?;
    if body.contains_key("IPv4Range") {
        let problem = "Legacy networks are no longer supported.";
        return Err(GcpError::invalid("resource.IPv4Range", "", problem));
    }
    default(&mut body, "autoCreateSubnetworks", true);
    default(&mut body, "mtu", 1460);
    default(&mut body, "networkFirewallPolicyEnforcementOrder", "AFTER_CLASSIC_FIREWALL");
    default(&mut body, "routingConfig", json!({ "routingMode": "REGIONAL" }));
    let id = engine.serial();
    give_internal_range(&mut body, id);
    let own = engine.url(key);
    let mut with = vec![routes::to_the_internet(&engine.project.id, key)];
    if body.flag("autoCreateSubnetworks") == Some(true) {
        with.extend(auto_subnetworks(engine, key, &own));
    }
    Ok(Draft { with, ..body.into() })
}

fn check(body: &Object) -> Result<(), GcpError> {
    check_number(body, "resource", "mtu", 1300..=8896)?;
    let orders = ["AFTER_CLASSIC_FIREWALL", "BEFORE_CLASSIC_FIREWALL"];
    check_word(body, "resource", "networkFirewallPolicyEnforcementOrder", &orders)?;
    if let Some(routing) = body.object("routingConfig") {
        check_word(routing, "resource.routingConfig", "routingMode", &["REGIONAL", "GLOBAL"])?;
    }
    Ok(())
}

/// A network with internal IPv6 has a range for it, its own choice or one that is assigned.
fn give_internal_range(body: &mut Object, number: u32) {
    if body.flag("enableUlaInternalIpv6") == Some(true) {
        default(body, "internalIpv6Range", ranges::internal_ipv6(number));
    }
}

/// An auto mode network has a /20 of 10.128.0.0/9 in every region.
fn auto_subnetworks(engine: &mut Engine<'_>, network: &Key, url: &str) -> Vec<(Key, Object, Option<Key>)> {
    let regions: Vec<String> =
        engine.context.options().regions.iter().map(|(region, _)| region.clone()).collect();
    let mut made = Vec::new();
    for (index, region) in regions.into_iter().enumerate() {
        let range = format!("10.{}.{}.0/20", 128 + index / 16, index % 16 * 16);
        let key = Key::new(Kind::Subnetwork, Scope::Region(region), network.name.clone());
        if engine.project.resources.contains_key(&key) {
            continue;
        }
        let mut body = Object::new();
        body.insert("network".to_owned(), url.into());
        body.insert("ipCidrRange".to_owned(), range.into());
        subnetworks::complete(&mut body);
        let range = body.text("ipCidrRange").unwrap_or_default();
        let route = routes::to_range(&engine.project.id, &key, url, range);
        made.push((key, body, Some(network.clone())));
        made.push(route);
    }
    made
}

pub(super) fn patch(engine: &mut Engine<'_>, key: &Key, change: &Object) -> Result<Object, GcpError> {
    check(change)?;
    let mut next = engine.idle(key)?.body.clone();
    for fixed in ["name", "autoCreateSubnetworks", "IPv4Range"] {
        if change.get(fixed).is_some_and(|value| next.get(fixed) != Some(value)) {
            let problem = "The field cannot be changed by a patch.";
            let value = change[fixed].as_str().map_or_else(|| change[fixed].to_string(), str::to_owned);
            return Err(GcpError::invalid(&format!("resource.{fixed}"), &value, problem));
        }
    }
    let allowed = [
        "mtu",
        "routingConfig",
        "networkFirewallPolicyEnforcementOrder",
        "enableUlaInternalIpv6",
        "internalIpv6Range",
        "description",
    ];
    let change: Object = change
        .iter()
        .filter(|(name, _)| allowed.contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    merge(&mut next, &change);
    let id = engine.serial();
    give_internal_range(&mut next, id);
    Ok(next)
}

pub(super) fn switch_to_custom_mode(engine: &mut Engine<'_>, key: &Key) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    next.insert("autoCreateSubnetworks".to_owned(), Value::Bool(false));
    // The subnetworks stay and are from now on the user's.
    for (other, stored) in &mut engine.project.resources {
        if other.kind == Kind::Subnetwork && stored.owner.as_ref() == Some(key) {
            stored.owner = None;
        }
    }
    Ok(replace(engine, key, "switchToCustomMode", next))
}

/// What a network brought with it goes with it, unless it is in use.
pub(super) fn check_deletion(engine: &Engine<'_>, key: &Key) -> Result<(), GcpError> {
    for owned in engine.project.owned_by(key) {
        if let Some(user) = engine.project.user_of(owned) {
            let path = owned.path(&engine.project.id);
            return Err(GcpError::in_use(owned.kind.word(), &path, &user));
        }
    }
    Ok(())
}
