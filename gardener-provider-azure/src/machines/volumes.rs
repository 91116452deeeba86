//! Which disks of Azure PersistentVolumes are.

use gardener_provider_core::{Error, PersistentVolumeSpec, Result, VolumeId};

use crate::api::ResourceId;

const CSI_DRIVER: &str = "disk.csi.azure.com";

/// The disks among `volumes`, in order: those of the CSI driver by their ids, those of the in-tree plugin by their names.
pub(super) fn ids(volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
    let ids = volumes.iter().enumerate().filter_map(|(index, volume)| {
        let csi = volume.csi.as_ref().filter(|csi| csi.driver == CSI_DRIVER);
        let field = |field: &str| format!("persistentVolumes[{index}].spec.{field}");
        if let Some(csi) = csi {
            return Some(by_id(&field("csi.volumeHandle"), &csi.volume_handle));
        }
        let in_tree = volume.azure_disk.as_ref()?;
        Some(by_name(&field("azureDisk.diskName"), &in_tree.disk_name))
    });
    ids.collect()
}

fn by_id(field: &str, id: &str) -> Result<VolumeId> {
    ResourceId::of_kind(field, id, "Microsoft.Compute/disks")?;
    volume(field, id)
}

fn by_name(field: &str, name: &str) -> Result<VolumeId> {
    if name.contains('/') {
        return Err(Error::invalid(field, format!("{name:?} is no name of a disk")));
    }
    volume(field, name)
}

fn volume(field: &str, id: &str) -> Result<VolumeId> {
    VolumeId::new(id).map_err(|error| Error::invalid(field, error.message()))
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
