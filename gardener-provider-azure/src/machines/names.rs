//! What the parts of a machine are called: as the Go driver calls them, so that either finds the other's.

use gardener_provider_core::{Error, Result};

use crate::provider_spec::{DataDisk, ProviderSpec};

/// The names of a machine's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) machine: String,
    pub(super) interface: String,
    pub(super) os_disk: String,
    /// In the order of the class.
    pub(super) data_disks: Vec<String>,
}

const INTERFACE: &str = "-nic";
const OS_DISK: &str = "-os-disk";
const DATA_DISK: &str = "-data-disk";

/// Azure's limit of a Linux host name, and of disks and network interfaces
/// ([source](https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftcompute)).
const MOST: usize = 64;
const MOST_OF_PARTS: usize = 80;

impl Names {
    pub(super) fn of(machine: &str, spec: &ProviderSpec) -> Result<Self> {
        if machine.len() > MOST {
            let problem =
                format!("{machine:?} has {} characters, and Azure takes {MOST} at most", machine.len());
            return Err(Error::invalid("machine.metadata.name", problem));
        }
        let data_disks: Vec<_> =
            spec.properties.storage_profile.data_disks.iter().map(|disk| data_disk(machine, disk)).collect();
        if let Some(index) = data_disks.iter().position(|name| name.len() > MOST_OF_PARTS) {
            let problem = format!(
                "makes the name {:?} of more than {MOST_OF_PARTS} characters; shorten it",
                data_disks[index]
            );
            let field = format!("providerSpec.properties.storageProfile.dataDisks[{index}].name");
            return Err(Error::invalid(field, problem));
        }
        Ok(Self {
            machine: machine.to_owned(),
            interface: format!("{machine}{INTERFACE}"),
            os_disk: format!("{machine}{OS_DISK}"),
            data_disks,
        })
    }

    /// True for the exact name of a disk of this machine.
    pub(super) fn has_disk(&self, name: &str) -> bool {
        let mut all = self.data_disks.iter().chain([&self.os_disk]);
        all.any(|known| known.eq_ignore_ascii_case(name))
    }
}

fn data_disk(machine: &str, disk: &DataDisk) -> String {
    let infix = if disk.name.is_empty() { String::new() } else { format!("-{}", disk.name) };
    format!("{machine}{infix}-{}{DATA_DISK}", disk.lun)
}

/// The machine that a network interface of this name belongs to, by its name alone.
pub(super) fn machine_of_interface(name: &str) -> Option<&str> {
    name.strip_suffix(INTERFACE).filter(|machine| !machine.is_empty())
}

/// The machine that a disk of this name belongs to, by its name and the data disks of its class.
pub(super) fn machine_of_disk<'a>(name: &'a str, spec: &ProviderSpec) -> Option<&'a str> {
    if let Some(machine) = name.strip_suffix(OS_DISK) {
        return Some(machine).filter(|machine| !machine.is_empty());
    }
    let disks = spec.properties.storage_profile.data_disks.iter();
    let named = disks.filter_map(|disk| name.strip_suffix(&data_disk("", disk)));
    // A disk without a name ends as one with a name does: the longest end is the right one.
    named.filter(|machine| !machine.is_empty()).min_by_key(|machine| machine.len())
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::MachineClass;
    use serde_json::json;

    use super::*;
    use crate::provider_spec::tests::minimal;

    fn spec(names: &[&str]) -> ProviderSpec {
        let mut value = minimal();
        let disks = names.iter().enumerate().map(|(lun, name)| {
            json!({ "name": name, "lun": lun, "storageAccountType": "Premium_LRS", "diskSizeGB": 5 })
        });
        value["properties"]["storageProfile"]["dataDisks"] = disks.collect();
        ProviderSpec::of_class(&MachineClass::new("c", value)).unwrap()
    }

    #[test]
    fn parts_are_called_after_their_machine() {
        let names = Names::of("m-1", &spec(&["sdb", ""])).unwrap();
        assert_eq!((names.interface.as_str(), names.os_disk.as_str()), ("m-1-nic", "m-1-os-disk"));
        assert_eq!(names.data_disks, ["m-1-sdb-0-data-disk", "m-1-1-data-disk"]);
        assert!(names.has_disk("M-1-OS-disk") && !names.has_disk("m-1-0-data-disk"));
    }

    #[test]
    fn a_part_tells_its_machine() {
        let spec = spec(&["b-c", "", "c"]);
        assert_eq!(machine_of_interface("m-1-nic"), Some("m-1"));
        assert_eq!(machine_of_interface("-nic"), None);
        assert_eq!(machine_of_interface("m-1-nic2"), None);
        assert_eq!(machine_of_disk("m-1-os-disk", &spec), Some("m-1"));
        assert_eq!(machine_of_disk("m-1-b-c-0-data-disk", &spec), Some("m-1"));
        assert_eq!(machine_of_disk("m-1-1-data-disk", &spec), Some("m-1"));
        assert_eq!(machine_of_disk("pvc-1234", &spec), None);
        assert_eq!(machine_of_disk("m-1-9-data-disk", &spec), None);
    }

    #[test]
    fn a_name_that_azure_does_not_take_is_told() {
        let error = Names::of(&"m".repeat(65), &spec(&[])).unwrap_err().to_string();
        assert!(error.starts_with("machine.metadata.name: "), "{error}");
        let error = Names::of(&"m".repeat(64), &spec(&["long-name"])).unwrap_err().to_string();
        assert!(error.starts_with("providerSpec.properties.storageProfile.dataDisks[0].name: "), "{error}");
    }
}
