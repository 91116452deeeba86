//! Infrastructures of Shoots on GCP.

mod list;
mod report;

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Declared, Engine, Goal, Graph, Run};
use gardener_provider_core::{CloudResource, Infrastructure, InfrastructureRequest, Result};

use crate::{
    graph::{Common, Context, declare},
    infrastructure_config::{API_VERSION, InfrastructureConfig},
    session::Sessions,
};

/// What GCP declares of its infrastructure.
#[derive(Debug, Clone)]
pub(crate) struct GcpInfrastructure {
    sessions: Arc<Sessions>,
    common: Arc<Common>,
}

impl GcpInfrastructure {
    pub(crate) fn new(sessions: Arc<Sessions>, no_service_accounts: bool) -> Self {
        Self { sessions, common: Arc::new(Common::new(no_service_accounts)) }
    }
}

#[async_trait]
impl Declared for GcpInfrastructure {
    type Context = Context;

    fn context(&self, request: &InfrastructureRequest) -> Result<Arc<Context>> {
        let config = InfrastructureConfig::valid(&request.config, &request.networking)?;
        let session = self.sessions.get(&request.secret)?;
        Ok(Arc::new(Context::new(session, request, config, Arc::clone(&self.common))?))
    }

    fn engine(&self, cx: &Context) -> Engine {
        Engine::new(Arc::clone(cx.session.clock()), API_VERSION)
    }

    fn declare(&self, cx: &Arc<Context>, goal: Goal) -> Result<Graph> {
        declare(cx, goal)
    }

    fn report(&self, cx: &Context, run: &Run) -> Result<Infrastructure> {
        report::infrastructure(cx, run)
    }

    async fn list(&self, cx: &Context) -> Result<Vec<CloudResource>> {
        list::all(cx).await
    }
}
