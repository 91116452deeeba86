//! Versions of objects and the locks that retain them.

use std::time::{Duration, SystemTime};

use aws_smithy_types::date_time::{DateTime, Format};
use gardener_provider_client::retention;
use gardener_provider_core::{Error, Result, Retention, RetentionMode};
use http::Method;
use serde::Deserialize;

use super::{Document, Target, element, objects::Version};
use crate::api::{ApiRequest, Operation, query};

/// Whether a bucket keeps old versions of its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It never did.
    Never,
    /// It does.
    Enabled,
    /// It did, and still has those versions.
    Suspended,
}

/// Whether old versions are kept.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html>
pub fn get_versioning(target: &Target) -> Operation<Versioning> {
    Operation::new(target.get("GetBucketVersioning", "versioning"), |reply| {
        Ok(match query::xml::<Status>(reply)?.status.as_str() {
            "Enabled" => Versioning::Enabled,
            "Suspended" => Versioning::Suspended,
            _ => Versioning::Never,
        })
    })
}

/// Sets whether old versions are kept.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html>
pub fn put_versioning(target: &Target, on: bool) -> Operation<()> {
    let status = element("Status", if on { "Enabled" } else { "Suspended" });
    let document = Document::xml("VersioningConfiguration", &status);
    Operation::new(target.put("PutBucketVersioning", "versioning", document), query::nothing)
}

/// The object lock of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObjectLock {
    /// Objects can be locked. It cannot be switched off again.
    pub enabled: bool,
    /// The lock that new objects get.
    pub retention: Option<Retention>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "Status", default)]
    status: String,
}

/// The object lock of a bucket.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html>
pub fn get_object_lock(target: &Target) -> Operation<ObjectLock> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        #[serde(default)]
        object_lock_enabled: String,
        rule: Option<Rule>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Rule {
        default_retention: Option<Default>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Default {
        mode: String,
        days: Option<u32>,
        years: Option<u32>,
    }
    Operation::new(target.get("GetObjectLockConfiguration", "object-lock"), |reply| {
        let reply: Reply = query::xml(reply)?;
        let default = reply.rule.and_then(|rule| rule.default_retention);
        let retention = default.map(|default| {
            let days = default.days.or(default.years.map(|years| years.saturating_mul(365)));
            Ok::<_, Error>(Retention::new(retention::of_days(days.unwrap_or(0)), mode(&default.mode)?))
        });
        Ok(ObjectLock { enabled: reply.object_lock_enabled == "Enabled", retention: retention.transpose()? })
    })
}

fn mode(text: &str) -> Result<RetentionMode> {
    match text {
        "GOVERNANCE" => Ok(RetentionMode::Governance),
        "COMPLIANCE" => Ok(RetentionMode::Compliance),
        _ => Err(Error::internal(format!("S3 retains objects in a mode that is not known: {text:?}"))),
    }
}

/// Switches object lock on and sets the lock that new objects get; `None`: none.
///
/// # Errors
/// `Unimplemented` for a mode that this crate does not know.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLockConfiguration.html>
pub fn put_object_lock(target: &Target, retention: Option<Retention>) -> Result<Operation<()>> {
    let mut content = element("ObjectLockEnabled", "Enabled");
    if let Some(retention) = retention {
        let mode = match retention.mode {
            RetentionMode::Governance => "GOVERNANCE",
            RetentionMode::Compliance => "COMPLIANCE",
            _ => return Err(Error::unimplemented("this mode of retention")),
        };
        let days = retention::days(retention.period).to_string();
        let default = element("Mode", mode) + &element("Days", days);
        content = format!("{content}<Rule><DefaultRetention>{default}</DefaultRetention></Rule>");
    }
    let document = Document::xml("ObjectLockConfiguration", &content);
    Ok(Operation::new(target.put("PutObjectLockConfiguration", "object-lock", document), query::nothing))
}

/// Until when a version is retained.
///
/// # Errors
/// `InvalidArgument` if the key cannot be addressed.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html>
pub fn get_retention(target: &Target, version: &Version) -> Result<Operation<Option<SystemTime>>> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "RetainUntilDate", default, deserialize_with = "query::text")]
        until: Option<String>,
    }
    let request = target.of_object("GetObjectRetention", Method::GET, Some("retention"), version)?;
    Ok(Operation::new(request, |reply| {
        query::xml::<Reply>(reply)?.until.as_deref().map(point_in_time).transpose()
    }))
}

fn point_in_time(text: &str) -> Result<SystemTime> {
    let bad = || Error::internal(format!("S3 gave a date that cannot be read: {text:?}"));
    let date = DateTime::from_str(text, Format::DateTimeWithOffset).map_err(|_| bad())?;
    let seconds = u64::try_from(date.secs()).map_err(|_| bad())?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or_else(bad)
}

/// Whether a version is held back regardless of time.
///
/// # Errors
/// `InvalidArgument` if the key cannot be addressed.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLegalHold.html>
pub fn get_legal_hold(target: &Target, version: &Version) -> Result<Operation<bool>> {
    let request = target.of_object("GetObjectLegalHold", Method::GET, Some("legal-hold"), version)?;
    Ok(Operation::new(request, |reply| Ok(query::xml::<Status>(reply)?.status == "ON")))
}

pub(super) fn samples(target: &Target) -> Vec<ApiRequest> {
    let version = Version { key: "etcd/Full-1".to_owned(), id: Some("v1".to_owned()) };
    let compliance = Retention::new(retention::of_days(4), RetentionMode::Compliance);
    let governance = Retention::new(retention::of_days(1), RetentionMode::Governance);
    let mut samples = vec![
        get_versioning(target).request,
        put_versioning(target, true).request,
        put_versioning(target, false).request,
        get_object_lock(target).request,
    ];
    let locks = [None, Some(compliance), Some(governance)];
    samples
        .extend(locks.into_iter().filter_map(|lock| put_object_lock(target, lock).ok()).map(|op| op.request));
    samples.extend(get_retention(target, &version).map(|op| op.request));
    samples.extend(get_legal_hold(target, &version).map(|op| op.request));
    samples
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    fn reply(body: &str) -> Response<Bytes> {
        Response::new(Bytes::from(body.to_owned()))
    }

    #[test]
    fn a_lock_is_read_as_it_is_written() {
        let parse = get_object_lock(&Target::new("b")).parse;
        for retention in [
            None,
            Some(Retention::new(retention::of_days(1), RetentionMode::Governance)),
            Some(Retention::new(retention::of_days(400), RetentionMode::Compliance)),
        ] {
            let request = put_object_lock(&Target::new("b"), retention).unwrap().request;
            let body = std::str::from_utf8(&request.body).unwrap();
            assert_eq!(parse(&reply(body)).unwrap(), ObjectLock { enabled: true, retention });
        }
    }

    #[test]
    fn years_are_days_and_unknown_modes_are_errors() {
        let parse = get_object_lock(&Target::new("b")).parse;
        let years = "<O><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode>\
                     <Years>2</Years></DefaultRetention></Rule></O>";
        let period = parse(&reply(years)).unwrap().retention.unwrap().period;
        assert_eq!(period, retention::of_days(730));
        assert!(parse(&reply(&years.replace("COMPLIANCE", "LAX"))).is_err());
        assert_eq!(parse(&reply("<O/>")).unwrap(), ObjectLock::default());
    }

    #[test]
    fn versioning_is_read_as_it_is_written() {
        let parse = get_versioning(&Target::new("b")).parse;
        for (on, expected) in [(true, Versioning::Enabled), (false, Versioning::Suspended)] {
            let request = put_versioning(&Target::new("b"), on).request;
            assert_eq!(parse(&reply(std::str::from_utf8(&request.body).unwrap())).unwrap(), expected);
        }
        assert_eq!(parse(&reply("<VersioningConfiguration xmlns=\"x\"/>")).unwrap(), Versioning::Never);
    }

    #[test]
    fn dates_of_retention_have_fractions_and_offsets() {
        let version = Version { key: "k".into(), id: None };
        let parse = get_retention(&Target::new("b"), &version).unwrap().parse;
        for text in ["1970-01-02T00:00:00Z", "1970-01-02T00:00:00.000Z", "1970-01-02T01:00:00+01:00"] {
            let body = format!("<R><Mode>GOVERNANCE</Mode><RetainUntilDate>{text}</RetainUntilDate></R>");
            let until = parse(&reply(&body)).unwrap().unwrap();
            assert_eq!(until, SystemTime::UNIX_EPOCH + Duration::from_hours(24), "{text}");
        }
        assert_eq!(parse(&reply("<Retention/>")).unwrap(), None);
        assert!(parse(&reply("<R><RetainUntilDate>soon</RetainUntilDate></R>")).is_err());
    }

    #[test]
    fn a_hold_is_on_or_off() {
        let version = Version { key: "k".into(), id: None };
        let parse = get_legal_hold(&Target::new("b"), &version).unwrap().parse;
        assert!(parse(&reply("<LegalHold><Status>ON</Status></LegalHold>")).unwrap());
        assert!(!parse(&reply("<LegalHold><Status>OFF</Status></LegalHold>")).unwrap());
    }
}
