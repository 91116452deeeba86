//! What the cluster left behind.

use gardener_provider_azure::api::virtual_networks::VirtualNetworkProperties;
use gardener_provider_core::ErrorKind;

use super::*;

/// A load balancer within the nodes' subnet, as the cloud controller makes for an internal Service.
async fn balancer(world: &World, subnet: &ResourceId) {
    let id = world.own().network("loadBalancers", "shoot--demo--app-internal");
    let frontend = json!({ "name": "a1b2", "properties": { "subnet": { "id": subnet.to_string() } } });
    let body = json!({
        "sku": { "name": "Standard" }, "properties": { "frontendIPConfigurations": [frontend] },
    });
    world.make_other(&id, version::NETWORK, body).await;
}

async fn theirs(world: &World) -> ResourceId {
    let id = world.group("theirs").await.network("virtualNetworks", "theirs");
    let body = json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.250.0.0/16"] } } });
    world.make::<VirtualNetworkProperties>(&id, body).await;
    id
}

#[tokio::test(start_paused = true)]
async fn load_balancers_go_before_the_subnets_they_stand_in() {
    let world = World::new();
    let vnet = theirs(&world).await;
    let before = world.inventory();
    let mut config = single();
    config["networks"]["vnet"] = json!({ "name": "theirs", "resourceGroup": "theirs" });
    let request = world.request(config);
    world.apply(&request).await.unwrap();
    balancer(&world, &vnet.child("subnets", "shoot--demo--app-nodes")).await;
    let listed = world.listed(&request).await;
    assert!(
        listed.iter().any(|found| found.name.as_deref() == Some("shoot--demo--app-internal")),
        "{listed:?}"
    );
    world.calls();
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), before);
    let deletions = world.changes();
    assert_eq!(deletions, ["LoadBalancers_Delete", "Subnets_Delete", "ResourceGroups_Delete"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_network_of_ours_they_go_with_it() {
    let world = World::new();
    let request = world.request(single());
    world.apply(&request).await.unwrap();
    let vnet = world.own().network("virtualNetworks", CLUSTER);
    balancer(&world, &vnet.child("subnets", "shoot--demo--app-nodes")).await;
    world.destroy(&request).await.unwrap();
    assert!(world.inventory().is_empty());
}

/// What still stands in a subnet keeps it, and with it all that it needs.
#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_in_our_subnet_is_named_and_kept() {
    let world = World::new();
    let vnet = theirs(&world).await;
    let mut config = single();
    config["networks"]["vnet"] = json!({ "name": "theirs", "resourceGroup": "theirs" });
    let request = world.request(config);
    world.apply(&request).await.unwrap();
    let subnet = vnet.child("subnets", "shoot--demo--app-nodes");
    let interface = world.session.group("theirs").network("networkInterfaces", "somebodys");
    let body = json!({ "properties": { "ipConfigurations": [{
        "name": "one", "properties": { "subnet": { "id": subnet.to_string() } },
    }]}});
    world.make_other(&interface, version::NETWORK, body).await;
    let before = world.inventory();
    let error = world.destroy(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DependencyViolation);
    assert!(error.to_string().contains("somebodys"), "{error}");
    assert_eq!(world.inventory(), before);
}
