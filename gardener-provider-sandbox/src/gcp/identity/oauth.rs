//! The token endpoint: an access token for a JWT that a service account signed, or for a user's refresh token.
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::jwt;
use crate::gcp::{
    context::Context,
    error::{GcpError, Reply},
    query::Query,
    state::State as Cloud,
};

const AUDIENCES: [&str; 3] = [
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v4/token",
    "https://accounts.google.com/o/oauth2/token",
];

pub(super) fn token(context: &Context<'_>, state: &mut Cloud, body: &Bytes) -> Reply {
    let form = Query::parse(body);
    match form.get("grant_type") {
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => of_assertion(context, state, &form),
        Some("refresh_token") => of_refresh_token(context, state, &form),
        Some(other) => {
            let problem = format!("Invalid grant_type: {}", other.chars().take(100).collect::<String>());
            Err(GcpError::new(400, "unsupported_grant_type", problem))
        }
        None => Err(GcpError::new(400, "invalid_request", "Missing required parameter: grant_type")),
    }
}

fn of_assertion(context: &Context<'_>, state: &mut Cloud, form: &Query) -> Reply {
    let Some(assertion) = form.get("assertion") else {
        return Err(GcpError::new(400, "invalid_request", "Missing required parameter: assertion"));
    };
    let claims = jwt::verify(assertion, &state.identity, context.now)
        .map_err(|problem| GcpError::new(400, "invalid_grant", problem))?;
    let on_loopback =
        claims.audience.starts_with("http://127.0.0.1:") || claims.audience.starts_with("http://localhost:");
    if !on_loopback && !AUDIENCES.contains(&claims.audience.as_str()) {
        let problem = "Invalid JWT: Failed audience check.";
        return Err(GcpError::new(400, "invalid_grant", problem));
    }
    if claims.lifetime() > Duration::from_secs(3600) {
        let problem = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                       Check your iat and exp values in the JWT claim.";
        return Err(GcpError::new(400, "invalid_grant", problem));
    }
    if claims.scope.is_empty() {
        let problem = "Invalid OAuth scope or ID token audience provided.";
        return Err(GcpError::new(400, "invalid_scope", problem));
    }
    Ok(grant(context, state, &claims.issuer))
}

fn of_refresh_token(context: &Context<'_>, state: &mut Cloud, form: &Query) -> Reply {
    for name in ["client_id", "client_secret", "refresh_token"] {
        if form.get(name).is_none() {
            return Err(GcpError::new(400, "invalid_request", format!("Missing required parameter: {name}")));
        }
    }
    let user = form.get("refresh_token").and_then(|token| state.identity.refresh.get(token)).cloned();
    let user = user.ok_or_else(|| GcpError::new(400, "invalid_grant", "Bad Request"))?;
    Ok(grant(context, state, &user))
}

fn grant(context: &Context<'_>, state: &mut Cloud, principal: &str) -> serde_json::Value {
    let lifetime = context.options().durations.tokens;
    let token = state.tokens.grant(&mut state.ids, principal, context.after(lifetime));
    json!({
        "access_token": token,
        "expires_in": lifetime.as_secs().saturating_sub(1),
        "token_type": "Bearer",
    })
}
