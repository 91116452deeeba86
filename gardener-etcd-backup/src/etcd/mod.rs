//! The few calls of etcd's gRPC interface that a backup needs.

mod client;
mod proto;

pub(crate) use client::SnapshotStream;
pub use client::{Etcd, EtcdOptions, EtcdStatus, EtcdTls};
