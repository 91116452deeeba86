//! Object storage on Cloud Storage: buckets and writing through its JSON API, the rest through [`object_store`].
//!
//! A bucket is born with all its settings; those of one that is there are changed only where they differ, under the
//! condition that nobody else changed them meanwhile.

mod create;
mod delete;
mod objects;
mod open;
mod settings;
mod upload;

use std::{fmt::Display, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_client::{
    pages::{Page, all_pages, pages},
    poll,
    rest::{Operation, or_missing},
};
use gardener_provider_core::{
    Bucket, BucketName, BucketRef, BucketSpec, DeletedObjects, Error, ErrorKind, ObjectPrefix, ObjectStorage,
    Region, Result, SecretData,
};
use object_store::ObjectStore;
use url::Url;

use crate::{
    api::storage::buckets,
    bucket_config::BackupBucketConfig,
    endpoints::Service,
    session::{Session, Sessions},
};

/// Buckets of Cloud Storage.
#[derive(Debug, Clone)]
pub(crate) struct GcpStorage {
    sessions: Arc<Sessions>,
}

impl GcpStorage {
    /// Storage that asks through these sessions.
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }

    fn scope(&self, bucket: &BucketRef) -> Result<Scope> {
        let session = self.sessions.get(&bucket.secret)?;
        let base = session.endpoint(Service::Storage)?;
        Ok(Scope { session, base, name: bucket.name.clone(), region: bucket.region.clone() })
    }
}

#[async_trait]
impl ObjectStorage for GcpStorage {
    async fn create_bucket(&self, spec: &BucketSpec, secret: &SecretData) -> Result<Bucket> {
        let config = BackupBucketConfig::of(spec)?;
        let wanted = settings::Wanted::of(spec, &config)?;
        let mut scope =
            self.scope(&BucketRef::new(spec.name.clone(), spec.region.clone(), secret.clone()))?;
        if let Some(url) =
            config.endpoint_override.filter(|_| !self.sessions.endpoints().is_custom(Service::Storage))
        {
            scope.base = url;
        }
        create::run(&scope, &wanted).await.map_err(|error| error.context(format!("bucket {}", spec.name)))
    }

    async fn get_bucket(&self, bucket: &BucketRef) -> Result<Bucket> {
        let found = self.scope(bucket)?.get().await;
        found.map_err(|error| error.context(format!("bucket {}", bucket.name)))
    }

    fn list_buckets(&self, _region: Region, secret: SecretData) -> BoxStream<'static, Result<BucketName>> {
        let session = match self.sessions.get(&secret) {
            Ok(session) => session,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let names = pages(move |token| {
            let session = Arc::clone(&session);
            async move {
                let list = buckets::list(session.project(), None, token.as_deref());
                let page = session.run(&list).await?;
                Ok(Page::new(page.items, page.next_page_token))
            }
        });
        // Names of verified domains may be longer than others and hold `_`; none of them is a backup bucket.
        names.try_filter_map(|found| async move { Ok(BucketName::new(found.name).ok()) }).boxed()
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<()> {
        let deleted = delete::bucket(&self.scope(bucket)?).await;
        deleted.map_err(|error| error.context(format!("bucket {}", bucket.name)))
    }

    async fn delete_prefix(&self, bucket: &BucketRef, prefix: &ObjectPrefix) -> Result<DeletedObjects> {
        let deleted = delete::prefix(&self.scope(bucket)?, prefix.as_str()).await;
        deleted.map_err(|error| error.context(format!("objects {prefix} of bucket {}", bucket.name)))
    }

    async fn open(&self, bucket: &BucketRef) -> Result<Arc<dyn ObjectStore>> {
        let scope = self.scope(bucket)?;
        Ok(Arc::new(open::open(scope, self.sessions.transport())?))
    }
}

/// A bucket and the session to reach it through.
#[derive(Debug)]
struct Scope {
    session: Arc<Session>,
    base: Url,
    name: BucketName,
    region: Region,
}

impl Scope {
    async fn run<R>(&self, operation: &Operation<R>) -> Result<R> {
        self.session.run_at(&self.base, operation).await
    }

    /// Repeats what is refused because something else is going on with the bucket.
    async fn patiently<R, F>(&self, codes: &[&str], attempt: impl FnMut() -> F) -> Result<R>
    where
        F: Future<Output = Result<R>>,
    {
        poll::patiently(&**self.session.clock(), SETTLED_WITHIN, codes, attempt).await
    }

    async fn find(&self) -> Result<Option<buckets::Bucket>> {
        or_missing(self.run(&buckets::get(self.name.as_str())).await)
    }

    async fn get(&self) -> Result<Bucket> {
        let there = self.run(&buckets::get(self.name.as_str())).await?;
        self.at_home(&there).map_err(|problem| Error::invalid("region", problem))?;
        Ok(settings::as_seen(self, &there))
    }

    /// What is wrong with where the bucket is.
    fn at_home(&self, there: &buckets::Bucket) -> Result<(), String> {
        if there.location.eq_ignore_ascii_case(self.region.as_str()) {
            return Ok(());
        }
        let location = there.location.to_ascii_lowercase();
        Err(format!("bucket {} is in {location}, not in {}", self.name, self.region))
    }

    /// Whether the bucket belongs to the project of the credentials. Names are unique in all of Cloud Storage, and with
    /// rights in another project its buckets look like one's own.
    async fn is_ours(&self) -> Result<bool> {
        let (project, name) = (self.session.project(), self.name.as_str());
        let listed = all_pages(|page| async move {
            let page = self.run(&buckets::list(project, Some(name), page.as_deref())).await?;
            Ok(Page::new(page.items, page.next_page_token))
        });
        Ok(listed.await?.iter().any(|found| found.name == name))
    }

    fn taken(&self, problem: impl Display) -> Error {
        Error::new(ErrorKind::AlreadyExists, format!("bucket.name: {} {problem}", self.name))
    }

    fn foreign(&self) -> Error {
        self.taken("belongs to somebody else; choose another name")
    }
}

/// How long a change may keep another one from being made.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// Somebody else changed the bucket since it was read.
const CHANGED: &str = "conditionNotMet";

fn has_code(error: &Error, code: &str) -> bool {
    error.cloud_code() == Some(code)
}
