//! What all resources of one run share: who asks, what is wanted, names, tags, and what the cloud showed.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use gardener_provider_client::{
    graph::{Looks, Scope, only_one},
    pages::{Page, all_pages},
    poll::Poll,
    rest::{or_gone, or_missing},
};
use gardener_provider_core::{ClusterId, Difference, InfrastructureRequest, Networking, Result, cluster_tag};
use sha2::{Digest, Sha256};

use super::snapshot::{Kind, Snapshot, Tagged};
use crate::{
    api::{
        Operation,
        describe::{Describe, Query},
        tags::{Tags, create_tags, delete_tags},
    },
    infrastructure_config::{IgnoreTags, InfrastructureConfig},
    session::Session,
};

/// The value of the cluster's tag on what we made.
pub(crate) const OWNED: &str = "owned";
/// The value of the cluster's tag on what the user gave.
pub(crate) const SHARED: &str = "shared";
/// Values that mean the same as [`OWNED`]; Gardener writes `1`.
const OWNED_VALUES: &[&str] = &[OWNED, "1"];

/// How the slow transitions of the network are waited for.
pub(crate) const SLOW: Poll =
    Poll::new(Duration::from_secs(5), Duration::from_secs(600)).with_max_interval(Duration::from_secs(10));
/// How the quick ones are.
pub(crate) const QUICK: Poll =
    Poll::new(Duration::from_secs(1), Duration::from_secs(120)).with_max_interval(Duration::from_secs(5));

/// What all resources of one run share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) session: Arc<Session>,
    pub(crate) cluster: ClusterId,
    pub(crate) config: InfrastructureConfig,
    pub(crate) networking: Networking,
    pub(crate) ssh_public_key: Option<String>,
    pub(crate) tag: String,
    pub(crate) snapshot: Snapshot,
}

impl Context {
    pub(crate) fn new(
        session: Arc<Session>,
        request: &InfrastructureRequest,
        config: InfrastructureConfig,
    ) -> Self {
        let tag = cluster_tag(&request.cluster);
        Self {
            session,
            cluster: request.cluster.clone(),
            networking: request.networking.clone(),
            ssh_public_key: request.ssh_public_key.clone().filter(|key| !key.trim().is_empty()),
            snapshot: Snapshot::new(&tag, &config),
            config,
            tag,
        }
    }

    pub(crate) fn uses_ipv6(&self) -> bool {
        self.config.uses_ipv6(&self.networking)
    }

    /// `<cluster>-<suffix>`
    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.cluster)
    }

    /// The tags of something that has the cluster's own name.
    pub(crate) fn tags(&self) -> Tags {
        self.named_tags(self.cluster.as_str())
    }

    /// The tags of something of this name.
    pub(crate) fn named_tags(&self, name: &str) -> Tags {
        Tags::from([(self.tag.clone(), OWNED.to_owned()), ("Name".to_owned(), name.to_owned())])
    }

    /// True if it was made for this cluster: by the exact key of the tag, with any value that says so.
    pub(crate) fn owns(&self, tags: &Tags) -> bool {
        tags.get(&self.tag).is_some_and(|value| OWNED_VALUES.contains(&value.as_str()))
    }

    /// The tags that are missing or of another value. Tags of others are none of our business.
    pub(crate) fn missing_tags(&self, wanted: &Tags, has: &Tags) -> Tags {
        let ignored =
            |key: &str| self.config.ignore_tags.as_ref().is_some_and(|tags: &IgnoreTags| tags.covers(key));
        let as_wanted = |key: &String, value: &String| {
            has.get(key).is_some_and(|is| {
                is == value || (*key == self.tag && value == OWNED && OWNED_VALUES.contains(&is.as_str()))
            })
        };
        let missing = wanted.iter().filter(|(key, value)| !as_wanted(key, value) && !ignored(key));
        missing.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    pub(crate) fn tag_differences(&self, wanted: &Tags, has: &Tags) -> Vec<Difference> {
        let missing = self.missing_tags(wanted, has).into_iter();
        missing
            .map(|(key, value)| {
                let current = has.get(&key).map_or("-", String::as_str);
                Difference::new(format!("tag {key}"), current, value)
            })
            .collect()
    }

    /// Adds the tags that are missing and notes them in `has`.
    pub(crate) async fn retag(&self, id: &str, wanted: &Tags, has: &mut Tags) -> Result<()> {
        let missing = self.missing_tags(wanted, has);
        if !missing.is_empty() {
            self.run(create_tags(&[id], &missing)).await?;
            has.extend(missing);
        }
        Ok(())
    }

    pub(crate) async fn untag(&self, id: &str, keys: &[&str]) -> Result<()> {
        or_gone(self.run(delete_tags(&[id], keys)).await)
    }

    pub(crate) async fn run<R>(&self, operation: Operation<R>) -> Result<R> {
        self.session.run(&operation).await
    }

    /// As [`Context::run`]; none if there is no such thing.
    pub(crate) async fn find<R>(&self, operation: Operation<R>) -> Result<Option<R>> {
        or_missing(self.run(operation).await)
    }

    /// Everything that a describe call shows, all pages.
    pub(crate) async fn all<T>(&self, describe: Describe<T>, query: Query) -> Result<Vec<T>> {
        all_pages(|next| {
            let operation = describe(&query.page(next));
            async move { self.run(operation).await }
        })
        .await
    }

    /// The one of this id, if it exists.
    pub(crate) async fn by_id<T>(&self, describe: Describe<T>, id: &str) -> Result<Option<T>> {
        let page: Option<Page<T>> = self.find(describe(&Query::ids([id]))).await?;
        Ok(page.and_then(|page| page.items.into_iter().next()))
    }

    /// The one that this cluster owns and that `is_it`.
    pub(crate) async fn owned<T: Tagged>(
        &self,
        what: &str,
        looks: &Looks,
        kind: &Kind<T>,
        is_it: impl Fn(&T) -> bool,
    ) -> Result<Option<T>> {
        let found = kind.for_look(self, looks).await?;
        let matching = found.iter().filter(|item| item.is_alive() && self.owns(item.tags()) && is_it(item));
        only_one(what, matching.cloned().collect(), |item| item.id().to_owned())
    }

    /// As [`Context::owned`], by the exact `Name` tag too.
    pub(crate) async fn named<T: Tagged>(
        &self,
        what: &str,
        looks: &Looks,
        kind: &Kind<T>,
        name: &str,
    ) -> Result<Option<T>> {
        let is_named = |item: &T| item.tags().get("Name").is_some_and(|tag| tag == name);
        self.owned(&format!("{what} {name}"), looks, kind, is_named).await
    }

    /// True if this run made the VPC: it was not there when the run began.
    pub(crate) async fn is_new_vpc(&self, vpc: &str) -> Result<bool> {
        Ok(!self.snapshot.vpcs.shared(self).await?.iter().any(|before| before.vpc_id == vpc))
    }

    /// A token by which the cloud knows a repeated creation: equal for the same node with the same `parents` until a
    /// resource that was saved for it has gone. Parents made anew make it another one, so that what was created for a
    /// former infrastructure of the same name is not answered again.
    pub(crate) fn token(&self, scope: &Scope, node: &str, parents: &[&str]) -> String {
        let mut hash = Sha256::new();
        for part in [self.cluster.as_str(), node, scope.hint(node).unwrap_or_default()].iter().chain(parents)
        {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let mut token = String::with_capacity(48);
        for byte in hash.finalize().iter().take(24) {
            let _ = write!(token, "{byte:02x}");
        }
        token
    }
}
