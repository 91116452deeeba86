//! Subnets.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::{Ipv4Net, Ipv6Net};

use super::{
    Ec2, Event, Region, cidr,
    kind::{Getter, IdRules, Kind, View},
    network_interfaces::NewInterface,
    tags::{done, tags_for},
    vpc::{Block, Vpc, dependency, write_ipv6},
};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// A subnet.
#[derive(Debug)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) state: &'static str,
    /// Absent for IPv6-only subnets.
    pub(crate) block: Option<Ipv4Net>,
    pub(crate) ipv6: Option<Block<Ipv6Net>>,
    pub(crate) is_default: bool,
    pub(crate) map_public_ip: bool,
    pub(crate) assign_ipv6: bool,
    pub(crate) dns64: bool,
    pub(crate) hostname_type: String,
    pub(crate) dns_a_record: bool,
    pub(crate) dns_aaaa_record: bool,
    pub(crate) used: BTreeSet<Ipv4Addr>,
    pub(crate) used_ipv6: BTreeSet<Ipv6Addr>,
    pub(crate) used_prefixes: BTreeSet<Ipv6Net>,
}

/// The addresses of an interface.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    pub(crate) private_ip: Option<Ipv4Addr>,
    pub(crate) ipv6: Vec<Ipv6Addr>,
    pub(crate) prefixes: Vec<Ipv6Net>,
}

impl Subnet {
    pub(crate) fn new(id: &str, vpc: &str, zone: &str, block: Option<Ipv4Net>) -> Self {
        let hostname_type = if block.is_some() { "ip-name" } else { "resource-name" };
        Self {
            id: id.to_owned(),
            vpc: vpc.to_owned(),
            zone: zone.to_owned(),
            state: "pending",
            block,
            ipv6: None,
            is_default: false,
            map_public_ip: false,
            assign_ipv6: block.is_none(),
            dns64: false,
            hostname_type: hostname_type.to_owned(),
            dns_a_record: false,
            dns_aaaa_record: false,
            used: BTreeSet::new(),
            used_ipv6: BTreeSet::new(),
            used_prefixes: BTreeSet::new(),
        }
    }

    /// Five addresses of every subnet belong to the cloud.
    pub(crate) fn available(&self) -> u64 {
        let Some(block) = self.block else { return 0 };
        (1_u64 << (32 - block.prefix_len())).saturating_sub(5 + self.used.len() as u64)
    }

    /// Takes a private address, the wanted one or the first free one.
    fn take(&mut self, wanted: Option<Ipv4Addr>) -> Result<Option<Ipv4Addr>, AwsError> {
        let Some(block) = self.block else { return Ok(None) };
        let (first, last) = (u32::from(block.network()) + 4, u32::from(block.broadcast()));
        let address = match wanted {
            Some(address) if !block.contains(&address) => {
                let message = "Address does not fall within the subnet's address range";
                return Err(AwsError::new("InvalidParameterValue", message));
            }
            Some(address) if self.used.contains(&address) || !(first..last).contains(&u32::from(address)) => {
                let message = format!("Address {address} is in use.");
                return Err(AwsError::new("InvalidIPAddress.InUse", message));
            }
            Some(address) => address,
            None => {
                // Dense from the start in most cases: begin after as many as are taken, then look from the front.
                let hint = first.saturating_add(u32::try_from(self.used.len()).unwrap_or(u32::MAX)).min(last);
                let free =
                    (hint..last).chain(first..hint).map(Ipv4Addr::from).find(|ip| !self.used.contains(ip));
                free.ok_or_else(|| self.exhausted())?
            }
        };
        self.used.insert(address);
        Ok(Some(address))
    }

    pub(crate) fn exhausted(&self) -> AwsError {
        AwsError::new(
            "InsufficientFreeAddressesInSubnet",
            format!(
                "There are not enough free addresses in subnet '{}' to satisfy the requested number.",
                self.id
            ),
        )
    }

    /// Takes all addresses that an interface is to have, or none.
    pub(crate) fn hold(
        &mut self,
        wanted: &NewInterface,
        with_private_ip: bool,
        reserved: &[Ipv6Net],
    ) -> Result<Held, AwsError> {
        let mut held = Held::default();
        match self.fill(&mut held, wanted, with_private_ip, reserved) {
            Ok(()) => Ok(held),
            Err(error) => {
                self.release(&held);
                Err(error)
            }
        }
    }

    fn fill(
        &mut self,
        held: &mut Held,
        wanted: &NewInterface,
        with_private_ip: bool,
        reserved: &[Ipv6Net],
    ) -> Result<(), AwsError> {
        if with_private_ip {
            held.private_ip = self.take(wanted.private_ip)?;
        }
        for ip in wanted.ipv6.iter().copied().map(Some).chain((0..wanted.ipv6_count).map(|_| None)) {
            held.ipv6.push(self.take_ipv6(ip)?);
        }
        for prefix in wanted.prefixes.iter().copied().map(Some).chain((0..wanted.prefix_count).map(|_| None))
        {
            held.prefixes.push(self.take_prefix(prefix, reserved)?);
        }
        Ok(())
    }

    pub(crate) fn release(&mut self, held: &Held) {
        if let Some(ip) = &held.private_ip {
            self.used.remove(ip);
        }
        for ip in &held.ipv6 {
            self.used_ipv6.remove(ip);
        }
        for prefix in &held.prefixes {
            self.used_prefixes.remove(prefix);
        }
    }

    fn ipv6_net(&self) -> Result<Ipv6Net, AwsError> {
        self.ipv6.as_ref().map(|block| block.net).ok_or_else(|| {
            AwsError::new("InvalidParameterValue", format!("The subnet {} has no IPv6 CIDR block.", self.id))
        })
    }

    /// Takes an IPv6 address.
    fn take_ipv6(&mut self, wanted: Option<Ipv6Addr>) -> Result<Ipv6Addr, AwsError> {
        let net = self.ipv6_net()?;
        let address = match wanted {
            Some(address) if !net.contains(&address) || self.used_ipv6.contains(&address) => {
                return Err(AwsError::new(
                    "InvalidParameterValue",
                    format!("The address {address} cannot be assigned."),
                ));
            }
            Some(address) => address,
            None => {
                let base = u128::from(net.network()) + 4 + self.used_ipv6.len() as u128;
                let last = u128::from(net.broadcast());
                let free =
                    (base..=last).map(Ipv6Addr::from).find(|address| !self.used_ipv6.contains(address));
                free.ok_or_else(|| self.exhausted())?
            }
        };
        self.used_ipv6.insert(address);
        Ok(address)
    }

    /// Takes a /80, from the upper half of the block; `reserved` ones are left out.
    fn take_prefix(&mut self, wanted: Option<Ipv6Net>, reserved: &[Ipv6Net]) -> Result<Ipv6Net, AwsError> {
        let net = self.ipv6_net()?;
        let free = |prefix: &Ipv6Net| {
            !self.used_prefixes.contains(prefix)
                && !reserved.iter().any(|block| cidr::overlap6(block, prefix))
        };
        let prefix = match wanted {
            Some(prefix) if prefix.prefix_len() != 80 || !net.contains(&prefix) || !free(&prefix) => {
                return Err(AwsError::new(
                    "InvalidParameterValue",
                    format!("The prefix {prefix} cannot be assigned."),
                ));
            }
            Some(prefix) => prefix,
            None => net
                .subnets(80)
                .ok()
                .and_then(|mut all| all.by_ref().skip(1).find(free))
                .ok_or_else(|| self.exhausted())?,
        };
        self.used_prefixes.insert(prefix);
        Ok(prefix)
    }
}

impl Kind for Subnet {
    const ID: IdRules = IdRules {
        prefix: "subnet",
        label: "subnet ID",
        not_found: "InvalidSubnetID.NotFound",
        malformed: "InvalidSubnetID.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.subnets
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.subnets
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "subnet-id" => |subnet, _| vec![subnet.id.clone()],
            "subnet-arn" => |subnet, view| vec![view.context.arn("ec2", &format!("subnet/{}", subnet.id))],
            "vpc-id" => |subnet, _| vec![subnet.vpc.clone()],
            "state" => |subnet, _| vec![subnet.state.to_owned()],
            "availability-zone" | "availabilityZone" => |subnet, _| vec![subnet.zone.clone()],
            "availability-zone-id" | "availabilityZoneId" => {
                |subnet, _| vec![super::zones::zone_id(&subnet.zone)]
            }
            "cidr-block" | "cidr" | "cidrBlock" => {
                |subnet, _| subnet.block.iter().map(ToString::to_string).collect()
            }
            "ipv6-cidr-block-association.ipv6-cidr-block" => {
                |subnet, _| subnet.ipv6.iter().map(|block| block.net.to_string()).collect()
            }
            "ipv6-cidr-block-association.association-id" => {
                |subnet, _| subnet.ipv6.iter().map(|block| block.association.clone()).collect()
            }
            "ipv6-cidr-block-association.state" => {
                |subnet, _| subnet.ipv6.iter().map(|block| block.state.to_owned()).collect()
            }
            "ipv6-native" => |subnet, _| vec![subnet.block.is_none().to_string()],
            "available-ip-address-count" => |subnet, _| vec![subnet.available().to_string()],
            "default-for-az" | "defaultForAz" => |subnet, _| vec![subnet.is_default.to_string()],
            "map-public-ip-on-launch" => |subnet, _| vec![subnet.map_public_ip.to_string()],
            "enable-dns64" => |subnet, _| vec![subnet.dns64.to_string()],
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("subnetId", &self.id);
        xml.text("subnetArn", view.context.arn("ec2", &format!("subnet/{}", self.id)));
        xml.text("state", self.state).text("ownerId", view.context.account()).text("vpcId", &self.vpc);
        xml.opt("cidrBlock", self.block);
        xml.list("ipv6CidrBlockAssociationSet", &self.ipv6, write_ipv6);
        xml.text("availableIpAddressCount", self.available());
        xml.text("availabilityZone", &self.zone);
        xml.text("availabilityZoneId", super::zones::zone_id(&self.zone));
        xml.text("defaultForAz", self.is_default).text("mapPublicIpOnLaunch", self.map_public_ip);
        xml.text("assignIpv6AddressOnCreation", self.assign_ipv6).text("enableDns64", self.dns64);
        xml.text("ipv6Native", self.block.is_none());
        xml.node("privateDnsNameOptionsOnLaunch", |xml| {
            xml.text("hostnameType", &self.hostname_type);
            xml.text("enableResourceNameDnsARecord", self.dns_a_record);
            xml.text("enableResourceNameDnsAAAARecord", self.dns_aaaa_record);
        });
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn create_subnet(&mut self, params: &Params) -> Reply {
        let vpc = self.named::<Vpc>(params, "VpcId")?.id.clone();
        let zone = self.zone_of(params)?;
        let native = params.flag("Ipv6Native")?.unwrap_or(false);
        let block = match params.filled("CidrBlock") {
            Some(_) if native => return Err(params.invalid("Ipv6Native", "true")),
            Some(text) => Some(cidr::v4(text, "cidrBlock")?),
            None if native => None,
            None => {
                return Err(params
                    .required("CidrBlock")
                    .err()
                    .unwrap_or_else(|| params.invalid("CidrBlock", "")));
            }
        };
        if let Some(block) = block {
            self.check_subnet_block(&vpc, block)?;
        }
        let ipv6 = match params.filled("Ipv6CidrBlock") {
            Some(text) => Some(self.check_subnet_ipv6(&vpc, cidr::v6(text, "ipv6CidrBlock")?)?),
            None if native => return Err(params.invalid("Ipv6CidrBlock", "")),
            None => None,
        };
        let count = self.region.subnets.values().filter(|subnet| subnet.vpc == vpc).count();
        if count >= self.context.options().quotas.subnets_per_vpc {
            return Err(AwsError::new(
                "SubnetLimitExceeded",
                "The maximum number of subnets has been reached.",
            ));
        }
        let tags = tags_for(params, "subnet")?;
        let id = self.create_id("subnet", tags);
        let mut subnet = Subnet::new(&id, &vpc, &zone, block);
        subnet.ipv6 = ipv6.map(|net| Block::new(self.ids.hex17("subnet-cidr-assoc"), net, "associated"));
        self.region.subnets.insert(id.clone(), subnet);
        let at = self.context.after(self.context.options().durations.vpc);
        self.region.schedule(at, Event::SubnetAvailable(id.clone()));
        let view = self.view();
        let mut xml = Xml::new();
        xml.node("subnet", |xml| {
            if let Some(subnet) = view.region.subnets.get(&id) {
                subnet.write(&view, xml);
            }
        });
        Ok(xml)
    }

    fn zone_of(&self, params: &Params) -> Result<String, AwsError> {
        let zones = self.zones();
        if let Some(id) = params.filled("AvailabilityZoneId") {
            let zone = zones.into_iter().find(|zone| super::zones::zone_id(zone) == id);
            return zone.ok_or_else(|| params.invalid("AvailabilityZoneId", id));
        }
        match params.filled("AvailabilityZone") {
            None => Ok(zones.into_iter().next().unwrap_or_default()),
            Some(zone) if zones.iter().any(|known| known == zone) => Ok(zone.to_owned()),
            Some(zone) => Err(AwsError::new(
                "InvalidParameterValue",
                format!(
                    "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in \
                     the following availability zones: {}.",
                    zones.join(", ")
                ),
            )),
        }
    }

    fn check_subnet_block(&self, vpc: &str, block: Ipv4Net) -> Result<(), AwsError> {
        let within = self.find::<Vpc>(vpc)?.blocks.iter().any(|outer| outer.net.contains(&block));
        if !within || !(16..=28).contains(&block.prefix_len()) {
            return Err(AwsError::new("InvalidSubnet.Range", format!("The CIDR '{block}' is invalid.")));
        }
        let mut others = self.region.subnets.values().filter(|subnet| subnet.vpc == vpc);
        if others.any(|subnet| subnet.block.is_some_and(|other| cidr::overlap4(other, block))) {
            return Err(conflict(block));
        }
        Ok(())
    }

    fn check_subnet_ipv6(&self, vpc: &str, net: Ipv6Net) -> Result<Ipv6Net, AwsError> {
        let blocks = &self.find::<Vpc>(vpc)?.ipv6;
        let within = blocks.iter().any(|outer| outer.state == "associated" && outer.net.contains(&net));
        if !within || !(44..=64).contains(&net.prefix_len()) || !net.prefix_len().is_multiple_of(4) {
            return Err(AwsError::new("InvalidSubnet.Range", format!("The CIDR '{net}' is invalid.")));
        }
        let mut others = self.region.subnets.values().filter(|subnet| subnet.vpc == vpc);
        if others.any(|subnet| subnet.ipv6.as_ref().is_some_and(|other| cidr::overlap6(&other.net, &net))) {
            return Err(conflict(net));
        }
        Ok(net)
    }

    pub(crate) fn delete_subnet(&mut self, params: &Params) -> Reply {
        let id = self.named::<Subnet>(params, "SubnetId")?.id.clone();
        if self.region.interfaces.values().any(|interface| interface.subnet == id) {
            return Err(dependency("subnet", &id));
        }
        for table in self.region.route_tables.values_mut() {
            table.associations.retain(|_, subnet| *subnet != id);
        }
        let reservations: Vec<String> = self
            .region
            .cidr_reservations
            .values()
            .filter(|reservation| reservation.subnet == id)
            .map(|reservation| reservation.id.clone())
            .collect();
        for reservation in reservations {
            self.remove::<super::cidr_reservations::CidrReservation>(&reservation);
        }
        self.remove::<Subnet>(&id);
        Ok(done())
    }

    pub(crate) fn modify_subnet_attribute(&mut self, params: &Params) -> Reply {
        let flag = |name: &str| params.flag(&format!("{name}.Value"));
        let map_public = flag("MapPublicIpOnLaunch")?;
        let assign_ipv6 = flag("AssignIpv6AddressOnCreation")?;
        let dns64 = flag("EnableDns64")?;
        let a_record = flag("EnableResourceNameDnsARecordOnLaunch")?;
        let aaaa_record = flag("EnableResourceNameDnsAAAARecordOnLaunch")?;
        let hostname = params
            .one_of("PrivateDnsHostnameTypeOnLaunch", &["ip-name", "resource-name"])?
            .map(str::to_owned);
        let given = [map_public, assign_ipv6, dns64, a_record, aaaa_record].iter().flatten().count();
        if given + usize::from(hostname.is_some()) != 1 {
            let message = "The request must contain exactly one attribute to modify";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        let subnet = self.find_mut::<Subnet>(params.required("SubnetId")?)?;
        if assign_ipv6 == Some(true) && subnet.ipv6.is_none() {
            let message = format!("The subnet {} has no IPv6 CIDR block.", subnet.id);
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        subnet.map_public_ip = map_public.unwrap_or(subnet.map_public_ip);
        subnet.assign_ipv6 = assign_ipv6.unwrap_or(subnet.assign_ipv6);
        subnet.dns64 = dns64.unwrap_or(subnet.dns64);
        subnet.dns_a_record = a_record.unwrap_or(subnet.dns_a_record);
        subnet.dns_aaaa_record = aaaa_record.unwrap_or(subnet.dns_aaaa_record);
        if let Some(hostname) = hostname {
            subnet.hostname_type = hostname;
        }
        Ok(done())
    }

    pub(crate) fn associate_subnet_cidr_block(&mut self, params: &Params) -> Reply {
        let subnet = self.named::<Subnet>(params, "SubnetId")?;
        let (id, vpc, taken) = (subnet.id.clone(), subnet.vpc.clone(), subnet.ipv6.is_some());
        let net = cidr::v6(params.required("Ipv6CidrBlock")?, "ipv6CidrBlock")?;
        if taken {
            let message = format!("The subnet {id} has an IPv6 CIDR block already.");
            return Err(AwsError::new("SubnetCidrLimitExceeded", message));
        }
        let net = self.check_subnet_ipv6(&vpc, net)?;
        let block = Block::new(self.ids.hex17("subnet-cidr-assoc"), net, "associated");
        self.find_mut::<Subnet>(&id)?.ipv6 = Some(block.clone());
        let mut xml = Xml::new();
        xml.text("subnetId", &id).node("ipv6CidrBlockAssociation", |xml| {
            write_ipv6(xml, &Block { state: "associating", ..block });
        });
        Ok(xml)
    }

    pub(crate) fn disassociate_subnet_cidr_block(&mut self, params: &Params) -> Reply {
        let association = params.required("AssociationId")?;
        let mut subnets = self.region.subnets.values_mut();
        let found = subnets.find(|s| s.ipv6.as_ref().is_some_and(|block| block.association == association));
        let Some(subnet) = found else {
            let message = format!("The subnet CIDR block association ID '{association}' does not exist");
            return Err(AwsError::new("InvalidSubnetCidrBlockAssociationID.NotFound", message));
        };
        if !subnet.used_ipv6.is_empty() || !subnet.used_prefixes.is_empty() {
            return Err(dependency("subnet CIDR block", association));
        }
        subnet.assign_ipv6 = false;
        let mut xml = Xml::new();
        xml.text("subnetId", &subnet.id);
        if let Some(block) = subnet.ipv6.take() {
            xml.node("ipv6CidrBlockAssociation", |xml| {
                write_ipv6(xml, &Block { state: "disassociating", ..block });
            });
        }
        Ok(xml)
    }
}

fn conflict(block: impl std::fmt::Display) -> AwsError {
    AwsError::new("InvalidSubnet.Conflict", format!("The CIDR '{block}' conflicts with another subnet"))
}
