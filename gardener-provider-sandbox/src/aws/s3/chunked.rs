//! The `aws-chunked` encoding of bodies, with signed or unsigned chunks and with or without a trailer.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::state::{custom_error, error};

/// The plain body; what the trailer says becomes headers. The chunks' own signatures are not verified.
pub(super) fn decode(headers: &mut HeaderMap, body: Bytes) -> S3Result<Bytes> {
    let digest = headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    if !digest.is_some_and(|digest| digest.starts_with("STREAMING-")) {
        return Ok(body);
    }
    let (plain, trailer) = chunks(&body)?;
    let expected =
        headers.get("x-amz-decoded-content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    if expected != Some(plain.len()) {
        return Err(incomplete());
    }
    for (name, value) in trailer {
        headers.insert(name, value);
    }
    strip_encoding(headers);
    Ok(plain.into())
}

type Trailer = Vec<(HeaderName, HeaderValue)>;

fn chunks(body: &[u8]) -> S3Result<(Vec<u8>, Trailer)> {
    let (mut plain, mut rest) = (Vec::with_capacity(body.len()), body);
    loop {
        let (line, after) = line(rest).ok_or_else(incomplete)?;
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| incomplete())?;
        if size == 0 {
            return Ok((plain, trailer(after)?));
        }
        let data = after.get(..size).ok_or_else(incomplete)?;
        plain.extend_from_slice(data);
        rest = after[size..].strip_prefix(b"\r\n").ok_or_else(incomplete)?;
    }
}

fn trailer(mut rest: &[u8]) -> S3Result<Trailer> {
    let mut found = Vec::new();
    while let Some((line, after)) = line(rest) {
        rest = after;
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed_trailer)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| malformed_trailer())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| malformed_trailer())?;
        found.push((name, value));
    }
    Ok(found)
}

/// One line of ASCII and what follows it.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]))
}

/// `aws-chunked` is not part of the object's own encoding.
fn strip_encoding(headers: &mut HeaderMap) {
    let Some(value) = headers.remove(header::CONTENT_ENCODING) else { return };
    let kept: Vec<&str> = value
        .to_str()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && *coding != "aws-chunked")
        .collect();
    if let (false, Ok(kept)) = (kept.is_empty(), HeaderValue::from_str(&kept.join(","))) {
        headers.insert(header::CONTENT_ENCODING, kept);
    }
}

fn incomplete() -> S3Error {
    error(
        S3ErrorCode::IncompleteBody,
        "The request body terminated unexpectedly or does not have the length that its headers say.",
    )
}

fn malformed_trailer() -> S3Error {
    let message = "The request contained trailing data that was not well-formed.";
    custom_error("MalformedTrailerError", StatusCode::BAD_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(length: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers
            .insert("x-amz-content-sha256", HeaderValue::from_static("STREAMING-UNSIGNED-PAYLOAD-TRAILER"));
        headers.insert("x-amz-decoded-content-length", HeaderValue::from_str(length).unwrap());
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip,aws-chunked"));
        headers
    }

    #[test]
    fn unsigned_chunks_with_a_trailer() {
        let mut headers = headers("9");
        let body =
            Bytes::from_static(b"5\r\nhello\r\n4\r\nmore\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
        assert_eq!(decode(&mut headers, body).unwrap(), "hellomore");
        assert_eq!(headers["x-amz-checksum-crc32"], "AAAAAA==");
        assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    }

    #[test]
    fn signed_chunks() {
        let mut headers = headers("3");
        let body = Bytes::from_static(b"3;chunk-signature=ab\r\nabc\r\n0;chunk-signature=cd\r\n\r\n");
        assert_eq!(decode(&mut headers, body).unwrap(), "abc");
    }

    #[test]
    fn cut_and_mislabelled_bodies_are_refused() {
        for (length, body) in
            [("5", "5\r\nhel"), ("5", "5\r\nhello\r\n"), ("4", "5\r\nhello\r\n0\r\n\r\n"), ("1", "x\r\n")]
        {
            let error = decode(&mut headers(length), Bytes::from(body)).unwrap_err();
            assert_eq!(error.code().as_str(), "IncompleteBody", "{body:?}");
        }
    }
}
