//! Subnets that the user gave: nothing is made but what Kubernetes makes, and only that goes.

use futures::TryStreamExt;
use gardener_provider_core::ErrorKind;

use super::*;

const VPC: &str = "theirs";

async fn subnet(world: &World, name: &str, cidr: &str, network: &str, pods: Option<&str>) {
    let mut body = json!({ "name": name, "network": world.network_link(network), "ipCidrRange": cidr });
    if let Some(pods) = pods {
        body["stackType"] = json!("IPV4_IPV6");
        body["ipv6AccessType"] = json!("EXTERNAL");
        body["secondaryIpRanges"] = json!([{ "rangeName": "my-pods", "ipCidrRange": pods }]);
    }
    world.insert("compute.subnetworks.insert", &["regions", REGION, "subnetworks"], body).await;
}

async fn vpc(world: &World, name: &str) {
    let body = json!({ "name": name, "autoCreateSubnetworks": false });
    world.insert("compute.networks.insert", &["global", "networks"], body).await;
}

fn config(workers: Value, services: Option<Value>) -> Value {
    let mut config = json!({ "networks": { "vpc": { "name": VPC }, "subnetWorkers": workers } });
    if let Some(services) = services {
        config["networks"]["subnetServices"] = services;
    }
    config
}

fn named(name: &str) -> Value {
    json!({ "name": name })
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_and_what_kubernetes_made_goes() {
    let world = World::new();
    vpc(&world, VPC).await;
    subnet(&world, "my-nodes", "10.250.0.0/16", VPC, None).await;
    let before = world.created();
    let request = world.request(config(named("my-nodes"), None));
    let made = world.apply(&request).await.unwrap();
    assert_eq!(world.changed(), Vec::<String>::new());
    let networks = json!({
        "vpc": { "name": VPC }, "subnets": [{ "name": "my-nodes", "purpose": "nodes" }], "ipFamilies": ["IPv4"],
    });
    assert_eq!((&made.status["networks"], &made.status["serviceAccountEmail"]), (&networks, &json!("")));
    assert_eq!(made.egress_cidrs, Vec::<String>::new());
    let node = format!("{CLUSTER}-worker-z1-abcde");
    world.node(CLUSTER, &node, "my-nodes").await;
    world.kubernetes_route(CLUSTER, VPC, 1, &node).await;
    world.kubernetes_firewall("k8s-fw-ours", VPC, &[CLUSTER]).await;
    world.delete_node(&node).await;
    let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
    assert_eq!(listed.len(), 2, "{listed:#?}");
    assert_eq!(world.driver().plan_destroy(&request).await.unwrap().changes().count(), 2);
    world.destroy(&request).await.unwrap();
    assert_eq!(world.created(), before);
    assert_eq!(
        world.driver().get(&request).await.unwrap().status,
        made.status,
        "all that is needed is there"
    );
}

#[tokio::test(start_paused = true)]
async fn both_families() {
    let world = World::new();
    vpc(&world, VPC).await;
    subnet(&world, "my-nodes", "10.250.0.0/16", VPC, Some(PODS)).await;
    subnet(&world, "my-services", "10.252.0.0/24", VPC, Some("192.168.0.0/24")).await;
    let workers = json!({ "name": "my-nodes", "podSecondaryRangeName": "my-pods" });
    let request = dual(world.request(config(workers, Some(named("my-services")))));
    let made = world.settled(&request).await;
    let range = |subnet: &Value| subnet["externalIpv6Prefix"].as_str().unwrap().to_owned();
    let (nodes, services) = (world.subnet("my-nodes").await, world.subnet("my-services").await);
    let ipv6 = made.ipv6.unwrap();
    assert_eq!(
        (ipv6.nodes, ipv6.services),
        (Some(range(&nodes)), Some(range(&services).replace("/64", "/108")))
    );
    assert_eq!(made.egress_cidrs, Vec::<String>::new());
    world.destroy(&request).await.unwrap();
    assert_eq!(world.changed(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_as_it_must_be_is_told() {
    let world = World::new();
    vpc(&world, VPC).await;
    vpc(&world, "another").await;
    subnet(&world, "small", "10.250.0.0/20", VPC, None).await;
    subnet(&world, "elsewhere", "10.250.0.0/16", "another", None).await;
    subnet(&world, "of-pods", "100.64.0.0/16", VPC, None).await;
    subnet(&world, "ipv4", "10.253.0.0/16", VPC, None).await;
    subnet(&world, "dual", "10.254.0.0/16", VPC, Some("192.168.0.0/16")).await;
    let one = |name: &str| world.request(config(named(name), None));
    let mut bare = networking();
    bare.nodes = None;
    let two = |workers: Value, services: &str| {
        dual(world.request(config(workers, Some(named(services)))).with_networking(bare.clone()))
    };
    let mut services = two(json!({ "name": "dual", "podSecondaryRangeName": "my-pods" }), "ipv4");
    services.networking.pods = Some("192.168.0.0/16".to_owned());
    let with_range = |name: &str, range: &str| json!({ "name": name, "podSecondaryRangeName": range });
    let (workers, range) = ("networks.subnetWorkers.name", "networks.subnetWorkers.podSecondaryRangeName");
    for (request, field, words) in [
        (one("none"), workers, "there is no subnet"),
        (one("elsewhere"), workers, "of the VPC another"),
        (one("small"), workers, "does not hold networking.nodes"),
        (one("of-pods").with_networking(bare.clone()), workers, "overlaps with networking.pods"),
        (two(with_range("ipv4", "my-pods"), "dual"), workers, "no external IPv6"),
        (two(with_range("dual", "my-pods"), "dual"), range, "must be networking.pods"),
        (two(with_range("dual", "pods"), "dual"), range, "has no range"),
        (services, "networks.subnetServices.name", "no external IPv6"),
    ] {
        let error = world.apply(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(field) && error.to_string().contains(words), "{words}: {error}");
    }
    assert_eq!(world.changed(), Vec::<String>::new());
}
