//! Uploads in parts.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx, conditions, digest, lock,
    objects::{attributes, encryption},
    state::{Attributes, Bucket, Completed, Content, Part, Upload, error},
};

const MIN_PART: usize = 5 * 1024 * 1024;
const MAX_PARTS: i32 = 10_000;

pub(super) fn create(
    cx: &mut Cx<'_>,
    request: S3Request<dto::CreateMultipartUploadInput>,
) -> S3Result<dto::CreateMultipartUploadOutput> {
    let (input, now) = (request.input, cx.now());
    let attributes = attributes!(input);
    let upload_id = cx.state.fresh_id().to_lowercase();
    let bucket = cx.bucket(&input.bucket)?;
    let (retention, legal_hold) = lock::retention_of(
        bucket,
        input.object_lock_mode.as_ref().map(dto::ObjectLockMode::as_str),
        input.object_lock_retain_until_date.as_ref(),
        input.object_lock_legal_hold_status.as_ref().map(dto::ObjectLockLegalHoldStatus::as_str),
        now,
    )?;
    let whole_checksum = is_whole(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let (server_side_encryption, ssekms_key_id) = encryption(bucket, &attributes);
    let upload = Upload {
        key: input.key.clone(),
        initiated: now,
        attributes,
        checksum: input.checksum_algorithm.clone(),
        whole_checksum,
        retention,
        legal_hold,
        parts: std::collections::BTreeMap::new(),
    };
    bucket.uploads.insert(upload_id.clone(), upload);
    Ok(dto::CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        server_side_encryption,
        ssekms_key_id,
        ..dto::CreateMultipartUploadOutput::default()
    })
}

/// CRC64NVME is always of the whole object, SHA never.
fn is_whole(algorithm: Option<&dto::ChecksumAlgorithm>, kind: Option<&dto::ChecksumType>) -> S3Result<bool> {
    let whole = kind.map(|kind| kind.as_str() == dto::ChecksumType::FULL_OBJECT);
    match (algorithm.map(dto::ChecksumAlgorithm::as_str), whole) {
        (None | Some("CRC64NVME"), Some(false)) | (Some("SHA1" | "SHA256"), Some(true)) => Err(error(
            S3ErrorCode::InvalidRequest,
            "The checksum type cannot be used with the specified checksum algorithm.",
        )),
        (None | Some("CRC64NVME"), _) | (_, Some(true)) => Ok(true),
        _ => Ok(false),
    }
}

/// The upload of this key with this id.
pub(super) fn find<'a>(bucket: &'a mut Bucket, key: &str, id: &str) -> S3Result<&'a mut Upload> {
    bucket.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or_else(no_such_upload)
}

fn no_such_upload() -> S3Error {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted \
                   or completed.";
    error(S3ErrorCode::NoSuchUpload, message)
}

pub(super) fn check_number(number: i32) -> S3Result<i32> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(number);
    }
    let message = format!("Part number must be an integer between 1 and {MAX_PARTS}, inclusive");
    Err(error(S3ErrorCode::InvalidArgument, message))
}

pub(super) fn upload(
    cx: &mut Cx<'_>,
    request: S3Request<dto::UploadPartInput>,
) -> S3Result<dto::UploadPartOutput> {
    let (input, now, data) = (request.input, cx.now(), cx.payload.clone());
    let number = check_number(input.part_number)?;
    let upload = find(cx.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
    lock::check_digest(upload.retention.is_some() || upload.legal_hold, &request.headers, "Put Part")?;
    let customer_key = super::objects::customer_key(
        input.sse_customer_key.as_deref(),
        input.sse_customer_key_md5.as_deref(),
    )?;
    if customer_key != upload.attributes.customer_key {
        let message = "The provided encryption parameters did not match the ones used originally.";
        return Err(error(S3ErrorCode::InvalidRequest, message));
    }
    let e_tag = digest::md5_hex(&data);
    let algorithm = upload.checksum.as_ref().map_or("CRC64NVME", dto::ChecksumAlgorithm::as_str);
    let checksum = digest::of(algorithm, &data);
    let output = dto::UploadPartOutput {
        e_tag: Some(dto::ETag::Strong(e_tag.clone())),
        checksum_crc32: checksum.checksum_crc32.clone(),
        checksum_crc32c: checksum.checksum_crc32c.clone(),
        checksum_crc64nvme: checksum.checksum_crc64nvme.clone(),
        checksum_sha1: checksum.checksum_sha1.clone(),
        checksum_sha256: checksum.checksum_sha256.clone(),
        sse_customer_algorithm: customer_key.as_ref().map(|_| "AES256".to_owned()),
        sse_customer_key_md5: customer_key,
        ..dto::UploadPartOutput::default()
    };
    upload.parts.insert(number, Part { data, e_tag, modified: now, checksum });
    Ok(output)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
///
/// Completing again with the same parts succeeds without a new version, so that a client can repeat a call whose reply it
/// lost (measured on the real service: <https://github.com/adobe/S3Mock/issues/2586>).
pub(super) fn complete(
    cx: &mut Cx<'_>,
    request: S3Request<dto::CompleteMultipartUploadInput>,
) -> S3Result<dto::CompleteMultipartUploadOutput> {
    let (input, now) = (request.input, cx.now());
    let fresh_id = cx.state.fresh_id();
    let bucket = cx.bucket(&input.bucket)?;
    let wanted = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let told: Vec<(i32, String)> = wanted.iter().filter_map(number_and_tag).collect();
    if let Some(before) = bucket.completed.get(&input.upload_id)
        && before.key == input.key
        && before.parts == told
    {
        return Ok(completion(&input.bucket, &bucket.region, before));
    }
    let upload = find(bucket, &input.key, &input.upload_id)?;
    let parts = chosen(upload, &wanted)?;
    let content = assemble(upload, &parts);
    conditions::check_write(bucket, &input.key, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    bucket.uploads.remove(&input.upload_id);
    let (encryption, kms_key) = encryption(bucket, &content.attributes);
    let (e_tag, checksum) = (content.e_tag.clone(), content.checksum.clone());
    let id = bucket.add(&input.key, Some(content), now, fresh_id);
    let version_id = bucket.shown_id(&id);
    let done = Completed { key: input.key, parts: told, e_tag, checksum, encryption, kms_key, version_id };
    let output = completion(&input.bucket, &bucket.region, &done);
    bucket.completed.insert(input.upload_id, done);
    Ok(output)
}

fn number_and_tag(part: &dto::CompletedPart) -> Option<(i32, String)> {
    Some((part.part_number?, part.e_tag.as_ref()?.value().to_owned()))
}

fn completion(bucket: &str, region: &str, done: &Completed) -> dto::CompleteMultipartUploadOutput {
    let checksum = done.checksum.clone();
    dto::CompleteMultipartUploadOutput {
        location: Some(format!("https://{bucket}.s3.{region}.amazonaws.com/{}", done.key)),
        bucket: Some(bucket.to_owned()),
        key: Some(done.key.clone()),
        e_tag: Some(dto::ETag::Strong(done.e_tag.clone())),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        checksum_type: checksum.checksum_type,
        server_side_encryption: done.encryption.clone(),
        ssekms_key_id: done.kms_key.clone(),
        version_id: done.version_id.clone(),
        ..dto::CompleteMultipartUploadOutput::default()
    }
}

/// The parts that the client lists, if they are what was uploaded.
fn chosen(upload: &Upload, wanted: &[dto::CompletedPart]) -> S3Result<Vec<Part>> {
    let invalid = || {
        let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                       specified entity tag may not match the part's entity tag.";
        error(S3ErrorCode::InvalidPart, message)
    };
    if wanted.is_empty() {
        return Err(error(S3ErrorCode::MalformedXML, "You must specify at least one part"));
    }
    let number = |part: &dto::CompletedPart| part.part_number.unwrap_or_default();
    if !wanted.is_sorted_by(|a, b| number(a) < number(b)) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(error(S3ErrorCode::InvalidPartOrder, message));
    }
    let mut parts = Vec::new();
    for (index, part) in wanted.iter().enumerate() {
        let found = upload.parts.get(&number(part)).ok_or_else(invalid)?;
        let same = part.e_tag.as_ref().is_some_and(|e_tag| e_tag.value() == found.e_tag);
        if !same || !has_sums(part, &found.checksum) {
            return Err(invalid());
        }
        if index + 1 < wanted.len() && found.data.len() < MIN_PART {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(error(S3ErrorCode::EntityTooSmall, message));
        }
        parts.push(found.clone());
    }
    Ok(parts)
}

fn has_sums(part: &dto::CompletedPart, sums: &dto::Checksum) -> bool {
    [
        (&part.checksum_crc32, &sums.checksum_crc32),
        (&part.checksum_crc32c, &sums.checksum_crc32c),
        (&part.checksum_crc64nvme, &sums.checksum_crc64nvme),
        (&part.checksum_sha1, &sums.checksum_sha1),
        (&part.checksum_sha256, &sums.checksum_sha256),
    ]
    .into_iter()
    .all(|(told, kept)| told.is_none() || told == kept)
}

fn assemble(upload: &Upload, parts: &[Part]) -> Content {
    let mut data = Vec::with_capacity(parts.iter().map(|part| part.data.len()).sum());
    for part in parts {
        data.extend_from_slice(&part.data);
    }
    let sums: Vec<dto::Checksum> = parts.iter().map(|part| part.checksum.clone()).collect();
    let algorithm = upload.checksum.as_ref().map_or("CRC64NVME", dto::ChecksumAlgorithm::as_str);
    Content {
        e_tag: digest::md5_of_parts(parts.iter().map(|part| part.e_tag.as_str())),
        checksum: digest::of_parts(algorithm, upload.whole_checksum, &sums, &data),
        attributes: upload.attributes.clone(),
        parts: parts.iter().map(|part| part.data.len() as u64).collect(),
        retention: upload.retention,
        legal_hold: upload.legal_hold,
        data: data.into(),
    }
}

pub(super) fn abort(
    cx: &mut Cx<'_>,
    request: S3Request<dto::AbortMultipartUploadInput>,
) -> S3Result<dto::AbortMultipartUploadOutput> {
    let input = request.input;
    let bucket = cx.bucket(&input.bucket)?;
    find(bucket, &input.key, &input.upload_id)?;
    bucket.uploads.remove(&input.upload_id);
    Ok(dto::AbortMultipartUploadOutput::default())
}
