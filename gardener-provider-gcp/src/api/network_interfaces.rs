//! Network interfaces of instances and their alias ranges
//! ([compute.instances.updateNetworkInterface](https://cloud.google.com/compute/docs/reference/rest/v1/instances/updateNetworkInterface)).

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Mutation, Operation, RestRequest, compute};

/// An instance, as far as its network interfaces and tags go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Attached {
    /// The first is the one that the routes of its pods lead to.
    pub network_interfaces: Vec<NetworkInterface>,
    /// Its network tags.
    pub tags: Tags,
}

/// Network tags.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tags {
    /// The tags.
    pub items: Vec<String>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NetworkInterface {
    /// `nic0` and so on.
    pub name: String,
    /// What an update must carry.
    pub fingerprint: String,
    /// Ranges that belong to the instance beside its address.
    pub alias_ip_ranges: Vec<AliasRange>,
}

/// A range that belongs to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AliasRange {
    /// The CIDR.
    pub ip_cidr_range: String,
    /// The further range of the subnet that it is from; none: the subnet's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnetwork_range_name: Option<String>,
}

impl AliasRange {
    /// A range from a further range of the subnet.
    pub fn new(cidr: &str, range: &str) -> Self {
        Self { ip_cidr_range: cidr.to_owned(), subnetwork_range_name: Some(range.to_owned()) }
    }
}

fn instance(operation: &'static str, project: &str, zone: &str, name: &str) -> RestRequest {
    compute(operation, project).segments(["zones", zone, "instances", name])
}

/// The network interfaces and tags of an instance.
pub fn get_attached(project: &str, zone: &str, instance: &str) -> Operation<Attached> {
    let request = self::instance("compute.instances.get", project, zone, instance);
    Operation::json(request)
}

/// Replaces the alias ranges of a network interface, if it is still as it was seen.
pub fn set_alias_ranges(
    project: &str,
    zone: &str,
    instance: &str,
    interface: &NetworkInterface,
    ranges: &[AliasRange],
) -> Mutation {
    let name = "compute.instances.updateNetworkInterface";
    let mut request = self::instance(name, project, zone, instance);
    request.method = Method::PATCH;
    let body = json!({ "fingerprint": interface.fingerprint, "aliasIpRanges": ranges });
    let request = request.segments(["updateNetworkInterface"]).query("networkInterface", &interface.name);
    Operation::json(request.json(&body))
}

pub(super) fn samples() -> Vec<RestRequest> {
    let interface =
        NetworkInterface { name: "nic0".to_owned(), fingerprint: "Zm9v".to_owned(), ..Default::default() };
    let ranges = [AliasRange::new("100.64.1.0/24", "pods")];
    vec![get_attached("p", "z", "i").request, set_alias_ranges("p", "z", "i", &interface, &ranges).request]
}
