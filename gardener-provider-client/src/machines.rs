//! What the machine drivers of all clouds say alike.

use gardener_provider_core::{
    Error, ErrorKind, PersistentVolumeSpec, Redacted, Result, SecretData, VolumeId,
};

/// The secret's `userData`: what a machine runs first.
///
/// # Errors
/// `InvalidArgument` if it is missing, empty, or has more bytes than `cloud` takes.
pub fn user_data<'a>(secret: &'a SecretData, cloud: &str, most: usize) -> Result<Redacted<&'a [u8]>> {
    let wrong = |problem: String| Err(Error::invalid("secret.userData", problem));
    match secret.get("userData").map(|data| data.expose().as_slice()) {
        None => wrong("is missing; add it to the secret".to_owned()),
        Some([]) => wrong("is empty; give it a value".to_owned()),
        Some(data) if data.len() > most => {
            wrong(format!("has {} bytes, and {cloud} takes {most} at most; make it smaller", data.len()))
        }
        Some(data) => Ok(Redacted::new(data)),
    }
}

/// The only one of what was found for a machine; none if there is none.
///
/// # Errors
/// `MultipleMatches` with the names that `name` gives them.
pub fn only<T>(machine: &str, mut found: Vec<T>, name: impl Fn(&T) -> String) -> Result<Option<T>> {
    if found.len() <= 1 {
        return Ok(found.pop());
    }
    let mut names: Vec<_> = found.iter().map(name).collect();
    names.sort_unstable();
    let message = format!("{} instances are machine {machine}: {}", names.len(), names.join(", "));
    Err(Error::new(ErrorKind::MultipleMatches, message))
}

/// What a creation did not find is something that the class refers to: a subnet, an image, a key. That the machine does
/// not exist is not news to who creates it. Any other error stays as it is.
pub fn dangling(error: Error) -> Error {
    if !error.is_not_found() {
        return error;
    }
    let message = format!("providerSpec refers to something that does not exist: {}", error.message());
    let mut dangling = Error::new(ErrorKind::InvalidArgument, message);
    if let Some(operation) = error.operation() {
        dangling = dangling.with_operation(operation.to_owned());
    }
    if let Some(code) = error.cloud_code() {
        dangling = dangling.with_cloud_code(code);
    }
    if let Some(id) = error.request_id() {
        dangling = dangling.with_request_id(id);
    }
    dangling.with_source(error)
}

/// How a PersistentVolume names its volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeHandle<'a> {
    /// As the CSI driver does.
    Csi(&'a str),
    /// As the plugin within Kubernetes did.
    InTree(&'a str),
}

/// The ids of a cloud's volumes among these, in order: those of its CSI driver, and those for which `in_tree` answers the
/// field and what is in it. `read` makes an id of a handle, or says what is wrong with it.
///
/// # Errors
/// `InvalidArgument` naming the field.
pub fn volume_ids(
    volumes: &[PersistentVolumeSpec],
    csi_driver: &str,
    in_tree: impl Fn(&PersistentVolumeSpec) -> Option<(&'static str, &str)>,
    read: impl Fn(VolumeHandle<'_>) -> Result<String, String>,
) -> Result<Vec<VolumeId>> {
    let ids = volumes.iter().enumerate().filter_map(|(index, volume)| {
        let csi = volume.csi.as_ref().filter(|csi| csi.driver == csi_driver);
        let csi = csi.map(|csi| ("csi.volumeHandle", VolumeHandle::Csi(&csi.volume_handle)));
        let in_tree = || in_tree(volume).map(|(field, handle)| (field, VolumeHandle::InTree(handle)));
        let (field, handle) = csi.or_else(in_tree)?;
        let field = format!("persistentVolumes[{index}].spec.{field}");
        let id = read(handle).map_err(|problem| Error::invalid(&field, problem));
        Some(id.and_then(|id| VolumeId::new(id).map_err(|error| Error::invalid(&field, error.message()))))
    });
    ids.collect()
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{AzureDisk, CsiVolume};

    use super::*;

    #[test]
    fn user_data_must_be_there_and_fit() {
        let secret = |data: &str| SecretData::new().with("userData", data);
        assert_eq!(*user_data(&secret("abc"), "EC2", 3).unwrap().expose(), b"abc");
        for (secret, problem) in [
            (SecretData::new(), "is missing"),
            (secret(""), "is empty"),
            (secret("abcd"), "has 4 bytes, and EC2 takes 3 at most"),
        ] {
            let error = user_data(&secret, "EC2", 3).unwrap_err().to_string();
            assert!(error.starts_with("secret.userData: ") && error.contains(problem), "{error}");
        }
    }

    #[test]
    fn more_than_one_is_an_error_that_names_them() {
        assert_eq!(only("m", Vec::<u8>::new(), ToString::to_string).unwrap(), None);
        assert_eq!(only("m", vec![7], ToString::to_string).unwrap(), Some(7));
        let error = only("m", vec![2, 1], ToString::to_string).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MultipleMatches);
        assert_eq!(error.message(), "2 instances are machine m: 1, 2");
    }

    #[test]
    fn what_is_not_found_is_the_classs_mistake() {
        let error = Error::not_found("subnet-1").with_operation("RunInstances").with_cloud_code("X.NotFound");
        let dangling = dangling(error);
        assert_eq!(
            (dangling.kind(), dangling.cloud_code()),
            (ErrorKind::InvalidArgument, Some("X.NotFound"))
        );
        assert_eq!(dangling.operation(), Some("RunInstances"));
        assert_eq!(super::dangling(Error::internal("x")).kind(), ErrorKind::Internal);
    }

    #[test]
    fn volumes_of_others_are_left_out_and_bad_handles_are_named() {
        let mut csi = PersistentVolumeSpec::default();
        csi.csi = Some(CsiVolume { driver: "ours".to_owned(), volume_handle: "a".to_owned() });
        let mut other = csi.clone();
        other.csi = Some(CsiVolume { driver: "theirs".to_owned(), volume_handle: "b".to_owned() });
        let mut in_tree = PersistentVolumeSpec::default();
        in_tree.azure_disk = Some(AzureDisk { disk_name: "c".to_owned() });
        let volumes = [other, csi, PersistentVolumeSpec::default(), in_tree];
        let ids = |bad: &'static str| {
            volume_ids(
                &volumes,
                "ours",
                |volume| {
                    volume.azure_disk.as_ref().map(|disk| ("azureDisk.diskName", disk.disk_name.as_str()))
                },
                |handle| match handle {
                    VolumeHandle::Csi(id) | VolumeHandle::InTree(id) if id == bad => Err("is bad".to_owned()),
                    VolumeHandle::Csi(id) => Ok(format!("csi-{id}")),
                    VolumeHandle::InTree(id) => Ok(format!("tree-{id}")),
                },
            )
        };
        let found: Vec<_> = ids("").unwrap().into_iter().map(String::from).collect();
        assert_eq!(found, ["csi-a", "tree-c"]);
        let error = ids("c").unwrap_err().to_string();
        assert_eq!(error, "persistentVolumes[3].spec.azureDisk.diskName: is bad");
    }
}
