//! The objects of a bucket, through [`object_store`].

use std::sync::Arc;

use gardener_provider_client::{object_http::ObjectHttp, transport::Transport};
use gardener_provider_core::{Error, Result};
use object_store::gcp::GoogleCloudStorageBuilder;

use super::{Scope, objects::Objects};
use crate::credentials::ObjectStoreCredentials;

pub(super) fn open(scope: Scope, transport: &Arc<dyn Transport>) -> Result<Objects> {
    let reads = GoogleCloudStorageBuilder::new()
        .with_bucket_name(scope.name.as_str())
        .with_base_url(scope.base.as_str().trim_end_matches('/'))
        .with_credentials(Arc::new(ObjectStoreCredentials(Arc::clone(scope.session.credentials()))))
        .with_http_connector(ObjectHttp::new(Arc::clone(transport)))
        .build()
        .map_err(|error| Error::internal("the object store could not be set up").with_source(error))?;
    Ok(Objects::new(reads, scope))
}
