//! VPCs and DHCP options
//! ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/OperationList-query-vpc.html)).

use gardener_provider_client::pages::Page;
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, element, idempotent, once, page},
    family,
    query::{self, Form},
    tags::{self, Tags},
};
use crate::endpoints::Service;

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Vpc {
    /// The id.
    pub vpc_id: String,
    /// `pending` or `available`.
    pub state: String,
    /// The first IPv4 block.
    pub cidr_block: String,
    /// All IPv4 blocks.
    #[serde(rename = "cidrBlockAssociationSet", deserialize_with = "query::items")]
    pub cidr_blocks: Vec<Ipv4Association>,
    /// The DHCP options, `default` if there are none.
    pub dhcp_options_id: String,
    /// `default` or `dedicated`.
    pub instance_tenancy: String,
    /// The IPv6 blocks.
    #[serde(rename = "ipv6CidrBlockAssociationSet", deserialize_with = "query::items")]
    pub ipv6: Vec<Ipv6Association>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// An IPv4 block of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ipv4Association {
    /// The block.
    pub cidr_block: String,
}

/// An IPv6 block of a VPC or subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ipv6Association {
    /// The id of the association.
    pub association_id: String,
    /// The block.
    #[serde(deserialize_with = "query::text")]
    pub ipv6_cidr_block: Option<String>,
    /// How far it is.
    #[serde(alias = "ipv6CidrBlockState")]
    pub state: AssociationState,
}

/// How far an association is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AssociationState {
    /// `associating`, `associated`, `disassociating`, `disassociated`, `failing` or `failed`.
    #[serde(alias = "State")]
    pub state: String,
}

impl Ipv6Association {
    /// The block if it is associated.
    pub fn block(&self) -> Option<&str> {
        (self.state.state == "associated").then_some(self.ipv6_cidr_block.as_deref()).flatten()
    }

    /// True if it is associated or will be.
    pub fn is_alive(&self) -> bool {
        matches!(self.state.state.as_str(), "associated" | "associating")
    }
}

/// Finds VPCs.
pub fn describe_vpcs(query: &Query) -> Operation<Page<Vpc>> {
    Operation::new(query.request("DescribeVpcs", "VpcId", Some(1000)), page!("vpcSet", Vpc))
}

/// Makes a VPC. `tenancy` is `default` or `dedicated`.
pub fn create_vpc(cidr: &str, tenancy: Option<&str>, tags: &Tags) -> Operation<Vpc> {
    let form =
        Form::new().put("CidrBlock", cidr).opt("InstanceTenancy", tenancy).tag_specification("vpc", tags);
    Operation::new(once(form, "CreateVpc"), element!("vpc", Vpc))
}

/// Deletes a VPC.
pub fn delete_vpc(id: &str) -> Operation<()> {
    Operation::new(idempotent(Form::new().put("VpcId", id), "DeleteVpc"), query::nothing)
}

/// An attribute of a VPC that is not part of its description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VpcAttribute {
    /// Whether there is a DNS server.
    DnsSupport,
    /// Whether instances get DNS names.
    DnsHostnames,
}

impl VpcAttribute {
    /// The name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DnsSupport => "enableDnsSupport",
            Self::DnsHostnames => "enableDnsHostnames",
        }
    }
}

/// Reads one attribute.
pub fn describe_vpc_attribute(id: &str, attribute: VpcAttribute) -> Operation<bool> {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Value {
        value: bool,
    }
    #[derive(Debug, Deserialize)]
    struct Reply {
        #[serde(rename = "enableDnsSupport")]
        support: Option<Value>,
        #[serde(rename = "enableDnsHostnames")]
        hostnames: Option<Value>,
    }
    let request = Form::new().put("VpcId", id).put("Attribute", attribute.name()).request(
        Service::Ec2,
        "DescribeVpcAttribute",
        family::EC2_READ,
        gardener_provider_client::call::Idempotency::Safe,
    );
    Operation::new(request, |reply| {
        let read: Reply = query::xml(reply)?;
        Ok(read.support.or(read.hostnames).unwrap_or_default().value)
    })
}

/// Sets one attribute; the API takes one at a time.
pub fn modify_vpc_attribute(id: &str, attribute: VpcAttribute, value: bool) -> Operation<()> {
    let key = match attribute {
        VpcAttribute::DnsSupport => "EnableDnsSupport.Value",
        VpcAttribute::DnsHostnames => "EnableDnsHostnames.Value",
    };
    let form = Form::new().put("VpcId", id).put(key, value);
    Operation::new(idempotent(form, "ModifyVpcAttribute"), query::nothing)
}

/// Where an IPv6 block of a VPC comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ipv6Source {
    /// Amazon's own.
    Amazon,
    /// A pool of the VPC IP Address Manager: a certain block, or any /56.
    Pool {
        /// The pool.
        id: String,
        /// The block.
        block: Option<String>,
    },
}

/// Gives a VPC an IPv6 block.
pub fn associate_vpc_ipv6(id: &str, source: &Ipv6Source) -> Operation<Ipv6Association> {
    let form = Form::new().put("VpcId", id);
    let form = match source {
        Ipv6Source::Amazon => form.put("AmazonProvidedIpv6CidrBlock", true),
        Ipv6Source::Pool { id, block } => {
            let length = block.is_none().then_some(56);
            form.put("Ipv6IpamPoolId", id)
                .opt("Ipv6CidrBlock", block.as_ref())
                .opt("Ipv6NetmaskLength", length)
        }
    };
    let parse = element!("ipv6CidrBlockAssociation", Ipv6Association);
    Operation::new(once(form, "AssociateVpcCidrBlock"), parse)
}

/// DHCP options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DhcpOptions {
    /// The id.
    pub dhcp_options_id: String,
    /// The options.
    #[serde(rename = "dhcpConfigurationSet", deserialize_with = "query::items")]
    pub configurations: Vec<DhcpConfiguration>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// One DHCP option.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DhcpConfiguration {
    /// `domain-name`, `domain-name-servers`, …
    pub key: String,
    /// Its values.
    #[serde(rename = "valueSet", deserialize_with = "query::items")]
    pub values: Vec<DhcpValue>,
}

/// A value of a DHCP option.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct DhcpValue {
    /// The value.
    pub value: String,
}

impl DhcpOptions {
    /// The values of an option.
    pub fn values(&self, key: &str) -> Vec<&str> {
        let matching = self.configurations.iter().filter(|configuration| configuration.key == key);
        matching.flat_map(|configuration| &configuration.values).map(|value| value.value.as_str()).collect()
    }
}

/// Finds DHCP options.
pub fn describe_dhcp_options(query: &Query) -> Operation<Page<DhcpOptions>> {
    let request = query.request("DescribeDhcpOptions", "DhcpOptionsId", Some(1000));
    Operation::new(request, page!("dhcpOptionsSet", DhcpOptions))
}

/// Makes DHCP options.
pub fn create_dhcp_options(options: &[(&str, &[&str])], tags: &Tags) -> Operation<DhcpOptions> {
    let form = Form::new()
        .each("DhcpConfiguration", options, |form, (key, values)| form.put("Key", key).list("Value", *values))
        .tag_specification("dhcp-options", tags);
    Operation::new(once(form, "CreateDhcpOptions"), element!("dhcpOptions", DhcpOptions))
}

/// Gives a VPC these DHCP options; `default` takes them away.
pub fn associate_dhcp_options(id: &str, vpc: &str) -> Operation<()> {
    let form = Form::new().put("DhcpOptionsId", id).put("VpcId", vpc);
    Operation::new(idempotent(form, "AssociateDhcpOptions"), query::nothing)
}

/// Deletes DHCP options.
pub fn delete_dhcp_options(id: &str) -> Operation<()> {
    Operation::new(idempotent(Form::new().put("DhcpOptionsId", id), "DeleteDhcpOptions"), query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    let pool =
        |block: Option<&str>| Ipv6Source::Pool { id: "ipam-pool-1".into(), block: block.map(str::to_owned) };
    vec![
        describe_vpcs(&Query::sample()).request,
        describe_vpcs(&Query::ids(["vpc-1"])).request,
        create_vpc("10.0.0.0/16", Some("dedicated"), &tags).request,
        delete_vpc("vpc-1").request,
        describe_vpc_attribute("vpc-1", VpcAttribute::DnsSupport).request,
        modify_vpc_attribute("vpc-1", VpcAttribute::DnsSupport, true).request,
        modify_vpc_attribute("vpc-1", VpcAttribute::DnsHostnames, true).request,
        associate_vpc_ipv6("vpc-1", &Ipv6Source::Amazon).request,
        associate_vpc_ipv6("vpc-1", &pool(None)).request,
        associate_vpc_ipv6("vpc-1", &pool(Some("2001:db8::/56"))).request,
        describe_dhcp_options(&Query::sample()).request,
        describe_dhcp_options(&Query::ids(["dopt-1"])).request,
        create_dhcp_options(&[("domain-name", &["ec2.internal"])], &tags).request,
        associate_dhcp_options("dopt-1", "vpc-1").request,
        delete_dhcp_options("dopt-1").request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn a_page_of_vpcs_is_read() {
        let reply = Response::new(Bytes::from_static(
            b"<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId><vpcSet>
            <item><vpcId>vpc-1</vpcId><ownerId>1</ownerId><state>available</state><cidrBlock>10.0.0.0/16</cidrBlock>
            <cidrBlockAssociationSet><item><cidrBlock>10.0.0.0/16</cidrBlock><cidrBlockState><state>associated</state>
            </cidrBlockState></item></cidrBlockAssociationSet><ipv6CidrBlockAssociationSet><item>
            <ipv6CidrBlock>2001:db8::/56</ipv6CidrBlock><associationId>a</associationId><ipv6CidrBlockState>
            <state>associated</state></ipv6CidrBlockState></item></ipv6CidrBlockAssociationSet>
            <dhcpOptionsId>dopt-1</dhcpOptionsId><tagSet><item><key>Name</key><value>n</value></item></tagSet>
            <instanceTenancy>default</instanceTenancy><isDefault>false</isDefault></item></vpcSet>
            <nextToken>t</nextToken></DescribeVpcsResponse>",
        ));
        let page = (describe_vpcs(&Query::default()).parse)(&reply).unwrap();
        assert_eq!(page.next.as_deref(), Some("t"));
        let vpc = &page.items[0];
        assert_eq!((vpc.vpc_id.as_str(), vpc.dhcp_options_id.as_str()), ("vpc-1", "dopt-1"));
        assert_eq!(vpc.ipv6[0].block(), Some("2001:db8::/56"));
        assert_eq!(vpc.tags["Name"], "n");
    }

    #[test]
    fn attributes_and_dhcp_options_are_read() {
        let reply = |body: &'static str| Response::new(Bytes::from_static(body.as_bytes()));
        let attribute = describe_vpc_attribute("vpc-1", VpcAttribute::DnsHostnames);
        let on = "<R><vpcId>v</vpcId><enableDnsHostnames><value>true</value></enableDnsHostnames></R>";
        assert!((attribute.parse)(&reply(on)).unwrap());
        let options = (create_dhcp_options(&[], &Tags::new()).parse)(&reply(
            "<R><dhcpOptions><dhcpOptionsId>dopt-1</dhcpOptionsId><dhcpConfigurationSet><item><key>domain-name</key>
             <valueSet><item><value>a</value></item><item><value>b</value></item></valueSet></item>
             </dhcpConfigurationSet><tagSet/></dhcpOptions></R>",
        ));
        assert_eq!(options.unwrap().values("domain-name"), ["a", "b"]);
    }
}
