//! Taking up where the store's newest chain ends.

use gardener_provider_core::{Error, ErrorKind, Result};
use tracing::info;

use super::{SnapshotterOptions, capture::Capture};
use crate::{
    Chain, Kind, Target,
    chain::candidates,
    fence::{Fence, check_cluster},
};

impl Capture {
    /// Reads the store once and decides whether a full comes first.
    pub(super) async fn start(&mut self) -> Result<()> {
        let listing = self.store.list().await?;
        let revision = self.etcd.revision().await?;
        let cluster = self.etcd.status().await?.cluster_id;
        let SnapshotterOptions { writer, new_cluster, .. } = &self.options;
        if !new_cluster {
            check_cluster(&self.store, &listing.claims, cluster).await?;
        }
        if let Some(last) = listing.snapshots.last().map(|snapshot| snapshot.name.last)
            && last > revision
        {
            let message = format!(
                "the store is at revision {last} but etcd at {revision}: {:?} holds the backup of another cluster, \
                 or of a later state that etcd was taken back from; use another prefix",
                self.store.prefix().as_ref()
            );
            return Err(Error::new(ErrorKind::FailedPrecondition, message));
        }
        let fence = Fence::claim(&self.store, &listing.claims, cluster, writer, *new_cluster).await?;
        self.fence = Some(fence);
        let has_full = listing.snapshots.iter().any(|snapshot| snapshot.name.kind == Kind::Full);
        if !has_full {
            info!("no full snapshot yet");
            self.need_full();
            return Ok(());
        }
        let chain = candidates(&listing.snapshots, Target::Latest)?.swap_remove(0);
        let newest = listing.snapshots.last().map(|snapshot| snapshot.name.last);
        if chain.full.name.is_final || Some(chain.last()) != newest {
            info!(full = %chain.full.name, remarks = ?chain.remarks, "the newest chain cannot be continued");
            self.need_full();
            return Ok(());
        }
        self.resume(&chain, revision);
        Ok(())
    }

    fn resume(&mut self, chain: &Chain, revision: i64) {
        info!(full = %chain.full.name, deltas = chain.deltas.len(), after = chain.last(), "taking up");
        self.schedule_full(chain.full.name.created_at());
        if chain.deltas.is_empty() {
            // The full may hold more than its name says, but no more than etcd has now.
            self.hold_until = revision;
        }
        self.progress.send_modify(|progress| {
            progress.full = Some(chain.full.clone());
            progress.safe_revision = chain.last();
        });
        let revisions = chain.deltas.iter().map(|delta| delta.name.last - delta.name.start + 1);
        self.deltas = (chain.deltas.len() as u64, revisions.sum());
        self.tell_deltas();
        self.watch_after(chain.last());
    }
}
