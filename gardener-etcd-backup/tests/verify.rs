//! What `verify` says of good and of broken backups.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{etcd_34, etcd_35, put};
use gardener_etcd_backup::{
    Compression, RestoreOptions, Store, Target, VerifyOptions, VerifyReport, hash_kv_of_file, plan, restore,
    verify,
};
use gardener_provider_core::ErrorKind;
use object_store::{ObjectStoreExt, memory::InMemory};
use sha2::{Digest, Sha256};
use std::sync::Arc;

async fn verified(store: &Store, options: VerifyOptions) -> VerifyReport {
    verify(store, &options).await.unwrap()
}

#[tokio::test]
async fn the_fixtures_verify_to_the_hash_of_the_live_cluster() {
    for fixture in [etcd_35(), etcd_34()] {
        let store = fixture.store(6, Compression::Gzip).await;
        let report = verified(&store, VerifyOptions::default()).await;
        assert!(report.is_sound(), "{report:?}");
        assert_eq!((report.hash.hash, report.hash.revision), (fixture.hash, fixture.revision));
        assert_eq!(report.good, 7);
    }
}

#[tokio::test]
async fn the_hash_at_a_revision_is_that_of_a_restore_to_it() {
    let fixture = etcd_35();
    let store = fixture.store(5, Compression::None).await;
    let place = tempfile::tempdir().unwrap();
    for revision in [12, 13, 100, 200, 324] {
        let options = RestoreOptions::default().with_target(Target::Revision(revision));
        let data_dir = place.path().join(revision.to_string());
        restore(&store, &data_dir, &options).await.unwrap();
        let options = VerifyOptions::default().with_target(Target::Revision(revision));
        assert_eq!(verified(&store, options).await.hash, hash_kv_of_file(&data_dir, None).unwrap());
    }
}

#[tokio::test]
async fn a_missing_delta_is_noticed_by_what_the_names_promise() {
    let store = etcd_35().store(5, Compression::Gzip).await;
    let chain = plan(&store, Target::Latest).await.unwrap();
    store.objects().delete(&chain.deltas[2].path).await.unwrap();
    let report = verified(&store, VerifyOptions::default()).await;
    assert!(!report.is_sound());
    assert_eq!((report.hash.revision, report.promised), (chain.deltas[1].name.last, 324));
    assert!(report.remarks[0].contains("are missing before"), "{:?}", report.remarks);
}

#[tokio::test]
async fn a_broken_snapshot_outside_the_chain_is_found_when_everything_is_read() {
    let fixture = etcd_35();
    let store = fixture.store(5, Compression::Gzip).await;
    put(&store, &"Full-00000000-00000003-900.gz".parse().unwrap(), b"far too short").await;
    assert!(verified(&store, VerifyOptions::default()).await.is_sound());
    let report = verified(&store, VerifyOptions::default().with_everything(true)).await;
    assert_eq!((report.unusable.len(), report.good), (1, 6), "{report:?}");
}

#[tokio::test]
async fn a_damaged_page_behind_a_right_hash_is_found_and_gone_around() {
    let fixture = etcd_35();
    let store = fixture.store(3, Compression::Gzip).await;
    // The newest full has leaves whose elements reach outside, and a hash that fits.
    let mut bytes = fixture.full.clone();
    let body = bytes.len() - 32;
    for page in (8192..body).step_by(4096).filter(|at| fixture.full[at + 8] == 2) {
        bytes[page + 16 + 6] ^= 0x55;
    }
    let hash = Sha256::digest(&bytes[..body]);
    bytes[body..].copy_from_slice(&hash);
    put(&store, &"Full-00000000-00000324-9000.gz".parse().unwrap(), &bytes).await;
    let report = verified(&store, VerifyOptions::default()).await;
    assert_eq!((report.hash.hash, report.unusable.len()), (fixture.hash, 1), "{report:?}");
    let place = tempfile::tempdir().unwrap();
    let data_dir = place.path().join("etcd");
    let restored = restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
    assert_eq!(restored.unusable.len(), 1);
    assert_eq!(hash_kv_of_file(&data_dir, None).unwrap().hash, fixture.hash);
}

#[tokio::test]
async fn a_full_that_holds_less_than_its_name_says_is_not_used() {
    let fixture = etcd_35();
    let store = fixture.store(3, Compression::Gzip).await;
    put(&store, &"Full-00000000-00000324-9000.gz".parse().unwrap(), &fixture.full).await;
    let report = verified(&store, VerifyOptions::default()).await;
    assert_eq!((report.hash.hash, report.unusable.len()), (fixture.hash, 1), "{report:?}");
}

#[tokio::test]
async fn an_empty_store_is_an_error() {
    let store = Store::new(Arc::new(InMemory::new()), "p").unwrap();
    assert_eq!(verify(&store, &VerifyOptions::default()).await.unwrap_err().kind(), ErrorKind::NotFound);
}
