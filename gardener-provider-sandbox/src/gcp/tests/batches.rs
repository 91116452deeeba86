//! Several calls in one request.

use gardener_provider_client::transport::Transport;
use http::Request;

use crate::gcp::testing::{Caller, PROJECT};

#[tokio::test(start_paused = true)]
async fn the_calls_of_a_batch_are_answered_each() {
    let caller = Caller::instant();
    let call = |id: &str, line: &str, body: &str| {
        format!(
            "--b\r\nContent-Type: application/http\r\nContent-ID: <x+{id}>\r\n\r\n{line} HTTP/1.1\r\n\
             Content-Type: application/json\r\n\r\n{body}\r\n"
        )
    };
    let networks = format!("/compute/v1/projects/{PROJECT}/global/networks");
    let body = [
        call("1", &format!("POST {networks}?alt=json"), r#"{"name":"net","autoCreateSubnetworks":false}"#),
        call("2", &format!("GET {networks}/none"), ""),
        "--b--".to_owned(),
    ]
    .concat();
    let request = Request::post("https://compute.googleapis.com/batch/compute/v1")
        .header("authorization", format!("Bearer {}", caller.token))
        .header("content-type", "multipart/mixed; boundary=\"b\"");
    let reply = caller.sandbox.send(request.body(body.into()).unwrap()).await.unwrap();
    let text = String::from_utf8(reply.body().to_vec()).unwrap();
    let parts: Vec<&str> = text.split("--batch_sandbox").collect();
    assert!(
        parts[1].contains("Content-ID: <response-x+1>") && parts[1].contains("HTTP/1.1 200 OK"),
        "{text}"
    );
    assert!(
        parts[2].contains("Content-ID: <response-x+2>") && parts[2].contains("HTTP/1.1 404 Not Found"),
        "{text}"
    );
    assert_eq!(caller.sandbox.journal().count("compute", "networks.*"), 2);
    assert_eq!(caller.get("global/networks/net").await["name"], "net");
}
