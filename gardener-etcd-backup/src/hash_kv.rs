//! The hash by which members of an etcd cluster compare their data, computed from a database file.
//!
//! It is the CRC32C over the word `key`, then over key and value of every entry of the `key` bucket up to the revision,
//! in order. Entries at or below the compact revision count only where they are the newest of their key and no
//! deletion; etcd 3.4, 3.5 and 3.6 agree
//! ([`hash.go`](https://github.com/etcd-io/etcd/blob/v3.6.0/server/storage/mvcc/hash.go)).

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::Arc,
};

use gardener_provider_core::{Error, ErrorKind, Result};

use crate::{
    bolt::{Database, Order},
    error::file,
    mvcc::{EtcdDatabase, KEY, RevisionKey, user_key},
};

/// A hash and what it covers. Two hashes compare only when both revisions are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashKv {
    /// The hash.
    pub hash: u32,
    /// The revision up to which entries were hashed.
    pub revision: i64,
    /// The revision up to which history had been compacted away.
    pub compact_revision: i64,
}

impl HashKv {
    pub(crate) fn new(hash: u32, revision: i64, compact_revision: i64) -> Self {
        // An etcd that has never compacted since it was made says -1, and 0 after its next start.
        Self { hash, revision, compact_revision: compact_revision.max(0) }
    }
}

/// The hash of the database of a stopped etcd, at `revision` or at its latest.
///
/// `path` is the database file or a data directory. It blocks; call it from a blocking thread.
///
/// # Errors
/// `InvalidArgument` for a revision that is compacted or not reached yet, `DataLoss` for a damaged file.
pub fn hash_kv_of_file(path: &Path, revision: Option<i64>) -> Result<HashKv> {
    let inside = path.join("member/snap/db");
    let path = if inside.is_file() { inside } else { path.to_owned() };
    let source = File::open(&path).map_err(|error| file("open", &path, error))?;
    let database = EtcdDatabase::open(Database::open(Arc::new(source))?)?;
    hash_kv_of(&database, revision)
}

/// As [`hash_kv_of_file`], of an opened database.
pub(crate) fn hash_kv_of(database: &EtcdDatabase, revision: Option<i64>) -> Result<HashKv> {
    let revision = revision.unwrap_or(database.revision);
    if revision > database.revision || revision < 1 {
        let problem = format!("{revision} is not reached; the database is at {}", database.revision);
        return Err(Error::invalid("revision", problem));
    }
    let compacted = database.compact_revision;
    // At the latest revision etcd answers even when everything is compacted.
    if revision <= compacted && revision != database.revision {
        let problem = format!("{revision} was compacted away; history begins after {compacted}");
        return Err(Error::invalid("revision", problem));
    }
    Newer::new(database).hash(database, revision, revision)
}

/// Entries that come after a database, as deltas bring them: what they add to its hash and take away from it.
pub(crate) struct Newer {
    /// The hash of these entries alone, and how many bytes it covers.
    hash: u32,
    length: usize,
    /// By which keys are held: two independent 64 bit hashes, 16 bytes each, whatever their length. Nothing is held
    /// when no history was compacted away, since nothing is left out then.
    hashers: Option<[RandomState; 2]>,
    /// The keys, and whether they are alive at the end.
    keys: HashMap<[u64; 2], bool>,
}

impl Newer {
    pub(crate) fn new(database: &EtcdDatabase) -> Self {
        let hashers = (database.compact_revision > 0).then(|| [RandomState::new(), RandomState::new()]);
        Self { hash: 0, length: 0, hashers, keys: HashMap::new() }
    }

    /// Adds the next entry of the `key` bucket.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.hash = crc32c::crc32c_append(crc32c::crc32c_append(self.hash, key), value);
        self.length += key.len() + value.len();
        if let Some(hashers) = &self.hashers {
            let user_key = user_key(value)?;
            let alive = !RevisionKey::parse(key)?.tombstone;
            self.keys.insert([hashers[0].hash_one(user_key), hashers[1].hash_one(user_key)], alive);
        }
        Ok(())
    }

    /// The hash of the database up to its revision `until` and then of these entries, which end at `revision`.
    pub(crate) fn hash(self, database: &EtcdDatabase, until: i64, revision: i64) -> Result<HashKv> {
        let (newer, length, compacted) = (self.hash, self.length, database.compact_revision);
        let kept = self.kept(database, until)?;
        let mut hash = crc32c::crc32c(KEY);
        let mut cursor = database.bolt.walk(database.bucket(KEY)?)?;
        let mut place = 0;
        while let Some((key, value)) = cursor.next()? {
            let at = RevisionKey::parse(key)?;
            if at.main > until {
                break;
            }
            if at.main > compacted || kept.as_ref().is_none_or(|kept| kept.counts(place, at, compacted)) {
                hash = crc32c::crc32c_append(hash, key);
                hash = crc32c::crc32c_append(hash, value);
            }
            place += 1;
        }
        Ok(HashKv::new(crc32c::crc32c_combine(hash, newer, length), revision, compacted))
    }

    /// Walks back from the end: the first entry seen of a key is its newest.
    fn kept(self, database: &EtcdDatabase, until: i64) -> Result<Option<Kept>> {
        let Some(hashers) = self.hashers else { return Ok(None) };
        let mut kept = Kept { places: HashSet::new(), any: self.keys.values().any(|alive| *alive) };
        let mut seen: HashSet<[u64; 2]> = self.keys.into_keys().collect();
        let mut from_end = Vec::new();
        let mut entries = 0_u64;
        let mut cursor = database.bolt.cursor(database.bucket(KEY)?, Order::Descending)?;
        while let Some((key, value)) = cursor.next()? {
            let at = RevisionKey::parse(key)?;
            if at.main > until {
                continue;
            }
            entries += 1;
            let user_key = user_key(value)?;
            if seen.insert([hashers[0].hash_one(user_key), hashers[1].hash_one(user_key)]) && !at.tombstone {
                kept.any = true;
                if at.main <= database.compact_revision {
                    from_end.push(entries);
                }
            }
        }
        kept.places = from_end.into_iter().map(|back| entries - back).collect();
        Ok(Some(kept))
    }
}

/// Which entries at or below the compact revision are the newest of their key at the hashed revision.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Places in the bucket, counted from the first entry.
    places: HashSet<u64>,
    /// Whether any key is alive at all; if none is, etcd skips nothing.
    any: bool,
}

impl Kept {
    /// What a compaction at the latest revision would leave of the history up to it.
    pub(crate) fn all(database: &EtcdDatabase) -> Result<Self> {
        let mut compacted = database.clone();
        compacted.compact_revision = database.revision;
        let kept = Newer::new(&compacted).kept(&compacted, database.revision)?;
        kept.ok_or_else(|| Error::internal("nothing is compacted"))
    }

    /// Whether the entry at this place is the newest of its key and alive.
    pub(crate) fn contains(&self, place: u64) -> bool {
        self.places.contains(&place)
    }

    fn counts(&self, place: u64, at: RevisionKey, compacted: i64) -> bool {
        if self.any {
            return self.places.contains(&place);
        }
        !(at.tombstone && at.main == compacted)
    }
}

impl From<HashKv> for u32 {
    fn from(hash: HashKv) -> Self {
        hash.hash
    }
}

/// Fails when the two hashes cannot be compared or differ, saying which is which.
///
/// # Errors
/// `FailedPrecondition` when the revisions differ, `DataLoss` when the hashes do.
pub fn compare_hash_kv(expected: HashKv, found: HashKv) -> Result<()> {
    if (expected.revision, expected.compact_revision) != (found.revision, found.compact_revision) {
        let message = format!("hashes of different revisions do not compare: {expected:?}, {found:?}");
        return Err(Error::new(ErrorKind::FailedPrecondition, message));
    }
    if expected.hash != found.hash {
        let message = format!("the data differs: hash {} expected, {} found", expected.hash, found.hash);
        return Err(Error::new(ErrorKind::DataLoss, message));
    }
    Ok(())
}
