//! Gardener provider for GCP: not written yet.
//!
//! The crate holds the name and answers `Unimplemented` to everything, so that programs can already be put together.
//!
//! ```
//! let provider = gardener_provider_gcp::GcpProvider::builder().build();
//! assert_eq!(provider.name, "gcp");
//! assert!(provider.capabilities.is_empty());
//! ```

pub mod infrastructure_config;
pub mod infrastructure_status;

use gardener_provider_core::Provider;

/// The GCP provider.
#[derive(Debug, Clone, Copy)]
pub struct GcpProvider;

impl GcpProvider {
    /// Begins a provider.
    pub fn builder() -> GcpProviderBuilder {
        GcpProviderBuilder::default()
    }
}

/// Sets a GCP provider up.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct GcpProviderBuilder {}

impl GcpProviderBuilder {
    /// The provider.
    pub fn build(self) -> Provider {
        Provider::builder("gcp").build()
    }
}
