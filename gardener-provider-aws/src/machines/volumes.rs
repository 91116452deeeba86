//! Which volumes of EC2 PersistentVolumes are.

use gardener_provider_client::machines::{VolumeHandle, volume_ids};
use gardener_provider_core::{PersistentVolumeSpec, Result, VolumeId};

const CSI_DRIVER: &str = "ebs.csi.aws.com";

/// The ids of the EBS volumes among `volumes`, in order.
pub(super) fn ids(volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
    volume_ids(
        volumes,
        CSI_DRIVER,
        |volume| {
            let volume = volume.aws_elastic_block_store.as_ref()?;
            Some(("awsElasticBlockStore.volumeID", volume.volume_id.as_str()))
        },
        read,
    )
}

fn read(handle: VolumeHandle<'_>) -> Result<String, String> {
    let id = match handle {
        VolumeHandle::Csi(id) => id,
        // `aws://<zone>/<id>`, or the id alone.
        VolumeHandle::InTree(text) => text.rsplit('/').next().unwrap_or(text),
    };
    let id_chars = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if id.strip_prefix("vol-").is_some_and(id_chars) {
        Ok(id.to_owned())
    } else {
        Err(format!("{id:?} is no volume id such as vol-0123456789abcdef0"))
    }
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{AwsElasticBlockStore, CsiVolume};

    use super::*;

    fn csi(driver: &str, handle: &str) -> PersistentVolumeSpec {
        let mut spec = PersistentVolumeSpec::default();
        spec.csi = Some(CsiVolume { driver: driver.to_owned(), volume_handle: handle.to_owned() });
        spec
    }

    fn in_tree(id: &str) -> PersistentVolumeSpec {
        let mut spec = PersistentVolumeSpec::default();
        spec.aws_elastic_block_store = Some(AwsElasticBlockStore { volume_id: id.to_owned() });
        spec
    }

    #[test]
    fn ebs_volumes_are_found_in_order_and_others_left_out() {
        let volumes = [
            csi(CSI_DRIVER, "vol-0a1"),
            csi("disk.csi.azure.com", "/subscriptions/x"),
            in_tree("aws://eu-west-1a/vol-0b2"),
            PersistentVolumeSpec::default(),
            in_tree("vol-0c3"),
        ];
        let ids: Vec<_> = ids(&volumes).unwrap().into_iter().map(String::from).collect();
        assert_eq!(ids, ["vol-0a1", "vol-0b2", "vol-0c3"]);
    }

    #[test]
    fn a_handle_that_cannot_be_right_is_named() {
        for (volume, field) in [
            (csi(CSI_DRIVER, ""), "persistentVolumes[0].spec.csi.volumeHandle"),
            (csi(CSI_DRIVER, "vol-"), "persistentVolumes[0].spec.csi.volumeHandle"),
            (in_tree("aws://eu-west-1a/"), "persistentVolumes[0].spec.awsElasticBlockStore.volumeID"),
        ] {
            let error = ids(&[volume]).unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }
}
