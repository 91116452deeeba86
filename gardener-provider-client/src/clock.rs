//! Time, injected: every wait of this family goes through a [`Clock`].

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use futures::future::BoxFuture;

/// Tells the time and waits.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day, for signatures and expiry dates.
    fn now(&self) -> SystemTime;

    /// Time since some fixed point; never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's time, waited for with tokio.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(std::time::Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// tokio's time, of which the time of day follows too.
///
/// On a runtime with paused time every wait is over at once and the clock shows what it would have taken: tests of
/// retries, polling and slow clouds are instant and deterministic.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    day: SystemTime,
    origin: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that shows `day` now.
    pub fn starting_at(day: SystemTime) -> Self {
        Self { day, origin: tokio::time::Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::starting_at(SystemTime::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> SystemTime {
        self.day + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_day_on_paused_time_is_over_at_once() {
        let clock = TokioClock::starting_at(SystemTime::UNIX_EPOCH);
        clock.sleep(Duration::from_secs(86_400)).await;
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(86_400));
    }
}
