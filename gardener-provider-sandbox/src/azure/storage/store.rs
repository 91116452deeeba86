//! The blobs of all containers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::SystemTime,
};

use bytes::Bytes;

/// All blobs, by the keys of their containers.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    containers: BTreeMap<String, Container>,
    /// Names of storage accounts that others have.
    pub(super) foreign: BTreeSet<String>,
    count: u64,
}

#[derive(Debug, Default)]
struct Container {
    /// The versions of each blob, oldest first.
    blobs: BTreeMap<String, Vec<Version>>,
    /// Blocks that are not part of a blob yet, by name and id.
    blocks: BTreeMap<String, BTreeMap<String, Bytes>>,
}

/// A version of a blob.
#[derive(Clone)]
pub(super) struct Version {
    /// What it is called where versions are kept.
    pub(super) id: String,
    pub(super) etag: String,
    pub(super) created: SystemTime,
    pub(super) is_current: bool,
    pub(super) data: Bytes,
    pub(super) blocks: Vec<(String, usize)>,
    /// Headers that a read answers: content type, metadata, …
    pub(super) headers: Vec<(String, String)>,
    pub(super) tags: BTreeMap<String, String>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("id", &self.id)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

impl Blobs {
    /// An id and an ETag that nobody has yet.
    pub(super) fn fresh(&mut self, now: SystemTime) -> (String, String) {
        self.count += 1;
        let id = super::accounts::text_of(now);
        let id = format!("{}.{:07}Z", id.split(['.', 'Z']).next().unwrap_or_default(), self.count);
        (id, format!("\"0x8D{:012X}\"", self.count))
    }

    pub(super) fn is_empty(&self, container: &str) -> bool {
        self.containers.get(container).is_none_or(|container| container.blobs.is_empty())
    }

    /// Forgets what is in a container, or in all containers of an account.
    pub(super) fn forget_below(&mut self, key: &str) {
        let below = format!("{key}/");
        self.containers.retain(|container, _| container != key && !container.starts_with(&below));
    }

    /// All versions of all blobs, by name.
    pub(super) fn all(&self, container: &str) -> impl Iterator<Item = (&str, &Version)> {
        let blobs = self.containers.get(container).into_iter().flat_map(|container| container.blobs.iter());
        blobs.flat_map(|(name, versions)| versions.iter().map(move |version| (name.as_str(), version)))
    }

    pub(super) fn current(&self, container: &str, name: &str) -> Option<&Version> {
        self.containers.get(container)?.blobs.get(name)?.iter().find(|version| version.is_current)
    }

    /// A version by its id, or the current one.
    pub(super) fn version(&self, container: &str, name: &str, id: Option<&str>) -> Option<&Version> {
        match id {
            None => self.current(container, name),
            Some(id) => {
                self.containers.get(container)?.blobs.get(name)?.iter().find(|version| version.id == id)
            }
        }
    }

    /// Adds the current version; the one before goes, or becomes an old one.
    pub(super) fn add(&mut self, container: &str, name: &str, version: Version, keep: bool) {
        self.retire(container, name, keep);
        let container = self.containers.entry(container.to_owned()).or_default();
        container.blobs.entry(name.to_owned()).or_default().push(version);
    }

    /// The current version goes, or becomes an old one.
    pub(super) fn retire(&mut self, container: &str, name: &str, keep: bool) {
        let Some(container) = self.containers.get_mut(container) else { return };
        let Some(versions) = container.blobs.get_mut(name) else { return };
        if keep {
            for version in versions.iter_mut() {
                version.is_current = false;
            }
        } else {
            versions.retain(|version| !version.is_current);
        }
        if versions.is_empty() {
            container.blobs.remove(name);
        }
    }

    /// Removes a version for good.
    pub(super) fn remove(&mut self, container: &str, name: &str, id: &str) {
        let Some(container) = self.containers.get_mut(container) else { return };
        if let Some(versions) = container.blobs.get_mut(name) {
            versions.retain(|version| version.id != id);
            if versions.is_empty() {
                container.blobs.remove(name);
            }
        }
    }

    pub(super) fn tag(&mut self, container: &str, name: &str, id: &str, tags: BTreeMap<String, String>) {
        let versions = self.containers.get_mut(container).and_then(|container| container.blobs.get_mut(name));
        if let Some(version) = versions.into_iter().flatten().find(|version| version.id == id) {
            version.tags = tags;
        }
    }

    pub(super) fn stage(&mut self, container: &str, name: &str, id: &str, data: Bytes) {
        let container = self.containers.entry(container.to_owned()).or_default();
        container.blocks.entry(name.to_owned()).or_default().insert(id.to_owned(), data);
    }

    /// The staged blocks of a blob, which are staged no longer.
    pub(super) fn staged(&mut self, container: &str, name: &str) -> BTreeMap<String, Bytes> {
        let container = self.containers.get_mut(container);
        container.and_then(|container| container.blocks.remove(name)).unwrap_or_default()
    }
}
