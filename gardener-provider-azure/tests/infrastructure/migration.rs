//! From one subnet for all to one for each zone.

use gardener_provider_azure::api::nat_gateways::NatGatewayProperties;
use gardener_provider_core::ErrorKind;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_one_subnet_goes_on_as_that_of_its_zone() {
    let world = World::new();
    // Zone 1 has the CIDR of the one subnet.
    let before = world.apply(&world.request(with_nat(json!({ "zone": 1 })))).await.unwrap();
    let request = world.request(zones(3));
    let made = world.apply(&request).await.unwrap();
    assert_eq!(
        names(&made.status),
        ["shoot--demo--app-nodes", "shoot--demo--app-nodes-z2", "shoot--demo--app-nodes-z3"]
    );
    let subnets = &made.status["networks"]["subnets"];
    assert_eq!((&subnets[0]["migrated"], &subnets[0]["zone"]), (&json!(true), &json!("1")));
    assert_eq!(subnets[1].get("migrated"), None);
    assert_eq!(made.egress_cidrs[0], before.egress_cidrs[0], "the NAT gateway goes on too");
    assert_eq!(world.kinds().values().sum::<usize>(), 1 + 1 + 3 + 2 + 3 + 3, "{:?}", world.kinds());
    world.settled(&request).await;
    // Nothing but what the cloud shows is needed to know it again.
    let lost = request.clone().with_state(gardener_provider_core::InfrastructureState::new("x"));
    world.settled(&lost).await;
    world.destroy(&request).await.unwrap();
    assert!(world.inventory().is_empty());
    assert_eq!(names(&world.apply(&request).await.unwrap().status)[0], "shoot--demo--app-nodes-z1");
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_without_a_zone_is_made_anew_in_its_zone() {
    let world = World::new();
    world.apply(&world.request(with_nat(json!({})))).await.unwrap();
    let request = world.request(zones(2));
    world.apply(&request).await.unwrap();
    let id = world.own().network("natGateways", "shoot--demo--app-nat-gateway");
    assert_eq!(world.get::<NatGatewayProperties>(&id).await.zones(), ["1"]);
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_from_before_goes_if_its_zone_wants_none() {
    let world = World::new();
    world.apply(&world.request(with_nat(json!({ "zone": 1 })))).await.unwrap();
    let mut config = zones(2);
    config["networks"]["zones"][0]["natGateway"] = Value::Null;
    let request = world.request(config);
    let made = world.apply(&request).await.unwrap();
    assert_eq!(
        (made.egress_cidrs.len(), &made.status["networks"]["outboundAccessType"]),
        (1, &json!("LoadBalancer"))
    );
    let left: Vec<_> = world.inventory().into_iter().filter(|id| id.contains("-nat-gateway")).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|id| id.contains("-nat-gateway-z2")), "{left:?}");
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn a_zone_must_go_on_with_the_one_subnet() {
    let world = World::new();
    world.apply(&world.request(single())).await.unwrap();
    let mut config = zones(1);
    config["networks"]["zones"][0]["cidr"] = json!("10.250.128.0/19");
    world.calls();
    let error = world.apply(&world.request(config)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(
        error.to_string().contains("networks.zones: ") && error.to_string().contains("10.250.0.0/19"),
        "{error}"
    );
    let changes = world.changes();
    assert!(changes.is_empty(), "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn it_works_in_a_network_of_the_users_too() {
    let world = World::new();
    let vnet = world.group("theirs").await.network("virtualNetworks", "theirs");
    let space = json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.250.0.0/16"] } } });
    world
        .make::<gardener_provider_azure::api::virtual_networks::VirtualNetworkProperties>(&vnet, space)
        .await;
    let before = world.inventory();
    let there = |mut config: Value| {
        config["networks"]["vnet"] = json!({ "name": "theirs", "resourceGroup": "theirs" });
        world.request(config)
    };
    world.apply(&there(with_nat(json!({ "zone": 1 })))).await.unwrap();
    let request = there(zones(2));
    let made = world.apply(&request).await.unwrap();
    assert_eq!(names(&made.status), ["shoot--demo--app-nodes", "shoot--demo--app-nodes-z2"]);
    world.settled(&request).await;
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), before);
}
