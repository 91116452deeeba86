//! The record of every call.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use crate::{call::Call, glob};

/// One call as it was answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JournalEntry {
    /// The service: `ec2`, `iam`, `s3`, …
    pub service: &'static str,
    /// The operation's name in the vendor's description.
    pub operation: String,
    /// The region it went to.
    pub region: String,
    /// True if the call is of a kind that changes something (and no dry run), whether or not it succeeded.
    pub mutating: bool,
    /// The HTTP status; `None` if the caller got no reply.
    pub status: Option<u16>,
    /// The cloud's error code, if it answered with an error.
    pub code: Option<String>,
    /// True if the sandbox carried the call out but the caller never learnt of it.
    pub reply_lost: bool,
    /// When it was answered, on the sandbox's clock.
    pub at: SystemTime,
    /// The parameters, without user data, tokens and other secrets.
    pub parameters: BTreeMap<String, String>,
}

/// All calls since the start or the last [`Journal::clear`], oldest first.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Mutex<Vec<JournalEntry>>,
}

impl Journal {
    /// Every call.
    pub fn calls(&self) -> Vec<JournalEntry> {
        self.entries().clone()
    }

    /// The calls of kinds that change something.
    pub fn mutating_calls(&self) -> Vec<JournalEntry> {
        self.entries().iter().filter(|entry| entry.mutating).cloned().collect()
    }

    /// How many calls went to operations that match both patterns (`*` and `?` allowed).
    pub fn count(&self, service: &str, operation: &str) -> usize {
        self.entries()
            .iter()
            .filter(|entry| {
                glob::matches(service, entry.service) && glob::matches(operation, &entry.operation)
            })
            .count()
    }

    /// How many calls there were.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// True if there was no call.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Forgets all calls.
    pub fn clear(&self) {
        self.entries().clear();
    }

    pub(crate) fn record(&self, call: Call, outcome: Outcome, at: SystemTime) {
        self.entries().push(JournalEntry {
            service: call.service,
            operation: call.operation,
            region: call.region,
            mutating: call.mutating,
            status: outcome.status,
            code: outcome.code,
            reply_lost: outcome.reply_lost,
            at,
            parameters: call.parameters,
        });
    }

    fn entries(&self) -> MutexGuard<'_, Vec<JournalEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a call ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) reply_lost: bool,
}
