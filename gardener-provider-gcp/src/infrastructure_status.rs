//! `InfrastructureStatus` of `gcp.provider.extensions.gardener.cloud/v1alpha1`: what later steps need to know of an
//! infrastructure, as Gardener reads and writes it.
//!
//! Source: [fields](https://github.com/gardener/gardener-extension-provider-gcp/blob/master/hack/api-reference/api.md).

use gardener_provider_client::config;
use gardener_provider_core::{IpFamily, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::infrastructure_config::{API_VERSION, CloudRouter};

/// `InfrastructureStatus`, the kind.
pub const KIND: &str = "InfrastructureStatus";
/// The purpose of the subnet for the nodes.
pub const PURPOSE_NODES: &str = "nodes";
/// The purpose of the subnet for internal load balancers.
pub const PURPOSE_INTERNAL: &str = "internal";
/// The purpose of the subnet from which services have their IPv6 addresses.
pub const PURPOSE_SERVICES: &str = "services";

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
    /// The email of the nodes' service account; empty if there is none.
    pub service_account_email: String,
}

impl Default for InfrastructureStatus {
    fn default() -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            networks: NetworkStatus::default(),
            service_account_email: String::new(),
        }
    }
}

/// The networks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NetworkStatus {
    /// The VPC.
    pub vpc: VpcStatus,
    /// The subnets.
    pub subnets: Vec<SubnetStatus>,
    /// The user's addresses for NAT.
    #[serde(rename = "natIPs", skip_serializing_if = "Vec::is_empty")]
    pub nat_ips: Vec<NatIp>,
    /// The IP families.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_families: Vec<IpFamily>,
}

/// The VPC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct VpcStatus {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The router in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_router: Option<CloudRouter>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SubnetStatus {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
}

/// An address of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct NatIp {
    /// The address.
    pub ip: String,
}

impl InfrastructureStatus {
    /// Reads a status. Fields of later versions are passed over.
    ///
    /// # Errors
    /// `InvalidArgument` naming the field that is of a wrong type, or `kind` and `apiVersion` of something else.
    pub fn parse(value: &Value) -> Result<Self> {
        config::parse_status(API_VERSION, KIND, value)
    }

    /// The name of the subnet for this purpose.
    pub fn subnet(&self, purpose: &str) -> Option<&str> {
        let subnets = self.networks.subnets.iter();
        subnets.filter(|subnet| subnet.purpose == purpose).map(|subnet| subnet.name.as_str()).next()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_as_gardener_writes_it_is_read_and_written_back() {
        let value = json!({
            "apiVersion": "gcp.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureStatus",
            "networks": {
                "vpc": { "name": "shoot--p--c", "cloudRouter": { "name": "shoot--p--c-cloud-router" } },
                "subnets": [
                    { "name": "shoot--p--c-nodes", "purpose": "nodes" },
                    { "name": "shoot--p--c-services", "purpose": "services" },
                ],
                "natIPs": [{ "ip": "203.0.113.7" }],
                "ipFamilies": ["IPv4", "IPv6"],
            },
            "serviceAccountEmail": "shoot--p--c@project.iam.gserviceaccount.com",
        });
        let status = InfrastructureStatus::parse(&value).unwrap();
        assert_eq!(status.subnet(PURPOSE_SERVICES), Some("shoot--p--c-services"));
        assert_eq!(status.subnet(PURPOSE_INTERNAL), None);
        assert_eq!(serde_json::to_value(&status).unwrap(), value);
    }

    #[test]
    fn a_wrong_status_names_the_field() {
        let error = |value: Value| InfrastructureStatus::parse(&value).unwrap_err().to_string();
        assert!(error(json!({ "kind": "Other" })).starts_with("kind: \"Other\" must be"));
        let wrong = json!({ "networks": { "subnets": [{ "name": 1 }] } });
        assert!(error(wrong).starts_with("networks.subnets[0].name: "));
    }
}
