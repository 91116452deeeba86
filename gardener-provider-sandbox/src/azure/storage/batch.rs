//! Many deletions in one call. <https://learn.microsoft.com/en-us/rest/api/storageservices/blob-batch>

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response};

use super::blobs::{Cx, Refused, delete, ok, target_of};

pub(super) fn batch(
    cx: &mut Cx<'_>,
    account: &str,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refused> {
    let invalid = || Refused::new(400, "InvalidInput", "The batch could not be read.");
    let kind = request.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = kind.split("boundary=").nth(1).ok_or_else(invalid)?.trim_matches('"');
    let body = std::str::from_utf8(request.body()).map_err(|_| invalid())?;
    let mut reply = String::new();
    for part in body.split(&format!("--{boundary}")).filter(|part| part.contains("HTTP/1.1")) {
        let (head, inner) = part.trim_start().split_once("\r\n\r\n").ok_or_else(invalid)?;
        let id = head.lines().find_map(|line| line.strip_prefix("Content-ID: ")).unwrap_or("0");
        let request = part_request(inner, request).ok_or_else(invalid)?;
        let outcome = one(cx, account, &request);
        let (status, reason) = match &outcome {
            Ok(()) => (202, "Accepted"),
            Err(refused) => (refused.status, refused.code.as_str()),
        };
        let _ = write!(
            reply,
            "--batchresponse\r\nContent-Type: application/http\r\nContent-ID: {id}\r\n\r\nHTTP/1.1 {status} {reason}\r\n\r\n\r\n"
        );
    }
    reply.push_str("--batchresponse--\r\n");
    let mut response = ok(202, Bytes::from(reply));
    let kind = HeaderValue::from_static("multipart/mixed; boundary=batchresponse");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

/// The request in a part, at the host of the whole.
fn part_request(text: &str, whole: &Request<Bytes>) -> Option<Request<Bytes>> {
    let mut lines = text.split("\r\n");
    let (method, rest) = lines.next()?.split_once(' ')?;
    let path = rest.strip_suffix(" HTTP/1.1")?;
    let host = whole.uri().authority()?;
    let scheme = whole.uri().scheme_str().unwrap_or("https");
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).ok()?);
    request = request.uri(format!("{scheme}://{host}{path}"));
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        request = request.header(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    request.body(Bytes::new()).ok()
}

fn one(cx: &mut Cx<'_>, account: &str, request: &Request<Bytes>) -> Result<(), Refused> {
    cx.authorize(account, request)?;
    let path = request.uri().path();
    let target = target_of(account, path);
    let container = cx.container(&target)?;
    match (request.method(), target.blob.as_deref()) {
        (&Method::DELETE, Some(name)) => delete(cx, &container, name, None),
        _ => Err(Refused::new(400, "InvalidInput", "A batch can only delete blobs.")),
    }
}
