//! When to try again, and how long to wait before.

use std::time::Duration;

use gardener_provider_core::{Error, ErrorKind, Retry};

use crate::call::Idempotency;

/// How often and how long a call is retried: exponential back-off with full jitter.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// At most this many attempts, the first included; 8 unless told.
    pub attempts: u32,
    /// The upper bound of the first wait; it doubles with every attempt. 200 ms unless told.
    pub base: Duration,
    /// No wait is longer, unless the server asks for it; 20 s unless told.
    pub cap: Duration,
    /// After this long since the first attempt no further wait begins; 2 min unless told.
    pub budget: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            base: Duration::from_millis(200),
            cap: Duration::from_secs(20),
            budget: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// No retries.
    pub fn none() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// Sets the number of attempts.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the upper bound of the first wait.
    pub fn with_base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the time after which no further wait begins.
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// How long to wait before the attempt after `attempt` (counted from 1), or `None` if it was the last.
    ///
    /// `fraction` is random in `[0, 1)`. What the server asks for (`Retry::After`) is the least; jitter comes on top,
    /// so that callers who were refused together do not come back together.
    pub fn wait(&self, attempt: u32, elapsed: Duration, error: &Error, fraction: f64) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doublings = (attempt - 1).min(20);
        let bound = self.cap.min(self.base.saturating_mul(1 << doublings));
        let jitter = bound.mul_f64(fraction.clamp(0.0, 1.0));
        let wait = match error.retry() {
            Retry::After(least) => least + jitter.min(least.max(self.base)),
            _ => jitter,
        };
        (elapsed + wait <= self.budget).then_some(wait)
    }
}

/// Whether the same call may be sent again after `error`.
///
/// A refusal (throttling) was not carried out, so every call may be repeated. After a server error or a lost reply only
/// a call that can be carried out twice may be.
pub fn may_retry(idempotency: Idempotency, error: &Error, before_sending: bool) -> bool {
    match error.kind() {
        ErrorKind::RateLimited => true,
        ErrorKind::Unavailable | ErrorKind::DeadlineExceeded => {
            error.retry() != Retry::Never && (before_sending || idempotency != Idempotency::Once)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> Error {
        Error::new(ErrorKind::Unavailable, "503")
    }

    #[test]
    fn waits_double_up_to_the_cap_and_end() {
        let policy = RetryPolicy { budget: Duration::from_secs(600), ..RetryPolicy::default() };
        let waits: Vec<_> = (1..=8).map(|n| policy.wait(n, Duration::ZERO, &unavailable(), 1.0)).collect();
        let millis = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits[..3], [millis(200), millis(400), millis(800)]);
        assert_eq!(waits[6], millis(12_800));
        assert_eq!(waits[7], None);
    }

    #[test]
    fn the_servers_wish_is_the_least() {
        let error = unavailable().with_retry(Retry::After(Duration::from_secs(7)));
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait(1, Duration::ZERO, &error, 0.0), Some(Duration::from_secs(7)));
        assert!(policy.wait(1, Duration::ZERO, &error, 0.9).unwrap() > Duration::from_secs(7));
    }

    #[test]
    fn the_budget_ends_it() {
        assert_eq!(RetryPolicy::default().wait(1, Duration::from_secs(120), &unavailable(), 1.0), None);
    }

    #[test]
    fn only_refusals_are_repeated_for_calls_that_must_not_be_doubled() {
        let throttled = Error::new(ErrorKind::RateLimited, "slow down");
        assert!(may_retry(Idempotency::Once, &throttled, false));
        assert!(!may_retry(Idempotency::Once, &unavailable(), false));
        assert!(may_retry(Idempotency::Once, &unavailable(), true));
        assert!(may_retry(Idempotency::Idempotent, &unavailable(), false));
        assert!(!may_retry(Idempotency::Safe, &Error::not_found("x"), false));
    }
}
