//! Virtual machines.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::{
    capacity, machine_fields::FIELDS, network_profile, os_profile, scale_sets::SCALE_SET,
    sets::AVAILABILITY_SET, storage_profile,
};
use crate::azure::{
    arm::{Arm, draft::Draft, id::ResourceId, kind::Kind, shape::Tone, store::Stored},
    error::{Answer, ArmError},
    options::VmSize,
    state::State,
};

pub(crate) static MACHINE: Kind = Kind {
    tone: Tone::Compute,
    update: "Update",
    prepare,
    written,
    removed,
    show,
    takes: |durations| (durations.vm_start, durations.vm_stop),
    ..Kind::new("Microsoft.Compute/virtualMachines", "VirtualMachines", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    inherit(draft);
    let size = size_of(arm, draft)?;
    check_where(arm, draft)?;
    check_quota(arm, draft, &size)?;
    os_profile::check(draft)?;
    network_profile::complete(arm, draft, &size)?;
    capacity::check_machine(arm, draft, &size.name)?;
    check_identities(arm, draft)?;
    storage_profile::complete(arm, draft, &size)?;
    if draft.old.as_ref().is_none_or(|old| old.state == "Failed") {
        draft.hidden.insert("power", "running".to_owned());
        let zone = draft.zones().into_iter().next().unwrap_or_default();
        if arm.context.world.faults.no_capacity(arm.context.call, &size.name, &zone) {
            draft.failure = Some(no_capacity(draft, &size.name, &zone));
        }
    }
    give_identity(arm, draft);
    let now = crate::azure::text::iso(arm.context.now);
    draft.once("timeCreated", || now.into());
    draft.once("vmId", || arm.state.ids.uuid().into());
    Ok(())
}

/// What an update need not say again: the image, and what a read does not show.
fn inherit(draft: &mut Draft) {
    let Some(old) = &draft.old else { return };
    let image = old.get("properties/storageProfile/imageReference").cloned();
    let profile = old.property("osProfile").and_then(Value::as_object).cloned();
    let data = old.property("userData").cloned();
    let properties = draft.properties();
    if let (Some(image), Some(Value::Object(storage))) = (image, properties.get_mut("storageProfile")) {
        storage.entry("imageReference").or_insert(image);
    }
    if let Some(profile) = profile {
        let now = properties.entry("osProfile").or_insert_with(|| json!({}));
        if let Some(now) = now.as_object_mut() {
            for (name, value) in profile {
                now.entry(name).or_insert(value);
            }
        }
    }
    if let Some(data) = data {
        properties.entry("userData").or_insert(data);
    }
}

/// <https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/allocation-failure>
fn no_capacity(draft: &Draft, size: &str, zone: &str) -> ArmError {
    let ultra = draft.get("properties/additionalCapabilities/ultraSSDEnabled") == Some(&json!(true));
    let constrained = ultra || draft.get("properties/availabilitySet").is_some();
    let zonal = !zone.is_empty();
    let code = match (constrained, zonal) {
        (true, true) => "OverconstrainedZonalAllocationRequest",
        (true, false) => "OverconstrainedAllocationRequest",
        (false, true) => "ZonalAllocationFailed",
        (false, false) => "AllocationFailed",
    };
    let place = if zonal { format!("zone {zone} of {}", draft.location()) } else { draft.location() };
    let message = if constrained {
        format!(
            "Allocation failed. VM(s) with the following constraints cannot be allocated, because the condition is too \
             restrictive. Please remove some constraints and try again. The VM size is {size}, the place {place}."
        )
    } else {
        format!(
            "Allocation failed. We do not have sufficient capacity for the requested VM size {size} in {place}. Read more about \
             improving likelihood of allocation success at https://aka.ms/allocation-guidance"
        )
    };
    ArmError::conflict(code, message)
}

fn size_of(arm: &Arm<'_>, draft: &Draft) -> Answer<VmSize> {
    let Some(name) = draft.text("properties/hardwareProfile/vmSize") else {
        return Err(ArmError::parameter("vmSize", "Required parameter 'vmSize' is missing (null)."));
    };
    let sizes = &arm.context.options().vm_sizes;
    let found = sizes.iter().find(|size| size.name.eq_ignore_ascii_case(name));
    let Some(found) = found else {
        let message = format!(
            "The value {name} provided for the VM size is not valid. The valid sizes in the current region are: {}.",
            sizes.iter().map(|size| size.name.as_str()).collect::<Vec<_>>().join(",")
        );
        return Err(ArmError::parameter("vmSize", message));
    };
    let location = draft.location();
    if draft.old.is_none() && found.restricted_in.contains(&location) {
        let message = format!(
            "The requested VM size for resource '{}' is currently not available in location '{location}'. Please try another \
             size or deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for details.",
            draft.id
        );
        return Err(ArmError::conflict("SkuNotAvailable", message));
    }
    Ok(found.clone())
}

/// Zone, availability set and scale set.
fn check_where(arm: &Arm<'_>, draft: &Draft) -> Answer<()> {
    let location = draft.location();
    let zones = draft.zones();
    if zones.len() > 1 {
        return Err(ArmError::parameter("zones", "A virtual machine can be in one availability zone only."));
    }
    let known = arm.context.options().locations.iter().find(|(name, _)| *name == location);
    if let Some(zone) = zones.first().filter(|zone| !known.is_some_and(|(_, zones)| zones.contains(zone))) {
        let message = format!(
            "The zone(s) '{zone}' for resource '{}' is not supported in location '{location}'.",
            draft.id
        );
        return Err(ArmError::bad("InvalidAvailabilityZone", message));
    }
    let set = draft.text("properties/availabilitySet/id");
    let scale_set = draft.text("properties/virtualMachineScaleSet/id");
    if set.is_some() && scale_set.is_some() {
        let message = "A virtual machine cannot be in an availability set and in a scale set.";
        return Err(ArmError::parameter("virtualMachineScaleSet", message));
    }
    if let Some(id) = set {
        let set = referred(arm, id, &AVAILABILITY_SET, "availabilitySet.id")?;
        if !zones.is_empty() {
            let message = "Virtual Machine cannot be in a zone and in an availability set.";
            return Err(ArmError::bad("BadRequest", message).at("availabilitySet"));
        }
        if set.location() != location {
            return Err(wrong_place(&set.id, &draft.id));
        }
    }
    if let Some(id) = scale_set {
        let set = referred(arm, id, &SCALE_SET, "virtualMachineScaleSet.id")?;
        if set.location() != location {
            return Err(wrong_place(&set.id, &draft.id));
        }
        if set.text("properties/orchestrationMode") != Some("Flexible") {
            let message =
                "A virtual machine can only be added to a scale set with flexible orchestration mode.";
            return Err(ArmError::parameter("virtualMachineScaleSet.id", message));
        }
    }
    Ok(())
}

fn wrong_place(set: &ResourceId, machine: &ResourceId) -> ArmError {
    ArmError::parameter("location", format!("{set} and {machine} are not in the same location."))
}

/// <https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/error-resource-quota>
fn check_quota(arm: &Arm<'_>, draft: &Draft, size: &VmSize) -> Answer<()> {
    if draft.old.is_some() {
        return Ok(());
    }
    let sizes = &arm.context.options().vm_sizes;
    let cores = |name: &str| {
        sizes.iter().find(|size| size.name.eq_ignore_ascii_case(name)).map_or(0, |size| size.cores)
    };
    let location = draft.location();
    let used: u32 = arm
        .state
        .store
        .all()
        .filter(|other| other.kind.name == MACHINE.name && other.location() == location)
        .filter_map(|other| other.text("properties/hardwareProfile/vmSize"))
        .map(cores)
        .sum();
    let limit = arm.context.options().quotas.cores;
    if used + size.cores <= limit {
        return Ok(());
    }
    let message = format!(
        "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - \
         Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, Current Usage: {used}, \
         Additional Required: {}, (Minimum) New Limit Required: {}.",
        size.cores,
        used + size.cores
    );
    Err(ArmError::conflict("OperationNotAllowed", message))
}

fn check_identities(arm: &Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let Some(given) = draft.get("identity/userAssignedIdentities").and_then(Value::as_object).cloned() else {
        return Ok(());
    };
    let mut shown = Map::new();
    for id in given.keys() {
        let Some(identity) = arm.state.store.referred(id) else {
            let message = format!("Resource '{id}' was not found.");
            return Err(ArmError::missing("FailedIdentityOperation", "Identity operation failed.")
                .because("ResourceNotFound", message));
        };
        let value = json!({
            "clientId": identity.property("clientId"),
            "principalId": identity.property("principalId"),
        });
        shown.insert(identity.id.to_string(), value);
    }
    if let Some(identity) = draft.body.get_mut("identity") {
        identity["userAssignedIdentities"] = shown.into();
    }
    Ok(())
}

/// A system-assigned identity comes with the machine.
fn give_identity(arm: &mut Arm<'_>, draft: &mut Draft) {
    if !draft.text("identity/type").is_some_and(|kind| kind.contains("SystemAssigned")) {
        return;
    }
    let before = draft.old.as_ref().and_then(|old| old.text("identity/principalId")).map(str::to_owned);
    let principal = before.unwrap_or_else(|| arm.state.ids.uuid());
    let tenant = arm.context.options().tenant.clone();
    if let Some(identity) = draft.body.get_mut("identity") {
        identity["principalId"] = principal.into();
        identity["tenantId"] = tenant.into();
    }
}

/// A resource of Microsoft.Compute that a machine refers to.
pub(super) fn referred<'a>(arm: &'a Arm<'_>, id: &str, kind: &Kind, target: &str) -> Answer<&'a Stored> {
    let parsed = ResourceId::parse(id).filter(|parsed| kind.is(&parsed.kind()));
    let Some(parsed) = parsed else {
        let message = format!("Id '{id}' is not a valid resource reference.");
        return Err(ArmError::bad("InvalidParameter", message).at(target));
    };
    arm.state.store.get(&parsed.key()).filter(|stored| stored.state != "Deleting").ok_or_else(|| {
        let message = format!("Resource {id} referenced by {target} was not found.");
        ArmError::missing("NotFound", message).at(target)
    })
}

fn written(state: &mut State, key: &str, well: bool, at: SystemTime) {
    storage_profile::settle_disks(state, key, well, at);
}

/// What goes with the machine: everything whose delete option says so.
fn removed(state: &mut State, stored: &Stored, at: SystemTime) {
    let goes = |item: &Value, pointer: &str| {
        item.pointer(pointer)
            .and_then(Value::as_str)
            .is_some_and(|option| option.eq_ignore_ascii_case("Delete"))
    };
    let profile = stored.property("storageProfile").cloned().unwrap_or_default();
    let disks = profile
        .get("osDisk")
        .into_iter()
        .chain(profile.get("dataDisks").and_then(Value::as_array).into_iter().flatten());
    let disks =
        disks.filter(|disk| goes(disk, "/deleteOption")).filter_map(|disk| disk.pointer("/managedDisk/id"));
    let interfaces = stored.items("properties/networkProfile/networkInterfaces").iter();
    let interfaces =
        interfaces.filter(|item| goes(item, "/properties/deleteOption")).filter_map(|item| item.get("id"));
    let keys: Vec<String> =
        disks.chain(interfaces).filter_map(Value::as_str).map(str::to_ascii_lowercase).collect();
    for key in keys {
        // Somebody else may have got hold of it meanwhile.
        if state.store.get(&key).is_some() && state.store.uses(&key).next().is_none() {
            remove_interface_address(state, &key, at);
            state.remove(&key, at);
        }
    }
}

/// A public address goes with its interface if its own delete option says so.
fn remove_interface_address(state: &mut State, interface: &str, at: SystemTime) {
    let Some(stored) = state.store.get(interface) else { return };
    let ids: Vec<String> = stored
        .items("properties/ipConfigurations")
        .iter()
        .filter_map(|part| {
            part.pointer("/properties/publicIPAddress/id")?.as_str().map(str::to_ascii_lowercase)
        })
        .filter(|id| {
            state
                .store
                .get(id)
                .is_some_and(|address| address.text("properties/deleteOption") == Some("Delete"))
        })
        .collect();
    for id in ids {
        state.remove(&id, at);
    }
}

fn show(_: &State, stored: &Stored, body: &mut Map<String, Value>) {
    if let Some(etag) = body.get_mut("etag") {
        *etag = stored.etag.trim_start_matches("W/").into();
    }
    let os = stored.text("properties/osProfile/computerName").is_some();
    if os {
        body["properties"]["osProfile"]["secrets"] = json!([]);
        body["properties"]["osProfile"]["allowExtensionOperations"] = true.into();
        body["properties"]["osProfile"]["requireGuestProvisionSignal"] = true.into();
    }
}
