//! Several calls in one request, as `gcloud` makes them.
//!
//! <https://cloud.google.com/compute/docs/api/how-tos/batch>

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};

use super::{Gcp, error::GcpError, route::Service};
use crate::world::Exchanged;

/// GCP takes no more calls in one request.
const MOST: usize = 1000;

/// True for a request that has others in it.
pub(super) fn is_batch(request: &Request<Bytes>) -> bool {
    request.method() == Method::POST && request.uri().path().starts_with("/batch/compute/v1")
}

/// Carries the calls out one by one. Each is journalled and hindered as if it had come alone; when the reply of one is lost,
/// all are.
pub(super) async fn answer(gcp: &Gcp, request: &Request<Bytes>) -> Exchanged {
    let Some(parts) = parts(request).filter(|parts| parts.len() <= MOST) else {
        return Ok(Ok(refusal("The request is no multipart/mixed body of at most 1000 calls.")));
    };
    let boundary = "batch_sandbox";
    let mut body = BytesMut::new();
    for part in parts {
        let Some((id, inner)) = part else {
            return Ok(Ok(refusal("A part of the batch is no HTTP request.")));
        };
        let reply = match Box::pin(gcp.exchange(inner)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Ok(Err(error)),
            Err(_) => GcpError::new(404, "notFound", "Not Found").render(Service::Compute),
        };
        body.extend_from_slice(format!("--{boundary}\r\nContent-Type: application/http\r\n").as_bytes());
        if let Some(id) = id {
            let id = id.replacen('<', "<response-", 1);
            body.extend_from_slice(format!("Content-ID: {id}\r\n").as_bytes());
        }
        body.extend_from_slice(format!("\r\nHTTP/1.1 {}\r\n", reply.status()).as_bytes());
        body.extend_from_slice(b"Content-Type: application/json; charset=UTF-8\r\n\r\n");
        body.extend_from_slice(reply.body());
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let mut reply = Response::new(body.freeze());
    let kind = HeaderValue::from_static("multipart/mixed; boundary=batch_sandbox");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(Ok(reply))
}

fn refusal(problem: &str) -> Response<Bytes> {
    GcpError::new(400, "badRequest", problem).render(Service::Compute)
}

/// A call, with the id that its answer shall bear.
type Part = Option<(Option<String>, Request<Bytes>)>;

/// The parts of a batch; `None` for one that is no call.
fn parts(request: &Request<Bytes>) -> Option<Vec<Part>> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let boundary = kind.split("boundary=").nth(1)?.split(';').next()?.trim().trim_matches('"');
    let text = std::str::from_utf8(request.body()).ok()?;
    if boundary.is_empty() || !kind.starts_with("multipart/mixed") {
        return None;
    }
    let delimiter = format!("--{boundary}");
    let mut found = Vec::new();
    for piece in text.split(&delimiter).skip(1) {
        if piece.starts_with("--") {
            return Some(found);
        }
        if found.len() > MOST {
            return None;
        }
        found.push(part(piece, request));
    }
    None
}

fn part(piece: &str, outer: &Request<Bytes>) -> Part {
    let (head, inner) = halves(piece.trim_start_matches(['\r', '\n']))?;
    let id = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-id").then(|| value.trim().to_owned())
    });
    let (head, body) = halves(inner).unwrap_or((inner.trim_end(), ""));
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let method: Method = first.next()?.parse().ok()?;
    let mut built = Request::new(Bytes::copy_from_slice(body.trim_end_matches(['\r', '\n']).as_bytes()));
    *built.method_mut() = method;
    *built.uri_mut() = address(first.next()?, outer.uri())?;
    *built.headers_mut() = headers(lines, outer.headers())?;
    Some((id, built))
}

/// What is before the first empty line and after it.
fn halves(text: &str) -> Option<(&str, &str)> {
    text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"))
}

/// The host is that of the batch.
fn address(target: &str, outer: &Uri) -> Option<Uri> {
    let target: Uri = target.parse().ok()?;
    let parts = Uri::builder().scheme(outer.scheme_str()?).authority(outer.authority()?.as_str());
    parts.path_and_query(target.path_and_query()?.as_str()).build().ok()
}

/// The part's headers, and the credentials of the batch where the part has none.
fn headers<'a>(lines: impl Iterator<Item = &'a str>, outer: &HeaderMap) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.insert(name.trim().parse::<HeaderName>().ok()?, value.trim().parse().ok()?);
    }
    if let Some(credentials) = outer.get(header::AUTHORIZATION) {
        headers.entry(header::AUTHORIZATION).or_insert_with(|| credentials.clone());
    }
    Some(headers)
}
