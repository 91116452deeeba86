//! Creating and changing: PUT and PATCH.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    Arm,
    checks::check_name,
    draft::{Draft, take_children},
    id::ResourceId,
    kind::{Kind, Style},
    operation::Verb,
    shape::{self, Tone},
    store::Stored,
};
use crate::azure::{
    context::Reply,
    error::{Answer, ArmError},
};

/// What a write has done so far, to take it back.
#[derive(Debug, Default)]
struct Done {
    /// The keys that were written, the one asked for first.
    written: Vec<String>,
    undo: Vec<(String, Option<Stored>)>,
    failure: Option<ArmError>,
    takes: Option<Duration>,
}

impl Arm<'_> {
    /// PUT.
    pub(crate) fn put(
        &mut self,
        id: &ResourceId,
        kind: &'static Kind,
        given: &Map<String, Value>,
    ) -> Answer<Reply> {
        self.check_scope_for_write(id)?;
        self.put_anywhere(id, kind, given)
    }

    /// As [`Arm::put`], without looking whether there is a resource group.
    pub(crate) fn put_anywhere(
        &mut self,
        id: &ResourceId,
        kind: &'static Kind,
        given: &Map<String, Value>,
    ) -> Answer<Reply> {
        check_name(id)?;
        self.preconditions(id)?;
        self.check_parent(id)?;
        let id = self.canonical(id, kind);
        let before = self.state.store.get(&id.key()).cloned();
        let mut done = Done::default();
        if let Err(error) = self.put_one(&id, kind, given, &mut done) {
            for (key, old) in done.undo.into_iter().rev() {
                match old {
                    Some(old) => self.state.store.insert(old),
                    None => drop(self.state.store.remove(&key)),
                }
            }
            return Err(error);
        }
        let now_there = self.state.store.get(&id.key());
        let same = before.as_ref().zip(now_there).is_some_and(|(before, now)| before.body == now.body);
        if let Some(before) =
            before.clone().filter(|before| same && before.state != "Failed" && done.written.len() == 1)
        {
            let ongoing = before.operation.clone();
            self.state.store.insert(before);
            return Ok(self.written(&id, false, ongoing));
        }
        let operation = self.go(&id, kind, done);
        Ok(self.written(&id, before.is_none(), operation))
    }

    /// PATCH: what is given is merged into what is there.
    pub(crate) fn patch(
        &mut self,
        id: &ResourceId,
        kind: &'static Kind,
        given: &Map<String, Value>,
    ) -> Answer<Reply> {
        self.check_scope_for_write(id)?;
        let Some(old) = self.state.store.get(&id.key()) else { return Err(super::not_found(id)) };
        if kind.tone == Tone::Network {
            return self.patch_tags(id, given);
        }
        let mut merged = old.body.clone();
        merge(&mut merged, &canonical_names(given, kind));
        self.put(id, kind, &merged)
    }

    /// PATCH in the network: tags and nothing else, at once.
    fn patch_tags(&mut self, id: &ResourceId, given: &Map<String, Value>) -> Answer<Reply> {
        self.preconditions(id)?;
        if let Some(name) = given.keys().find(|name| !name.eq_ignore_ascii_case("tags")) {
            let message = format!("Only tags can be patched; {name} cannot.");
            return Err(ArmError::bad("PatchResourceNotSupported", message));
        }
        let tags = given.values().next().filter(|tags| tags.is_object()).cloned();
        let (key, etag) = (id.key(), self.state.etag());
        self.state.store.edit(&key, |stored| {
            stored.body.insert("tags".to_owned(), tags.unwrap_or_else(|| Value::Object(Map::new())));
            stored.etag = etag;
        });
        Ok(self.written(id, false, None))
    }

    /// Starts the operation that a write is, or ends it right away.
    fn go(&mut self, id: &ResourceId, kind: &'static Kind, mut done: Done) -> Option<String> {
        if kind.style != Style::Prompt {
            done.failure = done.failure.or_else(|| self.asked_failure());
        }
        let takes = done.takes.unwrap_or_else(|| (kind.takes)(&self.context.options().durations).0);
        let takes = if self.at_once || kind.style == Style::Prompt { Duration::ZERO } else { takes };
        let prompt = takes.is_zero() && done.failure.is_none();
        let now = self.context.now;
        let operation =
            self.state.begin(kind.provider(), Verb::Write, done.written, now, takes, done.failure);
        if prompt {
            self.state.settle(now);
            return None;
        }
        tracing::trace!(%id, operation, "a write has begun");
        Some(operation)
    }

    /// What a fault rule wants the operation to end with.
    pub(crate) fn asked_failure(&self) -> Option<ArmError> {
        let asked = self.context.world.faults.operation_error(self.context.call);
        asked.map(|(code, message)| ArmError::new(500, code, message))
    }

    /// The reply of a write.
    fn written(&self, id: &ResourceId, created: bool, operation: Option<String>) -> Reply {
        let Some(stored) = self.state.store.get(&id.key()) else { return Reply::empty(200) };
        let mut reply = Reply::ok(self.state.view(stored));
        reply.status = if created { stored.kind.created } else { 200 };
        if stored.kind.etag {
            reply = reply.with("etag", &stored.etag);
        }
        let Some(operation) = operation else { return reply };
        reply = self.track(reply, stored, &operation);
        if stored.kind.style == Style::Accepted {
            reply.status = 202;
            reply = reply.with("location", self.operation_url(stored, &operation, "operationResults"));
        }
        reply
    }

    fn put_one(
        &mut self,
        id: &ResourceId,
        kind: &'static Kind,
        given: &Map<String, Value>,
        done: &mut Done,
    ) -> Answer<()> {
        let old = self.state.store.get(&id.key()).cloned();
        let mut draft = Draft {
            id: id.clone(),
            kind,
            body: shape::read(given, kind.fields, kind.tone)?,
            hidden: old.as_ref().map(|old| old.hidden.clone()).unwrap_or_default(),
            old,
            failure: None,
            takes: None,
            beside: Vec::new(),
        };
        self.place(&mut draft)?;
        Self::check_changes(&draft)?;
        let children = take_children(&mut draft);
        (kind.prepare)(self, &mut draft)?;
        self.check_busy(&draft)?;
        if draft.failure.is_some() {
            done.failure = draft.failure.take();
        }
        done.takes = done.takes.or(draft.takes);
        self.keep(draft, done);
        for (child, items) in children {
            self.put_children(id, child, &items, done)?;
        }
        Ok(())
    }

    fn keep(&mut self, draft: Draft, done: &mut Done) {
        let key = draft.id.key();
        let etag = self.state.etag();
        let fresh = if draft.kind.tone == Tone::Network { "Updating" } else { "Creating" };
        let stored = Stored {
            state: if draft.old.is_none() { fresh } else { "Updating" },
            operation: None,
            visible_from: draft
                .old
                .as_ref()
                .map_or_else(|| self.context.visible_from(), |old| old.visible_from),
            created: draft.old.as_ref().map_or(self.context.now, |old| old.created),
            id: draft.old.as_ref().map_or(draft.id, |old| old.id.clone()),
            kind: draft.kind,
            body: draft.body,
            etag,
            hidden: draft.hidden,
        };
        for other in draft.beside {
            let key = other.key();
            done.undo.push((key.clone(), self.state.store.get(&key).cloned()));
            self.state.store.insert(other);
        }
        self.state.store.insert(stored);
        done.undo.push((key.clone(), draft.old));
        done.written.push(key);
    }

    /// Makes the children of a resource what a list in its properties says.
    fn put_children(
        &mut self,
        parent: &ResourceId,
        child: &'static Kind,
        items: &[Value],
        done: &mut Done,
    ) -> Answer<()> {
        let named: Vec<(ResourceId, &Map<String, Value>)> = items
            .iter()
            .map(|item| {
                let item = item.as_object();
                let name = item.and_then(|item| item.get("name")).and_then(Value::as_str);
                match (item, name) {
                    (Some(item), Some(name)) => Ok((parent.child(child.short(), name), item)),
                    _ => Err(ArmError::bad("InvalidRequestFormat", "Cannot parse the request.").because(
                        "MissingJsonReferenceId",
                        format!("A member of {} has no name.", child.short()),
                    )),
                }
            })
            .collect::<Answer<_>>()?;
        let below = self.state.store.below(&parent.key()).filter(|below| below.kind.name == child.name);
        let gone: Vec<Stored> =
            below.filter(|below| named.iter().all(|(id, _)| id.key() != below.id.key())).cloned().collect();
        for stored in gone {
            (child.hinders)(self.state, &stored)?;
            let key = stored.key();
            self.state.store.remove(&key);
            done.undo.push((key, Some(stored)));
        }
        for (id, item) in named {
            check_name(&id)?;
            self.put_one(&id, child, item, done)?;
        }
        Ok(())
    }

    /// The id as replies show it: groups and resources in the case in which they were made, types as Azure spells them.
    fn canonical(&self, id: &ResourceId, kind: &'static Kind) -> ResourceId {
        if let Some(stored) = self.state.store.get(&id.key()) {
            return stored.id.clone();
        }
        let mut canonical = match id.parent().and_then(|parent| self.state.store.get(&parent.key())) {
            Some(parent) => parent.id.clone(),
            None => return id.clone(),
        };
        kind.provider().clone_into(&mut canonical.provider);
        canonical.child(kind.short(), id.name())
    }
}

/// Merges as PATCH does: objects member by member, tags and all else as a whole, null takes away.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (_, Value::Null) => {
                into.remove(name);
            }
            (Some(Value::Object(old)), Value::Object(new)) if name != "tags" => merge(old, new),
            _ => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Top-level names in Azure's own case.
fn canonical_names(given: &Map<String, Value>, kind: &Kind) -> Map<String, Value> {
    let named = given.iter().map(|(name, value)| {
        let known = kind.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        (known.map_or_else(|| name.clone(), |field| field.name.to_owned()), value.clone())
    });
    named.collect()
}
