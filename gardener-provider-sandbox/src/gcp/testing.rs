//! Calls for the tests of the GCP part.

use std::{
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use gardener_provider_client::{clock::TokioClock, transport::Transport};
use gardener_provider_conformance::{tools, wire::Wire};
use http::{Method, Request, Response};
use serde_json::{Value, json};

use crate::{Sandbox, SandboxOptions};

pub(crate) const PROJECT: &str = "sandbox-project";

/// Calls a sandbox with a token of its own.
pub(crate) struct Caller {
    pub(crate) sandbox: Sandbox,
    pub(crate) token: String,
}

impl Caller {
    /// A sandbox in which nothing takes time.
    pub(crate) fn instant() -> Self {
        Self::new(SandboxOptions::instant())
    }

    /// With the time of the runtime, which should be paused.
    pub(crate) fn new(options: SandboxOptions) -> Self {
        let day = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let sandbox = Sandbox::new(options.with_clock(Arc::new(TokioClock::starting_at(day))));
        let token = sandbox.gcp().access_token();
        Self { sandbox, token }
    }

    /// Any request, with the token.
    pub(crate) async fn send(&self, method: Method, url: &str, body: Option<&Value>) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(url);
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.header("content-type", "application/json").body(body).unwrap();
        let reply = self.sandbox.send(request.clone()).await.unwrap();
        check_reply(&request, &reply);
        reply
    }

    /// A call to compute: `POST global/networks`, below the project.
    pub(crate) async fn call(&self, what: &str, body: Value) -> (u16, Value) {
        let (method, path) = what.split_once(' ').unwrap();
        let url = format!("https://compute.googleapis.com/compute/v1/projects/{PROJECT}/{path}");
        let url = url.trim_end_matches('/');
        let body = (!body.is_null()).then_some(&body);
        let reply = self.send(method.parse().unwrap(), url, body).await;
        let value = serde_json::from_slice(reply.body()).unwrap_or_default();
        (reply.status().as_u16(), value)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, value) = self.call(&format!("GET {path}"), Value::Null).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// A call that is accepted: its operation.
    pub(crate) async fn start(&self, what: &str, body: Value) -> Value {
        let (status, value) = self.call(what, body).await;
        assert_eq!(status, 200, "{what}: {value}");
        assert_eq!(value["kind"], "compute#operation", "{what}: {value}");
        value
    }

    /// A change that succeeds; waits for it.
    pub(crate) async fn done(&self, what: &str, body: Value) -> Value {
        let operation = self.start(what, body).await;
        let operation = self.wait(&operation).await;
        assert_eq!(operation["error"], Value::Null, "{what}: {operation}");
        operation
    }

    /// The operation, when it is done.
    pub(crate) async fn wait(&self, operation: &Value) -> Value {
        let link = operation["selfLink"].as_str().unwrap();
        let path = link.split(&format!("/projects/{PROJECT}/")).nth(1).unwrap();
        for _ in 0..20 {
            let (status, value) = self.call(&format!("POST {path}/wait"), Value::Null).await;
            assert_eq!(status, 200, "{value}");
            if value["status"] == "DONE" {
                return value;
            }
        }
        panic!("{path} is never done");
    }

    /// The status and reason of a call that is refused.
    pub(crate) async fn refused(&self, what: &str, body: Value) -> (u16, String) {
        let (status, value) = self.call(what, body).await;
        assert!(status >= 400, "{what}: {value}");
        (status, value["error"]["errors"][0]["reason"].as_str().unwrap_or_default().to_owned())
    }

    /// The message of a call that is refused.
    pub(crate) async fn message(&self, what: &str, body: Value) -> String {
        let (status, value) = self.call(what, body).await;
        assert!(status >= 400, "{what}: {value}");
        value["error"]["message"].as_str().unwrap().to_owned()
    }

    /// The code that an operation fails with.
    pub(crate) async fn fails(&self, what: &str, body: Value) -> Value {
        let operation = self.start(what, body).await;
        let operation = self.wait(&operation).await;
        assert_ne!(operation["error"], Value::Null, "{what}: {operation}");
        operation
    }

    /// A network of its own subnetworks with one of them in europe-west1.
    pub(crate) async fn network(&self) {
        self.done("POST global/networks", json!({ "name": "net", "autoCreateSubnetworks": false })).await;
        let subnetwork = json!({
            "name": "nodes",
            "network": "global/networks/net",
            "ipCidrRange": "10.0.0.0/24",
            "secondaryIpRanges": [{ "rangeName": "pods", "ipCidrRange": "10.1.0.0/16" }],
        });
        self.done("POST regions/europe-west1/subnetworks", subnetwork).await;
    }
}

/// An instance in the network of [`Caller::network`].
pub(crate) fn instance(name: &str) -> Value {
    json!({
        "name": name,
        "machineType": "zones/europe-west1-b/machineTypes/n2-standard-2",
        "disks": [{
            "boot": true,
            "autoDelete": true,
            "initializeParams": {
                "sourceImage": "projects/debian-cloud/global/images/family/debian-12",
                "diskSizeGb": "20",
            },
        }],
        "networkInterfaces": [{ "subnetwork": "regions/europe-west1/subnetworks/nodes" }],
        "labels": { "role": "node" },
    })
}

pub(crate) const INSTANCES: &str = "POST zones/europe-west1-b/instances";

/// Holds a reply against the vendor's description of the service, where `cargo xtask test` has put it.
pub(crate) fn check_reply(request: &Request<Bytes>, reply: &Response<Bytes>) {
    static WIRE: LazyLock<Option<Mutex<Wire>>> = LazyLock::new(|| {
        let folder = std::env::var_os(tools::DISCOVERY)?;
        let services = ["compute.v1", "iam.v1", "iamcredentials.v1", "sts.v1"];
        Some(Mutex::new(Wire::discovery(folder.as_ref(), &services).unwrap()))
    });
    let Some(wire) = &*WIRE else { return };
    // The description does not tell OAuth's errors.
    if request.uri().host() == Some("sts.googleapis.com") && !reply.status().is_success() {
        return;
    }
    let checked = wire.lock().unwrap_or_else(PoisonError::into_inner).reply(request, reply);
    // Some tests ask for operations that do not exist.
    let Ok((operation, problems)) = checked else { return };
    let body = String::from_utf8_lossy(reply.body());
    assert!(problems.is_empty(), "the reply of {operation}: {problems:#?}\n{body}");
}
