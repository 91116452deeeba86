//! The protocols REST-XML and REST-JSON: path, query string, headers and body each carry a part of the request.

use std::{cmp::Reverse, collections::BTreeMap};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};

use super::{
    Problem, json,
    scalars::{self, Times},
    shapes::{Description, Kind, Operation, Protocol, Reference, Shape},
    xml::{self, Element},
};

/// Headers that a signature, a checksum or the service itself adds.
const COMMON: &[&str] = &[
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-request-id",
    "x-amz-id-2",
    "x-amz-bucket-region",
    "x-amz-user-agent",
];

/// The one operation whose reply's root element is the value itself.
const BARE_ROOT: &str = "GetBucketLocation";

/// The operation whose template fits best: all that it names must be there.
pub(super) fn resolve<'a>(service: &'a Description, request: &Request<Bytes>) -> Option<&'a str> {
    let fitting = service.operations.iter().filter_map(|(name, operation)| {
        let score = fit(service, operation, request)?;
        Some(((!operation.deprecated, score), name.as_str()))
    });
    fitting.max_by_key(|(score, name)| (*score, Reverse(*name))).map(|(_, name)| name)
}

fn fit(service: &Description, operation: &Operation, request: &Request<Bytes>) -> Option<usize> {
    if operation.http.method != request.method().as_str() {
        return None;
    }
    let (template, literals) = template(&operation.http.request_uri);
    bind(template, request.uri().path())?;
    let query = query(request);
    let has =
        |key: &str, value: &str| query.iter().any(|(k, v)| k == key && (value.is_empty() || v == value));
    if !literals.iter().all(|(key, value)| has(key, value)) {
        return None;
    }
    let mut score = 8 * literals.len();
    let input = operation.input.as_ref().map(|input| service.shape(input));
    for (name, reference) in input.into_iter().flat_map(|input| &input.members) {
        let required = input.is_some_and(|input| input.requires(name));
        let wire_name = Shape::wire_name(name, reference);
        let there = match reference.location.as_deref() {
            Some("querystring") => has(wire_name, ""),
            Some("header") => request.headers().contains_key(wire_name),
            _ => continue,
        };
        match (required, there) {
            (true, false) => return None,
            (true, true) => score += 8,
            (false, true) => score += 1,
            (false, false) => {}
        }
    }
    Some(score)
}

/// The path and the fixed pairs of `/{Bucket}?list-type=2`.
fn template(uri: &str) -> (&str, Vec<(&str, &str)>) {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    (path, pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect())
}

/// The values of a template's labels in a path.
fn bind(template: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    let mut rest = path.trim_start_matches('/');
    for step in template.split('/').filter(|step| !step.is_empty()) {
        let label = step.strip_prefix('{').and_then(|step| step.strip_suffix('}'));
        let (part, tail) = match label {
            Some(label) if label.ends_with('+') => (rest, ""),
            _ => rest.split_once('/').unwrap_or((rest, "")),
        };
        if part.is_empty() {
            return None;
        }
        match label {
            Some(label) => {
                labels.insert(label.trim_end_matches('+').to_owned(), decode(part));
            }
            None if decode(part) != step => return None,
            None => {}
        }
        rest = tail;
    }
    rest.is_empty().then_some(labels)
}

fn decode(text: &str) -> String {
    // The decoder of forms reads a plus as a blank; in a path it is one.
    let text = text.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    let whole = pairs.next().map(|(key, _)| key.into_owned());
    whole.unwrap_or_default()
}

fn query(request: &Request<Bytes>) -> Vec<(String, String)> {
    let query = request.uri().query().unwrap_or_default().replace('+', "%2B");
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

pub(super) fn check(service: &Description, name: &str, request: &Request<Bytes>) -> Vec<Problem> {
    let Some(operation) = service.operations.get(name) else { return Vec::new() };
    let mut problems = Vec::new();
    let input = operation.input.as_ref().map(|input| service.shape(input));
    path_and_query(service, operation, input, request, &mut problems);
    let has_checksums = operation.http_checksum.is_some();
    headers(service, input, has_checksums, request.headers(), &mut problems);
    body(service, input, request.body(), &mut problems);
    let needs_checksum = operation.http_checksum.as_ref().is_some_and(|http| http.request_checksum_required);
    if needs_checksum && !has_checksum(request.headers()) {
        problems.push(Problem::new("Content-MD5", "or another checksum is required and missing"));
    }
    problems
}

fn has_checksum(headers: &HeaderMap) -> bool {
    let names = headers.keys().map(http::HeaderName::as_str);
    let mut checksums = names.filter(|name| *name == "content-md5" || name.starts_with("x-amz-checksum-"));
    checksums.next().is_some()
}

fn path_and_query(
    service: &Description,
    operation: &Operation,
    input: Option<&Shape>,
    request: &Request<Bytes>,
    problems: &mut Vec<Problem>,
) {
    let (template, literals) = template(&operation.http.request_uri);
    let labels = bind(template, request.uri().path()).unwrap_or_default();
    let query = query(request);
    let mut known: Vec<&str> = literals.iter().map(|(key, _)| *key).collect();
    for (name, reference) in input.into_iter().flat_map(|input| &input.members) {
        let wire_name = Shape::wire_name(name, reference);
        let shape = service.shape(reference);
        match reference.location.as_deref() {
            Some("uri") => match labels.get(wire_name) {
                Some(value) => {
                    problems.extend(scalars::check(shape, reference, Times::Iso, wire_name, value));
                }
                None => problems.push(Problem::new(wire_name, "is missing in the path")),
            },
            Some("querystring") => {
                known.push(wire_name);
                let values: Vec<_> = query.iter().filter(|(key, _)| key == wire_name).collect();
                let (shape, reference) = item(service, shape, reference);
                for (_, value) in &values {
                    problems.extend(scalars::check(shape, reference, Times::Iso, wire_name, value));
                }
                if values.is_empty() && input.is_some_and(|input| input.requires(name)) {
                    problems.push(Problem::new(wire_name, "is required and missing in the query string"));
                }
            }
            _ => {}
        }
    }
    let unknown = query.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    problems
        .extend(unknown.map(|(key, _)| Problem::new(key, "is not in the query string of this operation")));
}

fn item<'a>(
    service: &'a Description,
    shape: &'a Shape,
    reference: &'a Reference,
) -> (&'a Shape, &'a Reference) {
    match &shape.member {
        Some(member) if shape.kind == Kind::List => (service.shape(member), member),
        _ => (shape, reference),
    }
}

/// Headers of the service's own must all be described; the standard ones are HTTP's business.
fn headers(
    service: &Description,
    shape: Option<&Shape>,
    has_checksums: bool,
    headers: &HeaderMap,
    problems: &mut Vec<Problem>,
) {
    let mut known: Vec<String> = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    for (name, reference) in shape.into_iter().flat_map(|shape| &shape.members) {
        let wire_name = Shape::wire_name(name, reference).to_ascii_lowercase();
        match reference.location.as_deref() {
            Some("headers") => prefixes.push(wire_name),
            Some("header") => {
                let value = headers.get(&wire_name).map(|value| String::from_utf8_lossy(value.as_bytes()));
                if let Some(value) = value {
                    let (shape, reference) = item(service, service.shape(reference), reference);
                    for value in value.split(',').take(if shape.values.is_empty() { 0 } else { usize::MAX }) {
                        problems.extend(scalars::check(
                            shape,
                            reference,
                            Times::Http,
                            &wire_name,
                            value.trim(),
                        ));
                    }
                    if shape.values.is_empty() {
                        problems.extend(scalars::check(shape, reference, Times::Http, &wire_name, &value));
                    }
                } else if shape.is_some_and(|shape| shape.requires(name)) {
                    problems.push(Problem::new(&wire_name, "is required and missing in the headers"));
                }
                known.push(wire_name);
            }
            _ => {}
        }
    }
    for name in headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-")) {
        let described = known.iter().any(|known| known == name)
            || prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
            || COMMON.contains(&name)
            || (has_checksums && name.starts_with("x-amz-checksum-"));
        if !described {
            problems.push(Problem::new(name, "is not a header of this operation"));
        }
    }
}

fn body(service: &Description, input: Option<&Shape>, body: &Bytes, problems: &mut Vec<Problem>) {
    let payload = input.and_then(|input| Some((input.payload.as_deref()?, input)));
    let Some((name, input)) = payload else {
        return members(service, input, body, problems);
    };
    let Some(reference) = input.members.get(name) else { return };
    let shape = service.shape(reference);
    if body.is_empty() {
        if input.requires(name) {
            problems.push(Problem::new(name, "is required and missing: there is no body"));
        }
        return;
    }
    if shape.kind != Kind::Structure {
        return;
    }
    if service.protocol == Protocol::RestJson {
        return json::check(service, shape, name, body, problems);
    }
    let root = match Element::parse(body) {
        Ok(root) => root,
        Err(problem) => return problems.push(Problem::new(name, problem)),
    };
    let wanted =
        reference.location_name.as_deref().or(shape.location_name.as_deref()).unwrap_or(&reference.shape);
    if root.name != wanted {
        problems.push(Problem::new("", format!("the root of the body is <{}>, not <{wanted}>", root.name)));
    }
    let namespace = reference.xml_namespace.as_ref().map(super::shapes::Namespace::uri);
    if root.namespace() != namespace {
        let found = root.namespace();
        problems.push(Problem::new("xmlns", format!("of the body is {found:?}, not {namespace:?}")));
    }
    let mut check = xml::Check { service, times: Times::Iso, problems: std::mem::take(problems) };
    check.structure(shape, wanted, &root, &[]);
    *problems = check.problems;
}

/// A body that is made of those members that have no other place.
fn members(service: &Description, input: Option<&Shape>, body: &Bytes, problems: &mut Vec<Problem>) {
    let none = input.is_none_or(|input| input.body_members().next().is_none());
    if none {
        if !body.is_empty() {
            problems.push(Problem::new("", "there is a body, and this operation has none"));
        }
        return;
    }
    let Some(input) = input else { return };
    if service.protocol == Protocol::RestJson {
        return json::check(service, input, "", body, problems);
    }
    match Element::parse(body) {
        Ok(root) => {
            let mut check = xml::Check { service, times: Times::Iso, problems: std::mem::take(problems) };
            check.structure(input, "", &root, &[]);
            *problems = check.problems;
        }
        Err(problem) => problems.push(Problem::new("", problem)),
    }
}

pub(super) fn check_reply(
    service: &Description,
    name: &str,
    request: &Request<Bytes>,
    reply: &Response<Bytes>,
) -> Vec<Problem> {
    let bodiless = request.method() == Method::HEAD || reply.status() == http::StatusCode::NOT_MODIFIED;
    if !reply.status().is_success() {
        return if bodiless { Vec::new() } else { error(service.protocol, reply) };
    }
    let mut problems = Vec::new();
    let output = service.operations.get(name).and_then(|operation| operation.output.as_ref());
    let shape = output.map(|output| service.shape(output));
    headers(service, shape, false, reply.headers(), &mut problems);
    if bodiless {
        return problems;
    }
    match shape {
        Some(shape) if name == BARE_ROOT => bare(service, shape, reply.body(), &mut problems),
        Some(shape) => reply_body(service, shape, reply.body(), &mut problems),
        None if reply.body().is_empty() => {}
        None => problems.push(Problem::new("", "there is a body, and this reply has none")),
    }
    problems
}

fn bare(service: &Description, shape: &Shape, body: &Bytes, problems: &mut Vec<Problem>) {
    match (Element::parse(body), shape.body_members().next()) {
        (Ok(root), Some((wanted, _, _))) if root.name != wanted => {
            problems.push(Problem::new("", format!("the root is <{}>, not <{wanted}>", root.name)));
        }
        (Ok(root), Some(_)) if root.text.is_empty() && root.children.is_empty() => {}
        (Ok(root), Some((wanted, _, reference))) => {
            let mut check = xml::Check { service, times: Times::Iso, problems: std::mem::take(problems) };
            check.value(service.shape(reference), reference, wanted, &root);
            *problems = check.problems;
        }
        (Err(problem), _) => problems.push(Problem::new("", problem)),
        (Ok(_), None) => {}
    }
}

fn reply_body(service: &Description, shape: &Shape, body: &Bytes, problems: &mut Vec<Problem>) {
    let payload = shape.payload.as_deref().and_then(|name| Some((name, shape.members.get(name)?)));
    let (name, shape) = match payload {
        Some((name, reference)) => (name, service.shape(reference)),
        None if shape.body_members().next().is_none() => {
            if !body.is_empty() {
                problems.push(Problem::new("", "there is a body, and this reply has none"));
            }
            return;
        }
        None => ("", shape),
    };
    if shape.kind != Kind::Structure {
        return;
    }
    if service.protocol == Protocol::RestJson {
        return json::check(service, shape, name, body, problems);
    }
    match Element::parse(body) {
        Ok(root) => {
            let mut check = xml::Check { service, times: Times::Iso, problems: std::mem::take(problems) };
            check.structure(shape, "", &root, &[]);
            *problems = check.problems;
        }
        Err(problem) => problems.push(Problem::new("", problem)),
    }
}

/// XML: `<Error><Code/><Message/><RequestId/></Error>`. JSON: the code in a header or in the body, and a message.
fn error(protocol: Protocol, reply: &Response<Bytes>) -> Vec<Problem> {
    if protocol == Protocol::RestJson {
        return json::error(reply);
    }
    let root = match Element::parse(reply.body()) {
        Ok(root) => root,
        Err(problem) => return vec![Problem::new("", problem)],
    };
    let mut problems = Vec::new();
    if root.name != "Error" {
        problems.push(Problem::new("", format!("the root of the error is <{}>, not <Error>", root.name)));
    }
    let parts = ["Code", "Message", "RequestId"];
    let missing = parts.iter().filter(|part| root.child(part).is_none());
    problems.extend(missing.map(|part| Problem::new(*part, "is missing in the error")));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_bind_labels() {
        let bound =
            |template, path| bind(template, path).map(|labels| labels.into_values().collect::<Vec<_>>());
        assert_eq!(bound("/{Bucket}", "/b"), Some(vec!["b".to_owned()]));
        assert_eq!(bound("/{Bucket}", "/b/k"), None);
        assert_eq!(bound("/{Bucket}/{Key+}", "/b"), None);
        assert_eq!(bound("/{Bucket}/{Key+}", "/b/a%20+/c"), Some(vec!["b".to_owned(), "a +/c".to_owned()]));
        assert_eq!(
            bound("/2015-02-01/file-systems/{Id}", "/2015-02-01/file-systems/fs-1").unwrap(),
            ["fs-1"]
        );
        assert_eq!(bound("/2015-02-01/file-systems", "/2015-02-01/mount-targets"), None);
        assert_eq!(bound("/", "/"), Some(vec![]));
    }

    #[test]
    fn fixed_pairs_may_have_a_value() {
        assert_eq!(template("/{Bucket}?list-type=2&x"), ("/{Bucket}", vec![("list-type", "2"), ("x", "")]));
        assert_eq!(template("/"), ("/", vec![]));
    }
}
