//! What the cloud lists, fetched once for all nodes of a run.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use gardener_provider_core::Result;
use tokio::sync::OnceCell;

/// A list that the nodes of one run share. It lives in the context of the run and gives every node its first look; a
/// look that follows a change must see that change, so it asks the cloud anew ([`Looks`]).
pub struct SharedList<T>(OnceCell<Arc<Vec<T>>>);

impl<T> SharedList<T> {
    /// Not fetched yet.
    pub fn new() -> Self {
        Self(OnceCell::new())
    }

    /// As the first who asked in this run saw it; the others wait for the same answer.
    ///
    /// # Errors
    /// Those of `fetch`; the next who asks tries again.
    pub async fn shared(&self, fetch: impl AsyncFnOnce() -> Result<Vec<T>>) -> Result<Arc<Vec<T>>> {
        self.0.get_or_try_init(async || fetch().await.map(Arc::new)).await.cloned()
    }
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for SharedList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedList").field("items", &self.0.get().map(|items| items.len())).finish()
    }
}

/// Whether a node was looked up already: the first look takes what all share, every later one asks the cloud anew.
#[derive(Debug, Default)]
pub struct Looks(AtomicBool);

impl Looks {
    /// True once.
    pub fn is_first(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// The list for this look.
    ///
    /// # Errors
    /// Those of `fetch`.
    pub async fn list<T>(
        &self,
        list: &SharedList<T>,
        fetch: impl AsyncFnOnce() -> Result<Vec<T>>,
    ) -> Result<Arc<Vec<T>>> {
        if self.is_first() { list.shared(fetch).await } else { fetch().await.map(Arc::new) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use gardener_provider_core::Error;

    use super::*;

    #[tokio::test]
    async fn first_looks_share_and_later_ones_ask() {
        let asked = AtomicUsize::new(0);
        let fetch = async || Ok(vec![asked.fetch_add(1, Ordering::Relaxed)]);
        let list = SharedList::new();
        let (one, other) = (Looks::default(), Looks::default());
        assert_eq!(*one.list(&list, fetch).await.unwrap(), [0]);
        assert_eq!(*other.list(&list, fetch).await.unwrap(), [0]);
        assert_eq!(*one.list(&list, fetch).await.unwrap(), [1]);
        assert_eq!(*list.shared(fetch).await.unwrap(), [0]);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let list = SharedList::new();
        assert!(list.shared(async || Err(Error::internal("no"))).await.is_err());
        assert_eq!(*list.shared(async || Ok(vec![1])).await.unwrap(), [1]);
    }
}
