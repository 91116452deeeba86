//! Writing objects: small ones in one call, large ones in an upload that goes on where it broke off.
//!
//! Sources: [multipart](https://cloud.google.com/storage/docs/uploading-objects),
//! [resumable](https://cloud.google.com/storage/docs/performing-resumable-uploads)

use bytes::Bytes;
use gardener_provider_client::{
    call::Idempotency,
    rest::{self, Operation, RestRequest},
};
use gardener_provider_core::{Error, Result};
use http::{HeaderMap, HeaderName, Method, Response, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::{STORAGE_OBJECTS, objects::Object};

/// All parts of an upload but the last have a multiple of this length.
pub const GRAIN: usize = 256 << 10;

const UPLOAD_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-upload-content-type");

/// An upload that goes on: where its parts go. Whoever knows it may write the object, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    path: String,
    query: Vec<(String, String)>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes are stored.
    Stored(u64),
    /// The object is there.
    Done(Box<Object>),
}

/// Writes an object in one call. With `generation` only if that is the one there; 0 is none.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/objects/insert>
pub fn insert(
    bucket: &str,
    metadata: &Value,
    generation: Option<u64>,
    data: &[Bytes],
    boundary: &str,
) -> Operation<Object> {
    let head = format!(
        "--{boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{metadata}\r\n--{boundary}\r\ncontent-type: {}\r\n\r\n",
        content_type(metadata),
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let mut body = Vec::with_capacity(head.len() + data.iter().map(Bytes::len).sum::<usize>() + tail.len());
    body.extend_from_slice(head.as_bytes());
    for part in data {
        body.extend_from_slice(part);
    }
    body.extend_from_slice(tail.as_bytes());
    let mut request = upload(bucket, "multipart")
        .opt_query("ifGenerationMatch", generation)
        .header(header::CONTENT_TYPE, format!("multipart/related; boundary={boundary}"));
    request.body = body.into();
    // A write under a condition that is repeated after a lost reply is refused: the object is there, and nobody knows
    // whose it is.
    let repeatable = if generation.is_some() { Idempotency::Once } else { Idempotency::Idempotent };
    Operation::json(request.idempotency(repeatable))
}

/// Begins an upload in parts. One that is not finished is forgotten after a week.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/objects/insert>
pub fn begin(bucket: &str, metadata: &Value) -> Operation<Location> {
    let request =
        upload(bucket, "resumable").header(UPLOAD_CONTENT_TYPE, content_type(metadata)).json(metadata);
    Operation::new(request.idempotency(Idempotency::Idempotent), |reply| {
        let location = reply.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        location
            .map(|text| Location(text.to_owned()))
            .ok_or_else(|| Error::internal("the reply has no Location"))
    })
}

/// The address of a [`Session`] as the server tells it.
pub struct Location(String);

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Location").finish_non_exhaustive()
    }
}

impl Location {
    /// The session, if it is at the server that was asked: tokens are sent there.
    ///
    /// # Errors
    /// `Internal` if it is not.
    pub fn session(&self, base: &Url) -> Result<Session> {
        let url = Url::parse(&self.0).ok().filter(|url| url.origin() == base.origin());
        let url = url.ok_or_else(|| Error::internal("the upload is to go on at another server"))?;
        let above = base.path().trim_end_matches('/');
        let path = url.path().strip_prefix(above).unwrap_or(url.path()).to_owned();
        Ok(Session { path, query: url.query_pairs().into_owned().collect() })
    }
}

/// Writes a part that begins at `start`. `total` is given with the last.
///
/// After a lost reply nobody knows how much of it is stored, so it is not simply sent again: [`status`] tells.
pub fn part(session: &Session, start: u64, data: Bytes, total: Option<u64>) -> Operation<Progress> {
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    let range = match data.len() as u64 {
        0 => format!("bytes */{total}"),
        length => format!("bytes {start}-{}/{total}", start + length - 1),
    };
    let mut request =
        session.request("storage.objects.insert", Method::PUT).header(header::CONTENT_RANGE, range);
    request.body = data;
    if !request.body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/octet-stream");
    }
    Operation::new(request.idempotency(Idempotency::Once), progress)
}

/// How far an upload is.
pub fn status(session: &Session) -> Operation<Progress> {
    let request =
        session.request("storage.objects.insert", Method::PUT).header(header::CONTENT_RANGE, "bytes */*");
    Operation::new(request.idempotency(Idempotency::Safe), progress)
}

/// Gives an upload up. Servers answer 499 to that.
pub fn cancel(session: &Session) -> Operation<()> {
    Operation::nothing(session.request("storage.objects.insert", Method::DELETE))
}

impl Session {
    fn request(&self, operation: &'static str, method: Method) -> RestRequest {
        let mut request = RestRequest::new(operation, STORAGE_OBJECTS, method);
        request.path.clone_from(&self.path);
        request.query.clone_from(&self.query);
        request
    }
}

fn upload(bucket: &str, kind: &str) -> RestRequest {
    let request = RestRequest::new("storage.objects.insert", STORAGE_OBJECTS, Method::POST);
    request.segments(["upload", "storage", "v1", "b", bucket, "o"]).query("uploadType", kind)
}

fn content_type(metadata: &Value) -> &str {
    metadata["contentType"].as_str().unwrap_or("application/octet-stream")
}

fn progress(reply: &Response<Bytes>) -> Result<Progress> {
    if reply.status() == StatusCode::PERMANENT_REDIRECT {
        return Ok(Progress::Stored(stored(reply.headers())?));
    }
    rest::json(reply).map(|object| Progress::Done(Box::new(object)))
}

/// `Range: bytes=0-41` are 42 stored bytes; without it there are none.
fn stored(headers: &HeaderMap) -> Result<u64> {
    let Some(range) = headers.get(header::RANGE) else { return Ok(0) };
    let last = range.to_str().ok().and_then(|text| text.rsplit('-').next());
    let last: Option<u64> = last.and_then(|last| last.parse().ok());
    last.map(|last| last + 1).ok_or_else(|| Error::internal("the range that is stored could not be read"))
}

pub(super) fn samples() -> Vec<RestRequest> {
    let metadata = serde_json::json!({ "name": "a/b", "contentType": "text/plain" });
    let data = [Bytes::from_static(b"data")];
    vec![insert("b", &metadata, Some(0), &data, "boundary").request, begin("b", &metadata).request]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session() -> Session {
        let base = Url::parse("http://127.0.0.1:9000/base").unwrap();
        let location =
            "http://127.0.0.1:9000/base/upload/storage/v1/b/b/o?uploadType=resumable&upload_id=a%2Bb%20c";
        Location(location.to_owned()).session(&base).unwrap()
    }

    fn header<'a>(request: &'a RestRequest, name: &str) -> Option<&'a str> {
        request.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn one_call_holds_metadata_and_data() {
        let metadata = json!({ "name": "a", "contentType": "text/plain" });
        let data = [Bytes::from_static(b"he"), Bytes::from_static(b"llo")];
        let request = insert("b", &metadata, Some(0), &data, "XX").request;
        let expected = format!(
            "--XX\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{metadata}\r\n--XX\r\ncontent-type: text/plain\r\n\r\nhello\r\n--XX--\r\n"
        );
        assert_eq!(request.body, expected);
        assert!(request.query.contains(&("ifGenerationMatch".to_owned(), "0".to_owned())));
        assert_eq!(request.idempotency, Idempotency::Once);
        assert_eq!(insert("b", &metadata, None, &data, "XX").request.idempotency, Idempotency::Idempotent);
    }

    #[test]
    fn parts_say_where_they_belong() {
        let range =
            |operation: Operation<Progress>| header(&operation.request, "content-range").unwrap().to_owned();
        let data = Bytes::from_static(b"0123456789");
        assert_eq!(range(part(&session(), 20, data.clone(), None)), "bytes 20-29/*");
        assert_eq!(range(part(&session(), 20, data, Some(30))), "bytes 20-29/30");
        assert_eq!(range(part(&session(), 0, Bytes::new(), Some(0))), "bytes */0");
        assert_eq!(range(status(&session())), "bytes */*");
        let request = cancel(&session()).request;
        assert_eq!(request.path, "/upload/storage/v1/b/b/o");
        assert!(request.query.contains(&("upload_id".to_owned(), "a+b c".to_owned())));
    }

    #[test]
    fn progress_is_read_from_status_and_range() {
        let parse = status(&session()).parse;
        let reply = |status: u16, range: Option<&str>, body: &'static str| {
            let mut reply = Response::builder().status(status);
            if let Some(range) = range {
                reply = reply.header("range", range);
            }
            parse(&reply.body(Bytes::from_static(body.as_bytes())).unwrap())
        };
        assert_eq!(reply(308, Some("bytes=0-41"), "").unwrap(), Progress::Stored(42));
        assert_eq!(reply(308, None, "").unwrap(), Progress::Stored(0));
        assert!(reply(308, Some("bytes=?"), "").is_err());
        let Progress::Done(object) = reply(200, None, r#"{"name":"a","generation":"5","size":"3"}"#).unwrap()
        else {
            panic!("it is done")
        };
        assert_eq!((object.generation, object.size), (5, 3));
    }

    #[test]
    fn an_upload_stays_at_its_server_and_is_not_shown() {
        let base = Url::parse("https://storage.googleapis.com").unwrap();
        for elsewhere in ["https://evil.example/upload?upload_id=1", "http://storage.googleapis.com/u", "u"] {
            assert!(Location(elsewhere.to_owned()).session(&base).is_err());
        }
        assert!(!format!("{:?} {:?}", session(), Location("secret".to_owned())).contains("upload_id"));
    }
}
