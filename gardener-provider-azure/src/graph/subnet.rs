//! The subnets of the nodes.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Looks, Resource as GraphResource, Scope};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};

use super::{context::Context, nodes, own::Own, ways::Way};
use crate::api::{
    ResourceId,
    nat_gateways::NatGatewayProperties,
    network::{self, SubResource},
    subnets::{ServiceEndpoint, Subnet, SubnetProperties},
};

/// A subnet of ours, in a virtual network of ours or of the user's.
#[derive(Debug)]
pub(crate) struct OwnSubnet {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) way: Way,
}

/// A field that refers to another resource, what it has and what it should have.
type Link = (&'static str, Option<SubResource>, Option<SubResource>);

impl OwnSubnet {
    /// The NAT gateway that it should have, given the one it has: one that the user put there stays if we have none.
    fn nat_gateway(&self, scope: &Scope, has: Option<&SubResource>) -> Result<Option<SubResource>> {
        if self.way.nat.is_some() {
            let id = scope.id(&nodes::of(self.way.zone, nodes::NAT_GATEWAY))?;
            return Ok(Some(SubResource::new(id)));
        }
        let is_ours = |has: &&SubResource| {
            has.id.parse::<ResourceId>().is_ok_and(|id| id.resource_group() == self.cx.group)
        };
        Ok(has.filter(|has| !is_ours(has)).cloned())
    }

    /// What the subnet should refer to.
    fn links(&self, scope: &Scope, subnet: &Subnet) -> Result<[Link; 3]> {
        let id = |node: &str| scope.id(node).map(|id| Some(SubResource::new(id)));
        let has = &subnet.properties;
        Ok([
            ("network security group", has.network_security_group.clone(), id(nodes::SECURITY_GROUP)?),
            ("route table", has.route_table.clone(), id(nodes::ROUTE_TABLE)?),
            ("NAT gateway", has.nat_gateway.clone(), self.nat_gateway(scope, has.nat_gateway.as_ref())?),
        ])
    }

    fn wants_endpoint(&self, endpoint: &ServiceEndpoint) -> bool {
        self.way.service_endpoints.iter().any(|service| service.eq_ignore_ascii_case(&endpoint.service))
    }
}

#[async_trait]
impl Own for OwnSubnet {
    type Properties = SubnetProperties;

    fn kind(&self) -> &'static str {
        "subnet"
    }

    fn context(&self) -> &Context {
        &self.cx
    }

    async fn id(&self) -> Result<ResourceId> {
        self.cx.subnet_of(&self.way).await
    }

    async fn look(&self, id: &ResourceId) -> Result<Option<Subnet>> {
        self.cx.one_of(&self.cx.subnets, &self.cx.vnet, &self.looks, id).await
    }

    fn shape(&self, scope: &Scope, subnet: &mut Subnet) -> Result<()> {
        let [(_, _, security_group), (_, _, route_table), (_, _, nat_gateway)] = self.links(scope, subnet)?;
        let properties = &mut subnet.properties;
        if properties.prefixes().is_empty() {
            properties.address_prefix = Some(self.way.cidr.clone());
        }
        properties.network_security_group = security_group;
        properties.route_table = route_table;
        properties.nat_gateway = nat_gateway;
        properties.service_endpoints.retain(|endpoint| self.wants_endpoint(endpoint));
        for service in &self.way.service_endpoints {
            if !subnet.properties.reaches(service) {
                subnet.properties.service_endpoints.push(ServiceEndpoint::new(service));
            }
        }
        Ok(())
    }

    fn compare(&self, scope: &Scope, subnet: &Subnet) -> Result<Change> {
        let prefixes = subnet.properties.prefixes();
        if prefixes != [self.way.cidr.as_str()] {
            let has = prefixes.join(", ");
            let problem = format!("{} has {has}; it cannot be changed to {}", subnet.id, self.way.cidr);
            return Err(Error::invalid(&self.way.field, problem));
        }
        let id = |link: &Option<SubResource>| link.as_ref().map_or("-".to_owned(), |link| link.id.clone());
        let links = self.links(scope, subnet)?;
        let mut differences: Vec<_> = links
            .iter()
            .filter(|(_, has, wanted)| has != wanted)
            .map(|(field, has, wanted)| Difference::new(*field, id(has), id(wanted)))
            .collect();
        for service in self.way.service_endpoints.iter().filter(|service| !subnet.properties.reaches(service))
        {
            differences.push(Difference::new(format!("service endpoint {service}"), "-", "enabled"));
        }
        for surplus in
            subnet.properties.service_endpoints.iter().filter(|endpoint| !self.wants_endpoint(endpoint))
        {
            differences.push(Difference::new(
                format!("service endpoint {}", surplus.service),
                "enabled",
                "-",
            ));
        }
        Ok(Change::update(differences))
    }

    fn field(&self) -> Option<&str> {
        Some(&self.way.field)
    }
}

/// A subnet of ours in the user's virtual network, to be deleted by its exact name.
#[derive(Debug)]
pub(crate) struct OwnSubnetByName {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) name: String,
}

#[async_trait]
impl GraphResource for OwnSubnetByName {
    type Observed = Subnet;

    fn kind(&self) -> &'static str {
        "subnet"
    }

    fn id(&self, observed: &Subnet) -> String {
        observed.id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Subnet>> {
        let id = self.cx.vnet.child("subnets", &self.name);
        self.cx.one_of(&self.cx.subnets, &self.cx.vnet, &self.looks, &id).await
    }

    async fn create(&self, _: &Scope) -> Result<Subnet> {
        Err(Error::internal("a subnet that is to go is not made"))
    }

    async fn delete(&self, _: &Scope, _: &Subnet) -> Result<()> {
        let id = self.cx.vnet.child("subnets", &self.name);
        self.cx.session.change(&network::delete::<SubnetProperties>(&id)).await
    }
}

/// Takes a NAT gateway of ours off all subnets of ours that have it. Those of others are theirs to change.
pub(crate) async fn take_nat_gateway_off(cx: &Context, nat_gateway: &ResourceId) -> Result<()> {
    let Some(found) = cx.session.find(&network::get::<NatGatewayProperties>(nat_gateway)).await? else {
        return Ok(());
    };
    for subnet in &found.properties.subnets {
        let id: ResourceId = subnet.id.parse()?;
        let is_ours = id.parent() == cx.vnet && cx.is_subnet_name(id.name());
        if !is_ours {
            let message = format!("{nat_gateway} is in use by {id}, which is not ours; take it off there");
            return Err(Error::new(ErrorKind::FailedPrecondition, message));
        }
        cx.rearrange();
        let mut subnet = cx.settled::<SubnetProperties>(&id).await?;
        subnet.properties.nat_gateway = None;
        let etag = subnet.etag.clone();
        cx.session.change(&network::put(&id, &subnet, etag.as_deref())).await?;
    }
    Ok(())
}
