//! Everything the GCP part remembers, except for buckets and objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use super::{auth::Tokens, compute, identity};
use crate::{Resource, SandboxOptions, ids::Ids};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) ids: Ids,
    pub(crate) tokens: Tokens,
    pub(crate) identity: identity::State,
    /// Compute, by project.
    pub(crate) compute: BTreeMap<String, compute::Project>,
    /// The zones that do not answer.
    pub(crate) zones_down: BTreeSet<String>,
}

impl State {
    pub(crate) fn new(options: &SandboxOptions) -> Self {
        let compute = options.gcp.projects.iter().map(|id| (id.clone(), compute::Project::new(id)));
        Self {
            ids: Ids::new(options.seed),
            tokens: Tokens::default(),
            identity: identity::State::new(&options.gcp),
            compute: compute.collect(),
            zones_down: BTreeSet::new(),
        }
    }

    /// See [`Gcp::inventory`](super::Gcp::inventory); buckets are added there.
    pub(crate) fn inventory(&mut self, now: SystemTime) -> Vec<Resource> {
        let mut found = self.identity.inventory();
        for project in self.compute.values_mut() {
            project.settle(now);
            found.extend(project.inventory());
        }
        found
    }
}
