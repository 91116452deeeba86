//! Plans, applies, observes and destroys a graph.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gardener_provider_core::{
    Action, CancelToken, Difference, Error, ErrorKind, InfrastructureState, Plan, PlannedStep, Progress,
    Result, Retry, RunOptions,
};

use super::{
    Change, Graph, Node, Scope,
    resource::Observed,
    step::Steps,
    walk::{Direction, Walked, walk},
};
use crate::{clock::Clock, poll::Poll};

/// Runs graphs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Engine {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The API version that saved states carry.
    pub api_version: String,
    /// How long a step is repeated while something else stands in its way.
    pub settle: Poll,
    /// For how long the cloud may not show what was just created.
    pub lag: Duration,
}

/// What a run found and did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run {
    /// The resources as they are now.
    pub scope: Scope,
    /// The state to keep.
    pub state: InfrastructureState,
    /// What was done, by node.
    pub actions: BTreeMap<String, Action>,
    /// Nodes that should exist and do not.
    pub missing: Vec<String>,
}

impl Engine {
    /// An engine that repeats hindered steps for ten minutes and reckons with 30 s of lag.
    pub fn new(clock: Arc<dyn Clock>, api_version: impl Into<String>) -> Self {
        Self {
            clock,
            api_version: api_version.into(),
            settle: Poll::new(Duration::from_secs(2), Duration::from_secs(600))
                .with_max_interval(Duration::from_secs(15)),
            lag: Duration::from_secs(30),
        }
    }

    /// Sets for how long the cloud may not show what was just created.
    pub fn with_lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// Sets how long a step is repeated while something else stands in its way.
    pub fn with_settle(mut self, settle: Poll) -> Self {
        self.settle = settle;
        self
    }

    /// What [`Engine::apply`] would do. Changes nothing.
    ///
    /// # Errors
    /// What looking the resources up fails with.
    pub async fn plan(&self, graph: &Graph, state: Option<&InfrastructureState>) -> Result<Plan> {
        let (scope, walked) = self.look_at_all(graph, state).await;
        walked.into_result(graph)?;
        let mut steps = Vec::new();
        let mut changing = vec![false; graph.len()];
        for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| !node.only_on_destroy) {
            let observed = scope.observed(&node.name);
            let after: Vec<_> = node.after.iter().filter(|before| changing[**before]).copied().collect();
            let (action, differences) = planned(graph, node, &scope, observed.as_ref(), &after).await?;
            changing[index] = matches!(action, Action::Create | Action::Replace);
            let step =
                PlannedStep::new(&node.name, node.resource.kind(), action).with_differences(differences);
            steps.push(match observed {
                Some(observed) => step.with_id(observed.id),
                None => step,
            });
        }
        Ok(Plan::new(steps))
    }

    /// What [`Engine::destroy`] would do. Changes nothing.
    ///
    /// # Errors
    /// What looking the resources up fails with.
    pub async fn plan_destroy(&self, graph: &Graph, state: Option<&InfrastructureState>) -> Result<Plan> {
        let (scope, walked) = self.look_at_all(graph, state).await;
        walked.into_result(graph)?;
        let steps = graph.nodes.iter().rev().filter_map(|node| {
            let observed = scope.observed(&node.name)?;
            let step = PlannedStep::new(&node.name, node.resource.kind(), node.deletion());
            Some(step.with_id(observed.id))
        });
        Ok(Plan::new(steps.collect()))
    }

    /// Looks everything up and changes nothing.
    ///
    /// # Errors
    /// What looking the resources up fails with.
    pub async fn observe(&self, graph: &Graph, state: Option<&InfrastructureState>) -> Result<Run> {
        let (scope, walked) = self.look_at_all(graph, state).await;
        walked.into_result(graph)?;
        let wanted = graph.nodes.iter().filter(|node| !node.only_on_destroy && node.resource.wanted());
        let missing =
            wanted.filter(|node| scope.observed(&node.name).is_none()).map(|node| node.name.clone());
        let missing = missing.collect();
        let mut state = InfrastructureState::new(&self.api_version);
        state.data = scope.ids();
        Ok(Run { scope, state, actions: BTreeMap::new(), missing })
    }

    /// Makes everything as wanted, in parallel along the graph.
    ///
    /// # Errors
    /// The first error, the others in its context. What was done is saved, and the next run goes on from there.
    pub async fn apply(
        &self,
        graph: &Graph,
        state: Option<&InfrastructureState>,
        options: &RunOptions,
    ) -> Result<Run> {
        let scope = Scope::new(state);
        let steps = Steps::new(self, &scope, state, options);
        let tally = Tally::start(self, graph, options);
        let walked = walk(graph, Direction::Forward, options.parallelism, &options.cancel, |index| {
            let node = &graph.nodes[index];
            tally.count(node, !node.only_on_destroy, steps.apply(node))
        })
        .await;
        Tally::finish(options, &walked);
        walked.into_result(graph)?;
        let state = steps.into_state();
        Ok(Run { scope, state, actions: tally.into_actions(), missing: Vec::new() })
    }

    /// Removes everything, against the direction of the graph.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub async fn destroy(
        &self,
        graph: &Graph,
        state: Option<&InfrastructureState>,
        options: &RunOptions,
    ) -> Result<Run> {
        let (scope, mut looked) = self.look_at_all(graph, state).await;
        if looked.failed.iter().any(|(_, error)| error.kind() == ErrorKind::MultipleMatches) {
            // Somebody must look before anything goes.
            std::mem::take(&mut looked).into_result(graph)?;
        }
        let unseen = Mutex::new(looked.failed.into_iter().collect::<BTreeMap<usize, Error>>());
        let steps = Steps::new(self, &scope, state, options);
        let tally = Tally::start(self, graph, options);
        let walked = walk(graph, Direction::Backward, options.parallelism, &options.cancel, |index| {
            let node = &graph.nodes[index];
            let unseen = unseen.lock().unwrap_or_else(PoisonError::into_inner).remove(&index);
            let steps = &steps;
            let visit = async move {
                match unseen {
                    Some(error) => Err(error),
                    None => steps.delete(node).await,
                }
            };
            tally.count(node, true, visit)
        })
        .await;
        Tally::finish(options, &walked);
        walked.into_result(graph)?;
        let state = steps.into_state();
        Ok(Run { scope, state, actions: tally.into_actions(), missing: Vec::new() })
    }

    /// Looks every node up, in order, going on past those that fail: what depends on them is looked up too.
    async fn look_at_all(&self, graph: &Graph, state: Option<&InfrastructureState>) -> (Scope, Walked) {
        let scope = Scope::new(state);
        let failed = Mutex::new(Vec::new());
        let options = RunOptions::default();
        let steps = Steps::new(self, &scope, state, &options);
        let mut walked = walk(graph, Direction::Forward, options.parallelism, &CancelToken::new(), |index| {
            let node = &graph.nodes[index];
            let (steps, failed) = (&steps, &failed);
            async move {
                if let Err(error) = steps.look(node).await {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).push((index, error));
                }
                Ok(())
            }
        })
        .await;
        drop(steps);
        walked.failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        (scope, walked)
    }
}

impl Node {
    pub(super) fn deletion(&self) -> Action {
        if self.resource.given() { Action::Release } else { Action::Delete }
    }
}

/// What would be done about one node. `after` are those it depends on that would be created.
async fn planned(
    graph: &Graph,
    node: &Node,
    scope: &Scope,
    observed: Option<&Observed>,
    after: &[usize],
) -> Result<(Action, Vec<Difference>)> {
    let Some(observed) = observed else {
        if !node.resource.wanted() {
            return Ok((Action::Keep, Vec::new()));
        }
        if node.resource.given() {
            // Makes no call: it answers the error that names the user's field.
            node.resource.create(scope).await?;
        }
        return Ok((Action::Create, Vec::new()));
    };
    if !node.resource.wanted() {
        return Ok((Action::Delete, Vec::new()));
    }
    match node.resource.differs(scope, observed) {
        Ok(Change::None) => Ok((Action::Keep, Vec::new())),
        Ok(Change::Update(differences)) => Ok((Action::Update, differences)),
        Ok(Change::Replace(differences)) => Ok((Action::Replace, differences)),
        Err(error) if error.kind() == ErrorKind::FailedPrecondition && error.retry() == Retry::Never => {
            let created =
                after.iter().map(|before| Difference::new(graph.name(*before), "-", "created before"));
            Ok((Action::Update, created.collect()))
        }
        Err(error) => Err(error),
    }
}

/// Counts what is done and tells of it.
struct Tally<'a> {
    clock: &'a dyn Clock,
    options: &'a RunOptions,
    actions: Mutex<BTreeMap<String, Action>>,
}

impl<'a> Tally<'a> {
    fn start(engine: &'a Engine, graph: &Graph, options: &'a RunOptions) -> Self {
        options.progress.on(&Progress::Started { steps: graph.len() });
        Self { clock: &*engine.clock, options, actions: Mutex::default() }
    }

    async fn count(
        &self,
        node: &Node,
        report: bool,
        step: impl Future<Output = Result<Action>>,
    ) -> Result<()> {
        let tell = |progress: Progress| {
            if report {
                self.options.progress.on(&progress);
            }
        };
        let name = node.name.clone();
        tell(Progress::StepStarted { node: name.clone() });
        let start = self.clock.monotonic();
        match step.await {
            Ok(action) => {
                self.actions.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), action);
                let took = self.clock.monotonic().saturating_sub(start);
                tracing::debug!(node = name, %action, ?took, "step done");
                tell(Progress::StepFinished { node: name, action, took });
                Ok(())
            }
            Err(error) => {
                tracing::warn!(node = name, %error, "step failed");
                tell(Progress::StepFailed { node: name, error: error.to_string() });
                Err(error)
            }
        }
    }

    fn finish(options: &RunOptions, walked: &Walked) {
        let (done, failed, skipped) = (walked.done, walked.failed.len(), walked.skipped);
        options.progress.on(&Progress::Finished { done, failed, skipped });
    }

    fn into_actions(self) -> BTreeMap<String, Action> {
        self.actions.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
