//! Which method a request is, and whether path, query string and body are as described.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use super::{
    super::{
        Checked, Problem, body,
        path::{self, Fit, Style},
    },
    check::{Check, Direction},
    document::{Document, Method},
};

const STYLE: Style = Style { ignore_case: false, prefixes: &[] };

pub(super) struct Found<'a> {
    document: &'a Document,
    method: &'a Method,
    fit: Fit<'a>,
    /// The body is an object's data, with or without its description.
    upload: bool,
}

impl Found<'_> {
    pub(super) fn checked(&self, problems: Vec<Problem>) -> Checked {
        Checked { service: self.document.name.clone(), operation: self.method.id.clone(), problems }
    }
}

/// The method whose path fits best, of the services at the request's host if it is one of theirs.
pub(super) fn find<'a>(documents: &'a [Document], request: &Request<Bytes>) -> Result<Found<'a>, Problem> {
    let host = request.uri().host().unwrap_or_default();
    let at_home = documents.iter().any(|document| document.host == host);
    let meant = documents.iter().filter(|document| !at_home || document.host == host);
    let methods = meant.flat_map(|document| document.methods.iter().map(move |method| (document, method)));
    let fitting = methods.filter(|(_, method)| method.http_method == request.method().as_str());
    fitting
        .filter_map(|(document, method)| fit(document, method, request.uri().path()))
        .max_by_key(|found| found.fit.words)
        .ok_or_else(|| {
            let (method, uri) = (request.method(), request.uri());
            Problem::new("", format!("{method} {uri} is no method that is described"))
        })
}

fn fit<'a>(document: &'a Document, method: &'a Method, path: &str) -> Option<Found<'a>> {
    if let Some(fit) =
        path.strip_prefix(&document.base).and_then(|rest| path::fit(STYLE, method.template(), rest))
    {
        return Some(Found { document, method, fit, upload: false });
    }
    let mut uploads = method.media_upload.iter().flat_map(|upload| upload.protocols.values());
    let fit = uploads.find_map(|upload| path::fit(STYLE, &upload.path, path))?;
    Some(Found { document, method, fit, upload: true })
}

/// Checks a request to this method.
pub(super) fn check(found: &Found<'_>, request: &Request<Bytes>) -> Vec<Problem> {
    let Found { document, method, fit, upload } = found;
    let mut check = Check::new(document, method, Direction::Request);
    for (name, value) in &fit.values {
        if let Some(parameter) = method.parameters.get(*name) {
            check.text(parameter, name, value);
        }
    }
    check_query(found, request, &mut check);
    match &method.request {
        _ if *upload => {}
        None if request.body().is_empty() => {}
        None => check.problem("", "there is a body, and this method has none"),
        Some(_) if request.body().is_empty() => {
            check.problem("", "there is no body, and this method needs one");
        }
        Some(wanted) => match body::json(request.body()) {
            Ok(value) => check.value(wanted, "", &value),
            Err(problem) => check.problems.push(problem),
        },
    }
    check.problems
}

fn check_query<'a>(found: &Found<'a>, request: &Request<Bytes>, check: &mut Check<'a>) {
    let (document, method) = (found.document, found.method);
    let known = |name: &str| {
        let own = method.parameters.get(name).filter(|parameter| parameter.location == "query");
        own.or_else(|| document.parameters.get(name))
    };
    let may_repeat = |name: &str| known(name).is_some_and(|parameter| parameter.repeated);
    let (pairs, problems) = body::query(request.uri().query(), may_repeat);
    check.problems.extend(problems);
    for (name, values) in &pairs {
        match known(name) {
            Some(parameter) => values.iter().for_each(|value| check.text(parameter, name, value)),
            // Of a session that the server began.
            None if found.upload && name == "upload_id" => {}
            None => check.problem(name, "is no parameter of this method"),
        }
    }
    for (name, parameter) in &method.parameters {
        if parameter.location == "query" && parameter.required && !pairs.contains_key(name) {
            check.problem(name, "is required and missing");
        }
    }
}

/// Checks the reply to this method.
pub(super) fn check_reply(
    found: &Found<'_>,
    request: &Request<Bytes>,
    reply: &Response<Bytes>,
) -> Vec<Problem> {
    let status = reply.status();
    let mut check = Check::new(found.document, found.method, Direction::Reply);
    let data = found.method.supports_media_download
        && request.uri().query().is_some_and(|query| query.contains("alt=media"));
    let goes_on = found.upload && (status.as_u16() == 308 || reply.headers().contains_key("location"));
    if status.is_client_error() || status.is_server_error() {
        check.problems.extend(match body::json(reply.body()) {
            Ok(value) => error_problems(&value, status.as_u16()),
            Err(problem) => vec![problem],
        });
    } else if !(status.is_success() || goes_on) {
        check.problem("", format!("the status {} is neither a success nor an error", status.as_u16()));
    } else if !data && !goes_on {
        match (&found.method.response, reply.body().is_empty()) {
            (None, true) => {}
            (None, false) => check.problem("", "there is a body, and this reply has none"),
            (Some(_), true) => check.problem("", "there is no body, and this reply needs one"),
            (Some(wanted), false) => match body::json(reply.body()) {
                Ok(value) => check.value(wanted, "", &value),
                Err(problem) => check.problems.push(problem),
            },
        }
    }
    check.problems
}

/// `{"error": {"code": 404, "message": "…", "errors": [{"reason": "notFound", …}]}}`
/// ([source](https://cloud.google.com/apis/design/errors#http_mapping)).
fn error_problems(value: &Value, status: u16) -> Vec<Problem> {
    let error = &value["error"];
    let mut problems = Vec::new();
    let mut wrong = |path: &str, problem: String| problems.push(Problem::new(path, problem));
    if error["code"] != status {
        wrong("error.code", format!("is {}, not the status {status}", error["code"]));
    }
    if !error["message"].is_string() {
        wrong("error.message", "is missing in the error".to_owned());
    }
    for (name, value) in error.as_object().into_iter().flatten() {
        let fits = match name.as_str() {
            "code" | "message" => true,
            "status" => value.is_string(),
            "details" => value.is_array(),
            "errors" => {
                value.as_array().is_some_and(|errors| errors.iter().all(|error| error["reason"].is_string()))
            }
            _ => false,
        };
        if !fits {
            wrong(&format!("error.{name}"), format!("has no place in an error: {value}"));
        }
    }
    problems
}
