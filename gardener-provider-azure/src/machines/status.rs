//! From a virtual machine to a status, and from a provider id to a machine.

use gardener_provider_core::{
    AddressKind, Error, MachineAddress, MachineState, MachineStatus, NodeName, ProviderId, Result,
};

use super::Found;
use crate::{api::ResourceId, provider_spec::ProviderSpec};

/// The status of a machine that exists.
pub(super) fn of(found: &Found, spec: &ProviderSpec) -> Result<MachineStatus> {
    let name = found.machine.name.to_ascii_lowercase();
    let node = NodeName::new(name.as_str())
        .map_err(|error| Error::internal(format!("virtual machine {name}: {error}")))?;
    Ok(MachineStatus::new(provider_id(&spec.location, &name)?, node)
        .with_state(state(&found.machine.properties.provisioning_state))
        .with_addresses(addresses(found, &name)))
}

/// Source: <https://learn.microsoft.com/en-us/azure/virtual-machines/states-billing#provisioning-states>
fn state(provisioning: &str) -> MachineState {
    match provisioning.to_ascii_lowercase().as_str() {
        "creating" => MachineState::Pending,
        "deleting" => MachineState::Terminating,
        "failed" | "canceled" => MachineState::Incomplete,
        _ => MachineState::Running,
    }
}

fn addresses(found: &Found, name: &str) -> Vec<MachineAddress> {
    let interface = found.interface.iter();
    let configurations = interface.flat_map(|interface| &interface.properties.ip_configurations);
    let ips = configurations.filter_map(|found| found.properties.private_ip_address.as_ref());
    let ips = ips.map(|ip| MachineAddress::new(AddressKind::InternalIp, ip));
    ips.chain([MachineAddress::new(AddressKind::Hostname, name)]).collect()
}

/// `azure:///<location>/<machine>`
pub(super) fn provider_id(location: &str, machine: &str) -> Result<ProviderId> {
    ProviderId::new(format!("azure:///{location}/{machine}"))
}

/// The machine that a provider id names. It may be that of a Node too, `azure://` and the id of the virtual machine.
pub(super) fn machine_of(id: Option<&ProviderId>, spec: &ProviderSpec) -> Result<Option<String>> {
    let Some(id) = id else { return Ok(None) };
    let wrong = |problem: &str| Err(Error::invalid("machine.spec.providerID", format!("{id} {problem}")));
    if id.scheme() != "azure" {
        return wrong("is not of this provider; expected azure:///<location>/<machine>");
    }
    let segments: Vec<_> = id.segments().collect();
    match segments.as_slice() {
        [location, machine] if location.eq_ignore_ascii_case(&spec.location) => {
            Ok(Some((*machine).to_owned()))
        }
        [_, _] => wrong("is in another location than its class"),
        segments => match format!("/{}", segments.join("/")).parse::<ResourceId>() {
            Ok(id) if !id.is_kind("Microsoft.Compute/virtualMachines") => {
                wrong("is the id of something else than a virtual machine")
            }
            Ok(id) if !id.group_name().eq_ignore_ascii_case(&spec.resource_group) => {
                wrong("is in another resource group than its class")
            }
            Ok(id) => Ok(Some(id.name().to_owned())),
            Err(_) => wrong("names no machine; expected azure:///<location>/<machine>"),
        },
    }
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::MachineClass;

    use super::*;
    use crate::provider_spec::tests::{GROUP, minimal};

    fn machine(text: &str) -> Result<Option<String>> {
        let spec = ProviderSpec::of_class(&MachineClass::new("c", minimal())).unwrap();
        machine_of(Some(&ProviderId::new(text).unwrap()), &spec)
    }

    #[test]
    fn a_provider_id_names_a_machine() {
        assert_eq!(machine("azure:///westeurope/m-1").unwrap().unwrap(), "m-1");
        assert_eq!(machine("azure:///WestEurope/m-1").unwrap().unwrap(), "m-1");
        let node = format!("azure://{GROUP}/providers/Microsoft.Compute/virtualMachines/m-1");
        assert_eq!(machine(&node).unwrap().unwrap(), "m-1");
        let round = provider_id("westeurope", "m-1").unwrap();
        assert_eq!(machine(round.as_str()).unwrap().unwrap(), "m-1");
    }

    #[test]
    fn a_provider_id_of_something_else_is_told() {
        for bad in [
            "aws:///westeurope/m-1".to_owned(),
            "azure:///northeurope/m-1".to_owned(),
            "azure:///m-1".to_owned(),
            "azure:///westeurope/a/b".to_owned(),
            format!("azure://{GROUP}/providers/Microsoft.Compute/disks/d"),
            format!("azure://{GROUP}x/providers/Microsoft.Compute/virtualMachines/m-1"),
        ] {
            let error = machine(&bad).unwrap_err().to_string();
            assert!(error.starts_with("machine.spec.providerID: "), "{bad}: {error}");
        }
    }

    #[test]
    fn states_are_those_of_azure() {
        for (text, expected) in [
            ("Creating", MachineState::Pending),
            ("Succeeded", MachineState::Running),
            ("Updating", MachineState::Running),
            ("Deleting", MachineState::Terminating),
            ("Failed", MachineState::Incomplete),
            ("", MachineState::Running),
        ] {
            assert_eq!(state(text), expected, "{text}");
        }
    }
}
