//! Error replies of Azure Resource Manager and of the login endpoint.
//!
//! <https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors>

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::call::{ErrorCode, Refusal};

/// An error that a call is answered with, or that an operation ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArmError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) target: Option<String>,
    /// Inner errors: code and message.
    pub(crate) details: Vec<(Cow<'static, str>, String)>,
    pub(crate) retry_after: Option<u64>,
}

/// What a handler returns.
pub(crate) type Answer<T> = Result<T, ArmError>;

impl ArmError {
    pub(crate) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            target: None,
            details: Vec::new(),
            retry_after: None,
        }
    }

    /// 400.
    pub(crate) fn bad(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// 404.
    pub(crate) fn missing(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(404, code, message)
    }

    /// 409.
    pub(crate) fn conflict(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(409, code, message)
    }

    /// A property with a value that cannot be.
    pub(crate) fn parameter(target: impl Into<String>, message: impl Into<String>) -> Self {
        Self::bad("InvalidParameter", message).at(target)
    }

    pub(crate) fn at(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    pub(crate) fn because(mut self, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        self.details.push((code.into(), message.into()));
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// ARM's own words for a fault.
    pub(crate) fn of_refusal(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Throttled => Self::new(429, "TooManyRequests", "Too many requests.").retry_after(5),
            Refusal::Denied => Self::new(
                403,
                "AuthorizationFailed",
                "The client does not have authorization to perform the action over the scope, or the scope is \
                 invalid.",
            ),
            Refusal::ExpiredCredentials => Self::expired(),
            Refusal::Broken(503) => {
                Self::new(503, "ServiceUnavailable", "The service is unavailable. Please try again.")
            }
            Refusal::Broken(status) => {
                Self::new(*status, "InternalServerError", "An internal error has occurred.")
            }
            Refusal::Code { code, status, message } => {
                Self::new(status.unwrap_or_else(|| usual_status(code)), code.clone(), message.clone())
            }
        }
    }

    /// The access token is past its time.
    pub(crate) fn expired() -> Self {
        Self::new(401, "ExpiredAuthenticationToken", "The access token expiry has passed.")
    }

    /// The value of `error` in replies and operations.
    pub(crate) fn value(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(target) = &self.target {
            error["target"] = json!(target);
        }
        if !self.details.is_empty() {
            let details = self.details.iter();
            error["details"] =
                details.map(|(code, message)| json!({ "code": code, "message": message })).collect();
        }
        error
    }

    pub(crate) fn render(&self) -> Response<Bytes> {
        let body = json!({ "error": self.value() }).to_string();
        let mut reply = Response::new(Bytes::from(body));
        *reply.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = reply.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == 401 {
            let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{}\"", self.code);
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        reply.extensions_mut().insert(ErrorCode(self.code.clone().into_owned()));
        reply
    }
}

/// The status that usually comes with a code that a fault rule asks for.
fn usual_status(code: &str) -> u16 {
    const CONFLICTS: [&str; 12] = [
        "AllocationFailed",
        "AnotherOperationInProgress",
        "Conflict",
        "OperationNotAllowed",
        "OverconstrainedAllocationRequest",
        "OverconstrainedZonalAllocationRequest",
        "PropertyChangeNotAllowed",
        "QuotaExceeded",
        "ResourceGroupBeingDeleted",
        "ResourceQuotaExceeded",
        "SkuNotAvailable",
        "ZonalAllocationFailed",
    ];
    match code {
        code if CONFLICTS.contains(&code) => 409,
        code if code.ends_with("NotFound") => 404,
        "AuthorizationFailed" | "LinkedAuthorizationFailed" | "RequestDisallowedByPolicy" => 403,
        "AuthenticationFailed" | "ExpiredAuthenticationToken" | "InvalidAuthenticationToken" => 401,
        "PreconditionFailed" => 412,
        "RetryableError" | "SubscriptionRequestsThrottled" | "TooManyRequests" => 429,
        "InternalServerError" | "InternalExecutionError" => 500,
        _ => 400,
    }
}
