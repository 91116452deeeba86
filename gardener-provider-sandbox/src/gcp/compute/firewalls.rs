//! Firewall rules.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/firewalls>

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{
    changes::merge,
    engine::Engine,
    kind::Kind,
    links::Key,
    names::{check_number, check_tags, check_word},
    ranges,
};
use crate::gcp::{
    body::{Fields, Object, default, drop_nulls},
    error::GcpError,
};

pub(super) fn insert(engine: &mut Engine<'_>, body: Object) -> Result<Object, GcpError> {
    let limit = engine.context.options().quotas.firewalls;
    engine.quota(Kind::Firewall, "FIREWALLS", limit, "")?;
    complete(engine, body)
}

/// `whole` is true for `PUT`, which takes away what is not given.
pub(super) fn update(
    engine: &mut Engine<'_>,
    key: &Key,
    change: Object,
    whole: bool,
) -> Result<Object, GcpError> {
    let current = engine.idle(key)?.body.clone();
    let mut next = if whole { change } else { patched(current.clone(), &change) };
    let mut value = Value::Object(std::mem::take(&mut next));
    drop_nulls(&mut value);
    let next = complete(engine, value.as_object().cloned().unwrap_or_default())?;
    for fixed in ["network", "direction"] {
        if next.get(fixed) != current.get(fixed) {
            let value = next.text(fixed).unwrap_or_default();
            return Err(GcpError::invalid(
                &format!("resource.{fixed}"),
                value,
                "The field cannot be changed.",
            ));
        }
    }
    Ok(next)
}

fn patched(mut current: Object, change: &Object) -> Object {
    merge(&mut current, change);
    current
}

fn complete(engine: &Engine<'_>, mut body: Object) -> Result<Object, GcpError> {
    let network = body.text("network").unwrap_or("global/networks/default");
    let (network, _) = engine.existing("resource.network", network, Kind::Network)?;
    body.insert("network".to_owned(), engine.url(&network).into());
    check_word(&body, "resource", "direction", &["INGRESS", "EGRESS"])?;
    default(&mut body, "direction", "INGRESS");
    check_number(&body, "resource", "priority", 0..=65_535)?;
    default(&mut body, "priority", 1000);
    default(&mut body, "disabled", false);
    default(&mut body, "logConfig", json!({ "enable": false }));
    check_rules(&body)?;
    for field in ["sourceTags", "targetTags"] {
        check_tags(&body.texts(field), &format!("resource.{field}"))?;
    }
    let ingress = body.text("direction") == Some("INGRESS");
    let misplaced: &[&str] =
        if ingress { &[] } else { &["sourceRanges", "sourceTags", "sourceServiceAccounts"] };
    if let Some(field) = misplaced.iter().find(|field| !body.list(field).is_empty()) {
        let problem = "The field is for rules of direction INGRESS.";
        return Err(GcpError::invalid(&format!("resource.{field}"), "", problem));
    }
    let sources = ["sourceTags", "sourceServiceAccounts", "sourceRanges"];
    if ingress && sources.iter().all(|field| body.list(field).is_empty()) {
        body.insert("sourceRanges".to_owned(), json!(["0.0.0.0/0"]));
    }
    if !ingress && body.list("destinationRanges").is_empty() {
        body.insert("destinationRanges".to_owned(), json!(["0.0.0.0/0"]));
    }
    for field in ["sourceRanges", "destinationRanges"] {
        check_ranges(&body, field)?;
    }
    Ok(body)
}

/// Rules either allow or deny; a protocol has ports only if it knows them.
fn check_rules(body: &Object) -> Result<(), GcpError> {
    let (allowed, denied) = (body.list("allowed"), body.list("denied"));
    let field = match (allowed.is_empty(), denied.is_empty()) {
        (false, true) => "allowed",
        (true, false) => "denied",
        (true, true) => return Err(GcpError::required("resource.allowed")),
        (false, false) => {
            let problem = "Only one of allowed and denied can be specified.";
            return Err(GcpError::invalid("resource.denied", "", problem));
        }
    };
    for (index, rule) in body.list(field).iter().enumerate() {
        let at = format!("resource.{field}[{index}]");
        let rule = rule.as_object().ok_or_else(|| GcpError::invalid(&at, "", "Must be an object."))?;
        let protocol =
            rule.text("IPProtocol").ok_or_else(|| GcpError::required(&format!("{at}.IPProtocol")))?;
        let known = ["tcp", "udp", "icmp", "esp", "ah", "sctp", "ipip", "all"];
        if !known.contains(&protocol.to_ascii_lowercase().as_str()) && protocol.parse::<u8>().is_err() {
            let problem = "Must be a well known protocol or an IP protocol number.";
            return Err(GcpError::invalid(&format!("{at}.IPProtocol"), protocol, problem));
        }
        for port in rule.texts("ports") {
            if !is_ports(port) {
                let problem = "Must be a port or a range of ports, such as 80 or 8000-8080.";
                return Err(GcpError::invalid(&format!("{at}.ports"), port, problem));
            }
        }
    }
    Ok(())
}

fn is_ports(text: &str) -> bool {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => first <= last,
        _ => false,
    }
}

fn check_ranges(body: &Object, field: &str) -> Result<(), GcpError> {
    let at = format!("resource.{field}");
    let mut families = [false; 2];
    for text in body.texts(field) {
        match ranges::any(&at, text)? {
            IpNet::V4(_) => families[0] = true,
            IpNet::V6(_) => families[1] = true,
        }
    }
    if families == [true, true] {
        return Err(GcpError::invalid(&at, "", "A rule cannot have both IPv4 and IPv6 ranges."));
    }
    Ok(())
}
