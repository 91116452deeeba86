//! VPC networks
//! ([compute.networks](https://cloud.google.com/compute/docs/reference/rest/v1/networks)).

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Mutation, Operation, RestRequest, compute};

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Network {
    /// Its name, unique in the project.
    pub name: String,
    /// Its URL.
    pub self_link: String,
    /// True if Google Cloud makes a subnet in every region.
    pub auto_create_subnetworks: bool,
    /// The size of the largest packet; 1460 if it is not told.
    pub mtu: Option<u32>,
    /// How routes are learned.
    pub routing_config: RoutingConfig,
}

/// How routes are learned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RoutingConfig {
    /// `REGIONAL` or `GLOBAL`.
    pub routing_mode: String,
}

fn networks(operation: &'static str, project: &str) -> RestRequest {
    compute(operation, project).segments(["global", "networks"])
}

/// The network of this name.
pub fn get_network(project: &str, name: &str) -> Operation<Network> {
    Operation::json(networks("compute.networks.get", project).segments([name]))
}

/// Makes a network without subnets.
pub fn insert_network(project: &str, name: &str, routing_mode: &str, mtu: Option<u32>) -> Mutation {
    let mut body = json!({
        "name": name,
        "description": "gardener-managed VPC",
        "autoCreateSubnetworks": false,
        "routingConfig": { "routingMode": routing_mode },
    });
    if let Some(mtu) = mtu {
        body["mtu"] = mtu.into();
    }
    Operation::json(networks("compute.networks.insert", project).json(&body))
}

/// Changes how a network learns routes; nothing else of it can be changed.
pub fn patch_network(project: &str, name: &str, routing_mode: &str) -> Mutation {
    let body = json!({ "routingConfig": { "routingMode": routing_mode } });
    let request = networks("compute.networks.patch", project).segments([name]);
    Operation::json(request.json(&body))
}

/// Deletes a network.
pub fn delete_network(project: &str, name: &str) -> Mutation {
    Operation::json(networks("compute.networks.delete", project).segments([name]))
}

pub(super) fn samples() -> Vec<RestRequest> {
    vec![
        get_network("p", "n").request,
        insert_network("p", "n", "REGIONAL", Some(1500)).request,
        patch_network("p", "n", "REGIONAL").request,
        delete_network("p", "n").request,
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_new_network_has_no_subnets_and_a_patch_only_the_routing_mode() {
        let body = |operation: Mutation| serde_json::from_slice::<Value>(&operation.request.body).unwrap();
        let new = body(insert_network("p", "n", "REGIONAL", None));
        assert_eq!((&new["autoCreateSubnetworks"], new.get("mtu")), (&json!(false), None));
        assert_eq!(body(insert_network("p", "n", "REGIONAL", Some(1500)))["mtu"], 1500);
        let patch = body(patch_network("p", "n", "REGIONAL"));
        assert_eq!(patch, json!({ "routingConfig": { "routingMode": "REGIONAL" } }));
    }

    #[test]
    fn what_a_reply_leaves_out_has_its_default() {
        let network: Network = serde_json::from_value(json!({ "name": "n", "unknown": 1 })).unwrap();
        assert_eq!((network.mtu, network.auto_create_subnetworks), (None, false));
    }
}
