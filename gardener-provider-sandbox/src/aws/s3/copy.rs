//! Copying on the server.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>

use s3s::{S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx,
    conditions::Read,
    digest, lock, multipart,
    objects::{attributes, check_customer_key, copied_tags, encryption, find},
    state::{Attributes, Content, Part, error},
};

/// What is copied.
struct Source {
    bucket: String,
    key: String,
    version_id: Option<String>,
    content: Content,
}

macro_rules! source {
    ($cx:expr, $input:expr) => {
        read_source(
            $cx,
            &$input.copy_source,
            $input.copy_source_sse_customer_key_md5.as_deref(),
            Read {
                if_match: $input.copy_source_if_match.clone(),
                if_none_match: $input.copy_source_if_none_match.clone(),
                if_modified_since: $input.copy_source_if_modified_since.clone(),
                if_unmodified_since: $input.copy_source_if_unmodified_since.clone(),
            },
        )
    };
}

fn read_source(
    cx: &mut Cx<'_>,
    source: &dto::CopySource,
    customer_key: Option<&str>,
    conditions: Read,
) -> S3Result<Source> {
    let dto::CopySource::Bucket { bucket: name, key, version_id } = source else {
        return Err(error(S3ErrorCode::NotImplemented, "Copying from access points is not implemented."));
    };
    let bucket = cx.bucket(name)?;
    if bucket.foreign {
        return Err(error(S3ErrorCode::AccessDenied, "Access Denied"));
    }
    let (version, content) = find(bucket, key, version_id.as_deref())?;
    check_customer_key(content, customer_key)?;
    conditions.check_source(version, content)?;
    Ok(Source {
        bucket: name.to_string(),
        key: key.to_string(),
        version_id: bucket.shown_id(&version.id),
        content: content.clone(),
    })
}

pub(super) fn object(
    cx: &mut Cx<'_>,
    request: S3Request<dto::CopyObjectInput>,
) -> S3Result<dto::CopyObjectOutput> {
    let (input, now) = (request.input, cx.now());
    let source = source!(cx, input)?;
    let replace = is_replace(input.metadata_directive.as_ref().map(dto::MetadataDirective::as_str));
    let replace_tags = is_replace(input.tagging_directive.as_ref().map(dto::TaggingDirective::as_str));
    let asked: Attributes = attributes!(input);
    let in_place = source.bucket == input.bucket && source.key == input.key && source.version_id.is_none();
    if in_place && !replace && asked == (Attributes { tags: asked.tags.clone(), ..Attributes::default() }) {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                       the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(error(S3ErrorCode::InvalidRequest, message));
    }
    let tags = copied_tags(replace_tags, input.tagging.as_deref(), &source.content)?;
    let attributes = merged(asked, &source.content.attributes, replace, tags);
    let fresh_id = cx.state.fresh_id();
    let bucket = cx.bucket(&input.bucket)?;
    let (retention, legal_hold) = lock::retention_of(
        bucket,
        input.object_lock_mode.as_ref().map(dto::ObjectLockMode::as_str),
        input.object_lock_retain_until_date.as_ref(),
        input.object_lock_legal_hold_status.as_ref().map(dto::ObjectLockLegalHoldStatus::as_str),
        now,
    )?;
    let data = source.content.data;
    let algorithm = input.checksum_algorithm.as_ref().map_or("CRC64NVME", dto::ChecksumAlgorithm::as_str);
    let checksum = digest::of_parts(algorithm, true, &[], &data);
    let e_tag = digest::md5_hex(&data);
    let (server_side_encryption, ssekms_key_id) = encryption(bucket, &attributes);
    let result = dto::CopyObjectResult {
        e_tag: Some(dto::ETag::Strong(e_tag.clone())),
        last_modified: Some(now.into()),
        checksum_crc32: checksum.checksum_crc32.clone(),
        checksum_crc32c: checksum.checksum_crc32c.clone(),
        checksum_crc64nvme: checksum.checksum_crc64nvme.clone(),
        checksum_sha1: checksum.checksum_sha1.clone(),
        checksum_sha256: checksum.checksum_sha256.clone(),
        checksum_type: checksum.checksum_type.clone(),
    };
    let content = Content { data, e_tag, checksum, attributes, parts: Vec::new(), retention, legal_hold };
    let id = bucket.add(&input.key, Some(content), now, fresh_id);
    Ok(dto::CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: source.version_id,
        server_side_encryption,
        ssekms_key_id,
        version_id: bucket.shown_id(&id),
        ..dto::CopyObjectOutput::default()
    })
}

fn is_replace(directive: Option<&str>) -> bool {
    directive == Some("REPLACE")
}

/// Metadata come from the source or from the request; storage class and encryption always from the request.
fn merged(asked: Attributes, source: &Attributes, replace: bool, tags: Vec<dto::Tag>) -> Attributes {
    if replace {
        return Attributes { tags, ..asked };
    }
    Attributes {
        storage_class: asked.storage_class,
        encryption: asked.encryption,
        kms_key: asked.kms_key,
        customer_key: asked.customer_key,
        tags,
        ..source.clone()
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>
pub(super) fn part(
    cx: &mut Cx<'_>,
    request: S3Request<dto::UploadPartCopyInput>,
) -> S3Result<dto::UploadPartCopyOutput> {
    let (input, now) = (request.input, cx.now());
    let source = source!(cx, input)?;
    let data = match &input.copy_source_range {
        None => source.content.data,
        Some(range) => {
            let length = source.content.data.len() as u64;
            let range = dto::Range::parse(range).ok().and_then(|range| range.check(length).ok());
            let range = range.ok_or_else(|| {
                error(
                    S3ErrorCode::InvalidArgument,
                    "The x-amz-copy-source-range value must lie within the source object.",
                )
            })?;
            let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
            source.content.data.slice(start.unwrap_or(0)..end.unwrap_or(0))
        }
    };
    let bucket = cx.bucket(&input.bucket)?;
    let upload = multipart::find(bucket, &input.key, &input.upload_id)?;
    let e_tag = digest::md5_hex(&data);
    let algorithm = upload.checksum.as_ref().map_or("CRC64NVME", dto::ChecksumAlgorithm::as_str);
    let checksum = digest::of(algorithm, &data);
    upload.parts.insert(
        multipart::check_number(input.part_number)?,
        Part { data, e_tag: e_tag.clone(), modified: now, checksum },
    );
    let result = dto::CopyPartResult {
        e_tag: Some(dto::ETag::Strong(e_tag)),
        last_modified: Some(now.into()),
        ..dto::CopyPartResult::default()
    };
    Ok(dto::UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: source.version_id,
        ..dto::UploadPartCopyOutput::default()
    })
}
