//! Subnetworks.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/subnetworks>

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::{
    changes::{Draft, merge, replace},
    engine::Engine,
    fingerprint,
    kind::Kind,
    links::Key,
    names::{check_number, check_word, checked_name},
    no_such_method, ranges, routes,
};
use crate::gcp::{
    body::{Fields, Object, default},
    error::{GcpError, Reply},
};

const INTERVALS: [&str; 6] = [
    "INTERVAL_5_SEC",
    "INTERVAL_30_SEC",
    "INTERVAL_1_MIN",
    "INTERVAL_5_MIN",
    "INTERVAL_10_MIN",
    "INTERVAL_15_MIN",
];

pub(super) fn insert(engine: &mut Engine<'_>, key: &Key, mut body: Object) -> Result<Draft, GcpError> {
    let limit = engine.context.options().quotas.subnetworks;
    engine.quota(Kind::Subnetwork, "SUBNETWORKS", limit, "")?;
    let network = body.text("network").ok_or_else(|| GcpError::required("resource.network"))?;
    let (network, stored) = engine.existing("resource.network", network, Kind::Network)?;
    let network_body = stored.body.clone();
    let range = body.text("ipCidrRange").ok_or_else(|| GcpError::required("resource.ipCidrRange"))?;
    ranges::of_subnetwork("resource.ipCidrRange", range)?;
    check(&body)?;
    body.insert("network".to_owned(), engine.url(&network).into());
    check_ranges(engine, key, &body)?;
    let number = engine.serial();
    give_ipv6(&mut body, &network_body, number)?;
    let (project, network) = (&engine.project.id, engine.url(&network));
    let ranges = ranges::all_of(&body);
    let with =
        ranges.iter().map(|range| routes::to_range(project, key, &network, &range.to_string())).collect();
    complete(&mut body);
    Ok(Draft { with, ..body.into() })
}

/// The fields that the cloud fills in.
pub(super) fn complete(body: &mut Object) {
    let gateway = body.text("ipCidrRange").and_then(|range| range.parse::<Ipv4Net>().ok());
    if let Some(gateway) = gateway.and_then(|range| range.hosts().next()) {
        body.insert("gatewayAddress".to_owned(), gateway.to_string().into());
    }
    default(body, "privateIpGoogleAccess", false);
    default(body, "privateIpv6GoogleAccess", "DISABLE_GOOGLE_ACCESS");
    default(body, "purpose", "PRIVATE");
    default(body, "stackType", "IPV4_ONLY");
    let logs = body.flag("enableFlowLogs") == Some(true)
        || body.object("logConfig").is_some_and(|logs| logs.flag("enable") != Some(false));
    if logs {
        let mut config = body.object("logConfig").cloned().unwrap_or_default();
        default(&mut config, "enable", true);
        default(&mut config, "aggregationInterval", "INTERVAL_5_SEC");
        default(&mut config, "flowSampling", 0.5);
        default(&mut config, "metadata", "EXCLUDE_ALL_METADATA");
        body.insert("logConfig".to_owned(), Value::Object(config));
        body.insert("enableFlowLogs".to_owned(), true.into());
    } else {
        body.insert("enableFlowLogs".to_owned(), false.into());
        body.insert("logConfig".to_owned(), json!({ "enable": false }));
    }
    fingerprint::renew(body, "fingerprint");
}

fn check(body: &Object) -> Result<(), GcpError> {
    let at = "resource";
    check_word(body, at, "stackType", &["IPV4_ONLY", "IPV4_IPV6"])?;
    check_word(body, at, "ipv6AccessType", &["EXTERNAL", "INTERNAL"])?;
    let purposes = [
        "PRIVATE",
        "REGIONAL_MANAGED_PROXY",
        "GLOBAL_MANAGED_PROXY",
        "PRIVATE_SERVICE_CONNECT",
        "PRIVATE_NAT",
    ];
    check_word(body, at, "purpose", &purposes)?;
    check_word(body, at, "role", &["ACTIVE", "BACKUP"])?;
    if let Some(logs) = body.object("logConfig") {
        let at = "resource.logConfig";
        check_word(logs, at, "aggregationInterval", &INTERVALS)?;
        let metadata = ["INCLUDE_ALL_METADATA", "EXCLUDE_ALL_METADATA", "CUSTOM_METADATA"];
        check_word(logs, at, "metadata", &metadata)?;
        let sampling = logs.get("flowSampling").filter(|value| !value.is_null());
        if sampling.is_some_and(|value| !value.as_f64().is_some_and(|rate| (0.0..=1.0).contains(&rate))) {
            let value = sampling.map(Value::to_string).unwrap_or_default();
            let problem = "Must be a number between 0.0 and 1.0.";
            return Err(GcpError::invalid("resource.logConfig.flowSampling", &value, problem));
        }
    }
    check_number(body, at, "ipv6PrefixLength", 64..=64)
}

/// The ranges must be good, and apart from each other and from those of the network's other subnetworks.
fn check_ranges(engine: &Engine<'_>, key: &Key, body: &Object) -> Result<(), GcpError> {
    let mut names = BTreeSet::new();
    for (index, range) in body.list("secondaryIpRanges").iter().enumerate() {
        let at = format!("resource.secondaryIpRanges[{index}]");
        let range = range.as_object().ok_or_else(|| GcpError::invalid(&at, "", "Must be an object."))?;
        let name = range.text("rangeName").ok_or_else(|| GcpError::required(&format!("{at}.rangeName")))?;
        checked_name(&format!("{at}.rangeName"), name)?;
        if !names.insert(name) {
            return Err(GcpError::invalid(&format!("{at}.rangeName"), name, "The range name is used twice."));
        }
        let cidr =
            range.text("ipCidrRange").ok_or_else(|| GcpError::required(&format!("{at}.ipCidrRange")))?;
        ranges::of_subnetwork(&format!("{at}.ipCidrRange"), cidr)?;
    }
    let own = ranges::all_of(body);
    for (index, range) in own.iter().enumerate() {
        if own[..index].iter().any(|other| overlap(*other, *range)) {
            let problem =
                format!("Invalid IPCidrRange: {range} conflicts with another range of the subnetwork.");
            return Err(GcpError::new(400, "invalid", problem));
        }
    }
    for (other, stored) in engine.project.all(Kind::Subnetwork) {
        if other == key || stored.body.get("network") != body.get("network") {
            continue;
        }
        let theirs = ranges::all_of(&stored.body);
        if let Some(range) = own.iter().find(|range| theirs.iter().any(|other| overlap(*other, **range))) {
            let problem = format!(
                "Invalid IPCidrRange: {range} conflicts with existing subnetwork '{}' in region '{}'.",
                other.name,
                other.scope.name()
            );
            return Err(GcpError::new(400, "invalid", problem));
        }
    }
    Ok(())
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// A dual-stack subnetwork has a /64, from Google's or from its network's.
fn give_ipv6(body: &mut Object, network: &Object, number: u32) -> Result<(), GcpError> {
    if body.text("stackType") != Some("IPV4_IPV6") {
        if body.contains_key("ipv6AccessType") {
            let value = body.text("ipv6AccessType").unwrap_or_default();
            let problem = "The field is for subnetworks with stack type IPV4_IPV6.";
            return Err(GcpError::invalid("resource.ipv6AccessType", value, problem));
        }
        return Ok(());
    }
    match body.text("ipv6AccessType") {
        Some("EXTERNAL") => {
            default(body, "externalIpv6Prefix", ranges::external_ipv6(number));
            let range = body["externalIpv6Prefix"].clone();
            body.insert("ipv6CidrRange".to_owned(), range);
        }
        Some(_) => {
            let Some(all) = network.text("internalIpv6Range") else {
                let problem = "The network has no internal IPv6 range: set enableUlaInternalIpv6 first.";
                return Err(GcpError::invalid("resource.ipv6AccessType", "INTERNAL", problem));
            };
            if let Some(range) = ranges::ipv6_subnetwork(all, number) {
                default(body, "internalIpv6Prefix", range);
            }
            let range = body.get("internalIpv6Prefix").cloned().unwrap_or_default();
            body.insert("ipv6CidrRange".to_owned(), range);
        }
        None => return Err(GcpError::required("resource.ipv6AccessType")),
    }
    Ok(())
}

pub(super) fn patch(engine: &mut Engine<'_>, key: &Key, change: &Object) -> Result<Object, GcpError> {
    let current = engine.idle(key)?.body.clone();
    if change.text("fingerprint").is_none() {
        return Err(GcpError::required("resource.fingerprint"));
    }
    let message = "Supplied fingerprint does not match current";
    fingerprint::check(change, "fingerprint", current.text("fingerprint"), message)?;
    check_fixed(engine, &current, change)?;
    check_new_ranges(&current, change)?;
    let mut next = current.clone();
    merge(&mut next, change);
    for fixed in FIXED {
        match current.get(fixed) {
            Some(value) => next.insert(fixed.to_owned(), value.clone()),
            None => next.remove(fixed),
        };
    }
    check(&next)?;
    check_ranges(engine, key, &next)?;
    check_ranges_in_use(engine, key, &next)?;
    // Of the two switches for flow logs the one that is given counts.
    if change.contains_key("enableFlowLogs") && !change.contains_key("logConfig") {
        let enable = next.get("enableFlowLogs").cloned().unwrap_or_default();
        let mut logs = next.object("logConfig").cloned().unwrap_or_default();
        logs.insert("enable".to_owned(), enable);
        next.insert("logConfig".to_owned(), Value::Object(logs));
    } else {
        next.remove("enableFlowLogs");
    }
    let network =
        engine.key("resource.network", current.text("network").unwrap_or_default(), Kind::Network)?;
    let network =
        engine.project.resources.get(&network).map(|stored| stored.body.clone()).unwrap_or_default();
    let number = engine.serial();
    give_ipv6(&mut next, &network, number)?;
    complete(&mut next);
    Ok(next)
}

/// What a patch cannot change.
const FIXED: [&str; 5] = ["name", "network", "region", "ipCidrRange", "description"];

/// A patch may repeat what it cannot change, except for the region.
fn check_fixed(engine: &Engine<'_>, current: &Object, change: &Object) -> Result<(), GcpError> {
    let key = |body: &Object| {
        engine.key("resource.network", body.text("network").unwrap_or_default(), Kind::Network).ok()
    };
    let same = |field: &str| match field {
        "region" => false,
        "network" => key(change) == key(current),
        _ => change.get(field) == current.get(field),
    };
    let changed: Vec<&str> =
        FIXED.into_iter().filter(|field| change.text(field).is_some() && !same(field)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "The following field(s) specified in the request cannot be modified: [{}]",
        changed.join(", ")
    );
    Err(GcpError::invalid("resource", &Value::Object(change.clone()).to_string(), &problem))
}

/// Secondary ranges are added or removed, one or the other; one that is there keeps its addresses.
fn check_new_ranges(current: &Object, change: &Object) -> Result<(), GcpError> {
    if !change.contains_key("secondaryIpRanges") {
        return Ok(());
    }
    let of = |body: &Object| -> BTreeMap<String, String> {
        let ranges = body.list("secondaryIpRanges").iter().filter_map(Value::as_object);
        let pair = |range: &Object| {
            Some((
                range.text("rangeName")?.to_owned(),
                range.text("ipCidrRange").unwrap_or_default().to_owned(),
            ))
        };
        ranges.filter_map(pair).collect()
    };
    let (before, after) = (of(current), of(change));
    for (index, (name, cidr)) in after.iter().enumerate() {
        if before.get(name).is_some_and(|before| before != cidr) {
            let field = format!("resource.secondaryIpRanges[{index}].ipCidrRange");
            let problem = format!("Existing secondary range cannot be modified: {cidr}.");
            return Err(GcpError::invalid(&field, cidr, &problem));
        }
    }
    let only = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| -> Vec<String> {
        a.iter().filter(|(name, _)| !b.contains_key(*name)).map(|(_, cidr)| cidr.clone()).collect()
    };
    let (added, removed) = (only(&after, &before), only(&before, &after));
    if added.is_empty() || removed.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "Cannot add and remove secondary IP ranges in the same request. Added ranges: [{}]. Removed ranges: [{}].",
        added.join(", "),
        removed.join(", ")
    );
    Err(GcpError::invalid("resource.secondaryIpRanges", "", &problem))
}

/// A secondary range that an instance has a part of stays.
fn check_ranges_in_use(engine: &Engine<'_>, key: &Key, next: &Object) -> Result<(), GcpError> {
    let kept: BTreeSet<&str> = next
        .list("secondaryIpRanges")
        .iter()
        .filter_map(Value::as_object)
        .filter_map(|range| range.text("rangeName"))
        .collect();
    let own = engine.url(key);
    for (instance, stored) in engine.project.all(Kind::Instance) {
        for interface in stored.body.list("networkInterfaces").iter().filter_map(Value::as_object) {
            let aliases = interface.list("aliasIpRanges").iter().filter_map(Value::as_object);
            let mut names = aliases.filter_map(|alias| alias.text("subnetworkRangeName"));
            if interface.text("subnetwork") == Some(own.as_str()) && names.any(|name| !kept.contains(name)) {
                let (path, user) = (key.path(&engine.project.id), instance.path(&engine.project.id));
                return Err(GcpError::in_use("subnetwork", &path, &user));
            }
        }
    }
    Ok(())
}

pub(super) fn verb(engine: &mut Engine<'_>, key: &Key, verb: &str, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    match verb {
        "expandIpCidrRange" => {
            let asked = body.text("ipCidrRange").ok_or_else(|| GcpError::required("resource.ipCidrRange"))?;
            let range = ranges::of_subnetwork("resource.ipCidrRange", asked)?;
            let current = next.text("ipCidrRange").and_then(|range| range.parse::<Ipv4Net>().ok());
            if !current.is_some_and(|current| range.contains(&current) && range != current) {
                let problem = "The new range must contain the old one and be larger.";
                return Err(GcpError::invalid("resource.ipCidrRange", asked, problem));
            }
            next.insert("ipCidrRange".to_owned(), asked.into());
            check_ranges(engine, key, &next)?;
            complete(&mut next);
            Ok(replace(engine, key, "expandIpCidrRange", next))
        }
        "setPrivateIpGoogleAccess" => {
            let on = body.flag("privateIpGoogleAccess").unwrap_or_default();
            next.insert("privateIpGoogleAccess".to_owned(), on.into());
            complete(&mut next);
            Ok(replace(engine, key, "setPrivateIpGoogleAccess", next))
        }
        _ => Err(no_such_method()),
    }
}

/// The subnetworks of an auto mode network go with it only.
pub(super) fn check_deletion(engine: &Engine<'_>, key: &Key) -> Result<(), GcpError> {
    let stored = engine.idle(key)?;
    match &stored.owner {
        None => Ok(()),
        Some(_) => Err(GcpError::invalid(
            "subnetwork",
            &key.name,
            "Cannot delete auto subnetwork from an auto subnet mode network.",
        )),
    }
}
