//! From an empty project to machines and back.

use serde_json::{Value, json};

use crate::{
    SandboxOptions,
    gcp::testing::{Caller, INSTANCES, instance},
};

#[tokio::test(start_paused = true)]
async fn a_machine_comes_and_goes() {
    let caller = Caller::new(SandboxOptions::default());
    caller.network().await;
    let operation = caller.start(INSTANCES, instance("one")).await;
    assert_eq!((&operation["status"], &operation["operationType"]), (&json!("PENDING"), &json!("insert")));
    let path = "zones/europe-west1-b/instances/one";
    assert_eq!(caller.get(path).await["status"], "PROVISIONING");
    let busy = caller.refused(&format!("DELETE {path}"), Value::Null).await;
    assert_eq!(busy, (400, "resourceNotReady".to_owned()));
    caller.wait(&operation).await;

    let shown = caller.get(path).await;
    assert_eq!(shown["status"], "RUNNING");
    assert_eq!(shown["networkInterfaces"][0]["networkIP"], "10.0.0.2");
    assert_eq!(shown["disks"][0]["diskSizeGb"], "20");
    let disk = caller.get("zones/europe-west1-b/disks/one").await;
    assert_eq!(disk["users"], json!([shown["selfLink"]]));
    let kinds = |caller: &Caller| -> Vec<&'static str> {
        caller.sandbox.gcp().inventory(None).iter().map(|resource| resource.kind).collect()
    };
    assert_eq!(kinds(&caller), ["disk", "instance", "network", "subnetwork"]);

    let in_use = caller.refused("DELETE zones/europe-west1-b/disks/one", Value::Null).await;
    assert_eq!(in_use, (400, "resourceInUseByAnotherResource".to_owned()));
    let message = caller.message("DELETE regions/europe-west1/subnetworks/nodes", Value::Null).await;
    assert_eq!(
        message,
        "The subnetwork resource 'projects/sandbox-project/regions/europe-west1/subnetworks/nodes' is already being used \
         by 'projects/sandbox-project/zones/europe-west1-b/instances/one'"
    );
    let deletion = caller.start(&format!("DELETE {path}"), Value::Null).await;
    assert_eq!(caller.get(path).await["status"], "STOPPING");
    caller.wait(&deletion).await;
    assert_eq!(caller.refused(&format!("GET {path}"), Value::Null).await, (404, "notFound".to_owned()));
    caller.done("DELETE regions/europe-west1/subnetworks/nodes", Value::Null).await;
    caller.done("DELETE global/networks/net", Value::Null).await;
    assert_eq!(kinds(&caller), [""; 0]);
}
