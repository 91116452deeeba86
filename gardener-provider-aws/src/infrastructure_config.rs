//! `InfrastructureConfig` of `aws.provider.extensions.gardener.cloud/v1alpha1`, as Gardener reads and writes it.
//!
//! Sources: [usage](https://github.com/gardener/gardener-extension-provider-aws/blob/master/docs/usage/usage.md),
//! [fields](https://github.com/gardener/gardener-extension-provider-aws/blob/master/hack/api-reference/api.md).

mod update;
mod validate;

use gardener_provider_client::config;
use gardener_provider_core::{IpFamily, Networking, Region, Result, Violation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The API version of the configuration and of the status.
pub(crate) const API_VERSION: &str = "aws.provider.extensions.gardener.cloud/v1alpha1";
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
    /// Whether nodes may pull from ECR; true unless told.
    #[serde(rename = "enableECRAccess", skip_serializing_if = "Option::is_none")]
    pub enable_ecr_access: Option<bool>,
    /// IPv6 beside IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dual_stack: Option<DualStack>,
    /// The networks.
    pub networks: Networks,
    /// Tags that are left as they are, though their keys would be ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_tags: Option<IgnoreTags>,
    /// Hardware that is shared with nobody; cannot be changed later.
    #[serde(rename = "enableDedicatedTenancyForVPC", skip_serializing_if = "Option::is_none")]
    pub enable_dedicated_tenancy_for_vpc: Option<bool>,
    /// A shared file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elastic_file_system: Option<ElasticFileSystem>,
    /// Whether the nodes' MTU is set for them; of no account for the infrastructure.
    #[serde(rename = "enableMTUCustomizer", skip_serializing_if = "Option::is_none")]
    pub enable_mtu_customizer: Option<bool>,
}

/// IPv6 beside IPv4.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DualStack {
    /// Whether it is wanted; cannot be taken back.
    pub enabled: bool,
}

/// The networks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Networks {
    /// The VPC.
    pub vpc: Vpc,
    /// The zones.
    pub zones: Vec<Zone>,
    /// A security group of the user's for the nodes, instead of one of ours.
    #[serde(rename = "nodesSecurityGroupID", skip_serializing_if = "Option::is_none")]
    pub nodes_security_group_id: Option<String>,
}

/// A VPC: an existing one or a new one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Vpc {
    /// The user's VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The CIDR of a new VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
    /// Services reached over a gateway endpoint: `s3`, `dynamodb`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateway_endpoints: Vec<String>,
    /// Where the IPv6 block comes from; else Amazon gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_ipam_pool: Option<IpamPool>,
}

/// A pool of the VPC IP Address Manager.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct IpamPool {
    /// The pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The /56 to take from it; else any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block: Option<String>,
}

/// A zone: either the CIDRs of subnets to make, or the user's subnets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Zone {
    /// The availability zone.
    pub name: String,
    /// The CIDR for internal load balancers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal: Option<String>,
    /// The CIDR for public load balancers and the NAT gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
    /// The CIDR for the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<String>,
    /// The user's subnet for the nodes.
    #[serde(rename = "workersSubnetID", skip_serializing_if = "Option::is_none")]
    pub workers_subnet_id: Option<String>,
    /// The user's subnet for public load balancers.
    #[serde(rename = "publicSubnetID", skip_serializing_if = "Option::is_none")]
    pub public_subnet_id: Option<String>,
    /// The user's subnet for internal load balancers.
    #[serde(rename = "internalSubnetID", skip_serializing_if = "Option::is_none")]
    pub internal_subnet_id: Option<String>,
    /// The user's elastic IP for the NAT gateway.
    #[serde(rename = "elasticIPAllocationID", skip_serializing_if = "Option::is_none")]
    pub elastic_ip_allocation_id: Option<String>,
}

/// Tags that are left alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct IgnoreTags {
    /// By key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// By the beginning of the key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_prefixes: Vec<String>,
}

/// A shared file system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ElasticFileSystem {
    /// Whether there should be one.
    pub enabled: bool,
    /// The user's; else one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
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
    pub fn valid(value: &Value, region: &Region, networking: &Networking) -> Result<Self> {
        let checked = Self::parse(value).and_then(|config| {
            let violations = validate::create(&config, region, networking);
            if violations.is_empty() { Ok(config) } else { Err(violations) }
        });
        checked.map_err(|violations| config::refusal(KIND, violations))
    }

    /// True if the user gives the subnets too.
    pub fn uses_given_subnets(&self) -> bool {
        self.networks.zones.iter().any(Zone::is_given)
    }

    /// True if there is IPv6, alone or beside IPv4.
    pub fn uses_ipv6(&self, networking: &Networking) -> bool {
        networking.has(IpFamily::V6) || self.dual_stack.as_ref().is_some_and(|dual| dual.enabled)
    }

    /// True if a shared file system is wanted.
    pub fn uses_efs(&self) -> bool {
        self.elastic_file_system.as_ref().is_some_and(|efs| efs.enabled)
    }

    /// True if nodes may pull from ECR.
    pub fn allows_ecr(&self) -> bool {
        self.enable_ecr_access.unwrap_or(true)
    }
}

impl Zone {
    /// True if the user gives the zone's subnets.
    pub fn is_given(&self) -> bool {
        self.workers_subnet_id.is_some()
            || self.public_subnet_id.is_some()
            || self.internal_subnet_id.is_some()
    }
}

impl IgnoreTags {
    /// True if a tag of this key is to be left alone.
    pub fn covers(&self, key: &str) -> bool {
        self.keys.iter().any(|ignored| ignored == key)
            || self.key_prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
    }
}

/// Everything that is wrong with a config, and with the step from `old` to it.
///
/// `old` was accepted once and may hold fields that are unknown today.
pub fn validate(
    new: &Value,
    old: Option<&Value>,
    region: &Region,
    networking: &Networking,
) -> Vec<Violation> {
    let new = match InfrastructureConfig::parse(new) {
        Ok(config) => config,
        Err(violations) => return violations,
    };
    let mut violations = validate::create(&new, region, networking);
    if let Some((old, _)) = old.and_then(|old| config::read::<InfrastructureConfig>(KIND, old).ok()) {
        violations.extend(update::update(&old, &new));
    }
    violations
}

#[cfg(test)]
mod tests;
