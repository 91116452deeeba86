//! Gardener provider for AWS: machines, infrastructure, object storage.
//!
//! ```no_run
//! # fn main() -> gardener_provider_core::Result<()> {
//! use gardener_provider_aws::AwsProvider;
//!
//! // The public endpoints, credentials from the secret of each request.
//! let provider = AwsProvider::builder().build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it is built
//! - `endpoints` says where a service is; `credentials` who asks; `dialect` signs requests and reads errors;
//!   `errors` holds what AWS's error codes mean, as data.
//! - `api` has one file per family of resources: plain functions that build a request and parse its reply.
//! - `session` puts these together for one identity in one region and paces the calls.
//! - `bucket_config` reads the BackupBucketConfig; `storage` is object storage on top of it all.
//! - `provider_spec` reads the MachineClass; `machines` is the machine lifecycle on top of it all.
//!
//! There is no vendor SDK here but its credential chain and its signer: of EC2's more than 800 operations about 60 are
//! used.

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
    gardener_api::AwsApi,
    infrastructure::AwsInfrastructure,
    session::{Sessions, Shared},
    storage::AwsStorage,
};

pub use crate::machines::UID_TAG;

/// The AWS provider.
#[derive(Debug, Clone, Copy)]
pub struct AwsProvider;

impl AwsProvider {
    /// Begins a provider with the defaults.
    pub fn builder() -> AwsProviderBuilder {
        AwsProviderBuilder::default()
    }
}

/// Sets an AWS provider up.
#[derive(Debug, Default)]
pub struct AwsProviderBuilder {
    setup: Setup,
    endpoints: Endpoints,
    source: CredentialSource,
}

provider_setup!(AwsProviderBuilder);

impl AwsProviderBuilder {
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
        let api = AwsApi::new(self.source);
        let sessions = Arc::new(self.sessions()?);
        Ok(Provider::builder("aws")
            .api(api)
            .machines(machines::Machines::new(Arc::clone(&sessions)))
            .infrastructure(GraphDriver::new(AwsInfrastructure::new(Arc::clone(&sessions))))
            .storage(AwsStorage::new(Arc::clone(&sessions)))
            .capability(Capability::Versioning)
            .capability(Capability::Retention)
            .build())
    }

    /// The sessions of the provider that [`AwsProviderBuilder::build`] would make, for tests and measurements of single
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
