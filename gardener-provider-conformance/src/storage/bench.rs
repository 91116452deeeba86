//! A world made ready for cases of object storage.

use std::sync::Arc;

use futures::TryStreamExt;
use gardener_provider_core::{BucketName, BucketRef, BucketSpec, CloudResource, ObjectStorage};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path};

use crate::{
    StorageSamples, Tap, Time, World,
    case::{Context, During, Outcome, Stop},
    inventory::expect_exactly,
};

pub(crate) struct Bench {
    pub(crate) world: Box<dyn World>,
    pub(crate) samples: StorageSamples,
    pub(crate) before: Vec<CloudResource>,
    pub(crate) time: Time,
}

impl From<object_store::Error> for Stop {
    fn from(error: object_store::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Bench {
    pub(crate) async fn new(context: &Context<'_>) -> Outcome<Self> {
        let world = context.world().await;
        let Some(samples) = world.storage().await else {
            return Err(Stop::NotApplicable("the world has no samples of buckets".to_owned()));
        };
        let before = world.inventory().await;
        Ok(Self { world, samples, before, time: context.time() })
    }

    pub(crate) async fn driver(&self) -> Arc<dyn ObjectStorage> {
        self.tapped(&Tap::new()).await
    }

    pub(crate) async fn tapped(&self, tap: &Tap) -> Arc<dyn ObjectStorage> {
        self.world.provider(tap).await.storage
    }

    pub(crate) fn bucket(&self, spec: &BucketSpec) -> BucketRef {
        BucketRef::new(spec.name.clone(), spec.region.clone(), self.samples.secret.clone())
    }

    /// Creates the bucket with a new driver and opens it.
    pub(crate) async fn opened(&self, spec: &BucketSpec) -> Outcome<Arc<dyn ObjectStore>> {
        let driver = self.driver().await;
        driver.create_bucket(spec, &self.samples.secret).await.during("creating the bucket")?;
        driver.open(&self.bucket(spec)).await.during("opening the bucket")
    }

    pub(crate) async fn listed(&self) -> Outcome<Vec<BucketName>> {
        let (region, secret) = (self.samples.spec.region.clone(), self.samples.secret.clone());
        let mut names: Vec<_> = self.driver().await.list_buckets(region, secret).try_collect().await?;
        names.sort();
        Ok(names)
    }

    pub(crate) async fn expect_nothing_left(&self) -> Outcome {
        expect_exactly(&*self.world, self.time, &self.before).await
    }

    /// Deletes the bucket with a new driver and checks that nothing is left.
    pub(crate) async fn clean(&self, spec: &BucketSpec) -> Outcome {
        self.driver().await.delete_bucket(&self.bucket(spec)).await.during("deleting the bucket")?;
        self.expect_nothing_left().await
    }
}

/// Writes small objects, each holding its own path.
pub(crate) async fn fill(store: &dyn ObjectStore, paths: &[&str]) -> Outcome {
    for path in paths {
        let payload = PutPayload::from((*path).to_owned());
        store.put(&Path::from(*path), payload).await.during(format!("putting {path}"))?;
    }
    Ok(())
}

/// The paths of all objects, sorted.
pub(crate) async fn paths(store: &dyn ObjectStore) -> Outcome<Vec<String>> {
    let mut paths: Vec<String> =
        store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await?;
    paths.sort();
    Ok(paths)
}
