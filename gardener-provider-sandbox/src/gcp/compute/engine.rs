//! One call at work on a project: looking up, referring to others, starting operations.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::{
    kind::Kind,
    links::{Key, Link, Scope},
    operations::{Failure, Operation, quota_message},
    project::{Birth, Derived, Event, Phase, Project, Stored},
    target::Target,
    zones,
};
use crate::{
    gcp::{
        body::Object,
        context::Context,
        error::{GcpError, Reply},
        identity,
        query::Query,
    },
    ids::Ids,
};

#[derive(Debug)]
pub(super) struct Engine<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) target: &'a Target,
    pub(super) query: &'a Query,
    pub(super) ids: &'a mut Ids,
    pub(super) project: &'a mut Project,
    pub(super) identity: &'a identity::State,
    /// The zones that do not answer.
    pub(super) zones_down: &'a BTreeSet<String>,
}

/// What an operation does.
#[derive(Debug)]
pub(super) struct Work {
    /// The type it shows: `insert`, `delete`, `setLabels`, …
    pub(super) what: &'static str,
    pub(super) target: Key,
    pub(super) takes: Duration,
    pub(super) failure: Option<Failure>,
    /// While it goes on, at these times from its start.
    pub(super) meanwhile: Vec<(Duration, Event)>,
    /// When it succeeds.
    pub(super) success: Vec<Event>,
    /// When it fails.
    pub(super) undo: Vec<Event>,
}

impl Work {
    pub(super) fn new(what: &'static str, target: Key, takes: Duration) -> Self {
        let undo = vec![Event::Ready(target.clone())];
        Self { what, target, takes, failure: None, meanwhile: Vec::new(), success: Vec::new(), undo }
    }
}

impl Engine<'_> {
    /// Carries a change out, unless one with the same request id was: then the answer is that one's operation.
    pub(super) fn once(&mut self, change: impl FnOnce(&mut Self) -> Reply) -> Reply {
        let Some(id) = self.query.get("requestId").map(str::to_owned) else { return change(self) };
        if !is_uuid(&id) {
            return Err(GcpError::invalid("requestId", &id, "Must be a valid, non-zero UUID."));
        }
        let asked = format!("{} {:?} {:?}", self.target.verb(), self.target.scope, self.target.what);
        if let Some((before, operation)) = self.project.requests.get(&id) {
            if *before != asked {
                let problem = "The request ID was used for another request.";
                return Err(GcpError::invalid("requestId", &id, problem));
            }
            if let Some(operation) = self.project.operations.get(operation) {
                return Ok(operation.show(&self.project.id, self.context.now));
            }
        }
        let reply = change(self)?;
        if let Some(name) = reply["name"].as_str() {
            let operation = (self.target.scope.clone(), name.to_owned());
            self.project.requests.insert(id.clone(), (asked, operation));
            let at = self.context.after(self.context.options().durations.request_ids);
            self.project.schedule(at, Event::ForgetRequest(id));
        }
        Ok(reply)
    }

    /// A resource or an operation, as it is shown.
    pub(super) fn get(&mut self, key: &Key) -> Reply {
        let missing = || GcpError::not_found(&key.path(&self.project.id));
        if key.kind == Kind::Operation {
            let operation = self.project.operations.get(&(key.scope.clone(), key.name.clone()));
            let operation = operation.ok_or_else(missing)?;
            return Ok(operation.show(&self.project.id, self.context.now));
        }
        if key.kind.is_catalog() {
            return zones::catalog(self.context, &self.project.id, key.kind, &key.scope)
                .into_iter()
                .find(|item| item["name"] == key.name.as_str())
                .ok_or_else(missing);
        }
        let stored = self.project.resources.get(key).ok_or_else(missing)?;
        let derived = self.project.derived(&BTreeSet::from([key.kind]));
        Ok(show(&self.project.id, key, stored, &derived))
    }

    pub(super) fn delete_operation(&mut self, key: &Key) -> Reply {
        let name = (key.scope.clone(), key.name.clone());
        match self.project.operations.get(&name) {
            None => Err(GcpError::not_found(&key.path(&self.project.id))),
            Some(operation) if !operation.is_done(self.context.now) => {
                Err(GcpError::not_ready(&key.path(&self.project.id)))
            }
            Some(_) => {
                self.project.operations.remove(&name);
                Ok(Value::Null)
            }
        }
    }

    /// An operation that was over at once is shown so.
    pub(super) fn refreshed(&self, reply: Value) -> Value {
        if reply["kind"] != "compute#operation" {
            return reply;
        }
        let name = reply["name"].as_str().unwrap_or_default().to_owned();
        let scopes = [self.target.scope.clone(), Scope::Global];
        let mut found =
            scopes.into_iter().filter_map(|scope| self.project.operations.get(&(scope, name.clone())));
        found.next().map_or(reply, |operation| operation.show(&self.project.id, self.context.now))
    }

    /// The resource that a change is about, which must not be busy.
    pub(super) fn idle(&self, key: &Key) -> Result<&Stored, GcpError> {
        let path = || key.path(&self.project.id);
        match self.project.resources.get(key) {
            None => Err(GcpError::not_found(&path())),
            Some(stored) if stored.phase == Phase::Ready => Ok(stored),
            Some(_) => Err(GcpError::not_ready(&path())),
        }
    }

    /// The key that a field of a request names, of the wanted kind and in this project; it may not exist.
    pub(super) fn key(&self, field: &str, text: &str, kind: Kind) -> Result<Key, GcpError> {
        let link = Link::parse(text, &self.project.id).filter(|link| link.key.kind == kind && !link.family);
        let link = link.ok_or_else(|| GcpError::invalid(field, text, "The URL is malformed."))?;
        if link.project != self.project.id {
            return Err(GcpError::not_found(&link.path()));
        }
        Ok(link.key)
    }

    /// As [`Engine::key`], of a resource that exists and is ready to be referred to.
    pub(super) fn existing(&self, field: &str, text: &str, kind: Kind) -> Result<(Key, &Stored), GcpError> {
        let key = self.key(field, text, kind)?;
        let path = || key.path(&self.project.id);
        match self.project.resources.get(&key) {
            None => Err(GcpError::not_found(&path())),
            // What is in a network waits for changes of it.
            Some(stored)
                if matches!(stored.phase, Phase::Creating | Phase::Deleting)
                    || stored.phase == Phase::Changing
                        && matches!(kind, Kind::Network | Kind::Subnetwork) =>
            {
                Err(GcpError::not_ready(&path()))
            }
            Some(stored) => Ok((key, stored)),
        }
    }

    pub(super) fn url(&self, key: &Key) -> String {
        key.url(&self.project.id)
    }

    /// A number for a new resource.
    pub(super) fn number(&mut self) -> u64 {
        1_000_000_000_000_000_000 + self.ids.number() % 8_000_000_000_000_000_000
    }

    /// Refuses a creation when there are `limit` of them already.
    pub(super) fn quota(&self, kind: Kind, metric: &str, limit: usize, region: &str) -> Result<(), GcpError> {
        let made = self.project.all(kind).filter(|(key, stored)| {
            stored.owner.is_none() && (region.is_empty() || key.scope.region() == region)
        });
        if made.count() < limit {
            return Ok(());
        }
        Err(GcpError::new(403, "quotaExceeded", quota_message(metric, limit as u64, region)))
    }

    /// Stores a new resource, with the fields that all have.
    pub(super) fn store(&mut self, key: &Key, body: Object, owner: Option<Key>) {
        let (id, at) = (self.number(), self.context.now);
        let listed_from = self.context.listed_from();
        self.project.store(key, body, Birth { id, at, listed_from, owner, phase: Phase::Creating });
    }

    /// Makes the resource busy until the operation that follows is over.
    pub(super) fn busy(&mut self, key: &Key, phase: Phase) {
        if let Some(stored) = self.project.resources.get_mut(key) {
            stored.phase = phase;
        }
    }

    /// Starts an operation and returns it as it is shown.
    pub(super) fn start(&mut self, mut work: Work) -> Value {
        let (now, takes) = (self.context.now, work.takes);
        if let Some((code, message)) = self.context.world.faults.operation_error(self.context.call) {
            work.failure = Some(Failure::new(code, message));
        }
        let name = self.operation_name();
        let operation = Operation {
            id: self.number(),
            name: name.clone(),
            scope: work.target.scope.clone(),
            what: work.what,
            target_id: self.project.resources.get(&work.target).map_or(0, |stored| stored.id),
            target: work.target,
            user: self.context.caller.principal.clone(),
            inserted: now,
            started: self.context.after(self.context.options().durations.pending.min(takes)),
            ends: self.context.after(takes),
            failure: work.failure,
            listed_from: self.context.listed_from(),
        };
        let (ends, failed) = (operation.ends, operation.failure.is_some());
        if !failed {
            for (at, event) in work.meanwhile {
                self.project.schedule(self.context.after(at.min(takes)), event);
            }
        }
        for event in if failed { work.undo } else { work.success } {
            self.project.schedule(ends, event);
        }
        let shown = operation.show(&self.project.id, now);
        let stored_as = (operation.scope.clone(), name);
        let kept = self.context.options().durations.operations_shown;
        let forget = crate::gcp::context::after(ends, kept);
        self.project.schedule(forget, Event::ForgetOperation(stored_as.clone()));
        self.project.operations.insert(stored_as, operation);
        shown
    }

    fn operation_name(&mut self) -> String {
        let millis =
            self.context.now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis());
        let (a, b) = (self.ids.number(), self.ids.number());
        format!("operation-{millis}-{:012x}-{:08x}-{:08x}", a & 0xffff_ffff_ffff, a >> 32, b >> 32)
    }
}

/// A resource as it is shown: what is stored and what follows from others.
pub(super) fn show(project: &str, key: &Key, stored: &Stored, derived: &Derived) -> Value {
    let mut body = stored.body.clone();
    let url = key.url(project);
    match key.kind {
        Kind::Network => {
            if let Some(subnetworks) = derived.subnetworks.get(&url) {
                body.insert("subnetworks".to_owned(), subnetworks.clone().into());
            }
        }
        Kind::Disk => {
            if let Some(users) = derived.users.get(&url) {
                body.insert("users".to_owned(), users.clone().into());
            }
        }
        Kind::Address => {
            let users = derived.users.get(&url);
            body.insert("status".to_owned(), if users.is_some() { "IN_USE" } else { "RESERVED" }.into());
            if let Some(users) = users {
                body.insert("users".to_owned(), users.clone().into());
            }
        }
        // They are told by `listInstances`.
        Kind::InstanceGroup => {
            body.remove("instances");
        }
        _ => {}
    }
    Value::Object(body)
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
        && text.chars().any(|c| !matches!(c, '0' | '-'))
}
