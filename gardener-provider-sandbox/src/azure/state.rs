//! Everything the Azure part remembers.

use std::{collections::BTreeMap, time::SystemTime};

use super::{
    arm::{operation::Operations, store::Store},
    login::Tokens,
    options::AzureOptions,
    resources,
    storage::{self, Blobs},
};
use crate::{Resource, ids::Ids};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) ids: Ids,
    pub(crate) options: AzureOptions,
    pub(crate) tokens: Tokens,
    pub(crate) store: Store,
    pub(crate) operations: Operations,
    pub(crate) blobs: Blobs,
    /// Accepted marketplace terms, by the key of the agreement.
    pub(crate) agreements: BTreeMap<String, SystemTime>,
    /// How many public addresses were handed out.
    pub(crate) addresses: u32,
}

impl State {
    pub(crate) fn new(seed: u64, options: AzureOptions) -> Self {
        Self {
            ids: Ids::new(seed),
            options,
            tokens: Tokens::default(),
            store: Store::default(),
            operations: Operations::default(),
            blobs: Blobs::default(),
            agreements: BTreeMap::new(),
            addresses: 0,
        }
    }

    pub(crate) fn etag(&mut self) -> String {
        format!("W/\"{}\"", self.ids.uuid())
    }

    /// See [`Azure::inventory`](super::Azure::inventory).
    pub(crate) fn inventory(&mut self, now: SystemTime) -> Vec<Resource> {
        self.settle(now);
        // A deployment is the record of one, and goes with its group.
        let real = self.store.all().filter(|stored| {
            stored.kind.name != resources::DEPLOYMENT.name && !storage::is_setting(stored.kind)
        });
        let resources = real.map(|stored| {
            let id = stored.id.to_string();
            let location = stored.location();
            let mut resource = Resource::new(stored.kind.service(), stored.kind.short(), location, &id);
            stored.id.name().clone_into(&mut resource.name);
            resource.with_tags(&stored.tags())
        });
        resources.collect()
    }
}
