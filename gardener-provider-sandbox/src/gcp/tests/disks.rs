//! Disks: with their instance, left behind, by themselves.

use serde_json::{Value, json};

use crate::gcp::testing::{Caller, INSTANCES, instance};

const DISKS: &str = "zones/europe-west1-b/disks";

#[tokio::test(start_paused = true)]
async fn a_disk_is_deleted_with_its_instance_or_left_behind() {
    let caller = Caller::instant();
    caller.network().await;
    let mut machine = instance("one");
    let data = json!({ "initializeParams": { "diskSizeGb": 30, "diskType": "zones/europe-west1-b/diskTypes/pd-ssd", "labels": { "a": "b" } } });
    let scratch = json!({ "type": "SCRATCH", "interface": "NVME", "autoDelete": true, "initializeParams": { "diskType": "zones/europe-west1-b/diskTypes/local-ssd" } });
    machine["disks"].as_array_mut().unwrap().extend([data, scratch]);
    caller.done(INSTANCES, machine).await;
    let shown = caller.get(DISKS).await;
    let names: Vec<&str> =
        shown["items"].as_array().unwrap().iter().map(|disk| disk["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "one-1"], "local disks are no resources");
    let second = caller.get(&format!("{DISKS}/one-1")).await;
    assert_eq!((&second["sizeGb"], &second["labels"]), (&json!("30"), &json!({ "a": "b" })));
    caller.done("DELETE zones/europe-west1-b/instances/one", Value::Null).await;
    let left = caller.get(DISKS).await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!((&left["items"][0]["name"], &left["items"][0]["users"]), (&json!("one-1"), &Value::Null));
    let message = caller
        .message(INSTANCES, {
            let mut two = instance("two");
            two["disks"][0]["initializeParams"]["diskName"] = "one-1".into();
            two
        })
        .await;
    assert_eq!(
        message,
        "The resource 'projects/sandbox-project/zones/europe-west1-b/disks/one-1' already exists"
    );
    caller.done(&format!("DELETE {DISKS}/one-1"), Value::Null).await;
}

#[tokio::test(start_paused = true)]
async fn disks_are_made_attached_resized_and_detached() {
    let caller = Caller::instant();
    caller.network().await;
    caller.done(&format!("POST {DISKS}"), json!({ "name": "data", "sizeGb": "10" })).await;
    caller.done(INSTANCES, instance("one")).await;
    let one = "zones/europe-west1-b/instances/one";
    let attach = json!({ "source": format!("{DISKS}/data"), "deviceName": "data" });
    caller.done(&format!("POST {one}/attachDisk"), attach.clone()).await;
    assert_eq!(
        caller.refused(&format!("POST {one}/attachDisk"), attach).await,
        (400, "resourceInUseByAnotherResource".to_owned())
    );
    caller.done(&format!("POST {DISKS}/data/resize"), json!({ "sizeGb": "20" })).await;
    assert_eq!(caller.refused(&format!("POST {DISKS}/data/resize"), json!({ "sizeGb": "20" })).await.0, 400);
    caller.done(&format!("POST {one}/setDiskAutoDelete?deviceName=data&autoDelete=true"), Value::Null).await;
    assert_eq!(caller.get(one).await["disks"][1]["autoDelete"], true);
    caller.done(&format!("POST {one}/detachDisk?deviceName=data"), Value::Null).await;
    let fingerprint = caller.get(&format!("{DISKS}/data")).await["labelFingerprint"].clone();
    let labels = json!({ "labels": { "x": "y" }, "labelFingerprint": fingerprint });
    caller.done(&format!("POST {DISKS}/data/setLabels"), labels).await;
    caller.done(&format!("DELETE {DISKS}/data"), Value::Null).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_creation_leaves_no_disk() {
    let caller = Caller::instant();
    caller.network().await;
    caller.sandbox.faults().add(crate::Fault::no_capacity("n2-*", "europe-west1-b").times(1));
    caller.fails(INSTANCES, instance("one")).await;
    assert_eq!(caller.get(DISKS).await["items"], Value::Null);
    caller.done(INSTANCES, instance("one")).await;
}
