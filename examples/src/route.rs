//! A transport that leads some requests to a server on this machine and all others into the sandbox.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{ReqwestTransport, Transport, TransportError};
use gardener_provider_core::Result;
use http::{Request, Response};

/// What goes to `127.0.0.1` goes over the network, all else to the cloud inside.
#[derive(Debug)]
pub(crate) struct Beside {
    cloud: Arc<dyn Transport>,
    network: ReqwestTransport,
}

impl Beside {
    pub(crate) fn new(cloud: Arc<dyn Transport>) -> Result<Self> {
        Ok(Self { cloud, network: ReqwestTransport::new()? })
    }
}

#[async_trait]
impl Transport for Beside {
    async fn send(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, TransportError> {
        match request.uri().host() {
            Some("127.0.0.1") => self.network.send(request).await,
            _ => self.cloud.send(request).await,
        }
    }
}
