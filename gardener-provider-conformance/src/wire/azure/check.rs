//! Values against types.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    super::{Problem, body},
    description::{Constraints, Kind, Package, Property, Type},
};

/// Who wrote the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// A client, who has no business with what is read-only.
    Request,
    Reply,
}

pub(super) struct Check<'a> {
    package: &'a Package,
    direction: Direction,
    pub(super) problems: Vec<Problem>,
}

/// Properties by their steps on the wire: `properties.storageProfile` is a step within a step.
#[derive(Default)]
struct Step<'a> {
    property: Option<&'a Property>,
    below: BTreeMap<String, Step<'a>>,
}

impl<'a> Check<'a> {
    pub(super) fn new(package: &'a Package, direction: Direction) -> Self {
        Self { package, direction, problems: Vec::new() }
    }

    pub(super) fn problem(&mut self, path: &str, problem: impl Into<String>) {
        self.problems.push(Problem::new(path, problem));
    }

    /// Checks the text of a parameter.
    pub(super) fn text(&mut self, property: &'a Property, path: &str, text: &str) {
        let value = match property.kind.name {
            Kind::Number => text.parse::<f64>().map_or_else(|_| Value::from(text), Value::from),
            Kind::Boolean => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
            Kind::Sequence => text.split(',').map(Value::from).collect(),
            _ => Value::from(text),
        };
        self.value(property, path, &value);
    }

    pub(super) fn value(&mut self, property: &'a Property, path: &str, value: &Value) {
        if value.is_null() {
            if !property.nullable && property.kind.name != Kind::Any {
                self.problem(path, "is null");
            }
            return;
        }
        if let Some(constant) = property.default_value.as_ref().filter(|_| property.is_constant)
            && constant != value
        {
            return self.problem(path, format!("is {value}, not {constant}"));
        }
        self.constraints(&property.constraints, path, value);
        self.kind(&property.kind, path, value);
    }

    fn kind(&mut self, kind: &'a Type, path: &str, value: &Value) {
        let fits = match (kind.name, value) {
            (Kind::Composite, Value::Object(fields)) => return self.composite(kind, path, fields),
            (Kind::Sequence, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(element) = &kind.element {
                        self.value(element, &format!("{path}[{index}]"), item);
                    }
                }
                return;
            }
            (Kind::Dictionary, Value::Object(fields)) => {
                for (key, field) in fields {
                    if let Some(element) = &kind.value {
                        self.value(element, &body::join(path, key), field);
                    }
                }
                return;
            }
            (Kind::String, Value::String(text)) => return self.known(&kind.known_values, path, text),
            (Kind::Enum, value) => return self.allowed(&kind.allowed_values, path, value),
            (Kind::DateTime, Value::String(text)) => body::is_time(text),
            (Kind::ByteArray | Kind::Base64Url, Value::String(text)) => body::is_base64(text),
            (Kind::Any | Kind::Stream, _)
            | (Kind::Uuid | Kind::Date | Kind::DateTimeRfc1123 | Kind::TimeSpan, Value::String(_))
            | (Kind::Number | Kind::UnixTime, Value::Number(_))
            | (Kind::Boolean, Value::Bool(_)) => true,
            _ => false,
        };
        if !fits {
            self.problem(path, format!("is {value}, not a {:?}", kind.name));
        }
    }

    fn known(&mut self, values: &[String], path: &str, text: &str) {
        if !values.is_empty() && !values.iter().any(|value| value == text) {
            self.problem(path, format!("{text:?} is none of the values {}", body::some_of(values)));
        }
    }

    fn allowed(&mut self, values: &[Value], path: &str, value: &Value) {
        if !values.contains(value) {
            let values: Vec<_> = values
                .iter()
                .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
                .collect();
            self.problem(path, format!("{value} is none of the values {}", body::some_of(&values)));
        }
    }

    fn composite(&mut self, kind: &'a Type, path: &str, fields: &Map<String, Value>) {
        let Some(definition) = self.package.definition(kind) else {
            return self
                .problem(path, format!("is of the type {:?}, which is not described", kind.class_name));
        };
        let mut root = Step::default();
        for member in self.package.family(definition) {
            // Of another member of the family all is allowed and nothing required.
            let own = std::ptr::eq(member, definition);
            for property in member.model_properties.values().filter(|property| own || !property.required) {
                root.insert(property);
            }
        }
        self.fields(&root, definition.additional_properties.as_deref(), path, fields);
    }

    fn fields(
        &mut self,
        step: &Step<'a>,
        additional: Option<&'a Property>,
        path: &str,
        fields: &Map<String, Value>,
    ) {
        for (name, below) in &step.below {
            let path = body::join(path, name);
            match (fields.get(name), below.property) {
                (None, _) => self.missing(below, &path),
                (Some(value), Some(property)) => {
                    if property.read_only && self.direction == Direction::Request {
                        self.problem(&path, "is read-only: the service sets it");
                    }
                    self.value(property, &path, value);
                }
                (Some(Value::Object(fields)), None) => self.fields(below, None, &path, fields),
                (Some(value), None) => self.problem(&path, format!("is {value}, not an object")),
            }
        }
        for (name, value) in fields.iter().filter(|(name, _)| !step.below.contains_key(*name)) {
            let path = body::join(path, name);
            match additional {
                Some(property) => self.value(property, &path, value),
                None => self.problem(&path, "is not described here"),
            }
        }
    }

    fn missing(&mut self, step: &Step<'a>, path: &str) {
        if let Some(property) = step.property {
            let sent = !(property.read_only && self.direction == Direction::Request);
            if property.required && sent && !property.is_constant {
                self.problem(path, "is required and missing");
            }
        }
        for (name, below) in &step.below {
            self.missing(below, &body::join(path, name));
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "limits of this size do not occur")]
    fn constraints(&mut self, constraints: &Constraints, path: &str, value: &Value) {
        let mut between = |what: &str, size: f64, least: Option<f64>, most: Option<f64>| {
            if least.is_some_and(|least| size < least) || most.is_some_and(|most| size > most) {
                let limit =
                    |limit: Option<f64>| limit.map_or_else(|| "any".to_owned(), |limit| limit.to_string());
                let problem = format!("{what}{size}, not {} to {}", limit(least), limit(most));
                self.problems.push(Problem::new(path, problem));
            }
        };
        match value {
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                between("is ", number, constraints.inclusive_minimum, constraints.inclusive_maximum);
                if constraints.exclusive_minimum.is_some_and(|least| number <= least)
                    || constraints.exclusive_maximum.is_some_and(|most| number >= most)
                {
                    self.problem(path, format!("{number} is outside the limits"));
                }
            }
            Value::Array(items) => {
                let limit = |limit: Option<usize>| limit.map(|limit| limit as f64);
                between(
                    "has items: ",
                    items.len() as f64,
                    limit(constraints.min_items),
                    limit(constraints.max_items),
                );
            }
            Value::String(text) => {
                let limit = |limit: Option<usize>| limit.map(|limit| limit as f64);
                let length = text.chars().count() as f64;
                between(
                    "has characters: ",
                    length,
                    limit(constraints.min_length),
                    limit(constraints.max_length),
                );
                let pattern = constraints.pattern.as_deref();
                if pattern.is_some_and(|pattern| !body::matches(pattern, true, text)) {
                    self.problem(
                        path,
                        format!("{text:?} is not of the form {}", pattern.unwrap_or_default()),
                    );
                }
            }
            _ => {}
        }
    }
}

impl<'a> Step<'a> {
    fn insert(&mut self, property: &'a Property) {
        let mut step = self;
        for name in steps(&property.serialized_name) {
            step = step.below.entry(name).or_default();
        }
        step.property = Some(property);
    }
}

/// `a.b\\.c` is `b.c` in `a`.
fn steps(name: &str) -> Vec<String> {
    let dotted = name.replace("\\\\.", "\u{0}").replace("\\.", "\u{0}");
    dotted.split('.').map(|step| step.replace('\u{0}', ".")).collect()
}
