//! Create, get, list, delete.

use futures::future::join_all;
use gardener_provider_core::{BucketName, BucketSpec, ErrorKind};
use object_store::ObjectStoreExt;

use super::{
    Bench,
    bench::{fill, paths},
};
use crate::{
    Knob, Tap,
    case::{Context, During, Outcome, Stop, ensure, refused, turn},
    inventory::{beyond, expect_exactly, kinds},
};

pub(super) async fn create(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    let created = bench.driver().await.create_bucket(&spec, &bench.samples.secret).await?;
    ensure!(created.name == spec.name && created.region == spec.region, "created {created:?}");
    let found = bench.driver().await.get_bucket(&bench.bucket(&spec)).await.during("get")?;
    ensure!(found == created, "created {created:?}, found {found:?}");
    let listed = bench.listed().await?;
    ensure!(listed.contains(&spec.name), "listed are {listed:?}");
    bench.clean(&spec).await
}

pub(super) async fn create_again(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    for spec in [Some(bench.samples.spec.clone()), bench.samples.versioned.clone()].into_iter().flatten() {
        bench.driver().await.create_bucket(&spec, &bench.samples.secret).await?;
        let tap = Tap::new();
        bench.tapped(&tap).await.create_bucket(&spec, &bench.samples.secret).await.during("again")?;
        ensure!(tap.mutating().is_empty(), "creating again called {:?}", tap.mutating());
        bench.clean(&spec).await?;
    }
    Ok(())
}

pub(super) async fn create_concurrently(context: &Context<'_>) -> Outcome {
    let alone = Bench::new(context).await?;
    alone.driver().await.create_bucket(&alone.samples.spec, &alone.samples.secret).await?;
    let expected = kinds(&alone.world.inventory().await);
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    let driver = bench.driver().await;
    for result in join_all((0..5).map(|_| driver.create_bucket(&spec, &bench.samples.secret))).await {
        result.during("one of 5 callers")?;
    }
    let now = kinds(&bench.world.inventory().await);
    ensure!(now == expected, "5 callers made {now:?}, one makes {expected:?}");
    bench.clean(&spec).await
}

pub(super) async fn create_foreign(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    turn(&*bench.world, Knob::ForeignBucket(&spec.name, &spec.region)).await?;
    let now = bench.world.inventory().await;
    let driver = bench.driver().await;
    let result = driver.create_bucket(&spec, &bench.samples.secret).await;
    refused("creating a bucket that somebody else owns", result, &[ErrorKind::AlreadyExists])?;
    let listed = bench.listed().await?;
    ensure!(!listed.contains(&spec.name), "it lists somebody else's bucket");
    // Somebody else's bucket is no bucket of ours, or one that we may not touch.
    let result = driver.delete_bucket(&bench.bucket(&spec)).await;
    let kind = result.as_ref().err().map(gardener_provider_core::Error::kind);
    ensure!(
        matches!(kind, None | Some(ErrorKind::PermissionDenied | ErrorKind::FailedPrecondition)),
        "deleting somebody else's: {result:?}"
    );
    expect_exactly(&*bench.world, bench.time, &now).await
}

pub(super) async fn get_missing(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    let bucket = bench.bucket(&spec);
    refused("before creation", bench.driver().await.get_bucket(&bucket).await, &[ErrorKind::NotFound])?;
    bench.driver().await.create_bucket(&spec, &bench.samples.secret).await?;
    bench.clean(&spec).await?;
    refused("after deletion", bench.driver().await.get_bucket(&bucket).await, &[ErrorKind::NotFound])?;
    let listed = bench.listed().await?;
    ensure!(!listed.contains(&spec.name), "after the deletion it is listed");
    Ok(())
}

pub(super) async fn delete(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    bench.driver().await.delete_bucket(&bench.bucket(&spec)).await.during("deleting what never existed")?;
    let store = bench.opened(&spec).await?;
    fill(&*store, &["one", "a/two", "a/b/three"]).await?;
    bench.clean(&spec).await?;
    bench.driver().await.delete_bucket(&bench.bucket(&spec)).await.during("deleting it again")?;
    bench.opened(&spec).await.during("creating it anew")?;
    bench.clean(&spec).await
}

#[allow(clippy::expect_used, reason = "a valid name with a digit at its end is one")]
fn named(spec: &BucketSpec, n: usize) -> BucketSpec {
    let mut spec = spec.clone();
    let base: String = spec.name.as_str().chars().take(60).collect();
    spec.name = BucketName::new(format!("{base}{n:02}")).expect("a name");
    spec
}

pub(super) async fn list_pages(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    turn(&*bench.world, Knob::PageSize(3)).await?;
    let specs: Vec<_> = (1..=7).map(|n| named(&bench.samples.spec, n)).collect();
    for spec in &specs {
        bench.driver().await.create_bucket(spec, &bench.samples.secret).await?;
    }
    let listed = bench.listed().await?;
    for spec in &specs {
        ensure!(listed.contains(&spec.name), "{} is not in {listed:?}", spec.name);
        bench.driver().await.delete_bucket(&bench.bucket(spec)).await?;
    }
    bench.expect_nothing_left().await
}

pub(super) async fn versioning(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let Some(spec) = bench.samples.versioned.clone() else {
        return Err(Stop::NotApplicable("there is no sample with versions".to_owned()));
    };
    let store = bench.opened(&spec).await?;
    let found = bench.driver().await.get_bucket(&bench.bucket(&spec)).await?;
    ensure!(found.versioning, "versions are wanted, and the bucket keeps none");
    fill(&*store, &["a/1", "a/1", "a/1", "b/1"]).await?;
    store.delete(&"a/1".into()).await?;
    let prefix = gardener_provider_core::ObjectPrefix::new("a")?;
    let deleted = bench.driver().await.delete_prefix(&bench.bucket(&spec), &prefix).await?;
    ensure!(deleted.deleted >= 3, "three versions were to go, gone are {}", deleted.deleted);
    let left = paths(&*store).await?;
    ensure!(left == ["b/1"], "left are {left:?}");
    bench.clean(&spec).await
}

pub(super) async fn retention(context: &Context<'_>) -> Outcome {
    let retentions = Bench::new(context).await?.samples.retentions;
    if retentions.is_empty() {
        return Err(Stop::NotApplicable("there are no samples of retentions".to_owned()));
    }
    for (from, to, allowed) in retentions {
        let bench = Bench::new(context).await?;
        let what = format!("{from:?} to {to:?}");
        let spec = bench.samples.spec.clone().with_retention(from);
        let created = bench.driver().await.create_bucket(&spec, &bench.samples.secret).await?;
        ensure!(
            created.retention == Some(from),
            "{from:?} is wanted, the bucket has {:?}",
            created.retention
        );
        let made = bench.world.inventory().await;
        let mut next = bench.samples.spec.clone();
        next.retention = to;
        let tap = Tap::new();
        let result = bench.tapped(&tap).await.create_bucket(&next, &bench.samples.secret).await;
        if allowed {
            result.during(&what)?;
            let found = bench.driver().await.get_bucket(&bench.bucket(&next)).await?;
            ensure!(found.retention == to, "{what}: the bucket has {:?}", found.retention);
        } else {
            refused(&what, result, &[ErrorKind::InvalidArgument])?;
            ensure!(tap.mutating().is_empty(), "{what}: it called {:?}", tap.mutating());
            let found = bench.driver().await.get_bucket(&bench.bucket(&spec)).await?;
            ensure!(found.retention == Some(from), "{what}: the bucket has {:?}", found.retention);
        }
        let now = bench.world.inventory().await;
        let (more, less) = (beyond(&now, &made), beyond(&made, &now));
        ensure!(more.is_empty() && less.is_empty(), "{what}: new is {more:?}, gone is {less:?}");
        bench.clean(&spec).await.during("deleting an empty bucket with retention")?;
    }
    Ok(())
}
