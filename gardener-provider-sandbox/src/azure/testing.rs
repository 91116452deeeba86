//! Calls with a token for the tests of the Azure part.

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

/// Calls Resource Manager.
pub(crate) struct Caller {
    pub(crate) sandbox: Sandbox,
    pub(crate) token: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// The resource group that most tests work in.
pub(crate) const GROUP: &str = "g";

impl Caller {
    /// With the time of the runtime, which should be paused.
    pub(crate) fn new(options: SandboxOptions) -> Self {
        let day = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let sandbox = Sandbox::new(options.with_clock(Arc::new(TokioClock::starting_at(day))));
        let token = sandbox.azure().access_token("https://management.azure.com").expose().clone();
        Self { sandbox, token, headers: Vec::new() }
    }

    pub(crate) fn instant() -> Self {
        Self::new(SandboxOptions::instant())
    }

    /// The same caller with one more header.
    pub(crate) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name, value.into()));
        Self { sandbox: self.sandbox.clone(), token: self.token.clone(), headers }
    }

    /// The path of something in the group: `Microsoft.Network/virtualNetworks/v`.
    pub(crate) fn path(&self, resource: &str) -> String {
        let subscription = self.sandbox.azure().subscription();
        match resource {
            "" => format!("/subscriptions/{subscription}/resourceGroups/{GROUP}"),
            absolute if absolute.starts_with('/') => absolute.to_owned(),
            resource => format!("/subscriptions/{subscription}/resourceGroups/{GROUP}/providers/{resource}"),
        }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Response<Bytes> {
        let path = self.path(path);
        let (path, mut query) = path
            .split_once('?')
            .map_or((path.as_str(), String::new()), |(path, query)| (path, format!("{query}&")));
        query.push_str("api-version=2024-10-01");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://management.azure.com{path}?{query}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(body.into()).unwrap();
        let reply = self.sandbox.send(request.clone()).await.unwrap();
        check_reply(&request, &reply);
        reply
    }

    /// Follows a link of a reply.
    pub(crate) async fn follow(&self, url: &str) -> Response<Bytes> {
        let request = Request::get(url).header("authorization", format!("Bearer {}", self.token));
        self.sandbox.send(request.body(Bytes::new()).unwrap()).await.unwrap()
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let reply = self.send(method, path, body).await;
        (reply.status().as_u16(), json(&reply))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, &Value::Null).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// PUT that must be taken.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        let (status, reply) = self.call(Method::PUT, path, &body).await;
        assert!(status < 300, "PUT {path}: {status} {reply}");
        reply
    }

    /// DELETE that must be taken; the status.
    pub(crate) async fn delete(&self, path: &str) -> u16 {
        let (status, reply) = self.call(Method::DELETE, path, &Value::Null).await;
        assert!(status < 300, "DELETE {path}: {status} {reply}");
        status
    }

    /// Status and code of a call that must be refused.
    pub(crate) async fn refused(&self, method: Method, path: &str, body: Value) -> (u16, String) {
        let (status, reply) = self.call(method.clone(), path, &body).await;
        assert!(status >= 400, "{method} {path} was taken: {reply}");
        (status, reply["error"]["code"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) async fn sleep(&self, seconds: u64) {
        self.sandbox.options().clock.sleep(Duration::from_secs(seconds)).await;
    }

    /// What is left, by type.
    pub(crate) fn left(&self) -> Vec<&'static str> {
        self.sandbox.azure().inventory(None).into_iter().map(|resource| resource.kind).collect()
    }

    /// A resource group.
    pub(crate) async fn group(self) -> Self {
        self.put("", json!({ "location": "westeurope" })).await;
        self
    }

    /// A virtual network 10.0.0.0/16 with a subnet 10.0.0.0/24; the id of the subnet.
    pub(crate) async fn subnet(&self) -> String {
        self.put(VNET, vnet()).await;
        if !self.sandbox.options().azure.durations.network.is_zero() {
            self.sleep(60).await;
        }
        let subnet = self.put(SUBNET, json!({ "properties": { "addressPrefix": "10.0.0.0/24" } })).await;
        subnet["id"].as_str().unwrap().to_owned()
    }

    /// A network interface in the subnet; its id.
    pub(crate) async fn interface(&self, name: &str) -> String {
        let subnet = self.path(SUBNET);
        let nic = self.put(&format!("Microsoft.Network/networkInterfaces/{name}"), interface(&subnet)).await;
        nic["id"].as_str().unwrap().to_owned()
    }

    /// A machine with an interface of its own.
    pub(crate) async fn machine(&self, name: &str) -> Value {
        let nic = self.interface(&format!("{name}-nic")).await;
        self.put(&format!("Microsoft.Compute/virtualMachines/{name}"), machine(&nic)).await
    }
}

pub(crate) const VNET: &str = "Microsoft.Network/virtualNetworks/v";
pub(crate) const SUBNET: &str = "Microsoft.Network/virtualNetworks/v/subnets/s";

pub(crate) fn vnet() -> Value {
    json!({ "location": "westeurope", "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] } } })
}

pub(crate) fn interface(subnet: &str) -> Value {
    json!({
        "location": "westeurope",
        "properties": { "ipConfigurations": [{ "name": "ip", "properties": { "subnet": { "id": subnet } } }] }
    })
}

pub(crate) fn machine(interface: &str) -> Value {
    json!({
        "location": "westeurope",
        "tags": { "kubernetes.io-cluster-x": "1" },
        "zones": ["1"],
        "properties": {
            "hardwareProfile": { "vmSize": "Standard_D2s_v5" },
            "storageProfile": {
                "imageReference": { "publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest" },
                "osDisk": {
                    "name": "os", "createOption": "FromImage", "diskSizeGB": 50, "deleteOption": "Delete",
                    "managedDisk": { "storageAccountType": "Premium_LRS" },
                },
            },
            "osProfile": {
                "computerName": "m", "adminUsername": "core", "customData": "c2VjcmV0",
                "linuxConfiguration": {
                    "disablePasswordAuthentication": true,
                    "ssh": { "publicKeys": [{ "path": "/home/core/.ssh/authorized_keys", "keyData": "ssh-rsa AAAA x" }] },
                },
            },
            "networkProfile": { "networkInterfaces": [{ "id": interface, "properties": { "primary": true, "deleteOption": "Delete" } }] },
        }
    })
}

/// Holds a reply against the vendor's description of the operation, where `cargo xtask test` has put it.
fn check_reply(request: &Request<Bytes>, reply: &Response<Bytes>) {
    static WIRE: LazyLock<Option<Mutex<Wire>>> = LazyLock::new(|| {
        let folder = std::env::var_os(tools::ARM)?;
        let packages = [
            "arm-compute",
            "arm-marketplaceordering",
            "arm-msi",
            "arm-network",
            "arm-resources",
            "arm-resources-subscriptions",
        ];
        Some(Mutex::new(Wire::arm(folder.as_ref(), &packages).unwrap()))
    });
    let Some(wire) = &*WIRE else { return };
    let checked = wire.lock().unwrap_or_else(PoisonError::into_inner).reply(request, reply);
    // Some tests ask for what does not exist.
    let Ok((operation, mut problems)) = checked else { return };
    // Its list of sizes is an old one and says so: sizes are to be read from Skus_List.
    problems.retain(|problem| !problem.path.ends_with("vmSize"));
    // Subscriptions_List has no next link on its last page, whatever the description says.
    problems.retain(|problem| problem.path != "nextLink");
    let body = String::from_utf8_lossy(reply.body());
    assert!(problems.is_empty(), "the reply of {operation}, {}: {problems:#?}\n{body}", reply.status());
}

/// The body of a reply; null if it has none.
pub(crate) fn json(reply: &Response<Bytes>) -> Value {
    if reply.body().is_empty() { Value::Null } else { serde_json::from_slice(reply.body()).unwrap() }
}

pub(crate) fn header<'a>(reply: &'a Response<Bytes>, name: &str) -> &'a str {
    reply.headers().get(name).map_or("", |value| value.to_str().unwrap())
}
