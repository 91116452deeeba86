//! VPCs and their address blocks.

use std::collections::BTreeMap;

use ipnet::{Ipv4Net, Ipv6Net};

use super::{
    Ec2, Event, Region, Tags, cidr,
    kind::{Getter, IdRules, Kind, View},
    tags::{done, tags_for},
};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// A VPC.
#[derive(Debug)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) state: &'static str,
    pub(crate) blocks: Vec<Block<Ipv4Net>>,
    pub(crate) ipv6: Vec<Block<Ipv6Net>>,
    pub(crate) tenancy: String,
    pub(crate) dhcp_options: String,
    pub(crate) dns_support: bool,
    pub(crate) dns_hostnames: bool,
    pub(crate) address_metrics: bool,
    pub(crate) is_default: bool,
}

/// An address block of a VPC or subnet.
#[derive(Debug, Clone)]
pub(crate) struct Block<N> {
    pub(crate) association: String,
    pub(crate) net: N,
    pub(crate) state: &'static str,
    /// The pool of an IPv6 block: `Amazon` or that of an address manager.
    pub(crate) pool: String,
}

impl<N> Block<N> {
    pub(crate) fn new(association: String, net: N, state: &'static str) -> Self {
        Self { association, net, state, pool: "Amazon".to_owned() }
    }
}

impl Vpc {
    pub(crate) fn ipv6_associated(&mut self, association: &str) {
        for block in self.ipv6.iter_mut().filter(|block| block.association == association) {
            block.state = "associated";
        }
    }

    /// The first block, which the VPC was created with.
    pub(crate) fn block(&self) -> Ipv4Net {
        self.blocks.first().map(|block| block.net).unwrap_or_default()
    }
}

impl Kind for Vpc {
    const ID: IdRules = IdRules {
        prefix: "vpc",
        label: "vpc ID",
        not_found: "InvalidVpcID.NotFound",
        malformed: "InvalidVpcID.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.vpcs
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.vpcs
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "vpc-id" => |vpc, _| vec![vpc.id.clone()],
            "state" => |vpc, _| vec![vpc.state.to_owned()],
            "cidr" => |vpc, _| vec![vpc.block().to_string()],
            "cidr-block-association.cidr-block" => {
                |vpc, _| vpc.blocks.iter().map(|b| b.net.to_string()).collect()
            }
            "cidr-block-association.association-id" => {
                |vpc, _| vpc.blocks.iter().map(|b| b.association.clone()).collect()
            }
            "cidr-block-association.state" => {
                |vpc, _| vpc.blocks.iter().map(|b| b.state.to_owned()).collect()
            }
            "ipv6-cidr-block-association.ipv6-cidr-block" => {
                |vpc, _| vpc.ipv6.iter().map(|b| b.net.to_string()).collect()
            }
            "ipv6-cidr-block-association.association-id" => {
                |vpc, _| vpc.ipv6.iter().map(|b| b.association.clone()).collect()
            }
            "ipv6-cidr-block-association.state" => {
                |vpc, _| vpc.ipv6.iter().map(|b| b.state.to_owned()).collect()
            }
            "dhcp-options-id" => |vpc, _| vec![vpc.dhcp_options.clone()],
            "is-default" | "isDefault" => |vpc, _| vec![vpc.is_default.to_string()],
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("vpcId", &self.id).text("ownerId", view.context.account()).text("state", self.state);
        xml.text("cidrBlock", self.block()).text("dhcpOptionsId", &self.dhcp_options);
        xml.list("cidrBlockAssociationSet", &self.blocks, write_block);
        xml.list("ipv6CidrBlockAssociationSet", &self.ipv6, |xml, block| write_vpc_ipv6(xml, block, view));
        xml.text("instanceTenancy", &self.tenancy).text("isDefault", self.is_default);
        view.write_tags(xml, &self.id);
    }
}

fn write_block(xml: &mut Xml, block: &Block<Ipv4Net>) {
    xml.text("associationId", &block.association).text("cidrBlock", block.net);
    xml.node("cidrBlockState", |xml| {
        xml.text("state", block.state);
    });
}

fn write_vpc_ipv6(xml: &mut Xml, block: &Block<Ipv6Net>, view: &View<'_>) {
    write_ipv6(xml, block);
    xml.text("networkBorderGroup", view.context.region()).text("ipv6Pool", &block.pool);
}

/// Writes what IPv6 blocks of VPCs and subnets have in common.
pub(crate) fn write_ipv6(xml: &mut Xml, block: &Block<Ipv6Net>) {
    xml.text("associationId", &block.association).text("ipv6CidrBlock", block.net);
    xml.node("ipv6CidrBlockState", |xml| {
        xml.text("state", block.state);
    });
}

impl Ec2<'_> {
    pub(crate) fn create_vpc(&mut self, params: &Params) -> Reply {
        let block = cidr::v4(params.required("CidrBlock")?, "cidrBlock")?;
        check_size(block)?;
        let tenancy =
            params.one_of("InstanceTenancy", &["default", "dedicated"])?.unwrap_or("default").to_owned();
        let tags = tags_for(params, "vpc")?;
        if self.region.vpcs.len() >= self.context.options().quotas.vpcs {
            return Err(AwsError::new("VpcLimitExceeded", "The maximum number of VPCs has been reached."));
        }
        let wants_ipv6 = params.flag("AmazonProvidedIpv6CidrBlock")? == Some(true) || has_pool(params);
        let ipv6 = if wants_ipv6 { Some(self.read_ipv6(params)?) } else { None };
        let id = self.new_vpc(block, &tenancy, tags);
        if let Some(ipv6) = ipv6 {
            self.add_ipv6(&id, ipv6);
        }
        let mut xml = Xml::new();
        let view = self.view();
        xml.node("vpc", |xml| {
            if let Some(vpc) = view.region.vpcs.get(&id) {
                vpc.write(&view, xml);
            }
        });
        Ok(xml)
    }

    /// A VPC with what comes with it: main route table, default security group and default network ACL.
    pub(crate) fn new_vpc(&mut self, block: Ipv4Net, tenancy: &str, tags: Tags) -> String {
        let id = self.create_id("vpc", tags);
        let association = self.ids.hex17("vpc-cidr-assoc");
        let dhcp_options = self.default_dhcp_options();
        let vpc = Vpc {
            id: id.clone(),
            state: "pending",
            blocks: vec![Block::new(association, block, "associated")],
            ipv6: Vec::new(),
            tenancy: tenancy.to_owned(),
            dhcp_options,
            dns_support: true,
            dns_hostnames: false,
            address_metrics: false,
            is_default: false,
        };
        self.region.vpcs.insert(id.clone(), vpc);
        self.new_first_route_table(&id);
        self.new_default_security_group(&id);
        self.new_default_acl(&id);
        let at = self.context.after(self.context.options().durations.vpc);
        self.region.schedule(at, Event::VpcAvailable(id.clone()));
        id
    }

    pub(crate) fn delete_vpc(&mut self, params: &Params) -> Reply {
        let id = self.named::<Vpc>(params, "VpcId")?.id.clone();
        if self.vpc_in_use(&id) {
            return Err(dependency("vpc", &id));
        }
        self.region.route_tables.retain(|_, table| table.vpc != id);
        self.region.security_groups.retain(|_, group| group.vpc != id);
        self.region.acls.retain(|_, acl| acl.vpc != id);
        self.remove::<Vpc>(&id);
        Ok(done())
    }

    fn vpc_in_use(&self, id: &str) -> bool {
        let region = &self.region;
        region.subnets.values().any(|subnet| subnet.vpc == id)
            || region.internet_gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(id))
            || region.egress_gateways.values().any(|gateway| gateway.vpc == id)
            || region.endpoints.values().any(|endpoint| endpoint.vpc == id)
            || region.security_groups.values().any(|group| group.vpc == id && !group.is_default())
            || region.route_tables.values().any(|table| table.vpc == id && !table.is_main())
            || region.nat_gateways.values().any(|nat| nat.vpc == id && nat.holds_network())
    }

    pub(crate) fn describe_vpc_attribute(&self, params: &Params) -> Reply {
        let vpc = self.named::<Vpc>(params, "VpcId")?;
        let attribute = params.required("Attribute")?;
        let value = match attribute {
            "enableDnsSupport" => vpc.dns_support,
            "enableDnsHostnames" => vpc.dns_hostnames,
            "enableNetworkAddressUsageMetrics" => vpc.address_metrics,
            _ => return Err(params.invalid("Attribute", attribute)),
        };
        let mut xml = Xml::new();
        xml.text("vpcId", &vpc.id).node(attribute, |xml| {
            xml.text("value", value);
        });
        Ok(xml)
    }

    /// One attribute per call, as EC2 wants it.
    pub(crate) fn modify_vpc_attribute(&mut self, params: &Params) -> Reply {
        let id = params.required("VpcId")?;
        let support = params.flag("EnableDnsSupport.Value")?;
        let hostnames = params.flag("EnableDnsHostnames.Value")?;
        let metrics = params.flag("EnableNetworkAddressUsageMetrics.Value")?;
        if [support, hostnames, metrics].iter().flatten().count() != 1 {
            let message = "The request must contain exactly one attribute to modify";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        let vpc = self.find_mut::<Vpc>(id)?;
        vpc.dns_support = support.unwrap_or(vpc.dns_support);
        vpc.dns_hostnames = hostnames.unwrap_or(vpc.dns_hostnames);
        vpc.address_metrics = metrics.unwrap_or(vpc.address_metrics);
        Ok(done())
    }

    pub(crate) fn modify_vpc_tenancy(&mut self, params: &Params) -> Reply {
        params.required("InstanceTenancy")?;
        // Only the way from dedicated to default exists.
        let tenancy = params.one_of("InstanceTenancy", &["default"])?.unwrap_or("default").to_owned();
        self.find_mut::<Vpc>(params.required("VpcId")?)?.tenancy = tenancy;
        Ok(done())
    }

    pub(crate) fn associate_vpc_cidr_block(&mut self, params: &Params) -> Reply {
        let id = self.named::<Vpc>(params, "VpcId")?.id.clone();
        let mut xml = Xml::new();
        xml.text("vpcId", &id);
        if let Some(text) = params.filled("CidrBlock") {
            let block = self.add_block(&id, cidr::v4(text, "cidrBlock")?)?;
            xml.node("cidrBlockAssociation", |xml| write_block(xml, &block));
            return Ok(xml);
        }
        if params.flag("AmazonProvidedIpv6CidrBlock")? != Some(true) && !has_pool(params) {
            return Err(AwsError::new(
                "MissingParameter",
                "The request must contain a CIDR block to associate",
            ));
        }
        let amazons = self.find::<Vpc>(&id)?.ipv6.iter().any(|block| block.pool == "Amazon");
        if amazons && !has_pool(params) {
            let message = "The maximum number of IPv6 CIDR blocks of the VPC has been reached.";
            return Err(AwsError::new("CidrLimitExceeded", message));
        }
        let block = self.read_ipv6(params)?;
        self.add_ipv6(&id, block.clone());
        let view = self.view();
        xml.node("ipv6CidrBlockAssociation", |xml| write_vpc_ipv6(xml, &block, &view));
        Ok(xml)
    }

    fn add_block(&mut self, id: &str, net: Ipv4Net) -> Result<Block<Ipv4Net>, AwsError> {
        check_size(net)?;
        let association = self.ids.hex17("vpc-cidr-assoc");
        let vpc = self.find_mut::<Vpc>(id)?;
        if vpc.blocks.iter().any(|block| cidr::overlap4(block.net, net)) {
            let message = format!("The CIDR '{net}' conflicts with another CIDR of the VPC");
            return Err(AwsError::new("InvalidVpc.Range", message));
        }
        let block = Block::new(association, net, "associated");
        vpc.blocks.push(block.clone());
        Ok(Block { state: "associating", ..block })
    }

    /// The IPv6 block that a call asks for, from Amazon's addresses or a pool.
    fn read_ipv6(&mut self, params: &Params) -> Result<Block<Ipv6Net>, AwsError> {
        let length = params.parsed::<u8>("Ipv6NetmaskLength")?.unwrap_or(56);
        let net = match params.filled("Ipv6CidrBlock") {
            Some(text) => cidr::v6(text, "ipv6CidrBlock")?,
            None => cidr::amazon_v6(self.hand_out(), length)
                .ok_or_else(|| params.invalid("Ipv6NetmaskLength", ""))?,
        };
        if !(44..=60).contains(&net.prefix_len()) || !net.prefix_len().is_multiple_of(4) {
            return Err(AwsError::new("InvalidVpc.Range", format!("The CIDR '{net}' is invalid.")));
        }
        let mut block = Block::new(self.ids.hex17("vpc-cidr-assoc"), net, "associating");
        if let Some(pool) = params.filled("Ipv6IpamPoolId").or(params.filled("Ipv6Pool")) {
            pool.clone_into(&mut block.pool);
        }
        Ok(block)
    }

    fn add_ipv6(&mut self, id: &str, block: Block<Ipv6Net>) {
        let at = self.context.after(self.context.options().durations.ipv6_association);
        let event = Event::Ipv6Associated { vpc: id.to_owned(), association: block.association.clone() };
        self.region.schedule(at, event);
        if let Some(vpc) = self.region.vpcs.get_mut(id) {
            vpc.ipv6.push(block);
        }
    }

    pub(crate) fn disassociate_vpc_cidr_block(&mut self, params: &Params) -> Reply {
        let association = params.required("AssociationId")?.to_owned();
        let mut xml = Xml::new();
        for vpc in self.region.vpcs.values_mut() {
            if let Some(at) = vpc.blocks.iter().position(|block| block.association == association) {
                let net = vpc.blocks[at].net;
                let used = self
                    .region
                    .subnets
                    .values()
                    .any(|s| s.vpc == vpc.id && s.block.is_some_and(|b| net.contains(&b)));
                if at == 0 || used {
                    let message = format!(
                        "The vpc CIDR block with association ID {association} may not be disassociated."
                    );
                    return Err(AwsError::new("OperationNotPermitted", message));
                }
                let block = vpc.blocks.remove(at);
                xml.text("vpcId", &vpc.id);
                xml.node("cidrBlockAssociation", |xml| {
                    write_block(xml, &Block { state: "disassociating", ..block });
                });
                return Ok(xml);
            }
            let Some(block) = vpc.ipv6.iter_mut().find(|block| block.association == association) else {
                continue;
            };
            let net = block.net;
            let mut subnets = self.region.subnets.values().filter(|subnet| subnet.vpc == vpc.id);
            if subnets.any(|subnet| subnet.ipv6.iter().any(|b| net.contains(&b.net))) {
                return Err(dependency("vpc CIDR block", &association));
            }
            block.state = "disassociating";
            let (vpc, block) = (vpc.id.clone(), block.clone());
            xml.text("vpcId", &vpc);
            xml.node("ipv6CidrBlockAssociation", |xml| write_ipv6(xml, &block));
            let at = self.context.after(self.context.options().durations.ipv6_association);
            self.region.schedule(at, Event::Ipv6Disassociated { vpc, association });
            return Ok(xml);
        }
        let message = format!("The vpc CIDR block association ID '{association}' does not exist");
        Err(AwsError::new("InvalidVpcCidrBlockAssociationID.NotFound", message))
    }
}

fn has_pool(params: &Params) -> bool {
    params.filled("Ipv6IpamPoolId").is_some() || params.filled("Ipv6Pool").is_some()
}

fn check_size(block: Ipv4Net) -> Result<(), AwsError> {
    if (16..=28).contains(&block.prefix_len()) {
        return Ok(());
    }
    Err(AwsError::new("InvalidVpc.Range", format!("The CIDR '{block}' is invalid.")))
}

/// The error of deletes that something stands in the way of.
pub(crate) fn dependency(kind: &str, id: &str) -> AwsError {
    AwsError::new("DependencyViolation", format!("The {kind} '{id}' has dependencies and cannot be deleted."))
}
