//! Writing and reading objects.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx,
    conditions::{self, Read},
    digest, lock,
    state::{Attributes, Bucket, Content, Version, custom_error, error},
    tagging,
};

const MAX_PUT: usize = 5 * 1024 * 1024 * 1024;

/// The attributes in a request that makes an object.
macro_rules! attributes {
    ($input:expr) => {
        Attributes {
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $input.content_encoding.clone(),
            content_language: $input.content_language.clone(),
            content_type: $input.content_type.clone(),
            expires: $input.expires.clone(),
            metadata: $input.metadata.clone(),
            storage_class: $input.storage_class.as_ref().map(|class| class.as_str().to_owned()),
            encryption: $input.server_side_encryption.as_ref().map(|kind| kind.as_str().to_owned()),
            kms_key: $input.ssekms_key_id.clone(),
            customer_key: super::objects::customer_key(
                $input.sse_customer_key.as_deref(),
                $input.sse_customer_key_md5.as_deref(),
            )?,
            tags: super::tagging::of_header($input.tagging.as_deref())?,
        }
    };
}
pub(super) use attributes;

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
pub(super) fn put(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutObjectInput>,
) -> S3Result<dto::PutObjectOutput> {
    let (input, now, data) = (request.input, cx.now(), cx.payload.clone());
    if data.len() > MAX_PUT {
        let message = "Your proposed upload exceeds the maximum allowed object size.";
        return Err(error(S3ErrorCode::EntityTooLarge, message));
    }
    let attributes = attributes!(input);
    let checksum = digest::kept(&request.headers, &data);
    let fresh_id = cx.state.fresh_id();
    let bucket = cx.bucket(&input.bucket)?;
    conditions::check_write(bucket, &input.key, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let (retention, legal_hold) = lock::retention_of(
        bucket,
        input.object_lock_mode.as_ref().map(dto::ObjectLockMode::as_str),
        input.object_lock_retain_until_date.as_ref(),
        input.object_lock_legal_hold_status.as_ref().map(dto::ObjectLockLegalHoldStatus::as_str),
        now,
    )?;
    lock::check_digest(retention.is_some() || legal_hold, &request.headers, "Put Object")?;
    let e_tag = digest::md5_hex(&data);
    let content = Content { data, e_tag, checksum, attributes, parts: Vec::new(), retention, legal_hold };
    let output = stored(bucket, &content);
    let id = bucket.add(&input.key, Some(content), now, fresh_id);
    Ok(dto::PutObjectOutput { version_id: bucket.shown_id(&id), ..output })
}

fn stored(bucket: &Bucket, content: &Content) -> dto::PutObjectOutput {
    let (encryption, kms_key) = encryption(bucket, &content.attributes);
    let checksum = content.checksum.clone();
    dto::PutObjectOutput {
        e_tag: Some(dto::ETag::Strong(content.e_tag.clone())),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        checksum_type: checksum.checksum_type,
        server_side_encryption: encryption,
        ssekms_key_id: kms_key,
        sse_customer_algorithm: content.attributes.customer_key.as_ref().map(|_| "AES256".to_owned()),
        sse_customer_key_md5: content.attributes.customer_key.clone(),
        ..dto::PutObjectOutput::default()
    }
}

/// How S3 says an object is encrypted: as asked for, else by the bucket's default, which is AES256 if nobody set one.
pub(super) fn encryption(
    bucket: &Bucket,
    attributes: &Attributes,
) -> (Option<dto::ServerSideEncryption>, Option<String>) {
    if attributes.customer_key.is_some() {
        return (None, None);
    }
    if let Some(kind) = &attributes.encryption {
        return (Some(dto::ServerSideEncryption::from(kind.clone())), attributes.kms_key.clone());
    }
    let mut rules = bucket.settings.encryption.iter().flat_map(|configuration| &configuration.rules);
    let default = rules.find_map(|rule| rule.apply_server_side_encryption_by_default.as_ref());
    default.map_or_else(
        || (Some(dto::ServerSideEncryption::from_static(dto::ServerSideEncryption::AES256)), None),
        |default| (Some(default.sse_algorithm.clone()), default.kms_master_key_id.clone()),
    )
}

/// The MD5 of a customer's key, after checking that key and MD5 belong together.
pub(super) fn customer_key(key: Option<&str>, md5: Option<&str>) -> S3Result<Option<String>> {
    let Some(key) = key else { return Ok(None) };
    let invalid = |message: &'static str| error(S3ErrorCode::InvalidArgument, message);
    let key = STANDARD.decode(key).ok().filter(|key| key.len() == 32);
    let key = key.ok_or_else(|| invalid("The secret key was invalid for the specified algorithm."))?;
    let actual = digest::md5_base64(&key);
    if md5.is_some_and(|md5| md5 != actual) {
        return Err(invalid("The calculated MD5 hash of the key did not match the hash that was provided."));
    }
    Ok(Some(actual))
}

/// Refuses to read what is encrypted with another key.
pub(super) fn check_customer_key(content: &Content, given: Option<&str>) -> S3Result<()> {
    match (&content.attributes.customer_key, given) {
        (None, None) => Ok(()),
        (Some(kept), Some(given)) if kept == given => Ok(()),
        (Some(_), Some(_)) => Err(error(S3ErrorCode::AccessDenied, "Access Denied")),
        (Some(_), None) => Err(error(
            S3ErrorCode::InvalidRequest,
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
             retrieve the object.",
        )),
        (None, Some(_)) => Err(error(
            S3ErrorCode::InvalidRequest,
            "The encryption parameters are not applicable to this object.",
        )),
    }
}

/// The version that a request means, with its content.
pub(super) fn find<'a>(
    bucket: &'a Bucket,
    key: &str,
    id: Option<&str>,
) -> S3Result<(&'a Version, &'a Content)> {
    let version = match id {
        None => bucket.latest(key).ok_or_else(no_such_key)?,
        Some(id) => bucket.version(key, id).ok_or_else(no_such_version)?,
    };
    let content = version.content.as_ref().ok_or_else(|| marker(version, id.is_some()))?;
    Ok((version, content))
}

pub(super) fn find_mut<'a>(bucket: &'a mut Bucket, key: &str, id: Option<&str>) -> S3Result<&'a mut Content> {
    let id = find(bucket, key, id)?.0.id.clone();
    let versions = bucket.objects.get_mut(key).into_iter().flatten();
    let mut contents =
        versions.filter(|version| version.id == id).filter_map(|version| version.content.as_mut());
    contents.next().ok_or_else(no_such_key)
}

fn no_such_key() -> S3Error {
    error(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
}

fn no_such_version() -> S3Error {
    error(S3ErrorCode::NoSuchVersion, "The specified version does not exist.")
}

/// The answer to reading a delete marker.
fn marker(version: &Version, by_id: bool) -> S3Error {
    let mut error = if by_id {
        error(S3ErrorCode::MethodNotAllowed, "The specified method is not allowed against this resource.")
    } else {
        no_such_key()
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if by_id {
        headers.insert(http::header::ALLOW, HeaderValue::from_static("DELETE"));
    }
    if let Ok(id) = HeaderValue::from_str(&version.id) {
        headers.insert("x-amz-version-id", id);
    }
    error.set_headers(headers);
    error
}

/// What GET and HEAD have in common.
macro_rules! described {
    ($output:ident, $bucket:expr, $version:expr, $content:expr, $piece:expr, $checksums:expr) => {{
        let (content, attributes) = ($content, &$content.attributes);
        let (encryption, kms_key) = encryption($bucket, attributes);
        let checksum = if $checksums { content.checksum.clone() } else { dto::Checksum::default() };
        dto::$output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: attributes.cache_control.clone(),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
            content_disposition: attributes.content_disposition.clone(),
            content_encoding: attributes.content_encoding.clone(),
            content_language: attributes.content_language.clone(),
            content_length: i64::try_from($piece.range.end - $piece.range.start).ok(),
            content_range: $piece.header(content.data.len()),
            content_type: Some(
                attributes.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned()),
            ),
            e_tag: Some(dto::ETag::Strong(content.e_tag.clone())),
            expires: attributes.expires.clone(),
            last_modified: Some($version.modified.into()),
            metadata: attributes.metadata.clone(),
            object_lock_legal_hold_status: content
                .legal_hold
                .then(|| dto::ObjectLockLegalHoldStatus::from_static("ON")),
            object_lock_mode: content
                .retention
                .map(|retention| dto::ObjectLockMode::from_static(lock::mode_name(retention))),
            object_lock_retain_until_date: content.retention.map(|retention| retention.until.into()),
            parts_count: $piece.parts,
            server_side_encryption: encryption,
            ssekms_key_id: kms_key,
            sse_customer_algorithm: attributes.customer_key.as_ref().map(|_| "AES256".to_owned()),
            sse_customer_key_md5: attributes.customer_key.clone(),
            storage_class: attributes
                .storage_class
                .clone()
                .filter(|class| class != "STANDARD")
                .map(dto::StorageClass::from),
            version_id: $bucket.shown_id(&$version.id),
            ..dto::$output::default()
        }
    }};
}

macro_rules! conditions {
    ($input:expr) => {
        Read {
            if_match: $input.if_match.clone(),
            if_none_match: $input.if_none_match.clone(),
            if_modified_since: $input.if_modified_since.clone(),
            if_unmodified_since: $input.if_unmodified_since.clone(),
        }
    };
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
pub(super) fn get(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetObjectInput>,
) -> S3Result<dto::GetObjectOutput> {
    let input = request.input;
    let bucket = cx.bucket(&input.bucket)?;
    let (version, content) = find(bucket, &input.key, input.version_id.as_deref())?;
    check_customer_key(content, input.sse_customer_key_md5.as_deref())?;
    conditions!(input).check(version, content)?;
    let piece = Piece::of(content, input.range, input.part_number)?;
    let whole = input.checksum_mode.is_some() && piece.partial.is_none();
    let mut output = described!(GetObjectOutput, bucket, version, content, piece, whole);
    output.tag_count = i32::try_from(content.attributes.tags.len()).ok().filter(|count| *count > 0);
    output.body = Some(dto::StreamingBlob::from(Body::from(piece.cut(&content.data))));
    Ok(output)
}

pub(super) fn head(
    cx: &mut Cx<'_>,
    request: S3Request<dto::HeadObjectInput>,
) -> S3Result<dto::HeadObjectOutput> {
    let input = request.input;
    let bucket = cx.bucket(&input.bucket)?;
    let (version, content) = find(bucket, &input.key, input.version_id.as_deref())?;
    check_customer_key(content, input.sse_customer_key_md5.as_deref())?;
    conditions!(input).check(version, content)?;
    let piece = Piece::of(content, input.range, input.part_number)?;
    let whole = input.checksum_mode.is_some() && piece.partial.is_none();
    Ok(described!(HeadObjectOutput, bucket, version, content, piece, whole))
}

/// The part of an object that a request wants.
struct Piece {
    range: Range<usize>,
    partial: Option<()>,
    parts: Option<i32>,
}

impl Piece {
    fn of(content: &Content, range: Option<dto::Range>, part: Option<i32>) -> S3Result<Self> {
        let length = content.data.len();
        match (range, part) {
            (Some(_), Some(_)) => Err(error(
                S3ErrorCode::InvalidRequest,
                "Cannot specify both Range header and partNumber query parameter",
            )),
            (Some(range), None) => Ok(Self { range: cut(range, length)?, partial: Some(()), parts: None }),
            (None, Some(number)) => part_range(content, number),
            (None, None) => Ok(Self { range: 0..length, partial: None, parts: None }),
        }
    }

    fn header(&self, length: usize) -> Option<String> {
        self.partial
            .map(|()| format!("bytes {}-{}/{length}", self.range.start, self.range.end.saturating_sub(1)))
    }

    fn cut(&self, data: &Bytes) -> Bytes {
        data.slice(self.range.clone())
    }
}

fn cut(range: dto::Range, length: usize) -> S3Result<Range<usize>> {
    let range = range.check(length as u64).map_err(|_| unsatisfiable())?;
    let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
    match (start, end) {
        (Ok(start), Ok(end)) if start < end => Ok(start..end),
        _ => Err(unsatisfiable()),
    }
}

fn unsatisfiable() -> S3Error {
    error(S3ErrorCode::InvalidRange, "The requested range is not satisfiable")
}

fn part_range(content: &Content, number: i32) -> S3Result<Piece> {
    let lengths =
        if content.parts.is_empty() { vec![content.data.len() as u64] } else { content.parts.clone() };
    let index = usize::try_from(number - 1).ok().filter(|index| *index < lengths.len());
    let index = index.ok_or_else(|| {
        let message = "The requested partnumber is not satisfiable";
        custom_error("InvalidPartNumber", StatusCode::RANGE_NOT_SATISFIABLE, message)
    })?;
    let start: u64 = lengths[..index].iter().sum();
    let (start, length) = (usize::try_from(start), usize::try_from(lengths[index]));
    let (Ok(start), Ok(length)) = (start, length) else { return Err(unsatisfiable()) };
    let parts = i32::try_from(content.parts.len()).ok().filter(|count| *count > 0);
    Ok(Piece { range: start..start + length, partial: (length > 0).then_some(()), parts })
}

/// The tags of the copy's source or of the request.
pub(super) fn copied_tags(replace: bool, header: Option<&str>, source: &Content) -> S3Result<Vec<dto::Tag>> {
    if replace { tagging::of_header(header) } else { Ok(source.attributes.tags.clone()) }
}
