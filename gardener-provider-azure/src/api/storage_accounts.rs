//! Storage accounts and their keys.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/storagerp/storage-accounts?view=rest-storagerp-2025-06-01>

use std::collections::BTreeMap;

use gardener_provider_client::{call::Idempotency, pages::Page};
use gardener_provider_core::Redacted;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Operation, ResourceId, RestRequest, family, list, operations::Change, request, version};

/// A storage account, so far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StorageAccount {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// The rest.
    pub properties: Properties,
}

/// The settings that are kept in line. What is not there is not written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Properties {
    /// `Hot` or `Cool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_tier: Option<String>,
    /// Whether plain HTTP is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports_https_traffic_only: Option<bool>,
    /// The oldest TLS that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_tls_version: Option<String>,
    /// Whether containers may be made public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_blob_public_access: Option<bool>,
    /// Whether the account's keys are accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_shared_key_access: Option<bool>,
    /// Whether objects may be replicated to other tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_cross_tenant_replication: Option<bool>,
    /// When keys are out of date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_policy: Option<KeyPolicy>,
    /// `Succeeded` once the account is there.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
}

impl StorageAccount {
    /// Whether Azure is still making it.
    pub fn is_being_made(&self) -> bool {
        let state = self.properties.provisioning_state.as_deref();
        matches!(state, Some("Creating" | "ResolvingDNS"))
    }
}

/// When keys are out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KeyPolicy {
    /// After so many days; never, if 0.
    pub key_expiration_period_in_days: u32,
}

/// What a new account is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The region.
    pub location: String,
    /// The redundancy: `Standard_ZRS`, `Standard_LRS`, …
    pub sku: &'static str,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The settings.
    pub properties: Properties,
}

/// A key of an account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// `key1` or `key2`.
    pub key_name: String,
    /// The key, base64.
    pub value: Redacted<String>,
    /// When it was made, RFC 3339; accounts of long ago do not know.
    #[serde(default)]
    pub creation_time: Option<String>,
}

/// The keys of an account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Keys {
    /// Two.
    pub keys: Vec<Key>,
}

/// Whether a name is to be had.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Availability {
    /// Whether.
    pub name_available: bool,
    /// Why not: `AlreadyExists` or `AccountNameInvalid`.
    pub reason: Option<String>,
    /// The same in words.
    pub message: Option<String>,
}

/// The account of this name in a group.
pub fn id(group: &ResourceId, name: &str) -> ResourceId {
    group.resource("Microsoft.Storage", "storageAccounts", name)
}

/// Reads an account.
pub fn get(id: &ResourceId) -> Operation<StorageAccount> {
    Operation::json(request("StorageAccounts_GetProperties", family::READ, Method::GET, id, version::STORAGE))
}

/// Creates an account.
pub fn create(id: &ResourceId, new: &NewAccount) -> Change<StorageAccount> {
    let body = json!({
        "kind": "StorageV2",
        "sku": { "name": new.sku },
        "location": new.location,
        "tags": new.tags,
        "properties": new.properties,
    });
    let put = request("StorageAccounts_Create", family::STORAGE_WRITE, Method::PUT, id, version::STORAGE);
    Change::new(put.json(&body), get(id).request)
}

/// Changes these settings and no others.
pub fn update(id: &ResourceId, properties: &Properties) -> Operation<StorageAccount> {
    let patch = request("StorageAccounts_Update", family::STORAGE_WRITE, Method::PATCH, id, version::STORAGE);
    Operation::json(patch.json(&json!({ "properties": properties })).idempotency(Idempotency::Idempotent))
}

/// Deletes an account with all in it.
pub fn delete(id: &ResourceId) -> Change<()> {
    let read = "StorageAccounts_GetProperties";
    Change::deletion("StorageAccounts_Delete", read, family::STORAGE_WRITE, id, version::STORAGE)
}

/// The accounts of a subscription.
pub fn list_of(subscription: &str) -> Operation<Page<StorageAccount>> {
    list(of_subscription("StorageAccounts_List", Method::GET, subscription, "storageAccounts"))
}

/// Whether a name is to be had: names are unique in all of Azure.
pub fn check_name(subscription: &str, name: &str) -> Operation<Availability> {
    let operation = "StorageAccounts_CheckNameAvailability";
    let request = of_subscription(operation, Method::POST, subscription, "checkNameAvailability");
    let body = json!({ "name": name, "type": "Microsoft.Storage/storageAccounts" });
    Operation::json(request.json(&body).idempotency(Idempotency::Safe))
}

/// The keys of an account.
pub fn list_keys(id: &ResourceId) -> Operation<Keys> {
    let request =
        request("StorageAccounts_ListKeys", family::STORAGE_LIST, Method::POST, id, version::STORAGE);
    Operation::json(below(request, "listKeys").idempotency(Idempotency::Safe))
}

/// Makes a key anew, and answers all. Made twice, the first is never used by anybody.
pub fn regenerate_key(id: &ResourceId, key: &str) -> Operation<Keys> {
    let operation = "StorageAccounts_RegenerateKey";
    let request = request(operation, family::STORAGE_WRITE, Method::POST, id, version::STORAGE);
    let request = below(request, "regenerateKey").json(&json!({ "keyName": key }));
    Operation::json(request.idempotency(Idempotency::Idempotent))
}

/// An action on the resource of the request.
pub(super) fn below(request: RestRequest, action: &str) -> RestRequest {
    request.segments([action])
}

fn of_subscription(operation: &'static str, method: Method, subscription: &str, what: &str) -> RestRequest {
    RestRequest::new(operation, family::STORAGE_LIST, method)
        .segments(["subscriptions", subscription, "providers", "Microsoft.Storage", what])
        .query("api-version", version::STORAGE)
}

pub(crate) fn samples() -> Vec<RestRequest> {
    const SUBSCRIPTION: &str = "01234567-89ab-cdef-0123-456789abcdef";
    let id = id(&ResourceId::group(SUBSCRIPTION, "backups"), "bkp0123456789abcde");
    let properties = Properties {
        access_tier: Some("Cool".to_owned()),
        supports_https_traffic_only: Some(true),
        minimum_tls_version: Some("TLS1_2".to_owned()),
        allow_blob_public_access: Some(false),
        allow_shared_key_access: Some(true),
        allow_cross_tenant_replication: Some(false),
        key_policy: Some(KeyPolicy { key_expiration_period_in_days: 10 }),
        provisioning_state: None,
    };
    let new = NewAccount {
        location: "westeurope".to_owned(),
        sku: "Standard_ZRS",
        tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        properties: properties.clone(),
    };
    vec![
        get(&id).request,
        create(&id, &new).request,
        update(&id, &properties).request,
        delete(&id).request,
        list_of(SUBSCRIPTION).request,
        check_name(SUBSCRIPTION, "bkp0123456789abcde").request,
        list_keys(&id).request,
        regenerate_key(&id, "key2").request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    fn account() -> ResourceId {
        id(&ResourceId::group("s", "backups"), "bkp0")
    }

    #[test]
    fn actions_stand_behind_the_account() {
        let path = "/subscriptions/s/resourceGroups/backups/providers/Microsoft.Storage/storageAccounts/bkp0";
        assert_eq!(get(&account()).request.path, path);
        let keys = list_keys(&account()).request;
        assert_eq!((keys.path, keys.idempotency), (format!("{path}/listKeys"), Idempotency::Safe));
        let regenerate = regenerate_key(&account(), "key2").request;
        assert_eq!(regenerate.body, r#"{"keyName":"key2"}"#);
    }

    #[test]
    fn keys_are_read_and_not_shown() {
        let body = r#"{"keys":[{"keyName":"key1","value":"c2VjcmV0","permissions":"FULL","creationTime":"2026-01-01T00:00:00Z"},
            {"keyName":"key2","value":"c2VjcmV0Mg==","permissions":"FULL"}]}"#;
        let keys =
            (list_keys(&account()).parse)(&Response::new(Bytes::from_static(body.as_bytes()))).unwrap();
        assert_eq!(keys.keys[0].value.expose(), "c2VjcmV0");
        assert_eq!(keys.keys[1].creation_time, None);
        assert!(!format!("{keys:?}").contains("c2Vj"), "{keys:?}");
    }

    #[test]
    fn a_patch_holds_what_is_to_change() {
        let properties = Properties { allow_blob_public_access: Some(false), ..Properties::default() };
        let request = update(&account(), &properties).request;
        assert_eq!(request.body, r#"{"properties":{"allowBlobPublicAccess":false}}"#);
    }
}
