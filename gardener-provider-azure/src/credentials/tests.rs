use gardener_provider_client::{
    clock::{Clock, TokioClock},
    fake::FakeTransport,
};
use gardener_provider_core::ErrorKind;
use object_store::CredentialProvider;

use super::*;
use crate::{
    api::{ResourceId, resource_groups},
    session::Session,
    testing::{CLIENT, SECRET, SUBSCRIPTION, TENANT, builder, day, identity, secret, token},
};

fn of(secret: &SecretData) -> Result<Identity> {
    Identity::of(secret, &CredentialSource::Secret)
}

#[test]
fn every_spelling_of_the_keys_is_read() {
    let spell = |keys: [&str; 4]| {
        let values = [CLIENT, SECRET, SUBSCRIPTION, TENANT];
        keys.into_iter().zip(values).collect::<SecretData>()
    };
    let plain = of(&secret()).unwrap();
    for keys in [
        ["clientID", "clientSecret", "subscriptionID", "tenantID"],
        ["azureClientId", "azureClientSecret", "azureSubscriptionId", "azureTenantId"],
        ["AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID"],
    ] {
        assert_eq!(of(&spell(keys)).unwrap(), plain, "{keys:?}");
    }
    assert_eq!(of(&secret().with("clientID", CLIENT.to_uppercase())).unwrap(), plain);
}

#[test]
fn what_is_missing_or_wrong_is_named_and_its_value_is_not() {
    let without = |key: &str| {
        let all = secret();
        let keys: Vec<_> = all.keys().filter(|known| *known != key).map(str::to_owned).collect();
        keys.into_iter()
            .map(|key| (key.clone(), all.get(&key).unwrap().expose().clone()))
            .collect::<SecretData>()
    };
    let table = [
        (SecretData::new(), "secret.clientID or secret.azureClientId or secret.AZURE_CLIENT_ID"),
        (without("tenantID"), "secret.tenantID or "),
        (without("subscriptionID"), "secret.subscriptionID or "),
        (without("clientSecret"), "secret.clientSecret"),
        (secret().with("tenantID", "hunter2.onmicrosoft.com/../x"), "secret.tenantID"),
        (secret().with("subscriptionID", "hunter2"), "secret.subscriptionID"),
        (secret().with("clientID", "00000000-c11e-0000-0000-00000000hunter2"), "secret.clientID"),
        (secret().with("clientSecret", "  "), "secret.clientSecret"),
        (secret().with("clientSecret", vec![0xff]), "secret.clientSecret"),
        (secret().with("workloadIdentityTokenFile", "/t"), "secret.workloadIdentityTokenFile"),
        (secret().with("clientCertificate", "hunter2"), "secret.clientCertificate"),
        (identity().with("clientCertificate", "hunter2"), "secret.clientCertificate"),
        (identity().with("workloadIdentityTokenFile", ""), "secret.workloadIdentityTokenFile"),
    ];
    for (secret, field) in table {
        let error = of(&secret).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{field}");
        let text = format!("{error} {error:?}");
        assert!(error.to_string().starts_with(field), "{field}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_environments_credentials_serve_only_where_they_were_asked_for() {
    let subscription = SecretData::new().with("subscriptionID", SUBSCRIPTION);
    assert!(of(&subscription).is_err());
    for source in [CredentialSource::ManagedIdentity { client_id: None }, CredentialSource::AzureCli] {
        let identity = Identity::of(&subscription, &source).unwrap();
        assert_eq!(identity.subscription, SUBSCRIPTION);
        let error = Identity::of(&secret(), &source).unwrap_err().to_string();
        assert!(error.starts_with("secret.clientID: "), "{error}");
        assert!(
            Identity::of(&SecretData::new(), &source).unwrap_err().to_string().contains("subscriptionID")
        );
    }
}

#[test]
fn an_identity_shows_no_secret() {
    let text = format!("{:?}", of(&secret()).unwrap());
    assert!(!text.contains("hunter2"), "{text}");
}

struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("gardener-provider-azure-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn secret(&self) -> SecretData {
        identity().with("workloadIdentityTokenFile", self.0.to_str().unwrap())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn session(
    script: &Arc<FakeTransport>,
    clock: TokioClock,
    secret: &SecretData,
    source: CredentialSource,
) -> Arc<Session> {
    let builder = builder(script).clock(Arc::new(clock)).credentials(source);
    builder.sessions().unwrap().get(secret, Cloud::Public).unwrap()
}

fn form(request: &http::Request<bytes::Bytes>) -> std::collections::BTreeMap<String, String> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

const GROUP: &str = r#"{"name":"g"}"#;

async fn call(session: &Session) -> Result<()> {
    session.run(&resource_groups::get(&ResourceId::group("s", "g"))).await.map(|_| ())
}

#[tokio::test]
async fn a_workload_identity_is_exchanged_once_and_again_before_it_expires() {
    tokio::time::pause();
    let file = File::new("refresh", "jwt-1\n");
    let script = Arc::new(
        FakeTransport::new()
            .reply(200, token("tok-1"))
            .reply(200, GROUP)
            .reply(200, GROUP)
            .reply(200, token("tok-2"))
            .reply(200, GROUP),
    );
    let clock = TokioClock::starting_at(day());
    let session = session(&script, clock, &file.secret(), CredentialSource::Secret);
    call(&session).await.unwrap();
    call(&session).await.unwrap();
    clock.sleep(Duration::from_secs(3599 - 300)).await;
    std::fs::write(&file.0, "jwt-2").unwrap();
    call(&session).await.unwrap();
    let requests = script.requests();
    let first = form(&requests[0]);
    let address = "https://login.microsoftonline.com/00000000-7e4a-0000-0000-000000000002/oauth2/v2.0/token";
    assert_eq!(requests[0].uri().to_string(), address);
    assert_eq!(requests[0].headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!((&*first["client_assertion"], &*first["client_id"]), ("jwt-1", CLIENT));
    assert_eq!(first["scope"], "https://management.core.windows.net/.default");
    assert_eq!(form(&requests[3])["client_assertion"], "jwt-2");
    assert!(!requests[0].headers().contains_key("authorization"));
    assert_eq!(requests[4].headers()["authorization"], "Bearer tok-2");
}

#[tokio::test(start_paused = true)]
async fn a_token_file_that_is_not_there_is_an_error_of_authentication() {
    let secret = identity().with("workloadIdentityTokenFile", "/nonexistent/token");
    let script = Arc::new(FakeTransport::new());
    let session = session(&script, TokioClock::starting_at(day()), &secret, CredentialSource::Secret);
    let error = call(&session).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("secret.workloadIdentityTokenFile"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_object_store_has_the_same_chain_and_another_audience() {
    let script = Arc::new(
        FakeTransport::new().reply(200, token("tok-1")).reply(200, GROUP).reply(200, token("tok-s")),
    );
    let session = session(&script, TokioClock::starting_at(day()), &secret(), CredentialSource::Secret);
    call(&session).await.unwrap();
    let store = ObjectStoreCredentials(Arc::clone(session.credentials()));
    for _ in 0..2 {
        let AzureCredential::BearerToken(token) = &*store.get_credential().await.unwrap() else {
            panic!("not a token")
        };
        assert_eq!(token, "tok-s");
    }
    assert_eq!(script.requests().len(), 3, "each audience's token was fetched once");
    let forms: Vec<_> = [0, 2].iter().map(|index| form(&script.requests()[*index])).collect();
    assert_eq!(forms[0]["client_secret"], SECRET);
    assert_eq!(forms[1]["scope"], "https://storage.azure.com/.default");
    assert!(!format!("{store:?} {session:?}").contains("tok-"));
}

#[tokio::test(start_paused = true)]
async fn a_managed_identity_is_asked_of_the_metadata_service() {
    let imds =
        r#"{"access_token":"tok-m","expires_in":"86400","expires_on":"1795420800","token_type":"Bearer"}"#;
    let script = Arc::new(FakeTransport::new().reply(200, imds).reply(200, GROUP));
    let source = CredentialSource::ManagedIdentity { client_id: Some(CLIENT.to_owned()) };
    let secret = SecretData::new().with("subscriptionID", SUBSCRIPTION);
    call(&session(&script, TokioClock::starting_at(day()), &secret, source)).await.unwrap();
    let requests = script.requests();
    assert_eq!(requests[0].headers()["metadata"], "true");
    let uri = requests[0].uri().to_string();
    assert!(
        uri.starts_with("http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"),
        "{uri}"
    );
    assert!(uri.contains(&format!("client_id={CLIENT}")), "{uri}");
    assert_eq!(requests[1].headers()["authorization"], "Bearer tok-m");
}

/// Made for these tests with `openssl req -x509 -newkey rsa:2048 -nodes`; it opens nothing.
const PEM: &str = include_str!("testdata/client.pem");

#[tokio::test(start_paused = true)]
async fn a_certificate_signs_what_its_public_key_verifies() {
    let script = Arc::new(FakeTransport::new().reply(200, token("tok-1")).reply(200, GROUP));
    let secret = identity().with("clientCertificate", PEM);
    let session = session(&script, TokioClock::starting_at(day()), &secret, CredentialSource::Secret);
    call(&session).await.unwrap();
    let form = form(&script.requests()[0]);
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let jwt = &form["client_assertion"];
    let header = jsonwebtoken::decode_header(jwt).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::PS256);
    // `openssl x509 -outform der | openssl dgst -sha256 -binary | base64`, in the alphabet of URLs.
    assert_eq!(header.x5t_s256.as_deref(), Some(include_str!("testdata/client.sha256").trim()));
    let key = jsonwebtoken::DecodingKey::from_rsa_pem(include_bytes!("testdata/client.pub")).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::PS256);
    let audience = format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token");
    validation.set_audience(&[&audience]);
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<serde_json::Value>(jwt, &key, &validation).unwrap().claims;
    assert_eq!((&claims["iss"], &claims["sub"]), (&CLIENT.into(), &CLIENT.into()));
    assert_eq!((&claims["nbf"], &claims["exp"]), (&1_795_334_400.into(), &1_795_335_000.into()));
    assert!(!format!("{session:?}").contains("PRIVATE"));
}

#[test]
fn half_a_certificate_is_refused() {
    let certificate = PEM.find("-----BEGIN CERTIFICATE").unwrap();
    for (part, expected) in
        [(&PEM[..certificate], "no PEM certificate"), (&PEM[certificate..], "no PEM private key")]
    {
        let error = of(&identity().with("clientCertificate", part)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let garbage =
        format!("-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n{}", &PEM[certificate..]);
    let error = of(&identity().with("clientCertificate", garbage)).unwrap_err().to_string();
    assert!(error.contains("no unencrypted RSA key"), "{error}");
}
