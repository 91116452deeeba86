//! NAT gateways.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/nat-gateway/nat-gateways>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    RestRequest,
    network::{self, Properties, Resource, Sku, SubResource, sample_group},
};

/// A NAT gateway.
pub type NatGateway = Resource<NatGatewayProperties>;

/// The properties of a NAT gateway.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NatGatewayProperties {
    /// After how many minutes idle flows end; 4 if it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_in_minutes: Option<i32>,
    /// Its public IP addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub public_ip_addresses: Vec<SubResource>,
    /// The subnets that have it for their way out.
    #[serde(skip_serializing)]
    pub subnets: Vec<SubResource>,
    /// How it is going.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Properties for NatGatewayProperties {
    const KIND: &'static str = "natGateways";
    const GET: &'static str = "NatGateways_Get";
    const LIST: &'static str = "NatGateways_List";
    const PUT: &'static str = "NatGateways_CreateOrUpdate";
    const DELETE: &'static str = "NatGateways_Delete";

    fn provisioning_state(&self) -> Option<&str> {
        self.provisioning_state.as_deref()
    }
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let group = sample_group();
    let id = group.network("natGateways", "shoot--demo--app-nat-gateway-z1");
    let mut gateway = NatGateway::new("westeurope");
    gateway.zones = Some(vec!["1".to_owned()]);
    gateway.sku = Some(Sku { name: "Standard".to_owned(), tier: None });
    gateway.properties.idle_timeout_in_minutes = Some(30);
    let address = group.network("publicIPAddresses", "shoot--demo--app-nat-gateway-z1-ip");
    gateway.properties.public_ip_addresses = vec![SubResource::new(address)];
    vec![
        network::get::<NatGatewayProperties>(&id).request,
        network::list::<NatGatewayProperties>(&group).request,
        network::put(&id, &gateway, Some("W/\"00000000-0000-0000-0000-000000000000\"")).request,
        network::delete::<NatGatewayProperties>(&id).request,
    ]
}
