//! Object storage on other people's S3: moto, and ministack, which checks names and checksums more strictly.

#![allow(clippy::unwrap_used, reason = "what fails in a test shall fail the test")]

use std::{path::Path as Folder, sync::Arc, time::Duration};

use futures::TryStreamExt;
use gardener_provider_aws::{AwsProvider, endpoints::Endpoints};
use gardener_provider_client::observe::CallStats;
use gardener_provider_conformance::tools::{self, MotoOptions};
use gardener_provider_core::{
    BucketName, BucketRef, BucketSpec, DeletedObjects, ErrorKind, ObjectPrefix, ObjectStorage, Region,
    Retention, RetentionMode, SecretData,
};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path};
use url::Url;

#[tokio::test]
async fn a_bucket_lives_on_ministack() {
    let data = Folder::new(env!("CARGO_TARGET_TMPDIR")).join("ministack");
    let Some(server) = tools::ministack("a_bucket_lives_on_ministack", &data) else { return };
    life(&server.endpoint(), true).await;
}

#[tokio::test]
async fn a_bucket_lives_on_moto() {
    let Some(server) = tools::moto("a_bucket_lives_on_moto", &MotoOptions::default()) else { return };
    life(&server.endpoint(), false).await;
}

struct Account {
    storage: Arc<dyn ObjectStorage>,
    calls: Arc<CallStats>,
    bucket: BucketRef,
}

impl Account {
    /// Creates the bucket twice; the second time there is nothing to do.
    async fn create(&self, spec: &BucketSpec) {
        self.storage.create_bucket(spec, &self.bucket.secret).await.unwrap();
        let changes = self.calls.mutating();
        let again = self.storage.create_bucket(spec, &self.bucket.secret).await.unwrap();
        assert_eq!(self.calls.mutating(), changes, "{:?}", self.calls.by_operation());
        assert_eq!(self.storage.get_bucket(&self.bucket).await.unwrap(), again);
        assert_eq!((again.versioning, again.retention), (true, spec.retention));
    }
}

/// `has_locks`: the server has object locks as S3 has them. moto gives one to empty buckets only, and takes no object into
/// it whose checksum comes without `x-amz-sdk-checksum-algorithm`, which only SDKs send.
async fn life(endpoint: &str, has_locks: bool) {
    let calls = Arc::new(CallStats::new());
    let endpoints = Endpoints::all_at(Url::parse(endpoint).unwrap());
    let builder = AwsProvider::builder().endpoints(endpoints).observer(Arc::clone(&calls) as _);
    let secret = SecretData::new().with("accessKeyID", "test").with("secretAccessKey", "te+st/=");
    let region = Region::new("eu-west-1").unwrap();
    let name = BucketName::new("backup-elsewhere").unwrap();
    let account = Account {
        storage: builder.rates(Vec::new()).build().unwrap().storage,
        calls,
        bucket: BucketRef::new(name.clone(), region.clone(), secret.clone()),
    };
    let (storage, bucket) = (&account.storage, &account.bucket);
    storage.delete_bucket(bucket).await.unwrap();

    let spec = BucketSpec::new(name.clone(), region.clone()).with_versioning(true);
    account.create(&spec).await;
    let listed: Vec<_> = storage.list_buckets(region, secret).try_collect().await.unwrap();
    assert!(listed.contains(&name));
    let store = storage.open(bucket).await.unwrap();
    write(&*store).await;
    let prefix = ObjectPrefix::new("a").unwrap();
    assert_eq!(storage.delete_prefix(bucket, &prefix).await.unwrap(), DeletedObjects::new(4, 0));
    let left: Vec<_> = store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    assert_eq!(left, ["ab/sibling"]);

    if !has_locks {
        storage.delete_bucket(bucket).await.unwrap();
        assert_eq!(storage.get_bucket(bucket).await.unwrap_err().kind(), ErrorKind::NotFound);
        return;
    }
    let day = Retention::new(Duration::from_hours(24), RetentionMode::Governance);
    account.create(&spec.with_retention(day)).await;
    store.put(&Path::from("a/locked"), "x".into()).await.unwrap();
    assert_eq!(storage.delete_prefix(bucket, &prefix).await.unwrap(), DeletedObjects::new(0, 1));
    let error = storage.delete_bucket(bucket).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
}

async fn write(store: &dyn ObjectStore) {
    for key in ["a/plain", "a/ü & +", "a/plain", "ab/sibling"] {
        store.put(&Path::parse(key).unwrap(), key.to_owned().into()).await.unwrap();
    }
    let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let error = store.put_opts(&Path::from("a/plain"), "x".into(), once).await.unwrap_err();
    assert!(matches!(error, object_store::Error::AlreadyExists { .. }), "{error}");
    let mut upload = store.put_multipart(&Path::from("a/large")).await.unwrap();
    upload.put_part(vec![1; 5 << 20].into()).await.unwrap();
    upload.put_part("rest".into()).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(store.head(&Path::from("a/large")).await.unwrap().size, (5 << 20) + 4);
}
