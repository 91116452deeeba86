//! A VPC of ours and what makes it a network: DHCP options, DNS, IPv6, the emptied default security group.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Looks, Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::{Difference, Error, Result};

use super::{
    context::{Context, QUICK},
    nodes,
};
use crate::api::{
    describe::Query,
    query::Filter,
    security_groups::{Direction, Rule, SecurityGroup, describe_security_groups, revoke},
    vpcs::{
        DhcpOptions, Ipv6Association, Ipv6Source, Vpc, VpcAttribute, associate_dhcp_options,
        associate_vpc_ipv6, create_dhcp_options, create_vpc, delete_dhcp_options, delete_vpc,
        describe_vpc_attribute, describe_vpcs, modify_vpc_attribute,
    },
};

/// The DHCP options: names of instances resolve within the VPC.
#[derive(Debug)]
pub(crate) struct OwnDhcpOptions(pub(crate) Arc<Context>, pub(crate) Looks);

/// The domain under which Amazon's DNS server knows instances
/// ([source](https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html)).
pub(crate) fn domain_name(cx: &Context) -> String {
    match cx.session.region().as_str() {
        "us-east-1" => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    }
}

#[async_trait]
impl Resource for OwnDhcpOptions {
    type Observed = DhcpOptions;

    fn kind(&self) -> &'static str {
        "DHCP options"
    }

    fn id(&self, observed: &DhcpOptions) -> String {
        observed.dhcp_options_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<DhcpOptions>> {
        self.0.owned("DHCP options", &self.1, &self.0.snapshot.dhcp_options, |_| true).await
    }

    async fn create(&self, _: &Scope) -> Result<DhcpOptions> {
        let domain = domain_name(&self.0);
        let options: &[(&str, &[&str])] =
            &[("domain-name", &[&domain]), ("domain-name-servers", &["AmazonProvidedDNS"])];
        // The tags are those of the reply: what did not take them gets them as an update.
        self.0.run(create_dhcp_options(options, &self.0.tags())).await
    }

    fn differs(&self, _: &Scope, observed: &DhcpOptions) -> Result<Change> {
        Ok(Change::update(self.0.tag_differences(&self.0.tags(), &observed.tags)))
    }

    async fn update(&self, _: &Scope, observed: &DhcpOptions) -> Result<DhcpOptions> {
        let mut updated = observed.clone();
        self.0.retag(&observed.dhcp_options_id, &self.0.tags(), &mut updated.tags).await?;
        Ok(updated)
    }

    async fn delete(&self, _: &Scope, observed: &DhcpOptions) -> Result<()> {
        or_gone(self.0.run(delete_dhcp_options(&observed.dhcp_options_id)).await)
    }
}

/// The VPC.
#[derive(Debug)]
pub(crate) struct OwnVpc(pub(crate) Arc<Context>, pub(crate) Looks);

impl OwnVpc {
    fn tenancy(&self) -> Option<&'static str> {
        (self.0.config.enable_dedicated_tenancy_for_vpc == Some(true)).then_some("dedicated")
    }
}

#[async_trait]
impl Resource for OwnVpc {
    type Observed = Vpc;

    fn kind(&self) -> &'static str {
        "VPC"
    }

    fn id(&self, observed: &Vpc) -> String {
        observed.vpc_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Vpc>> {
        self.0.owned("VPC", &self.1, &self.0.snapshot.vpcs, |_| true).await
    }

    async fn create(&self, _: &Scope) -> Result<Vpc> {
        let cidr = self.0.config.networks.vpc.cidr.as_deref();
        let cidr = cidr.ok_or_else(|| Error::invalid("networks.vpc.cidr", "is missing"))?;
        let mut created = self.0.run(create_vpc(cidr, self.tenancy(), &self.0.tags())).await?;
        created.tags = self.0.tags();
        Ok(created)
    }

    fn differs(&self, _: &Scope, observed: &Vpc) -> Result<Change> {
        let cidr = self.0.config.networks.vpc.cidr.as_deref().unwrap_or_default();
        if observed.cidr_block != cidr {
            let problem =
                format!("{} has {}; it cannot be changed to {cidr}", observed.vpc_id, observed.cidr_block);
            return Err(Error::invalid("networks.vpc.cidr", problem));
        }
        let dedicated = observed.instance_tenancy == "dedicated";
        if !observed.instance_tenancy.is_empty() && dedicated != self.tenancy().is_some() {
            let problem = format!(
                "{} has {} tenancy; it cannot be changed",
                observed.vpc_id, observed.instance_tenancy
            );
            return Err(Error::invalid("enableDedicatedTenancyForVPC", problem));
        }
        Ok(Change::update(self.0.tag_differences(&self.0.tags(), &observed.tags)))
    }

    async fn update(&self, _: &Scope, observed: &Vpc) -> Result<Vpc> {
        let mut updated = observed.clone();
        self.0.retag(&observed.vpc_id, &self.0.tags(), &mut updated.tags).await?;
        Ok(updated)
    }

    async fn delete(&self, _: &Scope, observed: &Vpc) -> Result<()> {
        or_gone(self.0.run(delete_vpc(&observed.vpc_id)).await)
    }
}

/// Which DHCP options the VPC uses.
#[derive(Debug)]
pub(crate) struct DhcpAssociation(pub(crate) Arc<Context>, pub(crate) Looks);

/// The VPC and its DHCP options.
#[derive(Debug, Clone)]
pub(crate) struct Associated {
    vpc: String,
    options: String,
}

#[async_trait]
impl Resource for DhcpAssociation {
    type Observed = Associated;

    fn kind(&self) -> &'static str {
        "DHCP options association"
    }

    fn id(&self, observed: &Associated) -> String {
        format!("{}/{}", observed.vpc, observed.options)
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Associated>> {
        let (Some(vpc), Some(wanted)) = (scope.try_get::<Vpc>(nodes::VPC), scope.try_id(nodes::DHCP_OPTIONS))
        else {
            return Ok(None);
        };
        let options = if self.1.is_first() {
            vpc.dhcp_options_id.clone()
        } else {
            let fresh = self.0.by_id(describe_vpcs, &vpc.vpc_id).await?;
            fresh.map(|vpc| vpc.dhcp_options_id).unwrap_or_default()
        };
        Ok((options == wanted).then(|| Associated { vpc: vpc.vpc_id.clone(), options }))
    }

    async fn create(&self, scope: &Scope) -> Result<Associated> {
        let associated = Associated { vpc: scope.id(nodes::VPC)?, options: scope.id(nodes::DHCP_OPTIONS)? };
        self.0.run(associate_dhcp_options(&associated.options, &associated.vpc)).await?;
        Ok(associated)
    }

    async fn delete(&self, _: &Scope, observed: &Associated) -> Result<()> {
        or_gone(self.0.run(associate_dhcp_options("default", &observed.vpc)).await)
    }
}

/// Whether the VPC has a DNS server and names for its instances: both.
#[derive(Debug)]
pub(crate) struct VpcDns(pub(crate) Arc<Context>);

/// The attributes of a VPC that are not part of its description.
#[derive(Debug, Clone)]
pub(crate) struct DnsAttributes {
    pub(crate) vpc: String,
    pub(crate) support: bool,
    pub(crate) hostnames: bool,
}

impl DnsAttributes {
    pub(crate) async fn of(cx: &Context, vpc: &str) -> Result<Self> {
        let (support, hostnames) = futures::try_join!(
            cx.run(describe_vpc_attribute(vpc, VpcAttribute::DnsSupport)),
            cx.run(describe_vpc_attribute(vpc, VpcAttribute::DnsHostnames)),
        )?;
        Ok(Self { vpc: vpc.to_owned(), support, hostnames })
    }

    /// Those that are off.
    pub(crate) fn off(&self) -> Vec<VpcAttribute> {
        let all = [(VpcAttribute::DnsSupport, self.support), (VpcAttribute::DnsHostnames, self.hostnames)];
        all.into_iter().filter(|(_, on)| !on).map(|(attribute, _)| attribute).collect()
    }
}

#[async_trait]
impl Resource for VpcDns {
    type Observed = DnsAttributes;

    fn kind(&self) -> &'static str {
        "VPC attributes"
    }

    fn id(&self, observed: &DnsAttributes) -> String {
        format!("{}/dns", observed.vpc)
    }

    async fn find(&self, scope: &Scope) -> Result<Option<DnsAttributes>> {
        match scope.try_id(nodes::VPC) {
            Some(vpc) if !self.0.is_new_vpc(&vpc).await? => DnsAttributes::of(&self.0, &vpc).await.map(Some),
            _ => Ok(None),
        }
    }

    /// In a new VPC.
    async fn create(&self, scope: &Scope) -> Result<DnsAttributes> {
        let found = DnsAttributes::of(&self.0, &scope.id(nodes::VPC)?).await?;
        self.update(scope, &found).await
    }

    fn differs(&self, _: &Scope, observed: &DnsAttributes) -> Result<Change> {
        let off = observed.off().into_iter();
        Ok(Change::update(off.map(|attribute| Difference::new(attribute.name(), false, true)).collect()))
    }

    async fn update(&self, _: &Scope, observed: &DnsAttributes) -> Result<DnsAttributes> {
        // Names need the server, so one after the other.
        for attribute in observed.off() {
            self.0.run(modify_vpc_attribute(&observed.vpc, attribute, true)).await?;
        }
        Ok(DnsAttributes { vpc: observed.vpc.clone(), support: true, hostnames: true })
    }

    /// They go with the VPC.
    async fn delete(&self, _: &Scope, _: &DnsAttributes) -> Result<()> {
        Ok(())
    }
}

/// The /56 of the VPC.
#[derive(Debug)]
pub(crate) struct Ipv6Block(pub(crate) Arc<Context>, pub(crate) Looks);

impl Ipv6Block {
    fn source(&self) -> Ipv6Source {
        match &self.0.config.networks.vpc.ipv6_ipam_pool {
            Some(pool) => {
                Ipv6Source::Pool { id: pool.id.clone().unwrap_or_default(), block: pool.cidr_block.clone() }
            }
            None => Ipv6Source::Amazon,
        }
    }
}

#[async_trait]
impl Resource for Ipv6Block {
    type Observed = Ipv6Association;

    fn kind(&self) -> &'static str {
        "VPC IPv6 CIDR block"
    }

    fn id(&self, observed: &Ipv6Association) -> String {
        observed.association_id.clone()
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Ipv6Association>> {
        let Some(vpc) = scope.try_get::<Vpc>(nodes::VPC) else { return Ok(None) };
        let blocks = if self.1.is_first() {
            vpc.ipv6.clone()
        } else {
            self.0.by_id(describe_vpcs, &vpc.vpc_id).await?.map(|vpc| vpc.ipv6).unwrap_or_default()
        };
        Ok(blocks.into_iter().find(Ipv6Association::is_alive))
    }

    async fn create(&self, scope: &Scope) -> Result<Ipv6Association> {
        self.0.run(associate_vpc_ipv6(&scope.id(nodes::VPC)?, &self.source())).await
    }

    fn differs(&self, _: &Scope, observed: &Ipv6Association) -> Result<Change> {
        Ok(match observed.block() {
            Some(_) => Change::None,
            None => Change::Update(vec![Difference::new("state", &observed.state.state, "associated")]),
        })
    }

    async fn update(&self, scope: &Scope, _: &Ipv6Association) -> Result<Ipv6Association> {
        let vpc = scope.id(nodes::VPC)?;
        let clock = self.0.session.clock();
        QUICK
            .until_some(&**clock, format!("the IPv6 block of {vpc}"), || async {
                let found = self.0.by_id(describe_vpcs, &vpc).await?;
                Ok(found.and_then(|vpc| vpc.ipv6.into_iter().find(|block| block.block().is_some())))
            })
            .await
    }

    /// It goes with the VPC.
    async fn delete(&self, _: &Scope, _: &Ipv6Association) -> Result<()> {
        Ok(())
    }
}

/// The security group that every VPC has: nothing may use it to get anywhere, so its rules are taken away.
#[derive(Debug)]
pub(crate) struct DefaultGroup(pub(crate) Arc<Context>);

impl DefaultGroup {
    async fn group(&self, vpc: &str) -> Result<Option<SecurityGroup>> {
        let filters = [Filter::is("vpc-id", vpc), Filter::is("group-name", "default")];
        let found = self.0.all(describe_security_groups, Query::matching(filters)).await?;
        Ok(found.into_iter().next())
    }
}

#[async_trait]
impl Resource for DefaultGroup {
    type Observed = SecurityGroup;

    fn kind(&self) -> &'static str {
        "default security group"
    }

    fn id(&self, observed: &SecurityGroup) -> String {
        observed.group_id.clone()
    }

    async fn find(&self, scope: &Scope) -> Result<Option<SecurityGroup>> {
        match scope.try_id(nodes::VPC) {
            Some(vpc) if !self.0.is_new_vpc(&vpc).await? => self.group(&vpc).await,
            _ => Ok(None),
        }
    }

    /// Every VPC has it; in a new one it may not show yet.
    async fn create(&self, scope: &Scope) -> Result<SecurityGroup> {
        let found = self.group(&scope.id(nodes::VPC)?).await?;
        let found = found.ok_or_else(|| Error::not_found("the VPC's default security group"))?;
        self.update(scope, &found).await
    }

    fn differs(&self, _: &Scope, observed: &SecurityGroup) -> Result<Change> {
        let rules = observed.rules().into_iter();
        Ok(Change::update(rules.map(|rule| Difference::new("rule", rule, "none")).collect()))
    }

    async fn update(&self, _: &Scope, observed: &SecurityGroup) -> Result<SecurityGroup> {
        for direction in [Direction::Ingress, Direction::Egress] {
            let rules: Vec<Rule> =
                observed.rules().into_iter().filter(|rule| rule.direction == direction).collect();
            if !rules.is_empty() {
                or_gone(self.0.run(revoke(&observed.group_id, direction, &rules)).await)?;
            }
        }
        Ok(SecurityGroup { ingress: Vec::new(), egress: Vec::new(), ..observed.clone() })
    }

    /// It goes with the VPC.
    async fn delete(&self, _: &Scope, _: &SecurityGroup) -> Result<()> {
        Ok(())
    }
}
