use serde_json::{Value, json};

use super::*;

fn sample(operation: &str) -> RestRequest {
    samples().into_iter().find(|sample| sample.operation == operation).unwrap()
}

fn body(operation: &str) -> Value {
    serde_json::from_slice(&sample(operation).body).unwrap()
}

#[test]
fn a_creation_never_touches_what_exists() {
    let put = sample("VirtualMachines_CreateOrUpdate");
    assert!(put.headers.contains(&(IF_NONE_MATCH, "*".to_owned())));
    let path = "/subscriptions/01234567-89ab-cdef-0123-456789abcdef/resourceGroups/shoot--demo--app\
                /providers/Microsoft.Compute/virtualMachines/worker-1";
    assert_eq!(put.path, path);
}

#[test]
fn names_are_written_as_azure_spells_them() {
    let body = body("VirtualMachines_CreateOrUpdate");
    for pointer in [
        "/identity/type",
        "/identity/userAssignedIdentities",
        "/properties/hardwareProfile/vmSize",
        "/properties/storageProfile/osDisk/diskSizeGB",
        "/properties/storageProfile/osDisk/managedDisk/securityProfile/securityEncryptionType",
        "/properties/storageProfile/dataDisks/1/managedDisk/id",
        "/properties/osProfile/linuxConfiguration/ssh/publicKeys/0/keyData",
        "/properties/networkProfile/networkInterfaces/0/properties/deleteOption",
        "/properties/securityProfile/uefiSettings/vTpmEnabled",
        "/properties/additionalCapabilities/ultraSSDEnabled",
        "/properties/diagnosticsProfile/bootDiagnostics/storageUri",
        "/properties/capacityReservation/capacityReservationGroup/id",
    ] {
        assert!(body.pointer(pointer).is_some(), "{pointer}: {body}");
    }
    for pointer in ["/id", "/name", "/properties/provisioningState", "/properties/instanceView"] {
        assert!(body.pointer(pointer).is_none(), "{pointer} is Azure's to say");
    }
}

#[test]
fn secrets_are_sent_and_not_shown() {
    let request = sample("VirtualMachines_CreateOrUpdate");
    let machine: VirtualMachine = serde_json::from_slice(&request.body).unwrap();
    let shown = format!("{machine:?} {request:?}");
    assert!(!shown.contains("I2Nsb3Vk") && !shown.contains("Passw0rd"), "{shown}");
    assert_eq!(
        body("VirtualMachines_CreateOrUpdate").pointer("/properties/osProfile/customData").unwrap(),
        "I2Nsb3VkLWNvbmZpZwo="
    );
}

#[test]
fn what_azure_says_of_a_disk_is_written_as_it_was_read() {
    let disk = json!({ "lun": 3, "name": "pv", "createOption": "Attach", "caching": "ReadOnly", "toBeDetached": false,
        "writeAcceleratorEnabled": true, "managedDisk": { "id": "/d", "diskEncryptionSet": { "id": "/e" } } });
    let read: DataDisk = serde_json::from_value(disk.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), disk);
}

#[test]
fn a_machine_is_read_however_little_azure_says() {
    let machine: VirtualMachine = serde_json::from_value(json!({
        "name": "m", "zones": null, "tags": null, "plan": null, "resources": [],
        "properties": { "provisioningState": "Failed", "storageProfile": { "dataDisks": null },
            "networkProfile": { "networkInterfaces": [{ "id": "/n" }] },
            "instanceView": { "statuses": [{ "code": "ProvisioningState/failed/AllocationFailed", "level": "Error" }] } },
    }))
    .unwrap();
    assert_eq!(machine.properties.provisioning_state, "Failed");
    assert_eq!(machine.properties.instance_view.unwrap().statuses.len(), 1);
}
