//! What goes wrong, and how it is told.

use std::sync::Arc;

use futures::TryStreamExt;
use gardener_provider_core::{BucketRef, Error, ErrorKind, ObjectPrefix, ObjectStorage, SecretData};

use super::Bench;
use crate::{
    Knob, Tap,
    case::{Context, During, Outcome, Stop, ensure, refused, turn},
    logs::Logs,
    tap::Outage,
};

/// Calls everything that talks to the cloud.
async fn each_method(
    driver: &Arc<dyn ObjectStorage>,
    bench: &Bench,
    secret: &SecretData,
) -> Outcome<Vec<(&'static str, Result<(), Error>)>> {
    let spec = &bench.samples.spec;
    let bucket = BucketRef::new(spec.name.clone(), spec.region.clone(), secret.clone());
    let prefix = ObjectPrefix::new("a")?;
    let names = driver.list_buckets(spec.region.clone(), secret.clone());
    Ok(vec![
        ("create_bucket", driver.create_bucket(spec, secret).await.map(drop)),
        ("get_bucket", driver.get_bucket(&bucket).await.map(drop)),
        ("list_buckets", names.try_collect::<Vec<_>>().await.map(drop)),
        ("delete_prefix", driver.delete_prefix(&bucket, &prefix).await.map(drop)),
        ("delete_bucket", driver.delete_bucket(&bucket).await),
    ])
}

pub(super) async fn throttled(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let few = Knob::Throttle(Some(3));
    turn(&*bench.world, few).await?;
    let store = bench.opened(&bench.samples.spec).await?;
    turn(&*bench.world, few).await?;
    super::bench::fill(&*store, &["a/1"]).await?;
    turn(&*bench.world, few).await?;
    bench.clean(&bench.samples.spec).await
}

pub(super) async fn unreachable(context: &Context<'_>) -> Outcome {
    context.needs_virtual_time()?;
    let bench = Bench::new(context).await?;
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    tap.set_outage(Some(Outage::Unreachable));
    for (what, result) in each_method(&driver, &bench, &bench.samples.secret).await? {
        refused(what, result, &[ErrorKind::Unavailable])?;
    }
    tap.set_outage(None);
    let created = driver.create_bucket(&bench.samples.spec, &bench.samples.secret).await;
    created.during("once the cloud is back")?;
    bench.clean(&bench.samples.spec).await
}

pub(super) async fn bad_credentials(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let secrets = bench.world.secrets().refused;
    if secrets.is_empty() {
        return Err(Stop::NotApplicable("the world accepts all credentials".to_owned()));
    }
    for (why, secret) in secrets {
        for (what, result) in each_method(&bench.driver().await, &bench, &secret).await? {
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
        for (what, result) in each_method(&driver, &bench, secret).await? {
            let what = format!("{what} without {key}");
            let error = refused(&what, result, &[ErrorKind::InvalidArgument])?;
            ensure!(error.to_string().contains(key.as_str()), "{what}: the error does not name it: {error}");
        }
    }
    ensure!(tap.mutating().is_empty(), "it called {:?}", tap.mutating());
    Ok(())
}

pub(super) async fn bad_spec(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    if bench.samples.bad.is_empty() {
        return Err(Stop::NotApplicable("there are no samples of bad specs".to_owned()));
    }
    let tap = Tap::new();
    let driver = bench.tapped(&tap).await;
    for bad in &bench.samples.bad {
        let result = driver.create_bucket(&bad.input, &bench.samples.secret).await;
        let error = refused(&bad.problem, result, &[ErrorKind::InvalidArgument])?;
        let named = error.to_string().contains(&bad.field);
        ensure!(named, "{}: the error does not name {}: {error}", bad.problem, bad.field);
        ensure!(tap.mutating().is_empty(), "{}: it called {:?}", bad.problem, tap.mutating());
    }
    bench.expect_nothing_left().await
}

pub(super) async fn secrets(context: &Context<'_>) -> Outcome {
    let logs = Logs::capture();
    let bench = Bench::new(context).await?;
    let secrets = bench.world.secrets();
    let driver = bench.driver().await;
    let store = bench.opened(&bench.samples.spec).await?;
    super::bench::fill(&*store, &["a/1"]).await?;
    let mut told = vec![format!("{:?} {store:?}", bench.samples)];
    for secret in secrets.refused.iter().map(|(_, secret)| secret).chain([&secrets.good]) {
        for (_, result) in each_method(&driver, &bench, secret).await? {
            told.extend(result.err().map(|error| format!("{error} {error:?}")));
        }
        let spec = &bench.samples.spec;
        let bucket = BucketRef::new(spec.name.clone(), spec.region.clone(), secret.clone());
        let result = super::bench::paths(&*driver.open(&bucket).await?).await;
        told.push(format!("{result:?}"));
    }
    told.push(format!("{driver:?}"));
    logs.expect_none_of(&secrets.confidential, &told)?;
    bench.expect_nothing_left().await
}
