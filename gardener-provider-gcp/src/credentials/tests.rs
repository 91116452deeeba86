use std::collections::BTreeMap;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use gardener_provider_client::{fake::FakeTransport, transport::TransportErrorKind};
use serde_json::{Value, json};

use super::*;
use crate::testing::{EMAIL, KEY, PROJECT, TOKEN, builder, key_file, pem, secret};

fn form(script: &FakeTransport, index: usize) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(script.requests()[index].body()).into_owned().collect()
}

fn body(script: &FakeTransport, index: usize) -> Value {
    serde_json::from_slice(script.requests()[index].body()).unwrap()
}

async fn token(script: &FakeTransport, secret: &SecretData) -> Result<AccessToken> {
    let session = builder(script).sessions().unwrap().get(secret)?;
    session.credentials().get().await
}

#[tokio::test(start_paused = true)]
async fn a_key_signs_for_a_token_that_all_share_until_it_expires() {
    let script = FakeTransport::new().reply(200, TOKEN).reply(200, TOKEN.replace("ya29.token", "ya29.next"));
    let sessions = builder(&script).sessions().unwrap();
    let session = sessions.get(&secret()).unwrap();
    assert_eq!(session.project(), PROJECT);
    let chain = session.credentials();
    let (one, other) = futures::future::join(chain.get(), chain.get()).await;
    assert_eq!(
        (one.unwrap().expose().as_str(), other.unwrap().expose().as_str()),
        ("ya29.token", "ya29.token")
    );
    assert_eq!(script.requests()[0].uri(), "https://oauth2.googleapis.com/token");
    session.clock().sleep(Duration::from_secs(3500)).await;
    assert_eq!(chain.get().await.unwrap().expose(), "ya29.next");
    assert_eq!(script.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_statement_is_signed_and_says_who_asks_for_what() {
    let script = FakeTransport::new().reply(200, TOKEN);
    token(&script, &secret()).await.unwrap();
    let form = form(&script, 0);
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let parts: Vec<_> = form["assertion"].split('.').collect();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let header: Value = serde_json::from_slice(&decode(parts[0])).unwrap();
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "0a1b2c" }));
    let claims: Value = serde_json::from_slice(&decode(parts[1])).unwrap();
    assert_eq!(
        claims,
        json!({
            "iss": EMAIL, "scope": SCOPE, "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_795_334_400, "exp": 1_795_338_000,
        })
    );
    let public: PublicKeyX509Der<'_> = KEY.public_key().as_der().unwrap();
    let message = format!("{}.{}", parts[0], parts[1]);
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref())
        .verify(message.as_bytes(), &decode(parts[2]))
        .unwrap();
}

/// The key file with a field set, or taken away.
fn with(field: &str, value: Option<Value>) -> SecretData {
    let mut file = key_file();
    match value {
        Some(value) => file[field] = value,
        None => drop(file.as_object_mut().unwrap().remove(field)),
    }
    SecretData::new().with("serviceaccount.json", file.to_string())
}

#[test]
fn a_key_file_is_checked_before_anything_in_it_is_followed() {
    let evil = || Some(json!("https://evil.example.com/token"));
    for (field, value, problem) in [
        ("token_uri", evil(), "must be https://oauth2.googleapis.com/token"),
        ("auth_uri", evil(), "must be"),
        ("auth_provider_x509_cert_url", evil(), "must be"),
        ("client_x509_cert_url", evil(), "must begin with"),
        ("universe_domain", Some(json!("evil.example.com")), "must be googleapis.com"),
        ("credential_source", Some(json!({ "url": "http://169.254.169.254/" })), "is not allowed"),
        ("type", Some(json!("authorized_user")), "is not accepted"),
        ("type", Some(json!("gdch_service_account")), "is not accepted"),
        ("type", None, "is missing"),
        ("client_email", None, "is missing"),
        ("client_email", Some(json!("a/b@c")), "names no service account"),
        ("private_key", None, "is missing"),
        ("private_key", Some(json!(["hunter2"])), "must be a text"),
        ("private_key", Some(json!("hunter2")), "is no private key in PEM"),
        ("private_key", Some(json!(pem().replace("PRIVATE", "PUBLIC"))), "is no private key in PEM"),
    ] {
        let violations = Trust::default().violations(&with(field, value));
        assert_eq!(violations.len(), 1, "{field}");
        assert_eq!(violations[0].field, format!("secret.serviceaccount.json.{field}"));
        assert!(violations[0].problem.contains(problem), "{field}: {}", violations[0].problem);
        assert!(!violations[0].problem.contains("hunter2"));
    }
    assert!(Trust::default().violations(&secret()).is_empty());
}

#[test]
fn the_secret_says_which_project_and_which_key() {
    let identity = |secret: &SecretData| Trust::default().identity(secret);
    let named = with("project_id", None).with("projectID", "other-project");
    assert_eq!(identity(&named).unwrap().project, "other-project");
    let of_domain = with("project_id", Some(json!("example.com:my-project")));
    assert_eq!(identity(&of_domain).unwrap().project, "example.com:my-project");
    let alias = SecretData::new().with("serviceAccountJSON", key_file().to_string());
    assert_eq!(identity(&alias).unwrap().project, PROJECT);
    for (secret, field) in [
        (with("project_id", None), "secret.projectID: is missing"),
        (
            with("project_id", Some(json!("../other"))),
            "secret.serviceaccount.json.project_id: is no project id",
        ),
        (
            SecretData::new(),
            "secret.serviceAccountJSON or secret.serviceaccount.json or secret.credentialsConfig",
        ),
        (
            SecretData::new().with("serviceaccount.json", "not json hunter2"),
            "secret.serviceaccount.json: is not JSON",
        ),
        (
            SecretData::new().with("serviceaccount.json", "[]"),
            "secret.serviceaccount.json: must be a JSON object",
        ),
        (secret().with("credentialsConfig", "{}"), "secret.credentialsConfig: stands beside"),
    ] {
        let error = identity(&secret).unwrap_err().to_string();
        assert!(error.starts_with(field) && !error.contains("hunter2"), "{error}");
    }
}

fn workload(change: impl FnOnce(&mut Value)) -> SecretData {
    let mut config = json!({
        "universe_domain": "googleapis.com",
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url":
            format!("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"),
        "credential_source": { "file": WORKLOAD_IDENTITY_TOKEN, "format": { "type": "text" } },
    });
    change(&mut config);
    SecretData::new().with("credentialsConfig", config.to_string()).with("projectID", PROJECT)
}

#[test]
fn a_workload_identity_reads_one_file_and_asks_google_alone() {
    let trust = Trust::default();
    assert!(trust.violations(&workload(|_| {})).is_empty());
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 9] = [
        (|c| c["token_url"] = json!("https://evil.example.com/v1/token"), "token_url"),
        (|c| c["token_url"] = json!("https://sts.googleapis.com/v1/token?x=y"), "token_url"),
        (|c| c["token_info_url"] = json!("https://evil.example.com"), "token_info_url"),
        (
            |c| {
                c["service_account_impersonation_url"] =
                    json!("https://evil.example.com/a@b:generateAccessToken");
            },
            "service_account_impersonation_url",
        ),
        (
            |c| {
                c["service_account_impersonation_url"] = json!(
                    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b/../c:generateAccessToken"
                );
            },
            "service_account_impersonation_url",
        ),
        (|c| c["credential_source"]["file"] = json!("/etc/shadow"), "credential_source.file"),
        (|c| c["credential_source"]["url"] = json!("http://169.254.169.254"), "credential_source.url"),
        (
            |c| c["credential_source"] = json!({ "executable": { "command": "/bin/sh" } }),
            "credential_source.executable",
        ),
        (
            |c| c["subject_token_type"] = json!("urn:ietf:params:aws:token-type:aws4_request"),
            "subject_token_type",
        ),
    ];
    for (change, field) in changes {
        let violations = trust.violations(&workload(change));
        assert_eq!(violations[0].field, format!("secret.credentialsConfig.{field}"), "{violations:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_workload_exchanges_its_token_and_then_acts_as_its_service_account() {
    let path = std::env::temp_dir().join(format!("gardener-provider-gcp-wi-{}", std::process::id()));
    std::fs::write(&path, "the-jwt\n").unwrap();
    let script = FakeTransport::new()
        .reply(
            200,
            r#"{"access_token":"federated","issued_token_type":"x","token_type":"Bearer","expires_in":3599}"#,
        )
        .reply(200, r#"{"accessToken":"ya29.acting","expireTime":"2026-11-22T09:00:00Z"}"#);
    let secret = workload(|config| config["credential_source"]["file"] = json!(path));
    let sessions = builder(&script).workload_identity_token(&path).sessions().unwrap();
    let session = sessions.get(&secret).unwrap();
    let token = session.credentials().get().await;
    std::fs::remove_file(&path).unwrap();
    assert_eq!(token.unwrap().expose(), "ya29.acting");
    assert_eq!(script.requests()[0].uri(), "https://sts.googleapis.com/v1/token");
    assert_eq!(body(&script, 0)["subjectToken"], "the-jwt");
    let second = &script.requests()[1];
    assert!(second.uri().path().ends_with(":generateAccessToken"), "{}", second.uri());
    assert_eq!(second.headers()["authorization"], "Bearer federated");
    session.clock().sleep(Duration::from_secs(3590)).await;
    let old = session.credentials().get().await.unwrap();
    assert_eq!(old.expose(), "ya29.acting", "it is good for ten seconds more");
    session.clock().sleep(Duration::from_secs(20)).await;
    let error = session.credentials().get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("credential_source.file"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn whatever_refuses_a_token_does_not_say_that_a_machine_is_gone() {
    for (status, reply, kind) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
            ErrorKind::Unauthenticated,
        ),
        (
            404,
            r#"{"error":{"code":404,"status":"NOT_FOUND","message":"no such account"}}"#,
            ErrorKind::Unauthenticated,
        ),
        (200, "{}", ErrorKind::Unauthenticated),
        (403, r#"{"error":{"code":403,"status":"PERMISSION_DENIED"}}"#, ErrorKind::PermissionDenied),
        (503, "", ErrorKind::Unavailable),
    ] {
        let error = token(&FakeTransport::new().reply(status, reply), &secret()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.operation(), Some("oauth2.token"));
    }
    let silent = FakeTransport::new().no_reply(TransportErrorKind::Timeout);
    assert_eq!(token(&silent, &secret()).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn nothing_shows_a_secret() {
    let identity = Trust::default().identity(&secret()).unwrap();
    let shown = format!(
        "{identity:?} {:?}",
        Signer::new(match &identity.proof {
            Proof::Key(key) => key,
            other => panic!("{other:?}"),
        })
    );
    assert!(!shown.contains(&pem()[40..80]), "{shown}");
}

#[test]
fn the_environments_credentials_do_not_mix_with_a_secrets() {
    let trust = Trust { source: CredentialSource::Ambient, ..Trust::default() };
    let project = SecretData::new().with("projectID", PROJECT);
    assert!(matches!(trust.identity(&project).unwrap().proof, Proof::Ambient(_)));
    let error = trust.identity(&secret()).unwrap_err().to_string();
    assert!(error.contains("secret.serviceaccount.json: must not be there"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_object_store_gets_the_same_token() {
    let script = FakeTransport::new().reply(200, TOKEN);
    let session = builder(&script).sessions().unwrap().get(&secret()).unwrap();
    let bearer = ObjectStoreCredentials(Arc::clone(session.credentials())).get_credential().await.unwrap();
    assert_eq!(bearer.bearer, "ya29.token");
    session.credentials().get().await.unwrap();
    assert_eq!(script.requests().len(), 1);
}

/// Every proof against a cloud that checks it.
mod on_the_sandbox {
    use gardener_provider_client::clock::TokioClock;
    use gardener_provider_sandbox::{Sandbox, SandboxOptions};

    use super::*;
    use crate::{GcpProvider, GcpProviderBuilder, api::instances};

    struct Lab {
        sandbox: Sandbox,
        clock: TokioClock,
        folder: PathBuf,
    }

    impl Lab {
        fn new(name: &str) -> Self {
            let clock = TokioClock::default();
            let sandbox = Sandbox::new(SandboxOptions::default().with_clock(Arc::new(clock)));
            let folder =
                std::env::temp_dir().join(format!("gardener-provider-gcp-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self { sandbox, clock, folder }
        }

        fn file(&self, name: &str, content: impl ToString) -> PathBuf {
            let path = self.folder.join(name);
            std::fs::write(&path, content.to_string()).unwrap();
            path
        }

        fn builder(&self) -> GcpProviderBuilder {
            GcpProvider::builder().transport(Arc::new(self.sandbox.clone())).clock(Arc::new(self.clock))
        }

        /// A provider that lives in this environment.
        fn ambient(&self, environment: Environment) -> GcpProviderBuilder {
            let mut builder = self.builder().credentials(CredentialSource::Ambient);
            builder.trust.environment = environment;
            builder
        }
    }

    impl Drop for Lab {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    fn project() -> SecretData {
        SecretData::new().with("projectID", "sandbox-project")
    }

    /// What a call comes to: nothing is found if the token is good.
    async fn outcome(builder: GcpProviderBuilder, secret: &SecretData) -> Result<bool> {
        let session = builder.sessions()?.get(secret)?;
        let get = instances::get(session.project(), "europe-west1-b", "nothing");
        session.find(&get).await.map(|found| found.is_none())
    }

    #[tokio::test(start_paused = true)]
    async fn the_metadata_server_gives_a_token_to_who_has_nothing_else() {
        let lab = Lab::new("metadata");
        assert!(outcome(lab.ambient(Environment::default()), &project()).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn the_metadata_server_may_be_elsewhere() {
        let script = FakeTransport::new().reply(200, TOKEN);
        let mut builder = builder(&script).credentials(CredentialSource::Ambient);
        let host = Some("127.0.0.1:9000".to_owned());
        builder.trust.environment = Environment { metadata_host: host, ..Environment::default() };
        let session = builder.sessions().unwrap().get(&project()).unwrap();
        session.credentials().get().await.unwrap();
        let request = &script.requests()[0];
        assert_eq!(request.uri().authority().unwrap(), "127.0.0.1:9000");
        assert_eq!(request.headers()["metadata-flavor"], "Google");
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_is_good_until_it_is_revoked() {
        let lab = Lab::new("login");
        let file = json!({
            "type": "authorized_user", "client_id": "id.apps.googleusercontent.com", "client_secret": "s",
            "refresh_token": "1//refresh", "quota_project_id": "sandbox-project", "universe_domain": "googleapis.com",
        });
        let login = Some(lab.file("login.json", file));
        let environment = || Environment { login: login.clone(), ..Environment::default() };
        let error = outcome(lab.ambient(environment()), &project()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        lab.sandbox.gcp().accept_refresh_token("1//refresh", "me@example.com");
        assert!(outcome(lab.ambient(environment()), &project()).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_file_of_the_operator_may_act_as_another_account() {
        let lab = Lab::new("impersonation");
        let key = lab.sandbox.gcp().service_account_key();
        let url = format!(
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{}:generateAccessToken",
            key.email
        );
        let source: Value = serde_json::from_str(key.to_json().expose()).unwrap();
        let file = json!({
            "type": "impersonated_service_account", "service_account_impersonation_url": url,
            "source_credentials": source, "delegates": [],
        });
        let named = Some(lab.file("impersonated.json", file));
        let environment = || Environment { named: named.clone(), ..Environment::default() };
        let error = outcome(lab.ambient(environment()), &project()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        lab.sandbox.gcp().allow_impersonation(&key.email, &key.email);
        assert!(outcome(lab.ambient(environment()), &project()).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_workload_identity_is_exchanged_and_may_act_as_an_account() {
        let lab = Lab::new("workload");
        let token = lab.file("token", "the-jwt");
        let email = lab.sandbox.gcp().service_account_key().email;
        let with_account = |config: &mut Value| {
            config["credential_source"]["file"] = json!(token);
            let url = config["service_account_impersonation_url"].as_str().unwrap().replace(EMAIL, &email);
            config["service_account_impersonation_url"] = json!(url);
        };
        let secret = workload(with_account).with("projectID", "sandbox-project");
        let builder = || lab.builder().workload_identity_token(&token);
        let error = outcome(builder(), &secret).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        let audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g";
        lab.sandbox.gcp().accept_subject_token("the-jwt", audience, "shoot", None);
        let error = outcome(builder(), &secret).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        lab.sandbox.gcp().allow_impersonation("*", &email);
        assert!(outcome(builder(), &secret).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_has_expired_is_fetched_anew() {
        let lab = Lab::new("expiry");
        let key = lab.sandbox.gcp().service_account_key();
        let secret = SecretData::new().with("serviceAccountJSON", key.to_json().expose().as_str());
        let session = lab.builder().sessions().unwrap().get(&secret).unwrap();
        let get = instances::get(session.project(), "europe-west1-b", "nothing");
        for _ in 0..3 {
            assert!(session.find(&get).await.unwrap().is_none());
            lab.clock.sleep(Duration::from_secs(3600)).await;
        }
        lab.sandbox.gcp().remove_service_account_key(&key.id);
        lab.clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(session.find(&get).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
}
