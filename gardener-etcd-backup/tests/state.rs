//! Looking into backups, copying and compacting them; and restores that bump the revision.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
#[path = "common/etcd.rs"]
mod etcd;

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use common::{PREFIX, etcd_35};
use gardener_etcd_backup::{
    Backup, BackupState, Compression, InitialCluster, KeyChange, KeyRecord, LeasePolicy, RestoreOptions,
    Store, Target, VerifyOptions, copy, hash_kv_of_file, restore, verify,
};
use gardener_provider_core::ErrorKind;
use object_store::memory::InMemory;

fn memory() -> Store {
    Store::new(Arc::new(InMemory::new()), PREFIX).unwrap()
}

async fn state(store: &Store, target: Target) -> BackupState {
    BackupState::open(store, target, &std::env::temp_dir()).await.unwrap()
}

fn all(state: &BackupState) -> BTreeMap<Vec<u8>, KeyRecord> {
    let mut keys = BTreeMap::new();
    state
        .keys(b"", |record| {
            assert!(keys.insert(record.key.to_vec(), record).is_none(), "a key came twice");
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    keys
}

#[tokio::test]
async fn the_changes_between_two_revisions_lead_from_one_to_the_other() {
    let store = etcd_35().store(4, Compression::Gzip).await;
    let now = state(&store, Target::Latest).await;
    assert_eq!(now.revision(), 324);
    for since in [12, 13, 50, 200, 323, 324] {
        let before = state(&store, Target::Revision(since)).await;
        let mut replayed = all(&before);
        for change in now.changes(since, b"").unwrap() {
            let key = change.record().key.to_vec();
            match change {
                KeyChange::Created(record) => assert!(replayed.insert(key, record).is_none()),
                KeyChange::Modified(record) => assert!(replayed.insert(key, record).is_some()),
                KeyChange::Deleted(record) => assert_eq!(replayed.remove(&key), Some(record)),
                _ => unreachable!("no other change"),
            }
        }
        assert_eq!(replayed, all(&now), "since {since}");
    }
    assert!(now.changes(324, b"").unwrap().is_empty());
    assert_eq!(now.changes(2, b"").unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn single_keys_are_those_of_the_list() {
    let store = etcd_35().store(2, Compression::None).await;
    let state = state(&store, Target::Latest).await;
    let keys = all(&state);
    assert!(keys.len() > 5);
    for (key, record) in &keys {
        assert_eq!(state.get(key).unwrap().as_ref(), Some(record));
    }
    assert_eq!(state.get(b"no such key").unwrap(), None);
    let line = serde_json::to_string(keys.values().next().unwrap()).unwrap();
    assert!(line.starts_with(r#"{"key":""#) && line.contains(r#""mod_revision":"#), "{line}");
}

#[tokio::test]
async fn a_copy_verifies_to_the_same_hash_and_is_not_copied_twice() {
    let (from, to) = (etcd_35().store(4, Compression::Zlib).await, memory());
    assert_eq!(copy(&from, &to, Target::Latest).await.unwrap().len(), 5);
    let options = VerifyOptions::default();
    assert_eq!(verify(&to, &options).await.unwrap().hash, verify(&from, &options).await.unwrap().hash);
    assert!(copy(&from, &to, Target::Latest).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_compacted_chain_has_the_same_hash_and_the_same_keys() {
    let fixture = etcd_35();
    let store = fixture.store(4, Compression::Gzip).await;
    let before = state(&store, Target::Latest).await;
    for drop_history in [false, true] {
        let target = memory();
        let temporary = std::env::temp_dir();
        let full = before.write_full(&target, Compression::Gzip, drop_history, &temporary).await.unwrap();
        assert_eq!((full.name.last, full.name.start), (324, 0));
        let after = state(&target, Target::Latest).await;
        assert_eq!(all(&after), all(&before));
        let report = verify(&target, &VerifyOptions::default()).await.unwrap();
        assert!(report.is_sound());
        assert_eq!(report.hash.revision, 324);
        assert_eq!(report.hash.hash == fixture.hash, !drop_history);
        assert_eq!(report.hash.compact_revision, if drop_history { 324 } else { 6 });
    }
}

#[tokio::test]
async fn stripped_leases_are_gone_from_every_key() {
    let store = etcd_35().store(2, Compression::Gzip).await;
    let leased =
        all(&state(&store, Target::Latest).await).values().filter(|record| record.lease != 0).count();
    assert!(leased > 0, "the fixture has keys with leases");
    let place = tempfile::tempdir().unwrap();
    let data_dir = place.path().join("etcd");
    let options = RestoreOptions::default().with_leases(LeasePolicy::Strip);
    restore(&store, &data_dir, &options).await.unwrap();
    assert_ne!(hash_kv_of_file(&data_dir, None).unwrap().hash, 425_755_438);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_without_history_equals_what_etcd_compacts_to() {
    for server in etcd::servers("a_chain_without_history_equals_what_etcd_compacts_to") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        source.writer().variety(15).await;
        let (store, compacted) = (memory(), memory());
        Backup::new(source.client(), store.clone()).full().await.unwrap();
        let state = state(&store, Target::Latest).await;
        state.write_full(&compacted, Compression::Gzip, true, place.path()).await.unwrap();
        source.writer().compact(state.revision()).await;
        let expected = source.client().hash_kv(None).await.unwrap();
        let found = verify(&compacted, &VerifyOptions::default()).await.unwrap().hash;
        assert_eq!((found.hash, found.compact_revision), (expected.hash, expected.compact_revision));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bumped_etcd_begins_later_and_has_compacted_everything_before() {
    for server in etcd::servers("a_bumped_etcd_begins_later_and_has_compacted_everything_before") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        source.writer().variety(10).await;
        let store = memory();
        Backup::new(source.client(), store.clone()).full().await.unwrap();
        let data_dir = place.path().join("restored");
        let peer = format!("http://127.0.0.1:{}", etcd::free_port());
        let cluster = InitialCluster::single("default", peer.clone());
        let options =
            RestoreOptions::default().with_cluster(cluster, "default").with_bump_revision(1_000_000);
        let report = restore(&store, &data_dir, &options).await.unwrap();
        assert_eq!(report.etcd_revision, report.revision + 1_000_000);
        let list = format!("default={peer}");
        let flags = ["--initial-cluster", &list, "--listen-peer-urls", &peer];
        let flags = [&flags[..], &["--initial-advertise-peer-urls", &peer]].concat();
        let restored = server.start_with(&data_dir, &flags);
        let client = restored.client();
        assert_eq!(client.revision().await.unwrap(), report.etcd_revision);
        let error = client.hash_kv(Some(report.revision)).await.unwrap_err();
        assert!(error.to_string().contains("compacted"), "{error}");
        let next = restored.writer().put(b"/after", b"x", 0).await;
        assert_eq!(next, report.etcd_revision + 1);
        // A backup of the bumped cluster is as good as any.
        let again = memory();
        Backup::new(client.clone(), again.clone()).full().await.unwrap();
        let found = verify(&again, &VerifyOptions::default()).await.unwrap();
        assert_eq!(found.hash.hash, client.hash_kv(None).await.unwrap().hash);
        assert_eq!(state(&again, Target::Latest).await.get(b"/after").unwrap().unwrap().mod_revision, next);
    }
}
