//! What all clouds of a sandbox share, and the way of every call through it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use gardener_provider_client::transport::{TransportError, TransportErrorKind};
use http::{Request, Response};

use crate::{
    SandboxOptions,
    call::{Cloud, ErrorCode},
    fault::{Effect, Faults},
    journal::{Journal, Outcome},
};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: SandboxOptions,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    lag: Mutex<Duration>,
    /// 0 until somebody sets it.
    max_page: AtomicUsize,
}

impl World {
    pub(crate) fn new(options: SandboxOptions) -> Self {
        Self {
            faults: Faults::new(options.seed),
            journal: Journal::default(),
            lag: Mutex::new(options.lag),
            max_page: AtomicUsize::new(0),
            options,
        }
    }

    pub(crate) fn lag(&self) -> Duration {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_lag(&self, lag: Duration) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
    }

    /// The largest page of a list: what [`World::set_max_page`] said, otherwise the cloud's `own`.
    pub(crate) fn max_page(&self, own: usize) -> usize {
        match self.max_page.load(Ordering::Relaxed) {
            0 => own.max(1),
            set => set,
        }
    }

    pub(crate) fn set_max_page(&self, items: usize) {
        self.max_page.store(items.max(1), Ordering::Relaxed);
    }

    /// Recognises, hinders, answers and records one call. The request comes back if it is no call to this cloud.
    pub(crate) async fn exchange<C: Cloud>(&self, cloud: &C, request: Request<Bytes>) -> Exchanged {
        let Some((call, route)) = cloud.recognise(&request) else { return Err(request) };
        let clock = &self.options.clock;
        let plan = Plan::of(self.faults.decide(&call, clock.monotonic()));
        let delay = self.options.latency + plan.latency;
        if !delay.is_zero() {
            clock.sleep(delay).await;
        }
        if plan.no_connection {
            self.journal.record(call, Outcome::default(), clock.now());
            let message = "no connection (asked for by a fault rule)";
            return Ok(Err(TransportError::new(TransportErrorKind::Connect, message)));
        }
        let reply = match &plan.refusal {
            Some(refusal) => cloud.refuse(&call, &route, refusal),
            None => cloud.answer(&call, route, request).await,
        };
        let code = reply.extensions().get::<ErrorCode>().map(|code| code.0.clone());
        tracing::debug!(
            service = call.service,
            operation = call.operation,
            status = reply.status().as_u16(),
            code,
            "sandbox call"
        );
        let status = plan.lost.is_none().then(|| reply.status().as_u16());
        let outcome = Outcome { status, code, reply_lost: plan.lost.is_some() };
        self.journal.record(call, outcome, clock.now());
        Ok(match plan.lost {
            Some(kind) => Err(TransportError::new(kind, "the reply was lost (asked for by a fault rule)")),
            None if plan.malformed => Ok(reply.map(|body| body.slice(..body.len() / 2))),
            None => Ok(reply),
        })
    }
}

/// What became of a request that a cloud was asked to answer: the outcome, or the request if it is not for this cloud.
pub(crate) type Exchanged = Result<Result<Response<Bytes>, TransportError>, Request<Bytes>>;

/// The error of a request to a host that the sandbox does not play.
pub(crate) fn no_service(what: &str, request: &Request<Bytes>) -> TransportError {
    let host = request.uri().host().unwrap_or_default();
    TransportError::new(TransportErrorKind::Connect, format!("the sandbox has no {what} at {host:?}"))
}

/// All that fault rules do to one call.
#[derive(Debug, Default)]
struct Plan {
    latency: Duration,
    refusal: Option<crate::call::Refusal>,
    no_connection: bool,
    lost: Option<TransportErrorKind>,
    malformed: bool,
}

impl Plan {
    fn of(effects: Vec<Effect>) -> Self {
        let mut plan = Self::default();
        for effect in effects {
            match effect {
                Effect::Latency(more) => plan.latency += more,
                Effect::Refuse(refusal) => {
                    plan.refusal.get_or_insert(refusal);
                }
                Effect::NoConnection => plan.no_connection = true,
                Effect::ReplyLost => plan.lost = Some(TransportErrorKind::Broken),
                Effect::ReplyLate => plan.lost = Some(TransportErrorKind::Timeout),
                Effect::MalformedReply => plan.malformed = true,
                Effect::RateLimit { .. } | Effect::NoCapacity { .. } | Effect::OperationError { .. } => {}
            }
        }
        plan
    }
}
