//! Values against schemas.

use serde_json::{Map, Value};

use super::{
    super::{Problem, body},
    document::{Document, Method, Schema},
};

/// Who wrote the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// A client, who has no business with what is read-only.
    Request,
    Reply,
}

pub(super) struct Check<'a> {
    document: &'a Document,
    method: &'a Method,
    direction: Direction,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    pub(super) fn new(document: &'a Document, method: &'a Method, direction: Direction) -> Self {
        Self { document, method, direction, problems: Vec::new() }
    }

    pub(super) fn problem(&mut self, path: &str, problem: impl Into<String>) {
        self.problems.push(Problem::new(path, problem));
    }

    /// Checks the text of a parameter.
    pub(super) fn text(&mut self, schema: &'a Schema, path: &str, text: &str) {
        let value = match schema.kind.as_deref() {
            Some("integer" | "number") => text.parse::<f64>().map_or_else(|_| Value::from(text), Value::from),
            Some("boolean") => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
            _ => Value::from(text),
        };
        self.value(schema, path, &value);
    }

    pub(super) fn value(&mut self, schema: &'a Schema, path: &str, value: &Value) {
        let Some(schema) = self.document.resolve(schema) else {
            return self
                .problem(path, format!("is of the type {:?}, which is not described", schema.reference));
        };
        let fits = match (schema.kind.as_deref().unwrap_or("any"), value) {
            ("object", Value::Object(fields)) => return self.object(schema, path, fields),
            ("array", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(element) = &schema.items {
                        self.value(element, &format!("{path}[{index}]"), item);
                    }
                }
                return;
            }
            ("string", Value::String(text)) => return self.string(schema, path, text),
            ("integer", Value::Number(number)) => {
                let whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
                self.limits(schema, path, number.as_f64());
                whole
            }
            ("any", _) | ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => true,
            _ => false,
        };
        if !fits {
            self.problem(path, format!("is {value}, not a {}", schema.kind.as_deref().unwrap_or("value")));
        }
    }

    fn object(&mut self, schema: &'a Schema, path: &str, fields: &Map<String, Value>) {
        for (name, value) in fields {
            let path = body::join(path, name);
            match (schema.properties.get(name), &schema.additional_properties) {
                (Some(property), _) => {
                    if property.read_only && self.direction == Direction::Request {
                        self.problem(&path, "is read-only: the service sets it");
                    }
                    self.value(property, &path, value);
                }
                (None, Some(property)) => self.value(property, &path, value),
                (None, None) => self.problem(&path, "is not described here"),
            }
        }
        for (name, property) in &schema.properties {
            let required = self.direction == Direction::Request
                && property.annotations.required.contains(&self.method.id)
                && !property.read_only;
            if required && !fields.contains_key(name) {
                self.problem(&body::join(path, name), "is required and missing");
            }
        }
    }

    fn string(&mut self, schema: &Schema, path: &str, text: &str) {
        if !schema.values.is_empty() && !schema.values.iter().any(|value| value == text) {
            let known = body::some_of(&schema.values);
            return self.problem(path, format!("{text:?} is none of the values {known}"));
        }
        if let Some(pattern) =
            schema.pattern.as_deref().filter(|pattern| !body::matches(pattern, false, text))
        {
            return self.problem(path, format!("{text:?} is not of the form {pattern}"));
        }
        let fits = match schema.format.as_deref() {
            Some("int64") => text.parse::<i64>().is_ok(),
            Some("uint64") => text.parse::<u64>().is_ok(),
            Some("byte") => body::is_base64(text),
            Some("date-time" | "google-datetime") => body::is_time(text),
            Some("google-duration") => body::matches(r"-?\d+(\.\d+)?s", false, text),
            _ => true,
        };
        if !fits {
            let format = schema.format.as_deref().unwrap_or_default();
            self.problem(path, format!("{text:?} is not of the format {format}"));
        }
        if matches!(schema.format.as_deref(), Some("int64" | "uint64")) {
            self.limits(schema, path, text.parse().ok());
        }
    }

    fn limits(&mut self, schema: &Schema, path: &str, number: Option<f64>) {
        let Some(number) = number else { return };
        let limit = |limit: &Option<String>| limit.as_deref().and_then(|limit| limit.parse::<f64>().ok());
        let (least, most) = match schema.format.as_deref() {
            Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Some("uint32") => (0.0, f64::from(u32::MAX)),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let (least, most) = (limit(&schema.minimum).unwrap_or(least), limit(&schema.maximum).unwrap_or(most));
        if number < least || number > most {
            self.problem(path, format!("{number} is not between {least} and {most}"));
        }
    }
}
