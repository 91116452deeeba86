//! Firewall rules
//! ([compute.firewalls](https://cloud.google.com/compute/docs/reference/rest/v1/firewalls)).

use gardener_provider_client::pages::Page;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Mutation, Operation, RestRequest, compute,
    lists::{page, paged},
};

/// A firewall rule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Firewall {
    /// Its name, unique in the project.
    pub name: String,
    /// The URL of its network.
    pub network: String,
    /// `INGRESS` or `EGRESS`.
    pub direction: String,
    /// The lower, the earlier.
    pub priority: u32,
    /// True if it has no effect.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// The CIDRs that the traffic comes from.
    pub source_ranges: Vec<String>,
    /// What is let through.
    pub allowed: Vec<Traffic>,
    /// What is not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Traffic>,
    /// It holds for sources with one of these tags too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_tags: Vec<String>,
    /// It holds for instances with one of these tags; for all if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_tags: Vec<String>,
}

/// A kind of traffic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Traffic {
    /// `tcp`, `udp`, `icmp`, `ipip` or the protocol's number.
    #[serde(rename = "IPProtocol")]
    pub protocol: String,
    /// Ports and ranges of ports; all if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
}

impl Traffic {
    /// Traffic of this protocol to these ports.
    pub fn new(protocol: &str, ports: &[&str]) -> Self {
        Self { protocol: protocol.to_owned(), ports: ports.iter().map(|&port| port.to_owned()).collect() }
    }
}

impl Firewall {
    /// A rule that lets traffic in.
    pub fn ingress(name: impl Into<String>, network: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            network: network.into(),
            direction: "INGRESS".to_owned(),
            priority: 1000,
            ..Self::default()
        }
    }

    /// Sets where the traffic comes from.
    pub fn from(mut self, ranges: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.source_ranges = ranges.into_iter().map(Into::into).collect();
        self
    }

    /// Sets what is let through.
    pub fn allowing(mut self, traffic: impl IntoIterator<Item = Traffic>) -> Self {
        self.allowed = traffic.into_iter().collect();
        self
    }
}

fn firewalls(operation: &'static str, project: &str) -> RestRequest {
    compute(operation, project).segments(["global", "firewalls"])
}

/// The rule of this name.
pub fn get_firewall(project: &str, name: &str) -> Operation<Firewall> {
    Operation::json(firewalls("compute.firewalls.get", project).segments([name]))
}

/// A page of the rules that the filter lets through.
pub fn list_firewalls(project: &str, filter: &str, page_token: Option<&str>) -> Operation<Page<Firewall>> {
    let request = firewalls("compute.firewalls.list", project);
    Operation::new(paged(request, Some(filter), page_token), page)
}

/// Makes a rule.
pub fn insert_firewall(project: &str, rule: &Firewall) -> Mutation {
    Operation::json(firewalls("compute.firewalls.insert", project).json(rule))
}

/// Changes the fields of a rule that are told; an empty list empties it.
pub fn patch_firewall(project: &str, name: &str, fields: &Map<String, Value>) -> Mutation {
    let request = firewalls("compute.firewalls.patch", project);
    Operation::json(request.segments([name]).json(fields))
}

/// Deletes a rule.
pub fn delete_firewall(project: &str, name: &str) -> Mutation {
    Operation::json(firewalls("compute.firewalls.delete", project).segments([name]))
}

pub(super) fn samples() -> Vec<RestRequest> {
    let rule = Firewall {
        disabled: true,
        denied: vec![Traffic::new("tcp", &["22"])],
        source_tags: vec!["a".to_owned()],
        target_tags: vec!["b".to_owned()],
        ..Firewall::ingress("f", "projects/p/global/networks/n")
            .from(["10.0.0.0/8"])
            .allowing([Traffic::new("58", &[]), Traffic::new("udp", &["1-65535"])])
    };
    let fields = serde_json::to_value(&rule).unwrap_or_default();
    vec![
        get_firewall("p", "f").request,
        list_firewalls("p", "network eq \".*/networks/n\"", Some("token")).request,
        insert_firewall("p", &rule).request,
        patch_firewall("p", "f", fields.as_object().unwrap_or(&Map::new())).request,
        delete_firewall("p", "f").request,
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_is_read_and_written_back() {
        let value = json!({
            "name": "f", "network": "n", "direction": "INGRESS", "priority": 1000, "disabled": true,
            "sourceRanges": ["10.0.0.0/8"], "targetTags": ["a"],
            "allowed": [{ "IPProtocol": "icmp" }, { "IPProtocol": "tcp", "ports": ["80", "8080-8090"] }],
        });
        let rule: Firewall = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&rule).unwrap(), value);
    }

    #[test]
    fn a_list_is_filtered_by_the_server() {
        let query = list_firewalls("p", "network eq \".*/n\"", None).request.query;
        assert!(query.contains(&("filter".to_owned(), "network eq \".*/n\"".to_owned())), "{query:?}");
    }
}
