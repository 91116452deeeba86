//! The infrastructure driver of a cloud that declares its infrastructure as a graph.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, future, stream, stream::BoxStream};
use gardener_provider_core::{
    CloudResource, Error, ErrorKind, Infrastructure, InfrastructureDriver, InfrastructureRequest, Plan,
    Result, RunOptions,
};

use super::{Engine, Graph, Run};

/// What a graph is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// To have everything, or to see it.
    Apply,
    /// To see whether what the user gave is as it must be, before anything is made: nothing else is in the graph.
    Check,
    /// To have nothing. Settings that go with what they belong to are left out, and leftovers are added.
    Destroy,
}

/// What a cloud declares of its infrastructure.
#[async_trait]
pub trait Declared: Send + Sync + fmt::Debug + 'static {
    /// What the resources of one run share: who asks, what is wanted, what the cloud listed.
    type Context: Send + Sync + 'static;

    /// Reads the request and makes no call.
    ///
    /// # Errors
    /// `InvalidArgument` naming the field of the config or the key of the secret.
    fn context(&self, request: &InfrastructureRequest) -> Result<Arc<Self::Context>>;

    /// What runs the graph.
    fn engine(&self, cx: &Self::Context) -> Engine;

    /// The graph.
    ///
    /// # Errors
    /// `Internal` if the declaration is at fault.
    fn declare(&self, cx: &Arc<Self::Context>, goal: Goal) -> Result<Graph>;

    /// Fetches at the same time what the nodes of a graph will ask for one by one.
    ///
    /// # Errors
    /// Those of the cloud.
    async fn prefetch(&self, cx: &Self::Context) -> Result<()> {
        let _ = cx;
        Ok(())
    }

    /// What is told of the infrastructure as a run left it.
    ///
    /// # Errors
    /// `Internal` if a resource is missing in the run.
    fn report(&self, cx: &Self::Context, run: &Run) -> Result<Infrastructure>;

    /// Everything in the cloud that is marked as the cluster's, whether the graph knows it or not.
    ///
    /// # Errors
    /// Those of the cloud.
    async fn list(&self, cx: &Self::Context) -> Result<Vec<CloudResource>>;
}

/// An [`InfrastructureDriver`] over what a cloud declares.
#[derive(Debug)]
pub struct GraphDriver<D>(Arc<D>);

impl<D: Declared> GraphDriver<D> {
    /// A driver.
    pub fn new(declared: D) -> Self {
        Self(Arc::new(declared))
    }

    async fn begin(
        &self,
        request: &InfrastructureRequest,
        goal: Goal,
    ) -> Result<(Arc<D::Context>, Graph, Engine)> {
        let cx = self.0.context(request)?;
        let graph = self.0.declare(&cx, goal)?;
        self.0.prefetch(&cx).await?;
        let engine = self.0.engine(&cx);
        Ok((cx, graph, engine))
    }
}

#[async_trait]
impl<D: Declared> InfrastructureDriver for GraphDriver<D> {
    async fn plan(&self, request: &InfrastructureRequest) -> Result<Plan> {
        let (_, graph, engine) = self.begin(request, Goal::Apply).await?;
        engine.plan(&graph, request.state.as_ref()).await
    }

    async fn plan_destroy(&self, request: &InfrastructureRequest) -> Result<Plan> {
        let (_, graph, engine) = self.begin(request, Goal::Destroy).await?;
        engine.plan_destroy(&graph, request.state.as_ref()).await
    }

    async fn apply(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<Infrastructure> {
        let (cx, graph, engine) = self.begin(request, Goal::Apply).await?;
        let given = self.0.declare(&cx, Goal::Check)?;
        if !given.is_empty() {
            engine.plan(&given, None).await?;
        }
        let run = engine.apply(&graph, request.state.as_ref(), options).await?;
        self.0.report(&cx, &run)
    }

    async fn destroy(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<()> {
        let (_, graph, engine) = self.begin(request, Goal::Destroy).await?;
        engine.destroy(&graph, request.state.as_ref(), options).await.map(drop)
    }

    async fn get(&self, request: &InfrastructureRequest) -> Result<Infrastructure> {
        let (cx, graph, engine) = self.begin(request, Goal::Apply).await?;
        let run = engine.observe(&graph, request.state.as_ref()).await?;
        if run.missing.is_empty() {
            return self.0.report(&cx, &run);
        }
        let missing = run.missing.join(", ");
        let message =
            format!("the infrastructure of {} is not complete; missing: {missing}", request.cluster);
        Err(Error::new(ErrorKind::NotFound, message))
    }

    fn list(&self, request: InfrastructureRequest) -> BoxStream<'static, Result<CloudResource>> {
        let declared = Arc::clone(&self.0);
        stream::once(future::ready(declared.context(&request)))
            .and_then(move |cx| {
                let declared = Arc::clone(&declared);
                async move { declared.list(&cx).await }
            })
            .map_ok(|found| stream::iter(found.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    fn picture(&self, request: &InfrastructureRequest) -> Result<String> {
        let cx = self.0.context(request)?;
        Ok(self.0.declare(&cx, Goal::Apply)?.picture())
    }
}
