//! Creation of a bucket, and the way back to its settings if they drifted.

use gardener_provider_core::{Bucket, Error, ErrorKind, Result};

use super::{
    Scope, has_code, is_elsewhere, is_no_bucket, patiently,
    settings::{Settings, Wanted},
};
use crate::api::s3::{bucket, bucket::get_bucket_location};

/// Refusals of a bucket that was created just now: not all servers know of it yet, or of its last change.
const SETTLING: &[&str] =
    &["NoSuchBucket", "OperationAborted", "ConcurrentModification", "InvalidBucketState"];
/// Refusals of a bucket that is there: another change is under way, or not all servers know of the last one.
const CHANGING: &[&str] = &["OperationAborted", "ConcurrentModification", "InvalidBucketState"];

pub(super) async fn run(scope: &Scope, wanted: &Wanted) -> Result<Bucket> {
    let codes = if ensure_there(scope, wanted).await? { SETTLING } else { CHANGING };
    let settings = patiently(scope, codes, || Settings::read(scope)).await?;
    for write in settings.writes(scope, wanted)? {
        scope.patiently(codes, &write).await?;
    }
    Ok(settings.outcome(scope, wanted))
}

/// Creates the bucket if it is not there. True if it is so young that parts of S3 may not know it.
async fn ensure_there(scope: &Scope, wanted: &Wanted) -> Result<bool> {
    match scope.run(&get_bucket_location(&scope.target)).await {
        Ok(region) => at_home(scope, &region).map(|()| false),
        Err(error) if is_no_bucket(&error) => create(scope, wanted).await.map(|()| true),
        // S3 does not say whose it is; trying to create it does.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            create(scope, wanted).await.map_err(|refused| match refused.kind() {
                ErrorKind::AlreadyExists => refused,
                _ => error,
            })?;
            Ok(true)
        }
        Err(error) => Err(moved(scope, error)),
    }
}

async fn create(scope: &Scope, wanted: &Wanted) -> Result<()> {
    let lock = wanted.retention.is_some();
    let operation = bucket::create_bucket(scope.name.as_str(), &wanted.region, lock);
    match scope.patiently(&["OperationAborted"], &operation).await {
        Ok(()) => Ok(()),
        // Created by somebody at the same time, or by us, and the reply was lost.
        Err(error) if has_code(&error, "BucketAlreadyOwnedByYou") => {
            let location = get_bucket_location(&scope.target);
            let region = scope.patiently(SETTLING, &location).await.map_err(|error| moved(scope, error))?;
            at_home(scope, &region)
        }
        Err(error) if has_code(&error, "BucketAlreadyExists") => {
            Err(taken(scope, "belongs to somebody else; choose another name").with_source(error))
        }
        Err(error) => Err(error),
    }
}

fn at_home(scope: &Scope, region: &str) -> Result<()> {
    if region == scope.region().as_str() {
        return Ok(());
    }
    Err(taken(scope, &format!("is in region {region}, not in {}", scope.region())))
}

/// What S3 answers in one region to a question about a bucket that is in another.
fn moved(scope: &Scope, error: Error) -> Error {
    if is_elsewhere(&error) {
        let problem = format!("is not in region {}: {}", scope.region(), error.message());
        return taken(scope, &problem).with_source(error);
    }
    error
}

fn taken(scope: &Scope, problem: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("bucket.name: {} {problem}", scope.name))
}
