//! The HTTP seam: everything that leaves or enters a provider goes through a [`Transport`].

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
pub use http::{Request, Response};

/// How a request failed before a reply could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: the server has certainly not seen the request.
    Connect,
    /// No reply in time: the server may have carried the request out.
    Timeout,
    /// The connection broke: the server may have carried the request out.
    Broken,
    /// The request could not be made at all; repeating it is useless.
    Invalid,
}

/// A request that got no reply.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// How it failed.
    pub kind: TransportErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// A failure of this kind.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Sets the underlying error. It must hold no secret: URLs with signatures are to be removed.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// True if the server has certainly not carried the request out.
    pub fn is_before_sending(&self) -> bool {
        matches!(self.kind, TransportErrorKind::Connect | TransportErrorKind::Invalid)
    }
}

/// Sends one request and waits for the whole reply, whatever its status. It neither retries nor follows redirects.
///
/// A sandbox, a recording or a fault injector can stand in for the network by implementing this.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends `request`.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;

    /// A client for large bodies over the same connections, if this transport can stream; `None` unless it says so.
    fn streaming(&self) -> Option<object_store::client::HttpClient> {
        None
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }

    fn streaming(&self) -> Option<object_store::client::HttpClient> {
        (**self).streaming()
    }
}

#[cfg(feature = "reqwest")]
mod over_reqwest {
    use std::time::Duration;

    use super::{Bytes, Request, Response, Transport, TransportError, TransportErrorKind, async_trait};

    /// The network, through reqwest with rustls.
    #[derive(Debug, Clone)]
    pub struct ReqwestTransport(reqwest::Client);

    impl ReqwestTransport {
        /// A transport with a connect timeout of 10 s and no redirects, which gives up after three minutes in which
        /// nothing came.
        ///
        /// There is no limit on a whole request: an [`ApiClient`](crate::client::ApiClient) sets its own, and reading
        /// a large object takes as long as it takes. Three minutes are enough to send a large part of an upload.
        ///
        /// # Errors
        /// If the TLS configuration of this machine cannot be used.
        pub fn new() -> gardener_provider_core::Result<Self> {
            reqwest::Client::builder()
                .connect_timeout(Duration::from_secs(10))
                .read_timeout(Duration::from_mins(3))
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("gardener-provider/", env!("CARGO_PKG_VERSION")))
                .build()
                .map(Self)
                .map_err(|error| {
                    gardener_provider_core::Error::internal("the HTTP client could not be set up")
                        .with_source(error)
                })
        }

        /// A transport over a client of the caller's, for proxies, extra certificates or shared connections.
        ///
        /// The client should not follow redirects: a signed request is good for one address only. Nor should it limit
        /// the time of a whole request, for objects are read through it too.
        pub fn from_client(client: reqwest::Client) -> Self {
            Self(client)
        }

        /// The client, to share its connections.
        pub fn client(&self) -> &reqwest::Client {
            &self.0
        }
    }

    fn lost(error: reqwest::Error) -> TransportError {
        let kind = if error.is_builder() {
            TransportErrorKind::Invalid
        } else if error.is_connect() {
            TransportErrorKind::Connect
        } else if error.is_timeout() {
            TransportErrorKind::Timeout
        } else {
            TransportErrorKind::Broken
        };
        let what = match kind {
            TransportErrorKind::Invalid => "the request could not be made",
            TransportErrorKind::Connect => "no connection to the server",
            TransportErrorKind::Timeout => "no reply in time",
            TransportErrorKind::Broken => "the connection broke before the reply was complete",
        };
        let place =
            error.url().and_then(|url| url.host_str()).map(|host| format!(" ({host})")).unwrap_or_default();
        TransportError::new(kind, format!("{what}{place}")).with_source(error.without_url())
    }

    #[async_trait]
    impl Transport for ReqwestTransport {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
            let request = reqwest::Request::try_from(request).map_err(lost)?;
            let mut reply = self.0.execute(request).await.map_err(lost)?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = reply.status();
            *response.headers_mut() = std::mem::take(reply.headers_mut());
            *response.body_mut() = reply.bytes().await.map_err(lost)?;
            Ok(response)
        }

        fn streaming(&self) -> Option<object_store::client::HttpClient> {
            Some(object_store::client::HttpClient::new(self.0.clone()))
        }
    }
}

#[cfg(feature = "reqwest")]
pub use over_reqwest::ReqwestTransport;
