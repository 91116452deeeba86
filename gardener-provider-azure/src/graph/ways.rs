//! The subnets for nodes and their ways out, the same for one subnet and for one in each zone.

use crate::{api::ResourceId, infrastructure_config::InfrastructureConfig};

/// A subnet for nodes and its way out.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// The zone; none for the one subnet for all.
    pub(crate) zone: Option<i32>,
    /// The field that says the CIDR.
    pub(crate) field: String,
    pub(crate) cidr: String,
    pub(crate) service_endpoints: Vec<String>,
    /// The NAT gateway, if one is wanted.
    pub(crate) nat: Option<Nat>,
}

/// A NAT gateway as it is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Nat {
    pub(crate) sku: String,
    pub(crate) zone: Option<String>,
    pub(crate) idle_minutes: i32,
    /// The user's addresses and the fields that name them; none: one of ours.
    pub(crate) given: Vec<(String, ResourceId)>,
}

/// What Azure takes if nothing is said
/// ([source](https://learn.microsoft.com/azure/nat-gateway/nat-gateway-resource#timers)).
pub(crate) const IDLE_MINUTES: i32 = 4;
pub(crate) const STANDARD: &str = "Standard";

impl Nat {
    /// True if it stands in a zone, or could: one of the other kind spans all.
    pub(crate) fn is_zonal(&self) -> bool {
        self.sku == STANDARD
    }
}

/// What the config asks for; nothing if the user gives the subnet.
pub(crate) fn ways(config: &InfrastructureConfig, group: impl Fn(&str) -> ResourceId) -> Vec<Way> {
    let address = |group: ResourceId, name: &str| group.network("publicIPAddresses", name);
    let networks = &config.networks;
    if networks.subnet.is_some() {
        return Vec::new();
    }
    if networks.is_single_subnet() {
        let nat = networks.nat_gateway.as_ref().filter(|nat| nat.enabled).map(|nat| Nat {
            sku: nat.sku.clone().unwrap_or_else(|| STANDARD.to_owned()),
            zone: nat.zone.map(|zone| zone.to_string()),
            idle_minutes: nat.idle_connection_timeout_minutes.unwrap_or(IDLE_MINUTES),
            given: (nat.ip_addresses.iter().enumerate())
                .map(|(index, ip)| {
                    let field = format!("networks.natGateway.ipAddresses[{index}]");
                    (field, address(group(&ip.resource_group), &ip.name))
                })
                .collect(),
        });
        return vec![Way {
            zone: None,
            field: "networks.workers".to_owned(),
            cidr: networks.workers.clone().unwrap_or_default(),
            service_endpoints: networks.service_endpoints.clone(),
            nat,
        }];
    }
    let zones = networks.zones.iter().enumerate();
    zones
        .map(|(zone_index, zone)| Way {
            zone: Some(zone.name),
            field: format!("networks.zones[{zone_index}].cidr"),
            cidr: zone.cidr.clone(),
            service_endpoints: zone.service_endpoints.clone(),
            nat: zone.nat_gateway.as_ref().filter(|nat| nat.enabled).map(|nat| Nat {
                sku: nat.sku.clone().unwrap_or_else(|| STANDARD.to_owned()),
                zone: Some(zone.name.to_string()),
                idle_minutes: nat.idle_connection_timeout_minutes.unwrap_or(IDLE_MINUTES),
                given: (nat.ip_addresses.iter().enumerate())
                    .map(|(index, ip)| {
                        let field = format!("networks.zones[{zone_index}].natGateway.ipAddresses[{index}]");
                        (field, address(group(&ip.resource_group), &ip.name))
                    })
                    .collect(),
            }),
        })
        .collect()
}
