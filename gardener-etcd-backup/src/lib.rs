//! etcd backup and restore, interchangeable with
//! [etcd-backup-restore](https://github.com/gardener/etcd-backup-restore), on any [`object_store::ObjectStore`].
//!
//! # What it does
//! - [`Backup::full`] streams etcd's database into the store: hashed, compressed on all cores and uploaded in parallel
//!   parts while it arrives, in bounded memory.
//! - [`Snapshotter`] takes fulls now and then and deltas in between. A failed upload loses no event; what grows beyond the
//!   memory allowed goes to a temporary file; history that etcd compacted before it was captured leads to a full.
//! - [`restore`] makes a data directory from a full and the deltas after it, without etcd: to the latest state, to a
//!   revision or to a point in time, for every member of a cluster. etcd 3.4 and 3.5 boot from it.
//! - [`verify`] reads a backup as a restore would, without writing: it says up to which revision the backup is restorable,
//!   what is wrong, and which HashKV the restored etcd would report.
//! - [`retain`] deletes what a retention policy no longer keeps, by etcd-backup-restore's rules; a dry run explains every
//!   decision.
//! - [`BackupState`] looks into a backup: keys at a revision, what changed between two, and the whole as a new full
//!   snapshot without etcd. [`copy()`] brings a backup to another store.
//! - [`Store::with_keys`] encrypts what is written; nothing is unless asked for, because others could not read it.
//! - [`hash_kv_of_file`] and [`Etcd::hash_kv`] prove that two databases are equal.
//!
//! # Formats
//! A snapshot is the object `<prefix>/v2/<name>` ([`SnapshotName`]), compressed as its suffix says. Inside, a full is the
//! database as etcd sends it, a delta a JSON array of watch events; either is followed by its SHA-256. Backups of the older
//! layout (`<prefix>/v1/Backup-…/<name>`) are read too.
//!
//! # One writer
//! A [`Snapshotter`] claims its prefix: a second one on it makes the first stop, and another cluster's etcd is refused. The
//! claims are small objects at `<prefix>/writers/`, which etcd-backup-restore passes over.
//!
//! # What deltas do not carry
//! Lease grants, users and roles, cluster version and compaction are restored as the full had them. That is so for
//! etcd-backup-restore as well.

mod bolt;
mod chain;
mod compression;
mod delta;
mod encryption;
mod error;
mod etcd;
mod fence;
mod fetch;
mod full;
mod hash_kv;
#[cfg(feature = "metrics")]
mod metrics;
mod mvcc;
mod name;
mod observe;
mod replay;
mod restore;
mod retention;
mod schedule;
mod snapshotter;
mod spool;
mod state;
mod store;
mod upload;
mod verify;

pub use chain::{Chain, Target};
pub use compression::Compression;
pub use encryption::{Key, KeyKeeper, StaticKeys, WrappedKey};
pub use etcd::{Etcd, EtcdOptions, EtcdStatus, EtcdTls};
pub use full::{Backup, FullReport};
pub use hash_kv::{HashKv, compare_hash_kv, hash_kv_of_file};
#[cfg(feature = "metrics")]
pub use metrics::Metrics;
pub use name::{Kind, SnapshotName};
pub use observe::{Event, Observer, Observers};
pub use restore::{InitialCluster, LeasePolicy, RestoreOptions, RestoreReport, plan, restore};
pub use retention::{Decision, RetentionOptions, RetentionPolicy, RetentionReport, retain};
pub use schedule::Schedule;
pub use snapshotter::{Progress, Snapshotter, SnapshotterHandle, SnapshotterOptions};
pub use state::{BackupState, KeyChange, KeyRecord, copy};
pub use store::{Listing, Snapshot, Store};
pub use verify::{VerifyOptions, VerifyReport, verify};
