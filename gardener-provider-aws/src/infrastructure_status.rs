//! `InfrastructureStatus` of `aws.provider.extensions.gardener.cloud/v1alpha1`: what later steps need to know of an
//! infrastructure, as Gardener reads and writes it.
//!
//! Source: [fields](https://github.com/gardener/gardener-extension-provider-aws/blob/master/hack/api-reference/api.md).

use gardener_provider_client::config;
use gardener_provider_core::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::infrastructure_config::API_VERSION;

/// `InfrastructureStatus`, the kind.
pub const KIND: &str = "InfrastructureStatus";
/// The purpose of what is for the nodes.
pub const PURPOSE_NODES: &str = "nodes";
/// The purpose of what is for public load balancers.
pub const PURPOSE_PUBLIC: &str = "public";
/// The purpose of what is for internal load balancers.
pub const PURPOSE_INTERNAL: &str = "internal";

/// An infrastructure as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InfrastructureStatus {
    /// The API group and version.
    pub api_version: String,
    /// `InfrastructureStatus`.
    pub kind: String,
    /// The key pair.
    pub ec2: Ec2Status,
    /// The identities.
    pub iam: IamStatus,
    /// The VPC and what is in it.
    pub vpc: VpcStatus,
    /// The shared file system.
    #[serde(skip_serializing_if = "ElasticFileSystemStatus::is_none")]
    pub elastic_file_system: ElasticFileSystemStatus,
}

impl Default for InfrastructureStatus {
    fn default() -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            ec2: Ec2Status::default(),
            iam: IamStatus::default(),
            vpc: VpcStatus::default(),
            elastic_file_system: ElasticFileSystemStatus::default(),
        }
    }
}

/// The key pair.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Ec2Status {
    /// Its name; empty if there is none.
    pub key_name: String,
}

/// The identities.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct IamStatus {
    /// The instance profiles.
    pub instance_profiles: Vec<InstanceProfileStatus>,
    /// The roles.
    pub roles: Vec<RoleStatus>,
}

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InstanceProfileStatus {
    /// What it is for.
    pub purpose: String,
    /// Its name.
    pub name: String,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RoleStatus {
    /// What it is for.
    pub purpose: String,
    /// Its ARN.
    pub arn: String,
}

/// The VPC and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct VpcStatus {
    /// The VPC.
    pub id: String,
    /// The subnets.
    pub subnets: Vec<SubnetStatus>,
    /// The security groups.
    pub security_groups: Vec<SecurityGroupStatus>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubnetStatus {
    /// What it is for.
    pub purpose: String,
    /// Its id.
    pub id: String,
    /// Its zone.
    pub zone: String,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SecurityGroupStatus {
    /// What it is for.
    pub purpose: String,
    /// Its id.
    pub id: String,
}

/// The shared file system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ElasticFileSystemStatus {
    /// Its id; empty if there is none. Gardener spells the field in capitals.
    #[serde(rename = "ID")]
    pub id: String,
}

impl ElasticFileSystemStatus {
    fn is_none(&self) -> bool {
        self.id.is_empty()
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

    /// The id of the subnet for this purpose in this zone.
    pub fn subnet(&self, purpose: &str, zone: &str) -> Option<&str> {
        let matching = |subnet: &&SubnetStatus| subnet.purpose == purpose && subnet.zone == zone;
        self.vpc.subnets.iter().find(matching).map(|subnet| subnet.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_as_gardener_writes_it_is_read_and_written_back() {
        let value = json!({
            "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureStatus",
            "ec2": { "keyName": "shoot--p--c-ssh-publickey" },
            "iam": {
                "instanceProfiles": [{ "purpose": "nodes", "name": "shoot--p--c-nodes" }],
                "roles": [{ "purpose": "nodes", "arn": "arn:aws:iam::1:role/shoot--p--c-nodes" }],
            },
            "vpc": {
                "id": "vpc-1",
                "subnets": [
                    { "purpose": "nodes", "id": "subnet-1", "zone": "eu-west-1a" },
                    { "purpose": "public", "id": "subnet-2", "zone": "eu-west-1a" },
                ],
                "securityGroups": [{ "purpose": "nodes", "id": "sg-1" }],
            },
            "elasticFileSystem": { "ID": "fs-1" },
        });
        let status = InfrastructureStatus::parse(&value).unwrap();
        assert_eq!(status.subnet(PURPOSE_PUBLIC, "eu-west-1a"), Some("subnet-2"));
        assert_eq!(status.subnet(PURPOSE_INTERNAL, "eu-west-1a"), None);
        assert_eq!(serde_json::to_value(&status).unwrap(), value);
    }

    #[test]
    fn a_wrong_status_names_the_field() {
        let error = |value: Value| InfrastructureStatus::parse(&value).unwrap_err().to_string();
        assert!(error(json!({ "kind": "Other" })).starts_with("kind: \"Other\" must be"));
        assert!(error(json!({ "vpc": { "subnets": [{ "id": 1 }] } })).starts_with("vpc.subnets[0].id: "));
    }
}
