//! What the settings of a bucket are and should be, and the writes that lead from one to the other.

use futures::try_join;
use gardener_provider_core::{Bucket, BucketSpec, Encryption, Error, Region, Result, Retention};

use super::{Scope, policy, unless_absent};
use crate::{
    api::{
        Operation,
        s3::{
            Target, bucket,
            lifecycle::{self, Lifecycle, Rule},
            lock::{self, ObjectLock, Versioning},
            protection::{self, PublicAccessBlock},
        },
    },
    bucket_config,
    endpoints::Service,
};

const ENFORCED: &str = "BucketOwnerEnforced";

/// How a bucket should be.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) region: Region,
    pub(super) retention: Option<Retention>,
    encryption: Encryption,
    versioning: bool,
    abort_uploads: Rule,
}

impl Wanted {
    /// # Errors
    /// `InvalidArgument` naming the field that is wrong.
    pub(super) fn of(spec: &BucketSpec) -> Result<Self> {
        let retention = bucket_config::wanted_retention(spec)?;
        if spec.abort_uploads_after_days == 0 {
            let problem = "must be at least 1: S3 counts whole days";
            return Err(Error::invalid("abort_uploads_after_days", problem));
        }
        if matches!(&spec.encryption, Encryption::Key(key) if key.trim().is_empty()) {
            return Err(Error::invalid("encryption.key", "is empty; give the key's ARN, id or alias"));
        }
        Ok(Self {
            region: spec.region.clone(),
            encryption: spec.encryption.clone(),
            versioning: spec.versioning || retention.is_some(),
            abort_uploads: Rule::abort_uploads(spec.abort_uploads_after_days),
            retention,
        })
    }
}

/// How a bucket is.
#[derive(Debug)]
pub(super) struct Settings {
    public_access: Option<PublicAccessBlock>,
    ownership: Option<String>,
    encryption: Option<Encryption>,
    policy: Option<String>,
    lifecycle: Lifecycle,
    versioning: Versioning,
    lock: ObjectLock,
}

impl Settings {
    pub(super) async fn read(scope: &Scope) -> Result<Self> {
        let at = &scope.target;
        let (public_access, ownership, encryption, policy, lifecycle, versioning, lock) = try_join!(
            read(scope, protection::get_public_access_block(at)),
            read(scope, protection::get_ownership(at)),
            read(scope, protection::get_encryption(at)),
            read(scope, protection::get_policy(at)),
            read(scope, lifecycle::get_lifecycle(at)),
            read(scope, lock::get_versioning(at)),
            read(scope, lock::get_object_lock(at)),
        )?;
        Ok(Self {
            public_access,
            ownership: ownership.flatten(),
            encryption: encryption.flatten(),
            policy,
            lifecycle: lifecycle.unwrap_or_default(),
            versioning: versioning.unwrap_or(Versioning::Never),
            lock: lock.unwrap_or_default(),
        })
    }

    /// The writes that bring the bucket in line, in the order in which they must be made: first what keeps others out.
    ///
    /// # Errors
    /// `InvalidArgument` if the retention in force forbids the one wanted.
    pub(super) fn writes(&self, scope: &Scope, wanted: &Wanted) -> Result<Vec<Operation<()>>> {
        let at = &scope.target;
        let mut writes = Vec::new();
        if self.public_access != Some(PublicAccessBlock::ALL) {
            writes.push(protection::put_public_access_block(at, PublicAccessBlock::ALL));
        }
        if self.ownership.as_deref() != Some(ENFORCED) {
            writes.push(protection::put_ownership_enforced(at));
        }
        if self.encryption.as_ref() != Some(&wanted.encryption) {
            writes.push(protection::put_encryption(at, &wanted.encryption)?);
        }
        // Whoever asks over plain HTTP, of an emulator on the same machine, would lock itself out.
        let over_tls = scope.session.endpoint(Service::S3)?.url.scheme() == "https";
        let statements = policy::statements(scope.session.partition(), &scope.name);
        if let Some(policy) = policy::merged(self.policy.as_deref(), &statements)?.filter(|_| over_tls) {
            writes.push(protection::put_policy(at, &policy));
        }
        if let Some(lifecycle) = self.lifecycle.with(std::slice::from_ref(&wanted.abort_uploads)) {
            writes.push(lifecycle::put_lifecycle(at, &lifecycle));
        }
        writes.extend(self.version_writes(at, wanted)?);
        Ok(writes)
    }

    fn version_writes(&self, at: &Target, wanted: &Wanted) -> Result<Vec<Operation<()>>> {
        let mut writes = Vec::new();
        if let Some(forbidden) =
            self.lock.retention.and_then(|old| bucket_config::forbidden_change(old, wanted.retention))
        {
            return Err(forbidden.into());
        }
        // A bucket whose objects can be locked keeps its versions for ever.
        let versioning = wanted.versioning || self.lock.enabled;
        if versioning != (self.versioning == Versioning::Enabled) {
            writes.push(lock::put_versioning(at, versioning));
        }
        if wanted.retention != self.lock.retention {
            writes.push(lock::put_object_lock(at, wanted.retention)?);
        }
        Ok(writes)
    }

    /// The bucket once all writes are made.
    pub(super) fn outcome(&self, scope: &Scope, wanted: &Wanted) -> Bucket {
        Bucket::new(scope.name.clone(), wanted.region.clone())
            .with_versioning(wanted.versioning || self.lock.enabled)
            .with_retention(wanted.retention)
    }
}

async fn read<R>(scope: &Scope, operation: Operation<R>) -> Result<Option<R>> {
    unless_absent(scope.run(&operation).await)
}

/// The bucket as it is.
pub(super) async fn read_bucket(scope: &Scope) -> Result<Bucket> {
    let location = scope.run(&bucket::get_bucket_location(&scope.target)).await;
    let region = location.map_err(|error| scope.moved(error))?;
    if region != scope.region().as_str() {
        return Err(scope.elsewhere(format!("the bucket is in region {region}")));
    }
    let (versioning, lock) = try_join!(
        read(scope, lock::get_versioning(&scope.target)),
        read(scope, lock::get_object_lock(&scope.target)),
    )?;
    let bucket = Bucket::new(scope.name.clone(), scope.region().clone());
    Ok(bucket
        .with_versioning(versioning == Some(Versioning::Enabled))
        .with_retention(lock.and_then(|lock| lock.retention)))
}
