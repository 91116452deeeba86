//! Full snapshots and the capture of events from a real etcd, beside what the same bytes cost without us.
//!
//! `GARDENER_TEST_ETCD=<directory> cargo bench -p gardener-provider-benches --bench etcd_live -- [EVENTS]` (200,000 unless
//! told; `cargo xtask tools` says the directory). `--test` runs it once with few events; without an etcd it says so.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a program that measures and prints"
)]

#[path = "../../gardener-etcd-backup/tests/common/etcd.rs"]
mod etcd;

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use gardener_etcd_backup::{Backup, Compression, Etcd, Schedule, Snapshotter, SnapshotterOptions, Store};
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart, local::LocalFileSystem};

/// Puts in one transaction; etcd's limit is 128.
const BATCH: u64 = 100;
const VALUE: usize = 1024;
const ROUNDS: usize = 3;

fn main() {
    let few = std::env::args().any(|argument| argument == "--test");
    let told = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let events = told.unwrap_or(if few { 5_000 } else { 200_000 });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for server in etcd::servers("etcd_live").into_iter().take(1) {
        let place = tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
        println!("etcd {}, {events} events of 1 KiB", server.version);
        runtime.block_on(run(&server, place.path(), events));
    }
}

async fn run(server: &etcd::Server, place: &Path, events: u64) {
    let flags = ["--quota-backend-bytes", "8589934592", "--unsafe-no-fsync"];
    let source = server.start_with(&place.join("source"), &flags);
    let client = source.client();
    capture_and_full(&source, &client, place, events).await;
}

async fn capture_and_full(source: &etcd::Running, client: &Etcd, place: &Path, events: u64) {
    let store = open(place, "capture");
    // The full at the beginning, so that all that follows is captured.
    let options =
        || SnapshotterOptions::default().with_schedule(Schedule::every(Duration::from_secs(86_400)));
    let (snapshotter, handle) = Snapshotter::new(client.clone(), store.clone(), options());
    let running = tokio::spawn(snapshotter.run());
    handle.wait_for(|progress| progress.full.is_some()).await.unwrap();
    handle.stop().await.unwrap();
    running.await.unwrap().unwrap();
    fill(source, events).await;

    let revision = client.revision().await.unwrap();
    let (cpu, before) = (cpu_time(), reset_peak());
    let begun = Instant::now();
    let (snapshotter, handle) = Snapshotter::new(client.clone(), store.clone(), options());
    let running = tokio::spawn(snapshotter.run());
    handle.delta().await.unwrap();
    assert!(handle.progress().safe_revision >= revision);
    let (took, cpu) = (begun.elapsed(), cpu_time().saturating_sub(cpu));
    println!(
        "capture: {took:.2?}, {:.0} events/s, {:.0} events per CPU-second, memory {} more than before",
        events as f64 / took.as_secs_f64(),
        events as f64 / cpu.as_secs_f64(),
        mib(peak().saturating_sub(before)),
    );
    handle.stop().await.unwrap();
    running.await.unwrap().unwrap();
    full(client, place).await;
}

/// Interleaved, so that what else the machine does meets all alike; the best round counts.
async fn full(client: &Etcd, place: &Path) {
    let mut best = [Duration::MAX; 5];
    let mut size = 0;
    for round in 0..ROUNDS {
        let store = open(place, &format!("full-{round}"));
        let taken = |compression| Backup::new(client.clone(), store.clone()).with_compression(compression);
        let (plain, report) = timed(taken(Compression::None).full()).await;
        let bytes =
            fs::read(place.join(format!("full-{round}")).join(report.unwrap().snapshot.path.as_ref()));
        let bytes = bytes.unwrap();
        size = bytes.len() as u64;
        let (raw, ()) = timed(multipart(&store, bytes.clone().into())).await;
        let (gzip, packed) = timed(taken(Compression::Gzip).full()).await;
        packed.unwrap();
        let (single, ()) = timed(single_thread(&store, bytes.clone())).await;
        let begun = Instant::now();
        std::hint::black_box(<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        for (best, took) in best.iter_mut().zip([plain, raw, gzip, single, begun.elapsed()]) {
            *best = took.min(*best);
        }
        fs::remove_dir_all(place.join(format!("full-{round}"))).unwrap();
    }
    let [plain, raw, gzip, single, hash] = best;
    println!("full of {}, best of {ROUNDS}:", mib(size));
    println!(
        "    not compressed: {plain:.2?}; writing the same bytes as a multipart upload alone: {raw:.2?}"
    );
    println!("    gzip: {gzip:.2?}; the same bytes through one gzip on one thread: {single:.2?}");
    println!("    hashing alone: {hash:.2?}");
    println!(
        "    ratios: {:.2} to the upload alone, {:.2} to one thread",
        ratio(plain, raw),
        ratio(gzip, single)
    );
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let begun = Instant::now();
    let result = work.await;
    (begun.elapsed(), result)
}

async fn multipart(store: &Store, bytes: bytes::Bytes) {
    let upload = store.objects().put_multipart(&"raw".into()).await.unwrap();
    let mut write = WriteMultipart::new_with_chunk_size(upload, 8 << 20);
    for block in 0..bytes.len().div_ceil(1 << 20) {
        write.wait_for_capacity(5).await.unwrap();
        let end = bytes.len().min((block + 1) << 20);
        write.put(bytes.slice(block << 20..end));
    }
    write.finish().await.unwrap();
}

/// What one goroutine of another program would do: compress all, then upload.
async fn single_thread(store: &Store, bytes: Vec<u8>) {
    let packed = tokio::task::spawn_blocking(move || {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap()
    });
    multipart(store, packed.await.unwrap().into()).await;
}

async fn fill(source: &etcd::Running, events: u64) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let tasks = (0..4_u64).map(|task| {
        let (writer, mut random) = (source.writer(), {
            random = random.rotate_left(9);
            random | 1
        });
        tokio::spawn(async move {
            for batch in 0..events / BATCH / 4 {
                let ops = (0..BATCH).map(|number| {
                    let mut value = vec![0; VALUE];
                    // Half of it compresses, half does not.
                    for byte in &mut value[..VALUE / 2] {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        *byte = random.to_le_bytes()[0];
                    }
                    let key = format!("/registry/{task}/{batch}/{number}").into();
                    etcd::Op { put: Some(etcd::Put { key, value, lease: 0 }), delete: None }
                });
                writer.txn(ops.collect()).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

fn open(place: &Path, name: &str) -> Store {
    fs::create_dir_all(place.join(name)).unwrap();
    let objects: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(place.join(name)).unwrap());
    Store::new(objects, "etcd-main").unwrap()
}

fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Time of the processors that this process has used.
fn cpu_time() -> Duration {
    let mut text = String::new();
    fs::File::open("/proc/self/stat").and_then(|mut file| file.read_to_string(&mut text)).unwrap_or_default();
    let fields: Vec<_> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    // Linux counts in hundredths of a second.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// The most memory the process had resident since [`reset_peak`].
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Answers what is resident now.
fn reset_peak() -> u64 {
    // Where this is not offered, the peak is that of the whole run.
    let _ = fs::write("/proc/self/clear_refs", "5");
    peak()
}
