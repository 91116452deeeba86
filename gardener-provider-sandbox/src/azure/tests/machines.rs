//! Virtual machines and their disks.

use super::*;

#[tokio::test]
async fn a_machine_takes_its_interface_and_disk_along() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let machine = arm.machine("m").await;
    assert_eq!(machine["properties"]["provisioningState"], "Succeeded");
    assert!(machine["properties"]["osProfile"].get("customData").is_none(), "{machine}");
    let disk = arm.get("Microsoft.Compute/disks/os").await;
    assert_eq!(disk["managedBy"], machine["id"]);
    arm.delete("Microsoft.Compute/virtualMachines/m").await;
    assert_eq!(arm.left(), ["subnets", "virtualNetworks", "resourceGroups"].map(|kind| kind).to_vec());
}

#[tokio::test]
async fn disks_come_and_go() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let nic = arm.interface("i").await;
    let mut disk = here();
    disk["zones"] = json!(["1"]);
    disk["sku"] = json!({ "name": "Premium_LRS" });
    disk["properties"] = json!({ "creationData": { "createOption": "Empty" }, "diskSizeGB": 32 });
    let disk = arm.put("Microsoft.Compute/disks/d", disk).await;
    assert_eq!(disk["properties"]["diskState"], "Unattached");
    let mut body = machine(&nic);
    body["properties"]["storageProfile"]["dataDisks"] = json!([
        { "lun": 0, "createOption": "Attach", "deleteOption": "Delete", "managedDisk": { "id": disk["id"] } },
        { "lun": 1, "createOption": "Empty", "diskSizeGB": 8, "name": "fresh", "deleteOption": "Detach" },
    ]);
    arm.put(VM, body.clone()).await;
    arm.refuses(Method::DELETE, "Microsoft.Compute/disks/d", Value::Null, 409, "OperationNotAllowed").await;
    let second = arm.interface("j").await;
    let mut other = machine(&second);
    other["properties"]["storageProfile"]["osDisk"]["name"] = "os2".into();
    other["properties"]["storageProfile"]["dataDisks"] = json!([
        { "lun": 0, "createOption": "Attach", "managedDisk": { "id": disk["id"] } },
    ]);
    let n = "Microsoft.Compute/virtualMachines/n";
    arm.refuses(Method::PUT, n, other, 409, "AttachDiskWhileBeingDetached").await;
    assert!(!arm.left().contains(&"os2"), "the disks of a refused machine are not made");
    let mut twice = body.clone();
    twice["properties"]["storageProfile"]["dataDisks"][1]["lun"] = 0.into();
    arm.refuses(Method::PUT, VM, twice, 400, "InvalidParameter").await;
    body["properties"]["storageProfile"]["dataDisks"][1]["toBeDetached"] = true.into();
    arm.put(VM, body).await;
    assert_eq!(arm.get(VM).await["properties"]["storageProfile"]["dataDisks"].as_array().unwrap().len(), 1);
    assert_eq!(arm.get("Microsoft.Compute/disks/fresh").await["properties"]["diskState"], "Unattached");
    arm.delete(VM).await;
    assert_eq!(arm.left(), ["disks", "networkInterfaces", "subnets", "virtualNetworks", "resourceGroups"]);
}

#[tokio::test]
async fn interfaces_serve_one_machine() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    arm.machine("m").await;
    let nic = "Microsoft.Network/networkInterfaces/m-nic";
    arm.refuses(Method::DELETE, nic, Value::Null, 400, "NicInUse").await;
    let mut other = machine(&arm.path(nic));
    other["properties"]["storageProfile"]["osDisk"]["name"] = "os2".into();
    let n = "Microsoft.Compute/virtualMachines/n";
    arm.refuses(Method::PUT, n, other, 400, "NicInUse").await;
    arm.refuses(
        Method::PUT,
        n,
        machine(&arm.path("Microsoft.Network/networkInterfaces/x")),
        400,
        "InvalidResourceReference",
    )
    .await;
    assert_eq!(arm.get(nic).await["properties"]["virtualMachine"]["id"], arm.path(VM));
}

#[tokio::test]
async fn sets_groups_and_reservations_hold_machines() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let set = "Microsoft.Compute/availabilitySets/a";
    let mut body = here();
    body["sku"] = json!({ "name": "Aligned" });
    arm.put(set, body).await;
    let flex = "Microsoft.Compute/virtualMachineScaleSets/f";
    let mut body = here();
    body["properties"] = json!({ "orchestrationMode": "Flexible", "platformFaultDomainCount": 1 });
    arm.put(flex, body).await;
    let reserve = "Microsoft.Compute/capacityReservationGroups/r";
    let mut body = here();
    body["zones"] = json!(["1"]);
    arm.put(reserve, body.clone()).await;
    for (at, (path, property)) in
        [(set, "availabilitySet"), (flex, "virtualMachineScaleSet")].into_iter().enumerate()
    {
        let nic = arm.interface(&format!("i{at}")).await;
        let mut machine = machine(&nic);
        machine["properties"][property] = json!({ "id": arm.path(path) });
        if property == "availabilitySet" {
            arm.refuses(Method::PUT, VM, machine.clone(), 400, "BadRequest").await;
        }
        machine.as_object_mut().unwrap().remove("zones");
        arm.put(VM, machine).await;
        arm.refuses(Method::DELETE, path, Value::Null, 409, "OperationNotAllowed").await;
        arm.delete(VM).await;
        arm.delete(path).await;
    }
    let nic = arm.interface("i").await;
    let mut reserved = machine(&nic);
    reserved["properties"]["capacityReservation"] =
        json!({ "capacityReservationGroup": { "id": arm.path(reserve) } });
    arm.refuses(Method::PUT, VM, reserved.clone(), 409, "OperationNotAllowed").await;
    body["sku"] = json!({ "name": "Standard_D2s_v5", "capacity": 1 });
    arm.put(&format!("{reserve}/capacityReservations/d"), body).await;
    arm.put(VM, reserved).await;
    arm.refuses(Method::DELETE, reserve, Value::Null, 409, "OperationNotAllowed").await;
}

#[tokio::test]
async fn a_machine_is_checked_before_it_is_made() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let nic = arm.interface("i").await;
    for (pointer, value, status, code) in [
        ("/properties/hardwareProfile/vmSize", json!("Standard_Z1"), 400, "InvalidParameter"),
        ("/zones", json!(["7"]), 400, "InvalidAvailabilityZone"),
        ("/zones", json!(["1", "2"]), 400, "InvalidParameter"),
        ("/properties/osProfile/adminUsername", json!("root"), 400, "InvalidParameter"),
        ("/properties/osProfile/customData", json!("not base64!"), 400, "InvalidParameter"),
        ("/properties/osProfile/linuxConfiguration/ssh/publicKeys", json!([]), 400, "InvalidParameter"),
        (
            "/properties/osProfile/linuxConfiguration/ssh/publicKeys/0/keyData",
            json!("x"),
            400,
            "InvalidParameter",
        ),
        ("/properties/storageProfile/osDisk/diskSizeGB", json!(1), 400, "InvalidParameter"),
        (
            "/properties/storageProfile/osDisk/managedDisk/storageAccountType",
            json!("Gold"),
            400,
            "InvalidParameter",
        ),
        (
            "/properties/storageProfile/osDisk/managedDisk/storageAccountType",
            json!("UltraSSD_LRS"),
            400,
            "InvalidParameter",
        ),
        ("/properties/storageProfile/osDisk/createOption", json!("Guess"), 400, "InvalidParameter"),
        ("/properties/networkProfile/networkInterfaces", json!([]), 400, "InvalidParameter"),
        ("/properties/osProfile", json!({ "misspelt": 1 }), 400, "BadRequest"),
        ("/properties", json!(null), 400, "InvalidParameter"),
        ("/tags", json!({ "a": "b" }), 0, ""),
    ] {
        let mut body = machine(&nic);
        *body.pointer_mut(pointer).unwrap() = value;
        if status > 0 {
            arm.refuses(Method::PUT, VM, body, status, code).await;
        } else {
            arm.put(VM, body).await;
        }
    }
}

#[tokio::test]
async fn machines_have_identities() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let identity = arm.put("Microsoft.ManagedIdentity/userAssignedIdentities/i", here()).await;
    let mut body = machine(&arm.interface("i").await);
    let id = identity["id"].as_str().unwrap();
    body["identity"] =
        json!({ "type": "SystemAssigned, UserAssigned", "userAssignedIdentities": { id: {} } });
    let made = arm.put(VM, body.clone()).await;
    assert!(made["identity"]["principalId"].is_string());
    let shown = &made["identity"]["userAssignedIdentities"][id];
    assert_eq!(shown["clientId"], identity["properties"]["clientId"]);
    assert_eq!(arm.put(VM, body.clone()).await["identity"], made["identity"], "it stays the same");
    body["identity"]["userAssignedIdentities"] = json!({ "/subscriptions/x": {} });
    arm.refuses(Method::PUT, VM, body, 404, "FailedIdentityOperation").await;
}
