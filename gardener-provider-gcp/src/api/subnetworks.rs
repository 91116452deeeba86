//! Subnets
//! ([compute.subnetworks](https://cloud.google.com/compute/docs/reference/rest/v1/subnetworks)).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Mutation, Operation, RestRequest, compute};

/// A subnet.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Subnetwork {
    /// Its name, unique in the project's region.
    pub name: String,
    /// Its URL.
    pub self_link: String,
    /// The URL of its network.
    pub network: String,
    /// Its IPv4 range.
    pub ip_cidr_range: String,
    /// What a patch must carry: it changes with every change.
    pub fingerprint: String,
    /// `IPV4_ONLY`, `IPV4_IPV6` or `IPV6_ONLY`.
    pub stack_type: Option<String>,
    /// `EXTERNAL` or `INTERNAL`.
    pub ipv6_access_type: Option<String>,
    /// Its IPv6 range, if that is external.
    pub external_ipv6_prefix: Option<String>,
    /// Its IPv6 range, by an older name.
    pub ipv6_cidr_range: Option<String>,
    /// Further IPv4 ranges.
    pub secondary_ip_ranges: Vec<SecondaryRange>,
    /// What is logged of its connections.
    pub log_config: Option<LogConfig>,
}

impl Subnetwork {
    /// Its external IPv6 range, once Google Cloud has given it one.
    pub fn ipv6_range(&self) -> Option<&str> {
        let range = self.external_ipv6_prefix.as_deref().or(self.ipv6_cidr_range.as_deref());
        range.filter(|range| !range.is_empty())
    }
}

/// A further IPv4 range of a subnet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SecondaryRange {
    /// Its name, unique in the subnet.
    pub range_name: String,
    /// The CIDR.
    pub ip_cidr_range: String,
    /// What else the reply says of it: a patch must give it back.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl SecondaryRange {
    /// A range.
    pub fn new(name: &str, cidr: &str) -> Self {
        Self { range_name: name.to_owned(), ip_cidr_range: cidr.to_owned(), other: Map::new() }
    }
}

/// What is logged of the connections in a subnet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LogConfig {
    /// Whether anything is.
    pub enable: bool,
    /// For how long packets are summed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation_interval: Option<String>,
    /// The share of what is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_sampling: Option<f64>,
    /// What is added to each entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

/// What a subnet has beside its name, network and IPv4 range; for a patch, what is to change.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SubnetSettings {
    /// `IPV4_IPV6` for IPv6 beside IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_type: Option<&'static str>,
    /// `EXTERNAL` for IPv6 addresses that the internet reaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_access_type: Option<&'static str>,
    /// All further IPv4 ranges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary_ip_ranges: Option<Vec<SecondaryRange>>,
    /// What is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_config: Option<LogConfig>,
}

impl SubnetSettings {
    /// IPv6 beside IPv4, with addresses that the internet reaches.
    pub fn with_ipv6(mut self) -> Self {
        self.stack_type = Some("IPV4_IPV6");
        self.ipv6_access_type = Some("EXTERNAL");
        self
    }

    /// Sets all further IPv4 ranges.
    pub fn with_secondary_ranges(mut self, ranges: Vec<SecondaryRange>) -> Self {
        self.secondary_ip_ranges = Some(ranges);
        self
    }

    /// Sets what is logged.
    pub fn with_log_config(mut self, logs: LogConfig) -> Self {
        self.log_config = Some(logs);
        self
    }

    fn into_body(self, fields: Value) -> Value {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        if let (Value::Object(body), Value::Object(fields)) = (&mut body, fields) {
            body.extend(fields);
        }
        body
    }
}

fn subnets(operation: &'static str, project: &str, region: &str) -> RestRequest {
    compute(operation, project).segments(["regions", region, "subnetworks"])
}

/// The subnet of this name.
pub fn get_subnetwork(project: &str, region: &str, name: &str) -> Operation<Subnetwork> {
    let request = subnets("compute.subnetworks.get", project, region);
    Operation::json(request.segments([name]))
}

/// A subnet to make.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NewSubnetwork<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// The URL of its network.
    pub network: &'a str,
    /// Its IPv4 range.
    pub cidr: &'a str,
    /// What else it has.
    pub settings: SubnetSettings,
}

impl<'a> NewSubnetwork<'a> {
    /// A subnet without further settings.
    pub fn new(name: &'a str, description: &'a str, network: &'a str, cidr: &'a str) -> Self {
        Self { name, description, network, cidr, settings: SubnetSettings::default() }
    }

    /// Sets what else it has.
    pub fn with_settings(mut self, settings: SubnetSettings) -> Self {
        self.settings = settings;
        self
    }
}

/// Makes a subnet.
pub fn insert_subnetwork(project: &str, region: &str, subnet: NewSubnetwork<'_>) -> Mutation {
    let body = subnet.settings.into_body(json!({
        "name": subnet.name,
        "description": subnet.description,
        "network": subnet.network,
        "ipCidrRange": subnet.cidr,
    }));
    Operation::json(subnets("compute.subnetworks.insert", project, region).json(&body))
}

/// Changes the settings that are told, if the subnet is still as the fingerprint says.
pub fn patch_subnetwork(
    project: &str,
    region: &str,
    name: &str,
    fingerprint: &str,
    settings: SubnetSettings,
) -> Mutation {
    let body = settings.into_body(json!({ "fingerprint": fingerprint }));
    let request = subnets("compute.subnetworks.patch", project, region);
    Operation::json(request.segments([name]).json(&body))
}

/// Extends the IPv4 range of a subnet to this one.
pub fn expand_subnetwork(project: &str, region: &str, name: &str, cidr: &str) -> Mutation {
    let request = subnets("compute.subnetworks.expandIpCidrRange", project, region);
    Operation::json(request.segments([name, "expandIpCidrRange"]).json(&json!({ "ipCidrRange": cidr })))
}

/// Deletes a subnet.
pub fn delete_subnetwork(project: &str, region: &str, name: &str) -> Mutation {
    let request = subnets("compute.subnetworks.delete", project, region);
    Operation::json(request.segments([name]))
}

pub(super) fn samples() -> Vec<RestRequest> {
    let logs = LogConfig {
        enable: true,
        aggregation_interval: Some("INTERVAL_5_MIN".to_owned()),
        flow_sampling: Some(0.5),
        metadata: Some("EXCLUDE_ALL_METADATA".to_owned()),
    };
    let settings = SubnetSettings::default()
        .with_ipv6()
        .with_secondary_ranges(vec![SecondaryRange::new("pods", "100.64.0.0/12")])
        .with_log_config(logs);
    let subnet = NewSubnetwork::new("s", "for nodes", "projects/p/global/networks/n", "10.250.0.0/20");
    vec![
        get_subnetwork("p", "r", "s").request,
        insert_subnetwork("p", "r", subnet.with_settings(settings.clone())).request,
        patch_subnetwork("p", "r", "s", "Zm9v", settings).request,
        expand_subnetwork("p", "r", "s", "10.250.0.0/16").request,
        delete_subnetwork("p", "r", "s").request,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(operation: &Mutation) -> Value {
        serde_json::from_slice(&operation.request.body).unwrap()
    }

    #[test]
    fn a_patch_carries_what_is_told_and_the_fingerprint() {
        let none = patch_subnetwork("p", "r", "s", "Zm9v", SubnetSettings::default());
        assert_eq!(body(&none), json!({ "fingerprint": "Zm9v" }));
        let off = SubnetSettings::default().with_log_config(LogConfig::default());
        let off = patch_subnetwork("p", "r", "s", "Zm9v", off);
        assert_eq!(body(&off), json!({ "fingerprint": "Zm9v", "logConfig": { "enable": false } }));
        assert_eq!(off.request.path, "/compute/v1/projects/p/regions/r/subnetworks/s");
    }

    #[test]
    fn what_is_not_known_of_a_range_is_given_back() {
        let described = json!([{ "rangeName": "a", "ipCidrRange": "192.168.0.0/24", "ipVersion": "IPV4" }]);
        let subnet: Subnetwork =
            serde_json::from_value(json!({ "name": "s", "secondaryIpRanges": described })).unwrap();
        let settings = SubnetSettings::default().with_secondary_ranges(subnet.secondary_ip_ranges);
        assert_eq!(body(&patch_subnetwork("p", "r", "s", "f", settings))["secondaryIpRanges"], described);
    }

    #[test]
    fn the_ipv6_range_has_two_names_and_may_be_empty() {
        let subnet = |value: Value| serde_json::from_value::<Subnetwork>(value).unwrap();
        let range = "2600:1900:4000:1::/64";
        for field in ["externalIpv6Prefix", "ipv6CidrRange"] {
            assert_eq!(subnet(json!({ field: range })).ipv6_range(), Some(range));
        }
        assert_eq!(subnet(json!({ "externalIpv6Prefix": "" })).ipv6_range(), None);
        assert_eq!(subnet(json!({})).ipv6_range(), None);
    }
}
