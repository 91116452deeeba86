//! `BackupBucketConfig` of `aws.provider.extensions.gardener.cloud/v1alpha1`, as Gardener reads and writes it.
//!
//! Source: <https://github.com/gardener/gardener-extension-provider-aws/blob/master/docs/usage/usage.md>

use gardener_provider_client::{
    config::{self, Findings},
    retention::{Immutability, KIND, Strictness, Terms},
};
use gardener_provider_core::{BucketSpec, Result, Retention, Violation};
use serde::Deserialize;
use serde_json::Value;

const API_VERSION: &str = "aws.provider.extensions.gardener.cloud/v1alpha1";

/// S3 retains for whole days, and takes no default retention of more than a hundred years.
const TERMS: Terms =
    Terms { service: "S3", strictness: Strictness::Mode, whole_days: true, most_days: 36_500 };

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BackupBucketConfig {
    api_version: Option<String>,
    kind: Option<String>,
    immutability: Option<Immutability>,
}

/// The retention that a config asks for.
///
/// # Errors
/// `InvalidArgument` with all that is wrong.
pub fn retention_of(config: &Value) -> Result<Option<Retention>> {
    parse(config).map_err(|violations| config::refusal(KIND, violations))
}

/// The retention that a bucket should have: what its config says, else its field.
///
/// # Errors
/// `InvalidArgument` naming the field that is wrong.
pub fn wanted_retention(spec: &BucketSpec) -> Result<Option<Retention>> {
    TERMS.wanted(retention_of(&spec.config)?, spec)
}

/// Everything that is wrong with a config, and with the step from `old` to it.
pub fn validate(new: &Value, old: Option<&Value>) -> Vec<Violation> {
    let new = match parse(new) {
        Ok(retention) => retention,
        Err(violations) => return violations,
    };
    let old = old.and_then(|old| parse(old).ok()).flatten();
    match (old, new) {
        (Some(old), Some(new)) => forbidden_change(old, Some(new)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Why a retention in force may not become another one: nobody can lift compliance or make it shorter.
///
/// Taking the default retention away is refused too where it is compliance, although S3 itself would allow that for
/// objects to come.
pub fn forbidden_change(old: Retention, new: Option<Retention>) -> Option<Violation> {
    TERMS.forbidden_change(old, new)
}

fn parse(config: &Value) -> Result<Option<Retention>, Vec<Violation>> {
    if config.is_null() {
        return Ok(None);
    }
    let config: BackupBucketConfig = config::parse(KIND, config)?;
    let mut findings = Findings::new();
    findings.constant("apiVersion", config.api_version.as_deref(), API_VERSION);
    findings.constant("kind", config.kind.as_deref(), KIND);
    let retention = TERMS.read(config.immutability.as_ref(), &mut findings);
    let wrong = findings.into_violations();
    if wrong.is_empty() { Ok(retention) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gardener_provider_core::{BucketName, Region, RetentionMode};
    use serde_json::json;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn config(period: &str, mode: &str) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "immutability": { "retentionType": "bucket", "retentionPeriod": period, "mode": mode },
        })
    }

    fn fields(violations: &[Violation]) -> Vec<&str> {
        violations.iter().map(|violation| violation.field.as_str()).collect()
    }

    #[test]
    fn a_manifest_gives_its_retention() {
        let retention = retention_of(&config("96h", "compliance")).unwrap();
        assert_eq!(retention, Some(Retention::new(DAY * 4, RetentionMode::Compliance)));
        assert_eq!(retention_of(&Value::Null).unwrap(), None);
        assert_eq!(retention_of(&json!({ "kind": KIND })).unwrap(), None);
        assert_eq!(retention_of(&json!({ "immutability": null })).unwrap(), None);
    }

    #[test]
    fn the_config_wins_over_the_field() {
        let name = BucketName::new("backups").unwrap();
        let spec = BucketSpec::new(name, Region::new("eu-west-1").unwrap())
            .with_retention(Retention::new(DAY, RetentionMode::Governance));
        assert_eq!(wanted_retention(&spec).unwrap().unwrap().period, DAY);
        let spec = spec.with_config(config("48h", "compliance"));
        assert_eq!(wanted_retention(&spec).unwrap().unwrap().period, DAY * 2);
        let spec = spec
            .with_config(Value::Null)
            .with_retention(Retention::new(Duration::from_hours(25), RetentionMode::Governance));
        let error = wanted_retention(&spec).unwrap_err().to_string();
        assert!(error.starts_with("retention.period: 25h0m0s is not a multiple"), "{error}");
    }

    #[test]
    fn every_wrong_field_is_named() {
        for (config, expected) in [
            (json!([]), vec![KIND]),
            (json!({ "imutability": {} }), vec!["imutability"]),
            (json!({ "kind": "Bucket", "apiVersion": "v1" }), vec!["apiVersion", "kind"]),
            (json!({ "apiVersion": 1 }), vec!["apiVersion"]),
            (json!({ "immutability": true }), vec!["immutability"]),
            (
                json!({ "immutability": {} }),
                vec!["immutability.retentionType", "immutability.mode", "immutability.retentionPeriod"],
            ),
            (
                json!({ "immutability": { "retentionType": "object", "retentionPeriod": "24", "mode": "off" } }),
                vec!["immutability.retentionType", "immutability.mode", "immutability.retentionPeriod"],
            ),
            (json!({ "immutability": { "x": 1 } }), vec!["immutability.x"]),
            (json!({ "immutability": { "retentionPeriod": 24 } }), vec!["immutability.retentionPeriod"]),
            (
                json!({ "immutability": {
                    "retentionType": "bucket", "retentionPeriod": "24h", "mode": "governance", "locked": true } }),
                vec!["immutability.locked"],
            ),
            (config("23h", "governance"), vec!["immutability.retentionPeriod"]),
            (config("36h", "governance"), vec!["immutability.retentionPeriod"]),
            (config("1d", "governance"), vec!["immutability.retentionPeriod"]),
            (config("-24h", "governance"), vec!["immutability.retentionPeriod"]),
            (config("876024h", "governance"), vec!["immutability.retentionPeriod"]),
            (config("24h", "Compliance"), vec!["immutability.mode"]),
        ] {
            let violations = validate(&config, None);
            assert_eq!(fields(&violations), expected, "{config}");
            assert!(retention_of(&config).unwrap_err().to_string().contains(expected[0]));
        }
    }

    #[test]
    fn the_steps_that_gardener_allows_and_forbids() {
        for (old, new, expected) in [
            (config("24h", "governance"), config("24h", "compliance"), vec![]),
            (config("48h", "governance"), config("24h", "governance"), vec![]),
            (config("24h", "compliance"), config("48h", "compliance"), vec![]),
            (config("24h", "compliance"), Value::Null, vec![]),
            (Value::Null, config("24h", "compliance"), vec![]),
            (config("24h", "compliance"), config("48h", "governance"), vec!["immutability.mode"]),
            (config("48h", "compliance"), config("24h", "compliance"), vec!["immutability.retentionPeriod"]),
        ] {
            assert_eq!(fields(&validate(&new, Some(&old))), expected, "{old} -> {new}");
        }
    }

    #[test]
    fn compliance_in_force_cannot_be_taken_away() {
        let old = Retention::new(DAY, RetentionMode::Compliance);
        assert_eq!(forbidden_change(old, None).unwrap().field, "immutability");
        assert!(forbidden_change(Retention::new(DAY, RetentionMode::Governance), None).is_none());
    }
}
