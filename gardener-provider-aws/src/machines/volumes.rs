//! Which volumes of EC2 PersistentVolumes are.

use gardener_provider_core::{Error, PersistentVolumeSpec, Result, VolumeId};

const CSI_DRIVER: &str = "ebs.csi.aws.com";

/// The ids of the EBS volumes among `volumes`, in order.
pub(super) fn ids(volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
    let ids = volumes.iter().enumerate().filter_map(|(index, volume)| {
        let csi = volume.csi.as_ref().filter(|csi| csi.driver == CSI_DRIVER);
        let csi = csi.map(|csi| ("csi.volumeHandle", csi.volume_handle.as_str()));
        let in_tree = volume.aws_elastic_block_store.as_ref();
        // `aws://<zone>/<id>`, or the id alone.
        let in_tree = in_tree.map(|ebs| ("awsElasticBlockStore.volumeID", last_segment(&ebs.volume_id)));
        let (field, id) = csi.or(in_tree)?;
        Some(parse(&format!("persistentVolumes[{index}].spec.{field}"), id))
    });
    ids.collect()
}

fn last_segment(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn parse(field: &str, id: &str) -> Result<VolumeId> {
    let id_chars = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !id.strip_prefix("vol-").is_some_and(id_chars) {
        return Err(Error::invalid(field, format!("{id:?} is no volume id such as vol-0123456789abcdef0")));
    }
    VolumeId::new(id).map_err(|error| Error::invalid(field, error.message()))
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
