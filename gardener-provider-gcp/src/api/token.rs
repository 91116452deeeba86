//! Access tokens
//! ([OAuth](https://developers.google.com/identity/protocols/oauth2/service-account#httprest),
//! [STS](https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token),
//! [IAM credentials](https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken),
//! [metadata server](https://cloud.google.com/compute/docs/access/authenticate-workloads#applications)).

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use gardener_provider_client::call::Idempotency;
use gardener_provider_core::{Error, Redacted, Result};
use http::{HeaderName, Method, Response, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{Operation, RestRequest, family};
use crate::credentials::{
    SCOPE,
    key_file::{ExternalAccount, User},
};

/// A token and for how many seconds it is good.
#[derive(Debug, Deserialize)]
pub struct Issued {
    pub access_token: Redacted<String>,
    pub expires_in: u64,
}

/// A token and until when it is good.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Generated {
    pub access_token: Redacted<String>,
    pub expire_time: DateTime<FixedOffset>,
}

/// For the signed statement of a service account.
pub fn for_assertion(assertion: &Redacted<String>) -> Operation<Issued> {
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    issued(oauth().form([("grant_type", grant), ("assertion", assertion.expose().as_str())]))
}

/// For the refresh token of a user.
pub(crate) fn for_refresh_token(user: &User) -> Operation<Issued> {
    issued(oauth().form([
        ("grant_type", "refresh_token"),
        ("client_id", user.client_id.as_str()),
        ("client_secret", user.client_secret.expose().as_str()),
        ("refresh_token", user.refresh_token.expose().as_str()),
    ]))
}

fn oauth() -> RestRequest {
    RestRequest::new("oauth2.token", family::TOKEN, Method::POST)
        .segments(["token"])
        .idempotency(Idempotency::Idempotent)
}

/// For the token of another identity provider.
pub(crate) fn for_subject_token(account: &ExternalAccount, subject: &Redacted<String>) -> Operation<Issued> {
    let body = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": account.audience,
        "scope": SCOPE,
        "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
        "subjectToken": subject.expose(),
        "subjectTokenType": account.subject_token_type,
    });
    let request = RestRequest::new("sts.token", family::STS, Method::POST)
        .segments(["v1", "token"])
        .idempotency(Idempotency::Idempotent);
    issued(request.json(&body))
}

/// Of a service account, for the token of somebody who may act as it.
pub fn for_account(source: &Redacted<String>, email: &str, delegates: &[String]) -> Operation<Generated> {
    let delegates: Vec<_> =
        delegates.iter().map(|email| format!("projects/-/serviceAccounts/{email}")).collect();
    let operation = "iamcredentials.projects.serviceAccounts.generateAccessToken";
    let mut request = RestRequest::new(operation, family::IAM_CREDENTIALS, Method::POST)
        .segments(["v1", "projects", "-", "serviceAccounts", email])
        .idempotency(Idempotency::Idempotent)
        .header(header::AUTHORIZATION, format!("Bearer {}", source.expose()))
        .json(&json!({ "scope": [SCOPE], "lifetime": "3600s", "delegates": delegates }));
    request.path.push_str(":generateAccessToken");
    Operation::new(request, unquoted)
}

/// Of the machine that this process runs on.
pub fn of_metadata_server() -> Operation<Issued> {
    let request = RestRequest::new("metadata.token", family::METADATA, Method::GET)
        .segments(["computeMetadata", "v1", "instance", "service-accounts", "default", "token"])
        .query("scopes", SCOPE)
        .header(HeaderName::from_static("metadata-flavor"), "Google");
    issued(request)
}

fn issued(request: RestRequest) -> Operation<Issued> {
    Operation::new(request, unquoted)
}

/// Reads a reply without quoting it when it makes no sense: it holds a secret.
fn unquoted<T: DeserializeOwned>(reply: &Response<Bytes>) -> Result<T> {
    serde_json::from_slice(reply.body()).map_err(|_| Error::internal("the reply holds no access token"))
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<RestRequest> {
    let secret = || Redacted::new("secret".to_owned());
    let account = ExternalAccount {
        audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g"
            .to_owned(),
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt".to_owned(),
        token_file: "/token".into(),
        token_field: None,
        email: None,
    };
    let user = User { client_id: "id".to_owned(), client_secret: secret(), refresh_token: secret() };
    vec![
        for_assertion(&secret()).request,
        for_refresh_token(&user).request,
        for_subject_token(&account, &secret()).request,
        for_account(&secret(), "a@p.iam.gserviceaccount.com", &["b@p.iam.gserviceaccount.com".to_owned()])
            .request,
        of_metadata_server().request,
    ]
}
