//! An operator's hands: what cases need to be done to a subscription behind the driver's back.

use std::sync::Arc;

use gardener_provider_azure::{
    AzureProviderBuilder,
    api::{
        self, ResourceId, family, identities,
        network::{self, Sku},
        operations::Change,
        public_ip_addresses::PublicIpAddress,
        resource_groups::{self, ResourceGroup},
        subnets::SubnetProperties,
        version,
        virtual_networks::VirtualNetwork,
    },
    endpoints::Cloud,
    session::{Session, Sessions},
};
use gardener_provider_core::{InfrastructureRequest, SecretData};
use http::Method;
use serde_json::{Value, json};

use super::samples::{REGION, THEIRS};

/// A way of its own to the subscription.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) session: Arc<Session>,
    _sessions: Sessions,
}

impl Operator {
    pub(crate) fn new(builder: AzureProviderBuilder, secret: &SecretData) -> Self {
        let sessions = builder.rates(Vec::new()).sessions().expect("sessions");
        Self { session: sessions.get(secret, Cloud::Public).expect("a session"), _sessions: sessions }
    }

    /// A resource group.
    pub(crate) async fn group(&self, name: &str) -> ResourceId {
        let id = self.session.group(name);
        let group = ResourceGroup { location: REGION.to_owned(), ..ResourceGroup::default() };
        self.session.run(&resource_groups::create_or_update(&id, &group)).await.expect("a resource group");
        id
    }

    /// What the user gives: a network, an address and an identity.
    pub(crate) async fn given(&self) {
        let group = self.group(THEIRS).await;
        let mut vnet = VirtualNetwork::new(REGION);
        vnet.properties.address_space.address_prefixes = vec!["10.100.0.0/16".to_owned()];
        let put = network::put(&group.network("virtualNetworks", "theirs"), &vnet, None);
        self.session.change(&put).await.expect("a virtual network");
        let mut address = PublicIpAddress::new(REGION);
        address.sku = Some(Sku { name: "Standard".to_owned(), tier: None });
        address.zones = Some(vec!["3".to_owned()]);
        address.properties.allocation_method = Some("Static".to_owned());
        let put = network::put(&group.network("publicIPAddresses", "egress"), &address, None);
        self.session.change(&put).await.expect("a public IP address");
        self.make(&identities::id(&group, "nodes"), version::IDENTITY, json!({})).await;
    }

    /// Makes a resource of a type that the provider never writes.
    pub(crate) async fn make(&self, id: &ResourceId, version: &str, mut body: Value) -> Value {
        body["location"] = json!(REGION);
        let put = api::request("Others_CreateOrUpdate", family::WRITE, Method::PUT, id, version).json(&body);
        let look = api::request("Others_Get", family::READ, Method::GET, id, version);
        self.session.change(&Change::new(put, look)).await.expect("a resource")
    }

    /// The virtual network of a cluster.
    fn vnet(&self, request: &InfrastructureRequest) -> ResourceId {
        let cluster = request.cluster.as_str();
        let field =
            |name: &str| request.config.pointer(&format!("/networks/vnet/{name}")).and_then(Value::as_str);
        let group = self.session.group(field("resourceGroup").unwrap_or(cluster));
        group.network("virtualNetworks", field("name").unwrap_or(cluster))
    }

    /// The subnets of a cluster.
    async fn subnets(&self, request: &InfrastructureRequest) -> Vec<ResourceId> {
        let vnet = self.vnet(request);
        let subnets = self.session.all(&network::list::<SubnetProperties>(&vnet)).await.expect("subnets");
        let prefix = format!("{}-nodes", request.cluster);
        let ours = subnets.into_iter().filter(|subnet| subnet.name.starts_with(&prefix));
        ours.map(|subnet| vnet.child("subnets", &subnet.name)).collect()
    }

    /// A load balancer within a subnet, as the cloud controller makes for an internal Service.
    pub(crate) async fn leave_a_balancer(&self, request: &InfrastructureRequest) {
        let subnet = self.subnets(request).await.into_iter().next().expect("a subnet of the cluster");
        let id = self.session.group(request.cluster.as_str()).network("loadBalancers", "internal");
        let frontend = json!({ "name": "a1b2", "properties": { "subnet": { "id": subnet.to_string() } } });
        let body = json!({
            "sku": { "name": "Standard" }, "properties": { "frontendIPConfigurations": [frontend] },
        });
        self.make(&id, version::NETWORK, body).await;
    }

    /// Takes the network security group off the cluster's subnets.
    pub(crate) async fn take_rules_off(&self, request: &InfrastructureRequest) {
        for id in self.subnets(request).await {
            let mut subnet =
                self.session.run(&network::get::<SubnetProperties>(&id)).await.expect("a subnet");
            subnet.properties.network_security_group = None;
            self.session.change(&network::put(&id, &subnet, None)).await.expect("a change");
        }
    }
}
