//! A running backup: fulls now and then, deltas in between.

mod capture;
mod start;

use std::{path::PathBuf, time::Duration};

use gardener_provider_core::{Error, ErrorKind, Result};
use tokio::sync::{mpsc, oneshot, watch};

use self::capture::Capture;
use crate::{Compression, Etcd, FullReport, Observers, Schedule, Snapshot, Store};

/// How a [`Snapshotter`] works. The defaults are those of etcd-backup-restore.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotterOptions {
    /// How snapshots are compressed; gzip unless told.
    pub compression: Compression,
    /// When fulls are taken, counted from the last one in the store; each hour unless told. One that was missed is made up
    /// for at once.
    pub schedule: Schedule,
    /// A delta is written at the latest this long after its first event; 20 s unless told. Nothing is written when
    /// nothing happened.
    pub delta_period: Duration,
    /// A delta is written when it has this many bytes before compression; 10 MiB unless told.
    pub delta_size: u64,
    /// How much of the deltas that grow or wait for the store is held in memory; the rest goes to temporary files. 16 MiB
    /// unless told.
    pub memory: usize,
    /// The directory of that file; the system's unless told.
    pub temporary: PathBuf,
    /// When this many bytes wait to be uploaded, because the store fails or is slow, no more are taken from etcd. 4 GiB
    /// unless told. A watch that waits too long finds its history compacted, which leads to a full.
    pub max_waiting: u64,
    /// Who writes, for others who find out that they no longer may; the host's name unless told.
    pub writer: String,
    /// Whether the cluster takes the place of the one whose backup is there; not unless told.
    pub new_cluster: bool,
    /// Who is told of what happens.
    pub observers: Observers,
}

impl Default for SnapshotterOptions {
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            schedule: Schedule::default(),
            delta_period: Duration::from_secs(20),
            delta_size: 10 << 20,
            memory: 16 << 20,
            temporary: std::env::temp_dir(),
            max_waiting: 4 << 30,
            writer: std::env::var("HOSTNAME").unwrap_or_else(|_| format!("process {}", std::process::id())),
            new_cluster: false,
            observers: Observers::none(),
        }
    }
}

impl SnapshotterOptions {
    /// Sets the compression.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets when fulls are taken.
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets after which time and at which size a delta is written.
    pub fn with_deltas(mut self, period: Duration, size: u64) -> Self {
        self.delta_period = period;
        self.delta_size = size;
        self
    }

    /// Sets how much of a delta is held in memory, and where the rest goes.
    pub fn with_memory(mut self, memory: usize, temporary: impl Into<PathBuf>) -> Self {
        self.memory = memory;
        self.temporary = temporary.into();
        self
    }

    /// Sets who writes.
    pub fn with_writer(mut self, writer: impl Into<String>) -> Self {
        self.writer = writer.into();
        self
    }

    /// Sets who is told of what happens.
    pub fn with_observers(mut self, observers: impl Into<Observers>) -> Self {
        self.observers = observers.into();
        self
    }

    /// Sets whether the cluster takes the place of the one whose backup is there.
    pub fn with_new_cluster(mut self, new_cluster: bool) -> Self {
        self.new_cluster = new_cluster;
        self
    }
}

/// How far a running backup is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The newest full in the store.
    pub full: Option<Snapshot>,
    /// The newest delta that this process wrote.
    pub delta: Option<Snapshot>,
    /// Everything up to this revision is in the store.
    pub safe_revision: i64,
    /// Everything up to this revision was received from etcd.
    pub seen_revision: i64,
    /// Bytes received and not yet in the store.
    pub waiting: u64,
    /// Deltas that this process wrote.
    pub deltas: u64,
    /// Fulls that this process wrote.
    pub fulls: u64,
    /// What went wrong last, until it goes right again.
    pub trouble: Option<String>,
}

/// Takes fulls and deltas until it is stopped.
///
/// No event is lost: a failed upload is repeated with the same events, in order, before any later ones. If etcd has
/// compacted what was not captured yet, a full takes its place. The store always holds a chain that leads to
/// [`Progress::safe_revision`].
#[derive(Debug)]
pub struct Snapshotter {
    capture: Capture,
}

/// Talks to a running [`Snapshotter`].
#[derive(Debug, Clone)]
pub struct SnapshotterHandle {
    requests: mpsc::Sender<Request>,
    progress: watch::Receiver<Progress>,
}

#[derive(Debug)]
enum Request {
    Full { is_final: bool, reply: oneshot::Sender<Result<FullReport>> },
    Delta { reply: oneshot::Sender<Result<Option<Snapshot>>> },
    Stop { reply: oneshot::Sender<Result<Option<Snapshot>>> },
}

impl Snapshotter {
    /// A backup of `etcd` into `store`, not running yet.
    pub fn new(etcd: Etcd, store: Store, options: SnapshotterOptions) -> (Self, SnapshotterHandle) {
        let (requests, receiver) = mpsc::channel(16);
        let (sender, progress) = watch::channel(Progress::default());
        let capture = Capture::new(etcd, store, options, receiver, sender);
        (Self { capture }, SnapshotterHandle { requests, progress })
    }

    /// Runs until [`SnapshotterHandle::stop`], or until every handle is gone.
    ///
    /// # Errors
    /// `FailedPrecondition` when the prefix holds the backup of another cluster, when the store is ahead of etcd, which
    /// means that it holds another course of this one, or, later, when another writer began on the prefix; the store's and
    /// etcd's errors at the beginning. Once it runs, it goes on trying.
    pub async fn run(mut self) -> Result<()> {
        self.capture.start().await?;
        self.capture.run().await
    }
}

impl SnapshotterHandle {
    /// Takes a full now, or after the one under way.
    ///
    /// # Errors
    /// Those of [`Backup::full`](crate::Backup::full); `Cancelled` when the snapshotter ends.
    pub async fn full(&self, is_final: bool) -> Result<FullReport> {
        self.ask(|reply| Request::Full { is_final, reply }).await
    }

    /// Brings everything that etcd has committed so far into the store. It answers the last delta written for that, or
    /// nothing when there was nothing new.
    ///
    /// # Errors
    /// The store's; the events stay and are written later. `Cancelled` when the snapshotter ends.
    pub async fn delta(&self) -> Result<Option<Snapshot>> {
        self.ask(|reply| Request::Delta { reply }).await
    }

    /// As [`SnapshotterHandle::delta`], then ends the snapshotter. It ends even if that fails.
    ///
    /// # Errors
    /// As [`SnapshotterHandle::delta`].
    pub async fn stop(&self) -> Result<Option<Snapshot>> {
        self.ask(|reply| Request::Stop { reply }).await
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until the progress fits.
    ///
    /// # Errors
    /// `Cancelled` when the snapshotter ends before that.
    pub async fn wait_for(&self, fits: impl FnMut(&Progress) -> bool) -> Result<Progress> {
        let mut progress = self.progress.clone();
        let found = progress.wait_for(fits).await.map_err(|_| ended())?;
        Ok(found.clone())
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Result<T>>) -> Request) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Cancelled, "the snapshotter has ended")
}
