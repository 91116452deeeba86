use serde_json::json;

use super::*;

pub(crate) const GROUP: &str =
    "/subscriptions/00000000-5b5c-0000-0000-000000000001/resourceGroups/shoot--demo--app";

/// What Gardener's worker controller writes, in short.
pub(crate) fn minimal() -> Value {
    json!({
        "location": "westeurope",
        "resourceGroup": "shoot--demo--app",
        "subnetInfo": { "vnetName": "shoot--demo--app", "subnetName": "shoot--demo--app-nodes" },
        "tags": { "kubernetes.io-cluster-shoot--demo--app": "1", "kubernetes.io-role-node": "1" },
        "properties": {
            "hardwareProfile": { "vmSize": "Standard_D4s_v5" },
            "storageProfile": {
                "imageReference": { "communityGalleryImageID": "/CommunityGalleries/gl/Images/gl/Versions/1443.3.0" },
                "osDisk": { "diskSizeGB": 50, "createOption": "FromImage", "caching": "None",
                    "managedDisk": { "storageAccountType": "Premium_LRS" } },
            },
            "osProfile": { "adminUsername": "core", "linuxConfiguration": { "disablePasswordAuthentication": true } },
            "zone": 1,
        },
    })
}

/// Every field.
pub(crate) fn full() -> Value {
    let mut spec = minimal();
    spec["apiVersion"] = json!("mcm.gardener.cloud/v1alpha1");
    spec["kind"] = json!("AzureProviderSpec");
    spec["cloudConfiguration"] = json!({ "name": "AzureGovernment" });
    spec["subnetInfo"]["vnetResourceGroup"] = json!("networks");
    let id = |kind: &str| format!("{GROUP}/providers/{kind}/x");
    let properties = &mut spec["properties"];
    properties["storageProfile"] = json!({
        "imageReference": { "id": "", "urn": "sap:gardenlinux:greatest:1443.3.0", "communityGalleryImageID": null,
            "sharedGalleryImageId": "", "skipMarketPlaceAgreement": true },
        "diskControllerType": "NVMe",
        "osDisk": { "name": "x", "caching": "ReadOnly", "diskSizeGB": 50, "createOption": "FromImage",
            "managedDisk": { "id": "x", "storageAccountType": "Premium_LRS",
                "securityProfile": { "securityEncryptionType": "VMGuestStateOnly" } } },
        "dataDisks": [
            { "name": "sdb", "lun": 0, "caching": "None", "storageAccountType": "UltraSSD_LRS", "diskSizeGB": 5 },
            { "lun": 1, "storageAccountType": "Premium_LRS", "diskSizeGB": 5, "imageRef": { "id": "/images/i" } },
        ],
    });
    properties["osProfile"] = json!({ "computerName": "x", "adminUsername": "core", "adminPassword": "hunter2",
        "customData": "hunter2", "linuxConfiguration": { "disablePasswordAuthentication": true,
            "ssh": { "publicKeys": { "path": "/home/core/.ssh/authorized_keys", "keyData": "ssh-rsa AAAA" } } } });
    properties["networkProfile"] = json!({ "networkInterfaces": { "id": "x", "properties": { "primary": true } },
        "acceleratedNetworking": true });
    properties["identityID"] = json!(id("Microsoft.ManagedIdentity/userAssignedIdentities"));
    properties["diagnosticsProfile"] =
        json!({ "enabled": true, "storageURI": "https://diag.blob.core.windows.net/" });
    properties["securityProfile"] = json!({ "securityType": "ConfidentialVM",
        "uefiSettings": { "vtpmEnabled": true, "secureBootEnabled": true } });
    properties["capacityReservation"] =
        json!({ "capacityReservationGroupID": id("Microsoft.Compute/capacityReservationGroups") });
    properties["zone"] = json!(null);
    properties["machineSet"] =
        json!({ "kind": "vmo", "id": id("Microsoft.Compute/virtualMachineScaleSets") });
    spec
}

fn spec(value: Value) -> ProviderSpec {
    ProviderSpec::of_class(&MachineClass::new("c", value)).unwrap()
}

#[test]
fn every_field_is_read() {
    let spec = spec(full());
    assert_eq!(spec.cloud().unwrap(), Cloud::UsGovernment);
    let subnet = "/subscriptions/s/resourceGroups/networks/providers/Microsoft.Network/virtualNetworks\
                  /shoot--demo--app/subnets/shoot--demo--app-nodes";
    assert_eq!(spec.subnet("s").to_string(), subnet);
    assert!(spec.scale_set().unwrap().ends_with("/virtualMachineScaleSets/x"));
    assert_eq!(spec.availability_set(), None);
    let storage = &spec.properties.storage_profile;
    assert!(storage.image_reference.skip_marketplace_agreement);
    assert_eq!(storage.image_reference.reference().sku.as_deref(), Some("greatest"));
    let image = storage.data_disks[1].image_ref.as_ref().unwrap();
    assert_eq!(image.reference().id.as_deref(), Some("/images/i"));
    let firmware = spec.properties.security_profile.as_ref().unwrap().uefi_settings.as_ref().unwrap();
    assert_eq!(firmware.vtpm_enabled, Some(true));
    assert!(!format!("{spec:?}").contains("hunter2"));
    assert_eq!(spec.ownership_keys(), ["kubernetes.io-cluster-shoot--demo--app", "kubernetes.io-role-node"]);
}

#[test]
fn the_cloud_is_that_of_the_region_unless_it_is_configured() {
    let mut value = minimal();
    assert_eq!(spec(value.clone()).cloud().unwrap(), Cloud::Public);
    value["location"] = json!("chinanorth3");
    assert_eq!(spec(value.clone()).cloud().unwrap(), Cloud::China);
    value["cloudConfiguration"] = json!({ "name": "AzurePublic" });
    assert_eq!(spec(value).cloud().unwrap(), Cloud::Public);
}

fn with(mut value: Value, pointer: &str, field: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap()[key] = field;
    value
}

/// Pointers, what is put there, and the paths that are told.
fn mistakes() -> Vec<(&'static str, Value, &'static str)> {
    let disk = |field: &str, value: Value| {
        let mut disk = json!({ "lun": 0, "storageAccountType": "Premium_LRS", "diskSizeGB": 5 });
        disk[field] = value;
        json!([disk])
    };
    let group =
        json!({ "capacityReservationGroupID": format!("{GROUP}/providers/Microsoft.Compute/disks/d") });
    vec![
        ("/location", json!(""), "location"),
        ("/location", json!("west europe"), "location"),
        ("/resourceGroup", json!(null), "resourceGroup"),
        ("/resourceGroup", json!("a/../b"), "resourceGroup"),
        ("/subnetInfo/vnetName", json!(""), "subnetInfo.vnetName"),
        ("/subnetInfo/subnetName", json!(" "), "subnetInfo.subnetName"),
        ("/subnetInfo/vnetResourceGroup", json!("a?b"), "subnetInfo.vnetResourceGroup"),
        ("/tags", json!({ "kubernetes.io-role-node": "1" }), "tags"),
        ("/tags", json!({ "kubernetes.io-cluster-a": "1" }), "tags"),
        ("/tags/a?b", json!("1"), "tags"),
        ("/cloudConfiguration", json!({ "name": "AzureStack" }), "cloudConfiguration.name"),
        ("/cloudConfiguration", json!({}), "cloudConfiguration.name"),
        ("/properties/hardwareProfile/vmSize", json!(""), "properties.hardwareProfile.vmSize"),
        (
            "/properties/storageProfile/imageReference",
            json!({}),
            "properties.storageProfile.imageReference.id",
        ),
        (
            "/properties/storageProfile/imageReference/urn",
            json!("a:b:c:d"),
            "properties.storageProfile.imageReference.communityGalleryImageID",
        ),
        (
            "/properties/storageProfile/imageReference",
            json!({ "urn": "a:b:c" }),
            "properties.storageProfile.imageReference.urn",
        ),
        (
            "/properties/storageProfile/diskControllerType",
            json!("IDE"),
            "properties.storageProfile.diskControllerType",
        ),
        (
            "/properties/storageProfile/osDisk/createOption",
            json!(""),
            "properties.storageProfile.osDisk.createOption",
        ),
        (
            "/properties/storageProfile/osDisk/diskSizeGB",
            json!(0),
            "properties.storageProfile.osDisk.diskSizeGB",
        ),
        (
            "/properties/storageProfile/osDisk/caching",
            json!("Some"),
            "properties.storageProfile.osDisk.caching",
        ),
        (
            "/properties/storageProfile/osDisk/managedDisk/securityProfile",
            json!({ "securityEncryptionType": "None" }),
            "properties.storageProfile.osDisk.managedDisk.securityProfile.securityEncryptionType",
        ),
        (
            "/properties/storageProfile/dataDisks",
            disk("lun", json!(-1)),
            "properties.storageProfile.dataDisks[0].lun",
        ),
        (
            "/properties/storageProfile/dataDisks",
            disk("diskSizeGB", json!(0)),
            "properties.storageProfile.dataDisks[0].diskSizeGB",
        ),
        (
            "/properties/storageProfile/dataDisks",
            disk("storageAccountType", json!("")),
            "properties.storageProfile.dataDisks[0].storageAccountType",
        ),
        (
            "/properties/storageProfile/dataDisks",
            disk("imageRef", json!({})),
            "properties.storageProfile.dataDisks[0].imageRef.id",
        ),
        (
            "/properties/storageProfile/dataDisks",
            disk("name", json!("a/b")),
            "properties.storageProfile.dataDisks[0].name",
        ),
        ("/properties/osProfile/adminUsername", json!(""), "properties.osProfile.adminUsername"),
        ("/properties/zone", json!(null), "properties.zone"),
        ("/properties/zone", json!(0), "properties.zone"),
        ("/properties/availabilitySet", json!({ "id": "x" }), "properties.availabilitySet.id"),
        ("/properties/machineSet", json!({ "kind": "x" }), "properties.machineSet.kind"),
        ("/properties/identityID", json!("x"), "properties.identityID"),
        (
            "/properties/capacityReservation",
            group,
            "properties.capacityReservation.capacityReservationGroupID",
        ),
        (
            "/properties/securityProfile",
            json!({ "securityType": "x" }),
            "properties.securityProfile.securityType",
        ),
        (
            "/properties/diagnosticsProfile",
            json!({ "storageURI": "http://x" }),
            "properties.diagnosticsProfile.storageURI",
        ),
    ]
}

#[test]
fn what_is_wrong_is_told_by_its_path() {
    for (pointer, value, field) in mistakes() {
        let violations = ProviderSpec::violations(&with(minimal(), pointer, value.clone()));
        let expected = format!("providerSpec.{field}");
        let is_told = violations.iter().any(|violation| violation.field == expected);
        assert!(is_told, "{pointer} = {value}: {violations:?}");
    }
}

#[test]
fn two_disks_at_one_place_are_refused() {
    let disk = json!({ "lun": 3, "storageAccountType": "Premium_LRS", "diskSizeGB": 5 });
    let value = with(minimal(), "/properties/storageProfile/dataDisks", json!([disk, disk]));
    let violations = ProviderSpec::violations(&value);
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert_eq!(violations[0].field, "providerSpec.properties.storageProfile.dataDisks[1].lun");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let value =
        with(with(minimal(), "/location", json!("")), "/properties/osProfile/adminUsername", json!(""));
    let error = ProviderSpec::of_class(&MachineClass::new("c", value)).unwrap_err();
    assert_eq!(error.kind(), gardener_provider_core::ErrorKind::InvalidArgument);
    for field in ["providerSpec.location", "providerSpec.properties.osProfile.adminUsername"] {
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_named() {
    for (pointer, value) in [
        ("/locatio", json!("x")),
        ("/properties/hardwareProfile/size", json!("x")),
        ("/properties/storageProfile/osDisk/diskSizeGB", json!("50")),
        ("/properties/zone", json!("1")),
        ("/properties/storageProfile/imageReference/skipMarketplaceAgreements", json!(true)),
        ("/tags", json!(["a"])),
    ] {
        let violations = ProviderSpec::violations(&with(minimal(), pointer, value));
        let field = format!("providerSpec{}", pointer.replace('/', "."));
        assert!(violations.iter().any(|violation| violation.field == field), "{pointer}: {violations:?}");
    }
    assert_eq!(ProviderSpec::violations(&json!(null)).len(), 1);
    assert_eq!(ProviderSpec::violations(&minimal()), []);
}
