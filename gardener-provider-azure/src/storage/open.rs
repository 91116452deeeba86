//! The blobs of a container, through [`object_store`].

use std::sync::Arc;

use gardener_provider_client::{object_http::ObjectHttp, transport::Transport};
use gardener_provider_core::{BucketName, Error, Result};
use object_store::azure::{MicrosoftAzure, MicrosoftAzureBuilder};

use super::access::Access;

pub(super) fn open(
    access: &Access,
    transport: &Arc<dyn Transport>,
    name: &BucketName,
) -> Result<MicrosoftAzure> {
    MicrosoftAzureBuilder::new()
        .with_account(&access.account)
        .with_container_name(name.as_str())
        .with_endpoint(access.address.as_str().trim_end_matches('/').to_owned())
        .with_allow_http(access.address.scheme() == "http")
        .with_credentials(access.credentials())
        .with_http_connector(ObjectHttp::new(Arc::clone(transport)))
        .build()
        .map_err(|error| Error::internal("the object store could not be set up").with_source(error))
}
