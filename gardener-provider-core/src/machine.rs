//! The machine lifecycle: one virtual machine per Gardener Machine object.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ClusterId, MachineName, MachineUid, NodeName, ProviderId, Result, SecretData, VolumeId};

/// The Machine object, as far as a driver needs it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Machine {
    /// `metadata.name`; the machine's name in the cloud.
    pub name: MachineName,
    /// `metadata.uid`; makes creation idempotent.
    pub uid: MachineUid,
    /// `spec.providerID`, empty until the machine was created.
    pub provider_id: Option<ProviderId>,
    /// Annotations of `spec.nodeTemplate.metadata`.
    pub annotations: BTreeMap<String, String>,
}

impl Machine {
    /// A Machine that has not been created yet.
    pub fn new(name: MachineName, uid: MachineUid) -> Self {
        Self { name, uid, provider_id: None, annotations: BTreeMap::new() }
    }

    /// Sets `spec.providerID`.
    pub fn with_provider_id(mut self, id: ProviderId) -> Self {
        self.provider_id = Some(id);
        self
    }

    /// Adds an annotation of the node template.
    pub fn with_annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(key.into(), value.into());
        self
    }
}

/// The MachineClass object, as far as a driver needs it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MachineClass {
    /// `metadata.name`.
    pub name: String,
    /// `providerSpec` as Gardener wrote it: the cloud's own fields, exactly by Gardener's names.
    pub provider_spec: Value,
}

impl MachineClass {
    /// A class of this name and provider spec.
    pub fn new(name: impl Into<String>, provider_spec: Value) -> Self {
        Self { name: name.into(), provider_spec }
    }
}

/// What every call about one machine is given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MachineRequest {
    /// The Machine.
    pub machine: Machine,
    /// Its class.
    pub class: MachineClass,
    /// The data of the class's secrets (`secretRef` and `credentialsSecretRef`) merged: credentials and `userData`.
    pub secret: SecretData,
}

impl MachineRequest {
    /// A request about `machine`.
    pub fn new(machine: Machine, class: MachineClass, secret: SecretData) -> Self {
        Self { machine, class, secret }
    }
}

/// What [`MachineDriver::list_machines`] is given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListMachinesRequest {
    /// The class whose cluster and place are listed.
    pub class: MachineClass,
    /// The data of the class's secrets.
    pub secret: SecretData,
}

impl ListMachinesRequest {
    /// A request about the cluster of `class`.
    pub fn new(class: MachineClass, secret: SecretData) -> Self {
        Self { class, secret }
    }
}

/// Where in its life a machine is, as the cloud sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MachineState {
    /// Being created or started.
    Pending,
    /// Running.
    Running,
    /// Stopping or stopped, but still there.
    Stopped,
    /// Being deleted.
    Terminating,
    /// Creation went wrong half-way, or only parts of a machine (a network interface, a disk) are there. Deleting the
    /// machine removes them.
    Incomplete,
}

/// What kind of address a [`MachineAddress`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind {
    /// Reachable within the cluster's network.
    InternalIp,
    /// Reachable from outside.
    ExternalIp,
    /// A name that resolves within the cluster's network.
    InternalDns,
    /// A name that resolves outside.
    ExternalDns,
    /// The host name.
    Hostname,
}

/// One address of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MachineAddress {
    /// What kind of address.
    pub kind: AddressKind,
    /// The address or name.
    pub address: String,
}

impl MachineAddress {
    /// An address of this kind.
    pub fn new(kind: AddressKind, address: impl Into<String>) -> Self {
        Self { kind, address: address.into() }
    }

    /// An IP address.
    pub fn ip(kind: AddressKind, address: IpAddr) -> Self {
        Self::new(kind, address.to_string())
    }
}

/// A machine as the cloud sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachineStatus {
    /// The id to store in `spec.providerID`.
    pub provider_id: ProviderId,
    /// The name of the Node the machine will register as.
    pub node_name: NodeName,
    /// Its addresses.
    pub addresses: Vec<MachineAddress>,
    /// Its state.
    pub state: MachineState,
    /// False while [`MachineDriver::initialize_machine`] has work left; the machine-controller-manager's code 17.
    pub initialized: bool,
}

impl MachineStatus {
    /// A running, initialized machine without addresses.
    pub fn new(provider_id: ProviderId, node_name: NodeName) -> Self {
        Self {
            provider_id,
            node_name,
            addresses: Vec::new(),
            state: MachineState::Running,
            initialized: true,
        }
    }

    /// Sets the addresses.
    pub fn with_addresses(mut self, addresses: Vec<MachineAddress>) -> Self {
        self.addresses = addresses;
        self
    }

    /// Sets the state.
    pub fn with_state(mut self, state: MachineState) -> Self {
        self.state = state;
        self
    }

    /// Sets whether initialization is complete.
    pub fn with_initialized(mut self, initialized: bool) -> Self {
        self.initialized = initialized;
        self
    }
}

/// One machine of a cluster as [`MachineDriver::list_machines`] finds it, complete or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ListedMachine {
    /// The id by which it can be deleted.
    pub provider_id: ProviderId,
    /// The machine's name, as its Machine object has it.
    pub name: String,
}

impl ListedMachine {
    /// A machine of this id and name.
    pub fn new(provider_id: ProviderId, name: impl Into<String>) -> Self {
        Self { provider_id, name: name.into() }
    }
}

/// The volume source of a PersistentVolume's spec, as far as it says which volume of the cloud it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PersistentVolumeSpec {
    /// A CSI volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csi: Option<CsiVolume>,
    /// An EBS volume of the in-tree plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_elastic_block_store: Option<AwsElasticBlockStore>,
    /// An Azure disk of the in-tree plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_disk: Option<AzureDisk>,
    /// A Compute Engine disk of the in-tree plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gce_persistent_disk: Option<GcePersistentDisk>,
}

/// `spec.csi` of a PersistentVolume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsiVolume {
    /// The driver's name, such as `ebs.csi.aws.com`.
    pub driver: String,
    /// The driver's id of the volume.
    pub volume_handle: String,
}

/// `spec.awsElasticBlockStore` of a PersistentVolume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsElasticBlockStore {
    /// `aws://<zone>/<volume id>` or the bare id.
    #[serde(rename = "volumeID")]
    pub volume_id: String,
}

/// `spec.azureDisk` of a PersistentVolume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureDisk {
    /// The disk's name.
    pub disk_name: String,
}

/// `spec.gcePersistentDisk` of a PersistentVolume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GcePersistentDisk {
    /// The disk's name.
    pub pd_name: String,
}

/// Creates, initializes, deletes and finds virtual machines.
///
/// # Contract, for every method
/// - The secret is needed on every call. Without credentials, or with malformed ones: `InvalidArgument` naming the key.
///   Credentials the cloud does not know or no longer accepts: `Unauthenticated`; not allowed: `PermissionDenied`.
/// - A provider spec that cannot be right (unknown field, wrong type, missing field): `InvalidArgument` naming the
///   field, and no call that changes anything.
/// - Throttling is waited out; what remains is `RateLimited`. A cloud that does not answer: `Unavailable`.
/// - Methods may be called at the same time, for the same machine too.
/// - Dropping the future at any point loses nothing: calling again finishes the job.
#[async_trait]
pub trait MachineDriver: Send + Sync + fmt::Debug {
    /// Creates the machine, or adopts the one an earlier, interrupted call created for the same UID.
    ///
    /// - However often it is called, by however many callers, interrupted anywhere: exactly one machine exists.
    /// - Returns once the machine can be found by [`MachineDriver::get_machine_status`]; it may still be booting.
    /// - No capacity: `OutOfCapacity`; a limit of the account: `QuotaExceeded`. Neither leaves parts behind.
    /// - A machine of that name that belongs to another UID: `AlreadyExists`.
    async fn create_machine(&self, request: &MachineRequest) -> Result<MachineStatus>;

    /// Does what can be done only after creation, such as switching off the source/destination check.
    ///
    /// - Doing it again changes nothing. Nothing to do: answers like [`MachineDriver::get_machine_status`].
    /// - No such machine: `NotFound`. Not done yet or failed half-way: an error, and the status says
    ///   `initialized: false` until it is done.
    async fn initialize_machine(&self, request: &MachineRequest) -> Result<MachineStatus>;

    /// Deletes the machine and all that came with it: disks, network interfaces, addresses.
    ///
    /// - No such machine: success. Parts of a half-created machine are removed too.
    /// - Found by provider id if the Machine has one, else by name and cluster; several that match are all deleted,
    ///   as each of them is this machine.
    /// - Never touches what is not marked as this cluster's.
    async fn delete_machine(&self, request: &MachineRequest) -> Result<()>;

    /// Looks the machine up.
    ///
    /// - No such machine, or one that is gone: `NotFound`.
    /// - More than one: `MultipleMatches`, naming them.
    async fn get_machine_status(&self, request: &MachineRequest) -> Result<MachineStatus>;

    /// Lists all machines of the class's cluster, half-created ones included, so that nothing is lost from sight.
    ///
    /// - All pages. Machines that are gone are not listed. No machine: an empty stream.
    /// - An error ends the stream; what came before it is true.
    fn list_machines(&self, request: ListMachinesRequest) -> BoxStream<'static, Result<ListedMachine>>;

    /// The cloud's ids of those volumes that belong to this cloud, in order; volumes of others are left out.
    ///
    /// - Makes no call. A handle of this cloud that cannot be right: `InvalidArgument`.
    async fn get_volume_ids(&self, volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>>;
}

/// The label, tag or network tag by which a machine is known to belong to a cluster.
pub fn cluster_tag(cluster: &ClusterId) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}
