//! What goes wrong, and how it is told.

use std::sync::Arc;

use gardener_provider_core::{
    Error, ErrorKind, MachineCode, MachineDriver, MachineDriverExt, MachineRequest, MachineStatus, SecretData,
};

use super::Bench;
use crate::{
    Knob, Tap,
    case::{Context, During, Outcome, Stop, ensure, refused, turn},
    logs::Logs,
    tap::Outage,
};

pub(super) async fn no_capacity(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    turn(&*bench.world, Knob::NoCapacity).await?;
    let request = bench.samples.request(1);
    let driver = bench.driver().await;
    let error =
        refused("without capacity", driver.create_machine(&request).await, &[ErrorKind::OutOfCapacity])?;
    ensure!(error.machine_code() == MachineCode::ResourceExhausted, "code {}", error.machine_code());
    bench.expect_nothing_left().await?;
    refused("its status", driver.get_machine_status(&request).await, &[ErrorKind::NotFound])?;
    bench.clean(&request).await
}

pub(super) async fn throttled(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.samples.request(1);
    let few = Knob::Throttle(Some(3));
    turn(&*bench.world, few).await?;
    bench.driver().await.create_machine(&request).await.during("creating")?;
    turn(&*bench.world, few).await?;
    bench.driver().await.get_machine_status(&request).await.during("reading")?;
    turn(&*bench.world, few).await?;
    let listed = bench.listed(&request.class).await.during("listing")?;
    ensure!(listed.len() == 1, "listed {listed:?}");
    turn(&*bench.world, few).await?;
    bench.driver().await.delete_machine(&request).await.during("deleting")?;
    bench.expect_nothing_left().await
}

pub(super) async fn throttled_forever(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    turn(&*bench.world, Knob::Throttle(None)).await?;
    for (what, error) in each_method(&bench.driver().await, &bench, &bench.samples.request(1)).await {
        refused(what, error, &[ErrorKind::RateLimited])?;
    }
    bench.expect_nothing_left().await
}

pub(super) async fn unreachable(context: &Context<'_>) -> Outcome {
    during_outage(context, Outage::Unreachable, &[ErrorKind::Unavailable]).await
}

pub(super) async fn silent(context: &Context<'_>) -> Outcome {
    during_outage(context, Outage::Silent, &[ErrorKind::Unavailable, ErrorKind::DeadlineExceeded]).await
}

async fn during_outage(context: &Context<'_>, outage: Outage, kinds: &[ErrorKind]) -> Outcome {
    context.needs_virtual_time()?;
    let bench = Bench::new(context).await?;
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    tap.set_outage(Some(outage));
    for (what, error) in each_method(&driver, &bench, &bench.samples.request(1)).await {
        refused(what, error, kinds)?;
    }
    tap.set_outage(None);
    driver.create_machine(&bench.samples.request(1)).await.during("once the cloud is back")?;
    bench.clean(&bench.samples.request(1)).await
}

/// Calls everything that talks to the cloud.
async fn each_method(
    driver: &Arc<dyn MachineDriver>,
    bench: &Bench,
    request: &MachineRequest,
) -> Vec<(&'static str, Result<(), Error>)> {
    fn only(result: Result<MachineStatus, Error>) -> Result<(), Error> {
        result.map(drop)
    }
    let mut list = bench.samples.list(&request.class);
    list.secret = request.secret.clone();
    vec![
        ("create_machine", only(driver.create_machine(request).await)),
        ("initialize_machine", only(driver.initialize_machine(request).await)),
        ("get_machine_status", only(driver.get_machine_status(request).await)),
        ("delete_machine", driver.delete_machine(request).await),
        ("list_machines", driver.all_machines(list).await.map(drop)),
    ]
}

pub(super) async fn bad_credentials(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let secrets = bench.world.secrets().refused;
    if secrets.is_empty() {
        return Err(Stop::NotApplicable("the world accepts all credentials".to_owned()));
    }
    for (why, secret) in secrets {
        let request = with_secret(&bench, secret);
        for (what, error) in each_method(&bench.driver().await, &bench, &request).await {
            let error = refused(format!("{what} ({why})"), error, &[ErrorKind::Unauthenticated])?;
            ensure!(error.machine_code() == MachineCode::Unauthenticated, "code {}", error.machine_code());
        }
    }
    bench.expect_nothing_left().await
}

fn with_secret(bench: &Bench, secret: SecretData) -> MachineRequest {
    let mut request = bench.samples.request(1);
    request.secret = secret;
    request
}

pub(super) async fn missing_credentials(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let secrets = bench.world.secrets();
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    for (key, secret) in &secrets.incomplete {
        for (what, error) in each_method(&driver, &bench, &with_secret(&bench, secret.clone())).await {
            let what = format!("{what} without {key}");
            let error = refused(&what, error, &[ErrorKind::InvalidArgument])?;
            ensure!(error.to_string().contains(key.as_str()), "{what}: the error does not name it: {error}");
        }
    }
    for (key, secret) in &secrets.incomplete_for_machines {
        let result = driver.create_machine(&with_secret(&bench, secret.clone())).await;
        let error = refused(format!("creating without {key}"), result, &[ErrorKind::InvalidArgument])?;
        ensure!(error.to_string().contains(key.as_str()), "the error does not name {key}: {error}");
    }
    ensure!(tap.mutating().is_empty(), "it called {:?}", tap.mutating());
    Ok(())
}

pub(super) async fn bad_class(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    if bench.samples.bad.is_empty() {
        return Err(Stop::NotApplicable("there are no samples of bad classes".to_owned()));
    }
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    for bad in &bench.samples.bad {
        let request = bench.samples.request_for(&bad.input, 1);
        let error =
            refused(&bad.problem, driver.create_machine(&request).await, &[ErrorKind::InvalidArgument])?;
        ensure!(
            error.to_string().contains(&bad.field),
            "{}: the error does not name {}: {error}",
            bad.problem,
            bad.field
        );
        ensure!(tap.mutating().is_empty(), "{}: it called {:?}", bad.problem, tap.mutating());
    }
    bench.expect_nothing_left().await
}

/// A whole life, and every refusal, with a log at its most talkative.
pub(super) async fn secrets(context: &Context<'_>) -> Outcome {
    let logs = Logs::capture();
    let bench = Bench::new(context).await?;
    let secrets = bench.world.secrets();
    let driver = bench.driver().await;
    let request = bench.samples.request(1);
    let mut told = vec![format!("{driver:?} {request:?} {:?}", bench.samples)];
    for secret in secrets.refused.iter().map(|(_, secret)| secret).chain([&secrets.good]) {
        let request = with_secret(&bench, secret.clone());
        for (_, result) in each_method(&driver, &bench, &request).await {
            told.extend(result.err().map(|error| format!("{error} {error:?}")));
        }
    }
    for bad in &bench.samples.bad {
        let result = driver.create_machine(&bench.samples.request_for(&bad.input, 1)).await;
        told.extend(result.err().map(|error| format!("{error} {error:?}")));
    }
    told.push(format!("{driver:?}"));
    logs.expect_none_of(&secrets.confidential, &told)?;
    bench.expect_nothing_left().await
}
