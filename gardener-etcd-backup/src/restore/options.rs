//! How a restore is carried out, and what it answers.

use std::path::PathBuf;

use crate::{Chain, InitialCluster, Observers, Target};

/// What becomes of leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LeasePolicy {
    /// As they were: leases in the full come back, and those that have run out take their keys with them once the
    /// restored etcd has a leader. Keys that a delta attached to a later lease stay for good, because deltas do not
    /// carry leases. The hash of the data stays what it was.
    #[default]
    Keep,
    /// No lease comes back and no key is attached to one: nothing expires. The hash of the data changes if there were
    /// keys with leases.
    Strip,
}

/// How a restore is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// Up to where.
    pub target: Target,
    /// The cluster that the member boots into.
    pub cluster: InitialCluster,
    /// Which of its members this directory is for. May be empty when there is only one.
    pub member: String,
    /// What becomes of leases.
    pub leases: LeasePolicy,
    /// The restored etcd begins so many revisions later, with all history before compacted. Clients with caches, as
    /// Kubernetes has, then notice that they must read anew rather than wait for revisions that come a second time.
    /// Nothing (0) unless told; a thousand million is usual.
    pub bump_revision: i64,
    /// Leave history out: only the newest value of each key comes back, as after a compaction by etcd at the restored
    /// revision. The database holds no free pages either way, as after a defragmentation. It needs room for a second
    /// database while it works.
    pub compact: bool,
    /// When a snapshot turns out damaged or missing: go as far as the rest leads, saying so in the report (true), or
    /// fail (false).
    pub fall_back: bool,
    /// Where temporary files go: the directory beside the data directory unless told.
    pub temporary: Option<PathBuf>,
    /// A snapshot of up to this many bytes is held in memory rather than in a temporary file; 16 MiB unless told.
    pub memory: usize,
    /// No snapshot may decompress to more than this many bytes; 64 GiB unless told.
    pub max_snapshot: u64,
    /// Who is told of what happens.
    pub observers: Observers,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            target: Target::Latest,
            cluster: InitialCluster::default(),
            member: String::new(),
            leases: LeasePolicy::Keep,
            bump_revision: 0,
            compact: false,
            fall_back: true,
            temporary: None,
            memory: 16 << 20,
            max_snapshot: 64 << 30,
            observers: Observers::none(),
        }
    }
}

impl RestoreOptions {
    /// Sets up to where.
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets the cluster and which of its members this is.
    pub fn with_cluster(mut self, cluster: InitialCluster, member: impl Into<String>) -> Self {
        self.cluster = cluster;
        self.member = member.into();
        self
    }

    /// Sets what becomes of leases.
    pub fn with_leases(mut self, leases: LeasePolicy) -> Self {
        self.leases = leases;
        self
    }

    /// Sets by how much the revision goes up.
    pub fn with_bump_revision(mut self, bump: i64) -> Self {
        self.bump_revision = bump;
        self
    }

    /// Sets who is told of what happens.
    pub fn with_observers(mut self, observers: impl Into<Observers>) -> Self {
        self.observers = observers.into();
        self
    }

    /// Sets whether history is left out.
    pub fn with_compact(mut self, compact: bool) -> Self {
        self.compact = compact;
        self
    }

    /// Sets whether a damaged or missing snapshot makes it go as far as the rest leads, or fail.
    pub fn with_fall_back(mut self, fall_back: bool) -> Self {
        self.fall_back = fall_back;
        self
    }
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The snapshots that were read.
    pub chain: Chain,
    /// The last revision that was taken from the backup.
    pub revision: i64,
    /// The revision of the restored etcd: the same, unless it was bumped.
    pub etcd_revision: i64,
    /// The revision up to which its history is compacted away.
    pub compact_revision: i64,
    /// Changes taken from deltas.
    pub changes: u64,
    /// Size of the database file in bytes.
    pub database_size: u64,
    /// Snapshots that could not be used, each with its reason. When this is not empty the restored state may be older
    /// than the newest that was ever backed up.
    pub unusable: Vec<String>,
}

impl RestoreReport {
    /// True when nothing had to be left out.
    pub fn is_complete(&self) -> bool {
        self.unusable.is_empty()
    }
}
