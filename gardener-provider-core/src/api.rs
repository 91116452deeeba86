//! Validation of a cloud's configuration in the Gardener API.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::{Error, Networking, Region, Result, SecretData};

/// A configuration to validate. `old` is what was there before, for an update.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Configuration {
    /// `InfrastructureConfig` of a Shoot.
    Infrastructure {
        /// The new config.
        new: Value,
        /// The config before the update.
        old: Option<Value>,
        /// The Shoot's region.
        region: Region,
        /// The Shoot's networking.
        networking: Networking,
    },
    /// `ControlPlaneConfig` of a Shoot.
    ControlPlane {
        /// The new config.
        new: Value,
        /// The config before the update.
        old: Option<Value>,
    },
    /// `WorkerConfig` of a worker pool.
    Worker {
        /// The new config.
        new: Value,
        /// The config before the update.
        old: Option<Value>,
    },
    /// `CloudProfileConfig`.
    CloudProfile {
        /// The new config.
        new: Value,
    },
    /// `BackupBucketConfig` of a Seed.
    BackupBucket {
        /// The new config.
        new: Value,
        /// The config before the update.
        old: Option<Value>,
    },
    /// `providerSpec` of a MachineClass.
    ProviderSpec {
        /// The spec.
        new: Value,
    },
    /// The secret with the cloud's credentials.
    Secret {
        /// The new data.
        new: SecretData,
        /// The data before the update.
        old: Option<SecretData>,
    },
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The path of the field, as the user wrote it: `networks.zones[1].workers`.
    pub field: String,
    /// What is wrong and how to mend it.
    pub problem: String,
}

impl Violation {
    /// `field` has this problem.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Error::invalid(violation.field, violation.problem)
    }
}

/// Validates what users write for this cloud.
#[async_trait]
pub trait GardenerApi: Send + Sync + fmt::Debug {
    /// All that is wrong with a configuration; empty if it is good.
    ///
    /// - Makes no call. Never fails because of what it validates; a kind of configuration that the provider does not
    ///   know: `Unimplemented`.
    async fn validate(&self, configuration: &Configuration) -> Result<Vec<Violation>>;
}
