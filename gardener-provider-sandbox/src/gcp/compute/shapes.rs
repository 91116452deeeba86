//! The fields of requests and their types: what is unknown or of another type is refused, as Google's servers do.
//!
//! `shapes.txt` has a paragraph for each type of the discovery document that requests are made of. `long` is a whole
//! number that JSON has as a text; `map` has texts by their names; `*` is not looked into.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use super::{
    kind::Kind,
    target::{Target, What},
};
use crate::gcp::{body::Object, error::GcpError};

/// The types of fields, by the names of types and fields.
static SHAPES: LazyLock<BTreeMap<&str, BTreeMap<&str, &str>>> =
    LazyLock::new(|| read(include_str!("shapes.txt")));

fn read(text: &'static str) -> BTreeMap<&'static str, BTreeMap<&'static str, &'static str>> {
    let mut shapes: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    let (mut name, mut kind) = ("", "");
    for word in text.split_ascii_whitespace() {
        if let Some(shape) = word.strip_suffix(':') {
            (name, kind) = (shape, "");
        } else if kind.is_empty() {
            kind = word;
        } else {
            let field = word.trim_end_matches(';');
            shapes.entry(name).or_default().insert(field, kind);
            if word.ends_with(';') {
                kind = "";
            }
        }
    }
    shapes
}

/// The type of a call's body, if it is looked into.
fn shape_of(target: &Target) -> Option<&'static str> {
    match &target.what {
        What::Collection(kind) => shape_of_kind(*kind),
        What::Resource(key) => shape_of_kind(key.kind),
        What::Verb(key, verb) => Some(match (key.kind, verb.as_str()) {
            (_, "setLabels") => "Labels",
            (Kind::Subnetwork, "expandIpCidrRange") => "Expand",
            (Kind::Subnetwork, "setPrivateIpGoogleAccess") => "PrivateAccess",
            (Kind::Disk, "resize") => "Resize",
            (Kind::Disk | Kind::Instance, "addResourcePolicies" | "removeResourcePolicies") => "Policies",
            (Kind::Instance, "setMetadata") => "Metadata",
            (Kind::Instance, "setTags") => "Tags",
            (Kind::Instance, "setScheduling") => "Scheduling",
            (Kind::Instance, "setServiceAccount") => "ServiceAccount",
            (Kind::Instance, "setMachineType") => "SetMachineType",
            (Kind::Instance, "attachDisk") => "AttachedDisk",
            (Kind::Instance, "addAccessConfig") => "AccessConfig",
            (Kind::Instance, "updateNetworkInterface") => "NetworkInterface",
            _ => return None,
        }),
        _ => None,
    }
}

fn shape_of_kind(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Network => "Network",
        Kind::Subnetwork => "Subnetwork",
        Kind::Router => "Router",
        Kind::Address => "Address",
        Kind::Firewall => "Firewall",
        Kind::Route => "Route",
        Kind::Instance => "Instance",
        Kind::Disk => "Disk",
        _ => return None,
    })
}

/// Refuses a body with fields that are unknown or of the wrong type.
pub(super) fn check(target: &Target, body: &Object) -> Result<(), GcpError> {
    match shape_of(target) {
        Some(shape) => check_object(shape, body, "resource"),
        None => Ok(()),
    }
}

fn check_object(shape: &str, object: &Object, at: &str) -> Result<(), GcpError> {
    let Some(fields) = SHAPES.get(shape) else { return Ok(()) };
    for (name, value) in object {
        let Some(kind) = fields.get(name.as_str()) else {
            let name: String = name.chars().take(100).collect();
            let problem = format!(
                "Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."
            );
            return Err(GcpError::new(400, "badRequest", problem));
        };
        check_value(kind, value, &format!("{at}.{name}"))?;
    }
    Ok(())
}

fn check_value(kind: &str, value: &Value, at: &str) -> Result<(), GcpError> {
    if value.is_null() || kind == "*" {
        return Ok(());
    }
    if let Some(member) = kind.strip_suffix("[]") {
        let Value::Array(list) = value else { return Err(wrong(at, "a list", value)) };
        let mut members = list.iter().enumerate();
        return members.try_for_each(|(index, value)| check_value(member, value, &format!("{at}[{index}]")));
    }
    let whole = |value: &Value| value.is_i64() || value.is_u64();
    let text_of = |test: fn(&str) -> bool| value.as_str().is_some_and(test);
    let (good, wanted) = match kind {
        "text" => (value.is_string(), "TYPE_STRING"),
        "flag" => (value.is_boolean(), "TYPE_BOOL"),
        "int" => (whole(value) || text_of(|text| text.parse::<i32>().is_ok()), "TYPE_INT32"),
        "long" => {
            let number = |text: &str| text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
            (whole(value) || text_of(number), "TYPE_INT64")
        }
        "number" => (value.is_number(), "TYPE_FLOAT"),
        "map" => {
            let texts = value.as_object().is_some_and(|map| map.values().all(Value::is_string));
            (texts, "a map of strings")
        }
        shape => {
            let Value::Object(object) = value else { return Err(wrong(at, "an object", value)) };
            return check_object(shape, object, at);
        }
    };
    if good { Ok(()) } else { Err(wrong(at, wanted, value)) }
}

fn wrong(at: &str, wanted: &str, value: &Value) -> GcpError {
    let value: String = value.to_string().chars().take(100).collect();
    GcpError::new(400, "invalid", format!("Invalid value at '{at}' ({wanted}), {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_a_field_has_is_there() {
        let plain = ["text", "flag", "int", "long", "number", "map", "*"];
        for (shape, fields) in SHAPES.iter() {
            for (field, kind) in fields {
                let kind = kind.trim_end_matches("[]");
                assert!(plain.contains(&kind) || SHAPES.contains_key(kind), "{shape}.{field}: {kind}");
            }
        }
        assert_eq!(SHAPES["AttachedDisk"]["diskSizeGb"], "long");
        assert_eq!(SHAPES["Network"]["subnetworks"], "text[]");
    }
}
