//! Network interfaces.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
    time::SystemTime,
};

use ipnet::{IpNet, Ipv6Net};

use super::{
    Ec2, Region, Tags,
    kind::{Getter, IdRules, Kind, View},
    security_groups::SecurityGroup,
    subnets::{Held, Subnet},
    tags::{done, tags_for},
};
use crate::aws::{context::Reply, error::AwsError, query::Params, text::iso, xml::Xml};

/// A network interface.
#[derive(Debug, Clone)]
pub(crate) struct NetworkInterface {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) description: String,
    /// `interface`, `efa`, `nat_gateway`, …
    pub(crate) kind: String,
    pub(crate) private_ip: Option<Ipv4Addr>,
    pub(crate) ipv6: Vec<Ipv6Addr>,
    pub(crate) prefixes: Vec<Ipv6Net>,
    pub(crate) primary_ipv6: bool,
    pub(crate) groups: Vec<String>,
    pub(crate) mac: String,
    pub(crate) source_dest_check: bool,
    /// The service that made it for itself.
    pub(crate) requester: Option<String>,
    pub(crate) public_ip: Option<PublicIp>,
    pub(crate) attachment: Option<Attachment>,
}

/// A public address in front of an interface.
#[derive(Debug, Clone)]
pub(crate) struct PublicIp {
    pub(crate) ip: Ipv4Addr,
    /// Allocation and association, if it is an elastic address.
    pub(crate) elastic: Option<(String, String)>,
}

/// What an interface belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    /// Absent if a service of the cloud holds the interface.
    pub(crate) instance: Option<String>,
    pub(crate) device_index: u32,
    pub(crate) card: u32,
    pub(crate) delete_on_termination: bool,
    pub(crate) at: SystemTime,
}

/// What an interface is created with.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewInterface {
    pub(crate) subnet: String,
    pub(crate) description: String,
    pub(crate) kind: String,
    /// Empty means the VPC's default group.
    pub(crate) groups: Vec<String>,
    pub(crate) private_ip: Option<Ipv4Addr>,
    pub(crate) ipv6: Vec<Ipv6Addr>,
    pub(crate) ipv6_count: usize,
    pub(crate) prefixes: Vec<Ipv6Net>,
    pub(crate) prefix_count: usize,
    pub(crate) primary_ipv6: bool,
    pub(crate) requester: Option<String>,
    pub(crate) tags: Tags,
}

impl Kind for NetworkInterface {
    const ID: IdRules = IdRules {
        prefix: "eni",
        label: "networkInterface ID",
        not_found: "InvalidNetworkInterfaceID.NotFound",
        malformed: "InvalidNetworkInterfaceId.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.interfaces
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.interfaces
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "network-interface-id" => |eni, _| vec![eni.id.clone()],
            "subnet-id" => |eni, _| vec![eni.subnet.clone()],
            "vpc-id" => |eni, _| vec![eni.vpc.clone()],
            "availability-zone" => |eni, _| vec![eni.zone.clone()],
            "availability-zone-id" => |eni, _| vec![super::zones::zone_id(&eni.zone)],
            "description" => |eni, _| vec![eni.description.clone()],
            "interface-type" => |eni, _| vec![eni.kind.clone()],
            "status" => |eni, _| vec![eni.status().to_owned()],
            "group-id" => |eni, _| eni.groups.clone(),
            "group-name" => |eni, view| eni.group_names(view),
            "mac-address" => |eni, _| vec![eni.mac.clone()],
            "private-ip-address" | "addresses.private-ip-address" => {
                |eni, _| eni.private_ip.iter().map(ToString::to_string).collect()
            }
            "ipv6-addresses.ipv6-address" => |eni, _| eni.ipv6.iter().map(ToString::to_string).collect(),
            "source-dest-check" => |eni, _| vec![eni.source_dest_check.to_string()],
            "requester-id" => |eni, _| eni.requester.iter().cloned().collect(),
            "requester-managed" => |eni, _| vec![eni.requester.is_some().to_string()],
            "attachment.attachment-id" => |eni, _| eni.attachment.iter().map(|a| a.id.clone()).collect(),
            "attachment.instance-id" => {
                |eni, _| eni.attachment.iter().filter_map(|a| a.instance.clone()).collect()
            }
            "attachment.instance-owner-id" => {
                |eni, view| eni.attachment.iter().map(|a| a.owner(view)).collect()
            }
            "attachment.device-index" => {
                |eni, _| eni.attachment.iter().map(|a| a.device_index.to_string()).collect()
            }
            "attachment.status" => |eni, _| eni.attachment.iter().map(|_| "attached".to_owned()).collect(),
            "attachment.delete-on-termination" => {
                |eni, _| eni.attachment.iter().map(|a| a.delete_on_termination.to_string()).collect()
            }
            "association.public-ip" | "addresses.association.public-ip" => {
                |eni, _| eni.public_ip.iter().map(|public| public.ip.to_string()).collect()
            }
            "association.allocation-id" => {
                |eni, _| eni.elastic().map(|(allocation, _)| allocation.clone()).into_iter().collect()
            }
            "association.association-id" => {
                |eni, _| eni.elastic().map(|(_, association)| association.clone()).into_iter().collect()
            }
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        self.write_shared(view, xml);
        xml.text("availabilityZone", &self.zone);
        xml.text("requesterManaged", self.requester.is_some()).opt("requesterId", self.requester.as_ref());
        if let Some(attachment) = &self.attachment {
            xml.node("attachment", |xml| {
                attachment.write(xml);
                xml.opt("instanceId", attachment.instance.as_ref());
                xml.text("instanceOwnerId", attachment.owner(view));
            });
        }
        view.write_tags(xml, &self.id);
    }
}

impl Attachment {
    fn owner(&self, view: &View<'_>) -> String {
        if self.instance.is_some() { view.context.account() } else { "amazon-aws" }.to_owned()
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        xml.text("attachmentId", &self.id).text("deviceIndex", self.device_index);
        xml.text("networkCardIndex", self.card).text("status", "attached").text("attachTime", iso(self.at));
        xml.text("deleteOnTermination", self.delete_on_termination);
    }
}

impl NetworkInterface {
    fn status(&self) -> &'static str {
        if self.attachment.is_some() { "in-use" } else { "available" }
    }

    fn elastic(&self) -> Option<&(String, String)> {
        self.public_ip.as_ref().and_then(|public| public.elastic.as_ref())
    }

    fn group_names(&self, view: &View<'_>) -> Vec<String> {
        let name = |id: &String| view.region.security_groups.get(id).map(|group| group.name.clone());
        self.groups.iter().filter_map(name).collect()
    }

    pub(crate) fn private_dns(&self, view: &View<'_>) -> String {
        let Some(ip) = self.private_ip else { return String::new() };
        let host = ip.to_string().replace('.', "-");
        match view.context.region() {
            "us-east-1" => format!("ip-{host}.ec2.internal"),
            region => format!("ip-{host}.{region}.compute.internal"),
        }
    }

    /// Writes what interfaces and the interfaces of instances have in common.
    pub(crate) fn write_shared(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("networkInterfaceId", &self.id).text("subnetId", &self.subnet).text("vpcId", &self.vpc);
        xml.text("description", &self.description).text("ownerId", view.context.account());
        xml.text("status", self.status()).text("macAddress", &self.mac).text("interfaceType", &self.kind);
        xml.text("sourceDestCheck", self.source_dest_check);
        write_groups(xml, &self.groups, view);
        if let Some(public) = &self.public_ip {
            xml.node("association", |xml| public.write(xml));
        }
        if let Some(ip) = self.private_ip {
            xml.text("privateIpAddress", ip).text("privateDnsName", self.private_dns(view));
        }
        xml.list("privateIpAddressesSet", self.private_ip, |xml, ip| {
            xml.text("privateIpAddress", ip)
                .text("privateDnsName", self.private_dns(view))
                .text("primary", true);
            if let Some(public) = &self.public_ip {
                xml.node("association", |xml| public.write(xml));
            }
        });
        xml.list("ipv6AddressesSet", self.ipv6.iter().enumerate(), |xml, (index, ip)| {
            xml.text("ipv6Address", ip).text("isPrimaryIpv6", self.primary_ipv6 && index == 0);
        });
        xml.list("ipv6PrefixSet", &self.prefixes, |xml, prefix| {
            xml.text("ipv6Prefix", prefix);
        });
    }
}

impl PublicIp {
    fn write(&self, xml: &mut Xml) {
        xml.text("publicIp", self.ip).text("publicDnsName", public_dns(self.ip));
        xml.text("ipOwnerId", if self.elastic.is_some() { "self" } else { "amazon" });
        if let Some((allocation, association)) = &self.elastic {
            xml.text("allocationId", allocation).text("associationId", association);
        }
    }
}

pub(crate) fn public_dns(ip: Ipv4Addr) -> String {
    format!("ec2-{}.compute.amazonaws.com", ip.to_string().replace('.', "-"))
}

/// Writes ids and names of security groups.
pub(crate) fn write_groups(xml: &mut Xml, groups: &[String], view: &View<'_>) {
    xml.list("groupSet", groups, |xml, id| {
        let name = view.region.security_groups.get(id).map(|group| group.name.as_str());
        xml.text("groupId", id).text("groupName", name.unwrap_or_default());
    });
}

impl Ec2<'_> {
    /// Creates an interface, unattached.
    pub(crate) fn new_interface(&mut self, new: NewInterface) -> Result<String, AwsError> {
        let subnet = self.find::<Subnet>(&new.subnet)?;
        let (vpc, zone) = (subnet.vpc.clone(), subnet.zone.clone());
        let mut new = new;
        if subnet.assign_ipv6 && new.ipv6.is_empty() && new.ipv6_count == 0 {
            new.ipv6_count = 1;
        }
        let groups = if new.groups.is_empty() && new.requester.is_none() {
            vec![self.default_group_of(&vpc)]
        } else {
            self.check_groups(&new.groups, &vpc, &new.subnet)?;
            new.groups.clone()
        };
        let reserved = self.reserved_in(&new.subnet);
        let Held { private_ip, ipv6, prefixes } =
            self.find_mut::<Subnet>(&new.subnet)?.hold(&new, true, &reserved)?;
        let id = self.create_id("eni", new.tags);
        let mac = self.ids.number().to_be_bytes();
        let interface = NetworkInterface {
            id: id.clone(),
            subnet: new.subnet,
            vpc,
            zone,
            description: new.description,
            kind: if new.kind.is_empty() { "interface".to_owned() } else { new.kind },
            private_ip,
            ipv6,
            prefixes,
            primary_ipv6: new.primary_ipv6,
            groups,
            mac: format!("02:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[1], mac[2], mac[3], mac[4], mac[5]),
            source_dest_check: true,
            requester: new.requester,
            public_ip: None,
            attachment: None,
        };
        self.region.interfaces.insert(id.clone(), interface);
        Ok(id)
    }

    /// Blocks that are not handed out by themselves.
    fn reserved_in(&self, subnet: &str) -> Vec<Ipv6Net> {
        let reservations =
            self.region.cidr_reservations.values().filter(|reservation| reservation.subnet == subnet);
        reservations
            .filter_map(|reservation| if let IpNet::V6(net) = reservation.net { Some(net) } else { None })
            .collect()
    }

    fn check_groups(&self, groups: &[String], vpc: &str, subnet: &str) -> Result<(), AwsError> {
        for id in groups {
            let group = self.find::<SecurityGroup>(id)?;
            if group.vpc != vpc {
                let message =
                    format!("Security group {id} and subnet {subnet} belong to different networks.");
                return Err(AwsError::new("InvalidParameter", message));
            }
        }
        Ok(())
    }

    pub(crate) fn create_network_interface(&mut self, params: &Params) -> Reply {
        let id = self.once(params, |ec2| {
            let mut new = NewInterface::of(params)?;
            params.required("SubnetId")?;
            params.get("InterfaceType").unwrap_or_default().clone_into(&mut new.kind);
            new.tags = tags_for(params, "network-interface")?;
            let id = ec2.new_interface(new)?;
            Ok(id)
        })?;
        let mut xml = Xml::new();
        let view = self.view();
        xml.node("networkInterface", |xml| {
            if let Some(interface) = view.region.interfaces.get(&id) {
                interface.write(&view, xml);
            }
        });
        xml.opt("clientToken", params.filled("ClientToken"));
        Ok(xml)
    }

    pub(crate) fn modify_network_interface_attribute(&mut self, params: &Params) -> Reply {
        let interface = self.named::<NetworkInterface>(params, "NetworkInterfaceId")?;
        let (id, vpc, subnet) = (interface.id.clone(), interface.vpc.clone(), interface.subnet.clone());
        let check = params.flag("SourceDestCheck.Value")?;
        let groups = params.list("SecurityGroupId");
        let delete = params.flag("Attachment.DeleteOnTermination")?;
        self.check_groups(&groups, &vpc, &subnet)?;
        let interface = self.find_mut::<NetworkInterface>(&id)?;
        if interface.requester.is_some() {
            return Err(not_yours(&id));
        }
        interface.source_dest_check = check.unwrap_or(interface.source_dest_check);
        if let Some(description) = params.get("Description.Value") {
            description.clone_into(&mut interface.description);
        }
        if !groups.is_empty() {
            interface.groups = groups;
        }
        if let (Some(delete), Some(attachment)) = (delete, &mut interface.attachment) {
            if params.get("Attachment.AttachmentId") != Some(attachment.id.as_str()) {
                let message = format!("The attachment ID does not belong to '{id}'");
                return Err(AwsError::new("InvalidAttachmentID.NotFound", message));
            }
            attachment.delete_on_termination = delete;
        }
        Ok(done())
    }

    pub(crate) fn delete_network_interface(&mut self, params: &Params) -> Reply {
        let interface = self.named::<NetworkInterface>(params, "NetworkInterfaceId")?;
        let id = interface.id.clone();
        if interface.requester.is_some() {
            return Err(not_yours(&id));
        }
        if interface.attachment.is_some() {
            let message = format!("Network interface '{id}' is currently in use.");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        self.region.drop_interface(&id);
        Ok(done())
    }

    pub(crate) fn assign_ipv6_addresses(&mut self, params: &Params) -> Reply {
        let interface = self.named::<NetworkInterface>(params, "NetworkInterfaceId")?;
        let (id, subnet) = (interface.id.clone(), interface.subnet.clone());
        let wanted = NewInterface::of_ipv6(params, params.list("Ipv6Addresses"), params.list("Ipv6Prefix"))?;
        if wanted.ipv6.is_empty()
            && wanted.ipv6_count == 0
            && wanted.prefixes.is_empty()
            && wanted.prefix_count == 0
        {
            return Err(AwsError::new(
                "MissingParameter",
                "Either addresses, prefixes or their number must be given.",
            ));
        }
        let reserved = self.reserved_in(&subnet);
        let held = self.find_mut::<Subnet>(&subnet)?.hold(&wanted, false, &reserved)?;
        let (addresses, prefixes) = (held.ipv6, held.prefixes);
        let interface = self.find_mut::<NetworkInterface>(&id)?;
        interface.ipv6.extend(&addresses);
        interface.prefixes.extend(&prefixes);
        let mut xml = Xml::new();
        xml.text("networkInterfaceId", &id);
        xml.list("assignedIpv6Addresses", addresses, |xml, ip| {
            xml.chars(ip);
        });
        xml.list("assignedIpv6PrefixSet", prefixes, |xml, prefix| {
            xml.chars(prefix);
        });
        Ok(xml)
    }

    pub(crate) fn unassign_ipv6_addresses(&mut self, params: &Params) -> Reply {
        let id = params.required("NetworkInterfaceId")?.to_owned();
        let doomed = NewInterface::of_ipv6(params, params.list("Ipv6Addresses"), params.list("Ipv6Prefix"))?;
        let interface = self.find_mut::<NetworkInterface>(&id)?;
        let known = doomed.ipv6.iter().all(|ip| interface.ipv6.contains(ip))
            && doomed.prefixes.iter().all(|prefix| interface.prefixes.contains(prefix));
        if !known {
            let message = "Some of the specified addresses are not assigned to the interface";
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        interface.ipv6.retain(|ip| !doomed.ipv6.contains(ip));
        interface.prefixes.retain(|prefix| !doomed.prefixes.contains(prefix));
        let subnet = interface.subnet.clone();
        let NewInterface { ipv6, prefixes, .. } = &doomed;
        if let Some(subnet) = self.region.subnets.get_mut(&subnet) {
            subnet.release(&Held { private_ip: None, ipv6: ipv6.clone(), prefixes: prefixes.clone() });
        }
        let mut xml = Xml::new();
        xml.text("networkInterfaceId", &id);
        xml.list("unassignedIpv6Addresses", doomed.ipv6, |xml, ip| {
            xml.chars(ip);
        });
        xml.list("unassignedIpv6PrefixSet", doomed.prefixes, |xml, prefix| {
            xml.chars(prefix);
        });
        Ok(xml)
    }
}

fn not_yours(id: &str) -> AwsError {
    let message = format!("The network interface '{id}' is managed by a service and cannot be changed.");
    AwsError::new("OperationNotPermitted", message)
}

impl NewInterface {
    /// Reads what interface specifications of RunInstances and CreateNetworkInterface have in common.
    pub(crate) fn of(params: &Params) -> Result<Self, AwsError> {
        let addresses = params
            .structs("Ipv6Addresses")
            .iter()
            .map(|address| address.required("Ipv6Address").map(str::to_owned))
            .collect::<Result<_, _>>()?;
        let prefixes = params
            .structs("Ipv6Prefix")
            .iter()
            .map(|prefix| prefix.required("Ipv6Prefix").map(str::to_owned))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            subnet: params.get("SubnetId").unwrap_or_default().to_owned(),
            description: params.get("Description").unwrap_or_default().to_owned(),
            groups: params.list("SecurityGroupId"),
            private_ip: params.parsed("PrivateIpAddress")?,
            ..Self::of_ipv6(params, addresses, prefixes)?
        })
    }

    fn of_ipv6(params: &Params, addresses: Vec<String>, prefixes: Vec<String>) -> Result<Self, AwsError> {
        let addresses =
            addresses.iter().map(|ip| ip.parse().map_err(|_| params.invalid("Ipv6Addresses", ip)));
        let prefixes = prefixes.iter().map(|net| net.parse().map_err(|_| params.invalid("Ipv6Prefix", net)));
        Ok(Self {
            ipv6: addresses.collect::<Result<_, _>>()?,
            ipv6_count: read_count(params, "Ipv6AddressCount")?,
            prefixes: prefixes.collect::<Result<_, _>>()?,
            prefix_count: read_count(params, "Ipv6PrefixCount")?,
            primary_ipv6: params.flag("PrimaryIpv6")?.or(params.flag("EnablePrimaryIpv6")?).unwrap_or(false),
            ..Self::default()
        })
    }
}

/// No machine type has more than 64 addresses or prefixes per interface.
fn read_count(params: &Params, name: &str) -> Result<usize, AwsError> {
    match params.parsed::<usize>(name)? {
        Some(count) if count > 64 => Err(params.invalid(name, &count.to_string())),
        count => Ok(count.unwrap_or(0)),
    }
}

impl Region {
    /// Removes an interface and gives its addresses back.
    pub(crate) fn drop_interface(&mut self, id: &str) {
        let Some(interface) = self.interfaces.remove(id) else { return };
        if let Some(subnet) = self.subnets.get_mut(&interface.subnet) {
            subnet.release(&Held {
                private_ip: interface.private_ip,
                ipv6: interface.ipv6.clone(),
                prefixes: interface.prefixes.clone(),
            });
        }
        if let Some((allocation, _)) = interface.elastic()
            && let Some(address) = self.addresses.get_mut(allocation)
        {
            address.association = None;
        }
        self.forget(id);
    }
}
