//! The conformance suite that every Gardener cloud provider runs.

pub mod tools;
