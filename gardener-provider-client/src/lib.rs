//! Shared machinery of Gardener cloud providers.

pub mod clock;
pub mod transport;
