//! Public IP addresses.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/public-ip-addresses>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    RestRequest,
    network::{self, Properties, Resource, Sku, SubResource, Tags, sample_group},
};

/// A public IP address.
pub type PublicIpAddress = Resource<PublicIpAddressProperties>;

/// The properties of a public IP address.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PublicIpAddressProperties {
    /// The address, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// `Static`, `Dynamic`.
    #[serde(rename = "publicIPAllocationMethod", skip_serializing_if = "Option::is_none")]
    pub allocation_method: Option<String>,
    /// `IPv4`, `IPv6`.
    #[serde(rename = "publicIPAddressVersion", skip_serializing_if = "Option::is_none")]
    pub address_version: Option<String>,
    /// What it belongs to, unless that is a NAT gateway.
    #[serde(skip_serializing)]
    pub ip_configuration: Option<SubResource>,
    /// The NAT gateway that it belongs to.
    #[serde(skip_serializing)]
    pub nat_gateway: Option<SubResource>,
    /// How it is going.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Properties for PublicIpAddressProperties {
    const KIND: &'static str = "publicIPAddresses";
    const GET: &'static str = "PublicIPAddresses_Get";
    const LIST: &'static str = "PublicIPAddresses_List";
    const PUT: &'static str = "PublicIPAddresses_CreateOrUpdate";
    const DELETE: &'static str = "PublicIPAddresses_Delete";

    fn provisioning_state(&self) -> Option<&str> {
        self.provisioning_state.as_deref()
    }
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let group = sample_group();
    let id = group.network("publicIPAddresses", "shoot--demo--app-nat-gateway-z1-ip");
    let mut address = PublicIpAddress::new("westeurope");
    address.zones = Some(vec!["1".to_owned()]);
    address.sku = Some(Sku { name: "Standard".to_owned(), tier: Some("Regional".to_owned()) });
    address.tags = Some(Tags::from([("managed-by-gardener".to_owned(), "true".to_owned())]));
    address.properties.allocation_method = Some("Static".to_owned());
    address.properties.address_version = Some("IPv4".to_owned());
    vec![
        network::get::<PublicIpAddressProperties>(&id).request,
        network::list::<PublicIpAddressProperties>(&group).request,
        network::put(&id, &address, None).request,
        network::delete::<PublicIpAddressProperties>(&id).request,
    ]
}
