//! Remembers the last reply.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportError};
use http::{Request, Response};

/// A transport that remembers the last reply of another.
#[derive(Debug)]
pub struct Recorder {
    inner: Arc<dyn Transport>,
    last: Mutex<Option<Response<Bytes>>>,
}

impl Recorder {
    /// Sends everything through `inner`.
    pub fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner, last: Mutex::default() }
    }

    /// The last reply.
    pub fn last(&self) -> Option<Response<Bytes>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let reply = self.inner.send(request).await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply.clone());
        Ok(reply)
    }
}
