//! Who calls: bearer tokens.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Request, header};

use super::{
    Gcp,
    context::after,
    error::GcpError,
    identity::jwt,
    route::{Route, Service},
    state::State,
};
use crate::ids::Ids;

/// Whom a token speaks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    /// The email of a service account, or the name of an external identity.
    pub(crate) principal: String,
}

/// The access tokens that were given out.
#[derive(Default)]
pub(crate) struct Tokens {
    granted: BTreeMap<String, Grant>,
}

#[derive(Clone)]
struct Grant {
    principal: String,
    expires: SystemTime,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("count", &self.granted.len()).finish()
    }
}

impl Tokens {
    /// A new token of `principal`.
    pub(crate) fn grant(&mut self, ids: &mut Ids, principal: &str, expires: SystemTime) -> String {
        let token = format!("ya29.sandbox-{:016x}{:016x}", ids.number(), ids.number());
        self.granted.insert(token.clone(), Grant { principal: principal.to_owned(), expires });
        token
    }

    fn find(&self, token: &str, now: SystemTime) -> Option<&Grant> {
        self.granted.get(token).filter(|grant| now < grant.expires)
    }
}

impl Gcp {
    /// A new access token of the sandbox's first service account, good for [`Durations::tokens`](super::Durations::tokens).
    pub fn access_token(&self) -> String {
        let now = self.inner.world.options.clock.now();
        let expires = after(now, self.options().durations.tokens);
        let state = &mut *self.inner.state();
        let principal = state.identity.own_account().to_owned();
        state.tokens.grant(&mut state.ids, &principal, expires)
    }

    /// Accepts this access token no longer.
    pub fn revoke_access_token(&self, token: &str) -> bool {
        self.inner.state().tokens.granted.remove(token).is_some()
    }

    /// Lets all access tokens that were given out so far run out.
    pub fn expire_access_tokens(&self) {
        self.inner.state().tokens.granted.clear();
    }
}

/// The caller, by the token in the `Authorization` header or the `access_token` parameter. A JWT that a service account
/// signed itself will do as well (<https://google.aip.dev/auth/4111>).
pub(crate) fn authenticate(
    state: &State,
    request: &Request<Bytes>,
    route: &Route,
    now: SystemTime,
) -> Result<Caller, GcpError> {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|value| value.strip_prefix("Bearer ").or(value.strip_prefix("OAuth ")));
    let Some(token) = bearer.or_else(|| route.query.get("access_token")) else {
        return Err(missing(route.service));
    };
    if let Some(grant) = state.tokens.find(token, now) {
        return Ok(Caller { principal: grant.principal.clone() });
    }
    if token.matches('.').count() == 2
        && let Ok(claims) = jwt::verify(token, &state.identity, now)
        && claims.lifetime() <= Duration::from_secs(3600)
    {
        return Ok(Caller { principal: claims.issuer });
    }
    Err(GcpError::unauthenticated(route.service))
}

fn missing(service: Service) -> GcpError {
    let message = "Request is missing required authentication credential. Expected OAuth 2 access token, login \
                   cookie or other valid authentication credential. See \
                   https://developers.google.com/identity/sign-in/web/devconsole-project.";
    match service {
        Service::Compute | Service::Storage => {
            GcpError::new(401, "required", message).at("header", "Authorization")
        }
        _ => GcpError::new(401, "UNAUTHENTICATED", message),
    }
}
