//! Object storage on Azure: a bucket is a container of its name, in a storage account of its own, in a resource group of
//! its name. Accounts and containers are managed through the Resource Manager, blobs through [`object_store`].
//!
//! The account's name is made of the bucket's as Gardener does it, so either finds what the other made. Every setting is
//! read before it is written, and written only if it differs.
//!
//! Blobs are reached with the account's key, if the secret holds one (what [`Bucket::generated_secret`] has), else with a
//! token. A token needs a role for data, *Storage Blob Data Owner*: the right to manage an account is no right to its blobs.

mod access;
mod create;
mod delete;
mod keys;
mod open;
mod settings;

use std::{fmt::Display, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_client::poll;
use gardener_provider_core::{
    Bucket, BucketName, BucketRef, BucketSpec, DeletedObjects, Error, ErrorKind, ObjectPrefix, ObjectStorage,
    Region, Result, SecretData,
};
use object_store::ObjectStore;

use crate::{
    api::{
        ResourceId, blob_containers,
        storage_accounts::{self, StorageAccount},
    },
    bucket_config::{BackupBucketConfig, storage_account_of},
    endpoints::Cloud,
    session::{Session, Sessions},
};

/// Buckets of Azure.
#[derive(Debug, Clone)]
pub(crate) struct AzureStorage {
    sessions: Arc<Sessions>,
}

impl AzureStorage {
    /// Storage that asks through these sessions.
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }

    fn scope(&self, name: &BucketName, region: &Region, secret: &SecretData, cloud: Cloud) -> Result<Scope> {
        let session = self.sessions.get(secret, cloud)?;
        Ok(Scope::new(session, name.clone(), region.clone()))
    }

    fn scope_of(&self, bucket: &BucketRef) -> Result<Scope> {
        self.scope(&bucket.name, &bucket.region, &bucket.secret, Cloud::of_region(&bucket.region))
    }
}

#[async_trait]
impl ObjectStorage for AzureStorage {
    async fn create_bucket(&self, spec: &BucketSpec, secret: &SecretData) -> Result<Bucket> {
        let config = BackupBucketConfig::of(spec)?;
        let wanted = settings::Wanted::of(spec, &config)?;
        let cloud = config.cloud.unwrap_or_else(|| Cloud::of_region(&spec.region));
        let scope = self.scope(&spec.name, &spec.region, secret, cloud)?;
        create::run(&scope, &wanted).await.map_err(|error| error.context(format!("bucket {}", spec.name)))
    }

    async fn get_bucket(&self, bucket: &BucketRef) -> Result<Bucket> {
        let scope = self.scope_of(bucket)?;
        settings::read_bucket(&scope).await.map_err(|error| error.context(format!("bucket {}", bucket.name)))
    }

    fn list_buckets(&self, region: Region, secret: SecretData) -> BoxStream<'static, Result<BucketName>> {
        let session = match self.sessions.get(&secret, Cloud::of_region(&region)) {
            Ok(session) => session,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let list = storage_accounts::list_of(session.subscription());
        session.stream(list).try_filter_map(|account| async move { Ok(bucket_of(&account)) }).boxed()
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<()> {
        let scope = self.scope_of(bucket)?;
        let deleted = delete::bucket(&scope, &self.access(bucket)?).await;
        deleted.map_err(|error| error.context(format!("bucket {}", bucket.name)))
    }

    async fn delete_prefix(&self, bucket: &BucketRef, prefix: &ObjectPrefix) -> Result<DeletedObjects> {
        let deleted = delete::prefix(self, bucket, prefix.as_str()).await;
        deleted.map_err(|error| error.context(format!("objects {prefix} of bucket {}", bucket.name)))
    }

    async fn open(&self, bucket: &BucketRef) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(open::open(&self.access(bucket)?, self.sessions.transport(), &bucket.name)?))
    }
}

/// A bucket and the session to reach it through.
#[derive(Debug)]
struct Scope {
    session: Arc<Session>,
    name: BucketName,
    region: Region,
    group: ResourceId,
    account: ResourceId,
    container: ResourceId,
}

impl Scope {
    fn new(session: Arc<Session>, name: BucketName, region: Region) -> Self {
        let group = session.group(name.as_str());
        let account = storage_accounts::id(&group, &storage_account_of(&name));
        let container = blob_containers::container(&account, name.as_str());
        Self { session, name, region, group, account, container }
    }

    /// Repeats what is refused because something else is going on with the account.
    async fn patiently<R, F>(&self, attempt: impl FnMut() -> F) -> Result<R>
    where
        F: Future<Output = Result<R>>,
    {
        poll::patiently(&**self.session.clock(), SETTLED_WITHIN, CHANGING, attempt).await
    }

    /// What is wrong with where the account is.
    fn at_home(&self, account: &StorageAccount) -> Result<(), String> {
        let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
        if plain(&account.location) == plain(self.region.as_str()) {
            return Ok(());
        }
        Err(format!("bucket {} is in {}, not in {}", self.name, account.location, self.region))
    }

    fn taken(&self, problem: impl Display) -> Error {
        Error::new(ErrorKind::AlreadyExists, format!("bucket.name: {} {problem}", self.name))
    }
}

/// How long a change may keep another one from being made.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);

/// Another change is under way, or was made since the state was read.
const CHANGING: &[&str] = &[
    "StorageAccountOperationInProgress",
    "AnotherOperationInProgress",
    "ConcurrentOperation",
    "ContainerBeingDeleted",
    "ResourceGroupBeingDeleted",
    "PreconditionFailed",
    "ConditionNotMet",
    "RetryableError",
];

/// The bucket that an account holds, if it holds one.
fn bucket_of(account: &StorageAccount) -> Option<BucketName> {
    let id: ResourceId = account.id.parse().ok()?;
    let bucket = BucketName::new(id.group_name().to_ascii_lowercase()).ok()?;
    (storage_account_of(&bucket) == account.name).then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_known_by_the_names_of_account_and_group() {
        let account = |group: &str, name: &str| StorageAccount {
            id: format!(
                "/subscriptions/s/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{name}"
            ),
            name: name.to_owned(),
            ..StorageAccount::default()
        };
        let bucket = BucketName::new("backups").unwrap();
        let name = storage_account_of(&bucket);
        assert_eq!(bucket_of(&account("Backups", &name)), Some(bucket));
        assert_eq!(bucket_of(&account("backups", "bkp0123456789abcde")), None);
        assert_eq!(bucket_of(&account("others", &name)), None);
    }
}
