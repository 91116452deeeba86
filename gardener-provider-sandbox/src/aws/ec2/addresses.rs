//! Elastic IP addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use super::{
    Ec2, Region, cidr,
    filters::Filters,
    kind::{Getter, IdRules, Kind, View},
    network_interfaces::{NetworkInterface, PublicIp},
    tags::{done, tags_for},
};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// An elastic IP address.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) id: String,
    pub(crate) ip: Ipv4Addr,
    pub(crate) association: Option<Association>,
}

/// What an address stands in front of.
#[derive(Debug, Clone)]
pub(crate) struct Association {
    pub(crate) id: String,
    pub(crate) interface: String,
}

impl Address {
    fn interface<'a>(&self, view: &View<'a>) -> Option<&'a NetworkInterface> {
        view.region.interfaces.get(&self.association.as_ref()?.interface)
    }

    fn instance(&self, view: &View<'_>) -> Option<String> {
        self.interface(view)?.attachment.as_ref()?.instance.clone()
    }
}

impl Kind for Address {
    const ID: IdRules = IdRules {
        prefix: "eipalloc",
        label: "allocation ID",
        not_found: "InvalidAllocationID.NotFound",
        malformed: "InvalidAllocationID.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.addresses
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.addresses
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "allocation-id" => |address, _| vec![address.id.clone()],
            "association-id" => |address, _| address.association.iter().map(|a| a.id.clone()).collect(),
            "public-ip" => |address, _| vec![address.ip.to_string()],
            "network-interface-id" => {
                |address, _| address.association.iter().map(|a| a.interface.clone()).collect()
            }
            "instance-id" => |address, view| address.instance(view).into_iter().collect(),
            "private-ip-address" => |address, view| {
                address
                    .interface(view)
                    .and_then(|eni| eni.private_ip)
                    .iter()
                    .map(ToString::to_string)
                    .collect()
            },
            "domain" => |_, _| vec!["vpc".to_owned()],
            "network-border-group" => |_, view| vec![view.context.region().to_owned()],
            "network-interface-owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("publicIp", self.ip).text("allocationId", &self.id).text("domain", "vpc");
        xml.text("publicIpv4Pool", "amazon").text("networkBorderGroup", view.context.region());
        if let Some(association) = &self.association {
            xml.text("associationId", &association.id).text("networkInterfaceId", &association.interface);
            xml.text("networkInterfaceOwnerId", view.context.account());
            xml.opt("privateIpAddress", self.interface(view).and_then(|eni| eni.private_ip));
            xml.opt("instanceId", self.instance(view));
        }
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn allocate_address(&mut self, params: &Params) -> Reply {
        params.one_of("Domain", &["vpc", "standard"])?;
        let tags = tags_for(params, "elastic-ip")?;
        if self.region.addresses.len() >= self.context.options().quotas.addresses {
            return Err(AwsError::new(
                "AddressLimitExceeded",
                "The maximum number of addresses has been reached.",
            ));
        }
        let index = self.hand_out();
        let ip = cidr::amazon_v4(index);
        let id = self.create_id("eipalloc", tags);
        self.region.addresses.insert(id.clone(), Address { id: id.clone(), ip, association: None });
        let mut xml = Xml::new();
        xml.text("publicIp", ip)
            .text("allocationId", id)
            .text("domain", "vpc")
            .text("publicIpv4Pool", "amazon");
        xml.text("networkBorderGroup", self.context.region());
        Ok(xml)
    }

    pub(crate) fn describe_addresses(&self, params: &Params) -> Reply {
        let filters = Filters::<Address>::of(params)?;
        let ids: BTreeSet<String> = params.list("AllocationId").into_iter().collect();
        let ips = params.list("PublicIp");
        for id in &ids {
            self.find::<Address>(id)?;
        }
        let known = |ip: &String| self.region.addresses.values().any(|address| address.ip.to_string() == *ip);
        if let Some(unknown) = ips.iter().find(|ip| !known(ip)) {
            return Err(AwsError::new("InvalidAddress.NotFound", format!("Address '{unknown}' not found.")));
        }
        let view = self.view();
        let shown = self.region.addresses.values().filter(|address| {
            (ids.is_empty() || ids.contains(&address.id))
                && (ips.is_empty() || ips.contains(&address.ip.to_string()))
                && self.region.is_visible(&address.id, self.context.now)
                && filters.accept(address, &view)
        });
        let mut xml = Xml::new();
        xml.list("addressesSet", shown, |xml, address| address.write(&view, xml));
        Ok(xml)
    }

    pub(crate) fn associate_address(&mut self, params: &Params) -> Reply {
        let allocation = self.named::<Address>(params, "AllocationId")?.id.clone();
        let interface = match params.filled("NetworkInterfaceId") {
            Some(id) => self.find::<NetworkInterface>(id)?.id.clone(),
            None => self.first_interface_of(params.required("InstanceId")?)?,
        };
        let vpc = self.find::<NetworkInterface>(&interface)?.vpc.clone();
        if self.gateway_of(&vpc).is_none() {
            let message = format!("Network {vpc} is not attached to any internet gateway");
            return Err(AwsError::new("Gateway.NotAttached", message));
        }
        let association = self.map_address(&allocation, &interface)?;
        let mut xml = Xml::new();
        xml.text("return", true).text("associationId", association);
        Ok(xml)
    }

    /// Puts an elastic address in front of an interface.
    pub(crate) fn map_address(&mut self, allocation: &str, interface: &str) -> Result<String, AwsError> {
        let association = self.ids.hex17("eipassoc");
        let address = self.find_mut::<Address>(allocation)?;
        if address.association.is_some() {
            let message = format!("Elastic IP address [{allocation}] is already associated");
            return Err(AwsError::new("Resource.AlreadyAssociated", message));
        }
        address.association = Some(Association { id: association.clone(), interface: interface.to_owned() });
        let ip = address.ip;
        if let Some(eni) = self.region.interfaces.get_mut(interface) {
            eni.public_ip =
                Some(PublicIp { ip, elastic: Some((allocation.to_owned(), association.clone())) });
        }
        Ok(association)
    }

    pub(crate) fn disassociate_address(&mut self, params: &Params) -> Reply {
        let wanted = match params.filled("PublicIp") {
            Some(ip) => ip,
            None => params.required("AssociationId")?,
        };
        let found = self.region.addresses.values_mut().find(|address| {
            let association = address.association.as_ref().map(|association| association.id.as_str());
            association == Some(wanted) || address.ip.to_string() == wanted
        });
        let Some(address) = found else {
            let message = format!("The association ID '{wanted}' does not exist");
            return Err(AwsError::new("InvalidAssociationID.NotFound", message));
        };
        let Some(association) = &address.association else { return Ok(done()) };
        let interface = self.region.interfaces.get_mut(&association.interface);
        if let Some(interface) = interface {
            if interface.requester.is_some() {
                let message =
                    format!("You do not have permission to access the specified resource ({wanted}).");
                return Err(AwsError { status: Some(400), ..AwsError::new("AuthFailure", message) });
            }
            interface.public_ip = None;
        }
        address.association = None;
        Ok(done())
    }

    pub(crate) fn release_address(&mut self, params: &Params) -> Reply {
        let address = self.named::<Address>(params, "AllocationId")?;
        if address.association.is_some() {
            let message = format!("Address {} is in use.", address.ip);
            return Err(AwsError::new("InvalidIPAddress.InUse", message));
        }
        let id = address.id.clone();
        self.remove::<Address>(&id);
        Ok(done())
    }
}
