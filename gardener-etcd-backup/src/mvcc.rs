//! What etcd keeps in its database: buckets, revisions, key values
//! ([data model](https://etcd.io/docs/v3.5/learning/data_model/)).

use std::collections::BTreeMap;

use gardener_provider_core::Result;
use prost::Message;

use crate::{
    bolt::{Bucket, Database, Order},
    error::damaged,
};

pub(crate) const KEY: &[u8] = b"key";
pub(crate) const ALARM: &[u8] = b"alarm";
pub(crate) const META: &[u8] = b"meta";
pub(crate) const LEASE: &[u8] = b"lease";
pub(crate) const MEMBERS: &[u8] = b"members";
pub(crate) const MEMBERS_REMOVED: &[u8] = b"members_removed";
pub(crate) const CLUSTER: &[u8] = b"cluster";

pub(crate) const FINISHED_COMPACT: &[u8] = b"finishedCompactRev";
pub(crate) const SCHEDULED_COMPACT: &[u8] = b"scheduledCompactRev";
pub(crate) const CONSISTENT_INDEX: &[u8] = b"consistent_index";
pub(crate) const TERM: &[u8] = b"term";
pub(crate) const CONF_STATE: &[u8] = b"confState";
pub(crate) const STORAGE_VERSION: &[u8] = b"storageVersion";

/// Where one change stands in the history: the revision, the place within it, and whether it deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RevisionKey {
    pub(crate) main: i64,
    pub(crate) sub: i64,
    pub(crate) tombstone: bool,
}

impl RevisionKey {
    /// Reads a key of the `key` bucket.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let tombstone = match bytes {
            [.., b't'] if bytes.len() == 18 => true,
            _ if bytes.len() == 17 => false,
            _ => return Err(damaged("the key bucket", format!("a revision of {} bytes", bytes.len()))),
        };
        let (main, sub) = (be_i64(&bytes[..8]), be_i64(&bytes[9..17]));
        match (main, sub) {
            (Some(main @ 0..), Some(sub @ 0..)) if bytes[8] == b'_' => Ok(Self { main, sub, tombstone }),
            _ => Err(damaged("the key bucket", "a revision that is not one")),
        }
    }

    /// Writes it as a key of the `key` bucket.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.main.to_be_bytes());
        out.push(b'_');
        out.extend_from_slice(&self.sub.to_be_bytes());
        if self.tombstone {
            out.push(b't');
        }
    }
}

fn be_i64(bytes: &[u8]) -> Option<i64> {
    bytes.get(..8)?.try_into().ok().map(i64::from_be_bytes)
}

/// `mvccpb.KeyValue`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) key: bytes::Bytes,
    #[prost(int64, tag = "2")]
    pub(crate) create_revision: i64,
    #[prost(int64, tag = "3")]
    pub(crate) mod_revision: i64,
    #[prost(int64, tag = "4")]
    pub(crate) version: i64,
    #[prost(bytes = "bytes", tag = "5")]
    pub(crate) value: bytes::Bytes,
    #[prost(int64, tag = "6")]
    pub(crate) lease: i64,
}

impl KeyValue {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        Self::decode(bytes).map_err(|error| damaged("a key value", error))
    }
}

/// The user's key inside an encoded key value, without decoding the rest.
pub(crate) fn user_key(bytes: &[u8]) -> Result<&[u8]> {
    // The mark that a restore with a bumped revision leaves.
    if bytes.is_empty() {
        return Ok(&[]);
    }
    // etcd writes the key first; anything else is decoded in full by the slow way.
    if let [0x0a, rest @ ..] = bytes {
        let mut buffer = rest;
        if let Ok(length) = prost::encoding::decode_varint(&mut buffer)
            && let Some(key) = usize::try_from(length).ok().and_then(|length| buffer.get(..length))
        {
            return Ok(key);
        }
        return Err(damaged("a key value", "its key reaches outside"));
    }
    Err(damaged("a key value", "it does not begin with its key"))
}

/// A database of etcd, opened for reading.
#[derive(Debug, Clone)]
pub(crate) struct EtcdDatabase {
    pub(crate) bolt: Database,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) meta: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The revision that an etcd started on this database would have.
    pub(crate) revision: i64,
    /// The revision up to which history was compacted away.
    pub(crate) compact_revision: i64,
}

impl EtcdDatabase {
    /// Reads the small parts and finds the revisions.
    pub(crate) fn open(bolt: Database) -> Result<Self> {
        let buckets = bolt.buckets()?;
        let mut database = Self { bolt, buckets, meta: BTreeMap::new(), revision: 0, compact_revision: 0 };
        let meta = database.bucket(META)?;
        let mut cursor = database.bolt.walk(meta)?;
        let mut entries = BTreeMap::new();
        while let Some((key, value)) = cursor.next()? {
            entries.insert(key.to_vec(), value.to_vec());
            if entries.len() > 1024 {
                return Err(damaged("the meta bucket", "more than 1024 entries"));
            }
        }
        database.meta = entries;
        database.check_layout()?;
        database.compact_revision =
            database.meta_revision(FINISHED_COMPACT)?.max(database.meta_revision(SCHEDULED_COMPACT)?);
        // A new etcd begins at revision 1, before anything is written.
        database.revision = database.last_key_revision()?.max(database.compact_revision).max(1);
        Ok(database)
    }

    pub(crate) fn bucket(&self, name: &[u8]) -> Result<&Bucket> {
        let found = self.buckets.iter().find(|bucket| bucket.name == name);
        found.ok_or_else(|| {
            damaged("the database", format!("there is no bucket {:?}", String::from_utf8_lossy(name)))
        })
    }

    fn meta_revision(&self, name: &[u8]) -> Result<i64> {
        self.meta.get(name).map_or(Ok(0), |value| RevisionKey::parse(value).map(|revision| revision.main))
    }

    fn last_key_revision(&self) -> Result<i64> {
        let mut cursor = self.bolt.cursor(self.bucket(KEY)?, Order::Descending)?;
        cursor.next()?.map_or(Ok(0), |(key, _)| RevisionKey::parse(key).map(|revision| revision.main))
    }

    /// etcd 3.6 and later name their layout; a layout nobody here has seen is not written.
    fn check_layout(&self) -> Result<()> {
        let Some(version) = self.meta.get(STORAGE_VERSION) else { return Ok(()) };
        let text = String::from_utf8_lossy(version);
        let known = ["3.5", "3.6", "3.7"].iter().any(|known| text.starts_with(known));
        if !known {
            let message = format!("the database has the storage version {text:?}, known are 3.5 to 3.7");
            return Err(gardener_provider_core::Error::new(
                gardener_provider_core::ErrorKind::Unimplemented,
                message,
            ));
        }
        Ok(())
    }
}
