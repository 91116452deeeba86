//! Which disks of Azure PersistentVolumes are.

use gardener_provider_client::machines::{VolumeHandle, volume_ids};
use gardener_provider_core::{PersistentVolumeSpec, Result, VolumeId};

use crate::api::ResourceId;

const CSI_DRIVER: &str = "disk.csi.azure.com";

/// The disks among `volumes`, in order: those of the CSI driver by their ids, those of the in-tree plugin by their names.
pub(super) fn ids(volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
    volume_ids(
        volumes,
        CSI_DRIVER,
        |volume| volume.azure_disk.as_ref().map(|disk| ("azureDisk.diskName", disk.disk_name.as_str())),
        read,
    )
}

fn read(handle: VolumeHandle<'_>) -> Result<String, String> {
    match handle {
        VolumeHandle::Csi(id) => match id.parse::<ResourceId>() {
            Ok(disk) if disk.is_kind("Microsoft.Compute/disks") => Ok(id.to_owned()),
            _ => Err(format!("{id:?} is no id of a disk")),
        },
        VolumeHandle::InTree(name) if name.contains('/') => Err(format!("{name:?} is no name of a disk")),
        VolumeHandle::InTree(name) => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{AzureDisk, CsiVolume};

    use super::*;

    const DISK: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/pvc-1";

    fn csi(driver: &str, handle: &str) -> PersistentVolumeSpec {
        let mut spec = PersistentVolumeSpec::default();
        spec.csi = Some(CsiVolume { driver: driver.to_owned(), volume_handle: handle.to_owned() });
        spec
    }

    fn in_tree(name: &str) -> PersistentVolumeSpec {
        let mut spec = PersistentVolumeSpec::default();
        spec.azure_disk = Some(AzureDisk { disk_name: name.to_owned() });
        spec
    }

    #[test]
    fn disks_are_found_in_order_and_others_left_out() {
        let volumes = [
            csi(CSI_DRIVER, DISK),
            csi("ebs.csi.aws.com", "vol-1"),
            csi("file.csi.azure.com", "g#account#share"),
            in_tree("pvc-2"),
            PersistentVolumeSpec::default(),
        ];
        let ids: Vec<_> = ids(&volumes).unwrap().into_iter().map(String::from).collect();
        assert_eq!(ids, [DISK, "pvc-2"]);
    }

    #[test]
    fn a_handle_that_cannot_be_right_is_named() {
        for (volume, field) in [
            (csi(CSI_DRIVER, ""), "persistentVolumes[0].spec.csi.volumeHandle"),
            (csi(CSI_DRIVER, "pvc-1"), "persistentVolumes[0].spec.csi.volumeHandle"),
            (csi(CSI_DRIVER, &DISK.replace("disks", "images")), "persistentVolumes[0].spec.csi.volumeHandle"),
            (in_tree(""), "persistentVolumes[0].spec.azureDisk.diskName"),
            (in_tree("a/b"), "persistentVolumes[0].spec.azureDisk.diskName"),
        ] {
            let error = ids(&[volume]).unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }
}
