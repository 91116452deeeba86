//! Firewall rules: traffic among the cluster's ranges, and the health checks of load balancers.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Difference, Error, ErrorKind, Result, Retry};
use serde_json::{Map, Value};

use super::{Context, context::shown, nodes, subnet::Purpose};
use crate::api::{
    firewalls::{Firewall, Traffic, delete_firewall, get_firewall, insert_firewall, patch_firewall},
    subnetworks::Subnetwork,
};

/// Where health checks come from
/// ([source](https://cloud.google.com/load-balancing/docs/health-check-concepts#ip-ranges)).
const HEALTH_CHECKS: &[&str] = &["35.191.0.0/16", "209.85.204.0/22", "209.85.152.0/22", "130.211.0.0/22"];
const HEALTH_CHECKS_IPV6: &[&str] = &["2600:2d00:1:b029::/64", "2600:2d00:1:1::/64", "2600:1901:8001::/48"];
/// The ports of Services on nodes.
const NODE_PORTS: &str = "30000-32767";
const ALL_PORTS: &str = "1-65535";
/// ICMP for IPv6; the cloud knows it by its number only
/// ([source](https://cloud.google.com/firewall/docs/firewalls#protocols_and_ports)).
const ICMP_V6: &str = "58";

/// A rule of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Internal,
    InternalIpv6,
    HealthChecks,
    HealthChecksIpv6,
    /// Of former versions of Gardener; it is no longer wanted.
    External,
}

impl Rule {
    pub(crate) const ALL: [Self; 5] =
        [Self::Internal, Self::InternalIpv6, Self::HealthChecks, Self::HealthChecksIpv6, Self::External];

    /// The end of its name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Internal => "allow-internal-access",
            Self::InternalIpv6 => "allow-internal-access-ipv6",
            Self::HealthChecks => "allow-health-checks",
            Self::HealthChecksIpv6 => "allow-health-checks-ipv6",
            Self::External => "allow-external-access",
        }
    }
}

/// A firewall rule of ours.
#[derive(Debug)]
pub(crate) struct OwnFirewall {
    pub(crate) cx: Arc<Context>,
    pub(crate) rule: Rule,
    /// True if all is to go: then one of the same name in another network is passed over.
    pub(crate) going: bool,
}

impl OwnFirewall {
    fn name(&self) -> String {
        self.cx.name(self.rule.suffix())
    }

    fn desired(&self, scope: &Scope) -> Result<Firewall> {
        let (cx, networks) = (&self.cx, &self.cx.config.networks);
        let rule = Firewall::ingress(self.name(), cx.vpc_link());
        let internal = |icmp| {
            [
                Traffic::new(icmp, &[]),
                Traffic::new("ipip", &[]),
                Traffic::new("tcp", &[ALL_PORTS]),
                Traffic::new("udp", &[ALL_PORTS]),
            ]
        };
        let node_ports = ["udp", "tcp"].map(|protocol| Traffic::new(protocol, &[NODE_PORTS]));
        Ok(match self.rule {
            Rule::Internal => {
                let workers = networks.nodes_cidr().1;
                let ranges = [cx.networking.pods.as_deref(), networks.internal.as_deref(), Some(workers)];
                rule.from(ranges.into_iter().flatten()).allowing(internal("icmp"))
            }
            Rule::InternalIpv6 => {
                let ranges = [ipv6_range(scope, Purpose::Nodes)?, ipv6_range(scope, Purpose::Services)?];
                rule.from(ranges).allowing(internal(ICMP_V6))
            }
            Rule::HealthChecks => rule.from(HEALTH_CHECKS.iter().copied()).allowing(node_ports),
            Rule::HealthChecksIpv6 => rule.from(HEALTH_CHECKS_IPV6.iter().copied()).allowing(node_ports),
            Rule::External => {
                return Err(Error::internal(format!("the firewall rule {} is not wanted", self.name())));
            }
        })
    }
}

fn ipv6_range(scope: &Scope, purpose: Purpose) -> Result<String> {
    let subnet = scope.get::<Subnetwork>(&nodes::subnet(purpose.name()))?;
    subnet.ipv6_range().map(str::to_owned).ok_or_else(|| {
        let message = format!("the subnet {} has no IPv6 range yet", subnet.name);
        Error::new(ErrorKind::FailedPrecondition, message).with_retry(Retry::Never)
    })
}

/// The fields of a rule, empty ones too, with lists in order: their order means nothing.
fn fields(rule: &Firewall) -> Map<String, Value> {
    let list =
        |items: &[String]| -> Value { items.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect() };
    let traffic = |traffic: &[Traffic]| -> Value {
        let sorted = traffic.iter().cloned().map(|mut kind| {
            kind.ports.sort();
            kind
        });
        let kinds: BTreeSet<_> = sorted.collect();
        kinds.into_iter().map(|kind| serde_json::to_value(kind).unwrap_or_default()).collect()
    };
    Map::from_iter([
        ("direction".to_owned(), rule.direction.clone().into()),
        ("priority".to_owned(), rule.priority.into()),
        ("disabled".to_owned(), rule.disabled.into()),
        ("sourceRanges".to_owned(), list(&rule.source_ranges)),
        ("allowed".to_owned(), traffic(&rule.allowed)),
        ("denied".to_owned(), traffic(&rule.denied)),
        ("sourceTags".to_owned(), list(&rule.source_tags)),
        ("targetTags".to_owned(), list(&rule.target_tags)),
    ])
}

/// The fields that are not as wanted: how they are, and how they are wanted.
fn different(wanted: &Firewall, current: &Firewall) -> (Vec<Difference>, Map<String, Value>) {
    let current = fields(current);
    let wanted: Map<_, _> =
        fields(wanted).into_iter().filter(|(field, value)| current.get(field) != Some(value)).collect();
    let differences = wanted
        .iter()
        .map(|(field, value)| Difference::new(field, shown(current.get(field)), shown(Some(value))));
    (differences.collect(), wanted)
}

#[async_trait]
impl Resource for OwnFirewall {
    type Observed = Firewall;

    fn kind(&self) -> &'static str {
        "firewall rule"
    }

    fn id(&self, observed: &Firewall) -> String {
        observed.name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Firewall>> {
        let (cx, name) = (&self.cx, self.name());
        match cx.look(get_firewall(cx.project(), &name)).await? {
            Some(rule) if cx.is_in_vpc(&rule.network) => Ok(Some(rule)),
            Some(rule) if self.wanted() && !self.going => {
                Err(cx.elsewhere("firewall rule", &name, &rule.network))
            }
            _ => Ok(None),
        }
    }

    async fn create(&self, scope: &Scope) -> Result<Firewall> {
        let (cx, rule) = (&self.cx, self.desired(scope)?);
        cx.complete(insert_firewall(cx.project(), &rule)).await?;
        cx.run(get_firewall(cx.project(), &rule.name)).await
    }

    fn differs(&self, scope: &Scope, observed: &Firewall) -> Result<Change> {
        let wanted = self.desired(scope)?;
        let (differences, _) = different(&wanted, observed);
        let turned = differences.iter().any(|difference| difference.field == "direction");
        // The direction is fixed; all else can be patched.
        Ok(if turned { Change::Replace(differences) } else { Change::update(differences) })
    }

    async fn update(&self, scope: &Scope, observed: &Firewall) -> Result<Firewall> {
        let (cx, name) = (&self.cx, self.name());
        let (_, fields) = different(&self.desired(scope)?, observed);
        cx.complete(patch_firewall(cx.project(), &name, &fields)).await?;
        cx.run(get_firewall(cx.project(), &name)).await
    }

    async fn delete(&self, _: &Scope, _: &Firewall) -> Result<()> {
        self.cx.remove(delete_firewall(self.cx.project(), &self.name())).await
    }

    fn wanted(&self) -> bool {
        match self.rule {
            Rule::Internal | Rule::HealthChecks => true,
            Rule::InternalIpv6 | Rule::HealthChecksIpv6 => self.cx.is_dual_stack(),
            Rule::External => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Firewall {
        Firewall::ingress("f", "projects/p/global/networks/n")
            .from(["10.0.0.0/8", "100.64.0.0/12"])
            .allowing([Traffic::new("udp", &["1-65535"]), Traffic::new("icmp", &[])])
    }

    #[test]
    fn the_order_of_lists_means_nothing() {
        let mut other = rule();
        other.source_ranges.reverse();
        other.allowed.reverse();
        assert_eq!(different(&rule(), &other), (Vec::new(), Map::new()));
    }

    #[test]
    fn a_patch_carries_what_differs_and_empties_what_is_too_much() {
        let mut other = rule();
        other.source_ranges.pop();
        other.target_tags = vec!["a".to_owned()];
        other.disabled = true;
        let (differences, patch) = different(&rule(), &other);
        let named: Vec<_> = differences.iter().map(|difference| difference.field.as_str()).collect();
        assert_eq!(named, ["disabled", "sourceRanges", "targetTags"]);
        let expected = serde_json::json!({
            "disabled": false, "sourceRanges": ["10.0.0.0/8", "100.64.0.0/12"], "targetTags": [],
        });
        assert_eq!(Value::Object(patch), expected);
        assert_eq!(differences[2], Difference::new("targetTags", "a", "[]"));
    }
}
