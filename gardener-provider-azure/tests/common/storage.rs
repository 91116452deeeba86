//! Inputs for object storage.

use std::time::Duration;

use gardener_provider_conformance::{BadInput, StorageSamples};
use gardener_provider_core::{BucketName, BucketSpec, Retention, RetentionMode, SecretData};
use serde_json::{Value, json};

use super::samples::region;

const DAY: Duration = Duration::from_secs(86_400);

/// Buckets.
pub(crate) fn samples(secret: &SecretData) -> StorageSamples {
    let name = BucketName::new("shoot-demo-etcd-backups").expect("a name");
    let spec = BucketSpec::new(name, region());
    let mut samples = StorageSamples::new(spec.clone(), secret.clone());
    samples.versioned = Some(spec.clone().with_versioning(true));
    let config = |fields: Value| {
        let mut config = json!({ "apiVersion": "azure.provider.extensions.gardener.cloud/v1alpha1", "kind": "BackupBucketConfig" });
        config.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        spec.clone().with_config(config)
    };
    let immutability =
        |period: &str| json!({ "immutability": { "retentionType": "bucket", "retentionPeriod": period } });
    samples.bad = vec![
        BadInput::new("an unknown field", config(json!({ "imutability": {} })), "imutability"),
        BadInput::new("less than a day", config(immutability("1h")), "retentionPeriod"),
        BadInput::new("part of a day", config(immutability("36h")), "retentionPeriod"),
        BadInput::new(
            "keys that are replaced every day",
            config(json!({ "rotationConfig": { "rotationPeriodDays": 1 } })),
            "rotationPeriodDays",
        ),
    ];
    let unlocked = |days| Retention::new(DAY * days, RetentionMode::Governance);
    let locked = |days| Retention::new(DAY * days, RetentionMode::Compliance);
    samples.retentions = vec![
        (unlocked(2), Some(unlocked(5)), true),
        (unlocked(5), Some(unlocked(2)), true),
        (unlocked(2), None, true),
        (unlocked(2), Some(locked(2)), true),
        (locked(2), Some(locked(3)), true),
        (locked(3), Some(locked(2)), false),
        (locked(3), Some(unlocked(3)), false),
        (locked(3), None, false),
    ];
    samples
}
