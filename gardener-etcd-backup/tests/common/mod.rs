//! What several test files need: the fixtures, put into a store as etcd-backup-restore would have.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "helpers of tests: small numbers, and failing loudly is their purpose"
)]

use std::{io::Read, path::PathBuf, sync::Arc};

use gardener_etcd_backup::{Compression, SnapshotName, Store};
use object_store::{ObjectStoreExt, memory::InMemory};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A database of a real etcd, the events that followed, and the hash that the live cluster answered at the end.
#[derive(Debug, Clone)]
pub struct Fixture {
    pub full: Vec<u8>,
    pub full_revision: i64,
    /// JSON of each event in the shape of a delta, with its revision.
    pub events: Vec<(i64, Value)>,
    pub hash: u32,
    pub revision: i64,
}

fn fixture_bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(path).unwrap()
}

fn events(watch: &str) -> Vec<(i64, Value)> {
    let responses = watch.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = responses.flat_map(|response| response["Events"].as_array().cloned().unwrap_or_default());
    let dated = events.enumerate().map(|(index, event)| {
        let revision = event["kv"]["mod_revision"].as_i64().unwrap();
        let time = format!("2026-07-24T12:{:02}:{:02}.5+02:00", index / 60 % 60, index % 60);
        (revision, json!({ "etcdEvent": event, "time": time }))
    });
    dated.collect()
}

pub fn etcd_35() -> Fixture {
    let packed = fixture_bytes("etcd-3.5.1-watch-rev13-324.json.gz");
    let mut watch = String::new();
    flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut watch).unwrap();
    Fixture {
        full: fixture_bytes("etcd-3.5.1-full-rev12.db"),
        full_revision: 12,
        events: events(&watch),
        hash: 425_755_438,
        revision: 324,
    }
}

pub fn etcd_34() -> Fixture {
    let watch = String::from_utf8(fixture_bytes("etcd-3.4.23-watch-rev5-25.json")).unwrap();
    Fixture {
        full: fixture_bytes("etcd-3.4.23-full-rev4.db"),
        full_revision: 4,
        events: events(&watch),
        hash: 2_424_229_608,
        revision: 25,
    }
}

/// Bytes of a delta with these events: the JSON array and its hash, not compressed.
pub fn delta_bytes<'a>(events: impl Iterator<Item = &'a Value>) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(&events.collect::<Vec<_>>()).unwrap();
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

pub fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zlib => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Lzw => weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(bytes).unwrap(),
    }
}

pub const PREFIX: &str = "shoot--test/etcd-main";

impl Fixture {
    /// The events of the revisions `from..=to` as the bytes of a delta.
    pub fn delta(&self, from: i64, to: i64) -> Vec<u8> {
        let events = self.events.iter().filter(|(revision, _)| (from..=to).contains(revision));
        delta_bytes(events.map(|(_, event)| event))
    }

    /// The full and `deltas` deltas of about equal length in a store of its own.
    pub async fn store(&self, deltas: i64, compression: Compression) -> Store {
        let store = Store::new(Arc::new(InMemory::new()), PREFIX).unwrap();
        let at = |seconds| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let full = SnapshotName::full(self.full_revision, at(1_000), compression);
        put(&store, &full, &self.full).await;
        let total = self.revision - self.full_revision;
        for index in 0..deltas {
            let from = self.full_revision + 1 + index * total / deltas;
            let to = self.full_revision + (index + 1) * total / deltas;
            let name = SnapshotName::delta(from, to, at(2_000 + index as u64), compression);
            put(&store, &name, &self.delta(from, to)).await;
        }
        store
    }
}

/// Puts a snapshot, compressed as its name says.
pub async fn put(store: &Store, name: &SnapshotName, bytes: &[u8]) {
    let packed = compress(name.compression().unwrap(), bytes);
    store.objects().put(&store.path_of(name), packed.into()).await.unwrap();
}
