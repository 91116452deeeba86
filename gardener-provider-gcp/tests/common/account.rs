//! An operator's hands: what cases need to be done to a project behind the driver's back.

use std::sync::Arc;

use gardener_provider_core::{CloudResource, InfrastructureRequest, Result, SecretData};
use gardener_provider_gcp::{
    GcpProviderBuilder,
    api::{
        Mutation, Operation, RestRequest, compute,
        routers::{Router, get_router, patch_router_nats},
    },
    session::{Session, Sessions},
};
use serde_json::{Value, json};

use super::samples::{REGION, THEIR_ROUTER, THEIR_VPC};

/// A way of its own to the project.
#[derive(Debug)]
pub(crate) struct Operator {
    session: Arc<Session>,
    _sessions: Sessions,
}

impl Operator {
    pub(crate) fn new(builder: GcpProviderBuilder, secret: &SecretData) -> Self {
        let sessions = builder.rates(Vec::new()).sessions().expect("sessions");
        Self { session: sessions.get(secret).expect("a session"), _sessions: sessions }
    }

    fn request(&self, operation: &'static str, path: &[&str]) -> RestRequest {
        compute(operation, self.session.project()).segments(path)
    }

    pub(crate) async fn insert(&self, operation: &'static str, path: &[&str], body: Value) {
        let insert = Mutation::json(self.request(operation, path).json(&body));
        self.session.finish(&insert).await.expect(operation);
    }

    pub(crate) fn project(&self) -> &str {
        self.session.project()
    }

    pub(crate) async fn finish(&self, mutation: &Mutation) {
        self.session.finish(mutation).await.expect(mutation.request.operation);
    }

    pub(crate) async fn run<R>(&self, operation: &Operation<R>) -> R {
        self.session.run(operation).await.expect(operation.request.operation)
    }

    fn network(&self, name: &str) -> String {
        format!("projects/{}/global/networks/{name}", self.session.project())
    }

    /// A VPC of the user's and a router in it.
    pub(crate) async fn give_a_vpc(&self) {
        let body = json!({ "name": THEIR_VPC, "autoCreateSubnetworks": false });
        self.insert("compute.networks.insert", &["global", "networks"], body).await;
        let body = json!({ "name": THEIR_ROUTER, "network": self.network(THEIR_VPC) });
        self.insert("compute.routers.insert", &["regions", REGION, "routers"], body).await;
    }

    /// The NAT gateways, which are parts of routers and no resources of their own.
    pub(crate) async fn nat_gateways(&self) -> Result<Vec<CloudResource>> {
        #[derive(serde::Deserialize)]
        struct List {
            #[serde(default)]
            items: Vec<Router>,
        }
        let list = self.request("compute.routers.list", &["regions", REGION, "routers"]);
        let routers: List = self.session.run(&Operation::json(list)).await?;
        let nats = routers.items.iter().flat_map(|router| &router.nats);
        let names = nats.filter_map(|nat| nat["name"].as_str());
        Ok(names.map(|name| CloudResource::new("NAT gateway", name).with_name(name)).collect())
    }

    fn vpc_of(request: &InfrastructureRequest) -> String {
        let given = request.config["networks"]["vpc"]["name"].as_str();
        given.unwrap_or(request.cluster.as_str()).to_owned()
    }

    /// The rules and a route that Kubernetes makes for a load balancer and the pods of a node that is gone.
    pub(crate) async fn leave_rules_and_a_route(&self, request: &InfrastructureRequest) {
        let (cluster, network) = (request.cluster.as_str(), self.network(&Self::vpc_of(request)));
        for name in ["k8s-fw-a1b2c3", "k8s-5e1f-node-http-hc"] {
            let body = json!({
                "name": name, "network": network, "sourceRanges": ["0.0.0.0/0"], "targetTags": [cluster],
                "allowed": [{ "IPProtocol": "tcp", "ports": ["443"] }],
            });
            self.insert("compute.firewalls.insert", &["global", "firewalls"], body).await;
        }
        let (project, zone) = (self.session.project(), "europe-west1-b");
        let node = format!("{cluster}-worker-z1-abcde");
        let body = json!({
            "name": node,
            "machineType": format!("zones/{zone}/machineTypes/n1-standard-2"),
            "tags": { "items": [cluster] },
            "disks": [{
                "boot": true, "autoDelete": true,
                "initializeParams": { "sourceImage": "projects/debian-cloud/global/images/family/debian-12" },
            }],
            "networkInterfaces": [{
                "subnetwork": format!("projects/{project}/regions/{REGION}/subnetworks/{cluster}-nodes"),
            }],
        });
        self.insert("compute.instances.insert", &["zones", zone, "instances"], body).await;
        let body = json!({
            "name": format!("{cluster}-7c0f3d6e-0001-4a51-9a3b-00005eed0001"),
            "description": "k8s-node-route", "network": network, "destRange": "192.168.1.0/24",
            "nextHopInstance": format!("projects/{project}/zones/{zone}/instances/{node}"),
        });
        self.insert("compute.routes.insert", &["global", "routes"], body).await;
        let delete = self.request("compute.instances.delete", &["zones", zone, "instances", &node]);
        self.session.finish(&Mutation::json(delete)).await.expect("the node goes");
    }

    /// Changes a rule, and takes the NAT gateway away.
    pub(crate) async fn disturb(&self, request: &InfrastructureRequest) {
        let rule = format!("{}-allow-internal-access", request.cluster);
        let patch = self.request("compute.firewalls.patch", &["global", "firewalls", &rule]);
        let patch = Mutation::json(patch.json(&json!({ "sourceRanges": ["10.0.0.0/8"] })));
        self.session.finish(&patch).await.expect("a patch");
        let given = request.config["networks"]["vpc"]["cloudRouter"]["name"].as_str();
        let router = given.map_or_else(|| format!("{}-cloud-router", request.cluster), str::to_owned);
        let project = self.session.project();
        let nat = format!("{}-cloud-nat", request.cluster);
        let found = self.session.run(&get_router(project, REGION, &router)).await.expect("the router");
        let others: Vec<_> = found.other_nats(&nat).cloned().collect();
        self.session.finish(&patch_router_nats(project, REGION, &router, &others)).await.expect("a patch");
    }
}
