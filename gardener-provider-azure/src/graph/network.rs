//! The virtual network, the route table and the network security group.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Scope};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};
use ipnet::IpNet;

use super::{context::Context, own::Own};
use crate::api::{
    ResourceId,
    network::{Properties, Resource, SubResource},
    route_tables::{RouteTable, RouteTableProperties},
    security_groups::{SecurityGroup, SecurityGroupProperties},
    virtual_networks::{VirtualNetwork, VirtualNetworkProperties},
};

/// The name that Gardener gives to every cluster's route table.
pub(crate) const ROUTE_TABLE: &str = "worker_route_table";

/// A virtual network of ours.
#[derive(Debug)]
pub(crate) struct OwnVnet(pub(crate) Arc<Context>);

impl OwnVnet {
    /// Without a CIDR of its own, it has that of the one subnet.
    fn cidr(&self) -> &str {
        let networks = &self.0.config.networks;
        networks.vnet.cidr.as_ref().or(networks.workers.as_ref()).map_or("", String::as_str)
    }

    fn plan(&self) -> Option<SubResource> {
        self.0.config.networks.vnet.ddos_protection_plan_id.as_ref().map(SubResource::new)
    }
}

#[async_trait]
impl Own for OwnVnet {
    type Properties = VirtualNetworkProperties;

    fn kind(&self) -> &'static str {
        "virtual network"
    }

    fn context(&self) -> &Context {
        &self.0
    }

    async fn id(&self) -> Result<ResourceId> {
        Ok(self.0.vnet.clone())
    }

    /// A block that somebody added stays; one that the wanted block contains is absorbed.
    fn shape(&self, _: &Scope, network: &mut VirtualNetwork) -> Result<()> {
        network.location.get_or_insert_with(|| self.0.region.to_string());
        let prefixes = &mut network.properties.address_space.address_prefixes;
        prefixes.retain(|prefix| !contains(self.cidr(), prefix));
        prefixes.insert(0, self.cidr().to_owned());
        let plan = self.plan();
        if plan.is_some() || network.properties.ddos_protection_plan.is_some() {
            network.properties.enable_ddos_protection = Some(plan.is_some());
        }
        network.properties.ddos_protection_plan = plan;
        Ok(())
    }

    fn compare(&self, _: &Scope, network: &VirtualNetwork) -> Result<Change> {
        in_place(&self.0, "virtual network", network)?;
        let mut differences = Vec::new();
        let prefixes = &network.properties.address_space.address_prefixes;
        if !prefixes.iter().any(|prefix| prefix == self.cidr()) {
            differences.push(Difference::new("address space", prefixes.join(","), self.cidr()));
        }
        let (has, wanted) = (&network.properties.ddos_protection_plan, self.plan());
        if *has != wanted {
            let id =
                |plan: &Option<SubResource>| plan.as_ref().map_or("-".to_owned(), |plan| plan.id.clone());
            differences.push(Difference::new("DDoS protection plan", id(has), id(&wanted)));
        }
        Ok(Change::update(differences))
    }

    fn field(&self) -> Option<&str> {
        Some("networks.vnet")
    }
}

/// True if the one block contains the other.
pub(crate) fn contains(outer: &str, inner: &str) -> bool {
    match (outer.parse::<IpNet>(), inner.parse::<IpNet>()) {
        (Ok(outer), Ok(inner)) => outer.contains(&inner),
        _ => false,
    }
}

/// Checks that something which cannot be replaced is where it should be.
fn in_place<P: Properties>(cx: &Context, kind: &str, found: &Resource<P>) -> Result<()> {
    if cx.is_here(found.location.as_deref()) {
        return Ok(());
    }
    let location = found.location.as_deref().unwrap_or_default();
    let message = format!("the {kind} {} is in {location}, not in {}; delete it", found.name, cx.region);
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

/// The route table of the nodes. The cluster's cloud controller writes the routes, so it is made and then left alone.
#[derive(Debug)]
pub(crate) struct OwnRouteTable(pub(crate) Arc<Context>);

#[async_trait]
impl Own for OwnRouteTable {
    type Properties = RouteTableProperties;

    fn kind(&self) -> &'static str {
        "route table"
    }

    fn context(&self) -> &Context {
        &self.0
    }

    async fn id(&self) -> Result<ResourceId> {
        Ok(self.0.group.network(RouteTableProperties::KIND, ROUTE_TABLE))
    }

    fn shape(&self, _: &Scope, table: &mut RouteTable) -> Result<()> {
        table.location.get_or_insert_with(|| self.0.region.to_string());
        Ok(())
    }

    fn compare(&self, _: &Scope, table: &RouteTable) -> Result<Change> {
        in_place(&self.0, "route table", table)?;
        Ok(Change::None)
    }
}

/// The network security group of the nodes. The cluster's cloud controller writes the rules, so it is made and then left
/// alone.
#[derive(Debug)]
pub(crate) struct OwnSecurityGroup(pub(crate) Arc<Context>);

impl OwnSecurityGroup {
    pub(crate) fn name(cx: &Context) -> String {
        cx.name("workers")
    }
}

#[async_trait]
impl Own for OwnSecurityGroup {
    type Properties = SecurityGroupProperties;

    fn kind(&self) -> &'static str {
        "network security group"
    }

    fn context(&self) -> &Context {
        &self.0
    }

    async fn id(&self) -> Result<ResourceId> {
        Ok(self.0.group.network(SecurityGroupProperties::KIND, &Self::name(&self.0)))
    }

    fn shape(&self, _: &Scope, group: &mut SecurityGroup) -> Result<()> {
        group.location.get_or_insert_with(|| self.0.region.to_string());
        Ok(())
    }

    fn compare(&self, _: &Scope, group: &SecurityGroup) -> Result<Change> {
        in_place(&self.0, "network security group", group)?;
        Ok(Change::None)
    }
}
