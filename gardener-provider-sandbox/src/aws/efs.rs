//! The elasticfilesystem service.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response};

use super::{Inner, context::Context, error::AwsError, route::Service};
use crate::Resource;

/// What the service remembers.
#[derive(Debug, Default)]
pub(crate) struct State {}

impl State {
    pub(crate) fn inventory(&self, _region: &str, _now: SystemTime) -> Vec<Resource> {
        Vec::new()
    }
}

/// The operation that a request asks for.
pub(crate) fn operation(_: &Request<Bytes>) -> String {
    String::new()
}

/// Answers one call.
pub(crate) fn answer(_: &Inner, context: &Context<'_>, _: &Request<Bytes>) -> Response<Bytes> {
    AwsError::new("BadRequest", "The operation is not known.").render(Service::Efs, &context.request_id)
}
