//! A provider is data: five parts behind a name. Replacing a part is replacing a field.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use futures::{StreamExt, stream, stream::BoxStream};

use crate::{
    Botanist, Bucket, BucketName, BucketRef, BucketSpec, CloudResource, Configuration, ControlPlaneRequest,
    DeletedObjects, Error, GardenerApi, Infrastructure, InfrastructureDriver, InfrastructureRequest,
    ListMachinesRequest, ListedMachine, MachineDeployment, MachineDriver, MachineRequest, MachineStatus,
    ObjectPrefix, ObjectStorage, PersistentVolumeSpec, Plan, Region, Result, RunOptions, SecretData,
    Violation, VolumeId, WorkerRequest,
};

/// Something a provider can do. The conformance suite enrols its cases by these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capability {
    /// Create, initialize, delete, get and list machines.
    Machines,
    /// Plan, apply, destroy, get and list infrastructure.
    Infrastructure,
    /// Create, get, list, delete and open buckets.
    ObjectStorage,
    /// Buckets can keep old versions of objects.
    Versioning,
    /// Objects can be protected for a time.
    Retention,
    /// Validate configurations.
    Api,
    /// Configure clusters.
    Botanist,
}

/// The integrations of one cloud.
///
/// ```
/// use gardener_provider_core::{Capability, Provider};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// // A provider without any part answers `Unimplemented` to everything.
/// let provider = Provider::builder("imaginary").build();
/// assert!(!provider.can(Capability::Machines));
/// let error = provider.machines.get_volume_ids(&[]).await.unwrap_err();
/// assert_eq!(error.to_string(), "machine lifecycle is not offered by this provider");
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Provider {
    /// The provider type as the Gardener API has it: `aws`, `azure`, `gcp`, …
    pub name: String,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// Machine lifecycle.
    pub machines: Arc<dyn MachineDriver>,
    /// Infrastructure.
    pub infrastructure: Arc<dyn InfrastructureDriver>,
    /// Object storage.
    pub storage: Arc<dyn ObjectStorage>,
    /// Validation for the Gardener API.
    pub api: Arc<dyn GardenerApi>,
    /// Configuration of clusters.
    pub botanist: Arc<dyn Botanist>,
}

impl Provider {
    /// Begins a provider of this name; parts not given answer `Unimplemented`.
    pub fn builder(name: impl Into<String>) -> ProviderBuilder {
        let nothing = Arc::new(Unimplemented);
        ProviderBuilder(Provider {
            name: name.into(),
            capabilities: Vec::new(),
            machines: Arc::clone(&nothing) as _,
            infrastructure: Arc::clone(&nothing) as _,
            storage: Arc::clone(&nothing) as _,
            api: Arc::clone(&nothing) as _,
            botanist: nothing,
        })
    }

    /// True if the provider can do this.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }
}

/// Builds a [`Provider`]; giving a part adds its capability.
#[derive(Debug)]
pub struct ProviderBuilder(Provider);

impl ProviderBuilder {
    /// Gives the machine lifecycle.
    pub fn machines(mut self, part: impl MachineDriver + 'static) -> Self {
        self.0.machines = Arc::new(part);
        self.capability(Capability::Machines)
    }

    /// Gives the infrastructure.
    pub fn infrastructure(mut self, part: impl InfrastructureDriver + 'static) -> Self {
        self.0.infrastructure = Arc::new(part);
        self.capability(Capability::Infrastructure)
    }

    /// Gives the object storage.
    pub fn storage(mut self, part: impl ObjectStorage + 'static) -> Self {
        self.0.storage = Arc::new(part);
        self.capability(Capability::ObjectStorage)
    }

    /// Gives the validation.
    pub fn api(mut self, part: impl GardenerApi + 'static) -> Self {
        self.0.api = Arc::new(part);
        self.capability(Capability::Api)
    }

    /// Gives the configuration of clusters.
    pub fn botanist(mut self, part: impl Botanist + 'static) -> Self {
        self.0.botanist = Arc::new(part);
        self.capability(Capability::Botanist)
    }

    /// Says that the provider can do this too.
    pub fn capability(mut self, capability: Capability) -> Self {
        if !self.0.can(capability) {
            self.0.capabilities.push(capability);
            self.0.capabilities.sort_unstable();
        }
        self
    }

    /// The provider.
    pub fn build(self) -> Provider {
        self.0
    }
}

/// Providers by name. Nothing registers itself: what is here was put here by a call.
#[derive(Debug, Clone, Default)]
pub struct Registry(BTreeMap<String, Provider>);

impl Registry {
    /// No providers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider.
    ///
    /// # Errors
    /// `AlreadyExists` if one of that name is registered.
    pub fn register(&mut self, provider: Provider) -> Result<()> {
        use std::collections::btree_map::Entry;
        match self.0.entry(provider.name.clone()) {
            Entry::Occupied(entry) => Err(Error::new(
                crate::ErrorKind::AlreadyExists,
                format!("a provider named {} is registered already", entry.key()),
            )),
            Entry::Vacant(entry) => {
                entry.insert(provider);
                Ok(())
            }
        }
    }

    /// The provider of that name.
    ///
    /// # Errors
    /// `NotFound`, naming those that are registered.
    pub fn get(&self, name: &str) -> Result<&Provider> {
        self.0.get(name).ok_or_else(|| {
            let known: Vec<_> = self.0.keys().map(String::as_str).collect();
            Error::new(
                crate::ErrorKind::NotFound,
                format!("no provider named {name:?} is registered; there are: {}", known.join(", ")),
            )
        })
    }

    /// All providers, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.values()
    }
}

/// Answers `Unimplemented` to everything.
#[derive(Debug, Clone, Copy)]
struct Unimplemented;

impl Unimplemented {
    fn answer<T>(what: impl fmt::Display) -> Result<T> {
        Err(Error::unimplemented(what))
    }

    fn stream<T: Send + 'static>(what: &'static str) -> BoxStream<'static, Result<T>> {
        stream::once(async move { Self::answer(what) }).boxed()
    }
}

const MACHINES: &str = "machine lifecycle";
const INFRASTRUCTURE: &str = "infrastructure";
const STORAGE: &str = "object storage";
const API: &str = "configuration validation";
const BOTANIST: &str = "cluster configuration";

#[async_trait]
impl MachineDriver for Unimplemented {
    async fn create_machine(&self, _: &MachineRequest) -> Result<MachineStatus> {
        Self::answer(MACHINES)
    }
    async fn initialize_machine(&self, _: &MachineRequest) -> Result<MachineStatus> {
        Self::answer(MACHINES)
    }
    async fn delete_machine(&self, _: &MachineRequest) -> Result<()> {
        Self::answer(MACHINES)
    }
    async fn get_machine_status(&self, _: &MachineRequest) -> Result<MachineStatus> {
        Self::answer(MACHINES)
    }
    fn list_machines(&self, _: ListMachinesRequest) -> BoxStream<'static, Result<ListedMachine>> {
        Self::stream(MACHINES)
    }
    async fn get_volume_ids(&self, _: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
        Self::answer(MACHINES)
    }
}

#[async_trait]
impl InfrastructureDriver for Unimplemented {
    async fn plan(&self, _: &InfrastructureRequest) -> Result<Plan> {
        Self::answer(INFRASTRUCTURE)
    }
    async fn plan_destroy(&self, _: &InfrastructureRequest) -> Result<Plan> {
        Self::answer(INFRASTRUCTURE)
    }
    async fn apply(&self, _: &InfrastructureRequest, _: &RunOptions) -> Result<Infrastructure> {
        Self::answer(INFRASTRUCTURE)
    }
    async fn destroy(&self, _: &InfrastructureRequest, _: &RunOptions) -> Result<()> {
        Self::answer(INFRASTRUCTURE)
    }
    async fn get(&self, _: &InfrastructureRequest) -> Result<Infrastructure> {
        Self::answer(INFRASTRUCTURE)
    }
    fn list(&self, _: InfrastructureRequest) -> BoxStream<'static, Result<CloudResource>> {
        Self::stream(INFRASTRUCTURE)
    }
    fn picture(&self, _: &InfrastructureRequest) -> Result<String> {
        Self::answer(INFRASTRUCTURE)
    }
}

#[async_trait]
impl ObjectStorage for Unimplemented {
    async fn create_bucket(&self, _: &BucketSpec, _: &SecretData) -> Result<Bucket> {
        Self::answer(STORAGE)
    }
    async fn get_bucket(&self, _: &BucketRef) -> Result<Bucket> {
        Self::answer(STORAGE)
    }
    fn list_buckets(&self, _: Region, _: SecretData) -> BoxStream<'static, Result<BucketName>> {
        Self::stream(STORAGE)
    }
    async fn delete_bucket(&self, _: &BucketRef) -> Result<()> {
        Self::answer(STORAGE)
    }
    async fn delete_prefix(&self, _: &BucketRef, _: &ObjectPrefix) -> Result<DeletedObjects> {
        Self::answer(STORAGE)
    }
    async fn open(&self, _: &BucketRef) -> Result<Arc<dyn object_store::ObjectStore>> {
        Self::answer(STORAGE)
    }
}

#[async_trait]
impl GardenerApi for Unimplemented {
    async fn validate(&self, _: &Configuration) -> Result<Vec<Violation>> {
        Self::answer(API)
    }
}

#[async_trait]
impl Botanist for Unimplemented {
    async fn machine_deployments(&self, _: &WorkerRequest) -> Result<Vec<MachineDeployment>> {
        Self::answer(BOTANIST)
    }
    async fn cloud_provider_config(&self, _: &ControlPlaneRequest) -> Result<BTreeMap<String, String>> {
        Self::answer(BOTANIST)
    }
    async fn storage_classes(&self, _: &ControlPlaneRequest) -> Result<Vec<serde_json::Value>> {
        Self::answer(BOTANIST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_registered_once_and_a_missing_one_lists_the_others() {
        let mut registry = Registry::new();
        registry.register(Provider::builder("aws").build()).unwrap();
        let twice = registry.register(Provider::builder("aws").build()).unwrap_err();
        assert_eq!(twice.kind(), crate::ErrorKind::AlreadyExists);
        assert!(registry.get("gcp").unwrap_err().to_string().contains("there are: aws"));
    }

    #[test]
    fn the_bundle_is_send_sync_and_debug() {
        fn check<T: Send + Sync + fmt::Debug>(_: &T) {}
        let provider = Provider::builder("x").machines(Unimplemented).build();
        check(&provider);
        assert_eq!(provider.capabilities, [Capability::Machines]);
    }
}
