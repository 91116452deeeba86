//! How a sandbox is set up.

use std::{sync::Arc, time::Duration};

use gardener_provider_client::clock::{Clock, SystemClock};

use crate::{aws::AwsOptions, azure::AzureOptions, gcp::GcpOptions};

/// The settings of a [`Sandbox`](crate::Sandbox).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SandboxOptions {
    /// The time: all slow state changes, lags, expiry dates and injected latencies follow it.
    pub clock: Arc<dyn Clock>,
    /// Where generated ids and the dice of probabilistic faults start from: equal seeds, equal runs.
    pub seed: u64,
    /// How long every call takes.
    pub latency: Duration,
    /// Eventual consistency: for so long a new resource is not yet found by its id and absent from lists.
    pub lag: Duration,
    /// The AWS part.
    pub aws: AwsOptions,
    /// The Azure part.
    pub azure: AzureOptions,
    /// The GCP part.
    pub gcp: GcpOptions,
}

impl Default for SandboxOptions {
    /// The machine's clock, no latency, no lag, and the durations of real clouds for slow state changes.
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            seed: 1,
            latency: Duration::ZERO,
            lag: Duration::ZERO,
            aws: AwsOptions::default(),
            azure: AzureOptions::default(),
            gcp: GcpOptions::default(),
        }
    }
}

impl SandboxOptions {
    /// As the default, but every state change is over at once.
    pub fn instant() -> Self {
        let mut options = Self::default();
        options.aws.durations = crate::aws::Durations::instant();
        options.azure.durations = crate::azure::Durations::instant();
        options.gcp.durations = crate::gcp::Durations::instant();
        options
    }

    /// Sets the clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how long every call takes.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets the eventual-consistency lag.
    #[must_use]
    pub fn with_lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// Sets the AWS part.
    #[must_use]
    pub fn with_aws(mut self, aws: AwsOptions) -> Self {
        self.aws = aws;
        self
    }

    /// Sets the Azure part.
    #[must_use]
    pub fn with_azure(mut self, azure: AzureOptions) -> Self {
        self.azure = azure;
        self
    }

    /// Sets the GCP part.
    #[must_use]
    pub fn with_gcp(mut self, gcp: GcpOptions) -> Self {
        self.gcp = gcp;
        self
    }
}
