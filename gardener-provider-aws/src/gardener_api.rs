//! Validation for the Gardener API. Makes no call.

use async_trait::async_trait;
use gardener_provider_client::config::{not_offered, violation_of};
use gardener_provider_core::{Configuration, GardenerApi, Result, SecretData, Violation};

use crate::{
    bucket_config,
    credentials::{CredentialSource, Identity},
    infrastructure_config,
    provider_spec::ProviderSpec,
};

/// Validates what users write for AWS: the infrastructure, MachineClasses, backup buckets and secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AwsApi {
    source: CredentialSource,
}

impl AwsApi {
    /// Validation for a provider whose credentials come from `source`.
    pub(crate) fn new(source: CredentialSource) -> Self {
        Self { source }
    }

    fn secret(self, secret: &SecretData) -> Vec<Violation> {
        let Err(error) = Identity::of(secret, self.source) else { return Vec::new() };
        vec![violation_of("secret", &error)]
    }
}

#[async_trait]
impl GardenerApi for AwsApi {
    async fn validate(&self, configuration: &Configuration) -> Result<Vec<Violation>> {
        Ok(match configuration {
            Configuration::Infrastructure { new, old, region, networking } => {
                infrastructure_config::validate(new, old.as_ref(), region, networking)
            }
            Configuration::ProviderSpec { new } => ProviderSpec::violations(new),
            Configuration::BackupBucket { new, old } => bucket_config::validate(new, old.as_ref()),
            Configuration::Secret { new, .. } => self.secret(new),
            other => return Err(not_offered("AWS", other)),
        })
    }
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{ErrorKind, Networking, Region};
    use serde_json::{Value, json};

    use super::*;

    async fn fields(configuration: Configuration) -> Vec<String> {
        let violations = AwsApi::new(CredentialSource::Secret).validate(&configuration).await.unwrap();
        violations.into_iter().map(|violation| violation.field).collect()
    }

    #[tokio::test]
    async fn each_kind_of_configuration_names_its_fields() {
        let infrastructure = |new| Configuration::Infrastructure {
            new,
            old: None,
            region: Region::new("eu-west-1").unwrap(),
            networking: Networking::default(),
        };
        let unknown = json!({ "networks": { "vpc": { "cidr": "10.0.0.0/16" }, "zones": [], "typo": 1 } });
        assert_eq!(fields(infrastructure(unknown)).await, ["networks.typo"]);
        let spec = fields(Configuration::ProviderSpec { new: json!({ "ami": 7 }) }).await;
        assert_eq!(spec, ["providerSpec.ami"]);
        let secret = SecretData::new().with("accessKeyID", "AKIA");
        let secret = fields(Configuration::Secret { new: secret, old: None }).await;
        assert!(secret[0].contains("secretAccessKey"), "{secret:?}");
        let immutability = |hours: u32, mode: &str| {
            json!({
                "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1",
                "kind": "BackupBucketConfig",
                "immutability": { "retentionType": "bucket", "retentionPeriod": format!("{hours}h"), "mode": mode },
            })
        };
        let (old, new) = (Some(immutability(48, "compliance")), immutability(24, "compliance"));
        assert_eq!(fields(Configuration::BackupBucket { new, old }).await, ["immutability.retentionPeriod"]);
    }

    #[tokio::test]
    async fn what_is_not_offered_says_so() {
        let worker = Configuration::Worker { new: Value::Null, old: None };
        let error = AwsApi::new(CredentialSource::Secret).validate(&worker).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unimplemented);
        assert!(error.to_string().contains("Worker"), "{error}");
    }
}
