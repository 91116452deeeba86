//! A full snapshot: etcd's database hashed, compressed on all cores and uploaded in parts while it arrives.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use gardener_provider_core::{Error, ErrorKind, Result};
use object_store::path::Path;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tracing::info;

use crate::{
    Compression, Etcd, EtcdStatus, Event, Kind, Observers, Snapshot, SnapshotName, Store,
    compression::Encoder,
    error::{damaged, task},
    etcd::{SnapshotSource, SnapshotStream},
    fence::{self, Fence},
    spool::{Room, spooled},
    upload::{Parts, upload},
};

const HASH: usize = 32;
/// etcd's pages are at least this long, so its database ends on such a boundary.
const SECTOR: u64 = 512;
/// Compressed as one piece; with gzip each is a member of its own.
const BLOCK: usize = 1 << 20;

/// Takes snapshots of one etcd cluster into one store.
///
/// ```no_run
/// # use std::{path::Path, sync::Arc};
/// # use gardener_etcd_backup::{Backup, Etcd, EtcdOptions, RestoreOptions, Store, hash_kv_of_file, restore};
/// # async fn run(objects: Arc<dyn object_store::ObjectStore>) -> gardener_provider_core::Result<()> {
/// let etcd = Etcd::new(&EtcdOptions::new(["http://127.0.0.1:2379"]))?;
/// let store = Store::new(objects, "shoot--garden--one/etcd-main")?;
/// let full = Backup::new(etcd.clone(), store.clone()).full().await?;
/// println!("{} ({} bytes)", full.snapshot.name, full.snapshot.size);
///
/// let report = restore(&store, Path::new("restored.etcd"), &RestoreOptions::default()).await?;
/// let (source, restored) =
///     (etcd.hash_kv(Some(report.revision)).await?, hash_kv_of_file(Path::new("restored.etcd"), None)?);
/// gardener_etcd_backup::compare_hash_kv(source, restored)?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Backup {
    etcd: Etcd,
    store: Store,
    compression: Compression,
    is_final: bool,
    part_size: u64,
    parallel_parts: usize,
    fence: Option<Fence>,
    observers: Observers,
    room: Room,
}

/// A full snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FullReport {
    /// What was written.
    pub snapshot: Snapshot,
    /// The content is no newer than this revision, and no older than the name says.
    pub newest: i64,
    /// Bytes of the database, before compression.
    pub database_size: u64,
    /// The endpoint that served it.
    pub endpoint: String,
    /// The version of etcd.
    pub etcd_version: String,
}

impl Backup {
    /// Snapshots of `etcd` into `store`, compressed with gzip.
    pub fn new(etcd: Etcd, store: Store) -> Self {
        let compression = Compression::default();
        Self {
            etcd,
            store,
            compression,
            is_final: false,
            part_size: 8 << 20,
            parallel_parts: 5,
            fence: None,
            observers: Observers::none(),
            room: Room { memory: 16 << 20, disk: 8 << 30, directory: std::env::temp_dir() },
        }
    }

    /// Sets the compression.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Marks snapshots as the last ones before the cluster is taken down or moved.
    pub fn with_final(mut self, is_final: bool) -> Self {
        self.is_final = is_final;
        self
    }

    /// Sets the size of a part in bytes (5 MiB or more; 8 MiB unless told) and how many are uploaded at once (5 unless
    /// told). Memory is about their product.
    pub fn with_parts(mut self, size: u64, parallel: usize) -> Self {
        self.part_size = size;
        self.parallel_parts = parallel;
        self
    }

    /// Sets how much may wait for a store that is slower than etcd, so that etcd need not keep a read transaction open:
    /// bytes in memory (16 MiB unless told), then bytes in a temporary file in `directory` (8 GiB unless told, in the
    /// system's). Nothing is written to disk while the store keeps up.
    pub fn with_spool(mut self, memory: usize, disk: u64, directory: impl Into<PathBuf>) -> Self {
        self.room = Room { memory, disk, directory: directory.into() };
        self
    }

    /// Sets who is told of what happens.
    pub fn with_observers(mut self, observers: impl Into<Observers>) -> Self {
        self.observers = observers.into();
        self
    }

    /// Takes a full snapshot. Its name says the cluster's revision just before etcd began to send; the content may be
    /// somewhat newer.
    ///
    /// The database goes through memory in blocks: it is never held as a whole, and what is written to disk is only what a
    /// slow store did not take yet ([`Backup::with_spool`]). Nothing shows in the store until all of it arrived and its
    /// hash was right.
    ///
    /// # Errors
    /// Those of etcd and of the store; `FailedPrecondition` when another cluster's backup is there; `DataLoss` when what etcd sent does not match its hash. The object is not there
    /// then, and parts already uploaded are removed.
    pub async fn full(&self) -> Result<FullReport> {
        let source = self.etcd.snapshot_source().await?;
        let claims = self.store.claims().await?;
        fence::check_cluster(&self.store, &claims, source.status.cluster_id).await?;
        self.full_from(source, SystemTime::now(), self.is_final).await
    }

    /// Writes only as long as nobody else does.
    pub(crate) fn with_fence(mut self, fence: Option<Fence>) -> Self {
        self.fence = fence;
        self
    }

    /// Takes a full snapshot from a member that was chosen before.
    pub(crate) async fn full_from(
        &self,
        source: SnapshotSource,
        created: SystemTime,
        is_final: bool,
    ) -> Result<FullReport> {
        let SnapshotSource { member, status, revision } = source;
        let name = SnapshotName::full(revision, created, self.compression).with_final(is_final);
        let name = self.store.name(name);
        let path = self.store.path_of(&name);
        let begun = Instant::now();
        let sent = self.send(member, &status, &name, &path).await;
        let Sent { size, newest, database_size } = sent.map_err(|error| {
            let took = begun.elapsed();
            self.observers.tell(|| Event::NotTaken { kind: Kind::Full, took, error: error.to_string() });
            error.context(format!("taking the full snapshot {name}"))
        })?;
        info!(snapshot = %path, size, database_size, revision, "full snapshot taken");
        let snapshot = Snapshot::new(name, path, size);
        let took = begun.elapsed();
        self.observers.tell(|| Event::Taken { snapshot: snapshot.clone(), took });
        let (endpoint, etcd_version) = (status.endpoint, status.version);
        Ok(FullReport { snapshot, newest, database_size, endpoint, etcd_version })
    }

    async fn send(
        &self,
        member: usize,
        status: &EtcdStatus,
        name: &SnapshotName,
        path: &Path,
    ) -> Result<Sent> {
        if let Some(fence) = &self.fence {
            fence.check().await?;
        }
        let mut stream = self.etcd.snapshot(member).await?;
        // etcd fixes the content when it begins to send, so this is no older.
        let first = stream.next().await?.unwrap_or_default();
        let newest = self.etcd.revision().await?;
        let parts = Parts::for_size(status.database_size, self.part_size, self.parallel_parts);
        let sizes = Size::default();
        let blocks = hashed(stream, first, Arc::clone(&sizes));
        let blocks = compress(self.compression, self.told(blocks, path, status.database_size));
        let blocks = spooled(self.store.sealed(name, blocks).await?, self.room.clone());
        let size = upload(self.store.objects(), path, parts, blocks).await?;
        let database_size = sizes.load(std::sync::atomic::Ordering::SeqCst);
        Ok(Sent { size, newest, database_size })
    }
}

impl Backup {
    /// The same blocks, with the observers told how far it is.
    fn told(
        &self,
        blocks: impl Stream<Item = Result<Bytes>> + Send + 'static,
        path: &Path,
        of: u64,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        let (observers, what) = (self.observers.clone(), path.filename().unwrap_or_default().to_owned());
        let mut done = 0;
        blocks.inspect_ok(move |block| {
            done += block.len() as u64;
            observers.tell(|| Event::Progress { done, of, what: what.clone() });
        })
    }
}

struct Sent {
    size: u64,
    newest: i64,
    database_size: u64,
}

type Size = Arc<std::sync::atomic::AtomicU64>;

/// The stream in blocks. The last block comes only if the hash that etcd sends at the end is right.
fn hashed(stream: SnapshotStream, first: Bytes, size: Size) -> impl Stream<Item = Result<Bytes>> + Send {
    let (held, total) = (BytesMut::from(&first[..]), first.len() as u64);
    let state = Hashing { stream, hash: Sha256::new(), held, total, ended: false, size };
    stream::try_unfold(state, |mut state| async move {
        let block = state.next().await?;
        Ok(block.map(|block| (block, state)))
    })
}

struct Hashing {
    stream: SnapshotStream,
    hash: Sha256,
    /// What arrived and was not handed on yet; the last 32 bytes of it may be the hash.
    held: BytesMut,
    total: u64,
    ended: bool,
    size: Size,
}

impl Hashing {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        while self.held.len() < BLOCK + HASH {
            let Some(piece) = self.stream.next().await? else {
                self.ended = true;
                return self.last().await.map(Some);
            };
            self.total += piece.len() as u64;
            self.held.extend_from_slice(&piece);
        }
        let block = self.held.split_to(BLOCK).freeze();
        self.update(block.clone()).await?;
        Ok(Some(block))
    }

    async fn update(&mut self, block: Bytes) -> Result<()> {
        let mut hash = std::mem::take(&mut self.hash);
        let update = spawn_blocking(move || {
            hash.update(&block);
            hash
        });
        self.hash = update.await.map_err(task)?;
        Ok(())
    }

    /// Checks the hash and answers what is left, the hash included.
    async fn last(&mut self) -> Result<Bytes> {
        let what = "the database that etcd sent";
        let Some(body) = self.held.len().checked_sub(HASH) else {
            return Err(damaged(what, format!("only {} bytes came", self.total)));
        };
        let block = self.held.split().freeze();
        self.update(block.slice(..body)).await?;
        let length = self.total - HASH as u64;
        if length == 0 || !length.is_multiple_of(SECTOR) {
            return Err(damaged(what, format!("it is {length} bytes long and carries no hash")));
        }
        let hash = std::mem::take(&mut self.hash).finalize();
        if hash[..] != block[body..] {
            return Err(damaged(what, "its SHA-256 is not the one that etcd sent"));
        }
        self.size.store(length, std::sync::atomic::Ordering::SeqCst);
        Ok(block)
    }
}

type Blocks = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Compresses block by block: gzip on all cores, the others one block after the other.
pub(crate) fn compress(
    compression: Compression,
    blocks: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> Blocks {
    match compression {
        Compression::None => Box::pin(blocks),
        Compression::Gzip => {
            let cores = std::thread::available_parallelism().map_or(2, usize::from);
            let members = blocks.map(|block| async move {
                let block = block?;
                let packed = spawn_blocking(move || Compression::Gzip.compress(&block));
                packed.await.map_err(task)?.map(Bytes::from).map_err(compressor)
            });
            Box::pin(members.buffered(cores + 1))
        }
        Compression::Zlib | Compression::Lzw => {
            let state = Some((Box::pin(blocks), compression.encoder()));
            Box::pin(stream::try_unfold(state, |state| async move {
                let Some((mut blocks, encoder)) = state else { return Ok(None) };
                let next = blocks.next().await.transpose()?;
                let ended = next.is_none();
                let (packed, encoder) = step(encoder, next).await?;
                Ok(Some((packed, if ended { None } else { encoder.map(|encoder| (blocks, encoder)) })))
            }))
        }
    }
}

/// Feeds the encoder a block, or ends it.
async fn step(mut encoder: Encoder, block: Option<Bytes>) -> Result<(Bytes, Option<Encoder>)> {
    let work = spawn_blocking(move || match block {
        Some(block) => encoder.push(&block).map(|packed| (packed, Some(encoder))),
        None => encoder.finish().map(|packed| (packed, None)),
    });
    let (packed, encoder) = work.await.map_err(task)?.map_err(compressor)?;
    Ok((packed.into(), encoder))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn compressor(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("the compressor failed: {error}"))
}
