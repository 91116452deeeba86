//! Object storage on other people's Cloud Storage: fake-gcs-server, which keeps preconditions, and gcp-storage-emulator, which
//! knows how far a broken upload got.
//!
//! What they cannot do, and so is tested on the sandbox alone: neither keeps access settings, lifecycle rules, retention
//! policies or soft deletion, so a second creation writes again; neither takes uploads through the XML API;
//! fake-gcs-server puts every bucket where it was told to at its start and ends an object when it is asked how far it is;
//! gcp-storage-emulator has no HEAD, no XML lists and no preconditions.

#![allow(clippy::unwrap_used, reason = "what fails in a test shall fail the test")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use gardener_provider_client::transport::{ReqwestTransport, Transport, TransportError, TransportErrorKind};
use gardener_provider_conformance::tools;
use gardener_provider_core::{
    BucketName, BucketRef, BucketSpec, DeletedObjects, ErrorKind, ObjectPrefix, ObjectStorage, Region,
    SecretData,
};
use gardener_provider_gcp::{
    GcpProvider, GcpProviderBuilder,
    api::storage::objects,
    endpoints::{Endpoints, Service},
};
use gardener_provider_sandbox::Sandbox;
use http::{Method, Request, Response};
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path};
use url::Url;

/// Where these servers put buckets.
const REGION: &str = "us-central1";

/// The objects are at the server; the tokens come from the sandbox, as neither server hands out any.
#[derive(Debug)]
struct Network {
    tokens: Sandbox,
    server: ReqwestTransport,
    /// How many replies to parts of uploads are lost on their way.
    losses: AtomicUsize,
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.uri().host() == Some("oauth2.googleapis.com") {
            return self.tokens.send(request).await;
        }
        let is_part = request.method() == Method::PUT && !request.body().is_empty();
        let reply = self.server.send(request).await?;
        let left = |left: usize| left.checked_sub(1);
        if is_part && self.losses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok() {
            return Err(TransportError::new(TransportErrorKind::Broken, "the reply is lost"));
        }
        Ok(reply)
    }
}

struct Account {
    network: Arc<Network>,
    endpoints: Endpoints,
    bucket: BucketRef,
}

impl Account {
    fn new(endpoint: &str, region: &str) -> Self {
        let tokens = Sandbox::default();
        let key = tokens.gcp().service_account_key().to_json();
        let secret = SecretData::new().with("serviceaccount.json", key.expose().clone());
        let network =
            Network { tokens, server: ReqwestTransport::new().unwrap(), losses: AtomicUsize::new(0) };
        let endpoints = Endpoints::public().with_service(Service::Storage, Url::parse(endpoint).unwrap());
        let name = BucketName::new("backup-elsewhere").unwrap();
        let bucket = BucketRef::new(name, Region::new(region).unwrap(), secret);
        Self { network: Arc::new(network), endpoints, bucket }
    }

    fn builder(&self) -> GcpProviderBuilder {
        let transport = Arc::clone(&self.network) as Arc<dyn Transport>;
        GcpProvider::builder().transport(transport).endpoints(self.endpoints.clone()).rates(Vec::new())
    }

    fn storage(&self) -> Arc<dyn ObjectStorage> {
        self.builder().build().unwrap().storage
    }

    fn spec(&self) -> BucketSpec {
        BucketSpec::new(self.bucket.name.clone(), self.bucket.region.clone())
    }

    async fn versions(&self) -> Vec<objects::Object> {
        let session = self.builder().sessions().unwrap().get(&self.bucket.secret).unwrap();
        let list = objects::list_versions(self.bucket.name.as_str(), "", None);
        session.run(&list).await.unwrap().items
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

async fn upload(store: &dyn ObjectStore, path: &Path, body: &[u8]) {
    let mut upload = store.put_multipart(path).await.unwrap();
    for chunk in body.chunks((1 << 20) + 77) {
        upload.put_part(chunk.to_vec().into()).await.unwrap();
    }
    upload.complete().await.unwrap();
}

#[tokio::test]
async fn a_bucket_lives_on_fake_gcs_server() {
    let Some(server) = tools::fake_gcs("a_bucket_lives_on_fake_gcs_server") else { return };
    let account = Account::new(&server.endpoint(), REGION);
    let (storage, bucket) = (account.storage(), &account.bucket);
    storage.delete_bucket(bucket).await.unwrap();
    storage.create_bucket(&account.spec(), &bucket.secret).await.unwrap();
    storage.create_bucket(&account.spec(), &bucket.secret).await.unwrap();
    let region = bucket.region.clone();
    let listed: Vec<_> = storage.list_buckets(region, bucket.secret.clone()).try_collect().await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&bucket.name));

    let store = storage.open(bucket).await.unwrap();
    for key in ["a/plain", "a/ü & +", "ab/sibling"] {
        store.put(&Path::parse(key).unwrap(), key.to_owned().into()).await.unwrap();
        let read = store.get(&Path::parse(key).unwrap()).await.unwrap().bytes().await.unwrap();
        assert_eq!(read, key.as_bytes());
    }
    let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let error = store.put_opts(&Path::from("a/plain"), "x".into(), once.clone()).await.unwrap_err();
    assert!(matches!(error, object_store::Error::AlreadyExists { .. }), "{error}");
    store.put_opts(&Path::from("a/new"), "x".into(), once).await.unwrap();
    let body = bytes((3 << 20) + 12_345);
    upload(&*store, &Path::from("a/large"), &body).await;
    let read = store.get(&Path::from("a/large")).await.unwrap().bytes().await.unwrap();
    assert!(read == body, "{} bytes came back", read.len());
    assert_eq!(store.get_range(&Path::from("a/large"), 250..260).await.unwrap(), body[250..260]);

    let prefix = ObjectPrefix::new("a").unwrap();
    assert_eq!(storage.delete_prefix(bucket, &prefix).await.unwrap(), DeletedObjects::new(4, 0));
    let left: Vec<_> = store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    assert_eq!(left, ["ab/sibling"]);
    storage.delete_bucket(bucket).await.unwrap();
    assert_eq!(storage.get_bucket(bucket).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_broken_upload_goes_on_at_gcp_storage_emulator() {
    let name = "a_broken_upload_goes_on_at_gcp_storage_emulator";
    let Some(server) = tools::gcs_emulator(name) else { return };
    let account = Account::new(&server.endpoint(), "us");
    let (storage, bucket) = (account.storage(), &account.bucket);
    storage.create_bucket(&account.spec(), &bucket.secret).await.unwrap();
    let store = storage.open(bucket).await.unwrap();
    let body = bytes((3 << 20) + 12_345);
    account.network.losses.store(3, Ordering::Relaxed);
    upload(&*store, &Path::from("etcd/broken"), &body).await;
    assert_eq!(account.network.losses.load(Ordering::Relaxed), 0, "the replies to three parts were lost");
    account.network.losses.store(0, Ordering::Relaxed);
    upload(&*store, &Path::from("etcd/smooth"), &body).await;
    let objects = account.versions().await;
    assert_eq!(objects.len(), 2);
    // The server computes the digest of what it has stored.
    assert_eq!(objects[0].size, body.len() as u64);
    assert_eq!((objects[0].size, &objects[0].md5_hash), (objects[1].size, &objects[1].md5_hash));
    let read = store.put(&Path::from("etcd/whole"), body.into()).await.unwrap();
    assert!(read.version.is_some());
    let objects = account.versions().await;
    let whole = objects.iter().find(|object| object.name == "etcd/whole").unwrap();
    assert_eq!(whole.md5_hash, objects[0].md5_hash);
    storage.delete_bucket(bucket).await.unwrap();
}
