//! Many resources.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::gcp::testing::{Caller, INSTANCES, instance};

#[tokio::test(start_paused = true)]
async fn a_thousand_machines_take_no_minutes() {
    let caller = Caller::instant();
    caller.network().await;
    let wide = json!({ "name": "wide", "network": "global/networks/net", "ipCidrRange": "10.64.0.0/16" });
    caller.done("POST regions/europe-west1/subnetworks", wide).await;
    let begun = Instant::now();
    for index in 0..1000 {
        let mut machine = instance(&format!("m{index}"));
        machine["networkInterfaces"][0]["subnetwork"] = "regions/europe-west1/subnetworks/wide".into();
        caller.start(INSTANCES, machine).await;
    }
    let mut found = 0;
    let mut token = String::new();
    loop {
        let page = caller.get(&format!("aggregated/instances?maxResults=100{token}")).await;
        found += page["items"]["zones/europe-west1-b"]["instances"].as_array().map_or(0, Vec::len);
        match page["nextPageToken"].as_str() {
            Some(next) => token = format!("&pageToken={next}"),
            None => break,
        }
    }
    assert_eq!(found, 1000);
    assert_eq!(
        caller.get("zones/europe-west1-b/disks?maxResults=500").await["items"].as_array().unwrap().len(),
        500
    );
    for index in 0..1000 {
        caller.start(&format!("DELETE zones/europe-west1-b/instances/m{index}"), Value::Null).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
}
