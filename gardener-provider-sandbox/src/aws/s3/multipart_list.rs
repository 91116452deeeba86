//! Lists of uploads and their parts.

use s3s::{S3Request, S3Result, dto};

use super::{
    Cx, buckets,
    list::{encoded, page_size},
    multipart,
};

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>
pub(super) fn parts(
    cx: &mut Cx<'_>,
    request: S3Request<dto::ListPartsInput>,
) -> S3Result<dto::ListPartsOutput> {
    let input = request.input;
    let owner = buckets::owner(cx);
    let limit = page_size(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or(0);
    let upload = multipart::find(cx.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
    let mut later = upload.parts.range(after.saturating_add(1)..);
    let parts: Vec<dto::Part> =
        later.by_ref().take(limit).map(|(number, part)| entry(*number, part)).collect();
    let more = later.next().is_some();
    let last = parts.last().and_then(|part| part.part_number);
    Ok(dto::ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(after),
        next_part_number_marker: last,
        max_parts: i32::try_from(limit).ok(),
        is_truncated: Some(more),
        parts: Some(parts),
        initiator: Some(dto::Initiator { id: owner.id.clone(), ..dto::Initiator::default() }),
        owner: Some(owner),
        storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        checksum_algorithm: upload.checksum.clone(),
        ..dto::ListPartsOutput::default()
    })
}

fn entry(number: i32, part: &super::state::Part) -> dto::Part {
    let checksum = part.checksum.clone();
    dto::Part {
        part_number: Some(number),
        e_tag: Some(dto::ETag::Strong(part.e_tag.clone())),
        last_modified: Some(part.modified.into()),
        size: i64::try_from(part.data.len()).ok(),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
    }
}

/// Uploads by key, and those of one key by age. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
pub(super) fn uploads(
    cx: &mut Cx<'_>,
    request: S3Request<dto::ListMultipartUploadsInput>,
) -> S3Result<dto::ListMultipartUploadsOutput> {
    let input = request.input;
    let owner = buckets::owner(cx);
    let limit = page_size(input.max_uploads)?;
    let bucket = cx.bucket(&input.bucket)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let mut all: Vec<_> =
        bucket.uploads.iter().filter(|(_, upload)| upload.key.starts_with(&prefix)).collect();
    all.sort_by(|(a_id, a), (b_id, b)| (&a.key, a.initiated, a_id).cmp(&(&b.key, b.initiated, b_id)));
    let skipped = skip(&all, input.key_marker.as_deref(), input.upload_id_marker.as_deref());
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let url = input.encoding_type.is_some();
    let (mut found, mut prefixes, mut last, mut more) = (Vec::new(), Vec::<String>::new(), None, false);
    for (id, upload) in &all[skipped..] {
        let group =
            delimiter.as_ref().and_then(|delimiter| super::list::group(&upload.key, &prefix, delimiter));
        if group
            .as_ref()
            .is_some_and(|group| prefixes.last() == Some(group) || input.key_marker.as_ref() == Some(group))
        {
            continue;
        }
        if found.len() + prefixes.len() == limit {
            more = true;
            break;
        }
        last = Some((group.clone().unwrap_or_else(|| upload.key.clone()), (*id).clone()));
        match group {
            Some(group) => prefixes.push(group),
            None => found.push(dto::MultipartUpload {
                key: Some(encoded(&upload.key, url)),
                upload_id: Some((*id).clone()),
                initiated: Some(upload.initiated.into()),
                initiator: Some(dto::Initiator { id: owner.id.clone(), ..dto::Initiator::default() }),
                owner: Some(owner.clone()),
                storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
                checksum_algorithm: upload.checksum.clone(),
                checksum_type: None,
            }),
        }
    }
    let last = last.filter(|_| more);
    Ok(dto::ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        key_marker: Some(input.key_marker.unwrap_or_default()),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        next_key_marker: last.as_ref().map(|(key, _)| encoded(key, url)),
        next_upload_id_marker: last.map(|(_, id)| id),
        prefix: input.prefix,
        delimiter,
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(more),
        uploads: Some(found),
        common_prefixes: Some(super::list::prefixes(prefixes, url)),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

/// How many uploads come before the markers' place.
fn skip(all: &[(&String, &super::state::Upload)], key: Option<&str>, id: Option<&str>) -> usize {
    let Some(key) = key.filter(|key| !key.is_empty()) else { return 0 };
    let id = id.filter(|id| !id.is_empty());
    let at = id.and_then(|id| all.iter().position(|(found, upload)| *found == id && upload.key == key));
    match at {
        Some(at) => at + 1,
        None => all.partition_point(|(_, upload)| upload.key.as_str() <= key),
    }
}
