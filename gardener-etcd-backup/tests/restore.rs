//! Restores of what real etcd servers wrote, against the hash that the live servers had.

mod common;

use common::{etcd_34, etcd_35, put};
use gardener_etcd_backup::{
    Compression, InitialCluster, RestoreOptions, Store, Target, hash_kv_of_file, plan, restore,
};
use gardener_provider_core::ErrorKind;
use object_store::{ObjectStoreExt, memory::InMemory};
use std::{fs, sync::Arc};

#[tokio::test]
async fn fixtures_restore_to_the_hash_of_the_live_cluster() {
    for fixture in [etcd_35(), etcd_34()] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zlib, Compression::Lzw] {
            for deltas in [1, 7] {
                let place = tempfile::tempdir().unwrap();
                let data_dir = place.path().join("default.etcd");
                let store = fixture.store(deltas, compression).await;
                let report = restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
                assert!(report.is_complete());
                assert_eq!(report.revision, fixture.revision);
                let hash = hash_kv_of_file(&data_dir, None).unwrap();
                assert_eq!((hash.hash, hash.revision), (fixture.hash, fixture.revision), "{compression}");
                let left: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
                assert_eq!(left.len(), 1, "only the data directory is left");
            }
        }
    }
}

#[tokio::test]
async fn a_restore_to_a_revision_equals_the_hash_at_that_revision() {
    let fixture = etcd_35();
    let store = fixture.store(5, Compression::Gzip).await;
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    restore(&store, &whole, &RestoreOptions::default()).await.unwrap();
    for revision in [12, 13, 74, 75, 200, 323, 324] {
        let data_dir = place.path().join(revision.to_string());
        let options = RestoreOptions::default().with_target(Target::Revision(revision));
        let report = restore(&store, &data_dir, &options).await.unwrap();
        assert_eq!(report.revision, revision);
        let expected = hash_kv_of_file(&whole, Some(revision)).unwrap();
        assert_eq!(hash_kv_of_file(&data_dir, None).unwrap(), expected, "revision {revision}");
    }
}

#[tokio::test]
async fn a_directory_with_content_is_not_touched() {
    let place = tempfile::tempdir().unwrap();
    let data_dir = place.path().join("etcd");
    fs::create_dir(&data_dir).unwrap();
    fs::write(data_dir.join("precious"), "x").unwrap();
    let store = etcd_34().store(1, Compression::None).await;
    let error = restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
    assert_eq!(fs::read(data_dir.join("precious")).unwrap(), b"x");
    assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 1);
}

#[tokio::test]
async fn an_empty_directory_is_filled_and_an_empty_bucket_touches_nothing() {
    let place = tempfile::tempdir().unwrap();
    let data_dir = place.path().join("etcd");
    fs::create_dir(&data_dir).unwrap();
    let empty = Store::new(Arc::new(InMemory::new()), common::PREFIX).unwrap();
    let error = restore(&empty, &data_dir, &RestoreOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(fs::read_dir(&data_dir).unwrap().next().is_none());
    let store = etcd_34().store(1, Compression::None).await;
    restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
    assert!(data_dir.join("member/snap/db").is_file());
}

#[tokio::test]
async fn a_damaged_newest_full_falls_back_and_says_so() {
    let fixture = etcd_35();
    let store = fixture.store(4, Compression::Gzip).await;
    let newest = "Full-00000000-00000200-3000.gz".parse().unwrap();
    put(&store, &newest, b"not a database at all, but long enough to carry a hash").await;
    let place = tempfile::tempdir().unwrap();
    let report = restore(&store, &place.path().join("a"), &RestoreOptions::default()).await.unwrap();
    assert_eq!(report.revision, 324);
    assert_eq!(report.unusable.len(), 1);
    assert!(report.unusable[0].contains("Full-00000000-00000200-3000.gz"), "{:?}", report.unusable);
    let strict = RestoreOptions::default().with_fall_back(false);
    let error = restore(&store, &place.path().join("b"), &strict).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DataLoss);
    assert!(!place.path().join("b").exists());
}

#[tokio::test]
async fn a_damaged_delta_ends_the_restore_before_it_and_says_so() {
    let fixture = etcd_35();
    let store = fixture.store(4, Compression::Gzip).await;
    let chain = plan(&store, Target::Latest).await.unwrap();
    store.objects().put(&chain.deltas[2].path, "short".into()).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let data_dir = place.path().join("a");
    let report = restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
    assert_eq!(report.revision, chain.deltas[1].name.last);
    assert!(!report.is_complete());
    assert_eq!(hash_kv_of_file(&data_dir, None).unwrap().revision, report.revision);
}

#[tokio::test]
async fn every_member_of_a_cluster_gets_its_own_log_over_the_same_data() {
    let store = etcd_35().store(2, Compression::Gzip).await;
    let cluster = InitialCluster::parse("a=http://h1:2380,b=http://h2:2380", "token").unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut logs = Vec::new();
    for name in ["a", "b"] {
        let data_dir = place.path().join(name);
        let options = RestoreOptions::default().with_cluster(cluster.clone(), name);
        restore(&store, &data_dir, &options).await.unwrap();
        assert_eq!(hash_kv_of_file(&data_dir, None).unwrap().hash, 425_755_438);
        logs.push(fs::read(data_dir.join("member/wal/0000000000000000-0000000000000000.wal")).unwrap());
    }
    assert_ne!(logs[0], logs[1]);
    let options = RestoreOptions::default().with_cluster(cluster, "c");
    let error = restore(&store, &place.path().join("c"), &options).await.unwrap_err();
    assert!(error.to_string().contains("member"), "{error}");
}

#[tokio::test]
async fn what_an_interrupted_restore_left_is_cleared() {
    let store = etcd_34().store(1, Compression::None).await;
    let place = tempfile::tempdir().unwrap();
    let part = place.path().join("etcd.part");
    fs::create_dir_all(part.join("data/member/snap")).unwrap();
    fs::write(part.join("data/member/snap/db"), "half").unwrap();
    fs::write(part.join("restore.lock"), "").unwrap();
    restore(&store, &place.path().join("etcd"), &RestoreOptions::default()).await.unwrap();
    assert!(!part.exists());
    // Somebody else's directory of that name is not ours to clear.
    fs::create_dir(&part).unwrap();
    fs::write(part.join("mine"), "x").unwrap();
    let error = restore(&store, &place.path().join("etcd"), &RestoreOptions::default()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::FailedPrecondition);
    let error = restore(&store, &place.path().join("etcd2"), &RestoreOptions::default()).await;
    error.unwrap();
    assert!(part.join("mine").exists());
}
