//! The data plane of object storage over the same seam as everything else.
//!
//! [`object_store`] asks a [`HttpConnector`] for its HTTP client. [`ObjectHttp`] is one that answers with the provider's
//! own [`Transport`]: on the network the connections are shared and bodies are streamed, and where a sandbox or a fault
//! injector stands in for the network, it stands in for the data plane too.
//!
//! ```
//! # use std::sync::Arc;
//! # use gardener_provider_client::{object_http::ObjectHttp, transport::ReqwestTransport};
//! # fn main() -> gardener_provider_core::Result<()> {
//! let http = ObjectHttp::new(Arc::new(ReqwestTransport::new()?));
//! // Then: `AmazonS3Builder::new().with_http_connector(http)`, and alike for Azure and GCS.
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_core::{Error, ErrorKind};
use http_body_util::BodyExt;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
        HttpService,
    },
};

use crate::transport::{Request, Transport, TransportError, TransportErrorKind};

/// Connects an object store through a [`Transport`].
#[derive(Debug, Clone)]
pub struct ObjectHttp(HttpClient);

impl ObjectHttp {
    /// Streams if the transport can ([`Transport::streaming`]); else bodies are held in memory.
    ///
    /// The time limits are the transport's own: [`ClientOptions`] given to the object store's builder have no effect.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        let client = transport.streaming().unwrap_or_else(|| HttpClient::new(Buffered(transport)));
        Self(client)
    }
}

impl HttpConnector for ObjectHttp {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

#[derive(Debug)]
struct Buffered(Arc<dyn Transport>);

#[async_trait]
impl HttpService for Buffered {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = match body.as_bytes() {
            Some(bytes) => bytes.clone(),
            None => body.collect().await?.to_bytes(),
        };
        let reply = self.0.send(Request::from_parts(parts, body)).await.map_err(lost)?;
        Ok(reply.map(HttpResponseBody::from))
    }
}

/// object_store decides by this kind whether it may send the request again.
fn lost(error: TransportError) -> HttpError {
    let kind = match error.kind {
        TransportErrorKind::Connect => HttpErrorKind::Connect,
        TransportErrorKind::Timeout => HttpErrorKind::Timeout,
        TransportErrorKind::Broken => HttpErrorKind::Interrupted,
        TransportErrorKind::Invalid => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

/// One of our errors as an object store tells it, about `path` of the store called `store`.
pub fn store_error(store: &'static str, path: impl Into<String>, error: Error) -> object_store::Error {
    use object_store::Error as E;
    let (kind, path) = (error.kind(), path.into());
    let source = error.into();
    match kind {
        ErrorKind::NotFound => E::NotFound { path, source },
        ErrorKind::AlreadyExists => E::AlreadyExists { path, source },
        ErrorKind::Conflict => E::Precondition { path, source },
        ErrorKind::PermissionDenied => E::PermissionDenied { path, source },
        ErrorKind::Unauthenticated => E::Unauthenticated { path, source },
        _ => E::Generic { store, source },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;
    use object_store::PutPayload;

    use super::*;
    use crate::transport::Response;

    #[derive(Debug, Default)]
    struct Echo(Mutex<Vec<Request<Bytes>>>);

    #[async_trait]
    impl Transport for Echo {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
            if request.uri().path() == "/down" {
                return Err(TransportError::new(TransportErrorKind::Connect, "no connection"));
            }
            let reply = Response::builder().status(206).header("etag", "\"1\"").body(request.body().clone());
            self.0.lock().unwrap().push(request);
            reply.map_err(|error| TransportError::new(TransportErrorKind::Invalid, error.to_string()))
        }
    }

    fn put(path: &str, body: PutPayload) -> HttpRequest {
        http::Request::put(format!("http://s3.local{path}")).header("x-test", "1").body(body.into()).unwrap()
    }

    #[tokio::test]
    async fn a_body_in_pieces_arrives_whole_and_the_reply_comes_back() {
        let transport = Arc::new(Echo::default());
        let client = ObjectHttp::new(Arc::clone(&transport) as _).connect(&ClientOptions::new()).unwrap();
        let body: PutPayload = [Bytes::from_static(b"ab"), Bytes::from_static(b"cd")].into_iter().collect();
        let reply = client.execute(put("/b/k", body)).await.unwrap();
        assert_eq!(reply.status(), 206);
        assert_eq!(reply.headers()["etag"], "\"1\"");
        assert_eq!(reply.into_body().bytes().await.unwrap(), "abcd");
        let seen = transport.0.lock().unwrap();
        assert_eq!(seen[0].method(), "PUT");
        assert_eq!(seen[0].uri(), "http://s3.local/b/k");
        assert_eq!(seen[0].headers()["x-test"], "1");
        assert_eq!(seen[0].body(), "abcd");
    }

    #[test]
    fn errors_become_the_stores_own() {
        let told = |kind| store_error("Store", "a/b", Error::new(kind, "no"));
        assert!(
            matches!(told(ErrorKind::NotFound), object_store::Error::NotFound { path, .. } if path == "a/b")
        );
        assert!(matches!(told(ErrorKind::Conflict), object_store::Error::Precondition { .. }));
        assert!(matches!(told(ErrorKind::Unauthenticated), object_store::Error::Unauthenticated { .. }));
        assert!(told(ErrorKind::Unavailable).to_string().contains("no"));
    }

    #[tokio::test]
    async fn a_failure_keeps_its_kind() {
        let client = ObjectHttp::new(Arc::new(Echo::default())).connect(&ClientOptions::new()).unwrap();
        let error = client.execute(put("/down", PutPayload::new())).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Connect);
    }
}

#[cfg(test)]
#[cfg(feature = "reqwest")]
mod network_tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::transport::ReqwestTransport;

    /// Answers the head and the first half of a body; the second half follows when told.
    async fn slow_server(second_half: tokio::sync::oneshot::Receiver<()>) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab").await.unwrap();
            second_half.await.unwrap();
            socket.write_all(b"cd").await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn over_the_network_a_body_is_read_as_it_comes() {
        let (send_rest, rest) = tokio::sync::oneshot::channel();
        let address = slow_server(rest).await;
        let transport = ReqwestTransport::from_client(reqwest::Client::builder().no_proxy().build().unwrap());
        let client = ObjectHttp::new(Arc::new(transport)).connect(&ClientOptions::new()).unwrap();
        let request =
            http::Request::get(format!("http://{address}/k")).body(bytes::Bytes::new().into()).unwrap();
        let mut body = client.execute(request).await.unwrap().into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "ab");
        send_rest.send(()).unwrap();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "cd");
    }
}
