//! Infrastructures of Shoots on AWS.

mod list;
mod report;

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, future, stream, stream::BoxStream};
use gardener_provider_client::graph::{Engine, Graph};
use gardener_provider_core::{
    CloudResource, Error, ErrorKind, Infrastructure, InfrastructureDriver, InfrastructureRequest, Plan,
    Result, RunOptions,
};

use crate::{
    graph::{Context, Goal, declare},
    infrastructure_config::{API_VERSION, InfrastructureConfig},
    session::Sessions,
};

/// The infrastructure driver.
#[derive(Debug, Clone)]
pub(crate) struct AwsInfrastructure {
    sessions: Arc<Sessions>,
}

impl AwsInfrastructure {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }

    fn begin(&self, request: &InfrastructureRequest, goal: Goal) -> Result<(Arc<Context>, Graph, Engine)> {
        let config = InfrastructureConfig::valid(&request.config, &request.region, &request.networking)?;
        let session = self.sessions.get(&request.secret, &request.region)?;
        let engine = Engine::new(Arc::clone(session.clock()), API_VERSION);
        let cx = Arc::new(Context::new(session, request, config));
        let graph = declare(&cx, goal)?;
        Ok((cx, graph, engine))
    }
}

#[async_trait]
impl InfrastructureDriver for AwsInfrastructure {
    async fn plan(&self, request: &InfrastructureRequest) -> Result<Plan> {
        let (cx, graph, engine) = self.begin(request, Goal::Apply)?;
        cx.snapshot.prefetch(&cx).await?;
        engine.plan(&graph, request.state.as_ref()).await
    }

    async fn plan_destroy(&self, request: &InfrastructureRequest) -> Result<Plan> {
        let (cx, graph, engine) = self.begin(request, Goal::Destroy)?;
        cx.snapshot.prefetch(&cx).await?;
        engine.plan_destroy(&graph, request.state.as_ref()).await
    }

    async fn apply(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<Infrastructure> {
        let (cx, graph, engine) = self.begin(request, Goal::Apply)?;
        cx.snapshot.prefetch(&cx).await?;
        let given = declare(&cx, Goal::Check)?;
        if !given.is_empty() {
            engine.plan(&given, None).await?;
        }
        let run = engine.apply(&graph, request.state.as_ref(), options).await?;
        report::infrastructure(&cx, &run)
    }

    async fn destroy(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<()> {
        let (cx, graph, engine) = self.begin(request, Goal::Destroy)?;
        cx.snapshot.prefetch(&cx).await?;
        engine.destroy(&graph, request.state.as_ref(), options).await.map(drop)
    }

    async fn get(&self, request: &InfrastructureRequest) -> Result<Infrastructure> {
        let (cx, graph, engine) = self.begin(request, Goal::Apply)?;
        cx.snapshot.prefetch(&cx).await?;
        let run = engine.observe(&graph, request.state.as_ref()).await?;
        if run.missing.is_empty() {
            return report::infrastructure(&cx, &run);
        }
        let missing = run.missing.join(", ");
        let message = format!("the infrastructure of {} is not complete; missing: {missing}", cx.cluster);
        Err(Error::new(ErrorKind::NotFound, message))
    }

    fn list(&self, request: InfrastructureRequest) -> BoxStream<'static, Result<CloudResource>> {
        let begun = self.begin(&request, Goal::Destroy).map(|(cx, _, _)| cx);
        stream::once(future::ready(begun))
            .and_then(|cx| async move { Box::pin(list::all(&cx)).await })
            .map_ok(|found| stream::iter(found.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    fn picture(&self, request: &InfrastructureRequest) -> Result<String> {
        Ok(self.begin(request, Goal::Apply)?.1.picture())
    }
}
