//! Which disks of Compute Engine PersistentVolumes are.

use gardener_provider_core::{Error, PersistentVolumeSpec, Result, VolumeId};

const CSI_DRIVER: &str = "pd.csi.storage.gke.io";

/// The ids of the disks among `volumes`, in order: the name of a disk of the in-tree plugin, the handle of one of the CSI
/// driver, as the nodes' lists of attached volumes have them.
pub(super) fn ids(volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
    let ids = volumes.iter().enumerate().filter_map(|(index, volume)| {
        let field = |field: &str| format!("persistentVolumes[{index}].spec.{field}");
        let csi = volume.csi.as_ref().filter(|csi| csi.driver == CSI_DRIVER);
        let csi = csi.map(|csi| handle(&field("csi.volumeHandle"), &csi.volume_handle));
        let in_tree = volume.gce_persistent_disk.as_ref();
        csi.or_else(|| in_tree.map(|disk| name(&field("gcePersistentDisk.pdName"), &disk.pd_name)))
    });
    ids.collect()
}

/// `projects/<project>/zones/<zone>/disks/<name>`, or with `regions/<region>`
/// ([source](https://github.com/kubernetes-sigs/gcp-compute-persistent-disk-csi-driver)).
fn handle(field: &str, handle: &str) -> Result<VolumeId> {
    let segments: Vec<_> = handle.split('/').collect();
    let is_given = segments.iter().all(|segment| !segment.is_empty());
    match segments.as_slice() {
        ["projects", _, "zones" | "regions", _, "disks", _] if is_given => volume(field, handle),
        _ => {
            let expected = "expected projects/<project>/zones/<zone>/disks/<name>";
            Err(Error::invalid(field, format!("{handle:?} is no handle of a disk; {expected}")))
        }
    }
}

fn name(field: &str, name: &str) -> Result<VolumeId> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(inner) {
        return Err(Error::invalid(field, format!("{name:?} is no name of a disk")));
    }
    volume(field, name)
}

fn volume(field: &str, id: &str) -> Result<VolumeId> {
    VolumeId::new(id).map_err(|error| Error::invalid(field, error.message()))
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
