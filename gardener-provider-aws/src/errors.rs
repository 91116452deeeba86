//! What AWS's error codes mean.
//!
//! Sources: [EC2](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html),
//! [IAM](https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html),
//! [STS](https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html),
//! [S3](https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html),
//! [ELB](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html),
//! [EFS](https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html).

use gardener_provider_core::ErrorKind::{
    self, AlreadyExists, Conflict, DataLoss, DependencyViolation, FailedPrecondition, Internal,
    InvalidArgument, NotFound, OutOfCapacity, PermissionDenied, QuotaExceeded, RateLimited, Unauthenticated,
    Unavailable, Unimplemented,
};
use http::StatusCode;

/// Codes whose meaning their shape does not give away. A code means the same in all services.
pub const CODES: &[(&str, ErrorKind)] = &[
    // No room for what was asked, here and now. `Unsupported` is EC2's answer to a type that a zone does not offer.
    ("InsufficientCapacity", OutOfCapacity),
    ("InsufficientInstanceCapacity", OutOfCapacity),
    ("InsufficientHostCapacity", OutOfCapacity),
    ("InsufficientReservedInstanceCapacity", OutOfCapacity),
    ("InsufficientCapacityOnHost", OutOfCapacity),
    ("InsufficientVolumeCapacity", OutOfCapacity),
    ("InsufficientAddressCapacity", OutOfCapacity),
    ("InsufficientFreeAddressesInSubnet", OutOfCapacity),
    ("InsufficientCidrBlocks", OutOfCapacity),
    ("ReservationCapacityExceeded", OutOfCapacity),
    ("UnfulfillableCapacity", OutOfCapacity),
    ("SpotMaxPriceTooLow", OutOfCapacity),
    ("Unsupported", OutOfCapacity),
    ("UnsupportedHostConfiguration", OutOfCapacity),
    ("UnsupportedAvailabilityZone", OutOfCapacity),
    // A limit of the account; see also the suffixes below.
    ("InstanceLimitExceeded", QuotaExceeded),
    ("VcpuLimitExceeded", QuotaExceeded),
    ("VolumeLimitExceeded", QuotaExceeded),
    ("MaxIOPSLimitExceeded", QuotaExceeded),
    ("RouteLimitExceeded", QuotaExceeded),
    ("MaxSpotInstanceCountExceeded", QuotaExceeded),
    ("MaxFleetCountExceeded", QuotaExceeded),
    ("SpotInstanceCountLimitExceeded", QuotaExceeded),
    ("HostLimitExceeded", QuotaExceeded),
    ("ResourceLimitExceeded", QuotaExceeded),
    ("ResourceCountExceeded", QuotaExceeded),
    ("AddressLimitExceeded", QuotaExceeded),
    ("VpcLimitExceeded", QuotaExceeded),
    ("SubnetLimitExceeded", QuotaExceeded),
    ("SecurityGroupLimitExceeded", QuotaExceeded),
    ("RulesPerSecurityGroupLimitExceeded", QuotaExceeded),
    ("SecurityGroupsPerInstanceLimitExceeded", QuotaExceeded),
    ("SecurityGroupsPerInterfaceLimitExceeded", QuotaExceeded),
    ("NetworkInterfaceLimitExceeded", QuotaExceeded),
    ("AttachmentLimitExceeded", QuotaExceeded),
    ("PrivateIpAddressLimitExceeded", QuotaExceeded),
    ("InternetGatewayLimitExceeded", QuotaExceeded),
    ("NatGatewayLimitExceeded", QuotaExceeded),
    ("RouteTableLimitExceeded", QuotaExceeded),
    ("DhcpOptionsLimitExceeded", QuotaExceeded),
    ("VpcEndpointLimitExceeded", QuotaExceeded),
    ("KeyPairLimitExceeded", QuotaExceeded),
    ("SnapshotLimitExceeded", QuotaExceeded),
    ("PlacementGroupLimitExceeded", QuotaExceeded),
    ("LimitExceeded", QuotaExceeded),
    ("LimitExceededException", QuotaExceeded),
    ("ServiceQuotaExceededException", QuotaExceeded),
    ("TooManyBuckets", QuotaExceeded),
    ("FileSystemLimitExceeded", QuotaExceeded),
    ("NoFreeAddressesInSubnet", OutOfCapacity),
    ("TagLimitExceeded", QuotaExceeded),
    ("FreeTierIneligible", QuotaExceeded),
    // Too fast.
    ("RequestLimitExceeded", RateLimited),
    ("Throttling", RateLimited),
    ("ThrottlingException", RateLimited),
    ("ThrottledException", RateLimited),
    ("RequestThrottled", RateLimited),
    ("RequestThrottledException", RateLimited),
    ("EC2ThrottledException", RateLimited),
    ("TooManyRequests", RateLimited),
    ("TooManyRequestsException", RateLimited),
    ("BandwidthLimitExceeded", RateLimited),
    ("PriorRequestNotComplete", RateLimited),
    ("SlowDown", RateLimited),
    ("VolumeTypeNotAvailableInZone", OutOfCapacity),
    // Who is asking.
    ("AuthFailure", Unauthenticated),
    ("InvalidClientTokenId", Unauthenticated),
    ("UnrecognizedClientException", Unauthenticated),
    ("InvalidAccessKeyId", Unauthenticated),
    ("MissingAuthenticationToken", Unauthenticated),
    ("MissingAuthenticationTokenException", Unauthenticated),
    ("MissingSecurityHeader", Unauthenticated),
    ("SignatureDoesNotMatch", Unauthenticated),
    ("IncompleteSignature", Unauthenticated),
    ("IncompleteSignatureException", Unauthenticated),
    ("InvalidSignatureException", Unauthenticated),
    ("AuthorizationHeaderMalformed", Unauthenticated),
    ("InvalidSecurity", Unauthenticated),
    ("InvalidToken", Unauthenticated),
    ("ExpiredToken", Unauthenticated),
    ("ExpiredTokenException", Unauthenticated),
    ("TokenRefreshRequired", Unauthenticated),
    ("RequestExpired", Unauthenticated),
    ("RequestTimeTooSkewed", Unauthenticated),
    ("InvalidIdentityToken", Unauthenticated),
    ("IDPRejectedClaim", Unauthenticated),
    // What the asker may not do.
    ("UnauthorizedOperation", PermissionDenied),
    ("Client.UnauthorizedOperation", PermissionDenied),
    ("AccessDenied", PermissionDenied),
    ("AccessDeniedException", PermissionDenied),
    ("NotAuthorized", PermissionDenied),
    ("AllAccessDisabled", PermissionDenied),
    ("AccountProblem", PermissionDenied),
    ("NotSignedUp", PermissionDenied),
    ("OptInRequired", PermissionDenied),
    ("Blocked", PermissionDenied),
    ("PendingVerification", PermissionDenied),
    ("RegionDisabledException", PermissionDenied),
    ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", PermissionDenied),
    ("InvalidAMIID.Unavailable", InvalidArgument),
    // Not there.
    ("NoSuchEntity", NotFound),
    ("NoSuchBucket", NotFound),
    ("NoSuchKey", NotFound),
    ("NoSuchUpload", NotFound),
    ("NoSuchVersion", NotFound),
    ("NoSuchLifecycleConfiguration", NotFound),
    ("NoSuchBucketPolicy", NotFound),
    ("NoSuchTagSet", NotFound),
    ("NoSuchPublicAccessBlockConfiguration", NotFound),
    ("ServerSideEncryptionConfigurationNotFoundError", NotFound),
    ("ObjectLockConfigurationNotFoundError", NotFound),
    ("NoSuchObjectLockConfiguration", NotFound),
    ("OwnershipControlsNotFoundError", NotFound),
    ("LoadBalancerNotFound", NotFound),
    ("TargetGroupNotFound", NotFound),
    ("ListenerNotFound", NotFound),
    ("FileSystemNotFound", NotFound),
    ("MountTargetNotFound", NotFound),
    ("AccessPointNotFound", NotFound),
    ("InvalidInternetGatewayID.NotFound", NotFound),
    ("Gateway.NotAttached", NotFound),
    ("InvalidInstanceID.NotFound", NotFound),
    ("InvalidCapacityReservationId.NotFound", NotFound),
    ("InvalidLaunchTemplateName.NotFoundException", NotFound),
    ("InvalidLaunchTemplateId.NotFound", NotFound),
    ("NatGatewayNotFound", NotFound),
    ("InvalidAssociationID.NotFound", NotFound),
    ("OperationNotFound", NotFound),
    // There already.
    ("EntityAlreadyExists", AlreadyExists),
    ("BucketAlreadyExists", AlreadyExists),
    ("BucketAlreadyOwnedByYou", AlreadyExists),
    ("FileSystemAlreadyExists", AlreadyExists),
    ("MountTargetConflict", AlreadyExists),
    ("RouteAlreadyExists", AlreadyExists),
    ("RouteTableAssociationAlreadyExists", AlreadyExists),
    ("IdempotentParameterMismatch", AlreadyExists),
    ("IdempotencyTokenMismatch", AlreadyExists),
    ("InvalidSubnet.Conflict", InvalidArgument),
    ("InvalidNetworkInterface.InUse", DependencyViolation),
    ("Resource.AlreadyAssociated", FailedPrecondition),
    ("Resource.AlreadyAttached", FailedPrecondition),
    // Something stands in the way.
    ("DependencyViolation", DependencyViolation),
    ("DeleteConflict", DependencyViolation),
    ("BucketNotEmpty", DependencyViolation),
    ("ResourceInUse", DependencyViolation),
    ("FileSystemInUse", DependencyViolation),
    ("VolumeInUse", DependencyViolation),
    ("CannotDelete", DependencyViolation),
    ("InvalidAddress.Locked", DependencyViolation),
    ("InvalidIPAddress.InUse", DependencyViolation),
    ("InvalidPlacementGroup.InUse", DependencyViolation),
    ("OperationNotPermitted", DependencyViolation),
    // Not now; it may pass.
    ("IncorrectInstanceState", FailedPrecondition),
    ("IncorrectState", FailedPrecondition),
    ("IncorrectStateException", FailedPrecondition),
    ("IncorrectFileSystemLifeCycleState", FailedPrecondition),
    ("IncorrectMountTargetState", FailedPrecondition),
    ("IncorrectModificationState", FailedPrecondition),
    ("InvalidState", FailedPrecondition),
    ("InvalidStateTransition", FailedPrecondition),
    ("InvalidBucketState", FailedPrecondition),
    ("InvalidAttachment.NotDetachable", FailedPrecondition),
    ("PreconditionFailed", FailedPrecondition),
    ("EntityTemporarilyUnmodifiable", FailedPrecondition),
    ("ConcurrentTagAccess", Conflict),
    ("ConcurrentModification", Conflict),
    ("ConcurrentModificationException", Conflict),
    ("ConditionalRequestConflict", Conflict),
    ("OperationAborted", Conflict),
    // The cloud's own trouble.
    ("InternalError", Unavailable),
    ("InternalFailure", Unavailable),
    ("InternalServerError", Unavailable),
    ("InternalServiceError", Unavailable),
    ("ServiceUnavailable", Unavailable),
    ("ServiceUnavailableException", Unavailable),
    ("ServiceFailure", Unavailable),
    ("Unavailable", Unavailable),
    ("RequestTimeout", Unavailable),
    ("RequestTimeoutException", Unavailable),
    ("IDPCommunicationError", Unavailable),
    // The request is wrong.
    ("MalformedPolicyDocument", InvalidArgument),
    ("MalformedPolicy", InvalidArgument),
    ("MalformedQueryString", InvalidArgument),
    ("MalformedXML", InvalidArgument),
    ("PackedPolicyTooLarge", InvalidArgument),
    ("MissingParameter", InvalidArgument),
    ("MissingInput", InvalidArgument),
    ("MissingAction", InvalidArgument),
    ("UnknownParameter", InvalidArgument),
    ("UnsupportedOperation", InvalidArgument),
    ("UnsupportedProtocol", InvalidArgument),
    ("UnsupportedTenancy", InvalidArgument),
    ("UnsupportedInstanceAttribute", InvalidArgument),
    ("UserDataSizeLimitExceeded", InvalidArgument),
    ("ValidationError", InvalidArgument),
    ("ValidationException", InvalidArgument),
    ("BadRequest", InvalidArgument),
    ("DefaultVpcAlreadyExists", AlreadyExists),
    ("VPCIdNotSpecified", InvalidArgument),
    ("VPCResourceNotSpecified", InvalidArgument),
    ("ResourceNotFoundException", NotFound),
    ("NetworkInterfaceNotFoundException", NotFound),
    ("InstanceAlreadyLinked", AlreadyExists),
    ("EncryptedVolumesNotSupported", InvalidArgument),
    ("IllegalLocationConstraintException", InvalidArgument),
    ("IllegalVersioningConfigurationException", InvalidArgument),
    ("PermanentRedirect", InvalidArgument),
    ("TemporaryRedirect", Unavailable),
    ("EntityTooLarge", InvalidArgument),
    ("KeyTooLongError", InvalidArgument),
    ("BadDigest", DataLoss),
    ("InvalidDigest", InvalidArgument),
    ("MethodNotAllowed", InvalidArgument),
    ("NotImplemented", Unimplemented),
    ("InvalidAction", Unimplemented),
    ("UnsupportedParameter", InvalidArgument),
    ("ZonesMismatched", InvalidArgument),
    ("RequestResourceCountExceeded", InvalidArgument),
    ("FilterLimitExceeded", InvalidArgument),
];

/// What the ends of codes say that are not listed: EC2 forms them alike, as `InvalidVpcID.NotFound`.
const SUFFIXES: &[(&str, ErrorKind)] = &[
    (".NotFound", NotFound),
    (".NotFoundException", NotFound),
    ("NotFoundException", NotFound),
    (".Unknown", NotFound),
    (".Malformed", InvalidArgument),
    (".Duplicate", AlreadyExists),
    ("AlreadyExists", AlreadyExists),
    ("AlreadyExistsException", AlreadyExists),
    (".InUse", DependencyViolation),
    ("InUseException", DependencyViolation),
    ("LimitExceeded", QuotaExceeded),
    ("LimitExceededException", QuotaExceeded),
    ("QuotaExceeded", QuotaExceeded),
];

/// The kind of an error by its code, or by the reply's status if the code is unknown.
pub fn kind(code: &str, status: StatusCode) -> ErrorKind {
    let by_code = CODES.iter().find(|(known, _)| *known == code);
    let by_suffix = || SUFFIXES.iter().find(|(suffix, _)| code.ends_with(suffix));
    match by_code.or_else(by_suffix) {
        Some((_, kind)) => *kind,
        None if code.starts_with("Invalid") && status.is_client_error() => InvalidArgument,
        None => by_status(status),
    }
}

/// The kind of an error without a code that is known, such as a reply to HEAD or of a proxy.
pub fn by_status(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        401 => Unauthenticated,
        403 => PermissionDenied,
        404 => NotFound,
        409 => Conflict,
        412 => FailedPrecondition,
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
        for (index, (code, _)) in CODES.iter().enumerate() {
            assert!(CODES[..index].iter().all(|(other, _)| other != code), "{code}");
        }
    }

    #[test]
    fn unlisted_codes_go_by_their_shape_and_then_by_status() {
        let bad = StatusCode::BAD_REQUEST;
        assert_eq!(kind("InvalidFutureThingID.NotFound", bad), NotFound);
        assert_eq!(kind("InvalidFutureThing.Duplicate", bad), AlreadyExists);
        assert_eq!(kind("InvalidFutureThing", bad), InvalidArgument);
        assert_eq!(kind("FutureThingLimitExceeded", bad), QuotaExceeded);
        assert_eq!(kind("Mystery", bad), Internal);
        assert_eq!(kind("Mystery", StatusCode::SERVICE_UNAVAILABLE), Unavailable);
        assert_eq!(kind("", StatusCode::FORBIDDEN), PermissionDenied);
    }
}
