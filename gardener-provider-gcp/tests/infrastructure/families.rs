//! IPv6 beside IPv4, and the way there.

use std::time::Duration;

use gardener_provider_core::ErrorKind;

use super::*;

const NODES: &str = "shoot--demo--app-nodes";

async fn instance(world: &World, name: &str) -> Value {
    world.shown("compute.instances.get", &["zones", ZONE, "instances", name]).await
}

fn aliases(instance: &Value) -> Value {
    let interface = &instance["networkInterfaces"][0];
    interface.get("aliasIpRanges").cloned().unwrap_or_else(|| json!([]))
}

#[tokio::test(start_paused = true)]
async fn both_families_from_the_start() {
    let world = World::new();
    let request = dual(world.request(everything()));
    let made = world.apply(&request).await.unwrap();
    assert_eq!(world.names("subnetwork"), of(&["-internal", "-nodes", "-services"]));
    let rules = [
        "-allow-health-checks",
        "-allow-health-checks-ipv6",
        "-allow-internal-access",
        "-allow-internal-access-ipv6",
    ];
    assert_eq!(world.names("firewall"), of(&rules));
    let networks = &made.status["networks"];
    assert_eq!(networks["ipFamilies"], json!(["IPv4", "IPv6"]));
    let purposes: Vec<_> =
        networks["subnets"].as_array().unwrap().iter().map(|subnet| &subnet["purpose"]).collect();
    assert_eq!(purposes, ["nodes", "internal", "services"]);
    let nodes = world.subnet(NODES).await;
    assert_eq!((&nodes["stackType"], &nodes["ipv6AccessType"]), (&json!("IPV4_IPV6"), &json!("EXTERNAL")));
    let ranges = &nodes["secondaryIpRanges"];
    assert_eq!((&ranges[0]["rangeName"], &ranges[0]["ipCidrRange"]), (&json!("ipv4-pod-cidr"), &json!(PODS)));
    let services = world.subnet(&format!("{CLUSTER}-services")).await;
    assert_eq!(services["ipCidrRange"], SERVICES);
    let range = |subnet: &Value| subnet["externalIpv6Prefix"].as_str().unwrap().to_owned();
    assert_eq!(made.egress_cidrs, [range(&nodes)]);
    assert_eq!(made.state.data["nodes-subnet-ipv6-cidr"], range(&nodes));
    assert_eq!(made.state.data["services-subnet-ipv6-cidr"], range(&services));
    let ipv6 = made.ipv6.clone().unwrap();
    assert_eq!((ipv6.nodes, ipv6.pods), (Some(range(&nodes)), Some(range(&nodes))));
    assert_eq!(ipv6.services, Some(range(&services).replace("/64", "/108")));
    let rule = world.firewall(&format!("{CLUSTER}-allow-internal-access-ipv6")).await;
    let mut expected = vec![json!(range(&nodes)), json!(range(&services))];
    expected.sort_by_key(ToString::to_string);
    let mut sources = rule["sourceRanges"].as_array().unwrap().clone();
    sources.sort_by_key(ToString::to_string);
    assert_eq!(sources, expected);
    world.settled(&request).await;
    assert!(world.driver().plan(&request).await.unwrap().is_empty());
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn what_has_both_families_is_removed_by_a_request_for_one() {
    let world = World::new();
    let request = world.request(managed());
    world.apply(&dual(request.clone())).await.unwrap();
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}

/// A cluster with IPv4 alone and two nodes, whose pods are reached by routes of Kubernetes, one node that is gone, and the
/// route of a neighbour.
async fn before(world: &World, request: &InfrastructureRequest) -> [String; 2] {
    world.apply(request).await.unwrap();
    let nodes = ["a", "b"].map(|name| format!("{CLUSTER}-worker-z1-{name}"));
    for (n, node) in nodes.iter().enumerate() {
        world.node(CLUSTER, node, NODES).await;
        world.kubernetes_route(CLUSTER, CLUSTER, u8::try_from(n).unwrap() + 1, node).await;
    }
    let gone = format!("{CLUSTER}-worker-z1-gone");
    world.node(CLUSTER, &gone, NODES).await;
    world.kubernetes_route(CLUSTER, CLUSTER, 9, &gone).await;
    world.delete_node(&gone).await;
    nodes
}

async fn expect_migrated(world: &World, nodes: &[String]) {
    assert_eq!(world.names("route"), Vec::<String>::new());
    for (n, node) in nodes.iter().enumerate() {
        let alias = json!([{ "ipCidrRange": format!("100.64.{}.0/24", n + 1), "subnetworkRangeName": "ipv4-pod-cidr" }]);
        assert_eq!(aliases(&instance(world, node).await), alias, "{node}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_living_cluster_gets_the_second_family() {
    let world = World::new();
    let request = world.request(managed());
    let nodes = before(&world, &request).await;
    let dual = dual(request);
    let plan = world.driver().plan(&dual).await.unwrap();
    assert!(plan.changes().any(|step| step.node == "kubernetes/routes"), "{plan}");
    let kept = Arc::new(Kept::default());
    let options = RunOptions::default().with_state_store(kept.clone());
    world.driver().apply(&dual, &options).await.unwrap();
    expect_migrated(&world, &nodes).await;
    let changed = world.changed();
    let position = |part: &str| changed.iter().position(|path| path.contains(part)).unwrap();
    assert!(position("DELETE global/routes") < position("PATCH regions/europe-west1/subnetworks"));
    assert!(position("PATCH regions/europe-west1/subnetworks") < position("updateNetworkInterface"));
    let made = world.settled(&dual.clone().with_state(kept.state().unwrap())).await;
    assert_eq!(made.state.data["kubernetes/routes"], "none");
    world.settled(&dual).await;
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_stops_anywhere_is_finished_by_the_next_run() {
    for seconds in [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 25, 30, 35, 40] {
        let world = World::with(SandboxOptions::default().with_latency(Duration::from_millis(200)));
        let mut request = world.request(managed());
        let nodes = before(&world, &request).await;
        request = dual(request);
        let kept = Arc::new(Kept::default());
        let options = RunOptions::default().with_state_store(kept.clone());
        let run = world.driver().apply(&request, &options);
        let _ = tokio::time::timeout(Duration::from_secs(seconds), run).await;
        request.state = kept.state();
        world.driver().apply(&request, &options).await.unwrap();
        expect_migrated(&world, &nodes).await;
    }
}

#[tokio::test(start_paused = true)]
async fn other_ranges_of_the_subnet_and_of_the_nodes_are_kept() {
    let world = World::new();
    let request = world.request(managed());
    let nodes = before(&world, &request).await;
    let body = json!({
        "fingerprint": world.subnet(NODES).await["fingerprint"],
        "secondaryIpRanges": [{ "rangeName": "mine", "ipCidrRange": "192.168.0.0/20" }],
    });
    let path = ["regions", REGION, "subnetworks", NODES];
    world.change(&Mutation::json(world.asked("compute.subnetworks.patch", &path).json(&body))).await;
    let interface = instance(&world, &nodes[0]).await["networkInterfaces"][0].clone();
    let mine = json!({ "ipCidrRange": "192.168.1.0/24", "subnetworkRangeName": "mine" });
    let body = json!({ "fingerprint": interface["fingerprint"], "aliasIpRanges": [mine] });
    let path = ["zones", ZONE, "instances", &nodes[0], "updateNetworkInterface"];
    let mut update = world.asked("compute.instances.updateNetworkInterface", &path);
    update.method = Method::PATCH;
    world.change(&Mutation::json(update.query("networkInterface", "nic0").json(&body))).await;
    world.apply(&dual(request)).await.unwrap();
    let ranges = world.subnet(NODES).await["secondaryIpRanges"].clone();
    assert_eq!(ranges.as_array().unwrap().len(), 2, "{ranges}");
    let aliases = aliases(&instance(&world, &nodes[0]).await);
    assert!(
        aliases.as_array().unwrap().contains(&mine) && aliases.as_array().unwrap().len() == 2,
        "{aliases}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_range_of_the_pods_cannot_be_changed_and_ipv6_not_be_alone() {
    let world = World::new();
    let request = dual(world.request(managed()));
    world.apply(&request).await.unwrap();
    world.changes();
    let mut other = request.clone();
    other.networking.pods = Some("100.80.0.0/12".to_owned());
    let error = world.apply(&other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("networking.pods"), "{error}");
    let alone = request.clone().with_networking(networking().with_ip_families([IpFamily::V6]));
    let error = world.apply(&alone).await.unwrap_err();
    assert!(error.to_string().contains("networking.ipFamilies"), "{error}");
}
