//! Infrastructures on the sandbox, in process.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use gardener_provider_client::{
    clock::TokioClock,
    transport::{Transport, TransportError},
};
use gardener_provider_core::{
    ClusterId, Infrastructure, InfrastructureDriver, InfrastructureRequest, InfrastructureState, IpFamily,
    Networking, Provider, Region, Result, RunOptions, SecretData, StateStore,
};
use gardener_provider_gcp::{
    GcpProvider, GcpProviderBuilder,
    api::{Mutation, Operation, compute},
    session::{Session, Sessions},
};
use gardener_provider_sandbox::{JournalEntry, Resource, Sandbox, SandboxOptions};
use http::{Method, Request, Response};
use serde_json::{Value, json};

const CLUSTER: &str = "shoot--demo--app";
const REGION: &str = "europe-west1";
const ZONE: &str = "europe-west1-b";
const PODS: &str = "100.64.0.0/12";
const SERVICES: &str = "100.104.0.0/13";

mod drift;
mod families;
mod given;
mod given_subnets;
mod leftovers;
mod managed;

/// What was sent to change something: the path below the project and the body.
type Sent = Arc<Mutex<Vec<(String, Value)>>>;

/// Writes down what goes through.
#[derive(Debug)]
struct Wire(Sandbox, Sent);

#[async_trait::async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path();
        if request.method() != Method::GET && path.contains("/projects/") && !path.ends_with("/wait") {
            let path = path.split("/projects/").nth(1).unwrap_or_default();
            let path = path.split_once('/').map_or(path, |(_, rest)| rest);
            let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
            self.1.lock().unwrap().push((format!("{} {path}", request.method()), body));
        }
        self.0.send(request).await
    }
}

struct World {
    sandbox: Sandbox,
    provider: Provider,
    session: Arc<Session>,
    sent: Sent,
    clock: Arc<TokioClock>,
    _sessions: Sessions,
}

fn builder(sandbox: &Sandbox, sent: &Sent, clock: &Arc<TokioClock>) -> GcpProviderBuilder {
    let wire = Wire(sandbox.clone(), Arc::clone(sent));
    GcpProvider::builder().transport(Arc::new(wire)).clock(clock.clone()).seed(1)
}

impl World {
    fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    fn with(options: SandboxOptions) -> Self {
        let clock = Arc::new(TokioClock::default());
        let sandbox = Sandbox::new(options.with_clock(clock.clone()));
        let sent = Sent::default();
        let sessions = builder(&sandbox, &sent, &clock).rates(Vec::new()).sessions().unwrap();
        let session = sessions.get(&secret(&sandbox)).unwrap();
        let provider = builder(&sandbox, &sent, &clock).build().unwrap();
        Self { provider, session, sent, _sessions: sessions, sandbox, clock }
    }

    /// A provider that is set up otherwise.
    fn builder(&self) -> GcpProviderBuilder {
        builder(&self.sandbox, &self.sent, &self.clock)
    }

    fn driver(&self) -> &dyn InfrastructureDriver {
        &*self.provider.infrastructure
    }

    fn request(&self, config: Value) -> InfrastructureRequest {
        self.request_for(CLUSTER, config)
    }

    fn request_for(&self, cluster: &str, config: Value) -> InfrastructureRequest {
        let cluster = ClusterId::new(cluster).unwrap();
        let region = Region::new(REGION).unwrap();
        InfrastructureRequest::new(cluster, region, config, secret(&self.sandbox))
            .with_networking(networking())
    }

    async fn apply(&self, request: &InfrastructureRequest) -> Result<Infrastructure> {
        self.driver().apply(request, &RunOptions::default()).await
    }

    async fn destroy(&self, request: &InfrastructureRequest) -> Result<()> {
        self.driver().destroy(request, &RunOptions::default()).await
    }

    /// What somebody created.
    fn created(&self) -> Vec<Resource> {
        self.sandbox.gcp().inventory(None)
    }

    /// How many there are of each kind.
    fn inventory(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for resource in self.created() {
            *kinds.entry(resource.kind).or_default() += 1;
        }
        kinds
    }

    /// The names of the resources of a kind.
    fn names(&self, kind: &str) -> Vec<String> {
        let mut names: Vec<_> =
            self.created().into_iter().filter(|found| found.kind == kind).map(|found| found.name).collect();
        names.sort();
        names
    }

    /// Carries out a change of somebody else's; what the tests set up counts as no call.
    async fn change(&self, mutation: &Mutation) {
        self.session.finish(mutation).await.unwrap();
        self.changes();
        self.sandbox.journal().clear();
    }

    /// Makes something: the operation, its collection and the body.
    async fn insert(&self, operation: &'static str, collection: &[&str], body: Value) {
        self.change(&Mutation::json(self.asked(operation, collection).json(&body))).await;
    }

    fn asked(&self, operation: &'static str, path: &[&str]) -> gardener_provider_gcp::api::RestRequest {
        compute(operation, self.session.project()).segments(path)
    }

    /// A resource as the cloud shows it.
    async fn shown(&self, operation: &'static str, path: &[&str]) -> Value {
        let shown = self.session.run(&Operation::json(self.asked(operation, path))).await.unwrap();
        self.sandbox.journal().clear();
        shown
    }

    async fn subnet(&self, name: &str) -> Value {
        self.shown("compute.subnetworks.get", &["regions", REGION, "subnetworks", name]).await
    }

    async fn router(&self, name: &str) -> Value {
        self.shown("compute.routers.get", &["regions", REGION, "routers", name]).await
    }

    async fn firewall(&self, name: &str) -> Value {
        self.shown("compute.firewalls.get", &["global", "firewalls", name]).await
    }

    async fn network(&self, name: &str) -> Value {
        self.shown("compute.networks.get", &["global", "networks", name]).await
    }

    /// Applies once more and expects that nothing is changed.
    async fn settled(&self, request: &InfrastructureRequest) -> Infrastructure {
        self.changes();
        let infrastructure = self.apply(request).await.unwrap();
        assert_eq!(self.changes(), Vec::<(String, Value)>::new());
        infrastructure
    }

    /// The calls since the last question.
    fn calls(&self) -> Vec<JournalEntry> {
        let calls = self.sandbox.journal().calls();
        self.sandbox.journal().clear();
        calls
    }

    /// What was sent since the last question to change something.
    fn changes(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    /// As [`World::changes`], without the bodies.
    fn changed(&self) -> Vec<String> {
        self.changes().into_iter().map(|(path, _)| path).collect()
    }

    fn network_link(&self, name: &str) -> String {
        format!("projects/{}/global/networks/{name}", self.session.project())
    }

    /// A route of Kubernetes to the pods of a node.
    async fn kubernetes_route(&self, cluster: &str, network: &str, n: u8, instance: &str) {
        let project = self.session.project();
        let body = json!({
            "name": format!("{}-7c0f3d6e-{n:04x}-4a51-9a3b-00005eed0001", &cluster[..cluster.len().min(26)]),
            "description": "k8s-node-route",
            "network": self.network_link(network),
            "destRange": format!("100.64.{n}.0/24"),
            "nextHopInstance": format!("projects/{project}/zones/{ZONE}/instances/{instance}"),
            "priority": 1000,
        });
        self.insert("compute.routes.insert", &["global", "routes"], body).await;
    }

    /// A firewall rule of Kubernetes for a load balancer.
    async fn kubernetes_firewall(&self, name: &str, network: &str, tags: &[&str]) {
        let body = json!({
            "name": name,
            "description": "{\"kubernetes.io/service-name\":\"default/web\"}",
            "network": self.network_link(network),
            "sourceRanges": ["0.0.0.0/0"],
            "targetTags": tags,
            "allowed": [{ "IPProtocol": "tcp", "ports": ["443"] }],
        });
        self.insert("compute.firewalls.insert", &["global", "firewalls"], body).await;
    }

    /// A node of a cluster in a subnet.
    async fn node(&self, cluster: &str, name: &str, subnet: &str) {
        let project = self.session.project();
        let body = json!({
            "name": name,
            "machineType": format!("zones/{ZONE}/machineTypes/n1-standard-2"),
            "tags": { "items": [cluster] },
            "disks": [{
                "boot": true, "autoDelete": true,
                "initializeParams": { "sourceImage": "projects/debian-cloud/global/images/family/debian-12" },
            }],
            "networkInterfaces": [{
                "subnetwork": format!("projects/{project}/regions/{REGION}/subnetworks/{subnet}"),
            }],
        });
        self.insert("compute.instances.insert", &["zones", ZONE, "instances"], body).await;
    }

    async fn delete_node(&self, name: &str) {
        let request = self.asked("compute.instances.delete", &["zones", ZONE, "instances", name]);
        self.change(&Mutation::json(request)).await;
    }
}

fn secret(sandbox: &Sandbox) -> SecretData {
    let key = sandbox.gcp().service_account_key();
    SecretData::new().with("serviceaccount.json", key.to_json().expose().as_str())
}

fn networking() -> Networking {
    let mut networking = Networking::default();
    networking.nodes = Some("10.250.0.0/16".to_owned());
    networking.pods = Some(PODS.to_owned());
    networking.services = Some(SERVICES.to_owned());
    networking
}

fn dual(request: InfrastructureRequest) -> InfrastructureRequest {
    let networking = request.networking.clone().with_ip_families([IpFamily::V4, IpFamily::V6]);
    request.with_networking(networking)
}

fn managed() -> Value {
    json!({ "networks": { "workers": "10.250.0.0/20" } })
}

fn everything() -> Value {
    json!({
        "networks": {
            "workers": "10.250.0.0/20",
            "internal": "10.251.0.0/24",
            "mtu": 1500,
            "flowLogs": { "aggregationInterval": "INTERVAL_5_SEC", "flowSampling": 0.2 },
            "cloudNAT": {
                "enableDynamicPortAllocation": true, "minPortsPerVM": 64, "maxPortsPerVM": 4096,
                "icmpIdleTimeoutSec": 31, "tcpEstablishedIdleTimeoutSec": 1201, "tcpTimeWaitTimeoutSec": 121,
                "tcpTransitoryIdleTimeoutSec": 32, "udpIdleTimeoutSec": 33,
            },
        },
    })
}

fn of(suffixes: &[&str]) -> Vec<String> {
    suffixes.iter().map(|suffix| format!("{CLUSTER}{suffix}")).collect()
}

/// Keeps the state of a run that may be interrupted.
#[derive(Debug, Default)]
struct Kept(Mutex<Option<InfrastructureState>>);

#[async_trait::async_trait]
impl StateStore for Kept {
    async fn save(&self, state: &InfrastructureState) -> Result<()> {
        *self.0.lock().unwrap() = Some(state.clone());
        Ok(())
    }
}

impl Kept {
    fn state(&self) -> Option<InfrastructureState> {
        self.0.lock().unwrap().clone()
    }
}
