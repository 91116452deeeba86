//! Route tables, their associations and routes.

use std::{collections::BTreeMap, fmt};

use ipnet::{Ipv4Net, Ipv6Net};

use super::{
    Ec2, Region, Tags, cidr,
    egress_gateways::EgressGateway,
    gateways::InternetGateway,
    instances::Instance,
    kind::{Getter, IdRules, Kind, View},
    nat::NatGateway,
    network_interfaces::NetworkInterface,
    subnets::Subnet,
    tags::{done, tags_for},
    vpc::{Vpc, dependency},
};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// A route table.
#[derive(Debug)]
pub(crate) struct RouteTable {
    pub(crate) id: String,
    pub(crate) vpc: String,
    /// The association that makes it its VPC's main table.
    pub(crate) main: Option<String>,
    /// Subnets by association.
    pub(crate) associations: BTreeMap<String, String>,
    /// All but the local routes, which follow from the VPC's blocks.
    pub(crate) routes: BTreeMap<Destination, Route>,
}

/// Where packets are going.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Destination {
    V4(Ipv4Net),
    V6(Ipv6Net),
    PrefixList(String),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(net) => net.fmt(f),
            Self::V6(net) => net.fmt(f),
            Self::PrefixList(id) => id.fmt(f),
        }
    }
}

/// A route.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    target: Target,
}

impl Route {
    pub(crate) fn to(target: Target) -> Self {
        Self { target }
    }

    pub(crate) fn leads_to(&self, target: &Target) -> bool {
        self.target == *target
    }
}

/// Where packets are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An internet gateway or gateway endpoint.
    Gateway(String),
    Egress(String),
    Nat(String),
    Instance {
        instance: String,
        interface: String,
    },
    Interface(String),
}

impl Target {
    fn element(&self) -> (&'static str, &str) {
        match self {
            Self::Gateway(id) => ("gatewayId", id),
            Self::Egress(id) => ("egressOnlyInternetGatewayId", id),
            Self::Nat(id) => ("natGatewayId", id),
            Self::Interface(id) => ("networkInterfaceId", id),
            Self::Instance { instance, .. } => ("instanceId", instance),
        }
    }

    /// A route whose target is gone leads nowhere.
    fn is_active(&self, vpc: &str, region: &Region) -> bool {
        match self {
            Self::Gateway(id) => {
                region.endpoints.contains_key(id)
                    || region
                        .internet_gateways
                        .get(id)
                        .is_some_and(|gateway| gateway.vpc.as_deref() == Some(vpc))
            }
            Self::Egress(id) => region.egress_gateways.contains_key(id),
            Self::Nat(id) => {
                region.nat_gateways.get(id).is_some_and(|nat| matches!(nat.state, "pending" | "available"))
            }
            Self::Interface(id) => region.interfaces.get(id).is_some_and(|eni| eni.attachment.is_some()),
            Self::Instance { instance, .. } => {
                region.instances.get(instance).is_some_and(|instance| instance.state == "running")
            }
        }
    }
}

impl RouteTable {
    pub(crate) fn is_main(&self) -> bool {
        self.main.is_some()
    }

    fn locals(&self, region: &Region) -> Vec<Destination> {
        let Some(vpc) = region.vpcs.get(&self.vpc) else { return Vec::new() };
        let v4 = vpc.blocks.iter().map(|block| Destination::V4(block.net));
        let v6 = vpc
            .ipv6
            .iter()
            .filter(|block| block.state == "associated")
            .map(|block| Destination::V6(block.net));
        v4.chain(v6).collect()
    }

    fn targets(&self, element: &str) -> Vec<String> {
        let targets = self.routes.values().map(|route| route.target.element());
        targets.filter(|(name, _)| *name == element).map(|(_, id)| id.to_owned()).collect()
    }
}

impl Kind for RouteTable {
    const ID: IdRules = IdRules {
        prefix: "rtb",
        label: "routeTable ID",
        not_found: "InvalidRouteTableID.NotFound",
        malformed: "InvalidRouteTableId.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.route_tables
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.route_tables
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "route-table-id" | "association.route-table-id" => |table, _| vec![table.id.clone()],
            "vpc-id" => |table, _| vec![table.vpc.clone()],
            "association.main" => |table, _| vec![table.is_main().to_string()],
            "association.route-table-association-id" => {
                |table, _| table.main.iter().chain(table.associations.keys()).cloned().collect()
            }
            "association.subnet-id" => |table, _| table.associations.values().cloned().collect(),
            "route.destination-cidr-block" => |table, view| {
                let all = table.locals(view.region).into_iter().chain(table.routes.keys().cloned());
                all.filter(|to| matches!(to, Destination::V4(_))).map(|to| to.to_string()).collect()
            },
            "route.destination-ipv6-cidr-block" => |table, view| {
                let all = table.locals(view.region).into_iter().chain(table.routes.keys().cloned());
                all.filter(|to| matches!(to, Destination::V6(_))).map(|to| to.to_string()).collect()
            },
            "route.destination-prefix-list-id" => |table, _| {
                let all = table.routes.keys().filter(|to| matches!(to, Destination::PrefixList(_)));
                all.map(ToString::to_string).collect()
            },
            "route.gateway-id" => |table, _| {
                let mut ids = table.targets("gatewayId");
                ids.push("local".to_owned());
                ids
            },
            "route.nat-gateway-id" => |table, _| table.targets("natGatewayId"),
            "route.egress-only-internet-gateway-id" => {
                |table, _| table.targets("egressOnlyInternetGatewayId")
            }
            "route.instance-id" => |table, _| table.targets("instanceId"),
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("routeTableId", &self.id).text("vpcId", &self.vpc).text("ownerId", view.context.account());
        xml.node("routeSet", |xml| {
            for destination in self.locals(view.region) {
                xml.node("item", |xml| {
                    write_destination(xml, &destination);
                    xml.text("gatewayId", "local").text("state", "active").text("origin", "CreateRouteTable");
                });
            }
            for (destination, route) in &self.routes {
                xml.node("item", |xml| self.write_route(view, xml, destination, route));
            }
        });
        xml.node("associationSet", |xml| {
            if let Some(main) = &self.main {
                xml.node("item", |xml| self.write_association(xml, main, None));
            }
            for (id, subnet) in &self.associations {
                xml.node("item", |xml| self.write_association(xml, id, Some(subnet)));
            }
        });
        xml.node("propagatingVgwSet", |_| {});
        view.write_tags(xml, &self.id);
    }
}

impl RouteTable {
    fn write_route(&self, view: &View<'_>, xml: &mut Xml, destination: &Destination, route: &Route) {
        write_destination(xml, destination);
        let (element, id) = route.target.element();
        xml.text(element, id);
        if let Target::Instance { interface, .. } = &route.target {
            xml.text("instanceOwnerId", view.context.account()).text("networkInterfaceId", interface);
        }
        let active = route.target.is_active(&self.vpc, view.region);
        xml.text("state", if active { "active" } else { "blackhole" }).text("origin", "CreateRoute");
    }

    fn write_association(&self, xml: &mut Xml, id: &str, subnet: Option<&String>) {
        xml.text("routeTableAssociationId", id).text("routeTableId", &self.id).opt("subnetId", subnet);
        xml.text("main", subnet.is_none());
        write_associated(xml);
    }
}

fn write_associated(xml: &mut Xml) {
    xml.node("associationState", |xml| {
        xml.text("state", "associated");
    });
}

fn write_destination(xml: &mut Xml, destination: &Destination) {
    let element = match destination {
        Destination::V4(_) => "destinationCidrBlock",
        Destination::V6(_) => "destinationIpv6CidrBlock",
        Destination::PrefixList(_) => "destinationPrefixListId",
    };
    xml.text(element, destination);
}

impl Ec2<'_> {
    /// The main table that comes with a VPC.
    pub(crate) fn new_first_route_table(&mut self, vpc: &str) {
        let main = self.ids.hex17("rtbassoc");
        let id = self.create_id("rtb", Tags::new());
        self.region.route_tables.insert(id.clone(), RouteTable::new(id, vpc, Some(main)));
    }

    pub(crate) fn create_route_table(&mut self, params: &Params) -> Reply {
        let id = self.once(params, |ec2| {
            let vpc = ec2.named::<Vpc>(params, "VpcId")?.id.clone();
            let tags = tags_for(params, "route-table")?;
            let count = ec2.region.route_tables.values().filter(|table| table.vpc == vpc).count();
            if count >= ec2.context.options().quotas.route_tables_per_vpc {
                let message = "The maximum number of route tables has been reached.";
                return Err(AwsError::new("RouteTableLimitExceeded", message));
            }
            let id = ec2.create_id("rtb", tags);
            ec2.region.route_tables.insert(id.clone(), RouteTable::new(id.clone(), &vpc, None));
            Ok(id)
        })?;
        let mut xml = Xml::new();
        let view = self.view();
        xml.node("routeTable", |xml| {
            if let Some(table) = view.region.route_tables.get(&id) {
                table.write(&view, xml);
            }
        });
        xml.opt("clientToken", params.filled("ClientToken"));
        Ok(xml)
    }

    pub(crate) fn delete_route_table(&mut self, params: &Params) -> Reply {
        let table = self.named::<RouteTable>(params, "RouteTableId")?;
        let id = table.id.clone();
        if table.is_main() || !table.associations.is_empty() {
            return Err(dependency("routeTable", &id));
        }
        for endpoint in self.region.endpoints.values_mut() {
            endpoint.route_tables.remove(&id);
        }
        self.remove::<RouteTable>(&id);
        Ok(done())
    }

    pub(crate) fn associate_route_table(&mut self, params: &Params) -> Reply {
        let table = self.named::<RouteTable>(params, "RouteTableId")?;
        let subnet = self.named::<Subnet>(params, "SubnetId")?;
        let (id, subnet_id) = (table.id.clone(), subnet.id.clone());
        if table.vpc != subnet.vpc {
            let message = format!("route table {id} and subnet {subnet_id} belong to different networks");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let taken = self
            .region
            .route_tables
            .values()
            .any(|other| other.associations.values().any(|s| *s == subnet_id));
        if taken {
            let message = format!(
                "the specified association for route table {id} conflicts with an existing association"
            );
            return Err(AwsError::new("Resource.AlreadyAssociated", message));
        }
        let association = self.ids.hex17("rtbassoc");
        self.find_mut::<RouteTable>(&id)?.associations.insert(association.clone(), subnet_id);
        let mut xml = Xml::new();
        xml.text("associationId", association);
        write_associated(&mut xml);
        Ok(xml)
    }

    pub(crate) fn disassociate_route_table(&mut self, params: &Params) -> Reply {
        let association = params.required("AssociationId")?;
        if self.region.route_tables.values().any(|table| table.main.as_deref() == Some(association)) {
            let message = format!("cannot disassociate the main route table association {association}");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        for table in self.region.route_tables.values_mut() {
            if table.associations.remove(association).is_some() {
                return Ok(done());
            }
        }
        Err(no_association(association))
    }

    pub(crate) fn replace_route_table_association(&mut self, params: &Params) -> Reply {
        let association = params.required("AssociationId")?.to_owned();
        let target = self.named::<RouteTable>(params, "RouteTableId")?;
        let (target_id, target_vpc) = (target.id.clone(), target.vpc.clone());
        let new = self.ids.hex17("rtbassoc");
        let holder = self.region.route_tables.values_mut().find(|table| {
            table.main.as_deref() == Some(association.as_str())
                || table.associations.contains_key(&association)
        });
        let Some(holder) = holder else { return Err(no_association(&association)) };
        if holder.vpc != target_vpc {
            let message =
                format!("route table {target_id} and association {association} belong to different networks");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let subnet = holder.associations.remove(&association);
        if subnet.is_none() {
            holder.main = None;
        }
        let target = self.find_mut::<RouteTable>(&target_id)?;
        match subnet {
            Some(subnet) => {
                target.associations.insert(new.clone(), subnet);
            }
            None => target.main = Some(new.clone()),
        }
        let mut xml = Xml::new();
        xml.text("newAssociationId", new);
        write_associated(&mut xml);
        Ok(xml)
    }

    pub(crate) fn create_route(&mut self, params: &Params) -> Reply {
        let table = self.named::<RouteTable>(params, "RouteTableId")?;
        let id = table.id.clone();
        let destination = destination(params)?;
        if table.routes.contains_key(&destination) || table.locals(self.region).contains(&destination) {
            let message = format!("The route identified by {destination} already exists.");
            return Err(AwsError::new("RouteAlreadyExists", message));
        }
        if table.routes.len() >= self.context.options().quotas.routes_per_table {
            return Err(AwsError::new(
                "RouteLimitExceeded",
                "The maximum number of routes has been reached.",
            ));
        }
        let target = self.target(params, table)?;
        self.find_mut::<RouteTable>(&id)?.routes.insert(destination, Route::to(target));
        Ok(done())
    }

    pub(crate) fn replace_route(&mut self, params: &Params) -> Reply {
        let table = self.named::<RouteTable>(params, "RouteTableId")?;
        let id = table.id.clone();
        let destination = destination(params)?;
        if !table.routes.contains_key(&destination) {
            let message = format!(
                "There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let target = self.target(params, table)?;
        self.find_mut::<RouteTable>(&id)?.routes.insert(destination, Route::to(target));
        Ok(done())
    }

    pub(crate) fn delete_route(&mut self, params: &Params) -> Reply {
        let table = self.named::<RouteTable>(params, "RouteTableId")?;
        let id = table.id.clone();
        let destination = destination(params)?;
        if table.locals(self.region).contains(&destination) {
            let message = format!("cannot remove local route {destination} in route table {id}");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        if matches!(destination, Destination::PrefixList(_)) && table.routes.contains_key(&destination) {
            let message =
                format!("cannot remove the route of a VPC endpoint, {destination}, in route table {id}");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        if self.find_mut::<RouteTable>(&id)?.routes.remove(&destination).is_none() {
            let message = format!("no route with destination-cidr-block {destination} in route table {id}");
            return Err(AwsError::new("InvalidRoute.NotFound", message));
        }
        Ok(done())
    }

    /// The one target of a route, which must exist and belong to the table's VPC.
    fn target(&self, params: &Params, table: &RouteTable) -> Result<Target, AwsError> {
        let names =
            ["GatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId", "NetworkInterfaceId", "InstanceId"];
        let mut given = names.iter().filter_map(|name| Some((*name, params.filled(name)?)));
        let (Some((name, id)), None) = (given.next(), given.next()) else {
            let message = "The request must contain exactly one of the parameters that name a target";
            return Err(AwsError::new("InvalidParameterCombination", message));
        };
        let (target, vpc) = match name {
            "NatGatewayId" => {
                let gone = |_| {
                    let message = format!("The natGateway ID '{id}' does not exist");
                    AwsError::new("InvalidNatGatewayID.NotFound", message)
                };
                let nat = self.find::<NatGateway>(id).map_err(gone)?;
                if !nat.holds_network() {
                    return Err(gone(AwsError::new("", "")));
                }
                (Target::Nat(nat.id.clone()), Some(&nat.vpc))
            }
            "EgressOnlyInternetGatewayId" => {
                let gateway = self.find::<EgressGateway>(id)?;
                (Target::Egress(gateway.id.clone()), Some(&gateway.vpc))
            }
            "NetworkInterfaceId" => {
                let interface = self.find::<NetworkInterface>(id)?;
                (Target::Interface(interface.id.clone()), Some(&interface.vpc))
            }
            "InstanceId" => {
                let instance = self.find::<Instance>(id)?;
                let interface = self.first_interface_of(id)?;
                (Target::Instance { instance: id.to_owned(), interface }, Some(&instance.vpc))
            }
            _ => {
                let gone = |_| {
                    AwsError::new(
                        "InvalidGatewayID.NotFound",
                        format!("The gateway ID '{id}' does not exist"),
                    )
                };
                let gateway = self.find::<InternetGateway>(id).map_err(gone)?;
                (Target::Gateway(gateway.id.clone()), gateway.vpc.as_ref())
            }
        };
        if vpc != Some(&table.vpc) {
            let message =
                format!("route table {} and network gateway {id} belong to different networks", table.id);
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        Ok(target)
    }
}

impl RouteTable {
    fn new(id: String, vpc: &str, main: Option<String>) -> Self {
        Self { id, vpc: vpc.to_owned(), main, associations: BTreeMap::new(), routes: BTreeMap::new() }
    }
}

fn destination(params: &Params) -> Result<Destination, AwsError> {
    if let Some(text) = params.filled("DestinationIpv6CidrBlock") {
        return cidr::v6(text, "destinationIpv6CidrBlock").map(Destination::V6);
    }
    if let Some(id) = params.filled("DestinationPrefixListId") {
        return Ok(Destination::PrefixList(id.to_owned()));
    }
    cidr::v4(params.required("DestinationCidrBlock")?, "destinationCidrBlock").map(Destination::V4)
}

fn no_association(id: &str) -> AwsError {
    AwsError::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
}
