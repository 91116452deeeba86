//! Deletion of objects with all their versions, and of buckets.

use gardener_provider_client::{
    pages::{Page, pages},
    rest::or_missing,
    retention::{self, Fate, still_retained},
};
use gardener_provider_core::{DeletedObjects, Error, ErrorKind, Result};

use super::{Scope, has_code};
use crate::api::storage::{
    buckets,
    objects::{self, Object},
};

/// Calls about single objects that are under way at the same time.
const AT_ONCE: usize = 16;
/// Why an object cannot be deleted now: its bucket's policy, or a hold on it alone.
const RETAINED: [&str; 2] = ["retentionPolicyNotMet", "objectUnderActiveHold"];

/// Deletes all below `prefix`; of a bucket that is not there, nothing.
pub(super) async fn prefix(scope: &Scope, prefix: &str) -> Result<DeletedObjects> {
    match scope.find().await? {
        None => Ok(DeletedObjects::default()),
        Some(there) => {
            scope.at_home(&there).map_err(|problem| Error::invalid("region", problem))?;
            Ok(or_missing(purge(scope, prefix).await)?.unwrap_or_default())
        }
    }
}

/// Deletes the bucket and all in it; one that is not there, or is somebody else's, counts as deleted or is refused.
pub(super) async fn bucket(scope: &Scope) -> Result<()> {
    let Some(there) = scope.find().await? else { return Ok(()) };
    scope.at_home(&there).map_err(|problem| Error::invalid("region", problem))?;
    if !scope.is_ours().await? {
        let message = "the bucket is not the project's of the credentials";
        return Err(Error::new(ErrorKind::PermissionDenied, message));
    }
    // Others may write while we delete: what is found then goes in the next round.
    let emptied = scope
        .patiently(&["conflict"], || async {
            let done = purge(scope, "").await?;
            if done.retained > 0 {
                return Err(still_retained(done.retained));
            }
            scope.run(&buckets::delete(scope.name.as_str())).await
        })
        .await;
    or_missing(emptied).map(|_| ())
}

async fn purge(scope: &Scope, prefix: &str) -> Result<DeletedObjects> {
    let name = scope.name.as_str();
    let listing = pages(move |page: Option<String>| async move {
        let page = scope.run(&objects::list_versions(name, prefix, page.as_deref())).await?;
        Ok(Page::new(page.items, page.next_page_token))
    });
    retention::purge(listing, AT_ONCE, |object| async move { delete(scope, &object).await }).await
}

async fn delete(scope: &Scope, object: &Object) -> Result<Fate> {
    match or_missing(scope.run(&objects::delete(scope.name.as_str(), object)).await) {
        Ok(_) => Ok(Fate::Gone),
        Err(error) if RETAINED.iter().any(|code| has_code(&error, code)) => {
            mark(scope, object).await?;
            Ok(Fate::Retained)
        }
        Err(error) => Err(error.context(format!("object {:?}", object.name))),
    }
}

/// Has the cloud delete what is retained once nothing protects it: a rule of the bucket counts from the custom time.
async fn mark(scope: &Scope, object: &Object) -> Result<()> {
    if object.custom_time.is_some() {
        return Ok(());
    }
    let now = chrono::DateTime::<chrono::Utc>::from(scope.session.clock().now());
    let now = now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let marked = scope.run(&objects::set_custom_time(scope.name.as_str(), object, &now)).await;
    or_missing(marked).map(|_| ()).map_err(|error| error.context(format!("object {:?}", object.name)))
}
