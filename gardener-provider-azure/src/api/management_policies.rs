//! Management policies: what a storage account deletes by itself.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/storagerp/management-policies?view=rest-storagerp-2025-06-01>

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Operation, ResourceId, RestRequest, family, request, version};

/// The tag of blobs that should go as soon as nothing retains them any more.
pub const DELETED_TAG: (&str, &str) = ("gardener.cloud/deleted", "true");

/// The rules of an account. Rules of others are kept as they are.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ManagementPolicy {
    /// The rest.
    pub properties: Properties,
}

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// The policy itself.
    pub policy: Rules,
}

/// The rules.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// The rules.
    pub rules: Vec<Value>,
}

/// The rule that deletes the blobs of a container that carry [`DELETED_TAG`] once they are older than `days`.
pub fn expire_deleted(container: &str, days: u32) -> Value {
    let (name, value) = DELETED_TAG;
    json!({
        "enabled": true,
        "name": format!("gardener-expire-deleted-{container}"),
        "type": "Lifecycle",
        "definition": {
            "actions": { "baseBlob": { "delete": { "daysAfterCreationGreaterThan": days } } },
            "filters": {
                "blobTypes": ["blockBlob"],
                "prefixMatch": [format!("{container}/")],
                "blobIndexMatch": [{ "name": name, "op": "==", "value": value }],
            },
        },
    })
}

impl ManagementPolicy {
    /// The rules with `rule` in them, or `None` if it is there. It replaces the one of its name; all others stay.
    pub fn with(&self, rule: &Value) -> Option<Vec<Value>> {
        let there = &self.properties.policy.rules;
        if there.iter().any(|there| alike(there, rule)) {
            return None;
        }
        let mut rules = there.clone();
        rules.retain(|there| there["name"] != rule["name"]);
        rules.push(rule.clone());
        Some(rules)
    }
}

/// The service gives numbers back with a decimal point.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| alike(value, other)))
        }
        _ => one == other,
    }
}

fn id(account: &ResourceId) -> ResourceId {
    account.child("managementPolicies", "default")
}

/// Reads the rules of an account.
pub fn get(account: &ResourceId) -> Operation<ManagementPolicy> {
    Operation::json(request(
        "ManagementPolicies_Get",
        family::READ,
        Method::GET,
        &id(account),
        version::STORAGE,
    ))
}

/// Replaces all rules of an account.
pub fn set(account: &ResourceId, rules: &[Value]) -> Operation<ManagementPolicy> {
    let operation = "ManagementPolicies_CreateOrUpdate";
    let request = request(operation, family::STORAGE_WRITE, Method::PUT, &id(account), version::STORAGE);
    Operation::json(request.json(&json!({ "properties": { "policy": { "rules": rules } } })))
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let group = ResourceId::group("01234567-89ab-cdef-0123-456789abcdef", "backups");
    let account = super::storage_accounts::id(&group, "bkp0123456789abcde");
    vec![get(&account).request, set(&account, &[expire_deleted("backups", 7)]).request]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_rule_is_added_once_and_replaced() {
        let foreign = json!({ "name": "logs", "type": "Lifecycle" });
        let of = |rules| ManagementPolicy { properties: Properties { policy: Rules { rules } } };
        let rule = expire_deleted("backups", 7);
        let rules = of(vec![foreign.clone()]).with(&rule).unwrap();
        assert_eq!(rules, [foreign.clone(), rule.clone()]);
        let mut back = rule.clone();
        back["definition"]["actions"]["baseBlob"]["delete"]["daysAfterCreationGreaterThan"] = json!(7.0);
        assert_eq!(of(vec![back, foreign.clone()]).with(&rule), None);
        let longer = of(rules).with(&expire_deleted("backups", 9)).unwrap();
        assert_eq!(longer, [foreign, expire_deleted("backups", 9)]);
    }
}
