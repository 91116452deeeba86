//! What Resource Manager itself has: subscriptions, resource groups, resource providers, and lists of all resources.
//!
//! <https://learn.microsoft.com/en-us/rest/api/resources/>

mod deployments;
mod generic;
mod groups;
mod providers;
mod subscriptions;

pub(crate) use deployments::DEPLOYMENT;
pub(crate) use groups::GROUP;

use super::arm::kind::Kind;

/// Resource groups have ids of their own form; they are not found by a type.
pub(crate) const KINDS: &[&Kind] = &[&deployments::DEPLOYMENT];
