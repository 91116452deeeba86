//! A transport that answers from a script, for tests of request builders, parsers and retries.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::transport::{Transport, TransportError, TransportErrorKind};

/// Answers requests in the order of its script and keeps what it was sent. Clones share both.
///
/// ```
/// use bytes::Bytes;
/// use gardener_provider_client::{fake::FakeTransport, transport::Transport};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let transport = FakeTransport::new().reply(200, "pong");
/// let request = http::Request::get("https://example.com/ping").body(Bytes::new()).unwrap();
/// assert_eq!(transport.send(request).await.unwrap().body(), "pong");
/// assert_eq!(transport.requests()[0].uri(), "https://example.com/ping");
/// # }
/// ```
#[derive(Clone, Default)]
pub struct FakeTransport(Arc<Inner>);

#[derive(Default)]
struct Inner {
    script: Mutex<VecDeque<Result<Response<Bytes>, TransportErrorKind>>>,
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl FakeTransport {
    /// An empty script: every request fails to connect.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a reply of this status and body. A status outside 100 to 999 becomes 500.
    #[must_use]
    pub fn reply(self, status: u16, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.response(response)
    }

    /// Adds a reply of this status and body, with a header. A header that none can be becomes a status of 500.
    #[must_use]
    pub fn reply_with(self, status: u16, (name, value): (&str, &str), body: impl Into<Bytes>) -> Self {
        let response = Response::builder().status(status).header(name, value).body(body.into());
        match response {
            Ok(response) => self.response(response),
            Err(_) => self.reply(500, "the script's header cannot be sent"),
        }
    }

    /// Adds a reply.
    #[must_use]
    pub fn response(self, response: Response<Bytes>) -> Self {
        lock(&self.0.script).push_back(Ok(response));
        self
    }

    /// Adds a request that gets no reply.
    #[must_use]
    pub fn no_reply(self, kind: TransportErrorKind) -> Self {
        lock(&self.0.script).push_back(Err(kind));
        self
    }

    /// What was sent so far.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        lock(&self.0.requests).clone()
    }
}

#[async_trait]
impl Transport for FakeTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        lock(&self.0.requests).push(request);
        match lock(&self.0.script).pop_front() {
            Some(Ok(response)) => Ok(response),
            Some(Err(kind)) => Err(TransportError::new(kind, "no reply, says the script")),
            None => Err(TransportError::new(TransportErrorKind::Connect, "the script has ended")),
        }
    }
}

impl fmt::Debug for FakeTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeTransport").field("sent", &lock(&self.0.requests).len()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
