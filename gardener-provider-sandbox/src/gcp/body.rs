//! Reading the JSON of requests: what is of the wrong type is an error that names the field.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::error::GcpError;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// The object in a request's body; an empty body is an empty object.
pub(crate) fn parse(body: &Bytes) -> Result<Object, GcpError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Object::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(GcpError::new(
            400,
            "badRequest",
            "Invalid JSON payload received. Root element must be a message.",
        )),
        Err(error) => Err(GcpError::new(
            400,
            "parseError",
            format!("Parse Error: Invalid JSON payload received. {error}"),
        )),
    }
}

/// Typed access to the fields of an object, whose own name in messages is `at`.
pub(crate) trait Fields {
    /// A text; empty counts as missing.
    fn text(&self, name: &str) -> Option<&str>;
    fn flag(&self, name: &str) -> Option<bool>;
    /// A whole number, which may come as a text.
    fn number(&self, name: &str) -> Option<i64>;
    fn object(&self, name: &str) -> Option<&Object>;
    /// The members of a list; nothing if it is missing.
    fn list(&self, name: &str) -> &[Value];
    /// The texts of a list.
    fn texts(&self, name: &str) -> Vec<&str>;
}

impl Fields for Object {
    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        }
    }

    fn object(&self, name: &str) -> Option<&Object> {
        self.get(name).and_then(Value::as_object)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).iter().filter_map(Value::as_str).collect()
    }
}

/// Sets `name` unless it is there already.
pub(crate) fn default(object: &mut Object, name: &str, value: impl Into<Value>) {
    if object.get(name).is_none_or(Value::is_null) {
        object.insert(name.to_owned(), value.into());
    }
}

/// Takes away what is null: in a request that means not given.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
