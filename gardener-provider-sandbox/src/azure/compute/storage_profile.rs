//! The image and the disks of a virtual machine.

use std::{collections::BTreeSet, time::SystemTime};

use serde_json::{Map, Value, json};

use super::{disks::DISK, images, machines::referred};
use crate::azure::{
    arm::{Arm, draft::Draft, id::ResourceId, store::Stored},
    error::{Answer, ArmError},
    options::VmSize,
    state::State,
};

/// Checks the image, and makes or takes the disks.
pub(super) fn complete(arm: &mut Arm<'_>, draft: &mut Draft, size: &VmSize) -> Answer<()> {
    let image = images::resolve(arm, draft, size)?;
    if let Some(exact) = image.as_ref().and_then(|image| image.exact_version.clone()) {
        draft.properties()["storageProfile"]["imageReference"]["exactVersion"] = exact.into();
    }
    let mut data = draft.items("properties/storageProfile/dataDisks").to_vec();
    if data.len() > size.max_data_disks {
        let message = format!(
            "The maximum number of data disks allowed to be attached to a VM of this size is {}.",
            size.max_data_disks
        );
        return Err(ArmError::conflict("OperationNotAllowed", message).at("dataDisks"));
    }
    let mut luns = BTreeSet::new();
    if let Some(twice) =
        data.iter().filter_map(|disk| disk.get("lun")?.as_i64()).find(|lun| !luns.insert(*lun))
    {
        let message = format!("A disk at LUN {twice} already exists.");
        return Err(ArmError::parameter("dataDisk.lun", message));
    }
    let number = arm.state.ids.number();
    let mut os = draft.get("properties/storageProfile/osDisk").cloned().unwrap_or_else(|| json!({}));
    let from = image.as_ref().map(|image| (image.disk_size, image.os_type));
    let mut made = Vec::new();
    let name = default_name(draft, "osDisk", || format!("{}_OsDisk_1_{number:016x}", draft.id.name()));
    complete_disk(arm, draft, &mut os, name, from, "osDisk", &mut made)?;
    os["osType"] = os.get("osType").cloned().unwrap_or_else(|| from.map_or("Linux", |(_, kind)| kind).into());
    for (at, disk) in data.iter_mut().enumerate() {
        let lun = disk.get("lun").and_then(Value::as_i64).unwrap_or_default();
        let fallback = format!("{}_disk{}_{number:016x}", draft.id.name(), at + 2);
        let name = former_name(draft, lun).unwrap_or(fallback);
        complete_disk(arm, draft, disk, name, None, "dataDisk", &mut made)?;
        disk["toBeDetached"] = disk.get("toBeDetached").cloned().unwrap_or(json!(false));
    }
    draft.beside = made;
    let profile = &mut draft.properties()["storageProfile"];
    profile["osDisk"] = os;
    profile["dataDisks"] = data.into();
    if profile.get("diskControllerType").is_none() {
        profile["diskControllerType"] = "SCSI".into();
    }
    Ok(())
}

fn default_name(draft: &Draft, disk: &str, fresh: impl FnOnce() -> String) -> String {
    let old = draft.old.as_ref().and_then(|old| old.text(&format!("properties/storageProfile/{disk}/name")));
    old.map_or_else(fresh, str::to_owned)
}

fn former_name(draft: &Draft, lun: i64) -> Option<String> {
    let old = draft.old.as_ref()?.items("properties/storageProfile/dataDisks").iter();
    let old = old.into_iter().find(|disk| disk.get("lun").and_then(Value::as_i64) == Some(lun))?;
    old.get("name")?.as_str().map(str::to_owned)
}

/// Fills in what the caller left open, and makes the disk or checks that it can be attached.
fn complete_disk(
    arm: &mut Arm<'_>,
    draft: &Draft,
    disk: &mut Value,
    fallback: String,
    image: Option<(u32, &'static str)>,
    what: &str,
    made: &mut Vec<Stored>,
) -> Answer<()> {
    let option = disk.get("createOption").and_then(Value::as_str).unwrap_or_default().to_owned();
    let attached = disk.pointer("/managedDisk/id").and_then(Value::as_str).map(str::to_owned);
    if option == "Attach" {
        let Some(id) = attached else {
            let message = format!("Required parameter '{what}.managedDisk.id' is missing (null).");
            return Err(ArmError::parameter(format!("{what}.managedDisk.id"), message));
        };
        let (name, size, sku) = check_attachable(arm, draft, &id, what)?;
        disk["name"] = name.into();
        disk["diskSizeGB"] = size;
        disk["managedDisk"]["storageAccountType"] = sku;
    } else {
        let name = disk.get("name").and_then(Value::as_str).map_or(fallback, str::to_owned);
        let id = attached
            .as_deref()
            .and_then(ResourceId::parse)
            .unwrap_or_else(|| draft.id.sibling("Microsoft.Compute", "disks", &name));
        let size = disk.get("diskSizeGB").and_then(Value::as_u64).or(image.map(|(size, _)| size.into()));
        let Some(size) = size.filter(|size| *size > 0) else {
            let message = format!("Required parameter '{what}.diskSizeGB' is missing (null).");
            return Err(ArmError::parameter(format!("{what}.diskSizeGB"), message));
        };
        if let Some((least, _)) = image.filter(|(least, _)| size < u64::from(*least)) {
            let message = format!(
                "The specified disk size {size} GB is smaller than the size of the corresponding disk in the VM image: {least} GB."
            );
            return Err(ArmError::parameter(format!("{what}.diskSizeGB"), message));
        }
        let sku = disk
            .pointer("/managedDisk/storageAccountType")
            .and_then(Value::as_str)
            .unwrap_or("Standard_LRS")
            .to_owned();
        check_sku(draft, &sku, what)?;
        make(arm, draft, &id, size, &sku, image, made)?;
        disk["name"] = name.into();
        disk["diskSizeGB"] = size.into();
        disk["managedDisk"] = merged(disk.get("managedDisk"), &id, &sku);
    }
    for (name, value) in
        [("caching", if what == "osDisk" { "ReadWrite" } else { "None" }), ("deleteOption", "Detach")]
    {
        if disk.get(name).is_none() {
            disk[name] = value.into();
        }
    }
    Ok(())
}

fn merged(old: Option<&Value>, id: &ResourceId, sku: &str) -> Value {
    let mut disk = old.and_then(Value::as_object).cloned().unwrap_or_default();
    disk.insert("id".to_owned(), id.to_string().into());
    disk.insert("storageAccountType".to_owned(), sku.into());
    disk.into()
}

/// Ultra disks and Premium SSD v2 are for machines in zones; ultra disks need the capability.
fn check_sku(draft: &Draft, sku: &str, what: &str) -> Answer<()> {
    const KNOWN: [&str; 7] = [
        "Standard_LRS",
        "StandardSSD_LRS",
        "StandardSSD_ZRS",
        "Premium_LRS",
        "Premium_ZRS",
        "PremiumV2_LRS",
        "UltraSSD_LRS",
    ];
    let target = format!("{what}.managedDisk.storageAccountType");
    if !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(sku)) {
        let message = format!("The value '{sku}' is not a storage account type of managed disks.");
        return Err(ArmError::parameter(target, message));
    }
    let special = ["PremiumV2_LRS", "UltraSSD_LRS"].iter().any(|known| known.eq_ignore_ascii_case(sku));
    if special && what == "osDisk" {
        let message = format!("StorageAccountType '{sku}' is not supported for OS disks.");
        return Err(ArmError::parameter(target, message));
    }
    let enabled = draft.get("properties/additionalCapabilities/ultraSSDEnabled") == Some(&json!(true));
    if sku.eq_ignore_ascii_case("UltraSSD_LRS") && !enabled {
        let message = "StorageAccountType UltraSSD_LRS can be used only when additionalCapabilities.ultraSSDEnabled is set.";
        return Err(ArmError::parameter(target, message));
    }
    Ok(())
}

/// Makes a disk together with the machine; one that is the machine's already stays.
fn make(
    arm: &mut Arm<'_>,
    draft: &Draft,
    id: &ResourceId,
    size: u64,
    sku: &str,
    image: Option<(u32, &'static str)>,
    made: &mut Vec<Stored>,
) -> Answer<()> {
    let twice = made.iter().find(|other| other.key() == id.key());
    if let Some(there) = arm.state.store.get(&id.key()).or(twice) {
        let own = there.hidden.get("made_by").is_some_and(|by| *by == draft.id.key());
        let mine = own && draft.old.is_some();
        return if mine {
            Ok(())
        } else {
            Err(ArmError::conflict(
                "ConflictingUserInput",
                format!("Disk {id} already exists in resource group."),
            )
            .at("managedDisk"))
        };
    }
    let mut body = Map::new();
    body.insert("location".to_owned(), draft.location().into());
    for name in ["tags", "zones"] {
        if let Some(value) = draft.body.get(name) {
            body.insert(name.to_owned(), value.clone());
        }
    }
    body.insert("sku".to_owned(), json!({ "name": sku, "tier": tier(sku) }));
    let creation = if image.is_some() { "FromImage" } else { "Empty" };
    let mut properties = json!({
        "creationData": { "createOption": creation },
        "diskSizeGB": size,
        "diskSizeBytes": size << 30,
        "timeCreated": crate::azure::text::iso(arm.context.now),
        "uniqueId": arm.state.ids.uuid(),
        "encryption": { "type": "EncryptionAtRestWithPlatformKey" },
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
    });
    if let Some((_, os_type)) = image {
        properties["osType"] = os_type.into();
        let reference = draft.get("properties/storageProfile/imageReference").cloned().unwrap_or_default();
        properties["creationData"]["imageReference"] =
            json!({ "id": images::reference_id(&draft.id, &draft.location(), &reference) });
    }
    body.insert("properties".to_owned(), properties);
    let etag = arm.state.etag();
    let mut stored = Stored {
        id: id.clone(),
        kind: &DISK,
        body,
        etag,
        state: "Succeeded",
        operation: None,
        visible_from: arm.context.visible_from(),
        created: arm.context.now,
        hidden: std::collections::BTreeMap::new(),
    };
    stored.hidden.insert("made_by", draft.id.key());
    made.push(stored);
    Ok(())
}

pub(super) fn tier(sku: &str) -> &'static str {
    match sku.split_once('_').map_or(sku, |(tier, _)| tier) {
        "Premium" | "PremiumV2" => "Premium",
        "UltraSSD" => "Ultra",
        _ => "Standard",
    }
}

/// A disk can be attached to one machine, in the machine's zone.
fn check_attachable(arm: &Arm<'_>, draft: &Draft, id: &str, what: &str) -> Answer<(String, Value, Value)> {
    let disk = referred(arm, id, &DISK, &format!("{what}.managedDisk.id"))?;
    let other = arm.state.store.uses(&disk.key()).find(|one| one.by != draft.id.key());
    if let Some(other) = other {
        let message = format!(
            "Cannot attach data disk '{}' to VM '{}' because the disk is currently owned by VM '{}'.",
            disk.id.name(),
            draft.id.name(),
            other.by
        );
        return Err(ArmError::conflict("AttachDiskWhileBeingDetached", message).at("managedDisk.id"));
    }
    let zones: Vec<&str> = disk.items("zones").iter().filter_map(Value::as_str).collect();
    let redundant = disk.text("sku/name").is_some_and(|sku| sku.ends_with("_ZRS"));
    let fits = draft.zones().iter().all(|zone| zones.contains(&zone.as_str()))
        && (draft.zones().is_empty() == zones.is_empty());
    if !fits && !redundant {
        let message = format!(
            "Disk {} cannot be attached to VM because it is not in the same zone as the VM.",
            disk.id
        );
        return Err(ArmError::bad("BadRequest", message).at("managedDisk.id"));
    }
    Ok((
        disk.id.name().to_owned(),
        disk.property("diskSizeGB").cloned().unwrap_or_default(),
        disk.get("sku/name").cloned().unwrap_or_else(|| "Standard_LRS".into()),
    ))
}

/// After a write: disks that a data disk entry lets go of are let go.
pub(super) fn settle_disks(state: &mut State, key: &str, _: bool, _: SystemTime) {
    let gone = |disk: &Value| disk.get("toBeDetached") == Some(&json!(true));
    let detaches = state
        .store
        .get(key)
        .is_some_and(|stored| stored.items("properties/storageProfile/dataDisks").iter().any(gone));
    if detaches {
        state.store.edit(key, |stored| {
            let disks = stored
                .body
                .get_mut("properties")
                .and_then(|properties| properties.pointer_mut("/storageProfile/dataDisks"));
            if let Some(Value::Array(disks)) = disks {
                disks.retain(|disk| !gone(disk));
            }
        });
    }
}
