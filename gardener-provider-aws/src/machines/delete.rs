//! Deletion: the instance and all that came with it.

use std::time::Duration;

use gardener_provider_client::{poll::Poll, rest::or_gone};
use gardener_provider_core::{Error, ErrorKind, Result};

use super::{Job, fleet::Parts};
use crate::api::{instances::Instance, network_interfaces::delete_network_interface, volumes::delete_volume};

/// Most instances end within a minute, large ones take several; the caller comes back if it takes longer.
const END: Poll =
    Poll::new(Duration::from_secs(2), Duration::from_secs(300)).with_max_interval(Duration::from_secs(15));
/// Until disks and network interfaces have let go of an instance that has ended.
const RELEASE: Poll =
    Poll::new(Duration::from_secs(1), Duration::from_secs(120)).with_max_interval(Duration::from_secs(10));

/// Deletes the machine and returns when it is gone. Disks and network interfaces go with their instance; those that did
/// not, and are not kept by the class's `deleteOnTermination: false`, are deleted one by one.
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
    let Some(id) = job.instance_id()? else {
        return Ok(Targets { instances: job.named().await?, others_live: false });
    };
    let (named, by_id) = futures::future::try_join(job.named(), job.by_id(id)).await?;
    let is_ours = |found: &Instance| job.keys.iter().all(|key| found.tags.contains_key(key));
    let others_live = named.iter().any(|found| found.instance_id != id && !found.is_dead());
    match by_id {
        // The tags of what has ended go some time before its entry does.
        Some(found) if !is_ours(&found) && !found.is_dead() => {
            let keys = job.keys.join(", ");
            let message =
                format!("instance {id} lacks the tags {keys}: it is not this cluster's and was not deleted");
            Err(Error::new(ErrorKind::FailedPrecondition, message))
        }
        found => Ok(Targets { instances: found.into_iter().collect(), others_live }),
    }
}

async fn end(job: &Job<'_>, instance: &Instance) -> Result<()> {
    let id = &instance.instance_id;
    if instance.is_terminated() {
        return Ok(());
    }
    if !instance.is_dead() {
        job.session.fleet().terminate(id).await?;
    }
    let look = || async {
        let found = job.by_id(id).await?;
        Ok(found.is_none_or(|found| found.is_terminated()).then_some(()))
    };
    END.until_some(&**job.session.clock(), format!("instance {id} to end"), look).await
}

/// Deletes what the instances left behind.
async fn sweep(job: &Job<'_>, ended: &[Instance]) -> Result<()> {
    let look = || async {
        let parts = job.session.fleet().parts(&job.keys, job.request.machine.name.as_str()).await?;
        let left = Left::of(job, &parts, ended);
        for id in left.volumes {
            or_gone(job.session.run(&delete_volume(id)).await)?;
        }
        for id in left.interfaces {
            or_gone(job.session.run(&delete_network_interface(id)).await)?;
        }
        Ok((!left.held).then_some(()))
    };
    let what = format!("the disks and network interfaces of machine {} to go", job.request.machine.name);
    RELEASE.until_some(&**job.session.clock(), what, look).await
}

/// What is left of a machine and can be deleted now, and whether more still hangs on an instance that has ended.
#[derive(Debug, Default)]
struct Left<'a> {
    volumes: Vec<&'a str>,
    interfaces: Vec<&'a str>,
    held: bool,
}

impl<'a> Left<'a> {
    fn of(job: &Job<'_>, parts: &'a Parts, ended: &[Instance]) -> Self {
        let keeps_volumes =
            job.spec.block_devices.iter().any(|disk| disk.ebs.delete_on_termination == Some(false));
        let keeps_interfaces = job
            .spec
            .network_interfaces
            .iter()
            .any(|interface| interface.delete_on_termination == Some(false));
        let has_ended =
            |id: &Option<String>| ended.iter().any(|instance| Some(&instance.instance_id) == id.as_ref());
        let mut left = Self::default();
        for volume in parts.volumes.iter().filter(|_| !keeps_volumes) {
            left.held |= volume.attachments.iter().any(|attachment| has_ended(&attachment.instance_id));
            if matches!(volume.status.as_str(), "available" | "error") {
                left.volumes.push(&volume.volume_id);
            }
        }
        for interface in parts.interfaces.iter().filter(|_| !keeps_interfaces) {
            left.held |= has_ended(&interface.attachment.instance_id);
            if interface.status == "available" {
                left.interfaces.push(&interface.network_interface_id);
            }
        }
        left
    }
}
