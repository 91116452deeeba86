//! What the settings of a bucket are and should be, and the writes that lead from one to the other.

use std::collections::BTreeMap;

use futures::try_join;
use gardener_provider_client::{
    rest::or_missing,
    retention::{days, of_days},
};
use gardener_provider_core::{
    Bucket, BucketSpec, Encryption, Error, ErrorKind, Result, Retention, RetentionMode,
};
use serde_json::{Map, Value, json};

use super::{Scope, keys};
use crate::{
    api::{
        blob_containers::{self, BlobService, Container, ImmutabilityPolicy},
        management_policies::{self, ManagementPolicy},
        storage_accounts::{self, KeyPolicy, NewAccount, Properties, StorageAccount},
    },
    bucket_config::{BackupBucketConfig, Rotation},
};

/// Three copies in three zones.
///
/// Source: <https://learn.microsoft.com/en-us/azure/storage/common/storage-redundancy#zone-redundant-storage>
const REDUNDANCY: &str = "Standard_ZRS";
/// What keeps deleted blobs and containers for a while.
const SOFT_DELETE: [&str; 2] = ["deleteRetentionPolicy", "containerDeleteRetentionPolicy"];

/// How a bucket should be.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) retention: Option<Retention>,
    pub(super) rotation: Option<Rotation>,
    versioning: bool,
}

impl Wanted {
    /// # Errors
    /// `InvalidArgument` naming the field that is wrong.
    pub(super) fn of(spec: &BucketSpec, config: &BackupBucketConfig) -> Result<Self> {
        let name = spec.name.as_str();
        if name.contains('.') || name.contains("--") {
            let problem = "may hold no '.' and no two '-' one after the other, as a container's name cannot";
            return Err(Error::invalid("bucket.name", problem));
        }
        if spec.abort_uploads_after_days != 7 {
            let problem =
                "must be 7: Azure throws unfinished uploads away after a week, and that cannot be changed";
            return Err(Error::invalid("abort_uploads_after_days", problem));
        }
        if spec.encryption != Encryption::Managed {
            let problem = "must be the cloud's: a storage account reads a key of yours with an identity that has to be \
                           given access to it first, which is not offered here";
            return Err(Error::invalid("encryption.key", problem));
        }
        Ok(Self { retention: config.retention, rotation: config.rotation, versioning: spec.versioning })
    }

    /// A new account.
    pub(super) fn account(&self, location: &str) -> NewAccount {
        let properties = self.changes(&Properties::default()).unwrap_or_default();
        let tags = BTreeMap::from([("managed-by-gardener".to_owned(), "true".to_owned())]);
        NewAccount { location: location.to_owned(), sku: REDUNDANCY, tags, properties }
    }

    /// What must be changed in an account; none if all is as it should be.
    ///
    /// Keys are accepted, because clients of the bucket get one.
    fn changes(&self, there: &Properties) -> Option<Properties> {
        fn unless<T: PartialEq>(there: Option<&T>, wanted: T) -> Option<T> {
            (there != Some(&wanted)).then_some(wanted)
        }
        let expiration = self.rotation.and_then(|rotation| rotation.expiration_days).unwrap_or(0);
        let expires = KeyPolicy { key_expiration_period_in_days: expiration };
        let key_policy = there.key_policy.or((expiration == 0).then_some(expires));
        let changes = Properties {
            access_tier: unless(there.access_tier.as_ref(), "Cool".to_owned()),
            supports_https_traffic_only: unless(there.supports_https_traffic_only.as_ref(), true),
            minimum_tls_version: match there.minimum_tls_version.as_deref() {
                // A stricter one is somebody's decision.
                Some("TLS1_3") => None,
                _ => unless(there.minimum_tls_version.as_ref(), "TLS1_2".to_owned()),
            },
            allow_blob_public_access: unless(there.allow_blob_public_access.as_ref(), false),
            allow_shared_key_access: unless(there.allow_shared_key_access.as_ref(), true),
            allow_cross_tenant_replication: unless(there.allow_cross_tenant_replication.as_ref(), false),
            key_policy: unless(key_policy.as_ref(), expires),
            provisioning_state: None,
        };
        (changes != Properties::default()).then_some(changes)
    }
}

/// How a bucket is.
#[derive(Debug)]
pub(super) struct Settings {
    account: Properties,
    service: BlobService,
    container: Option<Container>,
    policy: Option<ImmutabilityPolicy>,
    lifecycle: ManagementPolicy,
}

impl Settings {
    pub(super) async fn read(scope: &Scope, account: StorageAccount) -> Result<Self> {
        let (session, id) = (&scope.session, &scope.account);
        let (service, container, lifecycle) = try_join!(
            async { session.run(&blob_containers::get_service(id)).await },
            async { session.find(&blob_containers::get(&scope.container)).await },
            async { session.find(&management_policies::get(id)).await },
        )?;
        let policy = match &container {
            Some(_) => policy(scope).await?,
            None => None,
        };
        let lifecycle = lifecycle.unwrap_or_default();
        Ok(Self { account: account.properties, service, container, policy, lifecycle })
    }

    /// The retention in force.
    pub(super) fn retention(&self) -> Option<Retention> {
        self.policy.as_ref().map(retention)
    }

    /// Brings the bucket in line: first what keeps others out.
    pub(super) async fn converge(&self, scope: &Scope, wanted: &Wanted) -> Result<()> {
        let session = &scope.session;
        if let Some(changes) = wanted.changes(&self.account) {
            session.run(&storage_accounts::update(&scope.account, &changes)).await?;
        }
        match &self.container {
            None => drop(session.run(&blob_containers::create(&scope.container)).await?),
            Some(container) if is_public(container) => {
                drop(session.run(&blob_containers::close(&scope.container)).await?);
            }
            Some(_) => {}
        }
        if let Some(properties) = self.service_changes(wanted.versioning) {
            session.run(&blob_containers::set_service(&scope.account, &properties)).await?;
        }
        self.retain(scope, wanted).await
    }

    /// The settings of the blob service with ours in them; none if they are there.
    fn service_changes(&self, versioning: bool) -> Option<Map<String, Value>> {
        let keeps_deleted = SOFT_DELETE.iter().any(|policy| self.service.keeps_deleted(policy));
        if self.service.keeps_versions() == versioning && !keeps_deleted {
            return None;
        }
        let mut properties = self.service.properties.clone();
        properties.insert("isVersioningEnabled".to_owned(), versioning.into());
        // What is deleted is deleted: else it is kept, and paid for.
        for policy in SOFT_DELETE {
            properties.insert(policy.to_owned(), json!({ "enabled": false }));
        }
        Some(properties)
    }

    /// The rule that later deletes what is retained comes before the retention: who can delete a prefix can mark blobs,
    /// but may not be able to make a rule.
    async fn retain(&self, scope: &Scope, wanted: &Wanted) -> Result<()> {
        let (session, container) = (&scope.session, &scope.container);
        let Some(retention) = wanted.retention else {
            return match &self.policy {
                Some(policy) => session.run(&blob_containers::delete_policy(container, &policy.etag)).await,
                None => Ok(()),
            };
        };
        let days = days(retention.period);
        let rule = management_policies::expire_deleted(scope.name.as_str(), days);
        if let Some(rules) = self.lifecycle.with(&rule) {
            session.run(&management_policies::set(&scope.account, &rules)).await?;
        }
        let policy = match &self.policy {
            Some(policy) if policy.days() == days => policy.clone(),
            Some(policy) if policy.is_locked() => {
                session.run(&blob_containers::extend_policy(container, days, &policy.etag)).await?
            }
            there => {
                let etag = there.as_ref().map(|policy| policy.etag.as_str());
                session.run(&blob_containers::set_policy(container, days, etag)).await?
            }
        };
        if retention.mode == RetentionMode::Compliance && !policy.is_locked() {
            session.run(&blob_containers::lock_policy(container, &policy.etag)).await?;
        }
        Ok(())
    }
}

fn is_public(container: &Container) -> bool {
    container.properties.public_access.as_deref().is_some_and(|access| access != "None")
}

/// The immutability policy of the container.
pub(super) async fn policy(scope: &Scope) -> Result<Option<ImmutabilityPolicy>> {
    let found = or_missing(scope.session.run(&blob_containers::get_policy(&scope.container)).await)?;
    Ok(found.filter(ImmutabilityPolicy::is_there))
}

fn retention(policy: &ImmutabilityPolicy) -> Retention {
    let mode = if policy.is_locked() { RetentionMode::Compliance } else { RetentionMode::Governance };
    Retention::new(of_days(policy.days()), mode)
}

/// The bucket once all writes are made.
pub(super) async fn outcome(scope: &Scope, wanted: &Wanted) -> Result<Bucket> {
    Ok(Bucket::new(scope.name.clone(), scope.region.clone())
        .with_versioning(wanted.versioning)
        .with_retention(wanted.retention)
        .with_generated_secret(keys::secret(scope, wanted.rotation).await?))
}

/// The bucket as it is.
pub(super) async fn read_bucket(scope: &Scope) -> Result<Bucket> {
    let account = scope.session.run(&storage_accounts::get(&scope.account)).await?;
    scope.at_home(&account).map_err(|problem| Error::invalid("region", problem))?;
    let settings = Settings::read(scope, account).await?;
    if settings.container.is_none() {
        let message = format!("storage account {} has no container {} yet", scope.account.name(), scope.name);
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    Ok(Bucket::new(scope.name.clone(), scope.region.clone())
        .with_versioning(settings.service.keeps_versions())
        .with_retention(settings.retention())
        .with_generated_secret(keys::secret(scope, None).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(rotation: Option<Rotation>) -> Wanted {
        Wanted { retention: None, rotation, versioning: false }
    }

    #[test]
    fn a_new_account_is_closed_and_nothing_is_left_to_change() {
        let new = wanted(None).account("westeurope");
        assert_eq!(new.sku, "Standard_ZRS");
        let properties = serde_json::to_value(&new.properties).unwrap();
        let expected = json!({
            "accessTier": "Cool", "supportsHttpsTrafficOnly": true, "minimumTlsVersion": "TLS1_2",
            "allowBlobPublicAccess": false, "allowSharedKeyAccess": true, "allowCrossTenantReplication": false });
        assert_eq!(properties, expected);
        assert_eq!(wanted(None).changes(&new.properties), None);
    }

    #[test]
    fn only_what_differs_is_changed() {
        let mut there = wanted(None).account("westeurope").properties;
        there.allow_blob_public_access = Some(true);
        there.minimum_tls_version = Some("TLS1_3".to_owned());
        let changes = wanted(None).changes(&there).unwrap();
        assert_eq!(changes, Properties { allow_blob_public_access: Some(false), ..Properties::default() });
    }

    #[test]
    fn keys_expire_when_and_only_when_they_should() {
        let rotation = Rotation { period_days: 2, expiration_days: Some(10) };
        let new = wanted(Some(rotation)).account("westeurope").properties;
        let ten = KeyPolicy { key_expiration_period_in_days: 10 };
        assert_eq!(new.key_policy, Some(ten));
        assert_eq!(wanted(Some(rotation)).changes(&new), None);
        let never = wanted(None).changes(&new).unwrap().key_policy;
        assert_eq!(never, Some(KeyPolicy::default()));
    }
}
