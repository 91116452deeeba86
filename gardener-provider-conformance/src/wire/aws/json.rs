//! JSON bodies against shapes.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::{
    Problem,
    scalars::{self, Times},
    shapes::{Description, Kind, Reference, Shape},
    xml::join,
};

pub(super) fn check(
    service: &Description,
    shape: &Shape,
    path: &str,
    body: &Bytes,
    problems: &mut Vec<Problem>,
) {
    let empty: &[u8] = b"{}";
    match serde_json::from_slice(if body.is_empty() { empty } else { body }) {
        Ok(value) => structure(service, shape, path, &value, problems),
        Err(error) => problems.push(Problem::new(path, format!("the body is not JSON: {error}"))),
    }
}

fn structure(service: &Description, shape: &Shape, path: &str, value: &Value, problems: &mut Vec<Problem>) {
    let Value::Object(fields) = value else {
        return problems.push(Problem::new(path, format!("is {value}, not an object")));
    };
    let mut known = Vec::new();
    for (wire_name, name, reference) in shape.body_members() {
        let below = join(path, wire_name);
        known.push(wire_name);
        match fields.get(wire_name) {
            Some(Value::Null) | None if shape.requires(name) => {
                problems.push(Problem::new(below, "is required and missing"));
            }
            Some(Value::Null) | None => {}
            Some(field) => check_value(service, service.shape(reference), reference, &below, field, problems),
        }
    }
    for field in fields.keys().filter(|field| !known.contains(&field.as_str())) {
        problems.push(Problem::new(join(path, field), "is not described here"));
    }
}

fn check_value(
    service: &Description,
    shape: &Shape,
    reference: &Reference,
    path: &str,
    value: &Value,
    problems: &mut Vec<Problem>,
) {
    let wrong = |what: &str| Problem::new(path, format!("is {value}, not {what}"));
    match (shape.kind, value) {
        (Kind::Structure, _) => structure(service, shape, path, value, problems),
        (Kind::List, Value::Array(items)) => {
            let Some(member) = &shape.member else { return };
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                check_value(service, service.shape(member), member, &path, item, problems);
            }
        }
        (Kind::Map, Value::Object(fields)) => {
            let Some(member) = &shape.value else { return };
            for (key, field) in fields {
                check_value(service, service.shape(member), member, &join(path, key), field, problems);
            }
        }
        (Kind::String | Kind::Character | Kind::Blob, Value::String(text)) => {
            problems.extend(scalars::check(shape, reference, Times::Unix, path, text));
        }
        (Kind::Boolean, Value::Bool(_)) => {}
        (
            Kind::Integer | Kind::Long | Kind::Float | Kind::Double | Kind::Timestamp,
            Value::Number(number),
        ) => {
            problems.extend(scalars::check(shape, reference, Times::Unix, path, &number.to_string()));
        }
        (Kind::List, _) => problems.push(wrong("a list")),
        (Kind::Map, _) => problems.push(wrong("an object")),
        (Kind::Boolean, _) => problems.push(wrong("true or false")),
        (Kind::String | Kind::Character | Kind::Blob, _) => problems.push(wrong("a text")),
        _ => problems.push(wrong("a number")),
    }
}

pub(super) fn error(reply: &Response<Bytes>) -> Vec<Problem> {
    let body: Value = match serde_json::from_slice(reply.body()) {
        Ok(body) => body,
        Err(error) => return vec![Problem::new("", format!("the error is not JSON: {error}"))],
    };
    let has = |names: &[&str]| names.iter().any(|name| body.get(name).is_some_and(Value::is_string));
    let mut problems = Vec::new();
    if !reply.headers().contains_key("x-amzn-errortype") && !has(&["__type", "code", "ErrorCode"]) {
        problems.push(Problem::new("", "the error has no code"));
    }
    if !has(&["message", "Message"]) {
        problems.push(Problem::new("Message", "is missing in the error"));
    }
    problems
}
