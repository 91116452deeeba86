//! The one error type of the family, and what Gardener and the machine-controller-manager make of it.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

/// Shorthand for a result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller must tell cases apart.
///
/// Finer than the machine codes: quota, capacity and rate limit are one code there and three kinds here, because the
/// right reaction differs (ask for more quota, try another zone or type, slow down).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request or the configuration is wrong; repeating it unchanged is useless. The message names the field.
    InvalidArgument,
    /// The thing asked for does not exist.
    NotFound,
    /// Something else of that name exists already.
    AlreadyExists,
    /// Two or more resources match where one was expected. Nothing was changed; somebody must look.
    MultipleMatches,
    /// The credentials are missing, malformed, unknown or expired.
    Unauthenticated,
    /// The credentials are good but may not do this.
    PermissionDenied,
    /// A limit of the account or subscription is reached; more quota must be asked for or something freed.
    QuotaExceeded,
    /// The cloud has no capacity for this type in this place now.
    OutOfCapacity,
    /// Too many calls in too little time.
    RateLimited,
    /// Another resource stands in the way (still attached, still in use, not yet ready).
    DependencyViolation,
    /// The resource is in a state that does not allow this; it may pass.
    FailedPrecondition,
    /// Somebody else changed the same thing at the same time.
    Conflict,
    /// The machine exists but [`initialize_machine`](crate::MachineDriver::initialize_machine) has not done its part.
    Uninitialized,
    /// The cloud, or the way to it, does not answer properly just now.
    Unavailable,
    /// It took longer than allowed. The cloud may still carry it out.
    DeadlineExceeded,
    /// The caller asked to stop.
    Cancelled,
    /// The cloud or this provider does not offer this.
    Unimplemented,
    /// The cloud reported that data is lost or damaged.
    DataLoss,
    /// A reply that makes no sense, or a fault of this library.
    Internal,
}

/// Whether the same call may succeed later, and whether it was already repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Retry {
    /// Repeating the call unchanged cannot help.
    #[default]
    Never,
    /// It may help to repeat the call later, at the caller's own pace.
    Later,
    /// It may help to repeat the call, but not before this long from now.
    After(Duration),
    /// It was retried as often as the policy allows; the caller should back off for longer.
    Exhausted,
}

/// Codes of the machine-controller-manager
/// ([table](https://github.com/gardener/machine-controller-manager/blob/master/docs/development/machine_error_codes.md)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
#[allow(missing_docs, reason = "the names are the meaning; the table is linked above")]
pub enum MachineCode {
    Ok = 0,
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
    Uninitialized = 17,
}

impl fmt::Display for MachineCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Error codes of the Gardener API, as `status.lastError.codes` shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GardenerCode {
    /// `ERR_INFRA_UNAUTHENTICATED`
    InfraUnauthenticated,
    /// `ERR_INFRA_UNAUTHORIZED`
    InfraUnauthorized,
    /// `ERR_INFRA_QUOTA_EXCEEDED`
    InfraQuotaExceeded,
    /// `ERR_INFRA_RATE_LIMITS_EXCEEDED`
    InfraRateLimitsExceeded,
    /// `ERR_INFRA_DEPENDENCIES`
    InfraDependencies,
    /// `ERR_RETRYABLE_INFRA_DEPENDENCIES`
    RetryableInfraDependencies,
    /// `ERR_INFRA_RESOURCES_DEPLETED`
    InfraResourcesDepleted,
    /// `ERR_CONFIGURATION_PROBLEM`
    ConfigurationProblem,
    /// `ERR_RETRYABLE_CONFIGURATION_PROBLEM`
    RetryableConfigurationProblem,
}

impl GardenerCode {
    /// The code as the Gardener API spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InfraUnauthenticated => "ERR_INFRA_UNAUTHENTICATED",
            Self::InfraUnauthorized => "ERR_INFRA_UNAUTHORIZED",
            Self::InfraQuotaExceeded => "ERR_INFRA_QUOTA_EXCEEDED",
            Self::InfraRateLimitsExceeded => "ERR_INFRA_RATE_LIMITS_EXCEEDED",
            Self::InfraDependencies => "ERR_INFRA_DEPENDENCIES",
            Self::RetryableInfraDependencies => "ERR_RETRYABLE_INFRA_DEPENDENCIES",
            Self::InfraResourcesDepleted => "ERR_INFRA_RESOURCES_DEPLETED",
            Self::ConfigurationProblem => "ERR_CONFIGURATION_PROBLEM",
            Self::RetryableConfigurationProblem => "ERR_RETRYABLE_CONFIGURATION_PROBLEM",
        }
    }
}

impl fmt::Display for GardenerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ErrorKind {
    /// The machine-controller-manager's code for this kind; it decides how soon that controller tries again.
    pub const fn machine_code(self) -> MachineCode {
        match self {
            Self::InvalidArgument => MachineCode::InvalidArgument,
            Self::NotFound => MachineCode::NotFound,
            Self::AlreadyExists => MachineCode::AlreadyExists,
            Self::MultipleMatches => MachineCode::OutOfRange,
            Self::Unauthenticated => MachineCode::Unauthenticated,
            Self::PermissionDenied => MachineCode::PermissionDenied,
            Self::QuotaExceeded | Self::OutOfCapacity => MachineCode::ResourceExhausted,
            Self::RateLimited | Self::Unavailable => MachineCode::Unavailable,
            Self::DependencyViolation | Self::FailedPrecondition => MachineCode::FailedPrecondition,
            Self::Conflict => MachineCode::Aborted,
            Self::Uninitialized => MachineCode::Uninitialized,
            Self::DeadlineExceeded => MachineCode::DeadlineExceeded,
            Self::Cancelled => MachineCode::Canceled,
            Self::Unimplemented => MachineCode::Unimplemented,
            Self::DataLoss => MachineCode::DataLoss,
            Self::Internal => MachineCode::Internal,
        }
    }

    /// The Gardener error code for this kind, where it has one.
    pub const fn gardener_code(self) -> Option<GardenerCode> {
        match self {
            Self::InvalidArgument | Self::MultipleMatches => Some(GardenerCode::ConfigurationProblem),
            Self::Unauthenticated => Some(GardenerCode::InfraUnauthenticated),
            Self::PermissionDenied => Some(GardenerCode::InfraUnauthorized),
            Self::QuotaExceeded => Some(GardenerCode::InfraQuotaExceeded),
            Self::OutOfCapacity => Some(GardenerCode::InfraResourcesDepleted),
            Self::RateLimited => Some(GardenerCode::InfraRateLimitsExceeded),
            Self::DependencyViolation => Some(GardenerCode::InfraDependencies),
            Self::FailedPrecondition | Self::Conflict => Some(GardenerCode::RetryableInfraDependencies),
            _ => None,
        }
    }
}

/// An error of a provider: a kind to act on, and everything a person needs to find the cause.
///
/// It is one pointer wide. Secrets never enter it: messages come from the cloud's reply or from us, never from a
/// request.
///
/// ```
/// use gardener_provider_core::{Error, ErrorKind, MachineCode};
/// let error = Error::new(ErrorKind::OutOfCapacity, "no m5.large left in eu-west-1a")
///     .with_operation("RunInstances")
///     .with_cloud_code("InsufficientInstanceCapacity");
/// assert_eq!(error.machine_code(), MachineCode::ResourceExhausted);
/// assert_eq!(
///     error.to_string(),
///     "RunInstances: no m5.large left in eu-west-1a (InsufficientInstanceCapacity)"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    operation: Option<Cow<'static, str>>,
    cloud_code: Option<String>,
    request_id: Option<String>,
    message: String,
    context: Vec<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind. The message says what is wrong and, where somebody can mend it, how.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::Unavailable
            | ErrorKind::RateLimited
            | ErrorKind::OutOfCapacity
            | ErrorKind::Conflict
            | ErrorKind::FailedPrecondition
            | ErrorKind::DependencyViolation
            | ErrorKind::DeadlineExceeded
            | ErrorKind::Uninitialized => Retry::Later,
            _ => Retry::Never,
        };
        Self(Box::new(Inner {
            kind,
            retry,
            operation: None,
            cloud_code: None,
            request_id: None,
            message: message.into(),
            context: Vec::new(),
            source: None,
        }))
    }

    /// Bad input: `field` is the path of the field as the user wrote it, `problem` says what is wrong and the fix.
    pub fn invalid(field: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidArgument, format!("{field}: {problem}"))
    }

    /// The thing named does not exist.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, format!("{what} does not exist"))
    }

    /// This provider does not offer `what`.
    pub fn unimplemented(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unimplemented, format!("{what} is not offered by this provider"))
    }

    /// A reply that makes no sense, or a fault of this library.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Sets whether repeating may help; [`Error::new`] sets what is usual for the kind.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Sets the API operation that failed, by the cloud's name for it.
    pub fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    /// Sets the cloud's own error code.
    pub fn with_cloud_code(mut self, code: impl Into<String>) -> Self {
        self.0.cloud_code = Some(code.into());
        self
    }

    /// Sets the cloud's id of the failed request, for its support.
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds what was being done, outermost last: `creating subnet shoot--a--b-nodes-z0`.
    pub fn context(mut self, what: impl Into<String>) -> Self {
        self.0.context.push(what.into());
        self
    }

    /// Sets the underlying error.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether repeating may help.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The API operation that failed.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The cloud's own error code.
    pub fn cloud_code(&self) -> Option<&str> {
        self.0.cloud_code.as_deref()
    }

    /// The cloud's id of the failed request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The message alone, without operation, code and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The machine-controller-manager's code.
    pub fn machine_code(&self) -> MachineCode {
        self.0.kind.machine_code()
    }

    /// The Gardener error code, where there is one.
    pub fn gardener_code(&self) -> Option<GardenerCode> {
        self.0.kind.gardener_code()
    }

    /// True for [`ErrorKind::NotFound`].
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// The text by which the machine-controller-manager passes a status on in a Machine's `lastOperation`.
    pub fn machine_status_text(&self) -> String {
        format!("machine codes error: code = [{}] message = [{self}]", self.machine_code())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for context in self.0.context.iter().rev() {
            write!(f, "{context}: ")?;
        }
        if let Some(operation) = &self.0.operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&self.0.message)?;
        match (&self.0.cloud_code, &self.0.request_id) {
            (Some(code), Some(id)) => write!(f, " ({code}, request {id})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(id)) => write!(f, " (request {id})"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retry", &self.0.retry)
            .field("operation", &self.0.operation)
            .field("cloud_code", &self.0.cloud_code)
            .field("request_id", &self.0.request_id)
            .field("message", &self.0.message)
            .field("context", &self.0.context)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_runs_from_the_outermost_context_to_the_request_id() {
        let error = Error::new(ErrorKind::DependencyViolation, "has dependencies")
            .with_operation("DeleteSubnet")
            .with_cloud_code("DependencyViolation")
            .with_request_id("r-1")
            .context("deleting subnet-1")
            .context("destroying shoot--a--b");
        assert_eq!(
            error.to_string(),
            "destroying shoot--a--b: deleting subnet-1: DeleteSubnet: has dependencies (DependencyViolation, request r-1)"
        );
        assert_eq!(error.gardener_code().unwrap().as_str(), "ERR_INFRA_DEPENDENCIES");
    }

    #[test]
    fn machine_codes_have_the_numbers_of_the_machine_controller_manager() {
        assert_eq!(MachineCode::Uninitialized as u32, 17);
        assert_eq!(MachineCode::ResourceExhausted as u32, 8);
        assert_eq!(
            Error::new(ErrorKind::QuotaExceeded, "full").machine_status_text(),
            "machine codes error: code = [ResourceExhausted] message = [full]"
        );
    }

    #[test]
    fn quota_capacity_and_rate_limit_differ_for_gardener() {
        let codes = [ErrorKind::QuotaExceeded, ErrorKind::OutOfCapacity, ErrorKind::RateLimited]
            .map(|kind| kind.gardener_code().unwrap());
        assert_ne!(codes[0], codes[1]);
        assert_ne!(codes[1], codes[2]);
    }

    #[test]
    fn the_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
