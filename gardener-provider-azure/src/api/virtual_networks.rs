//! Virtual networks.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/virtual-networks>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    RestRequest,
    network::{self, Properties, Resource, SubResource, sample_group},
};

/// A virtual network.
pub type VirtualNetwork = Resource<VirtualNetworkProperties>;

/// The properties of a virtual network. Its subnets and peerings are among what is kept as it came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualNetworkProperties {
    /// Its addresses.
    pub address_space: AddressSpace,
    /// True if a plan protects it against denial of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ddos_protection: Option<bool>,
    /// The plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ddos_protection_plan: Option<SubResource>,
    /// How it is going.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The addresses of a virtual network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddressSpace {
    /// CIDRs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub address_prefixes: Vec<String>,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Properties for VirtualNetworkProperties {
    const KIND: &'static str = "virtualNetworks";
    const GET: &'static str = "VirtualNetworks_Get";
    const PUT: &'static str = "VirtualNetworks_CreateOrUpdate";

    fn provisioning_state(&self) -> Option<&str> {
        self.provisioning_state.as_deref()
    }
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let id = sample_group().network("virtualNetworks", "shoot--demo--app");
    let mut network = VirtualNetwork::new("westeurope");
    network.properties.address_space.address_prefixes = vec!["10.250.0.0/16".to_owned()];
    network.properties.enable_ddos_protection = Some(true);
    let plan = sample_group().network("ddosProtectionPlans", "plan");
    network.properties.ddos_protection_plan = Some(SubResource::new(plan));
    vec![
        network::get::<VirtualNetworkProperties>(&id).request,
        network::put(&id, &network, Some("W/\"00000000-0000-0000-0000-000000000000\"")).request,
    ]
}
