//! The user's subnets.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Error, Result};
use ipnet::IpNet;

use super::{Context, links, subnet::Purpose};
use crate::{
    api::subnetworks::{Subnetwork, get_subnetwork},
    infrastructure_config::SubnetReference,
};

/// A subnet of the user's for nodes or services.
#[derive(Debug)]
pub(crate) struct GivenSubnet {
    pub(crate) cx: Arc<Context>,
    pub(crate) purpose: Purpose,
    pub(crate) subnet: SubnetReference,
}

impl GivenSubnet {
    fn wrong(&self, field: &str, problem: String) -> Error {
        let subnet = if self.purpose == Purpose::Services { "subnetServices" } else { "subnetWorkers" };
        Error::invalid(format!("networks.{subnet}.{field}"), problem)
    }

    fn check_place(&self, observed: &Subnetwork) -> Result<()> {
        if self.cx.is_in_vpc(&observed.network) {
            return Ok(());
        }
        let (network, vpc) = (links::name(&observed.network), self.cx.vpc());
        Err(self.wrong("name", format!("{:?} is a subnet of the VPC {network}, not of {vpc}", observed.name)))
    }

    fn check_ipv6(&self, observed: &Subnetwork) -> Result<()> {
        let external = observed.ipv6_access_type.as_deref() == Some("EXTERNAL");
        if !self.cx.is_dual_stack() || external && observed.ipv6_range().is_some() {
            return Ok(());
        }
        let problem = format!(
            "{:?} has no external IPv6 range; give it the stack type IPV4_IPV6 with external access",
            observed.name
        );
        Err(self.wrong("name", problem))
    }

    /// Nodes have their addresses from the subnet's own range, and neither pods nor services have theirs from it.
    fn check_range(&self, observed: &Subnetwork) -> Result<()> {
        let networking = &self.cx.networking;
        let net = |cidr: &str| cidr.parse::<IpNet>().ok();
        let Some(own) = net(&observed.ip_cidr_range) else { return Ok(()) };
        if let Some(nodes) = networking.nodes.as_deref().and_then(net)
            && !own.contains(&nodes)
        {
            let problem =
                format!("{:?} has {own}, which does not hold networking.nodes, {nodes}", observed.name);
            return Err(self.wrong("name", problem));
        }
        for (field, cidr) in
            [("networking.pods", &networking.pods), ("networking.services", &networking.services)]
        {
            if let Some(other) = cidr.as_deref().and_then(net)
                && (own.contains(&other) || other.contains(&own))
            {
                let problem = format!("{:?} has {own}, which overlaps with {field}, {other}", observed.name);
                return Err(self.wrong("name", problem));
            }
        }
        Ok(())
    }

    /// Pods have their IPv4 addresses from the secondary range that the user names.
    fn check_pods(&self, observed: &Subnetwork) -> Result<()> {
        const FIELD: &str = "podSecondaryRangeName";
        let Some(name) = &self.subnet.pod_secondary_range_name else { return Ok(()) };
        let pods = self.cx.networking.pods.as_deref().unwrap_or_default();
        match observed.secondary_ip_ranges.iter().find(|range| range.range_name == *name) {
            Some(range) if range.ip_cidr_range == pods => Ok(()),
            Some(range) => {
                let is = &range.ip_cidr_range;
                Err(self.wrong(FIELD, format!("{name:?} is {is}; it must be networking.pods, {pods}")))
            }
            None => Err(self.wrong(FIELD, format!("{:?} has no range {name:?}", observed.name))),
        }
    }
}

#[async_trait]
impl Resource for GivenSubnet {
    type Observed = Subnetwork;

    fn kind(&self) -> &'static str {
        "subnet"
    }

    fn id(&self, observed: &Subnetwork) -> String {
        observed.name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Subnetwork>> {
        let cx = &self.cx;
        cx.look(get_subnetwork(cx.project(), cx.region(), &self.subnet.name)).await
    }

    async fn create(&self, _: &Scope) -> Result<Subnetwork> {
        let (name, region) = (&self.subnet.name, self.cx.region());
        Err(self.wrong("name", format!("there is no subnet {name:?} in the region {region}")))
    }

    fn differs(&self, _: &Scope, observed: &Subnetwork) -> Result<Change> {
        self.check_place(observed)?;
        self.check_ipv6(observed)?;
        if self.purpose == Purpose::Nodes {
            self.check_range(observed)?;
            self.check_pods(observed)?;
        }
        Ok(Change::None)
    }

    async fn delete(&self, _: &Scope, _: &Subnetwork) -> Result<()> {
        Ok(())
    }

    fn given(&self) -> bool {
        true
    }
}
