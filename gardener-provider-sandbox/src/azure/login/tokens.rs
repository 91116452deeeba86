//! Access tokens: what they are good for, and how long.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use http::{Request, header};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::azure::{
    error::{Answer, ArmError},
    state::State,
};

/// The tokens that were handed out.
#[derive(Default)]
pub(crate) struct Tokens(BTreeMap<String, Grant>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

/// What a token stands for.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) audience: String,
    pub(crate) expires: SystemTime,
}

const MANAGEMENT: [&str; 6] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.chinacloudapi.cn",
    "https://management.core.chinacloudapi.cn",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net",
];

/// True for what a token for Resource Manager names.
pub(crate) fn is_management(audience: &str) -> bool {
    MANAGEMENT.contains(&audience.trim_end_matches('/'))
}

/// True for what a token for blobs names: all accounts, or one.
pub(crate) fn is_storage(audience: &str) -> bool {
    let audience = audience.trim_end_matches('/');
    let Some(host) = audience.strip_prefix("https://") else { return false };
    host == "storage.azure.com"
        || host.split_once(".blob.").is_some_and(|(account, _)| !account.is_empty() && !account.contains('/'))
}

impl State {
    /// Hands out a token for an audience.
    pub(crate) fn grant(&mut self, client: &str, audience: &str, now: SystemTime) -> (String, Duration) {
        let lifetime = self.options.token_lifetime;
        let seconds =
            |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let expires = now + lifetime;
        let tenant = &self.options.tenant;
        let claims = json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{tenant}/"),
            "iat": seconds(now),
            "nbf": seconds(now),
            "exp": seconds(expires),
            "appid": client,
            "oid": client,
            "sub": client,
            "tid": tenant,
            "idtyp": "app",
            "ver": "1.0",
            "uti": self.ids.uuid(),
        });
        let head = BASE64.encode(r#"{"typ":"JWT","alg":"RS256","kid":"sandbox"}"#);
        let claims = BASE64.encode(claims.to_string());
        let digest = Sha256::digest(format!("{head}.{claims}.{}", self.ids.number()));
        let token = format!("{head}.{claims}.{}", BASE64.encode(digest));
        self.tokens.0.retain(|_, grant| grant.expires + Duration::from_secs(86_400) > now);
        let grant = Grant { audience: audience.to_owned(), expires };
        self.tokens.0.insert(token.clone(), grant);
        (token, lifetime)
    }

    /// What a bearer token stands for; `None` if nobody was given it.
    pub(crate) fn grant_of(&self, token: &str) -> Option<&Grant> {
        self.tokens.0.get(token)
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(request: &Request<Bytes>) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A request to Resource Manager must carry a token for it.
pub(crate) fn check(state: &State, request: &Request<Bytes>, now: SystemTime) -> Answer<()> {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return Err(ArmError::new(
            401,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ));
    }
    let token = bearer(request).ok_or_else(|| {
        ArmError::new(
            401,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is provided in an invalid format.",
        )
    })?;
    let Some(grant) = state.grant_of(token) else {
        return Err(ArmError::new(401, "InvalidAuthenticationToken", "The access token is invalid."));
    };
    if grant.expires <= now {
        return Err(ArmError::expired());
    }
    if !is_management(&grant.audience) {
        let message = format!(
            "The access token has been obtained for wrong audience or resource '{}'. It should exactly match with one of the \
             allowed audiences '{}'.",
            grant.audience,
            MANAGEMENT.join("/','")
        );
        return Err(ArmError::new(401, "InvalidAuthenticationToken", message));
    }
    Ok(())
}

/// Whether a request to a storage account carries a token for it.
pub(crate) fn storage_grant(state: &State, request: &Request<Bytes>, now: SystemTime) -> bool {
    let grant = bearer(request).and_then(|token| state.grant_of(token));
    grant.is_some_and(|grant| grant.expires > now && is_storage(&grant.audience))
}
