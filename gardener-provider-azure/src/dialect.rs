//! How Azure takes tokens and words errors.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::{
    call::Call,
    client::{Dialect, retry_after},
};
use gardener_provider_core::{Error, ErrorKind, Result, Retry};
use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use serde_json::Value;

use crate::{credentials::CredentialChain, endpoints::Audience, errors};

/// The dialect of the Resource Manager, and of the storage services' JSON.
#[derive(Debug)]
pub struct AzureDialect {
    credentials: Arc<CredentialChain>,
    audience: Audience,
}

impl AzureDialect {
    /// Requests with a token for this audience.
    pub fn new(credentials: Arc<CredentialChain>, audience: Audience) -> Self {
        Self { credentials, audience }
    }
}

#[async_trait]
impl Dialect for AzureDialect {
    async fn authorize(&self, _call: &Call, request: &mut Request<Bytes>) -> Result<()> {
        let token = self.credentials.token(self.audience).await?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| Error::internal("the token holds a character that no header may hold"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }

    fn decode_error(&self, _call: &Call, reply: &Response<Bytes>) -> Option<Error> {
        (!reply.status().is_success()).then(|| error(reply))
    }

    async fn renew(&self) -> bool {
        self.credentials.renew(self.audience).await
    }
}

/// The error in a reply that is no success.
pub fn error(reply: &Response<Bytes>) -> Error {
    let body: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
    let mut error = describe(body.get("error").unwrap_or(&body), reply.status());
    let id = ["x-ms-request-id", "x-ms-correlation-request-id"].iter().find_map(|name| header(reply, name));
    if let Some(id) = id {
        error = error.with_request_id(id);
    }
    match retry_after(reply) {
        Some(wait) if matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable) => {
            error.with_retry(Retry::After(wait))
        }
        _ => error,
    }
}

fn header<'a>(reply: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    reply.headers().get(name)?.to_str().ok()
}

/// What an error object says: `code`, `message` and more exact errors within `details` and `innererror`
/// ([source](https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors)), or, as some
/// resource providers have it, as JSON within the message.
pub fn describe(object: &Value, status: StatusCode) -> Error {
    let mut found = Vec::new();
    collect(object, 0, &mut found);
    let outer = found.first().cloned().unwrap_or_default();
    // Whatever the code, a request that was refused with 429 was refused for its speed.
    let is_throttled = status == StatusCode::TOO_MANY_REQUESTS;
    let decisive = found.iter().find_map(|said| Some((said, errors::exact(&said.code, &said.message)?)));
    let (said, kind) = match decisive {
        _ if is_throttled => (&outer, ErrorKind::RateLimited),
        Some((said, kind)) => (said, kind),
        None => (&outer, errors::vague(&outer.code, status)),
    };
    let mut message = match outer.message.trim() {
        "" if outer.code.is_empty() => format!("the server answered {status}"),
        "" => outer.code.clone(),
        text => text.to_owned(),
    };
    if *said != outer && !said.message.is_empty() && !message.contains(&said.message) {
        message = format!("{message}: {}", said.message);
    }
    let error = Error::new(kind, message);
    if said.code.is_empty() { error } else { error.with_cloud_code(&said.code) }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    code: String,
    message: String,
}

/// Errors are nested a few levels deep; more is no error object.
const DEEPEST: usize = 8;

fn collect(object: &Value, depth: usize, found: &mut Vec<Said>) {
    if depth > DEEPEST {
        return;
    }
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut said = Said { code: text("code"), message: text("message") };
    let within = serde_json::from_str::<Value>(&said.message).ok().filter(Value::is_object);
    if let Some(within) = &within {
        let inner = within.get("error").unwrap_or(within);
        let message = inner.get("message").and_then(Value::as_str);
        message.unwrap_or_default().clone_into(&mut said.message);
    }
    if said != Said::default() {
        found.push(said);
    }
    if let Some(within) = &within {
        collect(within.get("error").unwrap_or(within), depth + 1, found);
    }
    for detail in object.get("details").and_then(Value::as_array).into_iter().flatten() {
        collect(detail, depth + 1, found);
    }
    for key in ["innererror", "innerError", "error"] {
        if let Some(inner) = object.get(key).filter(|inner| inner.is_object()) {
            collect(inner, depth + 1, found);
        }
    }
}

/// The dialect of token requests: they carry their own proof.
#[derive(Debug)]
pub struct TokenDialect;

#[async_trait]
impl Dialect for TokenDialect {
    async fn authorize(&self, _call: &Call, _request: &mut Request<Bytes>) -> Result<()> {
        Ok(())
    }

    fn decode_error(&self, _call: &Call, reply: &Response<Bytes>) -> Option<Error> {
        (!reply.status().is_success()).then(|| token_error(reply))
    }
}

/// `{"error":"invalid_client","error_description":"AADSTS7000215: …\r\nTrace ID: …","error_codes":[7000215]}`
fn token_error(reply: &Response<Bytes>) -> Error {
    let body: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = text("error");
    let kind = match (reply.status().as_u16(), errors::OAUTH.iter().find(|(known, _)| *known == code)) {
        (429, _) => ErrorKind::RateLimited,
        // The metadata service is starting or being updated.
        (404 | 410 | 500..=599, _) => ErrorKind::Unavailable,
        (_, Some((_, kind))) => *kind,
        (400 | 401, None) => ErrorKind::Unauthenticated,
        (_, None) => errors::by_status(reply.status()),
    };
    let message = match text("error_description").lines().next().map(str::trim) {
        None | Some("") => format!("the server answered {}", reply.status()),
        Some(line) => line.to_owned(),
    };
    let mut error = Error::new(kind, message);
    // AADSTS codes are what one looks up; `invalid_client` says little.
    let number = body.get("error_codes").and_then(|codes| codes.get(0)?.as_u64());
    if let Some(code) =
        number.map(|number| format!("AADSTS{number}")).or((!code.is_empty()).then(|| code.to_owned()))
    {
        error = error.with_cloud_code(code);
    }
    if let Some(id) = Some(text("trace_id")).filter(|id| !id.is_empty()) {
        error = error.with_request_id(id);
    }
    match retry_after(reply) {
        Some(wait) if matches!(kind, ErrorKind::RateLimited | ErrorKind::Unavailable) => {
            error.with_retry(Retry::After(wait))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests;
