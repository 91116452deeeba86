//! Operations that take their time.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_machine_is_made_and_deleted_in_its_time() {
    let arm = slow().await;
    arm.subnet().await;
    arm.settle().await;
    let nic = arm.interface("i").await;
    arm.settle().await;
    let body = machine(&nic).to_string();
    let reply = arm.send(Method::PUT, VM, body.clone()).await;
    assert_eq!((reply.status().as_u16(), header(&reply, "retry-after")), (201, "10"));
    assert_eq!(json(&reply)["properties"]["provisioningState"], "Creating");
    let url = header(&reply, "azure-asyncoperation").to_owned();
    assert_eq!(json(&arm.follow(&url).await)["status"], "InProgress");

    let again = arm.send(Method::PUT, VM, body).await;
    assert_eq!((again.status().as_u16(), header(&again, "azure-asyncoperation")), (200, url.as_str()));
    let mut other = machine(&nic);
    other["properties"]["hardwareProfile"]["vmSize"] = "Standard_D4s_v5".into();
    arm.refuses(Method::PUT, VM, other, 409, "Conflict").await;

    arm.sleep(46).await;
    let done = json(&arm.follow(&url).await);
    assert_eq!(done["status"], "Succeeded");
    assert!(done["endTime"].is_string());
    assert_eq!(arm.get(VM).await["properties"]["provisioningState"], "Succeeded");

    let gone = arm.send(Method::DELETE, VM, "").await;
    assert_eq!(gone.status(), 202);
    assert_eq!(arm.get(VM).await["properties"]["provisioningState"], "Deleting");
    let twice = arm.send(Method::DELETE, VM, "").await;
    assert_eq!(header(&twice, "location"), header(&gone, "location"), "it is going already");
    assert_eq!(arm.follow(header(&gone, "location")).await.status(), 202);
    arm.sleep(51).await;
    assert_eq!(arm.follow(header(&gone, "location")).await.status(), 200);
    assert_eq!(json(&arm.follow(header(&gone, "azure-asyncoperation")).await)["status"], "Succeeded");
    arm.refuses(Method::GET, VM, Value::Null, 404, "ResourceNotFound").await;
    assert_eq!(arm.left(), ["subnets", "virtualNetworks", "resourceGroups"]);
}

#[tokio::test(start_paused = true)]
async fn a_forced_deletion_is_faster() {
    let arm = slow().await;
    arm.subnet().await;
    arm.settle().await;
    arm.interface("m-nic").await;
    arm.settle().await;
    arm.put(VM, machine(&arm.path("Microsoft.Network/networkInterfaces/m-nic"))).await;
    arm.settle().await;
    let reply = arm.send(Method::DELETE, &format!("{VM}?forceDeletion=true"), "").await;
    assert_eq!(reply.status(), 202);
    arm.sleep(16).await;
    assert!(!arm.left().contains(&"virtualMachines"));
}

#[tokio::test(start_paused = true)]
async fn one_write_at_a_time_in_a_virtual_network() {
    let arm = slow().await;
    arm.put(VNET, vnet()).await;
    let subnet = json!({ "properties": { "addressPrefix": "10.0.0.0/24" } });
    arm.refuses(Method::PUT, SUBNET, subnet.clone(), 409, "AnotherOperationInProgress").await;
    arm.settle().await;
    arm.put(SUBNET, subnet).await;
    let (status, body) =
        arm.call(Method::PUT, "Microsoft.Network/networkInterfaces/i", &interface(&arm.path(SUBNET))).await;
    assert_eq!((status, body["error"]["code"].as_str()), (429, Some("RetryableError")));
    assert_eq!(body["error"]["details"][0]["code"], "ReferencedResourceNotProvisioned");
    arm.refuses(Method::DELETE, SUBNET, Value::Null, 409, "AnotherOperationInProgress").await;
    arm.settle().await;
    arm.interface("i").await;
}

#[tokio::test(start_paused = true)]
async fn a_group_takes_everything_with_it() {
    let arm = slow().await;
    arm.subnet_of(VNET).await;
    let reply = arm.send(Method::DELETE, "", "").await;
    assert_eq!((reply.status().as_u16(), header(&reply, "azure-asyncoperation")), (202, ""));
    let url = header(&reply, "location").to_owned();
    arm.refuses(Method::PUT, NSG, here(), 409, "ResourceGroupBeingDeleted").await;
    arm.refuses(Method::PUT, "", here(), 409, "ResourceGroupBeingDeleted").await;
    assert_eq!(arm.follow(&url).await.status(), 202);
    arm.sleep(61).await;
    assert_eq!(arm.follow(&url).await.status(), 200);
    assert!(arm.left().is_empty());
    assert_eq!(arm.call(Method::HEAD, "", &Value::Null).await.0, 404);
    arm.refuses(Method::DELETE, "", Value::Null, 404, "ResourceGroupNotFound").await;
}

#[tokio::test(start_paused = true)]
async fn a_group_with_what_others_use_stays() {
    let arm = slow().await;
    arm.subnet_of(VNET).await;
    arm.settle().await;
    let other = format!("/subscriptions/{}/resourceGroups/other", arm.sandbox.azure().subscription());
    arm.put(&other, here()).await;
    let nic = format!("{other}/providers/Microsoft.Network/networkInterfaces/i");
    arm.put(&nic, interface(&arm.path(SUBNET))).await;
    arm.refuses(Method::DELETE, "", Value::Null, 409, "ResourceGroupDeletionBlocked").await;
    arm.settle().await;
    arm.delete(&nic).await;
    arm.settle().await;
    arm.delete("").await;
}

impl Caller {
    /// A virtual network that brings its subnet along.
    async fn subnet_of(&self, network: &str) {
        let mut body = vnet();
        body["properties"]["subnets"] =
            json!([{ "name": "s", "properties": { "addressPrefix": "10.0.0.0/24" } }]);
        self.put(network, body).await;
    }
}

#[tokio::test(start_paused = true)]
async fn power_comes_and_goes() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    arm.machine("m").await;
    for (action, power) in
        [("powerOff", "stopped"), ("start", "running"), ("deallocate", "deallocated"), ("restart", "running")]
    {
        assert_eq!(arm.call(Method::POST, &format!("{VM}/{action}"), &Value::Null).await.0, 200);
        let view = arm.get(&format!("{VM}/instanceView")).await;
        assert_eq!(view["statuses"][1]["code"], format!("PowerState/{power}"), "{action}");
        let machine = arm.get(&format!("{VM}?$expand=instanceView")).await;
        assert_eq!(machine["properties"]["instanceView"]["statuses"], view["statuses"]);
        let state = arm.get("Microsoft.Compute/disks/os").await["properties"]["diskState"].clone();
        assert_eq!(state, if power == "deallocated" { "Reserved" } else { "Attached" });
    }
}
