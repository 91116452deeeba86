//! Whole flows through a provider, so that its calls can be recorded and reviewed.

use std::time::Duration;

use futures::TryStreamExt;
use gardener_provider_core::{BucketRef, Error, MachineDriverExt, ObjectPrefix, Provider, Result};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path};

use crate::{MachineSamples, StorageSamples};

/// The smallest part that every cloud takes within an upload, but for the last.
const PART: usize = 5 << 20;

/// The life of two machines: each created twice, initialized, looked at, listed and deleted twice.
///
/// # Errors
/// The first of the driver.
pub async fn machines(provider: &Provider, samples: &MachineSamples) -> Result<()> {
    let driver = &provider.machines;
    for number in 1..=2 {
        let mut request = samples.request(number);
        driver.create_machine(&request).await?;
        let status = driver.create_machine(&request).await?;
        request.machine.provider_id = Some(status.provider_id);
        driver.initialize_machine(&request).await?;
        driver.get_machine_status(&request).await?;
    }
    let listed = driver.all_machines(samples.list(&samples.class)).await?;
    if listed.len() != 2 {
        return Err(Error::internal(format!("{} machines are listed, not 2", listed.len())));
    }
    for number in 1..=2 {
        driver.delete_machine(&samples.request(number)).await?;
        driver.delete_machine(&samples.request(number)).await?;
    }
    Ok(())
}

/// A bucket: made as it is by default, with versions, and with each retention that may follow another; filled, emptied and
/// deleted. Time must be paused: it goes on by as long as anything is retained.
///
/// # Errors
/// The first of the driver or of the store.
pub async fn buckets(provider: &Provider, samples: &StorageSamples) -> Result<()> {
    let (storage, spec) = (&provider.storage, &samples.spec);
    let made = storage.create_bucket(spec, &samples.secret).await?;
    if let Some(versioned) = &samples.versioned {
        storage.create_bucket(versioned, &samples.secret).await?;
    }
    let mut longest = Duration::ZERO;
    for retention in samples.retentions.first().iter().flat_map(|(from, to, _)| [Some(*from), *to]).flatten()
    {
        storage.create_bucket(&spec.clone().with_retention(retention), &samples.secret).await?;
        longest = longest.max(retention.period);
    }
    let mut secret = samples.secret.clone();
    for key in made.generated_secret.keys() {
        let value = made.generated_secret.get(key).map(|value| value.expose().clone()).unwrap_or_default();
        secret = secret.with(key, value);
    }
    let bucket = BucketRef::new(spec.name.clone(), spec.region.clone(), secret);
    storage.get_bucket(&bucket).await?;
    storage.list_buckets(spec.region.clone(), samples.secret.clone()).try_collect::<Vec<_>>().await?;
    objects(&*storage.open(&bucket).await?).await.map_err(|error| Error::internal(error.to_string()))?;
    let all = ObjectPrefix::new("wire")?;
    storage.delete_prefix(&bucket, &all).await?;
    tokio::time::advance(longest * 2).await;
    storage.delete_prefix(&bucket, &all).await?;
    storage.delete_bucket(&bucket).await?;
    storage.delete_bucket(&bucket).await
}

async fn objects(store: &dyn ObjectStore) -> object_store::Result<()> {
    let path = Path::from("wire/Full-ü +&");
    store.put(&path, "data".into()).await?;
    let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    if store.put_opts(&path, "more".into(), once).await.is_ok() {
        return Err(object_store::Error::NotImplemented {
            operation: "a conditional put".to_owned(),
            implementer: store.to_string(),
        });
    }
    store.get_range(&path, 1..3).await?;
    store.head(&path).await?;
    store.list(Some(&Path::from("wire"))).try_collect::<Vec<_>>().await?;
    let mut upload = store.put_multipart(&Path::from("wire/large")).await?;
    upload.put_part(vec![0; PART].into()).await?;
    upload.put_part("rest".into()).await?;
    upload.complete().await.map(drop)
}
