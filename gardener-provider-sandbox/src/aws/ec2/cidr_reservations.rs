//! Reservations of address blocks in subnets.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{
    Ec2, Region,
    filters::Filters,
    kind::{Getter, IdRules, Kind, View},
    subnets::Subnet,
    tags::tags_for,
};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// A block of a subnet that the cloud hands out only as prefixes or only on request.
#[derive(Debug, Clone)]
pub(crate) struct CidrReservation {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) net: IpNet,
    pub(crate) kind: String,
    pub(crate) description: String,
}

impl Kind for CidrReservation {
    const ID: IdRules = IdRules {
        prefix: "scr",
        label: "subnet CIDR reservation ID",
        not_found: "InvalidSubnetCidrReservationID.NotFound",
        malformed: "InvalidSubnetCidrReservationID.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.cidr_reservations
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.cidr_reservations
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "reservationType" => |reservation, _| vec![reservation.kind.clone()],
            "subnet-id" => |reservation, _| vec![reservation.subnet.clone()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("subnetCidrReservationId", &self.id).text("subnetId", &self.subnet).text("cidr", self.net);
        xml.text("reservationType", &self.kind).text("ownerId", view.context.account());
        xml.text("description", &self.description);
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn create_subnet_cidr_reservation(&mut self, params: &Params) -> Reply {
        let subnet = self.named::<Subnet>(params, "SubnetId")?;
        let text = params.required("Cidr")?;
        let net: IpNet = text.parse().map_err(|_| params.invalid("Cidr", text))?;
        let net = net.trunc();
        let within = match net {
            IpNet::V4(net) => subnet.block.is_some_and(|block| block.contains(&net)),
            IpNet::V6(net) => subnet.ipv6.as_ref().is_some_and(|block| block.net.contains(&net)),
        };
        let subnet = subnet.id.clone();
        if !within {
            let message = format!("The CIDR '{net}' is not within the subnet {subnet}");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let mut others = self.region.cidr_reservations.values().filter(|other| other.subnet == subnet);
        if others.any(|other| other.net.contains(&net) || net.contains(&other.net)) {
            let message = format!("The CIDR '{net}' conflicts with another reservation");
            return Err(AwsError::new("InvalidCidrReservation.Conflict", message));
        }
        params.required("ReservationType")?;
        let kind = params.one_of("ReservationType", &["prefix", "explicit"])?.unwrap_or_default().to_owned();
        let tags = tags_for(params, "subnet-cidr-reservation")?;
        let description = params.get("Description").unwrap_or_default().to_owned();
        let id = self.create_id("scr", tags);
        let reservation = CidrReservation { id: id.clone(), subnet, net, kind, description };
        let mut xml = Xml::new();
        let view = self.view();
        xml.node("subnetCidrReservation", |xml| reservation.write(&view, xml));
        self.region.cidr_reservations.insert(id, reservation);
        Ok(xml)
    }

    pub(crate) fn get_subnet_cidr_reservations(&self, params: &Params) -> Reply {
        let subnet = &self.named::<Subnet>(params, "SubnetId")?.id;
        let filters = Filters::<CidrReservation>::of(params)?;
        let view = self.view();
        let found: Vec<&CidrReservation> = self
            .region
            .cidr_reservations
            .values()
            .filter(|reservation| reservation.subnet == *subnet && filters.accept(reservation, &view))
            .filter(|reservation| self.region.is_visible(&reservation.id, self.context.now))
            .collect();
        let mut xml = Xml::new();
        for (name, is_v4) in [("subnetIpv4CidrReservationSet", true), ("subnetIpv6CidrReservationSet", false)]
        {
            let of_family =
                found.iter().filter(|reservation| matches!(reservation.net, IpNet::V4(_)) == is_v4);
            xml.list(name, of_family, |xml, reservation| reservation.write(&view, xml));
        }
        Ok(xml)
    }

    pub(crate) fn delete_subnet_cidr_reservation(&mut self, params: &Params) -> Reply {
        let reservation = self.named::<CidrReservation>(params, "SubnetCidrReservationId")?.clone();
        let mut xml = Xml::new();
        let view = self.view();
        xml.node("deletedSubnetCidrReservation", |xml| reservation.write(&view, xml));
        self.remove::<CidrReservation>(&reservation.id);
        Ok(xml)
    }
}
