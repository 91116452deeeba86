//! Creation of a bucket, and the way back to its settings if they drifted.

use gardener_provider_core::{Bucket, ErrorKind, Result};

use super::{CHANGED, Scope, has_code, settings, settings::Wanted};
use crate::{api::storage::buckets, bucket_config::TERMS};

/// What comes and goes while others work on the bucket.
const CHANGING: &[&str] = &[CHANGED, "conflict"];

pub(super) async fn run(scope: &Scope, wanted: &Wanted) -> Result<Bucket> {
    // What is new is ours; of what was there somebody has to say so, once.
    let (mut there, new) = ensure_there(scope, wanted).await?;
    if !new && !scope.is_ours().await? {
        return Err(scope.foreign());
    }
    let mut read = true;
    scope
        .patiently(CHANGING, || {
            let known = read.then(|| there.clone());
            read = false;
            converge(scope, wanted, known)
        })
        .await
        .map(|now| {
            there = now;
            settings::as_seen(scope, &there)
        })
}

/// Brings the settings in line, beginning with those that are known, or else with what there is now.
async fn converge(scope: &Scope, wanted: &Wanted, known: Option<buckets::Bucket>) -> Result<buckets::Bucket> {
    let mut there = match known {
        Some(known) => known,
        None => scope.run(&buckets::get(scope.name.as_str())).await?,
    };
    scope.at_home(&there).map_err(|problem| scope.taken(problem))?;
    let in_force = settings::retention(&there);
    if let Some(forbidden) = in_force.and_then(|old| TERMS.forbidden_change(old, wanted.retention)) {
        return Err(forbidden.into());
    }
    let name = scope.name.as_str();
    let changes = wanted.changes(&there);
    if !changes.is_empty() {
        there = scope.run(&buckets::patch(name, there.metageneration, &changes)).await?;
    }
    if wanted.is_locked() && !there.retention_policy.is_some_and(|policy| policy.is_locked) {
        let lock = buckets::lock_retention_policy(name, there.metageneration);
        scope.run(&lock).await?;
        there = scope.run(&buckets::get(name)).await?;
    }
    Ok(there)
}

/// The bucket, and whether it was made just now.
async fn ensure_there(scope: &Scope, wanted: &Wanted) -> Result<(buckets::Bucket, bool)> {
    match scope.find().await {
        Ok(Some(there)) => Ok((there, false)),
        Ok(None) => create(scope, wanted).await,
        // Cloud Storage does not say whose it is; trying to create it does.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            create(scope, wanted).await.map_err(|refused| match refused.kind() {
                ErrorKind::AlreadyExists => refused,
                _ => error,
            })
        }
        Err(error) => Err(error),
    }
}

async fn create(scope: &Scope, wanted: &Wanted) -> Result<(buckets::Bucket, bool)> {
    let location = scope.region.as_str().to_ascii_uppercase();
    let insert = buckets::insert(scope.session.project(), scope.name.as_str(), &location, &wanted.all());
    match scope.run(&insert).await {
        Ok(there) => Ok((there, true)),
        // Created at the same time, or by us and the reply was lost, or somebody else's: looking tells, if we may.
        Err(error) if has_code(&error, "conflict") || error.kind() == ErrorKind::AlreadyExists => {
            match scope.find().await {
                Ok(Some(there)) => Ok((there, false)),
                Ok(None) => Err(scope.taken("is not to be had just now").with_source(error)),
                Err(denied) if denied.kind() == ErrorKind::PermissionDenied => {
                    Err(scope.foreign().with_source(error))
                }
                Err(other) => Err(other),
            }
        }
        Err(error) => Err(error),
    }
}
