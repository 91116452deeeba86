//! What S3 remembers.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use s3s::{S3Error, S3ErrorCode, S3Result, dto};

use super::lock::Retention;
use crate::{Resource, ids::scatter};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Bucket>,
    ids: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versioning {
    /// Never switched on.
    Off,
    Enabled,
    Suspended,
}

pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) created: SystemTime,
    pub(super) foreign: bool,
    pub(super) versioning: Versioning,
    /// The versions of each key, oldest first; never empty.
    pub(super) objects: BTreeMap<String, Vec<Version>>,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) completed: BTreeMap<String, Completed>,
    pub(super) settings: Settings,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket")
            .field("name", &self.name)
            .field("objects", &self.objects.len())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
pub(super) struct Settings {
    pub(super) encryption: Option<dto::ServerSideEncryptionConfiguration>,
    pub(super) public_access: Option<dto::PublicAccessBlockConfiguration>,
    pub(super) ownership: Option<dto::OwnershipControls>,
    pub(super) policy: Option<String>,
    pub(super) lifecycle: Option<dto::LifecycleRules>,
    pub(super) tags: Option<dto::TagSet>,
    pub(super) lock: Option<dto::ObjectLockConfiguration>,
}

#[derive(Debug)]
pub(super) struct Version {
    /// `null` if versioning was not enabled when it was made.
    pub(super) id: String,
    pub(super) modified: SystemTime,
    /// `None` for a delete marker.
    pub(super) content: Option<Content>,
}

#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) data: Bytes,
    pub(super) e_tag: String,
    pub(super) checksum: dto::Checksum,
    pub(super) attributes: Attributes,
    /// The lengths of the parts, if it was uploaded in parts.
    pub(super) parts: Vec<u64>,
    pub(super) retention: Option<Retention>,
    pub(super) legal_hold: bool,
}

/// What a client says of an object besides its bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attributes {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) expires: Option<dto::Timestamp>,
    pub(super) metadata: Option<dto::Metadata>,
    pub(super) storage_class: Option<String>,
    pub(super) encryption: Option<String>,
    pub(super) kms_key: Option<String>,
    /// The MD5 of the customer's key (SSE-C), base64.
    pub(super) customer_key: Option<String>,
    pub(super) tags: Vec<dto::Tag>,
}

pub(super) struct Upload {
    pub(super) key: String,
    pub(super) initiated: SystemTime,
    pub(super) attributes: Attributes,
    pub(super) checksum: Option<dto::ChecksumAlgorithm>,
    pub(super) whole_checksum: bool,
    pub(super) retention: Option<Retention>,
    pub(super) legal_hold: bool,
    pub(super) parts: BTreeMap<i32, Part>,
}

/// What became of an upload: completing it again in the same way is answered in the same way.
#[derive(Debug, Clone)]
pub(super) struct Completed {
    pub(super) key: String,
    /// The numbers and ETags of its parts.
    pub(super) parts: Vec<(i32, String)>,
    pub(super) e_tag: String,
    pub(super) checksum: dto::Checksum,
    pub(super) encryption: Option<dto::ServerSideEncryption>,
    pub(super) kms_key: Option<String>,
    pub(super) version_id: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) data: Bytes,
    pub(super) e_tag: String,
    pub(super) modified: SystemTime,
    pub(super) checksum: dto::Checksum,
}

impl State {
    /// A fresh id with the length of S3's version ids. Newer ids sort before older ones, as versions do in lists.
    pub(super) fn fresh_id(&mut self) -> String {
        self.ids += 1;
        format!("{:016X}{:016X}", u64::MAX - self.ids, scatter(self.ids))
    }

    pub(super) fn own(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.values().filter(|bucket| !bucket.foreign)
    }

    pub(super) fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets
            .get_mut(name)
            .ok_or_else(|| error(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist"))
    }
}

impl Bucket {
    pub(super) fn new(name: &str, region: &str, created: SystemTime) -> Self {
        Self {
            name: name.to_owned(),
            region: region.to_owned(),
            created,
            foreign: false,
            versioning: Versioning::Off,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            completed: BTreeMap::new(),
            settings: Settings::default(),
        }
    }

    pub(super) fn foreign(name: &str, region: &str, created: SystemTime) -> Self {
        Self { foreign: true, ..Self::new(name, region, created) }
    }

    pub(super) fn entry(&self) -> Resource {
        let tags = self.settings.tags.iter().flatten();
        let tags =
            tags.map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default()));
        let mut resource = Resource::new("s3", "bucket", &self.region, &self.name);
        resource.name.clone_from(&self.name);
        resource.with_tags(&tags.collect())
    }

    /// The newest version of a key, which may be a delete marker.
    pub(super) fn latest(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last()
    }

    /// The object that a plain GET of the key returns.
    pub(super) fn current(&self, key: &str) -> Option<(&Version, &Content)> {
        let version = self.latest(key)?;
        Some((version, version.content.as_ref()?))
    }

    /// A version by its id.
    pub(super) fn version(&self, key: &str, id: &str) -> Option<&Version> {
        self.objects.get(key)?.iter().find(|version| version.id == id)
    }

    /// Adds the newest version of a key; without versioning it replaces the one named `null`. Returns its id.
    pub(super) fn add(
        &mut self,
        key: &str,
        content: Option<Content>,
        now: SystemTime,
        fresh_id: String,
    ) -> String {
        let id = if self.versioning == Versioning::Enabled { fresh_id } else { "null".to_owned() };
        let versions = self.objects.entry(key.to_owned()).or_default();
        versions.retain(|version| version.id != id);
        versions.push(Version { id: id.clone(), modified: whole_seconds(now), content });
        id
    }

    /// The version id as replies carry it: not at all if versioning never was on.
    pub(super) fn shown_id(&self, id: &str) -> Option<String> {
        (self.versioning != Versioning::Off).then(|| id.to_owned())
    }

    /// Removes a version for good.
    pub(super) fn remove(&mut self, key: &str, id: &str) {
        if let Some(versions) = self.objects.get_mut(key) {
            versions.retain(|version| version.id != id);
            if versions.is_empty() {
                self.objects.remove(key);
            }
        }
    }
}

/// An error with a message.
pub(super) fn error(code: S3ErrorCode, message: impl Into<Cow<'static, str>>) -> S3Error {
    S3Error::with_message(code, message)
}

/// An error whose code `s3s` does not know.
pub(super) fn custom_error(code: &'static str, status: http::StatusCode, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

/// S3 tells times of change in whole seconds.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
