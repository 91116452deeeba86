use std::time::Duration;

use gardener_provider_client::fake::FakeTransport;
use gardener_provider_core::MachineCode;
use serde_json::json;

use super::*;
use crate::testing::{reply, script, session, token};

fn kind(status: u16, body: &Value) -> (ErrorKind, String) {
    let error = error(&reply(status, &[], &body.to_string()));
    (error.kind(), error.to_string())
}

/// Every row of the table, alone and within errors that say little.
#[test]
fn every_code_is_understood_wherever_it_stands() {
    for (code, expected) in errors::CODES {
        let exact = json!({ "code": code, "message": "m" });
        let shapes = [
            json!({ "error": exact }),
            exact.clone(),
            json!({ "error": { "code": "BadRequest", "message": "outer", "details": [exact] } }),
            json!({ "error": { "code": "DeploymentFailed", "message": "outer",
                "details": [{ "code": "Conflict", "message": "middle", "details": [exact] }] } }),
            json!({ "error": { "code": "ResourceOperationFailure", "message": "outer", "innererror": exact } }),
            json!({ "error": { "code": "Conflict", "message": json!({ "error": exact }).to_string() } }),
        ];
        for shape in shapes {
            let error = error(&reply(409, &[], &shape.to_string()));
            assert_eq!((error.kind(), error.cloud_code()), (*expected, Some(*code)), "{shape}");
        }
    }
}

#[test]
fn every_vague_code_counts_where_nothing_else_does() {
    for (code, expected) in errors::VAGUE {
        let wanted = if *expected == ErrorKind::Internal { ErrorKind::Unavailable } else { *expected };
        assert_eq!(kind(500, &json!({ "error": { "code": code, "message": "m" } })).0, wanted, "{code}");
    }
}

#[test]
fn every_telling_text_decides() {
    for (code, texts, expected) in errors::TELLING {
        for text in *texts {
            let message = format!("It {} here.", text.to_uppercase());
            let found = kind(409, &json!({ "error": { "code": code, "message": message } })).0;
            assert_eq!(found, *expected, "{code} {text}");
        }
    }
}

#[test]
fn messages_of_both_levels_are_told() {
    let body = json!({ "error": { "code": "BadRequest", "message": "It failed.", "details": [
        { "code": "ZonalAllocationFailed", "message": "Zone 2 is full." },
    ] } });
    assert_eq!(kind(400, &body).1, "It failed.: Zone 2 is full. (ZonalAllocationFailed)");
    assert_eq!(kind(502, &json!("<html>")).1, "the server answered 502 Bad Gateway");
    assert_eq!(
        kind(404, &json!({ "error": { "code": "ResourceNotFound" } })).1,
        "ResourceNotFound (ResourceNotFound)"
    );
}

#[test]
fn nesting_without_end_is_cut_off() {
    let mut body = json!({ "code": "AllocationFailed", "message": "deep" });
    for _ in 0..100 {
        body = json!({ "code": "Conflict", "message": "m", "innererror": body });
    }
    assert_eq!(kind(409, &json!({ "error": body })).0, ErrorKind::Conflict);
}

#[test]
fn too_many_requests_is_throttling_whatever_the_code() {
    let body = json!({ "error": { "code": "OperationNotAllowed", "message": "quota of calls",
        "details": [{ "code": "TooManyRequests", "target": "HighCostGet3Min", "message": "{}" }] } });
    let headers = [("retry-after", "17"), ("x-ms-request-id", "r-1")];
    let error = error(&reply(429, &headers, &body.to_string()));
    assert_eq!(
        (error.kind(), error.retry()),
        (ErrorKind::RateLimited, Retry::After(Duration::from_secs(17)))
    );
    assert_eq!((error.machine_code(), error.request_id()), (MachineCode::Unavailable, Some("r-1")));
}

#[test]
fn the_kinds_of_not_found_differ() {
    let of = |code: &str| kind(404, &json!({ "error": { "code": code, "message": "m" } })).0;
    assert_eq!(of("ResourceNotFound"), ErrorKind::NotFound);
    assert_eq!(of("ResourceGroupNotFound"), ErrorKind::NotFound);
    assert_eq!(of("SubscriptionNotFound"), ErrorKind::PermissionDenied, "who sees nothing knows nothing");
    assert_eq!(of("InvalidResourceType"), ErrorKind::InvalidArgument);
}

fn token_reply(status: u16, code: &str, number: u32) -> http::Response<Bytes> {
    let text = format!("AADSTS{number}: Something is wrong.\r\nTrace ID: t-1");
    let body =
        json!({ "error": code, "error_description": text, "error_codes": [number], "trace_id": "t-1" });
    reply(status, &[], &body.to_string())
}

#[test]
fn every_refusal_of_a_token_is_understood() {
    for (code, expected) in errors::OAUTH {
        let error = token_error(&token_reply(400, code, 7_000_215));
        assert_eq!(error.kind(), *expected, "{code}");
        assert_eq!(error.to_string(), "AADSTS7000215: Something is wrong. (AADSTS7000215, request t-1)");
    }
    for (status, expected) in [
        (400, ErrorKind::Unauthenticated),
        (401, ErrorKind::Unauthenticated),
        (404, ErrorKind::Unavailable),
        (410, ErrorKind::Unavailable),
        (429, ErrorKind::RateLimited),
        (503, ErrorKind::Unavailable),
    ] {
        assert_eq!(token_error(&reply(status, &[], "")).kind(), expected, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once() {
    let refused = r#"{"error":{"code":"ExpiredAuthenticationToken","message":"expired"}}"#;
    let script = Arc::new(script().reply(401, refused).reply(200, token("tok-2")).reply(401, refused));
    let group = crate::api::ResourceId::group("s", "g");
    let error = session(&script).run(&crate::api::resource_groups::get(&group)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    let requests = script.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[1].headers()["authorization"], "Bearer tok-1");
    assert_eq!(requests[3].headers()["authorization"], "Bearer tok-2");
    assert!(!format!("{requests:?}").contains("tok-1"), "the header is sensitive");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_no_header_is_an_error_and_not_shown() {
    let script = Arc::new(FakeTransport::new().reply(200, token("tok\\n1")));
    let group = crate::api::ResourceId::group("s", "g");
    let error = session(&script).run(&crate::api::resource_groups::get(&group)).await.unwrap_err();
    assert!(!format!("{error:?}").contains("tok\\n1"), "{error:?}");
}
