//! Gardener provider for Azure.
