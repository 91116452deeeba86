//! Validation for the Gardener API. Makes no call.

use async_trait::async_trait;
use gardener_provider_client::config::{not_offered, violation_of};
use gardener_provider_core::{Configuration, GardenerApi, Result, SecretData, Violation};

use crate::{
    bucket_config,
    credentials::{CredentialSource, Identity, SUBSCRIPTION_ID, TENANT_ID},
    infrastructure_config,
    provider_spec::ProviderSpec,
};

/// Validates what users write for Azure: the infrastructure, MachineClasses, backup buckets and secrets.
#[derive(Debug, Clone)]
pub(crate) struct AzureApi {
    source: CredentialSource,
}

impl AzureApi {
    /// Validation for a provider whose credentials come from `source`.
    pub(crate) fn new(source: CredentialSource) -> Self {
        Self { source }
    }

    /// All that a cluster has lies in one subscription, so a secret may change but that.
    fn secret(&self, new: &SecretData, old: Option<&SecretData>) -> Vec<Violation> {
        let mut wrong = Vec::new();
        if let Err(error) = Identity::of(new, &self.source) {
            wrong.push(violation_of("secret", &error));
        }
        for keys in [SUBSCRIPTION_ID, TENANT_ID] {
            let Some(before) = old.and_then(|old| value(old, keys)) else { continue };
            if value(new, keys).is_some_and(|now| !now.eq_ignore_ascii_case(before)) {
                let problem =
                    "cannot be changed while there are clusters; set it back, or use another secret";
                wrong.push(Violation::new(format!("secret.{}", keys[0]), problem));
            }
        }
        wrong
    }
}

fn value<'a>(secret: &'a SecretData, keys: &[&str]) -> Option<&'a [u8]> {
    keys.iter().find_map(|key| secret.get(key)).map(|value| value.expose().as_slice())
}

#[async_trait]
impl GardenerApi for AzureApi {
    async fn validate(&self, configuration: &Configuration) -> Result<Vec<Violation>> {
        Ok(match configuration {
            Configuration::Infrastructure { new, old, networking, .. } => {
                infrastructure_config::validate(new, old.as_ref(), networking)
            }
            Configuration::ProviderSpec { new } => ProviderSpec::violations(new),
            Configuration::BackupBucket { new, old } => bucket_config::validate(new, old.as_ref()),
            Configuration::Secret { new, old } => self.secret(new, old.as_ref()),
            other => return Err(not_offered("Azure", other)),
        })
    }
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{ErrorKind, Networking, Region};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::secret;

    async fn fields(configuration: Configuration) -> Vec<String> {
        let violations = AzureApi::new(CredentialSource::Secret).validate(&configuration).await.unwrap();
        violations.into_iter().map(|violation| violation.field).collect()
    }

    #[tokio::test]
    async fn each_kind_of_configuration_names_its_fields() {
        let infrastructure = |new| Configuration::Infrastructure {
            new,
            old: None,
            region: Region::new("westeurope").unwrap(),
            networking: Networking::default(),
        };
        let unknown = json!({ "networks": { "workers": "10.0.0.0/16", "typo": 1 } });
        assert_eq!(fields(infrastructure(unknown)).await, ["networks.typo"]);
        let spec = fields(Configuration::ProviderSpec { new: json!({ "location": 7 }) }).await;
        assert_eq!(spec, ["providerSpec.location"]);
        let bucket = json!({
            "apiVersion": "azure.provider.extensions.gardener.cloud/v1alpha1", "kind": "BackupBucketConfig", "typo": 1,
        });
        assert_eq!(fields(Configuration::BackupBucket { new: bucket, old: None }).await, ["typo"]);
    }

    #[tokio::test]
    async fn a_secret_stays_in_its_subscription() {
        let change = |new: SecretData| Configuration::Secret { new, old: Some(secret()) };
        assert_eq!(fields(change(secret())).await, Vec::<String>::new());
        assert_eq!(fields(change(secret().with("clientSecret", "another"))).await, Vec::<String>::new());
        let other = "00000000-0000-0000-0000-00000000000f";
        assert_eq!(fields(change(secret().with("subscriptionID", other))).await, ["secret.subscriptionID"]);
        assert_eq!(fields(change(secret().with("tenantID", other))).await, ["secret.tenantID"]);
        let none = Configuration::Secret { new: SecretData::new(), old: None };
        assert_eq!(fields(none).await.len(), 1);
    }

    #[tokio::test]
    async fn what_is_not_offered_says_so() {
        let worker = Configuration::Worker { new: Value::Null, old: None };
        let error = AzureApi::new(CredentialSource::Secret).validate(&worker).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unimplemented);
        assert!(error.to_string().contains("Worker"), "{error}");
    }
}
