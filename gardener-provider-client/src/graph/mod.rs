//! Infrastructure as a graph of resources, and the engine that runs it.
//!
//! A cloud declares [`Resource`]s and what each depends on in a [`Graph`]; an [`Engine`] plans, applies, observes and
//! destroys any graph. Nothing is spawned: dropping a run's future stops it at once, and the next run finds everything
//! again by tag or name.

mod driver;
mod engine;
mod lists;
mod picture;
mod resource;
mod scope;
mod step;
#[cfg(test)]
mod tests;
mod walk;

use std::{collections::BTreeMap, fmt};

use gardener_provider_core::{CloudResource, Error, ErrorKind, Result};

pub use driver::{Declared, Goal, GraphDriver};
pub use engine::{Engine, Run};
pub use lists::{Looks, SharedList};
pub use resource::{Change, Resource};
pub use scope::Scope;

use resource::{AnyResource, Erased};
use walk::Direction;

#[derive(Debug)]
struct Node {
    name: String,
    after: Vec<usize>,
    resource: Box<dyn AnyResource>,
    only_on_destroy: bool,
}

/// Resources and what they depend on. A resource is added after those it depends on, so there can be no cycle.
#[derive(Default)]
pub struct Graph {
    nodes: Vec<Node>,
    by_name: BTreeMap<String, usize>,
}

impl Graph {
    /// No resources yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a resource under a name such as `zone/eu-west-1a/nat-gateway`. It is created after all of `after` and
    /// deleted before any of them.
    ///
    /// # Errors
    /// `Internal` if the name is taken or one of `after` has not been added: a fault of the cloud's declaration.
    pub fn add<R: Resource>(&mut self, name: impl Into<String>, after: &[&str], resource: R) -> Result<()> {
        self.insert(name.into(), after, Box::new(Erased::new(resource)), false)
    }

    /// Adds it as the goal wants it: of a check only what the user gave, without what it would wait for.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn add_for<R: Resource>(
        &mut self,
        goal: Goal,
        name: impl Into<String>,
        after: &[&str],
        resource: R,
    ) -> Result<()> {
        if goal != Goal::Check {
            return self.add(name, after, resource);
        }
        if !resource.given() {
            return Ok(());
        }
        let after: Vec<_> = after.iter().copied().filter(|name| self.by_name.contains_key(*name)).collect();
        self.add(name, &after, resource)
    }

    /// Adds something that the cluster itself leaves behind (load balancers): it is never created, and deleted before
    /// any of `after`.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn add_leftover<R: Resource>(
        &mut self,
        name: impl Into<String>,
        after: &[&str],
        resource: R,
    ) -> Result<()> {
        self.insert(name.into(), after, Box::new(Erased::new(resource)), true)
    }

    fn insert(
        &mut self,
        name: String,
        after: &[&str],
        resource: Box<dyn AnyResource>,
        only_on_destroy: bool,
    ) -> Result<()> {
        let after = after
            .iter()
            .map(|before| {
                self.by_name.get(*before).copied().ok_or_else(|| {
                    Error::internal(format!("{name} depends on {before}, which is not declared before it"))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        if self.by_name.insert(name.clone(), self.nodes.len()).is_some() {
            return Err(Error::internal(format!("{name} is declared twice")));
        }
        self.nodes.push(Node { name, after, resource, only_on_destroy });
        Ok(())
    }

    /// How many resources there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The names of all nodes, in an order in which they can be created.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.name.as_str())
    }

    /// Those of `listed` that a run did not find: marked as the cluster's, but not part of this graph.
    pub fn orphans(scope: &Scope, listed: &[CloudResource]) -> Vec<CloudResource> {
        let known = scope.ids();
        listed.iter().filter(|resource| !known.values().any(|id| *id == resource.id)).cloned().collect()
    }

    fn name(&self, node: usize) -> &str {
        &self.nodes[node].name
    }

    /// For every node, how many it waits for and which wait for it.
    fn edges(&self, direction: Direction) -> (Vec<usize>, Vec<Vec<usize>>) {
        let mut waits_for = vec![0; self.len()];
        let mut followers = vec![Vec::new(); self.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for before in &node.after {
                let (first, then) = match direction {
                    Direction::Forward => (*before, index),
                    Direction::Backward => (index, *before),
                };
                waits_for[then] += 1;
                followers[first].push(then);
            }
        }
        (waits_for, followers)
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.nodes.iter().map(|node| (&node.name, node.resource.kind()))).finish()
    }
}

/// The one item of a search, none, or the error that names them all.
///
/// # Errors
/// `MultipleMatches` if there are two or more.
pub fn only_one<T>(what: impl fmt::Display, found: Vec<T>, id: impl Fn(&T) -> String) -> Result<Option<T>> {
    if found.len() > 1 {
        let ids: Vec<_> = found.iter().map(id).collect();
        return Err(Error::new(
            ErrorKind::MultipleMatches,
            format!(
                "{what}: {} match where one is expected: {}; delete or untag the wrong ones",
                ids.len(),
                ids.join(", ")
            ),
        ));
    }
    Ok(found.into_iter().next())
}
