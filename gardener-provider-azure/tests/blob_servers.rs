//! Blobs on other people's Blob storage: Azurite.
//!
//! It has no Resource Manager, so the account and container are made by hand here; it has no versions and no immutability
//! policies, which are tested on the sandbox alone. What it checks is the signature of every call.

#![allow(clippy::unwrap_used, reason = "what fails in a test shall fail the test")]

use std::sync::Arc;

use futures::TryStreamExt;
use gardener_provider_azure::{
    AzureProvider,
    endpoints::{Endpoints, Service},
};
use gardener_provider_client::transport::{ReqwestTransport, Transport};
use gardener_provider_conformance::tools::{self, Azurite, AzuriteOptions};
use gardener_provider_core::{
    BucketName, BucketRef, DeletedObjects, ErrorKind, ObjectPrefix, ObjectStorage, Region, SecretData,
};
use http::{HeaderValue, Request, header::CONTENT_LENGTH};
use object_store::{
    MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
    path::Path,
};
use url::Url;

const CONTAINER: &str = "backup-elsewhere";

fn secret(key: &str) -> SecretData {
    SecretData::new().with("storageAccount", Azurite::ACCOUNT).with("storageKey", key)
}

fn bucket(key: &str) -> BucketRef {
    let name = BucketName::new(CONTAINER).unwrap();
    BucketRef::new(name, Region::new("westeurope").unwrap(), secret(key))
}

fn storage(endpoint: &str) -> Arc<dyn ObjectStorage> {
    let endpoints = Endpoints::public().with_service(Service::Blob, Url::parse(endpoint).unwrap());
    AzureProvider::builder().endpoints(endpoints).rates(Vec::new()).build().unwrap().storage
}

/// What the Resource Manager does elsewhere.
async fn make_container(endpoint: &str) {
    let url = format!("{endpoint}/{}/{CONTAINER}?restype=container", Azurite::ACCOUNT);
    let mut request = Request::put(url).body(bytes::Bytes::new().into()).unwrap();
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    let key = AzureCredential::AccessKey(AzureAccessKey::try_new(Azurite::KEY).unwrap());
    AzureAuthorizer::new(&key, Azurite::ACCOUNT).try_authorize(&mut request).unwrap();
    let request = request.map(|_| bytes::Bytes::new());
    let reply = ReqwestTransport::new().unwrap().send(request).await.unwrap();
    assert_eq!(reply.status(), 201);
}

#[tokio::test]
async fn blobs_live_on_azurite() {
    let Some(server) = tools::azurite("blobs_live_on_azurite", &AzuriteOptions::default()) else { return };
    make_container(&server.endpoint()).await;
    let (storage, bucket) = (storage(&server.endpoint()), bucket(Azurite::KEY));
    let store = storage.open(&bucket).await.unwrap();
    for key in ["a/plain", "a/ü & +", "ab/sibling"] {
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
    assert_eq!(storage.delete_prefix(&bucket, &prefix).await.unwrap(), DeletedObjects::new(3, 0));
    assert_eq!(storage.delete_prefix(&bucket, &prefix).await.unwrap(), DeletedObjects::new(0, 0));
    let left: Vec<_> = store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    assert_eq!(left, ["ab/sibling"]);
    store.delete(&Path::from("ab/sibling")).await.unwrap();
}

#[tokio::test]
async fn azurite_refuses_a_wrong_key_and_knows_no_other_container() {
    let name = "azurite_refuses_a_wrong_key_and_knows_no_other_container";
    let Some(server) = tools::azurite(name, &AzuriteOptions::default()) else { return };
    let (storage, prefix) = (storage(&server.endpoint()), ObjectPrefix::new("a").unwrap());
    let error = storage.delete_prefix(&bucket("aHVudGVyMmh1bnRlcjI="), &prefix).await.unwrap_err();
    // Azure itself says AuthenticationFailed.
    assert_eq!(
        (error.kind(), error.cloud_code()),
        (ErrorKind::PermissionDenied, Some("AuthorizationFailure"))
    );
    assert!(!format!("{error} {error:?}").contains("aHVudGVy"), "{error:?}");
    let deleted = storage.delete_prefix(&bucket(Azurite::KEY), &prefix).await;
    assert_eq!(deleted.unwrap(), DeletedObjects::new(0, 0), "no bucket: success");
}
