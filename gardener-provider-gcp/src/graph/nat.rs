//! The NAT gateway: a part of the router, which may be the user's and have other gateways.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Looks, Resource, Scope};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};
use serde_json::{Map, Value, json};

use super::{Context, context::shown, links, nodes, subnet::Purpose};
use crate::{
    api::{
        addresses::Address,
        routers::{Router, get_router, patch_router_nats},
        subnetworks::Subnetwork,
    },
    infrastructure_config::CloudNat,
};

/// What Gardener takes for what is not told.
const MIN_PORTS: u32 = 2048;
const MAX_PORTS: u32 = 65_536;

/// The NAT gateway of the nodes' subnet.
#[derive(Debug)]
pub(crate) struct OwnNat {
    cx: Arc<Context>,
    looks: Looks,
}

/// The gateway in its router.
#[derive(Debug, Clone)]
pub(crate) struct Nat {
    name: String,
    fields: Value,
}

impl OwnNat {
    pub(crate) fn new(cx: Arc<Context>) -> Self {
        Self { cx, looks: Looks::default() }
    }

    async fn router(&self) -> Result<Option<Router>> {
        let cx = &self.cx;
        cx.look(get_router(cx.project(), cx.region(), &cx.router())).await
    }

    fn observed(&self, router: &Router) -> Option<Nat> {
        let name = self.cx.nat();
        let fields = router.nat(&name)?.clone();
        Some(Nat { name, fields })
    }

    fn desired(&self, scope: &Scope) -> Result<Map<String, Value>> {
        let subnet = scope.get::<Subnetwork>(&nodes::subnet(Purpose::Nodes.name()))?;
        let given = self.cx.config.networks.given_addresses();
        let addresses = given
            .map(|name| scope.get::<Address>(&nodes::address(name)).map(|address| address.self_link.clone()));
        let addresses = addresses.collect::<Result<Vec<_>>>()?;
        Ok(desired(&subnet.self_link, self.cx.config.networks.cloud_nat.as_ref(), &addresses))
    }

    /// Writes the gateways of the router: those of others as they are now, and ours as `ours` makes it of the one that
    /// is there.
    async fn write(&self, ours: impl Fn(Option<&Value>) -> Option<Value>) -> Result<Option<Router>> {
        let (cx, name) = (&self.cx, self.cx.nat());
        let _turn = cx.turn_at_router().await;
        let Some(router) = self.router().await? else { return Ok(None) };
        let is = router.nat(&name);
        let wanted = ours(is);
        if wanted.as_ref() == is {
            return Ok(Some(router));
        }
        let nats: Vec<_> = router.other_nats(&name).cloned().chain(wanted).collect();
        cx.complete(patch_router_nats(cx.project(), cx.region(), &cx.router(), &nats)).await?;
        self.router().await
    }

    async fn put(&self, scope: &Scope) -> Result<Nat> {
        let desired = self.desired(scope)?;
        let written = self.write(|is| Some(merged(is, &self.cx.nat(), &desired))).await?;
        let router = written.ok_or_else(|| Error::not_found(format!("the router {}", self.cx.router())))?;
        let nat = self.observed(&router).filter(|nat| differences(&desired, &nat.fields).is_empty());
        nat.ok_or_else(|| {
            let message = format!("somebody else changed the router {} at the same time", self.cx.router());
            Error::new(ErrorKind::Conflict, message)
        })
    }
}

/// The fields of the gateway that are ours to set.
fn desired(subnet: &str, nat: Option<&CloudNat>, addresses: &[String]) -> Map<String, Value> {
    let default = CloudNat::default();
    let nat = nat.unwrap_or(&default);
    let independent = nat.endpoint_independent_mapping.as_ref().is_some_and(|mapping| mapping.enabled);
    let fields = json!({
        "natIpAllocateOption": if addresses.is_empty() { "AUTO_ONLY" } else { "MANUAL_ONLY" },
        "natIps": addresses,
        "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{ "name": subnet, "sourceIpRangesToNat": ["ALL_IP_RANGES"] }],
        "logConfig": { "enable": true, "filter": "ERRORS_ONLY" },
        "enableDynamicPortAllocation": nat.enable_dynamic_port_allocation,
        "enableEndpointIndependentMapping": independent,
        "minPortsPerVm": nat.min_ports_per_vm.unwrap_or(MIN_PORTS),
        "maxPortsPerVm": nat.max_ports_per_vm.unwrap_or(MAX_PORTS),
        "icmpIdleTimeoutSec": nat.icmp_idle_timeout_sec.unwrap_or(30),
        "tcpEstablishedIdleTimeoutSec": nat.tcp_established_idle_timeout_sec.unwrap_or(1200),
        "tcpTimeWaitTimeoutSec": nat.tcp_time_wait_timeout_sec.unwrap_or(120),
        "tcpTransitoryIdleTimeoutSec": nat.tcp_transitory_idle_timeout_sec.unwrap_or(30),
        "udpIdleTimeoutSec": nat.udp_idle_timeout_sec.unwrap_or(30),
    });
    let Value::Object(mut fields) = fields else { return Map::new() };
    // These have no effect otherwise, and the cloud need not keep them.
    if !nat.enable_dynamic_port_allocation {
        fields.remove("maxPortsPerVm");
    }
    if addresses.is_empty() {
        fields.remove("natIps");
    }
    fields
}

/// The gateway as it is to be written: what is there and not ours to set is kept.
fn merged(current: Option<&Value>, name: &str, desired: &Map<String, Value>) -> Value {
    let mut fields = current.and_then(Value::as_object).cloned().unwrap_or_default();
    if current.is_some_and(|current| differences(desired, current).is_empty()) {
        return Value::Object(fields);
    }
    for field in ["natIps", "maxPortsPerVm"] {
        fields.remove(field);
    }
    let links = |fields: &Map<String, Value>, field: &str| -> Vec<Value> {
        fields.get(field).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    // An address cannot be drained and in use, and there is nothing to drain where the cloud chooses.
    let used = links(desired, "natIps");
    let mut drained = links(&fields, "drainNatIps");
    drained.retain(|link| !used.is_empty() && !used.iter().any(|used| same(used, link)));
    fields.remove("drainNatIps");
    if !drained.is_empty() {
        fields.insert("drainNatIps".to_owned(), drained.into());
    }
    fields.extend(desired.clone());
    fields.insert("name".to_owned(), name.into());
    Value::Object(fields)
}

/// The fields in which a gateway is not as wanted.
fn differences(desired: &Map<String, Value>, current: &Value) -> Vec<Difference> {
    let differing = desired.iter().filter(|(field, wanted)| !is_as_wanted(wanted, current.get(*field)));
    differing
        .map(|(field, wanted)| Difference::new(field, shown(current.get(field)), shown(Some(wanted))))
        .collect()
}

/// Compares as the cloud means it: what is absent is false or empty, links have several forms, lists no order, and
/// an object may have fields that are not ours to set.
fn is_as_wanted(wanted: &Value, current: Option<&Value>) -> bool {
    match (wanted, current) {
        (Value::Bool(false), None) => true,
        (Value::Array(wanted), None) => wanted.is_empty(),
        (Value::String(_), Some(current)) => same(wanted, current),
        (Value::Array(wanted), Some(Value::Array(current))) => {
            wanted.len() == current.len()
                && wanted.iter().all(|item| current.iter().any(|other| is_as_wanted(item, Some(other))))
        }
        (Value::Object(wanted), Some(current)) => {
            wanted.iter().all(|(field, value)| is_as_wanted(value, current.get(field)))
        }
        (wanted, current) => Some(wanted) == current,
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one.as_str(), other.as_str()) {
        (Some(one), Some(other)) => one == other || (one.contains('/') && links::same(one, other)),
        _ => one == other,
    }
}

#[async_trait]
impl Resource for OwnNat {
    type Observed = Nat;

    fn kind(&self) -> &'static str {
        "NAT gateway"
    }

    fn id(&self, observed: &Nat) -> String {
        observed.name.clone()
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Nat>> {
        // The router was looked up a moment ago; after a change it is asked for again.
        if self.looks.is_first()
            && let Some(router) = scope.try_get::<Router>(nodes::ROUTER)
        {
            return Ok(self.observed(&router));
        }
        Ok(self.router().await?.and_then(|router| self.observed(&router)))
    }

    async fn create(&self, scope: &Scope) -> Result<Nat> {
        self.put(scope).await
    }

    fn differs(&self, scope: &Scope, observed: &Nat) -> Result<Change> {
        Ok(Change::update(differences(&self.desired(scope)?, &observed.fields)))
    }

    async fn update(&self, scope: &Scope, _: &Nat) -> Result<Nat> {
        self.put(scope).await
    }

    async fn delete(&self, _: &Scope, _: &Nat) -> Result<()> {
        self.write(|_| None).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBNET: &str = "https://www.googleapis.com/compute/v1/projects/p/regions/r/subnetworks/s";

    fn address(name: &str) -> String {
        format!("https://www.googleapis.com/compute/v1/projects/p/regions/r/addresses/{name}")
    }

    /// As the cloud describes it: links of the other host, false left out, fields of its own.
    fn described(desired: &Map<String, Value>) -> Value {
        let text = serde_json::to_string(desired).unwrap().replace("www.googleapis", "compute.googleapis");
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let fields = value.as_object_mut().unwrap();
        fields.retain(|_, value| *value != Value::Bool(false));
        fields.insert("type".to_owned(), "PUBLIC".into());
        fields.insert("name".to_owned(), "nat".into());
        value
    }

    #[test]
    fn the_same_in_the_clouds_words_is_no_difference() {
        let config = CloudNat { enable_dynamic_port_allocation: true, ..CloudNat::default() };
        for (nat, addresses) in [(None, vec![]), (Some(&config), vec![address("a"), address("b")])] {
            let desired = desired(SUBNET, nat, &addresses);
            let described = described(&desired);
            assert_eq!(differences(&desired, &described), []);
            assert_eq!(merged(Some(&described), "nat", &desired), described, "nothing to write");
        }
    }

    #[test]
    fn gardeners_defaults() {
        let fields = Value::Object(desired(SUBNET, None, &[]));
        assert_eq!(fields["minPortsPerVm"], 2048);
        assert_eq!(fields["tcpEstablishedIdleTimeoutSec"], 1200);
        assert_eq!(fields["natIpAllocateOption"], "AUTO_ONLY");
        assert_eq!((fields.get("natIps"), fields.get("maxPortsPerVm")), (None, None));
        let config = CloudNat { enable_dynamic_port_allocation: true, ..CloudNat::default() };
        assert_eq!(Value::Object(desired(SUBNET, Some(&config), &[]))["maxPortsPerVm"], 65_536);
    }

    #[test]
    fn what_is_not_ours_to_set_is_kept_and_what_no_longer_holds_goes() {
        let manual = desired(SUBNET, None, &[address("a"), address("b")]);
        let mut current = described(&manual);
        current["rules"] = json!([{ "ruleNumber": 1 }]);
        current["drainNatIps"] = json!([address("c"), address("d")]);
        current["maxPortsPerVm"] = json!(1024);
        let other = desired(SUBNET, None, &[address("c")]);
        let written = merged(Some(&current), "nat", &other);
        assert_eq!(written["rules"], current["rules"]);
        assert_eq!(written["natIps"], json!([address("c")]));
        assert_eq!(written["drainNatIps"], json!([address("d")]));
        assert_eq!(written.get("maxPortsPerVm"), None);
        let auto = merged(Some(&current), "nat", &desired(SUBNET, None, &[]));
        assert_eq!((auto.get("natIps"), auto.get("drainNatIps")), (None, None));
        let fields: Vec<_> = differences(&other, &current).into_iter().map(|found| found.field).collect();
        assert_eq!(fields, ["natIps"]);
    }
}
