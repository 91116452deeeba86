//! The blob service: what clients of a container do with blobs.
//!
//! <https://learn.microsoft.com/en-us/rest/api/storageservices/blob-service-rest-api>

use std::{collections::BTreeMap, ops::Range, time::SystemTime};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use quick_xml::escape::{escape, unescape};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use super::{accounts, batch::batch, key, list::list, policies, store::Version};
use crate::{
    azure::{arm::store::Stored, login::storage_grant, state::State},
    call::{ErrorCode, Refusal},
};

/// What a request to a storage account is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BlobTarget {
    pub(crate) account: String,
    pub(crate) container: String,
    pub(crate) blob: Option<String>,
}

const DOMAINS: [&str; 3] =
    [".blob.core.windows.net", ".blob.core.chinacloudapi.cn", ".blob.core.usgovcloudapi.net"];

/// The account's part of a host of this service.
pub(crate) fn account_of(host: &str) -> Option<&str> {
    DOMAINS.iter().find_map(|domain| host.strip_suffix(domain))
}

pub(crate) fn target_of(account: &str, path: &str) -> BlobTarget {
    let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
    let (container, blob) = path.split_once('/').unwrap_or((&path, ""));
    BlobTarget {
        account: account.to_owned(),
        container: container.to_owned(),
        blob: Some(blob).filter(|blob| !blob.is_empty()).map(str::to_owned),
    }
}

/// The operation's name, for the journal and fault rules.
pub(crate) fn operation(target: &BlobTarget, request: &Request<Bytes>) -> &'static str {
    let query = request.uri().query().unwrap_or_default();
    let component = query.split('&').find_map(|pair| pair.strip_prefix("comp=")).unwrap_or_default();
    match (request.method().as_str(), component, target.blob.is_some()) {
        ("GET", "list", _) => "ListBlobs",
        ("POST", "batch", _) => "BlobBatch",
        ("GET", "tags", true) => "GetBlobTags",
        ("PUT", "tags", true) => "SetBlobTags",
        ("PUT", "block", true) => "PutBlock",
        ("PUT", "blocklist", true) => "PutBlockList",
        ("GET" | "HEAD", _, true) => "GetBlob",
        ("PUT", _, true) => "PutBlob",
        ("DELETE", _, true) => "DeleteBlob",
        _ => "Unknown",
    }
}

/// An error of this service.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: String,
    message: String,
}

impl Refused {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    fn missing() -> Self {
        Self::new(404, "BlobNotFound", "The specified blob does not exist.")
    }

    fn condition() -> Self {
        Self::new(
            412,
            "ConditionNotMet",
            "The condition specified using HTTP conditional header(s) is not met.",
        )
    }

    fn render(&self, head: bool) -> Response<Bytes> {
        let body = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
            escape(self.code.as_str()),
            escape(self.message.as_str())
        );
        let mut reply =
            Response::new(if head || self.status == 304 { Bytes::new() } else { Bytes::from(body) });
        *reply.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        set(&mut reply, "x-ms-error-code", &self.code);
        set(&mut reply, "content-type", "application/xml");
        reply.extensions_mut().insert(ErrorCode(self.code.clone()));
        reply
    }
}

/// The service's own words for a fault.
pub(crate) fn refuse(refusal: &Refusal) -> Response<Bytes> {
    let refused = match refusal {
        Refusal::Throttled => Refused::new(503, "ServerBusy", "The server is busy."),
        Refusal::Denied => Refused::new(403, "AuthorizationFailure", "This request is not authorized."),
        Refusal::ExpiredCredentials => {
            Refused::new(401, "InvalidAuthenticationInfo", "The token has expired.")
        }
        Refusal::Broken(503) => Refused::new(503, "ServiceUnavailable", "The service is unavailable."),
        Refusal::Broken(status) => {
            Refused::new(*status, "InternalError", "The server encountered an internal error.")
        }
        Refusal::Code { code, status, message } => Refused::new(status.unwrap_or(409), code, message.clone()),
    };
    refused.render(false)
}

/// The state and circumstances that an operation works with.
pub(super) struct Cx<'a> {
    pub(super) state: &'a mut State,
    pub(super) now: SystemTime,
    pub(super) max_page: usize,
    query: Vec<(String, String)>,
}

impl Cx<'_> {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn account(&self, name: &str) -> Result<&Stored, Refused> {
        // Of an account that does not exist there would be no address.
        let missing = || Refused::new(404, "ResourceNotFound", "The specified resource does not exist.");
        accounts::named(self.state, name).ok_or_else(missing)
    }

    /// The key of the container in the store.
    pub(super) fn container(&self, target: &BlobTarget) -> Result<String, Refused> {
        let account = self.account(&target.account)?;
        let key = account.id.child("blobServices", "default").child("containers", &target.container).key();
        match self.state.store.get(&key) {
            Some(_) => Ok(key),
            None => Err(Refused::new(404, "ContainerNotFound", "The specified container does not exist.")),
        }
    }

    pub(super) fn keeps_versions(&self, container: &str) -> bool {
        let service = container.split("/containers/").next().unwrap_or_default();
        let enabled =
            self.state.store.get(service).and_then(|service| service.property("isVersioningEnabled"));
        enabled.and_then(serde_json::Value::as_bool) == Some(true)
    }

    /// By a token for storage, or a signature with one of the account's keys.
    pub(super) fn authorize(&self, account: &str, request: &Request<Bytes>) -> Result<(), Refused> {
        let failed = |message: &str| Refused::new(403, "AuthenticationFailed", message);
        if let Some((name, signature)) = key::authorization(request) {
            let stored = self.account(account)?;
            if stored.property("allowSharedKeyAccess").and_then(serde_json::Value::as_bool) == Some(false) {
                let message = "Key based authentication is not permitted on this storage account.";
                return Err(Refused::new(403, "KeyBasedAuthenticationNotPermitted", message));
            }
            let keys = accounts::key_names().into_iter().filter_map(|name| accounts::key(stored, name));
            let mut good = keys.filter(|key| key::is_signed(request, account, key, signature));
            if name == account && good.next().is_some() {
                return Ok(());
            }
            return Err(failed(
                "The MAC signature found in the HTTP request is not the same as any computed signature.",
            ));
        }
        if storage_grant(self.state, request, self.now) {
            return Ok(());
        }
        Err(Refused::new(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request."))
    }

    /// Whether the container's policy lets a version be changed or deleted.
    fn may_go(&self, container: &str, version: &Version) -> Result<(), Refused> {
        let period = self.state.store.get(container).and_then(|stored| policies::period(self.state, stored));
        if period.is_some_and(|period| version.created + period > self.now) {
            let message = "This operation is not permitted as the blob is immutable due to a policy.";
            return Err(Refused::new(409, "BlobImmutableDueToPolicy", message));
        }
        Ok(())
    }
}

/// Answers one call.
pub(crate) fn answer(
    state: &mut State,
    now: SystemTime,
    max_page: usize,
    target: &BlobTarget,
    request: &Request<Bytes>,
) -> Response<Bytes> {
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let mut cx = Cx { state, now, max_page, query: query.into_owned().collect() };
    let reply = handle(&mut cx, target, request);
    reply.unwrap_or_else(|refused| refused.render(request.method() == Method::HEAD))
}

fn handle(
    cx: &mut Cx<'_>,
    target: &BlobTarget,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refused> {
    cx.authorize(&target.account, request)?;
    let container = cx.container(target)?;
    let name = target.blob.clone().unwrap_or_default();
    let version = cx.parameter("versionid").map(str::to_owned);
    match operation(target, request) {
        "ListBlobs" => Ok(list(cx, &container)),
        "BlobBatch" => batch(cx, &target.account, request),
        "GetBlob" => get(cx, &container, &name, version.as_deref(), request),
        "PutBlob" => put(cx, &container, &name, request),
        "PutBlock" => {
            let id = cx.parameter("blockid").unwrap_or_default().to_owned();
            cx.state.blobs.stage(&container, &name, &id, request.body().clone());
            Ok(ok(201, Bytes::new()))
        }
        "PutBlockList" => put_blocks(cx, &container, &name, request),
        "DeleteBlob" => delete(cx, &container, &name, version.as_deref()).map(|()| ok(202, Bytes::new())),
        "GetBlobTags" => {
            let blob =
                cx.state.blobs.version(&container, &name, version.as_deref()).ok_or_else(Refused::missing)?;
            Ok(ok(200, Bytes::from(tags_text(&blob.tags))))
        }
        "SetBlobTags" => {
            let blob =
                cx.state.blobs.version(&container, &name, version.as_deref()).ok_or_else(Refused::missing)?;
            let id = blob.id.clone();
            cx.state.blobs.tag(&container, &name, &id, tags_of(request.body()));
            Ok(ok(204, Bytes::new()))
        }
        _ => Err(Refused::new(400, "UnsupportedHttpVerb", "The sandbox has no such operation.")),
    }
}

pub(super) fn ok(status: u16, body: Bytes) -> Response<Bytes> {
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    reply
}

fn set(reply: &mut Response<Bytes>, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        reply.headers_mut().insert(name, value);
    }
}

/// A time as headers have it.
pub(super) fn date(time: SystemTime) -> String {
    let text = OffsetDateTime::from(time).format(&Rfc2822).unwrap_or_default();
    text.replace("+0000", "GMT")
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn get(
    cx: &Cx<'_>,
    container: &str,
    name: &str,
    version: Option<&str>,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refused> {
    let blob = cx.state.blobs.version(container, name, version).ok_or_else(Refused::missing)?;
    conditions(Some(blob), request)?;
    let whole = blob.data.len();
    let range = header(request, "x-ms-range").or(header(request, "range"));
    let range = range.map(|text| range_of(text, whole)).transpose()?;
    let data = blob.data.slice(range.clone().unwrap_or(0..whole));
    let length = data.len();
    let head = request.method() == Method::HEAD;
    let mut reply = ok(if range.is_some() { 206 } else { 200 }, if head { Bytes::new() } else { data });
    if let Some(range) = range {
        set(&mut reply, "content-range", &format!("bytes {}-{}/{whole}", range.start, range.end - 1));
    }
    set(&mut reply, "content-length", &length.to_string());
    set(&mut reply, "content-type", "application/octet-stream");
    for (name, value) in &blob.headers {
        set(&mut reply, name, value);
    }
    describe(&mut reply, blob);
    Ok(reply)
}

fn describe(reply: &mut Response<Bytes>, blob: &Version) {
    set(reply, "etag", &blob.etag);
    set(reply, "last-modified", &date(blob.created));
    set(reply, "x-ms-version-id", &blob.id);
    set(reply, "x-ms-blob-type", "BlockBlob");
}

fn range_of(text: &str, whole: usize) -> Result<Range<usize>, Refused> {
    let invalid =
        || Refused::new(416, "InvalidRange", "The range specified is invalid for the current size.");
    let (first, last) =
        text.strip_prefix("bytes=").and_then(|text| text.split_once('-')).ok_or_else(invalid)?;
    let first: usize = first.parse().map_err(|_| invalid())?;
    let end = last.parse::<usize>().map_or(whole, |last| last.saturating_add(1).min(whole));
    if first < end { Ok(first..end) } else { Err(invalid()) }
}

/// `If-Match` and `If-None-Match`.
fn conditions(there: Option<&Version>, request: &Request<Bytes>) -> Result<(), Refused> {
    let matches = |wanted: &str| there.is_some_and(|blob| wanted == "*" || wanted == blob.etag);
    if header(request, "if-match").is_some_and(|wanted| !matches(wanted)) {
        return Err(Refused::condition());
    }
    match header(request, "if-none-match") {
        Some(unwanted) if matches(unwanted) => Err(match *request.method() {
            Method::GET | Method::HEAD => Refused::new(304, "ConditionNotMet", ""),
            _ if unwanted == "*" => {
                Refused::new(409, "BlobAlreadyExists", "The specified blob already exists.")
            }
            _ => Refused::condition(),
        }),
        _ => Ok(()),
    }
}

fn put(
    cx: &mut Cx<'_>,
    container: &str,
    name: &str,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refused> {
    let data = match header(request, "x-ms-copy-source") {
        Some(source) => copied(cx, source)?,
        None if header(request, "x-ms-blob-type") == Some("BlockBlob") => request.body().clone(),
        None => return Err(Refused::new(400, "InvalidHeaderValue", "The sandbox has block blobs alone.")),
    };
    write(cx, container, name, data, Vec::new(), request)
}

fn copied(cx: &Cx<'_>, source: &str) -> Result<Bytes, Refused> {
    let url = url::Url::parse(source)
        .map_err(|_| Refused::new(400, "InvalidHeaderValue", "The source is no URL."))?;
    let account = account_of(url.host_str().unwrap_or_default()).unwrap_or_default();
    let target = target_of(account, url.path());
    let container = cx.container(&target)?;
    let blob = cx.state.blobs.current(&container, target.blob.as_deref().unwrap_or_default());
    blob.map(|blob| blob.data.clone()).ok_or_else(Refused::missing)
}

fn put_blocks(
    cx: &mut Cx<'_>,
    container: &str,
    name: &str,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refused> {
    let text = String::from_utf8_lossy(request.body()).into_owned();
    let ids: Vec<String> = text
        .split('<')
        .filter_map(|element| element.split_once('>'))
        .filter(|(list, _)| matches!(*list, "Latest" | "Uncommitted" | "Committed"))
        .map(|(_, id)| id.trim().to_owned())
        .collect();
    let mut staged = cx.state.blobs.staged(container, name);
    if let Some(blob) = cx.state.blobs.current(container, name) {
        let mut at = 0;
        for (id, length) in &blob.blocks {
            staged.entry(id.clone()).or_insert_with(|| blob.data.slice(at..at + length));
            at += length;
        }
    }
    let mut data = BytesMut::new();
    let mut blocks = Vec::new();
    for id in ids {
        let Some(block) = staged.get(&id) else {
            return Err(Refused::new(400, "InvalidBlockList", "The specified block list is invalid."));
        };
        data.extend_from_slice(block);
        blocks.push((id, block.len()));
    }
    write(cx, container, name, data.freeze(), blocks, request)
}

fn write(
    cx: &mut Cx<'_>,
    container: &str,
    name: &str,
    data: Bytes,
    blocks: Vec<(String, usize)>,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refused> {
    let there = cx.state.blobs.current(container, name);
    conditions(there, request)?;
    if let Some(there) = there {
        cx.may_go(container, there)?;
    }
    let kept = request.headers().iter().filter_map(|(header, value)| {
        let (header, value) = (header.as_str(), value.to_str().ok()?);
        let name = match header.strip_prefix("x-ms-blob-") {
            Some(name) if name.starts_with("content-") || name == "cache-control" => name,
            _ if header.starts_with("x-ms-meta-") => header,
            _ => return None,
        };
        Some((name.to_owned(), value.to_owned()))
    });
    let headers = kept.collect();
    let tags = url::form_urlencoded::parse(header(request, "x-ms-tags").unwrap_or_default().as_bytes());
    let tags = tags.into_owned().collect();
    let keep = cx.keeps_versions(container);
    let (id, etag) = cx.state.blobs.fresh(cx.now);
    let version = Version { id, etag, created: cx.now, is_current: true, data, blocks, headers, tags };
    let mut reply = ok(201, Bytes::new());
    describe(&mut reply, &version);
    cx.state.blobs.add(container, name, version, keep);
    Ok(reply)
}

pub(super) fn delete(
    cx: &mut Cx<'_>,
    container: &str,
    name: &str,
    version: Option<&str>,
) -> Result<(), Refused> {
    let blob = cx.state.blobs.version(container, name, version).ok_or_else(Refused::missing)?;
    cx.may_go(container, blob)?;
    if version.is_some() && blob.is_current {
        let message = "The operation is not allowed on the root blob.";
        return Err(Refused::new(403, "OperationNotAllowedOnRootBlob", message));
    }
    let id = blob.id.clone();
    if version.is_some() {
        cx.state.blobs.remove(container, name, &id);
    } else {
        let keep = cx.keeps_versions(container);
        cx.state.blobs.retire(container, name, keep);
    }
    Ok(())
}

fn tags_text(tags: &BTreeMap<String, String>) -> String {
    let tags = tags.iter().map(|(key, value)| {
        format!("<Tag><Key>{}</Key><Value>{}</Value></Tag>", escape(key.as_str()), escape(value.as_str()))
    });
    format!("\u{feff}<Tags><TagSet>{}</TagSet></Tags>", tags.collect::<String>())
}

fn tags_of(body: &Bytes) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body).into_owned();
    let part = |tag: &str, name: &str| {
        let text = tag.split(&format!("<{name}>")).nth(1)?.split('<').next()?;
        unescape(text).ok().map(std::borrow::Cow::into_owned)
    };
    let tags = text.split("<Tag>").skip(1);
    tags.filter_map(|tag| Some((part(tag, "Key")?, part(tag, "Value").unwrap_or_default()))).collect()
}
