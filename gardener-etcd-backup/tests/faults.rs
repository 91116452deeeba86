//! Seeded faults. Each run must end in a restore that is right for the revision it claims, or in a clear error; what is
//! missing must be said. `GARDENER_FAULTS` sets how many points are tried (300 unless told; a twentieth of it, with 5 at
//! least, on each live etcd).
#![allow(clippy::unwrap_used, clippy::cast_possible_wrap, reason = "helpers of tests, with small numbers")]

mod common;
#[path = "common/etcd.rs"]
mod etcd;
#[path = "common/flaky.rs"]
mod flaky;

use std::{path::Path, sync::Arc, time::Duration};

use common::{Fixture, PREFIX, compress, etcd_35};
use flaky::{Call, Fault, Flaky, Planned, Seeded};
use gardener_etcd_backup::{
    Compression, Kind, RestoreOptions, SnapshotName, Snapshotter, SnapshotterOptions, Store, Target,
    VerifyOptions, compare_hash_kv, hash_kv_of_file, restore, verify,
};
use gardener_provider_core::{Error, ErrorKind};
use object_store::{ObjectStoreExt, memory::InMemory};

fn points() -> u64 {
    std::env::var("GARDENER_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

/// In memory where that is offered: these tests sync many files.
fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A restore without faults, which knows the hash at every revision.
struct Oracle {
    fixture: Fixture,
    place: tempfile::TempDir,
    /// The same backup in each compression: objects by their paths.
    backups: Vec<Vec<(object_store::path::Path, bytes::Bytes)>>,
}

impl Oracle {
    async fn new() -> Self {
        let (fixture, place) = (etcd_35(), place());
        let mut backups = Vec::new();
        for (compression, deltas) in
            [(Compression::None, 3), (Compression::Gzip, 5), (Compression::Zlib, 4), (Compression::Lzw, 7)]
        {
            let store = fixture.store(deltas, compression).await;
            let mut objects = Vec::new();
            for snapshot in store.list().await.unwrap().snapshots {
                let bytes = store.objects().get(&snapshot.path).await.unwrap().bytes().await.unwrap();
                objects.push((snapshot.path, bytes));
            }
            backups.push(objects);
            if backups.len() == 1 {
                restore(&store, &place.path().join("whole"), &RestoreOptions::default()).await.unwrap();
            }
        }
        Self { fixture, place, backups }
    }

    fn hash(&self, revision: i64) -> u32 {
        hash_kv_of_file(&self.place.path().join("whole"), Some(revision)).unwrap().hash
    }

    /// One of the backups, in a store of its own.
    async fn backup(&self, random: &mut Seeded) -> (Arc<InMemory>, Store) {
        let memory = Arc::new(InMemory::new());
        for (path, bytes) in &self.backups[random.below(self.backups.len())] {
            memory.put(path, bytes.clone().into()).await.unwrap();
        }
        (memory.clone(), Store::new(memory, PREFIX).unwrap())
    }
}

/// What must hold of any restore and any verification of the same store.
async fn judge(store: &Store, oracle: &Oracle, promised: i64, what: &str) -> Result<(), Error> {
    let place = place();
    let data_dir = place.path().join("etcd");
    match restore(store, &data_dir, &RestoreOptions::default()).await {
        Ok(report) => {
            let found = hash_kv_of_file(&data_dir, None).unwrap();
            assert_eq!(found.revision, report.revision, "{what}");
            assert_eq!(found.hash, oracle.hash(found.revision), "{what}: a wrong state was restored");
            let said = !report.is_complete() || !report.chain.remarks.is_empty();
            assert!(report.revision >= promised || said, "{what}: silently less than revision {promised}");
            Ok(())
        }
        Err(error) => {
            assert!(!data_dir.exists(), "{what}: a failed restore leaves nothing");
            assert!(!error.message().is_empty());
            Err(error)
        }
    }
}

#[tokio::test]
async fn faults_while_reading_end_in_the_right_state_or_an_error() {
    let oracle = Oracle::new().await;
    let (mut restored, mut refused) = (0, 0);
    for seed in 0..points() / 2 {
        let mut random = Seeded::new(seed);
        let (memory, _) = oracle.backup(&mut random).await;
        let faults = [Fault::Refused, Fault::Short(0), Fault::Cut(0), Fault::Flipped(0)];
        let plan = (0..=random.below(2)).map(|_| {
            let place = random.below(1 << 20);
            let fault = match faults[random.below(4)] {
                Fault::Short(_) => Fault::Short(place),
                Fault::Cut(_) => Fault::Cut(place),
                Fault::Flipped(_) => Fault::Flipped(place),
                other => other,
            };
            let call = if random.below(20) == 0 { Call::List } else { Call::Get };
            Planned { call, at: random.below(8), fault }
        });
        let plan: Vec<_> = plan.collect();
        let flaky = Flaky::new(memory, plan.clone());
        let store = Store::new(Arc::new(flaky), PREFIX).unwrap();
        match judge(&store, &oracle, oracle.fixture.revision, &format!("seed {seed}, {plan:?}")).await {
            Ok(()) => restored += 1,
            Err(error) => {
                // A store that does not answer is no reason to restore less.
                let kinds = [ErrorKind::Unavailable, ErrorKind::DataLoss];
                assert!(kinds.contains(&error.kind()), "seed {seed}: {error:?}");
                refused += 1;
            }
        }
    }
    println!("faults while reading: {restored} restored, {refused} refused");
    assert!(restored > 0 && refused > 0);
}

#[tokio::test]
async fn broken_chains_restore_as_far_as_they_lead_and_say_so() {
    let oracle = Oracle::new().await;
    let (mut restored, mut refused) = (0, 0);
    for seed in 0..points() / 2 {
        let mut random = Seeded::new(seed + 1_000_000);
        let (memory, store) = oracle.backup(&mut random).await;
        let mut what = format!("seed {seed}:");
        for _ in 0..=random.below(4) {
            what.push_str(&disturb(&oracle.fixture, &memory, &store, &mut random).await);
        }
        let listing = store.list().await.unwrap();
        let promised = listing.snapshots.iter().map(|snapshot| snapshot.name.last).max().unwrap_or(0);
        let judged = judge(&store, &oracle, promised, &what).await;
        let verified = verify(&store, &VerifyOptions::default()).await;
        match judged {
            Ok(()) => {
                let verified = verified.unwrap();
                assert_eq!(verified.hash.hash, oracle.hash(verified.hash.revision), "{what}");
                restored += 1;
            }
            Err(error) => {
                assert_eq!(verified.unwrap_err().kind(), error.kind(), "{what}");
                refused += 1;
            }
        }
    }
    println!("broken chains: {restored} restored, {refused} refused");
    assert!(restored > 0);
}

/// Does one thing to the store that happens to stores, and says what.
async fn disturb(fixture: &Fixture, memory: &InMemory, store: &Store, random: &mut Seeded) -> String {
    let snapshots = store.list().await.unwrap().snapshots;
    if snapshots.is_empty() {
        return " nothing left".to_owned();
    }
    let victim = &snapshots[random.below(snapshots.len())];
    let bytes = memory.get(&victim.path).await.unwrap().bytes().await.unwrap();
    let span = |random: &mut Seeded| {
        let from = fixture.full_revision + 1 + random.below(300) as i64;
        (from, (from + random.below(60) as i64).min(fixture.revision))
    };
    match random.below(8) {
        0 => {
            memory.delete(&victim.path).await.unwrap();
            format!(" {} deleted;", victim.name)
        }
        1 => {
            let to = random.below(bytes.len().max(1));
            memory.put(&victim.path, bytes.slice(..to).into()).await.unwrap();
            format!(" {} cut to {to};", victim.name)
        }
        2 => {
            let (at, mut bytes) = (random.below(bytes.len().max(1)), bytes.to_vec());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
            memory.put(&victim.path, bytes.into()).await.unwrap();
            format!(" {} flipped at {at};", victim.name)
        }
        3 | 4 => {
            // A second writer, which captured another span.
            let (from, to) = span(random);
            let name = SnapshotName::delta(from, to, std::time::SystemTime::UNIX_EPOCH, Compression::Gzip);
            let packed = compress(Compression::Gzip, &fixture.delta(from, to));
            memory.put(&store.path_of(&name), packed.into()).await.unwrap();
            format!(" {name} added;")
        }
        5 => {
            // The same again under the name of a later second.
            let mut name = victim.name.clone();
            name.created += 1;
            memory.put(&store.path_of(&name), bytes.into()).await.unwrap();
            format!(" {} twice;", victim.name)
        }
        6 => {
            // A full that holds less than it says.
            let name = SnapshotName::full(200, std::time::SystemTime::now(), Compression::None);
            memory.put(&store.path_of(&name), fixture.full.clone().into()).await.unwrap();
            format!(" {name} lies;")
        }
        _ => {
            let stray = object_store::path::Path::from(format!("{PREFIX}/v2/stray-{}", random.below(9)));
            memory.put(&stray, "x".into()).await.unwrap();
            " a stray object;".to_owned()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_uploads_lose_no_event() {
    for server in etcd::servers("failing_uploads_lose_no_event") {
        let place = place();
        let source = server.start(&place.path().join("source"));
        let client = source.client();
        let runs = (points() / 20).max(5);
        let mut hits = 0;
        for seed in 0..runs {
            let mut random = Seeded::new(seed + 2_000_000);
            let calls = [Call::Put, Call::Put, Call::Begin, Call::Part, Call::Complete];
            let plan = (0..=random.below(3)).map(|_| {
                let fault = if random.below(2) == 0 { Fault::Refused } else { Fault::ReplyLost };
                Planned { call: calls[random.below(5)], at: random.below(3), fault }
            });
            let plan: Vec<_> = plan.collect();
            let flaky = Flaky::new(Arc::new(InMemory::new()), plan.clone());
            let store = Store::new(Arc::new(flaky.clone()), PREFIX).unwrap();
            let options = SnapshotterOptions::default().with_deltas(Duration::from_millis(20), 32 << 10);
            source.writer().variety(4).await;
            let (handle, running) = loop {
                let (snapshotter, handle) = Snapshotter::new(client.clone(), store.clone(), options.clone());
                let running = tokio::spawn(snapshotter.run());
                if handle.wait_for(|progress| progress.full.is_some()).await.is_ok() {
                    break (handle, running);
                }
                // A fault that hits the beginning ends it; whoever runs it begins again.
                assert_eq!(running.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
            };
            source.writer().variety(4).await;
            let revision = client.revision().await.unwrap();
            // Goes on by itself after each failure.
            handle.wait_for(|progress| progress.safe_revision >= revision).await.unwrap();
            handle.stop().await.unwrap();
            running.await.unwrap().unwrap();
            hits += flaky.hits();
            let data_dir = place.path().join(seed.to_string());
            let report = restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
            assert!(report.is_complete(), "seed {seed}, {plan:?}");
            let expected = client.hash_kv(Some(report.revision)).await.unwrap();
            assert_eq!(expected.revision, revision, "seed {seed}, {plan:?}");
            compare_hash_kv(expected, hash_kv_of_file(&data_dir, None).unwrap()).unwrap();
            std::fs::remove_dir_all(&data_dir).unwrap();
        }
        println!("failing uploads on etcd {}: {runs} runs, {hits} faults", server.version);
        assert!(hits > 0);
    }
}

#[tokio::test]
async fn an_upload_that_fails_leaves_no_object() {
    let fixture = etcd_35();
    let flaky = Flaky::new(
        Arc::new(InMemory::new()),
        vec![Planned { call: Call::Put, at: 0, fault: Fault::Refused }],
    );
    let to = Store::new(Arc::new(flaky), PREFIX).unwrap();
    let from = fixture.store(2, Compression::Gzip).await;
    let error = gardener_etcd_backup::copy(&from, &to, Target::Latest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(to.list().await.unwrap().snapshots.is_empty());
    gardener_etcd_backup::copy(&from, &to, Target::Latest).await.unwrap();
    assert_eq!(to.list().await.unwrap().snapshots.iter().filter(|s| s.name.kind == Kind::Full).count(), 1);
}
