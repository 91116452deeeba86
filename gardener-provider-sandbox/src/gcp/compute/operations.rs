//! Operations: what a change goes on as after it was accepted.
//!
//! <https://cloud.google.com/compute/docs/api/how-tos/api-requests-responses#handling_api_responses>

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{
    kind::Kind,
    links::{Key, Scope, url},
};
use crate::gcp::context::timestamp;

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) what: &'static str,
    pub(crate) target: Key,
    pub(crate) target_id: u64,
    pub(crate) user: String,
    pub(crate) inserted: SystemTime,
    pub(crate) started: SystemTime,
    pub(crate) ends: SystemTime,
    pub(crate) failure: Option<Failure>,
    pub(crate) listed_from: SystemTime,
}

/// Why an operation fails.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
}

impl Failure {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: None }
    }

    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// A quota that does not suffice; `region` is empty for the project's quotas.
    pub(crate) fn quota(metric: &str, limit: u64, region: &str) -> Self {
        let details = json!([{ "quotaInfo": {
            "metricName": format!("compute.googleapis.com/{}", metric.to_ascii_lowercase()),
            "limitName": format!("{metric}-per-project{}", if region.is_empty() { "" } else { "-region" }),
            "dimensions": if region.is_empty() { json!({}) } else { json!({ "region": region }) },
            "limit": limit,
        } }]);
        Self::new("QUOTA_EXCEEDED", quota_message(metric, limit, region)).with_details(details)
    }

    /// The HTTP status and its words that the operation shows.
    fn http(&self) -> (u16, &'static str) {
        match self.code.as_str() {
            "QUOTA_EXCEEDED" | "PERMISSIONS_ERROR" | "RATE_LIMIT_EXCEEDED" | "FORBIDDEN" => {
                (403, "FORBIDDEN")
            }
            "RESOURCE_NOT_FOUND" => (404, "NOT FOUND"),
            "RESOURCE_ALREADY_EXISTS" => (409, "CONFLICT"),
            "CONDITION_NOT_MET" => (412, "PRECONDITION FAILED"),
            "INTERNAL_ERROR" => (500, "INTERNAL SERVER ERROR"),
            code if code.contains("RESOURCE_POOL_EXHAUSTED") || code == "UNAVAILABLE" => {
                (503, "SERVICE UNAVAILABLE")
            }
            _ => (400, "BAD REQUEST"),
        }
    }
}

/// The words for a quota that does not suffice.
pub(crate) fn quota_message(metric: &str, limit: u64, region: &str) -> String {
    let place = if region.is_empty() { "globally".to_owned() } else { format!("in region {region}") };
    format!("Quota '{metric}' exceeded.  Limit: {limit}.0 {place}.")
}

impl Operation {
    /// The path from `projects/` on.
    pub(crate) fn path(&self, project: &str) -> String {
        format!("projects/{project}/{}/operations/{}", self.scope.path(), self.name)
    }

    /// What it changes; an operation that is its own target stands for the project.
    fn target_url(&self, project: &str) -> String {
        match self.target.kind {
            Kind::Operation => url(&format!("projects/{project}")),
            _ => self.target.url(project),
        }
    }

    pub(crate) fn is_done(&self, now: SystemTime) -> bool {
        self.ends <= now
    }

    /// How long the `wait` verb would hold a call: until it is done, but no longer than two minutes.
    pub(crate) fn rest(&self, now: SystemTime) -> Duration {
        self.ends.duration_since(now).unwrap_or_default().min(Duration::from_secs(120))
    }

    pub(crate) fn show(&self, project: &str, now: SystemTime) -> Value {
        let done = self.is_done(now);
        let status = if done {
            "DONE"
        } else if self.started <= now {
            "RUNNING"
        } else {
            "PENDING"
        };
        let mut shown = json!({
            "kind": "compute#operation",
            "id": self.id.to_string(),
            "name": self.name,
            "operationType": self.what,
            "targetLink": self.target_url(project),
            "targetId": self.target_id.to_string(),
            "status": status,
            "user": self.user,
            "progress": if done { 100 } else { 0 },
            "insertTime": timestamp(self.inserted),
            "selfLink": url(&self.path(project)),
        });
        let place = match &self.scope {
            Scope::Global => None,
            Scope::Region(_) => Some("region"),
            Scope::Zone(_) => Some("zone"),
        };
        if let Some(place) = place {
            shown[place] = url(&format!("projects/{project}/{}", self.scope.path())).into();
        }
        if self.started <= now {
            shown["startTime"] = timestamp(self.started).into();
        }
        if done {
            shown["endTime"] = timestamp(self.ends).into();
            self.show_failure(&mut shown);
        }
        shown
    }

    fn show_failure(&self, shown: &mut Value) {
        let Some(failure) = &self.failure else { return };
        let mut error = json!({ "code": failure.code, "message": failure.message });
        if let Some(details) = &failure.details {
            error["errorDetails"] = details.clone();
        }
        let (status, words) = failure.http();
        shown["error"] = json!({ "errors": [error] });
        shown["httpErrorStatusCode"] = status.into();
        shown["httpErrorMessage"] = words.into();
    }
}
