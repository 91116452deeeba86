//! Token buckets per API family, so that we slow down before the cloud makes us.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::clock::Clock;

/// What a family may do: so many calls at once, so many per second in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Rate {
    /// Calls that may be made at once.
    pub burst: f64,
    /// Calls per second after that.
    pub per_second: f64,
}

impl Rate {
    /// `burst` at once, then `per_second`.
    pub const fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second }
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Duration,
}

impl Bucket {
    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate.per_second).min(self.rate.burst);
        self.at = now;
    }

    /// Takes a token, on credit if need be; returns how long until it is due.
    fn take(&mut self, now: Duration) -> Duration {
        self.refill(now);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 || self.rate.per_second <= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(-self.tokens / self.rate.per_second)
    }
}

/// The buckets of one account in one region. A family without a rate is not limited.
#[derive(Debug, Clone)]
pub struct Throttle {
    clock: Arc<dyn Clock>,
    buckets: Arc<Mutex<HashMap<&'static str, Bucket>>>,
}

impl Throttle {
    /// Full buckets of these rates.
    pub fn new(clock: Arc<dyn Clock>, rates: &[(&'static str, Rate)]) -> Self {
        let at = clock.monotonic();
        let buckets =
            rates.iter().map(|(family, rate)| (*family, Bucket { rate: *rate, tokens: rate.burst, at }));
        let buckets = Arc::new(Mutex::new(buckets.collect()));
        Self { clock, buckets }
    }

    /// Waits for the family's turn.
    pub async fn acquire(&self, family: &'static str) {
        let now = self.clock.monotonic();
        let wait = self.with(family, |bucket| bucket.take(now)).unwrap_or_default();
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
    }

    /// The cloud refused a call of this family: its bucket is empty, whatever we thought.
    pub fn refused(&self, family: &'static str) {
        let now = self.clock.monotonic();
        self.with(family, |bucket| {
            bucket.refill(now);
            bucket.tokens = bucket.tokens.min(0.0);
        });
    }

    fn with<T>(&self, family: &str, f: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get_mut(family).map(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TokioClock;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_the_rest_is_paced() {
        let clock = Arc::new(TokioClock::default());
        let throttle = Throttle::new(clock.clone(), &[("ec2", Rate::new(10.0, 5.0))]);
        for _ in 0..10 {
            throttle.acquire("ec2").await;
        }
        assert_eq!(clock.monotonic(), Duration::ZERO);
        futures::future::join_all((0..10).map(|_| throttle.acquire("ec2"))).await;
        let took = clock.monotonic().as_secs_f64();
        assert!((1.9..2.1).contains(&took), "{took}");
        throttle.acquire("unlimited").await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_empties_the_bucket() {
        let clock = Arc::new(TokioClock::default());
        let throttle = Throttle::new(clock.clone(), &[("ec2", Rate::new(10.0, 5.0))]);
        throttle.refused("ec2");
        throttle.acquire("ec2").await;
        assert!(clock.monotonic() >= Duration::from_millis(199));
    }
}
