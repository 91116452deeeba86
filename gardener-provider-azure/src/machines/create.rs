//! Creation: exactly one machine, however often and wherever it is interrupted.

use std::{ops::ControlFlow, time::Duration};

use futures::future::{join, join_all};
use gardener_provider_client::{machines::dangling, poll::Poll};
use gardener_provider_core::{Error, ErrorKind, MachineStatus, Result};

use super::{Found, Job, UID_TAG, delete, fleet::Sighting, status, tag};
use crate::{
    api::{
        disks,
        network_interfaces::{self, NetworkInterface},
        virtual_machines::{self, VirtualMachine},
    },
    errors,
};

/// Until a machine that is in the way shows in reads.
const APPEARANCE: Poll =
    Poll::new(Duration::from_millis(500), Duration::from_secs(120)).with_max_interval(Duration::from_secs(5));
/// What Azure takes to make a machine, at most; its own clients wait as long.
const CREATION: Poll =
    Poll::new(Duration::from_secs(2), Duration::from_secs(900)).with_max_interval(Duration::from_secs(15));

pub(super) async fn create(job: &Job<'_>) -> Result<MachineStatus> {
    job.user_data()?;
    let sighting = job.sight().await?;
    if let Some(found) = check(job, sighting)? {
        return adopt(job, found).await;
    }
    let plan = job.plan().await.map_err(dangling)?;
    let image = job.spec.properties.storage_profile.image_reference.reference();
    let machine = job.virtual_machine(image, plan)?;
    let mut made = make(job, &machine).await;
    if made.as_ref().is_err_and(has_leftovers) && job.sight().await?.machine.is_none() {
        delete::delete(job).await?;
        made = make(job, &machine).await;
    }
    match made {
        // It was seen as every later call looks for it: the change ends with a read.
        Ok(found) => status::of(&found, &job.spec),
        Err(error) if is_taken(&error) => match holder(job).await? {
            Some(found) => adopt(job, found).await,
            None => Err(error),
        },
        Err(error) => Err(fail(job, error).await),
    }
}

async fn make(job: &Job<'_>, machine: &VirtualMachine) -> Result<Found> {
    let interface = parts(job).await?;
    let machine = job.session.change(&virtual_machines::create(&job.machine_id(), machine)).await?;
    Ok(Found { machine, interface: Some(interface) })
}

/// True if a disk of a machine's name is there without the machine: somebody deleted the machine alone.
fn has_leftovers(error: &Error) -> bool {
    error.cloud_code() == Some("ConflictingUserInput")
}

/// The machine, if it is there already; none if it can be created.
fn check(job: &Job<'_>, sighting: Sighting) -> Result<Option<Found>> {
    let name = &job.names.machine;
    let taken = |what: &str| {
        let message = format!("{what}; delete it first");
        Err(Error::new(ErrorKind::AlreadyExists, message))
    };
    let Sighting { machine, interface } = sighting;
    let Some(machine) = machine else {
        return match interface {
            Some(found) if !job.owns(&found.tags) => {
                taken(&format!("network interface {} is not this cluster's", job.names.interface))
            }
            _ => Ok(None),
        };
    };
    if !job.owns(&machine.tags) {
        return taken(&format!("virtual machine {name} is not this cluster's"));
    }
    // A provider id says that it is the one.
    let is_named = job.request.machine.provider_id.is_some();
    match tag(&machine.tags, UID_TAG) {
        Some(uid) if uid != job.request.machine.uid.as_str() && !is_named => {
            taken(&format!("virtual machine {name} belongs to another Machine, of UID {uid}"))
        }
        _ => Ok(Some(Found { machine, interface })),
    }
}

/// The network interface and the disks that are copies of images, at the same time. All of them have ended when this
/// returns, so that nothing comes into being behind a clean-up.
async fn parts(job: &Job<'_>) -> Result<NetworkInterface> {
    let interface = network_interfaces::create_or_update(&job.interface_id(), &job.interface());
    let interface = job.session.change(&interface);
    let all = job.spec.properties.storage_profile.data_disks.iter().enumerate();
    let copies = all.filter(|(_, disk)| disk.image_ref.is_some()).map(|(index, _)| copy(job, index));
    let (interface, copies) = join(interface, join_all(copies)).await;
    copies.into_iter().collect::<Result<()>>()?;
    interface
}

/// A data disk that begins as a copy of an image.
async fn copy(job: &Job<'_>, index: usize) -> Result<()> {
    let disk = &job.spec.properties.storage_profile.data_disks[index];
    let Some(image) = &disk.image_ref else { return Ok(()) };
    let id = job.disk_id(&job.names.data_disks[index]);
    let (source, existing) = (job.source(index, image).await?, job.session.find(&disks::get(&id)).await?);
    if existing.is_some_and(|found| !job.owns(&found.tags)) {
        let message = format!("disk {} is not this cluster's; delete it first", id.name());
        return Err(Error::new(ErrorKind::AlreadyExists, message));
    }
    job.session.change(&disks::create_or_update(&id, &job.disk(disk, source))).await.map(|_| ())
}

/// True if the machine may be there already: somebody else was faster, or the reply to our own request was lost.
fn is_taken(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists | ErrorKind::FailedPrecondition)
}

/// The machine that was in the way; none if there is none after all.
async fn holder(job: &Job<'_>) -> Result<Option<Found>> {
    let look = || async { check(job, job.sight().await?) };
    let what = format!("virtual machine {}", job.names.machine);
    match APPEARANCE.until_some(&**job.session.clock(), what, look).await {
        Err(error) if error.kind() == ErrorKind::DeadlineExceeded => Ok(None),
        found => found.map(Some),
    }
}

/// Takes a machine over that an earlier, interrupted call created.
async fn adopt(job: &Job<'_>, found: Found) -> Result<MachineStatus> {
    let first = std::sync::Mutex::new(Some(found));
    let look = || async {
        let seen = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let found = match seen {
            Some(found) => Some(found),
            None => job.find().await?,
        };
        let Some(found) = found else {
            let message = format!("virtual machine {} went away while it was created", job.names.machine);
            return Err(Error::new(ErrorKind::Conflict, message));
        };
        let state = found.machine.properties.provisioning_state.to_ascii_lowercase();
        match state.as_str() {
            "creating" => Ok(ControlFlow::Continue(None)),
            "deleting" => {
                let message = format!("virtual machine {} is being deleted", job.names.machine);
                Err(Error::new(ErrorKind::Conflict, message))
            }
            _ => Ok(ControlFlow::Break(found)),
        }
    };
    let what = format!("virtual machine {} to be made", job.names.machine);
    let found = CREATION.until(&**job.session.clock(), what, look).await?;
    let reason = if has_failed(&found.machine) { failure(job).await? } else { None };
    match reason {
        Some(error) => Err(fail(job, error).await),
        None => status::of(&found, &job.spec),
    }
}

fn has_failed(machine: &VirtualMachine) -> bool {
    machine.properties.provisioning_state.eq_ignore_ascii_case("failed")
}

/// Why a machine was not made for want of room. A machine that failed for another reason may run all the same, as one whose
/// image has no agent to report that it is up.
async fn failure(job: &Job<'_>) -> Result<Option<Error>> {
    let view = virtual_machines::get_with_instance_view(&job.machine_id());
    let machine = job.session.find(&view).await?;
    let statuses = machine.and_then(|machine| machine.properties.instance_view).unwrap_or_default().statuses;
    let reasons = statuses.into_iter().filter_map(|status| {
        let code = status.code.strip_prefix("ProvisioningState/failed/")?.to_owned();
        let message = status.message.unwrap_or_default();
        let kind = errors::exact(&code, &message).filter(|kind| is_shortage(*kind))?;
        Some(Error::new(kind, message).with_cloud_code(code).with_operation("VirtualMachines_CreateOrUpdate"))
    });
    Ok(reasons.into_iter().next())
}

fn is_shortage(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::OutOfCapacity | ErrorKind::QuotaExceeded)
}

/// A creation has failed. One for want of room leaves nothing behind; the caller tries another place.
async fn fail(job: &Job<'_>, error: Error) -> Error {
    if error.kind() == ErrorKind::FailedPrecondition {
        job.session.fleet().forget_offers();
    }
    if !is_shortage(error.kind()) {
        return dangling(error);
    }
    match clean_up(job).await {
        Ok(()) => error,
        Err(cleaning) => {
            tracing::warn!(%cleaning, machine = job.names.machine, "a failed creation left something behind");
            error.context("and what it left could not all be deleted")
        }
    }
}

/// Deletes what a failed creation left; not the machine of somebody who was luckier at the same time.
async fn clean_up(job: &Job<'_>) -> Result<()> {
    let uid = job.request.machine.uid.as_str();
    match job.sight().await?.machine {
        Some(machine) if tag(&machine.tags, UID_TAG) != Some(uid) => Ok(()),
        Some(machine) if !has_failed(&machine) => Ok(()),
        _ => delete::delete(job).await,
    }
}
