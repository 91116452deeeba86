//! Create, initialize, delete.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use gardener_provider_core::{ErrorKind, MachineDriver, MachineRequest, MachineState, MachineUid};

use super::Bench;
use crate::{
    Knob, Tap,
    case::{Context, During, Outcome, Stop, ensure, refused, turn},
    inventory::{beyond, expect_exactly, kinds},
    samples::uid,
};

pub(super) async fn create(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.samples.request(1);
    let created = bench.driver().await.create_machine(&request).await?;
    let found = bench.driver().await.get_machine_status(&request).await.during("looking it up")?;
    ensure!(created.provider_id == found.provider_id, "created {created:?}, found {found:?}");
    ensure!(created.node_name == found.node_name, "created {created:?}, found {found:?}");
    ensure!(
        matches!(found.state, MachineState::Pending | MachineState::Running),
        "a new machine is {:?}",
        found.state
    );
    let listed = bench.listed(&request.class).await?;
    ensure!(listed.len() == 1, "one machine was created, listed are {listed:?}");
    ensure!(!bench.made().await.is_empty(), "nothing exists after a creation");
    bench.clean(&request).await
}

pub(super) async fn create_again(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.samples.request(1);
    let driver = bench.driver().await;
    let first = driver.create_machine(&request).await?;
    let made = bench.made().await;
    for other in [driver, bench.driver().await] {
        let again = other.create_machine(&request).await.during("creating it again")?;
        ensure!(
            again.provider_id == first.provider_id,
            "{} is another than {}",
            again.provider_id,
            first.provider_id
        );
        let now = bench.made().await;
        ensure!(kinds(&now) == kinds(&made), "creating again made {:?}", beyond(&now, &made));
    }
    bench.clean(&request).await
}

pub(super) async fn create_concurrently(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.samples.request(1);
    let alone = made_alone(context).await?;
    let (one, other) = (bench.driver().await, bench.driver().await);
    let drivers = (0..20).map(|n| if n % 2 == 0 { Arc::clone(&one) } else { Arc::clone(&other) });
    let calls = drivers.map(|driver| {
        let request = request.clone();
        async move { driver.create_machine(&request).await }
    });
    let mut ids = Vec::new();
    for result in join_all(calls).await {
        ids.push(result.during("one of 20 callers")?.provider_id);
    }
    ids.dedup();
    ensure!(ids.len() == 1, "20 callers created {ids:?}");
    let now = kinds(&bench.made().await);
    ensure!(now == alone, "20 callers made {now:?}, one makes {alone:?}");
    bench.clean(&request).await
}

/// What one undisturbed creation makes.
async fn made_alone(context: &Context<'_>) -> Outcome<crate::inventory::Kinds> {
    let bench = Bench::new(context).await?;
    bench.driver().await.create_machine(&bench.samples.request(1)).await?;
    Ok(kinds(&bench.made().await))
}

pub(super) async fn create_other_uid(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.samples.request(1);
    bench.driver().await.create_machine(&request).await?;
    let made = bench.made().await;
    let other = with_uid(&request, 9);
    let result = bench.driver().await.create_machine(&other).await;
    refused("creating a machine of the same name with another UID", result, &[ErrorKind::AlreadyExists])?;
    let now = bench.made().await;
    ensure!(kinds(&now) == kinds(&made), "the refused creation made {:?}", beyond(&now, &made));
    bench.clean(&request).await
}

#[allow(clippy::expect_used, reason = "made of letters, digits and '-'")]
fn with_uid(request: &MachineRequest, n: usize) -> MachineRequest {
    let mut other = request.clone();
    other.machine.uid = MachineUid::new(uid(n)).expect("a UID");
    other
}

pub(super) async fn create_under_lag(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let alone = made_alone(context).await?;
    turn(&*bench.world, Knob::Lag(Duration::from_secs(5))).await?;
    let request = bench.samples.request(1);
    let created = bench.driver().await.create_machine(&request).await?;
    let found = bench.driver().await.get_machine_status(&request).await.during("looking it up at once")?;
    ensure!(created.provider_id == found.provider_id, "created {created:?}, found {found:?}");
    let again = bench.driver().await.create_machine(&request).await.during("creating it again")?;
    ensure!(created.provider_id == again.provider_id, "created {created:?}, then {again:?}");
    let now = kinds(&bench.made().await);
    ensure!(now == alone, "under lag {now:?} were made, {alone:?} without");
    bench.clean(&request).await
}

pub(super) async fn create_recreated(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.samples.request(1);
    let first = bench.driver().await.create_machine(&request).await?;
    bench.clean(&request).await.during("deleting the first")?;
    let request = with_uid(&request, 2);
    let second = bench.driver().await.create_machine(&request).await.during("creating the second")?;
    let found = bench.driver().await.get_machine_status(&request).await.during("looking the second up")?;
    ensure!(found.provider_id == second.provider_id, "found {} after {first:?}", found.provider_id);
    bench.clean(&request).await
}

pub(super) async fn initialize(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let Some(class) = bench.samples.uninitialized.clone() else {
        return Err(Stop::NotApplicable("no class needs initialization".to_owned()));
    };
    let request = bench.samples.request_for(&class, 1);
    let created = bench.driver().await.create_machine(&request).await?;
    ensure!(!created.initialized, "created: initialized before initialize_machine");
    let found = bench.driver().await.get_machine_status(&request).await?;
    ensure!(!found.initialized, "the status: initialized before initialize_machine");
    let initialized = bench.driver().await.initialize_machine(&request).await.during("initializing")?;
    ensure!(initialized.initialized, "initialize_machine succeeds and says initialized: false");
    ensure!(initialized.provider_id == created.provider_id, "another machine was initialized");
    let found = bench.driver().await.get_machine_status(&request).await?;
    ensure!(found.initialized, "the status: not initialized after initialize_machine");
    let tap = Tap::new();
    bench.tapped(&tap).await.initialize_machine(&request).await.during("initializing again")?;
    ensure!(tap.mutating().is_empty(), "initializing again called {:?}", tap.mutating());
    bench.clean(&request).await
}

pub(super) async fn initialize_nothing_to_do(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.samples.request(1);
    let driver = bench.driver().await;
    driver.create_machine(&request).await?;
    driver.initialize_machine(&request).await.during("initializing")?;
    let tap = Tap::new();
    let again = bench.tapped(&tap).await.initialize_machine(&request).await.during("initializing again")?;
    let status = driver.get_machine_status(&request).await?;
    ensure!(again.provider_id == status.provider_id, "initialized {again:?}, found {status:?}");
    ensure!(again.initialized && status.initialized, "initialized {again:?}, found {status:?}");
    ensure!(tap.mutating().is_empty(), "with nothing to do it called {:?}", tap.mutating());
    bench.clean(&request).await
}

pub(super) async fn initialize_missing(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let result = bench.driver().await.initialize_machine(&bench.samples.request(1)).await;
    refused("initializing what does not exist", result, &[ErrorKind::NotFound])?;
    bench.expect_nothing_left().await
}

pub(super) async fn delete(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let mut request = bench.samples.request(1);
    let status = bench.driver().await.create_machine(&request).await?;
    request.machine.provider_id = Some(status.provider_id);
    bench.driver().await.delete_machine(&request).await?;
    bench.expect_nothing_left().await?;
    let listed = bench.listed(&request.class).await?;
    ensure!(listed.is_empty(), "after the deletion it lists {listed:?}");
    let status = bench.driver().await.get_machine_status(&request).await;
    refused("the status of a deleted machine", status, &[ErrorKind::NotFound])?;
    Ok(())
}

pub(super) async fn delete_again(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let mut request = bench.samples.request(1);
    let driver = bench.driver().await;
    driver.delete_machine(&request).await.during("deleting what never existed")?;
    request.machine.provider_id = Some(driver.create_machine(&request).await?.provider_id);
    driver.delete_machine(&request).await?;
    driver.delete_machine(&request).await.during("deleting it at once again, by id")?;
    bench.expect_nothing_left().await?;
    driver.delete_machine(&request).await.during("deleting it later again, by id")?;
    request.machine.provider_id = None;
    driver.delete_machine(&request).await.during("deleting it later again, by name")?;
    bench.expect_nothing_left().await
}

pub(super) async fn delete_by_name(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let (request, kept) = (bench.samples.request(1), bench.samples.request(2));
    let driver = bench.driver().await;
    driver.create_machine(&kept).await?;
    let with_kept = bench.world.inventory().await;
    driver.create_machine(&request).await?;
    bench.driver().await.delete_machine(&request).await?;
    expect_exactly(&*bench.world, bench.time, &with_kept).await.during("after deleting one of two")?;
    bench.clean(&kept).await
}

pub(super) async fn delete_concurrently(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let mut request = bench.samples.request(1);
    let driver = bench.driver().await;
    request.machine.provider_id = Some(driver.create_machine(&request).await?.provider_id);
    for result in join_all((0..8).map(|_| driver.delete_machine(&request))).await {
        result.during("one of 8 callers")?;
    }
    bench.expect_nothing_left().await
}

/// Two clusters, each with a machine of the same name; only ours goes.
pub(super) async fn delete_neighbour(context: &Context<'_>) -> Outcome {
    let (bench, theirs) = with_neighbour(context).await?;
    let driver = bench.driver().await;
    driver.create_machine(&theirs).await.during("creating the neighbour's")?;
    let with_theirs = bench.world.inventory().await;
    let ours = bench.samples.request(1);
    driver.delete_machine(&ours).await.during("deleting ours, which does not exist")?;
    expect_exactly(&*bench.world, bench.time, &with_theirs).await.during("ours never existed")?;
    let status = driver.get_machine_status(&ours).await;
    refused("the status of ours, which does not exist", status, &[ErrorKind::NotFound])?;
    bench.clean(&theirs).await
}

/// The provider id of a neighbour's machine in our Machine object: a mistake that must not delete theirs.
pub(super) async fn delete_by_foreign_id(context: &Context<'_>) -> Outcome {
    let (bench, theirs) = with_neighbour(context).await?;
    let driver = bench.driver().await;
    let status = driver.create_machine(&theirs).await.during("creating the neighbour's")?;
    let with_theirs = bench.world.inventory().await;
    let mut ours = bench.samples.request(1);
    ours.machine.provider_id = Some(status.provider_id);
    // Success ("no such machine of ours") and a refusal are both right.
    let _ = driver.delete_machine(&ours).await;
    expect_exactly(&*bench.world, bench.time, &with_theirs).await?;
    bench.clean(&theirs).await
}

pub(super) async fn with_neighbour(context: &Context<'_>) -> Outcome<(Bench, MachineRequest)> {
    let bench = Bench::new(context).await?;
    let Some(class) = bench.samples.neighbour.clone() else {
        return Err(Stop::NotApplicable("there is no class of a neighbour".to_owned()));
    };
    // Another UID: it is another Machine object, of another cluster.
    let theirs = with_uid(&bench.samples.request_for(&class, 1), 501);
    Ok((bench, theirs))
}

pub(super) async fn status_missing(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let mut request = bench.samples.request(1);
    let driver: Arc<dyn MachineDriver> = bench.driver().await;
    refused("before creation", driver.get_machine_status(&request).await, &[ErrorKind::NotFound])?;
    let status = driver.create_machine(&request).await?;
    let other = driver.get_machine_status(&bench.samples.request(2)).await;
    refused("another machine's name", other, &[ErrorKind::NotFound])?;
    bench.clean(&request).await?;
    refused("after deletion, by name", driver.get_machine_status(&request).await, &[ErrorKind::NotFound])?;
    request.machine.provider_id = Some(status.provider_id);
    refused("after deletion, by id", driver.get_machine_status(&request).await, &[ErrorKind::NotFound])?;
    Ok(())
}

pub(super) async fn duplicates(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.samples.request(1);
    let driver = bench.driver().await;
    driver.create_machine(&request).await?;
    turn(&*bench.world, Knob::DuplicateMachine(&request)).await?;
    let listed = bench.listed(&request.class).await?;
    ensure!(listed.len() == 2, "two of that name exist, listed are {listed:?}");
    let error = refused(
        "the status of a machine that exists twice",
        driver.get_machine_status(&request).await,
        &[ErrorKind::MultipleMatches],
    )?;
    for machine in &listed {
        let id = machine.provider_id.segments().next_back().unwrap_or_default();
        ensure!(error.to_string().contains(id), "the error names no {id}: {error}");
    }
    driver.delete_machine(&request).await.during("deleting both")?;
    bench.expect_nothing_left().await
}
