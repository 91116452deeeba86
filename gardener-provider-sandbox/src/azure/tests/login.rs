//! Who may come in.

use aws_lc_rs::{rand::SystemRandom, rsa::KeySize, signature};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use gardener_provider_client::transport::Transport;
use http::{Request, Response};
use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::azure::Client;

const LOGIN: &str = "https://login.microsoftonline.com";

impl Caller {
    async fn log_in(&self, host: &str, tenant: &str, form: &[(&str, &str)]) -> Response<Bytes> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request =
            Request::post(format!("{host}/{tenant}/oauth2/v2.0/token")).body(Bytes::from(body)).unwrap();
        self.sandbox.send(request).await.unwrap()
    }

    fn tenant(&self) -> String {
        self.sandbox.azure().options().tenant.clone()
    }
}

fn with_secret(client: &Client) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", &client.id),
        ("client_secret", client.secret.as_ref().unwrap().expose()),
        ("scope", "https://management.azure.com/.default"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_secret_gives_a_token_for_one_audience_and_some_time() {
    let arm = Caller::instant();
    let (client, tenant) = (arm.sandbox.azure().client(), arm.tenant());
    let reply = json(&arm.log_in(LOGIN, &tenant, &with_secret(&client)).await);
    assert_eq!((&reply["token_type"], &reply["expires_in"]), (&json!("Bearer"), &json!(3599)));
    let arm = Caller { token: reply["access_token"].as_str().unwrap().to_owned(), ..arm };
    arm.get("/subscriptions").await;
    arm.sleep(3600).await;
    arm.refuses(Method::GET, "/subscriptions", Value::Null, 401, "ExpiredAuthenticationToken").await;

    let mut form = with_secret(&client);
    form[3].1 = "https://storage.azure.com/.default";
    let reply = json(&arm.log_in("https://login.microsoftonline.us", &tenant, &form).await);
    let arm = Caller { token: reply["access_token"].as_str().unwrap().to_owned(), ..arm };
    let wrong = arm.send(Method::GET, "/subscriptions", "").await;
    assert_eq!(wrong.status(), 401);
    assert!(String::from_utf8_lossy(wrong.body()).contains("wrong audience"));
    let arm = Caller { token: "made.up.token".to_owned(), ..arm };
    arm.refuses(Method::GET, "/subscriptions", Value::Null, 401, "InvalidAuthenticationToken").await;
}

#[tokio::test]
async fn what_the_token_endpoint_refuses() {
    let arm = Caller::instant();
    let (client, tenant) = (arm.sandbox.azure().client(), arm.tenant());
    let form = with_secret(&client);
    let changed = |at: usize, value: &'static str| {
        let mut form = form.clone();
        form[at].1 = value;
        form
    };
    for (tenant, form, status, number) in [
        ("00000000-0000-0000-0000-000000000000", form.clone(), 400, 90_002),
        (tenant.as_str(), changed(0, "password"), 400, 70_003),
        (&tenant, changed(1, "nobody"), 400, 700_016),
        (&tenant, changed(2, "guess"), 401, 7_000_215),
        (&tenant, changed(3, "https://management.azure.com"), 400, 70_011),
        (&tenant, changed(3, "https://example.com/.default"), 400, 500_011),
        (&tenant, form[..2].to_vec(), 401, 7_000_216),
        (&tenant, form[1..].to_vec(), 400, 900_144),
    ] {
        let reply = arm.log_in(LOGIN, tenant, &form).await;
        let body = json(&reply);
        assert_eq!(
            (reply.status().as_u16(), body["error_codes"][0].as_u64()),
            (status, Some(number)),
            "{body}"
        );
        assert!(body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{number}:")));
    }
    arm.sandbox.faults().add(Fault::throttled().on("login", "Token").times(1));
    assert_eq!(arm.log_in(LOGIN, &tenant, &form).await.status(), 429);
    let calls = format!("{:?}", arm.sandbox.journal().calls());
    assert!(!calls.contains(client.secret.as_ref().unwrap().expose()), "{calls}");
}

/// A JWT with this head and these claims, signed by `sign`.
fn jwt(head: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
    let signature = BASE64.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

async fn with_assertion(arm: &Caller, client: &str, assertion: &str) -> (u16, Option<u64>) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
        ("scope", "https://management.azure.com/.default"),
    ];
    let reply = arm.log_in(LOGIN, &arm.tenant(), &form).await;
    (reply.status().as_u16(), json(&reply)["error_codes"][0].as_u64())
}

#[tokio::test(start_paused = true)]
async fn a_certificate_signs_an_assertion() {
    let arm = Caller::instant();
    let key = signature::RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_ref().into(), &rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(["client".to_owned()]).unwrap().self_signed(&pair).unwrap();
    arm.sandbox.azure().add_client(Client::new("certified").with_certificate(certificate.der().to_vec()));
    let sign = |message: &[u8]| {
        let mut signed = vec![0; key.public_modulus_len()];
        key.sign(&signature::RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signed).unwrap();
        signed
    };
    let claims = json!({
        "iss": "certified", "sub": "certified", "exp": 1_800_000_600, "nbf": 1_799_999_990, "jti": "1",
        "aud": format!("{LOGIN}/{}/oauth2/v2.0/token", arm.tenant()),
    });
    let thumbprint = BASE64.encode(<sha2::Sha256 as sha2::Digest>::digest(certificate.der()));
    let head = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
    let good = jwt(&head, &claims, sign);
    assert_eq!(with_assertion(&arm, "certified", &good).await, (200, None));
    let forged = jwt(&head, &claims, |_| vec![0; 256]);
    assert_eq!(with_assertion(&arm, "certified", &forged).await, (401, Some(700_027)));
    let mut others = claims.clone();
    others["iss"] = "somebody".into();
    assert_eq!(with_assertion(&arm, "certified", &jwt(&head, &others, sign)).await, (401, Some(700_021)));
    let mut elsewhere = claims.clone();
    elsewhere["aud"] = "https://example.com".into();
    assert_eq!(with_assertion(&arm, "certified", &jwt(&head, &elsewhere, sign)).await, (401, Some(50_012)));
    arm.sleep(1000).await;
    assert_eq!(with_assertion(&arm, "certified", &good).await, (401, Some(700_024)));
    assert_eq!(with_assertion(&arm, "certified", "nonsense").await, (401, Some(50_027)));
}

#[tokio::test(start_paused = true)]
async fn a_federated_token_is_exchanged() {
    let arm = Caller::instant();
    arm.sandbox.azure().add_client(
        Client::new("workload").with_federation("https://issuer.example", "system:serviceaccount:a:b"),
    );
    let token = |issuer: &str, subject: &str, audience: &str| {
        let claims = json!({ "iss": issuer, "sub": subject, "aud": [audience], "exp": 1_800_003_600 });
        jwt(&json!({ "alg": "RS256" }), &claims, |_| b"the issuer's".to_vec())
    };
    let exchange = "api://AzureADTokenExchange";
    for (issuer, subject, expected) in [
        ("https://issuer.example", "system:serviceaccount:a:b", (200, None)),
        ("https://issuer.example", "system:serviceaccount:a:c", (401, Some(700_213))),
        ("https://other.example", "system:serviceaccount:a:b", (401, Some(700_211))),
    ] {
        assert_eq!(with_assertion(&arm, "workload", &token(issuer, subject, exchange)).await, expected);
    }
}

#[tokio::test]
async fn a_machines_identity_needs_no_secret() {
    let arm = Caller::instant().group().await;
    let identity = arm.put("Microsoft.ManagedIdentity/userAssignedIdentities/i", here()).await;
    let client = identity["properties"]["clientId"].as_str().unwrap();
    let url = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/";
    for (more, header, status) in [
        (String::new(), "true", 200),
        (format!("&client_id={client}"), "true", 200),
        ("&client_id=nobody".to_owned(), "true", 400),
        (String::new(), "", 400),
    ] {
        let request =
            Request::get(format!("{url}{more}")).header("metadata", header).body(Bytes::new()).unwrap();
        let reply = arm.sandbox.send(request).await.unwrap();
        assert_eq!(reply.status().as_u16(), status, "{more}");
    }
    let url = "http://127.0.0.1:1/msi/token?api-version=2019-08-01&resource=https://storage.azure.com";
    for (header, status) in [("sandbox-identity-header", 200), ("guess", 401)] {
        let request = Request::get(url).header("x-identity-header", header).body(Bytes::new()).unwrap();
        assert_eq!(arm.sandbox.send(request).await.unwrap().status().as_u16(), status);
    }
}
