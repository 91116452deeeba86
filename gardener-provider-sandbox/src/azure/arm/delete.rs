//! DELETE.

use std::time::Duration;

use super::{
    Arm,
    id::ResourceId,
    kind::{Kind, Style},
    operation::Verb,
    shape::Tone,
    store::Stored,
};
use crate::azure::{
    context::Reply,
    error::{Answer, ArmError},
    kinds,
};

impl Arm<'_> {
    /// Deletes a resource with all its children; 204 if it is not there.
    pub(crate) fn delete(&mut self, id: &ResourceId, kind: &'static Kind) -> Answer<Reply> {
        self.check_scope(id)?;
        self.check_existing_parent(id)?;
        let Some(stored) = self.state.store.get(&id.key()).cloned() else {
            return if id.provider.is_empty() { Err(super::not_found(id)) } else { Ok(Reply::empty(204)) };
        };
        self.preconditions(id)?;
        if let Some(operation) = &stored.operation {
            if stored.state == "Deleting" {
                return Ok(self.going(&stored, operation));
            }
            if kind.tone == Tone::Network {
                return Err(self.in_progress(&stored, operation));
            }
        }
        self.check_siblings(&stored)?;
        (kind.hinders)(self.state, &stored)?;
        let force =
            self.context.parameter("forceDeletion").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let durations = &self.context.options().durations;
        // A group is written at once and goes slowly.
        let prompt = kind.style == Style::Prompt && !id.provider.is_empty();
        let takes = match force {
            _ if prompt => Duration::ZERO,
            true => durations.vm_force_stop,
            false => (kind.takes)(durations).1,
        };
        let now = self.context.now;
        let failure = self.asked_failure().filter(|_| !prompt);
        let ended = takes.is_zero() && failure.is_none();
        let operation =
            self.state.begin(kind.provider(), Verb::Delete, vec![stored.key()], now, takes, failure);
        if ended {
            self.state.settle(now);
            return Ok(Reply::empty(200));
        }
        Ok(self.going(&stored, &operation))
    }

    fn going(&self, stored: &Stored, operation: &str) -> Reply {
        let reply =
            Reply::empty(202).with("location", self.operation_url(stored, operation, "operationResults"));
        // A group has only the Location.
        if stored.id.provider.is_empty() { self.later(reply) } else { self.track(reply, stored, operation) }
    }

    /// A part of what is not there cannot be asked for.
    pub(super) fn check_existing_parent(&self, id: &ResourceId) -> Answer<()> {
        let Some(parent) = id.parent().filter(|parent| !parent.path.is_empty()) else { return Ok(()) };
        if kinds::of(&parent).is_some() && self.state.store.get(&parent.key()).is_none() {
            return Err(super::not_found(&parent));
        }
        Ok(())
    }

    fn check_siblings(&self, stored: &Stored) -> Result<(), ArmError> {
        if stored.kind.tone != Tone::Network || !stored.kind.is_child() {
            return Ok(());
        }
        let Some(parent) = stored.id.parent() else { return Ok(()) };
        let mut around =
            self.state.store.get(&parent.key()).into_iter().chain(self.state.store.below(&parent.key()));
        match around.find_map(|other| Some((other, other.operation.as_ref()?))) {
            Some((other, operation)) => Err(self.in_progress(other, operation)),
            None => Ok(()),
        }
    }
}
