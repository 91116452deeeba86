//! Infrastructures of Shoots on Azure.

mod list;
mod report;

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Declared, Engine, Goal, Graph, Run};
use gardener_provider_core::{CloudResource, Infrastructure, InfrastructureRequest, Result};

use crate::{
    endpoints::Cloud,
    graph::{Context, declare},
    infrastructure_config::{API_VERSION, InfrastructureConfig},
    session::Sessions,
};

/// What Azure declares of its infrastructure.
#[derive(Debug, Clone)]
pub(crate) struct AzureInfrastructure {
    sessions: Arc<Sessions>,
}

impl AzureInfrastructure {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }
}

#[async_trait]
impl Declared for AzureInfrastructure {
    type Context = Context;

    fn context(&self, request: &InfrastructureRequest) -> Result<Arc<Context>> {
        let config = InfrastructureConfig::valid(&request.config, &request.networking)?;
        let session = self.sessions.get(&request.secret, Cloud::of_region(&request.region))?;
        Context::new(session, request, config).map(Arc::new)
    }

    fn engine(&self, cx: &Context) -> Engine {
        Engine::new(Arc::clone(cx.session.clock()), API_VERSION)
    }

    fn declare(&self, cx: &Arc<Context>, goal: Goal) -> Result<Graph> {
        declare(cx, goal)
    }

    async fn prefetch(&self, cx: &Context) -> Result<()> {
        cx.prefetch().await
    }

    fn report(&self, cx: &Context, run: &Run) -> Result<Infrastructure> {
        report::infrastructure(cx, run)
    }

    async fn list(&self, cx: &Context) -> Result<Vec<CloudResource>> {
        list::all(cx).await
    }
}
