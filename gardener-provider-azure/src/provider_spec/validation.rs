//! What a provider spec must be like: the rules of the Go driver and a few contradictions that Azure would refuse.

use std::collections::HashSet;

use gardener_provider_client::checks::Checks;
use gardener_provider_core::Violation;

use super::{CLUSTER_TAG, DataDisk, Image, OsDisk, Properties, ProviderSpec, ROLE_TAG};
use crate::{
    api::{ResourceId, images::Urn},
    endpoints::Cloud,
};

/// `machineSet.kind` of an availability set.
pub(super) const AVAILABILITY_SET: &str = "availabilityset";
/// `machineSet.kind` of a scale set.
pub(super) const SCALE_SET: &str = "vmo";

/// All that is wrong with `spec`.
pub(super) fn violations(spec: &ProviderSpec) -> Vec<Violation> {
    let mut checks = Checks::of("providerSpec");
    checks.required("location", &spec.location);
    if let (false, Err(error)) = (spec.location.trim().is_empty(), spec.region()) {
        checks.say("location", error.message().to_owned());
    }
    path_segment(&mut checks, "resourceGroup", &spec.resource_group);
    checks.within("subnetInfo", |checks| {
        path_segment(checks, "vnetName", &spec.subnet_info.vnet_name);
        path_segment(checks, "subnetName", &spec.subnet_info.subnet_name);
        if let Some(group) = spec.subnet_info.vnet_resource_group.as_deref().filter(|group| !group.is_empty())
        {
            path_segment(checks, "vnetResourceGroup", group);
        }
    });
    tags(&mut checks, spec);
    if let Some(cloud) = &spec.cloud_configuration {
        checks.within("cloudConfiguration", |checks| {
            checks.required("name", &cloud.name);
            checks.one_of("name", &cloud.name, &Cloud::ALL.map(Cloud::name));
        });
    }
    checks.within("properties", |checks| properties(checks, spec));
    checks.into_violations()
}

/// A name that goes into addresses.
fn path_segment(checks: &mut Checks, field: &str, name: &str) {
    checks.required(field, name);
    if name.contains(['/', '?', '#', '%', '\\']) || name == "." || name == ".." {
        checks.say(field, format!("{name:?} is no name; it holds a character that no name may hold"));
    }
}

/// Azure's limits: <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources#limitations>.
/// Two of the 50 tags are ours.
fn tags(checks: &mut Checks, spec: &ProviderSpec) {
    for (prefix, what) in [(CLUSTER_TAG, "<technical id>"), (ROLE_TAG, "<role>")] {
        let is_there = spec.tags.keys().any(|key| key.strip_prefix(prefix).is_some_and(|id| !id.is_empty()));
        if !is_there {
            checks.say("tags", format!("lacks a tag {prefix}{what}, by which machines are found; add it"));
        }
    }
    if spec.tags.len() > 48 {
        checks.say("tags", format!("has {} tags; use 48 at most", spec.tags.len()));
    }
    for (key, value) in &spec.tags {
        if let Some(bad) = key.chars().find(|found| "<>%&\\?/".contains(*found)) {
            checks.say(
                "tags",
                format!("the name {key:?} holds {bad:?}, which Azure does not allow; rename it"),
            );
        }
        if key.len() > 512 || value.len() > 256 {
            checks.say(
                "tags",
                format!("{key:?} is too long; use 512 characters for a name and 256 for a value"),
            );
        }
    }
}

fn properties(checks: &mut Checks, spec: &ProviderSpec) {
    let properties = &spec.properties;
    checks.within("hardwareProfile", |checks| {
        checks.required("vmSize", &properties.hardware_profile.vm_size);
    });
    checks.within("storageProfile", |checks| storage(checks, properties));
    checks.within("osProfile", |checks| {
        checks.required("adminUsername", &properties.os_profile.admin_username);
    });
    place(checks, spec);
    if let Some(id) = properties.identity_id.as_deref() {
        id_of(checks, "identityID", id, "Microsoft.ManagedIdentity/userAssignedIdentities");
    }
    let group = properties.capacity_reservation.as_ref();
    if let Some(id) = group.and_then(|group| group.capacity_reservation_group_id.as_deref()) {
        checks.within("capacityReservation", |checks| {
            let kind = "Microsoft.Compute/capacityReservationGroups";
            id_of(checks, "capacityReservationGroupID", id, kind);
        });
    }
    if let Some(profile) = &properties.security_profile {
        checks.within("securityProfile", |checks| {
            let kind = profile.security_type.as_deref().unwrap_or_default();
            checks.one_of("securityType", kind, &["TrustedLaunch", "ConfidentialVM", "Standard"]);
        });
    }
    let diagnostics = properties.diagnostics_profile.as_ref();
    if let Some(uri) = diagnostics.and_then(|profile| profile.storage_uri.as_deref()) {
        let is_address = url::Url::parse(uri).is_ok_and(|url| url.scheme() == "https" && url.has_host());
        if !is_address {
            let problem = format!("{uri:?} is no address such as https://<account>.blob.core.windows.net/");
            checks.within("diagnosticsProfile", |checks| checks.say("storageURI", problem));
        }
    }
}

fn id_of(checks: &mut Checks, field: &str, id: &str, kind: &str) {
    if let Err(error) = ResourceId::of_kind(field, id, kind) {
        let problem = error.message().strip_prefix(&format!("{field}: ")).unwrap_or(error.message());
        checks.say(field, problem.to_owned());
    }
}

const CACHING: &[&str] = &["None", "ReadOnly", "ReadWrite"];

fn storage(checks: &mut Checks, properties: &Properties) {
    let storage = &properties.storage_profile;
    checks.within("imageReference", |checks| image(checks, &storage.image_reference));
    checks.not_blank("diskControllerType", storage.disk_controller_type.as_deref());
    let controller = storage.disk_controller_type.as_deref().unwrap_or_default();
    checks.one_of("diskControllerType", controller, &["SCSI", "NVMe"]);
    checks.within("osDisk", |checks| os_disk(checks, &storage.os_disk));
    checks.each("dataDisks", &storage.data_disks, data_disk);
    let mut luns = HashSet::new();
    for (index, disk) in storage.data_disks.iter().enumerate() {
        if !luns.insert(disk.lun) {
            let problem = format!("{} is taken by another disk; give each disk its own", disk.lun);
            checks.say(&format!("dataDisks[{index}].lun"), problem);
        }
    }
}

fn image(checks: &mut Checks, image: &Image) {
    let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let named = [
        ("id", !image.id.is_empty()),
        ("urn", is_given(&image.urn)),
        ("communityGalleryImageID", is_given(&image.community_gallery_image_id)),
        ("sharedGalleryImageID", is_given(&image.shared_gallery_image_id)),
    ];
    let names: Vec<_> = named.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect();
    match names.as_slice() {
        [] => checks
            .say("id", "is missing; set one of id, urn, communityGalleryImageID and sharedGalleryImageID"),
        [_] => {}
        [kept, other, ..] => checks.say(other, format!("stands beside {kept}; keep one of them")),
    }
    let urn = image.urn.as_deref().filter(|urn| !urn.is_empty());
    if let Some(urn) = urn.filter(|urn| Urn::parse(urn).is_none()) {
        checks.say("urn", format!("{urn:?} has not the four parts of publisher:offer:sku:version"));
    }
}

fn os_disk(checks: &mut Checks, disk: &OsDisk) {
    checks.required("createOption", &disk.create_option);
    checks.one_of("createOption", &disk.create_option, &["FromImage", "Attach", "Empty"]);
    checks.one_of("caching", &disk.caching, CACHING);
    checks.at_least("diskSizeGB", Some(disk.disk_size_gb), 1);
    let security = disk.managed_disk.security_profile.as_ref();
    let encryption = security.and_then(|profile| profile.security_encryption_type.as_deref());
    checks.within("managedDisk.securityProfile", |checks| {
        let known = &["VMGuestStateOnly", "DiskWithVMGuestState", "NonPersistedTPM"];
        checks.one_of("securityEncryptionType", encryption.unwrap_or_default(), known);
    });
}

fn data_disk(checks: &mut Checks, disk: &DataDisk) {
    checks.at_least("lun", Some(disk.lun), 0);
    checks.at_least("diskSizeGB", Some(disk.disk_size_gb), 1);
    checks.required("storageAccountType", &disk.storage_account_type);
    checks.one_of("caching", &disk.caching, CACHING);
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !disk.name.bytes().all(in_name) {
        checks.say("name", format!("{:?} may hold letters, digits, '-', '_' and '.' only", disk.name));
    }
    if let Some(reference) = &disk.image_ref {
        checks.within("imageRef", |checks| image(checks, reference));
    }
}

/// A zone, an availability set or a scale set.
fn place(checks: &mut Checks, spec: &ProviderSpec) {
    let properties = &spec.properties;
    if let Some(set) = &properties.machine_set {
        checks.within("machineSet", |checks| {
            checks.required("kind", &set.kind);
            checks.one_of("kind", &set.kind, &[AVAILABILITY_SET, SCALE_SET]);
        });
    }
    if let Some(zone) = properties.zone.filter(|zone| !(1..=9).contains(zone)) {
        checks.say("zone", format!("{zone} is no zone; use 1, 2 or 3"));
    }
    let (availability_set, scale_set) = (spec.availability_set(), spec.scale_set());
    if let Some(id) = availability_set {
        id_of(checks, "availabilitySet.id", id, "Microsoft.Compute/availabilitySets");
    }
    if let Some(id) = scale_set {
        id_of(checks, "virtualMachineScaleSet.id", id, "Microsoft.Compute/virtualMachineScaleSets");
    }
    let places = [properties.zone.is_some(), availability_set.is_some(), scale_set.is_some()];
    match places.iter().filter(|is_given| **is_given).count() {
        0 => checks.say("zone", "is missing; set one of zone, availabilitySet and virtualMachineScaleSet"),
        1 => {}
        _ => checks.say("zone", "only one of zone, availabilitySet and virtualMachineScaleSet may be set"),
    }
}
