//! What Cloud Storage remembers.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::super::{
    body::{Fields, Object},
    context::timestamp,
    error::GcpError,
};
use crate::Resource;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) uploads: BTreeMap<String, super::uploads::Upload>,
    count: u64,
}

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) project: String,
    pub(super) foreign: bool,
    pub(super) created: SystemTime,
    pub(super) updated: SystemTime,
    pub(super) metageneration: u64,
    /// What the owner set, by the names of the API.
    pub(super) settings: Object,
    /// The versions of each object, oldest first; only the last may be live.
    pub(super) objects: BTreeMap<String, Vec<Version>>,
}

#[derive(Clone)]
pub(super) struct Version {
    pub(super) generation: u64,
    pub(super) metageneration: u64,
    pub(super) created: SystemTime,
    pub(super) data: Bytes,
    /// `contentType`, `metadata` and the like.
    pub(super) settings: Object,
    /// When it ceased to be the live version.
    pub(super) noncurrent: Option<SystemTime>,
    pub(super) custom_time: Option<SystemTime>,
    pub(super) held: bool,
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version")
            .field("generation", &self.generation)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

impl State {
    /// Numbers that grow, as generations do: microseconds, and never the same twice.
    pub(super) fn generation(&mut self, now: SystemTime) -> u64 {
        self.count += 1;
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX / 2) + self.count
    }

    /// A bucket that the caller may use.
    pub(super) fn bucket(&mut self, name: &str) -> Result<&mut Bucket, GcpError> {
        match self.buckets.get_mut(name) {
            None => Err(GcpError::new(404, "notFound", "The specified bucket does not exist.")),
            Some(bucket) if bucket.foreign => Err(GcpError::new(
                403,
                "forbidden",
                format!("The caller does not have storage.buckets.get access to the bucket {name}."),
            )),
            Some(bucket) => Ok(bucket),
        }
    }
}

impl Bucket {
    pub(super) fn new(name: &str, project: &str, settings: Object, now: SystemTime) -> Self {
        Self {
            name: name.to_owned(),
            project: project.to_owned(),
            foreign: false,
            created: now,
            updated: now,
            metageneration: 1,
            settings,
            objects: BTreeMap::new(),
        }
    }

    pub(super) fn foreign(name: &str, location: &str, now: SystemTime) -> Self {
        let settings = Object::from_iter([("location".to_owned(), location.to_ascii_uppercase().into())]);
        Self { foreign: true, ..Self::new(name, "", settings, now) }
    }

    pub(super) fn location(&self) -> &str {
        self.settings.text("location").unwrap_or("US")
    }

    pub(super) fn entry(&self) -> Resource {
        let mut resource =
            Resource::new("storage", "bucket", &self.location().to_ascii_lowercase(), &self.name);
        resource.name.clone_from(&self.name);
        resource
    }

    fn retention(&self) -> Option<Duration> {
        let seconds = self.settings.object("retentionPolicy")?.number("retentionPeriod")?;
        u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
    }

    pub(super) fn keeps_versions(&self) -> bool {
        self.settings.object("versioning").and_then(|versioning| versioning.flag("enabled")) == Some(true)
    }

    /// Until when the policy protects a version.
    pub(super) fn retained_until(&self, version: &Version) -> Option<SystemTime> {
        self.retention().map(|period| version.created + period)
    }

    /// Whether a version may be deleted or overwritten.
    pub(super) fn may_go(&self, name: &str, version: &Version, now: SystemTime) -> Result<(), GcpError> {
        if version.held {
            let message = format!(
                "Object '{}/{name}' is under active Temporary hold and cannot be deleted, overwritten or archived until hold is removed.",
                self.name
            );
            return Err(GcpError::new(403, "objectUnderActiveHold", message));
        }
        match self.retained_until(version) {
            Some(until) if until > now => {
                let until = timestamp(until);
                let message = format!(
                    "Object '{}/{name}' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until {until}",
                    self.name
                );
                Err(GcpError::new(403, "retentionPolicyNotMet", message))
            }
            _ => Ok(()),
        }
    }

    /// The live version.
    pub(super) fn live(&self, name: &str) -> Option<&Version> {
        self.objects.get(name)?.last().filter(|version| version.noncurrent.is_none())
    }

    /// A version by its generation, or the live one.
    pub(super) fn version(&self, name: &str, generation: Option<u64>) -> Result<&Version, GcpError> {
        let found = match generation {
            None => self.live(name),
            Some(generation) => {
                let versions = self.objects.get(name).into_iter().flatten();
                versions.into_iter().find(|version| version.generation == generation)
            }
        };
        found.ok_or_else(|| GcpError::new(404, "notFound", format!("No such object: {}/{name}", self.name)))
    }

    /// Adds a live version; the one before goes, or becomes noncurrent.
    pub(super) fn add(&mut self, name: &str, version: Version) -> Result<(), GcpError> {
        let now = version.created;
        if let Some(live) = self.live(name).cloned() {
            if !self.keeps_versions() {
                self.may_go(name, &live, now)?;
            }
            self.retire(name, now);
        }
        self.objects.entry(name.to_owned()).or_default().push(version);
        Ok(())
    }

    /// The live version goes, or becomes noncurrent.
    pub(super) fn retire(&mut self, name: &str, now: SystemTime) {
        let keeps = self.keeps_versions();
        let Some(versions) = self.objects.get_mut(name) else { return };
        match versions.last_mut() {
            Some(version) if keeps => version.noncurrent = version.noncurrent.or(Some(now)),
            _ => drop(versions.pop()),
        }
        if versions.is_empty() {
            self.objects.remove(name);
        }
    }

    /// Removes a version for good.
    pub(super) fn remove(&mut self, name: &str, generation: u64) {
        if let Some(versions) = self.objects.get_mut(name) {
            versions.retain(|version| version.generation != generation);
            if versions.is_empty() {
                self.objects.remove(name);
            }
        }
    }
}

impl Version {
    pub(super) fn new(generation: u64, data: Bytes, settings: Object, now: SystemTime) -> Self {
        Self {
            generation,
            metageneration: 1,
            created: now,
            data,
            settings,
            noncurrent: None,
            custom_time: None,
            held: false,
        }
    }

    pub(super) fn md5(&self) -> Vec<u8> {
        Md5::digest(&self.data).to_vec()
    }

    pub(super) fn content_type(&self) -> &str {
        self.settings.text("contentType").unwrap_or("application/octet-stream")
    }

    /// The object's resource.
    pub(super) fn resource(&self, bucket: &Bucket, name: &str) -> Value {
        let mut resource = Value::Object(self.settings.clone());
        let (created, generation) = (timestamp(self.created), self.generation);
        let fixed = json!({
            "kind": "storage#object",
            "id": format!("{}/{name}/{generation}", bucket.name),
            "name": name,
            "bucket": bucket.name,
            "generation": generation.to_string(),
            "metageneration": self.metageneration.to_string(),
            "contentType": self.content_type(),
            "storageClass": "STANDARD",
            "size": self.data.len().to_string(),
            "md5Hash": BASE64_STANDARD.encode(self.md5()),
            "etag": BASE64_STANDARD.encode(generation.to_be_bytes()),
            "timeCreated": created,
            "updated": created,
            "temporaryHold": self.held,
        });
        for (name, value) in fixed.as_object().into_iter().flatten() {
            resource[name] = value.clone();
        }
        let optional = [
            ("timeDeleted", self.noncurrent),
            ("customTime", self.custom_time),
            ("retentionExpirationTime", bucket.retained_until(self)),
        ];
        for (name, time) in optional.into_iter().filter_map(|(name, time)| Some((name, time?))) {
            resource[name] = timestamp(time).into();
        }
        resource
    }
}
