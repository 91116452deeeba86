//! Objects through the XML API. <https://cloud.google.com/storage/docs/xml-api/reference-methods>

use std::{fmt::Write as _, ops::Range};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use quick_xml::escape::escape;
use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};

use super::{
    super::{body::Fields, error::GcpError},
    Cx, decoded, no_content, objects,
    page::{Asked, Page},
    state::Version,
};
use crate::call::ErrorCode;

pub(super) fn object(cx: &mut Cx<'_>, bucket: &str, name: &str) -> Response<Bytes> {
    let reply = match cx.request.method().as_str() {
        "GET" | "HEAD" => get(cx, bucket, name),
        "DELETE" => cx
            .number("generation")
            .and_then(|generation| objects::delete(cx, bucket, name, generation))
            .map(|()| no_content()),
        "PUT" if cx.header("x-goog-copy-source").is_some() => copy(cx, bucket, name),
        _ => Err(GcpError::new(
            501,
            "NotImplemented",
            "The sandbox writes objects through the JSON API alone.",
        )),
    };
    reply.unwrap_or_else(|error| refused(cx, &error))
}

/// Errors of this API are XML with codes of their own.
fn refused(cx: &Cx<'_>, error: &GcpError) -> Response<Bytes> {
    let code = match (error.status, &*error.reason) {
        (404, _) if error.message.contains("bucket") => "NoSuchBucket",
        (404, _) => "NoSuchKey",
        (412, _) => "PreconditionFailed",
        (401, _) => "AuthenticationRequired",
        (403, "retentionPolicyNotMet" | "objectUnderActiveHold") => "ObjectUnderRetention",
        (403, _) => "AccessDenied",
        (304, _) => "NotModified",
        (416, _) => "InvalidRange",
        _ => "InvalidArgument",
    };
    let message = escape(&error.message);
    let body = format!(
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let empty = cx.request.method() == http::Method::HEAD || error.status == 304;
    let mut reply = Response::new(if empty { Bytes::new() } else { Bytes::from(body) });
    *reply.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=UTF-8"));
    reply.extensions_mut().insert(ErrorCode(code.to_owned()));
    reply
}

fn get(cx: &mut Cx<'_>, bucket: &str, name: &str) -> Result<Response<Bytes>, GcpError> {
    let generation = cx.number("generation")?;
    let version = cx.state.bucket(bucket)?.version(name, generation)?.clone();
    let tag = e_tag(&version);
    if cx.header("if-match").is_some_and(|wanted| wanted != "*" && wanted != tag) {
        return Err(GcpError::condition("At least one of the pre-conditions you specified did not hold."));
    }
    if cx.header("if-none-match").is_some_and(|known| known == "*" || known == tag) {
        return Err(GcpError::new(304, "notModified", ""));
    }
    let whole = version.data.len();
    let range = cx.header("range").map(|text| range(text, whole)).transpose()?;
    let mut reply = Response::new(version.data.slice(range.clone().unwrap_or(0..whole)));
    if let Some(range) = &range {
        *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {}-{}/{whole}", range.start, range.end.saturating_sub(1));
        set(&mut reply, header::CONTENT_RANGE, &text);
    }
    describe(&mut reply, &version);
    if cx.request.method() == http::Method::HEAD {
        *reply.body_mut() = Bytes::new();
    }
    Ok(reply)
}

fn describe(reply: &mut Response<Bytes>, version: &Version) {
    let modified = OffsetDateTime::from(version.created).format(&Rfc2822).unwrap_or_default();
    set(reply, header::CONTENT_LENGTH, &reply.body().len().to_string());
    set(reply, header::CONTENT_TYPE, version.content_type());
    set(reply, header::ETAG, &e_tag(version));
    set(reply, header::LAST_MODIFIED, &modified);
    set(reply, HeaderName::from_static("x-goog-generation"), &version.generation.to_string());
    for (field, name) in [
        ("cacheControl", header::CACHE_CONTROL),
        ("contentDisposition", header::CONTENT_DISPOSITION),
        ("contentEncoding", header::CONTENT_ENCODING),
        ("contentLanguage", header::CONTENT_LANGUAGE),
    ] {
        if let Some(text) = version.settings.text(field) {
            set(reply, name, text);
        }
    }
    for (key, value) in version.settings.object("metadata").into_iter().flatten() {
        if let (Ok(name), Some(value)) = (HeaderName::try_from(format!("x-goog-meta-{key}")), value.as_str())
        {
            set(reply, name, value);
        }
    }
}

fn set(reply: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

fn e_tag(version: &Version) -> String {
    format!("\"{}\"", hex::encode(version.md5()))
}

/// One range of bytes; what lies behind the end is left out.
fn range(text: &str, whole: usize) -> Result<Range<usize>, GcpError> {
    let invalid =
        || GcpError::new(416, "requestedRangeNotSatisfiable", "The requested range cannot be satisfied.");
    let (first, last) =
        text.strip_prefix("bytes=").and_then(|text| text.split_once('-')).ok_or_else(invalid)?;
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => first..last.saturating_add(1).min(whole),
        (Ok(first), Err(_)) if last.is_empty() => first..whole,
        (Err(_), Ok(last)) if first.is_empty() => whole.saturating_sub(last)..whole,
        _ => return Err(invalid()),
    };
    if range.is_empty() { Err(invalid()) } else { Ok(range) }
}

fn copy(cx: &mut Cx<'_>, bucket: &str, name: &str) -> Result<Response<Bytes>, GcpError> {
    let source = decoded(cx.header("x-goog-copy-source").unwrap_or_default().trim_start_matches('/'));
    let (from, from_name) =
        source.split_once('/').ok_or_else(|| GcpError::new(400, "invalid", "Invalid copy source."))?;
    let expected = cx.header("x-goog-if-generation-match").and_then(|text| text.parse::<u64>().ok());
    let now = cx.context.now;
    let copied = cx.state.bucket(from)?.version(from_name, None)?.clone();
    let generation = cx.state.generation(now);
    let bucket = cx.state.bucket(bucket)?;
    if expected.is_some_and(|expected| bucket.live(name).map_or(0, |live| live.generation) != expected) {
        return Err(GcpError::condition("At least one of the pre-conditions you specified did not hold."));
    }
    bucket.add(name, Version::new(generation, copied.data, copied.settings, now))?;
    let mut reply = Response::new(Bytes::from_static(b"<CopyObjectResult/>"));
    set(&mut reply, HeaderName::from_static("x-goog-generation"), &generation.to_string());
    Ok(reply)
}

/// <https://cloud.google.com/storage/docs/xml-api/get-bucket-list>, in its second form.
pub(super) fn list(cx: &mut Cx<'_>, name: &str) -> Response<Bytes> {
    match listed(cx, name) {
        Ok(body) => {
            let mut reply = Response::new(Bytes::from(body));
            set(&mut reply, header::CONTENT_TYPE, "application/xml; charset=UTF-8");
            reply
        }
        Err(error) => refused(cx, &error),
    }
}

fn listed(cx: &mut Cx<'_>, name: &str) -> Result<String, GcpError> {
    let own = cx.context.world.max_page(1000);
    let asked_for = cx.number("max-keys")?.and_then(|keys| usize::try_from(keys).ok());
    let query = cx.query.clone();
    let asked = Asked {
        prefix: query.get("prefix").unwrap_or_default(),
        delimiter: query.get("delimiter"),
        after: query.get("start-after"),
        from: None,
        token: query.get("continuation-token"),
        versions: false,
        limit: asked_for.map_or(own, |asked| asked.min(own)),
    };
    let page = Page::of(cx.state.bucket(name)?, &asked)?;
    let mut body = format!(
        "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'><Name>{}</Name><Prefix>{}</Prefix><IsTruncated>{}</IsTruncated>",
        escape(name),
        escape(asked.prefix),
        page.next.is_some(),
    );
    if let Some(next) = &page.next {
        let _ = write!(body, "<NextContinuationToken>{}</NextContinuationToken>", escape(next.as_str()));
    }
    for (key, version) in &page.objects {
        let modified = OffsetDateTime::from(version.created).format(&Rfc3339).unwrap_or_default();
        let _ = write!(
            body,
            "<Contents><Key>{}</Key><Generation>{}</Generation><LastModified>{modified}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
            escape(*key),
            version.generation,
            escape(e_tag(version)),
            version.data.len(),
        );
    }
    for prefix in &page.prefixes {
        let _ = write!(body, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escape(prefix.as_str()));
    }
    body.push_str("</ListBucketResult>");
    Ok(body)
}
