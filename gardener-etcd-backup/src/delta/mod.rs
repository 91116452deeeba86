//! Delta snapshots: the changes between two revisions, as a JSON array of etcd's watch events.

mod decode;
mod encode;

pub(crate) use decode::{Change, decode};
pub(crate) use encode::{Delta, DeltaWriter, Limits, seen_at};
