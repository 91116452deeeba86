//! Routers and their NATs.

use serde_json::{Value, json};

use crate::gcp::testing::Caller;

const ROUTER: &str = "regions/europe-west1/routers/router";

async fn router(caller: &Caller) {
    caller.network().await;
    let router = json!({ "name": "router", "network": "global/networks/net" });
    caller.done("POST regions/europe-west1/routers", router).await;
}

fn nat(more: Value) -> Value {
    let mut nat = json!({
        "name": "nat",
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{ "name": "regions/europe-west1/subnetworks/nodes", "sourceIpRangesToNat": ["ALL_IP_RANGES"] }],
    });
    for (name, value) in more.as_object().unwrap() {
        nat[name] = value.clone();
    }
    nat
}

#[tokio::test(start_paused = true)]
async fn a_nat_is_patched_in_completed_and_taken_out() {
    let caller = Caller::instant();
    router(&caller).await;
    caller.done(&format!("PATCH {ROUTER}"), json!({ "nats": [nat(json!({ "minPortsPerVm": 64 }))] })).await;
    let shown = caller.get(ROUTER).await;
    let nat = &shown["nats"][0];
    assert_eq!((&nat["type"], &nat["endpointTypes"]), (&json!("PUBLIC"), &json!(["ENDPOINT_TYPE_VM"])));
    let nodes = caller.get("regions/europe-west1/subnetworks/nodes").await;
    assert_eq!(nat["subnetworks"][0]["name"], nodes["selfLink"]);
    let status = caller.get(&format!("{ROUTER}/getRouterStatus")).await;
    let ip = status["result"]["natStatus"][0]["autoAllocatedNatIps"][0].as_str().unwrap();
    assert!(ip.parse::<std::net::Ipv4Addr>().is_ok());
    let info = caller.get(&format!("{ROUTER}/getNatIpInfo?natName=nat")).await;
    assert_eq!(info["result"][0]["natIpInfoMappings"][0]["natIp"], ip);
    let in_use = caller.refused("DELETE regions/europe-west1/subnetworks/nodes", Value::Null).await;
    assert_eq!(in_use, (400, "resourceInUseByAnotherResource".to_owned()));
    caller.done(&format!("PATCH {ROUTER}"), json!({ "description": "x" })).await;
    assert_eq!(caller.get(ROUTER).await["nats"], shown["nats"], "a patch leaves what it does not name");
    caller.done(&format!("PATCH {ROUTER}"), json!({ "nats": [] })).await;
    assert_eq!(caller.get(ROUTER).await["nats"].as_array().map_or(0, Vec::len), 0);
    caller.done(&format!("DELETE {ROUTER}"), Value::Null).await;
}

#[tokio::test(start_paused = true)]
async fn a_nat_has_addresses_of_its_own_choice() {
    let caller = Caller::instant();
    router(&caller).await;
    for name in ["a", "b"] {
        caller.done("POST regions/europe-west1/addresses", json!({ "name": name })).await;
    }
    let ips = json!(["regions/europe-west1/addresses/a", "regions/europe-west1/addresses/b"]);
    let manual = nat(json!({ "natIpAllocateOption": "MANUAL_ONLY", "natIps": ips }));
    caller.done(&format!("PATCH {ROUTER}"), json!({ "nats": [manual] })).await;
    let status = caller.get(&format!("{ROUTER}/getRouterStatus")).await;
    assert_eq!(status["result"]["natStatus"][0]["userAllocatedNatIps"].as_array().unwrap().len(), 2);
    let address = caller.get("regions/europe-west1/addresses/a").await;
    assert_eq!(address["status"], "IN_USE");
    assert_eq!(address["users"], json!([caller.get(ROUTER).await["selfLink"]]));
    let refused = caller.refused("DELETE regions/europe-west1/addresses/a", Value::Null).await;
    assert_eq!(refused, (400, "resourceInUseByAnotherResource".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_a_nat_cannot_be() {
    let caller = Caller::instant();
    router(&caller).await;
    for more in [
        json!({ "natIpAllocateOption": "MANUAL_ONLY" }),
        json!({ "natIpAllocateOption": "SOMETIMES" }),
        json!({ "natIpAllocateOption": null }),
        json!({ "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES" }),
        json!({ "subnetworks": [] }),
        json!({ "minPortsPerVm": 1 }),
        json!({ "maxPortsPerVm": 128 }),
        json!({ "enableDynamicPortAllocation": true, "minPortsPerVm": 100 }),
        json!({ "enableDynamicPortAllocation": true, "minPortsPerVm": 128, "maxPortsPerVm": 64 }),
        json!({ "enableDynamicPortAllocation": true, "enableEndpointIndependentMapping": true }),
        json!({ "udpIdleTimeoutSec": 10 }),
        json!({ "udpIdleTimeoutSec": "soon" }),
        json!({ "name": "Nat" }),
        json!({ "timeout": 3 }),
    ] {
        let refused =
            caller.refused(&format!("PATCH {ROUTER}"), json!({ "nats": [nat(more.clone())] })).await;
        assert_eq!(refused.0, 400, "{more}");
    }
    let elsewhere =
        json!({ "natIpAllocateOption": "MANUAL_ONLY", "natIps": ["regions/europe-west1/addresses/none"] });
    let refused = caller.refused(&format!("PATCH {ROUTER}"), json!({ "nats": [nat(elsewhere)] })).await;
    assert_eq!(refused, (404, "notFound".to_owned()));
    assert_eq!(caller.get(ROUTER).await["nats"], Value::Null);
}
