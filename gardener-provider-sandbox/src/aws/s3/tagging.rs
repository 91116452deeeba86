//! Tags of buckets and objects.

use std::collections::BTreeSet;

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx,
    objects::{find, find_mut},
    state::{custom_error, error},
};

const MAX_OBJECT_TAGS: usize = 10;
const MAX_BUCKET_TAGS: usize = 50;

/// The tags in an `x-amz-tagging` header, which is written like a query string.
pub(super) fn of_header(header: Option<&str>) -> S3Result<Vec<dto::Tag>> {
    let pairs = url::form_urlencoded::parse(header.unwrap_or_default().as_bytes());
    let tags: Vec<dto::Tag> = pairs
        .map(|(key, value)| dto::Tag { key: Some(key.into_owned()), value: Some(value.into_owned()) })
        .collect();
    check(&tags, MAX_OBJECT_TAGS)?;
    Ok(tags)
}

fn check(tags: &[dto::Tag], limit: usize) -> S3Result<()> {
    if tags.len() > limit {
        let message = if limit == MAX_OBJECT_TAGS {
            "Object tags cannot be greater than 10"
        } else {
            "Bucket tag count cannot be greater than 50"
        };
        return Err(custom_error("BadRequest", http::StatusCode::BAD_REQUEST, message));
    }
    let mut seen = BTreeSet::new();
    for tag in tags {
        let (key, value) = (tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default());
        if key.is_empty() || key.chars().count() > 128 {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if value.chars().count() > 256 {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
        if key.starts_with("aws:") {
            return Err(invalid("System tags cannot be added/updated by requester"));
        }
        if !seen.insert(key) {
            return Err(invalid("Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(())
}

fn invalid(message: &'static str) -> S3Error {
    error(S3ErrorCode::InvalidTag, message)
}

pub(super) fn get_object(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetObjectTaggingInput>,
) -> S3Result<dto::GetObjectTaggingOutput> {
    let bucket = cx.bucket(&request.input.bucket)?;
    let (version, content) = find(bucket, &request.input.key, request.input.version_id.as_deref())?;
    Ok(dto::GetObjectTaggingOutput {
        tag_set: content.attributes.tags.clone(),
        version_id: bucket.shown_id(&version.id),
    })
}

pub(super) fn put_object(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutObjectTaggingInput>,
) -> S3Result<dto::PutObjectTaggingOutput> {
    let input = request.input;
    check(&input.tagging.tag_set, MAX_OBJECT_TAGS)?;
    let version_id =
        replace(cx, &input.bucket, &input.key, input.version_id.as_deref(), input.tagging.tag_set)?;
    Ok(dto::PutObjectTaggingOutput { version_id })
}

pub(super) fn delete_object(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteObjectTaggingInput>,
) -> S3Result<dto::DeleteObjectTaggingOutput> {
    let input = request.input;
    let version_id = replace(cx, &input.bucket, &input.key, input.version_id.as_deref(), Vec::new())?;
    Ok(dto::DeleteObjectTaggingOutput { version_id })
}

fn replace(
    cx: &mut Cx<'_>,
    bucket: &str,
    key: &str,
    version: Option<&str>,
    tags: Vec<dto::Tag>,
) -> S3Result<Option<String>> {
    let bucket = cx.bucket(bucket)?;
    let id = find(bucket, key, version)?.0.id.clone();
    find_mut(bucket, key, version)?.attributes.tags = tags;
    Ok(bucket.shown_id(&id))
}

pub(super) fn get_bucket(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetBucketTaggingInput>,
) -> S3Result<dto::GetBucketTaggingOutput> {
    let tags = cx.bucket(&request.input.bucket)?.settings.tags.clone();
    let tag_set = tags.ok_or_else(|| error(S3ErrorCode::NoSuchTagSet, "The TagSet does not exist"))?;
    Ok(dto::GetBucketTaggingOutput { tag_set })
}

pub(super) fn put_bucket(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutBucketTaggingInput>,
) -> S3Result<dto::PutBucketTaggingOutput> {
    let tags = request.input.tagging.tag_set;
    check(&tags, MAX_BUCKET_TAGS)?;
    cx.bucket(&request.input.bucket)?.settings.tags = Some(tags);
    Ok(dto::PutBucketTaggingOutput::default())
}

pub(super) fn delete_bucket(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteBucketTaggingInput>,
) -> S3Result<dto::DeleteBucketTaggingOutput> {
    cx.bucket(&request.input.bucket)?.settings.tags = None;
    Ok(dto::DeleteBucketTaggingOutput::default())
}
