//! Where access tokens come from, and how they end.

use std::time::Duration;

use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use gardener_provider_client::transport::Transport;
use http::{Method, Request, Response};
use serde_json::{Value, json};

use crate::{
    SandboxOptions,
    gcp::{
        ServiceAccountKey,
        testing::{Caller, PROJECT, check_reply},
    },
};

const TOKEN: &str = "https://oauth2.googleapis.com/token";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const DAY: u64 = 1_800_000_000;

/// A JWT of the key, with `more` over the usual claims.
fn jwt(key: &ServiceAccountKey, more: Value) -> String {
    let mut claims = json!({
        "iss": key.email,
        "aud": TOKEN,
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "iat": DAY,
        "exp": DAY + 3600,
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(json!({ "alg": "RS256", "typ": "JWT", "kid": key.id })), part(claims));
    let pem: String = key.private_key.expose().lines().filter(|line| !line.starts_with("-----")).collect();
    let pair = KeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn form(caller: &Caller, url: &str, fields: &[(&str, &str)]) -> (u16, Value) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(url).header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Bytes::from(body)).unwrap();
    let reply: Response<Bytes> = caller.sandbox.send(request.clone()).await.unwrap();
    check_reply(&request, &reply);
    (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap())
}

async fn exchange(caller: &Caller, assertion: &str) -> (u16, Value) {
    form(caller, TOKEN, &[("grant_type", BEARER), ("assertion", assertion)]).await
}

fn with(caller: &Caller, token: &Value) -> Caller {
    Caller { sandbox: caller.sandbox.clone(), token: token.as_str().unwrap_or_default().to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_key_gives_tokens_until_it_is_removed() {
    let caller = Caller::instant();
    let key = caller.sandbox.gcp().service_account_key();
    let (status, reply) = exchange(&caller, &jwt(&key, json!({}))).await;
    assert_eq!(
        (status, &reply["token_type"], &reply["expires_in"]),
        (200, &json!("Bearer"), &json!(3599)),
        "{reply}"
    );
    let granted = with(&caller, &reply["access_token"]);
    let made = granted.done("POST global/networks", json!({ "name": "net" })).await;
    assert_eq!(made["user"], key.email.as_str());
    assert!(caller.sandbox.gcp().remove_service_account_key(&key.id));
    assert_eq!(exchange(&caller, &jwt(&key, json!({}))).await.1["error"], "invalid_grant");
    granted.get("global/networks/net").await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    let expired = granted.refused("GET global/networks", Value::Null).await;
    assert_eq!(expired, (401, "authError".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn assertions_that_will_not_do() {
    let caller = Caller::instant();
    let key = caller.sandbox.gcp().service_account_key();
    let good = jwt(&key, json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let stranger = ServiceAccountKey { email: "nobody@example.com".to_owned(), ..key.clone() };
    let unknown = ServiceAccountKey { id: "0".repeat(40), ..key.clone() };
    for (assertion, error, words) in [
        (format!("{signed}.AAAA"), "invalid_grant", "Invalid JWT Signature."),
        (jwt(&unknown, json!({})), "invalid_grant", "Invalid JWT Signature."),
        (jwt(&stranger, json!({})), "invalid_grant", "account not found"),
        (jwt(&key, json!({ "iat": DAY - 9000, "exp": DAY - 5400 })), "invalid_grant", "short-lived token"),
        (jwt(&key, json!({ "exp": DAY + 7200 })), "invalid_grant", "short-lived token"),
        (jwt(&key, json!({ "iat": DAY + 1000, "exp": DAY + 2000 })), "invalid_grant", "short-lived token"),
        (jwt(&key, json!({ "aud": "https://example.com" })), "invalid_grant", "audience"),
        (jwt(&key, json!({ "scope": "" })), "invalid_scope", "scope"),
        ("a.b".to_owned(), "invalid_grant", "three parts"),
        ("a.b.c".to_owned(), "invalid_grant", "header"),
        (String::new(), "invalid_request", "assertion"),
    ] {
        let (status, reply) = exchange(&caller, &assertion).await;
        let told = reply["error_description"].as_str().unwrap();
        assert_eq!((status, reply["error"].as_str().unwrap()), (400, error), "{told}");
        assert!(told.contains(words), "{told}");
    }
    let (_, reply) = form(&caller, TOKEN, &[("grant_type", "password")]).await;
    assert_eq!(reply["error"], "unsupported_grant_type");
}

#[tokio::test(start_paused = true)]
async fn a_jwt_of_ones_own_is_a_token_too() {
    let caller = Caller::instant();
    let key = caller.sandbox.gcp().service_account_key();
    let own = json!(jwt(&key, json!({ "aud": "https://compute.googleapis.com/" })));
    with(&caller, &own).get("global/networks").await;
    let old = json!(jwt(&key, json!({ "iat": DAY - 9000, "exp": DAY - 5400 })));
    assert_eq!(with(&caller, &old).refused("GET global/networks", Value::Null).await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_is_told() {
    let caller = Caller::instant();
    let missing = with(&caller, &Value::Null).refused("GET global/networks", Value::Null).await;
    assert_eq!(missing, (401, "required".to_owned()));
    let wrong = with(&caller, &json!("ya29.x")).refused("GET global/networks", Value::Null).await;
    assert_eq!(wrong, (401, "authError".to_owned()));
    assert!(caller.sandbox.gcp().revoke_access_token(&caller.token));
    assert_eq!(caller.refused("GET global/networks", Value::Null).await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn an_external_identity_gets_a_token_and_impersonates() {
    let caller = Caller::instant();
    let gcp = caller.sandbox.gcp();
    let audience =
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/gardener";
    let until = std::time::UNIX_EPOCH + Duration::from_secs(DAY + 600);
    gcp.accept_subject_token("subject-token", audience, "shoot", Some(until));
    let sts = "https://sts.googleapis.com/v1/token";
    let fields = |token: &'static str, audience: &'static str| {
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", audience),
            ("scope", "https://www.googleapis.com/auth/cloud-platform"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ]
    };
    let (status, reply) = form(&caller, sts, &fields("subject-token", audience)).await;
    assert_eq!(status, 200, "{reply}");
    let federated = with(&caller, &reply["access_token"]);
    federated.get("global/networks").await;
    for (token, audience) in [("other", audience), ("subject-token", "//iam.googleapis.com/other")] {
        let (status, reply) = form(&caller, sts, &fields(token, audience)).await;
        assert_eq!((status, &reply["error"]), (400, &json!("invalid_grant")));
    }
    assert_eq!(form(&caller, sts, &fields("subject-token", audience)[1..]).await.0, 400);

    let account = gcp.service_account_key().email;
    let generate = format!(
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    );
    let ask = json!({ "scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "600s" });
    let denied = federated.send(Method::POST, &generate, Some(&ask)).await;
    assert_eq!(denied.status(), 403);
    gcp.allow_impersonation(
        "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/subject/shoot",
        &account,
    );
    let allowed = federated.send(Method::POST, &generate, Some(&ask)).await;
    let reply: Value = serde_json::from_slice(allowed.body()).unwrap();
    assert_eq!(reply["expireTime"], "2027-01-15T08:10:00Z");
    let impersonating = with(&caller, &reply["accessToken"]);
    let made = impersonating.done("POST global/networks", json!({ "name": "net" })).await;
    assert_eq!(made["user"], account.as_str());
    for bad in [
        json!({}),
        json!({ "scope": ["x"], "lifetime": "7200s" }),
        json!({ "scope": ["x"], "lifetime": "long" }),
    ] {
        assert_eq!(federated.send(Method::POST, &generate, Some(&bad)).await.status(), 400, "{bad}");
    }
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(form(&caller, sts, &fields("subject-token", audience)).await.1["error"], "invalid_grant");
    assert_eq!(impersonating.refused("GET global/networks", Value::Null).await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn users_and_the_metadata_server() {
    let caller = Caller::new(SandboxOptions::instant());
    caller.sandbox.gcp().accept_refresh_token("refresh", "user@example.com");
    let refresh = |token: &'static str| {
        [
            ("grant_type", "refresh_token"),
            ("client_id", "c"),
            ("client_secret", "s"),
            ("refresh_token", token),
        ]
    };
    let (_, reply) = form(&caller, TOKEN, &refresh("refresh")).await;
    with(&caller, &reply["access_token"]).get("global/networks").await;
    assert_eq!(form(&caller, TOKEN, &refresh("other")).await.1["error"], "invalid_grant");

    let get = async |path: &str, flavor: bool| {
        let request = Request::get(format!("http://metadata.google.internal/computeMetadata/v1/{path}"));
        let request = if flavor { request.header("metadata-flavor", "Google") } else { request };
        let reply = caller.sandbox.send(request.body(Bytes::new()).unwrap()).await.unwrap();
        assert_eq!(reply.headers()["metadata-flavor"], "Google");
        (reply.status().as_u16(), String::from_utf8(reply.body().to_vec()).unwrap())
    };
    let token = "instance/service-accounts/default/token";
    assert_eq!(get(token, false).await.0, 403);
    let reply: Value = serde_json::from_str(&get(token, true).await.1).unwrap();
    with(&caller, &reply["access_token"]).get("global/networks").await;
    assert_eq!(get("project/project-id", true).await, (200, PROJECT.to_owned()));
    assert!(
        get("instance/service-accounts/default/email", true)
            .await
            .1
            .ends_with("-compute@developer.gserviceaccount.com")
    );
    assert_eq!(get("instance/none", true).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn expired_tokens_and_throttled_token_endpoints_by_rule() {
    let caller = Caller::instant();
    caller.sandbox.gcp().expire_access_tokens();
    assert_eq!(caller.refused("GET global/networks", Value::Null).await.0, 401);
    let key = caller.sandbox.gcp().service_account_key();
    let faults = caller.sandbox.faults();
    faults.add(crate::Fault::expired_credentials().on("oauth2", "token").times(1));
    assert_eq!(exchange(&caller, &jwt(&key, json!({}))).await.1["error"], "invalid_grant");
    faults.add(crate::Fault::throttled().on("oauth2", "token").times(1));
    assert_eq!(exchange(&caller, &jwt(&key, json!({}))).await.0, 429);
    assert_eq!(exchange(&caller, &jwt(&key, json!({}))).await.0, 200);
}
