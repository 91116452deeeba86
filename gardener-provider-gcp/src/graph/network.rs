//! The VPC: ours, or the user's.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Difference, Error, Result};

use super::Context;
use crate::api::networks::{Network, delete_network, get_network, insert_network, patch_network};

/// Routers of one region see the subnets of that region.
const ROUTING_MODE: &str = "REGIONAL";
/// What a network has unless told ([source](https://cloud.google.com/vpc/docs/mtu)).
const DEFAULT_MTU: u32 = 1460;

/// A VPC of ours.
#[derive(Debug)]
pub(crate) struct OwnVpc(pub(crate) Arc<Context>);

#[async_trait]
impl Resource for OwnVpc {
    type Observed = Network;

    fn kind(&self) -> &'static str {
        "VPC"
    }

    fn id(&self, observed: &Network) -> String {
        observed.name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Network>> {
        self.0.look(get_network(self.0.project(), self.0.vpc())).await
    }

    async fn create(&self, _: &Scope) -> Result<Network> {
        let (cx, mtu) = (&self.0, self.0.config.networks.mtu);
        cx.complete(insert_network(cx.project(), cx.vpc(), ROUTING_MODE, mtu)).await?;
        cx.run(get_network(cx.project(), cx.vpc())).await
    }

    fn differs(&self, _: &Scope, observed: &Network) -> Result<Change> {
        if observed.auto_create_subnetworks {
            let problem = format!(
                "the VPC {} has a subnet in every region; switch it to custom mode, or delete it",
                observed.name
            );
            return Err(Error::invalid("cluster", problem));
        }
        let (mtu, is) = (self.0.config.networks.mtu, observed.mtu.unwrap_or(DEFAULT_MTU));
        if let Some(mtu) = mtu.filter(|mtu| *mtu != is) {
            let problem =
                format!("the VPC {} has {is}, which cannot become {mtu}; set it back", observed.name);
            return Err(Error::invalid("networks.mtu", problem));
        }
        let mode = &observed.routing_config.routing_mode;
        let difference = Difference::new("routingConfig.routingMode", mode, ROUTING_MODE);
        Ok(Change::update(if mode == ROUTING_MODE { Vec::new() } else { vec![difference] }))
    }

    async fn update(&self, _: &Scope, _: &Network) -> Result<Network> {
        let cx = &self.0;
        cx.complete(patch_network(cx.project(), cx.vpc(), ROUTING_MODE)).await?;
        cx.run(get_network(cx.project(), cx.vpc())).await
    }

    async fn delete(&self, _: &Scope, _: &Network) -> Result<()> {
        self.0.remove(delete_network(self.0.project(), self.0.vpc())).await
    }
}

/// The user's VPC.
#[derive(Debug)]
pub(crate) struct GivenVpc(pub(crate) Arc<Context>);

#[async_trait]
impl Resource for GivenVpc {
    type Observed = Network;

    fn kind(&self) -> &'static str {
        "VPC"
    }

    fn id(&self, observed: &Network) -> String {
        observed.name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Network>> {
        self.0.look(get_network(self.0.project(), self.0.vpc())).await
    }

    async fn create(&self, _: &Scope) -> Result<Network> {
        let problem = format!("there is no VPC {:?} in the project {}", self.0.vpc(), self.0.project());
        Err(Error::invalid("networks.vpc.name", problem))
    }

    async fn delete(&self, _: &Scope, _: &Network) -> Result<()> {
        Ok(())
    }

    fn given(&self) -> bool {
        true
    }
}
