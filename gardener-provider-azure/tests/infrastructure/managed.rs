//! A virtual network of ours.

use gardener_provider_azure::api::{
    security_groups::SecurityGroupProperties, subnets::SubnetProperties,
    virtual_networks::VirtualNetworkProperties,
};
use gardener_provider_core::{Action, ErrorKind};

use super::*;

#[tokio::test(start_paused = true)]
async fn one_subnet_without_a_way_out_of_its_own() {
    let world = World::new();
    let request = world.request(single());
    let plan = world.driver().plan(&request).await.unwrap();
    assert_eq!(plan.changes().count(), 5, "{plan}");
    assert!(world.inventory().is_empty());
    let made = world.apply(&request).await.unwrap();
    assert_eq!(
        made.status,
        json!({
            "apiVersion": "azure.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureStatus",
            "networks": {
                "vnet": { "name": CLUSTER },
                "subnets": [{ "name": "shoot--demo--app-nodes", "purpose": "nodes" }],
                "layout": "SingleSubnet",
                "outboundAccessType": "LoadBalancer",
            },
            "resourceGroup": { "name": CLUSTER },
            "routeTables": [{ "purpose": "nodes", "name": "worker_route_table" }],
            "securityGroups": [{ "purpose": "nodes", "name": "shoot--demo--app-workers" }],
            "zoned": true,
        })
    );
    assert!(made.egress_cidrs.is_empty());
    let subnet = world.own().network("virtualNetworks", CLUSTER).child("subnets", "shoot--demo--app-nodes");
    let subnet = world.get::<SubnetProperties>(&subnet).await.properties;
    assert_eq!(subnet.prefixes(), ["10.250.0.0/19"]);
    let group = world.own().network("networkSecurityGroups", "shoot--demo--app-workers").to_string();
    assert_eq!(subnet.network_security_group.unwrap().id, group);
    let table = world.own().network("routeTables", "worker_route_table").to_string();
    assert_eq!(subnet.route_table.unwrap().id, table);
    world.settled(&request).await;
    let listed = world.listed(&request).await;
    assert_eq!(listed.len(), 5, "{listed:?}");
    assert!(listed.iter().all(|found| world.inventory().contains(&found.id)), "{listed:?}");
    world.destroy(&request).await.unwrap();
    assert!(world.inventory().is_empty());
    world.calls();
    world.destroy(&request).await.unwrap();
    assert!(world.changes().is_empty());
    assert!(world.listed(&request).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_nothing_to_do_makes_few_calls() {
    let world = World::new();
    let request = world.request(zones(3));
    world.apply(&request).await.unwrap();
    world.calls();
    world.apply(&request).await.unwrap();
    let calls: Vec<_> = world.calls().into_iter().map(|call| call.operation).collect();
    // The group, the network, its subnets, the route table, the security group, NAT gateways, addresses.
    assert_eq!(calls.len(), 7, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_cidr_of_its_own_the_network_has_the_workers() {
    let world = World::new();
    let config = json!({ "networks": { "vnet": {}, "workers": "10.250.0.0/19" } });
    let request = world.request(config);
    let made = world.apply(&request).await.unwrap();
    assert_eq!(made.status.get("zoned"), None);
    let vnet = world.own().network("virtualNetworks", CLUSTER);
    let vnet = world.get::<VirtualNetworkProperties>(&vnet).await;
    assert_eq!(vnet.properties.address_space.address_prefixes, ["10.250.0.0/19"]);
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn a_subnet_for_each_zone() {
    let world = World::new();
    let mut config = zones(3);
    config["networks"]["zones"][1]["serviceEndpoints"] = json!(["Microsoft.Storage"]);
    let request = world.request(config);
    let made = world.apply(&request).await.unwrap();
    assert_eq!(
        names(&made.status),
        ["shoot--demo--app-nodes-z1", "shoot--demo--app-nodes-z2", "shoot--demo--app-nodes-z3"]
    );
    let third = &made.status["networks"]["subnets"][2];
    let gateway = world.own().network("natGateways", "shoot--demo--app-nat-gateway-z3").to_string();
    assert_eq!(
        third,
        &json!({ "name": "shoot--demo--app-nodes-z3", "purpose": "nodes", "zone": "3", "natGatewayId": gateway })
    );
    assert_eq!(made.status["networks"]["layout"], "MultipleSubnet");
    assert_eq!(made.status["networks"]["outboundAccessType"], "NATGateway");
    assert_eq!(made.egress_cidrs.len(), 3);
    assert!(made.egress_cidrs.iter().all(|cidr| cidr.ends_with("/32")));
    world.settled(&request).await;
    world.destroy(&request).await.unwrap();
    assert!(world.inventory().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_zone_can_be_added() {
    let world = World::new();
    let one = world.apply(&world.request(zones(1))).await.unwrap();
    let request = world.request(zones(2));
    let plan = world.driver().plan(&request).await.unwrap();
    assert!(
        plan.changes().all(|step| step.action == Action::Create && step.node.starts_with("zone/2/")),
        "{plan}"
    );
    let two = world.apply(&request).await.unwrap();
    assert_eq!(two.egress_cidrs[0], one.egress_cidrs[0]);
    assert_eq!(two.egress_cidrs.len(), 2);
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn the_network_grows_and_gets_a_plan_against_denial_of_service() {
    let world = World::new();
    world.apply(&world.request(single())).await.unwrap();
    let plan = world.group("security").await.network("ddosProtectionPlans", "plan");
    let mut config = single();
    config["networks"]["vnet"] = json!({ "cidr": "10.248.0.0/14", "ddosProtectionPlanID": plan.to_string() });
    let grown = world.request(config.clone());
    world.apply(&grown).await.unwrap();
    let id = world.own().network("virtualNetworks", CLUSTER);
    let vnet = world.get::<VirtualNetworkProperties>(&id).await.properties;
    assert_eq!(vnet.address_space.address_prefixes, ["10.248.0.0/14"]);
    assert_eq!(vnet.ddos_protection_plan.unwrap().id, plan.to_string());
    assert_eq!(vnet.enable_ddos_protection, Some(true));
    world.settled(&grown).await;
    config["networks"]["vnet"]["ddosProtectionPlanID"] = Value::Null;
    let unprotected = world.request(config);
    world.apply(&unprotected).await.unwrap();
    let vnet = world.get::<VirtualNetworkProperties>(&id).await.properties;
    assert_eq!((vnet.ddos_protection_plan, vnet.enable_ddos_protection), (None, Some(false)));
    world.settled(&unprotected).await;
}

#[tokio::test(start_paused = true)]
async fn service_endpoints_come_and_go() {
    let world = World::new();
    let with = |endpoints: Value| {
        let mut config = single();
        config["networks"]["serviceEndpoints"] = endpoints;
        world.request(config)
    };
    let id = world.own().network("virtualNetworks", CLUSTER).child("subnets", "shoot--demo--app-nodes");
    for endpoints in [json!(["Microsoft.Storage", "Microsoft.Sql"]), json!(["Microsoft.Sql"]), json!([])] {
        let request = with(endpoints.clone());
        world.apply(&request).await.unwrap();
        let subnet = world.get::<SubnetProperties>(&id).await.properties;
        let has: Vec<_> = subnet.service_endpoints.iter().map(|endpoint| endpoint.service.as_str()).collect();
        assert_eq!(json!(has), endpoints);
        world.settled(&request).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_made_again_and_told_until_then() {
    let world = World::new();
    let request = world.request(with_nat(json!({})));
    let error = world.driver().get(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    world.apply(&request).await.unwrap();
    let vnet = world.own().network("virtualNetworks", CLUSTER);
    let subnet = vnet.child("subnets", "shoot--demo--app-nodes");
    world.session.change(&network::delete::<SubnetProperties>(&subnet)).await.unwrap();
    let error = world.driver().get(&request).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("missing: subnet"), "{error}");
    world.apply(&request).await.unwrap();
    world.settled(&request).await;
    world
        .edit::<SubnetProperties>(&subnet, |subnet| {
            subnet.properties.network_security_group = None;
            subnet.properties.nat_gateway = None;
        })
        .await;
    let plan = world.driver().plan(&request).await.unwrap();
    let step = plan.changes().next().unwrap();
    assert_eq!((step.action, step.differences.len()), (Action::Update, 2), "{plan}");
    world.apply(&request).await.unwrap();
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_in_another_region_is_not_ours_to_move() {
    let world = World::new();
    let group = ResourceGroup { location: "northeurope".to_owned(), ..ResourceGroup::default() };
    world.session.run(&resource_groups::create_or_update(&world.own(), &group)).await.unwrap();
    let before = world.inventory();
    let error = world.apply(&world.request(single())).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::InvalidArgument && error.to_string().contains("northeurope"),
        "{error}"
    );
    assert_eq!(world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_can_be_made_while_its_former_self_is_going() {
    let world = World::new();
    let request = world.request(single());
    world.apply(&request).await.unwrap();
    let (_, made) = futures::join!(world.destroy(&request), async {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        world.apply(&request).await
    });
    made.unwrap();
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn a_subnet_that_has_another_cidr_is_told_by_field() {
    let world = World::new();
    world.apply(&world.request(single())).await.unwrap();
    let mut config = single();
    config["networks"]["workers"] = json!("10.250.32.0/19");
    world.calls();
    let error = world.apply(&world.request(config)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("networks.workers: "), "{error}");
    assert!(world.changes().is_empty());
    let group = world.own().network("networkSecurityGroups", "shoot--demo--app-workers");
    assert!(world.get::<SecurityGroupProperties>(&group).await.is_settled());
}

/// What Azure began and could not finish is there, and is finished by the next run.
#[tokio::test(start_paused = true)]
async fn what_failed_in_the_background_is_finished_by_the_next_run() {
    for operation in [
        "VirtualNetworks_CreateOrUpdate",
        "NatGateways_CreateOrUpdate",
        "Subnets_CreateOrUpdate",
        "PublicIPAddresses_CreateOrUpdate",
    ] {
        let world = World::new();
        let request = world.request(with_nat(json!({})));
        let fault = Fault::operation_error("InternalServerError", "it broke").on("*", operation);
        let fault = world.sandbox.faults().add(fault);
        let error = world.apply(&request).await.unwrap_err();
        assert!(error.to_string().contains("it broke"), "{operation}: {error}");
        world.sandbox.faults().remove(fault);
        let plan = world.driver().plan(&request).await.unwrap();
        let failed = plan.changes().find(|step| step.action == Action::Update).unwrap();
        assert_eq!(failed.differences[0].current, "Failed", "{plan}");
        world.apply(&request).await.unwrap();
        world.settled(&request).await;
        world.destroy(&request).await.unwrap();
        assert!(world.inventory().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_azure_refuses_is_told_with_its_place() {
    let world = World::new();
    let request = world.request(with_nat(json!({})));
    let fault = world.sandbox.faults().add(Fault::denied().on("network", "NatGateways_CreateOrUpdate"));
    let error = world.apply(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("nat-gateway"), "{error}");
    world.sandbox.faults().remove(fault);
    world.apply(&request).await.unwrap();
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_zones() {
    let world = World::new();
    let mut config = with_nat(json!({ "idleConnectionTimeoutMinutes": 20 }));
    config["zoned"] = json!(false);
    let request = world.request(config);
    let made = world.apply(&request).await.unwrap();
    assert_eq!((made.status.get("zoned"), made.egress_cidrs.len()), (None, 1));
    world.settled(&request).await;
    world.destroy(&request).await.unwrap();
    assert!(world.inventory().is_empty());
}
