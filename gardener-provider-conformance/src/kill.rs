//! Kill points: the process ends at a call; a new one finishes the job, or undoes it.

use std::{fmt, sync::Arc, time::Duration};

use gardener_provider_core::{
    BucketSpec, Capability, CloudResource, Error, MachineDriver, MachineDriverExt, MachineRequest,
    ObjectPrefix, Provider, RunOptions,
};

use crate::{
    Knob, MachineSamples, StorageSamples, Tap, World,
    case::{Case, Context, During, Outcome, Stop, ensure, turn},
    infrastructure::{self, Memory},
    inventory::{Kinds, beyond, expect_exactly, expect_kinds, kinds},
    machines,
    storage::{self, fill},
    tap::Cut,
};

/// No cut is recovered from for longer: more than what drivers wait for in the slowest cases.
const LIMIT: Duration = Duration::from_secs(86_400);

/// What is being done when the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    CreateMachine,
    InitializeMachine,
    DeleteMachine,
    /// Of the smallest shape.
    Apply,
    Destroy,
    /// Of the largest shape.
    ApplyLarge,
    DestroyLarge,
    CreateBucket,
    DeleteBucket,
    DeletePrefix,
}

/// What the next process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Finish,
    Undo,
}

/// What the next process knows, and how the cloud is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    /// The saved state and the provider id are known.
    Saved,
    /// Nothing is known.
    Forgotten,
    /// They are known; what was created does not show at once.
    Lagging,
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    operation: Operation,
    cut: Cut,
    setting: Setting,
    then: Then,
}

pub(crate) fn cases() -> Vec<Case> {
    use Operation::{
        Apply, ApplyLarge, CreateBucket, CreateMachine, DeleteBucket, DeleteMachine, DeletePrefix, Destroy,
        DestroyLarge, InitializeMachine,
    };
    use Setting::{Forgotten, Lagging, Saved};
    let mut plans = Vec::new();
    let mut add = |operation, settings: &[Setting], thens: &[Then]| {
        for cut in [Cut::Before, Cut::After, Cut::Lost, Cut::Broken] {
            for setting in settings.iter().copied() {
                // A driver that lives remembers.
                if !(cut == Cut::Broken && setting == Forgotten) {
                    plans.extend(thens.iter().map(|then| Plan { operation, cut, setting, then: *then }));
                }
            }
        }
    };
    add(ApplyLarge, &[Saved], &[Then::Finish]);
    add(DestroyLarge, &[Saved], &[Then::Finish]);
    add(Apply, &[Saved, Forgotten, Lagging], &[Then::Finish, Then::Undo]);
    add(Destroy, &[Saved, Forgotten], &[Then::Finish]);
    add(CreateMachine, &[Saved, Lagging], &[Then::Finish]);
    add(CreateMachine, &[Saved], &[Then::Undo]);
    add(InitializeMachine, &[Saved, Forgotten], &[Then::Finish, Then::Undo]);
    add(DeleteMachine, &[Saved, Forgotten], &[Then::Finish]);
    add(CreateBucket, &[Saved], &[Then::Finish, Then::Undo]);
    add(DeleteBucket, &[Saved], &[Then::Finish]);
    add(DeletePrefix, &[Saved], &[Then::Finish]);
    plans.into_iter().map(Plan::case).collect()
}

impl Operation {
    fn needs(self) -> Capability {
        match self {
            Self::CreateMachine | Self::InitializeMachine | Self::DeleteMachine => Capability::Machines,
            Self::Apply | Self::Destroy | Self::ApplyLarge | Self::DestroyLarge => Capability::Infrastructure,
            Self::CreateBucket | Self::DeleteBucket | Self::DeletePrefix => Capability::ObjectStorage,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::CreateMachine => "create-machine",
            Self::InitializeMachine => "initialize-machine",
            Self::DeleteMachine => "delete-machine",
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::ApplyLarge => "apply-large",
            Self::DestroyLarge => "destroy-large",
            Self::CreateBucket => "create-bucket",
            Self::DeleteBucket => "delete-bucket",
            Self::DeletePrefix => "delete-prefix",
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = match self.cut {
            Cut::Before => "before",
            Cut::After => "after",
            Cut::Lost => "lost",
            Cut::Broken => "broken",
        };
        write!(f, "kill/{}/{cut}", self.operation.name())?;
        match self.setting {
            Setting::Saved => {}
            Setting::Forgotten => f.write_str("/forgotten")?,
            Setting::Lagging => f.write_str("/lagging")?,
        }
        match self.then {
            Then::Finish => Ok(()),
            Then::Undo => f.write_str("/undo"),
        }
    }
}

impl Plan {
    fn case(self) -> Case {
        let promise = match (self.cut, self.then) {
            (Cut::Broken, _) => "A reply that is lost is recovered from; exactly the wanted resources exist.",
            (_, Then::Finish) => {
                "Dropping the future at any point loses nothing: calling again finishes the job."
            }
            (_, Then::Undo) => {
                "Dropping the future at any point loses nothing: deleting leaves nothing behind."
            }
        };
        Case {
            name: self.to_string(),
            promise: promise.to_owned(),
            needs: self.operation.needs(),
            run: Box::new(move |context| Box::pin(self.run(context))),
        }
    }

    /// Every kill point, each in a world of its own.
    async fn run(self, context: &Context<'_>) -> Outcome {
        if context.testbed.kill_stride() > 1 && (self.setting != Setting::Saved || self.then == Then::Undo) {
            return Err(Stop::NotApplicable("this world is too slow for all kill points".to_owned()));
        }
        if self.setting == Setting::Lagging {
            turn(&*context.world().await, Knob::Lag(Duration::ZERO)).await?;
        }
        let wanted = self.undisturbed(context).await?;
        let (mut points, mut problems) = (0, Vec::new());
        for n in (self.first(context)..).step_by(self.stride(context)) {
            let stage = Stage::new(context, self).await?;
            let tap = Tap::cutting(n, self.cut);
            let point = tokio::time::timeout(LIMIT, self.point(&stage, &tap, &wanted)).await;
            let outcome = point.unwrap_or_else(|_| Err(Stop::Failed("it does not end".to_owned())));
            let Some(operation) = tap.cut_at() else {
                outcome.during("undisturbed")?;
                break;
            };
            points += 1;
            context.count_kill_point();
            if let Err(Stop::Failed(problem)) = outcome {
                problems.push(format!("call {n} ({operation}): {problem}"));
            }
        }
        ensure!(points > 0 || self.stride(context) > 1, "not a single call was made");
        if problems.is_empty() {
            return Ok(());
        }
        let failed = problems.len();
        problems.truncate(3);
        Err(Stop::Failed(format!("{failed} of {points} kill points: {}", problems.join("; "))))
    }

    /// Where to begin if not every call is a kill point: somewhere else in each case, so that together they see more.
    fn first(self, context: &Context<'_>) -> usize {
        let name = self.to_string();
        let sum = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        1 + sum % self.stride(context)
    }

    /// Of the largest shape every fourth call will do: all calls of the smallest are kill points.
    fn stride(self, context: &Context<'_>) -> usize {
        let is_large = matches!(self.operation, Operation::ApplyLarge | Operation::DestroyLarge);
        context.testbed.kill_stride().max(1) * if is_large { 4 } else { 1 }
    }

    /// What exists when nothing goes wrong.
    async fn undisturbed(self, context: &Context<'_>) -> Outcome<Kinds> {
        let stage = Stage::new(context, self).await?;
        stage.perform(&stage.world.provider(&Tap::new()).await).await.during("undisturbed")?;
        Ok(kinds(&stage.world.inventory().await))
    }

    async fn point(self, stage: &Stage, tap: &Tap, wanted: &Kinds) -> Outcome {
        let before = stage.world.inventory().await;
        let driver = stage.world.provider(tap).await;
        match tap.run(stage.perform(&driver)).await {
            Some(outcome) => outcome.during("the living driver")?,
            None => stage.expect_listed(&before).await?,
        }
        // The process is gone, and with it its caches.
        drop(driver);
        let next = stage.world.provider(&Tap::new()).await;
        if self.then == Then::Finish {
            stage.perform(&next).await.during("finishing the job")?;
            expect_kinds(&*stage.world, stage.time, wanted).await.during("after finishing the job")?;
            stage.check(&next).await?;
        }
        stage.undo(&next).await.during("deleting")?;
        expect_exactly(&*stage.world, stage.time, &stage.before).await.during("after deleting")
    }
}

enum Subject {
    Machine(Box<MachineSamples>, Box<MachineRequest>),
    Infrastructure(Box<gardener_provider_core::InfrastructureRequest>),
    Bucket(Box<StorageSamples>),
}

/// A world in which the operation can begin.
struct Stage {
    plan: Plan,
    world: Box<dyn World>,
    time: crate::Time,
    before: Vec<CloudResource>,
    memory: Memory,
    subject: Subject,
}

impl Stage {
    async fn new(context: &Context<'_>, plan: Plan) -> Outcome<Self> {
        let mut stage = match plan.operation.needs() {
            Capability::Machines => Self::of_machines(context, plan).await?,
            Capability::Infrastructure => Self::of_infrastructure(context, plan).await?,
            _ => Self::of_storage(context, plan).await?,
        };
        stage.prepare().await.during("making ready")?;
        if plan.setting == Setting::Lagging {
            turn(&*stage.world, Knob::Lag(Duration::from_secs(5))).await?;
        }
        Ok(stage)
    }

    async fn of_machines(context: &Context<'_>, plan: Plan) -> Outcome<Self> {
        let bench = machines::Bench::new(context).await?;
        let request = match (&bench.samples.uninitialized, plan.operation) {
            (Some(class), Operation::InitializeMachine) => bench.samples.request_for(class, 1),
            (None, Operation::InitializeMachine) => {
                return Err(Stop::NotApplicable("no class needs initialization".to_owned()));
            }
            _ => bench.samples.request(1),
        };
        let subject = Subject::Machine(Box::new(bench.samples), Box::new(request));
        let (world, time, before) = (bench.world, bench.time, bench.before);
        Ok(Self { plan, world, time, before, memory: Memory::default(), subject })
    }

    async fn of_infrastructure(context: &Context<'_>, plan: Plan) -> Outcome<Self> {
        let bench = infrastructure::Bench::new(context).await?;
        let shapes = &bench.samples.shapes;
        let large = matches!(plan.operation, Operation::ApplyLarge | Operation::DestroyLarge);
        if large && shapes.len() == 1 {
            return Err(Stop::NotApplicable("there is one shape only".to_owned()));
        }
        let (_, request) = &shapes[if large { shapes.len() - 1 } else { 0 }];
        let subject = Subject::Infrastructure(Box::new(request.clone()));
        let (world, time, before) = (bench.world, bench.time, bench.before);
        Ok(Self { plan, world, time, before, memory: Memory::default(), subject })
    }

    async fn of_storage(context: &Context<'_>, plan: Plan) -> Outcome<Self> {
        let bench = storage::Bench::new(context).await?;
        let subject = Subject::Bucket(Box::new(bench.samples));
        let (world, time, before) = (bench.world, bench.time, bench.before);
        Ok(Self { plan, world, time, before, memory: Memory::default(), subject })
    }

    /// Makes what the operation works on.
    async fn prepare(&mut self) -> Outcome {
        let provider = self.world.provider(&Tap::new()).await;
        match (self.plan.operation, &mut self.subject) {
            (Operation::InitializeMachine | Operation::DeleteMachine, Subject::Machine(_, request)) => {
                let status = provider.machines.create_machine(request).await?;
                if self.plan.setting != Setting::Forgotten {
                    request.machine.provider_id = Some(status.provider_id);
                }
            }
            (Operation::Destroy | Operation::DestroyLarge, Subject::Infrastructure(request)) => {
                let applied = provider.infrastructure.apply(request, &RunOptions::default()).await?;
                self.memory.keep(applied.state);
            }
            (Operation::DeleteBucket | Operation::DeletePrefix, Subject::Bucket(samples)) => {
                let spec = samples.versioned.as_ref().unwrap_or(&samples.spec);
                provider.storage.create_bucket(spec, &samples.secret).await?;
                let store = provider.storage.open(&bucket(samples, spec)).await?;
                fill(&*store, &["a/1", "a/1", "a/2", "ab/3"]).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn perform(&self, provider: &Provider) -> Result<(), Error> {
        match &self.subject {
            Subject::Machine(_, request) => match self.plan.operation {
                Operation::CreateMachine => provider.machines.create_machine(request).await.map(drop),
                Operation::InitializeMachine => provider.machines.initialize_machine(request).await.map(drop),
                _ => provider.machines.delete_machine(request).await,
            },
            Subject::Infrastructure(_) => {
                let (request, options) = self.infrastructure_run();
                match self.plan.operation {
                    Operation::Apply | Operation::ApplyLarge => {
                        provider.infrastructure.apply(&request, &options).await.map(drop)
                    }
                    _ => provider.infrastructure.destroy(&request, &options).await,
                }
            }
            Subject::Bucket(samples) => {
                let spec = self.spec(samples);
                let bucket = bucket(samples, spec);
                match self.plan.operation {
                    Operation::CreateBucket => {
                        provider.storage.create_bucket(spec, &samples.secret).await.map(drop)
                    }
                    Operation::DeletePrefix => {
                        let prefix = ObjectPrefix::new("a")?;
                        provider.storage.delete_prefix(&bucket, &prefix).await.map(drop)
                    }
                    _ => provider.storage.delete_bucket(&bucket).await,
                }
            }
        }
    }

    async fn undo(&self, provider: &Provider) -> Result<(), Error> {
        match &self.subject {
            Subject::Machine(_, request) => provider.machines.delete_machine(request).await,
            Subject::Infrastructure(_) => {
                let (request, options) = self.infrastructure_run();
                provider.infrastructure.destroy(&request, &options).await
            }
            Subject::Bucket(samples) => {
                provider.storage.delete_bucket(&bucket(samples, self.spec(samples))).await
            }
        }
    }

    fn spec<'a>(&self, samples: &'a StorageSamples) -> &'a BucketSpec {
        match self.plan.operation {
            Operation::CreateBucket => &samples.spec,
            _ => samples.versioned.as_ref().unwrap_or(&samples.spec),
        }
    }

    /// The request with what is remembered, and where the state goes.
    fn infrastructure_run(&self) -> (gardener_provider_core::InfrastructureRequest, RunOptions) {
        let Subject::Infrastructure(request) = &self.subject else { unreachable!("no infrastructure") };
        let mut request = (**request).clone();
        let options = RunOptions::default();
        if self.plan.setting == Setting::Forgotten {
            return (request, options);
        }
        request.state = self.memory.state();
        (request, options.with_state_store(Arc::new(self.memory.clone())))
    }

    /// What a creation that was cut off left is listed, so that nothing is lost from sight.
    async fn expect_listed(&self, before: &[CloudResource]) -> Outcome {
        let Subject::Machine(samples, request) = &self.subject else { return Ok(()) };
        if self.plan.operation != Operation::CreateMachine || self.plan.setting == Setting::Lagging {
            return Ok(());
        }
        let left = beyond(&self.world.inventory().await, before);
        let listed = self.machines().await.all_machines(samples.list(&request.class)).await?;
        let found = listed.iter().any(|machine| machine.name == request.machine.name.as_str());
        ensure!(left.is_empty() || found, "left behind and not listed: {left:?}");
        Ok(())
    }

    /// What exists is what was asked for, not only as much.
    async fn check(&self, next: &Provider) -> Outcome {
        match (self.plan.operation, &self.subject) {
            (Operation::CreateMachine | Operation::InitializeMachine, Subject::Machine(samples, request)) => {
                let status = next.machines.get_machine_status(request).await.during("its status")?;
                let done = self.plan.operation != Operation::InitializeMachine || status.initialized;
                ensure!(done, "it was initialized, and its status says it was not");
                if self.plan.setting != Setting::Lagging {
                    let listed = self.machines().await.all_machines(samples.list(&request.class)).await?;
                    ensure!(listed.len() == 1, "listed are {listed:?}");
                }
            }
            (Operation::Apply | Operation::ApplyLarge, Subject::Infrastructure(_)) => {
                if self.plan.setting == Setting::Lagging {
                    return Ok(());
                }
                let tap = Tap::new();
                let (request, options) = self.infrastructure_run();
                let driver = self.world.provider(&tap).await.infrastructure;
                driver.apply(&request, &options).await.during("applying once more")?;
                ensure!(tap.mutating().is_empty(), "applying once more called {:?}", tap.mutating());
            }
            _ => {}
        }
        Ok(())
    }

    async fn machines(&self) -> Arc<dyn MachineDriver> {
        self.world.provider(&Tap::new()).await.machines
    }
}

fn bucket(samples: &StorageSamples, spec: &BucketSpec) -> gardener_provider_core::BucketRef {
    gardener_provider_core::BucketRef::new(spec.name.clone(), spec.region.clone(), samples.secret.clone())
}
