//! Error replies of the token endpoint.
//!
//! <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::call::{ErrorCode, Refusal};

/// An OAuth error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoginError {
    pub(super) status: u16,
    /// OAuth's word: `invalid_client`, …
    pub(super) kind: &'static str,
    /// The number after `AADSTS`.
    pub(super) number: u32,
    pub(super) message: String,
}

impl LoginError {
    pub(super) fn new(status: u16, kind: &'static str, number: u32, message: impl Into<String>) -> Self {
        Self { status, kind, number, message: message.into() }
    }

    pub(super) fn render(&self) -> Response<Bytes> {
        let (trace, correlation) =
            ("00000000-0000-4000-a000-000000000001", "00000000-0000-4000-a000-000000000002");
        let body = json!({
            "error": self.kind,
            "error_description": format!(
                "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: 2026-01-01 00:00:00Z",
                self.number, self.message
            ),
            "error_codes": [self.number],
            "timestamp": "2026-01-01 00:00:00Z",
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.number),
        });
        json_reply(self.status, &body, Some(format!("AADSTS{}", self.number)))
    }
}

pub(super) fn json_reply(status: u16, body: &serde_json::Value, code: Option<String>) -> Response<Bytes> {
    let mut reply = Response::new(Bytes::from(body.to_string()));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    if let Some(code) = code {
        reply.extensions_mut().insert(ErrorCode(code));
    }
    reply
}

/// A fault, in the words of the token endpoint.
pub(in crate::azure) fn refuse(refusal: &Refusal) -> Response<Bytes> {
    let error = match refusal {
        Refusal::Throttled => LoginError::new(
            429,
            "temporarily_unavailable",
            50_196,
            "The server terminated an operation because it encountered a client request loop.",
        ),
        Refusal::Denied => LoginError::new(
            400,
            "unauthorized_client",
            700_016,
            "Application was not found in the directory.",
        ),
        Refusal::ExpiredCredentials => {
            LoginError::new(401, "invalid_client", 7_000_222, "The provided client secret keys are expired.")
        }
        Refusal::Broken(status) => LoginError::new(
            *status,
            "temporarily_unavailable",
            90_033,
            "A transient error has occurred. Please try again.",
        ),
        Refusal::Code { code, status, message } => {
            let number = code.trim_start_matches("AADSTS").parse().unwrap_or(90_002);
            LoginError::new(status.unwrap_or(400), "invalid_request", number, message.clone())
        }
    };
    let mut reply = error.render();
    if let Refusal::Throttled = refusal {
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    reply
}
