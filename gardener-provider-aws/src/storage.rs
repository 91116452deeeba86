//! Object storage on S3: buckets through S3's own API, objects through [`object_store`].
//!
//! Every setting of a bucket is read before it is written, and written only if it differs. The order of writes is such
//! that a bucket is never less protected than before, wherever they are interrupted.

mod create;
mod delete;
mod open;
mod policy;
mod settings;

use std::{fmt::Display, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_client::{
    pages::{Page, pages},
    poll,
};
use gardener_provider_core::{
    Bucket, BucketName, BucketRef, BucketSpec, DeletedObjects, Error, ErrorKind, ObjectPrefix, ObjectStorage,
    Region, Result, SecretData,
};
use object_store::ObjectStore;

use crate::{
    api::{Operation, s3},
    dialect::IN_ANOTHER_REGION,
    session::{Session, Sessions},
};

/// Buckets of S3.
#[derive(Debug, Clone)]
pub(crate) struct AwsStorage {
    sessions: Arc<Sessions>,
}

impl AwsStorage {
    /// Storage that asks through these sessions.
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }

    async fn scope(&self, name: &BucketName, region: &Region, secret: &SecretData) -> Result<Scope> {
        let session = self.sessions.get(secret, region)?;
        let owner = session.credentials().get().await?.account_id().map(|id| id.as_str().to_owned());
        Ok(Scope { session, target: s3::Target::new(name.as_str()).with_owner(owner), name: name.clone() })
    }

    async fn scope_of(&self, bucket: &BucketRef) -> Result<Scope> {
        self.scope(&bucket.name, &bucket.region, &bucket.secret).await
    }
}

#[async_trait]
impl ObjectStorage for AwsStorage {
    async fn create_bucket(&self, spec: &BucketSpec, secret: &SecretData) -> Result<Bucket> {
        let wanted = settings::Wanted::of(spec)?;
        let scope = self.scope(&spec.name, &spec.region, secret).await?;
        create::run(&scope, &wanted).await.map_err(|error| error.context(format!("bucket {}", spec.name)))
    }

    async fn get_bucket(&self, bucket: &BucketRef) -> Result<Bucket> {
        let scope = self.scope_of(bucket).await?;
        settings::read_bucket(&scope).await.map_err(|error| error.context(format!("bucket {}", bucket.name)))
    }

    fn list_buckets(&self, region: Region, secret: SecretData) -> BoxStream<'static, Result<BucketName>> {
        let session = match self.sessions.get(&secret, &region) {
            Ok(session) => session,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let names = pages(move |token| {
            let session = Arc::clone(&session);
            async move {
                let page = session.run(&s3::bucket::list_buckets(token.as_deref())).await?;
                Ok(Page::new(page.names, page.next))
            }
        });
        // Buckets from before 2018 may have names that are not allowed any more; none of them is a backup bucket.
        names.try_filter_map(|name| async move { Ok(BucketName::new(name).ok()) }).boxed()
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<()> {
        let scope = self.scope_of(bucket).await?;
        delete::bucket(&scope).await.map_err(|error| error.context(format!("bucket {}", bucket.name)))
    }

    async fn delete_prefix(&self, bucket: &BucketRef, prefix: &ObjectPrefix) -> Result<DeletedObjects> {
        let scope = self.scope_of(bucket).await?;
        let deleted = delete::prefix(&scope, prefix.as_str()).await;
        deleted.map_err(|error| error.context(format!("objects {prefix} of bucket {}", bucket.name)))
    }

    async fn open(&self, bucket: &BucketRef) -> Result<Arc<dyn ObjectStore>> {
        let session = self.sessions.get(&bucket.secret, &bucket.region)?;
        Ok(Arc::new(open::open(&session, self.sessions.transport(), &bucket.name)?))
    }
}

/// A bucket and the session to reach it through.
#[derive(Debug)]
struct Scope {
    session: Arc<Session>,
    target: s3::Target,
    name: BucketName,
}

impl Scope {
    fn region(&self) -> &Region {
        self.session.region()
    }

    async fn run<R>(&self, operation: &Operation<R>) -> Result<R> {
        self.session.run(operation).await
    }

    /// Repeats an operation while it is refused for one of these codes: S3 tells all its servers of a change in its own
    /// time, and of two changes to a bucket at once it refuses one.
    async fn patiently<R>(&self, codes: &[&str], operation: &Operation<R>) -> Result<R> {
        patiently(self, codes, || self.run(operation)).await
    }

    /// The bucket is in another region than the one it is looked for in.
    fn elsewhere(&self, problem: impl Display) -> Error {
        Error::invalid("region", format!("bucket {} is not in {}: {problem}", self.name, self.region()))
    }

    fn moved(&self, error: Error) -> Error {
        if is_elsewhere(&error) { self.elsewhere(error.message()).with_source(error) } else { error }
    }
}

/// How long a change may take until all of S3 knows of it.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

async fn patiently<R, F>(scope: &Scope, codes: &[&str], attempt: impl FnMut() -> F) -> Result<R>
where
    F: Future<Output = Result<R>>,
{
    poll::patiently(&**scope.session.clock(), SETTLED_WITHIN, codes, attempt).await
}

/// `None` if what was asked for is not there, so long as the bucket is.
fn unless_absent<R>(result: Result<R>) -> Result<Option<R>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() && !is_no_bucket(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_no_bucket(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && error.cloud_code() == Some("NoSuchBucket")
}

fn is_elsewhere(error: &Error) -> bool {
    error.cloud_code().is_some_and(|code| IN_ANOTHER_REGION.contains(&code))
}

fn has_code(error: &Error, code: &str) -> bool {
    error.cloud_code() == Some(code)
}
