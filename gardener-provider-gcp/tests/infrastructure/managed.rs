//! Infrastructures of which everything is ours.

use std::time::Duration;

use futures::TryStreamExt;
use gardener_provider_core::{Action, ErrorKind};
use gardener_provider_sandbox::Fault;

use super::*;

/// All that a small infrastructure is.
fn small() -> BTreeMap<&'static str, usize> {
    BTreeMap::from([("firewall", 2), ("network", 1), ("router", 1), ("serviceAccount", 1), ("subnetwork", 1)])
}

#[tokio::test(start_paused = true)]
async fn it_is_made_kept_and_removed() {
    let world = World::new();
    for config in [managed(), everything()] {
        let request = world.request(config.clone());
        let made = world.apply(&request).await.unwrap();
        let mut expected = small();
        if config == everything() {
            expected.insert("subnetwork", 2);
        }
        assert_eq!(world.inventory(), expected);
        assert_eq!(made.egress_cidrs, Vec::<String>::new(), "what the cloud takes is not stable");
        world.calls();
        let again = world.settled(&request).await;
        let calls = world.calls();
        assert_eq!((again.status, again.egress_cidrs), (made.status.clone(), made.egress_cidrs));
        assert!(calls.len() <= 12, "{} calls: {calls:#?}", calls.len());
        assert_eq!(world.driver().get(&request).await.unwrap().status, made.status);
        assert!(world.driver().plan(&request).await.unwrap().is_empty());
        let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
        assert_eq!(listed.len(), expected.values().sum::<usize>(), "{listed:#?}");
        assert_eq!(world.driver().plan_destroy(&request).await.unwrap().changes().count(), listed.len());
        assert_eq!(world.changed(), Vec::<String>::new());
        world.destroy(&request).await.unwrap();
        assert_eq!(world.inventory(), BTreeMap::new());
        let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
        assert_eq!(listed, []);
        world.changes();
        world.destroy(&request).await.unwrap();
        assert_eq!(world.changed(), Vec::<String>::new());
        assert_eq!(world.driver().get(&request).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn names_and_contents_are_gardeners() {
    let world = World::new();
    let made = world.apply(&world.request(everything())).await.unwrap();
    let project = world.session.project().to_owned();
    assert_eq!(world.names("network"), of(&[""]));
    assert_eq!(world.names("subnetwork"), of(&["-internal", "-nodes"]));
    assert_eq!(world.names("router"), of(&["-cloud-router"]));
    assert_eq!(world.names("firewall"), of(&["-allow-health-checks", "-allow-internal-access"]));
    let expected = json!({
        "apiVersion": "gcp.provider.extensions.gardener.cloud/v1alpha1",
        "kind": "InfrastructureStatus",
        "networks": {
            "vpc": { "name": CLUSTER, "cloudRouter": { "name": format!("{CLUSTER}-cloud-router") } },
            "subnets": [
                { "name": format!("{CLUSTER}-nodes"), "purpose": "nodes" },
                { "name": format!("{CLUSTER}-internal"), "purpose": "internal" },
            ],
            "ipFamilies": ["IPv4"],
        },
        "serviceAccountEmail": format!("{CLUSTER}@{project}.iam.gserviceaccount.com"),
    });
    assert_eq!(made.status, expected);
    let network = world.network(CLUSTER).await;
    assert_eq!((&network["mtu"], &network["autoCreateSubnetworks"]), (&json!(1500), &json!(false)));
    assert_eq!(network["routingConfig"]["routingMode"], "REGIONAL");
    let nodes = world.subnet(&format!("{CLUSTER}-nodes")).await;
    assert_eq!(nodes["ipCidrRange"], "10.250.0.0/20");
    let logs = json!({
        "enable": true, "aggregationInterval": "INTERVAL_5_SEC", "metadata": "EXCLUDE_ALL_METADATA",
    });
    for (field, value) in logs.as_object().unwrap() {
        assert_eq!(nodes["logConfig"][field], *value, "{field}");
    }
    let internal = world.firewall(&format!("{CLUSTER}-allow-internal-access")).await;
    let mut ranges: Vec<_> =
        internal["sourceRanges"].as_array().unwrap().iter().map(|range| range.as_str().unwrap()).collect();
    ranges.sort_unstable();
    assert_eq!(ranges, ["10.250.0.0/20", "10.251.0.0/24", PODS]);
    assert_eq!(internal["allowed"].as_array().unwrap().len(), 4);
    let checks = world.firewall(&format!("{CLUSTER}-allow-health-checks")).await;
    assert_eq!(checks["sourceRanges"].as_array().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn nat_has_all_that_was_asked_for() {
    let world = World::new();
    world.apply(&world.request(everything())).await.unwrap();
    let router = world.router(&format!("{CLUSTER}-cloud-router")).await;
    let nat = &router["nats"][0];
    for (field, value) in [
        ("name", json!(format!("{CLUSTER}-cloud-nat"))),
        ("natIpAllocateOption", json!("AUTO_ONLY")),
        ("sourceSubnetworkIpRangesToNat", json!("LIST_OF_SUBNETWORKS")),
        ("enableDynamicPortAllocation", json!(true)),
        ("minPortsPerVm", json!(64)),
        ("maxPortsPerVm", json!(4096)),
        ("icmpIdleTimeoutSec", json!(31)),
        ("tcpEstablishedIdleTimeoutSec", json!(1201)),
        ("tcpTimeWaitTimeoutSec", json!(121)),
        ("tcpTransitoryIdleTimeoutSec", json!(32)),
        ("udpIdleTimeoutSec", json!(33)),
    ] {
        assert_eq!(nat[field], value, "{field}");
    }
    assert_eq!(nat["subnetworks"][0]["sourceIpRangesToNat"], json!(["ALL_IP_RANGES"]));
    assert!(nat["subnetworks"][0]["name"].as_str().unwrap().ends_with("/subnetworks/shoot--demo--app-nodes"));
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_would_be_made() {
    let world = World::new();
    let request = world.request(everything());
    let plan = world.driver().plan(&request).await.unwrap();
    assert!(plan.steps.iter().all(|step| matches!(step.action, Action::Create | Action::Keep)), "{plan}");
    assert_eq!(plan.changes().count(), 8, "{plan}");
    assert_eq!(world.changed(), Vec::<String>::new());
    world.calls();
    let picture = world.driver().picture(&request).unwrap();
    assert!(picture.contains("NAT gateway") && world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn patches_carry_what_differs_and_the_fingerprint() {
    let world = World::new();
    world.apply(&world.request(managed())).await.unwrap();
    world.changes();
    let mut config = managed();
    config["networks"]["flowLogs"] = json!({ "flowSampling": 0.25 });
    let before = world.subnet(&format!("{CLUSTER}-nodes")).await;
    world.apply(&world.request(config.clone())).await.unwrap();
    let logs = json!({
        "enable": true, "aggregationInterval": "INTERVAL_5_MIN", "flowSampling": 0.25,
        "metadata": "EXCLUDE_ALL_METADATA",
    });
    let path = format!("PATCH regions/{REGION}/subnetworks/{CLUSTER}-nodes");
    let patch = json!({ "fingerprint": before["fingerprint"], "logConfig": logs });
    assert_eq!(world.changes(), [(path.clone(), patch)]);
    world.settled(&world.request(config.clone())).await;
    config["networks"].as_object_mut().unwrap().remove("flowLogs");
    config["networks"]["internal"] = json!("10.251.0.0/24");
    world.apply(&world.request(config.clone())).await.unwrap();
    let mut changes = world.changes();
    changes.sort_by(|one, other| one.0.cmp(&other.0));
    let changed: Vec<_> = changes.iter().map(|(path, _)| path.as_str()).collect();
    let firewall = format!("PATCH global/firewalls/{CLUSTER}-allow-internal-access");
    assert_eq!(changed, [firewall.as_str(), &path, &format!("POST regions/{REGION}/subnetworks")]);
    let ranges = json!({ "sourceRanges": ["10.250.0.0/20", "10.251.0.0/24", PODS] });
    assert_eq!(changes[0].1, ranges);
    assert_eq!(changes[1].1["logConfig"], json!({ "enable": false }));
    world.settled(&world.request(config.clone())).await;
    config["networks"]["cloudNAT"] = json!({ "minPortsPerVM": 128 });
    world.apply(&world.request(config.clone())).await.unwrap();
    let changes = world.changes();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].1.as_object().unwrap().keys().collect::<Vec<_>>(), ["nats"]);
    assert_eq!(changes[0].1["nats"][0]["minPortsPerVm"], 128);
    world.settled(&world.request(config.clone())).await;
    // A subnet that is no longer wanted goes.
    world.apply(&world.request(managed())).await.unwrap();
    assert_eq!(world.names("subnetwork"), of(&["-nodes"]));
    world.settled(&world.request(managed())).await;
}

#[tokio::test(start_paused = true)]
async fn options_come_and_go() {
    let world = World::new();
    world.apply(&world.request(everything())).await.unwrap();
    let mut config = managed();
    config["networks"]["mtu"] = json!(1500);
    for config in [config.clone(), everything(), config.clone()] {
        world.apply(&world.request(config.clone())).await.unwrap();
        world.settled(&world.request(config)).await;
    }
    let router = world.router(&format!("{CLUSTER}-cloud-router")).await;
    assert_eq!(router["nats"][0]["minPortsPerVm"], 2048);
    assert_ne!(router["nats"][0]["enableDynamicPortAllocation"], true);
    world.destroy(&world.request(config)).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn workers_can_be_extended_and_nothing_moved() {
    let world = World::new();
    world.apply(&world.request(everything())).await.unwrap();
    world.changes();
    for (pointer, value, field) in [
        ("/networks/workers", json!("10.250.16.0/20"), "networks.workers"),
        ("/networks/workers", json!("10.250.0.0/21"), "networks.workers"),
        ("/networks/internal", json!("10.252.0.0/24"), "networks.internal"),
        ("/networks/mtu", json!(1400), "networks.mtu"),
    ] {
        let mut config = everything();
        *config.pointer_mut(pointer).unwrap() = value;
        let request = world.request(config);
        for error in
            [world.driver().plan(&request).await.unwrap_err(), world.apply(&request).await.unwrap_err()]
        {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(error.to_string().contains(field), "{error}");
        }
    }
    assert!(!world.changed().iter().any(|path| path.starts_with("DELETE")));
    let mut config = everything();
    config["networks"]["workers"] = json!("10.250.0.0/18");
    let request = world.request(config);
    world.apply(&request).await.unwrap();
    let changed = world.changed();
    assert!(changed.iter().any(|path| path.ends_with("/expandIpCidrRange")), "{changed:?}");
    assert_eq!(world.subnet(&format!("{CLUSTER}-nodes")).await["ipCidrRange"], "10.250.0.0/18");
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_whose_name_begins_alike_is_not_touched() {
    let world = World::new();
    let neighbour = world.request_for(&format!("{CLUSTER}-2"), everything());
    world.apply(&neighbour).await.unwrap();
    let before = world.created();
    let request = world.request(everything());
    let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
    assert_eq!(listed, []);
    world.destroy(&request).await.unwrap();
    world.apply(&request).await.unwrap();
    world.destroy(&request).await.unwrap();
    assert_eq!(world.created(), before);
    world.settled(&neighbour).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_makes_no_service_account_is_refused_before_any_call() {
    let world = World::new();
    let request = world.request_for("shoot--a-very-long-project--and-name", managed());
    let error = world.apply(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("cluster: ") && error.to_string().contains("30"), "{error}");
    assert!(world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_has_our_name_in_another_network_is_anothers() {
    let world = World::new();
    let body = json!({ "name": "other", "autoCreateSubnetworks": false });
    world.insert("compute.networks.insert", &["global", "networks"], body).await;
    let network = world.network_link("other");
    let request = world.request(managed());
    let subnet =
        json!({ "name": format!("{CLUSTER}-nodes"), "network": network, "ipCidrRange": "10.1.0.0/24" });
    world.insert("compute.subnetworks.insert", &["regions", REGION, "subnetworks"], subnet).await;
    let router = json!({ "name": format!("{CLUSTER}-cloud-router"), "network": network });
    world.insert("compute.routers.insert", &["regions", REGION, "routers"], router).await;
    let rule = json!({
        "name": format!("{CLUSTER}-allow-health-checks"), "network": network,
        "sourceRanges": ["10.0.0.0/8"], "allowed": [{ "IPProtocol": "tcp" }],
    });
    world.insert("compute.firewalls.insert", &["global", "firewalls"], rule).await;
    let before = world.created();
    let text = world.apply(&request).await.unwrap_err().to_string();
    for name in ["-nodes", "-cloud-router", "-allow-health-checks"] {
        assert!(text.contains(&format!("{CLUSTER}{name} is in the network other")), "{name}: {text}");
    }
    world.destroy(&request).await.unwrap();
    assert_eq!(world.created(), before);
}

#[tokio::test(start_paused = true)]
async fn an_auto_mode_network_of_our_name_is_refused() {
    let world = World::new();
    let body = json!({ "name": CLUSTER, "autoCreateSubnetworks": true });
    world.insert("compute.networks.insert", &["global", "networks"], body).await;
    let error = world.apply(&world.request(managed())).await.unwrap_err();
    assert!(error.to_string().contains("custom mode"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn replies_that_are_lost_make_nothing_twice() {
    for operation in [
        "networks.insert",
        "subnetworks.insert",
        "routers.insert",
        "routers.patch",
        "firewalls.insert",
        "projects.serviceAccounts.create",
        "*Operations.wait",
    ] {
        let world = World::with(SandboxOptions::default().with_lag(Duration::from_secs(3)));
        world.sandbox.faults().add(Fault::reply_lost().on("*", format!("*{operation}")).times(2));
        let request = world.request(managed());
        world.apply(&request).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(world.inventory(), small(), "{operation}");
        world.sandbox.set_lag(Duration::ZERO);
        world.settled(&request).await;
    }
}

#[tokio::test(start_paused = true)]
async fn deletions_whose_replies_are_lost_leave_nothing() {
    for operation in ["*.delete", "*Operations.wait"] {
        let world = World::new();
        let request = world.request(everything());
        world.apply(&request).await.unwrap();
        world.sandbox.faults().add(Fault::reply_lost().on("*", operation).times(4));
        world.destroy(&request).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(world.inventory(), BTreeMap::new(), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_dropped_at_any_moment_is_finished_by_the_next() {
    for seconds in [0, 1, 3, 8, 16, 25, 40, 60] {
        let options = SandboxOptions::default()
            .with_latency(Duration::from_millis(300))
            .with_lag(Duration::from_secs(5));
        let world = World::with(options);
        let kept = Arc::new(Kept::default());
        let options = RunOptions::default().with_state_store(kept.clone());
        let mut request = dual(world.request(everything()));
        let run = world.driver().apply(&request, &options);
        let _ = tokio::time::timeout(Duration::from_secs(seconds), run).await;
        request.state = kept.state();
        world.driver().apply(&request, &options).await.unwrap();
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
async fn a_refusal_by_quota_is_told_and_nothing_is_lost() {
    let world = World::new();
    let request = world.request(managed());
    world.sandbox.faults().add(Fault::error("quotaExceeded").on("*", "*routers.insert").times(1));
    let error = world.apply(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(error.to_string().starts_with("router: "), "{error}");
    world.apply(&request).await.unwrap();
    assert_eq!(world.inventory(), small());
}

#[tokio::test(start_paused = true)]
async fn it_takes_as_long_as_its_longest_way() {
    let latency = Duration::from_millis(100);
    let world = World::with(SandboxOptions::instant().with_latency(latency));
    let start = tokio::time::Instant::now();
    world.apply(&world.request(everything())).await.unwrap();
    let took = start.elapsed().as_millis() / latency.as_millis();
    println!("{took} calls one after the other of {} in all", world.calls().len());
    // Token; look, make, wait, look for the VPC and for a subnet; the same for NAT, looked up twice.
    assert!(took <= 16, "{took} calls one after the other");
}

#[tokio::test(start_paused = true)]
async fn without_service_accounts_none_is_made_and_one_that_is_there_stays_until_the_end() {
    let world = World::new();
    let without = world.builder().without_service_accounts().build().unwrap();
    let (driver, options) = (&without.infrastructure, RunOptions::default());
    let request = world.request(managed());
    let made = driver.apply(&request, &options).await.unwrap();
    assert_eq!(made.status["serviceAccountEmail"], "");
    assert_eq!(world.names("serviceAccount"), Vec::<String>::new());
    assert_eq!(driver.get(&request).await.unwrap().status, made.status);
    let before = world.apply(&request).await.unwrap();
    world.changes();
    let kept = driver.apply(&request, &options).await.unwrap();
    assert_eq!(kept.status, before.status);
    assert_eq!(world.changed(), Vec::<String>::new());
    driver.destroy(&request, &options).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}
