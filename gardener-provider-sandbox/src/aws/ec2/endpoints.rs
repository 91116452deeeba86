//! VPC endpoints.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use super::{
    Ec2, Event, Region,
    kind::{Getter, IdRules, Kind, View},
    network_interfaces::{Attachment, NewInterface, write_groups},
    routes::{Destination, Route, RouteTable, Target},
    security_groups::SecurityGroup,
    subnets::Subnet,
    tags::{done, tags_for},
    vpc::Vpc,
};
use crate::aws::{context::Reply, error::AwsError, query::Params, text::iso, xml::Xml};

/// A VPC endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) state: &'static str,
    is_gateway: bool,
    service: String,
    policy: String,
    created: SystemTime,
    pub(crate) route_tables: BTreeSet<String>,
    subnets: BTreeSet<String>,
    pub(crate) groups: Vec<String>,
    interfaces: Vec<String>,
    private_dns: bool,
}

const OPEN: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

impl Kind for Endpoint {
    const ID: IdRules = IdRules {
        prefix: "vpce",
        label: "Vpc Endpoint Id",
        not_found: "InvalidVpcEndpointId.NotFound",
        malformed: "InvalidVpcEndpointId.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.endpoints
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.endpoints
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "vpc-endpoint-id" => |endpoint, _| vec![endpoint.id.clone()],
            "vpc-id" => |endpoint, _| vec![endpoint.vpc.clone()],
            "service-name" => |endpoint, _| vec![endpoint.service.clone()],
            "vpc-endpoint-state" => |endpoint, _| vec![endpoint.state.to_owned()],
            "vpc-endpoint-type" => |endpoint, _| vec![endpoint.kind().to_owned()],
            "ip-address-type" => |_, _| vec!["ipv4".to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("vpcEndpointId", &self.id).text("vpcEndpointType", self.kind()).text("vpcId", &self.vpc);
        xml.text("serviceName", &self.service).text("state", self.state).text("policyDocument", &self.policy);
        xml.list("routeTableIdSet", &self.route_tables, |xml, id| {
            xml.chars(id);
        });
        xml.list("subnetIdSet", &self.subnets, |xml, id| {
            xml.chars(id);
        });
        write_groups(xml, &self.groups, view);
        xml.text("ipAddressType", "ipv4")
            .text("privateDnsEnabled", self.private_dns)
            .text("requesterManaged", false);
        xml.list("networkInterfaceIdSet", &self.interfaces, |xml, id| {
            xml.chars(id);
        });
        xml.text("creationTimestamp", iso(self.created)).text("ownerId", view.context.account());
        view.write_tags(xml, &self.id);
    }
}

impl Endpoint {
    fn kind(&self) -> &'static str {
        if self.is_gateway { "Gateway" } else { "Interface" }
    }

    /// The prefix list of the service's addresses.
    fn prefix_list(&self) -> Destination {
        let number: u32 =
            self.service.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        Destination::PrefixList(format!("pl-{number:08x}"))
    }
}

impl Ec2<'_> {
    pub(crate) fn create_vpc_endpoint(&mut self, params: &Params) -> Reply {
        let id = self.once(params, |ec2| ec2.new_endpoint(params))?;
        let mut xml = Xml::new();
        let view = self.view();
        xml.node("vpcEndpoint", |xml| {
            if let Some(endpoint) = view.region.endpoints.get(&id) {
                endpoint.write(&view, xml);
            }
        });
        xml.opt("clientToken", params.filled("ClientToken"));
        Ok(xml)
    }

    fn new_endpoint(&mut self, params: &Params) -> Result<String, AwsError> {
        let vpc = self.named::<Vpc>(params, "VpcId")?.id.clone();
        let service = params.required("ServiceName")?.to_owned();
        let kind = params.one_of("VpcEndpointType", &["Gateway", "Interface"])?.unwrap_or("Gateway");
        let is_gateway = kind == "Gateway";
        self.check_service(&service, is_gateway)?;
        let mut gateways = self.region.endpoints.values().filter(|endpoint| endpoint.is_gateway);
        let quota = self.context.options().quotas.gateway_endpoints;
        if is_gateway && gateways.by_ref().count() >= quota {
            let message = "The maximum number of VPC endpoints has been reached.";
            return Err(AwsError::new("VpcEndpointLimitExceeded", message));
        }
        let tags = tags_for(params, "vpc-endpoint")?;
        let groups = params.list("SecurityGroupId");
        for group in &groups {
            self.find::<SecurityGroup>(group)?;
        }
        let endpoint = Endpoint {
            id: String::new(),
            vpc: vpc.clone(),
            state: if is_gateway { "available" } else { "pending" },
            is_gateway,
            service,
            policy: params.filled("PolicyDocument").unwrap_or(OPEN).to_owned(),
            created: self.context.now,
            route_tables: BTreeSet::new(),
            subnets: BTreeSet::new(),
            groups: if is_gateway || !groups.is_empty() { groups } else { vec![self.default_group_of(&vpc)] },
            interfaces: Vec::new(),
            private_dns: params.flag("PrivateDnsEnabled")?.unwrap_or(false),
        };
        let tables = params.list("RouteTableId");
        let subnets = params.list("SubnetId");
        self.check_members(&endpoint, &tables, &subnets)?;
        let id = self.create_id("vpce", tags);
        self.region.endpoints.insert(id.clone(), Endpoint { id: id.clone(), ..endpoint });
        if let Err(error) = self.add_members(&id, tables, subnets) {
            self.drop_endpoint(&id);
            return Err(error);
        }
        let at = self.context.after(self.context.options().durations.endpoint);
        self.region.schedule(at, Event::EndpointAvailable(id.clone()));
        Ok(id)
    }

    /// Removes an endpoint with its routes and interfaces.
    fn drop_endpoint(&mut self, id: &str) {
        let interfaces = self.region.endpoints.get(id).map(|endpoint| endpoint.interfaces.clone());
        for interface in interfaces.unwrap_or_default() {
            self.region.drop_interface(&interface);
        }
        let target = Target::Gateway(id.to_owned());
        for table in self.region.route_tables.values_mut() {
            table.routes.retain(|_, route| !route.leads_to(&target));
        }
        self.remove::<Endpoint>(id);
    }

    /// A gateway exists for S3 and DynamoDB only.
    fn check_service(&self, service: &str, is_gateway: bool) -> Result<(), AwsError> {
        let prefix = format!("com.amazonaws.{}.", self.context.region());
        let known =
            match service.strip_prefix(&prefix).or_else(|| service.strip_prefix(&format!("cn.{prefix}"))) {
                Some("s3" | "dynamodb") => true,
                Some(name) => !is_gateway && !name.is_empty(),
                None => false,
            };
        if known {
            return Ok(());
        }
        let message = format!("The Vpc Endpoint Service '{service}' does not exist");
        Err(AwsError::new("InvalidServiceName", message))
    }

    fn check_members(
        &self,
        endpoint: &Endpoint,
        tables: &[String],
        subnets: &[String],
    ) -> Result<(), AwsError> {
        let foreign = |id: &str| {
            let message = format!("{id} does not belong to the VPC {}", endpoint.vpc);
            AwsError::new("InvalidParameter", message)
        };
        if endpoint.is_gateway && !subnets.is_empty() {
            return Err(AwsError::new("InvalidParameter", "Subnets are for interface endpoints only."));
        }
        if !endpoint.is_gateway && !tables.is_empty() {
            return Err(AwsError::new("InvalidParameter", "Route tables are for gateway endpoints only."));
        }
        for id in tables {
            let table = self.find::<RouteTable>(id)?;
            if table.vpc != endpoint.vpc {
                return Err(foreign(id));
            }
            if !endpoint.route_tables.contains(id) && table.routes.contains_key(&endpoint.prefix_list()) {
                let message = format!(
                    "route table {id} already has a route with destination-prefix-list-id {}",
                    endpoint.prefix_list()
                );
                return Err(AwsError::new("RouteAlreadyExists", message));
            }
        }
        for id in subnets {
            if self.find::<Subnet>(id)?.vpc != endpoint.vpc {
                return Err(foreign(id));
            }
        }
        Ok(())
    }

    fn add_members(&mut self, id: &str, tables: Vec<String>, subnets: Vec<String>) -> Result<(), AwsError> {
        for table in tables {
            let endpoint = self.find_mut_any(id)?;
            let destination = endpoint.prefix_list();
            endpoint.route_tables.insert(table.clone());
            if let Some(table) = self.region.route_tables.get_mut(&table) {
                table.routes.insert(destination, Route::to(Target::Gateway(id.to_owned())));
            }
        }
        for subnet in subnets {
            let groups = self.find_mut_any(id)?.groups.clone();
            let interface = self.new_interface(NewInterface {
                subnet: subnet.clone(),
                description: format!("VPC Endpoint Interface {id}"),
                kind: "vpc_endpoint".to_owned(),
                groups,
                requester: Some(self.context.account().to_owned()),
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
            if let Some(eni) = self.region.interfaces.get_mut(&interface) {
                eni.attachment = Some(attachment);
            }
            let endpoint = self.find_mut_any(id)?;
            endpoint.subnets.insert(subnet);
            endpoint.interfaces.push(interface);
        }
        Ok(())
    }

    /// Also finds an endpoint that the eventual-consistency lag still hides from callers.
    fn find_mut_any(&mut self, id: &str) -> Result<&mut Endpoint, AwsError> {
        self.region.endpoints.get_mut(id).ok_or_else(|| Endpoint::ID.missing(id))
    }

    pub(crate) fn modify_vpc_endpoint(&mut self, params: &Params) -> Reply {
        let endpoint = self.named::<Endpoint>(params, "VpcEndpointId")?;
        let id = endpoint.id.clone();
        let (tables, subnets) = (params.list("AddRouteTableId"), params.list("AddSubnetId"));
        self.check_members(endpoint, &tables, &subnets)?;
        for table in params.list("RemoveRouteTableId") {
            let endpoint = self.find_mut::<Endpoint>(&id)?;
            let destination = endpoint.prefix_list();
            endpoint.route_tables.remove(&table);
            if let Some(table) = self.region.route_tables.get_mut(&table) {
                table.routes.remove(&destination);
            }
        }
        self.remove_subnets(&id, &params.list("RemoveSubnetId"));
        self.add_members(&id, tables, subnets)?;
        let reset = params.flag("ResetPolicy")? == Some(true);
        let endpoint = self.find_mut::<Endpoint>(&id)?;
        if reset {
            OPEN.clone_into(&mut endpoint.policy);
        } else if let Some(policy) = params.filled("PolicyDocument") {
            policy.clone_into(&mut endpoint.policy);
        }
        let removed = params.list("RemoveSecurityGroupId");
        endpoint.groups.retain(|group| !removed.contains(group));
        endpoint.groups.extend(params.list("AddSecurityGroupId"));
        Ok(done())
    }

    fn remove_subnets(&mut self, id: &str, subnets: &[String]) {
        let Some(endpoint) = self.region.endpoints.get_mut(id) else { return };
        endpoint.subnets.retain(|subnet| !subnets.contains(subnet));
        let interfaces = endpoint.interfaces.clone();
        for interface in interfaces {
            let in_subnet =
                self.region.interfaces.get(&interface).is_some_and(|eni| subnets.contains(&eni.subnet));
            if in_subnet {
                self.region.drop_interface(&interface);
                if let Some(endpoint) = self.region.endpoints.get_mut(id) {
                    endpoint.interfaces.retain(|kept| *kept != interface);
                }
            }
        }
    }

    /// Answers 200 even if endpoints could not be deleted; those are in the reply.
    pub(crate) fn delete_vpc_endpoints(&mut self, params: &Params) -> Reply {
        params.required("VpcEndpointId.1")?;
        let mut missing = Vec::new();
        for id in params.list("VpcEndpointId") {
            Endpoint::ID.check(&id)?;
            if self.find::<Endpoint>(&id).is_err() {
                missing.push(id);
                continue;
            }
            self.drop_endpoint(&id);
        }
        let mut xml = Xml::new();
        xml.list("unsuccessful", missing, |xml, id| {
            xml.text("resourceId", &id).node("error", |xml| {
                xml.text("code", "InvalidVpcEndpoint.NotFound");
                xml.text("message", format!("The Vpc Endpoint Id '{id}' does not exist"));
            });
        });
        Ok(xml)
    }
}
