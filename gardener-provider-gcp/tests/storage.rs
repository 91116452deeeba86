//! Object storage on the embedded sandbox: settings, drift, interruption, retention, deletion, uploads.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{TryStreamExt, future::try_join_all};
use gardener_provider_client::{clock::TokioClock, retry::RetryPolicy};
use gardener_provider_core::{
    Bucket, BucketName, BucketRef, BucketSpec, DeletedObjects, Encryption, Error, ErrorKind, ObjectPrefix,
    ObjectStorage, Region, Retention, RetentionMode, SecretData,
};
use gardener_provider_gcp::{
    GcpProvider, GcpProviderBuilder,
    api::storage::{buckets, objects},
    session::Session,
};
use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions};
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path,
};
use serde_json::json;

const NAME: &str = "backup-0";
const DAY: Duration = Duration::from_secs(86_400);

struct Cloud {
    sandbox: Sandbox,
    clock: TokioClock,
    secret: SecretData,
}

impl Cloud {
    fn new() -> Self {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(SandboxOptions::instant().with_clock(Arc::new(clock)));
        let key = sandbox.gcp().service_account_key().to_json();
        let secret = SecretData::new().with("serviceaccount.json", key.expose().clone());
        Self { sandbox, clock, secret }
    }

    fn builder(&self) -> GcpProviderBuilder {
        GcpProvider::builder().transport(Arc::new(self.sandbox.clone())).clock(Arc::new(self.clock)).seed(1)
    }

    fn storage(&self) -> Arc<dyn ObjectStorage> {
        self.builder().build().unwrap().storage
    }

    /// A driver that gives up at the first failure.
    fn impatient(&self) -> Arc<dyn ObjectStorage> {
        self.builder().retry(RetryPolicy::none()).build().unwrap().storage
    }

    fn session(&self) -> Arc<Session> {
        self.builder().sessions().unwrap().get(&self.secret).unwrap()
    }

    fn bucket(&self) -> BucketRef {
        BucketRef::new(name(), region(), self.secret.clone())
    }

    async fn create(&self, spec: &BucketSpec) -> Result<Bucket, Error> {
        self.storage().create_bucket(spec, &self.secret).await
    }

    async fn open(&self) -> Arc<dyn ObjectStore> {
        self.storage().open(&self.bucket()).await.unwrap()
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<DeletedObjects, Error> {
        self.storage().delete_prefix(&self.bucket(), &ObjectPrefix::new(prefix).unwrap()).await
    }

    /// The operations of the calls that changed something since the last time this was asked.
    fn changes(&self) -> Vec<String> {
        let calls = self.sandbox.journal().mutating_calls();
        self.sandbox.journal().clear();
        calls.into_iter().map(|call| call.operation).filter(|operation| operation != "token").collect()
    }

    async fn settings(&self) -> buckets::Bucket {
        self.session().run(&buckets::get(NAME)).await.unwrap()
    }

    async fn versions(&self) -> Vec<objects::Object> {
        self.session().run(&objects::list_versions(NAME, "", None)).await.unwrap().items
    }

    fn buckets(&self) -> usize {
        self.sandbox.gcp().inventory(None).iter().filter(|resource| resource.kind == "bucket").count()
    }
}

fn region() -> Region {
    Region::new("europe-west1").unwrap()
}

fn name() -> BucketName {
    BucketName::new(NAME).unwrap()
}

fn spec() -> BucketSpec {
    BucketSpec::new(name(), region())
}

fn days(days: u32, mode: RetentionMode) -> Retention {
    Retention::new(DAY * days, mode)
}

async fn put(store: &dyn ObjectStore, keys: &[&str]) {
    for key in keys {
        store.put(&Path::from(*key), Bytes::from((*key).to_owned()).into()).await.unwrap();
    }
}

async fn keys(store: &dyn ObjectStore) -> Vec<String> {
    let mut keys: Vec<_> =
        store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    keys.sort();
    keys
}

#[tokio::test(start_paused = true)]
async fn a_new_bucket_is_private_from_its_first_moment() {
    let cloud = Cloud::new();
    let bucket = cloud.create(&spec()).await.unwrap();
    assert_eq!((bucket.name, bucket.region), (name(), region()));
    assert_eq!(cloud.changes(), ["buckets.insert"]);
    let there = cloud.settings().await;
    assert!(there.iam_configuration.uniform_bucket_level_access.enabled);
    assert_eq!(there.iam_configuration.public_access_prevention.as_deref(), Some("enforced"));
    assert_eq!(there.soft_delete_policy.unwrap().retention_duration_seconds, Some(0));
    assert_eq!(there.location, "EUROPE-WEST1");
    let rules = json!([
        { "action": { "type": "AbortIncompleteMultipartUpload" }, "condition": { "age": 7 } },
        { "action": { "type": "Delete" }, "condition": { "daysSinceCustomTime": 1 } },
    ]);
    assert_eq!(json!(there.lifecycle.rule), rules);
}

#[tokio::test(start_paused = true)]
async fn a_second_creation_changes_nothing() {
    for spec in [
        spec(),
        spec().with_versioning(true),
        spec().with_encryption(Encryption::Key("projects/p/locations/l/keyRings/r/cryptoKeys/k".to_owned())),
        spec().with_retention(days(3, RetentionMode::Compliance)),
    ] {
        let cloud = Cloud::new();
        let created = cloud.create(&spec).await.unwrap();
        assert!(!cloud.changes().is_empty());
        assert_eq!(cloud.create(&spec).await.unwrap(), created);
        assert_eq!(cloud.changes(), Vec::<String>::new(), "{spec:?}");
        assert_eq!(cloud.storage().get_bucket(&cloud.bucket()).await.unwrap(), created);
    }
}

#[tokio::test(start_paused = true)]
async fn drift_is_corrected_in_one_call_and_rules_of_others_stay() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    let foreign = json!({ "action": { "type": "Delete" }, "condition": { "age": 365, "isLive": false } });
    let drift = json!({
        "iamConfiguration": { "publicAccessPrevention": "inherited" },
        "lifecycle": { "rule": [foreign] },
        "labels": { "team": "theirs" },
    });
    let there = cloud.settings().await;
    let patch = buckets::patch(NAME, there.metageneration, drift.as_object().unwrap());
    cloud.session().run(&patch).await.unwrap();
    cloud.changes();
    cloud.create(&spec()).await.unwrap();
    assert_eq!(cloud.changes(), ["buckets.patch"]);
    let there = cloud.settings().await;
    assert_eq!(there.iam_configuration.public_access_prevention.as_deref(), Some("enforced"));
    assert_eq!((there.lifecycle.rule.len(), &there.lifecycle.rule[0]), (3, &foreign));
}

#[tokio::test(start_paused = true)]
async fn a_change_by_somebody_else_meanwhile_is_looked_at_again() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    cloud.sandbox.faults().add(Fault::error("conditionNotMet").on("storage", "buckets.patch").times(2));
    let wanted = spec().with_versioning(true);
    assert!(cloud.create(&wanted).await.unwrap().versioning);
    assert!(cloud.settings().await.versioning.enabled);
}

/// The driver stops at each of its calls, before it is carried out or without learning that it was; a new one finishes.
async fn interrupted(
    prepare: impl AsyncFn(&Cloud),
    act: impl AsyncFn(&Cloud, &dyn ObjectStorage) -> Result<(), Error>,
    check: impl AsyncFn(&Cloud),
) -> usize {
    let mut points = 0;
    for fault in [Fault::no_connection, Fault::reply_lost] {
        for call in 1.. {
            let cloud = Cloud::new();
            prepare(&cloud).await;
            cloud.sandbox.journal().clear();
            let first = cloud.sandbox.faults().add(fault().on("storage", "*").on_call(call));
            let rest = cloud.sandbox.faults().add(Fault::no_connection().on("storage", "*").skip(call));
            let stopped = act(&cloud, &*cloud.impatient()).await;
            let hit = cloud.sandbox.faults().hits(first) > 0;
            cloud.sandbox.faults().remove(first);
            cloud.sandbox.faults().remove(rest);
            if !hit {
                stopped.unwrap();
                check(&cloud).await;
                break;
            }
            assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Unavailable);
            act(&cloud, &*cloud.storage()).await.unwrap_or_else(|error| panic!("after call {call}: {error}"));
            check(&cloud).await;
            points += 1;
        }
    }
    points
}

#[tokio::test(start_paused = true)]
async fn creation_interrupted_anywhere_is_finished_by_the_next() {
    let wanted = spec().with_retention(days(1, RetentionMode::Compliance));
    let points = interrupted(
        async |_| {},
        async |cloud, storage| storage.create_bucket(&wanted, &cloud.secret).await.map(drop),
        async |cloud| {
            cloud.changes();
            assert_eq!(cloud.create(&wanted).await.unwrap().retention, wanted.retention);
            assert_eq!(cloud.changes(), Vec::<String>::new());
            assert_eq!(cloud.buckets(), 1);
        },
    )
    .await;
    assert!(points >= 8, "only {points} kill points");
}

async fn filled(cloud: &Cloud) {
    cloud.create(&spec().with_versioning(true)).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/1", "a/2", "b/1"]).await;
    store.delete(&Path::from("a/2")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn deletion_interrupted_anywhere_is_finished_by_the_next() {
    let points = interrupted(
        filled,
        async |cloud, storage| storage.delete_bucket(&cloud.bucket()).await,
        async |cloud| assert_eq!(cloud.buckets(), 0),
    )
    .await;
    assert!(points >= 10, "only {points} kill points");
}

#[tokio::test(start_paused = true)]
async fn deletion_of_a_prefix_interrupted_anywhere_is_finished_by_the_next() {
    let prefix = ObjectPrefix::new("a").unwrap();
    let points = interrupted(
        filled,
        async |cloud, storage| storage.delete_prefix(&cloud.bucket(), &prefix).await.map(drop),
        async |cloud| assert_eq!(keys(&*cloud.open().await).await, ["b/1"]),
    )
    .await;
    assert!(points >= 6, "only {points} kill points");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_bucket_leaves_nothing() {
    let cloud = Cloud::new();
    filled(&cloud).await;
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    assert_eq!(cloud.buckets(), 0);
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(0, 0));
    let error = cloud.storage().get_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_prefix_takes_all_versions_and_no_sibling() {
    let cloud = Cloud::new();
    cloud.create(&spec().with_versioning(true)).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/1", "a/ü b/2", "ab/1", "a.txt", "b/a/1"]).await;
    store.delete(&Path::from("a/1")).await.unwrap();
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(3, 0));
    let left: Vec<_> = cloud.versions().await.into_iter().map(|object| object.name).collect();
    assert_eq!(left, ["a.txt", "ab/1", "b/a/1"]);
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_to_their_last_page() {
    let cloud = Cloud::new();
    cloud.sandbox.set_max_page(2);
    cloud.create(&spec().with_versioning(true)).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/1", "a/1", "a/2", "a/3"]).await;
    assert_eq!(keys(&*store).await, ["a/1", "a/2", "a/3"]);
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(5, 0));
    for number in 1..=4 {
        let spec = BucketSpec::new(BucketName::new(format!("other-{number}")).unwrap(), region());
        cloud.create(&spec).await.unwrap();
    }
    let listed: Vec<_> =
        cloud.storage().list_buckets(region(), cloud.secret.clone()).try_collect().await.unwrap();
    let listed: Vec<_> = listed.iter().map(BucketName::as_str).collect();
    assert_eq!(listed, [NAME, "other-1", "other-2", "other-3", "other-4"]);
}

#[tokio::test(start_paused = true)]
async fn retained_objects_are_counted_marked_once_and_gone_in_the_end() {
    let cloud = Cloud::new();
    cloud.create(&spec().with_retention(days(2, RetentionMode::Compliance))).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/2", "b/1"]).await;
    let first = cloud.delete_prefix("a").await.unwrap();
    assert_eq!(first, DeletedObjects::new(0, 2));
    for object in cloud.versions().await {
        assert_eq!(object.custom_time.is_some(), object.name.starts_with("a/"), "{object:?}");
    }
    cloud.changes();
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), first);
    assert!(cloud.changes().iter().all(|operation| operation == "objects.delete"), "marked twice");
    let error = cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
    assert!(error.to_string().contains("3 objects are under a retention"), "{error}");

    tokio::time::advance(DAY * 3).await;
    let left: Vec<_> = cloud.versions().await.into_iter().map(|object| object.name).collect();
    assert_eq!(left, Vec::<String>::new(), "the rule deletes what was marked");
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    assert_eq!(cloud.buckets(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hold_retains_as_a_policy_does() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    put(&*cloud.open().await, &["a/1", "a/2"]).await;
    cloud.sandbox.gcp().hold_objects(NAME, "a/1", true);
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(1, 1));
    tokio::time::advance(DAY * 2).await;
    assert_eq!(cloud.versions().await.len(), 1, "the rule must wait for the hold");
    cloud.sandbox.gcp().hold_objects(NAME, "a/1", false);
    assert_eq!(cloud.versions().await, []);
}

#[tokio::test(start_paused = true)]
async fn an_unlocked_policy_may_change_and_a_locked_one_only_grow() {
    use RetentionMode::{Compliance, Governance};
    for (from, to, allowed) in [
        (None, Some(days(1, Governance)), true),
        (None, Some(days(1, Compliance)), true),
        (Some(days(1, Governance)), Some(days(1, Compliance)), true),
        (Some(days(2, Governance)), Some(days(1, Governance)), true),
        (Some(days(2, Governance)), None, true),
        (Some(days(1, Compliance)), Some(days(2, Compliance)), true),
        (Some(days(2, Compliance)), Some(days(1, Compliance)), false),
        (Some(days(1, Compliance)), Some(days(2, Governance)), false),
        (Some(days(1, Compliance)), None, false),
    ] {
        let cloud = Cloud::new();
        let with = |retention| {
            let mut spec = spec();
            spec.retention = retention;
            spec
        };
        cloud.create(&with(from)).await.unwrap();
        cloud.changes();
        let result = cloud.create(&with(to)).await;
        if allowed {
            assert_eq!(result.unwrap().retention, to, "{from:?} to {to:?}");
            assert_eq!(cloud.storage().get_bucket(&cloud.bucket()).await.unwrap().retention, to);
        } else {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{from:?} to {to:?}: {error}");
            assert!(error.to_string().contains("immutability"), "{error}");
            assert_eq!(cloud.changes(), Vec::<String>::new());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_config_of_a_manifest_decides() {
    let cloud = Cloud::new();
    let config = json!({
        "apiVersion": "gcp.provider.extensions.gardener.cloud/v1alpha1", "kind": "BackupBucketConfig",
        "immutability": { "retentionType": "bucket", "retentionPeriod": "25h", "locked": false },
        "store": { "endpointOverride": "https://storage.europe-west1.rep.googleapis.com/storage/v1/" } });
    let bucket = cloud.create(&spec().with_config(config)).await.unwrap();
    assert_eq!(bucket.retention, Some(Retention::new(Duration::from_hours(25), RetentionMode::Governance)));
    let bad = json!({ "immutability": { "retentionType": "bucket", "retentionPeriod": "1h" } });
    cloud.sandbox.journal().clear();
    let error = cloud.create(&spec().with_config(bad)).await.unwrap_err();
    assert!(error.to_string().contains("immutability.retentionPeriod"), "{error}");
    assert!(cloud.sandbox.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_somebody_else_is_neither_adopted_nor_deleted() {
    let cloud = Cloud::new();
    cloud.sandbox.gcp().plant_foreign_bucket(NAME, "EUROPE-WEST1");
    let error = cloud.create(&spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("belongs to somebody else"), "{error}");
    let error = cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_another_project_that_we_may_use_is_not_ours() {
    let clock = TokioClock::default();
    let mut options = SandboxOptions::instant().with_clock(Arc::new(clock));
    options.gcp.projects.push("another-project".to_owned());
    let sandbox = Sandbox::new(options);
    let key = sandbox.gcp().service_account_key().to_json();
    let secret = SecretData::new().with("serviceaccount.json", key.expose().clone());
    let cloud = Cloud { sandbox, clock, secret };
    let insert = buckets::insert("another-project", NAME, "EUROPE-WEST1", &serde_json::Map::new());
    cloud.session().run(&insert).await.unwrap();
    cloud.changes();
    assert_eq!(cloud.create(&spec()).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let error = cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert_eq!(cloud.changes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_bucket_in_another_region_is_named_with_its_region() {
    let cloud = Cloud::new();
    cloud.create(&BucketSpec::new(name(), Region::new("europe-west3").unwrap())).await.unwrap();
    let error = cloud.create(&spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("europe-west3"), "{error}");
    for error in [
        cloud.storage().get_bucket(&cloud.bucket()).await.unwrap_err(),
        cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err(),
        cloud.delete_prefix("a").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains("region"), "{error}");
    }
    assert_eq!(cloud.buckets(), 1);
}

#[tokio::test(start_paused = true)]
async fn objects_are_written_read_and_created_only_once() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    cloud.sandbox.journal().clear();
    let store = cloud.open().await;
    assert!(cloud.sandbox.journal().is_empty(), "opening made a call");
    let path = Path::from("etcd/v2/Full-ü +&");
    let attributes = Attributes::from_iter([
        (Attribute::ContentType, "text/plain"),
        (Attribute::Metadata("k".into()), "v"),
    ]);
    let options = PutOptions { attributes: attributes.clone(), ..PutOptions::default() };
    let written = store.put_opts(&path, "data".into(), options).await.unwrap();
    let read = store.get(&path).await.unwrap();
    assert_eq!((&read.meta.e_tag, &read.meta.version), (&written.e_tag, &written.version));
    assert_eq!(read.attributes, attributes);
    assert_eq!(read.bytes().await.unwrap(), "data");
    let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let error = store.put_opts(&path, "more".into(), once).await.unwrap_err();
    assert!(matches!(error, object_store::Error::AlreadyExists { .. }), "{error}");
    let update = PutMode::Update(written.clone().into());
    store.put_opts(&path, "new".into(), update.clone().into()).await.unwrap();
    let error = store.put_opts(&path, "newer".into(), update.into()).await.unwrap_err();
    assert!(matches!(error, object_store::Error::Precondition { .. }), "{error}");
}

/// Bytes that tell where they belong.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

async fn upload(store: &dyn ObjectStore, path: &Path, body: &[u8], part: usize) {
    let mut upload = store.put_multipart(path).await.unwrap();
    // Parts are begun in order and may be driven in any.
    let mut parts: Vec<_> = body.chunks(part).map(|chunk| upload.put_part(chunk.to_vec().into())).collect();
    parts.reverse();
    try_join_all(parts).await.unwrap();
    upload.complete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_large_object_goes_on_where_it_broke_off() {
    let body = bytes((5 << 20) + 12_345);
    let path = Path::from("etcd/large");
    for fault in [Fault::reply_lost(), Fault::no_connection(), Fault::server_error(503)] {
        let cloud = Cloud::new();
        cloud.create(&spec()).await.unwrap();
        let store = cloud.open().await;
        cloud.sandbox.faults().add(fault.on("storage", "objects.insert").skip(1).probability(0.4));
        upload(&*store, &path, &body, (1 << 20) + 77).await;
        let read = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert!(read == body, "{} bytes came back", read.len());
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_without_parts_is_an_empty_object() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    let store = cloud.open().await;
    upload(&*store, &Path::from("empty"), &[], 1).await;
    assert_eq!(store.head(&Path::from("empty")).await.unwrap().size, 0);
}

#[tokio::test(start_paused = true)]
async fn an_upload_given_up_leaves_nothing_and_a_lost_part_spoils_it() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    let store = cloud.open().await;
    let path = Path::from("a/1");
    let mut given_up = store.put_multipart(&path).await.unwrap();
    given_up.put_part(bytes(300 << 10).into()).await.unwrap();
    given_up.abort().await.unwrap();
    let mut broken = store.put_multipart(&path).await.unwrap();
    drop(broken.put_part("first".into()));
    assert!(broken.put_part("second".into()).await.is_err());
    assert!(broken.complete().await.is_err());
    broken.abort().await.unwrap();
    assert_eq!(keys(&*store).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn bad_input_names_its_field_and_makes_no_call() {
    let cloud = Cloud::new();
    let mut no_days = spec();
    no_days.abort_uploads_after_days = 0;
    for (spec, field) in [
        (no_days, "abort_uploads_after_days"),
        (spec().with_encryption(Encryption::Key(" ".to_owned())), "encryption.key"),
        (
            spec().with_retention(Retention::new(Duration::from_secs(60), RetentionMode::Governance)),
            "retention.period",
        ),
        (spec().with_config(json!({ "imutability": {} })), "imutability"),
        (
            spec().with_config(json!({ "store": { "endpointOverride": "https://evil.example" } })),
            "store.endpointOverride",
        ),
    ] {
        let error = cloud.create(&spec).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    assert!(cloud.sandbox.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    put(&*cloud.open().await, &["a/1", "a/2"]).await;
    cloud.sandbox.faults().add(Fault::throttled().on("storage", "objects.delete").times(3));
    assert_eq!(cloud.delete_prefix("a").await.unwrap().deleted, 2);
}
