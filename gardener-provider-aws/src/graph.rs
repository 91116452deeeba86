//! The infrastructure as a graph: which resources there are and what each needs, and nothing else.
//!
//! Edges are as few as AWS allows. The longest way through a new infrastructure is VPC, public subnet, NAT gateway, route;
//! identities, keys and addresses wait for nothing.

pub(crate) mod context;
pub(crate) mod files;
mod firewall;
mod gateway_endpoints;
mod gateways;
mod given;
pub(crate) mod identity;
pub(crate) mod leftovers;
mod nat;
mod network;
pub(crate) mod nodes;
mod reservation;
mod routing;
pub(crate) mod snapshot;
pub(crate) mod subnet;

use std::sync::Arc;

use gardener_provider_client::graph::{Goal, Graph, Looks, Resource};
use gardener_provider_core::Result;

pub(crate) use context::Context;
use files::{GivenFileSystem, OwnFileSystem, OwnMountTarget};
use firewall::OwnNodesGroup;
use gateway_endpoints::{OwnEndpoint, SurplusEndpoints};
use gateways::{GatewayAttachment, OwnEgressOnlyGateway, OwnInternetGateway};
use given::{
    Given, GivenAddress, GivenDhcpOptions, GivenEgressOnlyGateway, GivenInternetGateway, GivenIpv6Block,
    GivenNodesGroup, GivenRouteTable, GivenSubnet, GivenVpc, GivenVpcDns, Theirs,
};
use identity::{NodesPolicy, NodesProfile, NodesRole, OwnKeyPair};
use leftovers::{BalancerGroups, LoadBalancers};
use nat::{OwnAddress, OwnNatGateway};
use network::{DefaultGroup, DhcpAssociation, Ipv6Block, OwnDhcpOptions, OwnVpc, VpcDns};
use reservation::ServicesReservation;
use routing::{OwnRouteTable, Routes, Routing, TableAssociation};
use subnet::{OwnSubnet, Purpose};

/// The graph of an infrastructure.
pub(crate) fn declare(cx: &Arc<Context>, goal: Goal) -> Result<Graph> {
    let mut declaration = Declaration { cx: Arc::clone(cx), goal, graph: Graph::new() };
    declaration.identities()?;
    if cx.config.networks.vpc.id.is_some() {
        declaration.given_vpc()?;
    } else {
        declaration.own_vpc()?;
    }
    declaration.nodes_group()?;
    if cx.config.uses_given_subnets() {
        declaration.given_zones()?;
    } else {
        declaration.own_zones()?;
    }
    declaration.file_system()?;
    if goal == Goal::Destroy {
        declaration.leftovers()?;
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

    /// A setting of something else: it needs no deletion of its own.
    fn add_setting<R: Resource>(&mut self, name: &str, after: &[&str], resource: R) -> Result<()> {
        if self.goal == Goal::Destroy { Ok(()) } else { self.add(name, after, resource) }
    }

    fn add_given<G: Given>(&mut self, name: &str, after: &[&str], given: G) -> Result<()> {
        self.add(name, after, Theirs(given))
    }

    fn zone_names(&self) -> Vec<String> {
        self.cx.config.networks.zones.iter().map(|zone| zone.name.clone()).collect()
    }

    /// The node of this name in every zone.
    fn in_zones(&self, what: &str) -> Vec<String> {
        self.zone_names().iter().map(|zone| nodes::zone(zone, what)).collect()
    }

    fn identities(&mut self) -> Result<()> {
        self.add(nodes::ROLE, &[], NodesRole(self.cx()))?;
        self.add(nodes::INSTANCE_PROFILE, &[nodes::ROLE], NodesProfile(self.cx()))?;
        self.add(nodes::ROLE_POLICY, &[nodes::ROLE], NodesPolicy(self.cx()))?;
        self.add(nodes::KEY_PAIR, &[], OwnKeyPair(self.cx()))
    }

    fn own_vpc(&mut self) -> Result<()> {
        self.add(nodes::DHCP_OPTIONS, &[], OwnDhcpOptions(self.cx(), Looks::default()))?;
        self.add(nodes::VPC, &[], OwnVpc(self.cx(), Looks::default()))?;
        let association = DhcpAssociation(self.cx(), Looks::default());
        self.add(nodes::DHCP_ASSOCIATION, &[nodes::VPC, nodes::DHCP_OPTIONS], association)?;
        self.add_setting(nodes::VPC_DNS, &[nodes::VPC], VpcDns(self.cx()))?;
        self.add_setting(nodes::DEFAULT_SECURITY_GROUP, &[nodes::VPC], DefaultGroup(self.cx()))?;
        self.add(nodes::INTERNET_GATEWAY, &[], OwnInternetGateway(self.cx(), Looks::default()))?;
        let attachment = GatewayAttachment(self.cx(), Looks::default());
        self.add(nodes::GATEWAY_ATTACHMENT, &[nodes::VPC, nodes::INTERNET_GATEWAY], attachment)?;
        if self.cx.uses_ipv6() {
            let block = Ipv6Block(self.cx(), Looks::default());
            self.add_setting(nodes::VPC_IPV6_BLOCK, &[nodes::VPC], block)?;
            let gateway = OwnEgressOnlyGateway(self.cx(), Looks::default());
            self.add(nodes::EGRESS_ONLY_GATEWAY, &[nodes::VPC], gateway)?;
        }
        Ok(())
    }

    fn given_vpc(&mut self) -> Result<()> {
        self.add_given(nodes::VPC, &[], GivenVpc(self.cx()))?;
        if self.goal != Goal::Destroy {
            self.add_given(nodes::VPC_DNS, &[nodes::VPC], GivenVpcDns(self.cx()))?;
            self.add_given(nodes::DHCP_OPTIONS, &[nodes::VPC], GivenDhcpOptions(self.cx()))?;
        }
        if self.cx.config.uses_given_subnets() || self.goal == Goal::Destroy {
            return Ok(());
        }
        self.add_given(nodes::INTERNET_GATEWAY, &[nodes::VPC], GivenInternetGateway(self.cx()))?;
        if self.cx.uses_ipv6() {
            self.add_given(nodes::VPC_IPV6_BLOCK, &[nodes::VPC], GivenIpv6Block(self.cx()))?;
            self.add_given(nodes::EGRESS_ONLY_GATEWAY, &[nodes::VPC], GivenEgressOnlyGateway(self.cx()))?;
        }
        Ok(())
    }

    fn nodes_group(&mut self) -> Result<()> {
        if self.cx.config.networks.nodes_security_group_id.is_some() {
            return self.add_given(nodes::NODES_SECURITY_GROUP, &[nodes::VPC], GivenNodesGroup(self.cx()));
        }
        let group = OwnNodesGroup(self.cx(), Looks::default());
        self.add(nodes::NODES_SECURITY_GROUP, &[nodes::VPC], group)
    }

    /// Where the way to the internet is complete: a gateway of ours must be attached, a given one is.
    fn gateway(&self) -> Option<&'static str> {
        match (self.cx.config.networks.vpc.id.is_some(), self.goal) {
            (false, _) => Some(nodes::GATEWAY_ATTACHMENT),
            (true, Goal::Apply | Goal::Check) => Some(nodes::INTERNET_GATEWAY),
            (true, Goal::Destroy) => None,
        }
    }

    fn own_zones(&mut self) -> Result<()> {
        for index in 0..self.cx.config.networks.zones.len() {
            self.own_subnets(index)?;
        }
        let first = self.in_zones("subnet/public").into_iter().next().unwrap_or_default();
        let table = OwnRouteTable {
            cx: self.cx(),
            looks: Looks::default(),
            node: nodes::MAIN_ROUTE_TABLE.to_owned(),
            name: self.cx.cluster.to_string(),
            subnet: first.clone(),
        };
        self.add(nodes::MAIN_ROUTE_TABLE, &[nodes::VPC, &first], table)?;
        let mut after = vec![nodes::MAIN_ROUTE_TABLE];
        after.extend(self.gateway());
        after.extend((self.cx.uses_ipv6() && self.goal == Goal::Apply).then_some(nodes::VPC_IPV6_BLOCK));
        self.add_setting(nodes::MAIN_ROUTES, &after, self.routes(nodes::MAIN_ROUTE_TABLE, Routing::Public))?;
        for index in 0..self.cx.config.networks.zones.len() {
            self.zone_ways_out(index)?;
        }
        self.endpoints()?;
        self.reservation()
    }

    fn own_subnets(&mut self, index: usize) -> Result<()> {
        let zone = self.cx.config.networks.zones[index].name.clone();
        let mut after = vec![nodes::VPC];
        after.extend((self.cx.uses_ipv6() && self.goal == Goal::Apply).then_some(nodes::VPC_IPV6_BLOCK));
        for purpose in Purpose::ALL {
            let subnet = OwnSubnet { cx: self.cx(), looks: Looks::default(), index, purpose };
            self.add(&nodes::zone(&zone, &format!("subnet/{}", purpose.field())), &after, subnet)?;
        }
        Ok(())
    }

    fn routes(&self, table: &str, routing: Routing) -> Routes {
        Routes { cx: self.cx(), looks: Looks::default(), table: table.to_owned(), routing }
    }

    fn zone_ways_out(&mut self, index: usize) -> Result<()> {
        let zone = self.cx.config.networks.zones[index].name.clone();
        let node = |what: &str| nodes::zone(&zone, what);
        self.nat(index)?;
        let table = OwnRouteTable {
            cx: self.cx(),
            looks: Looks::default(),
            node: node("route-table"),
            name: self.cx.name(&format!("private-{zone}")),
            subnet: node("subnet/workers"),
        };
        self.add(&node("route-table"), &[nodes::VPC, &node("subnet/workers")], table)?;
        let (table, nat) = (node("route-table"), node("nat-gateway"));
        let mut after = vec![table.as_str(), nat.as_str()];
        after.extend((self.cx.uses_ipv6() && self.goal == Goal::Apply).then_some(nodes::EGRESS_ONLY_GATEWAY));
        let routes = self.routes(&table, Routing::Private(index));
        self.add_setting(&node("route-table/routes"), &after, routes)?;
        for purpose in Purpose::ALL {
            let table = if purpose == Purpose::Public { nodes::MAIN_ROUTE_TABLE } else { &table };
            let subnet = node(&format!("subnet/{}", purpose.field()));
            let association = TableAssociation {
                cx: self.cx(),
                looks: Looks::default(),
                table: table.to_owned(),
                subnet: subnet.clone(),
            };
            let name = node(&format!("route-table-association/{}", purpose.field()));
            self.add(&name, &[table, &subnet], association)?;
        }
        Ok(())
    }

    /// An address of ours that is no longer wanted can be released once the NAT gateway has another; when everything goes,
    /// once the NAT gateway is gone.
    fn nat(&mut self, index: usize) -> Result<()> {
        let zone = &self.cx.config.networks.zones[index];
        let (name, given) = (zone.name.clone(), zone.elastic_ip_allocation_id.clone());
        let node = |what: &str| nodes::zone(&name, what);
        let own = |cx, wanted| OwnAddress { cx, looks: Looks::default(), index, wanted };
        let (address, former, nat) = (node("elastic-ip"), node("former-elastic-ip"), node("nat-gateway"));
        let is_given = given.is_some();
        match given {
            Some(allocation) => {
                let given = GivenAddress { cx: self.cx(), looks: Looks::default(), index, allocation };
                self.add_given(&address, &[], given)?;
            }
            None => self.add(&address, &[], own(self.cx(), true))?,
        }
        let mut after = vec![node("subnet/public"), address];
        after.extend(self.gateway().map(str::to_owned));
        if is_given && self.goal == Goal::Destroy {
            self.add(&former, &[], own(self.cx(), false))?;
            after.push(former.clone());
        }
        let gateway = OwnNatGateway { cx: self.cx(), looks: Looks::default(), index };
        self.add(&nat, &after.iter().map(String::as_str).collect::<Vec<_>>(), gateway)?;
        if is_given && self.goal == Goal::Apply {
            self.add(&former, &[&nat], own(self.cx(), false))?;
        }
        Ok(())
    }

    fn endpoints(&mut self) -> Result<()> {
        let tables = self.in_zones("route-table");
        let mut after: Vec<_> = tables.iter().map(String::as_str).collect();
        after.push(nodes::VPC);
        for service in self.cx.config.networks.vpc.gateway_endpoints.clone() {
            let name = nodes::endpoint(&service);
            self.add(&name, &after, OwnEndpoint { cx: self.cx(), looks: Looks::default(), service })?;
        }
        let surplus = SurplusEndpoints(self.cx(), Looks::default());
        self.add(nodes::SURPLUS_ENDPOINTS, &after, surplus)
    }

    fn reservation(&mut self) -> Result<()> {
        let subnet = self.in_zones("subnet/workers").into_iter().next();
        match subnet.filter(|_| self.cx.uses_ipv6()) {
            Some(subnet) => {
                let reservation = ServicesReservation { cx: self.cx(), subnet: subnet.clone() };
                self.add(nodes::SERVICES_RESERVATION, &[&subnet], reservation)
            }
            None => Ok(()),
        }
    }

    fn given_zones(&mut self) -> Result<()> {
        for (index, zone) in self.cx.config.networks.zones.clone().into_iter().enumerate() {
            for purpose in Purpose::ALL {
                let Some(subnet) = purpose.given(&zone).map(str::to_owned) else { continue };
                let name = nodes::zone(&zone.name, &format!("subnet/{}", purpose.field()));
                let given = GivenSubnet { cx: self.cx(), looks: Looks::default(), index, purpose, subnet };
                self.add_given(&name, &[nodes::VPC], given)?;
            }
            let Some(subnet) = zone.workers_subnet_id.clone() else { continue };
            let table = GivenRouteTable { cx: self.cx(), looks: Looks::default(), index, subnet };
            let after = nodes::zone(&zone.name, "subnet/workers");
            self.add_given(&nodes::zone(&zone.name, "route-table"), &[&after], table)?;
        }
        if self.cx.uses_ipv6() { self.reservation() } else { Ok(()) }
    }

    fn file_system(&mut self) -> Result<()> {
        if !self.cx.config.uses_efs() {
            return Ok(());
        }
        let given = self.cx.config.elastic_file_system.as_ref().is_some_and(|efs| efs.id.is_some());
        if given {
            self.add(nodes::FILE_SYSTEM, &[], GivenFileSystem(self.cx()))?;
        } else {
            self.add(nodes::FILE_SYSTEM, &[], OwnFileSystem(self.cx()))?;
        }
        for zone in self.zone_names() {
            let subnet = nodes::zone(&zone, "subnet/workers");
            let name = nodes::zone(&zone, "mount-target");
            let target = OwnMountTarget { cx: self.cx(), zone };
            self.add(&name, &[nodes::FILE_SYSTEM, &subnet, nodes::NODES_SECURITY_GROUP], target)?;
        }
        Ok(())
    }

    /// Load balancers go before the subnets they stand in, and their security groups after them.
    fn leftovers(&mut self) -> Result<()> {
        let names: Vec<_> =
            self.graph.names().filter(|name| name.contains("/subnet/")).map(str::to_owned).collect();
        let mut after: Vec<_> = names.iter().map(String::as_str).collect();
        after.push(nodes::VPC);
        after.extend(self.gateway());
        let groups = BalancerGroups(self.cx(), Looks::default());
        self.graph.add_leftover(
            nodes::BALANCER_GROUPS,
            &[nodes::VPC, nodes::NODES_SECURITY_GROUP],
            groups,
        )?;
        after.push(nodes::BALANCER_GROUPS);
        self.graph.add_leftover(nodes::LOAD_BALANCERS, &after, LoadBalancers(self.cx()))
    }
}
