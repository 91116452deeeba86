//! What the settings of a bucket are and should be, and the difference.

use std::time::Duration;

use gardener_provider_core::{Bucket, BucketSpec, Encryption, Error, Result, Retention, RetentionMode};
use serde_json::{Map, Value, json};

use super::Scope;
use crate::{api::storage::buckets, bucket_config::BackupBucketConfig};

const ENFORCED: &str = "enforced";

/// How a bucket should be.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) retention: Option<Retention>,
    key: Option<String>,
    versioning: bool,
    abort_uploads_after_days: u32,
}

impl Wanted {
    /// # Errors
    /// `InvalidArgument` naming the field that is wrong.
    pub(super) fn of(spec: &BucketSpec, config: &BackupBucketConfig) -> Result<Self> {
        if spec.abort_uploads_after_days == 0 {
            let problem = "must be at least 1: Cloud Storage counts whole days";
            return Err(Error::invalid("abort_uploads_after_days", problem));
        }
        let key = match &spec.encryption {
            Encryption::Key(key) if key.trim().is_empty() => {
                let problem = "is empty; give projects/…/locations/…/keyRings/…/cryptoKeys/…";
                return Err(Error::invalid("encryption.key", problem));
            }
            Encryption::Key(key) => Some(key.clone()),
            _ => None,
        };
        Ok(Self {
            retention: config.retention,
            key,
            versioning: spec.versioning,
            abort_uploads_after_days: spec.abort_uploads_after_days,
        })
    }

    pub(super) fn is_locked(&self) -> bool {
        self.retention.is_some_and(|retention| retention.mode == RetentionMode::Compliance)
    }

    /// The settings of a new bucket.
    pub(super) fn all(&self) -> Map<String, Value> {
        let mut settings = self.changes(&buckets::Bucket::default());
        settings.retain(|_, value| !value.is_null());
        settings
    }

    /// What must be written to a bucket that is like this.
    pub(super) fn changes(&self, there: &buckets::Bucket) -> Map<String, Value> {
        let mut changes = Map::new();
        let mut set = |name: &str, value: Value| changes.insert(name.to_owned(), value);
        let access = &there.iam_configuration;
        if !access.uniform_bucket_level_access.enabled
            || access.public_access_prevention.as_deref() != Some(ENFORCED)
        {
            let access = json!({
                "uniformBucketLevelAccess": { "enabled": true }, "publicAccessPrevention": ENFORCED });
            set("iamConfiguration", access);
        }
        // What is deleted is deleted: a new bucket keeps it for a week unless told, at a price.
        if there.soft_delete_policy.and_then(|policy| policy.retention_duration_seconds) != Some(0) {
            set("softDeletePolicy", json!({ "retentionDurationSeconds": "0" }));
        }
        if there.encryption.default_kms_key_name != self.key {
            let value = self.key.as_ref().map_or(Value::Null, |key| json!({ "defaultKmsKeyName": key }));
            set("encryption", value);
        }
        if there.versioning.enabled != self.versioning {
            set("versioning", json!({ "enabled": self.versioning }));
        }
        if let Some(rules) = self.rules(&there.lifecycle.rule) {
            set("lifecycle", json!({ "rule": rules }));
        }
        let period = self.retention.map(|retention| retention.period.as_secs());
        if there.retention_policy.map(|policy| policy.retention_period) != period {
            let value = period.map_or(Value::Null, |period| json!({ "retentionPeriod": period.to_string() }));
            set("retentionPolicy", value);
        }
        changes
    }

    /// The rules with ours in them, or `None` if they are there. Ours replace those of their kind; all others stay.
    fn rules(&self, there: &[Value]) -> Option<Vec<Value>> {
        let rule =
            |action: &str, condition: Value| json!({ "action": { "type": action }, "condition": condition });
        let ours = [
            rule("AbortIncompleteMultipartUpload", json!({ "age": self.abort_uploads_after_days })),
            // What could not be deleted carries a custom time, and goes once nothing retains it.
            rule("Delete", json!({ "daysSinceCustomTime": 1 })),
        ];
        if ours.iter().all(|rule| there.contains(rule)) {
            return None;
        }
        let mut rules = there.to_vec();
        rules.retain(|there| ours.iter().all(|rule| kind(rule) != kind(there)));
        rules.extend(ours);
        Some(rules)
    }
}

/// What a rule does and under what kind of condition; rules have no names.
fn kind(rule: &Value) -> (Option<&str>, Vec<&String>) {
    let condition = rule["condition"].as_object();
    (rule["action"]["type"].as_str(), condition.into_iter().flat_map(Map::keys).collect())
}

/// The retention in force.
pub(super) fn retention(there: &buckets::Bucket) -> Option<Retention> {
    let policy = there.retention_policy?;
    let mode = if policy.is_locked { RetentionMode::Compliance } else { RetentionMode::Governance };
    Some(Retention::new(Duration::from_secs(policy.retention_period), mode))
}

/// The bucket as it is.
pub(super) fn as_seen(scope: &Scope, there: &buckets::Bucket) -> Bucket {
    Bucket::new(scope.name.clone(), scope.region.clone())
        .with_versioning(there.versioning.enabled)
        .with_retention(retention(there))
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{BucketName, Region};

    use super::*;

    fn wanted(spec: impl FnOnce(BucketSpec) -> BucketSpec) -> Wanted {
        let new = BucketSpec::new(BucketName::new("backups").unwrap(), Region::new("europe-west1").unwrap());
        let spec = spec(new);
        Wanted::of(&spec, &BackupBucketConfig::of(&spec).unwrap()).unwrap()
    }

    fn bucket(settings: &Map<String, Value>) -> buckets::Bucket {
        let mut settings = settings.clone();
        settings.insert("metageneration".to_owned(), json!("1"));
        serde_json::from_value(Value::Object(settings)).unwrap()
    }

    #[test]
    fn a_new_bucket_is_private_and_nothing_is_left_to_change() {
        let day = Retention::new(Duration::from_hours(24), RetentionMode::Governance);
        for wanted in [
            wanted(|spec| spec),
            wanted(|spec| spec.with_versioning(true).with_encryption(Encryption::Key("k".to_owned()))),
            wanted(|spec| spec.with_retention(day)),
        ] {
            let all = wanted.all();
            assert_eq!(all["iamConfiguration"]["publicAccessPrevention"], "enforced");
            assert_eq!(all["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"], true);
            assert_eq!(all["softDeletePolicy"]["retentionDurationSeconds"], "0");
            assert!(all.values().all(|value| !value.is_null()), "{all:?}");
            assert_eq!(wanted.changes(&bucket(&all)), Map::new());
        }
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut there = bucket(&wanted(|spec| spec).all());
        there.iam_configuration.public_access_prevention = Some("inherited".to_owned());
        let keys = |wanted: &Wanted| wanted.changes(&there).keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&wanted(|spec| spec)), ["iamConfiguration"]);
        assert_eq!(keys(&wanted(|spec| spec.with_versioning(true))), ["iamConfiguration", "versioning"]);
    }

    #[test]
    fn what_is_no_longer_wanted_is_written_as_null() {
        let day = Retention::new(Duration::from_hours(24), RetentionMode::Governance);
        let full = wanted(|spec| spec.with_retention(day).with_encryption(Encryption::Key("k".to_owned())));
        let changes = wanted(|spec| spec).changes(&bucket(&full.all()));
        assert_eq!(Value::Object(changes), json!({ "encryption": null, "retentionPolicy": null }));
    }

    #[test]
    fn rules_of_others_stay_and_ours_are_replaced() {
        let foreign = json!({ "action": { "type": "SetStorageClass", "storageClass": "COLDLINE" }, "condition": { "age": 30 } });
        let other =
            json!({ "action": { "type": "Delete" }, "condition": { "age": 90, "matchesPrefix": ["tmp/"] } });
        let old =
            json!({ "action": { "type": "AbortIncompleteMultipartUpload" }, "condition": { "age": 30 } });
        let rules = wanted(|spec| spec).rules(&[foreign.clone(), old, other.clone()]).unwrap();
        assert_eq!(rules.len(), 4);
        assert_eq!(rules[..2], [foreign, other]);
        assert_eq!(rules[2]["condition"], json!({ "age": 7 }));
        assert_eq!(wanted(|spec| spec).rules(&rules), None);
    }

    #[test]
    fn a_locked_policy_is_compliance() {
        let there: buckets::Bucket = serde_json::from_value(json!({
            "metageneration": "1", "retentionPolicy": { "retentionPeriod": "90000", "isLocked": true } }))
        .unwrap();
        let expected = Retention::new(Duration::from_hours(25), RetentionMode::Compliance);
        assert_eq!(retention(&there), Some(expected));
    }
}
