//! Cloud Routers and the NAT gateways that are part of them
//! ([compute.routers](https://cloud.google.com/compute/docs/reference/rest/v1/routers)).
//!
//! A router has no fingerprint, and a patch replaces the list of all its NAT gateways: they are kept as the cloud
//! described them, so that what is not known here is given back unchanged.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mutation, Operation, RestRequest, compute};

/// A router.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Router {
    /// Its name, unique in the project's region.
    pub name: String,
    /// Its URL.
    pub self_link: String,
    /// The URL of its network.
    pub network: String,
    /// Its NAT gateways, as they were described.
    pub nats: Vec<Value>,
}

impl Router {
    /// The NAT gateway of this name.
    pub fn nat(&self, name: &str) -> Option<&Value> {
        self.nats.iter().find(|nat| is_named(nat, name))
    }

    /// All NAT gateways but the one of this name.
    pub fn other_nats(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.nats.iter().filter(move |nat| !is_named(nat, name))
    }
}

fn is_named(nat: &Value, name: &str) -> bool {
    nat.get("name").and_then(Value::as_str) == Some(name)
}

fn routers(operation: &'static str, project: &str, region: &str) -> RestRequest {
    compute(operation, project).segments(["regions", region, "routers"])
}

/// The router of this name.
pub fn get_router(project: &str, region: &str, name: &str) -> Operation<Router> {
    Operation::json(routers("compute.routers.get", project, region).segments([name]))
}

/// Makes a router without NAT gateways.
pub fn insert_router(project: &str, region: &str, name: &str, network: &str) -> Mutation {
    let body = json!({ "name": name, "description": "gardener-managed router", "network": network });
    Operation::json(routers("compute.routers.insert", project, region).json(&body))
}

/// Replaces all NAT gateways of a router.
pub fn patch_router_nats(project: &str, region: &str, name: &str, nats: &[Value]) -> Mutation {
    let request = routers("compute.routers.patch", project, region);
    Operation::json(request.segments([name]).json(&json!({ "nats": nats })))
}

/// Deletes a router and its NAT gateways.
pub fn delete_router(project: &str, region: &str, name: &str) -> Mutation {
    Operation::json(routers("compute.routers.delete", project, region).segments([name]))
}

pub(super) fn samples() -> Vec<RestRequest> {
    let nat = json!({
        "name": "nat",
        "natIpAllocateOption": "MANUAL_ONLY",
        "natIps": ["projects/p/regions/r/addresses/a"],
        "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{
            "name": "projects/p/regions/r/subnetworks/s",
            "sourceIpRangesToNat": ["ALL_IP_RANGES"],
        }],
        "enableDynamicPortAllocation": true,
        "enableEndpointIndependentMapping": false,
        "minPortsPerVm": 64,
        "maxPortsPerVm": 65536,
        "icmpIdleTimeoutSec": 30,
        "tcpEstablishedIdleTimeoutSec": 1200,
        "tcpTimeWaitTimeoutSec": 120,
        "tcpTransitoryIdleTimeoutSec": 30,
        "udpIdleTimeoutSec": 30,
        "logConfig": { "enable": true, "filter": "ERRORS_ONLY" },
    });
    vec![
        get_router("p", "r", "router").request,
        insert_router("p", "r", "router", "projects/p/global/networks/n").request,
        patch_router_nats("p", "r", "router", &[nat]).request,
        delete_router("p", "r", "router").request,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_found_by_its_exact_name_and_the_others_as_they_were() {
        let nats = json!([{ "name": "nat", "a": 1 }, { "name": "nat-2", "new": { "b": [2] } }, {}]);
        let router: Router = serde_json::from_value(json!({ "name": "r", "nats": nats })).unwrap();
        assert_eq!(router.nat("nat"), Some(&nats[0]));
        assert_eq!(router.nat("na"), None);
        assert_eq!(router.other_nats("nat").collect::<Vec<_>>(), [&nats[1], &nats[2]]);
        let patch = patch_router_nats("p", "r", "router", &router.nats).request;
        assert_eq!(serde_json::from_slice::<Value>(&patch.body).unwrap(), json!({ "nats": nats }));
    }
}
