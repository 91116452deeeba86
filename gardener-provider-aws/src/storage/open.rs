//! The objects of a bucket, through [`object_store`].

use std::sync::Arc;

use gardener_provider_client::{object_http::ObjectHttp, transport::Transport};
use gardener_provider_core::{BucketName, Error, Result};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut};
use url::Url;

use crate::{
    credentials::ObjectStoreCredentials,
    endpoints::{Endpoint, Service},
    session::Session,
};

pub(super) fn open(session: &Session, transport: &Arc<dyn Transport>, name: &BucketName) -> Result<AmazonS3> {
    let endpoint = session.endpoint(Service::S3)?;
    let (address, virtual_host) = address(&endpoint, name)?;
    AmazonS3Builder::new()
        .with_region(endpoint.signing_region.as_str())
        .with_bucket_name(name.as_str())
        .with_endpoint(address.as_str().trim_end_matches('/'))
        .with_virtual_hosted_style_request(virtual_host)
        .with_allow_http(endpoint.url.scheme() == "http")
        .with_credentials(Arc::new(ObjectStoreCredentials(Arc::clone(session.credentials()))))
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // A bucket with object lock takes no object without a checksum.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_http_connector(ObjectHttp::new(Arc::clone(transport)))
        .build()
        .map_err(|error| Error::internal("the object store could not be set up").with_source(error))
}

/// The address to build objects' addresses from, and whether the bucket is in its host name already.
fn address(endpoint: &Endpoint, name: &BucketName) -> Result<(Url, bool)> {
    // The certificates of S3 cover one label only.
    if endpoint.path_style || name.as_str().contains('.') {
        return Ok((endpoint.url.clone(), false));
    }
    let mut url = endpoint.url.clone();
    let host = format!("{name}.{}", url.host_str().unwrap_or_default());
    url.set_host(Some(&host))
        .map_err(|error| Error::invalid("bucket.name", format!("makes no host name: {error}")))?;
    Ok((url, true))
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::Region;

    use super::*;
    use crate::endpoints::Endpoints;

    fn at(endpoints: &Endpoints, name: &str) -> (String, bool) {
        let endpoint = endpoints.resolve(Service::S3, &Region::new("eu-west-1").unwrap()).unwrap();
        let (url, virtual_host) = address(&endpoint, &BucketName::new(name).unwrap()).unwrap();
        (url.to_string(), virtual_host)
    }

    #[test]
    fn the_bucket_is_in_the_host_where_certificates_allow_it() {
        let public = Endpoints::public();
        assert_eq!(at(&public, "backup"), ("https://backup.s3.eu-west-1.amazonaws.com/".into(), true));
        assert_eq!(at(&public, "a.backup"), ("https://s3.eu-west-1.amazonaws.com/".into(), false));
        let local = Endpoints::all_at(Url::parse("http://127.0.0.1:9000/base").unwrap());
        assert_eq!(at(&local, "backup"), ("http://127.0.0.1:9000/base".into(), false));
    }
}
