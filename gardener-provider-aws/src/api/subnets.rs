//! Subnets ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html)).

use gardener_provider_client::{call::Idempotency, pages::Page};
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, element, idempotent, once, page},
    family,
    query::{self, Form},
    tags::{self, Tags},
    vpcs::Ipv6Association,
};
use crate::endpoints::Service;

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subnet {
    /// The id.
    pub subnet_id: String,
    /// `pending`, `available` or `unavailable`.
    pub state: String,
    /// The VPC.
    pub vpc_id: String,
    /// The zone.
    pub availability_zone: String,
    /// The IPv4 block, if it has one.
    #[serde(deserialize_with = "query::text")]
    pub cidr_block: Option<String>,
    /// The IPv6 blocks.
    #[serde(rename = "ipv6CidrBlockAssociationSet", deserialize_with = "query::items")]
    pub ipv6: Vec<Ipv6Association>,
    /// True if it has IPv6 only.
    pub ipv6_native: bool,
    /// True if network interfaces get an IPv6 address when they are made.
    pub assign_ipv6_address_on_creation: bool,
    /// True if IPv4-only destinations are reached over NAT64.
    pub enable_dns64: bool,
    /// How instances are named.
    pub private_dns_name_options_on_launch: PrivateDnsNameOptions,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// How instances of a subnet are named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrivateDnsNameOptions {
    /// True if resource names resolve to IPv6 addresses.
    #[serde(rename = "enableResourceNameDnsAAAARecord")]
    pub resource_name_aaaa: bool,
}

impl Subnet {
    /// The IPv6 block, once it is associated.
    pub fn ipv6_block(&self) -> Option<&str> {
        self.ipv6.iter().find_map(Ipv6Association::block)
    }
}

/// What a new subnet has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSubnet<'a> {
    /// The VPC.
    pub vpc: &'a str,
    /// The zone.
    pub zone: &'a str,
    /// The IPv4 block.
    pub cidr: Option<&'a str>,
    /// The IPv6 block.
    pub ipv6: Option<&'a str>,
    /// True for IPv6 only.
    pub native: bool,
}

/// Finds subnets.
pub fn describe_subnets(query: &Query) -> Operation<Page<Subnet>> {
    Operation::new(query.request("DescribeSubnets", "SubnetId", Some(1000)), page!("subnetSet", Subnet))
}

/// Makes a subnet.
pub fn create_subnet(new: &NewSubnet<'_>, tags: &Tags) -> Operation<Subnet> {
    let form = Form::new()
        .put("VpcId", new.vpc)
        .put("AvailabilityZone", new.zone)
        .opt("CidrBlock", new.cidr)
        .opt("Ipv6CidrBlock", new.ipv6)
        .opt("Ipv6Native", new.native.then_some(true))
        .tag_specification("subnet", tags);
    Operation::new(once(form, "CreateSubnet"), element!("subnet", Subnet))
}

/// Deletes a subnet.
pub fn delete_subnet(id: &str) -> Operation<()> {
    Operation::new(idempotent(Form::new().put("SubnetId", id), "DeleteSubnet"), query::nothing)
}

/// An attribute of a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubnetAttribute {
    /// `AssignIpv6AddressOnCreation`
    AssignIpv6,
    /// `EnableDns64`
    Dns64,
    /// `EnableResourceNameDnsAAAARecordOnLaunch`
    ResourceNameAaaa,
}

impl SubnetAttribute {
    /// The name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AssignIpv6 => "AssignIpv6AddressOnCreation",
            Self::Dns64 => "EnableDns64",
            Self::ResourceNameAaaa => "EnableResourceNameDnsAAAARecordOnLaunch",
        }
    }

    /// What it is.
    pub fn of(self, subnet: &Subnet) -> bool {
        match self {
            Self::AssignIpv6 => subnet.assign_ipv6_address_on_creation,
            Self::Dns64 => subnet.enable_dns64,
            Self::ResourceNameAaaa => subnet.private_dns_name_options_on_launch.resource_name_aaaa,
        }
    }
}

/// Sets one attribute; the API takes one at a time.
pub fn modify_subnet_attribute(id: &str, attribute: SubnetAttribute, value: bool) -> Operation<()> {
    let form = Form::new().put("SubnetId", id).put(&format!("{}.Value", attribute.name()), value);
    Operation::new(idempotent(form, "ModifySubnetAttribute"), query::nothing)
}

/// Gives a subnet an IPv6 block.
pub fn associate_subnet_ipv6(id: &str, block: &str) -> Operation<Ipv6Association> {
    let form = Form::new().put("SubnetId", id).put("Ipv6CidrBlock", block);
    let parse = element!("ipv6CidrBlockAssociation", Ipv6Association);
    Operation::new(idempotent(form, "AssociateSubnetCidrBlock"), parse)
}

/// A part of a subnet that is kept free.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CidrReservation {
    /// The id.
    pub subnet_cidr_reservation_id: String,
    /// The subnet.
    pub subnet_id: String,
    /// The block.
    pub cidr: String,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// The IPv6 reservations in a subnet.
pub fn get_subnet_cidr_reservations(subnet: &str, next: Option<&str>) -> Operation<Page<CidrReservation>> {
    let request = Form::new().put("SubnetId", subnet).put("MaxResults", 1000).opt("NextToken", next).request(
        Service::Ec2,
        "GetSubnetCidrReservations",
        family::EC2_READ,
        Idempotency::Safe,
    );
    Operation::new(request, page!("subnetIpv6CidrReservationSet", CidrReservation))
}

/// Keeps a block of a subnet from being given to network interfaces unless asked for.
pub fn create_subnet_cidr_reservation(subnet: &str, block: &str, tags: &Tags) -> Operation<CidrReservation> {
    let form = Form::new()
        .put("SubnetId", subnet)
        .put("Cidr", block)
        .put("ReservationType", "explicit")
        .tag_specification("subnet-cidr-reservation", tags);
    let parse = element!("subnetCidrReservation", CidrReservation);
    Operation::new(once(form, "CreateSubnetCidrReservation"), parse)
}

/// Gives the block free.
pub fn delete_subnet_cidr_reservation(id: &str) -> Operation<()> {
    let form = Form::new().put("SubnetCidrReservationId", id);
    Operation::new(idempotent(form, "DeleteSubnetCidrReservation"), query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    let new = NewSubnet {
        vpc: "vpc-1",
        zone: "eu-west-1a",
        cidr: Some("10.0.0.0/24"),
        ipv6: Some("2001:db8::/64"),
        native: true,
    };
    let attributes = [SubnetAttribute::AssignIpv6, SubnetAttribute::Dns64, SubnetAttribute::ResourceNameAaaa];
    let mut samples = vec![
        describe_subnets(&Query::sample()).request,
        describe_subnets(&Query::ids(["subnet-1"])).request,
        create_subnet(&new, &tags).request,
        delete_subnet("subnet-1").request,
        associate_subnet_ipv6("subnet-1", "2001:db8::/64").request,
        get_subnet_cidr_reservations("subnet-1", Some("token")).request,
        create_subnet_cidr_reservation("subnet-1", "2001:db8::/108", &tags).request,
        delete_subnet_cidr_reservation("scr-1").request,
    ];
    samples.extend(attributes.map(|attribute| modify_subnet_attribute("subnet-1", attribute, true).request));
    samples
}
