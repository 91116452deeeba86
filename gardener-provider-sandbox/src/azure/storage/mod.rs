//! Microsoft.Storage: storage accounts and what belongs to them.

use super::arm::kind::Kind;

/// The types of resources of this service.
pub(crate) const KINDS: &[&Kind] = &[];
