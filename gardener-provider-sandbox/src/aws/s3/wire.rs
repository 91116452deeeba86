//! Requests on their way to `s3s`, and replies on their way back.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use s3s::{Body, HttpRequest, HttpResponse, S3Error, S3ErrorCode, S3Result};

use super::{Payload, Visit, chunked, digest, state::error};
use crate::call::ErrorCode;

/// What the reply must repeat of the request.
#[derive(Debug)]
pub(super) struct Asked {
    head: bool,
    resource: String,
    request_id: String,
}

impl Asked {
    pub(super) fn of(request: &Request<Bytes>, visit: &Visit, bucket: Option<&str>) -> Self {
        let path = request.uri().path();
        Self {
            head: request.method() == http::Method::HEAD,
            resource: bucket.map_or_else(|| path.to_owned(), |bucket| format!("/{bucket}{path}")),
            request_id: visit.request_id.clone(),
        }
    }
}

/// Decodes and checks the body, and leaves to `s3s` an unsigned request in path style.
pub(super) fn prepare(request: Request<Bytes>, visit: Visit, bucket: Option<&str>) -> S3Result<HttpRequest> {
    let (mut parts, body) = request.into_parts();
    let completes = parts.method == http::Method::POST && has_query(&parts.uri, "uploadId");
    let body = chunked::decode(&mut parts.headers, body)?;
    digest::verify(&parts.headers, &body, completes)?;
    parts.uri = path_style(&parts.uri, bucket)
        .ok_or_else(|| error(S3ErrorCode::InvalidURI, "Couldn't parse the specified URI."))?;
    for name in [header::AUTHORIZATION, header::HOST, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    parts.extensions.insert(visit);
    parts.extensions.insert(Payload(body.clone()));
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn has_query(uri: &Uri, name: &str) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some(name)))
}

/// The path with the bucket in front, and the query without the signature of a presigned URL.
pub(super) fn path_style(uri: &Uri, bucket: Option<&str>) -> Option<Uri> {
    let mut target = bucket.map(|bucket| format!("/{bucket}")).unwrap_or_default();
    target.push_str(uri.path());
    let mut sign = '?';
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !is_signature(pair)) {
        target.push(sign);
        target.push_str(pair);
        sign = '&';
    }
    target.parse().ok()
}

fn is_signature(pair: &str) -> bool {
    const NAMES: [&str; 8] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
    ];
    pair.is_empty() || pair.split('=').next().is_some_and(|name| NAMES.contains(&name))
}

/// The whole reply, with the parts of S3's errors and headers that `s3s` does not write.
pub(super) async fn finish(reply: S3Result<HttpResponse>, asked: &Asked) -> Response<Bytes> {
    let Ok(reply) = reply.or_else(S3Error::to_http_response) else { return broken() };
    let (mut parts, body) = reply.into_parts();
    let Ok(collected) = body.collect().await else { return broken() };
    let mut body = collected.to_bytes();
    if parts.status.is_client_error() || parts.status.is_server_error() || parts.status.is_redirection() {
        let code = element(&body, "Code").map(str::to_owned);
        if let Some(code) = &code {
            parts.extensions.insert(ErrorCode(code.clone()));
        }
        body = completed(&body, &parts.headers, asked);
    }
    if asked.head || parts.status == StatusCode::NOT_MODIFIED {
        if parts.status.is_success() {
            parts.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
        }
        body = Bytes::new();
    } else {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    for internal in [ENDPOINT, BUCKET] {
        parts.headers.remove(internal);
    }
    if let Ok(id) = HeaderValue::from_str(&asked.request_id) {
        parts.headers.insert("x-amz-request-id", id.clone());
        parts.headers.insert("x-amz-id-2", id);
    }
    parts.headers.insert(header::SERVER, HeaderValue::from_static("AmazonS3"));
    Response::from_parts(parts, body)
}

/// The names under which an error's further elements travel in the headers of an `S3Error`.
const ENDPOINT: &str = "x-sandbox-endpoint";
const BUCKET: &str = "x-sandbox-bucket";

/// Gives a redirection the elements that name its destination.
pub(super) fn redirected(mut error: S3Error, bucket: &str, region: &str, endpoint: &str) -> S3Error {
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-amz-bucket-region", region), (ENDPOINT, endpoint), (BUCKET, bucket)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    error.set_headers(headers);
    error
}

fn completed(body: &Bytes, headers: &HeaderMap, asked: &Asked) -> Bytes {
    let Some(start) = std::str::from_utf8(body).ok().and_then(|text| text.strip_suffix("</Error>")) else {
        return body.clone();
    };
    let mut text = start.to_owned();
    let mut add = |name: &str, value: &str| {
        let _ = write!(text, "<{name}>{}</{name}>", quick_xml::escape::escape(value));
    };
    if !start.contains("<Message>") {
        add("Message", message(element(body, "Code").unwrap_or_default()));
    }
    for (name, header) in [("Endpoint", ENDPOINT), ("Bucket", BUCKET)] {
        if let Some(value) = headers.get(header).and_then(|value| value.to_str().ok()) {
            add(name, value);
        }
    }
    add("Resource", &asked.resource);
    add("RequestId", &asked.request_id);
    add("HostId", &asked.request_id);
    text.push_str("</Error>");
    text.into()
}

/// The message of an error that `s3s` found by itself, for which it has none.
fn message(code: &str) -> &'static str {
    match code {
        "InvalidBucketName" => "The specified bucket is not valid.",
        "KeyTooLongError" => "Your key is too long.",
        "MalformedXML" => {
            "The XML you provided was not well-formed or did not validate against our published schema."
        }
        "InvalidURI" => "Couldn't parse the specified URI.",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        _ => "The request cannot be handled.",
    }
}

fn element<'a>(body: &'a Bytes, name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0)
}

fn broken() -> Response<Bytes> {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    reply
}
