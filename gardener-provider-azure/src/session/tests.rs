use gardener_provider_client::{fake::FakeTransport, retry::RetryPolicy, transport::TransportErrorKind};
use gardener_provider_core::ErrorKind;
use serde::Deserialize;

use super::*;
use crate::{
    api::{list, operations::Change, request, version},
    testing::{builder, reply, script, secret, sent, session},
};

#[derive(Debug, PartialEq, Deserialize)]
struct Thing {
    name: String,
}

fn id() -> ResourceId {
    ResourceId::group("s", "g").compute("things", "t")
}

fn get() -> RestRequest {
    request("Things_Get", family::READ, http::Method::GET, &id(), version::COMPUTE)
}

fn put() -> Change<Thing> {
    let put = request("Things_CreateOrUpdate", family::WRITE, http::Method::PUT, &id(), version::COMPUTE);
    Change::new(put.json(&serde_json::json!({ "a": 1 })), get())
}

fn delete() -> Change<()> {
    Change::deletion("Things_Delete", "Things_Get", family::DELETE, &id(), version::COMPUTE)
}

const DONE: &str = r#"{"name":"t","properties":{"provisioningState":"Succeeded"}}"#;
const BUSY: &str = r#"{"name":"t","properties":{"provisioningState":"Updating"}}"#;
const STATUS: &str = "https://management.azure.com/subscriptions/s/operations/1?api-version=x&t=%2F";
const NOT_FOUND: &str = r#"{"error":{"code":"ResourceNotFound","message":"no thing t"}}"#;
const PATH: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/things/t";

fn paths(calls: &[&str]) -> Vec<String> {
    calls
        .iter()
        .map(|call| match call.split_once(' ') {
            Some((method, path)) => format!("{method} {path}"),
            None => format!("{call} {PATH}"),
        })
        .collect()
}

/// What a change ends with, the calls it made and the seconds it took.
async fn change<R>(script: FakeTransport, change: Change<R>) -> (Result<R>, Vec<String>, u64) {
    let script = Arc::new(script);
    let session = session(&script);
    let start = session.clock().monotonic();
    let result = session.change(&change).await;
    let took = session.clock().monotonic().checked_sub(start).unwrap().as_secs();
    (result, sent(&script), took)
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_done_at_once_takes_one_call() {
    let (result, calls, _) = change(script().reply(200, DONE), put()).await;
    assert_eq!(result.unwrap().name, "t");
    assert_eq!(calls, paths(&["PUT"]));
    let (result, calls, _) = change(script().reply(204, ""), delete()).await;
    result.unwrap();
    assert_eq!(calls, paths(&["DELETE"]));
}

#[tokio::test(start_paused = true)]
async fn an_operations_status_is_looked_at_as_often_as_azure_asks() {
    let running = |wait| reply(200, &[("retry-after", wait)], r#"{"status":"InProgress"}"#);
    let script = script()
        .response(reply(201, &[("azure-asyncoperation", STATUS), ("retry-after", "7")], BUSY))
        .response(running("20"))
        .response(running("30"))
        .reply(200, r#"{"status":"Succeeded"}"#)
        .reply(200, DONE);
    let (result, calls, took) = change(script, put()).await;
    assert_eq!(result.unwrap().name, "t");
    let status = "GET /subscriptions/s/operations/1";
    assert_eq!(calls, paths(&["PUT", status, status, status, "GET"]));
    assert_eq!(took, 7 + 20 + 30);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_fails_says_why() {
    let failed =
        r#"{"name":"op-1","status":"Failed","error":{"code":"AllocationFailed","message":"no room"}}"#;
    let script = script().response(reply(202, &[("azure-asyncoperation", STATUS)], "")).reply(200, failed);
    let error = change(script, put()).await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfCapacity);
    assert_eq!(error.to_string(), "Things_CreateOrUpdate: no room (AllocationFailed, request op-1)");
    let cancelled = r#"{"status":"Canceled"}"#;
    let script =
        self::script().response(reply(202, &[("azure-asyncoperation", STATUS)], "")).reply(200, cancelled);
    assert_eq!(change(script, delete()).await.0.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_location_answers_202_until_it_is_over() {
    let script = script()
        .response(reply(202, &[("location", STATUS)], ""))
        .response(reply(202, &[("retry-after", "11")], ""))
        .reply(200, "");
    let (result, calls, took) = change(script, delete()).await;
    result.unwrap();
    let status = "GET /subscriptions/s/operations/1";
    assert_eq!((calls, took), (paths(&["DELETE", status, status]), 12));
}

#[tokio::test(start_paused = true)]
async fn without_an_address_the_resource_itself_tells() {
    let script = script().reply(200, BUSY).reply(404, NOT_FOUND).reply(200, BUSY).reply(200, DONE);
    let (result, calls, _) = change(script, put()).await;
    result.unwrap();
    assert_eq!(calls, paths(&["PUT", "GET", "GET", "GET"]));
    let script = self::script().reply(202, "").reply(200, BUSY).reply(404, NOT_FOUND);
    let (result, calls, _) = change(script, delete()).await;
    result.unwrap();
    assert_eq!(calls, paths(&["DELETE", "GET", "GET"]));
    let failed = r#"{"properties":{"provisioningState":"Failed"}}"#;
    let script = self::script().reply(200, BUSY).reply(200, failed);
    assert_eq!(change(script, put()).await.0.unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_gone_is_replaced_by_the_resource() {
    let script = script()
        .response(reply(202, &[("azure-asyncoperation", STATUS)], ""))
        .reply(404, NOT_FOUND)
        .reply(200, BUSY)
        .reply(200, DONE);
    let (result, calls, _) = change(script, put()).await;
    result.unwrap();
    assert_eq!(calls.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_need_not_be_deleted() {
    change(script().reply(404, NOT_FOUND), delete()).await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_change_is_waited_for() {
    let busy = r#"{"error":{"code":"AnotherOperationInProgress","message":"busy"}}"#;
    let script = script()
        .reply(409, busy)
        .reply(200, BUSY)
        .reply(200, DONE)
        .reply(429, busy.replace("AnotherOperationInProgress", "RetryableError"))
        .reply(200, DONE)
        .reply(200, DONE);
    let (result, calls, _) = change(script, put()).await;
    result.unwrap();
    assert_eq!(calls, paths(&["PUT", "GET", "GET", "PUT", "GET", "PUT"]));
    let script = self::script().reply(409, busy).reply(404, NOT_FOUND).reply(200, DONE);
    change(script, put()).await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_recovered_by_the_same_request_and_the_resource() {
    let busy = r#"{"error":{"code":"AnotherOperationInProgress","message":"busy"}}"#;
    let script = Arc::new(
        script()
            .no_reply(TransportErrorKind::Broken)
            .reply(409, busy)
            .reply(200, BUSY)
            .reply(200, DONE)
            .reply(200, DONE),
    );
    let builder = builder(&script).retry(RetryPolicy::default()).seed(1);
    let session = builder.sessions().unwrap().get(&secret(), Cloud::Public).unwrap();
    session.change(&put()).await.unwrap();
    assert_eq!(sent(&script), paths(&["PUT", "PUT", "GET", "GET", "PUT"]));
    let requests = script.requests();
    let bodies: Vec<_> =
        requests.iter().filter(|sent| sent.method() == "PUT").map(http::Request::body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0] && !body.is_empty()), "{bodies:?}");
}

#[tokio::test(start_paused = true)]
async fn it_does_not_take_for_ever() {
    let mut endless = script().reply(200, BUSY);
    for _ in 0..100 {
        endless = endless.reply(200, BUSY);
    }
    let (result, _, took) = change(endless, put().with_limit(std::time::Duration::from_secs(90))).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(took <= 90 && error.to_string().contains(PATH), "{took}: {error}");
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_to_nobody_else() {
    for evil in
        ["https://evil.example/subscriptions/s/operations/1", "http://management.azure.com/x", "no address"]
    {
        let script =
            Arc::new(script().response(reply(202, &[("azure-asyncoperation", evil)], "")).reply(200, DONE));
        let error = session(&script).change(&put()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
        assert_eq!(sent(&script).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn lists_go_on_to_their_end() {
    let next = format!("https://management.azure.com{PATH}?$skiptoken=a%20b");
    let script = Arc::new(
        script()
            .reply(200, format!(r#"{{"value":[{{"name":"a"}}],"nextLink":"{next}"}}"#))
            .reply(200, r#"{"value":[{"name":"b"}]}"#),
    );
    let things: Vec<Thing> = session(&script).all(&list(get())).await.unwrap();
    assert_eq!(things.iter().map(|thing| thing.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(script.requests()[2].uri().query(), Some("$skiptoken=a%20b"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_none_where_that_is_asked() {
    let script = Arc::new(script().reply(404, NOT_FOUND).reply(200, DONE).reply(403, ""));
    let session = session(&script);
    let look = Operation::<Thing>::json(get());
    assert!(session.find(&look).await.unwrap().is_none());
    assert!(session.find(&look).await.unwrap().is_some());
    assert_eq!(session.find(&look).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[test]
fn an_identity_has_one_session_in_each_cloud() {
    let sessions = builder(&Arc::new(FakeTransport::new())).sessions().unwrap();
    let get = |secret: &SecretData, cloud| sessions.get(secret, cloud).unwrap();
    let one = get(&secret(), Cloud::Public);
    assert!(Arc::ptr_eq(&one, &get(&secret().with("userData", "x"), Cloud::Public)));
    assert!(!Arc::ptr_eq(&one, &get(&secret(), Cloud::China)));
    assert!(!Arc::ptr_eq(&one, &get(&secret().with("clientSecret", "other"), Cloud::Public)));
    let other = "00000000-5b5c-0000-0000-00000000000f";
    assert!(!Arc::ptr_eq(&one, &get(&secret().with("subscriptionID", other), Cloud::Public)));
}
