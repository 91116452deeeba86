//! Error replies, in the shape of each service.
//!
//! Compute answers with the older shape that has `errors[].reason`
//! (<https://cloud.google.com/compute/docs/api/errors>), the newer services with `status`
//! (<https://cloud.google.com/apis/design/errors>), the token endpoints with OAuth's.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::route::Service;
use crate::call::{ErrorCode, Refusal};

/// An error that a call is answered with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GcpError {
    pub(crate) status: u16,
    /// The reason of compute, the status of newer services, the error of OAuth.
    pub(crate) reason: Cow<'static, str>,
    pub(crate) message: String,
    /// Where the fault lies, for compute: the name of a header or parameter.
    location: Option<(&'static str, &'static str)>,
}

/// What a handler returns: the body of the reply.
pub(crate) type Reply = Result<Value, GcpError>;

impl GcpError {
    pub(crate) fn new(status: u16, reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), message: message.into(), location: None }
    }

    pub(crate) fn at(mut self, kind: &'static str, location: &'static str) -> Self {
        self.location = Some((kind, location));
        self
    }

    /// A field whose value will not do: `field` as `resource.ipCidrRange`.
    pub(crate) fn invalid(field: &str, value: &str, problem: &str) -> Self {
        let value: String = value.chars().take(200).collect();
        Self::new(400, "invalid", format!("Invalid value for field '{field}': '{value}'. {problem}"))
    }

    pub(crate) fn required(field: &str) -> Self {
        Self::new(400, "required", format!("Required field '{field}' not specified"))
    }

    /// `path` from `projects/` on.
    pub(crate) fn not_found(path: &str) -> Self {
        Self::new(404, "notFound", format!("The resource '{path}' was not found"))
    }

    pub(crate) fn already_exists(path: &str) -> Self {
        Self::new(409, "alreadyExists", format!("The resource '{path}' already exists"))
    }

    pub(crate) fn not_ready(path: &str) -> Self {
        Self::new(400, "resourceNotReady", format!("The resource '{path}' is not ready"))
    }

    pub(crate) fn in_use(word: &str, path: &str, by: &str) -> Self {
        let message = format!("The {word} resource '{path}' is already being used by '{by}'");
        Self::new(400, "resourceInUseByAnotherResource", message)
    }

    pub(crate) fn condition(message: &str) -> Self {
        Self::new(412, "conditionNotMet", message).at("header", "If-Match")
    }

    /// The service's own words for a fault.
    pub(crate) fn of_refusal(service: Service, refusal: &Refusal) -> Self {
        let compute = matches!(service, Service::Compute | Service::Storage);
        let pick = |old: &'static str, new: &'static str| if compute { old } else { new };
        match refusal {
            Refusal::Throttled if service == Service::Compute => Self::new(
                403,
                "rateLimitExceeded",
                "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service \
                 'compute.googleapis.com' for consumer 'project_number:1'.",
            ),
            Refusal::Throttled => {
                Self::new(429, pick("rateLimitExceeded", "RESOURCE_EXHAUSTED"), "Rate limit exceeded.")
            }
            Refusal::Denied if service.is_token_endpoint() => {
                Self::new(401, "unauthorized_client", "Unauthorized client or scope in request.")
            }
            Refusal::Denied => Self::new(
                403,
                pick("forbidden", "PERMISSION_DENIED"),
                "Required permission is missing (asked for by a fault rule).",
            ),
            Refusal::ExpiredCredentials if service.is_token_endpoint() => {
                Self::new(400, "invalid_grant", "Token has been expired or revoked.")
            }
            Refusal::ExpiredCredentials => Self::unauthenticated(service),
            Refusal::Broken(503) => {
                Self::new(503, pick("backendError", "UNAVAILABLE"), "The service is currently unavailable.")
            }
            Refusal::Broken(status) => {
                Self::new(*status, pick("internalError", "INTERNAL"), "Internal error encountered.")
            }
            Refusal::Code { code, status, message } => {
                Self::new(status.unwrap_or_else(|| usual_status(code)), code.clone(), message.clone())
            }
        }
    }

    /// A token that is unknown or has run out.
    pub(crate) fn unauthenticated(service: Service) -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
                       cookie or other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        match service {
            Service::Compute | Service::Storage => {
                Self::new(401, "authError", message).at("header", "Authorization")
            }
            _ => Self::new(401, "UNAUTHENTICATED", message),
        }
    }

    /// The reply.
    pub(crate) fn render(&self, service: Service) -> Response<Bytes> {
        let body = match service {
            Service::OAuth | Service::Sts => {
                json!({ "error": self.reason, "error_description": self.message })
            }
            Service::Compute | Service::Storage => self.with_reason(),
            Service::Iam | Service::IamCredentials | Service::Metadata => json!({ "error": {
                "code": self.status, "message": self.message, "status": self.reason,
            } }),
        };
        let mut reply = Response::new(Bytes::from(body.to_string()));
        *reply.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = HeaderValue::from_static("application/json; charset=UTF-8");
        reply.headers_mut().insert(header::CONTENT_TYPE, kind);
        reply.extensions_mut().insert(ErrorCode(self.reason.clone().into_owned()));
        reply
    }

    fn with_reason(&self) -> Value {
        let usage = matches!(&*self.reason, "quotaExceeded" | "rateLimitExceeded" | "limitExceeded");
        let domain = if usage { "usageLimits" } else { "global" };
        let mut detail = json!({ "message": self.message, "domain": domain, "reason": self.reason });
        if let Some((kind, location)) = self.location {
            detail["locationType"] = kind.into();
            detail["location"] = location.into();
        }
        let mut error = json!({ "code": self.status, "message": self.message, "errors": [detail] });
        if self.status == 401 {
            error["status"] = "UNAUTHENTICATED".into();
        }
        json!({ "error": error })
    }
}

/// The HTTP status that usually goes with a reason or status.
fn usual_status(code: &str) -> u16 {
    match code {
        "authError" | "required_login" | "UNAUTHENTICATED" | "invalid_client" => 401,
        "forbidden"
        | "quotaExceeded"
        | "rateLimitExceeded"
        | "userRateLimitExceeded"
        | "accessNotConfigured"
        | "PERMISSION_DENIED" => 403,
        "notFound" | "NOT_FOUND" => 404,
        "alreadyExists" | "conflict" | "ALREADY_EXISTS" | "ABORTED" => 409,
        "conditionNotMet" => 412,
        "RESOURCE_EXHAUSTED" => 429,
        "internalError" | "INTERNAL" => 500,
        "backendError" | "UNAVAILABLE" => 503,
        _ => 400,
    }
}
