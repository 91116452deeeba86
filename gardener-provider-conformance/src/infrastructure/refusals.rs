//! What goes wrong, and how it is told.

use std::sync::Arc;

use gardener_provider_core::{
    Error, ErrorKind, InfrastructureDriver, InfrastructureDriverExt, InfrastructureRequest, RunOptions,
};

use super::Bench;
use crate::{
    Knob, Tap,
    case::{Context, During, Outcome, Stop, ensure, refused, turn},
    logs::Logs,
    tap::Outage,
};

/// Calls everything that talks to the cloud.
async fn each_method(
    driver: &Arc<dyn InfrastructureDriver>,
    request: &InfrastructureRequest,
) -> Vec<(&'static str, Result<(), Error>)> {
    let options = RunOptions::default();
    vec![
        ("plan", driver.plan(request).await.map(drop)),
        ("plan_destroy", driver.plan_destroy(request).await.map(drop)),
        ("apply", driver.apply(request, &options).await.map(drop)),
        ("get", driver.get(request).await.map(drop)),
        ("list", driver.all_resources(request.clone()).await.map(drop)),
        ("destroy", driver.destroy(request, &options).await),
    ]
}

pub(super) async fn throttled(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let request = bench.smallest();
    turn(&*bench.world, Knob::Throttle(Some(5))).await?;
    bench.apply(&request).await?;
    turn(&*bench.world, Knob::Throttle(Some(5))).await?;
    bench.expect_settled(&request).await?;
    turn(&*bench.world, Knob::Throttle(Some(5))).await?;
    bench.clean(&request).await
}

pub(super) async fn throttled_forever(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    turn(&*bench.world, Knob::Throttle(None)).await?;
    for (what, result) in each_method(&bench.driver().await, &bench.smallest()).await {
        refused(what, result, &[ErrorKind::RateLimited])?;
    }
    bench.expect_nothing_left().await
}

pub(super) async fn unreachable(context: &Context<'_>) -> Outcome {
    context.needs_virtual_time()?;
    let bench = Bench::new(context).await?;
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    tap.set_outage(Some(Outage::Unreachable));
    for (what, result) in each_method(&driver, &bench.smallest()).await {
        refused(what, result, &[ErrorKind::Unavailable])?;
    }
    tap.set_outage(None);
    driver.apply(&bench.smallest(), &RunOptions::default()).await.during("once the cloud is back")?;
    bench.clean(&bench.smallest()).await
}

fn with_secret(bench: &Bench, secret: &gardener_provider_core::SecretData) -> InfrastructureRequest {
    let mut request = bench.smallest();
    request.secret = secret.clone();
    request
}

pub(super) async fn bad_credentials(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let secrets = bench.world.secrets().refused;
    if secrets.is_empty() {
        return Err(Stop::NotApplicable("the world accepts all credentials".to_owned()));
    }
    for (why, secret) in secrets {
        for (what, result) in each_method(&bench.driver().await, &with_secret(&bench, &secret)).await {
            refused(format!("{what} ({why})"), result, &[ErrorKind::Unauthenticated])?;
        }
    }
    bench.expect_nothing_left().await
}

pub(super) async fn missing_credentials(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    for (key, secret) in &bench.world.secrets().incomplete {
        for (what, result) in each_method(&driver, &with_secret(&bench, secret)).await {
            let what = format!("{what} without {key}");
            let error = refused(&what, result, &[ErrorKind::InvalidArgument])?;
            ensure!(error.to_string().contains(key.as_str()), "{what}: the error does not name it: {error}");
        }
    }
    ensure!(tap.mutating().is_empty(), "it called {:?}", tap.mutating());
    Ok(())
}

pub(super) async fn bad_config(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    if bench.samples.bad.is_empty() {
        return Err(Stop::NotApplicable("there are no samples of bad configs".to_owned()));
    }
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    for bad in &bench.samples.bad {
        let options = RunOptions::default();
        for (what, result) in [
            ("plan", driver.plan(&bad.input).await.map(drop)),
            ("apply", driver.apply(&bad.input, &options).await.map(drop)),
        ] {
            let what = format!("{what}: {}", bad.problem);
            let error = refused(&what, result, &[ErrorKind::InvalidArgument])?;
            let named = error.to_string().contains(&bad.field);
            ensure!(named, "{what}: the error does not name {}: {error}", bad.field);
            ensure!(tap.mutating().is_empty(), "{what}: it called {:?}", tap.mutating());
        }
    }
    bench.expect_nothing_left().await
}

pub(super) async fn secrets(context: &Context<'_>) -> Outcome {
    let logs = Logs::capture();
    let bench = Bench::new(context).await?;
    let secrets = bench.world.secrets();
    let driver = bench.driver().await;
    let mut told = vec![format!("{:?}", bench.samples)];
    let applied = bench.apply(&bench.smallest()).await?;
    told.push(format!("{applied:?}"));
    told.push(driver.picture(&bench.smallest())?);
    for secret in secrets.refused.iter().map(|(_, secret)| secret).chain([&secrets.good]) {
        for (_, result) in each_method(&driver, &with_secret(&bench, secret)).await {
            told.extend(result.err().map(|error| format!("{error} {error:?}")));
        }
    }
    for bad in &bench.samples.bad {
        let result = driver.plan(&bad.input).await;
        told.extend(result.err().map(|error| format!("{error} {error:?}")));
    }
    told.push(format!("{driver:?}"));
    logs.expect_none_of(&secrets.confidential, &told)?;
    bench.clean(&bench.smallest()).await
}
