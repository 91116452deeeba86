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

use gardener_provider_client::{
    client::ClientSettings,
    clock::{Clock, SystemClock},
    observe::CallObserver,
    retry::RetryPolicy,
    throttle::Rate,
    transport::{ReqwestTransport, Transport},
};
use gardener_provider_core::{Capability, Provider, Result};

use crate::{
    credentials::CredentialSource,
    endpoints::Endpoints,
    gardener_api::AwsApi,
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
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Arc<dyn Clock>>,
    observer: Option<Arc<dyn CallObserver>>,
    retry: Option<RetryPolicy>,
    seed: Option<u64>,
    rates: Option<Vec<(&'static str, Rate)>>,
    endpoints: Endpoints,
    source: CredentialSource,
}

impl AwsProviderBuilder {
    /// Sends everything through this, the data of objects too; else over the network.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Takes the time from this clock; else the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Tells `observer` of every attempt at a call.
    pub fn observer(mut self, observer: Arc<dyn CallObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Sets how calls are retried.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Sets the seed of the jitter of retries, for tests that must repeat exactly.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets how fast calls may be made, by API family; else what AWS documents. No rates: as fast as one can.
    pub fn rates(mut self, rates: Vec<(&'static str, Rate)>) -> Self {
        self.rates = Some(rates);
        self
    }

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
            .infrastructure(infrastructure::AwsInfrastructure::new(Arc::clone(&sessions)))
            .storage(AwsStorage::new(Arc::clone(&sessions)))
            .capability(Capability::Versioning)
            .capability(Capability::Retention)
            .build())
    }

    /// The sessions of the provider that [`AwsProviderBuilder::build`] would make, for tests and measurements of single
    /// calls.
    #[doc(hidden)]
    pub fn sessions(self) -> Result<Sessions> {
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(ReqwestTransport::new()?),
        };
        let mut settings =
            ClientSettings::new(self.clock.unwrap_or_else(|| Arc::new(SystemClock::default())));
        settings.seed = self.seed;
        if let Some(retry) = self.retry {
            settings = settings.with_retry(retry);
        }
        if let Some(observer) = self.observer {
            settings = settings.with_observer(observer);
        }
        Ok(Sessions::new(Shared {
            transport,
            settings,
            endpoints: self.endpoints,
            source: self.source,
            rates: self.rates.unwrap_or_else(|| session::RATES.to_vec()),
        }))
    }
}

#[cfg(test)]
mod testing;
