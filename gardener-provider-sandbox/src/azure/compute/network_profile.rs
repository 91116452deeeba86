//! The network interfaces of a virtual machine.

use serde_json::{Value, json};

use crate::azure::{
    arm::{Arm, draft::Draft, id::ResourceId},
    error::{Answer, ArmError},
    network::INTERFACE,
    options::VmSize,
};

/// Checks that the interfaces are there, and nobody else's.
pub(super) fn complete(arm: &Arm<'_>, draft: &mut Draft, size: &VmSize) -> Answer<()> {
    let mut items = draft.items("properties/networkProfile/networkInterfaces").to_vec();
    if items.is_empty() {
        let message = "Required parameter 'networkProfile.networkInterfaces' is missing (null).";
        return Err(ArmError::parameter("networkProfile.networkInterfaces", message));
    }
    if items.len() > size.max_interfaces {
        let message = format!(
            "The number of network interfaces for virtual machine {} exceeds the maximum allowed for the virtual machine size {}.",
            draft.id.name(),
            size.name
        );
        return Err(ArmError::bad("NetworkInterfaceCountExceeded", message));
    }
    let primaries =
        items.iter().filter(|item| item.pointer("/properties/primary") == Some(&json!(true))).count();
    if items.len() > 1 && primaries != 1 {
        let message = format!(
            "Virtual machine {} must have one network interface set as the primary.",
            draft.id.name()
        );
        return Err(ArmError::bad("VirtualMachineMustHaveOneNetworkInterfaceAsPrimary", message));
    }
    for item in &items {
        check_interface(arm, draft, item.get("id").and_then(Value::as_str).unwrap_or_default(), size)?;
    }
    let only = items.len() == 1;
    for item in &mut items {
        if item.get("properties").is_none() {
            item["properties"] = json!({});
        }
        if only && item["properties"].get("primary").is_none() {
            item["properties"]["primary"] = true.into();
        }
    }
    draft.properties()["networkProfile"]["networkInterfaces"] = items.into();
    Ok(())
}

fn check_interface(arm: &Arm<'_>, draft: &Draft, id: &str, size: &VmSize) -> Answer<()> {
    let parsed = ResourceId::parse(id).filter(|parsed| INTERFACE.is(&parsed.kind()));
    let Some(parsed) = parsed else {
        let message = format!("The reference '{id}' is no id of a network interface.");
        return Err(ArmError::parameter("networkProfile.networkInterfaces.id", message));
    };
    let interface = arm.state.store.get(&parsed.key());
    let Some(interface) = interface.filter(|interface| interface.location() == draft.location()) else {
        let message = format!(
            "Resource {id} referenced by resource {} was not found. Please make sure that the referenced resource exists, and \
             that both resources are in the same region.",
            draft.id
        );
        return Err(ArmError::bad("InvalidResourceReference", message));
    };
    if !matches!(interface.state, "Succeeded" | "Failed") && interface.operation.is_some() {
        let message =
            format!("Cannot proceed with operation because resource {id} is in {} state.", interface.state);
        return Err(ArmError::new(429, "RetryableError", "A retryable error occurred.")
            .because("ReferencedResourceNotProvisioned", message));
    }
    let other = arm
        .state
        .store
        .uses(&parsed.key())
        .find(|one| one.through.starts_with("networkProfile/") && one.by != draft.id.key());
    if let Some(other) = other {
        let message = format!("Network Interface {id} is used by existing VM {}.", other.by);
        return Err(ArmError::bad("NicInUse", message));
    }
    let fast = interface.property("enableAcceleratedNetworking") == Some(&json!(true));
    if fast && !size.accelerated_networking {
        let message = format!(
            "The VM size {} is not supported for enabling accelerated networking on the network interface {id}.",
            size.name
        );
        return Err(ArmError::bad("VMSizeIsNotPermittedToEnableAcceleratedNetworking", message));
    }
    Ok(())
}
