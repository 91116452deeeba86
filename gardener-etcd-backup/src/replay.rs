//! Following a chain: the full is opened, and the changes of its deltas become entries of the `key` bucket.

use std::{ops::ControlFlow, path::Path, sync::Arc, time::SystemTime};

use futures::{StreamExt, stream};
use gardener_provider_core::{Error, ErrorKind, Result};
use prost::Message;
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    Chain, LeasePolicy, Snapshot, Store, Target,
    bolt::{Database, ReadAt},
    delta::{Change, decode},
    error::{self, damaged},
    fetch::{Content, Spool, fetch},
    mvcc::{EtcdDatabase, KeyValue, RevisionKey},
};

/// One revision is one request to etcd, whose limit is 1.5 MiB unless raised; more than this is not believed.
const MAX_REVISION: usize = 128 << 20;

/// A snapshot that cannot be used, and why.
pub(crate) type Broken = (Snapshot, Error);

/// Tells damage, for which another way is looked for, from a failure to read, which another try may cure.
pub(crate) fn unusable(snapshot: &Snapshot, error: Error) -> Result<Broken> {
    match error.kind() {
        ErrorKind::DataLoss | ErrorKind::NotFound | ErrorKind::Unimplemented => Ok((snapshot.clone(), error)),
        _ => Err(error),
    }
}

/// Fetches a full and opens what it holds.
pub(crate) async fn fetch_full(store: &Store, full: &Snapshot, spool: &Spool) -> Result<EtcdDatabase> {
    let content = fetch(store, full, spool).await?;
    let open = spawn_blocking(move || {
        let source: Arc<dyn ReadAt> = match content {
            Content::Memory(bytes) => Arc::new(bytes),
            Content::File(file) => Arc::new(file),
        };
        Database::open(source).and_then(EtcdDatabase::open)
    });
    let opened = open.await.map_err(error::task)?;
    let database = opened.map_err(|error| error.context(format!("reading {}", full.path)))?;
    if database.revision < full.name.last {
        return Err(damaged(&full.path, format!("it holds no more than revision {}", database.revision)));
    }
    Ok(database)
}

/// Runs `job` on a blocking thread and hands it the chain's deltas, the next ones fetched meanwhile.
pub(crate) async fn with_deltas<T: Send + 'static>(
    store: &Store,
    chain: &Chain,
    spool: &Spool,
    job: impl FnOnce(Deltas) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = mpsc::channel(1);
    let deltas = Deltas { expected: chain.deltas.len(), receiver };
    let job = spawn_blocking(move || job(deltas));
    let fetched = chain.deltas.iter().map(|delta| fetch_delta(store, delta.clone(), spool));
    let mut fetched = stream::iter(fetched.collect::<Vec<_>>()).buffered(2);
    while let Some(delta) = fetched.next().await {
        // The job needs no more.
        if sender.send(delta).await.is_err() {
            break;
        }
    }
    drop((sender, fetched));
    job.await.map_err(error::task)?
}

/// Fetches a delta. One that is held in memory is read here, so that several are read at once.
async fn fetch_delta(store: &Store, delta: Snapshot, spool: &Spool) -> Fetched {
    let content = match fetch(store, &delta, spool).await {
        Ok(content @ Content::Memory(_)) => {
            let what = delta.path.to_string();
            let read = spawn_blocking(move || read_changes(&what, content));
            read.await.map_err(error::task).flatten().map(DeltaContent::Changes)
        }
        other => other.map(DeltaContent::Json),
    };
    (delta, content)
}

fn read_changes(what: &str, mut content: Content) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let json = content.json().map_err(|error| error::file("read", Path::new(what), error))?;
    decode(what, json, &mut |change| {
        changes.push(change);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(changes)
}

/// A delta that was fetched, or why not.
type Fetched = (Snapshot, Result<DeltaContent>);

enum DeltaContent {
    Changes(Vec<Change>),
    Json(Content),
}

/// The deltas of a chain as they come.
pub(crate) struct Deltas {
    expected: usize,
    receiver: mpsc::Receiver<Fetched>,
}

impl Deltas {
    /// Applies them until they end or the target is reached; answers the one that cannot be used, if there is one.
    pub(crate) fn apply(&mut self, target: Target, appender: &mut Appender<'_>) -> Result<Option<Broken>> {
        let within = |change: &Change| within(target, change);
        for _ in 0..self.expected {
            // The sender goes away early only with all of the work.
            let Some((delta, content)) = self.receiver.blocking_recv() else {
                return Err(Error::new(ErrorKind::Cancelled, "the work was stopped"));
            };
            match content.and_then(|content| apply_one(appender, &delta, content, &within)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    appender.discard();
                    return unusable(&delta, error).map(Some);
                }
            }
        }
        Ok(None)
    }
}

/// Answers false when the target is reached.
fn apply_one(
    appender: &mut Appender<'_>,
    delta: &Snapshot,
    content: DeltaContent,
    within: &dyn Fn(&Change) -> Result<bool>,
) -> Result<bool> {
    let what = delta.path.as_ref();
    let mut last = 0;
    let mut more = true;
    let mut each = |change: Change| {
        last = change.mod_revision;
        let flow = appender.push(change, within)?;
        more = flow.is_continue();
        Ok(flow)
    };
    let applied = match content {
        DeltaContent::Changes(changes) => apply_changes(changes, &mut each),
        DeltaContent::Json(mut content) => {
            let json = content.json().map_err(|error| error::file("read", Path::new(what), error))?;
            decode(what, json, &mut each)
        }
    };
    applied.map_err(|error| error.context(format!("reading {what}")))?;
    if more && last != delta.name.last {
        let problem = format!("it ends at revision {last}");
        return Err(damaged(what, problem));
    }
    appender.flush()?;
    Ok(more)
}

fn apply_changes(
    changes: Vec<Change>,
    each: &mut dyn FnMut(Change) -> Result<ControlFlow<()>>,
) -> Result<()> {
    for change in changes {
        if each(change)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn within(target: Target, change: &Change) -> Result<bool> {
    match target {
        Target::Latest => Ok(true),
        Target::Revision(revision) => Ok(change.mod_revision <= revision),
        Target::Time(time) => {
            let at = chrono::DateTime::parse_from_rfc3339(&change.time).map_err(|problem| {
                let what = format!("the time {:?} of revision {}", change.time, change.mod_revision);
                damaged(what, problem)
            })?;
            Ok(SystemTime::from(at) <= time)
        }
    }
}

/// Takes key and value of an entry of the `key` bucket; they come in order.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<()>;

/// Turns changes into entries of the `key` bucket. A revision is written only once all of it has been seen.
pub(crate) struct Appender<'a> {
    sink: Sink<'a>,
    leases: LeasePolicy,
    /// The last revision that is written in full.
    reached: i64,
    /// The changes of the revision that may not be complete yet.
    pending: Vec<Change>,
    pending_bytes: usize,
    changes: u64,
}

impl<'a> Appender<'a> {
    pub(crate) fn new(reached: i64, leases: LeasePolicy, sink: Sink<'a>) -> Self {
        Self { sink, leases, reached, pending: Vec::new(), pending_bytes: 0, changes: 0 }
    }

    /// The last revision that is written in full.
    pub(crate) fn reached(&self) -> i64 {
        self.reached
    }

    /// How many changes were written.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes the next change. Those at or below the revision reached are known already and left out. It breaks when the
    /// change is not `within` the target.
    pub(crate) fn push(
        &mut self,
        change: Change,
        within: &dyn Fn(&Change) -> Result<bool>,
    ) -> Result<ControlFlow<()>> {
        check(&change)?;
        let revision = change.mod_revision;
        if revision <= self.reached {
            return Ok(ControlFlow::Continue(()));
        }
        if self.pending.first().is_some_and(|first| first.mod_revision != revision) {
            self.flush()?;
        }
        if revision != self.reached + 1 {
            let problem = format!("revision {revision} follows {}", self.reached);
            return Err(damaged("a delta", problem));
        }
        if self.pending.is_empty() && !within(&change)? {
            return Ok(ControlFlow::Break(()));
        }
        self.pending_bytes += change.key.len() + change.value.len() + size_of::<Change>();
        if self.pending_bytes > MAX_REVISION {
            return Err(damaged(
                "a delta",
                format!("revision {revision} has more than {MAX_REVISION} bytes"),
            ));
        }
        self.pending.push(change);
        Ok(ControlFlow::Continue(()))
    }

    /// Writes the pending revision; call it when nothing more of it can follow.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.pending_bytes = 0;
        let mut key = Vec::with_capacity(18);
        for (sub, change) in (0..).zip(self.pending.drain(..)) {
            self.reached = change.mod_revision;
            key.clear();
            RevisionKey { main: change.mod_revision, sub, tombstone: change.delete }.write(&mut key);
            (self.sink)(&key, &encode(change, self.leases))?;
            self.changes += 1;
        }
        Ok(())
    }

    /// Forgets the pending revision, because it turned out to be cut short.
    pub(crate) fn discard(&mut self) {
        self.pending_bytes = 0;
        self.pending.clear();
    }
}

fn check(change: &Change) -> Result<()> {
    let Change { key, mod_revision, create_revision, version, .. } = change;
    if key.is_empty() {
        return Err(damaged("a delta", format!("revision {mod_revision} has a change without a key")));
    }
    if !change.delete && (*version < 1 || *create_revision < 1 || create_revision > mod_revision) {
        return Err(damaged("a delta", format!("revision {mod_revision} has an impossible put")));
    }
    Ok(())
}

/// As etcd stores it: a deletion is the key alone.
fn encode(change: Change, leases: LeasePolicy) -> Vec<u8> {
    let key = change.key.into();
    if change.delete {
        return KeyValue { key, ..KeyValue::default() }.encode_to_vec();
    }
    KeyValue {
        key,
        create_revision: change.create_revision,
        mod_revision: change.mod_revision,
        version: change.version,
        value: change.value.into(),
        lease: if leases == LeasePolicy::Strip { 0 } else { change.lease },
    }
    .encode_to_vec()
}
