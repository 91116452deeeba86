//! Visits the nodes of a graph in order, as many at a time as allowed.

use futures::{StreamExt, stream::FuturesUnordered};
use gardener_provider_core::{CancelToken, Error, ErrorKind, Result};

use super::Graph;

/// Which way the dependencies are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What is depended on comes first.
    Forward,
    /// What depends comes first.
    Backward,
}

/// How a walk ended.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) done: usize,
    pub(crate) failed: Vec<(usize, Error)>,
    pub(crate) skipped: usize,
    pub(crate) cancelled: Option<Error>,
}

impl Walked {
    /// The first error, with the others in its context.
    pub(crate) fn into_result(self, graph: &Graph) -> Result<()> {
        let mut failed = self.failed.into_iter();
        let Some((node, first)) = failed.next() else {
            return self.cancelled.map_or(Ok(()), Err);
        };
        let first = first.context(graph.name(node).to_owned());
        let others: Vec<_> = failed.map(|(node, error)| format!("{}: {error}", graph.name(node))).collect();
        if others.is_empty() {
            return Err(first);
        }
        Err(first.context(format!(
            "{} steps failed; the others: [{}]; the first",
            others.len() + 1,
            others.join("; ")
        )))
    }
}

/// Visits every node once all those before it are done. A failed visit keeps those after it from being begun, and lets
/// the rest finish.
pub(crate) async fn walk<F, Fut>(
    graph: &Graph,
    direction: Direction,
    parallelism: usize,
    cancel: &CancelToken,
    visit: F,
) -> Walked
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let (mut waits_for, followers) = graph.edges(direction);
    let mut ready: Vec<usize> = (0..graph.len()).rev().filter(|node| waits_for[*node] == 0).collect();
    let mut running = FuturesUnordered::new();
    let mut walked = Walked::default();
    loop {
        while running.len() < parallelism.max(1) {
            let Some(node) = ready.pop() else { break };
            if let Err(error) = cancel.check(graph.name(node)) {
                walked.cancelled.get_or_insert(error);
                ready.clear();
                break;
            }
            let visit = visit(node);
            running.push(async move { (node, visit.await) });
        }
        let Some((node, result)) = running.next().await else { break };
        match result {
            Ok(()) => {
                walked.done += 1;
                for follower in &followers[node] {
                    waits_for[*follower] -= 1;
                    if waits_for[*follower] == 0 {
                        ready.insert(0, *follower);
                    }
                }
            }
            Err(error) => {
                if error.kind() == ErrorKind::Cancelled {
                    walked.cancelled.get_or_insert(error);
                } else {
                    walked.failed.push((node, error));
                }
            }
        }
    }
    walked.skipped = graph.len() - walked.done - walked.failed.len();
    walked
}
