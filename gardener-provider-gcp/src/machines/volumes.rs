//! Which disks of Compute Engine PersistentVolumes are.

use gardener_provider_client::machines::{VolumeHandle, volume_ids};
use gardener_provider_core::{PersistentVolumeSpec, Result, VolumeId};

const CSI_DRIVER: &str = "pd.csi.storage.gke.io";

/// The ids of the disks among `volumes`, in order: the name of a disk of the in-tree plugin, the handle of one of the CSI
/// driver, as the nodes' lists of attached volumes have them.
pub(super) fn ids(volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
    volume_ids(
        volumes,
        CSI_DRIVER,
        |volume| {
            let disk = volume.gce_persistent_disk.as_ref()?;
            Some(("gcePersistentDisk.pdName", disk.pd_name.as_str()))
        },
        |handle| match handle {
            VolumeHandle::Csi(handle) => read_handle(handle),
            VolumeHandle::InTree(name) => read_name(name),
        },
    )
}

/// `projects/<project>/zones/<zone>/disks/<name>`, or with `regions/<region>`
/// ([source](https://github.com/kubernetes-sigs/gcp-compute-persistent-disk-csi-driver)).
fn read_handle(handle: &str) -> Result<String, String> {
    let segments: Vec<_> = handle.split('/').collect();
    let is_given = segments.iter().all(|segment| !segment.is_empty());
    match segments.as_slice() {
        ["projects", _, "zones" | "regions", _, "disks", _] if is_given => Ok(handle.to_owned()),
        _ => {
            let expected = "expected projects/<project>/zones/<zone>/disks/<name>";
            Err(format!("{handle:?} is no handle of a disk; {expected}"))
        }
    }
}

fn read_name(name: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(inner) {
        return Err(format!("{name:?} is no name of a disk"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{CsiVolume, GcePersistentDisk};

    use super::*;

    fn csi(driver: &str, handle: &str) -> PersistentVolumeSpec {
        let mut spec = PersistentVolumeSpec::default();
        spec.csi = Some(CsiVolume { driver: driver.to_owned(), volume_handle: handle.to_owned() });
        spec
    }

    fn in_tree(name: &str) -> PersistentVolumeSpec {
        let mut spec = PersistentVolumeSpec::default();
        spec.gce_persistent_disk = Some(GcePersistentDisk { pd_name: name.to_owned() });
        spec
    }

    #[test]
    fn disks_are_found_in_order_and_others_left_out() {
        let zonal = "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/pvc-1";
        let regional = "projects/p/regions/europe-west1/disks/pvc-2";
        let volumes = [
            csi(CSI_DRIVER, zonal),
            csi("disk.csi.azure.com", "/subscriptions/x"),
            in_tree("pd-3"),
            PersistentVolumeSpec::default(),
            csi(CSI_DRIVER, regional),
        ];
        let ids: Vec<_> = ids(&volumes).unwrap().into_iter().map(String::from).collect();
        assert_eq!(ids, [zonal, "pd-3", regional]);
    }

    #[test]
    fn a_handle_that_cannot_be_right_is_named() {
        let handle = "persistentVolumes[0].spec.csi.volumeHandle";
        for (volume, field) in [
            (csi(CSI_DRIVER, ""), handle),
            (csi(CSI_DRIVER, "pvc-1"), handle),
            (csi(CSI_DRIVER, "projects/p/zones//disks/d"), handle),
            (csi(CSI_DRIVER, "projects/p/zones/z/disks/a b"), handle),
            (in_tree(""), "persistentVolumes[0].spec.gcePersistentDisk.pdName"),
            (in_tree("a/b"), "persistentVolumes[0].spec.gcePersistentDisk.pdName"),
        ] {
            let error = ids(&[volume]).unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }
}
