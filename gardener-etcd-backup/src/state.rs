//! Looking into a backup, copying it, and compacting it.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    hash::{BuildHasher, RandomState},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use gardener_provider_core::{Error, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tracing::info;

use crate::{
    Chain, Compression, LeasePolicy, Observers, Snapshot, SnapshotName, Store, Target,
    bolt::{Database, Order, ReadAt},
    error::{file, store as store_error, task},
    fetch::{Spool, nameless_file},
    full::compress,
    hash_kv::Kept,
    mvcc::{EtcdDatabase, KEY, KeyValue, RevisionKey, user_key},
    plan,
    replay::{Appender, fetch_full, with_deltas},
    restore::database::Rebuild,
    upload::{Parts, upload},
};

/// The state that a backup holds, laid out in a temporary file that goes away with it.
#[derive(Debug, Clone)]
pub struct BackupState {
    database: EtcdDatabase,
    chain: Chain,
    file: Arc<File>,
    length: u64,
}

/// A key as it is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The key, in base64 when serialized.
    #[serde(serialize_with = "base64")]
    pub key: Bytes,
    /// The value, in base64 when serialized.
    #[serde(serialize_with = "base64")]
    pub value: Bytes,
    /// The revision at which it was created.
    pub create_revision: i64,
    /// The revision at which it was last changed.
    pub mod_revision: i64,
    /// How often it was changed since it was created, creation included.
    pub version: i64,
    /// Its lease, or 0.
    pub lease: i64,
}

/// How a key differs between two revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "camelCase")]
#[non_exhaustive]
pub enum KeyChange {
    /// It was not there before.
    Created(KeyRecord),
    /// It was there before, and changed.
    Modified(KeyRecord),
    /// It is not there any more; this is what it was.
    Deleted(KeyRecord),
}

fn base64<S: serde::Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
}

impl KeyRecord {
    fn parse(value: &[u8]) -> Result<Self> {
        let KeyValue { key, create_revision, mod_revision, version, value, lease } = KeyValue::parse(value)?;
        Ok(Self { key, value, create_revision, mod_revision, version, lease })
    }
}

impl BackupState {
    /// Reads the backup up to `target`. `temporary` is the directory for a file of the size of the database.
    ///
    /// # Errors
    /// `NotFound` when there is nothing to read, `DataLoss` when a snapshot on the way is damaged; the store's.
    pub async fn open(store: &Store, target: Target, temporary: &Path) -> Result<Self> {
        let chain = plan(store, target).await?;
        let (directory, observers) = (temporary.to_owned(), Observers::none());
        let spool = Spool { memory: 16 << 20, directory, limit: 64 << 30, observers };
        let base = fetch_full(store, &chain.full, &spool).await?;
        let directory = temporary.to_owned();
        let until = target.within(&chain.full, base.revision, base.compact_revision);
        let job = move |mut deltas: crate::replay::Deltas| {
            let mut broken = None;
            let rebuilt = {
                let mut append = |appender: &mut Appender<'_>| {
                    broken = deltas.apply(target, appender)?;
                    Ok(())
                };
                rebuild(&base, None, until, &directory, &mut append)?
            };
            match broken {
                Some((_, error)) => Err(error),
                None => Ok(rebuilt),
            }
        };
        let (file, length) = with_deltas(store, &chain, &spool, job).await?;
        Self::from_file(chain, file, length).await
    }

    async fn from_file(chain: Chain, file: File, length: u64) -> Result<Self> {
        let file = Arc::new(file);
        let source: Arc<dyn ReadAt> = Arc::new(SharedFile(Arc::clone(&file)));
        let open = spawn_blocking(move || Database::open(source).and_then(EtcdDatabase::open));
        let database = open.await.map_err(task)??;
        Ok(Self { database, chain, file, length })
    }

    /// The snapshots that were read.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Its revision.
    pub fn revision(&self) -> i64 {
        self.database.revision
    }

    /// Hands every key that begins with `prefix` to `each`, the most recently changed first, until it breaks. It blocks.
    /// Memory is 16 bytes for each different key.
    ///
    /// # Errors
    /// Those of `each`; `DataLoss` for a damaged entry.
    pub fn keys(
        &self,
        prefix: &[u8],
        mut each: impl FnMut(KeyRecord) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let hashers = [RandomState::new(), RandomState::new()];
        let mut seen = HashSet::new();
        let mut cursor = self.database.bolt.cursor(self.database.bucket(KEY)?, Order::Descending)?;
        while let Some((at, value)) = cursor.next()? {
            let key = user_key(value)?;
            let is_newest = key.starts_with(prefix)
                && !value.is_empty()
                && seen.insert([hashers[0].hash_one(key), hashers[1].hash_one(key)]);
            if is_newest && !RevisionKey::parse(at)?.tombstone && each(KeyRecord::parse(value)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// One key, or nothing if it is not there. It blocks.
    ///
    /// # Errors
    /// `DataLoss` for a damaged entry.
    pub fn get(&self, key: &[u8]) -> Result<Option<KeyRecord>> {
        let mut cursor = self.database.bolt.cursor(self.database.bucket(KEY)?, Order::Descending)?;
        while let Some((at, value)) = cursor.next()? {
            if user_key(value)? == key && !value.is_empty() {
                let alive = !RevisionKey::parse(at)?.tombstone;
                return if alive { KeyRecord::parse(value).map(Some) } else { Ok(None) };
            }
        }
        Ok(None)
    }

    /// How keys with this prefix differ from what they were at `since`, sorted by key. It blocks.
    ///
    /// # Errors
    /// `InvalidArgument` when history at `since` is compacted away or not reached; `DataLoss` for a damaged entry.
    pub fn changes(&self, since: i64, prefix: &[u8]) -> Result<Vec<KeyChange>> {
        if since < self.database.compact_revision || since > self.revision() {
            let (from, to) = (self.database.compact_revision, self.revision());
            return Err(Error::invalid("since", format!("{since} is not between {from} and {to}")));
        }
        // What a key is now: nothing when it is deleted.
        let mut changed: HashMap<Bytes, Option<KeyRecord>> = HashMap::new();
        let mut changes = Vec::new();
        let mut cursor = self.database.bolt.cursor(self.database.bucket(KEY)?, Order::Descending)?;
        while let Some((at, value)) = cursor.next()? {
            let at = RevisionKey::parse(at)?;
            let key = user_key(value)?;
            if !key.starts_with(prefix) || value.is_empty() {
                continue;
            }
            if at.main > since {
                if !changed.contains_key(key) {
                    let now = if at.tombstone { None } else { Some(KeyRecord::parse(value)?) };
                    changed.insert(Bytes::copy_from_slice(key), now);
                }
            } else if let Some(now) = changed.remove(key) {
                let was = if at.tombstone { None } else { Some(KeyRecord::parse(value)?) };
                changes.extend(change(was, now));
            }
            if at.main <= since && changed.is_empty() {
                break;
            }
        }
        changes.extend(changed.into_values().filter_map(|now| change(None, now)));
        changes.sort_by(|one, other| one.record().key.cmp(&other.record().key));
        Ok(changes)
    }

    /// Writes it as a new full into `store`. With `drop_history`, only the newest value of each key stays, as after a
    /// compaction by etcd at this revision.
    ///
    /// # Errors
    /// The store's.
    pub async fn write_full(
        &self,
        store: &Store,
        compression: Compression,
        drop_history: bool,
        temporary: &Path,
    ) -> Result<Snapshot> {
        let state = if drop_history { self.without_history(temporary).await? } else { self.clone() };
        let name = store.name(SnapshotName::full(state.revision(), SystemTime::now(), compression));
        let path = store.path_of(&name);
        let blocks = compress(compression, sealed(Arc::clone(&state.file), state.length));
        let blocks = store.sealed(&name, blocks).await?;
        let parts = Parts::for_size(state.length, 8 << 20, 5);
        let size = upload(store.objects(), &path, parts, blocks).await;
        let size = size.map_err(|error| error.context(format!("writing the full snapshot {name}")))?;
        info!(snapshot = %path, size, "compacted into a full snapshot");
        Ok(Snapshot::new(name, path, size))
    }

    async fn without_history(&self, temporary: &Path) -> Result<Self> {
        let (database, directory): (_, PathBuf) = (self.database.clone(), temporary.to_owned());
        let work = spawn_blocking(move || {
            let compact = Some((Kept::all(&database)?, database.revision));
            rebuild(&database, compact, i64::MAX, &directory, &mut |_| Ok(()))
        });
        let (file, length) = work.await.map_err(task)??;
        Self::from_file(self.chain.clone(), file, length).await
    }
}

impl KeyChange {
    /// The key, as it is or as it was.
    pub fn record(&self) -> &KeyRecord {
        match self {
            Self::Created(record) | Self::Modified(record) | Self::Deleted(record) => record,
        }
    }
}

fn change(was: Option<KeyRecord>, now: Option<KeyRecord>) -> Option<KeyChange> {
    match (was, now) {
        (None, Some(now)) => Some(KeyChange::Created(now)),
        (Some(_), Some(now)) => Some(KeyChange::Modified(now)),
        (Some(was), None) => Some(KeyChange::Deleted(was)),
        (None, None) => None,
    }
}

/// Copies the snapshots that a restore of `target` would read, with their names, to another store; those that are there
/// already with the same size stay. Answers what was copied.
///
/// # Errors
/// `NotFound` when there is nothing to copy; the stores'.
pub async fn copy(from: &Store, to: &Store, target: Target) -> Result<Vec<Snapshot>> {
    let chain = plan(from, target).await?;
    let there = to.list().await?.snapshots;
    let mut copied = Vec::new();
    // The full first: deltas without one are of no use.
    for snapshot in [&chain.full].into_iter().chain(&chain.deltas) {
        if there.iter().any(|other| other.name == snapshot.name && other.size == snapshot.size) {
            continue;
        }
        let path = to.path_of(&snapshot.name);
        let what = snapshot.path.clone();
        let bytes = from.get(snapshot).await?.into_stream();
        let bytes = bytes.map_err(move |error| store_error(&format!("read {what}"), error)).boxed();
        let size = upload(to.objects(), &path, Parts::for_size(snapshot.size, 8 << 20, 4), bytes).await?;
        if size != snapshot.size {
            let problem = format!("{size} bytes were copied of {}", snapshot.size);
            return Err(crate::error::damaged(&snapshot.path, problem));
        }
        copied.push(Snapshot::new(snapshot.name.clone(), path, size));
    }
    Ok(copied)
}

fn rebuild(
    base: &EtcdDatabase,
    compact: Option<(Kept, i64)>,
    until: i64,
    directory: &Path,
    append: crate::restore::database::Append<'_>,
) -> Result<(File, u64)> {
    let failed = |error| file("make a temporary file in", directory, error);
    let out = nameless_file(directory).map_err(failed)?;
    let kept = out.try_clone().map_err(failed)?;
    let plan = Rebuild { base, members: None, leases: LeasePolicy::Keep, until, bump: 0, compact };
    let length = plan.run(out, append)?;
    Ok((kept, length))
}

struct SharedFile(Arc<File>);

impl ReadAt for SharedFile {
    fn length(&self) -> std::io::Result<u64> {
        self.0.length()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        ReadAt::read_exact_at(&*self.0, buffer, offset)
    }
}

/// The file in blocks, and its hash.
fn sealed(file: Arc<File>, length: u64) -> impl Stream<Item = Result<Bytes>> + Send {
    stream::try_unfold((file, 0_u64, Some(Sha256::new())), move |(file, at, hash)| async move {
        let Some(mut hash) = hash else { return Ok(None) };
        let size = usize::try_from((length - at).min(1 << 20)).unwrap_or(1 << 20);
        if size == 0 {
            let hash = Bytes::copy_from_slice(&hash.finalize());
            return Ok(Some((hash, (file, at, None))));
        }
        let work = spawn_blocking(move || {
            let mut block = vec![0; size];
            ReadAt::read_exact_at(&*file, &mut block, at).map(|()| {
                hash.update(&block);
                (Bytes::from(block), hash, file)
            })
        });
        let read = work.await.map_err(task)?;
        let (block, hash, file) =
            read.map_err(|error| crate::error::file("read back", Path::new("a temporary file"), error))?;
        Ok(Some((block, (file, at + size as u64, Some(hash)))))
    })
}
