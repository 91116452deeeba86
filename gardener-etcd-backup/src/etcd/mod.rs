//! The few calls of etcd's gRPC interface that a backup needs.

mod client;
mod proto;
mod watch;

pub use client::{Etcd, EtcdOptions, EtcdStatus, EtcdTls};
pub(crate) use client::{SnapshotSource, SnapshotStream};
pub(crate) use watch::{WatchEvent, WatchStream, Watched, pause};
