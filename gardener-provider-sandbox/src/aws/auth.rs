//! Who calls: access keys, session tokens and Signature Version 4.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use gardener_provider_core::Redacted;
use http::{Request, header};

use super::{
    AwsOptions,
    error::AwsError,
    route::{Route, Service},
    signature,
};
use crate::call::Call;

/// An access key, with the session token of temporary credentials.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessKey {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: Redacted<String>,
    /// The session token that must come with it.
    pub session_token: Option<Redacted<String>>,
    /// From when on it is refused.
    pub expires: Option<SystemTime>,
    /// The user or role it speaks for; `None` is the account's root user.
    pub arn: Option<String>,
}

impl AccessKey {
    /// A permanent key of the account's root user.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: Redacted::new(secret.into()),
            session_token: None,
            expires: None,
            arn: None,
        }
    }

    /// The key that every sandbox accepts unless its options say otherwise.
    pub fn sandbox() -> Self {
        Self::new("AKIASANDBOXSANDBOX00", "sandbox/secret+access+key+0000000000000")
    }

    /// Makes it temporary.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<String>, expires: SystemTime) -> Self {
        self.session_token = Some(Redacted::new(token.into()));
        self.expires = Some(expires);
        self
    }

    /// Sets the user or role it speaks for.
    #[must_use]
    pub fn with_arn(mut self, arn: impl Into<String>) -> Self {
        self.arn = Some(arn.into());
        self
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("expires", &self.expires)
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

/// The keys that are accepted.
#[derive(Debug, Default)]
pub(crate) struct AccessKeys(BTreeMap<String, AccessKey>);

impl AccessKeys {
    pub(crate) fn new(keys: &[AccessKey]) -> Self {
        Self(keys.iter().map(|key| (key.id.clone(), key.clone())).collect())
    }

    pub(crate) fn add(&mut self, key: AccessKey) {
        self.0.insert(key.id.clone(), key);
    }

    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.0.remove(id).is_some()
    }
}

/// Who calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    /// Empty for the calls that need no signature.
    pub(crate) access_key: String,
    pub(crate) arn: Option<String>,
}

/// The credential scope of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Scope {
    fn parse(credential: &str) -> Option<Self> {
        let mut parts = credential.rsplitn(5, '/');
        let (end, service, region, date, key) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        (end == "aws4_request").then(|| Self {
            access_key: key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}

/// The scope that a request is signed for; `None` without a signature that can be read.
pub(crate) fn scope(request: &Request<Bytes>) -> Option<Scope> {
    Scope::parse(&signature::Claim::of(request)?.credential)
}

/// Why a caller is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Missing,
    UnknownKey,
    BadToken,
    Expired,
    Skewed,
    BadSignature,
    PayloadMismatch,
}

/// Finds out who calls.
pub(crate) fn authenticate(
    keys: &AccessKeys,
    options: &AwsOptions,
    route: &Route,
    call: &Call,
    request: &Request<Bytes>,
    now: SystemTime,
) -> Result<Caller, AwsError> {
    let unsigned = route.service == Service::Sts
        && matches!(call.operation.as_str(), "AssumeRoleWithWebIdentity" | "AssumeRoleWithSAML");
    if unsigned {
        return Ok(Caller::default());
    }
    check(keys, options, request, now).map_err(|problem| refuse(route.service, problem))
}

fn check(
    keys: &AccessKeys,
    options: &AwsOptions,
    request: &Request<Bytes>,
    now: SystemTime,
) -> Result<Caller, Problem> {
    if !request.headers().contains_key(header::AUTHORIZATION) && signature::Claim::of(request).is_none() {
        return Err(Problem::Missing);
    }
    let claim = signature::Claim::of(request).ok_or(Problem::BadSignature)?;
    let scope = Scope::parse(&claim.credential).ok_or(Problem::BadSignature)?;
    let key = keys.0.get(&scope.access_key).ok_or(Problem::UnknownKey)?;
    let token = key.session_token.as_ref().map(|token| token.expose().as_str());
    if token != claim.session_token.as_deref() {
        return Err(Problem::BadToken);
    }
    if key.expires.is_some_and(|expires| expires <= now) {
        return Err(Problem::Expired);
    }
    if options.verify_signatures {
        signature::verify(request, &claim, &scope, key)?;
        fresh(&claim, now)?;
    }
    Ok(Caller { access_key: key.id.clone(), arn: key.arn.clone() })
}

/// A signature is good for fifteen minutes either way, a presigned URL for as long as it says.
fn fresh(claim: &signature::Claim, now: SystemTime) -> Result<(), Problem> {
    const SKEW: Duration = Duration::from_secs(15 * 60);
    let signed = claim.time;
    if signed > now + SKEW {
        return Err(Problem::Skewed);
    }
    match claim.expires_in {
        // AWS takes a week at most.
        Some(period) if period > Duration::from_secs(7 * 86_400) => Err(Problem::BadSignature),
        Some(period) if signed + period < now => Err(Problem::Expired),
        None if signed + SKEW < now => Err(Problem::Skewed),
        _ => Ok(()),
    }
}

fn refuse(service: Service, problem: Problem) -> AwsError {
    let (code, message) = match service {
        Service::Ec2 => match problem {
            Problem::Missing => ("MissingAuthenticationToken", "The request carries no authentication."),
            Problem::Expired | Problem::Skewed => ("RequestExpired", "Request has expired."),
            _ => ("AuthFailure", "AWS was not able to validate the provided access credentials"),
        },
        Service::S3 => match problem {
            Problem::Missing => ("AccessDenied", "Access Denied"),
            Problem::UnknownKey => {
                ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
            }
            Problem::BadToken => ("InvalidToken", "The provided token is malformed or otherwise invalid."),
            Problem::Expired => ("ExpiredToken", "The provided token has expired."),
            Problem::Skewed => {
                ("RequestTimeTooSkewed", "The time of the request is too far from the server's.")
            }
            Problem::BadSignature => ("SignatureDoesNotMatch", "The signature does not match the request."),
            Problem::PayloadMismatch => {
                ("XAmzContentSHA256Mismatch", "The x-amz-content-sha256 header does not match the body.")
            }
        },
        Service::Efs => match problem {
            Problem::Missing => ("MissingAuthenticationTokenException", "Missing Authentication Token"),
            Problem::Expired => ("ExpiredTokenException", "The security token has expired."),
            Problem::BadSignature | Problem::PayloadMismatch | Problem::Skewed => {
                ("InvalidSignatureException", "The signature does not match the request.")
            }
            _ => ("UnrecognizedClientException", "The security token included in the request is invalid."),
        },
        Service::Iam | Service::Sts | Service::Elb => match problem {
            Problem::Missing => ("MissingAuthenticationToken", "Request is missing Authentication Token"),
            Problem::UnknownKey | Problem::BadToken => {
                ("InvalidClientTokenId", "The security token included in the request is invalid.")
            }
            Problem::Expired => ("ExpiredToken", "The security token included in the request is expired"),
            _ => ("SignatureDoesNotMatch", "The signature does not match the request."),
        },
    };
    let error = AwsError::new(code, message);
    match (service, problem) {
        (Service::Efs, _) => AwsError { status: Some(403), ..error },
        (Service::Ec2, Problem::Missing) => AwsError { status: Some(400), ..error },
        _ => error,
    }
}
