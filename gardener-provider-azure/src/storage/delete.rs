//! Deletion of blobs with all their versions, and of buckets.

use gardener_provider_client::{
    pages::{Page, pages},
    rest::{or_gone, or_missing},
    retention::{self, Fate, still_retained},
};
use gardener_provider_core::{BucketRef, DeletedObjects, Error, ErrorKind, Result};

use super::{AzureStorage, Scope, access::Access, settings};
use crate::api::{
    blob_containers,
    blobs::{self, Blob},
    management_policies::DELETED_TAG,
    resource_groups, resources, storage_accounts,
};

/// Calls about single blobs that are under way at the same time.
const AT_ONCE: usize = 16;
/// Why a blob cannot be deleted now: its container's policy, or a legal hold.
const RETAINED: [&str; 2] = ["BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold"];

/// Deletes all below `prefix`; of a bucket that is not there, nothing.
pub(super) async fn prefix(
    storage: &AzureStorage,
    bucket: &BucketRef,
    prefix: &str,
) -> Result<DeletedObjects> {
    let access = storage.access(bucket)?;
    // An account that does not exist has no address to ask at, so the Resource Manager is asked, by whoever can.
    if storage.can_manage(bucket) {
        let scope = storage.scope_of(bucket)?;
        let Some(account) = scope.session.find(&storage_accounts::get(&scope.account)).await? else {
            return Ok(DeletedObjects::default());
        };
        scope.at_home(&account).map_err(|problem| Error::invalid("region", problem))?;
    }
    Ok(or_missing(purge(&access, bucket.name.as_str(), prefix).await)?.unwrap_or_default())
}

/// Deletes the bucket and all in it; one that is not there counts as deleted.
pub(super) async fn bucket(scope: &Scope, access: &Access) -> Result<()> {
    let session = &scope.session;
    if let Some(account) = session.find(&storage_accounts::get(&scope.account)).await? {
        scope.at_home(&account).map_err(|problem| Error::invalid("region", problem))?;
        scope.patiently(|| container(scope, access)).await?;
        let others = session.all(&blob_containers::list_of(&scope.account)).await?;
        if let Some(other) = others.iter().find(|other| other.name != scope.name.as_str()) {
            let message = format!(
                "storage account {} holds a container of somebody else, {}; the bucket's own is deleted",
                scope.account.name(),
                other.name
            );
            return Err(Error::new(ErrorKind::FailedPrecondition, message));
        }
        session.change(&storage_accounts::delete(&scope.account)).await?;
    }
    group_if_empty(scope).await
}

async fn container(scope: &Scope, access: &Access) -> Result<()> {
    let session = &scope.session;
    if session.find(&blob_containers::get(&scope.container)).await?.is_none() {
        return Ok(());
    }
    // Azure deletes a container with all that is in it, unless a policy protects that.
    if settings::policy(scope).await?.is_some() {
        let done = or_missing(purge(access, scope.name.as_str(), "").await)?.unwrap_or_default();
        if done.retained > 0 {
            return Err(still_retained(done.retained));
        }
    }
    or_gone(session.run(&blob_containers::delete(&scope.container)).await)
}

/// Deletes the resource group of the bucket's name, if nothing is in it.
pub(super) async fn group_if_empty(scope: &Scope) -> Result<()> {
    let session = &scope.session;
    let left = match session.all(&resources::in_group(&scope.group)).await {
        Err(error) if error.is_not_found() => return Ok(()),
        left => left?,
    };
    if left.is_empty() {
        session.change(&resource_groups::delete(&scope.group)).await?;
    }
    Ok(())
}

async fn purge(access: &Access, container: &str, prefix: &str) -> Result<DeletedObjects> {
    let listing = pages(move |page| async move {
        let page = access.run(container, &blobs::list(prefix, true, page.as_deref())).await?;
        Ok(Page::new(page.blobs, page.next))
    });
    retention::purge(listing, AT_ONCE, |blob| async move {
        let fate = delete(access, container, &blob).await;
        fate.map_err(|error| error.context(format!("blob {:?}", blob.name)))
    })
    .await
}

/// Deletes a blob or one of its versions; marks what is retained, so that Azure deletes it later.
async fn delete(access: &Access, container: &str, blob: &Blob) -> Result<Fate> {
    match gone(access, container, blob).await {
        Err(error) if error.cloud_code().is_some_and(|code| RETAINED.contains(&code)) => {
            mark(access, container, blob).await.map(|()| Fate::Retained)
        }
        gone => gone.map(|()| Fate::Gone),
    }
}

async fn gone(access: &Access, container: &str, blob: &Blob) -> Result<()> {
    if blob.is_current {
        or_gone(access.run(container, &blobs::delete(&blob.name)).await)?;
    }
    // The current version became an old one by that.
    match &blob.version {
        Some(version) => or_gone(access.run(container, &blobs::delete_version(&blob.name, version)).await),
        None => Ok(()),
    }
}

async fn mark(access: &Access, container: &str, blob: &Blob) -> Result<()> {
    let (key, value) = DELETED_TAG;
    let Some(mut tags) = or_missing(access.run(container, &blobs::get_tags(blob)).await)? else {
        return Ok(());
    };
    if tags.insert(key.to_owned(), value.to_owned()).as_deref() == Some(value) {
        return Ok(());
    }
    or_gone(access.run(container, &blobs::set_tags(blob, &tags)?).await)
}
