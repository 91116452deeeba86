//! Egress-only internet gateways, the way out for IPv6.

use std::collections::BTreeMap;

use super::{
    Ec2, Region,
    kind::{Getter, IdRules, Kind, View},
    tags::tags_for,
    vpc::Vpc,
};
use crate::aws::{context::Reply, query::Params, xml::Xml};

/// An egress-only internet gateway; attached from the start.
#[derive(Debug)]
pub(crate) struct EgressGateway {
    pub(crate) id: String,
    pub(crate) vpc: String,
}

impl Kind for EgressGateway {
    const ID: IdRules = IdRules {
        prefix: "eigw",
        label: "egressOnlyInternetGateway ID",
        not_found: "InvalidGatewayID.NotFound",
        malformed: "InvalidEgressOnlyInternetGatewayId.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.egress_gateways
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.egress_gateways
    }

    /// Tags are all that can be filtered by.
    fn filter(_: &str) -> Option<Getter<Self>> {
        None
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("egressOnlyInternetGatewayId", &self.id);
        xml.list("attachmentSet", [&self.vpc], |xml, vpc| {
            xml.text("vpcId", vpc).text("state", "attached");
        });
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn create_egress_gateway(&mut self, params: &Params) -> Reply {
        let id = self.once(params, |ec2| {
            let vpc = ec2.named::<Vpc>(params, "VpcId")?.id.clone();
            let tags = tags_for(params, "egress-only-internet-gateway")?;
            let id = ec2.create_id("eigw", tags);
            ec2.region.egress_gateways.insert(id.clone(), EgressGateway { id: id.clone(), vpc });
            Ok(id)
        })?;
        let mut xml = Xml::new();
        xml.opt("clientToken", params.filled("ClientToken"));
        let view = self.view();
        xml.node("egressOnlyInternetGateway", |xml| {
            if let Some(gateway) = view.region.egress_gateways.get(&id) {
                gateway.write(&view, xml);
            }
        });
        Ok(xml)
    }

    pub(crate) fn delete_egress_gateway(&mut self, params: &Params) -> Reply {
        let id = self.named::<EgressGateway>(params, "EgressOnlyInternetGatewayId")?.id.clone();
        self.remove::<EgressGateway>(&id);
        let mut xml = Xml::new();
        xml.text("returnCode", true);
        Ok(xml)
    }
}
