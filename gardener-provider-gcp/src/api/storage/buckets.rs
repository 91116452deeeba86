//! Buckets. Source: <https://cloud.google.com/storage/docs/json_api/v1/buckets>

use gardener_provider_client::{
    call::Idempotency,
    rest::{Operation, RestRequest},
};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{STORAGE, number, of_bucket, optional_number};
use crate::api;

/// A bucket's settings, of which there are more.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Bucket {
    /// The name.
    pub name: String,
    /// The location in capital letters, such as `EUROPE-WEST1`.
    pub location: String,
    /// Counts the changes of the settings.
    #[serde(deserialize_with = "number")]
    pub metageneration: u64,
    /// Who may reach it.
    pub iam_configuration: IamConfiguration,
    /// Whether old versions are kept.
    pub versioning: Switch,
    /// What the cloud deletes by itself.
    pub lifecycle: Lifecycle,
    /// For how long objects cannot be deleted.
    pub retention_policy: Option<RetentionPolicy>,
    /// For how long deleted objects can be had back.
    pub soft_delete_policy: Option<SoftDeletePolicy>,
    /// The user's key.
    pub encryption: Encryption,
}

/// Who may reach a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IamConfiguration {
    /// Whether permissions are the bucket's alone, and no object's.
    pub uniform_bucket_level_access: Switch,
    /// `enforced`: nothing in it is ever public.
    pub public_access_prevention: Option<String>,
}

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Switch {
    /// Whether it is on.
    pub enabled: bool,
}

/// What the cloud deletes by itself. Rules of others are kept as they are.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Lifecycle {
    /// The rules.
    pub rule: Vec<Value>,
}

/// For how long objects cannot be deleted or overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RetentionPolicy {
    /// Seconds.
    #[serde(deserialize_with = "number")]
    pub retention_period: u64,
    /// Whether it can only grow.
    pub is_locked: bool,
}

/// For how long deleted objects can be had back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SoftDeletePolicy {
    /// Seconds; 0 is off.
    #[serde(deserialize_with = "optional_number")]
    pub retention_duration_seconds: Option<u64>,
}

/// The user's key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Encryption {
    /// The key of Cloud KMS that new objects are encrypted with.
    pub default_kms_key_name: Option<String>,
}

/// One page of names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Names {
    /// The buckets.
    pub items: Vec<Name>,
    /// The token of the next page.
    pub next_page_token: Option<String>,
}

/// A bucket in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Name {
    /// The name.
    pub name: String,
}

/// <https://cloud.google.com/storage/docs/json_api/v1/buckets/get>
pub fn get(bucket: &str) -> Operation<Bucket> {
    Operation::json(
        of_bucket("storage.buckets.get", STORAGE, Method::GET, bucket).query("projection", "noAcl"),
    )
}

/// Creates a bucket with these settings. A second one of the name is refused, so it may be repeated.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/buckets/insert>
pub fn insert(
    project: &str,
    bucket: &str,
    location: &str,
    settings: &Map<String, Value>,
) -> Operation<Bucket> {
    let mut body = settings.clone();
    body.insert("name".to_owned(), bucket.into());
    body.insert("location".to_owned(), location.into());
    let request = api::storage("storage.buckets.insert", STORAGE, Method::POST).segments(["b"]);
    let request = request.query("project", project).query("projection", "noAcl");
    Operation::json(request.json(&body).idempotency(Idempotency::Idempotent))
}

/// Changes these settings if they are as they were at `metageneration`.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/buckets/patch>
pub fn patch(bucket: &str, metageneration: u64, settings: &Map<String, Value>) -> Operation<Bucket> {
    let request = of_bucket("storage.buckets.patch", STORAGE, Method::PATCH, bucket)
        .query("ifMetagenerationMatch", metageneration)
        .query("projection", "noAcl")
        .json(settings)
        .idempotency(Idempotency::Idempotent);
    Operation::json(request)
}

/// Locks the retention policy for ever.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/buckets/lockRetentionPolicy>
pub fn lock_retention_policy(bucket: &str, metageneration: u64) -> Operation<Bucket> {
    let request = of_bucket("storage.buckets.lockRetentionPolicy", STORAGE, Method::POST, bucket)
        .segments(["lockRetentionPolicy"])
        .query("ifMetagenerationMatch", metageneration)
        .idempotency(Idempotency::Idempotent);
    Operation::json(request)
}

/// Deletes an empty bucket.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/buckets/delete>
pub fn delete(bucket: &str) -> Operation<()> {
    Operation::nothing(of_bucket("storage.buckets.delete", STORAGE, Method::DELETE, bucket))
}

/// The names of a project's buckets, or of those that begin with `prefix`.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/buckets/list>
pub fn list(project: &str, prefix: Option<&str>, page: Option<&str>) -> Operation<Names> {
    let request = api::storage("storage.buckets.list", STORAGE, Method::GET).segments(["b"]);
    let request = request.query("project", project).opt_query("prefix", prefix);
    Operation::json(request.opt_query("pageToken", page).query("fields", "items(name),nextPageToken"))
}

pub(super) fn samples() -> Vec<RestRequest> {
    let settings = serde_json::json!({
        "iamConfiguration": {
            "uniformBucketLevelAccess": { "enabled": true }, "publicAccessPrevention": "enforced" },
        "softDeletePolicy": { "retentionDurationSeconds": "0" },
        "retentionPolicy": { "retentionPeriod": "86400" },
        "versioning": { "enabled": true },
        "lifecycle": { "rule": [
            { "action": { "type": "Delete" }, "condition": { "daysSinceCustomTime": 1 } },
            { "action": { "type": "AbortIncompleteMultipartUpload" }, "condition": { "age": 7 } },
        ] },
        "encryption": { "defaultKmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k" },
    });
    let settings = settings.as_object().cloned().unwrap_or_default();
    vec![
        get("b").request,
        insert("p", "b", "EUROPE-WEST1", &settings).request,
        patch("b", 3, &settings).request,
        lock_retention_policy("b", 3).request,
        delete("b").request,
        list("p", Some("b"), Some("token")).request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn settings_are_read_whether_numbers_are_text_or_not() {
        let body = r#"{"kind":"storage#bucket","name":"b","location":"EU","metageneration":"12",
            "iamConfiguration":{"publicAccessPrevention":"enforced","uniformBucketLevelAccess":{"enabled":true}},
            "retentionPolicy":{"retentionPeriod":"86400","effectiveTime":"2026-01-01T00:00:00Z","isLocked":true},
            "softDeletePolicy":{"retentionDurationSeconds":0},
            "lifecycle":{"rule":[{"action":{"type":"Delete"},"condition":{"age":1}}]}}"#;
        let bucket = (get("b").parse)(&Response::new(Bytes::from_static(body.as_bytes()))).unwrap();
        assert_eq!((bucket.metageneration, bucket.location.as_str()), (12, "EU"));
        assert_eq!(
            bucket.retention_policy.unwrap(),
            RetentionPolicy { retention_period: 86_400, is_locked: true }
        );
        assert_eq!(bucket.soft_delete_policy.unwrap().retention_duration_seconds, Some(0));
        assert!(bucket.iam_configuration.uniform_bucket_level_access.enabled);
        assert_eq!((bucket.lifecycle.rule.len(), bucket.versioning.enabled), (1, false));
    }

    #[test]
    fn changes_carry_the_metageneration_that_they_are_made_for() {
        let request = patch("b/ü", 7, &Map::new()).request;
        assert_eq!(request.path, "/storage/v1/b/b%2F%C3%BC");
        assert!(request.query.contains(&("ifMetagenerationMatch".to_owned(), "7".to_owned())));
        let request = lock_retention_policy("b", 7).request;
        assert_eq!(request.path, "/storage/v1/b/b/lockRetentionPolicy");
        assert_eq!(request.idempotency, Idempotency::Idempotent);
    }

    #[test]
    fn an_empty_list_has_no_items() {
        let page = (list("p", None, None).parse)(&Response::new(Bytes::from_static(b"{}"))).unwrap();
        assert_eq!(page, Names::default());
    }
}
