//! Where a caller learns how an operation goes on.

use std::time::SystemTime;

use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Arm,
    operation::{Operation, Verb},
    store::Stored,
};
use crate::azure::{
    context::Reply,
    error::{Answer, ArmError},
};

impl Arm<'_> {
    /// Adds the headers of an operation that goes on.
    pub(crate) fn track(&self, reply: Reply, stored: &Stored, operation: &str) -> Reply {
        let reply = reply.with("azure-asyncoperation", self.operation_url(stored, operation, "operations"));
        self.later(reply)
    }

    pub(crate) fn later(&self, reply: Reply) -> Reply {
        let seconds = self.context.options().durations.retry_after.as_secs();
        reply.with("retry-after", seconds.to_string())
    }

    pub(crate) fn operation_url(&self, stored: &Stored, operation: &str, what: &str) -> String {
        let (base, version) = (&self.context.base, &self.context.api_version);
        let subscription = &stored.id.subscription;
        if stored.id.provider.is_empty() {
            return format!(
                "{base}/subscriptions/{subscription}/{}/{operation}?api-version={version}",
                what.to_lowercase()
            );
        }
        let provider = stored.kind.provider();
        let parent =
            stored.id.path.first().and_then(|(kind, name)| {
                self.state.store.get(&stored.id.sibling(provider, kind, name).key())
            });
        let location = parent.map_or("global", |parent| parent.location());
        format!(
            "{base}/subscriptions/{subscription}/providers/{provider}/locations/{location}/{what}/{operation}\
             ?api-version={version}"
        )
    }

    /// GET of an `Azure-AsyncOperation` URL.
    pub(crate) fn operation(&self, id: &str) -> Answer<Reply> {
        let operation = self.find_operation(id)?;
        let status = match (&operation.failure, operation.ended) {
            (_, false) => "InProgress",
            (Some(_), true) => "Failed",
            (None, true) => "Succeeded",
        };
        let mut body = json!({
            "name": operation.id,
            "status": status,
            "startTime": rfc3339(operation.begun),
        });
        if operation.ended {
            body["endTime"] = rfc3339(operation.ends).into();
        }
        if let (Some(failure), true) = (&operation.failure, operation.ended) {
            body["error"] = failure.value();
        }
        let reply = Reply::ok(body);
        Ok(if operation.ended { reply } else { self.later(reply) })
    }

    /// GET of a `Location` URL.
    pub(crate) fn operation_result(&self, id: &str, own_url: &str) -> Answer<Reply> {
        let operation = self.find_operation(id)?;
        if !operation.ended {
            return Ok(self.later(Reply::empty(202).with("location", own_url)));
        }
        if let Some(failure) = &operation.failure {
            return Err(failure.clone());
        }
        let target = operation.targets.first().and_then(|key| self.state.store.get(key));
        Ok(match (operation.verb, target) {
            (Verb::Write, Some(stored)) => Reply::ok(self.state.view(stored)),
            (Verb::Delete, _) if operation.provider == "Microsoft.Network" => Reply::empty(204),
            _ => Reply::empty(200),
        })
    }

    fn find_operation(&self, id: &str) -> Answer<&Operation> {
        let missing = || ArmError::missing("NotFound", format!("The operation '{id}' could not be found."));
        self.state.operations.get(id).ok_or_else(missing)
    }
}

/// A point in time as ARM writes it.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    OffsetDateTime::from(at).format(&Rfc3339).unwrap_or_default()
}
