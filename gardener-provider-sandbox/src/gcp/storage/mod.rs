//! Cloud Storage: buckets (JSON API, storage.v1) and their objects.

use bytes::Bytes;
use http::{Request, Response};

use super::{Inner, context::Context, error::GcpError, route::Service};
use crate::Resource;

/// All buckets of all projects.
#[derive(Debug, Default)]
pub(crate) struct Storage {}

impl Storage {
    /// The buckets, for [`Gcp::inventory`](super::Gcp::inventory).
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        Vec::new()
    }
}

/// The method's name in the discovery document (`buckets.insert`), for the journal and fault rules.
pub(crate) fn operation(_: &Request<Bytes>) -> String {
    String::new()
}

/// Answers one call.
pub(crate) async fn answer(_: &Inner, _: &Context<'_>, _: Request<Bytes>) -> Response<Bytes> {
    GcpError::new(404, "notFound", "Not Found").render(Service::Storage)
}
