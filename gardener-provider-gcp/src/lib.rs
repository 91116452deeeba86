//! Gardener provider for GCP.
