//! `InfrastructureStatus` of `azure.provider.extensions.gardener.cloud/v1alpha1`: what later steps need to know of an
//! infrastructure, as Gardener reads and writes it.
//!
//! Source: [fields](https://github.com/gardener/gardener-extension-provider-azure/blob/master/hack/api-reference/api.md).

use gardener_provider_client::config;
use gardener_provider_core::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::infrastructure_config::{API_VERSION, ResourceGroup};

/// `InfrastructureStatus`, the kind.
pub const KIND: &str = "InfrastructureStatus";
/// The purpose of what is for the nodes.
pub const PURPOSE_NODES: &str = "nodes";

/// An infrastructure as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InfrastructureStatus {
    /// The API group and version.
    pub api_version: String,
    /// `InfrastructureStatus`.
    pub kind: String,
    /// The networks.
    pub networks: NetworkStatus,
    /// The cluster's resource group.
    pub resource_group: ResourceGroup,
    /// The route tables.
    pub route_tables: Vec<Purposed>,
    /// The network security groups.
    pub security_groups: Vec<Purposed>,
    /// The user's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityStatus>,
    /// Whether the cluster uses availability zones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub zoned: bool,
}

impl Default for InfrastructureStatus {
    fn default() -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            networks: NetworkStatus::default(),
            resource_group: ResourceGroup::default(),
            route_tables: Vec::new(),
            security_groups: Vec::new(),
            identity: None,
            zoned: false,
        }
    }
}

/// The networks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NetworkStatus {
    /// The virtual network.
    pub vnet: VnetStatus,
    /// The subnets.
    pub subnets: Vec<SubnetStatus>,
    /// How nodes are spread over subnets.
    pub layout: NetworkLayout,
    /// How traffic leaves.
    pub outbound_access_type: OutboundAccess,
}

/// The virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct VnetStatus {
    /// Its name.
    pub name: String,
    /// Its resource group, if it is the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubnetStatus {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// The zone it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// True if it was the one subnet for all nodes before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub migrated: bool,
    /// The id of its NAT gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat_gateway_id: Option<String>,
}

/// Something by name and purpose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Purposed {
    /// What it is for.
    pub purpose: String,
    /// Its name.
    pub name: String,
    /// Its resource group, if that is not the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
}

/// The user's identity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct IdentityStatus {
    /// Its resource id.
    pub id: String,
    /// Its client id.
    #[serde(rename = "clientID")]
    pub client_id: String,
    /// Whether nodes pull images from an Azure Container Registry with it.
    #[serde(rename = "acrAccess")]
    pub acr_access: bool,
}

/// How nodes are spread over subnets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NetworkLayout {
    /// All nodes share one.
    #[default]
    SingleSubnet,
    /// Each zone has its own.
    MultipleSubnet,
}

/// How traffic leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OutboundAccess {
    /// Over NAT gateways, from every subnet.
    #[serde(rename = "NATGateway")]
    NatGateway,
    /// Over the addresses of a load balancer, from one subnet at least.
    #[default]
    LoadBalancer,
    /// As the user arranged it, from a subnet of the user's.
    UserManaged,
}

impl Purposed {
    /// Something of this name for the nodes.
    pub fn for_nodes(name: impl Into<String>) -> Self {
        Self { purpose: PURPOSE_NODES.to_owned(), name: name.into(), resource_group: None }
    }

    /// Something of this name in a resource group that is not the cluster's.
    pub fn of_the_user(name: impl Into<String>, group: impl Into<String>) -> Self {
        Self { resource_group: Some(group.into()), ..Self::for_nodes(name) }
    }
}

impl InfrastructureStatus {
    /// Reads a status. Fields of later versions are passed over.
    ///
    /// # Errors
    /// `InvalidArgument` naming the field that is of a wrong type, or `kind` and `apiVersion` of something else.
    pub fn parse(value: &Value) -> Result<Self> {
        config::parse_status(API_VERSION, KIND, value)
    }

    /// The subnet for nodes in this zone; without a zone, the one for all.
    pub fn subnet(&self, zone: Option<&str>) -> Option<&SubnetStatus> {
        self.networks
            .subnets
            .iter()
            .find(|subnet| subnet.purpose == PURPOSE_NODES && subnet.zone.as_deref() == zone)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_as_gardener_writes_it_is_read_and_written_back() {
        let value = json!({
            "apiVersion": "azure.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureStatus",
            "networks": {
                "vnet": { "name": "my-vnet", "resourceGroup": "my-group" },
                "subnets": [
                    { "name": "shoot--p--c-nodes", "purpose": "nodes", "zone": "1", "migrated": true, "natGatewayId": "/subscriptions/s/n" },
                    { "name": "shoot--p--c-nodes-z2", "purpose": "nodes", "zone": "2" },
                ],
                "layout": "MultipleSubnet",
                "outboundAccessType": "NATGateway",
            },
            "resourceGroup": { "name": "shoot--p--c" },
            "routeTables": [{ "purpose": "nodes", "name": "worker_route_table" }],
            "securityGroups": [{ "purpose": "nodes", "name": "shoot--p--c-workers" }],
            "identity": { "id": "/subscriptions/s/i", "clientID": "c", "acrAccess": true },
            "zoned": true,
        });
        let status = InfrastructureStatus::parse(&value).unwrap();
        assert_eq!(status.subnet(Some("2")).unwrap().name, "shoot--p--c-nodes-z2");
        assert!(status.subnet(None).is_none());
        assert_eq!(serde_json::to_value(&status).unwrap(), value);
    }

    #[test]
    fn a_wrong_status_names_the_field() {
        let error = |value: Value| InfrastructureStatus::parse(&value).unwrap_err().to_string();
        assert!(error(json!({ "kind": "Other" })).starts_with("kind: \"Other\" must be"));
        assert!(error(json!({ "networks": { "layout": "Ring" } })).starts_with("networks.layout: "));
        let name = json!({ "networks": { "subnets": [{ "name": 1 }] } });
        assert!(error(name).starts_with("networks.subnets[0].name: "));
    }
}
