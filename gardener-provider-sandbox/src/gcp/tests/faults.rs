//! Faults on demand, in GCP's words, and what the journal keeps.

use gardener_provider_client::transport::{Transport, TransportErrorKind};
use http::Method;
use serde_json::{Value, json};

use crate::{
    Fault,
    gcp::testing::{Caller, INSTANCES, PROJECT, instance},
};

const CREATE: &str = "POST global/networks";

#[tokio::test(start_paused = true)]
async fn each_kind_of_refusal_in_computes_words() {
    let caller = Caller::instant();
    for (fault, status, reason, domain) in [
        (Fault::throttled(), 403, "rateLimitExceeded", "usageLimits"),
        (Fault::denied(), 403, "forbidden", "global"),
        (Fault::expired_credentials(), 401, "authError", "global"),
        (Fault::server_error(503), 503, "backendError", "global"),
        (Fault::server_error(500), 500, "internalError", "global"),
        (Fault::error("quotaExceeded"), 403, "quotaExceeded", "usageLimits"),
        (Fault::error_with("resourceNotReady", 400, "not now"), 400, "resourceNotReady", "global"),
    ] {
        caller.sandbox.faults().add(fault.on("compute", "networks.insert").times(1));
        let (found, reply) = caller.call(CREATE, json!({ "name": "net" })).await;
        let error = &reply["error"]["errors"][0];
        assert_eq!((found, &error["reason"], &error["domain"]), (status, &json!(reason), &json!(domain)));
    }
    assert_eq!(caller.sandbox.gcp().inventory(None), []);
    let journal = caller.sandbox.journal();
    assert_eq!(journal.count("compute", "networks.insert"), 7);
    assert_eq!(journal.calls()[0].code.as_deref(), Some("rateLimitExceeded"));
}

#[tokio::test(start_paused = true)]
async fn operations_fail_by_rule_and_take_back_what_they_began() {
    let caller = Caller::instant();
    caller.network().await;
    let faults = caller.sandbox.faults();
    faults.add(Fault::no_capacity("n2-*", "europe-west1-b").times(1));
    let failed = caller.fails(INSTANCES, instance("one")).await;
    assert_eq!(failed["httpErrorStatusCode"], 503);
    let error = &failed["error"]["errors"][0];
    assert_eq!(error["code"], "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS");
    assert_eq!(error["errorDetails"][0]["errorInfo"]["reason"], "resource_availability");
    faults.add(Fault::operation_error("INTERNAL_ERROR", "sorry").on("compute", "*.insert").times(1));
    let failed = caller.fails(CREATE, json!({ "name": "other" })).await;
    assert_eq!(
        (&failed["httpErrorStatusCode"], &failed["error"]["errors"][0]["message"]),
        (&json!(500), &json!("sorry"))
    );
    assert_eq!(caller.refused("GET global/networks/other", Value::Null).await.0, 404);
    let busy = "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE";
    faults.add(Fault::operation_error(busy, "not yet").on("compute", "subnetworks.delete").times(1));
    caller.fails("DELETE regions/europe-west1/subnetworks/nodes", Value::Null).await;
    caller.done("DELETE regions/europe-west1/subnetworks/nodes", Value::Null).await;
}

#[tokio::test(start_paused = true)]
async fn the_code_for_an_exhausted_zone_without_details() {
    let mut options = crate::SandboxOptions::instant();
    options.gcp.exhausted_with_details = false;
    let caller = Caller::new(options);
    caller.network().await;
    caller.sandbox.faults().add(Fault::no_capacity("*", "*"));
    let failed = caller.fails(INSTANCES, instance("one")).await;
    let error = &failed["error"]["errors"][0];
    assert_eq!(
        (&error["code"], &error["errorDetails"]),
        (&json!("ZONE_RESOURCE_POOL_EXHAUSTED"), &Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn replies_are_lost_late_and_cut() {
    let caller = Caller::instant();
    let url = format!("https://compute.googleapis.com/compute/v1/projects/{PROJECT}/global/networks");
    let send = async |name: &str| {
        let request = http::Request::post(&url).header("authorization", format!("Bearer {}", caller.token));
        let request = request.body(json!({ "name": name }).to_string().into()).unwrap();
        caller.sandbox.send(request).await
    };
    let faults = caller.sandbox.faults();
    faults.add(Fault::reply_lost().mutating().times(1));
    assert_eq!(send("a").await.unwrap_err().kind, TransportErrorKind::Broken);
    faults.add(Fault::reply_late().mutating().times(1));
    assert_eq!(send("b").await.unwrap_err().kind, TransportErrorKind::Timeout);
    faults.add(Fault::no_connection().mutating().times(1));
    assert_eq!(send("c").await.unwrap_err().kind, TransportErrorKind::Connect);
    faults.add(Fault::malformed_reply().mutating().times(1));
    let cut = send("d").await.unwrap();
    assert!(serde_json::from_slice::<Value>(cut.body()).is_err());
    let names: Vec<String> =
        caller.sandbox.gcp().inventory(None).into_iter().map(|resource| resource.name).collect();
    assert_eq!(names, ["a", "b", "d"]);
}

#[tokio::test(start_paused = true)]
async fn the_journal_names_what_was_asked_without_secrets() {
    let caller = Caller::instant();
    caller.network().await;
    let mut machine = instance("one");
    machine["metadata"] = json!({ "items": [{ "key": "user-data", "value": "very-secret-user-data" }] });
    caller.done(INSTANCES, machine).await;
    let key = caller.sandbox.gcp().service_account_key();
    let form =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=very-secret-assertion";
    let request = http::Request::post("https://oauth2.googleapis.com/token").body(form.into()).unwrap();
    caller.sandbox.send(request).await.unwrap();
    let calls = caller.sandbox.journal().calls();
    let insert = calls.iter().find(|call| call.operation == "instances.insert").unwrap();
    assert_eq!(insert.region, "europe-west1");
    assert_eq!(
        (insert.parameters["zone"].as_str(), insert.parameters["name"].as_str()),
        ("europe-west1-b", "one")
    );
    assert!(insert.mutating && insert.status == Some(200));
    let reads = calls.iter().filter(|call| call.operation.contains("Operations."));
    assert!(reads.clone().count() > 0 && !reads.clone().any(|call| call.mutating));
    let all = format!("{calls:?} {:?} {key:?}", caller.sandbox);
    for secret in ["very-secret", &caller.token, "PRIVATE KEY"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_bucket_throttles() {
    let caller = Caller::instant();
    caller.sandbox.faults().add(Fault::rate_limit(2, 1.0).on("compute", "*"));
    let mut throttled = 0;
    for _ in 0..5 {
        let url = format!("https://compute.googleapis.com/compute/v1/projects/{PROJECT}");
        let reply = caller.send(Method::GET, &url, None).await;
        throttled += u32::from(reply.status() == 403);
    }
    assert_eq!(throttled, 3);
}
