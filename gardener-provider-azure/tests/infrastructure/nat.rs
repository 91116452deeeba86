//! NAT gateways: both kinds, own and given addresses, and from one to the other.

use gardener_provider_azure::api::{
    nat_gateways::NatGatewayProperties, network::Sku, public_ip_addresses::PublicIpAddressProperties,
    subnets::SubnetProperties,
};
use gardener_provider_core::ErrorKind;

use super::*;

fn gateway(world: &World) -> ResourceId {
    world.own().network("natGateways", "shoot--demo--app-nat-gateway")
}

/// An address of the user's.
async fn address(world: &World, name: &str, sku: &str, zones: Value) -> (ResourceId, String) {
    let id = world.group("theirs").await.network("publicIPAddresses", name);
    let body = json!({
        "sku": { "name": sku }, "zones": zones, "properties": { "publicIPAllocationMethod": "Static" },
    });
    let made = world.make::<PublicIpAddressProperties>(&id, body).await;
    (id, format!("{}/32", made.properties.ip_address.unwrap()))
}

#[tokio::test(start_paused = true)]
async fn one_in_a_zone_with_an_address_of_ours() {
    let world = World::new();
    let request = world.request(with_nat(json!({ "zone": 2, "idleConnectionTimeoutMinutes": 30 })));
    let made = world.apply(&request).await.unwrap();
    let nat = world.get::<NatGatewayProperties>(&gateway(&world)).await;
    assert_eq!((nat.sku_name(), nat.zones()), ("Standard", &["2".to_owned()][..]));
    assert_eq!(nat.properties.idle_timeout_in_minutes, Some(30));
    let id = world.own().network("publicIPAddresses", "shoot--demo--app-nat-gateway-ip");
    let ip = world.get::<PublicIpAddressProperties>(&id).await;
    assert_eq!((ip.zones(), ip.tag("gardener-shoot-name")), (&["2".to_owned()][..], Some(CLUSTER)));
    assert_eq!(made.egress_cidrs, [format!("{}/32", ip.properties.ip_address.unwrap())]);
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_spans_all_zones() {
    let world = World::new();
    let request = world.request(with_nat(json!({ "sku": "StandardV2" })));
    world.apply(&request).await.unwrap();
    let nat = world.get::<NatGatewayProperties>(&gateway(&world)).await;
    assert_eq!(nat.sku, Some(Sku { name: "StandardV2".to_owned(), tier: None }));
    let id = world.own().network("publicIPAddresses", "shoot--demo--app-nat-gateway-ip");
    assert_eq!(world.get::<PublicIpAddressProperties>(&id).await.sku_name(), "StandardV2");
    world.settled(&request).await;
    world.destroy(&request).await.unwrap();
    assert!(world.inventory().is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_comes_changes_and_goes() {
    let world = World::new();
    let plain = world.request(single());
    let none = world.apply(&plain).await.unwrap();
    let with = world.request(with_nat(json!({})));
    let made = world.apply(&with).await.unwrap();
    assert_eq!(made.status["networks"]["outboundAccessType"], "NATGateway");
    world.settled(&with).await;
    let slow = world.request(with_nat(json!({ "idleConnectionTimeoutMinutes": 60 })));
    let changed = world.apply(&slow).await.unwrap();
    assert_eq!(changed.egress_cidrs, made.egress_cidrs);
    assert_eq!(
        world.get::<NatGatewayProperties>(&gateway(&world)).await.properties.idle_timeout_in_minutes,
        Some(60)
    );
    world.settled(&slow).await;
    world.apply(&plain).await.unwrap();
    assert_eq!(world.settled(&plain).await.status, none.status);
    let kinds = world.kinds();
    assert!(
        kinds
            .keys()
            .all(|kind| !kind.to_lowercase().contains("nat") && !kind.to_lowercase().contains("publicip")),
        "{kinds:?}"
    );
}

/// The zone of a NAT gateway and of an address can be chosen only once.
#[tokio::test(start_paused = true)]
async fn it_moves_to_another_zone_by_being_made_anew() {
    let world = World::new();
    world.apply(&world.request(with_nat(json!({ "zone": 1 })))).await.unwrap();
    for config in
        [with_nat(json!({ "zone": 2 })), with_nat(json!({})), with_nat(json!({ "sku": "StandardV2" }))]
    {
        let request = world.request(config);
        let made = world.apply(&request).await.unwrap();
        assert_eq!(made.egress_cidrs.len(), 1);
        assert!(made.status["networks"]["subnets"][0]["natGatewayId"].is_string());
        world.settled(&request).await;
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_can_be_given_and_taken_back() {
    let world = World::new();
    let (_, first) = address(&world, "one", "Standard", json!(["1"])).await;
    let (_, second) = address(&world, "two", "Standard", json!(["1", "2", "3"])).await;
    let theirs = world.inventory();
    let given = |names: &[&str]| {
        let addresses: Vec<_> =
            names.iter().map(|name| json!({ "name": name, "resourceGroup": "theirs", "zone": 1 })).collect();
        world.request(with_nat(json!({ "zone": 1, "ipAddresses": addresses })))
    };
    let own = world.request(with_nat(json!({ "zone": 1 })));
    let steps = [
        (own.clone(), None),
        (given(&["one"]), Some(vec![first.clone()])),
        (given(&["one", "two"]), Some(vec![first, second.clone()])),
        (given(&["two"]), Some(vec![second])),
        (own, None),
    ];
    for (request, egress) in steps {
        let made = world.apply(&request).await.unwrap();
        match egress {
            Some(egress) => assert_eq!(made.egress_cidrs, egress),
            None => assert_eq!(made.egress_cidrs.len(), 1),
        }
        world.settled(&request).await;
        let own = world.inventory().iter().filter(|id| id.ends_with("-nat-gateway-ip")).count();
        assert_eq!(
            own,
            usize::from(!request.config.to_string().contains("theirs")),
            "ours goes when theirs comes"
        );
    }
    let request = given(&["one", "two"]);
    world.apply(&request).await.unwrap();
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), theirs);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_given_addresses_is_said_before_anything_is_made() {
    let world = World::new();
    address(&world, "elsewhere", "Standard", json!(["2"])).await;
    address(&world, "new-kind", "StandardV2", json!(null)).await;
    let (used, _) = address(&world, "used", "Standard", json!(["1"])).await;
    let other = world.group("theirs").await.network("natGateways", "theirs");
    let body = json!({
        "sku": { "name": "Standard" }, "zones": ["1"],
        "properties": { "publicIpAddresses": [{ "id": used.to_string() }] },
    });
    world.make::<NatGatewayProperties>(&other, body).await;
    let before = world.inventory();
    for (name, words) in [
        ("none", "does not exist"),
        ("elsewhere", "is not in zone 1"),
        ("new-kind", "has the SKU StandardV2"),
        ("used", "is in use by"),
    ] {
        let addresses = json!([{ "name": name, "resourceGroup": "theirs", "zone": 1 }]);
        let request = world.request(with_nat(json!({ "zone": 1, "ipAddresses": addresses })));
        for error in
            [world.apply(&request).await.unwrap_err(), world.driver().plan(&request).await.unwrap_err()]
        {
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
            assert!(text.contains("networks.natGateway.ipAddresses[0]: ") && text.contains(words), "{text}");
        }
    }
    let own = json!([{ "name": "x", "resourceGroup": CLUSTER.to_uppercase(), "zone": 1 }]);
    let request = world.request(with_nat(json!({ "zone": 1, "ipAddresses": own })));
    let error = world.apply(&request).await.unwrap_err().to_string();
    assert!(
        error.contains("ipAddresses[0].resourceGroup: ") && error.contains("the cluster's own"),
        "{error}"
    );
    assert_eq!(world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn given_addresses_in_each_zone() {
    let world = World::new();
    let mut config = zones(2);
    let mut egress = Vec::new();
    for (index, zone) in ["1", "2"].into_iter().enumerate() {
        let name = format!("egress-{zone}");
        egress.push(address(&world, &name, "Standard", json!([zone])).await.1);
        config["networks"]["zones"][index]["natGateway"]["ipAddresses"] =
            json!([{ "name": name, "resourceGroup": "theirs" }]);
    }
    let theirs = world.inventory();
    let request = world.request(config);
    assert_eq!(world.apply(&request).await.unwrap().egress_cidrs, egress);
    world.settled(&request).await;
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), theirs);
}

/// A NAT gateway that the user put on our subnet stays as long as none of ours is wanted.
#[tokio::test(start_paused = true)]
async fn a_nat_gateway_of_the_users_stays() {
    let world = World::new();
    let request = world.request(single());
    world.apply(&request).await.unwrap();
    let theirs = world.group("theirs").await.network("natGateways", "theirs");
    world.make::<NatGatewayProperties>(&theirs, json!({ "sku": { "name": "Standard" } })).await;
    let subnet = world.own().network("virtualNetworks", CLUSTER).child("subnets", "shoot--demo--app-nodes");
    world
        .edit::<SubnetProperties>(&subnet, |subnet| {
            subnet.properties.nat_gateway = Some(network::SubResource::new(&theirs));
        })
        .await;
    let settled = world.settled(&request).await;
    assert_eq!(settled.status["networks"]["subnets"][0]["natGatewayId"], theirs.to_string());
    assert_eq!(settled.status["networks"]["outboundAccessType"], "NATGateway");
    world.apply(&world.request(with_nat(json!({})))).await.unwrap();
    let now = world.get::<SubnetProperties>(&subnet).await.properties.nat_gateway.unwrap();
    assert_eq!(now.id, gateway(&world).to_string());
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory().len(), 2, "theirs and its group");
}
