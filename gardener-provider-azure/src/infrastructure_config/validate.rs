//! What must hold of a config by itself.
//!
//! Names follow Azure's [rules](https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules).

use std::collections::{BTreeMap, BTreeSet};

use gardener_provider_client::config::{Cidr, Findings};
use gardener_provider_core::{IpFamily, Networking, Violation};
use ipnet::IpNet;

use super::{API_VERSION, InfrastructureConfig, KIND, Networks};

/// The default of a NAT gateway.
pub(super) const STANDARD: &str = "Standard";
const STANDARD_V2: &str = "StandardV2";
/// How many public IP addresses a NAT gateway takes
/// ([source](https://learn.microsoft.com/azure/nat-gateway/nat-sku)).
const MOST_ADDRESSES: usize = 16;

/// Everything that is wrong with a config.
pub(super) fn create(config: &InfrastructureConfig, networking: &Networking) -> Vec<Violation> {
    let mut check = Check { config, findings: Findings::new(), addresses: BTreeMap::new() };
    check.constants(networking);
    check.identity();
    check.vnet();
    check.layout();
    check.cidrs(networking);
    check.findings.into_violations()
}

struct Check<'a> {
    config: &'a InfrastructureConfig,
    findings: Findings,
    /// The public IP addresses that were given, and where.
    addresses: BTreeMap<(String, String), String>,
}

/// What both kinds of NAT gateway have.
struct Nat<'a> {
    field: String,
    enabled: bool,
    idle: Option<i32>,
    sku: Option<&'a str>,
    addresses: Vec<(&'a str, &'a str)>,
    zone: Option<i32>,
}

impl Check<'_> {
    fn say(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.findings.say(field, problem);
    }

    fn constants(&mut self, networking: &Networking) {
        self.findings.constant("apiVersion", self.config.api_version.as_deref(), API_VERSION);
        self.findings.constant("kind", self.config.kind.as_deref(), KIND);
        if self.config.resource_group.is_some() {
            self.say(
                "resourceGroup",
                "cannot be given: a cluster has a resource group of its own, named after it",
            );
        }
        if networking.has(IpFamily::V6) {
            self.say("networking.ipFamilies", "IPv6 is not offered on Azure; use IPv4 alone");
        }
    }

    fn identity(&mut self) {
        let Some(identity) = &self.config.identity else { return };
        self.name("identity.name", &identity.name, 3, 128, "-_");
        self.resource_group("identity.resourceGroup", &identity.resource_group);
    }

    fn vnet(&mut self) {
        let vnet = &self.config.networks.vnet;
        match (&vnet.name, &vnet.resource_group) {
            (Some(name), Some(group)) => {
                self.name("networks.vnet.name", name, 2, 64, "-_.");
                self.resource_group("networks.vnet.resourceGroup", group);
                if vnet.cidr.is_some() {
                    self.say(
                        "networks.vnet.cidr",
                        "goes with a new virtual network only; an existing one has its own",
                    );
                }
                if vnet.ddos_protection_plan_id.is_some() {
                    let problem = "goes with a new virtual network only; set the plan on yours yourself";
                    self.say("networks.vnet.ddosProtectionPlanID", problem);
                }
            }
            (None, None) => {
                let networks = &self.config.networks;
                if vnet.cidr.is_none() && networks.workers.is_none() && networks.subnet.is_none() {
                    let problem = "is missing; give the CIDR of a new virtual network, or name and resourceGroup of yours";
                    self.say("networks.vnet.cidr", problem);
                }
            }
            (Some(_), None) => {
                self.say(
                    "networks.vnet.resourceGroup",
                    "is missing; an existing virtual network needs it beside its name",
                );
            }
            (None, Some(_)) => {
                self.say(
                    "networks.vnet.name",
                    "is missing; an existing virtual network needs it beside its resourceGroup",
                );
            }
        }
        if let Some(plan) = &vnet.ddos_protection_plan_id
            && !is_ddos_plan(plan)
        {
            let problem = format!(
                "{plan:?} is not an id of the form /subscriptions/…/resourceGroups/…/providers/Microsoft.Network/ddosProtectionPlans/…"
            );
            self.say("networks.vnet.ddosProtectionPlanID", problem);
        }
    }

    fn layout(&mut self) {
        let networks = &self.config.networks;
        if let Some(subnet) = &networks.subnet {
            self.name("networks.subnet.name", &subnet.name, 1, 80, "-_.");
            return self.given_subnet(networks);
        }
        match (&networks.workers, networks.is_single_subnet()) {
            (None, true) => self.say(
                "networks.workers",
                "is missing; give the CIDR of one subnet for all nodes, or networks.zones with one for each zone",
            ),
            (Some(_), false) => self.say(
                "networks.workers",
                "cannot be combined with networks.zones: either one subnet for all nodes, or one for each zone",
            ),
            _ => {}
        }
        if networks.is_single_subnet() { self.single(networks) } else { self.zones(networks) }
    }

    fn given_subnet(&mut self, networks: &Networks) {
        if networks.vnet.given().is_none() {
            let problem =
                "needs networks.vnet.name and resourceGroup: a subnet of yours lies in a network of yours";
            self.say("networks.subnet", problem);
        }
        for (field, is_there) in [
            ("networks.workers", networks.workers.is_some()),
            ("networks.zones", !networks.zones.is_empty()),
            ("networks.natGateway", networks.nat_gateway.is_some()),
            ("networks.serviceEndpoints", !networks.service_endpoints.is_empty()),
        ] {
            if is_there {
                self.say(
                    field,
                    "cannot be combined with networks.subnet: a subnet of yours is as you set it up",
                );
            }
        }
    }

    fn single(&mut self, networks: &Networks) {
        self.service_endpoints("networks.serviceEndpoints", &networks.service_endpoints);
        let Some(nat) = &networks.nat_gateway else { return };
        let addresses = &nat.ip_addresses;
        let common = Nat {
            field: "networks.natGateway".to_owned(),
            enabled: nat.enabled,
            idle: nat.idle_connection_timeout_minutes,
            sku: nat.sku.as_deref(),
            addresses: addresses.iter().map(|ip| (ip.resource_group.as_str(), ip.name.as_str())).collect(),
            zone: nat.zone,
        };
        if !self.nat(&common) {
            return;
        }
        if let Some(zone) = nat.zone {
            self.zone_number("networks.natGateway.zone", zone);
        }
        let zonal = nat.sku.as_deref() != Some(STANDARD_V2);
        if !zonal && nat.zone.is_some() {
            self.say("networks.natGateway.zone", "cannot be given with StandardV2, which spans all zones");
        }
        if zonal && nat.zone.is_none() && !addresses.is_empty() {
            let problem = "is missing; with ipAddresses a NAT gateway must stand in their zone";
            self.say("networks.natGateway.zone", problem);
        }
        for (index, address) in addresses.iter().enumerate() {
            let field = format!("networks.natGateway.ipAddresses[{index}].zone");
            match (zonal, address.zone, nat.zone) {
                (false, Some(_), _) => {
                    self.say(field, "cannot be given with StandardV2, whose addresses span all zones");
                }
                (true, zone, Some(wanted)) if zone != Some(wanted) => {
                    self.say(field, format!("must be {wanted}, the zone of the NAT gateway"));
                }
                _ => {}
            }
        }
    }

    fn zones(&mut self, networks: &Networks) {
        if !self.config.zoned {
            self.say(
                "networks.zones",
                "needs zoned: true; a cluster without zones has one subnet, networks.workers",
            );
        }
        if networks.nat_gateway.is_some() {
            self.say("networks.natGateway", "goes with networks.workers only; give one for each zone");
        }
        if !networks.service_endpoints.is_empty() {
            self.say("networks.serviceEndpoints", "goes with networks.workers only; give them for each zone");
        }
        let mut names = BTreeSet::new();
        for (index, zone) in networks.zones.iter().enumerate() {
            let path = format!("networks.zones[{index}]");
            self.zone_number(&format!("{path}.name"), zone.name);
            if !names.insert(zone.name) {
                self.say(format!("{path}.name"), format!("zone {} is there twice", zone.name));
            }
            self.service_endpoints(&format!("{path}.serviceEndpoints"), &zone.service_endpoints);
            let Some(nat) = &zone.nat_gateway else { continue };
            let addresses = nat.ip_addresses.iter();
            let common = Nat {
                field: format!("{path}.natGateway"),
                enabled: nat.enabled,
                idle: nat.idle_connection_timeout_minutes,
                sku: nat.sku.as_deref(),
                addresses: addresses.map(|ip| (ip.resource_group.as_str(), ip.name.as_str())).collect(),
                zone: None,
            };
            if self.nat(&common) && nat.sku.as_deref() == Some(STANDARD_V2) {
                let problem = "StandardV2 spans all zones and cannot serve one; use Standard";
                self.say(format!("{path}.natGateway.sku"), problem);
            }
        }
    }

    /// Checks what both kinds of NAT gateway have. False if it is disabled.
    fn nat(&mut self, nat: &Nat<'_>) -> bool {
        if !nat.enabled {
            let more =
                nat.idle.is_some() || nat.sku.is_some() || nat.zone.is_some() || !nat.addresses.is_empty();
            if more {
                self.say(&nat.field, "is not enabled but has more fields; set enabled: true or remove them");
            }
            return false;
        }
        if let Some(minutes) = nat.idle.filter(|minutes| !(4..=120).contains(minutes)) {
            let field = format!("{}.idleConnectionTimeoutMinutes", nat.field);
            self.say(field, format!("{minutes} must be from 4 to 120"));
        }
        if let Some(sku) = nat.sku.filter(|sku| ![STANDARD, STANDARD_V2].contains(sku)) {
            self.say(format!("{}.sku", nat.field), format!("{sku:?} must be {STANDARD} or {STANDARD_V2}"));
        }
        if nat.addresses.len() > MOST_ADDRESSES {
            let problem = format!("a NAT gateway takes at most {MOST_ADDRESSES}");
            self.say(format!("{}.ipAddresses", nat.field), problem);
        }
        for (index, (group, name)) in nat.addresses.iter().enumerate() {
            let field = format!("{}.ipAddresses[{index}]", nat.field);
            self.name(&format!("{field}.name"), name, 1, 80, "-_.");
            self.resource_group(&format!("{field}.resourceGroup"), group);
            // Azure's names are the same whatever their case.
            let key = (group.to_lowercase(), name.to_lowercase());
            if let Some(other) = self.addresses.insert(key, field.clone()) {
                self.say(field, format!("{name} is {other} already; an address belongs to one NAT gateway"));
            }
        }
        true
    }

    fn cidrs(&mut self, networking: &Networking) {
        let networks = &self.config.networks;
        let vnet = networks.vnet.cidr.as_deref().and_then(|cidr| self.block("networks.vnet.cidr", cidr));
        let workers = networks.workers.as_deref().and_then(|cidr| self.block("networks.workers", cidr));
        let mut subnets: Vec<Cidr> = workers.into_iter().collect();
        for (index, zone) in networks.zones.iter().enumerate() {
            subnets.extend(self.block(&format!("networks.zones[{index}].cidr"), &zone.cidr));
        }
        let mut shoot = |field: &str, cidr: &Option<String>| {
            cidr.as_ref().and_then(|cidr| self.findings.cidr(field, cidr))
        };
        let nodes = shoot("networking.nodes", &networking.nodes);
        let others =
            [shoot("networking.pods", &networking.pods), shoot("networking.services", &networking.services)];
        // Without a CIDR of its own, a new virtual network has that of the one subnet.
        let shared =
            (networks.vnet.given().is_none() && networks.vnet.cidr.is_none()).then(|| subnets.first());
        let outer = vnet.as_ref().or(shared.flatten());
        for subnet in &subnets {
            for outer in nodes.iter().chain(&vnet) {
                self.findings.within(subnet, outer);
            }
        }
        if let (Some(nodes), Some(outer)) = (&nodes, outer) {
            self.findings.within(nodes, outer);
        }
        for other in others.iter().flatten() {
            if let Some(vnet) = &vnet {
                self.findings.apart(other, vnet);
            }
            for subnet in &subnets {
                self.findings.apart(subnet, other);
            }
        }
        self.findings.all_apart(&subnets);
    }

    /// A CIDR of a virtual network or subnet: IPv4, /2 to /29
    /// ([source](https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq)).
    fn block(&mut self, field: &str, text: &str) -> Option<Cidr> {
        if text.is_empty() {
            self.say(field, "is missing");
            return None;
        }
        let cidr = self.findings.cidr(field, text)?;
        if !matches!(cidr.net, IpNet::V4(net) if (2..=29).contains(&net.prefix_len())) {
            self.say(field, format!("{} must be an IPv4 block from /2 to /29", cidr.net));
        }
        Some(cidr)
    }

    fn zone_number(&mut self, field: &str, zone: i32) {
        if !(1..=99).contains(&zone) {
            self.say(field, format!("{zone} is not the number of a zone, such as 1"));
        }
    }

    fn service_endpoints(&mut self, field: &str, endpoints: &[String]) {
        let mut seen = BTreeSet::new();
        for (index, endpoint) in endpoints.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let service = endpoint.strip_prefix("Microsoft.").unwrap_or_default();
            let known = |c: char| c.is_ascii_alphanumeric() || c == '.';
            if service.is_empty() || endpoint.len() > 120 || !service.chars().all(known) {
                self.say(
                    &field,
                    format!("{endpoint:?} is not the name of a service, such as Microsoft.Storage"),
                );
            }
            if !seen.insert(endpoint.to_lowercase()) {
                self.say(field, format!("{endpoint} is there twice"));
            }
        }
    }

    fn resource_group(&mut self, field: &str, name: &str) {
        if !is_resource_group(name) {
            let problem =
                "is no name of a resource group: 1 to 90 letters, digits and -_.(), the last not a dot";
            self.say(field, format!("{name:?} {problem}"));
        }
    }

    fn name(&mut self, field: &str, name: &str, least: usize, most: usize, others: &str) {
        let inner = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
        let first = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let last = name.ends_with(|c: char| c.is_ascii_alphanumeric() || (c != '.' && others.contains(c)));
        if !(least..=most).contains(&name.len()) || !first || !last || !name.chars().all(inner) {
            let problem =
                format!("{least} to {most} letters, digits and {others}, beginning with a letter or digit");
            self.say(field, format!("{name:?} is no such name: {problem}"));
        }
    }
}

/// True for what can be the name of a resource group.
fn is_resource_group(name: &str) -> bool {
    let known = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    (1..=90).contains(&name.chars().count()) && !name.ends_with('.') && name.chars().all(known)
}

fn is_ddos_plan(id: &str) -> bool {
    let parts: Vec<_> = id.split('/').collect();
    let [empty, subscriptions, subscription, groups, group, providers, namespace, kind, name] = parts[..]
    else {
        return false;
    };
    let is = |found: &str, wanted: &str| found.eq_ignore_ascii_case(wanted);
    empty.is_empty()
        && is(subscriptions, "subscriptions")
        && is(groups, "resourceGroups")
        && is(providers, "providers")
        && is(namespace, "Microsoft.Network")
        && is(kind, "ddosProtectionPlans")
        && is_resource_group(group)
        && ![subscription, name].contains(&"")
}
