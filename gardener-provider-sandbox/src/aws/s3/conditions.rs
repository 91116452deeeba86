//! Conditional requests.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>

use std::time::{Duration, SystemTime};

use s3s::{S3Error, S3ErrorCode, S3Result, dto};

use super::state::{Bucket, Content, Version, error};

/// Refuses to write a key that does not look as the client thinks.
pub(super) fn check_write(
    bucket: &Bucket,
    key: &str,
    if_match: Option<&dto::ETagCondition>,
    if_none_match: Option<&dto::ETagCondition>,
) -> S3Result<()> {
    let current = bucket.current(key);
    match if_none_match {
        Some(dto::ETagCondition::Any) if current.is_some() => return Err(failed("If-None-Match")),
        Some(dto::ETagCondition::ETag(_)) => {
            let message = "A header you provided implies functionality that is not implemented";
            return Err(error(S3ErrorCode::NotImplemented, message));
        }
        _ => {}
    }
    match (if_match, current) {
        (Some(_), None) => Err(error(S3ErrorCode::NoSuchKey, "The specified key does not exist.")),
        (Some(wanted), Some((_, content))) if !matches(wanted, &content.e_tag) => Err(failed("If-Match")),
        _ => Ok(()),
    }
}

/// The conditions of a read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) if_match: Option<dto::ETagCondition>,
    pub(super) if_none_match: Option<dto::ETagCondition>,
    pub(super) if_modified_since: Option<dto::Timestamp>,
    pub(super) if_unmodified_since: Option<dto::Timestamp>,
}

/// How a read's conditions came out, if not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmet {
    NotModified,
    Failed(&'static str),
}

impl Read {
    /// ETags have precedence over times.
    pub(super) fn unmet(&self, version: &Version, content: &Content) -> Option<Unmet> {
        match &self.if_match {
            Some(wanted) if !matches(wanted, &content.e_tag) => return Some(Unmet::Failed("If-Match")),
            None if self
                .if_unmodified_since
                .as_ref()
                .is_some_and(|time| version.modified > seconds(time)) =>
            {
                return Some(Unmet::Failed("If-Unmodified-Since"));
            }
            _ => {}
        }
        match &self.if_none_match {
            Some(known) if matches(known, &content.e_tag) => Some(Unmet::NotModified),
            None if self.if_modified_since.as_ref().is_some_and(|time| version.modified <= seconds(time)) => {
                Some(Unmet::NotModified)
            }
            _ => None,
        }
    }

    /// For a GET or HEAD.
    pub(super) fn check(&self, version: &Version, content: &Content) -> S3Result<()> {
        match self.unmet(version, content) {
            None => Ok(()),
            Some(Unmet::NotModified) => Err(not_modified(content)),
            Some(Unmet::Failed(condition)) => Err(failed(condition)),
        }
    }

    /// For the source of a copy, where a condition is met or failed.
    pub(super) fn check_source(&self, version: &Version, content: &Content) -> S3Result<()> {
        match self.unmet(version, content) {
            None => Ok(()),
            Some(Unmet::NotModified) => Err(failed("x-amz-copy-source-If-None-Match")),
            Some(Unmet::Failed(condition)) => Err(failed(condition)),
        }
    }
}

fn matches(condition: &dto::ETagCondition, e_tag: &str) -> bool {
    match condition {
        dto::ETagCondition::Any => true,
        dto::ETagCondition::ETag(wanted) => wanted.value() == e_tag,
    }
}

pub(super) fn failed(condition: &str) -> S3Error {
    let message = format!("At least one of the pre-conditions you specified did not hold ({condition})");
    error(S3ErrorCode::PreconditionFailed, message)
}

fn not_modified(content: &Content) -> S3Error {
    let mut error = error(S3ErrorCode::NotModified, "Not Modified");
    let mut headers = http::HeaderMap::new();
    if let Ok(e_tag) = format!("\"{}\"", content.e_tag).parse() {
        headers.insert(http::header::ETAG, e_tag);
    }
    error.set_headers(headers);
    error
}

/// HTTP dates know whole seconds only.
fn seconds(time: &dto::Timestamp) -> SystemTime {
    let time: SystemTime = super::lock::system_time(time);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
