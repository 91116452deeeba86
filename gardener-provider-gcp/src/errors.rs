//! What Google's error codes mean.
//!
//! Sources: [Compute Engine's errors](https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-vm-creation),
//! [rate limits](https://cloud.google.com/compute/docs/api/best-practices#rate-quotas),
//! [Google's error model](https://cloud.google.com/apis/design/errors),
//! [Cloud Storage's errors](https://cloud.google.com/storage/docs/json_api/v1/status-codes),
//! [OAuth's errors](https://www.rfc-editor.org/rfc/rfc6749#section-5.2), and the error codes that
//! [the cluster autoscaler](https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/gce/autoscaling_gce_client.go)
//! tells apart.

use gardener_provider_core::ErrorKind::{
    self, AlreadyExists, Conflict, DataLoss, DeadlineExceeded, DependencyViolation, FailedPrecondition,
    Internal, InvalidArgument, NotFound, OutOfCapacity, PermissionDenied, QuotaExceeded, RateLimited,
    Unauthenticated, Unavailable, Unimplemented,
};
use http::StatusCode;

/// What stands in replies of error: `errors[].reason`, the reason of an `ErrorInfo`, the `status`, or OAuth's `error`.
pub const REASONS: &[(&str, ErrorKind)] = &[
    // Too fast. Compute Engine says so with status 403.
    ("rateLimitExceeded", RateLimited),
    ("userRateLimitExceeded", RateLimited),
    ("RATE_LIMIT_EXCEEDED", RateLimited),
    ("concurrentOperationsQuotaExceeded", RateLimited),
    ("CONCURRENT_OPERATIONS_QUOTA_EXCEEDED", RateLimited),
    ("resourceOperationRateExceeded", RateLimited),
    ("RESOURCE_OPERATION_RATE_EXCEEDED", RateLimited),
    ("RESOURCE_EXHAUSTED", RateLimited),
    // A limit of the project.
    ("quotaExceeded", QuotaExceeded),
    ("QUOTA_EXCEEDED", QuotaExceeded),
    ("limitExceeded", QuotaExceeded),
    ("dailyLimitExceeded", QuotaExceeded),
    ("billingNotEnabled", QuotaExceeded),
    // No room for what was asked, here and now.
    ("insufficientCapacity", OutOfCapacity),
    ("resourcePoolExhausted", OutOfCapacity),
    ("zoneResourcePoolExhausted", OutOfCapacity),
    ("zoneResourcePoolExhaustedWithDetails", OutOfCapacity),
    ("stockout", OutOfCapacity),
    ("ipSpaceExhausted", OutOfCapacity),
    // Who is asking.
    ("authError", Unauthenticated),
    ("required", InvalidArgument),
    ("unauthorized", Unauthenticated),
    ("expired", Unauthenticated),
    ("UNAUTHENTICATED", Unauthenticated),
    ("ACCESS_TOKEN_EXPIRED", Unauthenticated),
    ("ACCESS_TOKEN_TYPE_UNSUPPORTED", Unauthenticated),
    ("CREDENTIALS_MISSING", Unauthenticated),
    ("ACCOUNT_STATE_INVALID", Unauthenticated),
    ("invalid_grant", Unauthenticated),
    ("invalid_client", Unauthenticated),
    ("deleted_client", Unauthenticated),
    ("disabled_client", Unauthenticated),
    ("unauthorized_client", Unauthenticated),
    ("invalid_token", Unauthenticated),
    ("invalid_target", Unauthenticated),
    ("invalid_scope", InvalidArgument),
    ("invalid_request", InvalidArgument),
    ("unsupported_grant_type", InvalidArgument),
    ("unsupported_token_type", InvalidArgument),
    // What the asker may not do.
    ("forbidden", PermissionDenied),
    ("accessNotConfigured", PermissionDenied),
    ("SERVICE_DISABLED", PermissionDenied),
    ("BILLING_DISABLED", PermissionDenied),
    ("CONSUMER_INVALID", PermissionDenied),
    ("CONSUMER_SUSPENDED", PermissionDenied),
    ("IAM_PERMISSION_DENIED", PermissionDenied),
    ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", PermissionDenied),
    ("SECURITY_POLICY_VIOLATED", PermissionDenied),
    ("ORG_RESTRICTION_VIOLATION", PermissionDenied),
    ("insufficientPermissions", PermissionDenied),
    ("permissionDenied", PermissionDenied),
    ("PERMISSION_DENIED", PermissionDenied),
    ("access_denied", PermissionDenied),
    ("accountDisabled", PermissionDenied),
    ("userProjectAccountProblem", PermissionDenied),
    // Not there, there already.
    ("notFound", NotFound),
    ("NOT_FOUND", NotFound),
    ("alreadyExists", AlreadyExists),
    ("ALREADY_EXISTS", AlreadyExists),
    ("duplicate", AlreadyExists),
    // Something stands in the way.
    ("resourceInUseByAnotherResource", DependencyViolation),
    ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", DependencyViolation),
    ("inUse", DependencyViolation),
    // Not now; it may pass.
    ("resourceNotReady", FailedPrecondition),
    ("RESOURCE_NOT_READY", FailedPrecondition),
    ("reservationNotReady", FailedPrecondition),
    ("FAILED_PRECONDITION", FailedPrecondition),
    ("retentionPolicyNotMet", FailedPrecondition),
    ("objectUnderActiveHold", FailedPrecondition),
    // Somebody else was faster: a fingerprint or generation that is no longer that of the resource.
    ("conditionNotMet", Conflict),
    ("CONDITION_NOT_MET", Conflict),
    ("conflict", Conflict),
    ("ABORTED", Conflict),
    // The request is wrong.
    ("invalid", InvalidArgument),
    ("invalidParameter", InvalidArgument),
    ("invalidUsage", InvalidArgument),
    ("badRequest", InvalidArgument),
    ("parseError", InvalidArgument),
    ("wrongUrlForUpload", InvalidArgument),
    ("fieldNotWritable", InvalidArgument),
    ("unsupportedOperation", InvalidArgument),
    ("UNSUPPORTED_OPERATION", InvalidArgument),
    ("INVALID_ARGUMENT", InvalidArgument),
    ("API_KEY_INVALID", Unauthenticated),
    ("OUT_OF_RANGE", InvalidArgument),
    ("uploadTooLarge", InvalidArgument),
    // The cloud's own trouble.
    ("backendError", Unavailable),
    ("internalError", Unavailable),
    ("INTERNAL", Unavailable),
    ("UNKNOWN", Unavailable),
    ("UNAVAILABLE", Unavailable),
    ("DEADLINE_EXCEEDED", DeadlineExceeded),
    ("server_error", Unavailable),
    ("temporarily_unavailable", Unavailable),
    ("notImplemented", Unimplemented),
    ("UNIMPLEMENTED", Unimplemented),
    ("DATA_LOSS", DataLoss),
];

/// What stands in the errors of Compute Engine's operations.
pub const OPERATION_CODES: &[(&str, ErrorKind)] = &[
    // No room for what was asked, here and now.
    ("RESOURCE_POOL_EXHAUSTED", OutOfCapacity),
    ("RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", OutOfCapacity),
    ("ZONE_RESOURCE_POOL_EXHAUSTED", OutOfCapacity),
    ("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", OutOfCapacity),
    ("REGION_RESOURCE_POOL_EXHAUSTED", OutOfCapacity),
    ("STOCKOUT", OutOfCapacity),
    ("VM_MIN_COUNT_NOT_REACHED", OutOfCapacity),
    ("RESERVATION_CAPACITY_EXCEEDED", OutOfCapacity),
    ("IP_SPACE_EXHAUSTED", OutOfCapacity),
    ("IP_SPACE_EXHAUSTED_WITH_DETAILS", OutOfCapacity),
    // A limit of the project; see also `QUOTA` below.
    ("QUOTA_EXCEEDED", QuotaExceeded),
    ("LIMIT_EXCEEDED", QuotaExceeded),
    // Too fast.
    ("RATE_LIMIT_EXCEEDED", RateLimited),
    ("RESOURCE_OPERATION_RATE_EXCEEDED", RateLimited),
    ("CONCURRENT_OPERATIONS_QUOTA_EXCEEDED", RateLimited),
    // What the asker may not do.
    ("PERMISSIONS_ERROR", PermissionDenied),
    ("PERMISSION_DENIED", PermissionDenied),
    ("FORBIDDEN", PermissionDenied),
    ("VM_EXTERNAL_IP_ACCESS_POLICY_CONSTRAINT", PermissionDenied),
    ("CONDITION_VIOLATED", PermissionDenied),
    // Not there, there already.
    ("RESOURCE_NOT_FOUND", NotFound),
    ("NOT_FOUND", NotFound),
    ("RESERVATION_NOT_FOUND", NotFound),
    ("RESOURCE_ALREADY_EXISTS", AlreadyExists),
    ("ALREADY_EXISTS", AlreadyExists),
    // Something stands in the way, or it may pass.
    ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", DependencyViolation),
    ("RESOURCE_NOT_READY", FailedPrecondition),
    ("RESERVATION_NOT_READY", FailedPrecondition),
    ("CONDITION_NOT_MET", Conflict),
    ("CONFLICT", Conflict),
    ("OPERATION_CANCELED_BY_USER", Conflict),
    // The request is wrong.
    ("INVALID_FIELD_VALUE", InvalidArgument),
    ("INVALID_PARAMETER", InvalidArgument),
    ("INVALID_ARGUMENT", InvalidArgument),
    ("INVALID_USAGE", InvalidArgument),
    ("INVALID_RESERVATION", InvalidArgument),
    ("RESERVATION_INCOMPATIBLE", InvalidArgument),
    ("REQUIRED", InvalidArgument),
    ("UNSUPPORTED_OPERATION", InvalidArgument),
    ("UNSUPPORTED_TPU_CONFIGURATION", InvalidArgument),
    ("RESOURCE_NOT_STANDARD", InvalidArgument),
    // The cloud's own trouble.
    ("INTERNAL_ERROR", Unavailable),
    ("INTERNAL", Unavailable),
    ("BACKEND_ERROR", Unavailable),
    ("TIMEOUT", Unavailable),
    ("UNAVAILABLE", Unavailable),
];

/// Where one code says several things and only the message tells which: the code, a part of the message, the meaning.
///
/// A machine or disk type that a zone does not offer is no mistake in the class: the same class may do in another zone.
/// Source: <https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-vm-creation#zone_availability>
pub const MESSAGES: &[(&str, &str, ErrorKind)] = &[
    ("invalid", "does not exist in zone", OutOfCapacity),
    ("notFound", "does not exist in zone", OutOfCapacity),
    ("badRequest", "does not exist in zone", OutOfCapacity),
    ("INVALID_FIELD_VALUE", "does not exist in zone", OutOfCapacity),
    ("UNSUPPORTED_OPERATION", "does not have enough resources", OutOfCapacity),
    ("invalid", "is not ready", FailedPrecondition),
    ("badRequest", "is already being used by", DependencyViolation),
];

/// The kind of a refusal by the codes that its reply holds, the most telling first, and which of them told; by the
/// status if none is known.
pub fn of_reply<'a>(codes: &[&'a str], message: &str, status: StatusCode) -> (ErrorKind, Option<&'a str>) {
    if status == StatusCode::UNAUTHORIZED {
        return (Unauthenticated, codes.first().copied());
    }
    let known = codes.iter().find_map(|code| Some((known(REASONS, code, message)?, Some(*code))));
    known.unwrap_or_else(|| (by_status(status), codes.first().copied()))
}

/// The kind of an operation's error; none if its code is unknown.
pub fn of_operation(code: &str, message: &str) -> Option<ErrorKind> {
    known(OPERATION_CODES, code, message).or_else(|| code.contains("QUOTA").then_some(QuotaExceeded))
}

fn known(table: &[(&str, ErrorKind)], code: &str, message: &str) -> Option<ErrorKind> {
    let by_message = MESSAGES.iter().find(|(known, part, _)| *known == code && message.contains(part));
    let by_code = || table.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind);
    by_message.map(|(_, _, kind)| *kind).or_else(by_code)
}

/// The kind of an error without a code that is known, such as a reply to HEAD or of a proxy.
pub fn by_status(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        400 | 413 | 416 => InvalidArgument,
        401 => Unauthenticated,
        403 => PermissionDenied,
        404 | 410 => NotFound,
        409 | 412 => Conflict,
        429 => RateLimited,
        501 => Unimplemented,
        408 | 500..=599 => Unavailable,
        _ => Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: &str, message: &str, status: u16) -> ErrorKind {
        of_reply(&[code], message, StatusCode::from_u16(status).unwrap()).0
    }

    #[test]
    fn no_code_is_listed_twice() {
        for table in [REASONS, OPERATION_CODES] {
            for (index, (code, _)) in table.iter().enumerate() {
                assert!(table[..index].iter().all(|(other, _)| other != code), "{code}");
            }
        }
    }

    #[test]
    fn every_row_means_what_it_says() {
        for (code, kind) in REASONS {
            assert_eq!(reply(code, "", 400), *kind, "{code}");
        }
        for (code, kind) in OPERATION_CODES {
            assert_eq!(of_operation(code, ""), Some(*kind), "{code}");
        }
        for (code, part, kind) in MESSAGES {
            let message = format!("Invalid value: it {part} a-b.");
            let by_reply = REASONS.iter().any(|(known, _)| known == code);
            let found =
                if by_reply { Some(reply(code, &message, 400)) } else { of_operation(code, &message) };
            assert_eq!(found, Some(*kind), "{code} {part}");
        }
    }

    #[test]
    fn quota_and_capacity_and_rate_are_told_apart() {
        assert_eq!(reply("quotaExceeded", "", 403), QuotaExceeded);
        assert_eq!(reply("rateLimitExceeded", "", 403), RateLimited);
        assert_eq!(of_operation("CPUS_PER_VM_FAMILY_QUOTA", ""), Some(QuotaExceeded));
        assert_eq!(of_operation("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", ""), Some(OutOfCapacity));
        assert_eq!(of_operation("SOMETHING_NEW", ""), None);
    }

    #[test]
    fn the_first_known_code_decides_and_else_the_status() {
        let forbidden = StatusCode::FORBIDDEN;
        let codes = ["SOMETHING_NEW", "rateLimitExceeded", "PERMISSION_DENIED"];
        assert_eq!(of_reply(&codes, "", forbidden), (RateLimited, Some("rateLimitExceeded")));
        assert_eq!(of_reply(&["SOMETHING_NEW"], "", forbidden), (PermissionDenied, Some("SOMETHING_NEW")));
        assert_eq!(of_reply(&[], "", StatusCode::BAD_GATEWAY), (Unavailable, None));
        // "Login Required."
        assert_eq!(reply("required", "", 401), Unauthenticated);
    }
}
