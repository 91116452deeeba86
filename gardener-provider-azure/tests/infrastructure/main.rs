//! Infrastructures on the sandbox, in process.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, sync::Arc};

use gardener_provider_azure::{
    AzureProvider,
    api::{
        self, ResourceId, family,
        network::{self, Properties, Resource},
        operations::Change,
        resource_groups::{self, ResourceGroup},
        version,
    },
    endpoints::Cloud,
    session::{Session, Sessions},
};
use gardener_provider_client::{clock::TokioClock, transport::Transport};
use gardener_provider_core::{
    CloudResource, ClusterId, Infrastructure, InfrastructureDriver, InfrastructureRequest, Networking,
    Provider, Region, Result, RunOptions, SecretData,
};
use gardener_provider_sandbox::{Fault, JournalEntry, Sandbox, SandboxOptions};
use http::Method;
use serde_json::{Value, json};

const CLUSTER: &str = "shoot--demo--app";
const REGION: &str = "westeurope";

mod given;
mod leftovers;
mod managed;
mod migration;
mod nat;
mod sharing;

struct World {
    sandbox: Sandbox,
    provider: Provider,
    /// Somebody else's.
    session: Arc<Session>,
    _sessions: Sessions,
}

impl World {
    fn new() -> Self {
        Self::through(|sandbox| Arc::new(sandbox.clone()))
    }

    /// With a transport of its own between the provider and the sandbox.
    fn through(transport: impl FnOnce(&Sandbox) -> Arc<dyn Transport>) -> Self {
        let clock = Arc::new(TokioClock::default());
        let sandbox = Sandbox::new(SandboxOptions::default().with_clock(clock.clone()));
        let builder = |transport| AzureProvider::builder().transport(transport).clock(clock.clone()).seed(1);
        let sessions = builder(Arc::new(sandbox.clone())).rates(Vec::new()).sessions().unwrap();
        let session = sessions.get(&secret(&sandbox), Cloud::Public).unwrap();
        let provider = builder(transport(&sandbox)).build().unwrap();
        Self { provider, session, _sessions: sessions, sandbox }
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
            .with_networking(Networking::default())
    }

    async fn apply(&self, request: &InfrastructureRequest) -> Result<Infrastructure> {
        self.driver().apply(request, &RunOptions::default()).await
    }

    async fn destroy(&self, request: &InfrastructureRequest) -> Result<()> {
        self.driver().destroy(request, &RunOptions::default()).await
    }

    /// Applies once more and expects that nothing is changed, and that what is told is the same.
    async fn settled(&self, request: &InfrastructureRequest) -> Infrastructure {
        self.calls();
        let infrastructure = self.apply(request).await.unwrap();
        assert_eq!(self.changes(), Vec::<String>::new());
        let found = self.driver().get(request).await.unwrap();
        assert_eq!(
            (found.status, found.egress_cidrs),
            (infrastructure.status.clone(), infrastructure.egress_cidrs.clone())
        );
        infrastructure
    }

    fn inventory(&self) -> Vec<String> {
        let mut ids: Vec<_> =
            self.sandbox.azure().inventory(None).into_iter().map(|found| found.id).collect();
        ids.sort();
        ids
    }

    /// How many there are of each kind.
    fn kinds(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for resource in self.sandbox.azure().inventory(None) {
            *kinds.entry(resource.kind.to_owned()).or_default() += 1;
        }
        kinds
    }

    /// The calls since the last question.
    fn calls(&self) -> Vec<JournalEntry> {
        let calls = self.sandbox.journal().calls();
        self.sandbox.journal().clear();
        calls
    }

    /// The operations since the last question that change something.
    fn changes(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| call.mutating).map(|call| call.operation).collect()
    }

    /// A resource group of the user's.
    async fn group(&self, name: &str) -> ResourceId {
        let id = self.session.group(name);
        let group = ResourceGroup { location: REGION.to_owned(), ..ResourceGroup::default() };
        self.session.run(&resource_groups::create_or_update(&id, &group)).await.unwrap();
        id
    }

    async fn put<P: Properties>(&self, id: &ResourceId, resource: &Resource<P>) -> Resource<P> {
        self.session.change(&network::put(id, resource, None)).await.unwrap()
    }

    /// Makes a resource of the user's from JSON.
    async fn make<P: Properties>(&self, id: &ResourceId, mut body: Value) -> Resource<P> {
        body["location"] = json!(REGION);
        self.put(id, &serde_json::from_value(body).unwrap()).await
    }

    /// Makes a resource of the user's of a type that the provider never writes.
    async fn make_other(&self, id: &ResourceId, version: &str, mut body: Value) -> Value {
        body["location"] = json!(REGION);
        let put = api::request("Others_CreateOrUpdate", family::WRITE, Method::PUT, id, version).json(&body);
        let look = api::request("Others_Get", family::READ, Method::GET, id, version);
        self.session.change(&Change::new(put, look)).await.unwrap()
    }

    async fn get<P: Properties>(&self, id: &ResourceId) -> Resource<P> {
        self.session.run(&network::get(id)).await.unwrap()
    }

    /// Changes a resource as somebody else does.
    async fn edit<P: Properties>(&self, id: &ResourceId, edit: impl FnOnce(&mut Resource<P>)) {
        let mut resource = self.get(id).await;
        edit(&mut resource);
        self.put(id, &resource).await;
    }

    /// The cluster's resource group.
    fn own(&self) -> ResourceId {
        self.session.group(CLUSTER)
    }

    async fn listed(&self, request: &InfrastructureRequest) -> Vec<CloudResource> {
        use futures::TryStreamExt;
        self.driver().list(request.clone()).try_collect().await.unwrap()
    }
}

fn secret(sandbox: &Sandbox) -> SecretData {
    let azure = sandbox.azure();
    let options = azure.options();
    let client = &options.clients[0];
    SecretData::new()
        .with("clientID", client.id.as_str())
        .with("clientSecret", client.secret.as_ref().unwrap().expose().as_str())
        .with("tenantID", options.tenant.as_str())
        .with("subscriptionID", options.subscriptions[0].as_str())
}

/// One subnet for all nodes.
fn single() -> Value {
    json!({
        "networks": { "vnet": { "cidr": "10.250.0.0/16" }, "workers": "10.250.0.0/19" },
        "zoned": true,
    })
}

fn with_nat(fields: Value) -> Value {
    let mut config = single();
    config["networks"]["natGateway"] = json!({ "enabled": true });
    let nat = config["networks"]["natGateway"].as_object_mut().unwrap();
    nat.extend(fields.as_object().unwrap().clone());
    config
}

fn zone(number: u8) -> Value {
    json!({
        "name": number,
        "cidr": format!("10.250.{}.0/19", (number - 1) * 32),
        "natGateway": { "enabled": true },
    })
}

/// A subnet for each zone.
fn zones(count: u8) -> Value {
    json!({
        "networks": { "vnet": { "cidr": "10.250.0.0/16" }, "zones": (1..=count).map(zone).collect::<Vec<_>>() },
        "zoned": true,
    })
}

fn names(status: &Value) -> Vec<&str> {
    let subnets = status["networks"]["subnets"].as_array().unwrap();
    subnets.iter().map(|subnet| subnet["name"].as_str().unwrap()).collect()
}
