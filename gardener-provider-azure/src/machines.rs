//! The machine lifecycle on Azure: one virtual machine per Machine, with a network interface and disks of its own.
//!
//! # How a machine is known
//! By its name, which is the Machine's name, in the resource group of its class, and by the tags `kubernetes.io-cluster-…`
//! and `kubernetes.io-role-…` of its class, all matched exactly. Network interface and disks have names made of the
//! machine's (`<machine>-nic`, `<machine>-os-disk`, `<machine>-<disk>-<lun>-data-disk`) and carry the same tags, and
//! [`NAME_TAG`] with the machine's name. [`UID_TAG`] holds the Machine's UID too. Only creation looks at it, to tell a
//! machine that an earlier Machine object of the same name left behind; everything else goes by name, because Machine
//! objects get new UIDs when a control plane moves to another seed.
//!
//! # Why there is never a second one
//! Names are unique within a resource group. A virtual machine is created with `If-None-Match: *`: one that exists is never
//! written over, whoever created it, and a creation that is repeated is answered with 412 and finds the first one. All else
//! is a PUT by name. A repeated request is the same byte for byte; where the class brings no SSH key and Azure insists on
//! one, it is [a constant](blueprint::NOBODYS_KEY) whose private key nobody has.
//!
//! # Why nothing is left
//! Disks and network interface are set to be deleted with their machine. What a half-done creation, a failed one or a disk
//! that is being detached leaves all the same is deleted by its exact name or by [`NAME_TAG`], and shows in lists until
//! then.
//!
//! # Few calls for many machines
//! Lookups that are asked for while one is under way go out together in the next: a few are read one by one, many as lists
//! of their resource group. Those lists come from the resource providers and not from Resource Graph, which lags behind.

mod blueprint;
mod create;
mod delete;
mod fleet;
mod image;
mod list;
mod names;
mod status;
mod volumes;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::{stream, stream::BoxStream};
use gardener_provider_core::{
    Error, ListMachinesRequest, ListedMachine, MachineDriver, MachineRequest, MachineStatus,
    PersistentVolumeSpec, Result, VolumeId,
};

use crate::{
    api::{ResourceId, network_interfaces::NetworkInterface, virtual_machines::VirtualMachine},
    provider_spec::ProviderSpec,
    session::{Session, Sessions},
};

pub(crate) use fleet::Fleet;
use fleet::Sighting;
use names::Names;

/// The tag with the UID of the Machine that a virtual machine was created for.
pub const UID_TAG: &str = "gardener.cloud-machine-uid";
/// The tag with the name of the Machine that something belongs to.
pub const NAME_TAG: &str = "gardener.cloud-machine-name";

/// The machine lifecycle on Azure.
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
    keys: Vec<String>,
    /// The resource group.
    group: ResourceId,
    /// What the machine's parts are called.
    names: Names,
}

/// A machine of the cluster and its network interface.
#[derive(Debug, Clone)]
struct Found {
    machine: VirtualMachine,
    interface: Option<NetworkInterface>,
}

impl Machines {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }

    fn job<'a>(&self, request: &'a MachineRequest) -> Result<Job<'a>> {
        let spec = ProviderSpec::of_class(&request.class)?;
        let session = self.sessions.get(&request.secret, spec.cloud()?)?;
        let (keys, group) = (spec.ownership_keys(), session.group(&spec.resource_group));
        let named = status::machine_of(request.machine.provider_id.as_ref(), &spec)?;
        let names = Names::of(named.as_deref().unwrap_or(request.machine.name.as_str()), &spec)?;
        Ok(Job { request, session, spec, keys, group, names })
    }
}

impl Job<'_> {
    /// True if these tags mark something as this cluster's.
    fn owns(&self, tags: &BTreeMap<String, String>) -> bool {
        owns(&self.keys, tags)
    }

    fn machine_id(&self) -> ResourceId {
        self.group.compute("virtualMachines", &self.names.machine)
    }

    fn interface_id(&self) -> ResourceId {
        self.group.network("networkInterfaces", &self.names.interface)
    }

    fn disk_id(&self, name: &str) -> ResourceId {
        self.group.compute("disks", name)
    }

    /// What there is by the machine's name, whoever's it is.
    async fn sight(&self) -> Result<Sighting> {
        self.session.fleet().find(&self.group, &self.names).await
    }

    /// The machine, with its network interface; none if it does not exist or is not the cluster's.
    async fn find(&self) -> Result<Option<Found>> {
        let Sighting { machine, interface } = self.sight().await?;
        let machine = machine.filter(|machine| self.owns(&machine.tags));
        Ok(machine.map(|machine| Found { machine, interface }))
    }

    /// The status of the machine.
    async fn status(&self) -> Result<MachineStatus> {
        match self.find().await? {
            Some(found) => status::of(&found, &self.spec),
            None => Err(Error::not_found(format!("machine {}", self.names.machine))),
        }
    }
}

/// True if these tags hold all of these keys. Azure tells the names of tags apart without regard to case.
fn owns(keys: &[String], tags: &BTreeMap<String, String>) -> bool {
    keys.iter().all(|key| tags.keys().any(|found| found.eq_ignore_ascii_case(key)))
}

/// The value of a tag.
fn tag<'a>(tags: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    tags.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[async_trait]
impl MachineDriver for Machines {
    async fn create_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let job = self.job(request)?;
        Box::pin(create::create(&job)).await
    }

    /// There is nothing to do after a creation: source/destination checks do not exist, and forwarding is on from the
    /// start.
    async fn initialize_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        self.job(request)?.status().await
    }

    async fn delete_machine(&self, request: &MachineRequest) -> Result<()> {
        delete::delete(&self.job(request)?).await
    }

    async fn get_machine_status(&self, request: &MachineRequest) -> Result<MachineStatus> {
        self.job(request)?.status().await
    }

    fn list_machines(&self, request: ListMachinesRequest) -> BoxStream<'static, Result<ListedMachine>> {
        let prepare = || {
            let spec = ProviderSpec::of_class(&request.class)?;
            let session = self.sessions.get(&request.secret, spec.cloud()?)?;
            Ok((session, spec))
        };
        match prepare() {
            Ok((session, spec)) => list::list(&session, spec),
            Err(error) => Box::pin(stream::once(async { Err(error) })),
        }
    }

    async fn get_volume_ids(&self, volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
        volumes::ids(volumes)
    }
}
