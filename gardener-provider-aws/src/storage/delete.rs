//! Deletion of objects with all their versions, and of buckets.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use gardener_provider_client::retention::still_retained;
use gardener_provider_core::{DeletedObjects, Error, ErrorKind, Result};
use http::StatusCode;

use super::{Scope, has_code, is_no_bucket, patiently, unless_absent};
use crate::{
    api::s3::{
        bucket,
        lifecycle::{self, DELETED_TAG, Rule},
        lock,
        objects::{self, BATCH, NotDeleted, Version, VersionMarker},
        uploads,
    },
    errors,
};

/// Calls about single versions that are under way at the same time.
const AT_ONCE: usize = 8;
/// How often a batch is sent again for what S3 could not delete for reasons of its own.
const ROUNDS: u32 = 6;

/// Deletes all below `prefix`; of a bucket that is not there, nothing.
pub(super) async fn prefix(scope: &Scope, prefix: &str) -> Result<DeletedObjects> {
    match Purge::of(scope, prefix).await {
        Err(error) if is_no_bucket(&error) => Ok(DeletedObjects::default()),
        done => done.map_err(|error| scope.moved(error)),
    }
}

/// Deletes the bucket and all in it; one that is not there counts as deleted.
pub(super) async fn bucket(scope: &Scope) -> Result<()> {
    match empty_and_delete(scope).await {
        Err(error) if is_no_bucket(&error) => Ok(()),
        done => done.map_err(|error| scope.moved(error)),
    }
}

async fn empty_and_delete(scope: &Scope) -> Result<()> {
    // Others may write while we delete, and listings may be behind: what is found then goes in the next round.
    patiently(scope, &["BucketNotEmpty", "OperationAborted"], || async {
        abort_uploads(scope).await?;
        let done = Purge::of(scope, "").await?;
        if done.retained > 0 {
            return Err(still_retained(done.retained));
        }
        scope.run(&bucket::delete_bucket(&scope.target)).await
    })
    .await
}

async fn abort_uploads(scope: &Scope) -> Result<()> {
    let mut page = None;
    loop {
        let found = scope.run(&uploads::list_uploads(&scope.target, "", page.as_ref())).await?;
        // An upload whose key cannot be addressed does not keep the bucket from being deleted.
        let calls =
            found.uploads.iter().filter_map(|upload| uploads::abort_upload(&scope.target, upload).ok());
        let calls: Vec<_> = calls.map(|call| async move { unless_absent(scope.run(&call).await) }).collect();
        stream::iter(calls).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
        match found.next {
            Some(next) if page.as_ref() != Some(&next) => page = Some(next),
            Some(_) => return Err(Error::internal("S3 answers one page of uploads over and over")),
            None => return Ok(()),
        }
    }
}

/// Deletes page by page, and per key versions before delete markers: without its marker a retained version would come
/// into sight again.
struct Purge<'a> {
    scope: &'a Scope,
    deleted: u64,
    retained: Vec<Version>,
    /// Keys of which a version is retained.
    kept: HashSet<String>,
    /// Markers of the page's last key, of which versions may be on the next page.
    markers: Vec<Version>,
}

impl<'a> Purge<'a> {
    async fn of(scope: &'a Scope, prefix: &str) -> Result<DeletedObjects> {
        let mut purge = Self { scope, deleted: 0, retained: vec![], kept: HashSet::new(), markers: vec![] };
        let mut page: Option<VersionMarker> = None;
        loop {
            let listing = objects::list_versions(&scope.target, prefix, page.as_ref());
            let found = scope.run(&listing).await?;
            let last = found.next.as_ref().map(|next| next.key.clone());
            purge.page(found.versions, last.as_deref()).await?;
            match found.next {
                Some(next) if page.as_ref() != Some(&next) => page = Some(next),
                Some(_) => return Err(Error::internal("S3 answers one page of versions over and over")),
                None => break,
            }
        }
        purge.mark_retained().await?;
        let retained = u64::try_from(purge.retained.len()).unwrap_or(u64::MAX);
        Ok(DeletedObjects::new(purge.deleted, retained))
    }

    async fn page(&mut self, listed: Vec<objects::Listed>, last: Option<&str>) -> Result<()> {
        let (markers, versions): (Vec<_>, Vec<_>) = listed.into_iter().partition(|listed| listed.is_marker);
        self.delete(versions.into_iter().map(|listed| listed.version).collect()).await?;
        let markers = std::mem::take(&mut self.markers)
            .into_iter()
            .chain(markers.into_iter().map(|listed| listed.version));
        let (later, now): (Vec<_>, Vec<_>) = markers.partition(|marker| Some(marker.key.as_str()) == last);
        self.markers = later;
        let now = now.into_iter().filter(|marker| !self.kept.contains(&marker.key)).collect();
        self.delete(now).await
    }

    async fn delete(&mut self, versions: Vec<Version>) -> Result<()> {
        let (in_batches, singly): (Vec<_>, Vec<_>) =
            versions.into_iter().partition(|version| objects::fits_into_xml(&version.key));
        let mut denied = Vec::new();
        for batch in in_batches.chunks(BATCH) {
            denied.extend(self.delete_batch(batch).await?);
        }
        for version in singly {
            match unless_absent(self.scope.run(&objects::delete_object(&self.scope.target, &version)?).await)
            {
                Ok(_) => self.deleted += 1,
                Err(error) if error.kind() == ErrorKind::PermissionDenied => denied.push((version, error)),
                Err(error) => return Err(error),
            }
        }
        self.sort_out(denied).await
    }

    /// What the batch could not delete because it may not.
    async fn delete_batch(&mut self, batch: &[Version]) -> Result<Vec<(Version, Error)>> {
        let mut left = batch.to_vec();
        let mut denied = Vec::new();
        for round in 1.. {
            let failures = self.scope.run(&objects::delete_objects(&self.scope.target, &left)).await?;
            let sent = std::mem::take(&mut left);
            let mut gone = sent.len();
            for failure in &failures {
                let error = error_of(failure);
                let meant: Vec<_> =
                    sent.iter().filter(|version| failure.is_about(version)).cloned().collect();
                match error.kind() {
                    ErrorKind::NotFound => continue,
                    ErrorKind::Unavailable | ErrorKind::RateLimited if round < ROUNDS => {
                        left.extend(meant.iter().cloned());
                    }
                    ErrorKind::PermissionDenied | ErrorKind::FailedPrecondition if !meant.is_empty() => {
                        let message = error.message();
                        denied.extend(meant.iter().map(|version| {
                            let error = Error::new(error.kind(), message).with_cloud_code(&failure.code);
                            (version.clone(), error.with_operation("DeleteObjects"))
                        }));
                    }
                    _ => return Err(error),
                }
                gone = gone.saturating_sub(meant.len());
            }
            self.deleted += u64::try_from(gone).unwrap_or(u64::MAX);
            if left.is_empty() {
                break;
            }
            self.scope.session.clock().sleep(Duration::from_secs(1) * round).await;
        }
        Ok(denied)
    }

    /// Tells versions that a lock retains from those that the credentials may not delete.
    async fn sort_out(&mut self, denied: Vec<(Version, Error)>) -> Result<()> {
        let scope = self.scope;
        let checks = denied.into_iter().map(|(version, error)| async move {
            if is_locked(scope, &version).await? { Ok(version) } else { Err(error) }
        });
        let checks: Vec<_> = checks.collect();
        let locked: Vec<Version> = stream::iter(checks).buffered(AT_ONCE).try_collect().await?;
        self.kept.extend(locked.iter().map(|version| version.key.clone()));
        self.retained.extend(locked);
        Ok(())
    }

    /// Has S3 delete what is retained as soon as nothing protects it.
    async fn mark_retained(&self) -> Result<()> {
        if self.retained.is_empty() {
            return Ok(());
        }
        let scope = self.scope;
        let there =
            unless_absent(scope.run(&lifecycle::get_lifecycle(&scope.target)).await)?.unwrap_or_default();
        if let Some(merged) = there.with(&[Rule::expire_deleted(), Rule::expire_markers()]) {
            scope.patiently(&["OperationAborted"], &lifecycle::put_lifecycle(&scope.target, &merged)).await?;
        }
        let unique: BTreeSet<_> = self.retained.iter().collect();
        let marks: Vec<_> = unique.into_iter().map(|version| mark(scope, version)).collect();
        stream::iter(marks).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(())
    }
}

async fn mark(scope: &Scope, version: &Version) -> Result<()> {
    let (key, value) = DELETED_TAG;
    let mut tags = scope.run(&objects::get_tags(&scope.target, version)?).await?;
    if tags.insert(key.to_owned(), value.to_owned()).as_deref() == Some(value) {
        return Ok(());
    }
    scope.run(&objects::put_tags(&scope.target, version, &tags)?).await
}

async fn is_locked(scope: &Scope, version: &Version) -> Result<bool> {
    let until = no_lock(scope.run(&lock::get_retention(&scope.target, version)?).await)?.flatten();
    if until.is_some_and(|until| until > scope.session.clock().now()) {
        return Ok(true);
    }
    let hold = no_lock(scope.run(&lock::get_legal_hold(&scope.target, version)?).await)?;
    Ok(hold.unwrap_or(false))
}

/// `None` for a version, or a whole bucket, without a lock: S3 answers `InvalidRequest` to the latter.
fn no_lock<R>(result: Result<R>) -> Result<Option<R>> {
    match unless_absent(result) {
        Err(error) if has_code(&error, "InvalidRequest") => Ok(None),
        done => done,
    }
}

fn error_of(failure: &NotDeleted) -> Error {
    let kind = errors::kind(&failure.code, StatusCode::OK);
    let NotDeleted { version, code, message } = failure;
    let id = version.id.as_ref().map(|id| format!(" version {id}")).unwrap_or_default();
    let message = format!("object {:?}{id}: {message}", version.key);
    Error::new(kind, message).with_operation("DeleteObjects").with_cloud_code(code)
}

#[cfg(test)]
mod tests {
    use gardener_provider_client::fake::FakeTransport;
    use gardener_provider_core::{BucketName, BucketRef, ObjectPrefix};

    use super::*;
    use crate::testing::{builder, region, secret};

    const PAGE: &str = "<L><Version><Key>a/1</Key><VersionId>v1</VersionId></Version>\
        <Version><Key>a/2</Key><VersionId>v2</VersionId></Version><IsTruncated>false</IsTruncated></L>";

    async fn purge(script: &FakeTransport) -> Result<DeletedObjects> {
        let storage = builder(script).build()?.storage;
        let bucket = BucketRef::new(BucketName::new("backup")?, region(), secret());
        storage.delete_prefix(&bucket, &ObjectPrefix::new("a")?).await
    }

    fn failing(code: &str, id: &str) -> String {
        let id = if id.is_empty() { String::new() } else { format!("<VersionId>{id}</VersionId>") };
        format!(
            "<DeleteResult><Error><Key>a/2</Key>{id}<Code>{code}</Code><Message>m</Message></Error></DeleteResult>"
        )
    }

    fn body(script: &FakeTransport, number: usize) -> String {
        String::from_utf8(script.requests()[number].body().to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_is_sent_again_and_nothing_else() {
        for id in ["v2", ""] {
            let script = FakeTransport::new()
                .reply(200, PAGE)
                .reply(200, failing("InternalError", id))
                .reply(200, "<DeleteResult/>");
            assert_eq!(purge(&script).await.unwrap(), DeletedObjects::new(2, 0));
            let again = body(&script, 2);
            assert!(again.contains("<Key>a/2</Key><VersionId>v2</VersionId>"), "{again}");
            assert!(!again.contains("a/1"), "{again}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_succeeds_is_reported_by_key_and_code() {
        let mut script = FakeTransport::new().reply(200, PAGE);
        for _ in 0..ROUNDS {
            script = script.reply(200, failing("SlowDown", "v2"));
        }
        let error = purge(&script).await.unwrap_err();
        assert_eq!((error.kind(), error.cloud_code()), (ErrorKind::RateLimited, Some("SlowDown")));
        assert!(error.to_string().contains("\"a/2\" version v2"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_already_counts_as_deleted() {
        let script = FakeTransport::new().reply(200, PAGE).reply(200, failing("NoSuchVersion", "v2"));
        assert_eq!(purge(&script).await.unwrap(), DeletedObjects::new(2, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_without_a_lock_is_a_denial() {
        let no_lock = "<Error><Code>InvalidRequest</Code><Message>no lock</Message></Error>";
        let script = FakeTransport::new()
            .reply(200, PAGE)
            .reply(200, failing("AccessDenied", "v2"))
            .reply(400, no_lock)
            .reply(400, no_lock);
        let error = purge(&script).await.unwrap_err();
        assert_eq!((error.kind(), error.cloud_code()), (ErrorKind::PermissionDenied, Some("AccessDenied")));
        assert!(error.to_string().contains("a/2"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_retains_as_a_lock_does() {
        let absent = "<Error><Code>NoSuchObjectLockConfiguration</Code><Message>none</Message></Error>";
        let script = FakeTransport::new()
            .reply(200, PAGE)
            .reply(200, failing("AccessDenied", "v2"))
            .reply(404, absent)
            .reply(200, "<LegalHold><Status>ON</Status></LegalHold>")
            .reply(404, "<Error><Code>NoSuchLifecycleConfiguration</Code></Error>")
            .reply(200, "")
            .reply(200, "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>")
            .reply(200, "");
        assert_eq!(purge(&script).await.unwrap(), DeletedObjects::new(1, 1));
        assert!(body(&script, 5).contains("gardener-expire-deleted"));
        let tags = body(&script, 7);
        assert!(
            tags.contains("<Key>k</Key>") && tags.contains("<Key>gardener.cloud/deleted</Key>"),
            "{tags}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_xml_cannot_hold_are_deleted_one_by_one() {
        let page = "<L><EncodingType>url</EncodingType><Version><Key>a%2F%01</Key><VersionId>v1</VersionId></Version>\
            <IsTruncated>false</IsTruncated></L>";
        let script = FakeTransport::new().reply(200, page).reply(204, "");
        assert_eq!(purge(&script).await.unwrap(), DeletedObjects::new(1, 0));
        let request = &script.requests()[1];
        assert_eq!(request.method(), "DELETE");
        assert!(request.uri().to_string().ends_with("/a/%01?versionId=v1"), "{}", request.uri());
    }
}
