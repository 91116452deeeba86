//! What the user gave: used, never created, never deleted, and everything else in it left as it is.

use futures::TryStreamExt;
use gardener_provider_core::{Action, ErrorKind};
use gardener_provider_sandbox::Fault;

use super::*;

const VPC: &str = "theirs";
const ROUTER: &str = "their-router";

async fn vpc(world: &World, name: &str) {
    let body = json!({ "name": name, "autoCreateSubnetworks": false, "mtu": 1460 });
    world.insert("compute.networks.insert", &["global", "networks"], body).await;
}

/// A NAT gateway of the user's, with settings that this crate knows nothing of.
fn their_nat(world: &World) -> Value {
    let project = world.session.project();
    let subnet = format!("projects/{project}/regions/{REGION}/subnetworks/theirs");
    json!({
        "name": "their-nat",
        "type": "PUBLIC",
        "autoNetworkTier": "STANDARD",
        "endpointTypes": ["ENDPOINT_TYPE_VM"],
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{ "name": subnet, "sourceIpRangesToNat": ["PRIMARY_IP_RANGE"] }],
        "minPortsPerVm": 64,
        "udpIdleTimeoutSec": 45,
    })
}

async fn router(world: &World, vpc: &str, name: &str, nats: Value) {
    let body = json!({ "name": name, "network": world.network_link(vpc), "nats": nats });
    world.insert("compute.routers.insert", &["regions", REGION, "routers"], body).await;
}

/// A VPC of the user's with a subnet and a router that has a NAT gateway already.
async fn theirs(world: &World) {
    vpc(world, VPC).await;
    let subnet =
        json!({ "name": "theirs", "network": world.network_link(VPC), "ipCidrRange": "10.1.0.0/24" });
    world.insert("compute.subnetworks.insert", &["regions", REGION, "subnetworks"], subnet).await;
    router(world, VPC, ROUTER, json!([their_nat(world)])).await;
}

async fn address(world: &World, name: &str) -> String {
    let body = json!({ "name": name, "addressType": "EXTERNAL", "networkTier": "PREMIUM" });
    world.insert("compute.addresses.insert", &["regions", REGION, "addresses"], body).await;
    let shown = world.shown("compute.addresses.get", &["regions", REGION, "addresses", name]).await;
    shown["address"].as_str().unwrap().to_owned()
}

fn in_their_vpc(workers: &str) -> Value {
    json!({ "networks": { "vpc": { "name": VPC, "cloudRouter": { "name": ROUTER } }, "workers": workers } })
}

async fn nats(world: &World) -> Vec<Value> {
    world.router(ROUTER).await["nats"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_vpc_and_its_router_are_used_and_survive() {
    let world = World::new();
    theirs(&world).await;
    let (before, their_nats) = (world.created(), nats(&world).await);
    let request = world.request(in_their_vpc("10.250.0.0/20"));
    for _ in 0..2 {
        let made = world.apply(&request).await.unwrap();
        let vpc = json!({ "name": VPC, "cloudRouter": { "name": ROUTER } });
        assert_eq!(made.status["networks"]["vpc"], vpc);
        let inventory = world.inventory();
        assert_eq!((inventory["network"], inventory["router"], inventory["subnetwork"]), (1, 1, 2));
        let now = nats(&world).await;
        assert_eq!(now.len(), 2);
        assert!(now.contains(&their_nats[0]), "{now:#?}");
        world.settled(&request).await;
        let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
        let kinds: Vec<_> = listed.into_iter().map(|found| found.kind).collect();
        assert!(kinds.contains(&"NAT gateway".to_owned()), "{kinds:?}");
        assert!(!kinds.iter().any(|kind| kind == "VPC" || kind == "router"), "{kinds:?}");
        let plan = world.driver().plan_destroy(&request).await.unwrap();
        assert!(plan.steps.iter().all(|step| step.action == Action::Delete), "{plan}");
        assert!(!plan.steps.iter().any(|step| step.node == "vpc" || step.node == "router"), "{plan}");
        world.destroy(&request).await.unwrap();
        assert_eq!(world.created(), before);
        assert_eq!(nats(&world).await, their_nats);
    }
}

#[tokio::test(start_paused = true)]
async fn two_clusters_share_a_router_at_the_same_time() {
    let world = World::new();
    theirs(&world).await;
    let their_nats = nats(&world).await;
    let one = world.request(in_their_vpc("10.250.0.0/20"));
    let other = world.request_for(&format!("{CLUSTER}-2"), in_their_vpc("10.250.16.0/20"));
    let (first, second) = futures::join!(world.apply(&one), world.apply(&other));
    first.unwrap();
    second.unwrap();
    assert_eq!(nats(&world).await.len(), 3);
    world.settled(&one).await;
    world.settled(&other).await;
    let (first, second) = futures::join!(world.destroy(&one), world.destroy(&other));
    first.unwrap();
    second.unwrap();
    assert_eq!(nats(&world).await, their_nats);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_is_busy_or_whose_reply_was_lost_is_written_once() {
    for fault in [Fault::error("resourceNotReady"), Fault::reply_lost()] {
        let world = World::new();
        theirs(&world).await;
        let their_nats = nats(&world).await;
        let request = world.request(in_their_vpc("10.250.0.0/20"));
        world.sandbox.faults().add(fault.clone().on("*", "*routers.patch").times(2));
        world.apply(&request).await.unwrap();
        assert_eq!(nats(&world).await.len(), 2);
        world.sandbox.faults().add(fault.on("*", "*routers.patch").times(2));
        world.destroy(&request).await.unwrap();
        assert_eq!(nats(&world).await, their_nats);
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_of_the_user_are_the_egress() {
    let world = World::new();
    let mut config = managed();
    let (one, two) = (address(&world, "one").await, address(&world, "two").await);
    let before = world.created();
    config["networks"]["cloudNAT"] = json!({ "natIPNames": [{ "name": "one" }, { "name": "two" }] });
    let request = world.request(config.clone());
    let made = world.apply(&request).await.unwrap();
    assert_eq!(made.egress_cidrs, [format!("{one}/32"), format!("{two}/32")]);
    assert_eq!(made.status["networks"]["natIPs"], json!([{ "ip": one }, { "ip": two }]));
    let router = format!("{CLUSTER}-cloud-router");
    let nat = world.router(&router).await["nats"][0].clone();
    assert_eq!(
        (&nat["natIpAllocateOption"], nat["natIps"].as_array().unwrap().len()),
        (&json!("MANUAL_ONLY"), 2)
    );
    let again = world.settled(&request).await;
    assert_eq!(again.egress_cidrs, made.egress_cidrs);
    config["networks"]["cloudNAT"] = json!({ "natIPNames": [{ "name": "two" }] });
    let made = world.apply(&world.request(config.clone())).await.unwrap();
    assert_eq!(made.egress_cidrs, [format!("{two}/32")]);
    world.settled(&world.request(config.clone())).await;
    config["networks"].as_object_mut().unwrap().remove("cloudNAT");
    let made = world.apply(&world.request(config.clone())).await.unwrap();
    assert_eq!(made.egress_cidrs, Vec::<String>::new());
    assert_eq!(world.router(&router).await["nats"][0]["natIpAllocateOption"], "AUTO_ONLY");
    world.settled(&world.request(config)).await;
    world.destroy(&request).await.unwrap();
    assert_eq!(world.created(), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_as_it_must_be_is_told_before_anything_is_made() {
    let world = World::new();
    theirs(&world).await;
    vpc(&world, "another").await;
    router(&world, "another", "another-router", json!([])).await;
    address(&world, "used").await;
    let mut other = in_their_vpc("10.250.16.0/20");
    other["networks"]["cloudNAT"] = json!({ "natIPNames": [{ "name": "used" }] });
    world.apply(&world.request_for("shoot--demo--other", other)).await.unwrap();
    let internal = json!({
        "name": "internal", "addressType": "INTERNAL",
        "subnetwork": format!("projects/{}/regions/{REGION}/subnetworks/theirs", world.session.project()),
    });
    world.insert("compute.addresses.insert", &["regions", REGION, "addresses"], internal).await;
    let before = world.created();
    let with = |pointer: &str, value: Value| {
        let mut config = in_their_vpc("10.250.0.0/20");
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[key] = value;
        config
    };
    let nat = |name: &str| json!({ "natIPNames": [{ "name": name }] });
    let mut managed = managed();
    managed["networks"]["cloudNAT"] = nat("used");
    for (config, field, words) in [
        (with("/networks/vpc/name", json!("nothing")), "networks.vpc.name", "no VPC \"nothing\""),
        (
            with("/networks/vpc/cloudRouter/name", json!("nothing")),
            "networks.vpc.cloudRouter.name",
            "no router \"nothing\"",
        ),
        (
            with("/networks/vpc/cloudRouter/name", json!("another-router")),
            "networks.vpc.cloudRouter.name",
            "of the VPC another",
        ),
        (
            with("/networks/cloudNAT", nat("nothing")),
            "networks.cloudNAT.natIPNames[0].name",
            "no address \"nothing\"",
        ),
        (with("/networks/cloudNAT", nat("internal")), "networks.cloudNAT.natIPNames[0].name", "internal"),
        (managed, "networks.cloudNAT.natIPNames[0].name", "is used by"),
    ] {
        let request = world.request(config);
        world.changes();
        for error in
            [world.apply(&request).await.unwrap_err(), world.driver().plan(&request).await.unwrap_err()]
        {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(error.to_string().contains(field) && error.to_string().contains(words), "{error}");
        }
        assert_eq!(world.changed(), Vec::<String>::new());
    }
    assert_eq!(world.created(), before);
}

#[tokio::test(start_paused = true)]
async fn a_vpc_that_the_user_has_deleted_already_stands_in_no_way() {
    let world = World::new();
    let request = world.request(in_their_vpc("10.250.0.0/20"));
    world.destroy(&request).await.unwrap();
    assert_eq!(world.changed(), Vec::<String>::new());
}
