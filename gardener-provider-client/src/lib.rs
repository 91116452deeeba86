//! Shared machinery of Gardener cloud providers.

pub mod call;
pub mod client;
pub mod clock;
pub mod object_http;
pub mod observe;
pub mod retry;
pub mod throttle;
pub mod transport;
