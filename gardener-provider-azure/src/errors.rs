//! What Azure's error codes mean.
//!
//! Sources: [Resource Manager](https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors),
//! [virtual machines](https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/error-messages),
//! [allocation](https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/allocation-failure),
//! [throttling](https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshooting-throttling-errors),
//! [networks](https://learn.microsoft.com/en-us/azure/networking/troubleshoot-failed-state),
//! [storage](https://learn.microsoft.com/en-us/rest/api/storagerp/srp-error-codes-common),
//! [blobs](https://learn.microsoft.com/en-us/rest/api/storageservices/blob-service-error-codes),
//! [Entra ID](https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow#error-response-1).

use gardener_provider_core::ErrorKind::{
    self, AlreadyExists, Conflict, DependencyViolation, FailedPrecondition, Internal, InvalidArgument,
    NotFound, OutOfCapacity, PermissionDenied, QuotaExceeded, RateLimited, Unauthenticated, Unavailable,
    Unimplemented,
};
use http::StatusCode;

/// Codes that say what happened. A code means the same in all resource providers.
pub const CODES: &[(&str, ErrorKind)] = &[
    // No room for what was asked, here and now.
    ("AllocationFailed", OutOfCapacity),
    ("ZonalAllocationFailed", OutOfCapacity),
    ("OverconstrainedAllocationRequest", OutOfCapacity),
    ("OverconstrainedZonalAllocationRequest", OutOfCapacity),
    ("SkuNotAvailable", OutOfCapacity),
    ("AllocationTimedOut", OutOfCapacity),
    ("VMSSAllocationFailed", OutOfCapacity),
    ("NotAvailableForSubscription", OutOfCapacity),
    ("ZoneNotAvailable", OutOfCapacity),
    ("SpotPriceExceeded", OutOfCapacity),
    ("SubnetIsFull", OutOfCapacity),
    ("SubnetsHaveNoAvailableIPAddresses", OutOfCapacity),
    ("PublicIPPrefixOutOfIpAddresses", OutOfCapacity),
    // A limit of the subscription; see also the ends of codes below.
    ("QuotaExceeded", QuotaExceeded),
    ("ResourceQuotaExceeded", QuotaExceeded),
    ("OutOfQuota", QuotaExceeded),
    ("ResourceGroupQuotaExceeded", QuotaExceeded),
    ("MaxStorageAccountsCountPerSubscriptionExceeded", QuotaExceeded),
    ("StorageAccountCountLimitExceeded", QuotaExceeded),
    ("PublicIPCountLimitReached", QuotaExceeded),
    ("MaxDiskCountExceeded", QuotaExceeded),
    // Too fast.
    ("TooManyRequests", RateLimited),
    ("TooManyRequestsReceived", RateLimited),
    ("SubscriptionRequestsThrottled", RateLimited),
    ("TenantRequestsThrottled", RateLimited),
    ("ResourceRequestsThrottled", RateLimited),
    ("ServerBusy", RateLimited),
    // Who is asking.
    ("AuthenticationFailed", Unauthenticated),
    ("AuthenticationFailedMissingToken", Unauthenticated),
    ("AuthenticationFailedInvalidHeader", Unauthenticated),
    ("InvalidAuthenticationToken", Unauthenticated),
    ("InvalidAuthenticationTokenTenant", Unauthenticated),
    ("InvalidAuthenticationTokenAudience", Unauthenticated),
    ("ExpiredAuthenticationToken", Unauthenticated),
    ("InvalidAuthenticationInfo", Unauthenticated),
    ("NoAuthenticationInformation", Unauthenticated),
    // What the asker may not do. A subscription that the asker does not see is not one in which nothing exists.
    ("AuthorizationFailed", PermissionDenied),
    ("LinkedAuthorizationFailed", PermissionDenied),
    ("AuthorizationFailure", PermissionDenied),
    ("AuthorizationPermissionMismatch", PermissionDenied),
    ("InsufficientAccountPermissions", PermissionDenied),
    ("AccountIsDisabled", PermissionDenied),
    ("DenyAssignmentAuthorizationFailed", PermissionDenied),
    ("SubscriptionNotFound", PermissionDenied),
    ("ReadOnlyDisabledSubscription", PermissionDenied),
    ("DisabledSubscription", PermissionDenied),
    ("RequestDisallowedByPolicy", PermissionDenied),
    ("RequestDisallowedByAzure", PermissionDenied),
    ("DisallowedByPolicy", PermissionDenied),
    ("KeyBasedAuthenticationNotPermitted", PermissionDenied),
    ("MarketplacePurchaseEligibilityFailed", PermissionDenied),
    // Not there.
    ("NotFound", NotFound),
    ("ResourceNotFound", NotFound),
    ("ResourceGroupNotFound", NotFound),
    ("ParentResourceNotFound", NotFound),
    ("ImageNotFound", NotFound),
    ("PlatformImageNotFound", NotFound),
    ("GalleryImageNotFound", NotFound),
    ("CommunityGalleryImageNotFound", NotFound),
    ("ContainerNotFound", NotFound),
    ("BlobNotFound", NotFound),
    // There already.
    ("ResourceAlreadyExists", AlreadyExists),
    ("StorageAccountAlreadyExists", AlreadyExists),
    ("StorageAccountAlreadyTaken", AlreadyExists),
    ("StorageAccountInAnotherResourceGroup", AlreadyExists),
    ("ContainerAlreadyExists", AlreadyExists),
    ("BlobAlreadyExists", AlreadyExists),
    // Something stands in the way; see also the beginnings of codes below.
    ("CannotDeleteResource", DependencyViolation),
    ("ResourceInUse", DependencyViolation),
    ("NicInUse", DependencyViolation),
    ("NicInUseWithPrivateEndpoint", DependencyViolation),
    ("NicReservedForAnotherVm", DependencyViolation),
    ("PublicIPAddressCannotBeDeleted", DependencyViolation),
    ("PublicIPAddressInUse", DependencyViolation),
    ("DiskInUse", DependencyViolation),
    ("ResourceGroupDeletionBlocked", DependencyViolation),
    ("NetworkSecurityGroupInUse", DependencyViolation),
    ("SubnetInUseByNatGateway", DependencyViolation),
    ("DeleteConflict", DependencyViolation),
    // Not now; it may pass.
    ("AttachDiskWhileBeingDetached", FailedPrecondition),
    ("ReferencedResourceNotProvisioned", FailedPrecondition),
    ("ResourceGroupBeingDeleted", FailedPrecondition),
    ("ContainerBeingDeleted", FailedPrecondition),
    ("PropertyChangeNotAllowed", FailedPrecondition),
    ("OperationNotAllowed", FailedPrecondition),
    ("OperationNotAllowedOnVMImageAsVMsBeingProvisioned", FailedPrecondition),
    ("MissingSubscriptionRegistration", FailedPrecondition),
    ("NoRegisteredProviderFound", FailedPrecondition),
    ("SubscriptionNotRegistered", FailedPrecondition),
    ("ResourcePurchaseValidationFailed", FailedPrecondition),
    ("MarketplaceTermsNotAccepted", FailedPrecondition),
    ("ScopeLocked", FailedPrecondition),
    ("VMMarketplaceInvalidInput", InvalidArgument),
    ("ContainerImmutabilityPolicyFailure", FailedPrecondition),
    ("BlobImmutableDueToPolicy", FailedPrecondition),
    ("OSProvisioningTimedOut", Unavailable),
    ("OSProvisioningClientError", Unavailable),
    ("OSProvisioningInternalError", Unavailable),
    // Somebody else was faster, or is busy with the same thing.
    ("AnotherOperationInProgress", Conflict),
    ("RetryableError", Conflict),
    ("RetryableErrorDueToAnotherOperation", Conflict),
    ("StorageAccountOperationInProgress", Conflict),
    ("ConcurrentOperation", Conflict),
    ("OperationPreempted", Conflict),
    ("OperationPreemptedByAnotherOperation", Conflict),
    ("OperationCanceled", Conflict),
    ("Canceled", Conflict),
    ("CanceledAndSupersededDueToAnotherOperation", Conflict),
    ("PreconditionFailed", Conflict),
    ("ConditionNotMet", Conflict),
    ("DiskBeingModified", Conflict),
    // The cloud's own trouble.
    ("InternalServerError", Unavailable),
    ("InternalError", Unavailable),
    ("InternalExecutionError", Unavailable),
    ("InternalOperationError", Unavailable),
    ("InternalDiskManagementError", Unavailable),
    ("NetworkingInternalOperationError", Unavailable),
    ("InternalNetworkOperationError", Unavailable),
    ("GatewayTimeout", Unavailable),
    ("ServerTimeout", Unavailable),
    ("ServiceUnavailable", Unavailable),
    ("OperationTimedOut", Unavailable),
    ("VMStartTimedOut", Unavailable),
    ("RetryableInternalServerError", Unavailable),
    ("MarketplaceServiceUnavailable", Unavailable),
    // The request is wrong.
    ("InvalidParameter", InvalidArgument),
    ("InvalidParameterValue", InvalidArgument),
    ("InvalidRequestContent", InvalidArgument),
    ("InvalidRequestFormat", InvalidArgument),
    ("InvalidResourceReference", InvalidArgument),
    ("InvalidResourceName", InvalidArgument),
    ("InvalidSubscriptionId", InvalidArgument),
    ("InvalidResourceGroup", InvalidArgument),
    ("InvalidTemplate", InvalidArgument),
    ("InvalidDeploymentLocation", InvalidArgument),
    ("InvalidResourceLocation", InvalidArgument),
    ("LocationNotAvailableForResourceType", InvalidArgument),
    ("LocationNotAvailableForResourceGroup", InvalidArgument),
    ("ReservedResourceName", InvalidArgument),
    ("AccountNameInvalid", InvalidArgument),
    ("NetcfgInvalidSubnet", InvalidArgument),
    ("NetcfgSubnetRangesOverlap", InvalidArgument),
    ("NetcfgSubnetRangeOutsideVnet", InvalidArgument),
    ("SecurityRuleConflict", InvalidArgument),
    ("PrivateIPAddressNotInSubnet", InvalidArgument),
    ("VnetCountLimitReached", QuotaExceeded),
    ("UnsupportedApiVersion", Unimplemented),
    ("FeatureNotSupportedForAccount", InvalidArgument),
];

/// Codes that say little: more exact ones below them, if there are, decide.
pub const VAGUE: &[(&str, ErrorKind)] = &[
    ("BadRequest", InvalidArgument),
    ("Conflict", Conflict),
    ("Forbidden", PermissionDenied),
    ("Unauthorized", Unauthenticated),
    ("OperationFailed", Internal),
    ("DeploymentFailed", Internal),
    ("ResourceDeploymentFailure", Internal),
    ("ResourceOperationFailure", Internal),
    ("ProvisioningFailed", Internal),
    ("MultipleErrorsOccurred", Internal),
];

/// Codes that mean something else if the message holds one of these texts, written in lower case. `OperationNotAllowed`
/// is quota, say, only when it says so.
pub const TELLING: &[(&str, &[&str], ErrorKind)] = &[
    ("OperationNotAllowed", &["quota", "limit of"], QuotaExceeded),
    ("OperationNotAllowed", &["too many requests"], RateLimited),
    ("BadRequest", &["not supported"], OutOfCapacity),
    ("InvalidParameter", &["is not available in location", "not supported in zone"], OutOfCapacity),
];

/// How codes begin, and end, that are not listed.
const PREFIXES: &[(&str, ErrorKind)] = &[("InUse", DependencyViolation), ("Invalid", InvalidArgument)];
const SUFFIXES: &[(&str, ErrorKind)] = &[
    ("CountLimitReached", QuotaExceeded),
    ("LimitExceeded", QuotaExceeded),
    ("QuotaExceeded", QuotaExceeded),
    ("Throttled", RateLimited),
    ("CannotBeDeleted", DependencyViolation),
    ("NotFound", NotFound),
    ("AlreadyExists", AlreadyExists),
];

/// Codes of refusals that are over as soon as another operation on the same thing is.
pub const IN_PROGRESS: &[&str] = &[
    "AnotherOperationInProgress",
    "RetryableError",
    "RetryableErrorDueToAnotherOperation",
    "StorageAccountOperationInProgress",
    "ConcurrentOperation",
    "ReferencedResourceNotProvisioned",
];

/// Errors of token requests.
pub const OAUTH: &[(&str, ErrorKind)] = &[
    ("invalid_client", Unauthenticated),
    ("unauthorized_client", Unauthenticated),
    ("invalid_grant", Unauthenticated),
    ("invalid_request", Unauthenticated),
    ("invalid_resource", Unauthenticated),
    ("invalid_scope", Unauthenticated),
    ("interaction_required", Unauthenticated),
    ("access_denied", PermissionDenied),
    ("server_error", Unavailable),
    ("temporarily_unavailable", Unavailable),
    ("unknown", Unavailable),
];

/// What a code and its message mean, if they mean anything; vague codes do not.
pub fn exact(code: &str, message: &str) -> Option<ErrorKind> {
    let message = message.to_ascii_lowercase();
    let telling = TELLING
        .iter()
        .find(|(known, texts, _)| *known == code && texts.iter().any(|text| message.contains(text)));
    if let Some((_, _, kind)) = telling {
        return Some(*kind);
    }
    if VAGUE.iter().any(|(known, _)| *known == code) {
        return None;
    }
    let listed = || CODES.iter().find(|(known, _)| *known == code);
    let by_suffix = || SUFFIXES.iter().find(|(suffix, _)| code.ends_with(suffix));
    let by_prefix = || PREFIXES.iter().find(|(prefix, _)| code.starts_with(prefix));
    listed().or_else(by_suffix).or_else(by_prefix).map(|(_, kind)| *kind)
}

/// The kind of an error that has no code which decides: by a vague code, or by the reply's status.
pub fn vague(code: &str, status: StatusCode) -> ErrorKind {
    match VAGUE.iter().find(|(known, _)| *known == code) {
        Some((_, kind)) if *kind != Internal => *kind,
        _ => by_status(status),
    }
}

/// The kind of an error without a code that is known.
pub fn by_status(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        400 => InvalidArgument,
        401 => Unauthenticated,
        403 => PermissionDenied,
        404 => NotFound,
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

    #[test]
    fn no_code_is_listed_twice() {
        let codes: Vec<_> = CODES.iter().chain(VAGUE).map(|(code, _)| code).collect();
        for (index, code) in codes.iter().enumerate() {
            assert!(!codes[..index].contains(code), "{code}");
        }
    }

    #[test]
    fn every_row_that_waits_for_another_operation_is_listed() {
        for code in IN_PROGRESS {
            let kind = exact(code, "").unwrap();
            assert!(matches!(kind, Conflict | FailedPrecondition), "{code} is {kind:?}");
        }
    }

    #[test]
    fn unlisted_codes_go_by_their_shape_and_then_by_status() {
        assert_eq!(exact("IPv4StandardSkuPublicIpCountLimitReached", ""), Some(QuotaExceeded));
        assert_eq!(exact("InUseSubnetCannotBeDeleted", ""), Some(DependencyViolation));
        assert_eq!(exact("InUseNatGatewayX", ""), Some(DependencyViolation));
        assert_eq!(exact("NatGatewayNotFound", ""), Some(NotFound));
        assert_eq!(exact("InvalidSomething", ""), Some(InvalidArgument));
        assert_eq!(exact("Nonsense", ""), None);
        for (status, kind) in [
            (400, InvalidArgument),
            (401, Unauthenticated),
            (403, PermissionDenied),
            (404, NotFound),
            (409, Conflict),
            (412, Conflict),
            (429, RateLimited),
            (500, Unavailable),
            (501, Unimplemented),
            (503, Unavailable),
            (200, Internal),
        ] {
            assert_eq!(vague("Nonsense", StatusCode::from_u16(status).unwrap()), kind, "{status}");
        }
    }

    #[test]
    fn not_allowed_is_quota_only_when_it_says_so() {
        let quota = "Operation could not be completed as it results in exceeding approved Total Regional Cores quota.";
        assert_eq!(exact("OperationNotAllowed", quota), Some(QuotaExceeded));
        assert_eq!(exact("OperationNotAllowed", "The VM is being deleted."), Some(FailedPrecondition));
        let busy = "The server rejected the request because too many requests have been received.";
        assert_eq!(exact("OperationNotAllowed", busy), Some(RateLimited));
        assert_eq!(exact("BadRequest", "The size is not supported in zone 2."), Some(OutOfCapacity));
        assert_eq!(exact("BadRequest", "The name is wrong."), None);
    }

    #[test]
    fn a_vague_code_counts_for_as_much_as_it_says() {
        assert_eq!(vague("BadRequest", StatusCode::OK), InvalidArgument);
        assert_eq!(vague("Conflict", StatusCode::OK), Conflict);
        assert_eq!(vague("ProvisioningFailed", StatusCode::INTERNAL_SERVER_ERROR), Unavailable);
    }
}
