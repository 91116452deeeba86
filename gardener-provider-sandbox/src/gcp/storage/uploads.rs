//! Writing objects: in one call with or without metadata, or in parts that can be resumed.
//!
//! <https://cloud.google.com/storage/docs/uploads-downloads>

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::{
    super::{
        answer::json_reply,
        body::{self, Fields, Object},
        error::{GcpError, Reply},
    },
    Cx,
    objects::{custom_time_of, settings_of},
    state::Version,
};

/// Parts but the last have a multiple of this length.
const GRAIN: u64 = 256 << 10;

/// An upload in parts.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) begun: SystemTime,
    name: String,
    metadata: Object,
    generation: Option<u64>,
    data: BytesMut,
    /// The object, once it is whole.
    done: Option<serde_json::Value>,
}

pub(super) fn answer(cx: &mut Cx<'_>, bucket: &str) -> Result<Response<Bytes>, GcpError> {
    let kind = cx.query.get("uploadType").unwrap_or_default().to_owned();
    match (kind.as_str(), cx.request.method().as_str()) {
        ("media", "POST") => media(cx, bucket).map(|body| json_reply(&body)),
        ("multipart", "POST") => multipart(cx, bucket).map(|body| json_reply(&body)),
        ("resumable", "POST") if cx.query.get("upload_id").is_none() => begin(cx, bucket),
        ("resumable", _) => resume(cx),
        _ => Err(GcpError::new(400, "badRequest", format!("Invalid upload type: {kind}"))),
    }
}

fn media(cx: &mut Cx<'_>, bucket: &str) -> Reply {
    let mut metadata = Object::new();
    if let Some(kind) = cx.header("content-type") {
        metadata.insert("contentType".to_owned(), kind.into());
    }
    let name = name_of(cx, &metadata)?;
    let (generation, data) = (cx.number("ifGenerationMatch")?, cx.request.body().clone());
    write(cx, bucket, &name, &metadata, generation, data)
}

fn multipart(cx: &mut Cx<'_>, bucket: &str) -> Reply {
    let invalid = || GcpError::new(400, "badRequest", "Malformed multipart body.");
    let kind = cx.header("content-type").unwrap_or_default();
    let boundary =
        kind.split("boundary=").nth(1).map(|text| text.trim_matches(['"', ' '])).ok_or_else(invalid)?;
    let (metadata, data) = parts(cx.request.body(), boundary).ok_or_else(invalid)?;
    let metadata = body::parse(&metadata)?;
    let name = name_of(cx, &metadata)?;
    let generation = cx.number("ifGenerationMatch")?;
    write(cx, bucket, &name, &metadata, generation, data)
}

/// The bodies of the two parts.
fn parts(body: &Bytes, boundary: &str) -> Option<(Bytes, Bytes)> {
    let open = format!("--{boundary}\r\n");
    let next = format!("\r\n--{boundary}");
    let find = |from: usize, what: &[u8]| {
        body.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| at + from)
    };
    let begin = find(find(0, open.as_bytes())?, b"\r\n\r\n")? + 4;
    let end = find(begin, next.as_bytes())?;
    let data = find(end + next.len(), b"\r\n\r\n")? + 4;
    // From the end: the data is larger than all else.
    let close = format!("\r\n--{boundary}--");
    let last = body.windows(close.len()).rposition(|window| window == close.as_bytes())?;
    (data <= last).then(|| (body.slice(begin..end), body.slice(data..last)))
}

fn name_of(cx: &Cx<'_>, metadata: &Object) -> Result<String, GcpError> {
    let name = cx.query.get("name").or_else(|| metadata.text("name"));
    let name = name.filter(|name| name.len() <= 1024 && !name.contains(['\r', '\n']));
    name.map(str::to_owned).ok_or_else(|| GcpError::new(400, "required", "Required"))
}

fn write(
    cx: &mut Cx<'_>,
    bucket: &str,
    name: &str,
    metadata: &Object,
    expected: Option<u64>,
    data: Bytes,
) -> Reply {
    let now = cx.context.now;
    let custom_time = custom_time_of(metadata)?;
    let generation = cx.state.generation(now);
    let bucket = cx.state.bucket(bucket)?;
    if expected.is_some_and(|expected| bucket.live(name).map_or(0, |live| live.generation) != expected) {
        return Err(GcpError::condition("At least one of the pre-conditions you specified did not hold."));
    }
    let mut version = Version::new(generation, data, settings_of(metadata), now);
    version.custom_time = custom_time;
    bucket.add(name, version)?;
    Ok(bucket.version(name, Some(generation))?.resource(bucket, name))
}

fn begin(cx: &mut Cx<'_>, bucket: &str) -> Result<Response<Bytes>, GcpError> {
    let mut metadata = body::parse(cx.request.body())?;
    if let (None, Some(kind)) = (metadata.text("contentType"), cx.header("x-upload-content-type")) {
        let kind = kind.to_owned();
        metadata.insert("contentType".to_owned(), kind.into());
    }
    let name = name_of(cx, &metadata)?;
    let generation = cx.number("ifGenerationMatch")?;
    let now = cx.context.now;
    cx.state.bucket(bucket)?;
    let id = format!("{:016x}", crate::ids::scatter(cx.state.generation(now)));
    let upload = Upload {
        bucket: bucket.to_owned(),
        begun: now,
        name,
        metadata,
        generation,
        data: BytesMut::new(),
        done: None,
    };
    cx.state.uploads.insert(id.clone(), upload);
    let uri = cx.request.uri();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let scheme = uri.scheme_str().unwrap_or("https");
    let location = format!("{scheme}://{authority}{}?uploadType=resumable&upload_id={id}", uri.path());
    let mut reply = Response::new(Bytes::new());
    let location =
        HeaderValue::from_str(&location).map_err(|_| GcpError::new(500, "internalError", "No address."))?;
    reply.headers_mut().insert(header::LOCATION, location);
    Ok(reply)
}

fn resume(cx: &mut Cx<'_>) -> Result<Response<Bytes>, GcpError> {
    let id = cx.query.get("upload_id").unwrap_or_default().to_owned();
    let gone = || GcpError::new(404, "notFound", "No such upload.");
    if cx.request.method() == Method::DELETE {
        cx.state.uploads.remove(&id).ok_or_else(gone)?;
        let mut reply = Response::new(Bytes::new());
        *reply.status_mut() = StatusCode::from_u16(499).unwrap_or(StatusCode::OK);
        return Ok(reply);
    }
    let (range, body) = (cx.header("content-range").map(str::to_owned), cx.request.body().clone());
    let upload = cx.state.uploads.get_mut(&id).ok_or_else(gone)?;
    if let Some(done) = &upload.done {
        return Ok(json_reply(done));
    }
    let part = Part::of(range.as_deref(), body.len() as u64)?;
    upload.take(&part, &body)?;
    let stored = upload.data.len() as u64;
    if part.total != Some(stored) {
        return Ok(incomplete(stored));
    }
    let (bucket, name, metadata, generation) =
        (upload.bucket.clone(), upload.name.clone(), upload.metadata.clone(), upload.generation);
    let data = upload.data.clone().freeze();
    let object = write(cx, &bucket, &name, &metadata, generation, data)?;
    if let Some(upload) = cx.state.uploads.get_mut(&id) {
        upload.done = Some(object.clone());
        upload.data = BytesMut::new();
    }
    Ok(json_reply(&object))
}

/// `Content-Range` of a request.
struct Part {
    start: Option<u64>,
    total: Option<u64>,
}

impl Part {
    fn of(range: Option<&str>, length: u64) -> Result<Self, GcpError> {
        let Some(range) = range else { return Ok(Self { start: Some(0), total: Some(length) }) };
        let invalid =
            || GcpError::new(400, "badRequest", format!("Failed to parse Content-Range header: {range}"));
        let (bytes, total) =
            range.strip_prefix("bytes ").and_then(|text| text.split_once('/')).ok_or_else(invalid)?;
        let total = match total {
            "*" => None,
            total => Some(total.parse().map_err(|_| invalid())?),
        };
        if bytes == "*" {
            return if length == 0 { Ok(Self { start: None, total }) } else { Err(invalid()) };
        }
        let (first, last) = bytes.split_once('-').ok_or_else(invalid)?;
        let (first, last): (u64, u64) =
            (first.parse().map_err(|_| invalid())?, last.parse().map_err(|_| invalid())?);
        if last.checked_sub(first).map(|span| span + 1) != Some(length) {
            return Err(invalid());
        }
        if total.is_none() && !length.is_multiple_of(GRAIN) {
            let message = format!(
                "Invalid request. There were {length} byte(s) in the request body; parts must be multiples of {GRAIN}."
            );
            return Err(GcpError::new(400, "badRequest", message));
        }
        Ok(Self { start: Some(first), total })
    }
}

impl Upload {
    /// Stores what is new of a part; what is stored already is ignored, and a part that begins later is refused.
    fn take(&mut self, part: &Part, body: &Bytes) -> Result<(), GcpError> {
        let Some(start) = part.start else { return Ok(()) };
        let stored = self.data.len() as u64;
        if start > stored {
            let message = format!(
                "Invalid request. According to the Content-Range header, the upload offset is {start} byte(s), which exceeds already uploaded size of {stored} byte(s)."
            );
            return Err(GcpError::new(503, "backendError", message));
        }
        let skip = usize::try_from(stored - start).unwrap_or(usize::MAX);
        if skip < body.len() {
            self.data.extend_from_slice(&body[skip..]);
        }
        Ok(())
    }
}

fn incomplete(stored: u64) -> Response<Bytes> {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let (Some(last), headers) = (stored.checked_sub(1), reply.headers_mut())
        && let Ok(range) = HeaderValue::from_str(&format!("bytes=0-{last}"))
    {
        headers.insert(header::RANGE, range);
    }
    reply
}
