//! Managed disks.

use serde_json::{Map, Value, json};

use super::{images, machines::MACHINE, storage_profile::tier};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::{Kind, Style},
        shape::{Field, Tone, any, flag, number, object, properties, shown, text, texts},
        store::Stored,
        view::users,
    },
    error::{Answer, ArmError},
    state::State,
};

const IMAGE: &[Field] =
    &[text("id"), text("sharedGalleryImageId"), text("communityGalleryImageId"), number("lun")];

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    texts("zones").fixed(),
    any("extendedLocation"),
    object("sku", &[text("name"), shown("tier")]),
    properties(&[
        shown("timeCreated"),
        text("osType").one_of(&["Windows", "Linux"]),
        text("hyperVGeneration").one_of(&["V1", "V2"]),
        any("purchasePlan"),
        any("supportedCapabilities"),
        object(
            "creationData",
            &[
                text("createOption").required().one_of(&[
                    "Empty",
                    "Attach",
                    "FromImage",
                    "Import",
                    "Copy",
                    "Restore",
                    "Upload",
                    "CopyStart",
                    "ImportSecure",
                    "UploadPreparedSecure",
                    "CopyFromSanSnapshot",
                ]),
                text("storageAccountId"),
                object("imageReference", IMAGE),
                object("galleryImageReference", IMAGE),
                text("sourceUri"),
                text("sourceResourceId"),
                shown("sourceUniqueId"),
                number("uploadSizeBytes"),
                number("logicalSectorSize"),
                text("securityDataUri"),
                text("securityMetadataUri"),
                flag("performancePlus"),
                text("elasticSanResourceId"),
                text("provisionedBandwidthCopySpeed"),
                number("instantAccessDurationMinutes"),
            ],
        )
        .required()
        .fixed(),
        number("diskSizeGB"),
        shown("diskSizeBytes"),
        shown("uniqueId"),
        any("encryptionSettingsCollection"),
        shown("provisioningState"),
        number("diskIOPSReadWrite"),
        number("diskMBpsReadWrite"),
        number("diskIOPSReadOnly"),
        number("diskMBpsReadOnly"),
        shown("diskState"),
        any("encryption"),
        number("maxShares"),
        shown("shareInfo"),
        text("networkAccessPolicy").one_of(&["AllowAll", "AllowPrivate", "DenyAll"]),
        text("diskAccessId"),
        shown("burstingEnabledTime"),
        text("tier"),
        flag("burstingEnabled"),
        shown("propertyUpdatesInProgress"),
        flag("supportsHibernation"),
        any("securityProfile"),
        shown("completionPercent"),
        text("publicNetworkAccess"),
        text("dataAccessAuthMode"),
        flag("optimizedForFrequentAttach"),
        shown("LastOwnershipUpdateTime"),
        any("availabilityPolicy"),
    ])
    .required(),
];

pub(crate) static DISK: Kind = Kind {
    tone: Tone::Compute,
    created: 200,
    style: Style::Accepted,
    list: "ListByResourceGroup",
    list_all: "List",
    update: "Update",
    etag: false,
    prepare,
    show,
    hinders,
    takes: |durations| (durations.disk, durations.disk),
    ..Kind::new("Microsoft.Compute/disks", "Disks", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let image = images::of_disk(arm, draft)?;
    let wanted = draft.property("diskSizeGB").and_then(Value::as_u64);
    let Some(size) = wanted.or(image).filter(|size| (1..=65_536).contains(size)) else {
        let message = "Required parameter 'disk.diskSizeGB' is missing (null) or out of range.";
        return Err(ArmError::parameter("disk.diskSizeGB", message));
    };
    if image.is_some_and(|least| size < least) {
        let message = format!("Disk size {size} GB is smaller than that of the image.");
        return Err(ArmError::parameter("disk.diskSizeGB", message));
    }
    let before = draft.old.as_ref().and_then(|old| old.property("diskSizeGB")).and_then(Value::as_u64);
    if before.is_some_and(|before| size < before) {
        let message = "Disk cannot be shrunk.";
        return Err(ArmError::parameter("disk.diskSizeGB", message));
    }
    check_zones(arm, draft)?;
    let sku = draft.text("sku/name").unwrap_or("Standard_LRS").to_owned();
    draft.body.insert("sku".to_owned(), json!({ "name": sku, "tier": tier(&sku) }));
    draft.set("diskSizeGB", size);
    draft.set("diskSizeBytes", size << 30);
    draft.default("encryption", json!({ "type": "EncryptionAtRestWithPlatformKey" }));
    draft.default("networkAccessPolicy", "AllowAll");
    draft.default("publicNetworkAccess", "Enabled");
    let now = crate::azure::text::iso(arm.context.now);
    draft.once("timeCreated", || now.into());
    draft.once("uniqueId", || arm.state.ids.uuid().into());
    Ok(())
}

fn check_zones(arm: &Arm<'_>, draft: &Draft) -> Answer<()> {
    let location = draft.location();
    let known = arm.context.options().locations.iter().find(|(name, _)| *name == location);
    match draft.zones().iter().find(|zone| !known.is_some_and(|(_, zones)| zones.contains(zone))) {
        None => Ok(()),
        Some(zone) => Err(ArmError::bad(
            "InvalidAvailabilityZone",
            format!(
                "The zone(s) '{zone}' for resource '{}' is not supported in location '{location}'.",
                draft.id
            ),
        )),
    }
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let owner = users(state, stored, MACHINE.name, "managedDisk").into_iter().next();
    let power = owner.as_ref().and_then(|owner| state.store.get(&owner.key())?.hidden.get("power").cloned());
    body["properties"]["diskState"] = match (&owner, power.as_deref()) {
        (None, _) => "Unattached",
        (Some(_), Some("deallocated")) => "Reserved",
        (Some(_), _) => "Attached",
    }
    .into();
    if let Some(owner) = owner {
        body.insert("managedBy".to_owned(), owner.to_string().into());
    }
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let Some(owner) = users(state, stored, MACHINE.name, "managedDisk").into_iter().next() else {
        return Ok(());
    };
    let message = format!("Disk {} is attached to VM {owner}.", stored.id.name());
    Err(ArmError::conflict("OperationNotAllowed", message))
}
