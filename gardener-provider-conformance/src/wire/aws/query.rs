//! The protocols EC2 and Query: a form as the request, XML as the reply.

use bytes::Bytes;
use http::{Request, Response};

use super::{
    Problem,
    scalars::Times,
    shapes::{Description, EMPTY, Protocol},
    tree::{Check, Tree},
    xml::{self, Element},
};

pub(super) fn check(service: &Description, operation: &str, request: &Request<Bytes>) -> Vec<Problem> {
    let pairs = url::form_urlencoded::parse(request.body()).into_owned();
    let (mut tree, mut problems) = Tree::of(pairs);
    if request.method() != http::Method::POST {
        problems.push(Problem::new("", format!("is sent by {}, not by POST", request.method())));
    }
    tree.take("Action");
    if tree.take("Version").as_deref() != Some(&service.api_version) {
        problems.push(Problem::new("Version", format!("is not {}", service.api_version)));
    }
    let mut check = Check { service, problems };
    let input = service.operations.get(operation).and_then(|operation| operation.input.as_ref());
    match input {
        Some(input) => check.structure(service.shape(input), "", &tree),
        None => check.structure(&EMPTY, "", &tree),
    }
    check.problems
}

pub(super) fn check_reply(service: &Description, operation: &str, reply: &Response<Bytes>) -> Vec<Problem> {
    let root = match Element::parse(reply.body()) {
        Ok(root) => root,
        Err(problem) => return vec![Problem::new("", problem)],
    };
    if !reply.status().is_success() {
        return error(service.protocol, &root);
    }
    let mut problems = Vec::new();
    let wanted = format!("{operation}Response");
    if root.name != wanted {
        problems.push(Problem::new("", format!("the root is <{}>, not <{wanted}>", root.name)));
    }
    let output = service.operations.get(operation).and_then(|operation| operation.output.as_ref());
    let shape = output.map_or(&EMPTY, |output| service.shape(output));
    let mut check = xml::Check { service, times: Times::Iso, problems };
    if service.protocol == Protocol::Ec2 {
        // Of every reply, and of those that say nothing more than that it worked.
        let mut extra = vec!["requestId"];
        extra.extend(output.is_none().then_some("return"));
        if root.child("requestId").is_none() {
            check.problems.push(Problem::new("requestId", "is missing"));
        }
        check.structure(shape, "", &root, &extra);
        return check.problems;
    }
    if root.find("ResponseMetadata/RequestId").is_none() {
        check.problems.push(Problem::new("ResponseMetadata.RequestId", "is missing"));
    }
    let wrapper = output.and_then(|output| output.result_wrapper.as_deref());
    for child in &root.children {
        match child.name.as_str() {
            "ResponseMetadata" => {}
            name if Some(name) == wrapper => check.structure(shape, name, child, &[]),
            name => check.problems.push(Problem::new(name, "is not part of this reply")),
        }
    }
    if let Some(wrapper) = wrapper.filter(|wrapper| root.child(wrapper).is_none()) {
        check.problems.push(Problem::new(wrapper, "is missing"));
    }
    check.problems
}

/// EC2: `<Response><Errors><Error>…</Error></Errors><RequestID/></Response>`; the others:
/// `<ErrorResponse><Error><Type/>…</Error><RequestId/></ErrorResponse>`.
fn error(protocol: Protocol, root: &Element) -> Vec<Problem> {
    let (name, paths): (_, &[&str]) = match protocol {
        Protocol::Ec2 => ("Response", &["Errors/Error/Code", "Errors/Error/Message", "RequestID"]),
        _ => ("ErrorResponse", &["Error/Type", "Error/Code", "Error/Message", "RequestId"]),
    };
    let mut problems = Vec::new();
    if root.name != name {
        problems.push(Problem::new("", format!("the root of the error is <{}>, not <{name}>", root.name)));
    }
    let missing = paths.iter().filter(|path| root.find(path).is_none());
    problems.extend(missing.map(|path| Problem::new(*path, "is missing in the error")));
    problems
}
