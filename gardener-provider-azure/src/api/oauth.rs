//! Tokens of Entra ID and of managed identities.
//!
//! Sources: [client credentials](https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow),
//! [managed identity](https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#get-a-token-using-http).

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use gardener_provider_client::{
    call::Idempotency,
    rest::{Operation, RestRequest},
};
use gardener_provider_core::Redacted;
use http::{HeaderName, Method};
use serde::{Deserialize, Deserializer, de};

use super::family;

/// What a token request proves the asker's identity with.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A client secret.
    Secret(Redacted<String>),
    /// A signed JWT: of a certificate's key, or of an issuer that Entra ID trusts.
    Assertion(Redacted<String>),
}

/// A token and when it ends. `az`, Entra ID and managed identities word it differently.
#[derive(Clone, Deserialize)]
pub struct Token {
    /// The token.
    #[serde(alias = "accessToken")]
    pub access_token: Redacted<String>,
    /// Seconds from now.
    #[serde(default, deserialize_with = "seconds")]
    pub expires_in: Option<u64>,
    /// Seconds since 1970.
    #[serde(default, deserialize_with = "seconds")]
    pub expires_on: Option<u64>,
}

impl Token {
    /// When it ends; in five minutes, if the reply does not say.
    pub fn expires(&self, now: SystemTime) -> SystemTime {
        match (self.expires_in, self.expires_on) {
            (Some(seconds), _) => now + Duration::from_secs(seconds.min(LONGEST)),
            (None, Some(seconds)) => SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(1 << 40)),
            (None, None) => now + Duration::from_secs(300),
        }
    }
}

/// No token lives for longer than a month; a date that cannot be right must not overflow the clock.
const LONGEST: u64 = 31 * 86_400;

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// A number, or its text.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Number(u64),
        Text(String),
    }
    match Option::deserialize(deserializer)? {
        None => Ok(None),
        Some(Seconds::Number(number)) => Ok(Some(number)),
        Some(Seconds::Text(text)) => text.parse().map(Some).map_err(de::Error::custom),
    }
}

/// The path of a tenant's token endpoint.
pub fn token_path(tenant: &str) -> String {
    format!("/{tenant}/oauth2/v2.0/token")
}

/// A token for `resource` by client credentials.
pub fn token(tenant: &str, client: &str, proof: &Proof, resource: &str) -> Operation<Token> {
    let scope = format!("{resource}/.default");
    let mut form =
        vec![("grant_type", "client_credentials"), ("client_id", client), ("scope", scope.as_str())];
    match proof {
        Proof::Secret(secret) => form.push(("client_secret", secret.expose())),
        Proof::Assertion(assertion) => {
            form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
            form.push(("client_assertion", assertion.expose()));
        }
    }
    let request = RestRequest::new("Token_Get", family::LOGIN, Method::POST)
        .path(&token_path(tenant))
        .form(form)
        .idempotency(Idempotency::Safe);
    Operation::json(request)
}

/// A token for `resource` of the managed identity of the machine that asks.
pub fn managed_identity_token(client: Option<&str>, resource: &str) -> Operation<Token> {
    let request = RestRequest::new("ManagedIdentity_GetToken", family::INSTANCE_METADATA, Method::GET)
        .path("/metadata/identity/oauth2/token")
        .query("api-version", "2018-02-01")
        .query("resource", resource)
        .opt_query("client_id", client)
        .header(HeaderName::from_static("metadata"), "true");
    Operation::json(request)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    fn form(operation: &Operation<Token>) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&operation.request.body).into_owned().collect()
    }

    #[test]
    fn a_proof_is_a_secret_or_an_assertion() {
        let secret = token("t", "c", &Proof::Secret("s&p".to_owned().into()), "https://x");
        assert_eq!(secret.request.path, "/t/oauth2/v2.0/token");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            form(&secret),
            [
                pair("grant_type", "client_credentials"),
                pair("client_id", "c"),
                pair("scope", "https://x/.default"),
                pair("client_secret", "s&p")
            ]
        );
        let assertion = token("t", "c", &Proof::Assertion("jwt".to_owned().into()), "https://x");
        assert!(form(&assertion).contains(&pair("client_assertion", "jwt")));
        assert!(form(&assertion).iter().all(|(name, _)| name != "client_secret"));
    }

    #[test]
    fn every_wording_of_a_token_is_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let table = [
            (r#"{"access_token":"a","expires_in":3599,"ext_expires_in":3599}"#, 4_599),
            (r#"{"access_token":"a","expires_in":"3599","expires_on":"9"}"#, 4_599),
            (r#"{"access_token":"a","expires_on":"5000"}"#, 5_000),
            (r#"{"accessToken":"a","expiresOn":"2026-11-22 10:00:00","expires_on":5000}"#, 5_000),
            (r#"{"access_token":"a"}"#, 1_300),
            (r#"{"access_token":"a","expires_in":18446744073709551615}"#, 1_000 + LONGEST),
        ];
        let parse = token("t", "c", &Proof::Secret(String::new().into()), "r").parse;
        for (body, expected) in table {
            let token = parse(&Response::new(Bytes::from_static(body.as_bytes()))).unwrap();
            let expires = token.expires(now).duration_since(SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(expires.as_secs(), expected, "{body}");
            assert_eq!(token.access_token.expose(), "a");
        }
        assert!(parse(&Response::new(Bytes::from_static(b"{}"))).is_err());
    }
}
