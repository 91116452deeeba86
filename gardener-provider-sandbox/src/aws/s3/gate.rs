//! What holds for all operations: the bucket exists, is ours and in this region, and its policy does not forbid the call.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, LazyLock, Mutex},
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use s3s::{
    Body, S3ErrorCode, S3Result,
    access::{S3Access, S3AccessContext},
    auth::{S3Auth, SecretKey},
    service::{S3Service, S3ServiceBuilder},
};

use super::{Visit, bucket_policy, lifecycle, lock, operations::Operations, state, state::State, wire};

pub(super) fn service(state: Arc<Mutex<State>>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Operations::new(Arc::clone(&state)));
    builder.set_auth(NoKeys);
    builder.set_access(Gate { state });
    builder.build()
}

/// Signatures are verified before a request comes here; without an `S3Auth` the gate would not be asked.
struct NoKeys;

#[async_trait]
impl S3Auth for NoKeys {
    async fn get_secret_key(&self, _: &str) -> S3Result<SecretKey> {
        Err(state::error(S3ErrorCode::InvalidAccessKeyId, "The access key id does not exist in our records."))
    }
}

struct Gate {
    state: Arc<Mutex<State>>,
}

#[async_trait]
impl S3Access for Gate {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = cx.s3_op().name().to_owned();
        let bucket = cx.s3_path().get_bucket_name().map(str::to_owned);
        let key = cx.s3_path().get_object_key().map(str::to_owned);
        let expected_owner = cx
            .headers()
            .get("x-amz-expected-bucket-owner")
            .map(|owner| String::from_utf8_lossy(owner.as_bytes()).into_owned());
        let Some(visit) = cx.extensions_mut().get::<Visit>() else {
            return Err(s3s::S3Error::new(S3ErrorCode::InternalError));
        };
        let Some(name) = bucket.as_deref() else { return Ok(()) };
        if operation == "CreateBucket" {
            return Ok(());
        }
        if expected_owner.is_some_and(|owner| owner != visit.account) {
            return Err(denied());
        }
        let mut state = lock(&self.state);
        let bucket = state.bucket(name)?;
        if bucket.region != visit.region {
            return Err(elsewhere(name, &bucket.region, visit));
        }
        if bucket.foreign {
            return Err(denied());
        }
        lifecycle::apply(bucket, visit.now);
        let policy = bucket.settings.policy.as_deref();
        let resource = bucket_policy::arn(visit.partition, name, key.as_deref());
        if policy.is_some_and(|policy| bucket_policy::denies(policy, &operation, &resource, visit.secure)) {
            return Err(denied());
        }
        Ok(())
    }
}

fn denied() -> s3s::S3Error {
    state::error(S3ErrorCode::AccessDenied, "Access Denied")
}

fn elsewhere(bucket: &str, region: &str, visit: &Visit) -> s3s::S3Error {
    let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send \
                   all future requests to this endpoint.";
    let suffix = if visit.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let error = state::error(S3ErrorCode::PermanentRedirect, message);
    wire::redirected(error, bucket, region, &format!("{bucket}.s3.{region}.{suffix}"))
}

/// The operation that a request asks for, by the vendor's name; empty if it is none.
pub(crate) fn operation(request: &Request<Bytes>, bucket: Option<&str>) -> String {
    static NAMES: LazyLock<S3Service> = LazyLock::new(|| {
        let mut builder = S3ServiceBuilder::new(Nothing);
        builder.set_auth(NoKeys);
        builder.set_access(Namer);
        builder.build()
    });
    let name = Name::default();
    let mut shape = Request::new(Body::empty());
    *shape.method_mut() = request.method().clone();
    let Some(uri) = wire::path_style(request.uri(), bucket) else { return String::new() };
    *shape.uri_mut() = uri;
    if let Some(source) = request.headers().get("x-amz-copy-source") {
        shape.headers_mut().insert("x-amz-copy-source", source.clone());
    }
    shape.extensions_mut().insert(name.clone());
    let call = pin!(NAMES.call(shape));
    // Without a body to read and an operation to run, nothing is ever waited for.
    let Poll::Ready(_) = call.poll(&mut Context::from_waker(Waker::noop())) else { return String::new() };
    name.0.lock().map(|name| name.clone()).unwrap_or_default()
}

/// `s3s` routes the request and asks for access; the question carries the operation's name.
#[derive(Debug, Clone, Default)]
struct Name(Arc<Mutex<String>>);

struct Namer;

#[async_trait]
impl S3Access for Namer {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = cx.s3_op().name().to_owned();
        if let Some(name) = cx.extensions_mut().get::<Name>()
            && let Ok(mut name) = name.0.lock()
        {
            *name = operation;
        }
        Err(denied())
    }
}

struct Nothing;

impl s3s::S3 for Nothing {}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn operations_are_named_by_the_router_of_s3s() {
        for (method, target, bucket, expected) in [
            (Method::GET, "/", None, "ListBuckets"),
            (Method::GET, "/bucket?list-type=2&prefix=a", None, "ListObjectsV2"),
            (Method::GET, "/?versions", Some("bucket"), "ListObjectVersions"),
            (Method::PUT, "/bucket", None, "CreateBucket"),
            (Method::PUT, "/key", Some("bucket"), "PutObject"),
            (Method::PUT, "/key?uploadId=u&partNumber=1", Some("bucket"), "UploadPart"),
            (Method::POST, "/bucket?delete", None, "DeleteObjects"),
            (Method::PUT, "/bucket?policy", None, "PutBucketPolicy"),
            (Method::HEAD, "/bucket/key", None, "HeadObject"),
            (Method::GET, "/bucket/key?X-Amz-Signature=abc&X-Amz-Date=d", None, "GetObject"),
            (Method::PATCH, "/bucket/key", None, ""),
        ] {
            let mut request = Request::new(Bytes::new());
            *request.method_mut() = method;
            *request.uri_mut() = target.parse().unwrap();
            assert_eq!(operation(&request, bucket), expected, "{target}");
        }
    }
}
