//! The blob service of a storage account, its containers, and the policies that keep blobs as they are.
//!
//! Sources: [service](https://learn.microsoft.com/en-us/rest/api/storagerp/blob-services?view=rest-storagerp-2025-06-01),
//! [containers and immutability policies](https://learn.microsoft.com/en-us/rest/api/storagerp/blob-containers?view=rest-storagerp-2025-06-01)

use gardener_provider_client::{call::Idempotency, pages::Page};
use http::{Method, header::IF_MATCH};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Operation, ResourceId, RestRequest, family, list, request, storage_accounts::below, version};

/// The settings of an account's blobs. What is not known here is kept as it is.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct BlobService {
    /// The settings by the names of the API.
    pub properties: Map<String, Value>,
}

impl BlobService {
    /// Whether old versions are kept.
    pub fn keeps_versions(&self) -> bool {
        self.properties.get("isVersioningEnabled").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether what is deleted can be had back for a while, by the name of the policy.
    pub fn keeps_deleted(&self, policy: &str) -> bool {
        self.properties.get(policy).and_then(|policy| policy["enabled"].as_bool()).unwrap_or(false)
    }
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Container {
    /// The name.
    pub name: String,
    /// The rest.
    pub properties: ContainerProperties,
}

/// What is looked at of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerProperties {
    /// `None`, `Container` or `Blob`.
    pub public_access: Option<String>,
}

/// For how long blobs cannot be changed or deleted after they were written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ImmutabilityPolicy {
    /// What changes of it are conditional on.
    pub etag: String,
    /// The rest.
    pub properties: PolicyProperties,
}

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PolicyProperties {
    /// Days.
    pub immutability_period_since_creation_in_days: u32,
    /// `Locked` or `Unlocked`.
    pub state: String,
}

impl ImmutabilityPolicy {
    /// A container without a policy may answer an empty one.
    pub fn is_there(&self) -> bool {
        !self.etag.is_empty() && self.days() > 0
    }

    /// Days.
    pub fn days(&self) -> u32 {
        self.properties.immutability_period_since_creation_in_days
    }

    /// Whether it can only grow.
    pub fn is_locked(&self) -> bool {
        self.properties.state == "Locked"
    }
}

fn service(account: &ResourceId) -> ResourceId {
    account.child("blobServices", "default")
}

/// The container of this name.
pub fn container(account: &ResourceId, name: &str) -> ResourceId {
    service(account).child("containers", name)
}

fn policy(container: &ResourceId) -> ResourceId {
    container.child("immutabilityPolicies", "default")
}

fn read(operation: &'static str, id: &ResourceId) -> RestRequest {
    request(operation, family::READ, Method::GET, id, version::STORAGE)
}

fn write(operation: &'static str, method: Method, id: &ResourceId) -> RestRequest {
    request(operation, family::STORAGE_WRITE, method, id, version::STORAGE)
}

/// Reads the settings of an account's blobs.
pub fn get_service(account: &ResourceId) -> Operation<BlobService> {
    Operation::json(read("BlobServices_GetServiceProperties", &service(account)))
}

/// Sets them.
pub fn set_service(account: &ResourceId, properties: &Map<String, Value>) -> Operation<BlobService> {
    let request = write("BlobServices_SetServiceProperties", Method::PUT, &service(account));
    Operation::json(request.json(&json!({ "properties": properties })))
}

/// Reads a container.
pub fn get(container: &ResourceId) -> Operation<Container> {
    Operation::json(read("BlobContainers_Get", container))
}

/// Creates a container that is not public, or makes the one that is there so.
pub fn create(container: &ResourceId) -> Operation<Container> {
    let request = write("BlobContainers_Create", Method::PUT, container);
    Operation::json(request.json(&json!({ "properties": { "publicAccess": "None" } })))
}

/// Makes a container not public.
pub fn close(container: &ResourceId) -> Operation<Container> {
    let request = write("BlobContainers_Update", Method::PATCH, container);
    let request = request.json(&json!({ "properties": { "publicAccess": "None" } }));
    Operation::json(request.idempotency(Idempotency::Idempotent))
}

/// Deletes a container with its blobs; with an immutability policy it must be empty.
pub fn delete(container: &ResourceId) -> Operation<()> {
    Operation::nothing(write("BlobContainers_Delete", Method::DELETE, container))
}

/// The containers of an account.
pub fn list_of(account: &ResourceId) -> Operation<Page<Container>> {
    let request = request(
        "BlobContainers_List",
        family::STORAGE_LIST,
        Method::GET,
        &service(account),
        version::STORAGE,
    );
    list(below(request, "containers"))
}

/// Reads the policy of a container.
pub fn get_policy(container: &ResourceId) -> Operation<ImmutabilityPolicy> {
    Operation::json(read("BlobContainers_GetImmutabilityPolicy", &policy(container)))
}

/// Sets a policy where there is none, or none that is locked.
pub fn set_policy(container: &ResourceId, days: u32, etag: Option<&str>) -> Operation<ImmutabilityPolicy> {
    let request = write("BlobContainers_CreateOrUpdateImmutabilityPolicy", Method::PUT, &policy(container));
    let request = request.json(&body(days));
    Operation::json(match etag {
        Some(etag) => request.header(IF_MATCH, etag),
        None => request,
    })
}

/// Takes a policy away that is not locked.
pub fn delete_policy(container: &ResourceId, etag: &str) -> Operation<()> {
    let request = write("BlobContainers_DeleteImmutabilityPolicy", Method::DELETE, &policy(container));
    Operation::nothing(request.header(IF_MATCH, etag))
}

/// Locks a policy for ever.
pub fn lock_policy(container: &ResourceId, etag: &str) -> Operation<ImmutabilityPolicy> {
    let request = write("BlobContainers_LockImmutabilityPolicy", Method::POST, &policy(container));
    let request = below(request, "lock").header(IF_MATCH, etag);
    Operation::json(request.idempotency(Idempotency::Idempotent))
}

/// Makes a locked policy longer. Azure allows that five times.
pub fn extend_policy(container: &ResourceId, days: u32, etag: &str) -> Operation<ImmutabilityPolicy> {
    let request = write("BlobContainers_ExtendImmutabilityPolicy", Method::POST, &policy(container));
    let request = below(request, "extend").header(IF_MATCH, etag).json(&body(days));
    Operation::json(request.idempotency(Idempotency::Idempotent))
}

fn body(days: u32) -> Value {
    json!({ "properties": { "immutabilityPeriodSinceCreationInDays": days } })
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let group = ResourceId::group("01234567-89ab-cdef-0123-456789abcdef", "backups");
    let account = super::storage_accounts::id(&group, "bkp0123456789abcde");
    let id = container(&account, "backups");
    let properties = json!({
        "isVersioningEnabled": true,
        "deleteRetentionPolicy": { "enabled": false },
        "containerDeleteRetentionPolicy": { "enabled": false },
    });
    let properties = properties.as_object().cloned().unwrap_or_default();
    vec![
        get_service(&account).request,
        set_service(&account, &properties).request,
        get(&id).request,
        create(&id).request,
        close(&id).request,
        delete(&id).request,
        list_of(&account).request,
        get_policy(&id).request,
        set_policy(&id, 7, Some("\"1\"")).request,
        delete_policy(&id, "\"1\"").request,
        lock_policy(&id, "\"1\"").request,
        extend_policy(&id, 8, "\"1\"").request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    fn id() -> ResourceId {
        container(&super::super::storage_accounts::id(&ResourceId::group("s", "g"), "acc"), "backups")
    }

    #[test]
    fn policies_stand_below_their_container() {
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acc/blobServices/default/containers/backups";
        assert_eq!(get(&id()).request.path, path);
        let lock = lock_policy(&id(), "\"e\"").request;
        assert_eq!(lock.path, format!("{path}/immutabilityPolicies/default/lock"));
        assert_eq!(lock.headers, [(IF_MATCH, "\"e\"".to_owned())]);
    }

    #[test]
    fn an_empty_policy_is_none() {
        let read = |body: &'static str| {
            (get_policy(&id()).parse)(&Response::new(Bytes::from_static(body.as_bytes()))).unwrap()
        };
        let policy = read(
            r#"{"etag":"\"8d\"","properties":{"immutabilityPeriodSinceCreationInDays":3,"state":"Locked"}}"#,
        );
        assert!(policy.is_there() && policy.is_locked());
        assert_eq!(policy.days(), 3);
        let none = read(
            r#"{"etag":"","properties":{"immutabilityPeriodSinceCreationInDays":0,"state":"Unlocked"}}"#,
        );
        assert!(!none.is_there());
    }

    #[test]
    fn settings_that_are_not_known_are_kept() {
        let body = r#"{"properties":{"cors":{"corsRules":[]},"isVersioningEnabled":true,
            "deleteRetentionPolicy":{"enabled":true,"days":7}}}"#;
        let account = ResourceId::group("s", "g").resource("Microsoft.Storage", "storageAccounts", "acc");
        let read =
            (get_service(&account).parse)(&Response::new(Bytes::from_static(body.as_bytes()))).unwrap();
        assert!(read.keeps_versions() && read.keeps_deleted("deleteRetentionPolicy"));
        assert!(
            !read.keeps_deleted("containerDeleteRetentionPolicy") && read.properties.contains_key("cors")
        );
    }
}
