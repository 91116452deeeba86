//! The machine lifecycle on EC2: one instance per Machine.
//!
//! # How a machine is known
//! By its `Name` tag, which is the Machine's name, and by the tags `kubernetes.io/cluster/…` and `kubernetes.io/role/…`
//! of its class, all matched exactly. Instances, volumes and network interfaces carry them from the call that creates
//! them. The tag [`UID_TAG`] holds the Machine's UID too. Only creation looks at it, to tell a machine that an earlier
//! Machine object of the same name left behind; everything else goes by name or provider id, because Machine objects get
//! new UIDs when a control plane moves to another seed.
//!
//! # Why there is never a second one
//! `RunInstances` carries a client token made from the UID, so EC2 answers every repetition with the first instance. For
//! an instance that has died it answers `IdempotentInstanceTerminated`, or the dead instance; such a token is spent and
//! the next one (`<uid>`, `<uid>-1`, …) is taken. The token must not depend on the rest of the request: user data holds a bootstrap token that changes with
//! every attempt. EC2 then answers `IdempotentParameterMismatch`, which says that the instance is there already.
//!
//! # Few calls for many machines
//! Lookups and terminations that are asked for while one is under way go out together in the next call.

mod create;
mod delete;
mod fleet;
mod initialize;
mod status;
mod volumes;

use std::sync::Arc;

use async_trait::async_trait;
use futures::{FutureExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_client::pages::pages;
use gardener_provider_core::{
    ListMachinesRequest, ListedMachine, MachineDriver, MachineRequest, MachineStatus, PersistentVolumeSpec,
    Result, VolumeId,
};

use crate::{
    api::{
        instances::{Instance, describe_instances},
        query::Filter,
    },
    provider_spec::ProviderSpec,
    session::{Session, Sessions},
};

pub(crate) use fleet::Fleet;

/// The tag with the UID of the Machine that an instance was created for.
pub const UID_TAG: &str = "gardener.cloud/machine-uid";

/// The tag with the name of the Machine.
const NAME_TAG: &str = "Name";

/// States of instances that are there and will stay.
const ALIVE: [&str; 4] = ["pending", "running", "stopping", "stopped"];

/// The machine lifecycle on EC2.
#[derive(Debug)]
pub(crate) struct Machines {
    sessions: Arc<Sessions>,
}

/// What a method works with: the session, the spec and how the machine is known.
struct Job<'a> {
    request: &'a MachineRequest,
    session: Arc<Session>,
    spec: ProviderSpec,
    /// The tags by which the cluster's machines are known.
    keys: Arc<[String]>,
}

impl Machines {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }

    fn job<'a>(&self, request: &'a MachineRequest) -> Result<Job<'a>> {
        let spec = ProviderSpec::of_machine(&request.class, &request.machine)?;
        let session = self.sessions.get(&request.secret, &spec.region()?)?;
        let keys = spec.ownership_keys().into();
        Ok(Job { request, session, spec, keys })
    }
}

#[async_trait]
impl MachineDriver for Machines {
    async fn create_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        create::create(&self.job(request)?).await
    }

    async fn initialize_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        initialize::initialize(&self.job(request)?).await
    }

    async fn delete_machine(&self, request: &MachineRequest) -> Result<()> {
        delete::delete(&self.job(request)?).await
    }

    async fn get_machine_status(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let job = self.job(request)?;
        status::of(&job.find().await?, &job.spec, job.session.region())
    }

    fn list_machines(&self, request: ListMachinesRequest) -> BoxStream<'static, Result<ListedMachine>> {
        let prepare = || {
            let spec = ProviderSpec::of_class(&request.class)?;
            let session = self.sessions.get(&request.secret, &spec.region()?)?;
            Ok((session, spec))
        };
        match prepare() {
            Ok((session, spec)) => list(session, &spec),
            Err(error) => Box::pin(stream::once(async { Err(error) })),
        }
    }

    async fn get_volume_ids(&self, volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
        volumes::ids(volumes)
    }
}

fn list(session: Arc<Session>, spec: &ProviderSpec) -> BoxStream<'static, Result<ListedMachine>> {
    let keys = spec.ownership_keys();
    let mut filters: Vec<_> = keys.iter().map(Filter::tag_key).collect();
    filters.push(Filter::any("instance-state-name", ALIVE));
    let (region, filters) = (session.region().clone(), Arc::new(filters));
    let fetch = move |token: Option<String>| {
        let (session, filters) = (Arc::clone(&session), Arc::clone(&filters));
        async move { session.run(&describe_instances(&filters, token.as_deref())).await }.boxed()
    };
    // Exactly the cluster's tags, however a server filters.
    let ours = pages(fetch).try_filter(move |instance: &Instance| {
        futures::future::ready(keys.iter().all(|key| instance.tags.contains_key(key)))
    });
    Box::pin(ours.and_then(move |instance| {
        let listed = status::provider_id(&region, &instance.instance_id).map(|id| {
            // Without a name nobody claims it, and by its id it can be deleted.
            let name = instance.tags.get(NAME_TAG).unwrap_or(&instance.instance_id);
            ListedMachine::new(id, name)
        });
        async { listed }
    }))
}

#[cfg(test)]
mod tests;
