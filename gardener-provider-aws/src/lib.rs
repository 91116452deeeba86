//! Gardener provider for AWS: machines, infrastructure, object storage.
pub mod bucket_config;
