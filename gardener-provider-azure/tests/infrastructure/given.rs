//! What the user gave: used, never changed beyond our own subnets, never deleted.

use gardener_provider_azure::api::{
    route_tables::RouteTableProperties,
    security_groups::SecurityGroupProperties,
    subnets::SubnetProperties,
    virtual_networks::{VirtualNetwork, VirtualNetworkProperties},
};
use gardener_provider_core::ErrorKind;

use super::*;

/// The user's network with a subnet of the user's.
async fn theirs(world: &World) -> ResourceId {
    let id = world.group("theirs").await.network("virtualNetworks", "theirs");
    let body = json!({ "properties": {
        "addressSpace": { "addressPrefixes": ["10.250.0.0/16", "10.100.0.0/16"] },
        "subnets": [{ "name": "theirs", "properties": { "addressPrefix": "10.100.0.0/24" } }],
    }});
    world.make::<VirtualNetworkProperties>(&id, body).await;
    id
}

fn there(mut config: Value) -> Value {
    config["networks"]["vnet"] = json!({ "name": "theirs", "resourceGroup": "theirs" });
    config
}

#[tokio::test(start_paused = true)]
async fn an_existing_network_is_used_and_survives() {
    let world = World::new();
    let vnet = theirs(&world).await;
    let before = world.inventory();
    let shown = world.get::<VirtualNetworkProperties>(&vnet).await.properties;
    let request = world.request(there(zones(2)));
    for _ in 0..2 {
        let made = world.apply(&request).await.unwrap();
        assert_eq!(made.status["networks"]["vnet"], json!({ "name": "theirs", "resourceGroup": "theirs" }));
        assert_eq!(names(&made.status), ["shoot--demo--app-nodes-z1", "shoot--demo--app-nodes-z2"]);
        world.settled(&request).await;
        let listed = world.listed(&request).await;
        assert_eq!(listed.iter().filter(|found| found.kind == "subnet").count(), 2, "{listed:?}");
        assert!(listed.iter().all(|found| found.id != vnet.to_string()));
        let plan = world.driver().plan_destroy(&request).await.unwrap();
        assert_eq!(plan.changes().count(), 3, "{plan}");
        world.destroy(&request).await.unwrap();
        assert_eq!(world.inventory(), before);
    }
    assert_eq!(world.get::<VirtualNetworkProperties>(&vnet).await.properties, shown);
}

/// Names that begin with ours: a neighbour's, and subnets that people named so.
#[tokio::test(start_paused = true)]
async fn who_is_called_almost_as_we_are_is_left_alone() {
    let world = World::new();
    let vnet = theirs(&world).await;
    for (name, cidr) in [
        ("shoot--demo--app-nodes-old", "10.100.1.0/24"),
        ("shoot--demo--app-nodes-z10", "10.100.2.0/24"),
        ("shoot--demo--app-nodes2", "10.100.3.0/24"),
        ("shoot--demo--app", "10.100.4.0/24"),
    ] {
        let id = vnet.child("subnets", name);
        let body = json!({ "properties": { "addressPrefix": cidr } });
        world.put::<SubnetProperties>(&id, &serde_json::from_value(body).unwrap()).await;
    }
    let mut config = there(zones(1));
    config["networks"]["zones"][0]["cidr"] = json!("10.250.128.0/19");
    let neighbours = world.request_for("shoot--demo--app2", config);
    let before = world.apply(&neighbours).await.unwrap();
    let with_neighbour = world.inventory();
    let request = world.request(there(zones(1)));
    assert!(world.listed(&request).await.is_empty());
    world.apply(&request).await.unwrap();
    world.settled(&neighbours).await;
    assert_eq!(world.listed(&request).await.len(), 6);
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), with_neighbour);
    assert_eq!(world.settled(&neighbours).await.status, before.status);
    let gone = world.request(there(single()));
    world.destroy(&gone).await.unwrap();
    assert_eq!(world.inventory(), with_neighbour);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_an_existing_network_is_said() {
    let world = World::new();
    theirs(&world).await;
    let elsewhere = world.session.group("theirs").network("virtualNetworks", "elsewhere");
    let mut other = VirtualNetwork::new("northeurope");
    other.properties.address_space.address_prefixes = vec!["10.250.0.0/16".to_owned()];
    world.put(&elsewhere, &other).await;
    let before = world.inventory();
    let config = |name: &str, workers: &str| {
        let mut config = there(single());
        config["networks"]["vnet"]["name"] = json!(name);
        config["networks"]["workers"] = json!(workers);
        config
    };
    for (config, words) in [
        (config("none", "10.250.0.0/19"), "does not exist"),
        (config("elsewhere", "10.250.0.0/19"), "is in northeurope"),
        (config("theirs", "10.251.0.0/19"), "networks.workers, 10.251.0.0/19, does not lie in it"),
    ] {
        let request = world.request(config);
        for error in
            [world.apply(&request).await.unwrap_err(), world.driver().plan(&request).await.unwrap_err()]
        {
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
            assert!(text.contains("networks.vnet.name: ") && text.contains(words), "{text}");
        }
    }
    let taken = world.apply(&world.request(config("theirs", "10.100.0.0/25"))).await.unwrap_err().to_string();
    assert!(taken.contains("networks.workers"), "{taken}");
    world.destroy(&world.request(config("theirs", "10.100.0.0/25"))).await.unwrap();
    let own = world.request(json!({ "networks": {
        "vnet": { "name": "theirs", "resourceGroup": CLUSTER }, "workers": "10.250.0.0/19",
    }}));
    let error = world.apply(&own).await.unwrap_err().to_string();
    assert!(
        error.contains("networks.vnet.resourceGroup: ") && error.contains("the cluster's own"),
        "{error}"
    );
    assert_eq!(world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_told_of_and_must_exist() {
    let world = World::new();
    let id = api::identities::id(&world.group("theirs").await, "my-identity");
    let identity = world.make_other(&id, version::IDENTITY, json!({})).await;
    let mut config = single();
    config["identity"] = json!({ "name": "my-identity", "resourceGroup": "theirs", "acrAccess": true });
    let request = world.request(config.clone());
    let before = world.inventory();
    let made = world.apply(&request).await.unwrap();
    assert_eq!(
        made.status["identity"],
        json!({ "id": identity["id"], "clientID": identity["properties"]["clientId"], "acrAccess": true })
    );
    world.settled(&request).await;
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), before);
    config["identity"]["name"] = json!("nobody");
    let error = world.apply(&world.request(config.clone())).await.unwrap_err();
    assert!(
        error.to_string().contains("identity.name: ") && error.to_string().contains("does not exist"),
        "{error}"
    );
    config["identity"]["resourceGroup"] = json!(CLUSTER);
    let error = world.apply(&world.request(config)).await.unwrap_err();
    assert!(error.to_string().contains("identity.resourceGroup: "), "{error}");
    assert_eq!(world.inventory(), before);
}

/// A subnet of the user's comes with its route table and security group; only the cluster's group is made and goes.
#[tokio::test(start_paused = true)]
async fn an_existing_subnet_is_used_as_it_is() {
    let world = World::new();
    let vnet = theirs(&world).await;
    let group = world.session.group("theirs");
    let (rules, routes) =
        (group.network("networkSecurityGroups", "rules"), group.network("routeTables", "routes"));
    world.make::<SecurityGroupProperties>(&rules, json!({})).await;
    world.make::<RouteTableProperties>(&routes, json!({})).await;
    // Named as one of ours would be.
    let name = "shoot--demo--app-nodes";
    let subnet = vnet.child("subnets", name);
    let mut body = json!({ "properties": { "addressPrefix": "10.100.1.0/24" } });
    let mut request = world.request(json!({
        "networks": {
            "vnet": { "name": "theirs", "resourceGroup": "theirs" }, "subnet": { "name": name },
        },
        "zoned": true,
    }));
    let steps = [
        (None, "does not exist"),
        (Some(json!({})), "has no network security group"),
        (Some(json!({ "networkSecurityGroup": { "id": rules.to_string() } })), "has no route table"),
        (Some(json!({ "routeTable": { "id": routes.to_string() } })), "networking.nodes, 10.250.0.0/16"),
    ];
    for (properties, words) in steps {
        if let Some(properties) = properties {
            let all = body["properties"].as_object_mut().unwrap();
            all.extend(properties.as_object().unwrap().clone());
            world.put::<SubnetProperties>(&subnet, &serde_json::from_value(body.clone()).unwrap()).await;
        }
        request.networking.nodes = Some("10.250.0.0/16".to_owned());
        let error = world.apply(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(
            error.to_string().contains("networks.subnet.name: ") && error.to_string().contains(words),
            "{error}"
        );
    }
    request.networking.nodes = Some("10.100.0.0/16".to_owned());
    let (before, shown) = (world.inventory(), world.get::<SubnetProperties>(&subnet).await.properties);
    let made = world.apply(&request).await.unwrap();
    let networks = json!({
        "vnet": { "name": "theirs", "resourceGroup": "theirs" },
        "subnets": [{ "name": name, "purpose": "nodes" }],
        "layout": "SingleSubnet",
        "outboundAccessType": "UserManaged",
    });
    assert_eq!(made.status["networks"], networks);
    assert_eq!(
        made.status["routeTables"],
        json!([{ "purpose": "nodes", "name": "routes", "resourceGroup": "theirs" }])
    );
    assert_eq!(
        made.status["securityGroups"],
        json!([{ "purpose": "nodes", "name": "rules", "resourceGroup": "theirs" }])
    );
    assert_eq!(world.inventory().len(), before.len() + 1, "the cluster's group");
    world.settled(&request).await;
    assert_eq!(world.listed(&request).await.len(), 1);
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), before);
    assert_eq!(world.get::<SubnetProperties>(&subnet).await.properties, shown);
}
