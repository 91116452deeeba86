//! S3: buckets and objects in memory.
//!
//! The crate `s3s` reads requests and writes replies after the official description; what the service *does* is here.
//! Sources: the [API reference](https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html) and the
//! [user guide](https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html).

mod bucket_policy;
mod buckets;
mod chunked;
mod conditions;
mod copy;
mod delete;
mod digest;
mod gate;
mod lifecycle;
mod list;
mod list_versions;
mod lock;
mod multipart;
mod multipart_list;
mod objects;
mod operations;
mod settings;
mod state;
mod tagging;
mod wire;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use http::{Request, Response};
use percent_encoding::percent_decode_str;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, service::S3Service};

use super::{Aws, Inner, context::Context, route::Route};
use crate::Resource;

pub(crate) use gate::operation;
use state::{Bucket, State};

/// What fault rules and the journal know of a call besides its operation: `Bucket`, `Key` and the query by the names on
/// the wire.
pub(crate) fn parameters(request: &Request<Bytes>, bucket: Option<&str>) -> Vec<(String, String)> {
    let Some(uri) = wire::path_style(request.uri(), bucket) else { return Vec::new() };
    let path = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8_lossy();
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    [("Bucket", bucket), ("Key", key)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(query.into_owned())
        .collect()
}

/// Answers one authenticated call.
pub(crate) async fn answer(
    inner: &Inner,
    context: &Context<'_>,
    route: &Route,
    request: Request<Bytes>,
) -> Response<Bytes> {
    let visit = Visit {
        now: context.now,
        region: context.region().to_owned(),
        account: context.account().to_owned(),
        partition: context.partition(),
        request_id: context.request_id.clone(),
        secure: request.uri().scheme_str() == Some("https"),
    };
    inner.s3.handle(visit, route.bucket.as_deref(), request).await
}

impl Aws {
    /// Lets another account own a bucket of this name: creating it is answered with `BucketAlreadyExists`, using it with
    /// `AccessDenied`.
    pub fn plant_foreign_bucket(&self, name: &str, region: &str) {
        let bucket = Bucket::foreign(name, region, self.inner.world.options.clock.now());
        lock(&self.inner.s3.state).buckets.insert(name.to_owned(), bucket);
    }
}

/// The service with its state; clones share it.
#[derive(Clone)]
pub(crate) struct S3 {
    state: Arc<Mutex<State>>,
    service: S3Service,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").finish_non_exhaustive()
    }
}

impl Default for S3 {
    fn default() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        Self { service: gate::service(Arc::clone(&state)), state }
    }
}

/// What is known of a request besides its text.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) now: SystemTime,
    /// The region whose endpoint was called.
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) partition: &'static str,
    pub(crate) request_id: String,
    /// False if it came over plain HTTP.
    pub(crate) secure: bool,
}

impl S3 {
    /// Answers one authenticated request; `bucket` is the one that the host names.
    pub(crate) async fn handle(
        &self,
        visit: Visit,
        bucket: Option<&str>,
        request: Request<Bytes>,
    ) -> Response<Bytes> {
        let asked = wire::Asked::of(&request, &visit, bucket);
        let reply = match wire::prepare(request, visit, bucket) {
            Ok(request) => match self.service.call(request).await {
                Ok(reply) => Ok(reply),
                Err(_) => state::error(S3ErrorCode::InternalError, "The request could not be handled.")
                    .to_http_response(),
            },
            Err(error) => error.to_http_response(),
        };
        wire::finish(reply, &asked).await
    }

    /// The account's own buckets.
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        lock(&self.state).own().map(Bucket::entry).collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of a request, decoded.
#[derive(Debug, Clone)]
struct Payload(Bytes);

/// The state and circumstances that an operation works with.
struct Cx<'a> {
    state: MutexGuard<'a, State>,
    visit: Visit,
    payload: Bytes,
}

impl<'a> Cx<'a> {
    fn open<T>(state: &'a Mutex<State>, request: &S3Request<T>) -> S3Result<Self> {
        let visit = request.extensions.get::<Visit>().cloned();
        let visit = visit.ok_or_else(|| S3Error::new(S3ErrorCode::InternalError))?;
        let payload =
            request.extensions.get::<Payload>().map(|payload| payload.0.clone()).unwrap_or_default();
        Ok(Self { state: lock(state), visit, payload })
    }

    fn now(&self) -> SystemTime {
        self.visit.now
    }

    fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.state.bucket(name)
    }
}

#[cfg(test)]
mod tests;
