//! Which operation a request is, and whether path, query string, body and status are as described.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::{
    super::{
        Checked, Problem, body,
        path::{self, Fit, Style},
    },
    check::{Check, Direction},
    description::{Operation, Package, Parameter, Place},
};

/// Azure's resource manager does not mind capitals in paths.
const STYLE: Style = Style { ignore_case: true, prefixes: &["scope", "resourceId"] };
const VERSION: &str = "api-version";

/// What servers put into the links to next pages, each by a name of its own.
const PAGE: [&str; 3] = ["$skiptoken", "skiptoken", "page"];

pub(super) struct Found<'a> {
    package: &'a Package,
    name: &'a str,
    operation: &'a Operation,
    fit: Fit<'a>,
}

impl Found<'_> {
    pub(super) fn checked(&self, problems: Vec<Problem>) -> Checked {
        Checked { service: self.package.package.clone(), operation: self.name.to_owned(), problems }
    }
}

/// The operation whose path fits best; of equal ones that of the request's version.
pub(super) fn find<'a>(packages: &'a [Package], request: &Request<Bytes>) -> Result<Found<'a>, Problem> {
    let (pairs, _) = body::query(request.uri().query(), |_| true);
    let version = pairs.get(VERSION).and_then(|values| values.first());
    let operations = packages.iter().flat_map(|package| {
        package.operations.iter().map(move |(name, operation)| (package, name, operation))
    });
    let fitting = operations.filter_map(|(package, name, operation)| {
        if operation.method != request.method().as_str() {
            return None;
        }
        let fit = path::fit(STYLE, &operation.path, request.uri().path())?;
        Some(Found { package, name, operation, fit })
    });
    // Of operations at one path each is told by its version, or by what it must have in the query string.
    let rank = |found: &Found<'_>| {
        let operation = found.operation;
        let asked = required(operation).filter(|name| pairs.contains_key(*name)).count();
        let lacking = required(operation).filter(|name| !pairs.contains_key(*name)).count();
        let same_version = version.is_some() && version_of(operation) == version;
        (found.fit.words, same_version, std::cmp::Reverse(lacking), asked)
    };
    fitting.max_by_key(rank).ok_or_else(|| {
        let (method, path) = (request.method(), request.uri().path());
        Problem::new("", format!("{method} {path} is no operation that is described"))
    })
}

/// What must be in the query string.
fn required(operation: &Operation) -> impl Iterator<Item = &String> {
    let query = operation.parameters.iter().filter(|parameter| parameter.place == Place::Query);
    let properties = query.map(|parameter| &parameter.property);
    // A constant of another name is sent by the SDK for one of its options only.
    let required = properties.filter(|property| property.required || property.serialized_name == VERSION);
    required.map(|property| &property.serialized_name)
}

fn version_of(operation: &Operation) -> Option<&String> {
    let parameter = operation.parameters.iter().find(|one| one.property.serialized_name == VERSION)?;
    match &parameter.property.default_value {
        Some(Value::String(version)) => Some(version),
        _ => None,
    }
}

/// Checks a request to this operation.
pub(super) fn check(found: &Found<'_>, request: &Request<Bytes>) -> Vec<Problem> {
    let Found { package, operation, fit, .. } = found;
    let mut check = Check::new(package, Direction::Request);
    for (name, value) in &fit.values {
        if let Some(parameter) = parameter(operation, Place::Path, name) {
            check.text(&parameter.property, name, value);
        }
    }
    check_query(operation, request, &mut check);
    match &operation.body {
        None if request.body().is_empty() => {}
        None => check.problem("", "there is a body, and this operation has none"),
        Some(wanted) if request.body().is_empty() => {
            if wanted.required {
                check.problem("", "there is no body, and this operation needs one");
            }
        }
        Some(wanted) => match body::json(request.body()) {
            Ok(value) => check.value(wanted, "", &value),
            Err(problem) => check.problems.push(problem),
        },
    }
    check.problems
}

fn check_query<'a>(operation: &'a Operation, request: &Request<Bytes>, check: &mut Check<'a>) {
    let (pairs, problems) = body::query(request.uri().query(), |_| false);
    check.problems.extend(problems);
    for (name, values) in &pairs {
        match parameter(operation, Place::Query, name) {
            Some(parameter) => values.iter().for_each(|value| check.text(&parameter.property, name, value)),
            None if request.method() == Method::GET && PAGE.contains(&name.to_lowercase().as_str()) => {}
            None => check.problem(name, "is not in the query string of this operation"),
        }
    }
    for name in required(operation).filter(|name| !pairs.contains_key(*name)) {
        check.problem(name, "is required and missing");
    }
}

fn parameter<'a>(operation: &'a Operation, place: Place, name: &str) -> Option<&'a Parameter> {
    operation.parameters.iter().find(|one| one.place == place && one.property.serialized_name == name)
}

/// Checks the reply to this operation.
pub(super) fn check_reply(
    found: &Found<'_>,
    request: &Request<Bytes>,
    reply: &Response<Bytes>,
) -> Vec<Problem> {
    let status = reply.status();
    let replies = &found.operation.replies;
    let mut check = Check::new(found.package, Direction::Reply);
    let wanted = match replies.get(status.as_str()) {
        Some(wanted) => wanted.as_ref(),
        None if status.is_success() => {
            check.problem("", format!("the status {} is not described for this operation", status.as_u16()));
            return check.problems;
        }
        None => replies.get("default").and_then(Option::as_ref),
    };
    if request.method() == Method::HEAD {
        return check.problems;
    }
    let error = status.is_client_error() || status.is_server_error();
    match (wanted, reply.body().is_empty()) {
        // Described with the body of the end, but sent without: the operation goes on.
        (_, true) if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) => {}
        (None, true) => {}
        (Some(_), true) => check.problem("", "there is no body, and this reply needs one"),
        (None, false) if !error => check.problem("", "there is a body, and this reply has none"),
        (wanted, false) => match body::json(reply.body()) {
            Ok(value) => {
                if let Some(wanted) = wanted {
                    check.value(wanted, "", &value);
                }
                if error {
                    check.problems.extend(error_problems(&value));
                }
            }
            Err(problem) => check.problems.push(problem),
        },
    }
    check.problems
}

/// Every error has a code and a message
/// ([source](https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md)).
fn error_problems(value: &Value) -> Vec<Problem> {
    let names = ["code", "message"].into_iter().filter(|name| !value["error"][*name].is_string());
    names.map(|name| Problem::new(format!("error.{name}"), "is missing in the error")).collect()
}

/// A look at an operation that goes on, at the address that the server gave. No package describes it; the form is common
/// to all resource providers
/// ([source](https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Poll {
    /// `Azure-AsyncOperation`: how far it is.
    Status,
    /// `Location`: its result, or 202.
    Result,
}

/// The poll that this request is.
pub(super) fn poll(request: &Request<Bytes>) -> Option<Poll> {
    if request.method() != Method::GET {
        return None;
    }
    // `…/locations/westeurope/operations/ID`; some say `DiskOperations`, `privateDnsOperationStatuses` and so on.
    let path = request.uri().path().to_lowercase();
    let collection = path.rsplit('/').nth(1)?;
    if request.uri().query().is_some_and(|query| query.contains("monitor=true")) {
        return collection.ends_with("operations").then_some(Poll::Result);
    }
    if collection.ends_with("operations") || collection.ends_with("operationstatuses") {
        Some(Poll::Status)
    } else {
        collection.ends_with("operationresults").then_some(Poll::Result)
    }
}

impl Poll {
    pub(super) fn checked(self, problems: Vec<Problem>) -> Checked {
        let operation = match self {
            Self::Status => "operations.status",
            Self::Result => "operations.result",
        };
        Checked { service: "asynchronous operations".to_owned(), operation: operation.to_owned(), problems }
    }

    pub(super) fn check_reply(self, reply: &Response<Bytes>) -> Vec<Problem> {
        let status = reply.status();
        let succeeded = status.is_success();
        if succeeded && reply.body().is_empty() && (self == Self::Result) {
            return Vec::new();
        }
        let value = match body::json(reply.body()) {
            Ok(value) => value,
            Err(problem) => return vec![problem],
        };
        match self {
            _ if !succeeded => error_problems(&value),
            Self::Result => Vec::new(),
            Self::Status => status_problems(&value),
        }
    }
}

fn status_problems(value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let fits = match name.as_str() {
            "id" | "name" | "status" | "resourceId" => value.is_string(),
            "startTime" | "endTime" => value.as_str().is_some_and(body::is_time),
            "percentComplete" => value.is_number(),
            "error" | "properties" => value.is_object(),
            _ => false,
        };
        if !fits {
            problems.push(Problem::new(name, format!("has no place in the state of an operation: {value}")));
        }
    }
    let status = value["status"].as_str();
    if status.is_none() {
        problems.push(Problem::new("status", "is required and missing"));
    }
    if matches!(status, Some("Failed" | "Canceled")) {
        problems.extend(error_problems(value));
    }
    problems
}
