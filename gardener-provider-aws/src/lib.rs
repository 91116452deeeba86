//! Gardener provider for AWS: machines, infrastructure, object storage.
