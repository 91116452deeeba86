//! Objects through the JSON API. <https://cloud.google.com/storage/docs/json_api/v1/objects>

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    super::{
        body::{self, Fields},
        error::{GcpError, Reply},
    },
    Cx,
    page::{Asked, Page},
};

pub(super) fn list(cx: &mut Cx<'_>, bucket: &str) -> Reply {
    let limit = cx.max_page()?;
    let query = cx.query.clone();
    let asked = Asked {
        prefix: query.get("prefix").unwrap_or_default(),
        delimiter: query.get("delimiter"),
        after: None,
        from: query.get("startOffset"),
        token: query.get("pageToken"),
        versions: query.flag("versions") == Some(true),
        limit,
    };
    let bucket = cx.state.bucket(bucket)?;
    let page = Page::of(bucket, &asked)?;
    let mut reply = json!({ "kind": "storage#objects" });
    if !page.objects.is_empty() {
        reply["items"] = page.objects.iter().map(|(name, version)| version.resource(bucket, name)).collect();
    }
    if !page.prefixes.is_empty() {
        reply["prefixes"] = page.prefixes.into();
    }
    if let Some(next) = page.next {
        reply["nextPageToken"] = next.into();
    }
    Ok(reply)
}

pub(super) fn object(cx: &mut Cx<'_>, bucket: &str, name: &str) -> Reply {
    let generation = cx.number("generation")?;
    match *cx.request.method() {
        Method::GET => {
            let bucket = cx.state.bucket(bucket)?;
            Ok(bucket.version(name, generation)?.resource(bucket, name))
        }
        Method::PATCH => patch(cx, bucket, name, generation),
        Method::DELETE => delete(cx, bucket, name, generation).map(|()| Value::Null),
        _ => Err(GcpError::new(404, "notFound", "Not Found")),
    }
}

fn patch(cx: &mut Cx<'_>, bucket: &str, name: &str, generation: Option<u64>) -> Reply {
    let changes = body::parse(cx.request.body())?;
    let bucket = cx.state.bucket(bucket)?;
    let generation = bucket.version(name, generation)?.generation;
    let versions = bucket.objects.get_mut(name).into_iter().flatten();
    for version in versions.filter(|version| version.generation == generation) {
        for (field, value) in &changes {
            match (field.as_str(), value) {
                ("customTime", Value::String(text)) => {
                    let time = time_of(text)?;
                    if version.custom_time.is_some_and(|old| old > time) {
                        let message = "Custom time cannot be removed or set to an earlier time.";
                        return Err(GcpError::new(400, "invalid", message));
                    }
                    version.custom_time = Some(time);
                }
                ("temporaryHold", Value::Bool(held)) => version.held = *held,
                (
                    "contentType" | "cacheControl" | "contentDisposition" | "contentEncoding"
                    | "contentLanguage" | "metadata",
                    value,
                ) => {
                    version.settings.insert(field.clone(), value.clone());
                }
                _ => {
                    let message = format!("The sandbox cannot change '{field}' of objects to {value}.");
                    return Err(GcpError::new(400, "invalid", message));
                }
            }
        }
        version.metageneration += 1;
    }
    Ok(bucket.version(name, Some(generation))?.resource(bucket, name))
}

fn time_of(text: &str) -> Result<SystemTime, GcpError> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    time.map(SystemTime::from).map_err(|_| GcpError::new(400, "invalid", format!("Invalid time: {text}")))
}

/// Without a generation the live version goes, and stays as a noncurrent one where versions are kept.
pub(super) fn delete(
    cx: &mut Cx<'_>,
    bucket: &str,
    name: &str,
    generation: Option<u64>,
) -> Result<(), GcpError> {
    let now = cx.context.now;
    let bucket = cx.state.bucket(bucket)?;
    let version = bucket.version(name, generation)?.clone();
    if generation.is_some() || !bucket.keeps_versions() {
        bucket.may_go(name, &version, now)?;
        bucket.remove(name, version.generation);
    } else {
        bucket.retire(name, now);
    }
    Ok(())
}

pub(super) fn media(cx: &mut Cx<'_>, bucket: &str, name: &str) -> Result<Response<Bytes>, GcpError> {
    let generation = cx.number("generation")?;
    let version = cx.state.bucket(bucket)?.version(name, generation)?;
    let mut reply = Response::new(version.data.clone());
    if let Ok(kind) = HeaderValue::from_str(version.content_type()) {
        reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(reply)
}

/// What makes a version of the texts of a request; nothing but what the sandbox keeps.
pub(super) fn settings_of(metadata: &body::Object) -> body::Object {
    const KEPT: [&str; 7] = [
        "cacheControl",
        "contentDisposition",
        "contentEncoding",
        "contentLanguage",
        "contentType",
        "metadata",
        "storageClass",
    ];
    let kept = metadata.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The custom time in the metadata of a new object.
pub(super) fn custom_time_of(metadata: &body::Object) -> Result<Option<SystemTime>, GcpError> {
    metadata.text("customTime").map(time_of).transpose()
}
