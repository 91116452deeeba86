//! `InfrastructureConfig` of `azure.provider.extensions.gardener.cloud/v1alpha1`, as Gardener reads and writes it.
//!
//! Sources: [usage](https://github.com/gardener/gardener-extension-provider-azure/blob/master/docs/usage/usage.md),
//! [fields](https://github.com/gardener/gardener-extension-provider-azure/blob/master/hack/api-reference/api.md).

mod update;
mod validate;

use gardener_provider_client::config;
use gardener_provider_core::{Networking, Result, Violation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The API version of the configuration and of the status.
pub(crate) const API_VERSION: &str = "azure.provider.extensions.gardener.cloud/v1alpha1";
const KIND: &str = "InfrastructureConfig";

/// What a user asks for. Fields that are absent take Gardener's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InfrastructureConfig {
    /// The API group and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// `InfrastructureConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// An existing resource group for the cluster. Gardener knows the field and refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<ResourceGroup>,
    /// The networks.
    pub networks: Networks,
    /// An identity of the user's for the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Whether the cluster uses availability zones; cannot be changed later.
    #[serde(skip_serializing_if = "is_false")]
    pub zoned: bool,
}

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ResourceGroup {
    /// Its name.
    pub name: String,
}

/// The networks: one subnet for all nodes (`workers`), one for each zone (`zones`), or the user's (`subnet`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Networks {
    /// The virtual network.
    pub vnet: Vnet,
    /// The CIDR of the one subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<String>,
    /// The NAT gateway of the one subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat_gateway: Option<NatGateway>,
    /// Services that the one subnet reaches over Azure's own network, such as `Microsoft.Storage`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_endpoints: Vec<String>,
    /// The zones with their subnets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Zone>,
    /// A subnet of the user's in a virtual network of the user's, with its route table and network security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<SubnetReference>,
}

/// A subnet of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubnetReference {
    /// Its name.
    pub name: String,
}

/// A virtual network: an existing one or a new one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Vnet {
    /// The user's virtual network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The resource group of the user's virtual network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// The CIDR of a new one; else that of `workers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
    /// The resource id of a DDoS protection plan for a new one.
    #[serde(rename = "ddosProtectionPlanID", skip_serializing_if = "Option::is_none")]
    pub ddos_protection_plan_id: Option<String>,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NatGateway {
    /// Whether there should be one.
    pub enabled: bool,
    /// After how many minutes idle flows end, 4 to 120; Azure's default is 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_connection_timeout_minutes: Option<i32>,
    /// The zone it stands in; not for that of a zone, which has the zone's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<i32>,
    /// `Standard`, which stands in one zone and is the default, or `StandardV2`, which spans all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The user's public IP addresses for it, instead of one of ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_addresses: Vec<PublicIpReference>,
}

/// A public IP address of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PublicIpReference {
    /// Its name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<i32>,
}

/// A zone and its subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Zone {
    /// The number of the zone.
    pub name: i32,
    /// The CIDR of its subnet.
    pub cidr: String,
    /// Services that its subnet reaches over Azure's own network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_endpoints: Vec<String>,
    /// The NAT gateway of its subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat_gateway: Option<ZonedNatGateway>,
}

/// The NAT gateway of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ZonedNatGateway {
    /// Whether there should be one.
    pub enabled: bool,
    /// After how many minutes idle flows end, 4 to 120; Azure's default is 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_connection_timeout_minutes: Option<i32>,
    /// `Standard`; no other can stand in a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The user's public IP addresses for it, in this zone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_addresses: Vec<ZonedPublicIpReference>,
}

/// A public IP address of the user's in the zone of its NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ZonedPublicIpReference {
    /// Its name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
}

/// An identity of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Whether nodes pull images from an Azure Container Registry with it.
    #[serde(rename = "acrAccess", skip_serializing_if = "Option::is_none")]
    pub acr_access: Option<bool>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl InfrastructureConfig {
    /// Reads a config strictly: every field must be known.
    ///
    /// # Errors
    /// All unknown fields, or the first of a wrong type.
    pub fn parse(value: &Value) -> Result<Self, Vec<Violation>> {
        config::parse(KIND, value)
    }

    /// A config that passed [`validate`], for a request.
    ///
    /// # Errors
    /// `InvalidArgument` with the first violation, the number of the others and their fields.
    pub fn valid(value: &Value, networking: &Networking) -> Result<Self> {
        let checked = Self::parse(value).and_then(|config| {
            let violations = validate::create(&config, networking);
            if violations.is_empty() { Ok(config) } else { Err(violations) }
        });
        checked.map_err(|violations| config::refusal(KIND, violations))
    }
}

impl Networks {
    /// True if all nodes share one subnet.
    pub fn is_single_subnet(&self) -> bool {
        self.zones.is_empty()
    }
}

impl Vnet {
    /// The user's virtual network: its resource group and name.
    pub fn given(&self) -> Option<(&str, &str)> {
        self.resource_group.as_deref().zip(self.name.as_deref())
    }
}

/// Everything that is wrong with a config, and with the step from `old` to it.
///
/// `old` was accepted once and may hold fields that are unknown today.
pub fn validate(new: &Value, old: Option<&Value>, networking: &Networking) -> Vec<Violation> {
    let new = match InfrastructureConfig::parse(new) {
        Ok(config) => config,
        Err(violations) => return violations,
    };
    let mut violations = validate::create(&new, networking);
    if let Some((old, _)) = old.and_then(|old| config::read(KIND, old).ok()) {
        violations.extend(update::update(&old, &new));
    }
    violations
}

#[cfg(test)]
mod tests;
