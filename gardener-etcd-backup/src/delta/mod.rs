//! Delta snapshots: the changes between two revisions, as a JSON array of etcd's watch events.

mod decode;
mod encode;

pub(crate) use decode::{Change, Json, decode};
pub(crate) use encode::{Delta, DeltaWriter, Limits, seen_at};
