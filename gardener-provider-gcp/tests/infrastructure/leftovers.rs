//! What Kubernetes leaves behind goes with the infrastructure; what another cluster or the user has stays.

use std::time::Duration;

use futures::TryStreamExt;
use gardener_provider_core::Action;

use super::*;

const VPC: &str = "theirs";
/// Its name begins with ours and a `-`, as the names of our nodes do.
const NEIGHBOUR: &str = "shoot--demo--app-2";

async fn their_vpc(world: &World) {
    let body = json!({ "name": VPC, "autoCreateSubnetworks": false });
    world.insert("compute.networks.insert", &["global", "networks"], body).await;
    let body = json!({ "name": "their-router", "network": world.network_link(VPC) });
    world.insert("compute.routers.insert", &["regions", REGION, "routers"], body).await;
}

fn in_their_vpc(workers: &str) -> Value {
    let vpc = json!({ "name": VPC, "cloudRouter": { "name": "their-router" } });
    json!({ "networks": { "vpc": vpc, "workers": workers } })
}

#[tokio::test(start_paused = true)]
async fn routes_and_firewall_rules_go_first() {
    let world = World::new();
    let request = world.request(managed());
    world.apply(&request).await.unwrap();
    let node = format!("{CLUSTER}-worker-z1-abcde");
    world.node(CLUSTER, &node, &format!("{CLUSTER}-nodes")).await;
    world.kubernetes_route(CLUSTER, CLUSTER, 1, &node).await;
    world.kubernetes_firewall("k8s-fw-a1b2c3", CLUSTER, &[CLUSTER]).await;
    world.kubernetes_firewall("k8s-5e1f-node-http-hc", CLUSTER, &[CLUSTER]).await;
    world.delete_node(&node).await;
    let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
    assert_eq!(listed.iter().filter(|found| found.id.starts_with("k8s-")).count(), 2, "{listed:#?}");
    assert_eq!(listed.iter().filter(|found| found.kind == "route").count(), 1, "{listed:#?}");
    world.settled(&request).await;
    let plan = world.driver().plan_destroy(&request).await.unwrap();
    let deleted =
        |node: &str| plan.steps.iter().any(|step| step.node == node && step.action == Action::Delete);
    assert!(deleted("kubernetes/routes") && deleted("kubernetes/firewalls"), "{plan}");
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
    let left: Vec<_> = world.driver().list(request).try_collect().await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_in_the_same_vpc_keeps_all_that_is_its() {
    let world = World::new();
    their_vpc(&world).await;
    let ours = world.request(in_their_vpc("10.250.0.0/20"));
    let theirs = world.request_for(NEIGHBOUR, in_their_vpc("10.250.16.0/20"));
    world.apply(&theirs).await.unwrap();
    let node = format!("{NEIGHBOUR}-worker-z1-abcde");
    world.node(NEIGHBOUR, &node, &format!("{NEIGHBOUR}-nodes")).await;
    world.kubernetes_route(NEIGHBOUR, VPC, 1, &node).await;
    world.kubernetes_firewall("k8s-fw-theirs", VPC, &[NEIGHBOUR]).await;
    // Of the user: a rule with the prefix and no tag, one with our tag and another prefix, one of both clusters, a route
    // that is named alike.
    world.kubernetes_firewall("k8s-of-all", VPC, &[]).await;
    world.kubernetes_firewall("my-rule", VPC, &[CLUSTER]).await;
    world.kubernetes_firewall("k8s-of-both", VPC, &[CLUSTER, NEIGHBOUR]).await;
    let route = json!({
        "name": format!("{CLUSTER}-default"), "network": world.network_link(VPC), "destRange": "192.0.2.0/24",
        "nextHopGateway": format!("projects/{}/global/gateways/default-internet-gateway", world.session.project()),
    });
    world.insert("compute.routes.insert", &["global", "routes"], route).await;
    let before = world.created();
    world.apply(&ours).await.unwrap();
    let node = format!("{CLUSTER}-worker-z1-abcde");
    world.node(CLUSTER, &node, &format!("{CLUSTER}-nodes")).await;
    world.kubernetes_route(CLUSTER, VPC, 2, &node).await;
    world.kubernetes_firewall("k8s-fw-ours", VPC, &[CLUSTER]).await;
    world.delete_node(&node).await;
    world.destroy(&ours).await.unwrap();
    assert_eq!(world.created(), before);
    world.settled(&theirs).await;
}

/// Kubernetes cuts the names of its routes off after 26 characters of the cluster's name: two clusters may be alike.
#[tokio::test(start_paused = true)]
async fn routes_of_clusters_whose_long_names_are_alike_are_told_apart_by_their_nodes() {
    let (cluster, neighbour) = ("shoot--project1--long-name-a", "shoot--project1--long-name-ab");
    let world = World::new();
    their_vpc(&world).await;
    let ours = world.request_for(cluster, in_their_vpc("10.250.0.0/20"));
    let theirs = world.request_for(neighbour, in_their_vpc("10.250.16.0/20"));
    for (request, cluster, n) in [(&ours, cluster, 1), (&theirs, neighbour, 2)] {
        world.apply(request).await.unwrap();
        let node = format!("{cluster}-worker-z1-abcde");
        world.node(cluster, &node, &format!("{cluster}-nodes")).await;
        world.kubernetes_route(cluster, VPC, n, &node).await;
    }
    let listed: Vec<_> = world.driver().list(ours.clone()).try_collect().await.unwrap();
    let routes: Vec<_> = listed.iter().filter(|found| found.kind == "route").collect();
    assert_eq!(routes.len(), 1, "{routes:?}");
    assert!(routes[0].id.contains("-0001-"), "{routes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_stops_anywhere_goes_on() {
    for seconds in [1, 4, 8, 20, 40] {
        let world = World::with(SandboxOptions::default().with_latency(Duration::from_millis(200)));
        let request = world.request(managed());
        world.apply(&request).await.unwrap();
        let node = format!("{CLUSTER}-worker-z1-abcde");
        world.node(CLUSTER, &node, &format!("{CLUSTER}-nodes")).await;
        world.kubernetes_route(CLUSTER, CLUSTER, 1, &node).await;
        world.kubernetes_firewall("k8s-fw-a1b2c3", CLUSTER, &[CLUSTER]).await;
        world.delete_node(&node).await;
        let _ = tokio::time::timeout(Duration::from_secs(seconds), world.destroy(&request)).await;
        world.destroy(&request).await.unwrap();
        assert_eq!(world.inventory(), BTreeMap::new(), "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_still_there_hold_it_up_and_are_named() {
    let world = World::new();
    let request = world.request(managed());
    world.apply(&request).await.unwrap();
    let node = format!("{CLUSTER}-worker-z1-abcde");
    world.node(CLUSTER, &node, &format!("{CLUSTER}-nodes")).await;
    let error = world.destroy(&request).await.unwrap_err();
    assert_eq!(error.kind(), gardener_provider_core::ErrorKind::DependencyViolation);
    assert!(error.to_string().contains(&node), "{error}");
    world.delete_node(&node).await;
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}
