//! A cache for what expires: access tokens, temporary credentials.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use gardener_provider_core::{Error, ErrorKind, Redacted, Result};
use tokio::sync::Mutex;

use crate::clock::Clock;

/// A value and when it stops being good.
#[derive(Debug, Clone)]
pub struct Expiring<T> {
    /// The value.
    pub value: T,
    /// When it stops being good; never, if none.
    pub expires: Option<SystemTime>,
}

impl<T> Expiring<T> {
    /// A value that is good until `expires`.
    pub fn new(value: T, expires: Option<SystemTime>) -> Self {
        Self { value, expires }
    }

    fn is_good_for(&self, least: Duration, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| now + least < expires)
    }
}

/// Keeps a value and fetches a new one before it expires. Callers at the same time share one fetch.
#[derive(Debug)]
pub struct TokenCache<T> {
    clock: Arc<dyn Clock>,
    margin: Duration,
    held: Mutex<Option<Expiring<T>>>,
}

impl<T: Clone + Send + Sync> TokenCache<T> {
    /// An empty cache that refreshes `margin` before expiry.
    pub fn new(clock: Arc<dyn Clock>, margin: Duration) -> Self {
        Self { clock, margin, held: Mutex::new(None) }
    }

    /// The value, fetched if there is none or if it expires within the margin.
    ///
    /// # Errors
    /// What `fetch` fails with, unless the value held is still good: then that is used and the next call tries again.
    pub async fn get<F, Fut>(&self, fetch: F) -> Result<T>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Expiring<T>>>,
    {
        let mut held = self.held.lock().await;
        if let Some(good) = held.as_ref().filter(|held| held.is_good_for(self.margin, self.clock.now())) {
            return Ok(good.value.clone());
        }
        match fetch().await {
            Ok(fresh) => Ok(held.insert(fresh).value.clone()),
            Err(error) => {
                match held.as_ref().filter(|held| held.is_good_for(Duration::ZERO, self.clock.now())) {
                    Some(old) => {
                        tracing::warn!(%error, "could not refresh in time; the old value is good for a little longer");
                        Ok(old.value.clone())
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// Drops the value held, because somebody refused it. True if there was one.
    pub async fn forget(&self) -> bool {
        self.held.lock().await.take().is_some()
    }
}

/// Reads a token of a workload identity, which its issuer replaces from time to time. `field` is what names the file.
///
/// # Errors
/// `Unauthenticated` if it cannot be read or is empty.
pub async fn read_token_file(field: &str, path: &Path) -> Result<Redacted<String>> {
    let wrong = |problem: String| {
        Error::new(ErrorKind::Unauthenticated, format!("{field}: {} {problem}", path.display()))
    };
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|error| wrong(format!("cannot be read: {error}")))?;
    match text.trim() {
        "" => Err(wrong("is empty".to_owned())),
        token => Ok(Redacted::new(token.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::TokioClock;

    #[tokio::test]
    async fn a_token_file_is_read_anew_and_must_hold_something() {
        let path =
            std::env::temp_dir().join(format!("gardener-provider-client-token-{}", std::process::id()));
        std::fs::write(&path, " jwt-1\n").unwrap();
        assert_eq!(read_token_file("secret.file", &path).await.unwrap().expose(), "jwt-1");
        std::fs::write(&path, "\n").unwrap();
        let empty = read_token_file("secret.file", &path).await.unwrap_err();
        std::fs::remove_file(&path).unwrap();
        let missing = read_token_file("secret.file", &path).await.unwrap_err();
        for error in [empty, missing] {
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert!(error.to_string().starts_with("secret.file: "), "{error}");
        }
    }

    struct Source(AtomicU32);

    impl Source {
        async fn fetch(&self, clock: &TokioClock) -> Result<Expiring<u32>> {
            clock.sleep(Duration::from_secs(1)).await;
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Expiring::new(n, Some(clock.now() + Duration::from_secs(3600))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn callers_share_one_fetch_and_it_is_refreshed_before_expiry() {
        let clock = TokioClock::default();
        let cache = TokenCache::new(Arc::new(clock), Duration::from_secs(300));
        let source = Source(AtomicU32::new(0));
        let gets = (0..50).map(|_| cache.get(|| source.fetch(&clock)));
        assert!(futures::future::join_all(gets).await.into_iter().all(|got| got.unwrap() == 0));
        clock.sleep(Duration::from_secs(3301)).await;
        assert_eq!(cache.get(|| source.fetch(&clock)).await.unwrap(), 1);
        assert!(cache.forget().await);
        assert_eq!(cache.get(|| source.fetch(&clock)).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_refresh_uses_the_old_value_while_it_is_good() {
        let clock = TokioClock::default();
        let cache = TokenCache::new(Arc::new(clock), Duration::from_secs(300));
        let source = Source(AtomicU32::new(0));
        cache.get(|| source.fetch(&clock)).await.unwrap();
        clock.sleep(Duration::from_secs(3400)).await;
        let fail = || async { Err(Error::internal("no")) };
        assert_eq!(cache.get(fail).await.unwrap(), 0);
        clock.sleep(Duration::from_secs(400)).await;
        assert!(cache.get(fail).await.is_err());
    }
}
