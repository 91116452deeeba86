//! Networks, subnetworks, addresses, firewalls, routes.

use serde_json::{Value, json};

use crate::{
    SandboxOptions,
    gcp::testing::{Caller, INSTANCES, instance},
};

const SUBNETWORKS: &str = "POST regions/europe-west1/subnetworks";
const NODES: &str = "regions/europe-west1/subnetworks/nodes";

fn subnetwork(name: &str, range: &str) -> Value {
    json!({ "name": name, "network": "global/networks/net", "ipCidrRange": range })
}

#[tokio::test(start_paused = true)]
async fn an_auto_mode_network_brings_its_subnetworks_and_takes_them_away() {
    let caller = Caller::instant();
    caller.done("POST global/networks", json!({ "name": "auto" })).await;
    let network = caller.get("global/networks/auto").await;
    assert_eq!(network["subnetworks"].as_array().unwrap().len(), 5);
    assert_eq!(network["mtu"], 1460);
    let refused = caller.refused("DELETE regions/us-east1/subnetworks/auto", Value::Null).await;
    assert_eq!(refused, (400, "invalid".to_owned()));
    assert_eq!(caller.sandbox.gcp().inventory(None).len(), 1);
    caller.done("DELETE global/networks/auto", Value::Null).await;
    assert_eq!(
        caller.get("aggregated/subnetworks").await["items"]["regions/us-east1"]["subnetworks"],
        Value::Null
    );
    assert_eq!(caller.get("global/routes").await["items"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn ranges_of_a_network_do_not_overlap() {
    let caller = Caller::instant();
    caller.network().await;
    for range in ["10.0.0.0/24", "10.0.0.0/16", "10.1.5.0/24"] {
        let message = caller.message(SUBNETWORKS, subnetwork("other", range)).await;
        assert!(
            message.contains("conflicts with existing subnetwork 'nodes' in region 'europe-west1'"),
            "{message}"
        );
    }
    for range in ["10.9.0.1/24", "10.9.0.0/30", "10.9.0.0", "x", "::/64"] {
        assert_eq!(
            caller.refused(SUBNETWORKS, subnetwork("other", range)).await,
            (400, "invalid".to_owned()),
            "{range}"
        );
    }
    let elsewhere = json!({ "name": "o", "network": "global/networks/none", "ipCidrRange": "10.9.0.0/24" });
    assert_eq!(caller.refused(SUBNETWORKS, elsewhere).await, (404, "notFound".to_owned()));
    caller.done(SUBNETWORKS, subnetwork("other", "10.9.0.0/24")).await;
    assert_eq!(
        caller.refused(SUBNETWORKS, subnetwork("other", "10.8.0.0/24")).await,
        (409, "alreadyExists".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_subnetwork_grows_and_its_routes_follow() {
    let caller = Caller::instant();
    caller.network().await;
    let expand = format!("POST {NODES}/expandIpCidrRange");
    for range in ["10.0.0.0/24", "10.0.0.0/25", "10.2.0.0/20", "10.0.0.0/15"] {
        assert_eq!(caller.refused(&expand, json!({ "ipCidrRange": range })).await.0, 400, "{range}");
    }
    caller.done(&expand, json!({ "ipCidrRange": "10.0.0.0/20" })).await;
    let routes = caller.get("global/routes?filter=routeType%3DSUBNET").await;
    let mut ranges: Vec<&str> = routes["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| route["destRange"].as_str().unwrap())
        .collect();
    ranges.sort_unstable();
    assert_eq!(ranges, ["10.0.0.0/20", "10.1.0.0/16"]);
    let local = routes["items"][0]["name"].as_str().unwrap();
    assert_eq!(caller.refused(&format!("DELETE global/routes/{local}"), Value::Null).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_patch_needs_the_fingerprint_and_changes_it() {
    let caller = Caller::instant();
    caller.network().await;
    let before = caller.get(NODES).await;
    let patch = format!("PATCH {NODES}");
    let logs = json!({ "enable": true, "flowSampling": 0.25 });
    assert_eq!(caller.refused(&patch, json!({ "logConfig": logs })).await, (400, "required".to_owned()));
    let stale = json!({ "logConfig": logs, "fingerprint": "AAAAAAAAAAA=" });
    assert_eq!(caller.refused(&patch, stale).await, (412, "conditionNotMet".to_owned()));
    caller.done(&patch, json!({ "logConfig": logs, "fingerprint": before["fingerprint"] })).await;
    let after = caller.get(NODES).await;
    assert_ne!(after["fingerprint"], before["fingerprint"]);
    assert_eq!(after["logConfig"]["flowSampling"], 0.25);
    assert_eq!(after["logConfig"]["aggregationInterval"], "INTERVAL_5_SEC");
    assert_eq!(after["enableFlowLogs"], true);
    assert_eq!(after["secondaryIpRanges"], before["secondaryIpRanges"]);
    let fixed = json!({ "ipCidrRange": "10.0.0.0/16", "fingerprint": after["fingerprint"] });
    assert_eq!(caller.refused(&patch, fixed).await, (400, "invalid".to_owned()));
    let off = json!({ "logConfig": { "enable": false }, "fingerprint": after["fingerprint"] });
    caller.done(&patch, off).await;
    assert_eq!(caller.get(NODES).await["enableFlowLogs"], false);
}

#[tokio::test(start_paused = true)]
async fn a_secondary_range_in_use_stays() {
    let caller = Caller::instant();
    caller.network().await;
    let mut machine = instance("one");
    machine["networkInterfaces"][0]["aliasIpRanges"] =
        json!([{ "ipCidrRange": "/24", "subnetworkRangeName": "pods" }]);
    caller.done(INSTANCES, machine).await;
    let fingerprint = caller.get(NODES).await["fingerprint"].clone();
    let without = json!({ "secondaryIpRanges": [], "fingerprint": fingerprint });
    let refused = caller.refused(&format!("PATCH {NODES}"), without).await;
    assert_eq!(refused, (400, "resourceInUseByAnotherResource".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn dual_stack_inside_and_outside() {
    let caller = Caller::instant();
    caller.network().await;
    let patch = |fingerprint: &Value, access: &str| json!({ "stackType": "IPV4_IPV6", "ipv6AccessType": access, "fingerprint": fingerprint });
    let fingerprint = caller.get(NODES).await["fingerprint"].clone();
    let refused = caller.refused(&format!("PATCH {NODES}"), patch(&fingerprint, "INTERNAL")).await;
    assert_eq!(refused, (400, "invalid".to_owned()), "the network has no internal range");
    caller.done(&format!("PATCH {NODES}"), patch(&fingerprint, "EXTERNAL")).await;
    let nodes = caller.get(NODES).await;
    let range = nodes["externalIpv6Prefix"].as_str().unwrap().to_owned();
    assert!(range.parse::<ipnet::Ipv6Net>().unwrap().prefix_len() == 64, "{range}");
    caller.done("PATCH global/networks/net", json!({ "enableUlaInternalIpv6": true })).await;
    let all = caller.get("global/networks/net").await["internalIpv6Range"].as_str().unwrap().to_owned();
    let mut inside = subnetwork("inside", "10.9.0.0/24");
    (inside["stackType"], inside["ipv6AccessType"]) = ("IPV4_IPV6".into(), "INTERNAL".into());
    caller.done(SUBNETWORKS, inside).await;
    let inside = caller.get("regions/europe-west1/subnetworks/inside").await["internalIpv6Prefix"].clone();
    let (all, inside): (ipnet::Ipv6Net, ipnet::Ipv6Net) =
        (all.parse().unwrap(), inside.as_str().unwrap().parse().unwrap());
    assert!(all.contains(&inside) && inside.prefix_len() == 64);

    let mut machine = instance("six");
    machine["networkInterfaces"][0]["stackType"] = "IPV4_IPV6".into();
    caller.done(INSTANCES, machine).await;
    let interface = caller.get("zones/europe-west1-b/instances/six").await["networkInterfaces"][0].clone();
    let address: std::net::Ipv6Addr =
        interface["ipv6AccessConfigs"][0]["externalIpv6"].as_str().unwrap().parse().unwrap();
    assert!(range.parse::<ipnet::Ipv6Net>().unwrap().contains(&address));
}

#[tokio::test(start_paused = true)]
async fn firewalls_are_completed_checked_patched_and_replaced() {
    let caller = Caller::instant();
    caller.network().await;
    let create = "POST global/firewalls";
    let rule = json!({ "name": "f", "network": "global/networks/net", "allowed": [{ "IPProtocol": "tcp", "ports": ["22", "80-90"] }], "targetTags": ["a"] });
    caller.done(create, rule.clone()).await;
    let shown = caller.get("global/firewalls/f").await;
    assert_eq!(
        (&shown["direction"], &shown["priority"], &shown["sourceRanges"]),
        (&json!("INGRESS"), &json!(1000), &json!(["0.0.0.0/0"]))
    );
    for (field, value) in [
        ("allowed", json!([])),
        ("allowed", json!([{ "IPProtocol": "carrier-pigeon" }])),
        ("allowed", json!([{ "IPProtocol": "tcp", "ports": ["90-80"] }])),
        ("denied", json!([{ "IPProtocol": "udp" }])),
        ("direction", json!("SIDEWAYS")),
        ("priority", json!(70_000)),
        ("sourceRanges", json!(["10.0.0.0/8", "::/0"])),
        ("sourceRanges", json!(["ten"])),
        ("targetTags", json!(["Upper"])),
        ("name", json!("Upper")),
        ("nome", json!("x")),
    ] {
        let mut bad = rule.clone();
        bad["name"] = "g".into();
        bad[field] = value.clone();
        assert_eq!(caller.refused(create, bad).await.0, 400, "{field} {value}");
    }
    caller.done("PATCH global/firewalls/f", json!({ "priority": 5 })).await;
    let patched = caller.get("global/firewalls/f").await;
    assert_eq!((&patched["priority"], &patched["targetTags"]), (&json!(5), &json!(["a"])));
    let mut next = rule.clone();
    next.as_object_mut().unwrap().remove("targetTags");
    caller.done("PUT global/firewalls/f", next).await;
    let replaced = caller.get("global/firewalls/f").await;
    assert_eq!(
        (&replaced["priority"], &replaced["targetTags"], &replaced["id"]),
        (&json!(1000), &Value::Null, &shown["id"])
    );
    let message = caller.message("DELETE global/networks/net", Value::Null).await;
    assert!(
        message.contains("already being used by 'projects/sandbox-project/global/firewalls/f'")
            || message.contains("subnetworks/nodes"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn routes_have_one_next_hop_and_keep_their_network() {
    let caller = Caller::instant();
    caller.network().await;
    caller.done(INSTANCES, instance("one")).await;
    let route = json!({
        "name": "pods", "network": "global/networks/net", "destRange": "10.7.0.0/24",
        "nextHopInstance": "zones/europe-west1-b/instances/one",
    });
    caller.done("POST global/routes", route.clone()).await;
    let mut two = route.clone();
    (two["name"], two["nextHopIp"]) = ("two".into(), "10.0.0.2".into());
    assert_eq!(caller.refused("POST global/routes", two).await.0, 400);
    caller.done("DELETE zones/europe-west1-b/instances/one", Value::Null).await;
    caller.done(&format!("DELETE {NODES}"), Value::Null).await;
    let message = caller.message("DELETE global/networks/net", Value::Null).await;
    assert!(message.contains("global/routes/pods"), "{message}");
    caller.done("DELETE global/routes/pods", Value::Null).await;
    caller.done("DELETE global/networks/net", Value::Null).await;
}

#[tokio::test(start_paused = true)]
async fn addresses_are_reserved_used_and_given_back() {
    let caller = Caller::instant();
    caller.network().await;
    caller.done("POST regions/europe-west1/addresses", json!({ "name": "out" })).await;
    caller.done("POST global/addresses", json!({ "name": "world" })).await;
    let inside =
        json!({ "name": "in", "addressType": "INTERNAL", "subnetwork": NODES, "address": "10.0.0.2" });
    caller.done("POST regions/europe-west1/addresses", inside).await;
    let out = caller.get("regions/europe-west1/addresses/out").await;
    assert_eq!((&out["status"], &out["networkTier"]), (&json!("RESERVED"), &json!("PREMIUM")));
    let mut machine = instance("one");
    machine["networkInterfaces"][0]["accessConfigs"] = json!([{ "natIP": out["address"] }]);
    caller.done(INSTANCES, machine).await;
    let one = caller.get("zones/europe-west1-b/instances/one").await;
    assert_eq!(one["networkInterfaces"][0]["networkIP"], "10.0.0.3", "10.0.0.2 is reserved");
    let out = caller.get("regions/europe-west1/addresses/out").await;
    assert_eq!((&out["status"], &out["users"]), (&json!("IN_USE"), &json!([one["selfLink"]])));
    let refused = caller.refused("DELETE regions/europe-west1/addresses/out", Value::Null).await;
    assert_eq!(refused, (400, "resourceInUseByAnotherResource".to_owned()));
    caller.done("DELETE zones/europe-west1-b/instances/one", Value::Null).await;
    caller.done("DELETE regions/europe-west1/addresses/out", Value::Null).await;
    let kinds: Vec<String> =
        caller.sandbox.gcp().inventory(Some("us-east1")).into_iter().map(|resource| resource.name).collect();
    assert_eq!(kinds, ["world", "net"], "global resources are everywhere");
}

#[tokio::test(start_paused = true)]
async fn quotas_are_told_in_the_call() {
    let mut options = SandboxOptions::instant();
    options.gcp.quotas.networks = 1;
    let caller = Caller::new(options);
    caller.done("POST global/networks", json!({ "name": "a" })).await;
    let (status, reply) = caller.call("POST global/networks", json!({ "name": "b" })).await;
    assert_eq!((status, &reply["error"]["errors"][0]["reason"]), (403, &json!("quotaExceeded")));
    assert_eq!(reply["error"]["message"], "Quota 'NETWORKS' exceeded.  Limit: 1.0 globally.");
    let quotas = caller.get("").await["quotas"].clone();
    assert_eq!(quotas[0], json!({ "metric": "NETWORKS", "limit": 1, "usage": 1 }));
}

#[tokio::test(start_paused = true)]
async fn what_a_patch_of_a_subnetwork_cannot_do() {
    let caller = Caller::instant();
    caller.network().await;
    let fingerprint = caller.get(NODES).await["fingerprint"].clone();
    for (change, words) in [
        (json!({ "region": "regions/europe-west1" }), "cannot be modified: [region]"),
        (
            json!({ "network": "global/networks/other", "ipCidrRange": "10.0.0.0/8" }),
            "cannot be modified: [network, ipCidrRange]",
        ),
        (
            json!({ "secondaryIpRanges": [{ "rangeName": "pods", "ipCidrRange": "10.7.0.0/16" }] }),
            "Existing secondary range cannot be modified: 10.7.0.0/16.",
        ),
        (
            json!({ "secondaryIpRanges": [{ "rangeName": "new", "ipCidrRange": "10.7.0.0/16" }] }),
            "Cannot add and remove secondary IP ranges in the same request. Added ranges: [10.7.0.0/16]. \
             Removed ranges: [10.1.0.0/16].",
        ),
        (json!({ "logConfig": { "flowSampling": 2 } }), "Must be a number between 0.0 and 1.0."),
    ] {
        let mut change = change;
        change["fingerprint"] = fingerprint.clone();
        let message = caller.message(&format!("PATCH {NODES}"), change).await;
        assert!(message.contains(words), "{message}");
    }
    let same =
        json!({ "network": "global/networks/net", "ipCidrRange": "10.0.0.0/24", "fingerprint": fingerprint });
    caller.done(&format!("PATCH {NODES}"), same).await;
}

#[tokio::test(start_paused = true)]
async fn what_goes_into_a_subnetwork_waits_for_its_changes() {
    let caller = Caller::new(SandboxOptions::default());
    caller.network().await;
    let expand = json!({ "ipCidrRange": "10.0.0.0/20" });
    let changing = caller.start(&format!("POST {NODES}/expandIpCidrRange"), expand).await;
    let machine = caller.refused(INSTANCES, instance("one")).await;
    assert_eq!(machine, (400, "resourceNotReady".to_owned()));
    caller.wait(&changing).await;
    caller.done(INSTANCES, instance("one")).await;
}
