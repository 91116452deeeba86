//! A world made ready for cases of infrastructure.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use gardener_provider_core::{
    CloudResource, Infrastructure, InfrastructureDriver, InfrastructureDriverExt, InfrastructureRequest,
    InfrastructureState, Result, RunOptions, StateStore,
};

use crate::{
    InfrastructureSamples, Tap, Time, World,
    case::{Context, During, Outcome, Stop, ensure},
    inventory::{beyond, expect_exactly},
};

/// Keeps the state as the Infrastructure object would.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Option<InfrastructureState>>>);

impl Memory {
    pub(crate) fn state(&self) -> Option<InfrastructureState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn keep(&self, state: InfrastructureState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }
}

#[async_trait]
impl StateStore for Memory {
    async fn save(&self, state: &InfrastructureState) -> Result<()> {
        self.keep(state.clone());
        Ok(())
    }
}

pub(crate) struct Bench {
    pub(crate) world: Box<dyn World>,
    pub(crate) samples: InfrastructureSamples,
    pub(crate) before: Vec<CloudResource>,
    pub(crate) time: Time,
}

impl Bench {
    pub(crate) async fn new(context: &Context<'_>) -> Outcome<Self> {
        let world = context.world().await;
        let Some(samples) = world.infrastructure().await else {
            return Err(Stop::NotApplicable("the world has no samples of infrastructure".to_owned()));
        };
        ensure!(!samples.shapes.is_empty(), "the samples have no shape");
        let before = world.inventory().await;
        Ok(Self { world, samples, before, time: context.time() })
    }

    /// The smallest shape.
    pub(crate) fn smallest(&self) -> InfrastructureRequest {
        self.samples.shapes[0].1.clone()
    }

    pub(crate) async fn driver(&self) -> Arc<dyn InfrastructureDriver> {
        self.tapped(&Tap::new()).await
    }

    pub(crate) async fn tapped(&self, tap: &Tap) -> Arc<dyn InfrastructureDriver> {
        self.world.provider(tap).await.infrastructure
    }

    /// What exists now and did not exist before the case.
    pub(crate) async fn made(&self) -> Vec<CloudResource> {
        beyond(&self.world.inventory().await, &self.before)
    }

    /// Applies with a new driver, without saved state.
    pub(crate) async fn apply(&self, request: &InfrastructureRequest) -> Outcome<Infrastructure> {
        Ok(self.driver().await.apply(request, &RunOptions::default()).await?)
    }

    pub(crate) async fn listed(&self, request: &InfrastructureRequest) -> Outcome<Vec<CloudResource>> {
        Ok(self.driver().await.all_resources(request.clone()).await?)
    }

    pub(crate) async fn expect_nothing_left(&self) -> Outcome {
        expect_exactly(&*self.world, self.time, &self.before).await
    }

    /// Applying with a new driver makes no call that changes anything.
    pub(crate) async fn expect_settled(&self, request: &InfrastructureRequest) -> Outcome {
        let tap = Tap::new();
        self.tapped(&tap).await.apply(request, &RunOptions::default()).await.during("applying again")?;
        ensure!(tap.mutating().is_empty(), "applying again called {:?}", tap.mutating());
        Ok(())
    }

    /// Destroys with a new driver and checks that nothing is left.
    pub(crate) async fn clean(&self, request: &InfrastructureRequest) -> Outcome {
        self.driver().await.destroy(request, &RunOptions::default()).await.during("destroying")?;
        self.expect_nothing_left().await.during("after destroying")
    }
}
