//! The place between a driver and its cloud: counts the calls, and cuts the driver off at one of them.

use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportError, TransportErrorKind};
use http::{Request, Response};
use tokio::sync::Notify;

/// What a call is, for counting and for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// The operation, by the cloud's name for it.
    pub operation: String,
    /// True if calls of this kind change something.
    pub mutating: bool,
}

impl CallInfo {
    /// A call that changes nothing.
    pub fn reading(operation: impl Into<String>) -> Self {
        Self { operation: operation.into(), mutating: false }
    }

    /// A call that changes something.
    pub fn changing(operation: impl Into<String>) -> Self {
        Self { operation: operation.into(), mutating: true }
    }
}

/// How a call ended without a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoReply {
    /// The cloud has not seen it.
    NotSent,
    /// The cloud carried it out; the reply was lost.
    Lost,
}

/// Where the suite listens to a driver's calls and cuts them off. A new one lets everything pass.
///
/// A world puts it between the provider it builds and the cloud: with HTTP by [`Tap::transport`], otherwise by sending
/// every call through [`Tap::call`]. Clones are the same tap.
#[derive(Clone, Default)]
pub struct Tap(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    died: Notify,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<CallInfo>,
    cut: Option<(usize, Cut)>,
    outage: Option<Outage>,
    dead: bool,
}

/// What happens at the call at which the driver is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The process ends before the call is sent.
    Before,
    /// The process ends once it has the reply and comes to wait for the next thing.
    After,
    /// The cloud carries the call out and the process ends without learning of it.
    Lost,
    /// The cloud carries the call out, the connection breaks, and the process lives.
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    /// No connection.
    Unreachable,
    /// The call is accepted and never answered.
    Silent,
}

enum Fate {
    Pass,
    Never,
    Cut(Cut),
    NotSent,
}

impl Tap {
    /// A tap that lets everything pass.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends one call of a cloud without HTTP: `call` is what carries it out.
    ///
    /// # Errors
    /// If there is no reply. The driver has to treat it as its cloud's way of not answering.
    pub async fn call<T>(&self, info: CallInfo, call: impl Future<Output = T>) -> Result<T, NoReply> {
        match self.enter(info) {
            Fate::Pass => Ok(call.await),
            Fate::Never => std::future::pending().await,
            Fate::NotSent => Err(NoReply::NotSent),
            Fate::Cut(Cut::Before) => {
                self.die();
                std::future::pending().await
            }
            Fate::Cut(Cut::After) => {
                let reply = call.await;
                self.die();
                Ok(reply)
            }
            Fate::Cut(Cut::Lost) => {
                call.await;
                self.die();
                std::future::pending().await
            }
            Fate::Cut(Cut::Broken) => {
                call.await;
                Err(NoReply::Lost)
            }
        }
    }

    /// A transport that sends everything through this tap. `describe` tells what a request is.
    pub fn transport(
        &self,
        inner: Arc<dyn Transport>,
        describe: fn(&Request<Bytes>) -> CallInfo,
    ) -> Arc<dyn Transport> {
        Arc::new(Tapped { tap: self.clone(), inner, describe })
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.state().calls.len()
    }

    /// The operations of the calls that change something, in order.
    pub fn mutating(&self) -> Vec<String> {
        let state = self.state();
        state.calls.iter().filter(|call| call.mutating).map(|call| call.operation.clone()).collect()
    }

    /// Forgets the calls so far.
    pub fn reset(&self) {
        self.state().calls.clear();
    }

    /// A tap that cuts the driver off at its `n`-th call, counted from 1.
    pub(crate) fn cutting(n: usize, cut: Cut) -> Self {
        let tap = Self::new();
        tap.state().cut = Some((n, cut));
        tap
    }

    pub(crate) fn set_outage(&self, outage: Option<Outage>) {
        self.state().outage = outage;
    }

    /// The call at which the driver was cut off, if it came that far.
    pub(crate) fn cut_at(&self) -> Option<String> {
        let state = self.state();
        let (n, _) = state.cut?;
        state.calls.get(n - 1).map(|call| call.operation.clone())
    }

    /// Runs a driver's future until it is done, or `None` if the process ended before.
    pub(crate) async fn run<T>(&self, driver: impl Future<Output = T>) -> Option<T> {
        let mut driver = pin!(driver);
        let mut died = pin!(self.0.died.notified());
        poll_fn(|context| {
            let done = driver.as_mut().poll(context);
            if self.state().dead {
                return Poll::Ready(None);
            }
            match done {
                Poll::Ready(value) => Poll::Ready(Some(value)),
                // Calls may be made by tasks of the driver's; they wake this one when they end the process.
                Poll::Pending => died.as_mut().poll(context).map(|()| None),
            }
        })
        .await
    }

    fn enter(&self, info: CallInfo) -> Fate {
        let mut state = self.state();
        if state.dead {
            return Fate::Never;
        }
        state.calls.push(info);
        match (state.outage, state.cut) {
            (Some(Outage::Unreachable), _) => Fate::NotSent,
            (Some(Outage::Silent), _) => Fate::Never,
            (None, Some((n, cut))) if n == state.calls.len() => Fate::Cut(cut),
            (None, _) => Fate::Pass,
        }
    }

    fn die(&self) {
        self.state().dead = true;
        self.0.died.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

struct Tapped {
    tap: Tap,
    inner: Arc<dyn Transport>,
    describe: fn(&Request<Bytes>) -> CallInfo,
}

impl fmt::Debug for Tapped {
    /// Without what is behind it: a world in the same process knows every secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tapped").field("tap", &self.tap).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for Tapped {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let info = (self.describe)(&request);
        match self.tap.call(info, self.inner.send(request)).await {
            Ok(reply) => reply,
            Err(NoReply::NotSent) => {
                Err(TransportError::new(TransportErrorKind::Connect, "no connection to the server"))
            }
            Err(NoReply::Lost) => Err(TransportError::new(
                TransportErrorKind::Broken,
                "the connection broke before the reply was complete",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn two_calls(tap: &Tap, seen: &AtomicUsize, known: &AtomicUsize) -> Result<(), NoReply> {
        for name in ["First", "Second"] {
            tap.call(CallInfo::changing(name), async { seen.fetch_add(1, Ordering::SeqCst) }).await?;
            known.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    #[tokio::test]
    async fn the_modes_differ_in_what_cloud_and_driver_learn() {
        for (cut, cloud, driver, lives) in [
            (Cut::Before, 0, 0, false),
            (Cut::After, 1, 1, false),
            (Cut::Lost, 1, 0, false),
            (Cut::Broken, 1, 0, true),
        ] {
            let (tap, seen, known) = (Tap::cutting(1, cut), AtomicUsize::new(0), AtomicUsize::new(0));
            let outcome = tap.run(two_calls(&tap, &seen, &known)).await;
            assert_eq!(outcome.is_some(), lives, "{cut:?}");
            assert_eq!((seen.into_inner(), known.into_inner()), (cloud, driver), "{cut:?}");
            assert_eq!(tap.cut_at().as_deref(), Some("First"));
        }
    }

    #[tokio::test]
    async fn a_cut_behind_the_last_call_is_none() {
        let (tap, count) = (Tap::cutting(3, Cut::Before), AtomicUsize::new(0));
        assert_eq!(tap.run(two_calls(&tap, &count, &count)).await, Some(Ok(())));
        assert_eq!(tap.cut_at(), None);
        assert_eq!(tap.mutating(), ["First", "Second"]);
    }
}
