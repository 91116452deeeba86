//! What a cloud gives the suite: fresh worlds, and knobs on them.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use gardener_provider_core::{
    BucketName, CloudResource, InfrastructureRequest, MachineRequest, Provider, Region,
};

use crate::{InfrastructureSamples, MachineSamples, Secrets, StorageSamples, Tap};

/// A cloud on which a provider is tested.
#[async_trait]
pub trait Testbed: Send + Sync + fmt::Debug {
    /// The name in the report: `aws on the sandbox`.
    fn name(&self) -> String;

    /// A cloud of its own for one case, empty but for what an account has from the start.
    ///
    /// Called within the runtime of the case: with [`Time::Virtual`] its time is paused, and the world's clock must
    /// follow it (`TokioClock`). May panic if the world cannot be made; the case then fails.
    async fn fresh(&self) -> Box<dyn World>;

    /// Whether waiting takes time.
    fn time(&self) -> Time {
        Time::Virtual
    }

    /// What this world, not the provider, cannot do properly: the name of a case (a `*` at its end stands for any rest)
    /// and the reason.
    ///
    /// These cases run all the same; one that fails is reported as a known gap, with the reason.
    fn known_gaps(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Every how many calls there is a kill point. 1, each call, unless the world is too slow for that; then, too, only
    /// the main variants are run.
    fn kill_stride(&self) -> usize {
        1
    }

    /// How many cases may run at the same time, each in a world of its own.
    fn threads(&self) -> usize {
        2
    }
}

/// How time passes in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Paused; every wait is over at once. For worlds within the process.
    Virtual,
    /// Real. For servers.
    Real,
}

/// One cloud account.
#[async_trait]
pub trait World: Send + Sync + fmt::Debug {
    /// A provider as a new process has it, sharing no cache with any other, that sends all its calls through `tap`.
    async fn provider(&self, tap: &Tap) -> Provider;

    /// Everything that somebody created and that exists, whoever created it: the truth, without any lag. Not what only
    /// is still shown for a while, such as a terminated instance.
    async fn inventory(&self) -> Vec<CloudResource>;

    /// Credentials, good and bad.
    fn secrets(&self) -> Secrets;

    /// Inputs for machines, having made the network they need. Called at most once.
    async fn machines(&self) -> Option<MachineSamples> {
        None
    }

    /// Inputs for infrastructure. Called at most once.
    async fn infrastructure(&self) -> Option<InfrastructureSamples> {
        None
    }

    /// Inputs for object storage. Called at most once.
    async fn storage(&self) -> Option<StorageSamples> {
        None
    }

    /// Sets the world as the knob says; false if it has no such knob. Cases that need it are then not applicable.
    async fn turn(&self, knob: Knob<'_>) -> bool {
        let _ = knob;
        false
    }
}

/// What a case may ask of a world.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Knob<'a> {
    /// What is created is absent from reads for so long.
    Lag(Duration),
    /// The next so many calls are answered with "too many requests"; `None`: all calls.
    Throttle(Option<u64>),
    /// The cloud is out of machines.
    NoCapacity,
    /// No answer to a list holds more than so many items.
    PageSize(usize),
    /// A second machine appears that matches this request as well as the one that is there.
    DuplicateMachine(&'a MachineRequest),
    /// A second network appears that matches this request as well as the one that is there.
    DuplicateInfrastructure(&'a InfrastructureRequest),
    /// Somebody removes or changes something of this infrastructure by hand.
    Drift(&'a InfrastructureRequest),
    /// The cluster leaves something in this infrastructure, such as a load balancer, which has to go with it.
    Leftover(&'a InfrastructureRequest),
    /// Somebody else owns a bucket of this name.
    ForeignBucket(&'a BucketName, &'a Region),
}
