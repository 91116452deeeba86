//! Lifecycle rules at work: what they remove is gone once the clock has passed their date.
//!
//! A period ends at the midnight (UTC) after it has run out.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>

use std::time::{Duration, SystemTime};

use s3s::dto;

use super::{
    lock,
    state::{Bucket, Version, Versioning},
};

const DAY: u64 = 86_400;

/// Does all that is due.
pub(super) fn apply(bucket: &mut Bucket, now: SystemTime) {
    let rules = bucket.settings.lifecycle.clone().unwrap_or_default();
    for rule in rules.iter().filter(|rule| rule.status.as_str() == "Enabled") {
        let prefix = prefix_of(rule).to_owned();
        if let Some(days) =
            rule.abort_incomplete_multipart_upload.as_ref().and_then(|abort| abort.days_after_initiation)
        {
            bucket.uploads.retain(|_, upload| {
                !(upload.key.starts_with(&prefix) && is_over(upload.initiated, days, now))
            });
        }
        if rule.expiration.is_none() && rule.noncurrent_version_expiration.is_none() {
            continue;
        }
        let keys: Vec<String> =
            bucket.objects.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        for key in keys {
            expire_noncurrent(bucket, &key, rule, now);
            expire_current(bucket, &key, rule, now);
            drop_lone_marker(bucket, &key, rule);
        }
    }
}

fn prefix_of(rule: &dto::LifecycleRule) -> &str {
    let filter = rule.filter.as_ref();
    let in_filter = filter.and_then(|filter| {
        filter.prefix.as_deref().or_else(|| filter.and.as_ref().and_then(|and| and.prefix.as_deref()))
    });
    in_filter.or(rule.prefix.as_deref()).unwrap_or_default()
}

fn is_over(since: SystemTime, days: i32, now: SystemTime) -> bool {
    let seconds = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let days = u64::try_from(days).unwrap_or(u64::MAX);
    let due = (seconds / DAY).saturating_add(days).saturating_add(1).saturating_mul(DAY);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(due)).is_some_and(|due| now >= due)
}

fn applies_to(rule: &dto::LifecycleRule, version: &Version) -> bool {
    let (Some(content), Some(filter)) = (&version.content, &rule.filter) else { return true };
    let and = filter.and.as_ref();
    let size = i64::try_from(content.data.len()).unwrap_or(i64::MAX);
    let over = filter.object_size_greater_than.or_else(|| and.and_then(|and| and.object_size_greater_than));
    let under = filter.object_size_less_than.or_else(|| and.and_then(|and| and.object_size_less_than));
    let mut tags = filter.tag.iter().chain(and.and_then(|and| and.tags.as_ref()).into_iter().flatten());
    over.is_none_or(|over| size > over)
        && under.is_none_or(|under| size < under)
        && tags.all(|tag| content.attributes.tags.contains(tag))
}

fn expire_current(bucket: &mut Bucket, key: &str, rule: &dto::LifecycleRule, now: SystemTime) {
    let Some(expiration) = &rule.expiration else { return };
    let Some((version, _)) = bucket.current(key) else { return };
    let by_days = expiration.days.is_some_and(|days| is_over(version.modified, days, now));
    let by_date = expiration.date.as_ref().is_some_and(|date| now >= lock::system_time(date));
    if !(by_days || by_date) || !applies_to(rule, version) {
        return;
    }
    let id = version.id.clone();
    match bucket.versioning {
        Versioning::Off => bucket.remove(key, &id),
        // The marker's own id is derived from the version's, so that it needs no counter here.
        Versioning::Enabled | Versioning::Suspended => {
            let fresh = super::digest::md5_hex(format!("expired {key} {id}").as_bytes()).to_uppercase();
            bucket.add(key, None, now, fresh);
        }
    }
}

fn expire_noncurrent(bucket: &mut Bucket, key: &str, rule: &dto::LifecycleRule, now: SystemTime) {
    let Some(expiration) = &rule.noncurrent_version_expiration else { return };
    let Some(days) = expiration.noncurrent_days else { return };
    let kept = usize::try_from(expiration.newer_noncurrent_versions.unwrap_or(0)).unwrap_or(0);
    let Some(versions) = bucket.objects.get(key) else { return };
    // A version is noncurrent since the next one was made.
    let newest_first = versions.iter().zip(versions.iter().skip(1)).rev();
    let due: Vec<String> = newest_first
        .skip(kept)
        .filter(|(version, next)| is_over(next.modified, days, now) && applies_to(rule, version))
        .filter(|(version, _)| {
            !version.content.as_ref().is_some_and(|content| lock::is_protected(content, false, now))
        })
        .map(|(version, _)| version.id.clone())
        .collect();
    for id in due {
        bucket.remove(key, &id);
    }
}

fn drop_lone_marker(bucket: &mut Bucket, key: &str, rule: &dto::LifecycleRule) {
    let wanted = rule.expiration.as_ref().and_then(|expiration| expiration.expired_object_delete_marker);
    let lone = bucket
        .objects
        .get(key)
        .is_some_and(|versions| matches!(versions.as_slice(), [only] if only.content.is_none()));
    if wanted == Some(true) && lone {
        bucket.objects.remove(key);
    }
}
