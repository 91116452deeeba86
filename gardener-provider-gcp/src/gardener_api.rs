//! Validation for the Gardener API. Makes no call.

use async_trait::async_trait;
use gardener_provider_client::config::not_offered;
use gardener_provider_core::{Configuration, GardenerApi, Result, SecretData, Violation};

use crate::{bucket_config, credentials::Trust, infrastructure_config, provider_spec::ProviderSpec};

/// Validates what users write for GCP: the infrastructure, MachineClasses, backup buckets and secrets.
#[derive(Debug, Clone)]
pub(crate) struct GcpApi {
    trust: Trust,
}

impl GcpApi {
    /// Validation for a provider that trusts credentials like this.
    pub(crate) fn new(trust: Trust) -> Self {
        Self { trust }
    }

    fn secret(&self, new: &SecretData, old: Option<&SecretData>) -> Vec<Violation> {
        let mut wrong = self.trust.violations(new);
        let project = |secret| self.trust.identity(secret).ok().map(|identity| identity.project);
        if let (Some(before), Some(now)) = (old.and_then(project), project(new))
            && before != now
        {
            let problem = format!(
                "cannot be changed from {before} while there are clusters; set it back, or use another secret"
            );
            wrong.push(Violation::new("secret.projectID", problem));
        }
        wrong
    }
}

#[async_trait]
impl GardenerApi for GcpApi {
    async fn validate(&self, configuration: &Configuration) -> Result<Vec<Violation>> {
        Ok(match configuration {
            Configuration::Infrastructure { new, old, networking, .. } => {
                infrastructure_config::validate(new, old.as_ref(), networking)
            }
            Configuration::ProviderSpec { new } => ProviderSpec::violations(new),
            Configuration::BackupBucket { new, old } => bucket_config::validate(new, old.as_ref()),
            Configuration::Secret { new, old } => self.secret(new, old.as_ref()),
            other => return Err(not_offered("GCP", other)),
        })
    }
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{ErrorKind, Networking, Region};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::key_file;

    async fn fields(configuration: Configuration) -> Vec<String> {
        let violations = GcpApi::new(Trust::default()).validate(&configuration).await.unwrap();
        violations.into_iter().map(|violation| violation.field).collect()
    }

    #[tokio::test]
    async fn each_kind_of_configuration_names_its_fields() {
        let infrastructure = |new, old| Configuration::Infrastructure {
            new,
            old,
            region: Region::new("europe-west1").unwrap(),
            networking: Networking::default(),
        };
        let unknown = json!({ "networks": { "workers": "10.250.0.0/16", "dualStack": {} } });
        assert_eq!(fields(infrastructure(unknown, None)).await, ["networks.dualStack"]);
        let (old, new) = ("10.250.0.0/16", "10.250.0.0/20");
        let [old, new] = [old, new].map(|workers| json!({ "networks": { "workers": workers } }));
        assert_eq!(fields(infrastructure(new, Some(old))).await, ["networks.workers"]);
        let secret = SecretData::new().with("projectID", "my-project");
        let secret = fields(Configuration::Secret { new: secret, old: None }).await;
        assert!(secret[0].contains("serviceaccount.json"), "{secret:?}");
        let spec = fields(Configuration::ProviderSpec { new: json!({ "machineType": 7 }) }).await;
        assert_eq!(spec, ["providerSpec.machineType"]);
        let typo = json!({
            "apiVersion": "gcp.provider.extensions.gardener.cloud/v1alpha1", "kind": "BackupBucketConfig",
            "imutability": {},
        });
        assert_eq!(fields(Configuration::BackupBucket { new: typo, old: None }).await, ["imutability"]);
    }

    #[tokio::test]
    async fn a_secret_keeps_its_project() {
        let of = |project: &str| {
            let mut key = key_file();
            key["project_id"] = project.into();
            SecretData::new().with("serviceaccount.json", key.to_string())
        };
        let step = |old: &str, new: &str| Configuration::Secret { new: of(new), old: Some(of(old)) };
        assert_eq!(fields(step("my-project", "my-project")).await, Vec::<String>::new());
        assert_eq!(fields(step("my-project", "my-other-project")).await, ["secret.projectID"]);
    }

    #[tokio::test]
    async fn what_is_not_offered_says_so() {
        let worker = Configuration::Worker { new: Value::Null, old: None };
        let error = GcpApi::new(Trust::default()).validate(&worker).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unimplemented);
        assert!(error.to_string().contains("Worker"), "{error}");
    }
}
