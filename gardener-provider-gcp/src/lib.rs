//! Gardener provider for GCP: machines, infrastructure, object storage.
//!
//! ```no_run
//! # fn main() -> gardener_provider_core::Result<()> {
//! use gardener_provider_gcp::GcpProvider;
//!
//! // The public endpoints, credentials from the secret of each request.
//! let provider = GcpProvider::builder().build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it is built
//! - `endpoints` says where a service is; `credentials` who asks; `dialect` shows that and reads errors; `errors` holds
//!   what Google's error codes mean, as data.
//! - `api` has one file per family of resources: plain functions that build a request and parse its reply.
//! - `session` puts these together for one identity, paces the calls and waits for long-running operations.
//! - `provider_spec` reads the MachineClass; `machines` is the machine lifecycle on top of it all.
//! - `bucket_config` reads the BackupBucketConfig; `storage` is object storage on top of it all.
//! - `infrastructure_config` reads the InfrastructureConfig; `graph` declares what it asks for; `infrastructure` runs that.
//!
//! There is no vendor SDK here.

pub mod bucket_config;
pub mod credentials;
pub mod endpoints;
pub mod errors;
pub mod infrastructure_config;
pub mod infrastructure_status;
pub mod provider_spec;

mod ambient;
#[doc(hidden)]
pub mod api;
#[doc(hidden)]
pub mod dialect;
mod gardener_api;
mod graph;
mod infrastructure;
mod machines;
#[doc(hidden)]
pub mod session;
mod storage;

use std::{path::PathBuf, sync::Arc};

use gardener_provider_client::{graph::GraphDriver, provider_setup, setup::Setup};
use gardener_provider_core::{Capability, Provider, Result};

use crate::{
    credentials::{CredentialSource, Trust},
    endpoints::{Endpoints, Service},
    gardener_api::GcpApi,
    infrastructure::GcpInfrastructure,
    session::{Sessions, Shared},
    storage::GcpStorage,
};

pub use crate::machines::{CLUSTER_LABEL, MACHINE_LABEL, UID_LABEL};

/// The GCP provider.
#[derive(Debug, Clone, Copy)]
pub struct GcpProvider;

impl GcpProvider {
    /// Begins a provider with the defaults.
    pub fn builder() -> GcpProviderBuilder {
        GcpProviderBuilder::default()
    }
}

/// Sets a GCP provider up.
#[derive(Debug, Default)]
pub struct GcpProviderBuilder {
    setup: Setup,
    endpoints: Endpoints,
    trust: Trust,
    no_service_accounts: bool,
}

provider_setup!(GcpProviderBuilder);

impl GcpProviderBuilder {
    /// Sets where the services are; else at their public endpoints.
    pub fn endpoints(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Sets where credentials come from; else from the secret of each request.
    pub fn credentials(mut self, source: CredentialSource) -> Self {
        self.trust.source = source;
        self
    }

    /// Sets the only file from which workload identities may take their token; else
    /// [`WORKLOAD_IDENTITY_TOKEN`](credentials::WORKLOAD_IDENTITY_TOKEN), where Gardener mounts it.
    pub fn workload_identity_token(mut self, file: impl Into<PathBuf>) -> Self {
        self.trust.token_file = file.into();
        self
    }

    /// Makes no service account for each cluster, as Gardener does with its feature gate
    /// `DisableGardenerServiceAccountCreation`. One that a cluster has already is kept until the cluster goes.
    pub fn without_service_accounts(mut self) -> Self {
        self.no_service_accounts = true;
        self
    }

    /// The provider.
    ///
    /// # Errors
    /// If no transport was given and the network cannot be used.
    pub fn build(self) -> Result<Provider> {
        let api = GcpApi::new(self.trust.clone());
        let no_service_accounts = self.no_service_accounts;
        let sessions = Arc::new(self.sessions()?);
        Ok(Provider::builder("gcp")
            .api(api)
            .machines(machines::Machines::new(Arc::clone(&sessions)))
            .infrastructure(GraphDriver::new(GcpInfrastructure::new(
                Arc::clone(&sessions),
                no_service_accounts,
            )))
            .storage(GcpStorage::new(sessions))
            .capability(Capability::Versioning)
            .capability(Capability::Retention)
            .build())
    }

    /// The sessions of the provider that [`GcpProviderBuilder::build`] would make, for tests and measurements of single
    /// calls.
    #[doc(hidden)]
    pub fn sessions(self) -> Result<Sessions> {
        let metadata = self.trust.environment.metadata_server();
        let endpoints = match metadata.filter(|_| !self.endpoints.is_custom(Service::Metadata)) {
            Some(url) => self.endpoints.with_service(Service::Metadata, url),
            None => self.endpoints,
        };
        Ok(Sessions::new(Shared { base: self.setup.finish(session::RATES)?, endpoints, trust: self.trust }))
    }
}

#[cfg(test)]
mod testing;
