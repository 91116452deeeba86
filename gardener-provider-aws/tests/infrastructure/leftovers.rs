//! What a cluster leaves behind goes with its infrastructure; what another cluster has stays.

use std::time::Duration;

use futures::TryStreamExt;
use gardener_provider_sandbox::{Fault, aws::Leftover};

use super::*;

fn subnets(world: &World, cluster: &str, letters: &str) -> Vec<String> {
    let names = (0..letters.len()).map(|n| format!("{cluster}-public-utility-z{n}"));
    names.map(|name| world.id("subnet", &name)).collect()
}

fn plant(world: &World, cluster: &str) {
    let ids = subnets(world, cluster, "ab");
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let nodes = world.id("security-group", &format!("{cluster}-nodes"));
    for leftover in [
        Leftover::classic(cluster, "eu-west-1", &ids).with_nodes_security_group(&nodes),
        Leftover::network(cluster, "eu-west-1", &ids),
        Leftover::application(cluster, "eu-west-1", &ids),
    ] {
        world.sandbox.aws().plant_load_balancer(&leftover).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn load_balancers_left_behind_are_removed_first() {
    let world = World::new();
    let request = world.request(managed("ab"));
    world.apply(&request).await.unwrap();
    plant(&world, CLUSTER);
    let before: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
    assert!(before.iter().any(|found| found.kind == "classic load balancer"), "{before:#?}");
    assert!(before.iter().filter(|found| found.kind == "load balancer").count() == 2);
    world.settled(&request).await;
    let plan = world.driver().plan_destroy(&request).await.unwrap();
    assert!(plan.steps.iter().any(|step| step.node == "leftover/load-balancers"), "{plan}");
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
    let left: Vec<_> = world.driver().list(request).try_collect().await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_stops_between_load_balancers_and_their_interfaces_goes_on() {
    for seconds in [1, 5, 30, 70] {
        let world = World::with(SandboxOptions::default().with_latency(Duration::from_millis(200)));
        let request = world.request(managed("ab"));
        world.apply(&request).await.unwrap();
        plant(&world, CLUSTER);
        let _ = tokio::time::timeout(Duration::from_secs(seconds), world.destroy(&request)).await;
        world.destroy(&request).await.unwrap();
        assert_eq!(world.inventory(), BTreeMap::new(), "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn load_balancers_of_a_neighbour_stay() {
    let world = World::new();
    let (request, other) = (world.request(managed("ab")), format!("{CLUSTER}bar"));
    let neighbour = world.request_for(&other, managed("ab"));
    world.apply(&request).await.unwrap();
    world.apply(&neighbour).await.unwrap();
    plant(&world, &other);
    let before: Vec<_> = world.driver().list(neighbour.clone()).try_collect().await.unwrap();
    world.destroy(&request).await.unwrap();
    let after: Vec<_> = world.driver().list(neighbour).try_collect().await.unwrap();
    assert_eq!(before, after);
    assert_eq!(before.iter().filter(|found| found.kind.ends_with("load balancer")).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_hindrance_that_passes_is_waited_out() {
    let world = World::new();
    let request = world.request(managed("a"));
    world.apply(&request).await.unwrap();
    for operation in
        ["DeleteSubnet", "DeleteVpc", "DetachInternetGateway", "DeleteSecurityGroup", "DeleteRouteTable"]
    {
        world.sandbox.faults().add(Fault::error("DependencyViolation").on("ec2", operation).times(3));
    }
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}
