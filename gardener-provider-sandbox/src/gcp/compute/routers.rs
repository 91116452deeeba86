//! Cloud Routers and their NATs.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/routers>,
//! <https://cloud.google.com/nat/docs/overview>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    catalog::project_number,
    changes::merge,
    engine::Engine,
    kind::Kind,
    links::Key,
    names::{check_number, check_word, checked_name},
};
use crate::gcp::{
    body::{Fields, Object, default, drop_nulls},
    error::{GcpError, Reply},
};

const ALL_RANGES: [&str; 3] =
    ["ALL_SUBNETWORKS_ALL_IP_RANGES", "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES", "LIST_OF_SUBNETWORKS"];

pub(super) fn insert(engine: &mut Engine<'_>, mut body: Object) -> Result<Object, GcpError> {
    let limit = engine.context.options().quotas.routers;
    engine.quota(Kind::Router, "ROUTERS", limit, "")?;
    let network = body.text("network").ok_or_else(|| GcpError::required("resource.network"))?;
    let (network, _) = engine.existing("resource.network", network, Kind::Network)?;
    body.insert("network".to_owned(), engine.url(&network).into());
    default(&mut body, "encryptedInterconnectRouter", false);
    complete_nats(engine, &mut body)?;
    Ok(body)
}

/// `whole` is true for `PUT`. Lists, such as that of the NATs, are replaced by either.
pub(super) fn update(
    engine: &mut Engine<'_>,
    key: &Key,
    change: Object,
    whole: bool,
) -> Result<Object, GcpError> {
    let current = engine.idle(key)?.body.clone();
    let next = if whole {
        change
    } else {
        let mut next = current.clone();
        merge(&mut next, &change);
        next
    };
    let mut value = Value::Object(next);
    drop_nulls(&mut value);
    let mut next = value.as_object().cloned().unwrap_or_default();
    let network = next.text("network").map(|text| engine.key("resource.network", text, Kind::Network));
    let network = network.transpose()?.map(|network| engine.url(&network));
    if network.is_some_and(|network| current.text("network") != Some(&network)) {
        let value = next.text("network").unwrap_or_default();
        return Err(GcpError::invalid(
            "resource.network",
            value,
            "The network of a router cannot be changed.",
        ));
    }
    if let Some(network) = current.get("network") {
        next.insert("network".to_owned(), network.clone());
    }
    complete_nats(engine, &mut next)?;
    Ok(next)
}

fn complete_nats(engine: &Engine<'_>, body: &mut Object) -> Result<(), GcpError> {
    let mut names = BTreeSet::new();
    let mut nats = Vec::new();
    for (index, nat) in body.list("nats").iter().enumerate() {
        let at = format!("resource.nats[{index}]");
        let mut nat =
            nat.as_object().cloned().ok_or_else(|| GcpError::invalid(&at, "", "Must be an object."))?;
        let name = nat.text("name").ok_or_else(|| GcpError::required(&format!("{at}.name")))?;
        if !names.insert(checked_name(&format!("{at}.name"), name)?) {
            return Err(GcpError::invalid(&format!("{at}.name"), name, "The name is used twice."));
        }
        complete_nat(engine, &mut nat, &at)?;
        nats.push(Value::Object(nat));
    }
    if !nats.is_empty() {
        body.insert("nats".to_owned(), nats.into());
    }
    Ok(())
}

fn complete_nat(engine: &Engine<'_>, nat: &mut Object, at: &str) -> Result<(), GcpError> {
    check_word(nat, at, "natIpAllocateOption", &["AUTO_ONLY", "MANUAL_ONLY"])?;
    check_word(nat, at, "sourceSubnetworkIpRangesToNat", &ALL_RANGES)?;
    check_word(nat, at, "type", &["PUBLIC", "PRIVATE"])?;
    check_ports(nat, at)?;
    for (name, bounds) in [
        ("udpIdleTimeoutSec", 30..=7200),
        ("icmpIdleTimeoutSec", 30..=7200),
        ("tcpEstablishedIdleTimeoutSec", 30..=7200),
        ("tcpTransitoryIdleTimeoutSec", 30..=7200),
        ("tcpTimeWaitTimeoutSec", 1..=7200),
    ] {
        check_number(nat, at, name, bounds)?;
    }
    let field = format!("{at}.natIps");
    let manual = match nat.text("natIpAllocateOption") {
        Some(option) => option == "MANUAL_ONLY",
        None => return Err(GcpError::required(&format!("{at}.natIpAllocateOption"))),
    };
    if manual == nat.texts("natIps").is_empty() {
        let problem = "NAT IPs are needed for MANUAL_ONLY, and only for that.";
        return Err(GcpError::invalid(&field, &nat.texts("natIps").join(", "), problem));
    }
    for list in ["natIps", "drainNatIps"] {
        let urls = references(engine, &nat.texts(list), &format!("{at}.{list}"), Kind::Address)?;
        if !urls.is_empty() {
            nat.insert(list.to_owned(), urls.into());
        }
    }
    complete_subnetworks(engine, nat, at)?;
    default(nat, "endpointTypes", json!(["ENDPOINT_TYPE_VM"]));
    default(nat, "type", "PUBLIC");
    default(nat, "autoNetworkTier", "PREMIUM");
    default(nat, "enableEndpointIndependentMapping", false);
    default(nat, "logConfig", json!({ "enable": false, "filter": "ALL" }));
    Ok(())
}

/// <https://cloud.google.com/nat/docs/ports-and-addresses>
fn check_ports(nat: &Object, at: &str) -> Result<(), GcpError> {
    check_number(nat, at, "minPortsPerVm", 2..=65_536)?;
    check_number(nat, at, "maxPortsPerVm", 64..=65_536)?;
    let dynamic = nat.flag("enableDynamicPortAllocation") == Some(true);
    let (least, most) = (nat.number("minPortsPerVm"), nat.number("maxPortsPerVm"));
    if most.is_some() && !dynamic {
        let problem = "The field is for NATs with dynamic port allocation.";
        return Err(GcpError::invalid(
            &format!("{at}.maxPortsPerVm"),
            &most.unwrap_or_default().to_string(),
            problem,
        ));
    }
    if !dynamic {
        return Ok(());
    }
    if nat.flag("enableEndpointIndependentMapping") == Some(true) {
        let problem = "Endpoint-independent mapping and dynamic port allocation exclude each other.";
        return Err(GcpError::invalid(&format!("{at}.enableEndpointIndependentMapping"), "true", problem));
    }
    for (name, value, lowest) in [("minPortsPerVm", least, 32), ("maxPortsPerVm", most, 64)] {
        let good = |value: i64| value >= lowest && u64::try_from(value).is_ok_and(u64::is_power_of_two);
        if value.is_some_and(|value| !good(value)) {
            let problem = format!("Must be a power of two of {lowest} or more for dynamic port allocation.");
            return Err(GcpError::invalid(
                &format!("{at}.{name}"),
                &value.unwrap_or_default().to_string(),
                &problem,
            ));
        }
    }
    match (least.unwrap_or(32), most.unwrap_or(65_536)) {
        (least, most) if least >= most => Err(GcpError::invalid(
            &format!("{at}.maxPortsPerVm"),
            &most.to_string(),
            "Must be greater than minPortsPerVm.",
        )),
        _ => Ok(()),
    }
}

fn complete_subnetworks(engine: &Engine<'_>, nat: &mut Object, at: &str) -> Result<(), GcpError> {
    let listed = nat.text("sourceSubnetworkIpRangesToNat") == Some("LIST_OF_SUBNETWORKS");
    if nat.text("sourceSubnetworkIpRangesToNat").is_none() {
        return Err(GcpError::required(&format!("{at}.sourceSubnetworkIpRangesToNat")));
    }
    if listed == nat.list("subnetworks").is_empty() {
        let problem = "Subnetworks are needed for LIST_OF_SUBNETWORKS, and only for that.";
        return Err(GcpError::invalid(&format!("{at}.subnetworks"), "", problem));
    }
    let mut subnetworks = Vec::new();
    for (index, subnetwork) in nat.list("subnetworks").iter().enumerate() {
        let at = format!("{at}.subnetworks[{index}]");
        let mut subnetwork = subnetwork.as_object().cloned().unwrap_or_default();
        let name = subnetwork.text("name").ok_or_else(|| GcpError::required(&format!("{at}.name")))?;
        let (key, _) = engine.existing(&format!("{at}.name"), name, Kind::Subnetwork)?;
        subnetwork.insert("name".to_owned(), engine.url(&key).into());
        let words = ["ALL_IP_RANGES", "PRIMARY_IP_RANGE", "LIST_OF_SECONDARY_IP_RANGES"];
        if let Some(other) = subnetwork.texts("sourceIpRangesToNat").iter().find(|word| !words.contains(word))
        {
            let problem = format!("Must be one of: {}.", words.join(", "));
            return Err(GcpError::invalid(&format!("{at}.sourceIpRangesToNat"), other, &problem));
        }
        default(&mut subnetwork, "sourceIpRangesToNat", json!(["ALL_IP_RANGES"]));
        subnetworks.push(Value::Object(subnetwork));
    }
    if !subnetworks.is_empty() {
        nat.insert("subnetworks".to_owned(), subnetworks.into());
    }
    Ok(())
}

fn references(engine: &Engine<'_>, texts: &[&str], field: &str, kind: Kind) -> Result<Vec<String>, GcpError> {
    let found = texts.iter().map(|text| Ok(engine.url(&engine.existing(field, text, kind)?.0)));
    found.collect()
}

/// `getRouterStatus`: the addresses that the NATs use.
pub(super) fn status(engine: &Engine<'_>, key: &Key) -> Reply {
    let body = body_of(engine, key)?;
    let nats = body.list("nats").iter().filter_map(Value::as_object).map(|nat| {
        let name = nat.text("name").unwrap_or_default();
        let mut shown = json!({
            "name": name,
            "minExtraNatIpsNeeded": 0,
            "numVmEndpointsWithNatMappings": 0,
        });
        let ips = user_ips(engine, nat);
        if ips.is_empty() {
            shown["autoAllocatedNatIps"] = json!([auto_ip(engine, key, name)]);
        } else {
            shown["userAllocatedNatIpResources"] = json!(nat.texts("natIps"));
            shown["userAllocatedNatIps"] = json!(ips);
        }
        shown
    });
    let mut result = json!({ "network": body.text("network").unwrap_or_default() });
    let nats: Vec<Value> = nats.collect();
    if !nats.is_empty() {
        result["natStatus"] = nats.into();
    }
    Ok(json!({ "kind": "compute#routerStatusResponse", "result": result }))
}

/// `getNatMappingInfo`: nobody sends anything, so there are no mappings.
pub(super) fn mappings(engine: &Engine<'_>, key: &Key) -> Reply {
    body_of(engine, key)?;
    let path = format!("{}/getNatMappingInfo", key.path(&engine.project.id));
    Ok(json!({
        "kind": "compute#vmEndpointNatMappingsList",
        "id": path,
        "selfLink": super::links::url(&path),
    }))
}

/// `getNatIpInfo`.
pub(super) fn nat_ips(engine: &Engine<'_>, key: &Key) -> Reply {
    let body = body_of(engine, key)?;
    let wanted = engine.query.get("natName");
    let nats = body.list("nats").iter().filter_map(Value::as_object);
    let nats = nats.filter(|nat| wanted.is_none_or(|wanted| nat.text("name") == Some(wanted)));
    let shown: Vec<Value> = nats
        .map(|nat| {
            let name = nat.text("name").unwrap_or_default();
            let (mode, ips) = match user_ips(engine, nat) {
                ips if ips.is_empty() => ("AUTO", vec![auto_ip(engine, key, name)]),
                ips => ("MANUAL", ips),
            };
            let mappings: Vec<Value> =
                ips.iter().map(|ip| json!({ "natIp": ip, "mode": mode, "usage": "IN_USE" })).collect();
            json!({ "natName": name, "natIpInfoMappings": mappings })
        })
        .collect();
    Ok(json!({ "result": shown }))
}

fn body_of<'a>(engine: &'a Engine<'_>, key: &Key) -> Result<&'a Object, GcpError> {
    let stored = engine.project.resources.get(key);
    stored.map(|stored| &stored.body).ok_or_else(|| GcpError::not_found(&key.path(&engine.project.id)))
}

fn user_ips(engine: &Engine<'_>, nat: &Object) -> Vec<String> {
    let keys = nat.texts("natIps").into_iter().filter_map(|url| engine.key("", url, Kind::Address).ok());
    let found =
        keys.filter_map(|key| engine.project.resources.get(&key)?.body.text("address").map(str::to_owned));
    found.collect()
}

/// The address that the cloud gives to a NAT: always the same one.
fn auto_ip(engine: &Engine<'_>, key: &Key, nat: &str) -> String {
    let number = project_number(&format!("{}/{nat}", engine.url(key)));
    let [.., a, b, c] = number.to_be_bytes();
    format!("35.{}.{b}.{c}", 192 + a % 32)
}
