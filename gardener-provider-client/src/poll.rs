//! Waiting for something to become true: long-running operations, slow transitions, eventual consistency.

use std::{fmt, ops::ControlFlow, time::Duration};

use gardener_provider_core::{Error, ErrorKind, Result};

use crate::clock::Clock;

/// How often to look, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Poll {
    /// The wait before the second look; it grows by half each time.
    pub interval: Duration,
    /// No wait is longer.
    pub max_interval: Duration,
    /// After this long it is given up.
    pub timeout: Duration,
}

impl Poll {
    /// Looks first after `interval` and gives up after `timeout`. Waits grow to ten times `interval`.
    pub const fn new(interval: Duration, timeout: Duration) -> Self {
        Self { interval, max_interval: interval.saturating_mul(10), timeout }
    }

    /// Sets the longest wait between two looks.
    pub const fn with_max_interval(mut self, max: Duration) -> Self {
        self.max_interval = max;
        self
    }

    /// Looks until `look` breaks with a value or fails. `what` names what is waited for.
    ///
    /// A look may ask for a certain wait before the next by continuing with `Some(wait)`: a server's `Retry-After`.
    ///
    /// # Errors
    /// What `look` fails with; `DeadlineExceeded` after the timeout.
    pub async fn until<T, F, Fut>(&self, clock: &dyn Clock, what: impl fmt::Display, mut look: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<ControlFlow<T, Option<Duration>>>>,
    {
        let start = clock.monotonic();
        let mut interval = self.interval;
        loop {
            let asked = match look().await? {
                ControlFlow::Break(value) => return Ok(value),
                ControlFlow::Continue(asked) => asked,
            };
            let wait = asked.unwrap_or(interval);
            let elapsed = clock.monotonic().saturating_sub(start);
            if elapsed + wait > self.timeout {
                let message = format!("waited {:?} for {what}", self.timeout);
                return Err(Error::new(ErrorKind::DeadlineExceeded, message));
            }
            clock.sleep(wait).await;
            interval = self.max_interval.min(interval.mul_f32(1.5));
        }
    }

    /// Like [`Poll::until`], where a look finds the thing or not.
    ///
    /// # Errors
    /// As [`Poll::until`].
    pub async fn until_some<T, F, Fut>(
        &self,
        clock: &dyn Clock,
        what: impl fmt::Display,
        mut look: F,
    ) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Option<T>>>,
    {
        self.until(clock, what, || {
            let found = look();
            async { Ok(found.await?.map_or(ControlFlow::Continue(None), ControlFlow::Break)) }
        })
        .await
    }
}

/// Repeats what is refused for one of these codes: because the cloud tells all its servers of a change in its own time, or
/// carries out one change at a time. Waits from half a second, doubling up to ten seconds, for so long in all.
///
/// # Errors
/// Those of `attempt`: one of another code at once, one of these when the time is up.
pub async fn patiently<T, F>(
    clock: &dyn Clock,
    within: Duration,
    codes: &[&str],
    mut attempt: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let start = clock.monotonic();
    let mut wait = Duration::from_millis(500);
    loop {
        let error = match attempt().await {
            Err(error) if error.cloud_code().is_some_and(|code| codes.contains(&code)) => error,
            done => return done,
        };
        if clock.monotonic().saturating_sub(start) + wait > within {
            return Err(error);
        }
        clock.sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(10));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::TokioClock;

    const POLL: Poll = Poll::new(Duration::from_secs(1), Duration::from_secs(60));

    #[tokio::test(start_paused = true)]
    async fn it_looks_until_there_is_something() {
        let clock = TokioClock::default();
        let looks = AtomicU32::new(0);
        let found = POLL
            .until_some(&clock, "three", || async {
                Ok((looks.fetch_add(1, Ordering::Relaxed) == 3).then_some("there"))
            })
            .await;
        assert_eq!(found.unwrap(), "there");
        assert_eq!(clock.monotonic(), Duration::from_millis(1000 + 1500 + 2250));
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_as_long_as_the_server_asks_and_no_longer_than_the_timeout() {
        let clock = TokioClock::default();
        let error = POLL
            .until::<(), _, _>(&clock, "godot", || async {
                Ok(ControlFlow::Continue(Some(Duration::from_secs(25))))
            })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        assert!(error.to_string().contains("godot"));
        assert_eq!(clock.monotonic(), Duration::from_secs(50));
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_that_will_pass_is_waited_out_and_no_other() {
        let clock = TokioClock::default();
        let attempts = AtomicU32::new(0);
        let refused = |code: &'static str, until| {
            let n = attempts.fetch_add(1, Ordering::Relaxed);
            async move {
                let error = || Error::new(ErrorKind::Conflict, "busy").with_cloud_code(code);
                if n < until { Err(error()) } else { Ok(n) }
            }
        };
        let limit = Duration::from_secs(60);
        assert_eq!(patiently(&clock, limit, &["Busy"], || refused("Busy", 3)).await.unwrap(), 3);
        assert_eq!(clock.monotonic(), Duration::from_millis(500 + 1000 + 2000));
        assert!(patiently(&clock, limit, &["Busy"], || refused("Other", 9)).await.is_err());
        assert_eq!(attempts.swap(0, Ordering::Relaxed), 5);
        assert!(patiently(&clock, limit, &["Busy"], || refused("Busy", 99)).await.is_err());
        assert!(clock.monotonic() < limit + Duration::from_secs(4), "{:?}", clock.monotonic());
    }
}
