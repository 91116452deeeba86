//! What instances can be, and what they cannot.

use serde_json::{Value, json};

use crate::{
    SandboxOptions,
    gcp::testing::{Caller, INSTANCES, instance},
};

const ONE: &str = "zones/europe-west1-b/instances/one";

async fn caller() -> Caller {
    let caller = Caller::instant();
    caller.network().await;
    caller
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_completed() {
    let caller = caller().await;
    caller.done(INSTANCES, instance("one")).await;
    let one = caller.get(ONE).await;
    assert_eq!(
        one["scheduling"],
        json!({
            "preemptible": false, "automaticRestart": true, "provisioningModel": "STANDARD", "onHostMaintenance": "MIGRATE",
        })
    );
    for path in [
        "/fingerprint",
        "/labelFingerprint",
        "/metadata/fingerprint",
        "/tags/fingerprint",
        "/networkInterfaces/0/fingerprint",
    ] {
        assert!(one.pointer(path).is_some_and(Value::is_string), "{path}");
    }
    assert_eq!(one["disks"][0]["deviceName"], "persistent-disk-0");
    assert!(one["disks"][0].get("initializeParams").is_none());
    assert_eq!(one["networkInterfaces"][0]["network"], caller.get("global/networks/net").await["selfLink"]);
}

#[tokio::test(start_paused = true)]
async fn spot_instances_end_by_stop_or_deletion() {
    let caller = caller().await;
    let mut spot = instance("one");
    spot["scheduling"] = json!({ "provisioningModel": "SPOT", "instanceTerminationAction": "DELETE" });
    caller.done(INSTANCES, spot.clone()).await;
    let shown = caller.get(ONE).await["scheduling"].clone();
    assert_eq!(shown["preemptible"], true);
    assert_eq!(
        (&shown["automaticRestart"], &shown["onHostMaintenance"]),
        (&json!(false), &json!("TERMINATE"))
    );
    for bad in [
        json!({ "provisioningModel": "SPOT", "automaticRestart": true }),
        json!({ "provisioningModel": "SPOT", "onHostMaintenance": "MIGRATE" }),
        json!({ "provisioningModel": "STANDARD", "instanceTerminationAction": "STOP" }),
        json!({ "provisioningModel": "CHEAP" }),
    ] {
        spot["name"] = "two".into();
        spot["scheduling"] = bad.clone();
        assert_eq!(caller.refused(INSTANCES, spot.clone()).await.0, 400, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_cannot_be() {
    let caller = caller().await;
    for (pointer, value, words) in [
        ("/name", json!("One"), "Must be a match of regex"),
        (
            "/machineType",
            json!("zones/europe-west1-b/machineTypes/none"),
            "does not exist in zone 'europe-west1-b'",
        ),
        ("/machineType", json!("zones/europe-west1-c/machineTypes/n2-standard-2"), "does not exist in zone"),
        ("/disks", json!([]), "Required field"),
        ("/disks/0/boot", json!(false), "boot disk"),
        (
            "/disks/0/initializeParams/sourceImage",
            json!("global/images/none"),
            "image resource cannot be found",
        ),
        ("/disks/0/initializeParams/diskSizeGb", json!("1"), "cannot be smaller than the image size"),
        ("/disks/0/initializeParams/diskType", json!("zones/europe-west1-b/diskTypes/none"), "was not found"),
        ("/networkInterfaces", json!([]), "Required field"),
        (
            "/networkInterfaces/0/subnetwork",
            json!("regions/europe-west1/subnetworks/none"),
            "subnetwork resource cannot be found",
        ),
        (
            "/networkInterfaces/0",
            json!({ "network": "global/networks/net" }),
            "Subnetwork should be specified for custom subnetmode network",
        ),
        ("/networkInterfaces/0/networkIP", json!("10.9.9.9"), "outside the network/subnetwork range"),
        (
            "/networkInterfaces/0/aliasIpRanges",
            json!([{ "ipCidrRange": "/24", "subnetworkRangeName": "none" }]),
            "no secondary range",
        ),
        ("/labels", json!({ "Upper": "x" }), "Label keys"),
        ("/tags", json!({ "items": ["Upper"] }), "Must be a match of regex"),
        ("/metadata", json!({ "items": [{ "key": "a" }, { "key": "a" }] }), "duplicate key"),
        ("/metadata", json!({ "items": [{ "key": "a", "value": 5 }] }), "TYPE_STRING"),
        (
            "/guestAccelerators",
            json!([{ "acceleratorType": "zones/europe-west1-b/acceleratorTypes/nvidia-tesla-t4", "acceleratorCount": 1 }]),
            "not compatible",
        ),
        ("/resourcePolicies", json!(["regions/europe-west1/resourcePolicies/none"]), "was not found"),
        (
            "/reservationAffinity",
            json!({ "consumeReservationType": "SPECIFIC_RESERVATION" }),
            "specific reservation",
        ),
        ("/machinetype", json!("x"), "Unknown name"),
    ] {
        let mut bad = instance("one");
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        match bad.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[0] = value.clone(),
            parent => parent[last] = value.clone(),
        }
        let message = caller.message(INSTANCES, bad).await;
        assert!(message.contains(words), "{pointer}: {message}");
    }
    assert_eq!(caller.sandbox.gcp().inventory(None).len(), 2, "nothing is left of them");
}

#[tokio::test(start_paused = true)]
async fn settings_change_with_their_own_fingerprints() {
    let caller = caller().await;
    caller.done(INSTANCES, instance("one")).await;
    let one = caller.get(ONE).await;
    for (verb, body, field) in [
        ("setLabels", json!({ "labels": { "a": "b" } }), "labelFingerprint"),
        ("setMetadata", json!({ "items": [{ "key": "a", "value": "b" }] }), "fingerprint"),
        ("setTags", json!({ "items": ["a"] }), "fingerprint"),
    ] {
        let refused = caller.refused(&format!("POST {ONE}/{verb}"), body.clone()).await;
        assert_eq!(refused, (412, "conditionNotMet".to_owned()), "{verb}");
        let current = match verb {
            "setLabels" => &one["labelFingerprint"],
            "setMetadata" => &one["metadata"]["fingerprint"],
            _ => &one["tags"]["fingerprint"],
        };
        let mut good = body.clone();
        good[field] = current.clone();
        caller.done(&format!("POST {ONE}/{verb}"), good.clone()).await;
        let stale = caller.refused(&format!("POST {ONE}/{verb}"), good).await;
        assert_eq!(stale, (412, "conditionNotMet".to_owned()), "{verb}");
    }
    let changed = caller.get(ONE).await;
    assert_eq!(changed["labels"], json!({ "a": "b" }));
    assert_eq!(changed["tags"]["items"], json!(["a"]));
    assert_eq!(changed["metadata"]["items"][0]["value"], "b");
}

#[tokio::test(start_paused = true)]
async fn an_instance_stops_and_starts() {
    let caller = Caller::new(SandboxOptions::default());
    caller.network().await;
    let mut machine = instance("one");
    machine["networkInterfaces"][0]["accessConfigs"] = json!([{ "type": "ONE_TO_ONE_NAT" }]);
    caller.done(INSTANCES, machine).await;
    let ip = |one: &Value| one["networkInterfaces"][0]["accessConfigs"][0]["natIP"].clone();
    let before = ip(&caller.get(ONE).await);
    let stop = caller.start(&format!("POST {ONE}/stop"), Value::Null).await;
    assert_eq!(caller.get(ONE).await["status"], "STOPPING");
    assert_eq!(caller.refused(&format!("POST {ONE}/start"), Value::Null).await.1, "resourceNotReady");
    caller.wait(&stop).await;
    let stopped = caller.get(ONE).await;
    assert_eq!((&stopped["status"], ip(&stopped)), (&json!("TERMINATED"), Value::Null));
    let bigger = json!({ "machineType": "zones/europe-west1-b/machineTypes/n2-standard-4" });
    caller.done(&format!("POST {ONE}/setMachineType"), bigger.clone()).await;
    caller.done(&format!("POST {ONE}/start"), Value::Null).await;
    let started = caller.get(ONE).await;
    assert_eq!(started["status"], "RUNNING");
    assert!(started["machineType"].as_str().unwrap().ends_with("n2-standard-4"));
    assert_ne!(ip(&started), before);
    let failed = caller.fails(&format!("POST {ONE}/setMachineType"), bigger).await;
    assert_eq!(failed["error"]["errors"][0]["code"], "RESOURCE_NOT_READY");
}

#[tokio::test(start_paused = true)]
async fn addresses_run_out_in_the_operation() {
    let caller = caller().await;
    caller
        .done(
            "POST regions/europe-west1/subnetworks",
            json!({
                "name": "small", "network": "global/networks/net", "ipCidrRange": "10.5.0.0/29",
            }),
        )
        .await;
    for index in 0..5 {
        let mut machine = instance(&format!("m{index}"));
        machine["networkInterfaces"][0]["subnetwork"] = "regions/europe-west1/subnetworks/small".into();
        if index < 4 {
            caller.done(INSTANCES, machine).await;
        } else {
            let failed = caller.fails(INSTANCES, machine).await;
            assert_eq!(failed["error"]["errors"][0]["code"], "IP_SPACE_EXHAUSTED");
        }
    }
    let mut taken = instance("taken");
    taken["networkInterfaces"][0]["networkIP"] = "10.0.0.9".into();
    caller.done(INSTANCES, taken.clone()).await;
    taken["name"] = "again".into();
    let failed = caller.fails(INSTANCES, taken).await;
    assert_eq!(failed["error"]["errors"][0]["code"], "IP_IN_USE_BY_ANOTHER_RESOURCE");
    assert_eq!(caller.refused("GET zones/europe-west1-b/instances/again", Value::Null).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn alias_ranges_are_given_and_changed() {
    let caller = caller().await;
    for (name, expected) in [("one", "10.1.0.0/24"), ("two", "10.1.1.0/24")] {
        let mut machine = instance(name);
        machine["networkInterfaces"][0]["aliasIpRanges"] =
            json!([{ "ipCidrRange": "/24", "subnetworkRangeName": "pods" }]);
        caller.done(INSTANCES, machine).await;
        let shown = caller.get(&format!("zones/europe-west1-b/instances/{name}")).await;
        assert_eq!(shown["networkInterfaces"][0]["aliasIpRanges"][0]["ipCidrRange"], expected);
    }
    let update = format!("PATCH {ONE}/updateNetworkInterface?networkInterface=nic0");
    let fingerprint = caller.get(ONE).await["networkInterfaces"][0]["fingerprint"].clone();
    assert_eq!(caller.refused(&update, json!({ "aliasIpRanges": [] })).await.0, 412);
    caller.done(&update, json!({ "aliasIpRanges": [], "fingerprint": fingerprint })).await;
    let interface = caller.get(ONE).await["networkInterfaces"][0].clone();
    assert_eq!(interface["aliasIpRanges"], Value::Null);
    assert_ne!(interface["fingerprint"], fingerprint);
}

#[tokio::test(start_paused = true)]
async fn quotas_and_protection_hold_instances_back() {
    let mut options = SandboxOptions::instant();
    options.gcp.quotas.cpus = 3;
    let caller = Caller::new(options);
    caller.network().await;
    let mut machine = instance("one");
    machine["deletionProtection"] = true.into();
    caller.done(INSTANCES, machine).await;
    let failed = caller.fails(INSTANCES, instance("two")).await;
    assert_eq!(
        (&failed["httpErrorStatusCode"], &failed["httpErrorMessage"]),
        (&json!(403), &json!("FORBIDDEN"))
    );
    let error = &failed["error"]["errors"][0];
    assert_eq!(error["code"], "QUOTA_EXCEEDED");
    assert_eq!(error["message"], "Quota 'CPUS' exceeded.  Limit: 3.0 in region europe-west1.");
    let message = caller.message(&format!("DELETE {ONE}"), Value::Null).await;
    assert!(message.contains("protected against deletion"), "{message}");
    caller.done(&format!("POST {ONE}/setDeletionProtection?deletionProtection=false"), Value::Null).await;
    caller.done(&format!("DELETE {ONE}"), Value::Null).await;
    caller.done(INSTANCES, instance("two")).await;
}

#[tokio::test(start_paused = true)]
async fn policies_and_reservations_are_referred_to() {
    let caller = caller().await;
    let policy = json!({ "name": "close", "groupPlacementPolicy": { "collocation": "COLLOCATED" } });
    caller.done("POST regions/europe-west1/resourcePolicies", policy).await;
    let reserved = json!({
        "name": "mine",
        "specificReservation": { "count": "2", "instanceProperties": { "machineType": "n2-standard-2" } },
        "specificReservationRequired": true,
    });
    caller.done("POST zones/europe-west1-b/reservations", reserved).await;
    let mut machine = instance("one");
    machine["resourcePolicies"] = json!(["regions/europe-west1/resourcePolicies/close"]);
    machine["reservationAffinity"] = json!({
        "consumeReservationType": "SPECIFIC_RESERVATION",
        "key": "compute.googleapis.com/reservation-name",
        "values": ["mine"],
    });
    caller.done(INSTANCES, machine.clone()).await;
    let refused = caller.refused("DELETE regions/europe-west1/resourcePolicies/close", Value::Null).await;
    assert_eq!(refused, (400, "resourceInUseByAnotherResource".to_owned()));
    machine["name"] = "two".into();
    machine["reservationAffinity"]["values"] = json!(["none"]);
    assert_eq!(caller.refused(INSTANCES, machine).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_keeps_what_it_uses() {
    let caller = caller().await;
    caller.done(INSTANCES, instance("one")).await;
    let one = json!([{ "instance": ONE }]);
    caller.done("POST regions/europe-west1/targetPools", json!({ "name": "pool" })).await;
    caller.done("POST regions/europe-west1/targetPools/pool/addInstance", json!({ "instances": one })).await;
    let rule =
        json!({ "name": "rule", "target": "regions/europe-west1/targetPools/pool", "portRange": "80" });
    caller.done("POST regions/europe-west1/forwardingRules", rule).await;
    let refused = caller.refused("DELETE regions/europe-west1/targetPools/pool", Value::Null).await;
    assert_eq!(refused, (400, "resourceInUseByAnotherResource".to_owned()));
    let group = json!({ "name": "group", "network": "global/networks/net" });
    caller.done("POST zones/europe-west1-b/instanceGroups", group).await;
    caller
        .done("POST zones/europe-west1-b/instanceGroups/group/addInstances", json!({ "instances": one }))
        .await;
    assert_eq!(caller.get("zones/europe-west1-b/instanceGroups/group").await["size"], 1);
    caller.done(&format!("DELETE {ONE}"), Value::Null).await;
    for path in [
        "regions/europe-west1/forwardingRules/rule",
        "regions/europe-west1/targetPools/pool",
        "zones/europe-west1-b/instanceGroups/group",
    ] {
        caller.done(&format!("DELETE {path}"), Value::Null).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_spot_instance_is_preempted_as_its_action_says() {
    let caller = caller().await;
    for (name, action) in [("one", "STOP"), ("two", "DELETE")] {
        let mut spot = instance(name);
        spot["scheduling"] = json!({ "provisioningModel": "SPOT", "instanceTerminationAction": action });
        caller.done(INSTANCES, spot).await;
    }
    caller.done(INSTANCES, instance("three")).await;
    let preempt = |name| caller.sandbox.gcp().preempt("sandbox-project", "europe-west1-b", name);
    assert_eq!(
        [preempt("one"), preempt("two"), preempt("three"), preempt("none")],
        [true, true, false, false]
    );
    assert_eq!(caller.get(ONE).await["status"], "TERMINATED");
    assert_eq!(caller.refused("GET zones/europe-west1-b/instances/two", Value::Null).await.0, 404);
    assert_eq!(caller.refused("GET zones/europe-west1-b/disks/two", Value::Null).await.0, 404);
    caller.done(&format!("POST {ONE}/start"), Value::Null).await;
}
