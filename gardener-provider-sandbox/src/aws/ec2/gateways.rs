//! Internet gateways.

use std::collections::BTreeMap;

use super::{
    Ec2, Region,
    kind::{Getter, IdRules, Kind, View},
    tags::{done, tags_for},
    vpc::{Vpc, dependency},
};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// An internet gateway.
#[derive(Debug)]
pub(crate) struct InternetGateway {
    pub(crate) id: String,
    /// What it is attached to.
    pub(crate) vpc: Option<String>,
}

impl Kind for InternetGateway {
    const ID: IdRules = IdRules {
        prefix: "igw",
        label: "internetGateway ID",
        not_found: "InvalidInternetGatewayID.NotFound",
        malformed: "InvalidInternetGatewayId.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.internet_gateways
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.internet_gateways
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "internet-gateway-id" => |gateway, _| vec![gateway.id.clone()],
            "attachment.vpc-id" => |gateway, _| gateway.vpc.iter().cloned().collect(),
            "attachment.state" => |gateway, _| gateway.vpc.iter().map(|_| "available".to_owned()).collect(),
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("internetGatewayId", &self.id).text("ownerId", view.context.account());
        xml.list("attachmentSet", &self.vpc, |xml, vpc| {
            xml.text("vpcId", vpc).text("state", "available");
        });
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn create_internet_gateway(&mut self, params: &Params) -> Reply {
        let tags = tags_for(params, "internet-gateway")?;
        if self.region.internet_gateways.len() >= self.context.options().quotas.internet_gateways {
            let message = "The maximum number of internet gateways has been reached.";
            return Err(AwsError::new("InternetGatewayLimitExceeded", message));
        }
        let id = self.create_id("igw", tags);
        let gateway = InternetGateway { id: id.clone(), vpc: None };
        let mut xml = Xml::new();
        let view = self.view();
        xml.node("internetGateway", |xml| gateway.write(&view, xml));
        self.region.internet_gateways.insert(id, gateway);
        Ok(xml)
    }

    pub(crate) fn attach_internet_gateway(&mut self, params: &Params) -> Reply {
        let gateway = self.named::<InternetGateway>(params, "InternetGatewayId")?;
        let vpc = self.named::<Vpc>(params, "VpcId")?.id.clone();
        let id = gateway.id.clone();
        if let Some(attached) = &gateway.vpc {
            let message = format!("resource {id} is already attached to network {attached}");
            return Err(AwsError::new("Resource.AlreadyAssociated", message));
        }
        if self.gateway_of(&vpc).is_some() {
            let message = format!("Network {vpc} already has an internet gateway attached");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        self.find_mut::<InternetGateway>(&id)?.vpc = Some(vpc);
        Ok(done())
    }

    /// The internet gateway that is attached to a VPC.
    pub(crate) fn gateway_of(&self, vpc: &str) -> Option<&InternetGateway> {
        self.region.internet_gateways.values().find(|gateway| gateway.vpc.as_deref() == Some(vpc))
    }

    pub(crate) fn detach_internet_gateway(&mut self, params: &Params) -> Reply {
        let gateway = self.named::<InternetGateway>(params, "InternetGatewayId")?;
        let vpc = self.named::<Vpc>(params, "VpcId")?.id.clone();
        let id = gateway.id.clone();
        if gateway.vpc.as_deref() != Some(vpc.as_str()) {
            let message = format!("resource {id} is not attached to network {vpc}");
            return Err(AwsError::new("Gateway.NotAttached", message));
        }
        if self.region.interfaces.values().any(|eni| eni.vpc == vpc && eni.public_ip.is_some()) {
            return Err(AwsError::new(
                "DependencyViolation",
                format!(
                    "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before \
                     detaching the gateway."
                ),
            ));
        }
        self.find_mut::<InternetGateway>(&id)?.vpc = None;
        Ok(done())
    }

    pub(crate) fn delete_internet_gateway(&mut self, params: &Params) -> Reply {
        let gateway = self.named::<InternetGateway>(params, "InternetGatewayId")?;
        let id = gateway.id.clone();
        if gateway.vpc.is_some() {
            return Err(dependency("internetGateway", &id));
        }
        self.remove::<InternetGateway>(&id);
        Ok(done())
    }
}
