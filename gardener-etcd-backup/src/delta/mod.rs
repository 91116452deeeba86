//! Delta snapshots: the changes between two revisions, as a JSON array of etcd's watch events.

mod decode;

pub(crate) use decode::{Change, decode};
