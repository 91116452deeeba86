//! Infrastructures of which everything is ours.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::TryStreamExt;
use gardener_provider_aws::api::vpcs::create_vpc;
use gardener_provider_core::{Action, ErrorKind, InfrastructureState, StateStore};
use gardener_provider_sandbox::Fault;

use super::*;

/// All that three zones are.
fn three_zones() -> BTreeMap<&'static str, usize> {
    BTreeMap::from([
        ("dhcp-options", 1),
        ("elastic-ip", 3),
        ("instance-profile", 1),
        ("internet-gateway", 1),
        ("key-pair", 1),
        ("natgateway", 3),
        ("network-interface", 3),
        ("role", 1),
        ("route-table", 4),
        ("security-group", 1),
        ("subnet", 9),
        ("vpc", 1),
    ])
}

#[tokio::test(start_paused = true)]
async fn three_zones_are_made_kept_and_removed() {
    let world = World::new();
    let request = world.request(managed("abc"));
    let made = world.apply(&request).await.unwrap();
    assert_eq!(world.inventory(), three_zones());
    assert_eq!(made.egress_cidrs.len(), 3);
    assert!(made.egress_cidrs.iter().all(|cidr| cidr.ends_with("/32")));
    world.calls();
    let again = world.apply(&request).await.unwrap();
    let calls = world.calls();
    assert_eq!((again.status, again.egress_cidrs), (made.status.clone(), made.egress_cidrs));
    assert_eq!(calls.iter().filter(|call| call.mutating).count(), 0);
    assert!(calls.len() <= 20, "{} calls: {calls:#?}", calls.len());
    assert_eq!(world.driver().get(&request).await.unwrap().status, made.status);
    assert!(world.driver().plan(&request).await.unwrap().is_empty());
    let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
    // The NAT gateways' network interfaces carry no tags and go with them.
    assert_eq!(listed.len(), three_zones().values().sum::<usize>() - 3, "{listed:#?}");
    assert!(world.driver().plan_destroy(&request).await.unwrap().changes().count() >= listed.len());
    assert_eq!(world.changes(), Vec::<String>::new());
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
    let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
    assert_eq!(listed, []);
    world.calls();
    world.destroy(&request).await.unwrap();
    assert_eq!(world.changes(), Vec::<String>::new());
    assert_eq!(world.driver().get(&request).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn names_and_tags_are_gardeners() {
    let world = World::new();
    world.apply(&world.request(managed("ab"))).await.unwrap();
    let names = |kind: &str| world.named(kind).into_keys().collect::<Vec<_>>();
    let of =
        |suffixes: &[&str]| suffixes.iter().map(|suffix| format!("{CLUSTER}{suffix}")).collect::<Vec<_>>();
    for kind in ["vpc", "dhcp-options", "internet-gateway"] {
        assert_eq!(names(kind), [CLUSTER], "{kind}");
    }
    assert_eq!(names("route-table"), of(&["", "-private-eu-west-1a", "-private-eu-west-1b"]));
    assert_eq!(
        names("subnet"),
        of(&[
            "-nodes-z0",
            "-nodes-z1",
            "-private-utility-z0",
            "-private-utility-z1",
            "-public-utility-z0",
            "-public-utility-z1",
        ])
    );
    assert_eq!(names("elastic-ip"), of(&["-eip-natgw-z0", "-eip-natgw-z1"]));
    assert_eq!(names("natgateway"), of(&["-natgw-z0", "-natgw-z1"]));
    for kind in ["security-group", "role", "instance-profile"] {
        assert_eq!(names(kind), of(&["-nodes"]), "{kind}");
    }
    assert_eq!(names("key-pair"), of(&["-ssh-publickey"]));
    let subnets = world.named("subnet");
    for (name, role) in [("public", "kubernetes.io/role/elb"), ("private", "kubernetes.io/role/internal-elb")]
    {
        let tags = &subnets[&format!("{CLUSTER}-{name}-utility-z0")].tags;
        assert_eq!(tags[role], "1");
        assert_eq!(tags[&format!("kubernetes.io/cluster/{CLUSTER}")], "owned");
        assert_eq!(tags.len(), 3, "{tags:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_would_be_made() {
    let world = World::new();
    let request = world.request(managed("a"));
    let plan = world.driver().plan(&request).await.unwrap();
    assert!(plan.steps.iter().all(|step| matches!(step.action, Action::Create | Action::Keep)), "{plan}");
    assert!(plan.steps.iter().any(|step| step.node == "zone/eu-west-1a/nat-gateway"));
    assert_eq!(world.changes(), Vec::<String>::new());
    let picture = world.driver().picture(&request).unwrap();
    assert!(picture.contains("NAT gateway") && world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn zones_endpoints_and_the_key_can_change() {
    let world = World::new();
    let mut config = managed("a");
    world.apply(&world.request(config.clone())).await.unwrap();
    config["networks"]["zones"] = zones("abc");
    config["networks"]["vpc"]["gatewayEndpoints"] = json!(["s3", "dynamodb"]);
    world.calls();
    world.apply(&world.request(config.clone())).await.unwrap();
    let mut expected = three_zones();
    expected.insert("vpc-endpoint", 2);
    assert_eq!(world.inventory(), expected);
    assert!(!world.changes().iter().any(|operation| operation.starts_with("Replace")));
    world.settled(&world.request(config.clone())).await;
    config["networks"]["vpc"]["gatewayEndpoints"] = json!(["s3"]);
    world.apply(&world.request(config.clone())).await.unwrap();
    assert_eq!(world.changes(), ["DeleteVpcEndpoints"]);
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJUv1OaJ3zJHtZPNJOG0kp0VjQ2jXb4lO1vcS5cB8DkJ you@work";
    let request = world.request(config.clone()).with_ssh_public_key(other);
    world.apply(&request).await.unwrap();
    assert_eq!(world.changes(), ["DeleteKeyPair", "ImportKeyPair"]);
    config["enableECRAccess"] = json!(false);
    let mut request = world.request(config.clone());
    request.ssh_public_key = None;
    world.apply(&request).await.unwrap();
    let mut changes = world.changes();
    changes.sort();
    assert_eq!(changes, ["DeleteKeyPair", "PutRolePolicy"]);
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_reaches_the_tables_of_new_zones() {
    let world = World::new();
    let mut config = managed("a");
    config["networks"]["vpc"]["gatewayEndpoints"] = json!(["s3"]);
    world.apply(&world.request(config.clone())).await.unwrap();
    config["networks"]["zones"] = zones("ab");
    world.calls();
    world.apply(&world.request(config.clone())).await.unwrap();
    let calls = world.changes();
    assert_eq!(calls.iter().filter(|operation| *operation == "ModifyVpcEndpoint").count(), 1, "{calls:?}");
    world.settled(&world.request(config)).await;
}

#[tokio::test(start_paused = true)]
async fn zones_cannot_be_reordered_nor_cidrs_changed() {
    let world = World::new();
    world.apply(&world.request(managed("ab"))).await.unwrap();
    world.calls();
    for (config, field) in [
        (managed("ba"), "networks.zones[0].name"),
        (
            json!({ "networks": { "vpc": { "cidr": "10.250.0.0/17" }, "zones": zones("ab") } }),
            "networks.vpc.cidr",
        ),
    ] {
        let mut request = world.request(config);
        request.networking.nodes = None;
        let error = world.apply(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(field), "{error}");
    }
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_whose_name_begins_alike_is_not_touched() {
    let world = World::new();
    let neighbour = world.request_for(&format!("{CLUSTER}bar"), managed("ab"));
    world.apply(&neighbour).await.unwrap();
    let before = world.sandbox.aws().inventory(None);
    let request = world.request(managed("ab"));
    world.destroy(&request).await.unwrap();
    world.apply(&request).await.unwrap();
    world.destroy(&request).await.unwrap();
    assert_eq!(world.sandbox.aws().inventory(None), before);
    world.settled(&neighbour).await;
    let listed: Vec<_> = world.driver().list(request).try_collect().await.unwrap();
    assert_eq!(listed, []);
}

#[tokio::test(start_paused = true)]
async fn two_vpcs_with_the_clusters_tag_are_an_error_that_names_both() {
    let world = World::new();
    let request = world.request(managed("a"));
    world.apply(&request).await.unwrap();
    let first = world.named("vpc").remove(CLUSTER).unwrap();
    let second = world.quietly(create_vpc("10.1.0.0/16", None, &first.tags)).await;
    let before = world.sandbox.aws().inventory(None);
    for error in [
        world.apply(&request).await.unwrap_err(),
        world.destroy(&request).await.unwrap_err(),
        world.driver().plan(&request).await.unwrap_err(),
        world.driver().get(&request).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::MultipleMatches, "{error}");
        assert!(
            error.to_string().contains(&first.id) && error.to_string().contains(&second.vpc_id),
            "{error}"
        );
    }
    let left = world.sandbox.aws().inventory(None);
    assert!(before.iter().filter(|found| found.kind == "vpc").all(|found| left.contains(found)));
}

#[tokio::test(start_paused = true)]
async fn replies_that_are_lost_make_nothing_twice() {
    for operation in [
        "CreateVpc",
        "CreateDhcpOptions",
        "CreateInternetGateway",
        "AttachInternetGateway",
        "CreateSubnet",
        "AllocateAddress",
        "CreateNatGateway",
        "CreateRouteTable",
        "CreateRoute",
        "AssociateRouteTable",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroup*",
        "ImportKeyPair",
        "CreateRole",
        "CreateInstanceProfile",
        "AddRoleToInstanceProfile",
        "PutRolePolicy",
    ] {
        let options = SandboxOptions::default().with_lag(Duration::from_secs(3));
        let world = World::with(options);
        world.sandbox.faults().add(Fault::reply_lost().on("*", operation).times(2));
        let request = world.request(managed("abc"));
        world.apply(&request).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(world.inventory(), three_zones(), "{operation}");
        world.sandbox.set_lag(Duration::ZERO);
        world.settled(&request).await;
    }
}

#[tokio::test(start_paused = true)]
async fn deletions_whose_replies_are_lost_leave_nothing() {
    for operation in ["Delete*", "ReleaseAddress", "DetachInternetGateway", "Disassociate*"] {
        let world = World::new();
        let request = world.request(managed("ab"));
        world.apply(&request).await.unwrap();
        world.sandbox.faults().add(Fault::reply_lost().on("*", operation).times(4));
        world.destroy(&request).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(world.inventory(), BTreeMap::new(), "{operation}");
    }
}

#[derive(Debug, Default)]
struct Kept(Mutex<Option<InfrastructureState>>);

#[async_trait::async_trait]
impl StateStore for Kept {
    async fn save(&self, state: &InfrastructureState) -> Result<()> {
        *self.0.lock().unwrap() = Some(state.clone());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_dropped_at_any_moment_is_finished_by_the_next() {
    for seconds in [0, 1, 2, 4, 8, 30, 95] {
        let latency = Duration::from_millis(700);
        let world =
            World::with(SandboxOptions::default().with_latency(latency).with_lag(Duration::from_secs(5)));
        let kept = Arc::new(Kept::default());
        let options = RunOptions::default().with_state_store(kept.clone());
        let mut request = world.request(managed("ab"));
        let run = world.driver().apply(&request, &options);
        let _ = tokio::time::timeout(Duration::from_secs(seconds), run).await;
        request.state.clone_from(&*kept.0.lock().unwrap());
        world.driver().apply(&request, &options).await.unwrap();
        assert_eq!(world.named("vpc").len(), 1, "after {seconds} s");
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.settled(&request).await;
        let run = world.destroy(&request);
        let _ = tokio::time::timeout(Duration::from_secs(seconds), run).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        request.state = None;
        world.destroy(&request).await.unwrap();
        assert_eq!(world.inventory(), BTreeMap::new(), "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_file_system_comes_and_goes() {
    let world = World::new();
    let mut config = managed("ab");
    config["elasticFileSystem"] = json!({ "enabled": true });
    let request = world.request(config);
    let made = world.apply(&request).await.unwrap();
    let inventory = world.inventory();
    assert_eq!((inventory["file-system"], inventory["mount-target"]), (1, 2), "{inventory:?}");
    assert_eq!(made.status["elasticFileSystem"]["ID"], world.named("file-system")[CLUSTER].id);
    world.settled(&request).await;
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_new_infrastructure_of_three_zones_takes_as_long_as_its_longest_way() {
    let latency = Duration::from_millis(100);
    let mut options = SandboxOptions::instant().with_latency(latency);
    options.aws.durations.vpc = Duration::ZERO;
    let world = World::with(options);
    let start = tokio::time::Instant::now();
    world.apply(&world.request(managed("abc"))).await.unwrap();
    let took = start.elapsed().as_millis() / latency.as_millis();
    println!("{took} calls one after the other of {} in all", world.calls().len());
    assert!(took <= 12, "{took} calls one after the other");
}
