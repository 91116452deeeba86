//! Deletion: the instance and all that came with it.

use std::time::Duration;

use gardener_provider_client::{
    pages::all_pages,
    poll::{Poll, patiently},
};
use gardener_provider_core::{Error, ErrorKind, Result};

use super::{CLUSTER_LABEL, Job, status::Place};
use crate::api::{disks, disks::Disk, instances, instances::Instance, operations};

/// For how long an instance may be busy with something else, such as its creation.
const BUSY: Duration = Duration::from_secs(300);
/// What Compute Engine says of a resource that is busy.
const BUSY_CODES: &[&str] =
    &["resourceNotReady", "RESOURCE_NOT_READY", "CONFLICT", "OPERATION_CANCELED_BY_USER"];
/// Until disks have let go of an instance that has ended.
const RELEASE: Poll =
    Poll::new(Duration::from_secs(1), Duration::from_secs(120)).with_max_interval(Duration::from_secs(10));

/// Deletes the machine and returns when it is gone. Disks go with their instance; those that did not, and that the class
/// does not keep by `autoDelete: false`, are deleted one by one.
pub(super) async fn delete(job: &Job<'_>) -> Result<()> {
    let targets = targets(job).await?;
    let ends = targets.instances.iter().map(|instance| end(job, instance));
    futures::future::try_join_all(ends).await?;
    // Leftovers cannot be told from what another instance of the same name is about to get.
    if targets.others_live { Ok(()) } else { sweep(job, &targets.instances).await }
}

#[derive(Debug, Default)]
struct Targets {
    instances: Vec<Instance>,
    /// Instances of the same name are not to be deleted.
    others_live: bool,
}

async fn targets(job: &Job<'_>) -> Result<Targets> {
    let Some(place) = job.place()? else {
        let found = job.named().await?;
        let instances = if found.is_empty() { begun(job, &job.own_place()).await? } else { found };
        return Ok(Targets { instances, others_live: false });
    };
    let (listed, found) = futures::future::try_join(job.listed(), job.at(&place)).await?;
    let others_live = listed.iter().any(|instance| Place::of(instance) != place);
    let instances = match found {
        Some(found) if !found.has_tags(&job.tags) => return Err(foreign(job, &place)),
        Some(found) => vec![found],
        None => begun(job, &place).await?,
    };
    Ok(Targets { instances, others_live })
}

fn foreign(job: &Job<'_>, place: &Place) -> Error {
    let Place { zone, name } = place;
    let lacks = format!("lacks the tags {}", job.tags.join(", "));
    let message = format!("instance {zone}/{name} {lacks}: it is not this cluster's and was not deleted");
    Error::new(ErrorKind::FailedPrecondition, message)
}

/// The instance whose creation is still under way, begun by a call that was interrupted.
async fn begun(job: &Job<'_>, place: &Place) -> Result<Vec<Instance>> {
    let under_way = "(operationType = \"insert\") (status != \"DONE\")";
    let project = job.session.project();
    let operations = all_pages(|token: Option<String>| {
        let list = operations::list_zonal(project, &place.zone, Some(under_way), token.as_deref());
        async move { job.session.run(&list).await }
    });
    let address = format!("/zones/{}/instances/{}", place.zone, place.name);
    let creation = operations.await?.into_iter().find(|one| one.target_link.ends_with(&address));
    let Some(creation) = creation else { return Ok(Vec::new()) };
    match job.session.done(creation).await {
        // That it failed is as good; that nobody knows is not.
        Err(error) if is_unknown(error.kind()) => return Err(error),
        _ => {}
    }
    Ok(job.at(place).await?.into_iter().filter(|found| found.has_tags(&job.tags)).collect())
}

fn is_unknown(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::DeadlineExceeded | ErrorKind::RateLimited)
}

async fn end(job: &Job<'_>, instance: &Instance) -> Result<()> {
    let Place { zone, name } = Place::of(instance);
    if instance.deletion_protection {
        let problem = "is protected against deletion; take its deletionProtection away";
        return Err(Error::new(ErrorKind::FailedPrecondition, format!("instance {zone}/{name} {problem}")));
    }
    let deletion = instances::delete(job.session.project(), &zone, &name);
    patiently(&**job.session.clock(), BUSY, BUSY_CODES, || job.session.remove(&deletion)).await
}

/// Deletes what the instances left behind.
async fn sweep(job: &Job<'_>, ended: &[Instance]) -> Result<()> {
    let cluster = job.spec.cluster()?;
    let look = || async {
        let mut disks = job.session.fleet().disks(job.lookup()).await?;
        disks.retain(|disk| disk.labels.get(CLUSTER_LABEL).map(String::as_str) == Some(cluster));
        let (held, free): (Vec<_>, Vec<_>) =
            disks.into_iter().filter(|disk| is_left(disk, ended)).partition(is_held);
        for disk in free {
            let deletion = disks::delete(job.session.project(), disk.zone(), &disk.name);
            job.session.remove(&deletion).await?;
        }
        Ok(held.is_empty().then_some(()))
    };
    let what = format!("the disks of machine {} to go", job.request.machine.name);
    RELEASE.until_some(&**job.session.clock(), what, look).await
}

/// True if nobody else has the disk now.
fn is_left(disk: &Disk, ended: &[Instance]) -> bool {
    let has_ended = |user: &String| {
        let ends_with = |instance: &Instance| {
            user.ends_with(&format!("/zones/{}/instances/{}", instance.zone(), instance.name))
        };
        ended.iter().any(ends_with)
    };
    disk.users.iter().all(has_ended)
}

/// True if the disk will be free, or gone, in a moment.
fn is_held(disk: &Disk) -> bool {
    !disk.users.is_empty() || matches!(disk.status.as_str(), "CREATING" | "RESTORING" | "DELETING")
}
