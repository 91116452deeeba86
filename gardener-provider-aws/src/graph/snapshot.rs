//! What the cloud shows of the cluster's resources: one list per kind and run, shared by all nodes.

use std::sync::Arc;

use futures::future::BoxFuture;
use gardener_provider_client::graph::{Looks, SharedList};
use gardener_provider_core::Result;

use super::{context::Context, subnet::Purpose};
use crate::api::{
    addresses::{self, Address},
    describe::{Describe, Query},
    endpoints::{self, VpcEndpoint},
    gateways::{self, EgressOnlyGateway, InternetGateway},
    nat::{self, NatGateway},
    query::Filter,
    routes::{self, RouteTable},
    security_groups::{self, SecurityGroup},
    subnets::{self, Subnet},
    tags::Tags,
    vpcs::{self, DhcpOptions, Vpc},
};
use crate::infrastructure_config::InfrastructureConfig;

/// A resource that is found by its tags.
pub(crate) trait Tagged: Clone + Send + Sync {
    fn id(&self) -> &str;
    fn tags(&self) -> &Tags;
    /// False for what is only still shown.
    fn is_alive(&self) -> bool {
        true
    }
}

macro_rules! tagged {
    ($($type:ident by $id:ident $(, alive if $alive:ident)?;)*) => {
        $(impl Tagged for $type {
            fn id(&self) -> &str {
                &self.$id
            }
            fn tags(&self) -> &Tags {
                &self.tags
            }
            $(fn is_alive(&self) -> bool {
                $type::$alive(self)
            })?
        })*
    };
}

tagged! {
    Address by allocation_id;
    DhcpOptions by dhcp_options_id;
    EgressOnlyGateway by egress_only_internet_gateway_id;
    InternetGateway by internet_gateway_id;
    NatGateway by nat_gateway_id, alive if is_present;
    RouteTable by route_table_id;
    SecurityGroup by group_id;
    Subnet by subnet_id;
    Vpc by vpc_id;
    VpcEndpoint by vpc_endpoint_id, alive if is_alive;
}

/// All resources of a kind that carry the cluster's tag, whatever its value.
#[derive(Debug)]
pub(crate) struct Kind<T> {
    describe: Describe<T>,
    query: Query,
    list: SharedList<T>,
}

impl<T: Clone> Kind<T> {
    fn new(tag: &str, describe: Describe<T>) -> Self {
        Self::matching(describe, Filter::tag_key(tag))
    }

    /// All resources that match the filter, in place of the cluster's tag.
    fn matching(describe: Describe<T>, filter: Filter) -> Self {
        Self { describe, query: Query::matching([filter]), list: SharedList::new() }
    }

    /// As the first who asked in this run saw them.
    pub(crate) async fn shared(&self, cx: &Context) -> Result<Arc<Vec<T>>> {
        self.list.shared(|| self.fresh(cx)).await
    }

    /// As they are now.
    pub(crate) async fn fresh(&self, cx: &Context) -> Result<Vec<T>> {
        cx.all(self.describe, self.query.clone()).await
    }

    /// As a node that was looked up before, or was not, must see them.
    pub(crate) async fn for_look(&self, cx: &Context, looks: &Looks) -> Result<Arc<Vec<T>>> {
        looks.list(&self.list, || self.fresh(cx)).await
    }
}

/// The lists of one run.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) addresses: Kind<Address>,
    pub(crate) dhcp_options: Kind<DhcpOptions>,
    pub(crate) egress_only: Kind<EgressOnlyGateway>,
    pub(crate) endpoints: Kind<VpcEndpoint>,
    pub(crate) internet_gateways: Kind<InternetGateway>,
    pub(crate) nat_gateways: Kind<NatGateway>,
    pub(crate) route_tables: Kind<RouteTable>,
    pub(crate) security_groups: Kind<SecurityGroup>,
    pub(crate) subnets: Kind<Subnet>,
    pub(crate) vpcs: Kind<Vpc>,
    /// The subnets that the user gave.
    pub(crate) given_subnets: Kind<Subnet>,
    /// The addresses that the user gave.
    pub(crate) given_addresses: Kind<Address>,
    /// All route tables of the VPC that the user gave.
    pub(crate) given_route_tables: Kind<RouteTable>,
}

impl Snapshot {
    pub(crate) fn new(tag: &str, config: &InfrastructureConfig) -> Self {
        let zones = || config.networks.zones.iter();
        let subnets = zones().flat_map(|zone| Purpose::ALL.map(|purpose| purpose.given(zone))).flatten();
        let addresses = zones().filter_map(|zone| zone.elastic_ip_allocation_id.as_deref());
        let vpc = config.networks.vpc.id.as_deref().unwrap_or_default();
        Self {
            given_subnets: Kind::matching(subnets::describe_subnets, Filter::any("subnet-id", subnets)),
            given_addresses: Kind::matching(
                addresses::describe_addresses,
                Filter::any("allocation-id", addresses),
            ),
            given_route_tables: Kind::matching(routes::describe_route_tables, Filter::is("vpc-id", vpc)),
            addresses: Kind::new(tag, addresses::describe_addresses),
            dhcp_options: Kind::new(tag, vpcs::describe_dhcp_options),
            egress_only: Kind::new(tag, gateways::describe_egress_only_gateways),
            endpoints: Kind::new(tag, endpoints::describe_vpc_endpoints),
            internet_gateways: Kind::new(tag, gateways::describe_internet_gateways),
            nat_gateways: Kind::new(tag, nat::describe_nat_gateways),
            route_tables: Kind::new(tag, routes::describe_route_tables),
            security_groups: Kind::new(tag, security_groups::describe_security_groups),
            subnets: Kind::new(tag, subnets::describe_subnets),
            vpcs: Kind::new(tag, vpcs::describe_vpcs),
        }
    }

    /// Fetches at the same time what a graph of these kinds will ask for.
    pub(crate) fn prefetch<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.fetch_all(cx))
    }

    async fn fetch_all(&self, cx: &Context) -> Result<()> {
        let managed = cx.config.networks.vpc.id.is_none();
        let zones = !cx.config.uses_given_subnets();
        let ipv6 = cx.uses_ipv6();
        let addresses = cx.config.networks.zones.iter().any(|zone| zone.elastic_ip_allocation_id.is_some());
        let own_group = cx.config.networks.nodes_security_group_id.is_none();
        futures::try_join!(
            when(managed, self.vpcs.shared(cx)),
            when(managed, self.dhcp_options.shared(cx)),
            when(managed, self.internet_gateways.shared(cx)),
            when(managed && ipv6, self.egress_only.shared(cx)),
            when(zones, self.endpoints.shared(cx)),
            when(zones, self.route_tables.shared(cx)),
            when(zones, self.subnets.shared(cx)),
            when(zones, self.nat_gateways.shared(cx)),
            when(zones, self.addresses.shared(cx)),
            when(own_group, self.security_groups.shared(cx)),
            when(addresses, self.given_addresses.shared(cx)),
            when(!zones, self.given_subnets.shared(cx)),
            when(!zones, self.given_route_tables.shared(cx)),
        )?;
        Ok(())
    }
}

async fn when<T>(wanted: bool, fetch: impl Future<Output = Result<T>>) -> Result<()> {
    if wanted {
        fetch.await?;
    }
    Ok(())
}
