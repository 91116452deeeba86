//! `ObjectStorage`: buckets are things like any other, and their data is reached through `object_store`.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_core::{
    Bucket, BucketName, BucketRef, BucketSpec, DeletedObjects, Error, ErrorKind, ObjectPrefix, ObjectStorage,
    Region, Result, SecretData,
};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};

use crate::{
    client::{Client, Connection, map},
    cloud::Thing,
};

/// The object storage of cumulus.
#[derive(Debug)]
pub(crate) struct Buckets(pub(crate) Connection);

impl Buckets {
    /// The bucket of that name, if the owner of the credentials has one.
    async fn find(client: &Client, name: &BucketName) -> Result<Option<Thing>> {
        let found = client.list("bucket", &map([("owner", "me"), ("name", name.as_str())])).await?;
        Ok(found.into_iter().next())
    }

    async fn empty(&self, bucket: &str, prefix: Option<&ObjectPrefix>) -> Result<u64> {
        let store = self.0.api.objects(bucket);
        let prefix = prefix.map(|prefix| Path::from(prefix.as_str()));
        let objects: Vec<_> = store.list(prefix.as_ref()).try_collect().await.map_err(unavailable)?;
        for object in &objects {
            match store.delete(&object.location).await {
                Err(object_store::Error::NotFound { .. }) | Ok(()) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(objects.len() as u64)
    }
}

fn unavailable(error: object_store::Error) -> Error {
    Error::new(ErrorKind::Unavailable, error.to_string())
}

#[async_trait]
impl ObjectStorage for Buckets {
    async fn create_bucket(&self, spec: &BucketSpec, secret: &SecretData) -> Result<Bucket> {
        if spec.versioning || spec.retention.is_some() {
            return Err(Error::invalid("versioning, retention", "this cloud keeps no old versions"));
        }
        if !spec.config.is_null() {
            return Err(Error::invalid("config", "this cloud has none; remove it"));
        }
        let client = self.0.sign_in(secret)?;
        if Self::find(&client, &spec.name).await?.is_none() {
            let labels = map([("owner", "me"), ("name", spec.name.as_str())]);
            client.create("bucket", format!("me/{}", spec.name), labels, map([])).await?;
        }
        Ok(Bucket::new(spec.name.clone(), spec.region.clone()))
    }

    async fn get_bucket(&self, bucket: &BucketRef) -> Result<Bucket> {
        let client = self.0.sign_in(&bucket.secret)?;
        match Self::find(&client, &bucket.name).await? {
            Some(_) => Ok(Bucket::new(bucket.name.clone(), bucket.region.clone())),
            None => Err(Error::not_found(format!("bucket {}", bucket.name))),
        }
    }

    fn list_buckets(&self, _: Region, secret: SecretData) -> BoxStream<'static, Result<BucketName>> {
        let connection = self.0.clone();
        let all = async move {
            let buckets = connection.sign_in(&secret)?.list("bucket", &map([("owner", "me")])).await?;
            let names = buckets.into_iter().filter_map(|bucket| bucket.labels.get("name").cloned());
            Ok::<_, Error>(stream::iter(names.map(BucketName::new).collect::<Vec<_>>()))
        };
        stream::once(all).try_flatten().boxed()
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<()> {
        let client = self.0.sign_in(&bucket.secret)?;
        let Some(found) = Self::find(&client, &bucket.name).await? else { return Ok(()) };
        self.empty(bucket.name.as_str(), None).await?;
        client.delete(&found.id).await
    }

    async fn delete_prefix(&self, bucket: &BucketRef, prefix: &ObjectPrefix) -> Result<DeletedObjects> {
        let client = self.0.sign_in(&bucket.secret)?;
        if Self::find(&client, &bucket.name).await?.is_none() {
            return Ok(DeletedObjects::default());
        }
        Ok(DeletedObjects::new(self.empty(bucket.name.as_str(), Some(prefix)).await?, 0))
    }

    async fn open(&self, bucket: &BucketRef) -> Result<Arc<dyn ObjectStore>> {
        self.0.sign_in(&bucket.secret)?;
        Ok(self.0.api.objects(bucket.name.as_str()))
    }
}
