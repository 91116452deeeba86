//! The token exchange: a federated access token for an external identity's token.
//!
//! <https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>

use bytes::Bytes;
use http::{Request, header};
use serde_json::{Map, Value, json};

use crate::gcp::{
    context::Context,
    error::{GcpError, Reply},
    query::Query,
    state::State as Cloud,
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SUBJECT_TYPES: [&str; 5] = [
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
    "urn:ietf:params:oauth:token-type:saml2",
    "urn:ietf:params:aws:token-type:aws4_request",
    "urn:ietf:params:oauth:token-type:mtls",
];

pub(super) fn token(context: &Context<'_>, state: &mut Cloud, request: &Request<Bytes>) -> Reply {
    let asked = Asked::read(request);
    let bad = |problem: String| GcpError::new(400, "invalid_request", problem);
    if asked.get("grant_type", "grantType").as_deref() != Some(EXCHANGE) {
        return Err(GcpError::new(400, "unsupported_grant_type", format!("grant_type must be {EXCHANGE}")));
    }
    let requested = asked.get("requested_token_type", "requestedTokenType");
    if requested.as_deref() != Some(ACCESS_TOKEN) {
        return Err(bad(format!("requested_token_type must be {ACCESS_TOKEN}")));
    }
    let kind = asked.get("subject_token_type", "subjectTokenType").unwrap_or_default();
    if !SUBJECT_TYPES.contains(&kind.as_str()) {
        return Err(bad("Invalid value for \"subject_token_type\".".to_owned()));
    }
    let Some(audience) = asked.get("audience", "audience") else {
        return Err(bad(
            "Invalid value for \"audience\". It must be the provider's full resource name.".to_owned()
        ));
    };
    if asked.get("scope", "scope").is_none() {
        return Err(GcpError::new(400, "invalid_scope", "The scope is missing."));
    }
    let token = asked.get("subject_token", "subjectToken").unwrap_or_default();
    let identity = state.identity.external.get(&token).filter(|identity| identity.audience == audience);
    let Some(identity) = identity else {
        let problem = "The given credential is rejected by the attribute condition or is not known.";
        return Err(GcpError::new(400, "invalid_grant", problem));
    };
    if identity.expires.is_some_and(|expires| expires <= context.now) {
        return Err(GcpError::new(400, "invalid_grant", "ID Token is stale to sign-in."));
    }
    let lifetime = context.options().durations.tokens;
    let principal = identity.principal.clone();
    let token = state.tokens.grant(&mut state.ids, &principal, context.after(lifetime));
    Ok(json!({
        "access_token": token,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": lifetime.as_secs().saturating_sub(1),
    }))
}

/// The parameters, of a form or of JSON.
enum Asked {
    Form(Query),
    Json(Map<String, Value>),
}

impl Asked {
    fn read(request: &Request<Bytes>) -> Self {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("application/json")) {
            return Self::Json(serde_json::from_slice(request.body()).unwrap_or_default());
        }
        Self::Form(Query::parse(request.body()))
    }

    fn get(&self, snake: &str, camel: &str) -> Option<String> {
        match self {
            Self::Form(form) => form.get(snake).map(str::to_owned),
            Self::Json(object) => {
                let value = object.get(camel).or_else(|| object.get(snake))?.as_str()?;
                (!value.is_empty()).then(|| value.to_owned())
            }
        }
    }
}
