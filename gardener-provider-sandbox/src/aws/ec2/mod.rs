//! EC2, API version 2016-11-15.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/> and its list of error codes,
//! <https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html>.

mod acls;
mod addresses;
pub(crate) mod catalog;
mod cidr;
mod cidr_reservations;
mod dhcp;
mod egress_gateways;
mod endpoints;
mod filters;
mod gateways;
mod images;
mod instance_types;
mod instances;
mod key_pairs;
pub(crate) mod kind;
mod nat;
pub(crate) mod network_interfaces;
mod permissions;
mod region;
mod routes;
pub(crate) mod security_groups;
mod seed;
pub(crate) mod subnets;
mod tags;
#[cfg(test)]
mod tests;
mod tokens;
mod volumes;
mod vpc;
mod zones;

pub(crate) use network_interfaces::{Attachment, NewInterface};
pub(crate) use permissions::{Rule, Source};
pub(crate) use region::{Event, Region, Tags};
pub(crate) use subnets::Subnet;
pub(crate) use vpc::Vpc;
pub(crate) use zones::zone_id;

use super::{
    answer::unknown_action,
    context::{Context, Reply},
    error::AwsError,
    iam,
    query::Params,
    state::State,
};
use crate::ids::Ids;

/// EC2 as one call sees it.
#[derive(Debug)]
pub(crate) struct Ec2<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) region: &'a mut Region,
    pub(crate) ids: &'a mut Ids,
    pub(crate) iam: &'a iam::State,
}

impl<'a> Ec2<'a> {
    /// The region that the call goes to, with everything done that was due.
    pub(crate) fn enter(context: &'a Context<'a>, state: &'a mut State) -> Self {
        let name = context.region();
        let is_new = !state.ec2.contains_key(name);
        let region = state.ec2.entry(name.to_owned()).or_default();
        region.settle(context.now, &context.options().durations);
        let mut ec2 = Self { context, region, ids: &mut state.ids, iam: &state.iam };
        if is_new {
            ec2.seed();
        }
        ec2
    }

    /// A new id, registered with its tags and hidden for the eventual-consistency lag.
    pub(crate) fn create_id(&mut self, prefix: &str, tags: Tags) -> String {
        let id = self.ids.hex17(prefix);
        self.region.born(&id, self.context.visible_from(), tags);
        id
    }

    /// The next number of a public address or block.
    pub(crate) fn hand_out(&mut self) -> u32 {
        self.region.handed_out += 1;
        self.region.handed_out
    }
}

/// Answers one call.
pub(crate) fn answer(context: &Context<'_>, state: &mut State, params: &Params) -> Reply {
    let mut ec2 = Ec2::enter(context, state);
    if params.flag("DryRun")? == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(AwsError::new("DryRunOperation", message));
    }
    ec2.answer_read(params)
        .or_else(|| ec2.answer_network(params))
        .or_else(|| ec2.answer_compute(params))
        .unwrap_or_else(|| unknown_action(context, params))
}

impl Ec2<'_> {
    fn answer_read(&mut self, p: &Params) -> Option<Reply> {
        Some(match self.context.call.operation.as_str() {
            "DescribeRegions" => self.describe_regions(p),
            "DescribeAvailabilityZones" => self.describe_availability_zones(p),
            "DescribeAccountAttributes" => self.describe_account_attributes(p),
            "DescribeTags" => self.describe_tags(p),
            "DescribeImages" => self.describe_images(p),
            "DescribeInstanceTypes" => self.describe_instance_types(p),
            "DescribeInstances" => self.describe_instances(p),
            "DescribeVpcs" => self.describe::<vpc::Vpc>(p, "VpcId", "vpcSet"),
            "DescribeVpcAttribute" => self.describe_vpc_attribute(p),
            "DescribeDhcpOptions" => self.describe::<dhcp::DhcpOptions>(p, "DhcpOptionsId", "dhcpOptionsSet"),
            "DescribeSubnets" => self.describe::<subnets::Subnet>(p, "SubnetId", "subnetSet"),
            "GetSubnetCidrReservations" => self.get_subnet_cidr_reservations(p),
            "DescribeInternetGateways" => {
                self.describe::<gateways::InternetGateway>(p, "InternetGatewayId", "internetGatewaySet")
            }
            "DescribeEgressOnlyInternetGateways" => self.describe::<egress_gateways::EgressGateway>(
                p,
                "EgressOnlyInternetGatewayId",
                "egressOnlyInternetGatewaySet",
            ),
            "DescribeAddresses" => self.describe_addresses(p),
            "DescribeNatGateways" => self.describe::<nat::NatGateway>(p, "NatGatewayId", "natGatewaySet"),
            "DescribeRouteTables" => self.describe::<routes::RouteTable>(p, "RouteTableId", "routeTableSet"),
            "DescribeNetworkAcls" => self.describe::<acls::NetworkAcl>(p, "NetworkAclId", "networkAclSet"),
            "DescribeSecurityGroups" => self.describe_security_groups(p),
            "DescribeSecurityGroupRules" => self.describe_security_group_rules(p),
            "DescribeVpcEndpoints" => {
                self.describe::<endpoints::Endpoint>(p, "VpcEndpointId", "vpcEndpointSet")
            }
            "DescribeKeyPairs" => self.describe_key_pairs(p),
            "DescribeNetworkInterfaces" => self.describe::<network_interfaces::NetworkInterface>(
                p,
                "NetworkInterfaceId",
                "networkInterfaceSet",
            ),
            "DescribeVolumes" => self.describe::<volumes::Volume>(p, "VolumeId", "volumeSet"),
            _ => return None,
        })
    }

    fn answer_network(&mut self, p: &Params) -> Option<Reply> {
        Some(match self.context.call.operation.as_str() {
            "CreateVpc" => self.create_vpc(p),
            "DeleteVpc" => self.delete_vpc(p),
            "ModifyVpcAttribute" => self.modify_vpc_attribute(p),
            "ModifyVpcTenancy" => self.modify_vpc_tenancy(p),
            "AssociateVpcCidrBlock" => self.associate_vpc_cidr_block(p),
            "DisassociateVpcCidrBlock" => self.disassociate_vpc_cidr_block(p),
            "CreateDhcpOptions" => self.create_dhcp_options(p),
            "AssociateDhcpOptions" => self.associate_dhcp_options(p),
            "DeleteDhcpOptions" => self.delete_dhcp_options(p),
            "CreateSubnet" => self.create_subnet(p),
            "DeleteSubnet" => self.delete_subnet(p),
            "ModifySubnetAttribute" => self.modify_subnet_attribute(p),
            "AssociateSubnetCidrBlock" => self.associate_subnet_cidr_block(p),
            "DisassociateSubnetCidrBlock" => self.disassociate_subnet_cidr_block(p),
            "CreateSubnetCidrReservation" => self.create_subnet_cidr_reservation(p),
            "DeleteSubnetCidrReservation" => self.delete_subnet_cidr_reservation(p),
            "CreateInternetGateway" => self.create_internet_gateway(p),
            "AttachInternetGateway" => self.attach_internet_gateway(p),
            "DetachInternetGateway" => self.detach_internet_gateway(p),
            "DeleteInternetGateway" => self.delete_internet_gateway(p),
            "CreateEgressOnlyInternetGateway" => self.create_egress_gateway(p),
            "DeleteEgressOnlyInternetGateway" => self.delete_egress_gateway(p),
            "AllocateAddress" => self.allocate_address(p),
            "AssociateAddress" => self.associate_address(p),
            "DisassociateAddress" => self.disassociate_address(p),
            "ReleaseAddress" => self.release_address(p),
            "CreateNatGateway" => self.create_nat_gateway(p),
            "DeleteNatGateway" => self.delete_nat_gateway(p),
            "CreateRouteTable" => self.create_route_table(p),
            "DeleteRouteTable" => self.delete_route_table(p),
            "AssociateRouteTable" => self.associate_route_table(p),
            "DisassociateRouteTable" => self.disassociate_route_table(p),
            "ReplaceRouteTableAssociation" => self.replace_route_table_association(p),
            "CreateRoute" => self.create_route(p),
            "ReplaceRoute" => self.replace_route(p),
            "DeleteRoute" => self.delete_route(p),
            "CreateSecurityGroup" => self.create_security_group(p),
            "DeleteSecurityGroup" => self.delete_security_group(p),
            "AuthorizeSecurityGroupIngress" => self.authorize(p, false),
            "AuthorizeSecurityGroupEgress" => self.authorize(p, true),
            "RevokeSecurityGroupIngress" => self.revoke(p, false),
            "RevokeSecurityGroupEgress" => self.revoke(p, true),
            "CreateVpcEndpoint" => self.create_vpc_endpoint(p),
            "ModifyVpcEndpoint" => self.modify_vpc_endpoint(p),
            "DeleteVpcEndpoints" => self.delete_vpc_endpoints(p),
            _ => return None,
        })
    }

    fn answer_compute(&mut self, p: &Params) -> Option<Reply> {
        Some(match self.context.call.operation.as_str() {
            "CreateTags" => self.create_tags(p),
            "DeleteTags" => self.delete_tags(p),
            "RunInstances" => self.run_instances(p),
            "TerminateInstances" => self.terminate_instances(p),
            "StopInstances" => self.stop_instances(p),
            "StartInstances" => self.start_instances(p),
            "CreateNetworkInterface" => self.create_network_interface(p),
            "ModifyNetworkInterfaceAttribute" => self.modify_network_interface_attribute(p),
            "DeleteNetworkInterface" => self.delete_network_interface(p),
            "AssignIpv6Addresses" => self.assign_ipv6_addresses(p),
            "UnassignIpv6Addresses" => self.unassign_ipv6_addresses(p),
            "DeleteVolume" => self.delete_volume(p),
            "ImportKeyPair" => self.import_key_pair(p),
            "DeleteKeyPair" => self.delete_key_pair(p),
            _ => return None,
        })
    }

    /// True if there is a resource with this id, of whatever kind that can be tagged.
    pub(crate) fn exists(&self, id: &str) -> bool {
        let region = &self.region;
        match id.split_once('-').map_or("", |(prefix, _)| prefix) {
            "vpc" => region.vpcs.contains_key(id),
            "dopt" => region.dhcp_options.contains_key(id),
            "subnet" => region.subnets.contains_key(id),
            "scr" => region.cidr_reservations.contains_key(id),
            "igw" => region.internet_gateways.contains_key(id),
            "eigw" => region.egress_gateways.contains_key(id),
            "eipalloc" => region.addresses.contains_key(id),
            "nat" => region.nat_gateways.contains_key(id),
            "rtb" => region.route_tables.contains_key(id),
            "acl" => region.acls.contains_key(id),
            "sg" => region.security_groups.contains_key(id),
            "sgr" => region.security_groups.values().any(|group| group.rules.contains_key(id)),
            "vpce" => region.endpoints.contains_key(id),
            "key" => region.key_pairs.contains_key(id),
            "eni" => region.interfaces.contains_key(id),
            "vol" => region.volumes.contains_key(id),
            "i" => region.instances.contains_key(id),
            "ami" => self.context.options().images.iter().any(|image| image.id == id),
            _ => false,
        }
    }
}

/// The error for an id of which there is no resource.
pub(crate) fn missing(id: &str) -> AwsError {
    use kind::Kind;
    match id.split_once('-').map_or("", |(prefix, _)| prefix) {
        "vpc" => vpc::Vpc::ID.missing(id),
        "dopt" => dhcp::DhcpOptions::ID.missing(id),
        "subnet" => subnets::Subnet::ID.missing(id),
        "scr" => cidr_reservations::CidrReservation::ID.missing(id),
        "igw" => gateways::InternetGateway::ID.missing(id),
        "eigw" => egress_gateways::EgressGateway::ID.missing(id),
        "eipalloc" => addresses::Address::ID.missing(id),
        "nat" => nat::NatGateway::ID.missing(id),
        "rtb" => routes::RouteTable::ID.missing(id),
        "acl" => acls::NetworkAcl::ID.missing(id),
        "sg" => security_groups::SecurityGroup::ID.missing(id),
        "sgr" => permissions::rule_missing(id),
        "vpce" => endpoints::Endpoint::ID.missing(id),
        "key" => key_pairs::KeyPair::ID.missing(id),
        "eni" => network_interfaces::NetworkInterface::ID.missing(id),
        "vol" => volumes::Volume::ID.missing(id),
        "i" => instances::Instance::ID.missing(id),
        "ami" => images::missing(id),
        _ => AwsError::new("InvalidID", format!("The ID '{id}' is not valid")),
    }
}
