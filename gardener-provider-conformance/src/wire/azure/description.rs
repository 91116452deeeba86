//! The description of a resource provider's API.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

use crate::wire::Unreadable;

/// One npm package: the operations of a resource provider and the types of their bodies.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    /// Name and version.
    pub(super) package: String,
    pub(super) operations: BTreeMap<String, Operation>,
    types: BTreeMap<String, Type>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) path: String,
    pub(super) method: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Property>,
    /// By status; the one for errors is `default`.
    pub(super) replies: BTreeMap<String, Option<Property>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Parameter {
    #[serde(rename = "in")]
    pub(super) place: Place,
    #[serde(flatten)]
    pub(super) property: Property,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// Where a type is used, and what is asked of it there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Property {
    /// The name on the wire; dots lead into objects that have no type of their own.
    #[serde(default)]
    pub(super) serialized_name: String,
    #[serde(default)]
    pub(super) required: bool,
    /// The service sets it; a client's value is ignored.
    #[serde(default)]
    pub(super) read_only: bool,
    #[serde(default)]
    pub(super) nullable: bool,
    #[serde(default)]
    pub(super) is_constant: bool,
    pub(super) default_value: Option<Value>,
    #[serde(default)]
    pub(super) constraints: Constraints,
    #[serde(rename = "type")]
    pub(super) kind: Type,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Constraints {
    pub(super) inclusive_minimum: Option<f64>,
    pub(super) inclusive_maximum: Option<f64>,
    pub(super) exclusive_minimum: Option<f64>,
    pub(super) exclusive_maximum: Option<f64>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) pattern: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Type {
    pub(super) name: Kind,
    pub(super) class_name: Option<String>,
    /// What a list holds.
    pub(super) element: Option<Box<Property>>,
    /// What a map holds.
    pub(super) value: Option<Box<Property>>,
    #[serde(default)]
    pub(super) allowed_values: Vec<Value>,
    /// Of an open enumeration.
    #[serde(default)]
    pub(super) known_values: Vec<String>,
    #[serde(default)]
    pub(super) model_properties: BTreeMap<String, Property>,
    pub(super) additional_properties: Option<Box<Property>>,
    /// The name of the family of types of which a value chooses one.
    pub(super) uber_parent: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Kind {
    Composite,
    Sequence,
    Dictionary,
    Enum,
    String,
    Uuid,
    Number,
    Boolean,
    DateTime,
    Date,
    DateTimeRfc1123,
    UnixTime,
    TimeSpan,
    ByteArray,
    Base64Url,
    Stream,
    #[serde(rename = "any", alias = "object")]
    Any,
}

impl Package {
    pub(super) fn load(path: &Path) -> Result<Self, Unreadable> {
        let bad = |error: &dyn fmt::Display| Unreadable(format!("{}: {error}", path.display()));
        let bytes = fs::read(path).map_err(|error| bad(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| bad(&error))
    }

    /// The definition of a composite type.
    pub(super) fn definition(&self, kind: &Type) -> Option<&Type> {
        self.types.get(kind.class_name.as_deref()?)
    }

    /// The types of which a value of this one may be.
    pub(super) fn family<'a>(&'a self, definition: &'a Type) -> Vec<&'a Type> {
        match &definition.uber_parent {
            None => vec![definition],
            parent => self.types.values().filter(|other| other.uber_parent == *parent).collect(),
        }
    }
}
