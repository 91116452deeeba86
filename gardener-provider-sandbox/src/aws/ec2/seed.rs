//! What a region holds before anybody calls: a default VPC with a subnet per zone and the way to the internet.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html>

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{
    Ec2, Tags,
    dhcp::DhcpOptions,
    gateways::InternetGateway,
    routes::{Destination, Route, Target},
    subnets::Subnet,
};

impl Ec2<'_> {
    pub(crate) fn seed(&mut self) {
        let dhcp = self.create_id("dopt", Tags::new());
        self.region
            .dhcp_options
            .insert(dhcp.clone(), DhcpOptions::cloud_default(&dhcp, self.context.region()));
        let Ok(block) = Ipv4Net::new(Ipv4Addr::new(172, 31, 0, 0), 16) else { return };
        let vpc = self.new_vpc(block, "default", Tags::new());
        if let Some(vpc) = self.region.vpcs.get_mut(&vpc) {
            vpc.is_default = true;
            vpc.state = "available";
        }
        self.seed_subnets(&vpc, block);
        self.seed_gateway(&vpc);
        self.region.seal();
        self.region.reveal();
    }

    fn seed_subnets(&mut self, vpc: &str, block: Ipv4Net) {
        let zones = self.zones();
        let Ok(blocks) = block.subnets(20) else { return };
        for (zone, block) in zones.into_iter().zip(blocks) {
            let id = self.create_id("subnet", Tags::new());
            let mut subnet = Subnet::new(&id, vpc, &zone, Some(block));
            subnet.state = "available";
            subnet.is_default = true;
            subnet.map_public_ip = true;
            self.region.subnets.insert(id, subnet);
        }
    }

    fn seed_gateway(&mut self, vpc: &str) {
        let id = self.create_id("igw", Tags::new());
        let gateway = InternetGateway { id: id.clone(), vpc: Some(vpc.to_owned()) };
        self.region.internet_gateways.insert(id.clone(), gateway);
        let everywhere = Destination::V4(Ipv4Net::default());
        if let Some(table) = self.region.route_tables.values_mut().find(|table| table.vpc == vpc) {
            table.routes.insert(everywhere, Route::to(Target::Gateway(id)));
        }
    }
}
