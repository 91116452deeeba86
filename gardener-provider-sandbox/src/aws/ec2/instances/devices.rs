//! The block devices of a launch.

use crate::aws::{Image, error::AwsError, query::Params};

/// A volume to be made with an instance.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) delete_on_termination: bool,
    pub(crate) kind: String,
    pub(crate) size: u32,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) encrypted: bool,
    pub(crate) kms_key: Option<String>,
    pub(crate) snapshot: Option<String>,
}

const KINDS: [&str; 7] = ["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"];

/// The image's devices, changed and added to by the call's mappings.
pub(crate) fn read(params: &Params, image: &Image) -> Result<Vec<Device>, AwsError> {
    let root = Device {
        name: image.root_device.clone(),
        delete_on_termination: true,
        kind: "gp3".to_owned(),
        size: image.volume_size,
        iops: None,
        throughput: None,
        encrypted: false,
        kms_key: None,
        snapshot: Some(image.snapshot.clone()),
    };
    let mut devices = vec![root];
    let mut seen: Vec<String> = Vec::new();
    for mapping in params.structs("BlockDeviceMapping") {
        let name = mapping.required("DeviceName")?.to_owned();
        if seen.contains(&name) {
            return Err(invalid(format!(
                "The device '{name}' is used in more than one block-device mapping"
            )));
        }
        let at = devices.iter().position(|device| device.name == name);
        if mapping.get("NoDevice").is_some() {
            if let Some(at) = at {
                devices.remove(at);
            }
        } else if mapping.filled("VirtualName").is_none() {
            let device = read_one(&name, &mapping.sub("Ebs"), at.map(|at| &devices[at]), image)?;
            match at {
                Some(at) => devices[at] = device,
                None => devices.push(device),
            }
        }
        seen.push(name);
    }
    Ok(devices)
}

fn read_one(name: &str, ebs: &Params, base: Option<&Device>, image: &Image) -> Result<Device, AwsError> {
    let kind =
        ebs.one_of("VolumeType", &KINDS)?.or(base.map(|base| base.kind.as_str())).unwrap_or("gp2").to_owned();
    let snapshot =
        ebs.filled("SnapshotId").map(str::to_owned).or_else(|| base.and_then(|base| base.snapshot.clone()));
    if let Some(snapshot) = snapshot.as_ref().filter(|snapshot| !snapshot.starts_with("snap-")) {
        let message = format!("Invalid id: \"{snapshot}\" (expecting \"snap-...\")");
        return Err(AwsError::new("InvalidSnapshotID.Malformed", message));
    }
    let size = match ebs.parsed::<u32>("VolumeSize")?.or(base.map(|base| base.size)) {
        Some(size) if !(1..=65_536).contains(&size) => {
            return Err(ebs.invalid("VolumeSize", &size.to_string()));
        }
        Some(size) => size,
        None if snapshot.is_some() => image.volume_size,
        None => {
            let message = format!("The device '{name}' needs the parameter size or snapshotId");
            return Err(AwsError::new("MissingParameter", message));
        }
    };
    if base.is_some() && size < image.volume_size {
        return Err(invalid(format!(
            "Volume of size {size}GB is smaller than snapshot '{}', expect size >= {}GB",
            image.snapshot, image.volume_size
        )));
    }
    let device = Device {
        name: name.to_owned(),
        delete_on_termination: ebs.flag("DeleteOnTermination")?.unwrap_or(true),
        iops: ebs.parsed("Iops")?,
        throughput: ebs.parsed("Throughput")?,
        encrypted: ebs.flag("Encrypted")?.unwrap_or(false),
        kms_key: ebs.filled("KmsKeyId").map(str::to_owned),
        kind,
        size,
        snapshot,
    };
    check(&device)?;
    Ok(device)
}

fn check(device: &Device) -> Result<(), AwsError> {
    let kind = device.kind.as_str();
    match (kind, device.iops) {
        ("io1" | "io2", None) => {
            let message = format!("The parameter iops must be specified for {kind} volumes.");
            return Err(AwsError::new("MissingParameter", message));
        }
        ("io1" | "io2" | "gp3", _) | (_, None) => {}
        (_, Some(_)) => {
            let message = format!("The parameter iops is not supported for {kind} volumes.");
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
    }
    if device.throughput.is_some() && kind != "gp3" {
        let message = format!("The parameter throughput is not supported for {kind} volumes.");
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    if device.kms_key.is_some() && !device.encrypted {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(AwsError::new("InvalidParameterDependency", message));
    }
    Ok(())
}

fn invalid(message: String) -> AwsError {
    AwsError::new("InvalidBlockDeviceMapping", message)
}
