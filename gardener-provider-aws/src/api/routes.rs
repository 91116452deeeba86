//! Route tables, routes and associations
//! ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html)).

use std::fmt;

use gardener_provider_client::pages::Page;
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, element, idempotent, page, with_token},
    query::{self, Form},
    tags::{self, Tags},
};

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteTable {
    /// The id.
    pub route_table_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// The routes.
    #[serde(rename = "routeSet", deserialize_with = "query::items")]
    pub routes: Vec<Route>,
    /// What uses it.
    #[serde(rename = "associationSet", deserialize_with = "query::items")]
    pub associations: Vec<Association>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// A route as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Route {
    /// The destination, for IPv4.
    #[serde(deserialize_with = "query::text")]
    pub destination_cidr_block: Option<String>,
    /// The destination, for IPv6.
    #[serde(deserialize_with = "query::text")]
    pub destination_ipv6_cidr_block: Option<String>,
    /// An internet gateway, a gateway endpoint or `local`.
    #[serde(deserialize_with = "query::text")]
    pub gateway_id: Option<String>,
    /// A NAT gateway.
    #[serde(deserialize_with = "query::text")]
    pub nat_gateway_id: Option<String>,
    /// An egress-only internet gateway.
    #[serde(deserialize_with = "query::text")]
    pub egress_only_internet_gateway_id: Option<String>,
    /// A transit gateway.
    #[serde(deserialize_with = "query::text")]
    pub transit_gateway_id: Option<String>,
    /// A peering of VPCs.
    #[serde(deserialize_with = "query::text")]
    pub vpc_peering_connection_id: Option<String>,
    /// A network interface.
    #[serde(deserialize_with = "query::text")]
    pub network_interface_id: Option<String>,
    /// An instance.
    #[serde(deserialize_with = "query::text")]
    pub instance_id: Option<String>,
    /// `active`, or `blackhole` if the target is gone.
    pub state: String,
}

impl Route {
    /// Where it is for.
    pub fn destination(&self) -> Option<&str> {
        self.destination_cidr_block.as_deref().or(self.destination_ipv6_cidr_block.as_deref())
    }

    /// Where it leads.
    pub fn target(&self) -> Option<&str> {
        [
            &self.gateway_id,
            &self.nat_gateway_id,
            &self.egress_only_internet_gateway_id,
            &self.transit_gateway_id,
            &self.vpc_peering_connection_id,
            &self.network_interface_id,
            &self.instance_id,
        ]
        .into_iter()
        .find_map(|target| target.as_deref())
    }
}

/// What uses a route table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Association {
    /// The id.
    #[serde(rename = "routeTableAssociationId")]
    pub id: String,
    /// The route table.
    pub route_table_id: String,
    /// The subnet; none if it is the VPC's main table or a gateway's.
    #[serde(deserialize_with = "query::text")]
    pub subnet_id: Option<String>,
    /// True for the subnets of the VPC that have no table of their own.
    pub main: bool,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An internet gateway.
    Gateway(String),
    /// A NAT gateway.
    Nat(String),
    /// An egress-only internet gateway.
    EgressOnly(String),
}

impl Target {
    /// The id of it.
    pub fn id(&self) -> &str {
        match self {
            Self::Gateway(id) | Self::Nat(id) | Self::EgressOnly(id) => id,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Finds route tables.
pub fn describe_route_tables(query: &Query) -> Operation<Page<RouteTable>> {
    let request = query.request("DescribeRouteTables", "RouteTableId", Some(100));
    Operation::new(request, page!("routeTableSet", RouteTable))
}

/// Makes a route table.
pub fn create_route_table(vpc: &str, tags: &Tags, token: &str) -> Operation<RouteTable> {
    let form = Form::new().put("VpcId", vpc).tag_specification("route-table", tags);
    Operation::new(with_token(form, "CreateRouteTable", token), element!("routeTable", RouteTable))
}

/// Deletes a route table.
pub fn delete_route_table(id: &str) -> Operation<()> {
    Operation::new(idempotent(Form::new().put("RouteTableId", id), "DeleteRouteTable"), query::nothing)
}

/// Adds a route. There already: `AlreadyExists`.
pub fn create_route(table: &str, destination: &str, target: &Target) -> Operation<()> {
    Operation::new(idempotent(route(table, destination, target), "CreateRoute"), query::nothing)
}

/// Leads an existing route elsewhere, without a moment in which there is none.
pub fn replace_route(table: &str, destination: &str, target: &Target) -> Operation<()> {
    Operation::new(idempotent(route(table, destination, target), "ReplaceRoute"), query::nothing)
}

fn route(table: &str, destination: &str, target: &Target) -> Form {
    let form = to(Form::new().put("RouteTableId", table), destination);
    match target {
        Target::Gateway(id) => form.put("GatewayId", id),
        Target::Nat(id) => form.put("NatGatewayId", id),
        Target::EgressOnly(id) => form.put("EgressOnlyInternetGatewayId", id),
    }
}

fn to(form: Form, destination: &str) -> Form {
    let key = if destination.contains(':') { "DestinationIpv6CidrBlock" } else { "DestinationCidrBlock" };
    form.put(key, destination)
}

/// Removes a route.
pub fn delete_route(table: &str, destination: &str) -> Operation<()> {
    let form = to(Form::new().put("RouteTableId", table), destination);
    Operation::new(idempotent(form, "DeleteRoute"), query::nothing)
}

/// Lets a subnet use a route table; answers the id of the association.
pub fn associate_route_table(table: &str, subnet: &str) -> Operation<String> {
    let form = Form::new().put("RouteTableId", table).put("SubnetId", subnet);
    Operation::new(idempotent(form, "AssociateRouteTable"), element!("associationId", String))
}

/// Lets what uses a route table use another, without a moment in which it uses none; answers the new association.
pub fn replace_route_table_association(association: &str, table: &str) -> Operation<String> {
    let form = Form::new().put("AssociationId", association).put("RouteTableId", table);
    Operation::new(idempotent(form, "ReplaceRouteTableAssociation"), element!("newAssociationId", String))
}

/// Ends an association.
pub fn disassociate_route_table(association: &str) -> Operation<()> {
    let form = Form::new().put("AssociationId", association);
    Operation::new(idempotent(form, "DisassociateRouteTable"), query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    let nat = Target::Nat("nat-1".into());
    vec![
        describe_route_tables(&Query::sample()).request,
        describe_route_tables(&Query::ids(["rtb-1"])).request,
        create_route_table("vpc-1", &tags, "token").request,
        delete_route_table("rtb-1").request,
        create_route("rtb-1", "0.0.0.0/0", &Target::Gateway("igw-1".into())).request,
        create_route("rtb-1", "64:ff9b::/96", &nat).request,
        create_route("rtb-1", "::/0", &Target::EgressOnly("eigw-1".into())).request,
        replace_route("rtb-1", "0.0.0.0/0", &nat).request,
        delete_route("rtb-1", "0.0.0.0/0").request,
        delete_route("rtb-1", "::/0").request,
        associate_route_table("rtb-1", "subnet-1").request,
        replace_route_table_association("rtbassoc-1", "rtb-1").request,
        disassociate_route_table("rtbassoc-1").request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn routes_have_a_destination_and_a_target() {
        let reply = Response::new(Bytes::from_static(
            b"<R><routeTableSet><item><routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId><routeSet>
            <item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state>
            <origin>CreateRouteTable</origin></item>
            <item><destinationIpv6CidrBlock>::/0</destinationIpv6CidrBlock>
            <egressOnlyInternetGatewayId>eigw-1</egressOnlyInternetGatewayId><state>active</state></item>
            <item><destinationPrefixListId>pl-1</destinationPrefixListId><gatewayId>vpce-1</gatewayId>
            <state>active</state></item></routeSet>
            <associationSet><item><routeTableAssociationId>a</routeTableAssociationId><routeTableId>rtb-1</routeTableId>
            <main>true</main></item><item><routeTableAssociationId>b</routeTableAssociationId>
            <routeTableId>rtb-1</routeTableId><subnetId>subnet-1</subnetId><main>false</main></item></associationSet>
            <tagSet/></item></routeTableSet></R>",
        ));
        let table = &(describe_route_tables(&Query::default()).parse)(&reply).unwrap().items[0];
        let routes: Vec<_> = table.routes.iter().map(|route| (route.destination(), route.target())).collect();
        assert_eq!(
            routes,
            [(Some("10.0.0.0/16"), Some("local")), (Some("::/0"), Some("eigw-1")), (None, Some("vpce-1"))]
        );
        assert_eq!(table.associations[1].subnet_id.as_deref(), Some("subnet-1"));
        assert_eq!(table.associations[0].subnet_id, None);
    }
}
