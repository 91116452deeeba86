//! Tests of the GCP part.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod batches;
mod changes;
mod disks;
mod faults;
mod hostile;
mod iam;
mod lifecycle;
mod lists;
mod machines;
mod network;
mod operations;
mod routers;
mod scale;
mod tokens;
