//! Cloud Storage: buckets and objects in memory.
//!
//! Buckets, and the writing of objects, speak the JSON API (storage.v1); objects can also be read, listed, copied and
//! deleted through the XML API, as [`object_store`](https://docs.rs/object_store) does. Objects cannot be written in parts
//! through the XML API.
//!
//! Sources: [JSON](https://cloud.google.com/storage/docs/json_api/v1), [XML](https://cloud.google.com/storage/docs/xml-api/overview)

mod buckets;
mod lifecycle;
mod objects;
mod page;
mod state;
mod uploads;
mod xml;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::{
    Gcp, Inner, answer::json_reply, context::Context, error::GcpError, query::Query, route::Service,
};
use crate::Resource;
use state::{Bucket, State};

/// All buckets of all projects.
#[derive(Debug, Default)]
pub(crate) struct Storage(Mutex<State>);

impl Storage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buckets, for [`Gcp::inventory`](super::Gcp::inventory).
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        self.state().buckets.values().filter(|bucket| !bucket.foreign).map(Bucket::entry).collect()
    }
}

impl Gcp {
    /// Lets another project own a bucket of this name: creating it is answered with `conflict`, using it with `forbidden`.
    pub fn plant_foreign_bucket(&self, name: &str, location: &str) {
        let bucket = Bucket::foreign(name, location, self.inner.world.options.clock.now());
        self.inner.storage.state().buckets.insert(name.to_owned(), bucket);
    }

    /// Puts a hold on all objects of a bucket whose names begin with `prefix`, or lifts it.
    pub fn hold_objects(&self, bucket: &str, prefix: &str, held: bool) {
        let mut state = self.inner.storage.state();
        let objects = state.buckets.get_mut(bucket).into_iter().flat_map(|bucket| bucket.objects.iter_mut());
        for version in objects.filter(|(name, _)| name.starts_with(prefix)).flat_map(|(_, versions)| versions)
        {
            version.held = held;
        }
    }
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Buckets,
    Bucket(String),
    Lock(String),
    Objects(String),
    Object(String, String),
    /// The data of an object.
    Media(String, String),
    Upload(String),
    XmlBucket(String),
    XmlObject(String, String),
    Unknown,
}

impl Target {
    fn of(request: &Request<Bytes>) -> Self {
        let (host, path) = (request.uri().host().unwrap_or_default(), request.uri().path());
        if let Some(rest) =
            path.strip_prefix("/storage/v1/").or_else(|| path.strip_prefix("/download/storage/v1/"))
        {
            let media = path.starts_with("/download") || query(request).get("alt") == Some("media");
            return Self::of_json(rest, media);
        }
        if let Some(rest) = path.strip_prefix("/upload/storage/v1/") {
            return match Self::of_json(rest, false) {
                Self::Objects(bucket) => Self::Upload(bucket),
                _ => Self::Unknown,
            };
        }
        let path = decoded(path.trim_start_matches('/'));
        let (bucket, name) = match host.strip_suffix(".storage.googleapis.com") {
            Some(bucket) => (bucket, path.as_str()),
            None => path.split_once('/').unwrap_or((&path, "")),
        };
        match (bucket, name) {
            ("", _) => Self::Unknown,
            (bucket, "") => Self::XmlBucket(bucket.to_owned()),
            (bucket, name) => Self::XmlObject(bucket.to_owned(), name.to_owned()),
        }
    }

    fn of_json(rest: &str, media: bool) -> Self {
        let segments: Vec<String> = rest.split('/').map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["b"] => Self::Buckets,
            ["b", bucket] => Self::Bucket(bucket.to_owned()),
            ["b", bucket, "lockRetentionPolicy"] => Self::Lock(bucket.to_owned()),
            ["b", bucket, "o"] => Self::Objects(bucket.to_owned()),
            ["b", bucket, "o", name] if media => Self::Media(bucket.to_owned(), name.to_owned()),
            ["b", bucket, "o", name] => Self::Object(bucket.to_owned(), name.to_owned()),
            _ => Self::Unknown,
        }
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn query(request: &Request<Bytes>) -> Query {
    Query::parse(request.uri().query().unwrap_or_default().as_bytes())
}

/// The method's name in the discovery document (`buckets.insert`), for the journal and fault rules. Calls to the XML API
/// are called as those of the JSON API that do the same.
pub(crate) fn operation(request: &Request<Bytes>) -> String {
    let method = request.method().as_str();
    let name = match (Target::of(request), method) {
        (Target::Buckets, "GET") => "buckets.list",
        (Target::Buckets, "POST") => "buckets.insert",
        (Target::Bucket(_), "GET") => "buckets.get",
        (Target::Bucket(_), "PATCH") => "buckets.patch",
        (Target::Bucket(_), "DELETE") => "buckets.delete",
        (Target::Lock(_), "POST") => "buckets.lockRetentionPolicy",
        (Target::Objects(_) | Target::XmlBucket(_), "GET") => "objects.list",
        (Target::Object(..) | Target::Media(..) | Target::XmlObject(..), "GET" | "HEAD") => "objects.get",
        (Target::Object(..), "PATCH") => "objects.patch",
        (Target::Object(..) | Target::XmlObject(..), "DELETE") => "objects.delete",
        (Target::Upload(_), _) => "objects.insert",
        (Target::XmlObject(..), "PUT") => "objects.copy",
        _ => "",
    };
    name.to_owned()
}

/// Answers one call.
pub(crate) async fn answer(inner: &Inner, context: &Context<'_>, request: Request<Bytes>) -> Response<Bytes> {
    let mut state = inner.storage.state();
    state.settle(context.now);
    let mut cx = Cx { state: &mut state, context, query: query(&request), request: &request };
    let method = request.method().clone();
    let reply = match Target::of(&request) {
        Target::XmlBucket(bucket) if method == Method::GET => return xml::list(&mut cx, &bucket),
        Target::XmlObject(bucket, name) => return xml::object(&mut cx, &bucket, &name),
        Target::Buckets if method == Method::GET => buckets::list(&mut cx).map(|body| json_reply(&body)),
        Target::Buckets if method == Method::POST => buckets::insert(&mut cx).map(|body| json_reply(&body)),
        Target::Bucket(bucket) => buckets::bucket(&mut cx, &bucket).map(|body| json_reply(&body)),
        Target::Lock(bucket) if method == Method::POST => {
            buckets::lock(&mut cx, &bucket).map(|body| json_reply(&body))
        }
        Target::Objects(bucket) if method == Method::GET => {
            objects::list(&mut cx, &bucket).map(|body| json_reply(&body))
        }
        Target::Object(bucket, name) => {
            objects::object(&mut cx, &bucket, &name).map(|body| json_reply(&body))
        }
        Target::Media(bucket, name) if method == Method::GET => objects::media(&mut cx, &bucket, &name),
        Target::Upload(bucket) => uploads::answer(&mut cx, &bucket),
        _ => Err(GcpError::new(404, "notFound", "Not Found")),
    };
    reply.unwrap_or_else(|error| error.render(Service::Storage))
}

/// The state and circumstances that an operation works with.
struct Cx<'a> {
    state: &'a mut State,
    context: &'a Context<'a>,
    query: Query,
    request: &'a Request<Bytes>,
}

impl Cx<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// A parameter of the URL that is a number.
    fn number(&self, name: &str) -> Result<Option<u64>, GcpError> {
        let Some(text) = self.query.get(name) else { return Ok(None) };
        let number = text.parse().map_err(|_| {
            GcpError::new(400, "invalid", format!("Invalid numeric value for parameter '{name}': {text}"))
        });
        number.map(Some)
    }

    fn max_page(&self) -> Result<usize, GcpError> {
        let own = self.context.world.max_page(1000);
        let asked = self.number("maxResults")?.and_then(|asked| usize::try_from(asked).ok());
        Ok(asked.filter(|asked| *asked > 0).map_or(own, |asked| asked.min(own)))
    }
}

fn no_content() -> Response<Bytes> {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}
