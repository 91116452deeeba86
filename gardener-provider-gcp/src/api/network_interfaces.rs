//! Alias ranges of network interfaces
//! ([compute.instances.updateNetworkInterface](https://cloud.google.com/compute/docs/reference/rest/v1/instances/updateNetworkInterface)).

use http::Method;
use serde_json::json;

use super::{
    Mutation, RestRequest, compute,
    instances::{AliasRange, NetworkInterface},
};

/// Replaces the alias ranges of a network interface, if it is still as it was seen.
pub fn set_alias_ranges(
    project: &str,
    zone: &str,
    instance: &str,
    interface: &NetworkInterface,
    ranges: &[AliasRange],
) -> Mutation {
    let mut request = compute("compute.instances.updateNetworkInterface", project)
        .segments(["zones", zone, "instances", instance, "updateNetworkInterface"])
        .query("networkInterface", &interface.name);
    request.method = Method::PATCH;
    let body = json!({ "fingerprint": interface.fingerprint, "aliasIpRanges": ranges });
    Mutation::json(request.json(&body))
}

pub(super) fn samples() -> Vec<RestRequest> {
    let interface =
        NetworkInterface { name: "nic0".to_owned(), fingerprint: "Zm9v".to_owned(), ..Default::default() };
    let range = Some("pods".to_owned());
    let ranges = [AliasRange { ip_cidr_range: "100.64.1.0/24".to_owned(), subnetwork_range_name: range }];
    vec![set_alias_ranges("p", "z", "i", &interface, &ranges).request]
}
