use gardener_provider_client::clock::{Clock, TokioClock};
use gardener_provider_client::fake::FakeTransport;
use object_store::CredentialProvider;

use super::*;
use crate::{
    api::sts as sts_api,
    session::Session,
    testing::{KEY, SECRET, builder, day, forms, region, secret},
};

fn of(secret: &SecretData) -> Result<Identity> {
    Identity::of(secret, CredentialSource::Secret)
}

#[test]
fn both_spellings_of_the_key_pair_are_read() {
    let old = SecretData::new().with("providerAccessKeyId", KEY).with("providerSecretAccessKey", SECRET);
    assert_eq!(of(&old).unwrap(), of(&secret()).unwrap());
    let temporary = of(&secret().with("sessionToken", "t")).unwrap();
    assert!(matches!(temporary, Identity::Key { token: Some(_), .. }));
}

#[test]
fn what_is_missing_or_wrong_is_named_and_its_value_is_not() {
    let role = "arn:aws:iam::123456789012:role/shoot";
    let table = [
        (SecretData::new(), "secret.providerAccessKeyId or secret.accessKeyID"),
        (SecretData::new().with("userData", "x"), "secret.providerAccessKeyId or secret.accessKeyID"),
        (
            SecretData::new().with("accessKeyID", KEY),
            "secret.providerSecretAccessKey or secret.secretAccessKey",
        ),
        (
            SecretData::new().with("secretAccessKey", SECRET),
            "secret.providerAccessKeyId or secret.accessKeyID",
        ),
        (secret().with("accessKeyID", "  "), "secret.accessKeyID"),
        (
            secret().with("accessKeyID", "AKID\nSECRETISH x"),
            "secret.providerAccessKeyId or secret.accessKeyID",
        ),
        (secret().with("secretAccessKey", vec![0xff]), "secret.secretAccessKey"),
        (SecretData::new().with("roleARN", role), "secret.workloadIdentityTokenFile"),
        (SecretData::new().with("workloadIdentityTokenFile", "/t"), "secret.roleARN"),
        (SecretData::new().with("workloadIdentityTokenFile", "/t").with("roleARN", "x"), "secret.roleARN"),
        (
            secret().with("workloadIdentityTokenFile", "/t").with("roleARN", role),
            "secret.workloadIdentityTokenFile",
        ),
    ];
    for (secret, field) in table {
        let error = of(&secret).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{field}");
        let text = format!("{error} {error:?}");
        assert!(error.to_string().starts_with(&format!("{field}: ")), "{text}");
        assert!(!text.contains(SECRET) && !text.contains("SECRETISH"), "{text}");
    }
}

#[test]
fn the_environments_credentials_serve_only_where_they_were_asked_for() {
    assert!(of(&SecretData::new()).is_err());
    let ambient = |secret: &SecretData| Identity::of(secret, CredentialSource::Ambient);
    assert_eq!(ambient(&SecretData::new().with("userData", "x")).unwrap(), Identity::Ambient);
    assert!(ambient(&secret()).unwrap_err().to_string().starts_with("secret.accessKeyID: "));
}

#[test]
fn an_identity_shows_no_secret() {
    let text = format!("{:?}", of(&secret().with("sessionToken", "FwoGZX")).unwrap());
    assert!(!text.contains(KEY) && !text.contains(SECRET) && !text.contains("FwoGZX"), "{text}");
}

const CALLER: &str =
    "<R><GetCallerIdentityResult><Arn>a</Arn><Account>1</Account></GetCallerIdentityResult></R>";

fn role_reply(key: &str, minute: u32) -> String {
    format!(
        "<R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId>\
         <SecretAccessKey>s-{key}</SecretAccessKey><SessionToken>t-{key}</SessionToken>\
         <Expiration>2026-11-22T08:{minute:02}:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></R>"
    )
}

struct TokenFile(PathBuf);

impl TokenFile {
    fn new(name: &str, token: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gardener-provider-aws-{}-{name}", std::process::id()));
        std::fs::write(&path, token).unwrap();
        Self(path)
    }

    fn secret(&self) -> SecretData {
        SecretData::new()
            .with("workloadIdentityTokenFile", self.0.to_str().unwrap())
            .with("roleARN", "arn:aws:iam::123456789012:role/shoot")
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn session(script: &FakeTransport, clock: TokioClock, secret: &SecretData) -> Arc<Session> {
    builder(script).clock(Arc::new(clock)).sessions().unwrap().get(secret, &region()).unwrap()
}

#[tokio::test]
async fn a_workload_identity_is_exchanged_once_and_again_before_it_expires() {
    tokio::time::pause();
    let file = TokenFile::new("refresh", "jwt-1\n");
    let script = FakeTransport::new()
        .reply(200, role_reply("ONE", 15))
        .reply(200, CALLER)
        .reply(200, CALLER)
        .reply(200, role_reply("TWO", 30))
        .reply(200, CALLER);
    let clock = TokioClock::starting_at(day());
    let session = session(&script, clock, &file.secret());
    let call = || async { session.run(&sts_api::get_caller_identity()).await.unwrap() };
    call().await;
    call().await;
    clock.sleep(Duration::from_secs(10 * 60 + 1)).await;
    std::fs::write(&file.0, "jwt-2").unwrap();
    call().await;
    let (requests, forms) = (script.requests(), forms(&script));
    assert_eq!(forms[0]["Action"], "AssumeRoleWithWebIdentity");
    assert_eq!((&*forms[0]["WebIdentityToken"], &*forms[3]["WebIdentityToken"]), ("jwt-1", "jwt-2"));
    assert!(!requests[0].headers().contains_key("authorization"));
    assert_eq!(requests[1].headers()["x-amz-security-token"], "t-ONE");
    assert_eq!(requests[4].headers()["x-amz-security-token"], "t-TWO");
    let authorization = requests[4].headers()["authorization"].to_str().unwrap();
    assert!(authorization.contains("x-amz-security-token"), "the token must be signed: {authorization}");
}

#[tokio::test]
async fn refused_temporary_credentials_are_renewed_once() {
    tokio::time::pause();
    let file = TokenFile::new("renew", "jwt");
    let expired = "<E><Error><Code>ExpiredToken</Code><Message>m</Message></Error></E>";
    let script = FakeTransport::new()
        .reply(200, role_reply("ONE", 59))
        .reply(403, expired)
        .reply(200, role_reply("TWO", 59))
        .reply(403, expired);
    let session = session(&script, TokioClock::starting_at(day()), &file.secret());
    let error = session.run(&sts_api::get_caller_identity()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(script.requests().len(), 4);
}

#[tokio::test]
async fn the_object_store_has_the_same_credentials() {
    tokio::time::pause();
    let file = TokenFile::new("store", "jwt");
    let script = FakeTransport::new().reply(200, role_reply("ONE", 59)).reply(200, CALLER);
    let session = session(&script, TokioClock::starting_at(day()), &file.secret());
    let store = ObjectStoreCredentials(Arc::clone(session.credentials()));
    assert_eq!(store.get_credential().await.unwrap().token.as_deref(), Some("t-ONE"));
    session.run(&sts_api::get_caller_identity()).await.unwrap();
    assert_eq!(script.requests().len(), 2, "the token was fetched once for both");
    assert!(!format!("{store:?}").contains("ONE"));
}

#[tokio::test(start_paused = true)]
async fn a_token_file_that_is_not_there_is_an_error_of_authentication() {
    let secret = SecretData::new()
        .with("workloadIdentityTokenFile", "/nonexistent/token")
        .with("roleARN", "arn:aws:iam::1:role/r");
    let session = session(&FakeTransport::new(), TokioClock::starting_at(day()), &secret);
    let error = session.run(&sts_api::get_caller_identity()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("secret.workloadIdentityTokenFile"), "{error}");
}
