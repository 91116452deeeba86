//! Sends calls: throttle, authorize, send, decode, retry.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_core::{Error, ErrorKind, Result, Retry};
use http::{Request, Response};
use tracing::Instrument;

use crate::{
    call::Call,
    clock::Clock,
    observe::{Attempt, CallObserver, Outcome},
    retry::{RetryPolicy, may_retry},
    throttle::Throttle,
    transport::{Transport, TransportError, TransportErrorKind},
};

/// What is particular to a cloud's API.
#[async_trait]
pub trait Dialect: Send + Sync + fmt::Debug {
    /// Adds credentials to a request. Called on every attempt, so that a retry carries a fresh signature and a token
    /// that has not expired.
    async fn authorize(&self, call: &Call, request: &mut Request<Bytes>) -> Result<()>;

    /// The error in a reply, or `None` if it is a success. Some clouds put errors into replies of status 200.
    ///
    /// The client adds the operation. The kind decides about retries: `RateLimited` was not carried out,
    /// `Unavailable` may have been.
    fn decode_error(&self, call: &Call, reply: &Response<Bytes>) -> Option<Error>;

    /// The credentials were refused as unknown or expired. Drops what is cached; true if new ones may do better.
    async fn renew(&self) -> bool {
        false
    }
}

/// Sends the calls of one account in one place.
#[derive(Debug, Clone)]
pub struct ApiClient {
    transport: Arc<dyn Transport>,
    dialect: Arc<dyn Dialect>,
    settings: ClientSettings,
    throttle: Throttle,
}

/// How an [`ApiClient`] behaves. Shared by all clients of a provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientSettings {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Retries.
    pub retry: RetryPolicy,
    /// No attempt may take longer, unless its call says otherwise; 60 s unless told.
    pub attempt_timeout: Duration,
    /// Hears of every attempt.
    pub observer: Arc<dyn CallObserver>,
    /// The seed of the jitter, for tests that must repeat exactly.
    pub seed: Option<u64>,
}

impl ClientSettings {
    /// The defaults, on this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            retry: RetryPolicy::default(),
            attempt_timeout: Duration::from_secs(60),
            observer: Arc::new(()),
            seed: None,
        }
    }

    /// Sets the retry policy.
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets who hears of every attempt.
    pub fn with_observer(mut self, observer: Arc<dyn CallObserver>) -> Self {
        self.observer = observer;
        self
    }

    /// Sets the seed of the jitter.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl ApiClient {
    /// A client that sends through `transport`.
    pub fn new(
        transport: Arc<dyn Transport>,
        dialect: Arc<dyn Dialect>,
        throttle: Throttle,
        settings: ClientSettings,
    ) -> Self {
        Self { transport, dialect, settings, throttle }
    }

    /// The clock that all waits go through.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.settings.clock
    }

    /// Sends a call and returns the reply of a success.
    ///
    /// # Errors
    /// What the dialect decodes from the reply, with the operation added. What was retried to the end says
    /// [`Retry::Exhausted`]. A lost reply of a call that must not be doubled is `Unavailable`.
    pub async fn send(&self, call: &Call) -> Result<Response<Bytes>> {
        let span = tracing::debug_span!("call", operation = %call.operation, family = call.family);
        self.send_with_retries(call).instrument(span).await
    }

    async fn send_with_retries(&self, call: &Call) -> Result<Response<Bytes>> {
        let clock = &self.settings.clock;
        let start = clock.monotonic();
        let mut jitter = self.settings.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let mut renewed = false;
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.throttle.acquire(call.family).await;
            let failure = match self.attempt(call, attempt).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            let error = failure.error;
            if error.kind() == ErrorKind::RateLimited {
                self.throttle.refused(call.family);
            }
            if error.kind() == ErrorKind::Unauthenticated && !renewed && failure.refused {
                renewed = true;
                if self.dialect.renew().await {
                    continue;
                }
            }
            if !may_retry(call.idempotency, &error, failure.before_sending) {
                return Err(error);
            }
            let elapsed = clock.monotonic().saturating_sub(start);
            let Some(wait) = self.settings.retry.wait(attempt, elapsed, &error, jitter.f64()) else {
                return Err(exhausted(error, attempt));
            };
            tracing::debug!(attempt, ?wait, %error, "retrying");
            clock.sleep(wait).await;
        }
    }

    async fn attempt(&self, call: &Call, number: u32) -> Result<Response<Bytes>, Failure> {
        let mut request = call.request().map_err(Failure::ours)?;
        self.dialect
            .authorize(call, &mut request)
            .await
            .map_err(|error| Failure::ours(error.with_operation(call.operation.clone())))?;
        let start = self.settings.clock.monotonic();
        let result = self.exchange(call, request).await;
        let outcome = match &result {
            Ok(_) => Outcome::Success,
            Err(failure) if failure.error.kind() == ErrorKind::RateLimited => Outcome::Throttled,
            Err(failure) if !failure.refused => Outcome::NoReply,
            Err(_) => Outcome::Error,
        };
        let took = self.settings.clock.monotonic().saturating_sub(start);
        self.settings.observer.attempt(&Attempt {
            operation: &call.operation,
            family: call.family,
            idempotency: call.idempotency,
            number,
            outcome,
            took,
        });
        result
    }

    async fn exchange(&self, call: &Call, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let limit = call.timeout.unwrap_or(self.settings.attempt_timeout);
        let timeout = self.settings.clock.sleep(limit);
        let reply = match futures::future::select(self.transport.send(request), timeout).await {
            futures::future::Either::Left((reply, _)) => reply,
            futures::future::Either::Right(((), _)) => {
                Err(TransportError::new(TransportErrorKind::Timeout, format!("no reply within {limit:?}")))
            }
        };
        let reply = reply.map_err(|error| Failure::no_reply(call, error))?;
        match self.dialect.decode_error(call, &reply) {
            None => Ok(reply),
            Some(error) => Err(Failure {
                error: error.with_operation(call.operation.clone()),
                before_sending: false,
                refused: true,
            }),
        }
    }
}

struct Failure {
    error: Error,
    before_sending: bool,
    /// The server answered; else nobody knows whether it even saw the request.
    refused: bool,
}

impl Failure {
    fn ours(error: Error) -> Self {
        Self { error, before_sending: true, refused: false }
    }

    fn no_reply(call: &Call, error: TransportError) -> Self {
        let before_sending = error.is_before_sending();
        let mut message = error.to_string();
        let (kind, retry) = match error.kind {
            TransportErrorKind::Invalid => (ErrorKind::Internal, Retry::Never),
            _ => (ErrorKind::Unavailable, Retry::Later),
        };
        if !before_sending && call.idempotency == crate::call::Idempotency::Once {
            message.push_str("; it may have been carried out");
        }
        let error = Error::new(kind, message)
            .with_retry(retry)
            .with_operation(call.operation.clone())
            .with_source(error);
        Self { error, before_sending, refused: false }
    }
}

fn exhausted(error: Error, attempts: u32) -> Error {
    error.with_retry(Retry::Exhausted).context(format!("after {attempts} attempts"))
}

/// Reads `Retry-After` in seconds; its other form, a date, needs the time of day.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
pub fn retry_after(reply: &Response<Bytes>) -> Option<Duration> {
    let text = reply.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use http::Method;

    use super::*;
    use crate::{call::Idempotency, clock::TokioClock, fake::FakeTransport, observe::CallStats};

    /// Signs with a number that grows; 401, 429 and 5xx mean what they usually do.
    #[derive(Debug, Default)]
    struct Toy {
        signed: AtomicU32,
        renewed: AtomicU32,
    }

    #[async_trait]
    impl Dialect for Toy {
        async fn authorize(&self, _: &Call, request: &mut Request<Bytes>) -> Result<()> {
            let n = self.signed.fetch_add(1, Ordering::Relaxed);
            request.headers_mut().insert("authorization", n.into());
            Ok(())
        }

        fn decode_error(&self, _: &Call, reply: &Response<Bytes>) -> Option<Error> {
            let kind = match reply.status().as_u16() {
                200 => return None,
                401 => ErrorKind::Unauthenticated,
                404 => ErrorKind::NotFound,
                429 => ErrorKind::RateLimited,
                _ => ErrorKind::Unavailable,
            };
            let error = Error::new(kind, "no");
            Some(
                retry_after(reply)
                    .map_or(error, |wait| Error::new(kind, "no").with_retry(Retry::After(wait))),
            )
        }

        async fn renew(&self) -> bool {
            self.renewed.fetch_add(1, Ordering::Relaxed) == 0
        }
    }

    struct Rig {
        client: ApiClient,
        transport: Arc<FakeTransport>,
        clock: Arc<TokioClock>,
        stats: Arc<CallStats>,
    }

    fn rig(transport: FakeTransport) -> Rig {
        let (transport, clock, stats) =
            (Arc::new(transport), Arc::new(TokioClock::default()), Arc::default());
        let settings = ClientSettings::new(clock.clone()).with_observer(Arc::clone(&stats) as _).with_seed(7);
        let throttle = Throttle::new(clock.clone(), &[]);
        let client = ApiClient::new(transport.clone(), Arc::new(Toy::default()), throttle, settings);
        Rig { client, transport, clock, stats }
    }

    fn call(idempotency: Idempotency) -> Call {
        let url = "https://cloud.example/thing".parse().unwrap();
        Call::new("DoThing", "things", Method::POST, url).with_idempotency(idempotency)
    }

    #[tokio::test(start_paused = true)]
    async fn server_errors_are_retried_and_every_attempt_is_signed_anew() {
        let rig = rig(FakeTransport::new().reply(503, "").reply(500, "").reply(200, "done"));
        assert_eq!(rig.client.send(&call(Idempotency::Idempotent)).await.unwrap().body(), "done");
        let signed: Vec<_> =
            rig.transport.requests().iter().map(|r| r.headers()["authorization"].clone()).collect();
        assert_eq!(signed, ["0", "1", "2"]);
        let stats = rig.stats.by_operation()["DoThing"];
        assert_eq!((stats.attempts, stats.retries, stats.failed), (3, 2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_not_be_doubled_is_not_sent_again_after_a_lost_reply() {
        let rig = rig(FakeTransport::new().no_reply(TransportErrorKind::Broken).reply(200, "twice"));
        let error = rig.client.send(&call(Idempotency::Once)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Later));
        assert!(
            error.to_string().contains("DoThing") && error.to_string().contains("may have been carried out")
        );
        assert_eq!(rig.transport.requests().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_sent_or_was_refused_is_sent_again() {
        let transport =
            FakeTransport::new().no_reply(TransportErrorKind::Connect).reply(429, "").reply(200, "once");
        let rig = rig(transport);
        assert_eq!(rig.client.send(&call(Idempotency::Once)).await.unwrap().body(), "once");
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_says_how_long_to_wait() {
        let busy = Response::builder().status(429).header("retry-after", "9").body(Bytes::new()).unwrap();
        let rig = rig(FakeTransport::new().response(busy).reply(200, ""));
        rig.client.send(&call(Idempotency::Safe)).await.unwrap();
        assert!(rig.clock.monotonic() >= Duration::from_secs(9), "{:?}", rig.clock.monotonic());
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_and_says_that_it_was_retried() {
        let rig = rig(FakeTransport::new());
        let error = rig.client.send(&call(Idempotency::Safe)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Exhausted));
        assert_eq!(rig.transport.requests().len(), 8);
        assert!(error.to_string().contains("after 8 attempts"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_are_renewed_once() {
        let rig = rig(FakeTransport::new().reply(401, "").reply(401, "").reply(200, ""));
        let error = rig.client.send(&call(Idempotency::Safe)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert_eq!(rig.transport.requests().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn clear_answers_are_not_retried() {
        let rig = rig(FakeTransport::new().reply(404, "").reply(200, ""));
        assert!(rig.client.send(&call(Idempotency::Safe)).await.unwrap_err().is_not_found());
        assert_eq!(rig.transport.requests().len(), 1);
    }

    #[derive(Debug)]
    struct Silent;

    #[async_trait]
    impl Transport for Silent {
        async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_silent_times_out() {
        let clock = Arc::new(TokioClock::default());
        let settings = ClientSettings::new(clock.clone()).with_retry(RetryPolicy::none());
        let throttle = Throttle::new(clock.clone(), &[]);
        let client = ApiClient::new(Arc::new(Silent), Arc::new(Toy::default()), throttle, settings);
        let error = client.send(&call(Idempotency::Safe)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(clock.monotonic(), Duration::from_secs(60));
    }
}
