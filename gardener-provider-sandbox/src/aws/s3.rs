//! The s3 service.

use bytes::Bytes;
use http::{Request, Response};

use super::{
    Inner,
    context::Context,
    error::AwsError,
    route::{Route, Service},
};
use crate::Resource;

/// What the service remembers.
#[derive(Debug, Default)]
pub(crate) struct S3 {}

impl S3 {
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        Vec::new()
    }
}

/// The operation that a request asks for; `bucket` is the one that the host names.
pub(crate) fn operation(_: &Request<Bytes>, _bucket: Option<&str>) -> String {
    String::new()
}

/// Answers one call.
pub(crate) async fn answer(
    _: &Inner,
    context: &Context<'_>,
    _: &Route,
    _: Request<Bytes>,
) -> Response<Bytes> {
    AwsError::new("NotImplemented", "The operation is not known.").render(Service::S3, &context.request_id)
}
