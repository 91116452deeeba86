//! Creating and changing: PUT and PATCH.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};

use super::{
    Arm,
    id::ResourceId,
    kind::{Kind, Style},
    operation::Verb,
    shape::{self, Tone},
    store::Stored,
    view::properties,
};
use crate::azure::{
    context::Reply,
    error::{Answer, ArmError},
    kinds,
};

/// A resource on its way into the store.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) id: ResourceId,
    pub(crate) kind: &'static Kind,
    pub(crate) body: Map<String, Value>,
    /// What is there already.
    pub(crate) old: Option<Stored>,
    pub(crate) hidden: BTreeMap<&'static str, String>,
    /// What the write ends with, if it is accepted but does not succeed.
    pub(crate) failure: Option<ArmError>,
    pub(crate) takes: Option<Duration>,
    /// Other resources that come into being with it.
    pub(crate) beside: Vec<Stored>,
}

impl Draft {
    pub(crate) fn properties(&mut self) -> &mut Map<String, Value> {
        properties(&mut self.body)
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Value> {
        self.body.get("properties")?.get(name)
    }

    /// A member by its JSON pointer.
    pub(crate) fn get(&self, pointer: &str) -> Option<&Value> {
        let mut parts = pointer.trim_start_matches('/').split('/');
        let first = self.body.get(parts.next()?)?;
        parts.try_fold(first, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            value => value.get(part),
        })
    }

    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    pub(crate) fn items(&self, pointer: &str) -> &[Value] {
        self.get(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.properties().insert(name.to_owned(), value.into());
    }

    /// A property that is `value` unless somebody said otherwise.
    pub(crate) fn default(&mut self, name: &str, value: impl Into<Value>) {
        self.properties().entry(name).or_insert(value.into());
    }

    /// A property that the cloud decides once: what it was, or `value`.
    pub(crate) fn once(&mut self, name: &str, value: impl FnOnce() -> Value) {
        let old = self.old.as_ref().and_then(|old| old.property(name)).cloned();
        self.set(name, old.unwrap_or_else(value));
    }

    pub(crate) fn location(&self) -> String {
        self.body.get("location").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    pub(crate) fn zones(&self) -> Vec<String> {
        let zones = self.body.get("zones").and_then(Value::as_array).into_iter().flatten();
        zones.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

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
        asked.map(|(code, message)| ArmError::conflict(code, message))
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
        if let Some((code, message)) = self.context.world.faults.operation_error(self.context.call) {
            draft.failure.get_or_insert(ArmError::new(500, code, message));
        }
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

    /// Location: there must be one, it must exist, and a resource never moves.
    fn place(&self, draft: &mut Draft) -> Answer<()> {
        if !draft.kind.placed {
            return Ok(());
        }
        let Some(given) =
            draft.body.get("location").and_then(Value::as_str).filter(|given| !given.is_empty())
        else {
            return Err(ArmError::bad(
                "LocationRequired",
                "The location property is required for this definition.",
            ));
        };
        let location = self.location(given, draft.kind.name)?;
        match &draft.old {
            Some(old) if old.location() != location => {
                let group = draft.id.group.as_deref().unwrap_or_default();
                let message = format!(
                    "The resource '{}' already exists in location '{}' in resource group '{group}'. A resource with \
                     the same name cannot be created in location '{location}'. Please select a new resource name.",
                    draft.id.name(),
                    old.location()
                );
                let code = if draft.id.provider.is_empty() {
                    "InvalidResourceGroupLocation"
                } else {
                    "InvalidResourceLocation"
                };
                Err(ArmError::conflict(code, message))
            }
            _ => {
                draft.body.insert("location".to_owned(), location.into());
                Ok(())
            }
        }
    }

    fn check_changes(draft: &Draft) -> Answer<()> {
        let Some(old) = &draft.old else { return Ok(()) };
        let Some(at) = shape::changed(&old.body, &draft.body, draft.kind.fields, "") else { return Ok(()) };
        if at == "zones" && draft.kind.tone == Tone::Network {
            let message = format!(
                "Resource {} has an existing availability zone constraint that cannot be changed.",
                draft.id
            );
            return Err(ArmError::bad("ResourceAvailabilityZonesCannotBeModified", message));
        }
        let name = at.strip_prefix("properties.").unwrap_or(&at).to_owned();
        Err(ArmError::conflict(
            "PropertyChangeNotAllowed",
            format!("Changing property '{name}' is not allowed."),
        )
        .at(name))
    }

    /// One operation at a time on a resource; in the network, on a resource with all its children.
    fn check_busy(&self, draft: &Draft) -> Answer<()> {
        let busy = |stored: &Stored| stored.operation.clone().map(|operation| (stored.clone(), operation));
        let own = draft.old.as_ref().and_then(busy);
        let same = draft.old.as_ref().is_some_and(|old| old.body == draft.body);
        if let Some((stored, operation)) = own {
            if stored.state == "Deleting" {
                return Err(self.in_progress(&stored, &operation));
            }
            return if same { Ok(()) } else { Err(self.in_progress(&stored, &operation)) };
        }
        if draft.kind.tone != Tone::Network || !draft.kind.is_child() {
            return Ok(());
        }
        let Some(parent) = draft.id.parent() else { return Ok(()) };
        let writing = |key: &str| self.is_own_write(key);
        let around =
            self.state.store.get(&parent.key()).into_iter().chain(self.state.store.below(&parent.key()));
        match around.filter(|stored| !writing(&stored.key())).find_map(busy) {
            Some((stored, operation)) => Err(self.in_progress(&stored, &operation)),
            None => Ok(()),
        }
    }

    /// What this very call has written has no operation yet.
    fn is_own_write(&self, key: &str) -> bool {
        self.state.store.get(key).is_some_and(|stored| stored.operation.is_none())
    }

    pub(crate) fn in_progress(&self, stored: &Stored, operation: &str) -> ArmError {
        let url = self.operation_url(stored, operation, "operations");
        if stored.kind.tone == Tone::Network {
            let message = format!(
                "Another operation on this or dependent resource is in progress. To retrieve status of the operation \
                 use uri: {url}."
            );
            return ArmError::conflict("AnotherOperationInProgress", message).retry_after(5);
        }
        ArmError::conflict("Conflict", "The request failed due to conflict with a concurrent request.")
            .retry_after(5)
    }

    pub(crate) fn check_scope_for_write(&self, id: &ResourceId) -> Answer<()> {
        self.check_scope(id)?;
        let group = id.group.as_ref().and_then(|_| self.state.store.get(&id.group_id().key()));
        match group {
            Some(group) if group.state == "Deleting" && !id.provider.is_empty() => Err(ArmError::conflict(
                "ResourceGroupBeingDeleted",
                format!(
                    "The resource group '{}' is in deprovisioning state and cannot perform this operation.",
                    group.id.name()
                ),
            )),
            _ => Ok(()),
        }
    }

    fn check_parent(&self, id: &ResourceId) -> Answer<()> {
        let Some(parent) = id.parent().filter(|parent| !parent.path.is_empty()) else { return Ok(()) };
        if kinds::of(&parent).is_some() && self.state.store.get(&parent.key()).is_none() {
            let message = format!(
                "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
                parent.name()
            );
            return Err(ArmError::missing("ParentResourceNotFound", message));
        }
        Ok(())
    }

    /// `If-Match` and `If-None-Match`.
    pub(crate) fn preconditions(&self, id: &ResourceId) -> Answer<()> {
        let etag = self.state.store.get(&id.key()).map(|stored| stored.etag.as_str());
        let failed = |header: &str| {
            let message = format!("Precondition given in {header} header failed for resource {id}.");
            Err(ArmError::new(412, "PreconditionFailed", message))
        };
        if let Some(wanted) = &self.context.if_match {
            let met = etag.is_some_and(|etag| wanted == "*" || same_etag(wanted, etag));
            if !met {
                return failed("If-Match");
            }
        }
        match (&self.context.if_none_match, etag) {
            (Some(unwanted), Some(etag)) if unwanted == "*" || same_etag(unwanted, etag) => {
                failed("If-None-Match")
            }
            _ => Ok(()),
        }
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

fn same_etag(given: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    bare(given) == bare(etag)
}

fn take_children(draft: &mut Draft) -> Vec<(&'static Kind, Vec<Value>)> {
    let mut taken = Vec::new();
    for (name, child) in draft.kind.children {
        let Some(kind) = kinds::named(child) else { continue };
        match properties(&mut draft.body).remove(*name) {
            Some(Value::Array(items)) => taken.push((kind, items)),
            // A virtual network that does not speak of its subnets keeps them.
            _ if matches!(*name, "subnets" | "virtualNetworkPeerings") => {}
            _ => taken.push((kind, Vec::new())),
        }
    }
    taken
}

/// Names as Azure takes them: letters, digits, `_`, `-`, `.`, brackets in groups; not too long.
fn check_name(id: &ResourceId) -> Answer<()> {
    let name = id.name();
    let fits = |c: char| c.is_alphanumeric() || "_-.()".contains(c);
    let good = (1..=90).contains(&name.chars().count()) && name.chars().all(fits) && !name.ends_with('.');
    if good {
        return Ok(());
    }
    let code = if id.provider.is_empty() { "InvalidResourceGroupName" } else { "InvalidResourceName" };
    let message = format!(
        "Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word \
         character, and it must end with a word character or with '_'. The name may contain word characters or '.', \
         '-', '_'."
    );
    Err(ArmError::bad(code, message))
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
