//! Deletion: the machine and all that came with it.

use std::time::Duration;

use futures::future::join_all;
use gardener_provider_client::poll::Poll;
use gardener_provider_core::{ErrorKind, Result};

use super::{Job, NAME_TAG, fleet::Parts, tag};
use crate::api::{
    ResourceId, disks,
    disks::Disk,
    network_interfaces,
    operations::Change,
    virtual_machines::{
        self, AttachedDisks, DeleteOptions, DeleteOptionsProperties, NetworkProfile, VirtualMachine,
    },
};

/// Until disks and network interface have let go of a machine that is gone. An interface stays reserved for three minutes
/// after a failed creation
/// ([source](https://github.com/Azure/karpenter-provider-azure/issues/92)).
const RELEASE: Poll =
    Poll::new(Duration::from_secs(2), Duration::from_secs(360)).with_max_interval(Duration::from_secs(15));

const DELETE: &str = "Delete";

/// Deletes the machine and returns when it is gone, with what it left.
pub(super) async fn delete(job: &Job<'_>) -> Result<()> {
    if let Some(found) = job.find().await? {
        end(job, &found.machine).await?;
    }
    sweep(job).await
}

async fn end(job: &Job<'_>, machine: &VirtualMachine) -> Result<()> {
    if let Some(options) = missing_options(job, machine).filter(|_| can_be_updated(machine)) {
        match job.session.change(&virtual_machines::update(&job.machine_id(), &options)).await {
            Ok(_) => {}
            // Its disks and network interface are deleted after it, then.
            Err(error) if is_about_the_machine(error.kind()) => {
                tracing::warn!(%error, machine = job.names.machine, "its parts will not go with it");
            }
            Err(error) => return Err(error),
        }
    }
    job.session.change(&virtual_machines::delete(&job.machine_id())).await
}

/// Azure refuses to update a machine that has failed, or that is giving a disk away.
fn can_be_updated(machine: &VirtualMachine) -> bool {
    let state = machine.properties.provisioning_state.as_str();
    let is_settled = !["failed", "deleting"].iter().any(|other| state.eq_ignore_ascii_case(other));
    let disks = &machine.properties.storage_profile.data_disks;
    is_settled && disks.iter().all(|disk| disk.to_be_detached != Some(true))
}

fn is_about_the_machine(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::InvalidArgument
            | ErrorKind::FailedPrecondition
            | ErrorKind::Conflict
            | ErrorKind::DependencyViolation
            | ErrorKind::Internal
    )
}

/// What has to be changed so that the machine takes its own disks and network interface with it; none if it does already.
/// Disks of PersistentVolumes and other network interfaces stay as they are.
fn missing_options(job: &Job<'_>, machine: &VirtualMachine) -> Option<DeleteOptions> {
    let storage = &machine.properties.storage_profile;
    let mut os_disk = storage.os_disk.clone();
    let mut data_disks = storage.data_disks.clone();
    let mut interfaces = machine.properties.network_profile.network_interfaces.clone();
    let mut changed = set(&mut os_disk.delete_option);
    for disk in &mut data_disks {
        if disk.name.as_deref().is_some_and(|name| job.names.has_disk(name)) {
            changed |= set(&mut disk.delete_option);
        }
    }
    let ours = job.interface_id();
    for interface in &mut interfaces {
        if interface.id.parse::<ResourceId>().is_ok_and(|id| id == ours) {
            changed |= set(&mut interface.properties.delete_option);
        }
    }
    let properties = DeleteOptionsProperties {
        storage_profile: AttachedDisks { os_disk, data_disks },
        network_profile: NetworkProfile { network_interfaces: interfaces },
    };
    changed.then_some(DeleteOptions { properties })
}

/// True if it was not set before.
fn set(option: &mut Option<String>) -> bool {
    let is_set = option.as_ref().is_some_and(|option| option.eq_ignore_ascii_case(DELETE));
    *option = Some(DELETE.to_owned());
    !is_set
}

/// Deletes what a machine left: after a half-done creation, or because it could not take it along.
async fn sweep(job: &Job<'_>) -> Result<()> {
    let look = || async {
        let parts = job.session.fleet().parts(&job.group, &job.names).await?;
        let mut left = false;
        let deletions = leftovers(job, &parts);
        for result in join_all(deletions.iter().map(|change| job.session.change(change))).await {
            match result {
                Ok(()) => {}
                Err(error) if is_held(error.kind()) => {
                    tracing::debug!(%error, "a part still holds on to its machine");
                    left = true;
                }
                Err(error) => return Err(error),
            }
        }
        Ok((!left).then_some(()))
    };
    let what = format!("the disks and network interface of machine {} to go", job.names.machine);
    RELEASE.until_some(&**job.session.clock(), what, look).await
}

fn is_held(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::DependencyViolation | ErrorKind::FailedPrecondition | ErrorKind::Conflict)
}

/// What is the machine's by its exact name, or by the tag with the machine's name, is marked as the cluster's and is not
/// in use by another machine.
fn leftovers(job: &Job<'_>, parts: &Parts) -> Vec<Change<()>> {
    let ours = job.machine_id();
    let is_free = |user: Option<&str>| {
        user.is_none_or(|user| user.is_empty() || user.parse::<ResourceId>().is_ok_and(|id| id == ours))
    };
    let interface = parts.interface.iter().filter(|found| {
        let user = found.properties.virtual_machine.as_ref().map(|machine| machine.id.as_str());
        job.owns(&found.tags) && is_free(user)
    });
    let is_ours = |disk: &&Disk| {
        let is_named = job.names.has_disk(&disk.name)
            || tag(&disk.tags, NAME_TAG).is_some_and(|name| name == job.names.machine);
        is_named && job.owns(&disk.tags) && is_free(disk.managed_by.as_deref())
    };
    let disks = parts.disks.iter().filter(is_ours);
    interface
        .map(|_| network_interfaces::delete(&job.interface_id()))
        .chain(disks.map(|disk| disks::delete(&job.disk_id(&disk.name))))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn machine(state: &str, disks: Value) -> VirtualMachine {
        let properties = json!({ "provisioningState": state, "storageProfile": { "dataDisks": disks } });
        serde_json::from_value(json!({ "name": "m-1", "properties": properties })).unwrap()
    }

    #[test]
    fn a_machine_that_failed_or_gives_a_disk_away_cannot_be_updated() {
        let disk = |leaves: bool| json!([{ "lun": 0, "createOption": "Attach", "toBeDetached": leaves }]);
        assert!(can_be_updated(&machine("Succeeded", disk(false))));
        assert!(can_be_updated(&machine("Updating", json!(null))));
        assert!(!can_be_updated(&machine("Succeeded", disk(true))));
        assert!(!can_be_updated(&machine("Failed", json!([]))));
        assert!(!can_be_updated(&machine("deleting", json!([]))));
    }
}
