//! How Google is shown who asks, and how it words errors.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::{
    call::Call,
    client::{Dialect, retry_after},
};
use gardener_provider_core::{Error, Result, Retry};
use http::{HeaderValue, Request, Response, header};
use serde::Deserialize;

use crate::{credentials::CredentialChain, errors};

/// Google's dialect: a bearer token, and errors in JSON.
#[derive(Debug)]
pub struct GcpDialect {
    credentials: Option<Arc<CredentialChain>>,
}

impl GcpDialect {
    /// Requests with a token of `credentials`.
    pub fn authorized(credentials: Arc<CredentialChain>) -> Self {
        Self { credentials: Some(credentials) }
    }

    /// Requests that carry their own proof, such as those for a token.
    pub fn open() -> Self {
        Self { credentials: None }
    }
}

#[async_trait]
impl Dialect for GcpDialect {
    async fn authorize(&self, _call: &Call, request: &mut Request<Bytes>) -> Result<()> {
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let token = credentials.get().await?;
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| Error::internal("the access token holds a character that no header may hold"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
        Ok(())
    }

    fn decode_error(&self, _call: &Call, reply: &Response<Bytes>) -> Option<Error> {
        // Resumable uploads: "go on", and the answer to giving one up.
        // Source: <https://cloud.google.com/storage/docs/performing-resumable-uploads>
        let is_progress = matches!(reply.status().as_u16(), 308 | 499);
        (!reply.status().is_success() && !is_progress).then(|| error(reply))
    }

    async fn renew(&self) -> bool {
        match &self.credentials {
            Some(credentials) => credentials.renew().await,
            None => false,
        }
    }
}

fn error(reply: &Response<Bytes>) -> Error {
    let status = reply.status();
    let (codes, message) = match serde_json::from_slice(reply.body()) {
        Ok(Body { error: Fault::Google(fault), .. }) => (fault.codes(), fault.message),
        Ok(Body { error: Fault::OAuth(code), error_description }) => (vec![code], error_description),
        Err(_) => (Vec::new(), String::new()),
    };
    let codes: Vec<_> = codes.iter().map(String::as_str).collect();
    let (kind, code) = errors::of_reply(&codes, &message, status);
    let message = if message.is_empty() { format!("the server answers {status}") } else { message };
    let mut error = Error::new(kind, message);
    if let Some(code) = code {
        error = error.with_cloud_code(code);
    }
    if let Some(id) = reply.headers().get("x-guploader-uploadid").and_then(|id| id.to_str().ok()) {
        error = error.with_request_id(id);
    }
    match retry_after(reply) {
        Some(wait) => error.with_retry(Retry::After(wait)),
        None => error,
    }
}

#[derive(Deserialize)]
struct Body {
    error: Fault,
    #[serde(default)]
    error_description: String,
}

/// The two ways in which `error` is worded.
#[derive(Deserialize)]
#[serde(untagged)]
enum Fault {
    /// Of OAuth and STS: a code.
    OAuth(String),
    /// Of all else.
    Google(Google),
}

/// <https://cloud.google.com/apis/design/errors#http_mapping>
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Google {
    message: String,
    status: String,
    errors: Vec<Item>,
    details: Vec<Item>,
}

/// One of `errors`, or one of `details`, of which only `google.rpc.ErrorInfo` has a reason.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Item {
    reason: String,
}

impl Google {
    /// All codes, those that say most first.
    fn codes(&self) -> Vec<String> {
        let reasons = self.details.iter().chain(&self.errors).map(|item| &item.reason);
        reasons.chain([&self.status]).filter(|code| !code.is_empty()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::ErrorKind;

    use super::*;

    fn decoded(status: u16, body: &str) -> Error {
        let reply = Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        error(&reply)
    }

    #[test]
    fn a_reason_says_more_than_the_status() {
        let error = decoded(
            403,
            r#"{"error":{"code":403,"message":"Quota 'CPUS' exceeded. Limit: 24.0 in region europe-west1.",
                "errors":[{"message":"…","domain":"usageLimits","reason":"quotaExceeded"}]}}"#,
        );
        assert_eq!((error.kind(), error.cloud_code()), (ErrorKind::QuotaExceeded, Some("quotaExceeded")));
        assert!(error.message().contains("Limit: 24.0"));
    }

    /// Refusals in the words of Compute Engine, and the codes that the machine-controller-manager gets.
    #[test]
    fn what_compute_engine_says_becomes_what_gardener_acts_on() {
        use gardener_provider_core::MachineCode::{
            Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied,
            ResourceExhausted, Unauthenticated, Unavailable,
        };
        for (status, reason, message, code) in [
            (
                403,
                "quotaExceeded",
                "Quota 'CPUS' exceeded.  Limit: 24.0 in region europe-west1.",
                ResourceExhausted,
            ),
            (403, "rateLimitExceeded", "Rate Limit Exceeded", Unavailable),
            (503, "insufficientCapacity", "no capacity", ResourceExhausted),
            (
                400,
                "invalid",
                "Invalid value for field 'resource.machineType': 'zones/z/machineTypes/m'. Machine type with name 'm' \
                 does not exist in zone 'z'.",
                ResourceExhausted,
            ),
            (
                400,
                "invalid",
                "Invalid value for field 'resource.name': 'A'. Must be a match of regex",
                InvalidArgument,
            ),
            (400, "required", "Required field 'resource' not specified", InvalidArgument),
            (
                400,
                "resourceInUseByAnotherResource",
                "The network resource 'n' is already being used by 'projects/p/global/firewalls/f'",
                FailedPrecondition,
            ),
            (
                400,
                "resourceNotReady",
                "The resource 'projects/p/zones/z/instances/i' is not ready",
                FailedPrecondition,
            ),
            (
                412,
                "conditionNotMet",
                "Supplied fingerprint does not match current metadata fingerprint.",
                Aborted,
            ),
            (
                409,
                "alreadyExists",
                "The resource 'projects/p/zones/z/instances/i' already exists",
                AlreadyExists,
            ),
            (404, "notFound", "The resource 'projects/p/zones/z/instances/i' was not found", NotFound),
            (403, "forbidden", "Required 'compute.instances.create' permission for 'i'", PermissionDenied),
            (
                403,
                "accessNotConfigured",
                "Compute Engine API has not been used in project 1",
                PermissionDenied,
            ),
            (401, "authError", "Invalid Credentials", Unauthenticated),
            (401, "required", "Login Required.", Unauthenticated),
            (500, "internalError", "Internal Error", Unavailable),
            (503, "backendError", "Backend Error", Unavailable),
        ] {
            let body = serde_json::json!({ "error": {
                "code": status, "message": message,
                "errors": [{ "message": message, "domain": "global", "reason": reason }],
            } });
            let error = decoded(status, &body.to_string());
            assert_eq!(error.machine_code(), code, "{error}");
            assert_eq!(error.cloud_code(), Some(reason));
        }
    }

    #[test]
    fn an_error_info_says_most() {
        let error = decoded(
            403,
            r#"{"error":{"code":403,"message":"slow down","status":"PERMISSION_DENIED",
                "errors":[{"reason":"forbidden"}],
                "details":[{"@type":"type.googleapis.com/google.rpc.Help","links":[]},
                {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED",
                 "domain":"googleapis.com","metadata":{"service":"compute.googleapis.com"}}]}}"#,
        );
        assert_eq!((error.kind(), error.cloud_code()), (ErrorKind::RateLimited, Some("RATE_LIMIT_EXCEEDED")));
    }

    #[test]
    fn oauth_words_it_in_its_own_way() {
        let error = decoded(400, r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#);
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert_eq!(error.to_string(), "Invalid JWT Signature. (invalid_grant)");
    }

    #[test]
    fn what_is_no_json_goes_by_its_status() {
        for (status, kind) in [
            (502, ErrorKind::Unavailable),
            (404, ErrorKind::NotFound),
            (412, ErrorKind::Conflict),
            (429, ErrorKind::RateLimited),
            (302, ErrorKind::Internal),
        ] {
            for body in ["", "<html>", "null", "[]", r#"{"error":7}"#, r#"{"error":{"errors":null}}"#] {
                assert_eq!(decoded(status, body).kind(), kind, "{status} {body}");
            }
        }
    }

    #[test]
    fn the_wait_that_a_server_asks_for_is_kept() {
        let reply = Response::builder().status(503).header("retry-after", "7").body(Bytes::new()).unwrap();
        assert_eq!(error(&reply).retry(), Retry::After(std::time::Duration::from_secs(7)));
    }
}
