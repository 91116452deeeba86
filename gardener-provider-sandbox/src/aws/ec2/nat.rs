//! NAT gateways.

use std::{collections::BTreeMap, time::SystemTime};

use super::{
    Ec2, Event, Region,
    addresses::Address,
    kind::{Getter, IdRules, Kind, View},
    network_interfaces::{Attachment, NewInterface},
    subnets::Subnet,
    tags::tags_for,
};
use crate::aws::{context::Reply, error::AwsError, query::Params, text::iso, xml::Xml};

/// A NAT gateway.
#[derive(Debug)]
pub(crate) struct NatGateway {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    pub(crate) state: &'static str,
    /// Code and message of a gateway that failed.
    failure: Option<(&'static str, String)>,
    is_public: bool,
    created: SystemTime,
    deleted: Option<SystemTime>,
    address: Option<NatAddress>,
}

/// The address of a gateway; kept for showing after the gateway is gone.
#[derive(Debug, Clone)]
struct NatAddress {
    allocation: Option<String>,
    association: Option<String>,
    interface: String,
    private_ip: String,
    public_ip: Option<String>,
}

impl NatGateway {
    /// True while its interface is there.
    pub(crate) fn holds_network(&self) -> bool {
        matches!(self.state, "pending" | "available" | "deleting")
    }
}

impl Kind for NatGateway {
    const ID: IdRules = IdRules {
        prefix: "nat",
        label: "NatGateway",
        not_found: "NatGatewayNotFound",
        malformed: "NatGatewayMalformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.nat_gateways
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.nat_gateways
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "nat-gateway-id" => |nat, _| vec![nat.id.clone()],
            "vpc-id" => |nat, _| vec![nat.vpc.clone()],
            "subnet-id" => |nat, _| vec![nat.subnet.clone()],
            "state" => |nat, _| vec![nat.state.to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("natGatewayId", &self.id).text("vpcId", &self.vpc).text("subnetId", &self.subnet);
        xml.text("state", self.state).text("createTime", iso(self.created));
        xml.opt("deleteTime", self.deleted.map(iso));
        xml.text("connectivityType", if self.is_public { "public" } else { "private" });
        if let Some((code, message)) = &self.failure {
            xml.text("failureCode", code).text("failureMessage", message);
        }
        xml.list("natGatewayAddressSet", &self.address, |xml, address| {
            xml.opt("allocationId", address.allocation.as_ref()).opt("publicIp", address.public_ip.as_ref());
            xml.opt("associationId", address.association.as_ref());
            xml.text("networkInterfaceId", &address.interface).text("privateIp", &address.private_ip);
            xml.text("isPrimary", true);
            xml.text("status", if self.holds_network() { "succeeded" } else { "failed" });
        });
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn create_nat_gateway(&mut self, params: &Params) -> Reply {
        let id = self.once(params, |ec2| ec2.new_nat_gateway(params))?;
        let mut xml = Xml::new();
        xml.opt("clientToken", params.filled("ClientToken"));
        let view = self.view();
        xml.node("natGateway", |xml| {
            if let Some(nat) = view.region.nat_gateways.get(&id) {
                nat.write(&view, xml);
            }
        });
        Ok(xml)
    }

    fn new_nat_gateway(&mut self, params: &Params) -> Result<String, AwsError> {
        let subnet = self.named::<Subnet>(params, "SubnetId")?;
        let (subnet_id, vpc, zone) = (subnet.id.clone(), subnet.vpc.clone(), subnet.zone.clone());
        let is_public = params.one_of("ConnectivityType", &["public", "private"])? != Some("private");
        let allocation = match params.filled("AllocationId") {
            Some(id) if is_public => Some(self.find::<Address>(id)?.id.clone()),
            Some(id) => return Err(params.invalid("AllocationId", id)),
            None if is_public => {
                return Err(params
                    .required("AllocationId")
                    .err()
                    .unwrap_or_else(|| params.invalid("AllocationId", "")));
            }
            None => None,
        };
        if let Some(address) = allocation.as_ref().and_then(|id| self.region.addresses.get(id))
            && address.association.is_some()
        {
            let message = format!("Elastic IP address [{}] is already associated", address.id);
            return Err(AwsError::new("Resource.AlreadyAssociated", message));
        }
        self.check_nat_quota(&zone)?;
        let tags = tags_for(params, "natgateway")?;
        let private_ip = params.parsed("PrivateIpAddress")?;
        let id = self.ids.hex17("nat");
        let interface = self.new_interface(NewInterface {
            subnet: subnet_id.clone(),
            description: format!("Interface for NAT Gateway {id}"),
            kind: "nat_gateway".to_owned(),
            requester: Some(self.context.account().to_owned()),
            private_ip,
            ..NewInterface::default()
        })?;
        let attachment = Attachment {
            id: self.ids.hex17("ela-attach"),
            instance: None,
            device_index: 1,
            card: 0,
            delete_on_termination: false,
            at: self.context.now,
        };
        let mut address = NatAddress {
            allocation: None,
            association: None,
            interface: interface.clone(),
            private_ip: String::new(),
            public_ip: None,
        };
        if let Some(eni) = self.region.interfaces.get_mut(&interface) {
            eni.attachment = Some(attachment);
            eni.source_dest_check = false;
            address.private_ip = eni.private_ip.map(|ip| ip.to_string()).unwrap_or_default();
        }
        let failure = (is_public && self.gateway_of(&vpc).is_none())
            .then(|| ("Gateway.NotAttached", format!("Network {vpc} has no Internet gateway attached")));
        if let (Some(allocation), None) = (allocation, &failure) {
            address.association = Some(self.map_address(&allocation, &interface)?);
            address.public_ip = self.region.addresses.get(&allocation).map(|address| address.ip.to_string());
            address.allocation = Some(allocation);
        }
        let nat = NatGateway {
            id: id.clone(),
            vpc,
            subnet: subnet_id,
            state: "pending",
            failure,
            is_public,
            created: self.context.now,
            deleted: None,
            address: Some(address),
        };
        self.region.born(&id, self.context.visible_from(), tags);
        self.region.nat_gateways.insert(id.clone(), nat);
        let at = self.context.after(self.context.options().durations.nat_gateway_start);
        self.region.schedule(at, Event::NatStarted(id.clone()));
        Ok(id)
    }

    fn check_nat_quota(&self, zone: &str) -> Result<(), AwsError> {
        let in_zone = |nat: &&NatGateway| {
            nat.holds_network()
                && self.region.subnets.get(&nat.subnet).is_some_and(|subnet| subnet.zone == zone)
        };
        let count = self.region.nat_gateways.values().filter(in_zone).count();
        if count < self.context.options().quotas.nat_gateways_per_zone {
            return Ok(());
        }
        let message = format!("Performing this operation would exceed the limit of NAT gateways in {zone}.");
        Err(AwsError::new("NatGatewayLimitExceeded", message))
    }

    /// A gateway that is being deleted already stays so; one that is gone is not found.
    pub(crate) fn delete_nat_gateway(&mut self, params: &Params) -> Reply {
        let nat = self.named::<NatGateway>(params, "NatGatewayId")?;
        let (id, state) = (nat.id.clone(), nat.state);
        match state {
            "deleting" => {}
            "deleted" => return Err(NatGateway::ID.missing(&id)),
            _ => {
                let now = self.context.now;
                let nat = self.find_mut::<NatGateway>(&id)?;
                nat.state = "deleting";
                nat.deleted = Some(now);
                let at = self.context.after(self.context.options().durations.nat_gateway_stop);
                self.region.schedule(at, Event::NatStopped(id.clone()));
            }
        }
        let mut xml = Xml::new();
        xml.text("natGatewayId", id);
        Ok(xml)
    }
}

impl Region {
    pub(crate) fn nat_started(&mut self, id: &str) {
        let Some(nat) = self.nat_gateways.get_mut(id).filter(|nat| nat.state == "pending") else { return };
        if nat.failure.is_none() {
            nat.state = "available";
            return;
        }
        nat.state = "failed";
        let interface = nat.address.as_ref().map(|address| address.interface.clone());
        self.drop_interface(&interface.unwrap_or_default());
    }

    pub(crate) fn nat_stopped(&mut self, id: &str) {
        let Some(nat) = self.nat_gateways.get_mut(id) else { return };
        nat.state = "deleted";
        let interface = nat.address.as_ref().map(|address| address.interface.clone());
        self.drop_interface(&interface.unwrap_or_default());
    }
}
