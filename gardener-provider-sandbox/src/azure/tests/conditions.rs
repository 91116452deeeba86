//! ETags, and what cannot be changed.

use super::*;

#[tokio::test]
async fn writes_on_condition() {
    let arm = Caller::instant().group().await;
    let fresh = arm.with("if-none-match", "*");
    let made = fresh.put(NSG, here()).await;
    fresh.refuses(Method::PUT, NSG, here(), 412, "PreconditionFailed").await;
    let etag = made["etag"].as_str().unwrap();
    let mut change = here();
    change["tags"] = json!({ "a": "1" });
    let matching = arm.with("if-match", etag);
    let changed = matching.put(NSG, change.clone()).await;
    assert_ne!(changed["etag"], made["etag"]);
    change["tags"] = json!({ "a": "2" });
    matching.refuses(Method::PUT, NSG, change.clone(), 412, "PreconditionFailed").await;
    matching.refuses(Method::DELETE, NSG, Value::Null, 412, "PreconditionFailed").await;
    arm.with("if-match", "*").put(NSG, change).await;
    arm.with("if-match", "*").refuses(Method::PUT, TABLE, here(), 412, "PreconditionFailed").await;
    arm.with("if-match", "*").delete(NSG).await;
}

#[tokio::test]
async fn a_write_that_changes_nothing_changes_nothing() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let first = arm.machine("m").await;
    let nic = first["properties"]["networkProfile"]["networkInterfaces"][0]["id"].as_str().unwrap();
    assert_eq!(arm.put(VM, machine(nic)).await, first);
    let subnet = arm.get(SUBNET).await;
    assert_eq!(arm.put(SUBNET, subnet.clone()).await, subnet, "what was read can be written");
    let vnet = arm.get(VNET).await;
    let again = arm.put(VNET, vnet.clone()).await;
    assert_eq!(
        again["properties"]["subnets"][0]["properties"],
        vnet["properties"]["subnets"][0]["properties"]
    );
}

#[tokio::test]
async fn some_properties_are_for_ever() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let made = arm.machine("m").await;
    let nic = made["properties"]["networkProfile"]["networkInterfaces"][0]["id"].as_str().unwrap();
    for (pointer, value, target) in [
        ("/zones", json!(["2"]), "zones"),
        ("/properties/osProfile/adminUsername", json!("other"), "osProfile.adminUsername"),
        ("/properties/osProfile/customData", json!("b3RoZXI="), "osProfile.customData"),
        (
            "/properties/osProfile/linuxConfiguration/ssh/publicKeys/0/keyData",
            json!("ssh-rsa BBBB x"),
            "osProfile.linuxConfiguration.ssh.publicKeys",
        ),
        ("/properties/storageProfile/imageReference/sku", json!("minimal"), "storageProfile.imageReference"),
    ] {
        let mut body = machine(nic);
        *body.pointer_mut(pointer).unwrap() = value;
        let (status, reply) = arm.call(Method::PUT, VM, &body).await;
        assert_eq!(
            (status, reply["error"]["code"].as_str()),
            (409, Some("PropertyChangeNotAllowed")),
            "{pointer}"
        );
        assert_eq!(reply["error"]["target"], target);
    }
    arm.refuses(Method::PUT, NSG, json!({ "location": "mars" }), 400, "LocationNotAvailableForResourceType")
        .await;
    arm.put(NSG, here()).await;
    arm.refuses(Method::PUT, NSG, json!({ "location": "eastus" }), 409, "InvalidResourceLocation").await;
    arm.refuses(Method::PUT, "", json!({ "location": "eastus" }), 409, "InvalidResourceGroupLocation").await;
    let mut zonal = address("Standard");
    zonal["zones"] = json!(["1"]);
    arm.put(ADDRESS, zonal.clone()).await;
    zonal["zones"] = json!(["2"]);
    arm.refuses(Method::PUT, ADDRESS, zonal, 400, "ResourceAvailabilityZonesCannotBeModified").await;
}

#[tokio::test]
async fn a_patch_says_only_what_changes() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let before = arm.machine("m").await;
    let patch = json!({ "tags": { "new": "1" } });
    let (status, after) = arm.call(Method::PATCH, VM, &patch).await;
    assert_eq!((status, &after["tags"]), (200, &patch["tags"]), "tags are replaced as a whole");
    assert_eq!(after["properties"], before["properties"]);
    let nic = "Microsoft.Network/networkInterfaces/m-nic";
    let (status, tagged) = arm.call(Method::PATCH, nic, &patch).await;
    assert_eq!((status, &tagged["tags"]), (200, &patch["tags"]));
    let other = json!({ "properties": { "enableIPForwarding": true } });
    arm.refuses(Method::PATCH, nic, other, 400, "PatchResourceNotSupported").await;
    arm.refuses(Method::PATCH, "Microsoft.Compute/virtualMachines/x", patch, 404, "ResourceNotFound").await;
}
