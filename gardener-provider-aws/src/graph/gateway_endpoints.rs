//! Gateway endpoints: services of AWS that are reached without the NAT gateways.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Looks, Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::{Difference, Error, Result};

use super::{context::Context, nodes};
use crate::api::endpoints::{
    VpcEndpoint, create_gateway_endpoint, delete_vpc_endpoints, modify_vpc_endpoint,
};

/// A gateway endpoint to which the private route tables of all zones lead.
#[derive(Debug)]
pub(crate) struct OwnEndpoint {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) service: String,
}

fn service_name(cx: &Context, service: &str) -> String {
    format!("com.amazonaws.{}.{service}", cx.session.region())
}

impl OwnEndpoint {
    fn tables(&self, scope: &Scope) -> Result<Vec<String>> {
        let zones = self.cx.config.networks.zones.iter();
        zones.map(|zone| scope.id(&nodes::zone(&zone.name, "route-table"))).collect()
    }

    fn tags(&self) -> crate::api::tags::Tags {
        self.cx.named_tags(&self.cx.name(&format!("gw-{}", self.service)))
    }
}

#[async_trait]
impl Resource for OwnEndpoint {
    type Observed = VpcEndpoint;

    fn kind(&self) -> &'static str {
        "gateway endpoint"
    }

    fn id(&self, observed: &VpcEndpoint) -> String {
        observed.vpc_endpoint_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<VpcEndpoint>> {
        let service = service_name(&self.cx, &self.service);
        let what = format!("gateway endpoint {service}");
        let is_it = |endpoint: &VpcEndpoint| endpoint.service_name == service;
        self.cx.owned(&what, &self.looks, &self.cx.snapshot.endpoints, is_it).await
    }

    async fn create(&self, scope: &Scope) -> Result<VpcEndpoint> {
        let (vpc, tables) = (scope.id(nodes::VPC)?, self.tables(scope)?);
        let parents: Vec<_> = [vpc.as_str()].into_iter().chain(tables.iter().map(String::as_str)).collect();
        let token = self.cx.token(scope, &nodes::endpoint(&self.service), &parents);
        let service = service_name(&self.cx, &self.service);
        let create = create_gateway_endpoint(&vpc, &service, &tables, &self.tags(), &token);
        let created = self.cx.run(create).await.map_err(|error| match error.cloud_code() {
            Some("InvalidServiceName") => {
                let index = self
                    .cx
                    .config
                    .networks
                    .vpc
                    .gateway_endpoints
                    .iter()
                    .position(|name| *name == self.service);
                error.context(format!("networks.vpc.gatewayEndpoints[{}]", index.unwrap_or_default()))
            }
            _ => error,
        })?;
        Ok(VpcEndpoint { tags: self.tags(), route_tables: tables, ..created })
    }

    fn differs(&self, scope: &Scope, observed: &VpcEndpoint) -> Result<Change> {
        let mut differences = self.cx.tag_differences(&self.tags(), &observed.tags);
        for table in self.tables(scope)?.into_iter().filter(|table| !observed.route_tables.contains(table)) {
            differences.push(Difference::new("route table", "-", table));
        }
        Ok(Change::update(differences))
    }

    async fn update(&self, scope: &Scope, observed: &VpcEndpoint) -> Result<VpcEndpoint> {
        let mut updated = observed.clone();
        self.cx.retag(&observed.vpc_endpoint_id, &self.tags(), &mut updated.tags).await?;
        let mut missing = self.tables(scope)?;
        missing.retain(|table| !observed.route_tables.contains(table));
        if !missing.is_empty() {
            self.cx.run(modify_vpc_endpoint(&observed.vpc_endpoint_id, &missing, &[])).await?;
            updated.route_tables.extend(missing);
        }
        Ok(updated)
    }

    async fn delete(&self, _: &Scope, observed: &VpcEndpoint) -> Result<()> {
        or_gone(self.cx.run(delete_vpc_endpoints(&[&observed.vpc_endpoint_id])).await)
    }
}

/// Gateway endpoints of ours that the config no longer names.
#[derive(Debug)]
pub(crate) struct SurplusEndpoints(pub(crate) Arc<Context>, pub(crate) Looks);

#[async_trait]
impl Resource for SurplusEndpoints {
    type Observed = Vec<VpcEndpoint>;

    fn kind(&self) -> &'static str {
        "gateway endpoint"
    }

    fn id(&self, observed: &Vec<VpcEndpoint>) -> String {
        observed.iter().map(|endpoint| endpoint.vpc_endpoint_id.as_str()).collect::<Vec<_>>().join(",")
    }

    async fn find(&self, _: &Scope) -> Result<Option<Vec<VpcEndpoint>>> {
        let cx = &self.0;
        let kind = &cx.snapshot.endpoints;
        let all = kind.for_look(cx, &self.1).await?;
        let services = cx.config.networks.vpc.gateway_endpoints.iter();
        let wanted: BTreeSet<_> = services.map(|service| service_name(cx, service)).collect();
        let name = cx.name("gw-");
        let surplus = all.iter().filter(|endpoint| {
            let is_named = endpoint.tags.get("Name").is_some_and(|tag| tag.starts_with(&name));
            endpoint.is_alive()
                && cx.owns(&endpoint.tags)
                && is_named
                && !wanted.contains(&endpoint.service_name)
        });
        let surplus: Vec<_> = surplus.cloned().collect();
        Ok((!surplus.is_empty()).then_some(surplus))
    }

    async fn create(&self, _: &Scope) -> Result<Vec<VpcEndpoint>> {
        Err(Error::internal("surplus gateway endpoints are never created"))
    }

    async fn delete(&self, _: &Scope, observed: &Vec<VpcEndpoint>) -> Result<()> {
        let ids: Vec<_> = observed.iter().map(|endpoint| endpoint.vpc_endpoint_id.as_str()).collect();
        or_gone(self.0.run(delete_vpc_endpoints(&ids)).await)
    }

    fn wanted(&self) -> bool {
        false
    }
}
