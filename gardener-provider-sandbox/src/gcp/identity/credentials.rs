//! Impersonation: an access token for a service account, given to somebody else.
//!
//! <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::gcp::{
    body::{self, Fields},
    context::{Context, timestamp},
    error::{GcpError, Reply},
    route::Route,
    state::State as Cloud,
};

pub(super) fn generate_access_token(
    context: &Context<'_>,
    state: &mut Cloud,
    route: &Route,
    body: &Bytes,
) -> Reply {
    let account = route
        .path
        .strip_prefix("/v1/projects/-/serviceAccounts/")
        .and_then(|rest| rest.strip_suffix(":generateAccessToken"))
        .ok_or_else(|| GcpError::new(404, "NOT_FOUND", "Not Found"))?;
    let asked = body::parse(body).map_err(|error| GcpError::new(400, "INVALID_ARGUMENT", error.message))?;
    if asked.texts("scope").is_empty() {
        return Err(GcpError::new(400, "INVALID_ARGUMENT", "Scope is required."));
    }
    let lifetime = lifetime(asked.text("lifetime").unwrap_or("3600s"))?;
    let caller = &context.caller.principal;
    let allowed = state
        .identity
        .impersonation
        .iter()
        .any(|(principal, target)| (principal == "*" || principal == caller) && target == account);
    if !allowed || !state.identity.exists(account) {
        let problem =
            "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
        return Err(GcpError::new(403, "PERMISSION_DENIED", problem));
    }
    let expires = context.after(lifetime);
    let token = state.tokens.grant(&mut state.ids, account, expires);
    Ok(json!({ "accessToken": token, "expireTime": timestamp(expires) }))
}

/// Reads `3600s`; an hour is the most without an organisation's consent.
fn lifetime(text: &str) -> Result<Duration, GcpError> {
    let seconds = text.strip_suffix('s').and_then(|seconds| seconds.parse::<u64>().ok());
    match seconds {
        Some(seconds) if (1..=3600).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(GcpError::new(
            400,
            "INVALID_ARGUMENT",
            "The lifetime must be a number of seconds up to 3600, such as \"3600s\".",
        )),
    }
}
