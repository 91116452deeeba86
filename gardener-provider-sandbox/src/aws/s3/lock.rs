//! Object lock: retention and legal holds.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use std::time::{Duration, SystemTime};

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx,
    objects::{find, find_mut},
    state::{Bucket, Content, Versioning, custom_error, error},
};

/// Until when a version is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retention {
    /// True for COMPLIANCE, which nobody can lift; false for GOVERNANCE.
    pub(super) compliance: bool,
    pub(super) until: SystemTime,
}

const DAY: Duration = Duration::from_secs(86_400);
const MAX_DAYS: i32 = 36_500;

/// What a bucket created with object lock begins with.
pub(super) fn enabled() -> dto::ObjectLockConfiguration {
    dto::ObjectLockConfiguration {
        object_lock_enabled: Some(dto::ObjectLockEnabled::from_static(dto::ObjectLockEnabled::ENABLED)),
        rule: None,
    }
}

pub(super) fn get_configuration(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetObjectLockConfigurationInput>,
) -> S3Result<dto::GetObjectLockConfigurationOutput> {
    let configuration = cx.bucket(&request.input.bucket)?.settings.lock.clone();
    let configuration = configuration.ok_or_else(|| {
        let message = "Object Lock configuration does not exist for this bucket";
        error(S3ErrorCode::ObjectLockConfigurationNotFoundError, message)
    })?;
    Ok(dto::GetObjectLockConfigurationOutput { object_lock_configuration: Some(configuration) })
}

pub(super) fn put_configuration(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutObjectLockConfigurationInput>,
) -> S3Result<dto::PutObjectLockConfigurationOutput> {
    let configuration = request.input.object_lock_configuration.ok_or_else(malformed)?;
    let enabled = configuration.object_lock_enabled.as_ref().map(dto::ObjectLockEnabled::as_str);
    if enabled != Some(dto::ObjectLockEnabled::ENABLED) {
        return Err(malformed());
    }
    if let Some(rule) = &configuration.rule {
        check_rule(rule)?;
    }
    let bucket = cx.bucket(&request.input.bucket)?;
    if bucket.versioning != Versioning::Enabled {
        let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
        return Err(error(S3ErrorCode::InvalidBucketState, message));
    }
    bucket.settings.lock = Some(configuration);
    Ok(dto::PutObjectLockConfigurationOutput::default())
}

fn check_rule(rule: &dto::ObjectLockRule) -> S3Result<()> {
    let default = rule.default_retention.as_ref().ok_or_else(malformed)?;
    let mode = default.mode.as_ref().map(dto::ObjectLockRetentionMode::as_str);
    if !matches!(mode, Some("GOVERNANCE" | "COMPLIANCE")) {
        return Err(malformed());
    }
    match (default.days, default.years) {
        (Some(days), None) | (None, Some(days)) if days <= 0 => Err(error(
            S3ErrorCode::InvalidArgument,
            "Default retention period must be a positive integer value.",
        )),
        (Some(days), None) if days > MAX_DAYS => Err(too_long()),
        (None, Some(years)) if years > MAX_DAYS / 365 => Err(too_long()),
        (Some(_), None) | (None, Some(_)) => Ok(()),
        _ => Err(malformed()),
    }
}

fn too_long() -> S3Error {
    error(S3ErrorCode::InvalidArgument, "Default retention period too large")
}

fn malformed() -> S3Error {
    error(
        S3ErrorCode::MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

/// What an upload says of the lock, or the bucket's default rule says in its place.
pub(super) fn retention_of(
    bucket: &Bucket,
    mode: Option<&str>,
    until: Option<&dto::Timestamp>,
    legal_hold: Option<&str>,
    now: SystemTime,
) -> S3Result<(Option<Retention>, bool)> {
    let explicit = mode.is_some() || until.is_some() || legal_hold.is_some();
    let Some(lock) = &bucket.settings.lock else {
        return if explicit { Err(unlocked_bucket()) } else { Ok((None, false)) };
    };
    let hold = legal_hold == Some("ON");
    if mode.is_some() || until.is_some() {
        return Ok((Some(parse(mode, until, now)?), hold));
    }
    let default = lock.rule.as_ref().and_then(|rule| rule.default_retention.as_ref());
    Ok((default.and_then(|default| of_default(default, now)), hold))
}

fn of_default(default: &dto::DefaultRetention, now: SystemTime) -> Option<Retention> {
    let days = default.days.or_else(|| default.years.map(|years| years.saturating_mul(365)))?;
    let compliance = default.mode.as_ref().map(dto::ObjectLockRetentionMode::as_str) == Some("COMPLIANCE");
    Some(Retention { compliance, until: now + DAY * u32::try_from(days).ok()? })
}

fn parse(mode: Option<&str>, until: Option<&dto::Timestamp>, now: SystemTime) -> S3Result<Retention> {
    let (Some(mode), Some(until)) = (mode, until) else {
        let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
        return Err(error(S3ErrorCode::InvalidArgument, message));
    };
    if !matches!(mode, "GOVERNANCE" | "COMPLIANCE") {
        return Err(error(S3ErrorCode::InvalidArgument, "Unknown wormMode directive."));
    }
    let until = system_time(until);
    if until <= now {
        return Err(error(S3ErrorCode::InvalidArgument, "The retain until date must be in the future!"));
    }
    Ok(Retention { compliance: mode == "COMPLIANCE", until })
}

pub(super) fn system_time(time: &dto::Timestamp) -> SystemTime {
    time::OffsetDateTime::from(time.clone()).into()
}

fn unlocked_bucket() -> S3Error {
    error(S3ErrorCode::InvalidRequest, "Bucket is missing Object Lock Configuration")
}

/// Refuses to upload without a digest what will be protected.
pub(super) fn check_digest(is_locked: bool, headers: &http::HeaderMap, what: &str) -> S3Result<()> {
    if is_locked && !super::digest::is_sent(headers) {
        let message = format!(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for {what} requests with Object Lock parameters"
        );
        return Err(error(S3ErrorCode::InvalidRequest, message));
    }
    Ok(())
}

/// True if the version may not be deleted now.
pub(super) fn is_protected(content: &Content, bypass: bool, now: SystemTime) -> bool {
    content.legal_hold
        || content
            .retention
            .is_some_and(|retention| now < retention.until && (retention.compliance || !bypass))
}

pub(super) fn get_retention(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetObjectRetentionInput>,
) -> S3Result<dto::GetObjectRetentionOutput> {
    let bucket = cx.bucket(&request.input.bucket)?;
    if bucket.settings.lock.is_none() {
        return Err(unlocked_bucket());
    }
    let (_, content) = find(bucket, &request.input.key, request.input.version_id.as_deref())?;
    let retention = content.retention.ok_or_else(no_lock)?;
    let retention = dto::ObjectLockRetention {
        mode: Some(dto::ObjectLockRetentionMode::from_static(mode_name(retention))),
        retain_until_date: Some(retention.until.into()),
    };
    Ok(dto::GetObjectRetentionOutput { retention: Some(retention) })
}

pub(super) fn mode_name(retention: Retention) -> &'static str {
    if retention.compliance { "COMPLIANCE" } else { "GOVERNANCE" }
}

fn no_lock() -> S3Error {
    custom_error(
        "NoSuchObjectLockConfiguration",
        http::StatusCode::NOT_FOUND,
        "The specified object does not have a ObjectLock configuration",
    )
}

pub(super) fn put_retention(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutObjectRetentionInput>,
) -> S3Result<dto::PutObjectRetentionOutput> {
    let (input, now) = (request.input, cx.now());
    let bucket = cx.bucket(&input.bucket)?;
    if bucket.settings.lock.is_none() {
        return Err(unlocked_bucket());
    }
    let wanted = input.retention.unwrap_or_default();
    let mode = wanted.mode.as_ref().map(dto::ObjectLockRetentionMode::as_str);
    let lifts = mode.is_none() && wanted.retain_until_date.is_none();
    let wanted = if lifts { None } else { Some(parse(mode, wanted.retain_until_date.as_ref(), now)?) };
    let content = find_mut(bucket, &input.key, input.version_id.as_deref())?;
    if let Some(held) = content.retention.filter(|held| now < held.until) {
        let extends =
            wanted.is_some_and(|wanted| wanted.until >= held.until && wanted.compliance >= held.compliance);
        let may_lift = !held.compliance && input.bypass_governance_retention == Some(true);
        if !extends && !may_lift {
            return Err(protected());
        }
    }
    content.retention = wanted;
    Ok(dto::PutObjectRetentionOutput::default())
}

/// The answer to deleting or weakening what is locked.
pub(super) fn protected() -> S3Error {
    error(S3ErrorCode::AccessDenied, "Access Denied because object protected by object lock.")
}

pub(super) fn get_legal_hold(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetObjectLegalHoldInput>,
) -> S3Result<dto::GetObjectLegalHoldOutput> {
    let bucket = cx.bucket(&request.input.bucket)?;
    if bucket.settings.lock.is_none() {
        return Err(unlocked_bucket());
    }
    let (_, content) = find(bucket, &request.input.key, request.input.version_id.as_deref())?;
    let status = if content.legal_hold { "ON" } else { "OFF" };
    let status = Some(dto::ObjectLockLegalHoldStatus::from_static(status));
    Ok(dto::GetObjectLegalHoldOutput { legal_hold: Some(dto::ObjectLockLegalHold { status }) })
}

pub(super) fn put_legal_hold(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutObjectLegalHoldInput>,
) -> S3Result<dto::PutObjectLegalHoldOutput> {
    let input = request.input;
    let status = input.legal_hold.and_then(|hold| hold.status).ok_or_else(malformed)?;
    let bucket = cx.bucket(&input.bucket)?;
    if bucket.settings.lock.is_none() {
        return Err(unlocked_bucket());
    }
    find_mut(bucket, &input.key, input.version_id.as_deref())?.legal_hold = status.as_str() == "ON";
    Ok(dto::PutObjectLegalHoldOutput::default())
}
