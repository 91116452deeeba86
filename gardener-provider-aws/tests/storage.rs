//! Object storage on the embedded sandbox: settings, drift, interruption, retention, deletion.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::TryStreamExt;
use gardener_provider_aws::{
    AwsProvider, AwsProviderBuilder,
    api::s3::{Target, lifecycle, lock, objects, protection, uploads},
    endpoints::Endpoints,
    session::Session,
};
use gardener_provider_client::{clock::TokioClock, retry::RetryPolicy};
use gardener_provider_core::{
    BucketName, BucketRef, BucketSpec, DeletedObjects, Encryption, Error, ErrorKind, ObjectPrefix,
    ObjectStorage, Region, Retention, RetentionMode, SecretData,
};
use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path};
use url::Url;

const NAME: &str = "backup-0";

struct Cloud {
    sandbox: Sandbox,
    clock: TokioClock,
    secret: SecretData,
}

impl Cloud {
    fn new() -> Self {
        Self::with(|options| options)
    }

    fn with(set: impl FnOnce(SandboxOptions) -> SandboxOptions) -> Self {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(set(SandboxOptions::instant().with_clock(Arc::new(clock))));
        let key = sandbox.aws().access_key();
        let secret = SecretData::new()
            .with("accessKeyID", key.id.clone())
            .with("secretAccessKey", key.secret.expose().clone());
        Self { sandbox, clock, secret }
    }

    fn builder(&self) -> AwsProviderBuilder {
        AwsProvider::builder().transport(Arc::new(self.sandbox.clone())).clock(Arc::new(self.clock)).seed(1)
    }

    fn storage(&self) -> Arc<dyn ObjectStorage> {
        self.builder().build().unwrap().storage
    }

    /// A driver that gives up at the first failure.
    fn impatient(&self) -> Arc<dyn ObjectStorage> {
        self.builder().retry(RetryPolicy::none()).build().unwrap().storage
    }

    fn session(&self) -> Arc<Session> {
        self.builder().sessions().unwrap().get(&self.secret, &region()).unwrap()
    }

    fn bucket(&self) -> BucketRef {
        BucketRef::new(name(), region(), self.secret.clone())
    }

    async fn create(&self, spec: &BucketSpec) -> Result<gardener_provider_core::Bucket, Error> {
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
        calls.into_iter().map(|call| call.operation).collect()
    }

    fn buckets(&self) -> usize {
        self.sandbox.aws().inventory(None).iter().filter(|resource| resource.kind == "bucket").count()
    }
}

fn region() -> Region {
    Region::new("eu-west-1").unwrap()
}

fn name() -> BucketName {
    BucketName::new(NAME).unwrap()
}

fn target() -> Target {
    Target::new(NAME)
}

fn spec() -> BucketSpec {
    BucketSpec::new(name(), region())
}

fn days(days: u64, mode: RetentionMode) -> Retention {
    Retention::new(Duration::from_secs(days * 86_400), mode)
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
async fn a_new_bucket_is_private_encrypted_and_behind_tls() {
    let cloud = Cloud::new();
    let bucket = cloud.create(&spec()).await.unwrap();
    assert_eq!((bucket.name, bucket.region), (name(), region()));
    let (session, at) = (cloud.session(), target());
    let block = session.run(&protection::get_public_access_block(&at)).await.unwrap();
    assert_eq!(block, protection::PublicAccessBlock::ALL);
    let ownership = session.run(&protection::get_ownership(&at)).await.unwrap();
    assert_eq!(ownership.as_deref(), Some("BucketOwnerEnforced"));
    let encryption = session.run(&protection::get_encryption(&at)).await.unwrap();
    assert_eq!(encryption, Some(Encryption::Managed));
    let policy = session.run(&protection::get_policy(&at)).await.unwrap();
    assert!(policy.contains("GardenerDenyPlainHttp") && policy.contains("GardenerDenyOldTls"), "{policy}");
    assert!(policy.contains("arn:aws:s3:::backup-0/*"), "{policy}");
    let rules = session.run(&lifecycle::get_lifecycle(&at)).await.unwrap().rules;
    assert_eq!(rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["gardener-abort-uploads"]);
}

#[tokio::test(start_paused = true)]
async fn over_plain_http_the_driver_does_not_lock_itself_out() {
    let cloud = Cloud::new();
    let local = Endpoints::all_at(Url::parse("http://127.0.0.1:4566").unwrap());
    let storage = cloud.builder().endpoints(local).build().unwrap().storage;
    storage.create_bucket(&spec(), &cloud.secret).await.unwrap();
    assert!(!cloud.changes().contains(&"PutBucketPolicy".to_owned()));
    storage.create_bucket(&spec(), &cloud.secret).await.unwrap();
    assert_eq!(cloud.changes(), Vec::<String>::new());
    put(&*storage.open(&cloud.bucket()).await.unwrap(), &["a"]).await;
    storage.delete_bucket(&cloud.bucket()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_creation_changes_nothing() {
    for spec in [
        spec(),
        spec().with_versioning(true),
        spec().with_encryption(Encryption::Key("arn:aws:kms:eu-west-1:123456789012:key/1".to_owned())),
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
async fn drift_is_corrected_and_nothing_else_is_written() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    let (session, at) = (cloud.session(), target());
    let open =
        protection::PublicAccessBlock { block_public_acls: false, ..protection::PublicAccessBlock::ALL };
    session.run(&protection::put_public_access_block(&at, open)).await.unwrap();
    let foreign = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketWebsite",
        "Resource": "arn:aws:s3:::backup-0" }] });
    session.run(&protection::put_policy(&at, &foreign)).await.unwrap();
    cloud.changes();
    cloud.create(&spec()).await.unwrap();
    assert_eq!(cloud.changes(), ["PutPublicAccessBlock", "PutBucketPolicy"]);
    let policy = session.run(&protection::get_policy(&at)).await.unwrap();
    assert!(policy.contains("\"Theirs\"") && policy.contains("GardenerDenyOldTls"), "{policy}");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_lifecycle_rule_stays() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    let session = cloud.session();
    let foreign = lifecycle::Lifecycle { rules: vec![lifecycle::Rule::expire_markers()], minimum_size: None };
    session.run(&lifecycle::put_lifecycle(&target(), &foreign)).await.unwrap();
    cloud.create(&spec()).await.unwrap();
    let rules = session.run(&lifecycle::get_lifecycle(&target())).await.unwrap().rules;
    let ids: Vec<_> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["gardener-expire-markers", "gardener-abort-uploads"]);
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
            let first = cloud.sandbox.faults().add(fault().on("s3", "*").on_call(call));
            let rest = cloud.sandbox.faults().add(Fault::no_connection().on("s3", "*").skip(call));
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
    let wanted = spec().with_retention(days(1, RetentionMode::Governance));
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
    assert!(points >= 20, "only {points} kill points");
}

async fn filled(cloud: &Cloud) {
    cloud.create(&spec().with_versioning(true)).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/1", "a/2", "b/1"]).await;
    store.delete(&Path::from("a/2")).await.unwrap();
    let mut upload = store.put_multipart(&Path::from("a/3")).await.unwrap();
    upload.put_part("half".into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn deletion_interrupted_anywhere_is_finished_by_the_next() {
    let points = interrupted(
        filled,
        async |cloud, storage| storage.delete_bucket(&cloud.bucket()).await,
        async |cloud| assert_eq!(cloud.buckets(), 0),
    )
    .await;
    assert!(points >= 8, "only {points} kill points");
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
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(4, 0));
    let left = cloud.session().run(&objects::list_versions(&target(), "a/", None)).await.unwrap();
    assert_eq!(left.versions, []);
    assert_eq!(keys(&*store).await, ["a.txt", "ab/1", "b/a/1"]);
    let uploads = cloud.session().run(&uploads::list_uploads(&target(), "", None)).await.unwrap();
    assert_eq!(uploads.uploads, []);
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_to_their_last_page() {
    let cloud = Cloud::with(|mut options| {
        options.aws.max_page = 2;
        options
    });
    cloud.create(&spec().with_versioning(true)).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/1", "a/1", "a/2", "a/3"]).await;
    store.delete(&Path::from("a/1")).await.unwrap();
    let mut uploads = Vec::new();
    for key in ["u/1", "u/2", "u/3"] {
        uploads.push(store.put_multipart(&Path::from(key)).await.unwrap());
    }
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(6, 0));
    for number in 1..=4 {
        let spec = BucketSpec::new(BucketName::new(format!("other-{number}")).unwrap(), region());
        cloud.create(&spec).await.unwrap();
    }
    let listed: Vec<_> =
        cloud.storage().list_buckets(region(), cloud.secret.clone()).try_collect().await.unwrap();
    let listed: Vec<_> = listed.iter().map(BucketName::as_str).collect();
    assert_eq!(listed, [NAME, "other-1", "other-2", "other-3", "other-4"]);
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn retained_objects_are_counted_marked_and_gone_in_the_end() {
    let cloud = Cloud::new();
    cloud.create(&spec().with_retention(days(2, RetentionMode::Compliance))).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/2", "b/1"]).await;
    store.delete(&Path::from("a/2")).await.unwrap();
    let first = cloud.delete_prefix("a").await.unwrap();
    assert_eq!((first.deleted, first.retained), (0, 2));
    assert_eq!(keys(&*store).await, ["a/1", "b/1"], "the marker over a/2 must stay");

    let versions =
        cloud.session().run(&objects::list_versions(&target(), "a/", None)).await.unwrap().versions;
    for listed in versions.iter().filter(|listed| !listed.is_marker) {
        let tags =
            cloud.session().run(&objects::get_tags(&target(), &listed.version).unwrap()).await.unwrap();
        assert_eq!(tags.get("gardener.cloud/deleted").map(String::as_str), Some("true"));
    }
    let rules = cloud.session().run(&lifecycle::get_lifecycle(&target())).await.unwrap().rules;
    assert!(rules.iter().any(|rule| rule.id == "gardener-expire-deleted"));

    cloud.changes();
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), first);
    assert!(cloud.changes().iter().all(|operation| operation == "DeleteObjects"), "marked twice");
    let error = cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");

    tokio::time::advance(Duration::from_secs(3 * 86_400)).await;
    let rest = cloud.delete_prefix("a").await.unwrap();
    assert_eq!(rest.retained, 0);
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    assert_eq!(cloud.buckets(), 0);
}

#[tokio::test(start_paused = true)]
async fn governance_may_change_and_compliance_only_grow() {
    use RetentionMode::{Compliance, Governance};
    for (from, to, allowed) in [
        (None, Some(days(1, Governance)), true),
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
    let config = serde_json::json!({
        "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1", "kind": "BackupBucketConfig",
        "immutability": { "retentionType": "bucket", "retentionPeriod": "96h", "mode": "governance" } });
    let bucket = cloud.create(&spec().with_config(config)).await.unwrap();
    assert_eq!(bucket.retention, Some(days(4, RetentionMode::Governance)));
    assert!(bucket.versioning);
    let lock = cloud.session().run(&lock::get_object_lock(&target())).await.unwrap();
    assert_eq!(lock.retention, bucket.retention);
    let bad = serde_json::json!({ "immutability": { "retentionType": "bucket", "retentionPeriod": "36h", "mode": "governance" } });
    cloud.sandbox.journal().clear();
    let error = cloud.create(&spec().with_config(bad)).await.unwrap_err();
    assert!(error.to_string().contains("immutability.retentionPeriod"), "{error}");
    assert!(cloud.sandbox.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn versions_can_be_switched_off_again_but_not_under_a_lock() {
    let cloud = Cloud::new();
    cloud.create(&spec().with_versioning(true)).await.unwrap();
    assert!(!cloud.create(&spec()).await.unwrap().versioning);
    assert!(!cloud.storage().get_bucket(&cloud.bucket()).await.unwrap().versioning);
    cloud.create(&spec().with_retention(days(1, RetentionMode::Governance))).await.unwrap();
    let bucket = cloud.create(&spec()).await.unwrap();
    assert!(bucket.versioning && bucket.retention.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_somebody_else_is_neither_adopted_nor_deleted() {
    let cloud = Cloud::new();
    cloud.sandbox.aws().plant_foreign_bucket(NAME, "eu-west-1");
    let error = cloud.create(&spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("belongs to somebody else"), "{error}");
    let error = cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_in_another_region_is_named_with_its_region() {
    let cloud = Cloud::new();
    let there = Region::new("eu-central-1").unwrap();
    cloud.create(&BucketSpec::new(name(), there)).await.unwrap();
    let error = cloud.create(&spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("eu-central-1"), "{error}");
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
async fn the_oldest_region_and_other_partitions_work_too() {
    for (region, arn) in [("us-east-1", "arn:aws:s3"), ("cn-north-1", "arn:aws-cn:s3")] {
        let cloud = Cloud::new();
        let region = Region::new(region).unwrap();
        if !cloud.sandbox.aws().options().regions.iter().any(|(name, _)| name == region.as_str()) {
            continue;
        }
        let spec = BucketSpec::new(name(), region.clone());
        cloud.create(&spec).await.unwrap();
        let session = cloud.builder().sessions().unwrap().get(&cloud.secret, &region).unwrap();
        let policy = session.run(&protection::get_policy(&target())).await.unwrap();
        assert!(policy.contains(arn), "{policy}");
        cloud.changes();
        cloud.create(&spec).await.unwrap();
        assert_eq!(cloud.changes(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn the_lag_of_a_new_bucket_is_waited_out() {
    let cloud = Cloud::new();
    for operation in ["GetBucketEncryption", "PutBucketPolicy", "PutObjectLockConfiguration"] {
        let code = if operation.starts_with("PutObjectLock") { "InvalidBucketState" } else { "NoSuchBucket" };
        cloud.sandbox.faults().add(Fault::error(code).on("s3", operation).times(3));
    }
    cloud.sandbox.faults().add(Fault::error("OperationAborted").on("s3", "CreateBucket").times(2));
    let spec = spec().with_retention(days(1, RetentionMode::Governance));
    assert_eq!(cloud.create(&spec).await.unwrap().retention, spec.retention);
}

#[tokio::test(start_paused = true)]
async fn objects_are_written_read_and_created_only_once() {
    let cloud = Cloud::new();
    cloud.create(&spec().with_retention(days(1, RetentionMode::Governance))).await.unwrap();
    cloud.sandbox.journal().clear();
    let store = cloud.open().await;
    assert!(cloud.sandbox.journal().is_empty(), "opening made a call");
    let path = Path::from("etcd/v2/Full-ü +&");
    store.put(&path, "data".into()).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "data");
    let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let error = store.put_opts(&path, "more".into(), once).await.unwrap_err();
    assert!(matches!(error, object_store::Error::AlreadyExists { .. }), "{error}");
    let mut upload = store.put_multipart(&Path::from("etcd/large")).await.unwrap();
    upload.put_part(vec![7; 5 << 20].into()).await.unwrap();
    upload.put_part(vec![8; 100].into()).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(store.head(&Path::from("etcd/large")).await.unwrap().size, (5 << 20) + 100);
}

#[tokio::test(start_paused = true)]
async fn a_dotted_name_is_put_into_the_path() {
    let cloud = Cloud::new();
    let dotted = BucketName::new("backup.example.com").unwrap();
    cloud.create(&BucketSpec::new(dotted.clone(), region())).await.unwrap();
    let bucket = BucketRef::new(dotted, region(), cloud.secret.clone());
    let store = cloud.storage().open(&bucket).await.unwrap();
    put(&*store, &["a/1"]).await;
    assert_eq!(keys(&*store).await, ["a/1"]);
    cloud.storage().delete_bucket(&bucket).await.unwrap();
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
        (spec().with_config(serde_json::json!({ "imutability": {} })), "imutability"),
        (BucketSpec::new(name(), Region::new("mars-1").unwrap()), "region"),
    ] {
        let error = cloud.create(&spec).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    assert!(cloud.sandbox.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_unauthenticated_and_shown_nowhere() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    let key = cloud.sandbox.aws().access_key().id;
    let wrong = SecretData::new().with("accessKeyID", key).with("secretAccessKey", "hunter2hunter2hunter2");
    let bucket = BucketRef::new(name(), region(), wrong.clone());
    let storage = cloud.storage();
    let prefix = ObjectPrefix::new("a").unwrap();
    let errors = [
        storage.create_bucket(&spec(), &wrong).await.unwrap_err(),
        storage.get_bucket(&bucket).await.unwrap_err(),
        storage.delete_bucket(&bucket).await.unwrap_err(),
        storage.delete_prefix(&bucket, &prefix).await.unwrap_err(),
        storage.list_buckets(region(), wrong.clone()).try_collect::<Vec<_>>().await.unwrap_err(),
    ];
    let store = storage.open(&bucket).await.unwrap();
    let mut shown =
        format!("{store:?} {bucket:?} {storage:?} {}", store.get(&Path::from("a")).await.unwrap_err());
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        shown = format!("{shown} {error} {error:?}");
    }
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn what_s3_cannot_delete_just_now_is_sent_again() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    put(&*cloud.open().await, &["a/1", "a/2"]).await;
    cloud.sandbox.faults().add(Fault::throttled().on("s3", "DeleteObjects").times(2));
    assert_eq!(cloud.delete_prefix("a").await.unwrap().deleted, 2);
}
