//! What somebody changed by hand is set right again.

use super::*;

async fn patch(world: &World, operation: &'static str, path: &[&str], body: Value) {
    world.change(&Mutation::json(world.asked(operation, path).json(&body))).await;
}

#[tokio::test(start_paused = true)]
async fn every_drift_is_seen_and_repaired() {
    let world = World::new();
    let request = world.request(everything());
    world.apply(&request).await.unwrap();
    let [firewall, router, subnet] =
        ["allow-internal-access", "cloud-router", "nodes"].map(|name| format!("{CLUSTER}-{name}"));
    let nats = world.router(&router).await["nats"].clone();
    let with = |field: &str, value: Value| {
        let mut nats = nats.clone();
        nats[0][field] = value;
        json!({ "nats": nats })
    };
    let routers = ["regions", REGION, "routers", &router];
    let firewalls = ["global", "firewalls", &firewall];
    let fingerprint = world.subnet(&subnet).await["fingerprint"].clone();
    for (operation, path, body, repair) in [
        (
            "compute.networks.patch",
            &["global", "networks", CLUSTER][..],
            json!({ "routingConfig": { "routingMode": "GLOBAL" } }),
            json!({ "routingConfig": { "routingMode": "REGIONAL" } }),
        ),
        (
            "compute.firewalls.patch",
            &firewalls,
            json!({ "sourceRanges": ["10.0.0.0/8"], "priority": 900 }),
            json!({ "sourceRanges": ["10.250.0.0/20", "10.251.0.0/24", PODS], "priority": 1000 }),
        ),
        ("compute.firewalls.patch", &firewalls, json!({ "disabled": true }), json!({ "disabled": false })),
        (
            "compute.firewalls.patch",
            &firewalls,
            json!({ "targetTags": ["web"] }),
            json!({ "targetTags": [] }),
        ),
        ("compute.routers.patch", &routers, with("udpIdleTimeoutSec", json!(60)), json!({ "nats": nats })),
        ("compute.routers.patch", &routers, with("minPortsPerVm", json!(128)), json!({ "nats": nats })),
        (
            "compute.subnetworks.patch",
            &["regions", REGION, "subnetworks", &subnet],
            json!({ "fingerprint": fingerprint, "logConfig": { "enable": false } }),
            Value::Null,
        ),
    ] {
        patch(&world, operation, path, body.clone()).await;
        let plan = world.driver().plan(&request).await.unwrap();
        assert_eq!(plan.changes().count(), 1, "{body}: {plan}");
        world.apply(&request).await.unwrap();
        let changes = world.changes();
        assert_eq!(changes.len(), 1, "{body}: {changes:?}");
        assert!(repair.is_null() || changes[0].1 == repair, "{body}: {changes:?}");
        world.settled(&request).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_made_again() {
    let world = World::new();
    let request = world.request(everything());
    world.apply(&request).await.unwrap();
    let before = world.inventory();
    let router = format!("{CLUSTER}-cloud-router");
    let rule = format!("{CLUSTER}-allow-health-checks");
    let internal = format!("{CLUSTER}-internal");
    patch(&world, "compute.routers.patch", &["regions", REGION, "routers", &router], json!({ "nats": [] }))
        .await;
    for (operation, path) in [
        ("compute.firewalls.delete", &["global", "firewalls", &rule][..]),
        ("compute.subnetworks.delete", &["regions", REGION, "subnetworks", &internal]),
    ] {
        world.change(&Mutation::json(world.asked(operation, path))).await;
    }
    world.apply(&request).await.unwrap();
    let changed = world.changed();
    assert_eq!(changed.len(), 3, "{changed:?}");
    assert_eq!(world.inventory(), before);
    assert_eq!(world.router(&router).await["nats"].as_array().unwrap().len(), 1);
    let router = ["regions", REGION, "routers", &router];
    world.change(&Mutation::json(world.asked("compute.routers.delete", &router))).await;
    world.apply(&request).await.unwrap();
    assert_eq!(world.inventory(), before);
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_former_versions_goes() {
    let world = World::new();
    let request = world.request(managed());
    world.apply(&request).await.unwrap();
    let name = format!("{CLUSTER}-allow-external-access");
    let body = json!({
        "name": name, "network": world.network_link(CLUSTER), "sourceRanges": ["0.0.0.0/0"],
        "allowed": [{ "IPProtocol": "tcp", "ports": ["443"] }],
    });
    world.insert("compute.firewalls.insert", &["global", "firewalls"], body).await;
    world.apply(&request).await.unwrap();
    assert_eq!(world.changed(), [format!("DELETE global/firewalls/{name}")]);
    world.settled(&request).await;
}
