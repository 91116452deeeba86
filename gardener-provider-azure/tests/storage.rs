//! Object storage on the embedded sandbox: settings, drift, interruption, retention, key rotation, deletion.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::TryStreamExt;
use gardener_provider_azure::{
    AzureProvider, AzureProviderBuilder,
    api::{ResourceId, blob_containers, management_policies, resource_groups, storage_accounts},
    endpoints::Cloud as AzureCloud,
    session::Session,
};
use gardener_provider_client::{clock::TokioClock, retry::RetryPolicy};
use gardener_provider_core::{
    Bucket, BucketName, BucketRef, BucketSpec, DeletedObjects, Encryption, Error, ErrorKind, ObjectPrefix,
    ObjectStorage, Region, Retention, RetentionMode, SecretData,
};
use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path};
use serde_json::json;

const NAME: &str = "backup-0";
/// `bkp` and the beginning of the name's digest.
const ACCOUNT: &str = "bkp9f35f60792b03a4";
const DAY: Duration = Duration::from_secs(86_400);

struct Cloud {
    sandbox: Sandbox,
    clock: TokioClock,
    secret: SecretData,
}

impl Cloud {
    fn new() -> Self {
        Self::with(SandboxOptions::instant())
    }

    fn with(options: SandboxOptions) -> Self {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(options.with_clock(Arc::new(clock)));
        let client = sandbox.azure().client();
        let secret = SecretData::new()
            .with("clientID", client.id.clone())
            .with("clientSecret", client.secret.as_ref().unwrap().expose().clone())
            .with("tenantID", sandbox.azure().options().tenant.clone())
            .with("subscriptionID", sandbox.azure().subscription());
        Self { sandbox, clock, secret }
    }

    fn builder(&self) -> AzureProviderBuilder {
        AzureProvider::builder().transport(Arc::new(self.sandbox.clone())).clock(Arc::new(self.clock)).seed(1)
    }

    fn storage(&self) -> Arc<dyn ObjectStorage> {
        self.builder().build().unwrap().storage
    }

    /// A driver that gives up at the first failure.
    fn impatient(&self) -> Arc<dyn ObjectStorage> {
        self.builder().retry(RetryPolicy::none()).build().unwrap().storage
    }

    fn session(&self) -> Arc<Session> {
        self.builder().sessions().unwrap().get(&self.secret, AzureCloud::Public).unwrap()
    }

    fn group(&self) -> ResourceId {
        self.session().group(NAME)
    }

    fn account(&self) -> ResourceId {
        storage_accounts::id(&self.group(), ACCOUNT)
    }

    fn container(&self) -> ResourceId {
        blob_containers::container(&self.account(), NAME)
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
        calls.into_iter().map(|call| call.operation).collect()
    }

    fn left(&self) -> Vec<String> {
        self.sandbox.azure().inventory(None).into_iter().map(|resource| resource.name).collect()
    }
}

fn region() -> Region {
    Region::new("westeurope").unwrap()
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
async fn a_new_account_is_closed_and_redundant() {
    let cloud = Cloud::new();
    let bucket = cloud.create(&spec()).await.unwrap();
    assert_eq!((&bucket.name, &bucket.region), (&name(), &region()));
    let created =
        ["ResourceGroups_CreateOrUpdate", "StorageAccounts_CreateOrUpdate", "BlobContainers_CreateOrUpdate"];
    assert_eq!(cloud.changes(), created);
    let account = cloud.session().run(&storage_accounts::get(&cloud.account())).await.unwrap();
    let properties = account.properties;
    assert_eq!(properties.minimum_tls_version.as_deref(), Some("TLS1_2"));
    assert_eq!(properties.supports_https_traffic_only, Some(true));
    assert_eq!(properties.allow_blob_public_access, Some(false));
    assert_eq!(properties.allow_cross_tenant_replication, Some(false));
    let container = cloud.session().run(&blob_containers::get(&cloud.container())).await.unwrap();
    assert_eq!(container.properties.public_access.as_deref(), Some("None"));
}

#[tokio::test(start_paused = true)]
async fn the_generated_secret_opens_the_bucket_alone() {
    let cloud = Cloud::new();
    let secret = cloud.create(&spec()).await.unwrap().generated_secret;
    let text = |key: &str| secret.text(&[key]).unwrap().unwrap().expose().clone();
    assert_eq!(
        (text("storageAccount").as_str(), text("domain").as_str()),
        (ACCOUNT, "blob.core.windows.net")
    );
    cloud.sandbox.journal().clear();
    let bucket = BucketRef::new(name(), region(), secret.clone());
    let store = cloud.storage().open(&bucket).await.unwrap();
    assert!(cloud.sandbox.journal().is_empty(), "opening made a call");
    put(&*store, &["a/1", "a/ü &+ b", "b/1"]).await;
    assert_eq!(keys(&*store).await, [Path::from("a/ü &+ b").as_ref(), "a/1", "b/1"]);
    store.delete(&Path::from("b/1")).await.unwrap();
    let prefix = ObjectPrefix::new("a").unwrap();
    assert_eq!(cloud.storage().delete_prefix(&bucket, &prefix).await.unwrap(), DeletedObjects::new(2, 0));
    let calls = cloud.sandbox.journal().calls();
    assert!(calls.iter().all(|call| call.service == "blob"), "nobody else was asked");
    let shown = format!("{store:?} {bucket:?}");
    assert!(!shown.contains(&text("storageKey")), "the key is shown");
    assert!(!shown.contains("AzureAccessKey"), "the bytes of the key are shown");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_opens_nothing() {
    let cloud = Cloud::new();
    let good = cloud.create(&spec()).await.unwrap().generated_secret;
    let wrong = SecretData::new().with("storageAccount", ACCOUNT).with("storageKey", "aHVudGVyMmh1bnRlcjI=");
    let bucket = BucketRef::new(name(), region(), wrong);
    let prefix = ObjectPrefix::new("a").unwrap();
    let error = cloud.storage().delete_prefix(&bucket, &prefix).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.cloud_code()),
        (ErrorKind::Unauthenticated, Some("AuthenticationFailed"))
    );
    assert!(!format!("{error} {error:?}").contains("aHVudGVy"), "{error:?}");
    for (key, value, field) in [
        ("storageKey", "not base64!", "storageKey"),
        ("storageAccount", "evil.example/", "storageAccount"),
        ("domain", "evil.example", "domain"),
    ] {
        let bucket = BucketRef::new(name(), region(), good.clone().with(key, value));
        let error = cloud.storage().open(&bucket).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_creation_changes_nothing() {
    let rotation = json!({ "rotationConfig": { "rotationPeriodDays": 2, "expirationPeriodDays": 10 } });
    for spec in [
        spec(),
        spec().with_versioning(true),
        spec().with_config(rotation),
        spec().with_retention(days(3, RetentionMode::Governance)),
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
    let open = storage_accounts::Properties {
        allow_blob_public_access: Some(true),
        minimum_tls_version: Some("TLS1_0".to_owned()),
        ..storage_accounts::Properties::default()
    };
    let session = cloud.session();
    session.run(&storage_accounts::update(&cloud.account(), &open)).await.unwrap();
    let soft = json!({ "deleteRetentionPolicy": { "enabled": true, "days": 7 }, "defaultServiceVersion": "2023-11-03" });
    session.run(&blob_containers::set_service(&cloud.account(), soft.as_object().unwrap())).await.unwrap();
    cloud.changes();
    cloud.create(&spec()).await.unwrap();
    assert_eq!(cloud.changes(), ["StorageAccounts_Update", "BlobServices_CreateOrUpdate"]);
    let service = session.run(&blob_containers::get_service(&cloud.account())).await.unwrap();
    assert!(!service.keeps_deleted("deleteRetentionPolicy"));
    assert_eq!(service.properties["defaultServiceVersion"], "2023-11-03", "what is others' stays");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_lifecycle_rule_stays() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    let foreign = json!({ "enabled": true, "name": "logs", "type": "Lifecycle", "definition": {
        "actions": { "baseBlob": { "delete": { "daysAfterModificationGreaterThan": 90 } } },
        "filters": { "blobTypes": ["blockBlob"], "prefixMatch": ["logs/"] } } });
    let session = cloud.session();
    session.run(&management_policies::set(&cloud.account(), std::slice::from_ref(&foreign))).await.unwrap();
    cloud.create(&spec().with_retention(days(3, RetentionMode::Governance))).await.unwrap();
    let policy = session.run(&management_policies::get(&cloud.account())).await.unwrap();
    let rules = policy.properties.policy.rules;
    assert_eq!((rules.len(), &rules[0]), (2, &foreign));
}

#[tokio::test(start_paused = true)]
async fn keys_take_turns() {
    let cloud = Cloud::new();
    let config = json!({ "rotationConfig": { "rotationPeriodDays": 5 } });
    let spec = spec().with_config(config);
    let key =
        |bucket: &Bucket| bucket.generated_secret.text(&["storageKey"]).unwrap().unwrap().expose().clone();
    let first = cloud.create(&spec).await.unwrap();
    tokio::time::advance(DAY * 4).await;
    assert_eq!(key(&cloud.create(&spec).await.unwrap()), key(&first));
    tokio::time::advance(DAY).await;
    cloud.changes();
    let second = cloud.create(&spec).await.unwrap();
    assert_eq!(cloud.changes(), ["StorageAccounts_RegenerateKey"]);
    assert_ne!(key(&second), key(&first));
    // Whoever has the old key can go on with it.
    for secret in [&first.generated_secret, &second.generated_secret] {
        let store = cloud.storage().open(&BucketRef::new(name(), region(), secret.clone())).await.unwrap();
        put(&*store, &["a"]).await;
    }
    tokio::time::advance(DAY * 5).await;
    let third = cloud.create(&spec).await.unwrap();
    assert_ne!(key(&third), key(&second));
    let old = BucketRef::new(name(), region(), first.generated_secret.clone());
    let store = cloud.storage().open(&old).await.unwrap();
    assert!(store.get(&Path::from("a")).await.is_err(), "the first key was made anew");
    // Without a rotation wanted there is none.
    tokio::time::advance(DAY * 100).await;
    assert_eq!(key(&cloud.create(&self::spec()).await.unwrap()), key(&third));
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
            let first = cloud.sandbox.faults().add(fault().on("*", "*").on_call(call));
            let rest = cloud.sandbox.faults().add(Fault::no_connection().on("*", "*").skip(call));
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
    let wanted = spec().with_retention(days(1, RetentionMode::Compliance)).with_versioning(true);
    let points = interrupted(
        async |_| {},
        async |cloud, storage| storage.create_bucket(&wanted, &cloud.secret).await.map(drop),
        async |cloud| {
            cloud.changes();
            assert_eq!(cloud.create(&wanted).await.unwrap().retention, wanted.retention);
            assert_eq!(cloud.changes(), Vec::<String>::new());
            assert_eq!(cloud.left().len(), 3, "{:?}", cloud.left());
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
}

#[tokio::test(start_paused = true)]
async fn deletion_interrupted_anywhere_is_finished_by_the_next() {
    let points = interrupted(
        filled,
        async |cloud, storage| storage.delete_bucket(&cloud.bucket()).await,
        async |cloud| assert_eq!(cloud.left(), Vec::<String>::new()),
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
    let cloud = Cloud::with(SandboxOptions::default());
    filled(&cloud).await;
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    assert_eq!(cloud.left(), Vec::<String>::new());
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(0, 0));
    let error = cloud.storage().get_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    cloud.create(&spec()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_others_keep_in_the_group_or_the_account_stays() {
    let cloud = Cloud::new();
    cloud.create(&spec()).await.unwrap();
    let session = cloud.session();
    let theirs = blob_containers::container(&cloud.account(), "theirs");
    session.run(&blob_containers::create(&theirs)).await.unwrap();
    let error = cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
    assert!(error.to_string().contains("theirs"), "{error}");
    session.run(&blob_containers::delete(&theirs)).await.unwrap();
    let other = storage_accounts::id(&cloud.group(), "theirs0");
    let new = storage_accounts::NewAccount {
        location: "westeurope".to_owned(),
        sku: "Standard_LRS",
        tags: std::collections::BTreeMap::new(),
        properties: storage_accounts::Properties::default(),
    };
    session.change(&storage_accounts::create(&other, &new)).await.unwrap();
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    let mut left = cloud.left();
    left.sort();
    assert_eq!(left, [NAME, "theirs0"], "the group is not deleted with what is in it");
}

#[tokio::test(start_paused = true)]
async fn a_prefix_takes_all_versions_and_no_sibling() {
    let cloud = Cloud::new();
    cloud.create(&spec().with_versioning(true)).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/1", "a/ü b/2", "ab/1", "a.txt", "b/a/1"]).await;
    store.delete(&Path::from("a/1")).await.unwrap();
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(3, 0));
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), DeletedObjects::new(0, 0), "no version is left");
    assert_eq!(keys(&*store).await, ["a.txt", "ab/1", "b/a/1"]);
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_to_their_last_page() {
    let cloud = Cloud::new();
    cloud.sandbox.set_max_page(2);
    cloud.create(&spec()).await.unwrap();
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/2", "a/3", "a/4", "a/5"]).await;
    assert_eq!(keys(&*store).await.len(), 5);
    for number in 1..=4 {
        let spec = BucketSpec::new(BucketName::new(format!("other-{number}")).unwrap(), region());
        cloud.create(&spec).await.unwrap();
    }
    let mut listed: Vec<_> =
        cloud.storage().list_buckets(region(), cloud.secret.clone()).try_collect().await.unwrap();
    listed.sort();
    let listed: Vec<_> = listed.iter().map(BucketName::as_str).collect();
    assert_eq!(listed, [NAME, "other-1", "other-2", "other-3", "other-4"]);
}

#[tokio::test(start_paused = true)]
async fn retained_blobs_are_counted_marked_once_and_gone_in_the_end() {
    let cloud = Cloud::new();
    let retention = days(2, RetentionMode::Compliance);
    let secret = cloud.create(&spec().with_retention(retention)).await.unwrap().generated_secret;
    let store = cloud.open().await;
    put(&*store, &["a/1", "a/2", "b/1"]).await;
    // Whoever has nothing but the account's key can mark them.
    let bucket = BucketRef::new(name(), region(), secret);
    let prefix = ObjectPrefix::new("a").unwrap();
    let first = cloud.storage().delete_prefix(&bucket, &prefix).await.unwrap();
    assert_eq!(first, DeletedObjects::new(0, 2));
    cloud.changes();
    assert_eq!(cloud.delete_prefix("a").await.unwrap(), first);
    assert!(cloud.changes().iter().all(|operation| operation == "DeleteBlob"), "marked twice");
    let error = cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
    assert!(error.to_string().contains("3 objects are under a retention"), "{error}");
    assert!(store.put(&Path::from("a/1"), "new".into()).await.is_err(), "it cannot be overwritten");

    tokio::time::advance(DAY * 3).await;
    assert_eq!(keys(&*store).await, Vec::<String>::new(), "the rule deletes what was marked");
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    assert_eq!(cloud.left(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_unlocked_policy_may_change_and_a_locked_one_only_grow() {
    use RetentionMode::{Compliance, Governance};
    for (from, to, allowed, calls) in [
        (
            None,
            Some(days(1, Governance)),
            true,
            vec!["ManagementPolicies_CreateOrUpdate", "ImmutabilityPolicies_CreateOrUpdate"],
        ),
        (Some(days(1, Governance)), Some(days(1, Compliance)), true, vec!["ImmutabilityPolicies_Lock"]),
        (Some(days(2, Governance)), None, true, vec!["ImmutabilityPolicies_Delete"]),
        (
            Some(days(2, Governance)),
            Some(days(1, Compliance)),
            true,
            vec![
                "ManagementPolicies_CreateOrUpdate",
                "ImmutabilityPolicies_CreateOrUpdate",
                "ImmutabilityPolicies_Lock",
            ],
        ),
        (
            Some(days(1, Compliance)),
            Some(days(2, Compliance)),
            true,
            vec!["ManagementPolicies_CreateOrUpdate", "ImmutabilityPolicies_Extend"],
        ),
        (Some(days(2, Compliance)), Some(days(1, Compliance)), false, vec![]),
        (Some(days(1, Compliance)), Some(days(2, Governance)), false, vec![]),
        (Some(days(1, Compliance)), None, false, vec![]),
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
        assert_eq!(cloud.changes(), calls, "{from:?} to {to:?}");
        if allowed {
            assert_eq!(result.unwrap().retention, to, "{from:?} to {to:?}");
            assert_eq!(cloud.storage().get_bucket(&cloud.bucket()).await.unwrap().retention, to);
        } else {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{from:?} to {to:?}: {error}");
            assert!(error.to_string().contains("immutability"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_of_somebody_else_is_neither_adopted_nor_deleted() {
    let cloud = Cloud::new();
    cloud.sandbox.azure().plant_foreign_storage_account(ACCOUNT);
    let error = cloud.create(&spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("belongs to somebody else"), "{error}");
    assert_eq!(cloud.left(), Vec::<String>::new(), "no group is left behind");
    cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap();
    assert_eq!(cloud.create(&spec()).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_in_another_region_is_named_with_its_region() {
    let cloud = Cloud::new();
    cloud.create(&BucketSpec::new(name(), Region::new("northeurope").unwrap())).await.unwrap();
    let error = cloud.create(&spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("northeurope"), "{error}");
    for error in [
        cloud.storage().get_bucket(&cloud.bucket()).await.unwrap_err(),
        cloud.storage().delete_bucket(&cloud.bucket()).await.unwrap_err(),
        cloud.delete_prefix("a").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains("region"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_there_is_used_wherever_it_lies() {
    let cloud = Cloud::new();
    let group = resource_groups::ResourceGroup {
        location: "northeurope".to_owned(),
        ..resource_groups::ResourceGroup::default()
    };
    cloud.session().run(&resource_groups::create_or_update(&cloud.group(), &group)).await.unwrap();
    cloud.create(&spec()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn objects_are_written_in_parts_and_created_only_once() {
    let cloud = Cloud::new();
    cloud.create(&spec().with_retention(days(1, RetentionMode::Governance))).await.unwrap();
    let store = cloud.open().await;
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
    assert_eq!(
        store.get_range(&Path::from("etcd/large"), (5 << 20) - 1..(5 << 20) + 1).await.unwrap(),
        [7u8, 8][..]
    );
}

#[tokio::test(start_paused = true)]
async fn bad_input_names_its_field_and_makes_no_call() {
    let cloud = Cloud::new();
    let mut no_days = spec();
    no_days.abort_uploads_after_days = 3;
    let named = |name: &str| BucketSpec::new(BucketName::new(name).unwrap(), region());
    for (spec, field) in [
        (no_days, "abort_uploads_after_days"),
        (named("backup.example"), "bucket.name"),
        (named("backup--0"), "bucket.name"),
        (
            spec().with_encryption(Encryption::Key("https://v.vault.azure.net/keys/k".to_owned())),
            "encryption.key",
        ),
        (
            spec().with_retention(Retention::new(Duration::from_hours(25), RetentionMode::Governance)),
            "retention.period",
        ),
        (spec().with_config(json!({ "imutability": {} })), "imutability"),
        (spec().with_config(json!({ "rotationConfig": { "rotationPeriodDays": 1 } })), "rotationPeriodDays"),
    ] {
        let error = cloud.create(&spec).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    assert!(cloud.sandbox.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn other_changes_and_throttling_are_waited_out() {
    let cloud = Cloud::new();
    let busy = Fault::error_with("StorageAccountOperationInProgress", 409, "busy");
    cloud.sandbox.faults().add(busy.on("storage", "BlobContainers_CreateOrUpdate").times(3));
    cloud.create(&spec()).await.unwrap();
    put(&*cloud.open().await, &["a/1", "a/2"]).await;
    cloud.sandbox.faults().add(Fault::throttled().on("blob", "DeleteBlob").times(3));
    assert_eq!(cloud.delete_prefix("a").await.unwrap().deleted, 2);
}
