//! Restore and verification of a long chain of deltas, with the bounds of the machine beside each figure.
//!
//! `cargo bench -p gardener-provider-benches --bench etcd_backup -- [REVISIONS]` (1,000,000 unless told; each has one
//! value of 1 KiB). `--test` runs it once with few revisions.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a program that measures and prints"
)]

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use gardener_etcd_backup::{
    Compression, RestoreOptions, SnapshotName, Store, VerifyOptions, hash_kv_of_file, restore, verify,
};
use object_store::{ObjectStoreExt, local::LocalFileSystem};
use sha2::{Digest, Sha256};

const FULL: &[u8] = include_bytes!("../../gardener-etcd-backup/tests/fixtures/etcd-3.5.1-full-rev12.db");
const FIRST: u64 = 13;
/// About what Gardener's default of 10 MiB of JSON holds.
const PER_DELTA: u64 = 7_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let arguments: Vec<_> = std::env::args().collect();
    // In a process of its own, so that its memory does not count.
    if let [_, fill_in, bucket, revisions] = &arguments[..]
        && fill_in == FILL
    {
        let json = runtime.block_on(fill(&open(Path::new(bucket)), revisions.parse().unwrap()));
        println!("{json}");
        return;
    }
    let few = std::env::args().any(|argument| argument == "--test");
    let told = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let revisions = told.unwrap_or(if few { 20_000 } else { 1_000_000 });
    let place = tempfile::tempdir_in(target_directory()).unwrap();
    runtime.block_on(run(place.path(), revisions));
}

const FILL: &str = "--fill";

fn open(bucket: &Path) -> Store {
    Store::new(Arc::new(LocalFileSystem::new_with_prefix(bucket).unwrap()), "etcd-main").unwrap()
}

/// On the disk of the build, not in memory as a temporary directory may be.
fn target_directory() -> std::path::PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

async fn run(place: &Path, revisions: u64) {
    let bucket = place.join("bucket");
    fs::create_dir(&bucket).unwrap();
    let store =
        Store::new(Arc::new(LocalFileSystem::new_with_prefix(&bucket).unwrap()), "etcd-main").unwrap();
    let json = fill(&store, revisions).await;
    println!("{revisions} revisions of 1 KiB, {} of JSON in deltas", mib(json));
    let bounds = Bounds::measure(place, &bucket, json);

    reset_peak();
    let begun = Instant::now();
    let report = verify(&store, &VerifyOptions::default()).await.unwrap();
    let took = begun.elapsed();
    assert!(report.is_sound());
    say("verify", took, json, &format!("peak memory {}", mib(peak())));
    bounds.say_reading();

    reset_peak();
    let data_dir = place.join("etcd");
    let begun = Instant::now();
    let restored = restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(restored.revision, report.hash.revision);
    say(
        "restore",
        took,
        json,
        &format!("{:.0} revisions/s, peak memory {}", revisions as f64 / took.as_secs_f64(), mib(peak())),
    );
    bounds.say_reading();
    println!("    writing and syncing {} alone: {:.2?}", mib(bounds.written), bounds.write);

    let begun = Instant::now();
    assert_eq!(hash_kv_of_file(&data_dir, None).unwrap(), report.hash);
    say("hash of the restored file", begun.elapsed(), restored.database_size, "");
}

/// What the steps cost by themselves, on one core.
struct Bounds {
    inflate: Duration,
    hash: Duration,
    write: Duration,
    written: u64,
}

impl Bounds {
    fn measure(place: &Path, bucket: &Path, json: u64) -> Self {
        let mut block = vec![0; 256 << 10];
        let (mut inflate, mut hash) = (Duration::ZERO, Duration::ZERO);
        for entry in fs::read_dir(bucket.join("etcd-main/v2")).unwrap() {
            let packed = fs::read(entry.unwrap().path()).unwrap();
            let begun = Instant::now();
            let mut reader = flate2::read::MultiGzDecoder::new(packed.as_slice());
            let mut hashing = Duration::ZERO;
            let mut sha = Sha256::new();
            loop {
                let read = reader.read(&mut block).unwrap();
                if read == 0 {
                    break;
                }
                let begun = Instant::now();
                sha.update(&block[..read]);
                hashing += begun.elapsed();
            }
            inflate += begun.elapsed().saturating_sub(hashing);
            hash += hashing;
        }
        // About the size of the database: the values without base64.
        let written = json * 3 / 4;
        let begun = Instant::now();
        let path = place.join("raw");
        let mut file = fs::File::create(&path).unwrap();
        for _ in 0..written / block.len() as u64 {
            file.write_all(&block).unwrap();
        }
        file.sync_all().unwrap();
        let write = begun.elapsed();
        fs::remove_file(path).unwrap();
        Self { inflate, hash, write, written }
    }

    fn say_reading(&self) {
        println!(
            "    inflating alone: {:.2?}, hashing alone: {:.2?} (one core each)",
            self.inflate, self.hash
        );
    }
}

/// Writes the full and the deltas, and answers how many bytes of JSON there are.
async fn fill(store: &Store, revisions: u64) -> u64 {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let mut json = 0;
    put(store, &SnapshotName::full(12, at(1), Compression::Gzip), FULL.to_vec()).await;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut from = FIRST;
    while from < FIRST + revisions {
        let to = (from + PER_DELTA).min(FIRST + revisions) - 1;
        let delta = delta(from, to, &mut random);
        json += delta.len() as u64;
        let name = SnapshotName::delta(from.cast_signed(), to.cast_signed(), at(from), Compression::Gzip);
        put(store, &name, delta).await;
        from = to + 1;
    }
    json
}

async fn put(store: &Store, name: &SnapshotName, bytes: Vec<u8>) {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&bytes).unwrap();
    store.objects().put(&store.path_of(name), encoder.finish().unwrap().into()).await.unwrap();
}

/// Values are half text that repeats and half noise, so that they compress as manifests with identifiers do.
fn delta(from: u64, to: u64, random: &mut u64) -> Vec<u8> {
    let text =
        br#"{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"kube-system","labels":{"app":"x"}}}"#;
    let mut events = Vec::new();
    for revision in from..=to {
        let mut value: Vec<u8> = text.iter().copied().cycle().take(512).collect();
        while value.len() < 1024 {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            value.extend_from_slice(&random.to_le_bytes());
        }
        let key = format!("/registry/pods/default/pod-{:06}", revision % 50_000);
        events.push(serde_json::json!({
            "etcdEvent": { "kv": {
                "key": BASE64_STANDARD.encode(key), "create_revision": revision.saturating_sub(1).max(1), "mod_revision": revision,
                "version": 2, "value": BASE64_STANDARD.encode(value),
            } },
            "time": "2026-07-24T12:00:00.123456789Z",
        }));
    }
    let mut bytes = serde_json::to_vec(&events).unwrap();
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

fn say(what: &str, took: Duration, bytes: u64, more: &str) {
    let rate = bytes as f64 / took.as_secs_f64() / f64::from(1 << 20);
    println!("{what}: {took:.2?}, {rate:.0} MiB/s {more}");
}

fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The most memory the process had resident since [`reset_peak`].
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn reset_peak() {
    // Where this is not offered, the peak is that of the whole run.
    let _ = fs::write("/proc/self/clear_refs", "5");
}
