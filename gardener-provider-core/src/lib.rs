//! What a Gardener cloud provider is: traits, values and errors, without an HTTP client and without a runtime.
//!
//! # How the parts fit
//! Gardener needs five things from a cloud, one trait each:
//!
//! | trait | what it does |
//! |---|---|
//! | [`MachineDriver`] | creates, initializes, deletes, finds and lists virtual machines |
//! | [`InfrastructureDriver`] | plans, applies, destroys and lists the network and its identities |
//! | [`ObjectStorage`] | manages buckets for etcd backups and opens them as an [`object_store::ObjectStore`] |
//! | [`GardenerApi`] | validates what users write for the cloud |
//! | [`Botanist`] | works out the cloud-specific configuration of a cluster |
//!
//! A [`Provider`] bundles them under a name; a [`Registry`] holds providers that were registered by a call. The
//! contract of every method stands on the method, and the conformance suite tests its sentences.
//!
//! # A provider of one part
//! ```
//! use gardener_provider_core::{Capability, Configuration, GardenerApi, Provider, Result, Violation};
//!
//! #[derive(Debug)]
//! struct AcceptsAll;
//!
//! #[async_trait::async_trait]
//! impl GardenerApi for AcceptsAll {
//!     async fn validate(&self, _: &Configuration) -> Result<Vec<Violation>> {
//!         Ok(Vec::new())
//!     }
//! }
//!
//! let provider = Provider::builder("imaginary").api(AcceptsAll).build();
//! assert!(provider.can(Capability::Api));
//! ```

mod api;
mod botanist;
mod error;
mod ext;
mod ids;
mod infrastructure;
mod machine;
#[cfg(feature = "mock")]
pub mod mock;
mod provider;
mod secret;
mod storage;

pub use api::{Configuration, GardenerApi, Violation};
pub use botanist::{Botanist, ControlPlaneRequest, MachineDeployment, WorkerRequest};
pub use error::{Error, ErrorKind, GardenerCode, MachineCode, Result, Retry};
pub use ext::{InfrastructureDriverExt, MachineDriverExt};
pub use ids::{BucketName, ClusterId, MachineName, MachineUid, NodeName, ProviderId, Region, VolumeId, Zone};
pub use infrastructure::{
    Action, CancelToken, CloudResource, Difference, Infrastructure, InfrastructureDriver,
    InfrastructureRequest, InfrastructureState, IpFamily, Networking, NoProgress, NoStateStore, Plan,
    PlannedStep, Progress, ProgressSink, RunOptions, StateStore,
};
pub use machine::{
    AddressKind, AwsElasticBlockStore, AzureDisk, CsiVolume, GcePersistentDisk, ListMachinesRequest,
    ListedMachine, Machine, MachineAddress, MachineClass, MachineDriver, MachineRequest, MachineState,
    MachineStatus, PersistentVolumeSpec, cluster_tag,
};
pub use provider::{Capability, Provider, ProviderBuilder, Registry};
pub use secret::{Redacted, SecretData};
pub use storage::{
    Bucket, BucketRef, BucketSpec, DeletedObjects, Encryption, ObjectPrefix, ObjectStorage, Retention,
    RetentionMode,
};
