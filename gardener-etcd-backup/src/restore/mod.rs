//! Restoring without etcd: the database is rebuilt from the snapshots, and the log is written with which etcd boots.

mod cluster;
pub(crate) mod database;
mod directory;
mod options;
mod raft;

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use gardener_provider_core::{Error, Result};
use tracing::{info, warn};

use self::{cluster::Member, database::Rebuild, directory::Workplace};
use crate::{
    Chain, Event, Snapshot, Store, Target,
    bolt::{Database, ReadAt},
    chain::candidates,
    error,
    fetch::Spool,
    hash_kv::Kept,
    mvcc::EtcdDatabase,
    replay::{Appender, Deltas, fetch_full, unusable, with_deltas},
    store::nothing_there,
};

pub use self::{
    cluster::InitialCluster,
    options::{LeasePolicy, RestoreOptions, RestoreReport},
};

/// Restores one member's data directory. etcd 3.4 and 3.5 boot from it with the same `--name`, `--initial-cluster` and
/// peer URLs as in the options.
///
/// It is written beside `data_dir` (as `<data_dir>.part`), synced, and renamed into place: `data_dir` is there in full
/// or not at all. What deltas do not carry is as the full had it: lease grants, authentication, cluster version,
/// compaction; alarms, members and the raft log are new.
///
/// # Errors
/// - `FailedPrecondition` when `data_dir` exists and is not empty; it is not touched.
/// - `NotFound` when the store has no full snapshot, or none at or before the target; nothing is touched.
/// - `DataLoss` when snapshots are damaged and no other way leads to a restore, or `fall_back` is off.
/// - `InvalidArgument` for an unknown member or a revision that the backup does not reach.
/// - `Conflict` when another restore works on the same directory.
pub async fn restore(store: &Store, data_dir: &Path, options: &RestoreOptions) -> Result<RestoreReport> {
    let begun = std::time::Instant::now();
    let report = attempt(store, data_dir, options).await;
    options.observers.tell(|| Event::Restored { took: begun.elapsed(), succeeded: report.is_ok() });
    report
}

async fn attempt(store: &Store, data_dir: &Path, options: &RestoreOptions) -> Result<RestoreReport> {
    if !(0..=i64::MAX / 2).contains(&options.bump_revision) {
        return Err(Error::invalid("bump-revision", "it must not be negative or beyond all measure"));
    }
    let (own, members) = choose_member(options)?;
    directory::refuse_content(data_dir)?;
    let listing = store.list().await?;
    if !listing.snapshots.iter().any(|snapshot| snapshot.name.kind == crate::Kind::Full) {
        return Err(nothing_there(store, &listing));
    }
    let mut usable = listing.snapshots;
    let mut unusable: Vec<String> = Vec::new();
    loop {
        let chain = next_chain(&usable, options.target, &unusable)?;
        info!(full = %chain.full.name, deltas = chain.deltas.len(), last = chain.last(), "restoring");
        let attempt = Attempt { store, data_dir, options, own: &own, members: &members, chain: &chain };
        match attempt.run().await? {
            Outcome::Restored { workplace, mut report, broken: None } => {
                report.unusable = unusable;
                check_reached(&report, options.target)?;
                workplace.publish()?;
                return Ok(*report);
            }
            Outcome::Restored { broken: Some(broken), .. } | Outcome::FullBroken(broken) => {
                exclude(&mut usable, &mut unusable, broken, options)?;
            }
        }
    }
}

/// The snapshots that a restore would read. It reads nothing but the listing.
///
/// # Errors
/// As [`restore`], as far as names tell.
pub async fn plan(store: &Store, target: Target) -> Result<Chain> {
    let listing = store.list().await?;
    let mut chains = candidates(&listing.snapshots, target)
        .map_err(|error| if target == Target::Latest { nothing_there(store, &listing) } else { error })?;
    Ok(chains.swap_remove(0))
}

fn choose_member(options: &RestoreOptions) -> Result<(Member, Vec<Member>)> {
    let members = options.cluster.members()?;
    let own = match &members[..] {
        [only] if options.member.is_empty() || options.member == only.name => Some(only),
        _ => members.iter().find(|member| member.name == options.member),
    };
    let own = own.cloned().ok_or_else(|| {
        let names: Vec<_> = options.cluster.names().collect();
        Error::invalid("member", format!("{:?} is none of the initial cluster's {names:?}", options.member))
    })?;
    Ok((own, members))
}

fn next_chain(usable: &[Snapshot], target: Target, unusable: &[String]) -> Result<Chain> {
    let explain = |error: Error| match unusable {
        [] => error,
        all => error::damaged("the backup", format!("no way is left; {}", all.join("; "))),
    };
    Ok(candidates(usable, target).map_err(explain)?.swap_remove(0))
}

/// Takes a snapshot that turned out unusable out of the choice.
fn exclude(
    usable: &mut Vec<Snapshot>,
    unusable: &mut Vec<String>,
    (snapshot, error): (Snapshot, Error),
    options: &RestoreOptions,
) -> Result<()> {
    if !options.fall_back {
        return Err(error);
    }
    warn!(snapshot = %snapshot.path, %error, "a snapshot cannot be used; looking for another way");
    unusable.push(error.to_string());
    usable.retain(|other| other.path != snapshot.path);
    Ok(())
}

fn check_reached(report: &RestoreReport, target: Target) -> Result<()> {
    match target {
        Target::Revision(revision) if report.revision != revision && report.is_complete() => {
            let problem = format!("the backup reaches {} but not {revision}", report.revision);
            Err(Error::invalid("revision", problem))
        }
        Target::Revision(revision) if report.revision != revision => {
            let problem = format!("revision {revision} is out of reach; {}", report.unusable.join("; "));
            Err(error::damaged("the backup", problem))
        }
        _ => Ok(()),
    }
}

struct Attempt<'a> {
    store: &'a Store,
    data_dir: &'a Path,
    options: &'a RestoreOptions,
    own: &'a Member,
    members: &'a [Member],
    chain: &'a Chain,
}

enum Outcome {
    Restored { workplace: Workplace, report: Box<RestoreReport>, broken: Option<(Snapshot, Error)> },
    FullBroken((Snapshot, Error)),
}

impl Attempt<'_> {
    async fn run(&self) -> Result<Outcome> {
        let workplace = Workplace::prepare(self.data_dir)?;
        let spool = Spool {
            memory: self.options.memory,
            directory: self.options.temporary.clone().unwrap_or_else(|| workplace.path().to_owned()),
            limit: self.options.max_snapshot,
            observers: self.options.observers.clone(),
        };
        let full = &self.chain.full;
        let base = match fetch_full(self.store, full, &spool).await {
            Ok(base) => base,
            Err(error) => return unusable(full, error).map(Outcome::FullBroken),
        };
        if let Target::Revision(revision) = self.options.target
            && base.compact_revision > revision
        {
            let problem = format!("history up to {} was compacted away in it", base.compact_revision);
            return Ok(Outcome::FullBroken((full.clone(), error::damaged(&full.path, problem))));
        }
        self.rebuild(workplace, base, spool).await
    }

    async fn rebuild(&self, workplace: Workplace, base: EtcdDatabase, spool: Spool) -> Result<Outcome> {
        let job = Job {
            base,
            members: self.members.to_vec(),
            own: self.own.clone(),
            options: self.options.clone(),
            chain: self.chain.clone(),
        };
        with_deltas(self.store, self.chain, &spool, move |deltas| job.run(workplace, deltas)).await
    }
}

/// The blocking half of an attempt.
struct Job {
    base: EtcdDatabase,
    members: Vec<Member>,
    own: Member,
    options: RestoreOptions,
    chain: Chain,
}

impl Job {
    fn run(self, workplace: Workplace, mut deltas: Deltas) -> Result<Outcome> {
        let member = workplace.member();
        let (path, whole) = (member.join("snap/db"), member.join("snap/whole"));
        let compact = self.options.compact;
        let (mut reached, mut changes, mut broken) = (0, 0, None);
        let size = {
            let mut append = |appender: &mut Appender<'_>| {
                broken = deltas.apply(self.options.target, appender)?;
                (reached, changes) = (appender.reached(), appender.changes());
                Ok(())
            };
            let base = &self.base;
            let until = self.options.target.within(&self.chain.full, base.revision, base.compact_revision);
            let bump = if compact { 0 } else { self.options.bump_revision };
            let plan = self.plan(base, until, bump, None);
            create(if compact { &whole } else { &path }).and_then(|file| plan.run(file, &mut append))
        };
        // What is wrong with deltas was noted apart, so this is the full.
        let mut size = match size {
            Ok(size) => size,
            Err(error) => return unusable(&self.chain.full, error).map(Outcome::FullBroken),
        };
        if compact {
            size = self.without_history(&whole, &path)?;
        }
        drop(deltas);
        raft::write_raft_files(&member, &self.own, &self.members)?;
        let report = Box::new(RestoreReport {
            chain: self.chain,
            revision: reached,
            etcd_revision: reached + self.options.bump_revision,
            compact_revision: if compact { reached } else { self.base.compact_revision },
            changes,
            database_size: size,
            unusable: Vec::new(),
        });
        Ok(Outcome::Restored { workplace, report, broken })
    }

    fn plan<'a>(
        &'a self,
        base: &'a EtcdDatabase,
        until: i64,
        bump: i64,
        compact: Option<(Kept, i64)>,
    ) -> Rebuild<'a> {
        Rebuild { base, members: Some(&self.members), leases: self.options.leases, until, bump, compact }
    }

    /// Writes the database `whole` once more, with what a compaction would leave.
    fn without_history(&self, whole: &Path, path: &Path) -> Result<u64> {
        let file = File::open(whole).map_err(|error| error::file("open", whole, error))?;
        let source: Arc<dyn ReadAt> = Arc::new(file);
        let database = EtcdDatabase::open(Database::open(source)?)?;
        let compact = Some((Kept::all(&database)?, database.revision));
        let plan = self.plan(&database, i64::MAX, self.options.bump_revision, compact);
        let size = plan.run(create(path)?, &mut |_| Ok(()))?;
        std::fs::remove_file(whole).map_err(|error| error::file("remove", whole, error))?;
        Ok(size)
    }
}

fn create(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| error::file("create", path, error))
}
