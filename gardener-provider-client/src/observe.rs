//! Who hears of calls: metrics, counters, tests.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::call::Idempotency;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A reply of success.
    Success,
    /// A reply of error.
    Error,
    /// Refused for being too fast.
    Throttled,
    /// No reply.
    NoReply,
}

/// One attempt at a call.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The operation.
    pub operation: &'a str,
    /// The API family.
    pub family: &'static str,
    /// Whether the call changes something.
    pub idempotency: Idempotency,
    /// The number of the attempt, from 1.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// Hears of every attempt. Must not block.
pub trait CallObserver: Send + Sync + fmt::Debug {
    /// An attempt ended.
    fn attempt(&self, attempt: &Attempt<'_>);
}

impl CallObserver for () {
    fn attempt(&self, _attempt: &Attempt<'_>) {}
}

/// Counts of one operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperationStats {
    /// Attempts, retries included.
    pub attempts: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Attempts that were refused for being too fast.
    pub throttled: u64,
    /// Attempts that ended in an error or without a reply.
    pub failed: u64,
    /// Time spent waiting for replies.
    pub time: Duration,
    /// True if the operation changes something.
    pub mutating: bool,
}

/// Counts calls by operation.
#[derive(Debug, Default)]
pub struct CallStats(Mutex<BTreeMap<String, OperationStats>>);

impl CallStats {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counts so far, by operation.
    pub fn by_operation(&self) -> BTreeMap<String, OperationStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All attempts so far.
    pub fn attempts(&self) -> u64 {
        self.by_operation().values().map(|stats| stats.attempts).sum()
    }

    /// All attempts so far at calls that change something.
    pub fn mutating(&self) -> u64 {
        self.by_operation().values().filter(|stats| stats.mutating).map(|stats| stats.attempts).sum()
    }
}

impl CallObserver for CallStats {
    fn attempt(&self, attempt: &Attempt<'_>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(attempt.operation) {
            all.insert(attempt.operation.to_owned(), OperationStats::default());
        }
        let Some(stats) = all.get_mut(attempt.operation) else { return };
        stats.attempts += 1;
        stats.retries += u64::from(attempt.number > 1);
        stats.throttled += u64::from(attempt.outcome == Outcome::Throttled);
        stats.failed += u64::from(attempt.outcome != Outcome::Success);
        stats.time += attempt.took;
        stats.mutating |= attempt.idempotency != Idempotency::Safe;
    }
}
