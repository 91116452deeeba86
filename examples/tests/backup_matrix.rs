//! The etcd backup through every provider's own object storage: what a real etcd holds comes back from each, whatever the
//! compression, from fulls alone and from fulls with deltas.
//!
//! Buckets are made by the providers and opened by them, so their credentials, transports and conditional writes are what
//! a Seed would use: on moto and ministack (S3), Azurite and fake-gcs-server, and in a directory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../gardener-etcd-backup/tests/common/etcd.rs"]
mod etcd;

use std::{fmt, path::Path, sync::Arc, time::Duration};

use gardener_etcd_backup::{
    Backup, Compression, RestoreOptions, Snapshotter, SnapshotterOptions, Store, VerifyOptions,
    compare_hash_kv, hash_kv_of_file, restore, verify,
};
use gardener_provider_aws::{AwsProvider, endpoints::Endpoints};
use gardener_provider_conformance::tools;
use gardener_provider_core::{BucketName, BucketRef, BucketSpec, Region, SecretData};
use gardener_provider_examples::{
    args::{Args, Target},
    lab::Lab,
};
use object_store::{ObjectStore, local::LocalFileSystem};

const TEST: &str = "every_store_gives_back_what_etcd_held";
const COMPRESSIONS: [Compression; 4] =
    [Compression::None, Compression::Gzip, Compression::Zlib, Compression::Lzw];

/// A place for backups, with the servers that are behind it.
struct Place {
    name: &'static str,
    objects: Arc<dyn ObjectStore>,
    _behind: Box<dyn fmt::Debug>,
}

async fn of_lab(name: &'static str, cloud: &str, target: Target) -> Place {
    let args = Args { cloud: cloud.to_owned(), target, yes: false };
    let lab = Lab::new(cloud, &args).unwrap();
    let bucket = lab.bucket_name().unwrap();
    let spec = BucketSpec::new(bucket.clone(), lab.region.clone());
    let made = lab.provider.storage.create_bucket(&spec, &lab.secret).await.unwrap();
    let bucket = lab.bucket(bucket, &made.generated_secret);
    let objects = lab.provider.storage.open(&bucket).await.unwrap();
    Place { name, objects, _behind: Box::new(lab) }
}

async fn on_ministack(data: &Path) -> Option<Place> {
    let server = tools::ministack(TEST, data)?;
    let endpoints = Endpoints::all_at(server.endpoint().parse().unwrap());
    let provider = AwsProvider::builder().endpoints(endpoints).build().unwrap();
    let secret = SecretData::new().with("accessKeyID", "test").with("secretAccessKey", "test");
    let (name, region) = (BucketName::new("backups").unwrap(), Region::new("us-east-1").unwrap());
    provider.storage.create_bucket(&BucketSpec::new(name.clone(), region.clone()), &secret).await.unwrap();
    let objects = provider.storage.open(&BucketRef::new(name, region, secret)).await.unwrap();
    Some(Place { name: "S3 on ministack", objects, _behind: Box::new(server) })
}

async fn places(data: &Path) -> Vec<Place> {
    let directory = data.join("bucket");
    std::fs::create_dir_all(&directory).unwrap();
    let objects = Arc::new(LocalFileSystem::new_with_prefix(&directory).unwrap());
    let mut places = vec![Place { name: "a directory", objects, _behind: Box::new(()) }];
    if tools::tool(TEST, tools::MOTO).is_some() {
        places.push(of_lab("S3 on moto", "aws", Target::Emulator).await);
    }
    places.extend(on_ministack(data).await);
    if tools::tool(TEST, tools::AZURITE).is_some() {
        places.push(of_lab("blobs on Azurite", "azure", Target::Sandbox).await);
    }
    if tools::tool(TEST, tools::FAKE_GCS).is_some() {
        places.push(of_lab("fake-gcs-server", "gcp", Target::Sandbox).await);
    }
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn every_store_gives_back_what_etcd_held() {
    let servers = etcd::servers(TEST);
    if servers.is_empty() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let mut equal = 0;
    for place in places(data.path()).await {
        let before = equal;
        for server in &servers {
            let source = server.start(&data.path().join(format!("{}-{}", place.name, server.version)));
            source.writer().variety(6).await;
            for compression in COMPRESSIONS {
                let cell = Cell { place: &place, server, source: &source, compression, data: data.path() };
                cell.full().await;
                cell.full_and_deltas().await;
                equal += 2;
            }
        }
        println!("{}: {} restores with an equal HashKV", place.name, equal - before);
    }
    println!("{equal} restores with an equal HashKV");
    assert!(equal > 0);
}

struct Cell<'a> {
    place: &'a Place,
    server: &'a etcd::Server,
    source: &'a etcd::Running,
    compression: Compression,
    data: &'a Path,
}

impl Cell<'_> {
    fn store(&self, what: &str) -> Store {
        let prefix = format!("shoot--{what}/{}/{}", self.server.version, self.compression);
        Store::new(Arc::clone(&self.place.objects), &prefix).unwrap()
    }

    async fn full(&self) {
        let store = self.store("full");
        let backup = Backup::new(self.source.client(), store.clone()).with_compression(self.compression);
        backup.full().await.unwrap();
        self.judge(&store).await;
    }

    async fn full_and_deltas(&self) {
        let (store, client) = (self.store("deltas"), self.source.client());
        let options = SnapshotterOptions::default()
            .with_compression(self.compression)
            .with_deltas(Duration::from_millis(100), 8 << 10);
        let (snapshotter, handle) = Snapshotter::new(client, store.clone(), options);
        let running = tokio::spawn(snapshotter.run());
        handle.wait_for(|progress| progress.full.is_some()).await.unwrap();
        self.source.writer().variety(6).await;
        handle.stop().await.unwrap();
        running.await.unwrap().unwrap();
        assert!(handle.progress().deltas > 0, "{}", self.place.name);
        self.judge(&store).await;
    }

    /// The restored data and the verification both have the hash of the living etcd.
    async fn judge(&self, store: &Store) {
        let expected = self.source.client().hash_kv(None).await.unwrap();
        let directory = tempfile::tempdir_in(self.data).unwrap();
        let data_dir = directory.path().join("etcd");
        let report = restore(store, &data_dir, &RestoreOptions::default()).await.unwrap();
        assert!(report.is_complete(), "{}: {report:?}", self.place.name);
        compare_hash_kv(expected, hash_kv_of_file(&data_dir, None).unwrap()).unwrap();
        let verified = verify(store, &VerifyOptions::default()).await.unwrap();
        assert!(verified.is_sound(), "{}: {verified:?}", self.place.name);
        compare_hash_kv(expected, verified.hash).unwrap();
    }
}
