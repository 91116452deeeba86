//! How a run goes: progress, cancellation, state, concurrency.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use gardener_provider_core::{
    Action, CancelToken, Error, ErrorKind, InfrastructureState, Progress, ProgressSink, RunOptions,
    StateStore,
};

use super::{Bench, Memory};
use crate::{
    Tap,
    case::{Context, During, Outcome, ensure, refused},
    inventory::{expect_kinds, kinds},
};

/// Keeps what progress told.
#[derive(Debug, Clone, Default)]
pub(super) struct Recording(Arc<Heard>);

#[derive(Debug, Default)]
struct Heard {
    events: Mutex<Vec<Progress>>,
    cancel_after: Option<(usize, CancelToken)>,
}

impl Recording {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Cancels the token once so many steps are finished.
    fn cancelling(steps: usize, token: CancelToken) -> Self {
        Self(Arc::new(Heard { events: Mutex::default(), cancel_after: Some((steps, token)) }))
    }

    pub(super) fn sink(&self) -> Arc<dyn ProgressSink> {
        Arc::clone(&self.0) as _
    }

    fn events(&self) -> Vec<Progress> {
        self.0.events().clone()
    }

    /// What was done, by node.
    pub(super) fn actions(&self) -> BTreeMap<String, Action> {
        let finished = self.events().into_iter().filter_map(|event| match event {
            Progress::StepFinished { node, action, .. } => Some((node, action)),
            _ => None,
        });
        finished.collect()
    }
}

impl Heard {
    fn events(&self) -> MutexGuard<'_, Vec<Progress>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProgressSink for Heard {
    fn on(&self, progress: &Progress) {
        let mut events = self.events();
        events.push(progress.clone());
        let finished = events.iter().filter(|event| matches!(event, Progress::StepFinished { .. })).count();
        if let Some((steps, token)) = &self.cancel_after
            && finished >= *steps
        {
            token.cancel();
        }
    }
}

pub(super) async fn progress(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.smallest();
    let driver = bench.driver().await;
    let recording = Recording::new();
    driver.apply(&request, &RunOptions::default().with_progress(recording.sink())).await?;
    well_formed(&recording.events()).during("apply")?;
    let recording = Recording::new();
    driver.destroy(&request, &RunOptions::default().with_progress(recording.sink())).await?;
    well_formed(&recording.events()).during("destroy")?;
    bench.expect_nothing_left().await
}

/// Started, steps that start before they finish, finished.
fn well_formed(events: &[Progress]) -> Outcome {
    let Some(Progress::Started { steps }) = events.first() else {
        return ensure_failed(&format!("it begins with {:?}", events.first()));
    };
    let Some(Progress::Finished { done, failed, skipped }) = events.last() else {
        return ensure_failed(&format!("it ends with {:?}", events.last()));
    };
    ensure!(
        (*failed, *skipped) == (0, 0) && done <= steps,
        "{steps} steps; done {done}, failed {failed}, skipped {skipped}"
    );
    let (mut begun, mut finished) = (BTreeSet::new(), BTreeSet::new());
    for event in &events[1..events.len() - 1] {
        match event {
            Progress::StepStarted { node } => {
                ensure!(begun.insert(node), "{node} starts twice");
            }
            Progress::StepFinished { node, .. } => {
                ensure!(begun.contains(node), "{node} finishes before it starts");
                ensure!(finished.insert(node), "{node} finishes twice");
            }
            other => ensure!(false, "within a successful run: {other:?}"),
        }
    }
    ensure!(begun == finished, "begun {begun:?}, finished {finished:?}");
    ensure!(!finished.is_empty(), "no step is told of");
    Ok(())
}

fn ensure_failed(problem: &str) -> Outcome {
    ensure!(false, "{problem}");
    Ok(())
}

pub(super) async fn cancel(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let recording = Recording::new();
    let options = RunOptions::default().with_progress(recording.sink());
    bench.driver().await.apply(&bench.smallest(), &options).await?;
    let total = recording.actions().len();
    for steps in BTreeSet::from([0, 1, total / 2]) {
        cancelled_after(context, steps).await.during(format!("cancelled after {steps} of {total} steps"))?;
    }
    Ok(())
}

async fn cancelled_after(context: &Context<'_>, steps: usize) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.smallest();
    let token = CancelToken::new();
    if steps == 0 {
        token.cancel();
    }
    let recording = Recording::cancelling(steps.max(1), token.clone());
    let options =
        RunOptions::default().with_progress(recording.sink()).with_cancel(token).with_parallelism(1);
    let result = bench.driver().await.apply(&request, &options).await;
    refused("applying", result, &[ErrorKind::Cancelled])?;
    let done = recording.actions().len();
    ensure!(done <= steps, "{done} were finished");
    if steps == 0 {
        bench.expect_nothing_left().await?;
    }
    bench.apply(&request).await.during("the next run")?;
    bench.expect_settled(&request).await?;
    bench.clean(&request).await
}

/// Fails at the `n`-th save.
#[derive(Debug)]
struct Failing {
    left: Mutex<usize>,
    inner: Memory,
}

#[async_trait]
impl StateStore for Failing {
    async fn save(&self, state: &InfrastructureState) -> gardener_provider_core::Result<()> {
        {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            if *left == 0 {
                return Err(Error::new(ErrorKind::Unavailable, "the state cannot be saved"));
            }
            *left -= 1;
        }
        self.inner.save(state).await
    }
}

pub(super) async fn state_store_fails(context: &Context<'_>) -> Outcome {
    for saves in [0, 1, 3] {
        let bench = Bench::new(context).await?;
        let mut request = bench.smallest();
        let memory = Memory::default();
        let store = Failing { left: Mutex::new(saves), inner: memory.clone() };
        let options = RunOptions::default().with_state_store(Arc::new(store)).with_parallelism(1);
        let result = bench.driver().await.apply(&request, &options).await;
        let error =
            refused(format!("after {saves} saves"), result, &[ErrorKind::Unavailable, ErrorKind::Internal])?;
        ensure!(error.to_string().contains("cannot be saved"), "the error hides its cause: {error}");
        request.state = memory.state();
        bench.apply(&request).await.during("the next run")?;
        bench.expect_settled(&request).await?;
        bench.clean(&request).await?;
    }
    Ok(())
}

pub(super) async fn concurrently(context: &Context<'_>) -> Outcome {
    let alone = Bench::new(context).await?;
    alone.apply(&alone.smallest()).await?;
    let expected = kinds(&alone.world.inventory().await);
    let bench = Bench::new(context).await?;
    let request = bench.smallest();
    let (one, other) = (bench.driver().await, bench.driver().await);
    let options = RunOptions::default();
    // Either may fail when it meets the other's half-made resources; together they leave one set.
    let _ = futures::join!(one.apply(&request, &options), other.apply(&request, &options));
    if let Err(error) = bench.driver().await.apply(&request, &options).await {
        // Not every cloud can create a network only once; then what is there twice is named, and nobody guesses.
        return refused("after two at once", Err::<(), _>(error), &[ErrorKind::MultipleMatches]).map(drop);
    }
    expect_kinds(&*bench.world, bench.time, &expected).await.during("after two at once")?;
    let _ = futures::join!(one.destroy(&request, &options), other.destroy(&request, &options));
    bench.clean(&request).await
}

pub(super) async fn picture(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    for (shape, request) in &bench.samples.shapes {
        let picture = driver.picture(request)?;
        let is_flowchart = picture.starts_with("flowchart") || picture.starts_with("graph");
        ensure!(is_flowchart && picture.contains("--"), "{shape}: no flowchart: {picture}");
    }
    ensure!(tap.calls() == 0, "{} calls were made", tap.calls());
    Ok(())
}
