//! Gardener provider for Azure: not written yet.
//!
//! The crate holds the name and answers `Unimplemented` to everything, so that programs can already be put together.
//!
//! ```
//! let provider = gardener_provider_azure::AzureProvider::builder().build();
//! assert_eq!(provider.name, "azure");
//! assert!(provider.capabilities.is_empty());
//! ```

pub mod infrastructure_config;
pub mod infrastructure_status;

use gardener_provider_core::Provider;

/// The Azure provider.
#[derive(Debug, Clone, Copy)]
pub struct AzureProvider;

impl AzureProvider {
    /// Begins a provider.
    pub fn builder() -> AzureProviderBuilder {
        AzureProviderBuilder::default()
    }
}

/// Sets a Azure provider up.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct AzureProviderBuilder {}

impl AzureProviderBuilder {
    /// The provider.
    pub fn build(self) -> Provider {
        Provider::builder("azure").build()
    }
}
