//! The ways out of a VPC of ours.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Looks, Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::{Error, Result};

use super::{context::Context, nodes};
use crate::api::gateways::{
    Attachment, EgressOnlyGateway, InternetGateway, attach_internet_gateway, create_egress_only_gateway,
    create_internet_gateway, delete_egress_only_gateway, delete_internet_gateway, describe_internet_gateways,
    detach_internet_gateway,
};

/// The internet gateway.
#[derive(Debug)]
pub(crate) struct OwnInternetGateway(pub(crate) Arc<Context>, pub(crate) Looks);

#[async_trait]
impl Resource for OwnInternetGateway {
    type Observed = InternetGateway;

    fn kind(&self) -> &'static str {
        "internet gateway"
    }

    fn id(&self, observed: &InternetGateway) -> String {
        observed.internet_gateway_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<InternetGateway>> {
        self.0.owned("internet gateway", &self.1, &self.0.snapshot.internet_gateways, |_| true).await
    }

    async fn create(&self, _: &Scope) -> Result<InternetGateway> {
        let mut created = self.0.run(create_internet_gateway(&self.0.tags())).await?;
        created.tags = self.0.tags();
        Ok(created)
    }

    fn differs(&self, _: &Scope, observed: &InternetGateway) -> Result<Change> {
        Ok(Change::update(self.0.tag_differences(&self.0.tags(), &observed.tags)))
    }

    async fn update(&self, _: &Scope, observed: &InternetGateway) -> Result<InternetGateway> {
        let mut updated = observed.clone();
        self.0.retag(&observed.internet_gateway_id, &self.0.tags(), &mut updated.tags).await?;
        Ok(updated)
    }

    async fn delete(&self, _: &Scope, observed: &InternetGateway) -> Result<()> {
        or_gone(self.0.run(delete_internet_gateway(&observed.internet_gateway_id)).await)
    }
}

/// The internet gateway on the VPC.
#[derive(Debug)]
pub(crate) struct GatewayAttachment(pub(crate) Arc<Context>, pub(crate) Looks);

/// A gateway and the VPC it is on.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    gateway: String,
    vpc: String,
}

#[async_trait]
impl Resource for GatewayAttachment {
    type Observed = Attached;

    fn kind(&self) -> &'static str {
        "internet gateway attachment"
    }

    fn id(&self, observed: &Attached) -> String {
        format!("{}/{}", observed.gateway, observed.vpc)
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Attached>> {
        let Some(gateway) = scope.try_get::<InternetGateway>(nodes::INTERNET_GATEWAY) else {
            return Ok(None);
        };
        let id = &gateway.internet_gateway_id;
        let attachments = if self.1.is_first() {
            gateway.attachments.clone()
        } else {
            let fresh = self.0.by_id(describe_internet_gateways, id).await?;
            fresh.map(|gateway| gateway.attachments).unwrap_or_default()
        };
        let attachment = attachments.into_iter().find(Attachment::is_alive);
        let Some(Attachment { vpc_id: vpc, .. }) = attachment else { return Ok(None) };
        if let Some(ours) = scope.try_id(nodes::VPC).filter(|ours| *ours != vpc) {
            let problem =
                format!("the cluster's internet gateway {id} is attached to {vpc}, not to {ours}; detach it");
            return Err(Error::new(gardener_provider_core::ErrorKind::AlreadyExists, problem));
        }
        Ok(Some(Attached { gateway: id.clone(), vpc }))
    }

    async fn create(&self, scope: &Scope) -> Result<Attached> {
        let attached = Attached { gateway: scope.id(nodes::INTERNET_GATEWAY)?, vpc: scope.id(nodes::VPC)? };
        self.0.run(attach_internet_gateway(&attached.gateway, &attached.vpc)).await?;
        Ok(attached)
    }

    async fn delete(&self, _: &Scope, observed: &Attached) -> Result<()> {
        or_gone(self.0.run(detach_internet_gateway(&observed.gateway, &observed.vpc)).await)
    }
}

/// The egress-only internet gateway, for IPv6.
#[derive(Debug)]
pub(crate) struct OwnEgressOnlyGateway(pub(crate) Arc<Context>, pub(crate) Looks);

#[async_trait]
impl Resource for OwnEgressOnlyGateway {
    type Observed = EgressOnlyGateway;

    fn kind(&self) -> &'static str {
        "egress-only internet gateway"
    }

    fn id(&self, observed: &EgressOnlyGateway) -> String {
        observed.egress_only_internet_gateway_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<EgressOnlyGateway>> {
        let kind = &self.0.snapshot.egress_only;
        self.0.owned("egress-only internet gateway", &self.1, kind, |_| true).await
    }

    async fn create(&self, scope: &Scope) -> Result<EgressOnlyGateway> {
        let vpc = scope.id(nodes::VPC)?;
        let token = self.0.token(scope, nodes::EGRESS_ONLY_GATEWAY, &[&vpc]);
        let mut created = self.0.run(create_egress_only_gateway(&vpc, &self.0.tags(), &token)).await?;
        created.tags = self.0.tags();
        Ok(created)
    }

    fn differs(&self, _: &Scope, observed: &EgressOnlyGateway) -> Result<Change> {
        Ok(Change::update(self.0.tag_differences(&self.0.tags(), &observed.tags)))
    }

    async fn update(&self, _: &Scope, observed: &EgressOnlyGateway) -> Result<EgressOnlyGateway> {
        let mut updated = observed.clone();
        self.0.retag(&observed.egress_only_internet_gateway_id, &self.0.tags(), &mut updated.tags).await?;
        Ok(updated)
    }

    async fn delete(&self, _: &Scope, observed: &EgressOnlyGateway) -> Result<()> {
        or_gone(self.0.run(delete_egress_only_gateway(&observed.egress_only_internet_gateway_id)).await)
    }
}
