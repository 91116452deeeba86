//! The infrastructure as a graph: which resources there are and what each needs, and nothing else.
//!
//! All that is the cluster's lies in a resource group of its own and goes with it. Only subnets in a virtual network of
//! the user's do not: these go first, by their exact names, and before them the load balancers that stand in them.

pub(crate) mod context;
pub(crate) mod given;
mod group;
mod leftovers;
pub(crate) mod nat;
pub(crate) mod network;
pub(crate) mod nodes;
mod own;
mod subnet;
pub(crate) mod ways;

use std::sync::Arc;

use gardener_provider_client::graph::{Goal, Graph, Looks, Resource};
use gardener_provider_core::Result;

use crate::api::identities;
pub(crate) use context::Context;
use given::{Given, GivenAddress, GivenIdentity, GivenSubnet, GivenVnet, Theirs};
use group::OwnGroup;
use leftovers::LoadBalancers;
use nat::{OwnAddress, OwnNatGateway, Place};
use network::{OwnRouteTable, OwnSecurityGroup, OwnVnet};
use own::{Ours, Own};
use subnet::{OwnSubnet, OwnSubnetByName};
use ways::Way;

/// The graph of an infrastructure.
pub(crate) fn declare(cx: &Arc<Context>, goal: Goal) -> Result<Graph> {
    let mut declaration = Declaration { cx: Arc::clone(cx), goal, graph: Graph::new() };
    if goal == Goal::Destroy {
        declaration.destruction()?;
    } else {
        declaration.network()?;
        declaration.ways()?;
    }
    Ok(declaration.graph)
}

struct Declaration {
    cx: Arc<Context>,
    goal: Goal,
    graph: Graph,
}

impl Declaration {
    fn cx(&self) -> Arc<Context> {
        Arc::clone(&self.cx)
    }

    fn add<R: Resource>(&mut self, name: &str, after: &[&str], resource: R) -> Result<()> {
        self.graph.add_for(self.goal, name, after, resource)
    }

    fn add_own<O: Own>(&mut self, name: &str, after: &[&str], own: O) -> Result<()> {
        self.add(name, after, Ours(own))
    }

    fn add_given<G: Given>(&mut self, name: &str, after: &[&str], given: G) -> Result<()> {
        self.add(name, after, Theirs(given))
    }

    fn destruction(&mut self) -> Result<()> {
        self.add(nodes::RESOURCE_GROUP, &[], OwnGroup(self.cx()))?;
        if self.cx.subnet_names().is_empty() || !self.cx.vnet_is_given() {
            return Ok(());
        }
        let mut subnets = Vec::new();
        for (zone, name) in self.cx.subnet_names() {
            let node = nodes::of(zone, nodes::SUBNET);
            let subnet = OwnSubnetByName { cx: self.cx(), looks: Looks::default(), name };
            self.add(&node, &[nodes::RESOURCE_GROUP], subnet)?;
            subnets.push(node);
        }
        let mut after: Vec<_> = subnets.iter().map(String::as_str).collect();
        after.push(nodes::RESOURCE_GROUP);
        self.graph.add_leftover(nodes::LOAD_BALANCERS, &after, LoadBalancers(self.cx()))
    }

    fn network(&mut self) -> Result<()> {
        self.add(nodes::RESOURCE_GROUP, &[], OwnGroup(self.cx()))?;
        if self.cx.vnet_is_given() {
            self.add_given(nodes::VNET, &[], GivenVnet(self.cx()))?;
        } else {
            self.add_own(nodes::VNET, &[nodes::RESOURCE_GROUP], OwnVnet(self.cx()))?;
        }
        if let Some(subnet) = self.cx.config.networks.subnet.clone() {
            let id = self.cx.vnet.child("subnets", &subnet.name);
            self.add_given(nodes::SUBNET, &[nodes::VNET], GivenSubnet { cx: self.cx(), id })?;
        } else {
            self.add_own(nodes::ROUTE_TABLE, &[nodes::RESOURCE_GROUP], OwnRouteTable(self.cx()))?;
            self.add_own(nodes::SECURITY_GROUP, &[nodes::RESOURCE_GROUP], OwnSecurityGroup(self.cx()))?;
        }
        if let Some(identity) = self.cx.config.identity.clone() {
            let id = identities::id(&self.cx.session.group(&identity.resource_group), &identity.name);
            self.add_given(nodes::IDENTITY, &[], GivenIdentity { cx: self.cx(), id })?;
        }
        Ok(())
    }

    /// Azure changes one subnet of a virtual network at a time, so each waits for the one before.
    fn ways(&mut self) -> Result<()> {
        let ways = self.cx.ways.clone();
        for way in &ways {
            self.way_out(way)?;
        }
        let mut before: Option<String> = None;
        for way in &ways {
            let (subnet, gateway) =
                (nodes::of(way.zone, nodes::SUBNET), nodes::of(way.zone, nodes::NAT_GATEWAY));
            let mut after = vec![nodes::VNET, nodes::ROUTE_TABLE, nodes::SECURITY_GROUP];
            after.extend(way.nat.as_ref().map(|_| gateway.as_str()));
            after.extend(before.as_deref());
            let own = OwnSubnet { cx: self.cx(), looks: Looks::default(), way: way.clone() };
            self.add_own(&subnet, &after, own)?;
            before = Some(subnet);
        }
        let last = before.unwrap_or_default();
        for way in &ways {
            self.former(way.zone, Place::Of(way.clone()), way, &last)?;
        }
        if let Some(way) = ways.first().filter(|way| way.zone.is_some()) {
            let nothing = Way { nat: None, ..way.clone() };
            self.former(None, Place::Before, &nothing, &last)?;
        }
        Ok(())
    }

    /// The NAT gateway of a subnet with its addresses.
    fn way_out(&mut self, way: &Way) -> Result<()> {
        let Some(nat) = &way.nat else { return Ok(()) };
        let mut addresses = Vec::new();
        if nat.given.is_empty() {
            let node = nodes::of(way.zone, nodes::PUBLIC_IP);
            self.add_own(&node, &[nodes::RESOURCE_GROUP], self.address(Place::Of(way.clone()), true))?;
            addresses.push(node);
        }
        for (index, (field, address)) in nat.given.iter().cloned().enumerate() {
            let node = nodes::given_ip(way.zone, index);
            let given = GivenAddress { cx: self.cx(), field, address, way: way.clone(), nat: nat.clone() };
            self.add_given(&node, &[], given)?;
            addresses.push(node);
        }
        let mut after: Vec<_> = addresses.iter().map(String::as_str).collect();
        after.push(nodes::RESOURCE_GROUP);
        let gateway = self.gateway(Place::Of(way.clone()), true);
        self.add_own(&nodes::of(way.zone, nodes::NAT_GATEWAY), &after, gateway)
    }

    fn address(&self, place: Place, wanted: bool) -> OwnAddress {
        OwnAddress { cx: self.cx(), looks: Looks::default(), place, wanted }
    }

    fn gateway(&self, place: Place, wanted: bool) -> OwnNatGateway {
        OwnNatGateway { cx: self.cx(), looks: Looks::default(), place, wanted }
    }

    /// What is there from before and no longer wanted, once no subnet uses it.
    fn former(&mut self, zone: Option<i32>, place: Place, way: &Way, last: &str) -> Result<()> {
        let gateway = nodes::former(zone, nodes::NAT_GATEWAY);
        let mut after = vec![last];
        if way.nat.is_none() {
            self.add_own(&gateway, &after, self.gateway(place.clone(), false))?;
            after.push(&gateway);
        }
        if way.nat.as_ref().is_none_or(|nat| !nat.given.is_empty()) {
            let address = nodes::former(zone, nodes::PUBLIC_IP);
            self.add_own(&address, &after, self.address(place, false))?;
        }
        Ok(())
    }
}
