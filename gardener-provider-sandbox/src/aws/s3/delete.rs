//! Deleting objects and versions.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html>

use std::time::SystemTime;

use s3s::{S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx, conditions, digest, lock,
    state::{Bucket, Versioning, error},
};

const MAX_BATCH: usize = 1000;

pub(super) fn one(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteObjectInput>,
) -> S3Result<dto::DeleteObjectOutput> {
    let (input, now) = (request.input, cx.now());
    let fresh_id = cx.state.fresh_id();
    let bucket = cx.bucket(&input.bucket)?;
    if input.if_match.is_some() {
        conditions::check_write(bucket, &input.key, input.if_match.as_ref(), None)?;
    }
    let bypass = input.bypass_governance_retention == Some(true);
    let gone = remove(bucket, &input.key, input.version_id.as_deref(), bypass, now, fresh_id)?;
    Ok(dto::DeleteObjectOutput {
        delete_marker: gone.marker.then_some(true),
        version_id: gone.version_id,
        request_charged: None,
    })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
pub(super) fn many(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteObjectsInput>,
) -> S3Result<dto::DeleteObjectsOutput> {
    if !digest::is_sent(&request.headers) {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(error(S3ErrorCode::InvalidRequest, message));
    }
    let (input, now) = (request.input, cx.now());
    if input.delete.objects.is_empty() || input.delete.objects.len() > MAX_BATCH {
        let message =
            "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(error(S3ErrorCode::MalformedXML, message));
    }
    let bypass = input.bypass_governance_retention == Some(true);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in input.delete.objects {
        let fresh_id = cx.state.fresh_id();
        let bucket = cx.bucket(&input.bucket)?;
        match remove(bucket, &object.key, object.version_id.as_deref(), bypass, now, fresh_id) {
            Ok(gone) => deleted.push(entry(object, gone)),
            Err(error) => errors.push(dto::Error {
                code: Some(error.code().as_str().to_owned()),
                message: error.message().map(str::to_owned),
                key: Some(object.key),
                version_id: object.version_id,
            }),
        }
    }
    let quiet = input.delete.quiet == Some(true);
    Ok(dto::DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(errors),
        request_charged: None,
    })
}

fn entry(object: dto::ObjectIdentifier, gone: Gone) -> dto::DeletedObject {
    dto::DeletedObject {
        key: Some(object.key),
        version_id: object.version_id,
        delete_marker: gone.marker.then_some(true),
        delete_marker_version_id: gone.version_id.filter(|_| gone.marker),
    }
}

/// What became of a delete: a marker was made or removed, or a version is gone.
struct Gone {
    marker: bool,
    version_id: Option<String>,
}

fn remove(
    bucket: &mut Bucket,
    key: &str,
    version: Option<&str>,
    bypass: bool,
    now: SystemTime,
    fresh_id: String,
) -> S3Result<Gone> {
    if let Some(id) = version {
        return remove_version(bucket, key, id, bypass, now);
    }
    if bucket.versioning == Versioning::Off {
        bucket.remove(key, "null");
        return Ok(Gone { marker: false, version_id: None });
    }
    // Under suspended versioning the marker takes the place of the version `null`.
    if bucket.versioning == Versioning::Suspended {
        check_lock(bucket, key, "null", bypass, now)?;
    }
    let id = bucket.add(key, None, now, fresh_id);
    Ok(Gone { marker: true, version_id: Some(id) })
}

fn remove_version(bucket: &mut Bucket, key: &str, id: &str, bypass: bool, now: SystemTime) -> S3Result<Gone> {
    if id != "null" && (id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Err(error(S3ErrorCode::InvalidArgument, "Invalid version id specified"));
    }
    check_lock(bucket, key, id, bypass, now)?;
    let marker = bucket.version(key, id).is_some_and(|version| version.content.is_none());
    bucket.remove(key, id);
    Ok(Gone { marker, version_id: Some(id.to_owned()) })
}

fn check_lock(bucket: &Bucket, key: &str, id: &str, bypass: bool, now: SystemTime) -> S3Result<()> {
    let content = bucket.version(key, id).and_then(|version| version.content.as_ref());
    if content.is_some_and(|content| lock::is_protected(content, bypass, now)) {
        return Err(lock::protected());
    }
    Ok(())
}
