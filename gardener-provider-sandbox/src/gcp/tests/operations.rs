//! Operations on the virtual clock, request ids, and what is not ready meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    SandboxOptions,
    gcp::testing::{Caller, INSTANCES, PROJECT, instance},
};

const ID: &str = "9f2c1a52-4a5b-4c7e-8d7b-0a1b2c3d4e5f";

#[tokio::test(start_paused = true)]
async fn an_operation_goes_from_pending_over_running_to_done() {
    let caller = Caller::new(SandboxOptions::default());
    let clock = std::sync::Arc::clone(&caller.sandbox.options().clock);
    let started = caller.start("POST global/networks", json!({ "name": "net" })).await;
    assert_eq!((&started["status"], &started["progress"]), (&json!("PENDING"), &json!(0)));
    assert!(started["id"].as_str().unwrap().parse::<u64>().is_ok());
    let path = format!("global/operations/{}", started["name"].as_str().unwrap());
    clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(caller.get(&path).await["status"], "RUNNING");
    clock.sleep(Duration::from_secs(20)).await;
    let done = caller.get(&path).await;
    assert_eq!((&done["status"], &done["progress"]), (&json!("DONE"), &json!(100)));
    assert_eq!(done["targetLink"], caller.get("global/networks/net").await["selfLink"]);
    assert_eq!(done["targetId"], caller.get("global/networks/net").await["id"]);
    assert!(done["endTime"].as_str() > done["startTime"].as_str());
    assert_eq!(caller.call(&format!("DELETE {path}"), Value::Null).await.0, 204);
    assert_eq!(caller.refused(&format!("GET {path}"), Value::Null).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_operation_or_after_two_minutes() {
    let mut options = SandboxOptions::default();
    options.gcp.durations.network = Duration::from_secs(150);
    let caller = Caller::new(options);
    let begun = tokio::time::Instant::now();
    let started = caller.start("POST global/networks", json!({ "name": "net" })).await;
    let wait = format!("POST global/operations/{}/wait", started["name"].as_str().unwrap());
    assert_eq!(caller.call(&wait, Value::Null).await.1["status"], "RUNNING");
    assert_eq!(begun.elapsed().as_secs(), 120);
    assert_eq!(caller.call(&wait, Value::Null).await.1["status"], "DONE");
    assert_eq!(begun.elapsed().as_secs(), 150);
    assert_eq!(caller.call(&wait, Value::Null).await.1["status"], "DONE");
    assert_eq!(begun.elapsed().as_secs(), 150);
    assert_eq!(caller.refused("POST global/operations/none/wait", Value::Null).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn what_is_being_made_or_changed_is_not_ready() {
    let caller = Caller::new(SandboxOptions::default());
    let making =
        caller.start("POST global/networks", json!({ "name": "net", "autoCreateSubnetworks": false })).await;
    let subnetwork = json!({ "name": "s", "network": "global/networks/net", "ipCidrRange": "10.0.0.0/24" });
    let create = "POST regions/europe-west1/subnetworks";
    let not_ready = (400, "resourceNotReady".to_owned());
    assert_eq!(caller.refused(create, subnetwork.clone()).await, not_ready);
    caller.wait(&making).await;
    caller.done(create, subnetwork).await;
    let removing = caller.start("DELETE regions/europe-west1/subnetworks/s", Value::Null).await;
    assert_eq!(caller.refused("DELETE regions/europe-west1/subnetworks/s", Value::Null).await, not_ready);
    let message = caller.message("DELETE global/networks/net", Value::Null).await;
    assert!(message.contains("is already being used by"), "{message}");
    caller.wait(&removing).await;
    caller.done("DELETE global/networks/net", Value::Null).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_id_makes_a_repetition_the_same_operation() {
    let caller = Caller::new(SandboxOptions::default());
    let create = format!("POST global/networks?requestId={ID}");
    let first = caller.start(&create, json!({ "name": "net" })).await;
    let second = caller.start(&create, json!({ "name": "net" })).await;
    assert_eq!(first["name"], second["name"]);
    caller.wait(&first).await;
    let third = caller.start(&create, json!({ "name": "net" })).await;
    assert_eq!((&third["name"], &third["status"]), (&first["name"], &json!("DONE")));
    let without = caller.refused("POST global/networks", json!({ "name": "net" })).await;
    assert_eq!(without, (409, "alreadyExists".to_owned()));
    let other =
        caller.refused(&format!("POST global/firewalls?requestId={ID}"), json!({ "name": "f" })).await;
    assert_eq!(other, (400, "invalid".to_owned()));
    for bad in ["x", "00000000-0000-0000-0000-000000000000"] {
        let create = format!("POST global/networks?requestId={bad}");
        assert_eq!(caller.refused(&create, json!({ "name": "b" })).await, (400, "invalid".to_owned()));
    }

    caller.done("DELETE global/networks/net", Value::Null).await;
    let stale = caller.start(&create, json!({ "name": "net" })).await;
    assert_eq!(stale["name"], first["name"], "a request id does what it does even when the resource is gone");
    tokio::time::advance(Duration::from_secs(3601)).await;
    let fresh = caller.sandbox.gcp().access_token();
    let caller = Caller { token: fresh, ..caller };
    assert_ne!(caller.start(&create, json!({ "name": "net" })).await["name"], first["name"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_uses_up_no_request_id_and_a_failed_operation_does() {
    let caller = Caller::instant();
    caller.network().await;
    let create = format!("{INSTANCES}?requestId={ID}");
    let mut bad = instance("one");
    bad["machineType"] = "zones/europe-west1-b/machineTypes/none".into();
    assert_eq!(caller.refused(&create, bad).await, (400, "invalid".to_owned()));
    caller.sandbox.faults().add(crate::Fault::no_capacity("*", "*").times(1));
    let failed = caller.fails(&create, instance("one")).await;
    let again = caller.fails(&create, instance("one")).await;
    assert_eq!(failed["name"], again["name"]);
    caller.done(&format!("{INSTANCES}?requestId={}", ID.replace('9', "8")), instance("one")).await;
}

#[tokio::test(start_paused = true)]
async fn operations_are_listed_where_they_are() {
    let caller = Caller::instant();
    caller.network().await;
    caller.done(INSTANCES, instance("one")).await;
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["operationType"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&caller.get("zones/europe-west1-b/operations").await), ["insert"]);
    assert_eq!(names(&caller.get("regions/europe-west1/operations").await), ["insert"]);
    assert_eq!(names(&caller.get("global/operations?filter=status%3DDONE").await), ["insert"]);
    let all = caller.get("aggregated/operations").await;
    assert_eq!(all["items"]["zones/europe-west1-b"]["operations"][0]["status"], "DONE");
    let wanted = format!("projects/{PROJECT}/global/operations");
    assert_eq!(caller.get("global/operations").await["id"], wanted);
}
