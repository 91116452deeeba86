use gardener_provider_client::{fake::FakeTransport, retry::RetryPolicy, transport::TransportErrorKind};
use gardener_provider_core::ErrorKind;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::compute,
    testing::{TOKEN, builder, secret},
};

const RUNNING: &str = r#"{"name":"operation-1","status":"RUNNING","zone":"https://x/zones/europe-west1-b"}"#;
const DONE: &str = r#"{"name":"operation-1","status":"DONE","zone":"https://x/zones/europe-west1-b"}"#;
const MISSING: &str = r#"{"error":{"code":404,"message":"not found","errors":[{"reason":"notFound"}]}}"#;
const REFUSED: &str = r#"{"error":{"code":401,"message":"Invalid Credentials","status":"UNAUTHENTICATED"}}"#;

fn insert() -> Mutation {
    let request =
        compute("compute.disks.insert", "my-project").segments(["zones", "europe-west1-b", "disks"]);
    Mutation::json(request.json(&json!({ "name": "d" })))
}

fn get() -> Operation<Value> {
    Operation::json(compute("compute.disks.get", "my-project").segments(["zones", "z", "disks", "d"]))
}

fn session(script: &FakeTransport) -> Arc<Session> {
    builder(script).retry(RetryPolicy::default()).seed(1).sessions().unwrap().get(&secret()).unwrap()
}

fn paths(script: &FakeTransport) -> Vec<String> {
    script.requests().iter().map(|request| request.uri().path().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_waited_for_with_the_wait_verb() {
    let script = FakeTransport::new()
        .reply(200, TOKEN)
        .reply(200, RUNNING)
        .reply(404, MISSING)
        .reply(200, RUNNING)
        .reply(200, DONE);
    assert!(session(&script).finish(&insert()).await.unwrap().is_done());
    let wait = "/compute/v1/projects/my-project/zones/europe-west1-b/operations/operation-1/wait";
    assert_eq!(paths(&script)[2..], [wait, wait, wait]);
    let first = &script.requests()[1];
    assert_eq!(first.headers()["authorization"], "Bearer ya29.token");
    assert!(first.uri().query().unwrap().starts_with("requestId="));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_asked_for_again_with_the_same_request_id() {
    let script = FakeTransport::new()
        .reply(200, TOKEN)
        .no_reply(TransportErrorKind::Broken)
        .reply(503, "")
        .reply(200, DONE);
    session(&script).finish(&insert()).await.unwrap();
    let queries: Vec<_> =
        script.requests()[1..].iter().map(|request| request.uri().query().map(str::to_owned)).collect();
    assert_eq!(queries.len(), 3);
    assert!(queries.windows(2).all(|pair| pair[0] == pair[1]), "{queries:?}");
}

#[tokio::test(start_paused = true)]
async fn what_an_operation_ends_with_is_the_changes_error() {
    let failed =
        r#"{"name":"o","status":"DONE","error":{"errors":[{"code":"QUOTA_EXCEEDED","message":"full"}]}}"#;
    let script = FakeTransport::new().reply(200, TOKEN).reply(200, failed);
    let error = session(&script).finish(&insert()).await.unwrap_err();
    assert_eq!(error.to_string(), "compute.disks.insert: full (QUOTA_EXCEEDED)");
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_lost_does_not_say_that_its_target_is_gone() {
    let mut script = FakeTransport::new().reply(200, TOKEN).reply(200, RUNNING);
    for _ in 0..60 {
        script = script.reply(404, MISSING);
    }
    let error = session(&script).remove(&insert()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_none_and_gone() {
    let script = FakeTransport::new().reply(200, TOKEN).reply(404, MISSING).reply(404, MISSING);
    let session = session(&script);
    assert_eq!(session.find(&get()).await.unwrap(), None);
    session.remove(&insert()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_renewed_once() {
    let script = FakeTransport::new()
        .reply(200, TOKEN)
        .reply(401, REFUSED)
        .reply(200, TOKEN.replace("ya29.token", "ya29.next"))
        .reply(200, "{}");
    session(&script).run(&get()).await.unwrap();
    assert_eq!(script.requests()[3].headers()["authorization"], "Bearer ya29.next");
    let script =
        FakeTransport::new().reply(200, TOKEN).reply(401, REFUSED).reply(200, TOKEN).reply(401, REFUSED);
    assert_eq!(session_error(&script).await, ErrorKind::Unauthenticated);
}

async fn session_error(script: &FakeTransport) -> ErrorKind {
    session(script).run(&get()).await.unwrap_err().kind()
}

#[tokio::test(start_paused = true)]
async fn one_identity_has_one_session() {
    let sessions = builder(&FakeTransport::new()).sessions().unwrap();
    let one = sessions.get(&secret()).unwrap();
    assert!(Arc::ptr_eq(&one, &sessions.get(&secret().with("userData", "x")).unwrap()));
    assert!(!format!("{sessions:?} {one:?}").contains("PRIVATE KEY"));
}
