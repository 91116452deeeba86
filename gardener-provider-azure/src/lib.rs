//! Gardener provider for Azure: machines, infrastructure, object storage.
//!
//! ```no_run
//! # fn main() -> gardener_provider_core::Result<()> {
//! use gardener_provider_azure::AzureProvider;
//!
//! // The public endpoints, credentials from the secret of each request.
//! let provider = AzureProvider::builder().build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it is built
//! - `endpoints` says where a service is, in each of the clouds; `credentials` who asks; `dialect` adds tokens and reads
//!   errors; `errors` holds what Azure's error codes mean, as data.
//! - `api` has one file per family of resources: plain functions that build a request and parse its reply.
//!   `api::operations` has what is carried out in the background.
//! - `session` puts these together for one identity in one subscription and paces the calls.
//! - `bucket_config` reads the BackupBucketConfig; `storage` is object storage on top of it all.
//! - `infrastructure_config` reads the InfrastructureConfig, `infrastructure_status` is what later steps need to know;
//!   `graph` declares the resources and what each needs, `infrastructure` tells of them and lists them.
//! - `provider_spec` reads the MachineClass; `machines` is the machine lifecycle on top of it all.
//!
//! There is no vendor SDK here: Azure has none for its Resource Manager in Rust.

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

use std::sync::Arc;

use gardener_provider_client::{graph::GraphDriver, provider_setup, setup::Setup};
use gardener_provider_core::{Capability, Provider, Result};

use crate::{
    credentials::CredentialSource,
    endpoints::Endpoints,
    gardener_api::AzureApi,
    infrastructure::AzureInfrastructure,
    session::{Sessions, Shared},
    storage::AzureStorage,
};

pub use crate::machines::{NAME_TAG, UID_TAG};

/// The Azure provider.
#[derive(Debug, Clone, Copy)]
pub struct AzureProvider;

impl AzureProvider {
    /// Begins a provider with the defaults.
    pub fn builder() -> AzureProviderBuilder {
        AzureProviderBuilder::default()
    }
}

/// Sets an Azure provider up.
#[derive(Debug, Default)]
pub struct AzureProviderBuilder {
    setup: Setup,
    endpoints: Endpoints,
    source: CredentialSource,
}

provider_setup!(AzureProviderBuilder);

impl AzureProviderBuilder {
    /// Sets where the services are; else at their public endpoints.
    pub fn endpoints(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Sets where credentials come from; else from the secret of each request.
    pub fn credentials(mut self, source: CredentialSource) -> Self {
        self.source = source;
        self
    }

    /// The provider.
    ///
    /// # Errors
    /// If no transport was given and the network cannot be used.
    pub fn build(self) -> Result<Provider> {
        let api = AzureApi::new(self.source.clone());
        let sessions = Arc::new(self.sessions()?);
        let infrastructure = GraphDriver::new(AzureInfrastructure::new(Arc::clone(&sessions)));
        Ok(Provider::builder("azure")
            .api(api)
            .machines(machines::Machines::new(Arc::clone(&sessions)))
            .infrastructure(infrastructure)
            .storage(AzureStorage::new(sessions))
            .capability(Capability::Versioning)
            .capability(Capability::Retention)
            .build())
    }

    /// The sessions of the provider that [`AzureProviderBuilder::build`] would make, for tests and measurements of single
    /// calls.
    #[doc(hidden)]
    pub fn sessions(self) -> Result<Sessions> {
        Ok(Sessions::new(Shared {
            base: self.setup.finish(session::RATES)?,
            endpoints: self.endpoints,
            source: self.source,
        }))
    }
}

#[cfg(test)]
mod testing;
