//! What the user gave: looked at and checked, marked as used by this cluster where Kubernetes needs it, never created,
//! never deleted.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Looks, Resource, Scope};
use gardener_provider_core::{Error, IpFamily, Result};
use ipnet::IpNet;

use super::{
    context::{Context, SHARED},
    network::{DnsAttributes, domain_name},
    nodes,
    subnet::Purpose,
};
use crate::api::{
    addresses::Address,
    describe::Query,
    gateways::{
        Attachment, EgressOnlyGateway, InternetGateway, describe_egress_only_gateways,
        describe_internet_gateways,
    },
    query::Filter,
    routes::RouteTable,
    security_groups::{SecurityGroup, describe_security_groups},
    subnets::Subnet,
    tags::Tags,
    vpcs::{DhcpOptions, Ipv6Association, Vpc, describe_dhcp_options, describe_vpcs},
};

/// Says of a subnet that its role tag is ours to remove.
const MANAGED_TAG: &str = "gardener.cloud/managed-tag";

const VPC_FIELD: &str = "networks.vpc.id";

/// A resource of the user's: what it is, where it comes from, what must hold of it, and how it is marked.
#[async_trait]
pub(crate) trait Given: Send + Sync + std::fmt::Debug + 'static {
    type Observed: Clone + std::fmt::Debug + Send + Sync + 'static;

    fn kind(&self) -> &'static str;
    fn id(&self, observed: &Self::Observed) -> String;
    async fn look(&self, scope: &Scope) -> Result<Option<Self::Observed>>;
    /// The error that names the user's field.
    fn absent(&self) -> Error;
    fn check(&self, _scope: &Scope, _observed: &Self::Observed) -> Result<()> {
        Ok(())
    }
    fn context(&self) -> &Context;
    /// Its tags, for those that are marked.
    fn tags<'a>(&self, _observed: &'a mut Self::Observed) -> Option<&'a mut Tags> {
        None
    }
    /// The tags it should have.
    fn marks(&self, _has: &Tags) -> Tags {
        Tags::from([(self.context().tag.clone(), SHARED.to_owned())])
    }
}

/// Makes a [`Given`] a resource of the graph.
#[derive(Debug)]
pub(crate) struct Theirs<G>(pub(crate) G);

#[async_trait]
impl<G: Given> Resource for Theirs<G> {
    type Observed = G::Observed;

    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn id(&self, observed: &G::Observed) -> String {
        self.0.id(observed)
    }

    async fn find(&self, scope: &Scope) -> Result<Option<G::Observed>> {
        self.0.look(scope).await
    }

    async fn create(&self, _: &Scope) -> Result<G::Observed> {
        Err(self.0.absent())
    }

    fn differs(&self, scope: &Scope, observed: &G::Observed) -> Result<Change> {
        self.0.check(scope, observed)?;
        let differences = self.0.tags(&mut observed.clone()).map(|tags| {
            let marks = self.0.marks(tags);
            self.0.context().tag_differences(&marks, tags)
        });
        Ok(Change::update(differences.unwrap_or_default()))
    }

    async fn update(&self, _: &Scope, observed: &G::Observed) -> Result<G::Observed> {
        let mut updated = observed.clone();
        let id = self.0.id(observed);
        if let Some(tags) = self.0.tags(&mut updated) {
            let marks = self.0.marks(tags);
            self.0.context().retag(&id, &marks, tags).await?;
        }
        Ok(updated)
    }

    /// Takes our marks away and nothing else.
    async fn delete(&self, _: &Scope, observed: &G::Observed) -> Result<()> {
        let Some(tags) = self.0.tags(&mut observed.clone()).cloned() else { return Ok(()) };
        let cx = self.0.context();
        let mut ours = Vec::new();
        ours.extend(tags.contains_key(&cx.tag).then_some(cx.tag.as_str()));
        if let Some(role) = tags.get(MANAGED_TAG) {
            ours.extend([MANAGED_TAG, role.as_str()]);
        }
        if ours.is_empty() {
            return Ok(());
        }
        cx.untag(&self.0.id(observed), &ours).await
    }

    fn given(&self) -> bool {
        true
    }
}

/// The user's VPC.
#[derive(Debug)]
pub(crate) struct GivenVpc(pub(crate) Arc<Context>);

#[async_trait]
impl Given for GivenVpc {
    type Observed = Vpc;

    fn kind(&self) -> &'static str {
        "VPC"
    }

    fn id(&self, observed: &Vpc) -> String {
        observed.vpc_id.clone()
    }

    async fn look(&self, _: &Scope) -> Result<Option<Vpc>> {
        match &self.0.config.networks.vpc.id {
            Some(id) => self.0.by_id(describe_vpcs, id).await,
            None => Ok(None),
        }
    }

    fn absent(&self) -> Error {
        let id = self.0.config.networks.vpc.id.as_deref().unwrap_or_default();
        Error::invalid(VPC_FIELD, format!("{id} does not exist in {}", self.0.session.region()))
    }

    fn check(&self, _: &Scope, observed: &Vpc) -> Result<()> {
        if self.0.uses_ipv6() && !observed.ipv6.iter().any(Ipv6Association::is_alive) {
            let problem = format!("{} has no IPv6 block; give it one, or do without IPv6", observed.vpc_id);
            return Err(Error::invalid(VPC_FIELD, problem));
        }
        Ok(())
    }

    fn context(&self) -> &Context {
        &self.0
    }
}

/// The IPv6 block of the user's VPC.
#[derive(Debug)]
pub(crate) struct GivenIpv6Block(pub(crate) Arc<Context>);

#[async_trait]
impl Given for GivenIpv6Block {
    type Observed = Ipv6Association;

    fn kind(&self) -> &'static str {
        "VPC IPv6 CIDR block"
    }

    fn id(&self, observed: &Ipv6Association) -> String {
        observed.association_id.clone()
    }

    async fn look(&self, scope: &Scope) -> Result<Option<Ipv6Association>> {
        let vpc = scope.try_get::<Vpc>(nodes::VPC);
        Ok(vpc.and_then(|vpc| vpc.ipv6.iter().find(|block| block.block().is_some()).cloned()))
    }

    fn absent(&self) -> Error {
        Error::invalid(VPC_FIELD, "the VPC has no IPv6 block; give it one, or do without IPv6")
    }

    fn context(&self) -> &Context {
        &self.0
    }
}

/// DNS in the user's VPC: nodes need a server and names.
#[derive(Debug)]
pub(crate) struct GivenVpcDns(pub(crate) Arc<Context>);

#[async_trait]
impl Given for GivenVpcDns {
    type Observed = DnsAttributes;

    fn kind(&self) -> &'static str {
        "VPC attributes"
    }

    fn id(&self, observed: &DnsAttributes) -> String {
        format!("{}/dns", observed.vpc)
    }

    async fn look(&self, scope: &Scope) -> Result<Option<DnsAttributes>> {
        match scope.try_id(nodes::VPC) {
            Some(vpc) => DnsAttributes::of(&self.0, &vpc).await.map(Some),
            None => Ok(None),
        }
    }

    fn absent(&self) -> Error {
        GivenVpc(Arc::clone(&self.0)).absent()
    }

    fn check(&self, _: &Scope, observed: &DnsAttributes) -> Result<()> {
        let off: Vec<_> = observed.off().into_iter().map(crate::api::vpcs::VpcAttribute::name).collect();
        if off.is_empty() {
            return Ok(());
        }
        let problem =
            format!("{} must have {} set; set it with ModifyVpcAttribute", observed.vpc, off.join(" and "));
        Err(Error::invalid(VPC_FIELD, problem))
    }

    fn context(&self) -> &Context {
        &self.0
    }
}

/// The DHCP options of the user's VPC: nodes must be called what AWS calls them.
#[derive(Debug)]
pub(crate) struct GivenDhcpOptions(pub(crate) Arc<Context>);

#[async_trait]
impl Given for GivenDhcpOptions {
    type Observed = DhcpOptions;

    fn kind(&self) -> &'static str {
        "DHCP options"
    }

    fn id(&self, observed: &DhcpOptions) -> String {
        observed.dhcp_options_id.clone()
    }

    async fn look(&self, scope: &Scope) -> Result<Option<DhcpOptions>> {
        let Some(vpc) = scope.try_get::<Vpc>(nodes::VPC) else { return Ok(None) };
        self.0.by_id(describe_dhcp_options, &vpc.dhcp_options_id).await
    }

    fn absent(&self) -> Error {
        Error::invalid(VPC_FIELD, "the VPC has no DHCP options; give it some with the region's domain name")
    }

    fn check(&self, _: &Scope, observed: &DhcpOptions) -> Result<()> {
        for (key, wanted) in
            [("domain-name", domain_name(&self.0).as_str()), ("domain-name-servers", "AmazonProvidedDNS")]
        {
            let values = observed.values(key);
            if values != [wanted] {
                let id = &observed.dhcp_options_id;
                let problem = format!("its DHCP options {id} must have {key} {wanted:?}, not {values:?}");
                return Err(Error::invalid(VPC_FIELD, problem));
            }
        }
        Ok(())
    }

    fn context(&self) -> &Context {
        &self.0
    }
}

/// The internet gateway of the user's VPC.
#[derive(Debug)]
pub(crate) struct GivenInternetGateway(pub(crate) Arc<Context>);

#[async_trait]
impl Given for GivenInternetGateway {
    type Observed = InternetGateway;

    fn kind(&self) -> &'static str {
        "internet gateway"
    }

    fn id(&self, observed: &InternetGateway) -> String {
        observed.internet_gateway_id.clone()
    }

    async fn look(&self, scope: &Scope) -> Result<Option<InternetGateway>> {
        let Some(vpc) = scope.try_id(nodes::VPC) else { return Ok(None) };
        let query = Query::matching([Filter::is("attachment.vpc-id", vpc)]);
        Ok(self.0.all(describe_internet_gateways, query).await?.into_iter().next())
    }

    fn absent(&self) -> Error {
        Error::invalid(VPC_FIELD, "the VPC has no internet gateway; attach one")
    }

    fn context(&self) -> &Context {
        &self.0
    }
}

/// The egress-only internet gateway of the user's VPC.
#[derive(Debug)]
pub(crate) struct GivenEgressOnlyGateway(pub(crate) Arc<Context>);

#[async_trait]
impl Given for GivenEgressOnlyGateway {
    type Observed = EgressOnlyGateway;

    fn kind(&self) -> &'static str {
        "egress-only internet gateway"
    }

    fn id(&self, observed: &EgressOnlyGateway) -> String {
        observed.egress_only_internet_gateway_id.clone()
    }

    /// There is no filter by VPC.
    async fn look(&self, scope: &Scope) -> Result<Option<EgressOnlyGateway>> {
        let Some(vpc) = scope.try_id(nodes::VPC) else { return Ok(None) };
        let all = self.0.all(describe_egress_only_gateways, Query::default()).await?;
        let is_there = |attachment: &Attachment| attachment.is_alive() && attachment.vpc_id == vpc;
        Ok(all.into_iter().find(|gateway| gateway.attachments.iter().any(is_there)))
    }

    fn absent(&self) -> Error {
        Error::invalid(VPC_FIELD, "the VPC has no egress-only internet gateway; IPv6 needs one")
    }

    fn context(&self) -> &Context {
        &self.0
    }
}

/// A subnet of the user's.
#[derive(Debug)]
pub(crate) struct GivenSubnet {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) index: usize,
    pub(crate) purpose: Purpose,
    pub(crate) subnet: String,
}

impl GivenSubnet {
    fn field(&self) -> String {
        format!("networks.zones[{}].{}SubnetID", self.index, self.purpose.field())
    }
}

#[async_trait]
impl Given for GivenSubnet {
    type Observed = Subnet;

    fn kind(&self) -> &'static str {
        "subnet"
    }

    fn id(&self, observed: &Subnet) -> String {
        observed.subnet_id.clone()
    }

    async fn look(&self, _: &Scope) -> Result<Option<Subnet>> {
        let kind = &self.cx.snapshot.given_subnets;
        let found = kind.for_look(&self.cx, &self.looks).await?;
        Ok(found.iter().find(|subnet| subnet.subnet_id == self.subnet).cloned())
    }

    fn absent(&self) -> Error {
        Error::invalid(
            self.field(),
            format!("{} does not exist in {}", self.subnet, self.cx.session.region()),
        )
    }

    fn check(&self, scope: &Scope, observed: &Subnet) -> Result<()> {
        let wrong = |problem: String| Err(Error::invalid(self.field(), format!("{} {problem}", self.subnet)));
        let (vpc, zone) = (scope.id(nodes::VPC)?, &self.cx.config.networks.zones[self.index].name);
        if observed.vpc_id != vpc {
            return wrong(format!("is in {}, not in {vpc}", observed.vpc_id));
        }
        if observed.availability_zone != *zone {
            return wrong(format!("is in the zone {}, not in {zone}", observed.availability_zone));
        }
        if self.cx.uses_ipv6() && observed.ipv6_block().is_none() {
            return wrong("has no IPv6 block".to_owned());
        }
        let net = |text: &str| text.parse::<IpNet>().ok();
        let nodes = self.cx.networking.nodes.as_deref().and_then(net);
        let cidr = observed.cidr_block.as_deref().and_then(net);
        if let (Purpose::Workers, true, Some(nodes @ IpNet::V4(_)), Some(cidr)) =
            (self.purpose, self.cx.networking.has(IpFamily::V4), nodes, cidr)
            && !nodes.contains(&cidr)
        {
            return wrong(format!("has the CIDR {cidr}, which must lie within networking.nodes, {nodes}"));
        }
        Ok(())
    }

    fn context(&self) -> &Context {
        &self.cx
    }

    fn tags<'a>(&self, observed: &'a mut Subnet) -> Option<&'a mut Tags> {
        Some(&mut observed.tags)
    }

    fn marks(&self, has: &Tags) -> Tags {
        let mut marks = Tags::from([(self.cx.tag.clone(), SHARED.to_owned())]);
        // The user's own role tag stays the user's.
        if let Some(role) = self.purpose.role().filter(|role| !has.contains_key(*role)) {
            marks.insert(role.to_owned(), "1".to_owned());
            marks.insert(MANAGED_TAG.to_owned(), role.to_owned());
        }
        marks
    }
}

/// The route table of a subnet of the user's: the controller of pod routes finds it by the cluster's tag.
#[derive(Debug)]
pub(crate) struct GivenRouteTable {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) index: usize,
    pub(crate) subnet: String,
}

#[async_trait]
impl Given for GivenRouteTable {
    type Observed = RouteTable;

    fn kind(&self) -> &'static str {
        "route table"
    }

    fn id(&self, observed: &RouteTable) -> String {
        observed.route_table_id.clone()
    }

    async fn look(&self, _: &Scope) -> Result<Option<RouteTable>> {
        let kind = &self.cx.snapshot.given_route_tables;
        let tables = kind.for_look(&self.cx, &self.looks).await?;
        let uses = |table: &&RouteTable, is_it: &dyn Fn(&crate::api::routes::Association) -> bool| {
            table.associations.iter().any(is_it)
        };
        let own = tables.iter().find(|table| {
            uses(table, &|association| association.subnet_id.as_deref() == Some(self.subnet.as_str()))
        });
        Ok(own.or_else(|| tables.iter().find(|table| uses(table, &|association| association.main))).cloned())
    }

    fn absent(&self) -> Error {
        let field = format!("networks.zones[{}].workersSubnetID", self.index);
        Error::invalid(field, format!("{} has no route table", self.subnet))
    }

    fn context(&self) -> &Context {
        &self.cx
    }

    fn tags<'a>(&self, observed: &'a mut RouteTable) -> Option<&'a mut Tags> {
        Some(&mut observed.tags)
    }
}

/// An elastic IP of the user's.
#[derive(Debug)]
pub(crate) struct GivenAddress {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) index: usize,
    pub(crate) allocation: String,
}

#[async_trait]
impl Given for GivenAddress {
    type Observed = Address;

    fn kind(&self) -> &'static str {
        "elastic IP"
    }

    fn id(&self, observed: &Address) -> String {
        observed.allocation_id.clone()
    }

    async fn look(&self, _: &Scope) -> Result<Option<Address>> {
        let kind = &self.cx.snapshot.given_addresses;
        let found = kind.for_look(&self.cx, &self.looks).await?;
        Ok(found.iter().find(|address| address.allocation_id == self.allocation).cloned())
    }

    fn absent(&self) -> Error {
        let field = format!("networks.zones[{}].elasticIPAllocationID", self.index);
        let region = self.cx.session.region();
        Error::invalid(field, format!("{} does not exist in {region}", self.allocation))
    }

    fn context(&self) -> &Context {
        &self.cx
    }
}

/// The user's security group for the nodes.
#[derive(Debug)]
pub(crate) struct GivenNodesGroup(pub(crate) Arc<Context>);

impl GivenNodesGroup {
    const FIELD: &'static str = "networks.nodesSecurityGroupID";

    fn group(&self) -> &str {
        self.0.config.networks.nodes_security_group_id.as_deref().unwrap_or_default()
    }
}

#[async_trait]
impl Given for GivenNodesGroup {
    type Observed = SecurityGroup;

    fn kind(&self) -> &'static str {
        "security group"
    }

    fn id(&self, observed: &SecurityGroup) -> String {
        observed.group_id.clone()
    }

    async fn look(&self, _: &Scope) -> Result<Option<SecurityGroup>> {
        self.0.by_id(describe_security_groups, self.group()).await
    }

    fn absent(&self) -> Error {
        let region = self.0.session.region();
        Error::invalid(Self::FIELD, format!("{} does not exist in {region}", self.group()))
    }

    fn check(&self, scope: &Scope, observed: &SecurityGroup) -> Result<()> {
        let vpc = scope.id(nodes::VPC)?;
        if observed.vpc_id == vpc {
            return Ok(());
        }
        let problem = format!("{} is in {}, not in {vpc}", observed.group_id, observed.vpc_id);
        Err(Error::invalid(Self::FIELD, problem))
    }

    fn context(&self) -> &Context {
        &self.0
    }

    fn tags<'a>(&self, observed: &'a mut SecurityGroup) -> Option<&'a mut Tags> {
        Some(&mut observed.tags)
    }
}
