//! What a resource's JSON may look like: its properties, which of them only the cloud sets, and which never change.

use serde_json::{Map, Value};

use crate::azure::error::{Answer, ArmError};

/// The form of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Text,
    Number,
    Flag,
    /// Anything; kept as it comes.
    Any,
    /// A reference to another resource, `{"id": …}`; whatever else is in it is left out.
    Link,
    Object(&'static [Field]),
    List(&'static Shape),
}

/// One property.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    shape: Shape,
    required: bool,
    read_only: bool,
    fixed: bool,
    secret: bool,
    values: &'static [&'static str],
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false, read_only: false, fixed: false, secret: false, values: &[] }
}

pub(crate) const fn text(name: &'static str) -> Field {
    field(name, Shape::Text)
}

pub(crate) const fn texts(name: &'static str) -> Field {
    field(name, Shape::List(&Shape::Text))
}

pub(crate) const fn number(name: &'static str) -> Field {
    field(name, Shape::Number)
}

pub(crate) const fn flag(name: &'static str) -> Field {
    field(name, Shape::Flag)
}

pub(crate) const fn any(name: &'static str) -> Field {
    field(name, Shape::Any)
}

pub(crate) const fn link(name: &'static str) -> Field {
    field(name, Shape::Link)
}

pub(crate) const fn links(name: &'static str) -> Field {
    field(name, Shape::List(&Shape::Link))
}

pub(crate) const fn object(name: &'static str, fields: &'static [Field]) -> Field {
    field(name, Shape::Object(fields))
}

pub(crate) const fn list(name: &'static str, item: &'static Shape) -> Field {
    field(name, Shape::List(item))
}

/// The properties of a resource.
pub(crate) const fn properties(fields: &'static [Field]) -> Field {
    object("properties", fields)
}

/// What the cloud sets and everybody else is ignored on.
pub(crate) const fn shown(name: &'static str) -> Field {
    Field { read_only: true, ..field(name, Shape::Any) }
}

impl Field {
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Cannot be changed after the creation.
    pub(crate) const fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }

    /// Taken, but never shown.
    pub(crate) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// One of these texts, compared without regard to case.
    pub(crate) const fn one_of(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }
}

/// In whose words an unknown property is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Network,
    Compute,
    Other,
}

/// Reads a resource: names in their own case, nulls and read-only properties left out, all else as `fields` say.
pub(crate) fn read(given: &Map<String, Value>, fields: &[Field], tone: Tone) -> Answer<Map<String, Value>> {
    Reader { tone }.object(given, fields, "")
}

struct Reader {
    tone: Tone,
}

impl Reader {
    fn object(&self, given: &Map<String, Value>, fields: &[Field], path: &str) -> Answer<Map<String, Value>> {
        let mut read = Map::new();
        for (name, value) in given {
            let Some(field) = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)) else {
                if path.is_empty() && is_envelope(name)
                    || matches!(name.as_str(), "etag" | "id" | "type" | "name")
                {
                    continue;
                }
                return Err(self.unknown(name, path));
            };
            if field.read_only || value.is_null() || field.name == "provisioningState" {
                continue;
            }
            let path = join(path, field.name);
            let mut value = self.value(value, field.shape, &path)?;
            if let (Value::String(text), false) = (&value, field.values.is_empty()) {
                let known = field.values.iter().find(|known| known.eq_ignore_ascii_case(text));
                value = Value::from(*known.ok_or_else(|| invalid_value(text, &path, field.values))?);
            }
            read.insert(field.name.to_owned(), value);
        }
        match fields.iter().find(|field| field.required && !read.contains_key(field.name)) {
            Some(field) => Err(self.absent(&join(path, field.name))),
            None => Ok(read),
        }
    }

    fn value(&self, value: &Value, shape: Shape, path: &str) -> Answer<Value> {
        match (shape, value) {
            (Shape::Any, _)
            | (Shape::Text, Value::String(_))
            | (Shape::Number, Value::Number(_))
            | (Shape::Flag, Value::Bool(_)) => Ok(value.clone()),
            // The services read numbers and flags in quotes as well, and numbers as texts.
            (Shape::Text, Value::Number(number)) => Ok(Value::String(number.to_string())),
            (Shape::Number, Value::String(text)) => {
                let number: i64 = text.parse().map_err(|_| self.mistyped(path))?;
                Ok(number.into())
            }
            (Shape::Flag, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(self.mistyped(path)),
            },
            (Shape::Link, Value::Object(link)) => {
                let id = link.iter().find(|(name, _)| name.eq_ignore_ascii_case("id"));
                match id {
                    Some((_, Value::String(id))) => Ok(serde_json::json!({ "id": id })),
                    _ => Err(self.absent(&join(path, "id"))),
                }
            }
            (Shape::Object(fields), Value::Object(given)) => {
                self.object(given, fields, path).map(Value::Object)
            }
            (Shape::List(item), Value::Array(items)) => {
                let items = items.iter().enumerate();
                items.map(|(at, value)| self.value(value, *item, &format!("{path}[{at}]"))).collect()
            }
            _ => Err(self.mistyped(path)),
        }
    }

    fn unknown(&self, name: &str, path: &str) -> ArmError {
        let at = join(path, name);
        let (kind, place) =
            if path.is_empty() { ("ResourceDefinition", name) } else { ("Properties", at.as_str()) };
        let message = format!("Could not find member '{name}' on object of type '{kind}'. Path '{place}'.");
        self.unreadable(message, path.is_empty(), place)
    }

    fn mistyped(&self, path: &str) -> ArmError {
        self.unreadable(
            format!("The value of '{path}' cannot be converted to its type. Path '{path}'."),
            false,
            path,
        )
    }

    fn absent(&self, path: &str) -> ArmError {
        let message = format!("Required parameter '{path}' is missing (null).");
        match self.tone {
            Tone::Network => ArmError::bad("InvalidRequestFormat", "Cannot parse the request.")
                .because("MissingJsonReferenceId", format!("Value for '{path}' is missing.")),
            _ => ArmError::parameter(path, message),
        }
    }

    fn unreadable(&self, message: String, top: bool, path: &str) -> ArmError {
        match self.tone {
            Tone::Network if !top => ArmError::bad("InvalidRequestFormat", "Cannot parse the request.")
                .because("InvalidJson", message),
            Tone::Compute if !top => ArmError::bad("BadRequest", message).at(path),
            _ => ArmError::bad(
                "InvalidRequestContent",
                format!("The request content was invalid and could not be deserialized: '{message}'."),
            ),
        }
    }
}

/// What any resource may carry although it is the cloud's to say.
fn is_envelope(name: &str) -> bool {
    ["systemData", "managedBy", "managedByExtended", "resources", "extendedLocation"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn invalid_value(text: &str, path: &str, values: &[&str]) -> ArmError {
    let message = format!(
        "Value '{text}' provided for property '{path}' is not valid. Supported values: {}.",
        values.join(", ")
    );
    ArmError::parameter(path, message)
}

/// The first property that must not change but does.
pub(crate) fn changed(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    fields: &[Field],
    path: &str,
) -> Option<String> {
    find_change(old, new, fields, path, false)
}

fn find_change(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    fields: &[Field],
    path: &str,
    within_fixed: bool,
) -> Option<String> {
    fields.iter().filter(|field| !field.read_only).find_map(|field| {
        let at = join(path, field.name);
        let fixed = field.fixed || within_fixed;
        match (old.get(field.name), new.get(field.name), field.shape) {
            (Some(Value::Object(old)), Some(Value::Object(new)), Shape::Object(fields)) => {
                // What is fixed as a whole is named as a whole.
                find_change(old, new, fields, &at, fixed).map(|inner| if field.fixed { at } else { inner })
            }
            (Some(old), Some(new), _) if fixed && !alike(old, new) => Some(at),
            _ => None,
        }
    })
}

fn alike(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::String(old), Value::String(new)) => old.eq_ignore_ascii_case(new),
        (Value::Object(old), Value::Object(new)) if old.contains_key("id") => {
            match (old.get("id"), new.get("id")) {
                (Some(old), Some(new)) => alike(old, new),
                _ => false,
            }
        }
        _ => old == new,
    }
}

/// Takes out what is never shown.
pub(crate) fn hide(body: &mut Map<String, Value>, fields: &[Field]) {
    for field in fields {
        if field.secret {
            body.remove(field.name);
            continue;
        }
        match (body.get_mut(field.name), field.shape) {
            (Some(Value::Object(inner)), Shape::Object(fields)) => hide(inner, fields),
            (Some(Value::Array(items)), Shape::List(Shape::Object(fields))) => {
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    hide(item, fields);
                }
            }
            _ => {}
        }
    }
}
