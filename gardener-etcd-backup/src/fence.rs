//! One writer for a prefix, of one cluster: who began last writes, and whoever wrote before finds out.
//!
//! A writer claims the next term by creating `<prefix>/writers/<term>.json`, which only one of several can do, and looks
//! for a later term before every snapshot that it writes. Nothing is overwritten, so this works in immutable buckets.
//! etcd-backup-restore, which knows neither, passes these objects over.

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use chrono::{DateTime, SecondsFormat, Utc};
use gardener_provider_core::{Error, ErrorKind, Result};
use object_store::{ObjectStoreExt, PutMode, PutOptions, path::Path};
use serde::{Deserialize, Serialize};
use tracing::{debug, info};

use crate::{Store, error};

/// The folder of the claims below a prefix.
pub(crate) const FOLDER: &str = "writers";

/// What a writer says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    term: u64,
    /// The id of etcd's cluster, as etcdctl shows it.
    cluster_id: String,
    writer: String,
    since: String,
}

/// The right to write below a prefix, until somebody claims a later term.
#[derive(Debug, Clone)]
pub(crate) struct Fence {
    store: Store,
    term: u64,
    lost: Arc<OnceLock<String>>,
}

impl Fence {
    /// Claims the next term for this cluster.
    ///
    /// `listed` are the claims in a listing that was just made.
    ///
    /// # Errors
    /// `FailedPrecondition` when the prefix belongs to another cluster, unless `new_cluster`; the store's.
    pub(crate) async fn claim(
        store: &Store,
        listed: &[Path],
        cluster_id: u64,
        writer: &str,
        new_cluster: bool,
    ) -> Result<Self> {
        let mut term = terms(listed).max().unwrap_or(0);
        if term > 0 && !new_cluster {
            same_cluster(store, term, cluster_id).await?;
        }
        loop {
            term += 1;
            let claim = Claim {
                term,
                cluster_id: format!("{cluster_id:x}"),
                writer: writer.to_owned(),
                since: DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Secs, true),
            };
            if create(store, &claim).await? {
                info!(term, writer, prefix = %store.prefix(), "writing from now on");
                clear(store, listed, term).await;
                return Ok(Self { store: store.clone(), term, lost: Arc::default() });
            }
            // Somebody else claimed it in this moment; the later one writes.
            if !new_cluster {
                same_cluster(store, term, cluster_id).await?;
            }
        }
    }

    /// Fails if somebody else claimed a later term.
    ///
    /// # Errors
    /// `FailedPrecondition` that names the other; the store's.
    pub(crate) async fn check(&self) -> Result<()> {
        let (own, next) = (path(&self.store, self.term), path(&self.store, self.term + 1));
        let (own, next) = futures::join!(exists(&self.store, &own), exists(&self.store, &next));
        if next? || !own? {
            let other = match read(&self.store, self.term + 1).await {
                Ok(claim) => format!("{} has written since {}", claim.writer, claim.since),
                Err(_) => "another writer began later".to_owned(),
            };
            let message = format!("{other} below {:?}; this one stops", self.store.prefix().as_ref());
            let message = self.lost.get_or_init(|| message);
            return Err(Error::new(ErrorKind::FailedPrecondition, message.as_str()));
        }
        Ok(())
    }

    /// Who took over, once [`Fence::check`] found that out.
    pub(crate) fn loss(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }
}

/// Fails if the newest of the claims is another cluster's.
///
/// # Errors
/// `FailedPrecondition`; the store's.
pub(crate) async fn check_cluster(store: &Store, listed: &[Path], cluster_id: u64) -> Result<()> {
    match terms(listed).max() {
        Some(term) => same_cluster(store, term, cluster_id).await,
        None => Ok(()),
    }
}

async fn same_cluster(store: &Store, term: u64, cluster_id: u64) -> Result<()> {
    let claim = read(store, term).await?;
    let own = format!("{cluster_id:x}");
    if claim.cluster_id == own {
        return Ok(());
    }
    let message = format!(
        "{:?} holds the backup of etcd cluster {}, written by {} since {}, and this is cluster {own}: use another prefix, \
         or say that the new cluster takes its place",
        store.prefix().as_ref(),
        claim.cluster_id,
        claim.writer,
        claim.since,
    );
    Err(Error::new(ErrorKind::FailedPrecondition, message))
}

/// False if it is there already.
async fn create(store: &Store, claim: &Claim) -> Result<bool> {
    let body = serde_json::to_vec(claim)
        .map_err(|error| Error::internal("a claim could not be written").with_source(error))?;
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match store.objects().put_opts(&path(store, claim.term), body.into(), options).await {
        Ok(_) => Ok(true),
        // An attempt whose reply was lost may have made it.
        Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
            Ok(read(store, claim.term).await? == *claim)
        }
        Err(error) => Err(error::store("claim the prefix", error)),
    }
}

async fn read(store: &Store, term: u64) -> Result<Claim> {
    let path = path(store, term);
    let failed = |problem| error::store(&format!("read {path}"), problem);
    let bytes = store.objects().get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|problem| error::damaged(&path, problem))
}

async fn exists(store: &Store, path: &Path) -> Result<bool> {
    match store.objects().head(path).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(problem) => Err(error::store(&format!("look for {path}"), problem)),
    }
}

/// Removes claims that nobody needs any more: all but this one and the one before. In an immutable bucket they stay.
async fn clear(store: &Store, listed: &[Path], term: u64) {
    for old in terms(listed).filter(|old| old + 1 < term) {
        if let Err(error) = store.objects().delete(&path(store, old)).await {
            debug!(%error, old, "an old claim stays");
        }
    }
}

fn path(store: &Store, term: u64) -> Path {
    store.prefix().clone().join(FOLDER).join(format!("{term:010}.json"))
}

fn terms(listed: &[Path]) -> impl Iterator<Item = u64> {
    listed.iter().filter_map(|path| term(path.filename()?))
}

/// The term of a claim's object of this name.
pub(crate) fn term(name: &str) -> Option<u64> {
    name.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    const CLUSTER: u64 = 0xcdf8_1819_4e3a_8c32;

    fn store() -> Store {
        Store::new(Arc::new(InMemory::new()), "p/etcd-main").unwrap()
    }

    async fn claim(store: &Store, cluster: u64, writer: &str) -> Result<Fence> {
        let claims = store.list().await.unwrap().claims;
        Fence::claim(store, &claims, cluster, writer, false).await
    }

    #[tokio::test]
    async fn the_later_writer_writes_and_the_earlier_finds_out_who() {
        let store = store();
        let first = claim(&store, CLUSTER, "one").await.unwrap();
        first.check().await.unwrap();
        let second = claim(&store, CLUSTER, "two").await.unwrap();
        let error = first.check().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
        assert!(error.to_string().contains("two has written since 20"), "{error}");
        assert!(first.loss().is_some() && second.loss().is_none());
        second.check().await.unwrap();
        for writer in ["three", "four"] {
            claim(&store, CLUSTER, writer).await.unwrap();
        }
        // Its successor's claim was cleared away as well; its own is gone.
        assert!(first.check().await.is_err());
        let listing = store.list().await.unwrap();
        assert_eq!((listing.claims.len(), listing.foreign.len()), (2, 0));
    }

    #[tokio::test]
    async fn of_two_at_the_same_moment_one_is_the_earlier() {
        let store = store();
        let claims = (0..8).map(|n| {
            let (store, writer) = (store.clone(), format!("w{n}"));
            async move { Fence::claim(&store, &[], CLUSTER, &writer, false).await.unwrap() }
        });
        let mut writers = 0;
        for fence in futures::future::join_all(claims).await {
            writers += usize::from(fence.check().await.is_ok());
        }
        assert_eq!(writers, 1);
    }

    #[tokio::test]
    async fn another_cluster_is_refused_unless_it_is_meant_to_follow() {
        let store = store();
        claim(&store, CLUSTER, "one").await.unwrap();
        let error = claim(&store, 0xbad, "two").await.unwrap_err();
        assert!(
            error.to_string().contains("cdf818194e3a8c32") && error.to_string().contains("bad"),
            "{error}"
        );
        let claims = store.list().await.unwrap().claims;
        assert!(check_cluster(&store, &claims, 0xbad).await.is_err());
        check_cluster(&store, &claims, CLUSTER).await.unwrap();
        Fence::claim(&store, &claims, 0xbad, "two", true).await.unwrap();
        assert!(claim(&store, CLUSTER, "one").await.is_err());
    }

    #[tokio::test]
    async fn a_claim_that_cannot_be_read_is_an_error() {
        let store = store();
        store.objects().put(&path(&store, 3), "{".into()).await.unwrap();
        let error = claim(&store, CLUSTER, "one").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DataLoss);
    }
}
