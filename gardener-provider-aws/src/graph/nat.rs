//! NAT gateways and their addresses.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Looks, Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};

use super::{
    context::{Context, SLOW},
    nodes,
};
use crate::api::{
    addresses::{Address, allocate_address, release_address},
    nat::{NatGateway, create_nat_gateway, delete_nat_gateway, describe_nat_gateways},
};

/// An elastic IP of ours for the NAT gateway of a zone.
#[derive(Debug)]
pub(crate) struct OwnAddress {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) index: usize,
    pub(crate) wanted: bool,
}

impl OwnAddress {
    fn name(&self) -> String {
        self.cx.name(&format!("eip-natgw-z{}", self.index))
    }
}

#[async_trait]
impl Resource for OwnAddress {
    type Observed = Address;

    fn kind(&self) -> &'static str {
        "elastic IP"
    }

    fn id(&self, observed: &Address) -> String {
        observed.allocation_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Address>> {
        self.cx.named("elastic IP", &self.looks, &self.cx.snapshot.addresses, &self.name()).await
    }

    async fn create(&self, _: &Scope) -> Result<Address> {
        let tags = self.cx.named_tags(&self.name());
        let mut created = self.cx.run(allocate_address(&tags)).await?;
        created.tags = tags;
        Ok(created)
    }

    fn differs(&self, _: &Scope, observed: &Address) -> Result<Change> {
        Ok(Change::update(self.cx.tag_differences(&self.cx.named_tags(&self.name()), &observed.tags)))
    }

    async fn update(&self, _: &Scope, observed: &Address) -> Result<Address> {
        let mut updated = observed.clone();
        let tags = self.cx.named_tags(&self.name());
        self.cx.retag(&observed.allocation_id, &tags, &mut updated.tags).await?;
        Ok(updated)
    }

    async fn delete(&self, _: &Scope, observed: &Address) -> Result<()> {
        or_gone(self.cx.run(release_address(&observed.allocation_id)).await)
    }

    fn wanted(&self) -> bool {
        self.wanted
    }
}

/// The NAT gateway of a zone.
#[derive(Debug)]
pub(crate) struct OwnNatGateway {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) index: usize,
}

impl OwnNatGateway {
    fn name(&self) -> String {
        self.cx.name(&format!("natgw-z{}", self.index))
    }

    fn node(&self, what: &str) -> String {
        nodes::zone(&self.cx.config.networks.zones[self.index].name, what)
    }

    /// The gateway once it is in a state for which `done` says so.
    async fn once(&self, id: &str, done: impl Fn(&NatGateway) -> bool) -> Result<Option<NatGateway>> {
        let clock = self.cx.session.clock();
        SLOW.until_some(&**clock, format!("the NAT gateway {id}"), || async {
            Ok(match self.cx.by_id(describe_nat_gateways, id).await? {
                None => Some(None),
                Some(gateway) => done(&gateway).then_some(Some(gateway)),
            })
        })
        .await
    }
}

#[async_trait]
impl Resource for OwnNatGateway {
    type Observed = NatGateway;

    fn kind(&self) -> &'static str {
        "NAT gateway"
    }

    fn id(&self, observed: &NatGateway) -> String {
        observed.nat_gateway_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<NatGateway>> {
        self.cx.named("NAT gateway", &self.looks, &self.cx.snapshot.nat_gateways, &self.name()).await
    }

    async fn create(&self, scope: &Scope) -> Result<NatGateway> {
        let subnet = scope.id(&self.node("subnet/public"))?;
        let allocation = scope.id(&self.node("elastic-ip"))?;
        let tags = self.cx.named_tags(&self.name());
        // A token that was used for a gateway deleted since answers that one again; the next is taken then.
        for generation in 0..16 {
            let parents = [subnet.as_str(), allocation.as_str(), &generation.to_string()];
            let token = self.cx.token(scope, &self.node("nat-gateway"), &parents);
            let created = self.cx.run(create_nat_gateway(&subnet, &allocation, &tags, &token)).await;
            match created {
                Ok(created) if created.is_alive() => return Ok(NatGateway { tags, ..created }),
                Ok(_) => {}
                // What was asked for with this token was something else.
                Err(error) if error.cloud_code() == Some("IdempotentParameterMismatch") => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::internal("every creation token answers a NAT gateway that is gone"))
    }

    fn differs(&self, scope: &Scope, observed: &NatGateway) -> Result<Change> {
        let wanted = scope.id(&self.node("elastic-ip"))?;
        let has =
            |id: &str| observed.addresses.iter().any(|address| address.allocation_id.as_deref() == Some(id));
        if observed.state == "failed" {
            let why = observed.failure_message.as_deref().unwrap_or("failed");
            return Ok(Change::Replace(vec![Difference::new("state", why, "available")]));
        }
        if !observed.addresses.is_empty() && !has(&wanted) {
            let current = observed.addresses.iter().find_map(|address| address.allocation_id.as_deref());
            let difference = Difference::new("elastic IP", current.unwrap_or("-"), wanted);
            return Ok(Change::Replace(vec![difference]));
        }
        let mut differences = self.cx.tag_differences(&self.cx.named_tags(&self.name()), &observed.tags);
        if observed.state != "available" {
            differences.push(Difference::new("state", &observed.state, "available"));
        }
        Ok(Change::update(differences))
    }

    async fn update(&self, _: &Scope, observed: &NatGateway) -> Result<NatGateway> {
        let id = &observed.nat_gateway_id;
        let tags = self.cx.named_tags(&self.name());
        self.cx.retag(id, &tags, &mut observed.tags.clone()).await?;
        let settled = self.once(id, |gateway| gateway.state != "pending").await?;
        match settled {
            Some(gateway) if gateway.state == "available" => Ok(gateway),
            Some(gateway) => {
                let why = gateway.failure_message.unwrap_or(gateway.state);
                Err(Error::new(ErrorKind::FailedPrecondition, format!("the NAT gateway {id} failed: {why}")))
            }
            None => Err(Error::not_found(format!("the NAT gateway {id}"))),
        }
    }

    /// Its address can be released once it is gone.
    async fn delete(&self, _: &Scope, observed: &NatGateway) -> Result<()> {
        or_gone(self.cx.run(delete_nat_gateway(&observed.nat_gateway_id)).await)?;
        self.once(&observed.nat_gateway_id, |gateway| matches!(gateway.state.as_str(), "deleted" | "failed"))
            .await
            .map(drop)
    }
}
