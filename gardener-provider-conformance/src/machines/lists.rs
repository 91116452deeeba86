//! Finding machines: lists, ids, volumes.

use futures::future::join_all;
use gardener_provider_core::{ErrorKind, MachineClass, ProviderId};

use super::{Bench, life::with_neighbour};
use crate::{
    Knob, Tap, Time,
    case::{Context, During, Outcome, Stop, ensure, refused, turn},
};

pub(super) async fn list(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let driver = bench.driver().await;
    for n in 1..=3 {
        driver.create_machine(&bench.samples.request(n)).await?;
    }
    expect_listed(&bench, &bench.samples.class, &[1, 2, 3]).await?;
    driver.delete_machine(&bench.samples.request(2)).await?;
    crate::inventory::expect_kinds(&*bench.world, bench.time, &remaining(context, &[1, 3]).await?).await?;
    expect_listed(&bench, &bench.samples.class, &[1, 3]).await?;
    driver.delete_machine(&bench.samples.request(1)).await?;
    bench.clean(&bench.samples.request(3)).await
}

/// What exists in a fresh world in which these machines were created.
async fn remaining(context: &Context<'_>, machines: &[usize]) -> Outcome<crate::inventory::Kinds> {
    let bench = Bench::new(context).await?;
    for n in machines {
        bench.driver().await.create_machine(&bench.samples.request(*n)).await?;
    }
    Ok(crate::inventory::kinds(&bench.world.inventory().await))
}

async fn expect_listed(bench: &Bench, class: &MachineClass, expected: &[usize]) -> Outcome {
    let listed = bench.listed(class).await?;
    let mut names: Vec<_> = listed.iter().map(|machine| machine.name.clone()).collect();
    names.sort();
    let expected: Vec<_> =
        expected.iter().map(|n| bench.samples.request(*n).machine.name.to_string()).collect();
    ensure!(names == expected, "listed are {names:?}, existing are {expected:?}");
    Ok(())
}

pub(super) async fn list_nothing(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    expect_listed(&bench, &bench.samples.class, &[]).await
}

pub(super) async fn list_pages(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    turn(&*bench.world, Knob::PageSize(5)).await?;
    let driver = bench.driver().await;
    let all: Vec<usize> = (1..=12).collect();
    for n in &all {
        driver.create_machine(&bench.samples.request(*n)).await?;
    }
    expect_listed(&bench, &bench.samples.class, &all).await?;
    for n in &all {
        driver.get_machine_status(&bench.samples.request(*n)).await.during(format!("machine {n} of 12"))?;
    }
    for n in &all {
        driver.delete_machine(&bench.samples.request(*n)).await?;
    }
    bench.expect_nothing_left().await
}

pub(super) async fn list_neighbour(context: &Context<'_>) -> Outcome {
    let (bench, theirs) = with_neighbour(context).await?;
    let driver = bench.driver().await;
    driver.create_machine(&theirs).await?;
    expect_listed(&bench, &bench.samples.class, &[]).await.during("with the neighbour's only")?;
    driver.create_machine(&bench.samples.request(2)).await?;
    expect_listed(&bench, &bench.samples.class, &[2]).await?;
    expect_listed(&bench, &theirs.class, &[1]).await.during("the neighbour's list")?;
    driver.delete_machine(&theirs).await?;
    bench.clean(&bench.samples.request(2)).await
}

pub(super) async fn provider_id(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let mut request = bench.samples.request(1);
    let driver = bench.driver().await;
    let created = driver.create_machine(&request).await?;
    let text = created.provider_id.to_string();
    ensure!(ProviderId::new(text.clone()).is_ok_and(|id| id == created.provider_id), "{text} does not parse");
    let listed = bench.listed(&request.class).await?;
    ensure!(
        listed.iter().any(|machine| machine.provider_id == created.provider_id),
        "created {text}, listed {listed:?}"
    );
    request.machine.provider_id = Some(created.provider_id.clone());
    let found = bench.driver().await.get_machine_status(&request).await.during("by provider id")?;
    ensure!(found.provider_id == created.provider_id, "{text} finds {}", found.provider_id);
    ensure!(found.node_name == created.node_name, "{text} finds {}", found.node_name);
    bench.clean(&request).await
}

pub(super) async fn volume_ids(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    if bench.samples.volumes.is_empty() {
        return Err(Stop::NotApplicable("there are no samples of volumes".to_owned()));
    }
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    let (specs, ids): (Vec<_>, Vec<_>) = bench.samples.volumes.iter().cloned().unzip();
    let expected: Vec<_> = ids.into_iter().flatten().collect();
    let found = driver.get_volume_ids(&specs).await?;
    ensure!(found == expected, "found {found:?}, expected {expected:?}");
    ensure!(driver.get_volume_ids(&[]).await?.is_empty(), "no volumes, but ids");
    for bad in &bench.samples.bad_volumes {
        let result = driver.get_volume_ids(std::slice::from_ref(bad)).await;
        refused(format!("{bad:?}"), result, &[ErrorKind::InvalidArgument])?;
    }
    ensure!(tap.calls() == 0, "{} calls were made", tap.calls());
    Ok(())
}

/// Many machines at once, and their statuses read at once.
pub(super) async fn many(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let machines = if bench.time == Time::Virtual { 200 } else { 20 };
    let driver = bench.driver().await;
    let requests: Vec<_> = (1..=machines).map(|n| bench.samples.request(n)).collect();
    for result in join_all(requests.iter().map(|request| driver.create_machine(request))).await {
        result.during(format!("one of {machines} created at once"))?;
    }
    let listed = bench.listed(&bench.samples.class).await?;
    ensure!(listed.len() == machines, "{machines} were created, {} are listed", listed.len());
    let tap = Tap::new();
    let reader = bench.tapped(&tap).await;
    for (request, status) in
        requests.iter().zip(join_all(requests.iter().map(|request| reader.get_machine_status(request))).await)
    {
        let status = status.during(format!("the status of {}", request.machine.name))?;
        let named = listed.iter().find(|machine| machine.name == request.machine.name.as_str());
        ensure!(
            named.is_some_and(|machine| machine.provider_id == status.provider_id),
            "{} got the status of another machine",
            request.machine.name
        );
    }
    if bench.samples.coalesced {
        ensure!(tap.calls() * 5 <= machines, "{machines} statuses, read at once, took {} calls", tap.calls());
    }
    for result in join_all(requests.iter().map(|request| driver.delete_machine(request))).await {
        result.during("deleting all at once")?;
    }
    bench.expect_nothing_left().await
}
