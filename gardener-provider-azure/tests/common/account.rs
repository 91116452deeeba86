//! An operator's hands: what cases need to be done to a subscription behind the driver's back.

use std::sync::Arc;

use gardener_provider_azure::{
    AzureProviderBuilder,
    api::{
        ResourceId,
        network::{self, Properties, Resource},
        resource_groups::{self, ResourceGroup},
        subnets::SubnetProperties,
        virtual_networks::VirtualNetworkProperties,
    },
    endpoints::Cloud,
    session::{Session, Sessions},
};
use gardener_provider_core::SecretData;
use serde_json::{Value, json};

use super::samples::REGION;

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
        self.session.run(&resource_groups::create_or_update(&id, &group)).await.expect("a group");
        id
    }

    /// A group with a virtual network and a subnet for nodes, all of this name.
    pub(crate) async fn network(&self, name: &str) {
        let network = self.group(name).await.network("virtualNetworks", name);
        let body = json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.250.0.0/16"] } } });
        self.make::<VirtualNetworkProperties>(&network, body).await;
        let body = json!({ "properties": { "addressPrefix": "10.250.0.0/19" } });
        self.put::<SubnetProperties>(&network.child("subnets", &format!("{name}-nodes")), body).await;
    }

    async fn make<P: Properties>(&self, id: &ResourceId, mut body: Value) -> Resource<P> {
        body["location"] = json!(REGION);
        self.put(id, body).await
    }

    async fn put<P: Properties>(&self, id: &ResourceId, body: Value) -> Resource<P> {
        let resource = serde_json::from_value(body).expect("a resource");
        self.session.change(&network::put(id, &resource, None)).await.expect("to be made")
    }
}
