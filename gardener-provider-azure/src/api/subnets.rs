//! Subnets.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/subnets>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    RestRequest,
    network::{self, Properties, Resource, SubResource, sample_group},
};

/// A subnet.
pub type Subnet = Resource<SubnetProperties>;

/// The properties of a subnet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubnetProperties {
    /// Its CIDR, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_prefix: Option<String>,
    /// Its CIDRs, if it has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub address_prefixes: Vec<String>,
    /// Its network security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_security_group: Option<SubResource>,
    /// Its route table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_table: Option<SubResource>,
    /// Its NAT gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat_gateway: Option<SubResource>,
    /// The services that it reaches over Azure's own network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_endpoints: Vec<ServiceEndpoint>,
    /// How it is going.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A service that a subnet reaches over Azure's own network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceEndpoint {
    /// `Microsoft.Storage`.
    pub service: String,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ServiceEndpoint {
    /// The endpoint of a service.
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), more: Map::new() }
    }
}

impl Properties for SubnetProperties {
    const KIND: &'static str = "subnets";
    const GET: &'static str = "Subnets_Get";
    const LIST: &'static str = "Subnets_List";
    const PUT: &'static str = "Subnets_CreateOrUpdate";
    const DELETE: &'static str = "Subnets_Delete";

    fn provisioning_state(&self) -> Option<&str> {
        self.provisioning_state.as_deref()
    }
}

impl SubnetProperties {
    /// All its CIDRs. Azure shows one alone in either way, or in both.
    pub fn prefixes(&self) -> Vec<&str> {
        let mut prefixes: Vec<_> = self.address_prefixes.iter().map(String::as_str).collect();
        let one = self.address_prefix.as_deref().filter(|one| !prefixes.contains(one));
        prefixes.extend(one);
        prefixes
    }

    /// True if it reaches a service over Azure's own network.
    pub fn reaches(&self, service: &str) -> bool {
        self.service_endpoints.iter().any(|endpoint| endpoint.service.eq_ignore_ascii_case(service))
    }
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let group = sample_group();
    let parent = group.network("virtualNetworks", "shoot--demo--app");
    let id = parent.child("subnets", "shoot--demo--app-nodes-z1");
    let properties = SubnetProperties {
        address_prefix: Some("10.250.0.0/19".to_owned()),
        network_security_group: Some(SubResource::new(group.network("networkSecurityGroups", "workers"))),
        route_table: Some(SubResource::new(group.network("routeTables", "worker_route_table"))),
        nat_gateway: Some(SubResource::new(group.network("natGateways", "nat"))),
        service_endpoints: vec![ServiceEndpoint::new("Microsoft.Storage")],
        ..SubnetProperties::default()
    };
    let subnet = Subnet { properties, ..Subnet::default() };
    vec![
        network::get::<SubnetProperties>(&id).request,
        network::list::<SubnetProperties>(&parent).request,
        network::put(&id, &subnet, Some("W/\"00000000-0000-0000-0000-000000000000\"")).request,
        network::delete::<SubnetProperties>(&id).request,
    ]
}
