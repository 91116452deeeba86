//! Many small reads in few calls.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Either},
};
use gardener_provider_core::{Error, Result};
use tokio::sync::{Semaphore, oneshot};

/// The results of a batch, in the order of its items.
pub type Carried<V> = BoxFuture<'static, Vec<Result<V>>>;

type Waiting<K, V> = VecDeque<(K, oneshot::Sender<Result<V>>)>;
type Execute<K, V> = dyn Fn(Vec<K>) -> Carried<V> + Send + Sync;

/// Coalesces calls: what arrives while a call is under way goes out together with the next one.
///
/// A lone caller waits for nobody; the busier it gets, the fuller the calls. There is no timer and no background task:
/// one of the callers carries the batch out. If that caller is dropped half-way, the others send theirs again, so only
/// calls that may be repeated belong here.
pub struct Batcher<K, V> {
    waiting: Mutex<Waiting<K, V>>,
    turns: Semaphore,
    largest: usize,
    execute: Arc<Execute<K, V>>,
}

impl<K, V> Batcher<K, V>
where
    K: Clone + Send + 'static,
    V: Send + 'static,
{
    /// Carries out batches of at most `largest` with `execute`, `concurrency` at the same time. `execute` answers one
    /// result per item, in order.
    pub fn new<F>(largest: usize, concurrency: usize, execute: F) -> Self
    where
        F: Fn(Vec<K>) -> Carried<V> + Send + Sync + 'static,
    {
        Self {
            waiting: Mutex::new(VecDeque::new()),
            turns: Semaphore::new(concurrency.max(1)),
            largest: largest.max(1),
            execute: Arc::new(execute),
        }
    }

    /// As [`Batcher::new`], for a batcher that `owner` holds and whose batches need it; so it must not hold `owner` itself.
    pub fn of<S>(
        owner: Weak<S>,
        largest: usize,
        concurrency: usize,
        execute: fn(Arc<S>, Vec<K>) -> Carried<V>,
    ) -> Self
    where
        S: Send + Sync + 'static,
    {
        Self::new(largest, concurrency, move |items| {
            if let Some(owner) = owner.upgrade() {
                return execute(owner, items);
            }
            let gone = |_| Err(Error::internal("the session ended during a call"));
            futures::future::ready(items.into_iter().map(gone).collect()).boxed()
        })
    }

    /// The result for one item.
    ///
    /// # Errors
    /// What the batch answers for it.
    pub async fn call(&self, item: K) -> Result<V> {
        loop {
            let (sender, mut receiver) = oneshot::channel();
            self.lock().push_back((item.clone(), sender));
            if let Some(result) = self.wait(&mut receiver).await {
                return result;
            }
        }
    }

    /// The result once somebody has it; `None` if whoever was to get it was dropped.
    async fn wait(&self, receiver: &mut oneshot::Receiver<Result<V>>) -> Option<Result<V>> {
        loop {
            let turn = Box::pin(self.turns.acquire());
            match futures::future::select(&mut *receiver, turn).await {
                Either::Left((result, _)) => return result.ok(),
                Either::Right((_turn, _)) => {
                    if let Some(result) = (&mut *receiver).now_or_never() {
                        return result.ok();
                    }
                    // Callers that are ready to run get to add theirs before the batch is closed.
                    tokio::task::yield_now().await;
                    if !self.run_batch().await {
                        break;
                    }
                }
            }
        }
        // Another caller has it under way; there is nothing to do but wait.
        receiver.await.ok()
    }

    /// Carries out what is waiting; false if nothing is.
    async fn run_batch(&self) -> bool {
        let batch: Vec<_> = {
            let mut waiting = self.lock();
            waiting.retain(|(_, sender)| !sender.is_closed());
            let count = self.largest.min(waiting.len());
            waiting.drain(..count).collect()
        };
        if batch.is_empty() {
            return false;
        }
        let (items, senders): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let mut results = (self.execute)(items).await.into_iter();
        for sender in senders {
            let result =
                results.next().unwrap_or_else(|| Err(Error::internal("a batch answered too few results")));
            // Whoever is gone does not need it.
            let _ = sender.send(result);
        }
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting<K, V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error of a whole batch, once more for another of its callers: all but its source and context.
pub fn share_error(error: &Error) -> Error {
    let mut copy = Error::new(error.kind(), error.message()).with_retry(error.retry());
    if let Some(operation) = error.operation() {
        copy = copy.with_operation(operation.to_owned());
    }
    if let Some(code) = error.cloud_code() {
        copy = copy.with_cloud_code(code);
    }
    match error.request_id() {
        Some(id) => copy.with_request_id(id),
        None => copy,
    }
}

impl<K, V> fmt::Debug for Batcher<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("largest", &self.largest).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    fn doubling(calls: Arc<AtomicUsize>) -> Batcher<usize, usize> {
        Batcher::new(500, 1, move |items: Vec<usize>| {
            calls.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                items.into_iter().map(|item| Ok(item * 2)).collect()
            }
            .boxed()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_callers_need_few_calls_and_each_gets_its_own() {
        let calls = Arc::new(AtomicUsize::new(0));
        let batcher = doubling(calls.clone());
        let results = futures::future::join_all((0..1000).map(|n| batcher.call(n))).await;
        assert!(results.into_iter().enumerate().all(|(n, result)| result.unwrap() == n * 2));
        assert!(calls.load(Ordering::SeqCst) <= 3, "{calls:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_leader_loses_nobody() {
        let calls = Arc::new(AtomicUsize::new(0));
        let batcher = Arc::new(doubling(calls.clone()));
        let leader = tokio::spawn({
            let batcher = batcher.clone();
            async move { batcher.call(1).await }
        });
        let follower = tokio::spawn({
            let batcher = batcher.clone();
            async move { batcher.call(2).await }
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        leader.abort();
        assert_eq!(follower.await.unwrap().unwrap(), 4);
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_shared_error_reads_the_same() {
        let error = Error::not_found("i-1")
            .with_operation("TerminateInstances")
            .with_cloud_code("InvalidInstanceID.NotFound")
            .with_request_id("r");
        let copy = share_error(&error);
        assert_eq!(
            (copy.to_string(), copy.kind(), copy.retry()),
            (error.to_string(), error.kind(), error.retry())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_free_turn_is_no_reason_to_spin() {
        let batcher = Batcher::new(500, 2, |items: Vec<usize>| {
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                items.into_iter().map(Ok).collect()
            }
            .boxed()
        });
        // Paused time only moves on when nobody is busy.
        let results = futures::future::join_all((0..3).map(|n| batcher.call(n))).await;
        assert!(results.into_iter().enumerate().all(|(n, result)| result.unwrap() == n));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_caller_waits_for_nobody() {
        let batcher = doubling(Arc::default());
        let start = tokio::time::Instant::now();
        batcher.call(1).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(50));
    }
}
