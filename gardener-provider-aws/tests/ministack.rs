//! Object storage on ministack, whose S3 checks names and checksums more strictly than moto's.

#![allow(clippy::unwrap_used, reason = "what fails in a test shall fail the test")]

use std::{path::Path as Folder, sync::Arc};

use futures::TryStreamExt;
use gardener_provider_aws::{AwsProvider, endpoints::Endpoints};
use gardener_provider_client::observe::CallStats;
use gardener_provider_conformance::tools;
use gardener_provider_core::{
    BucketName, BucketRef, BucketSpec, DeletedObjects, ErrorKind, ObjectPrefix, Region, SecretData,
};
use object_store::{ObjectStoreExt, PutMode, PutOptions, path::Path};
use url::Url;

#[tokio::test]
async fn a_bucket_lives_on_ministack() {
    let data = Folder::new(env!("CARGO_TARGET_TMPDIR")).join("ministack");
    let Some(server) = tools::ministack("a_bucket_lives_on_ministack", &data) else { return };
    let calls = Arc::new(CallStats::new());
    let endpoints = Endpoints::all_at(Url::parse(&server.endpoint()).unwrap());
    let builder = AwsProvider::builder().endpoints(endpoints).observer(Arc::clone(&calls) as _);
    let storage = builder.rates(Vec::new()).build().unwrap().storage;
    let secret = SecretData::new().with("accessKeyID", "test").with("secretAccessKey", "te+st/=");
    let region = Region::new("eu-west-1").unwrap();
    let name = BucketName::new("backup-on-ministack").unwrap();
    let spec = BucketSpec::new(name.clone(), region.clone()).with_versioning(true);
    let bucket = BucketRef::new(name.clone(), region.clone(), secret.clone());
    storage.delete_bucket(&bucket).await.unwrap();

    storage.create_bucket(&spec, &secret).await.unwrap();
    let changes = calls.mutating();
    assert!(storage.create_bucket(&spec, &secret).await.unwrap().versioning);
    assert_eq!(calls.mutating(), changes, "{:?}", calls.by_operation());
    let listed: Vec<_> = storage.list_buckets(region, secret).try_collect().await.unwrap();
    assert!(listed.contains(&name));

    let store = storage.open(&bucket).await.unwrap();
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

    let prefix = ObjectPrefix::new("a").unwrap();
    assert_eq!(storage.delete_prefix(&bucket, &prefix).await.unwrap(), DeletedObjects::new(4, 0));
    let left: Vec<_> = store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    assert_eq!(left, ["ab/sibling"]);
    storage.delete_bucket(&bucket).await.unwrap();
    assert_eq!(storage.get_bucket(&bucket).await.unwrap_err().kind(), ErrorKind::NotFound);
}
