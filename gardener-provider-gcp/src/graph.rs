//! The infrastructure as a graph: which resources there are and what each needs, and nothing else.
//!
//! Edges are as few as Google Cloud allows. The longest way through a new infrastructure is VPC, nodes' subnet, NAT
//! gateway; the service account waits for nothing.

mod address;
mod context;
mod firewall;
mod given_subnet;
mod identity;
pub(crate) mod kubernetes;
mod links;
mod migration;
mod nat;
mod network;
pub(crate) mod nodes;
mod router;
pub(crate) mod subnet;

use std::sync::Arc;

use gardener_provider_client::graph::{Goal, Graph, Resource};
use gardener_provider_core::Result;

use address::GivenAddress;
pub(crate) use context::{Common, Context};
use firewall::OwnFirewall;
pub(crate) use firewall::Rule;
use given_subnet::GivenSubnet;
pub(crate) use identity::Kept;
use identity::{KeptAccount, NodesAccount};
use kubernetes::{LeftFirewalls, LeftRoutes};
use migration::{AliasRanges, RoutesToPods};
use nat::OwnNat;
use network::{GivenVpc, OwnVpc};
use router::{GivenRouter, OwnRouter};
use subnet::{OwnSubnet, Purpose};

/// The graph of an infrastructure.
pub(crate) fn declare(cx: &Arc<Context>, goal: Goal) -> Result<Graph> {
    let mut declaration = Declaration { cx: Arc::clone(cx), goal, graph: Graph::new() };
    declaration.vpc()?;
    if cx.config.networks.uses_given_subnets() {
        declaration.given_subnets()?;
    } else {
        declaration.service_account()?;
        declaration.subnets()?;
        declaration.way_out()?;
        declaration.firewalls()?;
    }
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

    fn going(&self) -> bool {
        self.goal == Goal::Destroy
    }

    fn add<R: Resource>(&mut self, name: &str, after: &[&str], resource: R) -> Result<()> {
        self.graph.add_for(self.goal, name, after, resource)
    }

    fn service_account(&mut self) -> Result<()> {
        if self.cx.common.no_service_accounts && !self.going() {
            return self.add(nodes::SERVICE_ACCOUNT, &[], KeptAccount(self.cx()));
        }
        self.add(nodes::SERVICE_ACCOUNT, &[], NodesAccount(self.cx()))
    }

    /// The VPC, if something has to wait for it: what the user gave carries no marks of ours, so when all is to go it
    /// has no part in that.
    fn in_vpc(&self) -> Vec<&'static str> {
        let given = self.cx.config.networks.vpc.is_some();
        if given && self.going() { Vec::new() } else { vec![nodes::VPC] }
    }

    fn vpc(&mut self) -> Result<()> {
        match self.cx.config.networks.vpc {
            Some(_) if self.going() => Ok(()),
            Some(_) => self.add(nodes::VPC, &[], GivenVpc(self.cx())),
            None => self.add(nodes::VPC, &[], OwnVpc(self.cx())),
        }
    }

    fn given_subnets(&mut self) -> Result<()> {
        if self.going() {
            return Ok(());
        }
        let networks = &self.cx.config.networks;
        let given =
            [(Purpose::Nodes, &networks.subnet_workers), (Purpose::Services, &networks.subnet_services)];
        for (purpose, subnet) in given.map(|(purpose, subnet)| (purpose, subnet.clone())) {
            let Some(subnet) = subnet else { continue };
            let subnet = GivenSubnet { cx: self.cx(), purpose, subnet };
            self.add(&nodes::subnet(purpose.name()), &[nodes::VPC], subnet)?;
        }
        Ok(())
    }

    fn subnets(&mut self) -> Result<()> {
        let migrating = self.cx.is_dual_stack() && !self.going();
        let vpc = self.in_vpc();
        let mut after = vpc.clone();
        if migrating {
            self.add(nodes::KUBERNETES_ROUTES, &vpc, RoutesToPods(self.cx()))?;
            after.push(nodes::KUBERNETES_ROUTES);
        }
        self.subnet(Purpose::Nodes, &after)?;
        self.subnet(Purpose::Internal, &vpc)?;
        if self.cx.is_dual_stack() || self.going() {
            self.subnet(Purpose::Services, &vpc)?;
        }
        if migrating {
            let after = [nodes::KUBERNETES_ROUTES, &nodes::subnet(Purpose::Nodes.name())];
            self.add(nodes::ALIAS_RANGES, &after, AliasRanges(self.cx()))?;
        }
        Ok(())
    }

    fn subnet(&mut self, purpose: Purpose, after: &[&str]) -> Result<()> {
        let subnet = OwnSubnet { cx: self.cx(), purpose, going: self.going() };
        self.add(&nodes::subnet(purpose.name()), after, subnet)
    }

    /// A NAT gateway of ours goes with a router of ours, which goes before the subnet that the gateway names.
    fn way_out(&mut self) -> Result<()> {
        let subnet = nodes::subnet(Purpose::Nodes.name());
        let given = self.cx.config.networks.given_router().is_some();
        match (given, self.going()) {
            (false, true) => {
                let router = OwnRouter { cx: self.cx(), going: true };
                return self.add(nodes::ROUTER, &[nodes::VPC, &subnet], router);
            }
            (true, true) => return self.add(nodes::NAT, &[&subnet], OwnNat::new(self.cx())),
            (true, false) => self.add(nodes::ROUTER, &[nodes::VPC], GivenRouter(self.cx()))?,
            (false, false) => {
                let router = OwnRouter { cx: self.cx(), going: false };
                self.add(nodes::ROUTER, &[nodes::VPC], router)?;
            }
        }
        let mut after = vec![nodes::ROUTER.to_owned(), subnet];
        after.extend(self.addresses()?);
        let after: Vec<_> = after.iter().map(String::as_str).collect();
        self.add(nodes::NAT, &after, OwnNat::new(self.cx()))
    }

    fn addresses(&mut self) -> Result<Vec<String>> {
        let names: Vec<_> = self.cx.config.networks.given_addresses().map(str::to_owned).collect();
        let mut nodes = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            let node = nodes::address(&name);
            self.add(&node, &[], GivenAddress { cx: self.cx(), index, name })?;
            nodes.push(node);
        }
        Ok(nodes)
    }

    fn firewalls(&mut self) -> Result<()> {
        let subnets = [Purpose::Nodes, Purpose::Services].map(|purpose| nodes::subnet(purpose.name()));
        for rule in Rule::ALL {
            let mut after = self.in_vpc();
            if rule == Rule::InternalIpv6 && self.cx.is_dual_stack() && !self.going() {
                after.extend(subnets.iter().map(String::as_str));
            }
            let firewall = OwnFirewall { cx: self.cx(), rule, going: self.going() };
            self.add(&nodes::firewall(rule.suffix()), &after, firewall)?;
        }
        Ok(())
    }

    fn leftovers(&mut self) -> Result<()> {
        let vpc = self.in_vpc();
        self.graph.add_leftover(nodes::KUBERNETES_ROUTES, &vpc, LeftRoutes(self.cx()))?;
        self.graph.add_leftover(nodes::KUBERNETES_FIREWALLS, &vpc, LeftFirewalls(self.cx()))
    }
}
