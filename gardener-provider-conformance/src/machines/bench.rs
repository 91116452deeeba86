//! A world made ready for cases of machines.

use std::sync::Arc;

use gardener_provider_core::{
    CloudResource, ListedMachine, MachineClass, MachineDriver, MachineDriverExt, MachineRequest,
};

use crate::{
    MachineSamples, Tap, Time, World,
    case::{Context, Outcome, Stop},
    inventory::{beyond, expect_exactly},
};

pub(crate) struct Bench {
    pub(crate) world: Box<dyn World>,
    pub(crate) samples: MachineSamples,
    pub(crate) before: Vec<CloudResource>,
    pub(crate) time: Time,
}

impl Bench {
    pub(crate) async fn new(context: &Context<'_>) -> Outcome<Self> {
        let world = context.world().await;
        let Some(samples) = world.machines().await else {
            return Err(Stop::NotApplicable("the world has no samples of machines".to_owned()));
        };
        let before = world.inventory().await;
        Ok(Self { world, samples, before, time: context.time() })
    }

    /// A driver as a new process has it.
    pub(crate) async fn driver(&self) -> Arc<dyn MachineDriver> {
        self.tapped(&Tap::new()).await
    }

    pub(crate) async fn tapped(&self, tap: &Tap) -> Arc<dyn MachineDriver> {
        self.world.provider(tap).await.machines
    }

    /// What exists now and did not exist before the case.
    pub(crate) async fn made(&self) -> Vec<CloudResource> {
        beyond(&self.world.inventory().await, &self.before)
    }

    pub(crate) async fn expect_nothing_left(&self) -> Outcome {
        expect_exactly(&*self.world, self.time, &self.before).await
    }

    /// What is listed, read by a new driver.
    pub(crate) async fn listed(&self, class: &MachineClass) -> Outcome<Vec<ListedMachine>> {
        Ok(self.driver().await.all_machines(self.samples.list(class)).await?)
    }

    /// Deletes the machine and checks that nothing is left.
    pub(crate) async fn clean(&self, request: &MachineRequest) -> Outcome {
        self.driver().await.delete_machine(request).await?;
        self.expect_nothing_left().await
    }
}
