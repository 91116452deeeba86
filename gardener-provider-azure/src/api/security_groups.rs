//! Network security groups. Their rules are written by the cluster's cloud controller.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/network-security-groups>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    RestRequest,
    network::{self, Properties, Resource, sample_group},
};

/// A network security group.
pub type SecurityGroup = Resource<SecurityGroupProperties>;

/// The properties of a network security group: all kept as they came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityGroupProperties {
    /// How it is going.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Properties for SecurityGroupProperties {
    const KIND: &'static str = "networkSecurityGroups";
    const GET: &'static str = "NetworkSecurityGroups_Get";
    const PUT: &'static str = "NetworkSecurityGroups_CreateOrUpdate";
    const READ_ONLY: &'static [&'static str] = &["defaultSecurityRules", "networkInterfaces", "subnets"];

    fn provisioning_state(&self) -> Option<&str> {
        self.provisioning_state.as_deref()
    }
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let id = sample_group().network("networkSecurityGroups", "shoot--demo--app-workers");
    vec![
        network::get::<SecurityGroupProperties>(&id).request,
        network::put(&id, &SecurityGroup::new("westeurope"), None).request,
    ]
}
