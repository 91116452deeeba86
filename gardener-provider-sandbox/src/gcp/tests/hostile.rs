//! Input that no client sends.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gardener_provider_client::transport::Transport;
use http::Request;
use serde_json::{Value, json};

use crate::gcp::testing::{Caller, INSTANCES, PROJECT, instance};

async fn post(caller: &Caller, url: &str, body: impl Into<Bytes>) -> (u16, String) {
    let request = Request::post(url).header("authorization", format!("Bearer {}", caller.token));
    let reply = caller.sandbox.send(request.body(body.into()).unwrap()).await.unwrap();
    (reply.status().as_u16(), String::from_utf8_lossy(reply.body()).into_owned())
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_no_json_objects() {
    let caller = Caller::instant();
    let url = format!("https://compute.googleapis.com/compute/v1/projects/{PROJECT}/global/networks");
    let deep = "[".repeat(200_000);
    let nested = format!("{}{}", r#"{"params":"#.repeat(100_000), "}".repeat(100_000));
    for body in ["{", "null", "[]", "7", "\"x\"", "{\"name\":}", "\u{0}", &deep, &nested] {
        let (status, reply) = post(&caller, &url, body.to_owned()).await;
        assert_eq!(status, 400, "{body:.20}");
        assert!(reply.len() < 2000);
    }
    let (status, _) = post(&caller, &url, vec![0xff, 0xfe, 0x00]).await;
    assert_eq!(status, 400);
}

#[tokio::test(start_paused = true)]
async fn paths_that_lead_nowhere() {
    let caller = Caller::instant();
    let long = "x".repeat(50_000);
    for path in [
        "",
        "/",
        "/compute/v1/",
        "/compute/v1/projects",
        "/compute/v1/projects/",
        "/compute/v1/projects//global/networks",
        "/compute/v1/projects/p",
        "/compute/v1/projects/sandbox-project/global/networks/",
        "/compute/v1/projects/sandbox-project/zones/x/y/z/a/b/c/d/e/f",
        "/compute/v1/projects/sandbox-project/global/networks/a%2Fb/c%00",
        "/compute/v1/projects/sandbox-project/%ff/x",
        "/compute/v1/projects/sandbox-project/aggregated/none",
        "/compute/v1/projects/sandbox-project/zones/../../x",
        "/compute/v2/projects/sandbox-project",
        &format!("/compute/v1/projects/sandbox-project/zones/{long}/instances"),
        &format!("/compute/v1/projects/{long}"),
    ] {
        let url = format!("https://compute.googleapis.com{path}");
        let (status, reply) = post(&caller, &url, "{}").await;
        assert!((400..500).contains(&status), "{path:.60}: {status}");
        assert!(reply.len() < 120_000);
    }
    for url in [
        "https://iam.googleapis.com/v1/projects/",
        "https://iamcredentials.googleapis.com/v1/x:generateAccessToken",
        "https://oauth2.googleapis.com/x",
    ] {
        assert!((400..500).contains(&post(&caller, url, "{}").await.0), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn filters_that_explode_are_refused_quickly() {
    let caller = Caller::instant();
    caller.network().await;
    for index in 0..50 {
        let rule = json!({ "name": format!("f{index}"), "network": "global/networks/net", "allowed": [{ "IPProtocol": "all" }] });
        caller.done("POST global/firewalls", rule).await;
    }
    let mut machine = crate::gcp::testing::instance("long");
    machine["metadata"] = json!({ "items": [{ "key": "user-data", "value": "a".repeat(250_000) }] });
    caller.done(INSTANCES, machine).await;
    let begun = Instant::now();
    for pattern in [format!("= {}b", "a*".repeat(8000)), format!("eq {}b", "a?".repeat(8000))] {
        let filter: String =
            url::form_urlencoded::byte_serialize(format!("metadata.items.value {pattern}").as_bytes())
                .collect();
        let list = format!("GET zones/europe-west1-b/instances?filter={filter}");
        let (status, reply) = caller.call(&list, Value::Null).await;
        assert!(status == 400 || reply["items"] == Value::Null, "{status}");
    }
    let bombs = [
        "name eq (a+)+$".to_owned(),
        format!("name eq {}", "a?".repeat(2000) + &"a".repeat(2000)),
        "name eq ((((a{100}){100}){100}){100})".to_owned(),
        "(".repeat(15_000),
        format!("{}name = a{}", "(".repeat(5000), ")".repeat(5000)),
        "name = a ".repeat(1500),
        "NOT ".repeat(4000),
        "(name = a) ".repeat(3000),
        format!("name = {}", "*".repeat(10_000)),
        format!("name = {}b", "a*".repeat(5000)),
        format!("{} = a", "a.".repeat(10_000)),
        format!("name eq \"{}", "\\".repeat(15_000)),
        "(name = a) OR ".repeat(1000),
    ];
    for bomb in bombs {
        let filter: String = url::form_urlencoded::byte_serialize(bomb.as_bytes()).collect();
        let (status, _) = caller.call(&format!("GET global/firewalls?filter={filter}"), Value::Null).await;
        assert!(status == 200 || status == 400, "{bomb:.30}: {status}");
    }
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn values_at_their_limits() {
    let caller = Caller::instant();
    caller.network().await;
    let many: Vec<Value> =
        (0..5000).map(|index| json!({ "key": format!("k{index}"), "value": "v".repeat(200) })).collect();
    let labels: serde_json::Map<String, Value> =
        (0..70).map(|index| (format!("l{index}"), "x".into())).collect();
    let changes: Vec<(&str, Value)> = vec![
        ("metadata", json!({ "items": many })),
        ("metadata", json!({ "items": [{ "key": "a", "value": "v".repeat(300_000) }] })),
        ("labels", Value::Object(labels)),
        ("tags", json!({ "items": (0..100).map(|index| format!("t{index}")).collect::<Vec<_>>() })),
        ("disks", json!(vec![instance("x")["disks"][0].clone(); 200])),
        ("networkInterfaces", json!(vec![json!({}); 9])),
        ("networkInterfaces", json!([7])),
        ("name", json!("x".repeat(100_000))),
        ("machineType", json!("/".repeat(10_000))),
        ("guestAccelerators", json!([{ "acceleratorType": "", "acceleratorCount": -1 }])),
        ("scheduling", json!({ "provisioningModel": "\u{0}" })),
    ];
    for (field, value) in changes {
        let mut machine = instance("one");
        machine[field] = value;
        let (status, reply) = caller.call(INSTANCES, machine).await;
        assert_eq!(status, 400, "{field}: {reply}");
        assert!(reply.to_string().len() < 4000, "{field}");
    }
    for range in
        ["0.0.0.0/0", "255.255.255.255/32", "10.0.0.0/33", "10.0.0.0/-1", "999.0.0.0/8", "224.0.0.0/29"]
    {
        let subnetwork = json!({ "name": "s", "network": "global/networks/net", "ipCidrRange": range });
        let (status, _) = caller.call("POST regions/us-east1/subnetworks", subnetwork).await;
        assert!(status == 200 || status == 400, "{range}");
    }
    let top = json!({ "name": "top", "network": "global/networks/net", "ipCidrRange": "255.255.255.248/29" });
    caller.done("POST regions/europe-west1/subnetworks", top).await;
    for index in 0..6 {
        let mut machine = instance(&format!("m{index}"));
        machine["networkInterfaces"][0]["subnetwork"] = "regions/europe-west1/subnetworks/top".into();
        caller.start(INSTANCES, machine).await;
    }
}

#[tokio::test(start_paused = true)]
async fn batches_that_are_none() {
    let caller = Caller::instant();
    let url = "https://compute.googleapis.com/batch/compute/v1";
    let many = "--b\r\n\r\nGET /compute/v1/projects/p HTTP/1.1\r\n\r\n".repeat(1500) + "--b--";
    let inner = "--b\r\n\r\nPOST /batch/compute/v1 HTTP/1.1\r\ncontent-type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n--b--";
    for (kind, body) in [
        ("text/plain", "x"),
        ("multipart/mixed", "x"),
        ("multipart/mixed; boundary=", "x"),
        ("multipart/mixed; boundary=b", "x"),
        ("multipart/mixed; boundary=b", "--b"),
        ("multipart/mixed; boundary=b", "--b\r\n\r\nnonsense\r\n--b--"),
        ("multipart/mixed; boundary=b", "--b\r\n\r\nGET http://[ HTTP/1.1\r\n\r\n--b--"),
        ("multipart/mixed; boundary=b", &many),
        ("multipart/mixed; boundary=b", inner),
    ] {
        let request = Request::post(url).header("content-type", kind).body(body.to_owned().into()).unwrap();
        let reply = caller.sandbox.send(request).await.unwrap();
        assert!(reply.status() == 400 || body == inner, "{kind} {body:.40}");
    }
}
