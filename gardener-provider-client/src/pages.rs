//! Lists that come in pages.

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_core::{Error, Result};

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The token of the next page; none or empty if this is the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page and the token of the next.
    pub fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next: next.filter(|token| !token.is_empty()) }
    }
}

/// All items of all pages. `fetch` gets the token of the page, none for the first.
///
/// A token that comes twice would go round for ever; it ends the stream with an error, as what follows is not known.
pub fn pages<'a, T, F, Fut>(fetch: F) -> BoxStream<'a, Result<T>>
where
    T: Send + 'a,
    F: Fn(Option<String>) -> Fut + Send + Sync + 'a,
    Fut: Future<Output = Result<Page<T>>> + Send + 'a,
{
    stream::try_unfold((Some(None), fetch), |(state, fetch): (Option<Option<String>>, F)| async move {
        let Some(token) = state else { return Ok(None) };
        let page = fetch(token.clone()).await?;
        if page.next.is_some() && page.next == token {
            return Err(repeated());
        }
        let items = stream::iter(page.items.into_iter().map(Ok));
        Ok(Some((items, (page.next.map(Some), fetch))))
    })
    .try_flatten()
    .boxed()
}

/// All items of all pages in one list.
///
/// # Errors
/// The first error of `fetch`, or a repeated token.
pub async fn all_pages<T, F, Fut>(fetch: F) -> Result<Vec<T>>
where
    F: Fn(Option<String>) -> Fut,
    Fut: Future<Output = Result<Page<T>>>,
{
    let mut items = Vec::new();
    let mut token = None;
    loop {
        let page = fetch(token.clone()).await?;
        items.extend(page.items);
        match page.next {
            None => return Ok(items),
            next if next == token => return Err(repeated()),
            next => token = next,
        }
    }
}

fn repeated() -> Error {
    Error::internal("the server answers one page token over and over; the list is not complete")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(token: Option<String>) -> Result<Page<u32>> {
        let n: u32 = token.as_deref().unwrap_or("0").parse().unwrap();
        Ok(Page::new(vec![2 * n, 2 * n + 1], (n < 2).then(|| (n + 1).to_string())))
    }

    #[tokio::test]
    async fn all_pages_come_in_order() {
        let streamed: Vec<u32> = pages(|token| async { counted(token) }).try_collect().await.unwrap();
        assert_eq!(streamed, [0, 1, 2, 3, 4, 5]);
        assert_eq!(all_pages(|token| async { counted(token) }).await.unwrap(), streamed);
    }

    #[tokio::test]
    async fn a_repeated_token_is_an_error_after_what_was_true() {
        let stuck = |_| async { Ok(Page::new(vec![1], Some("again".to_owned()))) };
        let items: Vec<Result<i32>> = pages(stuck).collect().await;
        assert!(items[0].is_ok() && items.last().unwrap().is_err());
        assert!(items.len() <= 3);
        assert!(all_pages(stuck).await.is_err());
    }
}
