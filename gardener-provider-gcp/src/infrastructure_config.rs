//! `InfrastructureConfig` of `gcp.provider.extensions.gardener.cloud/v1alpha1`, as Gardener reads and writes it.
//!
//! Sources: [usage](https://github.com/gardener/gardener-extension-provider-gcp/blob/master/docs/usage/usage.md),
//! [fields](https://github.com/gardener/gardener-extension-provider-gcp/blob/master/hack/api-reference/api.md).

mod update;
mod validate;

use gardener_provider_client::config;
use gardener_provider_core::{IpFamily, Networking, Result, Violation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The API version of the configuration and of the status.
pub(crate) const API_VERSION: &str = "gcp.provider.extensions.gardener.cloud/v1alpha1";
const KIND: &str = "InfrastructureConfig";

/// What a user asks for. Fields that are absent take Gardener's defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InfrastructureConfig {
    /// The API group and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// `InfrastructureConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The networks.
    pub networks: Networks,
}

/// The networks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Networks {
    /// The user's VPC; else one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<Vpc>,
    /// How the nodes reach the internet.
    #[serde(rename = "cloudNAT", skip_serializing_if = "Option::is_none")]
    pub cloud_nat: Option<CloudNat>,
    /// The CIDR of a subnet for internal load balancers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal: Option<String>,
    /// The former name of `workers`. Gardener writes it as an empty text where it is not used.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub worker: String,
    /// The CIDR of the subnet for the nodes. It can be extended later.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workers: String,
    /// Logs of the connections in the nodes' subnet; none unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_logs: Option<FlowLogs>,
    /// The size of the largest packet in a VPC of ours, in bytes; Google Cloud takes 1460 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The user's subnet for the nodes, instead of one of ours. The way to the internet and the firewall rules are then the
    /// user's too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_workers: Option<SubnetReference>,
    /// With `subnet_workers` and IPv6: the user's subnet from which services have their IPv6 addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_services: Option<SubnetReference>,
}

/// A subnet of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubnetReference {
    /// Its name.
    pub name: String,
    /// The name of its secondary range for pods; with IPv6, of the nodes' subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_secondary_range_name: Option<String>,
}

/// A VPC of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Vpc {
    /// Its name.
    pub name: String,
    /// The user's router in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_router: Option<CloudRouter>,
}

/// A router of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CloudRouter {
    /// Its name.
    pub name: String,
}

/// How the nodes reach the internet: a NAT gateway of the router.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CloudNat {
    /// Whether connections to different places may share a port; disabled unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_independent_mapping: Option<EndpointIndependentMapping>,
    /// How many ports a node has at least; 2048 unless told.
    #[serde(rename = "minPortsPerVM", skip_serializing_if = "Option::is_none")]
    pub min_ports_per_vm: Option<u32>,
    /// How many ports a node may have with dynamic allocation; 65536 unless told.
    #[serde(rename = "maxPortsPerVM", skip_serializing_if = "Option::is_none")]
    pub max_ports_per_vm: Option<u32>,
    /// Whether a node gets more ports when it needs them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enable_dynamic_port_allocation: bool,
    /// The user's addresses; else Google Cloud takes any.
    #[serde(rename = "natIPNames", skip_serializing_if = "Option::is_none")]
    pub nat_ip_names: Option<Vec<NatIpName>>,
    /// After how many seconds an ICMP mapping ends; 30 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_idle_timeout_sec: Option<u32>,
    /// After how many idle seconds an established TCP connection ends; 1200 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_established_idle_timeout_sec: Option<u32>,
    /// For how many seconds the port of a closed TCP connection stays taken; 120 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_time_wait_timeout_sec: Option<u32>,
    /// After how many idle seconds a TCP connection that is not established ends; 30 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_transitory_idle_timeout_sec: Option<u32>,
    /// After how many seconds a UDP mapping ends; 30 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp_idle_timeout_sec: Option<u32>,
}

/// Whether connections to different places may share a port.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EndpointIndependentMapping {
    /// Whether it is wanted.
    pub enabled: bool,
}

/// A reserved external address of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct NatIpName {
    /// Its name.
    pub name: String,
}

/// What is logged of the connections. What is absent takes Gardener's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct FlowLogs {
    /// For how long packets are summed up: `INTERVAL_5_SEC` to `INTERVAL_15_MIN`; `INTERVAL_5_MIN` unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation_interval: Option<String>,
    /// The share of what is logged, 0 to 1; 0.5 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_sampling: Option<f64>,
    /// What is added to each entry; `EXCLUDE_ALL_METADATA` unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
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
    /// The CIDR of the subnet for the nodes and the field that it stands in.
    pub fn nodes_cidr(&self) -> (&'static str, &str) {
        if self.workers.is_empty() && !self.worker.is_empty() {
            return ("networks.worker", &self.worker);
        }
        ("networks.workers", &self.workers)
    }

    /// The name of the user's VPC.
    pub fn given_vpc(&self) -> Option<&str> {
        self.vpc.as_ref().map(|vpc| vpc.name.as_str())
    }

    /// True if the user gives the subnets too.
    pub fn uses_given_subnets(&self) -> bool {
        self.subnet_workers.is_some()
    }

    /// The name of the user's router.
    pub fn given_router(&self) -> Option<&str> {
        self.vpc.as_ref()?.cloud_router.as_ref().map(|router| router.name.as_str())
    }

    /// The names of the user's addresses for NAT; none: Google Cloud takes any.
    pub fn given_addresses(&self) -> impl Iterator<Item = &str> {
        let names = self.cloud_nat.iter().flat_map(|nat| nat.nat_ip_names.iter().flatten());
        names.map(|address| address.name.as_str())
    }
}

/// True if there is IPv6 beside IPv4.
pub(crate) fn is_dual_stack(networking: &Networking) -> bool {
    networking.has(IpFamily::V6)
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
