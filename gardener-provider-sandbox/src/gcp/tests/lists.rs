//! Filters, pages, order and lag of lists; aggregated lists.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    SandboxOptions,
    gcp::testing::{Caller, INSTANCES, instance},
};

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .map(|items| items.iter().map(|item| item["name"].as_str().unwrap()).collect())
        .unwrap_or_default()
}

async fn firewalls(caller: &Caller, names: &[&str]) {
    caller.done("POST global/networks", json!({ "name": "net" })).await;
    for name in names {
        let rule = json!({
            "name": name,
            "network": "global/networks/net",
            "allowed": [{ "IPProtocol": "tcp" }],
            "targetTags": ["shoot--a--b"],
        });
        caller.done("POST global/firewalls", rule).await;
    }
}

#[tokio::test(start_paused = true)]
async fn pages_go_on_where_the_last_one_ended() {
    let caller = Caller::instant();
    firewalls(&caller, &["a", "b", "c", "d", "e"]).await;
    let first = caller.get("global/firewalls?maxResults=2").await;
    assert_eq!(names(&first), ["a", "b"]);
    let token = first["nextPageToken"].as_str().unwrap();
    caller.done("DELETE global/firewalls/b", Value::Null).await;
    let second = caller.get(&format!("global/firewalls?maxResults=2&pageToken={token}")).await;
    assert_eq!(names(&second), ["c", "d"]);
    let token = second["nextPageToken"].as_str().unwrap();
    let third = caller.get(&format!("global/firewalls?maxResults=2&pageToken={token}")).await;
    assert_eq!((names(&third), &third["nextPageToken"]), (vec!["e"], &Value::Null));
    let elsewhere = format!("GET global/routes?pageToken={token}");
    assert_eq!(caller.refused(&elsewhere, Value::Null).await, (400, "invalid".to_owned()));
    for bad in ["pageToken=x", "maxResults=501", "maxResults=-1", "orderBy=size", "filter=name"] {
        let list = format!("GET global/firewalls?{bad}");
        assert_eq!(caller.refused(&list, Value::Null).await, (400, "invalid".to_owned()), "{bad}");
    }
    caller.sandbox.set_max_page(1);
    assert_eq!(names(&caller.get("global/firewalls?maxResults=3").await), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn filters_choose_on_the_server() {
    let caller = Caller::instant();
    firewalls(&caller, &["allow-a", "allow-b", "deny"]).await;
    for (filter, expected) in [
        ("name eq allow-.*", vec!["allow-a", "allow-b"]),
        ("targetTags:shoot--a--b AND name = allow-b", vec!["allow-b"]),
        (
            "network = \"https://www.googleapis.com/compute/v1/projects/sandbox-project/global/networks/net\"",
            vec!["allow-a", "allow-b", "deny"],
        ),
        ("(name = deny) OR (name = allow-a)", vec!["allow-a", "deny"]),
        ("name ne .*a.*", vec!["deny"]),
        ("priority > 1000", vec![]),
    ] {
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        assert_eq!(
            names(&caller.get(&format!("global/firewalls?filter={filter}")).await),
            expected,
            "{filter}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_come_first_on_demand() {
    let caller = Caller::new(SandboxOptions::default());
    firewalls(&caller, &["b", "a", "c"]).await;
    let newest = caller.get("global/firewalls?orderBy=creationTimestamp%20desc&maxResults=2").await;
    assert_eq!(names(&newest), ["c", "a"]);
    let token = newest["nextPageToken"].as_str().unwrap();
    let rest = format!("global/firewalls?orderBy=creationTimestamp%20desc&pageToken={token}");
    assert_eq!(names(&caller.get(&rest).await), ["b"]);
    assert_eq!(names(&caller.get("global/firewalls").await), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn an_aggregated_list_has_all_zones() {
    let caller = Caller::instant();
    caller.network().await;
    caller.done(INSTANCES, instance("one")).await;
    let mut other = instance("two");
    other["machineType"] = "zones/europe-west1-c/machineTypes/n2-standard-2".into();
    caller.done("POST zones/europe-west1-c/instances", other).await;
    let all = caller.get("aggregated/instances?returnPartialSuccess=true").await;
    assert_eq!(all["kind"], "compute#instanceAggregatedList");
    assert_eq!(all["items"]["zones/europe-west1-b"]["instances"][0]["name"], "one");
    assert_eq!(all["items"]["zones/europe-west1-c"]["instances"][0]["name"], "two");
    assert_eq!(all["items"]["zones/us-east1-b"]["warning"]["code"], "NO_RESULTS_ON_PAGE");
    assert_eq!(all["items"]["global"], Value::Null);
    let every = caller.get("aggregated/instances?includeAllScopes=true&filter=name%3Dtwo").await;
    assert_eq!(every["items"]["global"]["warning"]["code"], "NO_RESULTS_ON_PAGE");
    assert_eq!(every["items"]["zones/europe-west1-b"]["instances"], Value::Null);
    let page = caller.get("aggregated/instances?maxResults=1").await;
    let token = page["nextPageToken"].as_str().unwrap();
    let rest = caller.get(&format!("aggregated/instances?maxResults=1&pageToken={token}")).await;
    assert_eq!(rest["items"]["zones/europe-west1-c"]["instances"][0]["name"], "two");
    assert_eq!(rest["nextPageToken"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn lists_lag_behind_but_names_are_found_at_once() {
    let caller = Caller::new(SandboxOptions::instant().with_lag(Duration::from_secs(10)));
    firewalls(&caller, &["a"]).await;
    assert_eq!(caller.get("global/firewalls/a").await["name"], "a");
    assert_eq!(names(&caller.get("global/firewalls").await), [""; 0]);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(names(&caller.get("global/firewalls").await), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_project_finds_there() {
    let caller = Caller::instant();
    assert_eq!(caller.get("").await["name"], "sandbox-project");
    let metadata = json!({ "items": [{ "key": "a", "value": "b" }] });
    let set = caller.done("POST setCommonInstanceMetadata", metadata).await;
    assert_eq!(set["targetLink"], caller.get("").await["selfLink"]);
    assert_eq!(caller.get("").await["commonInstanceMetadata"]["items"][0]["value"], "b");
    assert_eq!(
        names(&caller.get("zones?filter=region%20eq%20.*us-east1").await),
        ["us-east1-b", "us-east1-c", "us-east1-d"]
    );
    let region = caller.get("regions/us-east1").await;
    assert_eq!(region["zones"].as_array().unwrap().len(), 3);
    assert_eq!(caller.get("zones/us-east1-b/machineTypes/n2-standard-2").await["guestCpus"], 2);
    assert_eq!(caller.get("zones/us-east1-b/diskTypes/pd-ssd").await["defaultDiskSizeGb"], "100");
    assert!(!names(&caller.get("zones/us-east1-b/acceleratorTypes").await).is_empty());
    let all = caller.get("aggregated/machineTypes?filter=name%3De2-medium").await;
    assert_eq!(all["items"]["zones/us-east1-b"]["machineTypes"][0]["name"], "e2-medium");
    let images = "https://compute.googleapis.com/compute/v1/projects/debian-cloud/global/images";
    for (path, expected) in [
        ("/family/debian-12", "debian-12-bookworm-v20261110"),
        ("/debian-12-bookworm-v20260910", "debian-12-bookworm-v20260910"),
    ] {
        let reply = caller.send(http::Method::GET, &format!("{images}{path}"), None).await;
        let image: Value = serde_json::from_slice(reply.body()).unwrap();
        assert_eq!(image["name"], expected);
    }
    for missing in [
        "zones/nowhere-1-a",
        "regions/nowhere",
        "zones/us-east1-b/machineTypes/none",
        "zones/mars-1-a/instances",
    ] {
        assert_eq!(caller.refused(&format!("GET {missing}"), Value::Null).await.0, 404, "{missing}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_down_is_missing_from_lists_that_may_be_partial() {
    let caller = Caller::instant();
    caller.network().await;
    caller.done(INSTANCES, instance("one")).await;
    caller.sandbox.gcp().set_zone_down("europe-west1-b", true);
    let unavailable = (503, "backendError".to_owned());
    assert_eq!(caller.refused("GET zones/europe-west1-b/instances", Value::Null).await, unavailable);
    assert_eq!(caller.refused(INSTANCES, instance("two")).await, unavailable);
    assert_eq!(caller.refused("GET aggregated/instances", Value::Null).await, unavailable);
    let partial = caller.get("aggregated/instances?returnPartialSuccess=true").await;
    assert_eq!(partial["items"]["zones/europe-west1-b"]["warning"]["code"], "UNREACHABLE");
    assert_eq!(partial["unreachables"], json!(["zones/europe-west1-b"]));
    assert_eq!(caller.get("zones/europe-west1-b").await["status"], "DOWN");
    assert_eq!(caller.get("aggregated/subnetworks").await["unreachables"], Value::Null);
    caller.sandbox.gcp().set_zone_down("europe-west1-b", false);
    let all = caller.get("aggregated/instances").await;
    assert_eq!(all["items"]["zones/europe-west1-b"]["instances"][0]["name"], "one");
}
