//! Shared machinery of Gardener cloud providers.

pub mod batch;
pub mod call;
pub mod client;
pub mod clock;
pub mod go_duration;
pub mod graph;
pub mod object_http;
pub mod observe;
pub mod pages;
pub mod poll;
pub mod retry;
pub mod throttle;
pub mod token;
pub mod transport;
