//! Long-running operations on the virtual clock.
//!
//! <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations>

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use super::store::Stored;
use crate::azure::{error::ArmError, state::State};

/// Something that goes on.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) verb: Verb,
    /// The keys of the resources that it works on; the first is the one that was asked for.
    pub(crate) targets: Vec<String>,
    pub(crate) begun: SystemTime,
    pub(crate) ends: SystemTime,
    /// What it ends with, if it is to fail.
    pub(crate) failure: Option<ArmError>,
    pub(crate) ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Write,
    Delete,
    /// An action that leaves a virtual machine in this power state.
    Power(&'static str),
}

#[derive(Debug, Default)]
pub(crate) struct Operations {
    all: BTreeMap<String, Operation>,
    /// Those that have not ended, by their end.
    pending: BTreeSet<(SystemTime, String)>,
}

impl Operations {
    pub(crate) fn get(&self, id: &str) -> Option<&Operation> {
        self.all.get(&id.to_ascii_lowercase())
    }
}

impl State {
    /// Begins an operation on resources that are in the store.
    pub(crate) fn begin(
        &mut self,
        provider: &str,
        verb: Verb,
        targets: Vec<String>,
        now: SystemTime,
        takes: Duration,
        failure: Option<ArmError>,
    ) -> String {
        let id = self.ids.uuid();
        // A duration beyond all calendars is a century.
        let ends = now + takes.min(Duration::from_secs(100 * 365 * 86_400));
        for key in &targets {
            if let Some(stored) = self.store.get_mut(key) {
                stored.operation = Some(id.clone());
                match verb {
                    Verb::Delete => stored.state = "Deleting",
                    Verb::Power(_) => stored.state = "Updating",
                    Verb::Write => {}
                }
            }
        }
        let operation = Operation {
            id: id.clone(),
            provider: provider.to_owned(),
            verb,
            targets,
            begun: now,
            ends,
            failure,
            ended: false,
        };
        self.operations.pending.insert((ends, id.clone()));
        self.operations.all.insert(id.clone(), operation);
        id
    }

    /// Ends all operations whose time has come, in their order.
    pub(crate) fn settle(&mut self, now: SystemTime) {
        while let Some((ends, id)) = self.operations.pending.pop_first() {
            if ends > now {
                self.operations.pending.insert((ends, id));
                return;
            }
            self.end(&id, ends);
        }
    }

    fn end(&mut self, id: &str, at: SystemTime) {
        let Some(operation) = self.operations.all.get_mut(id) else { return };
        operation.ended = true;
        let operation = operation.clone();
        for key in &operation.targets {
            // A newer operation has taken over, or the resource is gone.
            if self.store.get(key).is_none_or(|stored| stored.operation.as_deref() != Some(id)) {
                continue;
            }
            if let (Some(failure), Some(stored)) = (&operation.failure, self.store.get_mut(key)) {
                stored.hidden.insert("failure", failure.code.to_string());
                stored.hidden.insert("failure_message", failure.message.clone());
            }
            match operation.verb {
                Verb::Delete if operation.failure.is_none() => self.remove(key, at),
                Verb::Delete => self.finish(key, false, None, at),
                Verb::Write => self.finish(key, operation.failure.is_none(), None, at),
                Verb::Power(power) => self.finish(key, operation.failure.is_none(), Some(power), at),
            }
        }
    }

    fn finish(&mut self, key: &str, well: bool, power: Option<&'static str>, at: SystemTime) {
        let etag = self.etag();
        let Some(stored) = self.store.get_mut(key) else { return };
        stored.operation = None;
        stored.state = if well { "Succeeded" } else { "Failed" };
        stored.etag = etag;
        if let (Some(power), true) = (power, well) {
            stored.hidden.insert("power", power.to_owned());
        }
        let kind = stored.kind;
        if power.is_none() {
            (kind.written)(self, key, well, at);
        }
    }

    /// Removes a resource with all that is below it.
    pub(crate) fn remove(&mut self, key: &str, at: SystemTime) {
        let below: Vec<String> = self.store.below(key).map(Stored::key).collect();
        let removed: Vec<Stored> =
            below.iter().rev().chain([&key.to_owned()]).filter_map(|key| self.store.remove(key)).collect();
        for stored in removed {
            (stored.kind.removed)(self, &stored, at);
        }
    }
}
