//! `BackupBucketConfig` of `azure.provider.extensions.gardener.cloud/v1alpha1`, as Gardener reads and writes it.
//!
//! Source: <https://github.com/gardener/gardener-extension-provider-azure/blob/master/docs/usage/usage.md>

use gardener_provider_client::{
    config::{self, Findings},
    retention::{Immutability, KIND, Strictness, Terms},
};
use gardener_provider_core::{BucketName, BucketSpec, Result, Retention, Violation};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::endpoints::Cloud;

const API_VERSION: &str = "azure.provider.extensions.gardener.cloud/v1alpha1";

/// Source: <https://learn.microsoft.com/en-us/azure/storage/blobs/immutable-policy-configure-container-scope>
pub(crate) const TERMS: Terms =
    Terms { service: "Azure", strictness: Strictness::Locked, whole_days: true, most_days: 146_000 };

/// What a config asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BackupBucketConfig {
    /// The retention.
    pub retention: Option<Retention>,
    /// When the account's keys are replaced; never, if none.
    pub rotation: Option<Rotation>,
    /// The cloud; else the one of the region.
    pub cloud: Option<Cloud>,
}

/// When the keys of a storage account are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// So many days after the youngest was made, the other one is made anew.
    pub period_days: u32,
    /// After so many days Azure says of a key that it is out of date.
    pub expiration_days: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    api_version: Option<String>,
    kind: Option<String>,
    cloud_configuration: Option<CloudConfiguration>,
    immutability: Option<Immutability>,
    rotation_config: Option<RotationConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CloudConfiguration {
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RotationConfig {
    rotation_period_days: Option<u32>,
    expiration_period_days: Option<u32>,
}

impl BackupBucketConfig {
    /// Reads a config; null is one that asks for nothing.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(config: &Value) -> Result<Self, Vec<Violation>> {
        if config.is_null() {
            return Ok(Self::default());
        }
        let config: Written = config::parse(KIND, config)?;
        let mut findings = Findings::new();
        findings.constant("apiVersion", config.api_version.as_deref(), API_VERSION);
        findings.constant("kind", config.kind.as_deref(), KIND);
        let cloud = config.cloud_configuration.and_then(|cloud| cloud.read(&mut findings));
        let retention = TERMS.read(config.immutability.as_ref(), &mut findings);
        let rotation = config.rotation_config.and_then(|rotation| rotation.read(&mut findings));
        let wrong = findings.into_violations();
        if wrong.is_empty() { Ok(Self { retention, rotation, cloud }) } else { Err(wrong) }
    }

    /// What the config of a bucket asks for; where it is silent on retention, the spec's field.
    ///
    /// # Errors
    /// `InvalidArgument` with all that is wrong.
    pub fn of(spec: &BucketSpec) -> Result<Self> {
        let mut config = Self::parse(&spec.config).map_err(|violations| config::refusal(KIND, violations))?;
        config.retention = TERMS.wanted(config.retention, spec)?;
        Ok(config)
    }
}

impl CloudConfiguration {
    fn read(self, findings: &mut Findings) -> Option<Cloud> {
        let known = Cloud::ALL.map(Cloud::name).join(", ");
        let name = self.name.unwrap_or_default();
        let cloud = Cloud::named(&name);
        if cloud.is_none() {
            findings.say("cloudConfiguration.name", format!("{name:?} must be one of {known}"));
        }
        cloud
    }
}

impl RotationConfig {
    fn read(self, findings: &mut Findings) -> Option<Rotation> {
        let expiration_days = self.expiration_period_days;
        let Some(period_days) = self.rotation_period_days else {
            findings.say("rotationConfig.rotationPeriodDays", "is missing");
            return None;
        };
        // Two keys take turns: whoever reads the secret once a day must never find the other one gone.
        if period_days < 2 {
            findings.say(
                "rotationConfig.rotationPeriodDays",
                format!("{period_days} is too short; give at least 2"),
            );
        }
        if expiration_days.is_some_and(|days| days <= period_days) {
            let problem = format!("must be more than rotationPeriodDays, {period_days}");
            findings.say("rotationConfig.expirationPeriodDays", problem);
        }
        Some(Rotation { period_days, expiration_days })
    }
}

/// The name of the storage account that holds a bucket. Gardener makes it the same way, so either finds what the other made.
///
/// It is made of the bucket's name: accounts' names are unique in all of Azure, and have 24 letters and digits at the most.
pub fn storage_account_of(bucket: &BucketName) -> String {
    let digest = Sha256::digest(bucket.as_str().as_bytes());
    let hex = digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("bkp{}", &hex[..15])
}

/// Everything that is wrong with a config, and with the step from `old` to it.
pub fn validate(new: &Value, old: Option<&Value>) -> Vec<Violation> {
    let new = match BackupBucketConfig::parse(new) {
        Ok(config) => config,
        Err(violations) => return violations,
    };
    let old = old.and_then(|old| BackupBucketConfig::parse(old).ok()).and_then(|config| config.retention);
    old.and_then(|old| TERMS.forbidden_change(old, new.retention)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gardener_provider_core::RetentionMode;
    use serde_json::json;

    use super::*;

    fn immutable(period: &str, locked: bool) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "immutability": { "retentionType": "bucket", "retentionPeriod": period, "locked": locked },
        })
    }

    fn fields(violations: &[Violation]) -> Vec<&str> {
        violations.iter().map(|violation| violation.field.as_str()).collect()
    }

    #[test]
    fn the_account_is_called_as_gardener_calls_it() {
        // sha256("test") = 9f86d081884c7d65…
        assert_eq!(storage_account_of(&BucketName::new("test").unwrap()), "bkp9f86d081884c7d6");
    }

    #[test]
    fn a_manifest_gives_all_that_it_asks_for() {
        let mut manifest = immutable("96h", true);
        manifest["rotationConfig"] = json!({ "rotationPeriodDays": 2, "expirationPeriodDays": 10 });
        manifest["cloudConfiguration"] = json!({ "name": "AzureChina" });
        let expected = BackupBucketConfig {
            retention: Some(Retention::new(Duration::from_hours(96), RetentionMode::Compliance)),
            rotation: Some(Rotation { period_days: 2, expiration_days: Some(10) }),
            cloud: Some(Cloud::China),
        };
        assert_eq!(BackupBucketConfig::parse(&manifest), Ok(expected));
        assert_eq!(BackupBucketConfig::parse(&Value::Null), Ok(BackupBucketConfig::default()));
        assert_eq!(
            BackupBucketConfig::parse(&json!({ "rotationConfig": null })),
            Ok(BackupBucketConfig::default())
        );
    }

    #[test]
    fn every_wrong_field_is_named() {
        let rotation = |fields: Value| json!({ "rotationConfig": fields });
        for (config, expected) in [
            (json!([]), vec![KIND]),
            (json!({ "imutability": {} }), vec!["imutability"]),
            (json!({ "kind": "Bucket", "apiVersion": "v1" }), vec!["apiVersion", "kind"]),
            (
                json!({ "immutability": {} }),
                vec!["immutability.retentionType", "immutability.retentionPeriod"],
            ),
            (immutable("36h", false), vec!["immutability.retentionPeriod"]),
            (json!({ "cloudConfiguration": { "name": "Azure" } }), vec!["cloudConfiguration.name"]),
            (json!({ "cloudConfiguration": {} }), vec!["cloudConfiguration.name"]),
            (rotation(json!({})), vec!["rotationConfig.rotationPeriodDays"]),
            (rotation(json!({ "rotationPeriodDays": 1 })), vec!["rotationConfig.rotationPeriodDays"]),
            (rotation(json!({ "rotationPeriodDays": -1 })), vec!["rotationConfig.rotationPeriodDays"]),
            (
                rotation(json!({ "rotationPeriodDays": 5, "expirationPeriodDays": 5 })),
                vec!["rotationConfig.expirationPeriodDays"],
            ),
            (rotation(json!({ "rotationPeriodDays": 5, "days": 5 })), vec!["rotationConfig.days"]),
        ] {
            assert_eq!(fields(&validate(&config, None)), expected, "{config}");
        }
    }

    #[test]
    fn the_steps_that_are_allowed_and_forbidden() {
        for (old, new, expected) in [
            (immutable("24h", false), immutable("24h", true), vec![]),
            (immutable("48h", false), Value::Null, vec![]),
            (immutable("24h", true), immutable("48h", true), vec![]),
            (
                immutable("24h", true),
                json!({ "rotationConfig": { "rotationPeriodDays": 2 } }),
                vec!["immutability"],
            ),
            (immutable("24h", true), immutable("48h", false), vec!["immutability.locked"]),
            (immutable("48h", true), immutable("24h", true), vec!["immutability.retentionPeriod"]),
        ] {
            assert_eq!(fields(&validate(&new, Some(&old))), expected, "{old} -> {new}");
        }
    }
}
