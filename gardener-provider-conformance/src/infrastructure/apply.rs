//! Plan, apply, get, list, destroy.

use std::{collections::BTreeMap, time::Duration};

use gardener_provider_core::{
    Action, CloudResource, ErrorKind, InfrastructureRequest, InfrastructureState, RunOptions,
};

use super::{Bench, Memory, runs::Recording};
use crate::{
    Knob, Tap,
    case::{Context, During, Outcome, Stop, ensure, refused, turn},
    inventory::{Kinds, beyond, difference, expect_exactly, expect_kinds, kinds},
};

/// A fresh world for each shape.
async fn each_shape(context: &Context<'_>) -> Outcome<Vec<(String, InfrastructureRequest, Bench)>> {
    let mut benches = Vec::new();
    for n in 0..Bench::new(context).await?.samples.shapes.len() {
        let bench = Bench::new(context).await?;
        let (name, request) = bench.samples.shapes[n].clone();
        benches.push((name, request, bench));
    }
    Ok(benches)
}

pub(super) async fn plan(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        planned(&bench, &request).await.during(shape)?;
    }
    Ok(())
}

async fn planned(bench: &Bench, request: &InfrastructureRequest) -> Outcome {
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    let plan = driver.plan(request).await.during("planning")?;
    ensure!(tap.mutating().is_empty(), "planning called {:?}", tap.mutating());
    ensure!(!plan.is_empty(), "the plan of an empty cloud is empty");
    bench.expect_nothing_left().await.during("after planning")?;
    let recording = Recording::new();
    driver.apply(request, &RunOptions::default().with_progress(recording.sink())).await.during("applying")?;
    let planned: BTreeMap<_, _> = plan.changes().map(|step| (step.node.clone(), step.action)).collect();
    let mut done = recording.actions();
    done.retain(|_, action| action.is_change());
    // What comes with another resource (a network's own settings) exists once that is created, and is then updated.
    let as_planned = |(node, action): (&String, &Action)| {
        done.get(node).is_some_and(|did| did == action || (*action, *did) == (Action::Create, Action::Update))
    };
    ensure!(
        planned.len() == done.len() && planned.iter().all(as_planned),
        "planned {planned:?}, done {done:?}"
    );
    let again = bench.driver().await.plan(request).await.during("planning after the apply")?;
    ensure!(again.is_empty(), "after the apply it plans\n{again}");
    planned_destruction(bench, request).await
}

async fn planned_destruction(bench: &Bench, request: &InfrastructureRequest) -> Outcome {
    let before = bench.world.inventory().await;
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    let plan = driver.plan_destroy(request).await.during("planning the destruction")?;
    ensure!(tap.mutating().is_empty(), "planning the destruction called {:?}", tap.mutating());
    expect_exactly(&*bench.world, bench.time, &before).await.during("after planning the destruction")?;
    ensure!(
        plan.changes().all(|step| matches!(step.action, Action::Delete | Action::Release)),
        "to destroy, it plans\n{plan}"
    );
    ensure!(!plan.is_empty(), "nothing would be destroyed");
    bench.clean(request).await?;
    let plan = bench.driver().await.plan_destroy(request).await.during("planning to destroy nothing")?;
    ensure!(plan.is_empty(), "after the destruction it plans\n{plan}");
    Ok(())
}

pub(super) async fn apply_again(context: &Context<'_>) -> Outcome {
    for (shape, mut request, bench) in each_shape(context).await? {
        let memory = Memory::default();
        let options = RunOptions::default().with_state_store(std::sync::Arc::new(memory.clone()));
        let first = bench.driver().await.apply(&request, &options).await.during(&shape)?;
        let made = bench.made().await;
        ensure!(!made.is_empty(), "{shape}: apply made nothing");
        bench.expect_settled(&request).await.during(format!("{shape}, without state"))?;
        request.state = memory.state();
        bench.expect_settled(&request).await.during(format!("{shape}, with the saved state"))?;
        request.state = Some(first.state);
        bench.expect_settled(&request).await.during(format!("{shape}, with the returned state"))?;
        let now = bench.made().await;
        ensure!(now == made, "{shape}: applying again made {:?}", beyond(&now, &made));
        bench.clean(&request).await.during(shape)?;
    }
    Ok(())
}

pub(super) async fn status(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        let applied = bench.apply(&request).await.during(&shape)?;
        let tap = Tap::new();
        let found = bench.tapped(&tap).await.get(&request).await.during(format!("{shape}: get"))?;
        ensure!(tap.mutating().is_empty(), "{shape}: get called {:?}", tap.mutating());
        ensure!(
            found.status == applied.status,
            "{shape}: apply says {}, get says {}",
            applied.status,
            found.status
        );
        ensure!(found.status.is_object(), "{shape}: the status is {}", found.status);
        ensure!(found.egress_cidrs == applied.egress_cidrs, "{shape}: the egress CIDRs differ");
        let again = bench.apply(&request).await?;
        ensure!(again.status == applied.status, "{shape}: the status changes from apply to apply");
        for (key, id) in &found.state.data {
            let known = applied.state.data.get(key);
            ensure!(known == Some(id), "{shape}: state of {key}: get says {id}, apply {known:?}");
        }
        bench.clean(&request).await.during(shape)?;
    }
    Ok(())
}

pub(super) async fn get_missing(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.smallest();
    refused("before apply", bench.driver().await.get(&request).await, &[ErrorKind::NotFound])?;
    bench.apply(&request).await?;
    bench.clean(&request).await?;
    refused("after destroy", bench.driver().await.get(&request).await, &[ErrorKind::NotFound])?;
    Ok(())
}

pub(super) async fn list(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        let listed = bench.listed(&request).await.during("before apply")?;
        ensure!(listed.is_empty(), "{shape}: before apply it lists {listed:?}");
        bench.apply(&request).await.during(&shape)?;
        let existing = bench.world.inventory().await;
        let listed = bench.listed(&request).await.during(&shape)?;
        ensure!(!listed.is_empty(), "{shape}: it lists nothing");
        for resource in &listed {
            let is_it =
                |known: &CloudResource| known.id == resource.id || known.name.as_ref() == Some(&resource.id);
            let exists = existing.iter().any(is_it);
            ensure!(exists, "{shape}: it lists {resource}, which does not exist");
        }
        let mut ids: Vec<_> = listed.iter().map(|resource| (&resource.kind, &resource.id)).collect();
        ids.dedup();
        ensure!(ids.len() == listed.len(), "{shape}: it lists a resource twice: {listed:?}");
        bench.clean(&request).await.during(&shape)?;
        let listed = bench.listed(&request).await.during("after destroy")?;
        ensure!(listed.is_empty(), "{shape}: after destroy it lists {listed:?}");
    }
    Ok(())
}

pub(super) async fn state_lost(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        let state = bench.apply(&request).await.during(&shape)?.state;
        let made = bench.made().await;
        for (which, state) in [("an empty", empty(&state)), ("another cluster's", misleading(&state))] {
            let request = request.clone().with_state(state);
            bench.expect_settled(&request).await.during(format!("{shape}, with {which} state"))?;
        }
        let now = bench.made().await;
        ensure!(now == made, "{shape}: wrong states made {:?}", beyond(&now, &made));
        bench.clean(&request.clone().with_state(misleading(&state))).await.during(shape)?;
    }
    Ok(())
}

fn empty(state: &InfrastructureState) -> InfrastructureState {
    InfrastructureState::new(&state.api_version)
}

/// The same keys with ids that look right and belong to nothing.
fn misleading(state: &InfrastructureState) -> InfrastructureState {
    let mut state = state.clone();
    for id in state.data.values_mut() {
        *id = id.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    }
    state
}

pub(super) async fn change(context: &Context<'_>) -> Outcome {
    let changes = Bench::new(context).await?.samples.changes;
    if changes.is_empty() {
        return Err(Stop::NotApplicable("there are no samples of changes".to_owned()));
    }
    for (from, to) in changes {
        let bench = Bench::new(context).await?;
        let shape = |name: &str| {
            let known = bench.samples.shape(name).cloned();
            known.ok_or_else(|| Stop::Failed(format!("the samples have no shape {name}")))
        };
        let (old, new) = (shape(&from)?, shape(&to)?);
        let what = format!("{from} to {to}");
        bench.apply(&old).await.during(&what)?;
        bench.apply(&new).await.during(&what)?;
        bench.expect_settled(&new).await.during(&what)?;
        expect_kinds(&*bench.world, bench.time, &undisturbed(context, &to).await?).await.during(&what)?;
        bench.clean(&new).await.during(what)?;
    }
    Ok(())
}

/// What exists once this shape was applied in a fresh world.
async fn undisturbed(context: &Context<'_>, shape: &str) -> Outcome<Kinds> {
    let bench = Bench::new(context).await?;
    if let Some(request) = bench.samples.shape(shape) {
        bench.apply(request).await?;
    }
    Ok(kinds(&bench.world.inventory().await))
}

pub(super) async fn drift(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        bench.apply(&request).await.during(&shape)?;
        let made = kinds(&bench.made().await);
        turn(&*bench.world, Knob::Drift(&request)).await?;
        let tap = Tap::new();
        let driver = bench.tapped(&tap).await;
        ensure!(!driver.plan(&request).await?.is_empty(), "{shape}: the plan sees no drift");
        driver.apply(&request, &RunOptions::default()).await.during(&shape)?;
        ensure!(!tap.mutating().is_empty(), "{shape}: the drift was not repaired");
        let now = kinds(&bench.made().await);
        if let Some(difference) = difference(&now, &made) {
            return Err(Stop::Failed(format!("{shape}: after the repair: {difference}")));
        }
        bench.expect_settled(&request).await.during(&shape)?;
        bench.clean(&request).await.during(shape)?;
    }
    Ok(())
}

pub(super) async fn under_lag(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        let expected = undisturbed(context, &shape).await?;
        turn(&*bench.world, Knob::Lag(Duration::from_secs(5))).await?;
        let memory = Memory::default();
        let options = RunOptions::default().with_state_store(std::sync::Arc::new(memory.clone()));
        bench.driver().await.apply(&request, &options).await.during(&shape)?;
        let mut request = request;
        request.state = memory.state();
        bench.driver().await.apply(&request, &options).await.during(format!("{shape}, at once again"))?;
        expect_kinds(&*bench.world, bench.time, &expected).await.during(&shape)?;
        bench.clean(&request).await.during(shape)?;
    }
    Ok(())
}

pub(super) async fn destroy(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        let state = bench.apply(&request).await.during(&shape)?.state;
        let request = request.with_state(state);
        bench.clean(&request).await.during(&shape)?;
        let tap = Tap::new();
        let driver = bench.tapped(&tap).await;
        driver.destroy(&request, &RunOptions::default()).await.during(format!("{shape}, again"))?;
        ensure!(tap.mutating().is_empty(), "{shape}: destroying nothing called {:?}", tap.mutating());
    }
    Ok(())
}

pub(super) async fn destroy_nothing(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        let tap = Tap::new();
        bench.tapped(&tap).await.destroy(&request, &RunOptions::default()).await.during(&shape)?;
        ensure!(tap.mutating().is_empty(), "{shape}: destroying nothing called {:?}", tap.mutating());
        bench.expect_nothing_left().await.during(shape)?;
    }
    Ok(())
}

pub(super) async fn destroy_leftovers(context: &Context<'_>) -> Outcome {
    for (shape, request, bench) in each_shape(context).await? {
        bench.apply(&request).await.during(&shape)?;
        turn(&*bench.world, Knob::Leftover(&request)).await?;
        bench.clean(&request).await.during(shape)?;
    }
    Ok(())
}

/// A neighbour whose name begins with ours, in the same place.
pub(super) async fn neighbour(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let ours = bench.smallest();
    let Some(theirs) = bench.samples.neighbour.clone() else {
        return Err(Stop::NotApplicable("there is no sample of a neighbour".to_owned()));
    };
    bench.apply(&theirs).await.during("the neighbour's")?;
    let with_theirs = bench.world.inventory().await;
    let listed = bench.listed(&ours).await?;
    ensure!(listed.is_empty(), "of the neighbour's it lists {listed:?} as ours");
    bench.apply(&ours).await.during("ours")?;
    bench.expect_settled(&theirs).await.during("the neighbour's, after ours was applied")?;
    let both = bench.world.inventory().await.len();
    ensure!(both > with_theirs.len(), "ours took over the neighbour's");
    bench.driver().await.destroy(&ours, &RunOptions::default()).await.during("destroying ours")?;
    expect_exactly(&*bench.world, bench.time, &with_theirs).await.during("after destroying ours")?;
    bench.expect_settled(&theirs).await.during("the neighbour's, after ours was destroyed")?;
    bench.clean(&theirs).await
}

pub(super) async fn duplicates(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.smallest();
    bench.apply(&request).await?;
    let made = bench.made().await;
    turn(&*bench.world, Knob::DuplicateInfrastructure(&request)).await?;
    let now = bench.made().await;
    let second = beyond(&now, &made);
    ensure!(!second.is_empty(), "the world made no duplicate");
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    let result = driver.apply(&request, &RunOptions::default()).await;
    let error = refused("applying", result, &[ErrorKind::MultipleMatches])?;
    ensure!(
        second.iter().any(|resource| error.to_string().contains(&resource.id)),
        "the error names none of {second:?}: {error}"
    );
    let result = driver.destroy(&request, &RunOptions::default()).await;
    refused("destroying", result, &[ErrorKind::MultipleMatches])?;
    expect_exactly(&*bench.world, bench.time, &[bench.before.clone(), now].concat()).await
}
