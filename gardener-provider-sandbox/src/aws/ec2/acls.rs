//! Network ACLs: every VPC has its default one, which lets everything pass.

use std::collections::BTreeMap;

use super::{
    Ec2, Region, Tags,
    kind::{Getter, IdRules, Kind, View},
};
use crate::aws::xml::Xml;

/// A VPC's default network ACL.
#[derive(Debug)]
pub(crate) struct NetworkAcl {
    pub(crate) id: String,
    pub(crate) vpc: String,
}

impl Kind for NetworkAcl {
    const ID: IdRules = IdRules {
        prefix: "acl",
        label: "networkAcl ID",
        not_found: "InvalidNetworkAclID.NotFound",
        malformed: "InvalidNetworkAclID.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.acls
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.acls
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "vpc-id" => |acl, _| vec![acl.vpc.clone()],
            "network-acl-id" => |acl, _| vec![acl.id.clone()],
            "default" => |_, _| vec!["true".to_owned()],
            "association.subnet-id" => |acl, view| acl.subnets(view).cloned().collect(),
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("networkAclId", &self.id).text("vpcId", &self.vpc).text("default", true);
        xml.list(
            "entrySet",
            [(true, 100), (true, 32767), (false, 100), (false, 32767)],
            |xml, (egress, number)| {
                xml.text("ruleNumber", number).text("protocol", "-1").text("egress", egress);
                xml.text("ruleAction", if number == 100 { "allow" } else { "deny" })
                    .text("cidrBlock", "0.0.0.0/0");
            },
        );
        xml.list("associationSet", self.subnets(view), |xml, subnet| {
            xml.text("networkAclAssociationId", subnet.replacen("subnet", "aclassoc", 1));
            xml.text("networkAclId", &self.id).text("subnetId", subnet);
        });
        xml.text("ownerId", view.context.account());
        view.write_tags(xml, &self.id);
    }
}

impl NetworkAcl {
    fn subnets<'a>(&'a self, view: &View<'a>) -> impl Iterator<Item = &'a String> {
        view.region.subnets.values().filter(|subnet| subnet.vpc == self.vpc).map(|subnet| &subnet.id)
    }
}

impl Ec2<'_> {
    pub(crate) fn new_default_acl(&mut self, vpc: &str) {
        let id = self.create_id("acl", Tags::new());
        self.region.acls.insert(id.clone(), NetworkAcl { id, vpc: vpc.to_owned() });
    }
}
