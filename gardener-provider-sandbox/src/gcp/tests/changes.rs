//! What a creation or change may not carry.

use serde_json::{Value, json};

use crate::gcp::testing::Caller;

#[tokio::test(start_paused = true)]
async fn what_only_the_cloud_decides_is_not_taken_from_the_caller() {
    let caller = Caller::instant();
    let network = json!({
        "name": "net", "id": "7", "selfLink": "x", "creationTimestamp": "y", "subnetworks": ["z"], "kind": "compute#x",
        "autoCreateSubnetworks": false,
    });
    caller.done("POST global/networks", network).await;
    let shown = caller.get("global/networks/net").await;
    assert_ne!(shown["id"], "7");
    assert_eq!((&shown["kind"], &shown["subnetworks"]), (&json!("compute#network"), &Value::Null));
    caller.done("PATCH global/networks/net", json!({ "mtu": 1500, "selfLink": "x", "id": "8" })).await;
    let patched = caller.get("global/networks/net").await;
    assert_eq!(patched["mtu"], 1500);
    for own in ["id", "selfLink", "creationTimestamp"] {
        assert_eq!(patched[own], shown[own], "{own}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_and_wrong_types_are_refused() {
    let caller = Caller::instant();
    for (body, words) in [
        (json!({ "name": "net", "mtuu": 1 }), "Unknown name \"mtuu\" at 'resource': Cannot find field."),
        (json!({ "name": "net", "mtu": "big" }), "Invalid value at 'resource.mtu' (TYPE_INT32), \"big\""),
        (json!({ "name": 5 }), "Invalid value at 'resource.name' (TYPE_STRING), 5"),
        (
            json!({ "name": "net", "routingConfig": { "mode": "x" } }),
            "Unknown name \"mode\" at 'resource.routingConfig'",
        ),
        (json!({ "name": "net", "routingConfig": [] }), "an object"),
        (json!({ "name": "net", "autoCreateSubnetworks": "yes" }), "TYPE_BOOL"),
        (json!({ "name": "net", "mtu": 5 }), "Must be an integer between 1300 and 8896."),
        (json!({}), "Required field 'resource.name' not specified"),
        (json!([]), "Root element must be a message"),
    ] {
        let message = caller.message("POST global/networks", body.clone()).await;
        assert!(message.contains(words), "{body}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn switching_to_custom_mode_makes_the_subnetworks_the_users() {
    let caller = Caller::instant();
    caller.done("POST global/networks", json!({ "name": "net" })).await;
    caller.done("POST global/networks/net/switchToCustomMode", Value::Null).await;
    assert_eq!(caller.get("global/networks/net").await["autoCreateSubnetworks"], false);
    let refused = caller.refused("DELETE global/networks/net", Value::Null).await;
    assert_eq!(refused, (400, "resourceInUseByAnotherResource".to_owned()));
    caller.done("DELETE regions/us-east1/subnetworks/net", Value::Null).await;
    assert_eq!(caller.sandbox.gcp().inventory(None).len(), 5);
}
