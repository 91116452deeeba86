//! Object storage: buckets here, objects through [`object_store::ObjectStore`].

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::ObjectStore;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BucketName, Error, Region, Result, SecretData};

/// How strictly a retention binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RetentionMode {
    /// Those with a special permission may lift it.
    Governance,
    /// Nobody can lift it or make it shorter. On Azure and GCP: locked.
    Compliance,
}

/// For how long an object cannot be deleted or overwritten after it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Retention {
    /// For how long. Some clouds count whole days.
    pub period: Duration,
    /// How strictly.
    pub mode: RetentionMode,
}

impl Retention {
    /// A retention of this length and strictness.
    pub const fn new(period: Duration, mode: RetentionMode) -> Self {
        Self { period, mode }
    }
}

/// How a bucket is encrypted at rest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Encryption {
    /// With keys that the cloud manages.
    #[default]
    Managed,
    /// With a key of the user's key management service.
    Key(String),
}

/// How a bucket should be. Gardener's defaults unless told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketSpec {
    /// The name.
    pub name: BucketName,
    /// The region.
    pub region: Region,
    /// The cloud's `BackupBucketConfig` as Gardener wrote it, or null. What it says wins over the fields below.
    pub config: Value,
    /// Encryption at rest.
    pub encryption: Encryption,
    /// Keep old versions of objects. Implied by a retention on AWS.
    pub versioning: bool,
    /// Objects cannot be deleted or overwritten for this long.
    pub retention: Option<Retention>,
    /// Unfinished uploads are thrown away after this many days; 7 unless told.
    pub abort_uploads_after_days: u32,
}

impl BucketSpec {
    /// A bucket with Gardener's defaults.
    pub fn new(name: BucketName, region: Region) -> Self {
        Self {
            name,
            region,
            config: Value::Null,
            encryption: Encryption::Managed,
            versioning: false,
            retention: None,
            abort_uploads_after_days: 7,
        }
    }

    /// Sets the cloud's `BackupBucketConfig`.
    pub fn with_config(mut self, config: Value) -> Self {
        self.config = config;
        self
    }

    /// Sets the encryption at rest.
    pub fn with_encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self
    }

    /// Sets whether old versions are kept.
    pub fn with_versioning(mut self, versioning: bool) -> Self {
        self.versioning = versioning;
        self
    }

    /// Sets the retention.
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }
}

/// A bucket as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bucket {
    /// The name.
    pub name: BucketName,
    /// The region.
    pub region: Region,
    /// Whether old versions are kept.
    pub versioning: bool,
    /// The retention in force.
    pub retention: Option<Retention>,
    /// Secret data that clients of the bucket need and that creation made (Azure's storage account and key); empty
    /// where the credentials serve.
    pub generated_secret: SecretData,
}

impl Bucket {
    /// A bucket without versions and retention.
    pub fn new(name: BucketName, region: Region) -> Self {
        Self { name, region, versioning: false, retention: None, generated_secret: SecretData::new() }
    }

    /// Sets whether old versions are kept.
    pub fn with_versioning(mut self, versioning: bool) -> Self {
        self.versioning = versioning;
        self
    }

    /// Sets the retention.
    pub fn with_retention(mut self, retention: Option<Retention>) -> Self {
        self.retention = retention;
        self
    }

    /// Sets the generated secret.
    pub fn with_generated_secret(mut self, secret: SecretData) -> Self {
        self.generated_secret = secret;
        self
    }
}

/// Which bucket, and with which credentials.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BucketRef {
    /// The name.
    pub name: BucketName,
    /// The region.
    pub region: Region,
    /// The credentials.
    pub secret: SecretData,
}

impl BucketRef {
    /// The bucket of this name.
    pub fn new(name: BucketName, region: Region, secret: SecretData) -> Self {
        Self { name, region, secret }
    }
}

/// A path below which objects are, ending in `/`; so `a` can never match `ab/…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectPrefix(String);

impl ObjectPrefix {
    /// Parses a prefix; a missing `/` at the end is added.
    ///
    /// # Errors
    /// `InvalidArgument` if it is empty, begins with `/` or holds an empty, `.` or `..` segment.
    pub fn new(prefix: impl Into<String>) -> Result<Self> {
        let mut prefix: String = prefix.into();
        if !prefix.ends_with('/') {
            prefix.push('/');
        }
        let mut segments = prefix[..prefix.len() - 1].split('/');
        if segments.any(|segment| matches!(segment, "" | "." | "..") || segment.chars().any(char::is_control))
        {
            return Err(Error::invalid("prefix", format!("{prefix:?} holds an empty, '.' or '..' segment")));
        }
        Ok(Self(prefix))
    }

    /// The text, with `/` at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What [`ObjectStorage::delete_prefix`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeletedObjects {
    /// Objects, old versions and delete markers that are gone.
    pub deleted: u64,
    /// Objects that a retention protects; they are marked so that the cloud deletes them when it ends.
    pub retained: u64,
}

impl DeletedObjects {
    /// So many deleted and retained.
    pub const fn new(deleted: u64, retained: u64) -> Self {
        Self { deleted, retained }
    }
}

/// Manages buckets and opens them.
///
/// # Contract, for every method
/// - Secrets and bad input: as for [`MachineDriver`](crate::MachineDriver).
/// - Dropping the future at any point loses nothing: calling again finishes the job.
#[async_trait]
pub trait ObjectStorage: Send + Sync + fmt::Debug {
    /// Creates the bucket, or brings the settings of the one that is there in line.
    ///
    /// - As wanted already: no call that changes anything.
    /// - Never public, only reachable over TLS, encrypted.
    /// - A bucket of that name that belongs to somebody else, or is in another region: `AlreadyExists`.
    /// - A change that the cloud does not allow (a locked retention made shorter): `InvalidArgument` before any call
    ///   that changes something.
    async fn create_bucket(&self, spec: &BucketSpec, secret: &SecretData) -> Result<Bucket>;

    /// The bucket as it is. None of that name: `NotFound`.
    async fn get_bucket(&self, bucket: &BucketRef) -> Result<Bucket>;

    /// The names of the buckets that the credentials own.
    fn list_buckets(&self, region: Region, secret: SecretData) -> BoxStream<'static, Result<BucketName>>;

    /// Deletes the bucket and all in it. None of that name: success.
    ///
    /// - Objects under a retention: `FailedPrecondition`; what is not protected is gone by then.
    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<()>;

    /// Deletes all objects below `prefix`, old versions included, and nothing else. No bucket: success.
    async fn delete_prefix(&self, bucket: &BucketRef, prefix: &ObjectPrefix) -> Result<DeletedObjects>;

    /// Opens the bucket for reading and writing objects. Makes no call; credentials are refreshed as they expire.
    async fn open(&self, bucket: &BucketRef) -> Result<Arc<dyn ObjectStore>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_always_ends_in_a_slash() {
        assert_eq!(ObjectPrefix::new("etcd").unwrap().as_str(), "etcd/");
        assert_eq!(ObjectPrefix::new("a/b/").unwrap().as_str(), "a/b/");
        for bad in ["", "/", "/a", "a//b", "a/../b", "./a", "a\n"] {
            assert!(ObjectPrefix::new(bad).is_err(), "{bad:?}");
        }
    }
}
