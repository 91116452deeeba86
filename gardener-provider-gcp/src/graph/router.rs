//! The Cloud Router: ours, or the user's.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Error, Result};

use super::{Context, links};
use crate::api::routers::{Router, delete_router, get_router, insert_router};

/// A router of ours.
#[derive(Debug)]
pub(crate) struct OwnRouter {
    pub(crate) cx: Arc<Context>,
    /// True if all is to go: then one of the same name in another network is passed over.
    pub(crate) going: bool,
}

#[async_trait]
impl Resource for OwnRouter {
    type Observed = Router;

    fn kind(&self) -> &'static str {
        "router"
    }

    fn id(&self, observed: &Router) -> String {
        observed.name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Router>> {
        let (cx, name) = (&self.cx, self.cx.router());
        match cx.look(get_router(cx.project(), cx.region(), &name)).await? {
            Some(router) if cx.is_in_vpc(&router.network) => Ok(Some(router)),
            Some(router) if !self.going => Err(cx.elsewhere("router", &name, &router.network)),
            _ => Ok(None),
        }
    }

    async fn create(&self, _: &Scope) -> Result<Router> {
        let (cx, name) = (&self.cx, self.cx.router());
        cx.complete(insert_router(cx.project(), cx.region(), &name, &cx.vpc_link())).await?;
        cx.run(get_router(cx.project(), cx.region(), &name)).await
    }

    async fn delete(&self, _: &Scope, _: &Router) -> Result<()> {
        let cx = &self.cx;
        cx.remove(delete_router(cx.project(), cx.region(), &cx.router())).await
    }
}

/// The user's router.
#[derive(Debug)]
pub(crate) struct GivenRouter(pub(crate) Arc<Context>);

const FIELD: &str = "networks.vpc.cloudRouter.name";

#[async_trait]
impl Resource for GivenRouter {
    type Observed = Router;

    fn kind(&self) -> &'static str {
        "router"
    }

    fn id(&self, observed: &Router) -> String {
        observed.name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Router>> {
        let cx = &self.0;
        cx.look(get_router(cx.project(), cx.region(), &cx.router())).await
    }

    async fn create(&self, _: &Scope) -> Result<Router> {
        let (name, region) = (self.0.router(), self.0.region());
        Err(Error::invalid(FIELD, format!("there is no router {name:?} in the region {region}")))
    }

    fn differs(&self, _: &Scope, observed: &Router) -> Result<Change> {
        if self.0.is_in_vpc(&observed.network) {
            return Ok(Change::None);
        }
        let (network, vpc) = (links::name(&observed.network), self.0.vpc());
        let problem = format!("{:?} is a router of the VPC {network}, not of {vpc}", observed.name);
        Err(Error::invalid(FIELD, problem))
    }

    async fn delete(&self, _: &Scope, _: &Router) -> Result<()> {
        Ok(())
    }

    fn given(&self) -> bool {
        true
    }
}
