//! Infrastructures of Shoots on AWS.

mod list;
mod report;

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Declared, Engine, Goal, Graph, Run};
use gardener_provider_core::{CloudResource, Infrastructure, InfrastructureRequest, Result};

use crate::{
    graph::{Context, declare},
    infrastructure_config::{API_VERSION, InfrastructureConfig},
    session::Sessions,
};

/// What AWS declares of its infrastructure.
#[derive(Debug, Clone)]
pub(crate) struct AwsInfrastructure {
    sessions: Arc<Sessions>,
}

impl AwsInfrastructure {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }
}

#[async_trait]
impl Declared for AwsInfrastructure {
    type Context = Context;

    fn context(&self, request: &InfrastructureRequest) -> Result<Arc<Context>> {
        let config = InfrastructureConfig::valid(&request.config, &request.region, &request.networking)?;
        let session = self.sessions.get(&request.secret, &request.region)?;
        Ok(Arc::new(Context::new(session, request, config)))
    }

    fn engine(&self, cx: &Context) -> Engine {
        Engine::new(Arc::clone(cx.session.clock()), API_VERSION)
    }

    fn declare(&self, cx: &Arc<Context>, goal: Goal) -> Result<Graph> {
        declare(cx, goal)
    }

    async fn prefetch(&self, cx: &Context) -> Result<()> {
        cx.snapshot.prefetch(cx).await
    }

    fn report(&self, cx: &Context, run: &Run) -> Result<Infrastructure> {
        report::infrastructure(cx, run)
    }

    async fn list(&self, cx: &Context) -> Result<Vec<CloudResource>> {
        Box::pin(list::all(cx)).await
    }
}
