//! Running backups of real etcd servers under load.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
#[path = "common/etcd.rs"]
mod etcd;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use gardener_etcd_backup::{
    Compression, Etcd, HashKv, Kind, RestoreOptions, Snapshotter, SnapshotterHandle, SnapshotterOptions,
    StaticKeys, Store, Target, compare_hash_kv, hash_kv_of_file, restore,
};
use gardener_provider_core::{ErrorKind, Result};
use object_store::{ObjectStoreExt, memory::InMemory};
use tokio::task::JoinHandle;

const COMPRESSIONS: [Compression; 4] =
    [Compression::None, Compression::Gzip, Compression::Zlib, Compression::Lzw];

fn memory() -> Store {
    Store::new(Arc::new(InMemory::new()), common::PREFIX).unwrap()
}

fn options() -> SnapshotterOptions {
    SnapshotterOptions::default().with_deltas(Duration::from_millis(50), 64 << 10)
}

fn start(
    etcd: &Etcd,
    store: &Store,
    options: SnapshotterOptions,
) -> (SnapshotterHandle, JoinHandle<Result<()>>) {
    let (snapshotter, handle) = Snapshotter::new(etcd.clone(), store.clone(), options);
    (handle, tokio::spawn(snapshotter.run()))
}

async fn restored(store: &Store, data_dir: &Path, target: Target) -> HashKv {
    let options = RestoreOptions::default().with_target(target).with_fall_back(false);
    let report = restore(store, data_dir, &options).await.unwrap();
    let hash = hash_kv_of_file(data_dir, None).unwrap();
    assert_eq!(hash.revision, report.revision);
    hash
}

/// Each snapshot continues the one before, and no full is crossed.
async fn assert_seamless(store: &Store) {
    let listing = store.list().await.unwrap();
    let mut reached = 0;
    for snapshot in &listing.snapshots {
        let name = &snapshot.name;
        match name.kind {
            Kind::Full => assert!(name.last >= reached || reached == 0, "{name} after {reached}"),
            Kind::Delta => assert_eq!(name.start, reached + 1, "{name} after {reached}"),
        }
        reached = name.last;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_under_load_lead_to_the_same_hash_at_every_recorded_revision() {
    for server in etcd::servers("deltas_under_load_lead_to_the_same_hash_at_every_recorded_revision") {
        for compression in COMPRESSIONS {
            let place = tempfile::tempdir().unwrap();
            let source = server.start(&place.path().join("source"));
            source.writer().variety(5).await;
            let (store, client) = (memory(), source.client());
            let (handle, running) = start(&client, &store, options().with_compression(compression));
            handle.wait_for(|progress| progress.full.is_some()).await.unwrap();
            let mut recorded = Vec::new();
            for _ in 0..2 {
                let load = (0..2).map(|_| {
                    let writer = source.writer();
                    tokio::spawn(async move { writer.variety(12).await })
                });
                let load: Vec<_> = load.collect();
                let full = handle.full(false).await.unwrap();
                assert!(full.newest >= full.snapshot.name.last);
                for task in load {
                    task.await.unwrap();
                }
                recorded.push(client.hash_kv(None).await.unwrap());
            }
            handle.stop().await.unwrap();
            running.await.unwrap().unwrap();
            assert_eq!(handle.progress().safe_revision, client.revision().await.unwrap());
            assert!(handle.progress().deltas > 0);
            assert_seamless(&store).await;
            let latest = restored(&store, &place.path().join("latest"), Target::Latest).await;
            compare_hash_kv(client.hash_kv(None).await.unwrap(), latest).unwrap();
            for expected in recorded {
                let data_dir = place.path().join(expected.revision.to_string());
                let found = restored(&store, &data_dir, Target::Revision(expected.revision)).await;
                compare_hash_kv(expected, found).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_in_time_is_restored_as_it_was_then() {
    for server in etcd::servers("a_point_in_time_is_restored_as_it_was_then") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let (store, client) = (memory(), source.client());
        let (handle, running) = start(&client, &store, options());
        handle.wait_for(|progress| progress.full.is_some()).await.unwrap();
        let mut recorded = Vec::new();
        for round in 0..4 {
            source.writer().variety(5).await;
            // Everything was seen, and what comes is seen later.
            handle.delta().await.unwrap();
            recorded.push((SystemTime::now(), client.hash_kv(None).await.unwrap()));
            if round == 1 {
                // A full names whole seconds: it must not count as taken before the moment.
                handle.full(false).await.unwrap();
            }
        }
        handle.stop().await.unwrap();
        running.await.unwrap().unwrap();
        for (number, (time, expected)) in recorded.into_iter().enumerate() {
            let data_dir = place.path().join(number.to_string());
            let found = restored(&store, &data_dir, Target::Time(time)).await;
            compare_hash_kv(expected, found).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_takes_up_where_the_first_ended() {
    for server in etcd::servers("a_second_run_takes_up_where_the_first_ended") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let (store, client) = (memory(), source.client());
        for round in 0..3 {
            let (handle, running) = start(&client, &store, options());
            source.writer().variety(7).await;
            if round == 1 {
                // Ends without a word, as if killed; what was not written yet is in etcd still.
                running.abort();
                assert!(running.await.unwrap_err().is_cancelled());
                continue;
            }
            handle.stop().await.unwrap();
            running.await.unwrap().unwrap();
        }
        let listing = store.list().await.unwrap();
        let fulls = listing.snapshots.iter().filter(|snapshot| snapshot.name.kind == Kind::Full).count();
        assert_eq!(fulls, 1, "no run needed another full");
        assert_seamless(&store).await;
        let latest = restored(&store, &place.path().join("latest"), Target::Latest).await;
        compare_hash_kv(client.hash_kv(None).await.unwrap(), latest).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_of_what_was_not_captured_leads_to_a_full() {
    for server in etcd::servers("compaction_of_what_was_not_captured_leads_to_a_full") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let (store, client) = (memory(), source.client());
        let (handle, running) = start(&client, &store, options());
        handle.stop().await.unwrap();
        running.await.unwrap().unwrap();
        source.writer().variety(10).await;
        source.writer().compact(client.revision().await.unwrap()).await;
        let (handle, running) = start(&client, &store, options());
        handle.wait_for(|progress| progress.fulls == 1).await.unwrap();
        source.writer().variety(10).await;
        handle.stop().await.unwrap();
        running.await.unwrap().unwrap();
        let latest = restored(&store, &place.path().join("latest"), Target::Latest).await;
        compare_hash_kv(client.hash_kv(None).await.unwrap(), latest).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_ahead_of_etcd_is_refused() {
    for server in etcd::servers("a_store_that_is_ahead_of_etcd_is_refused") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let store = memory();
        let name = "Full-00000000-00099999-1000".parse().unwrap();
        store.objects().put(&store.path_of(&name), "x".into()).await.unwrap();
        let (_handle, running) = start(&source.client(), &store, options());
        let error = running.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
        assert_eq!(store.list().await.unwrap().snapshots.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_makes_the_first_stop_and_the_backup_stays_whole() {
    for server in etcd::servers("a_second_writer_makes_the_first_stop_and_the_backup_stays_whole") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let (store, client) = (memory(), source.client());
        let (first, first_running) = start(&client, &store, options().with_writer("first"));
        first.wait_for(|progress| progress.full.is_some()).await.unwrap();
        let (second, second_running) = start(&client, &store, options().with_writer("second"));
        second.wait_for(|progress| progress.safe_revision > 0).await.unwrap();
        source.writer().variety(5).await;
        let error = first_running.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
        assert!(error.to_string().contains("second has written since"), "{error}");
        second.stop().await.unwrap();
        second_running.await.unwrap().unwrap();
        let latest = restored(&store, &place.path().join("latest"), Target::Latest).await;
        compare_hash_kv(client.hash_kv(None).await.unwrap(), latest).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_backup_is_restored_with_its_keys() {
    for server in etcd::servers("an_encrypted_backup_is_restored_with_its_keys").into_iter().take(1) {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let (plain, client) = (memory(), source.client());
        let encrypted =
            |id| plain.clone().with_keys(Arc::new(StaticKeys::new(id, [7; 32]).with_older("one", [7; 32])));
        for id in ["one", "two"] {
            let (handle, running) =
                start(&client, &encrypted(id), options().with_compression(Compression::Zlib));
            source.writer().variety(6).await;
            handle.stop().await.unwrap();
            running.await.unwrap().unwrap();
        }
        let names: Vec<_> =
            plain.list().await.unwrap().snapshots.into_iter().map(|found| found.name).collect();
        assert!(names.len() > 1 && names.iter().all(|name| name.is_encrypted), "{names:?}");
        let latest = restored(&encrypted("two"), &place.path().join("latest"), Target::Latest).await;
        compare_hash_kv(client.hash_kv(None).await.unwrap(), latest).unwrap();
        let error = restore(&plain, &place.path().join("no"), &RestoreOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prefix_of_another_cluster_is_refused() {
    for server in etcd::servers("the_prefix_of_another_cluster_is_refused") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let other = server.start_with(&place.path().join("other"), &["--initial-cluster-token", "other"]);
        other.writer().variety(9).await;
        let store = memory();
        let (handle, running) = start(&source.client(), &store, options());
        handle.stop().await.unwrap();
        running.await.unwrap().unwrap();
        let before = store.list().await.unwrap();
        let (_handle, running) = start(&other.client(), &store, options());
        let error = running.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
        let backup = gardener_etcd_backup::Backup::new(other.client(), store.clone());
        assert_eq!(backup.full().await.unwrap_err().kind(), ErrorKind::FailedPrecondition);
        assert_eq!(store.list().await.unwrap(), before);
        let (handle, running) = start(&other.client(), &store, options().with_new_cluster(true));
        handle.stop().await.unwrap();
        running.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn every_future_can_move_between_threads() {
    fn check(_: impl Send) {}
    let store = memory();
    let etcd = Etcd::new(&gardener_etcd_backup::EtcdOptions::new(["http://127.0.0.1:1"])).unwrap();
    let options = RestoreOptions::default();
    check(restore(&store, Path::new("never"), &options));
    check(gardener_etcd_backup::plan(&store, Target::Latest));
    let verify_options = gardener_etcd_backup::VerifyOptions::default();
    check(gardener_etcd_backup::verify(&store, &verify_options));
    let backup = gardener_etcd_backup::Backup::new(etcd.clone(), store.clone());
    check(backup.full());
    check((etcd.status(), etcd.revision(), etcd.hash_kv(None)));
    let (snapshotter, handle) = Snapshotter::new(etcd.clone(), store.clone(), SnapshotterOptions::default());
    check((handle.full(false), handle.delta(), handle.stop()));
    check(snapshotter.run());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_even_when_etcd_is_gone() {
    for server in etcd::servers("a_stop_ends_even_when_etcd_is_gone") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let (store, client) = (memory(), source.client());
        let (handle, running) = start(&client, &store, options());
        handle.wait_for(|progress| progress.full.is_some()).await.unwrap();
        drop(source);
        handle.wait_for(|progress| progress.trouble.is_some()).await.unwrap();
        assert!(handle.stop().await.is_err());
        running.await.unwrap().unwrap();
    }
}
