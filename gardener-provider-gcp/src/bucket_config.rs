//! `BackupBucketConfig` of `gcp.provider.extensions.gardener.cloud/v1alpha1`, as Gardener reads and writes it.
//!
//! Source: <https://github.com/gardener/gardener-extension-provider-gcp/blob/master/docs/usage/usage.md>

use gardener_provider_client::{
    config::{self, Findings},
    retention::{Immutability, KIND, Strictness, Terms},
};
use gardener_provider_core::{BucketSpec, Result, Retention, Violation};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

const API_VERSION: &str = "gcp.provider.extensions.gardener.cloud/v1alpha1";

/// Cloud Storage counts seconds and takes no policy of more than a hundred years.
///
/// Source: <https://cloud.google.com/storage/docs/bucket-lock#retention-periods>
pub(crate) const TERMS: Terms =
    Terms { service: "Cloud Storage", strictness: Strictness::Locked, whole_days: false, most_days: 36_525 };

/// What a config asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BackupBucketConfig {
    /// The retention.
    pub retention: Option<Retention>,
    /// Where the bucket is managed instead of at the public endpoint: a regional one, such as
    /// `https://storage.me-central2.rep.googleapis.com/storage/v1/`.
    pub endpoint_override: Option<Url>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    api_version: Option<String>,
    kind: Option<String>,
    immutability: Option<Immutability>,
    store: Option<Store>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Store {
    endpoint_override: Option<String>,
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
        let retention = TERMS.read(config.immutability.as_ref(), &mut findings);
        let endpoint = config.store.and_then(|store| store.endpoint_override);
        let endpoint_override = endpoint.and_then(|text| match endpoint_of(&text) {
            Ok(url) => Some(url),
            Err(problem) => {
                findings.say("store.endpointOverride", problem);
                None
            }
        });
        let wrong = findings.into_violations();
        if wrong.is_empty() { Ok(Self { retention, endpoint_override }) } else { Err(wrong) }
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

/// The token of whoever asks is sent there, so it must be Google's.
fn endpoint_of(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is no address: {error}"))?;
    let host = url.host_str().unwrap_or_default();
    if url.scheme() != "https"
        || url.port().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(format!(
            "{text:?} must be an address like \"https://storage.<region>.rep.googleapis.com/storage/v1/\""
        ));
    }
    if host != "storage.googleapis.com"
        && !(host.starts_with("storage.") && host.ends_with(".googleapis.com"))
    {
        return Err(format!(
            "{host} is no endpoint of Cloud Storage; they are called storage.….googleapis.com"
        ));
    }
    let mut root = url;
    root.set_path("/");
    root.set_query(None);
    root.set_fragment(None);
    Ok(root)
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

    use gardener_provider_core::{BucketName, Region, RetentionMode};
    use serde_json::json;

    use super::*;

    fn config(period: &str, locked: bool) -> Value {
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
    fn a_manifest_gives_retention_and_endpoint() {
        let mut manifest = config("25h", true);
        manifest["store"] =
            json!({ "endpointOverride": "https://storage.me-central2.rep.googleapis.com/storage/v1/" });
        let read = BackupBucketConfig::parse(&manifest).unwrap();
        let retention = Retention::new(Duration::from_hours(25), RetentionMode::Compliance);
        assert_eq!(read.retention, Some(retention));
        assert_eq!(
            read.endpoint_override.unwrap().as_str(),
            "https://storage.me-central2.rep.googleapis.com/"
        );
        assert_eq!(BackupBucketConfig::parse(&Value::Null).unwrap(), BackupBucketConfig::default());
        assert_eq!(
            BackupBucketConfig::parse(&json!({ "store": {} })).unwrap(),
            BackupBucketConfig::default()
        );
    }

    #[test]
    fn the_config_wins_over_the_field() {
        let spec = BucketSpec::new(BucketName::new("backups").unwrap(), Region::new("europe-west1").unwrap())
            .with_retention(Retention::new(Duration::from_hours(24), RetentionMode::Governance));
        let period = |spec: &BucketSpec| BackupBucketConfig::of(spec).unwrap().retention.unwrap().period;
        assert_eq!(period(&spec), Duration::from_hours(24));
        assert_eq!(period(&spec.clone().with_config(config("48h", false))), Duration::from_hours(48));
        let short = spec.with_retention(Retention::new(Duration::from_hours(1), RetentionMode::Governance));
        assert!(BackupBucketConfig::of(&short).unwrap_err().to_string().contains("retention.period"));
    }

    #[test]
    fn every_wrong_field_is_named() {
        let endpoint = |text: &str| json!({ "store": { "endpointOverride": text } });
        for (config, expected) in [
            (json!([]), vec![KIND]),
            (json!({ "imutability": {} }), vec!["imutability"]),
            (json!({ "kind": "Bucket", "apiVersion": "v1" }), vec!["apiVersion", "kind"]),
            (
                json!({ "immutability": {} }),
                vec!["immutability.retentionType", "immutability.retentionPeriod"],
            ),
            (json!({ "immutability": { "locked": "yes" } }), vec!["immutability.locked"]),
            (config("23h", true), vec!["immutability.retentionPeriod"]),
            (config("900000h", true), vec!["immutability.retentionPeriod"]),
            (endpoint("storage.googleapis.com"), vec!["store.endpointOverride"]),
            (endpoint("http://storage.googleapis.com/"), vec!["store.endpointOverride"]),
            (endpoint("https://storage.googleapis.com.evil.example/"), vec!["store.endpointOverride"]),
            (endpoint("https://evil.googleapis.com/"), vec!["store.endpointOverride"]),
            (endpoint("https://a:b@storage.googleapis.com/"), vec!["store.endpointOverride"]),
            (json!({ "store": { "endpoint": "" } }), vec!["store.endpoint"]),
        ] {
            assert_eq!(fields(&validate(&config, None)), expected, "{config}");
        }
    }

    #[test]
    fn the_steps_that_are_allowed_and_forbidden() {
        for (old, new, expected) in [
            (config("24h", false), config("24h", true), vec![]),
            (config("48h", false), config("24h", false), vec![]),
            (config("24h", false), Value::Null, vec![]),
            (config("24h", true), config("48h", true), vec![]),
            (Value::Null, config("24h", true), vec![]),
            (config("24h", true), Value::Null, vec!["immutability"]),
            (config("24h", true), config("48h", false), vec!["immutability.locked"]),
            (config("48h", true), config("24h", true), vec!["immutability.retentionPeriod"]),
        ] {
            assert_eq!(fields(&validate(&new, Some(&old))), expected, "{old} -> {new}");
        }
    }
}
