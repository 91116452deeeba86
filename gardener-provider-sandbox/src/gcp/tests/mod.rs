//! Tests of the GCP part.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod lifecycle;
