//! Digests of bodies: those that a client sent are verified, those that S3 computes are computed.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256},
    dto,
};

use super::state::{custom_error, error};

/// Refuses a body that does not have the digests its headers say. With `completes`, the checksum headers are about the
/// object that a multipart upload makes, not about the body.
pub(super) fn verify(headers: &HeaderMap, body: &[u8], completes: bool) -> S3Result<()> {
    if let Some(sent) = text(headers, "content-md5") {
        let sent = STANDARD.decode(sent).ok().filter(|digest| digest.len() == 16);
        let sent = sent
            .ok_or_else(|| error(S3ErrorCode::InvalidDigest, "The Content-MD5 you specified was invalid."))?;
        if sent != Md5::checksum(body) {
            return Err(bad("Content-MD5"));
        }
    }
    if let Some(sent) = text(headers, "x-amz-content-sha256")
        && sent.len() == 64
        && !sent.eq_ignore_ascii_case(&hex::encode(Sha256::checksum(body)))
    {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(custom_error("XAmzContentSHA256Mismatch", StatusCode::BAD_REQUEST, message));
    }
    if completes {
        return Ok(());
    }
    for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
        let name = format!("x-amz-checksum-{}", algorithm.to_lowercase());
        if let Some(sent) = text(headers, &name)
            && Some(sent) != get(&of(algorithm, body), algorithm).as_deref()
        {
            return Err(bad(algorithm));
        }
    }
    Ok(())
}

/// True if the request carries a digest of its body besides the signature's.
pub(super) fn is_sent(headers: &HeaderMap) -> bool {
    headers.contains_key("content-md5")
        || ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"]
            .iter()
            .any(|name| headers.contains_key(format!("x-amz-checksum-{name}")))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bad(what: &str) -> S3Error {
    error(S3ErrorCode::BadDigest, format!("The {what} you specified did not match the calculated checksum."))
}

/// The checksum of this algorithm; nothing if it is unknown.
pub(super) fn of(algorithm: &str, body: &[u8]) -> dto::Checksum {
    let mut hasher = ChecksumHasher::default();
    match algorithm {
        "CRC32" => hasher.crc32 = Some(Crc32::new()),
        "CRC32C" => hasher.crc32c = Some(Crc32c::new()),
        "CRC64NVME" => hasher.crc64nvme = Some(Crc64Nvme::new()),
        "SHA1" => hasher.sha1 = Some(Sha1::new()),
        "SHA256" => hasher.sha256 = Some(Sha256::new()),
        _ => {}
    }
    hasher.update(body);
    hasher.finalize()
}

/// The checksum that S3 keeps with an object: of the algorithm that the client chose, else CRC64NVME.
pub(super) fn kept(headers: &HeaderMap, body: &[u8]) -> dto::Checksum {
    let named = text(headers, "x-amz-sdk-checksum-algorithm").map(str::to_uppercase);
    let sent = ["CRC32", "CRC32C", "SHA1", "SHA256"]
        .into_iter()
        .find(|name| headers.contains_key(format!("x-amz-checksum-{}", name.to_lowercase())));
    let algorithm = sent.map(str::to_owned).or(named).unwrap_or_else(|| "CRC64NVME".to_owned());
    let mut checksum = of(&algorithm, body);
    checksum.checksum_type = Some(dto::ChecksumType::from_static(dto::ChecksumType::FULL_OBJECT));
    checksum
}

/// The value of this algorithm, base64.
pub(super) fn get(checksum: &dto::Checksum, algorithm: &str) -> Option<String> {
    match algorithm {
        "CRC32" => checksum.checksum_crc32.clone(),
        "CRC32C" => checksum.checksum_crc32c.clone(),
        "CRC64NVME" => checksum.checksum_crc64nvme.clone(),
        "SHA1" => checksum.checksum_sha1.clone(),
        "SHA256" => checksum.checksum_sha256.clone(),
        _ => None,
    }
}

/// The checksum of an object made of parts: of all its bytes, or of its parts' checksums with their number behind.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
pub(super) fn of_parts(algorithm: &str, whole: bool, parts: &[dto::Checksum], body: &[u8]) -> dto::Checksum {
    if whole {
        let mut checksum = of(algorithm, body);
        checksum.checksum_type = Some(dto::ChecksumType::from_static(dto::ChecksumType::FULL_OBJECT));
        return checksum;
    }
    let values =
        parts.iter().filter_map(|part| get(part, algorithm)).filter_map(|value| STANDARD.decode(value).ok());
    let mut checksum = of(algorithm, &values.flatten().collect::<Vec<u8>>());
    for value in [
        &mut checksum.checksum_crc32,
        &mut checksum.checksum_crc32c,
        &mut checksum.checksum_sha1,
        &mut checksum.checksum_sha256,
    ]
    .into_iter()
    .flatten()
    {
        *value = format!("{value}-{}", parts.len());
    }
    checksum.checksum_type = Some(dto::ChecksumType::from_static(dto::ChecksumType::COMPOSITE));
    checksum
}

pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::checksum(bytes))
}

/// The ETag of an object made of parts.
pub(super) fn md5_of_parts<'a>(e_tags: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = e_tags.len();
    let bytes: Vec<u8> = e_tags.filter_map(|e_tag| hex::decode(e_tag).ok()).flatten().collect();
    format!("{}-{count}", md5_hex(&bytes))
}

pub(super) fn md5_base64(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::checksum(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_e_tag_of_parts() {
        let parts = [md5_hex(b"a"), md5_hex(b"b")];
        let e_tag = md5_of_parts(parts.iter().map(String::as_str));
        assert_eq!(e_tag, "96e024ba2074fe77e8e965ba43a704be-2");
    }

    #[test]
    fn known_checksums() {
        // The check values of the CRC catalogue for "123456789".
        assert_eq!(
            get(&of("CRC32", b"123456789"), "CRC32").unwrap(),
            STANDARD.encode([0xcb, 0xf4, 0x39, 0x26])
        );
        let nvme = 0xae8b_1486_0a79_9888_u64.to_be_bytes();
        assert_eq!(get(&of("CRC64NVME", b"123456789"), "CRC64NVME").unwrap(), STANDARD.encode(nvme));
    }
}
