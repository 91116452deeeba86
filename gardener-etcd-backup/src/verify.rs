//! Proving a backup without etcd: every byte that a restore would read is read, and judged as a restore would.

use std::{collections::HashSet, path::PathBuf};

use futures::{StreamExt, stream};
use gardener_provider_core::{Error, Result};
use tokio::task::spawn_blocking;
use tracing::info;

use crate::{
    Chain, Event, HashKv, Kind, LeasePolicy, Listing, Observers, Snapshot, Store, Target,
    chain::candidates,
    delta::decode,
    error::{damaged, task},
    fetch::{Spool, fetch},
    hash_kv::Newer,
    mvcc::{EtcdDatabase, KEY, KeyValue, RevisionKey},
    replay::{Appender, Broken, fetch_full, unusable, with_deltas},
    store::nothing_there,
};

/// What is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// The state that a restore would be asked for.
    pub target: Target,
    /// Also read the snapshots that such a restore would not need.
    pub everything: bool,
    /// A snapshot of up to this many bytes is held in memory rather than in a temporary file; 16 MiB unless told.
    pub memory: usize,
    /// The directory of temporary files; the system's unless told.
    pub temporary: PathBuf,
    /// No snapshot may decompress to more than this many bytes; 64 GiB unless told.
    pub max_snapshot: u64,
    /// Who is told of what happens.
    pub observers: Observers,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            target: Target::Latest,
            everything: false,
            memory: 16 << 20,
            temporary: std::env::temp_dir(),
            max_snapshot: 64 << 30,
            observers: Observers::none(),
        }
    }
}

impl VerifyOptions {
    /// Sets the state that a restore would be asked for.
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets whether snapshots that such a restore would not need are read as well.
    pub fn with_everything(mut self, everything: bool) -> Self {
        self.everything = everything;
        self
    }

    /// Sets who is told of what happens.
    pub fn with_observers(mut self, observers: impl Into<Observers>) -> Self {
        self.observers = observers.into();
        self
    }

    fn spool(&self) -> Spool {
        let (directory, observers) = (self.temporary.clone(), self.observers.clone());
        Spool { memory: self.memory, directory, limit: self.max_snapshot, observers }
    }
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The snapshots that a restore would read.
    pub chain: Chain,
    /// The hash that an etcd restored from them would report, and its revision: the backup is restorable up to there.
    pub hash: HashKv,
    /// The last revision that the names in the store promise.
    pub promised: i64,
    /// Snapshots that cannot be used, each with its reason.
    pub unusable: Vec<String>,
    /// Odd things that stand in no restore's way: gaps between older snapshots, leftover parts, objects of others.
    pub remarks: Vec<String>,
    /// How many snapshots were read to their end and found good.
    pub good: usize,
}

impl VerifyReport {
    /// True when every snapshot that was read is good and the chain leads to the newest state ever backed up.
    pub fn is_sound(&self) -> bool {
        self.unusable.is_empty() && self.hash.revision >= self.promised
    }
}

/// Verifies what a restore would read: names, continuity, hashes inside the compression, structure of the database,
/// every key value and event; and computes the hash that the restored etcd would report.
///
/// It reads the objects once. Beyond [`VerifyOptions::memory`], memory is 40 bytes for each different key when the
/// history was compacted.
///
/// # Errors
/// `NotFound` when there is no full at or before the target, `DataLoss` when no chain leads to any restore; the store's
/// errors. Damage that a restore can go around is in the report instead.
pub async fn verify(store: &Store, options: &VerifyOptions) -> Result<VerifyReport> {
    let begun = std::time::Instant::now();
    let report = judge(store, options).await;
    let sound = report.as_ref().is_ok_and(VerifyReport::is_sound);
    options.observers.tell(|| Event::Verified { took: begun.elapsed(), sound });
    report
}

async fn judge(store: &Store, options: &VerifyOptions) -> Result<VerifyReport> {
    let listing = store.list().await?;
    if !listing.snapshots.iter().any(|snapshot| snapshot.name.kind == Kind::Full) {
        return Err(nothing_there(store, &listing));
    }
    let mut usable = listing.snapshots.clone();
    let mut found: Vec<String> = Vec::new();
    loop {
        let chain = match candidates(&usable, options.target) {
            Ok(mut chains) => chains.swap_remove(0),
            Err(error) if found.is_empty() => return Err(error),
            Err(_) => return Err(damaged("the backup", format!("no way is left; {}", found.join("; ")))),
        };
        match check_chain(store, &chain, options).await? {
            Ok(hash) => return finish(store, &listing, options, chain, hash, found).await,
            Err((snapshot, error)) => {
                found.push(error.to_string());
                usable.retain(|other| other.path != snapshot.path);
            }
        }
    }
}

async fn finish(
    store: &Store,
    listing: &Listing,
    options: &VerifyOptions,
    chain: Chain,
    hash: HashKv,
    mut unusable: Vec<String>,
) -> Result<VerifyReport> {
    let mut good = 1 + chain.deltas.len();
    if options.everything {
        let read: HashSet<_> =
            chain.deltas.iter().chain([&chain.full]).map(|snapshot| &snapshot.path).collect();
        let rest = listing.snapshots.iter().filter(|snapshot| {
            !read.contains(&snapshot.path)
                && !unusable.iter().any(|text| text.contains(snapshot.path.as_ref()))
        });
        let checks = rest.map(|snapshot| check_alone(store, snapshot.clone(), options.spool()));
        let mut checks = stream::iter(checks.collect::<Vec<_>>()).buffered(2);
        while let Some(check) = checks.next().await {
            match check? {
                Ok(()) => good += 1,
                Err((_, error)) => unusable.push(error.to_string()),
            }
        }
    }
    let mut remarks = chain.remarks.clone();
    if !listing.chunks.is_empty() {
        remarks.push(format!("{} parts of uploads are left over", listing.chunks.len()));
    }
    if !listing.foreign.is_empty() {
        remarks.push(format!("{} objects are no snapshots", listing.foreign.len()));
    }
    let promised = match options.target {
        Target::Latest => listing.snapshots.last().map_or(0, |snapshot| snapshot.name.last),
        Target::Revision(revision) => revision,
        Target::Time(_) => 0,
    };
    info!(revision = hash.revision, hash = hash.hash, promised, unusable = unusable.len(), "verified");
    Ok(VerifyReport { chain, hash, promised, unusable, remarks, good })
}

/// Answers the hash at the end of the chain, or the snapshot that cannot be used.
async fn check_chain(
    store: &Store,
    chain: &Chain,
    options: &VerifyOptions,
) -> Result<Result<HashKv, Broken>> {
    let base = match fetch_full(store, &chain.full, &options.spool()).await {
        Ok(base) => base,
        Err(error) => return unusable(&chain.full, error).map(Err),
    };
    let (full, target) = (chain.full.clone(), options.target);
    with_deltas(store, chain, &options.spool(), move |mut deltas| {
        if let Err(error) = check_database(&base) {
            return unusable(&full, error.context(format!("reading {}", full.path))).map(Err);
        }
        let until = match target {
            Target::Revision(revision) if revision < base.compact_revision => {
                let problem = format!("history up to {} was compacted away in it", base.compact_revision);
                return Ok(Err((full.clone(), damaged(&full.path, problem))));
            }
            target => target.within(&full, base.revision, base.compact_revision),
        };
        let mut newer = Newer::new(&base);
        let mut sink = |key: &[u8], value: &[u8]| newer.add(key, value);
        let mut appender = Appender::new(until, LeasePolicy::Keep, &mut sink);
        let broken = deltas.apply(target, &mut appender)?;
        let reached = appender.reached();
        match broken {
            Some(broken) => Ok(Err(broken)),
            None => newer.hash(&base, until, reached).map(Ok),
        }
    })
    .await
}

/// A snapshot outside the chain, judged by itself.
async fn check_alone(store: &Store, snapshot: Snapshot, spool: Spool) -> Result<Result<(), Broken>> {
    let checked = match snapshot.name.kind {
        Kind::Full => match fetch_full(store, &snapshot, &spool).await {
            Ok(base) => spawn_blocking(move || check_database(&base)).await.map_err(task)?,
            Err(error) => Err(error),
        },
        Kind::Delta => check_delta(store, &snapshot, &spool).await,
    };
    match checked {
        Ok(()) => Ok(Ok(())),
        Err(error) => unusable(&snapshot, error.context(format!("reading {}", snapshot.path))).map(Err),
    }
}

async fn check_delta(store: &Store, delta: &Snapshot, spool: &Spool) -> Result<()> {
    let mut content = fetch(store, delta, spool).await?;
    let name = delta.name.clone();
    let check = spawn_blocking(move || {
        let what = name.to_string();
        let json = content.json().map_err(|error| damaged(&what, error))?;
        let mut sink = |_: &[u8], _: &[u8]| Ok(());
        let mut appender = Appender::new(name.start - 1, LeasePolicy::Keep, &mut sink);
        decode(&what, json, &mut |change| appender.push(change, &|_| Ok(true)))?;
        appender.flush()?;
        if appender.reached() != name.last {
            return Err(damaged(&what, format!("it ends at revision {}", appender.reached())));
        }
        Ok(())
    });
    check.await.map_err(task)?
}

/// Walks every bucket, and looks into every key value.
fn check_database(base: &EtcdDatabase) -> Result<()> {
    let mut visited = base.bolt.no_pages();
    for bucket in &base.buckets {
        let mut cursor = base.bolt.walk_apart(bucket, visited)?;
        let mut last = (0, -1);
        while let Some((key, value)) = cursor.next()? {
            if bucket.name == KEY {
                last = check_entry(key, value, last)?;
            }
        }
        visited = cursor.into_visited();
    }
    Ok(())
}

fn check_entry(key: &[u8], value: &[u8], last: (i64, i64)) -> Result<(i64, i64)> {
    let at = RevisionKey::parse(key)?;
    let kv = KeyValue::parse(value)?;
    let wrong = |problem: String| -> Error { damaged(format!("revision {}/{}", at.main, at.sub), problem) };
    // The mark that a restore with a bumped revision leaves is empty.
    if kv.key.is_empty() && !value.is_empty() {
        return Err(wrong("it has no key".to_owned()));
    }
    if !at.tombstone && !value.is_empty() && kv.mod_revision != at.main {
        return Err(wrong(format!("it says that it is revision {}", kv.mod_revision)));
    }
    if (at.main, at.sub) <= last {
        return Err(wrong("it comes twice".to_owned()));
    }
    Ok((at.main, at.sub))
}
