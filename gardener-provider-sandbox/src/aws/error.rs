//! Error replies, in the shape and with the HTTP status of each service.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::{route::Service, xml::Xml};
use crate::call::{ErrorCode, Refusal};

/// An error that a call is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsError {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// The HTTP status, where it is not the one that usually goes with the code.
    pub(crate) status: Option<u16>,
}

impl AwsError {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: None }
    }

    /// The service's own words for a fault.
    pub(crate) fn of_refusal(service: Service, refusal: &Refusal) -> Self {
        let (code, message) = match refusal {
            Refusal::Throttled => (throttling_code(service), "Request limit exceeded."),
            Refusal::Denied => (denial_code(service), "You are not authorized to perform this operation."),
            Refusal::ExpiredCredentials => (expiry_code(service), "The security token has expired."),
            Refusal::Broken(503) => {
                (unavailable_code(service), "The service is unavailable. Please try again.")
            }
            Refusal::Broken(_) => (internal_code(service), "An internal error has occurred."),
            Refusal::Code { code, status, message } => {
                return Self { code: code.clone().into(), message: message.clone(), status: *status };
            }
        };
        let status = match refusal {
            Refusal::Broken(status) => Some(*status),
            _ => None,
        };
        Self { code: code.into(), message: message.to_owned(), status }
    }

    /// The reply.
    pub(crate) fn render(&self, service: Service, request_id: &str) -> Response<Bytes> {
        let status = self.status.unwrap_or_else(|| usual_status(service, &self.code));
        let (kind, body) = match service {
            Service::Ec2 => ("text/xml;charset=UTF-8", self.ec2_body(request_id)),
            Service::Iam | Service::Sts | Service::Elb => ("text/xml", self.query_body(status, request_id)),
            Service::S3 => ("application/xml", self.s3_body(request_id)),
            Service::Efs => ("application/json", self.json_body()),
        };
        let mut reply = Response::new(Bytes::from(body));
        *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let (Service::Efs, Ok(code)) = (service, HeaderValue::from_str(&self.code)) {
            reply.headers_mut().insert("x-amzn-errortype", code);
        }
        reply.extensions_mut().insert(ErrorCode(self.code.clone().into_owned()));
        reply
    }

    fn ec2_body(&self, request_id: &str) -> String {
        let mut xml = Xml::new();
        xml.node("Response", |xml| {
            xml.node("Errors", |xml| {
                xml.node("Error", |xml| {
                    xml.text("Code", &self.code).text("Message", &self.message);
                });
            });
            xml.text("RequestID", request_id);
        });
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", xml.into_string())
    }

    fn query_body(&self, status: u16, request_id: &str) -> String {
        let mut xml = Xml::new();
        xml.node("ErrorResponse", |xml| {
            xml.node("Error", |xml| {
                xml.text("Type", if status < 500 { "Sender" } else { "Receiver" });
                xml.text("Code", &self.code).text("Message", &self.message);
            });
            xml.text("RequestId", request_id);
        });
        xml.into_string()
    }

    fn s3_body(&self, request_id: &str) -> String {
        let mut xml = Xml::new();
        xml.node("Error", |xml| {
            xml.text("Code", &self.code).text("Message", &self.message).text("RequestId", request_id);
        });
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", xml.into_string())
    }

    fn json_body(&self) -> String {
        serde_json::json!({ "ErrorCode": self.code, "Message": self.message }).to_string()
    }
}

fn throttling_code(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "RequestLimitExceeded",
        Service::S3 => "SlowDown",
        Service::Efs => "ThrottlingException",
        Service::Iam | Service::Sts | Service::Elb => "Throttling",
    }
}

fn denial_code(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "UnauthorizedOperation",
        Service::Efs => "AccessDeniedException",
        _ => "AccessDenied",
    }
}

fn expiry_code(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "RequestExpired",
        Service::Efs => "ExpiredTokenException",
        _ => "ExpiredToken",
    }
}

fn unavailable_code(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "Unavailable",
        _ => "ServiceUnavailable",
    }
}

fn internal_code(service: Service) -> &'static str {
    match service {
        Service::Ec2 | Service::S3 => "InternalError",
        Service::Efs => "InternalServerError",
        Service::Iam => "ServiceFailure",
        Service::Sts | Service::Elb => "InternalFailure",
    }
}

/// The HTTP status that AWS sends with a code.
fn usual_status(service: Service, code: &str) -> u16 {
    match (service, code) {
        (Service::Ec2, "AuthFailure") => 401,
        (Service::Ec2 | Service::S3, "ExpiredToken" | "RequestExpired") => 400,
        (Service::Ec2, code) if INSUFFICIENT.contains(&code) => 500,
        (Service::Iam, "LimitExceeded") => 409,
        (Service::Efs, "ThrottlingException") => 429,
        _ => STATUS.iter().find(|(_, codes)| codes.contains(&code)).map_or(400, |(status, _)| *status),
    }
}

/// The "server errors" of the EC2 API reference.
const INSUFFICIENT: [&str; 7] = [
    "InsufficientInstanceCapacity",
    "InsufficientAddressCapacity",
    "InsufficientCapacity",
    "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity",
    "InsufficientVolumeCapacity",
    "ServerInternal",
];

/// Codes with a status other than 400.
const STATUS: &[(u16, &[&str])] = &[
    (
        403,
        &[
            "UnauthorizedOperation",
            "Blocked",
            "OptInRequired",
            "PendingVerification",
            "AccessDenied",
            "AccessDeniedException",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "MissingAuthenticationToken",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
            "RequestTimeTooSkewed",
            "AllAccessDisabled",
            "ExpiredToken",
            "ExpiredTokenException",
        ],
    ),
    (
        404,
        &[
            "NoSuchEntity",
            "NoSuchBucket",
            "NoSuchKey",
            "NoSuchUpload",
            "NoSuchVersion",
            "NoSuchBucketPolicy",
            "NoSuchLifecycleConfiguration",
            "NoSuchTagSet",
            "FileSystemNotFound",
            "MountTargetNotFound",
        ],
    ),
    (405, &["MethodNotAllowed"]),
    (
        409,
        &[
            "EntityAlreadyExists",
            "DeleteConflict",
            "EntityTemporarilyUnmodifiable",
            "ConcurrentModification",
            "BucketAlreadyExists",
            "BucketAlreadyOwnedByYou",
            "BucketNotEmpty",
            "OperationAborted",
            "InvalidBucketState",
            "FileSystemAlreadyExists",
            "FileSystemInUse",
            "MountTargetConflict",
            "IncorrectFileSystemLifeCycleState",
            "IpAddressInUse",
        ],
    ),
    (412, &["DryRunOperation", "PreconditionFailed"]),
    (500, &["InternalError", "InternalFailure", "InternalServerError", "ServiceFailure"]),
    (503, &["RequestLimitExceeded", "Unavailable", "ServiceUnavailable", "SlowDown"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_own_words_for_a_throttled_call() {
        for (service, code, status) in [
            (Service::Ec2, "RequestLimitExceeded", 503),
            (Service::Iam, "Throttling", 400),
            (Service::S3, "SlowDown", 503),
            (Service::Efs, "ThrottlingException", 429),
        ] {
            let reply = AwsError::of_refusal(service, &Refusal::Throttled).render(service, "r");
            let body = String::from_utf8(reply.body().to_vec()).unwrap();
            assert!(body.contains(code), "{body}");
            assert_eq!(reply.status(), status);
        }
    }
}
