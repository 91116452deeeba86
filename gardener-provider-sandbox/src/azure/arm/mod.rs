//! Azure Resource Manager: what all types of resources have in common.
//!
//! <https://github.com/Azure/azure-resource-manager-rpc>

mod checks;
mod delete;
pub(crate) mod draft;
pub(crate) mod id;
pub(crate) mod kind;
pub(crate) mod operation;
mod put;
mod read;
pub(crate) mod shape;
pub(crate) mod store;
mod track;
pub(crate) mod view;

use self::{id::ResourceId, store::Stored};
use super::{
    context::Context,
    error::{Answer, ArmError},
    state::State,
};

/// ARM as one call sees it.
#[derive(Debug)]
pub(crate) struct Arm<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) state: &'a mut State,
    /// True where nothing may take time, as within a deployment.
    pub(crate) at_once: bool,
}

impl Arm<'_> {
    /// The subscription and the resource group must be there.
    pub(crate) fn check_scope(&self, id: &ResourceId) -> Answer<()> {
        self.check_subscription(&id.subscription)?;
        let Some(group) = &id.group else { return Ok(()) };
        match self.state.store.get(&id.group_id().key()) {
            Some(_) => Ok(()),
            None => Err(group_missing(group)),
        }
    }

    pub(crate) fn check_subscription(&self, subscription: &str) -> Answer<()> {
        let known = &self.context.options().subscriptions;
        if known.iter().any(|known| known.eq_ignore_ascii_case(subscription)) {
            return Ok(());
        }
        let message = format!("The subscription '{subscription}' could not be found.");
        Err(ArmError::missing("SubscriptionNotFound", message))
    }

    /// A location that exists, as Azure spells it: `West Europe` is `westeurope`.
    pub(crate) fn location(&self, given: &str, kind: &str) -> Answer<String> {
        let name = normal_location(given);
        if self.context.options().locations.iter().any(|(known, _)| *known == name) {
            return Ok(name);
        }
        let message = format!("The provided location '{given}' is not available for resource type '{kind}'.");
        Err(ArmError::bad("LocationNotAvailableForResourceType", message))
    }

    /// A resource that the caller can see.
    pub(crate) fn seen(&self, id: &ResourceId) -> Option<&Stored> {
        self.state.store.get(&id.key()).filter(|stored| stored.visible_from <= self.context.now)
    }
}

pub(crate) fn normal_location(given: &str) -> String {
    given.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

pub(crate) fn group_missing(name: &str) -> ArmError {
    ArmError::missing("ResourceGroupNotFound", format!("Resource group '{name}' could not be found."))
}

/// The error for a resource that is not there, in the words of whoever finds out.
pub(crate) fn not_found(id: &ResourceId) -> ArmError {
    if id.provider.is_empty() {
        return group_missing(id.name());
    }
    if id.path.len() > 1 {
        return ArmError::missing("NotFound", format!("Resource {id} not found."));
    }
    let group = id.group.as_deref().unwrap_or_default();
    let message = format!(
        "The Resource '{}/{}' under resource group '{group}' was not found. For more details please go to \
         https://aka.ms/ARMResourceNotFoundFix",
        id.kind(),
        id.name()
    );
    ArmError::missing("ResourceNotFound", message)
}
