//! The machine lifecycle on Compute Engine: one instance per Machine.
//!
//! # How a machine is known
//! By its name, which is the Machine's, and by the network tags `kubernetes-io-cluster-…` and `kubernetes-io-role-…` of its
//! class, all matched exactly, in all zones of the class's region. The label [`UID_LABEL`] holds the Machine's UID. Only
//! creation looks at it, to tell a machine that an earlier Machine object of the same name left behind; everything else
//! goes by name or provider id, because Machine objects get new UIDs when a control plane moves to another seed. Disks
//! have no network tags, so those that go with a machine carry [`MACHINE_LABEL`] and [`CLUSTER_LABEL`].
//!
//! # Why there is never a second one
//! A name is taken once in a zone, and the creation carries a request id made from the UID, so Google answers a
//! repetition with the operation of the first. Google answers so, too, when that operation failed long ago or its instance
//! has gone since; such an id is spent and the next one made from the UID is taken. The id does not depend on the rest of
//! the request: user data holds a bootstrap token that changes with every attempt.
//!
//! # What is asked of the server
//! Compute Engine cannot filter by network tags (<https://issuetracker.google.com/issues/120255780>), so lookups filter by
//! name, and lists by the label of the cluster; the tags are compared here. Lists may lag behind, so a machine that a list
//! does not show is asked for by its name before it is called missing. Lookups that are asked for while one is under way
//! go out together in the next call.

mod create;
mod delete;
mod fleet;
mod status;
mod volumes;

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_core::{
    Error, ListMachinesRequest, ListedMachine, MachineDriver, MachineRequest, MachineStatus,
    PersistentVolumeSpec, Result, VolumeId,
};

use crate::{
    api::instances::Labels,
    provider_spec::{ProviderSpec, is_name},
    session::{Session, Sessions},
};

pub(crate) use fleet::{Fleet, is_in};

/// The label with the UID of the Machine that an instance was created for.
pub const UID_LABEL: &str = "gardener-machine-uid";
/// The label of a disk with the name of the Machine that it goes with.
pub const MACHINE_LABEL: &str = "gardener-machine";
/// The label with the technical id of the cluster. Gardener's own parts label machines and volumes with it too.
pub const CLUSTER_LABEL: &str = "k8s-cluster-name";

/// The machine lifecycle on Compute Engine.
#[derive(Debug)]
pub(crate) struct Machines {
    sessions: Arc<Sessions>,
}

/// What a method works with: the session, the spec and how the machine is known.
struct Job<'a> {
    request: &'a MachineRequest,
    session: Arc<Session>,
    spec: ProviderSpec,
    /// The network tags by which the cluster's machines are known.
    tags: Vec<String>,
}

impl Machines {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }

    fn job<'a>(&self, request: &'a MachineRequest) -> Result<Job<'a>> {
        let spec = ProviderSpec::of_class(&request.class)?;
        let session = self.sessions.get(&request.secret)?;
        let name = request.machine.name.as_str();
        if !is_name(name) {
            let problem = "is no name of an instance; use 1 to 63 letters, digits and '-', a letter first";
            return Err(Error::invalid("machine.metadata.name", format!("{name:?} {problem}")));
        }
        let tags = spec.ownership_tags();
        Ok(Job { request, session, spec, tags })
    }
}

#[async_trait]
impl MachineDriver for Machines {
    async fn create_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        create::create(&self.job(request)?).await
    }

    /// An instance is complete when it is created.
    async fn initialize_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        self.get_machine_status(request).await
    }

    async fn delete_machine(&self, request: &MachineRequest) -> Result<()> {
        delete::delete(&self.job(request)?).await
    }

    async fn get_machine_status(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let job = self.job(request)?;
        status::of(&job.find().await?, job.session.project())
    }

    fn list_machines(&self, request: ListMachinesRequest) -> BoxStream<'static, Result<ListedMachine>> {
        let prepare = || {
            let spec = ProviderSpec::of_class(&request.class)?;
            Ok((self.sessions.get(&request.secret)?, spec))
        };
        match prepare() {
            Ok((session, spec)) => list(session, spec),
            Err(error) => Box::pin(stream::once(async { Err(error) })),
        }
    }

    async fn get_volume_ids(&self, volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
        volumes::ids(volumes)
    }
}

fn list(session: Arc<Session>, spec: ProviderSpec) -> BoxStream<'static, Result<ListedMachine>> {
    let found = async move { of_cluster(&session, &spec).await };
    stream::once(found).map_ok(|listed| stream::iter(listed).map(Ok)).try_flatten().boxed()
}

/// The instances of the cluster, and machines of which only disks are left.
async fn of_cluster(session: &Session, spec: &ProviderSpec) -> Result<Vec<ListedMachine>> {
    let tags = spec.ownership_tags();
    let instances = fleet::instances_of_cluster(session, spec);
    let disks = fleet::disks_of_cluster(session, spec);
    let (instances, disks) = futures::future::try_join(instances, disks).await?;
    let project = session.project();
    let mut listed = Vec::new();
    for instance in instances.iter().filter(|instance| instance.has_tags(&tags)) {
        let id = status::provider_id(project, instance.zone(), &instance.name)?;
        listed.push(ListedMachine::new(id, &instance.name));
    }
    for disk in disks.iter().filter(|disk| disk.users.is_empty()) {
        let name = disk.labels.get(MACHINE_LABEL).map_or("", String::as_str);
        // An instance of that name, of whichever role, will see to its disks.
        if is_name(name) && instances.iter().all(|instance| instance.name != name) {
            let machine = ListedMachine::new(status::provider_id(project, disk.zone(), name)?, name);
            if !listed.contains(&machine) {
                listed.push(machine);
            }
        }
    }
    Ok(listed)
}

/// The labels of what belongs to a machine.
fn labels(job: &Job<'_>) -> Result<Labels> {
    let name = job.request.machine.name.to_string();
    Ok(Labels::from([
        (CLUSTER_LABEL.to_owned(), job.spec.cluster()?.to_owned()),
        (MACHINE_LABEL.to_owned(), name),
        (UID_LABEL.to_owned(), create::uid_label(&job.request.machine.uid)?.to_owned()),
    ]))
}

#[cfg(test)]
mod tests;
