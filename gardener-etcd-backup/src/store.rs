//! Where snapshots are kept: an object store and a prefix in it.

use std::{fmt, sync::Arc};

use futures::TryStreamExt;
use gardener_provider_core::{Error, ErrorKind, Result};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use tracing::debug;

use crate::{
    SnapshotName,
    encryption::{Blocks, KeyKeeper, encrypt},
    error, fence,
};

/// Snapshots of one etcd cluster: an object store and the prefix under which Gardener keeps that cluster's, for example
/// `shoot--garden--one--4f2b/etcd-main`.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    keys: Option<Arc<dyn KeyKeeper>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("objects", &self.objects.to_string())
            .field("prefix", &self.prefix)
            .field("encrypted", &self.keys.is_some())
            .finish()
    }
}

/// A snapshot in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// What its name says.
    pub name: SnapshotName,
    /// Its object.
    pub path: Path,
    /// Size of the object in bytes, as compressed.
    pub size: u64,
}

impl Snapshot {
    /// A snapshot at this object.
    pub fn new(name: SnapshotName, path: Path, size: u64) -> Self {
        Self { name, path, size }
    }

    /// The order in which a chain is read: by last revision, then by time; a full after the delta that leads to it.
    pub(crate) fn order(&self) -> (i64, i64, bool) {
        (self.name.last, self.name.created, self.name.kind == crate::Kind::Full)
    }
}

/// What lies under a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// Snapshots by last revision, then by time.
    pub snapshots: Vec<Snapshot>,
    /// Parts that an interrupted or composed upload left beside a snapshot (`<snapshot>/0000000001`).
    pub chunks: Vec<Path>,
    /// What writers left to say that they write here (`writers/0000000001.json`).
    pub claims: Vec<Path>,
    /// Objects that are none of these. They are never touched.
    pub foreign: Vec<Path>,
}

impl Store {
    /// The snapshots under `prefix` (which may be empty) of `objects`.
    ///
    /// # Errors
    /// `InvalidArgument` for a prefix that is not a path.
    pub fn new(objects: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self> {
        let prefix = Path::parse(prefix.trim_matches('/'))
            .map_err(|problem| Error::invalid("store prefix", problem))?;
        Ok(Self { objects, prefix, keys: None })
    }

    /// Encrypts snapshots that are written from now on, and reads encrypted ones. Those that are not encrypted are read
    /// as before.
    pub fn with_keys(mut self, keys: Arc<dyn KeyKeeper>) -> Self {
        self.keys = Some(keys);
        self
    }

    pub(crate) fn keys(&self) -> Option<&Arc<dyn KeyKeeper>> {
        self.keys.as_ref()
    }

    /// The name under which a snapshot is written here, encrypted or not.
    pub(crate) fn name(&self, name: SnapshotName) -> SnapshotName {
        let encrypted = self.keys.is_some();
        name.with_encrypted(encrypted)
    }

    /// What is written under this name: the compressed blocks, encrypted if the name says so.
    pub(crate) async fn sealed(&self, name: &SnapshotName, blocks: Blocks) -> Result<Blocks> {
        match &self.keys {
            Some(keys) if name.is_encrypted => encrypt(&**keys, name, blocks).await,
            _ => Ok(blocks),
        }
    }

    /// The object store.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// The prefix.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Where a snapshot of this name is written: `<prefix>/v2/<name>`.
    pub fn path_of(&self, name: &SnapshotName) -> Path {
        self.prefix.clone().join("v2").join(name.to_string())
    }

    /// Lists everything under the prefix with one LIST; a sibling prefix that begins with the same letters is not seen.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self) -> Result<Listing> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let mut objects = self.objects.list(prefix);
        let mut listing = Listing::default();
        let failed = |problem| error::store("list the snapshots", problem);
        while let Some(object) = objects.try_next().await.map_err(failed)? {
            match self.classify(&object.location) {
                Class::Snapshot(name) => {
                    listing.snapshots.push(Snapshot::new(name, object.location, object.size));
                }
                Class::Chunk => listing.chunks.push(object.location),
                Class::Claim => listing.claims.push(object.location),
                Class::Foreign => listing.foreign.push(object.location),
            }
        }
        listing.snapshots.sort_by_key(Snapshot::order);
        // Some stores list an object twice when a page ends between two of its versions.
        listing.snapshots.dedup();
        debug!(snapshots = listing.snapshots.len(), chunks = listing.chunks.len(), "listed");
        Ok(listing)
    }

    /// What writers left to say that they write here.
    pub(crate) async fn claims(&self) -> Result<Vec<Path>> {
        let folder = self.prefix.clone().join(fence::FOLDER);
        let objects = self.objects.list(Some(&folder)).map_ok(|object| object.location);
        objects.try_collect().await.map_err(|problem| error::store("list the writers", problem))
    }

    /// The layout is judged by what follows the prefix, so a prefix may itself contain `v1` or `v2`.
    fn classify(&self, path: &Path) -> Class {
        let Some(parts) = path.prefix_match(&self.prefix) else { return Class::Foreign };
        let parts: Vec<_> = parts.map(|part| part.as_ref().to_owned()).collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        let (name, chunk) = match parts[..] {
            [fence::FOLDER, name] if fence::term(name).is_some() => return Class::Claim,
            ["v2", name] => (name, None),
            ["v2", name, chunk] => (name, Some(chunk)),
            ["v1", backup, name] if backup.starts_with("Backup-") => (name, None),
            ["v1", backup, name, chunk] if backup.starts_with("Backup-") => (name, Some(chunk)),
            _ => return Class::Foreign,
        };
        match (name.parse(), chunk) {
            (Ok(name), None) => Class::Snapshot(name),
            (Ok(_), Some(chunk)) if chunk.len() == 10 && chunk.bytes().all(|c| c.is_ascii_digit()) => {
                Class::Chunk
            }
            _ => Class::Foreign,
        }
    }

    /// The object as a stream of bytes.
    pub(crate) async fn get(&self, snapshot: &Snapshot) -> Result<object_store::GetResult> {
        let result = self.objects.get(&snapshot.path).await;
        result.map_err(|problem| error::store(&format!("read {}", snapshot.path), problem))
    }
}

enum Class {
    Snapshot(SnapshotName),
    Chunk,
    Claim,
    Foreign,
}

/// The error for a prefix without any full snapshot.
pub(crate) fn nothing_there(store: &Store, listing: &Listing) -> Error {
    let message = format!(
        "there is no full snapshot under {:?} ({} deltas, {} other objects); nothing was touched",
        store.prefix().as_ref(),
        listing.snapshots.len(),
        listing.chunks.len() + listing.foreign.len(),
    );
    Error::new(ErrorKind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    async fn listed(prefix: &str, paths: &[&str]) -> Listing {
        let memory = Arc::new(InMemory::new());
        for path in paths {
            memory.put(&Path::from(*path), "x".into()).await.unwrap();
        }
        Store::new(memory, prefix).unwrap().list().await.unwrap()
    }

    #[tokio::test]
    async fn a_sibling_prefix_is_not_listed() {
        let paths = ["p/etcd/v2/Full-00000000-00000001-1", "p/etcd-events/v2/Full-00000000-00000009-9"];
        let listing = listed("p/etcd/", &paths).await;
        assert_eq!(listing.snapshots.len(), 1);
        assert_eq!(listing.snapshots[0].name.last, 1);
    }

    #[tokio::test]
    async fn a_prefix_may_look_like_a_layout() {
        let listing = listed("v1/x-v2/a.b", &["v1/x-v2/a.b/v2/Full-00000000-00000001-1.gz"]).await;
        assert_eq!(listing.snapshots.len(), 1);
    }

    #[tokio::test]
    async fn both_layouts_chunks_and_strangers_are_told_apart() {
        let listing = listed(
            "p",
            &[
                "p/v1/Backup-1/Full-00000000-00000001-1",
                "p/v2/Incr-00000002-00000003-2.gz",
                "p/v2/Full-00000000-00000001-1/0000000001",
                "p/v2/readme.txt",
                "p/v2/Full-00000000-00000001-1/notes",
                "p/Full-00000000-00000001-1",
            ],
        )
        .await;
        assert_eq!(listing.snapshots.iter().map(|s| s.name.last).collect::<Vec<_>>(), [1, 3]);
        assert_eq!((listing.chunks.len(), listing.foreign.len()), (1, 3));
    }
}
