//! The signer against moto, which works every signature out for itself and refuses what differs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use std::collections::BTreeMap;

use futures::TryStreamExt;
use gardener_provider_aws::{
    AwsProvider, AwsProviderBuilder,
    api::{
        Operation,
        describe::Query,
        family, iam,
        query::{self, Form},
        s3::{Target, objects, objects::Version},
        vpcs,
    },
    endpoints::{Endpoints, Service},
};
use gardener_provider_client::{call::Idempotency, retry::RetryPolicy};
use gardener_provider_conformance::tools::{self, Moto, MotoOptions};
use gardener_provider_core::{
    BucketName, BucketRef, BucketSpec, Error, ErrorKind, ObjectPrefix, Region, SecretData,
};
use object_store::{ObjectStoreExt, path::Path};
use serde::Deserialize;
use serde_json::json;
use url::Url;

/// The calls of [`Account::open`], after which moto checks signatures.
const CALLS_WITHOUT_SIGNATURE: u32 = 6;

struct Account {
    moto: Moto,
    user: SecretData,
    role: SecretData,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Keys {
    fn secret(&self) -> SecretData {
        let secret = SecretData::new()
            .with("accessKeyID", self.access_key_id.clone())
            .with("secretAccessKey", self.secret_access_key.clone());
        match &self.session_token {
            Some(token) => secret.with("sessionToken", token.clone()),
            None => secret,
        }
    }
}

impl Account {
    /// An account with a user and a role that may do everything.
    async fn open(name: &str) -> Option<Self> {
        let options = MotoOptions::default().with_authentication_after(CALLS_WITHOUT_SIGNATURE);
        let moto = tools::moto(name, &options)?;
        let anybody = Keys {
            access_key_id: "AKIAANYBODYANYBODY00".to_owned(),
            secret_access_key: "any".to_owned(),
            session_token: None,
        };
        let builder = at(&moto).sessions().unwrap();
        let session = builder.get(&anybody.secret(), &region()).unwrap();
        let everything = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "*", "Resource": "*" }] })
        .to_string();
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" }] });
        let form = |operation, form: Form| {
            Operation::new(
                form.request(Service::Iam, operation, family::IAM, Idempotency::Once),
                query::nothing,
            )
        };
        session.run(&form("CreateUser", Form::new().put("UserName", "u"))).await.unwrap();
        let policy =
            Form::new().put("UserName", "u").put("PolicyName", "all").put("PolicyDocument", &everything);
        session.run(&form("PutUserPolicy", policy)).await.unwrap();
        session.run(&iam::create_role("r", &trust.to_string(), &BTreeMap::new())).await.unwrap();
        let policy =
            Form::new().put("RoleName", "r").put("PolicyName", "all").put("PolicyDocument", &everything);
        session.run(&form("PutRolePolicy", policy)).await.unwrap();
        let user = session.run(&create_access_key()).await.unwrap().secret();
        let role = session.run(&assume_role()).await.unwrap();
        assert!(role.session_token.is_some());
        Some(Self { moto, user, role: role.secret() })
    }

    fn builder(&self) -> AwsProviderBuilder {
        at(&self.moto)
    }
}

fn at(moto: &Moto) -> AwsProviderBuilder {
    AwsProvider::builder()
        .endpoints(Endpoints::all_at(Url::parse(&moto.endpoint()).unwrap()))
        .retry(RetryPolicy::none())
        .rates(Vec::new())
}

fn create_access_key() -> Operation<Keys> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        create_access_key_result: Made,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Made {
        access_key: Keys,
    }
    let request = Form::new().put("UserName", "u");
    let request = request.request(Service::Iam, "CreateAccessKey", family::IAM, Idempotency::Once);
    Operation::new(request, |reply| Ok(query::xml::<Reply>(reply)?.create_access_key_result.access_key))
}

fn assume_role() -> Operation<Keys> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        assume_role_result: Assumed,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Assumed {
        credentials: Keys,
    }
    let request =
        Form::new().put("RoleArn", "arn:aws:iam::123456789012:role/r").put("RoleSessionName", "session");
    let request = request.request(Service::Sts, "AssumeRole", family::STS, Idempotency::Safe);
    Operation::new(request, |reply| Ok(query::xml::<Reply>(reply)?.assume_role_result.credentials))
}

fn region() -> Region {
    Region::new("eu-west-1").unwrap()
}

fn wrong(secret: &SecretData) -> SecretData {
    let id = secret.get("accessKeyID").unwrap().expose().clone();
    SecretData::new().with("accessKeyID", id).with("secretAccessKey", "wr0ng/+=wr0ng")
}

/// Tags with everything that encodings stumble over.
fn odd_tags() -> BTreeMap<String, String> {
    [("Name", "ü & + / = % ?"), ("kubernetes.io/cluster/a b", "1"), ("empty", "")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// As odd as moto lets tags of objects be; S3 itself takes letters of all scripts.
fn object_tags() -> BTreeMap<String, String> {
    [("a b", "c + / = @ : . _ -"), ("empty", "")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[tokio::test]
async fn ec2_and_iam_take_signatures_of_a_user_and_of_a_role() {
    let Some(account) = Account::open("ec2_and_iam_take_signatures_of_a_user_and_of_a_role").await else {
        return;
    };
    let sessions = account.builder().sessions().unwrap();
    for secret in [&account.user, &account.role] {
        let session = sessions.get(secret, &region()).unwrap();
        let vpc = session.run(&vpcs::create_vpc("10.1.0.0/16", None, &odd_tags())).await.unwrap();
        let found = session.run(&vpcs::describe_vpcs(&Query::ids([&vpc.vpc_id]))).await.unwrap();
        let tags: BTreeMap<_, _> = found.items[0].tags.clone().into_iter().collect();
        assert_eq!(tags, odd_tags());
        let error = session.run(&iam::get_role("absent")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    let session = sessions.get(&wrong(&account.user), &region()).unwrap();
    let error: Error = session.run(&vpcs::describe_vpcs(&Query::default())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert!(!format!("{error:?}").contains("wr0ng"));
    let error = session.run(&iam::get_role("r")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
}

#[tokio::test]
async fn s3_takes_signatures_over_odd_keys_and_tags() {
    let Some(account) = Account::open("s3_takes_signatures_over_odd_keys_and_tags").await else { return };
    let sessions = account.builder().sessions().unwrap();
    let storage = account.builder().build().unwrap().storage;
    for (number, secret) in [&account.user, &account.role].into_iter().enumerate() {
        let name = BucketName::new(format!("signed-{number}")).unwrap();
        let spec = BucketSpec::new(name.clone(), region()).with_versioning(true);
        storage.create_bucket(&spec, secret).await.unwrap();
        let bucket = BucketRef::new(name.clone(), region(), secret.clone());
        let store = storage.open(&bucket).await.unwrap();
        let session = sessions.get(secret, &region()).unwrap();
        let target = Target::new(name.as_str());
        for key in ["a/plain", "a/with blank", "a/ü-é-日本", "a/+&=,;:@$!*'()~", "a/100%", "a/b/_-."] {
            let path = Path::parse(key).unwrap();
            store.put(&path, key.to_owned().into()).await.unwrap_or_else(|error| panic!("{key}: {error}"));
            assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), key);
            let version = Version { key: key.to_owned(), id: None };
            let put = objects::put_tags(&target, &version, &object_tags()).unwrap();
            session.run(&put).await.unwrap_or_else(|error| panic!("{key}: {error}"));
            let tags = session.run(&objects::get_tags(&target, &version).unwrap()).await.unwrap();
            assert_eq!(tags, object_tags(), "{key}");
        }
        let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
        assert_eq!(listed.len(), 6);
        let deleted = storage.delete_prefix(&bucket, &ObjectPrefix::new("a").unwrap()).await.unwrap();
        assert_eq!(deleted.deleted, 6);
        storage.delete_bucket(&bucket).await.unwrap();
    }
    let bucket = BucketRef::new(BucketName::new("signed-9").unwrap(), region(), wrong(&account.user));
    let spec = BucketSpec::new(bucket.name.clone(), region());
    for error in [
        storage.create_bucket(&spec, &bucket.secret).await.unwrap_err(),
        storage.list_buckets(region(), bucket.secret.clone()).try_collect::<Vec<_>>().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        assert!(!format!("{error} {error:?}").contains("wr0ng"));
    }
    let store = storage.open(&bucket).await.unwrap();
    let error = store.get(&Path::from("a")).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}
