//! The infrastructure of a Shoot: network, subnets, routes, NAT, firewalls, identities.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ClusterId, Error, ErrorKind, Region, Result, SecretData};

/// An IP family of a cluster's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IpFamily {
    /// IPv4.
    #[serde(rename = "IPv4")]
    V4,
    /// IPv6.
    #[serde(rename = "IPv6")]
    V6,
}

/// `spec.networking` of the Shoot, as far as the infrastructure depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Networking {
    /// The CIDR of the pods.
    pub pods: Option<String>,
    /// The CIDR of the services.
    pub services: Option<String>,
    /// The CIDR of the nodes.
    pub nodes: Option<String>,
    /// The IP families; `[IPv4]` unless told.
    pub ip_families: Vec<IpFamily>,
}

impl Default for Networking {
    fn default() -> Self {
        Self { pods: None, services: None, nodes: None, ip_families: vec![IpFamily::V4] }
    }
}

impl Networking {
    /// Sets the IP families.
    pub fn with_ip_families(mut self, families: impl Into<Vec<IpFamily>>) -> Self {
        self.ip_families = families.into();
        self
    }

    /// True if `family` is used.
    pub fn has(&self, family: IpFamily) -> bool {
        self.ip_families.contains(&family)
    }
}

/// What an infrastructure call is about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InfrastructureRequest {
    /// The Shoot's technical id; it names and tags everything.
    pub cluster: ClusterId,
    /// The region.
    pub region: Region,
    /// The cloud's `InfrastructureConfig` as Gardener wrote it.
    pub config: Value,
    /// The Shoot's networking.
    pub networking: Networking,
    /// The public key for SSH to the nodes, in OpenSSH format.
    pub ssh_public_key: Option<String>,
    /// The credentials.
    pub secret: SecretData,
    /// The state of the last run, if there is one. A hint only: the cloud is asked first.
    pub state: Option<InfrastructureState>,
}

impl InfrastructureRequest {
    /// A request about the infrastructure of `cluster`.
    pub fn new(cluster: ClusterId, region: Region, config: Value, secret: SecretData) -> Self {
        Self {
            cluster,
            region,
            config,
            networking: Networking::default(),
            ssh_public_key: None,
            secret,
            state: None,
        }
    }

    /// Sets the Shoot's networking.
    pub fn with_networking(mut self, networking: Networking) -> Self {
        self.networking = networking;
        self
    }

    /// Sets the public key for SSH.
    pub fn with_ssh_public_key(mut self, key: impl Into<String>) -> Self {
        self.ssh_public_key = Some(key.into());
        self
    }

    /// Sets the saved state.
    pub fn with_state(mut self, state: InfrastructureState) -> Self {
        self.state = Some(state);
        self
    }
}

/// What a run knows of the cloud, to be kept between runs (`status.state` of the Infrastructure object).
///
/// Losing it loses nothing: everything is found again by tag or name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InfrastructureState {
    /// The cloud's API group and version.
    #[serde(default)]
    pub api_version: String,
    /// `InfrastructureState`.
    #[serde(default)]
    pub kind: String,
    /// Node of the graph → the cloud's id.
    #[serde(default)]
    pub data: BTreeMap<String, String>,
}

impl InfrastructureState {
    /// An empty state of this API version.
    pub fn new(api_version: impl Into<String>) -> Self {
        Self {
            api_version: api_version.into(),
            kind: "InfrastructureState".to_owned(),
            data: BTreeMap::new(),
        }
    }
}

/// Keeps the state while a run goes on.
#[async_trait]
pub trait StateStore: Send + Sync + fmt::Debug {
    /// Saves the state; called after every step that changed it. An error stops the run.
    async fn save(&self, state: &InfrastructureState) -> Result<()>;
}

/// Keeps nothing; everything is found again by tag or name.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStateStore;

#[async_trait]
impl StateStore for NoStateStore {
    async fn save(&self, _state: &InfrastructureState) -> Result<()> {
        Ok(())
    }
}

/// What a step does, or would do, to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub enum Action {
    /// It does not exist and is created.
    Create,
    /// It exists, differs and is updated in place.
    Update,
    /// It exists, differs in a way that cannot be updated, and is deleted and created anew.
    Replace,
    /// It exists and is deleted.
    Delete,
    /// It was given by the user: it stays, and only what marks it as the cluster's is removed.
    Release,
    /// It exists as wanted; nothing is done.
    Keep,
}

impl Action {
    /// True if the action changes something in the cloud.
    pub const fn is_change(self) -> bool {
        !matches!(self, Self::Keep)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Release => "release",
            Self::Keep => "keep",
        })
    }
}

/// A field that is not as wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What the cloud has.
    pub current: String,
    /// What is wanted.
    pub wanted: String,
}

impl Difference {
    /// `field` is `current` and should be `wanted`.
    pub fn new(field: impl Into<String>, current: impl fmt::Display, wanted: impl fmt::Display) -> Self {
        Self { field: field.into(), current: current.to_string(), wanted: wanted.to_string() }
    }
}

/// One step of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedStep {
    /// The node of the graph, such as `zone/eu-west-1a/nat-gateway`.
    pub node: String,
    /// What kind of resource, by the cloud's name for it.
    pub kind: String,
    /// What would be done.
    pub action: Action,
    /// The cloud's id, if it exists.
    pub id: Option<String>,
    /// Why, for updates and replacements.
    pub differences: Vec<Difference>,
}

impl PlannedStep {
    /// A step on `node`.
    pub fn new(node: impl Into<String>, kind: impl Into<String>, action: Action) -> Self {
        Self { node: node.into(), kind: kind.into(), action, id: None, differences: Vec::new() }
    }

    /// Sets the cloud's id.
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the differences.
    pub fn with_differences(mut self, differences: Vec<Difference>) -> Self {
        self.differences = differences;
        self
    }
}

/// What [`InfrastructureDriver::apply`] or [`InfrastructureDriver::destroy`] would do now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The steps, in an order in which they can be done.
    pub steps: Vec<PlannedStep>,
}

impl Plan {
    /// A plan of these steps.
    pub fn new(steps: Vec<PlannedStep>) -> Self {
        Self { steps }
    }

    /// The steps that change something.
    pub fn changes(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps.iter().filter(|step| step.action.is_change())
    }

    /// True if nothing would change.
    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            write!(f, "{:<8}{:<44}{}", step.action.to_string(), step.node, step.kind)?;
            if let Some(id) = &step.id {
                write!(f, " {id}")?;
            }
            writeln!(f)?;
            for difference in &step.differences {
                writeln!(f, "        {}: {} -> {}", difference.field, difference.current, difference.wanted)?;
            }
        }
        let count = |action| self.steps.iter().filter(|step| step.action == action).count();
        writeln!(
            f,
            "{} to create, {} to update, {} to replace, {} to delete, {} unchanged",
            count(Action::Create),
            count(Action::Update),
            count(Action::Replace),
            count(Action::Delete),
            count(Action::Keep)
        )
    }
}

/// What happens during a run, as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The run begins with this many steps.
    Started {
        /// How many nodes the graph has.
        steps: usize,
    },
    /// Work on a node begins.
    StepStarted {
        /// The node.
        node: String,
    },
    /// A node is done.
    StepFinished {
        /// The node.
        node: String,
        /// What was done.
        action: Action,
        /// How long it took.
        took: Duration,
    },
    /// A node failed; nodes that depend on it are not begun.
    StepFailed {
        /// The node.
        node: String,
        /// The error's text.
        error: String,
    },
    /// The run is over.
    Finished {
        /// How many nodes were done.
        done: usize,
        /// How many failed.
        failed: usize,
        /// How many were not begun.
        skipped: usize,
    },
}

/// Is told of the progress of a run. Must not block.
pub trait ProgressSink: Send + Sync + fmt::Debug {
    /// Something happened.
    fn on(&self, progress: &Progress);
}

/// Hears of progress and does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl ProgressSink for NoProgress {
    fn on(&self, _progress: &Progress) {}
}

/// Asks a run to stop at the next step boundary: steps under way are finished and saved, none is begun.
///
/// To stop at once, drop the future; then nothing is lost either, as everything is found again by tag or name.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token nobody has cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True once [`CancelToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// `Cancelled` once [`CancelToken::cancel`] was called.
    ///
    /// # Errors
    /// `Cancelled`, naming what was not begun.
    pub fn check(&self, what: &str) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, format!("stopped before {what}, as asked")));
        }
        Ok(())
    }
}

/// How a run is carried out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunOptions {
    /// Where the state goes after every step.
    pub state_store: Arc<dyn StateStore>,
    /// Who hears of the progress.
    pub progress: Arc<dyn ProgressSink>,
    /// Stops the run at the next step boundary.
    pub cancel: CancelToken,
    /// How many steps may be under way at the same time; 16 unless told.
    pub parallelism: usize,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            state_store: Arc::new(NoStateStore),
            progress: Arc::new(NoProgress),
            cancel: CancelToken::new(),
            parallelism: 16,
        }
    }
}

impl RunOptions {
    /// Sets where the state goes.
    pub fn with_state_store(mut self, store: Arc<dyn StateStore>) -> Self {
        self.state_store = store;
        self
    }

    /// Sets who hears of the progress.
    pub fn with_progress(mut self, progress: Arc<dyn ProgressSink>) -> Self {
        self.progress = progress;
        self
    }

    /// Sets the token that stops the run.
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Sets how many steps may be under way at the same time.
    pub fn with_parallelism(mut self, parallelism: usize) -> Self {
        self.parallelism = parallelism.max(1);
        self
    }
}

/// An infrastructure as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Infrastructure {
    /// The cloud's `InfrastructureStatus`, exactly as Gardener reads it.
    pub status: Value,
    /// The state to keep.
    pub state: InfrastructureState,
    /// The CIDRs from which the cluster's traffic leaves, where they are stable.
    pub egress_cidrs: Vec<String>,
    /// The networks as they came out, where the cloud decides them (IPv6).
    pub networking: Networking,
    /// With both families: the IPv6 networks beside the IPv4 ones, where the cloud decides them.
    pub ipv6: Option<Networking>,
}

/// A resource found in the cloud that is marked as this cluster's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct CloudResource {
    /// What kind of resource, by the cloud's name for it.
    pub kind: String,
    /// The cloud's id.
    pub id: String,
    /// Its name, if it has one.
    pub name: Option<String>,
}

impl CloudResource {
    /// A resource of this kind and id.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into(), name: None }
    }

    /// Sets the name.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl fmt::Display for CloudResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)?;
        self.name.as_ref().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

/// Builds, keeps and removes the infrastructure of a Shoot.
///
/// # Contract, for every method
/// - Secrets and bad input: as for [`MachineDriver`](crate::MachineDriver); a config that cannot be right changes
///   nothing.
/// - Resources are recognised by exact tag or exact name. Two that match where one is expected: `MultipleMatches`,
///   naming both, and nothing is changed.
/// - What is given by the user (an existing VPC, subnet, address) is used, never created, never deleted.
/// - Dropping the future at any point loses nothing: calling again finishes the job.
#[async_trait]
pub trait InfrastructureDriver: Send + Sync + fmt::Debug {
    /// What [`InfrastructureDriver::apply`] would do. Makes no call that changes anything.
    async fn plan(&self, request: &InfrastructureRequest) -> Result<Plan>;

    /// What [`InfrastructureDriver::destroy`] would do. Makes no call that changes anything.
    async fn plan_destroy(&self, request: &InfrastructureRequest) -> Result<Plan>;

    /// Makes the infrastructure as the config says.
    ///
    /// - When it is as wanted already, no call that changes anything is made.
    /// - A failed step lets independent steps finish; all errors are reported, the first as the error itself.
    /// - The state is saved after every step that changed it.
    async fn apply(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<Infrastructure>;

    /// Removes the infrastructure and what the cluster left in it (load balancers, their security groups).
    ///
    /// - Nothing there: success. Afterwards [`InfrastructureDriver::list`] is empty.
    async fn destroy(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<()>;

    /// The infrastructure as it stands. Makes no call that changes anything.
    ///
    /// - Not there, or not complete: `NotFound`, naming what is missing.
    async fn get(&self, request: &InfrastructureRequest) -> Result<Infrastructure>;

    /// Everything in the cloud that is marked as this cluster's, whether the graph knows it or not.
    fn list(&self, request: InfrastructureRequest) -> BoxStream<'static, Result<CloudResource>>;

    /// The graph of resources as a Mermaid flowchart. Makes no call.
    fn picture(&self, request: &InfrastructureRequest) -> Result<String>;
}
