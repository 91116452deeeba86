//! etcd backup and restore, interchangeable with
//! [etcd-backup-restore](https://github.com/gardener/etcd-backup-restore).

mod bolt;
mod chain;
mod compression;
mod delta;
mod error;
mod fetch;
mod hash_kv;
mod mvcc;
mod name;
mod restore;
mod store;

pub use chain::{Chain, Target};
pub use compression::Compression;
pub use hash_kv::{HashKv, compare_hash_kv, hash_kv_of_file};
pub use name::{Kind, SnapshotName};
pub use restore::{InitialCluster, LeasePolicy, RestoreOptions, RestoreReport, plan, restore};
pub use store::{Listing, Snapshot, Store};
