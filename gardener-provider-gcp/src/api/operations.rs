//! Compute Engine's long-running operations
//! ([reference](https://cloud.google.com/compute/docs/reference/rest/v1/zoneOperations),
//! [handling](https://cloud.google.com/compute/docs/api/how-tos/api-requests-responses#handling_api_responses)).

use std::time::SystemTime;

use chrono::DateTime;
use gardener_provider_client::{call::Idempotency, pages::Page};
use gardener_provider_core::{Error, ErrorKind};
use http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use super::{Mutation, Operation, RestRequest, compute, last_segment, lists};
use crate::errors;

/// An operation, as far as anybody here looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComputeOperation {
    pub name: String,
    /// `PENDING`, `RUNNING` or `DONE`.
    pub status: String,
    /// The address of its zone, if it is of one.
    pub zone: Option<String>,
    /// The address of its region, if it is of one.
    pub region: Option<String>,
    /// The address of what it changes.
    pub target_link: String,
    /// The request id of the change.
    pub client_operation_id: Option<String>,
    pub end_time: Option<String>,
    pub error: Option<Errors>,
    pub http_error_status_code: Option<u16>,
    pub http_error_message: Option<String>,
}

/// What went wrong in an operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Errors {
    pub errors: Vec<OperationError>,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct OperationError {
    pub code: String,
    pub message: String,
    /// The field of the request that is to blame.
    pub location: Option<String>,
}

impl ComputeOperation {
    /// True if it has ended, well or not.
    pub fn is_done(&self) -> bool {
        self.status == "DONE"
    }

    /// When it ended.
    pub fn ended(&self) -> Option<SystemTime> {
        DateTime::parse_from_rfc3339(self.end_time.as_deref()?).ok().map(SystemTime::from)
    }

    /// What it ended with, if not well. Every error is told; that which says most decides what kind it is.
    pub fn failure(&self) -> Option<Error> {
        let status = self.http_error_status_code.and_then(|status| StatusCode::from_u16(status).ok());
        let has_failed = self.error.is_some() || status.is_some_and(|status| !status.is_success());
        has_failed.then(|| self.error(status))
    }

    fn error(&self, status: Option<StatusCode>) -> Error {
        let errors = self.error.as_ref().map_or(&[][..], |error| &error.errors);
        let known = errors.iter().filter_map(|e| Some((errors::of_operation(&e.code, &e.message)?, e)));
        let kind = match known.min_by_key(|(kind, _)| rank(*kind)) {
            Some((kind, error)) => {
                return Error::new(kind, self.message(errors)).with_cloud_code(&error.code);
            }
            None => status.map_or(ErrorKind::Internal, errors::by_status),
        };
        let error = Error::new(kind, self.message(errors));
        match errors.iter().find(|error| !error.code.is_empty()) {
            Some(first) => error.with_cloud_code(&first.code),
            None => error,
        }
    }

    fn message(&self, errors: &[OperationError]) -> String {
        let tell = |error: &OperationError| match (&error.location, error.message.as_str()) {
            (Some(field), message) if !field.is_empty() => format!("{field}: {message}"),
            (_, "") => error.code.clone(),
            (_, message) => message.to_owned(),
        };
        let told: Vec<_> = errors.iter().map(tell).filter(|text| !text.is_empty()).collect();
        if told.is_empty() {
            let message = self.http_error_message.as_deref().filter(|message| !message.is_empty());
            return message.unwrap_or("the operation failed without saying why").to_owned();
        }
        told.join("; ")
    }
}

/// Which of several kinds a caller should hear of: first those that call for another reaction than an error usually does.
const fn rank(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::OutOfCapacity => 0,
        ErrorKind::QuotaExceeded => 1,
        ErrorKind::RateLimited => 2,
        ErrorKind::Unavailable => 4,
        _ => 3,
    }
}

/// The address of an operation: in its zone, its region, or neither.
fn address(method: [&'static str; 3], project: &str, operation: &ComputeOperation) -> RestRequest {
    let [zonal, regional, global] = method;
    let request = match (&operation.zone, &operation.region) {
        (Some(zone), _) => compute(zonal, project).segments(["zones", last_segment(zone)]),
        (None, Some(region)) => compute(regional, project).segments(["regions", last_segment(region)]),
        (None, None) => compute(global, project).segments(["global"]),
    };
    request.segments(["operations", &operation.name])
}

/// Answers when the operation is done, or after two minutes at the latest, done or not.
pub fn wait(project: &str, operation: &ComputeOperation) -> Operation<ComputeOperation> {
    let methods =
        ["compute.zoneOperations.wait", "compute.regionOperations.wait", "compute.globalOperations.wait"];
    let request = address(methods, project, operation).segments(["wait"]);
    Operation::json(request.idempotency(Idempotency::Safe))
}

/// How it stands with the operation.
pub fn get(project: &str, operation: &ComputeOperation) -> Operation<ComputeOperation> {
    let methods =
        ["compute.zoneOperations.get", "compute.regionOperations.get", "compute.globalOperations.get"];
    Operation::json(address(methods, project, operation))
}

/// One page of the operations of a zone that match a filter.
pub fn list_zonal(
    project: &str,
    zone: &str,
    filter: Option<&str>,
    token: Option<&str>,
) -> Operation<Page<ComputeOperation>> {
    let request = compute("compute.zoneOperations.list", project).segments(["zones", zone, "operations"]);
    Operation::new(lists::paged(request, filter, token), lists::page)
}

/// The change with a request id, by which the server knows it again: it may then be sent twice.
pub fn with_request_id(mutation: &Mutation) -> Mutation {
    let mut mutation = mutation.clone();
    if mutation.request.query.iter().all(|(key, _)| key != REQUEST_ID) {
        mutation.request = mutation.request.query(REQUEST_ID, Uuid::new_v4());
    }
    mutation.request.idempotency = Idempotency::Idempotent;
    mutation
}

/// The parameter of every change that makes it the same change when it is sent again.
pub const REQUEST_ID: &str = "requestId";

/// Every operation with every parameter set.
pub fn samples() -> Vec<RestRequest> {
    let prefix = "https://www.googleapis.com/compute/v1/projects/my-project";
    let of = |zone: Option<&str>, region: Option<&str>| ComputeOperation {
        name: "operation-1".to_owned(),
        zone: zone.map(|zone| format!("{prefix}/zones/{zone}")),
        region: region.map(|region| format!("{prefix}/regions/{region}")),
        ..ComputeOperation::default()
    };
    let all = [of(Some("europe-west1-b"), None), of(None, Some("europe-west1")), of(None, None)];
    let mut samples: Vec<_> = all
        .iter()
        .flat_map(|one| [wait("my-project", one).request, get("my-project", one).request])
        .collect();
    samples.push(
        list_zonal("my-project", "europe-west1-b", Some("(status != \"DONE\")"), Some("token")).request,
    );
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(json: &str) -> ComputeOperation {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_error_is_told_and_the_most_telling_decides() {
        let operation = operation(
            r#"{"name":"o","status":"DONE","httpErrorStatusCode":400,"httpErrorMessage":"BAD REQUEST",
            "error":{"errors":[
                {"code":"INTERNAL_ERROR","message":"try again"},
                {"code":"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS","message":"no n2 left","location":"machineType"},
                {"code":"SOMETHING_NEW","message":""}]}}"#,
        );
        let error = operation.failure().unwrap();
        assert_eq!(error.kind(), ErrorKind::OutOfCapacity);
        assert_eq!(error.cloud_code(), Some("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"));
        assert_eq!(error.message(), "try again; machineType: no n2 left; SOMETHING_NEW");
    }

    #[test]
    fn errors_without_a_code_or_at_all_are_errors() {
        for (json, kind) in [
            (r#"{"status":"DONE","error":{}}"#, ErrorKind::Internal),
            (r#"{"status":"DONE","error":{"errors":[]},"httpErrorStatusCode":503}"#, ErrorKind::Unavailable),
            (
                r#"{"status":"DONE","httpErrorStatusCode":404,"httpErrorMessage":"NOT FOUND"}"#,
                ErrorKind::NotFound,
            ),
            (
                r#"{"status":"DONE","error":{"errors":[{"code":"NEW"}]},"httpErrorStatusCode":403}"#,
                ErrorKind::PermissionDenied,
            ),
        ] {
            assert_eq!(operation(json).failure().unwrap().kind(), kind, "{json}");
        }
        assert_eq!(operation(r#"{"status":"DONE"}"#).failure().map(|error| error.kind()), None);
    }

    #[test]
    fn an_operation_is_waited_for_where_it_is() {
        let paths: Vec<_> = samples().into_iter().map(|request| request.path).collect();
        assert_eq!(
            paths[0],
            "/compute/v1/projects/my-project/zones/europe-west1-b/operations/operation-1/wait"
        );
        assert_eq!(
            paths[2],
            "/compute/v1/projects/my-project/regions/europe-west1/operations/operation-1/wait"
        );
        assert_eq!(paths[5], "/compute/v1/projects/my-project/global/operations/operation-1");
    }

    #[test]
    fn a_change_gets_one_request_id_and_keeps_it() {
        let mutation =
            Mutation::json(compute("compute.networks.insert", "my-project").segments(["global", "networks"]));
        assert_eq!(mutation.request.idempotency, Idempotency::Once);
        let once = with_request_id(&mutation);
        assert_eq!(once.request.idempotency, Idempotency::Idempotent);
        assert_eq!(with_request_id(&once).request, once.request);
        assert_ne!(with_request_id(&mutation).request, once.request);
    }

    #[test]
    fn the_end_is_read_in_any_time_zone() {
        let operation = operation(r#"{"status":"DONE","endTime":"2026-11-22T00:00:00.500-08:00"}"#);
        let end = operation.ended().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(end.as_millis(), 1_795_334_400_500);
        assert_eq!(ComputeOperation::default().ended(), None);
    }
}
