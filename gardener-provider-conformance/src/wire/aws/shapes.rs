//! The description of a service, as botocore has it.

use std::{collections::BTreeMap, fmt, fs, io::Read as _, path::Path};

use serde::Deserialize;

use crate::wire::Unreadable;

/// A service: its operations and the shapes of what they take and give.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) id: String,
    pub(super) protocol: Protocol,
    /// The service's name in host names and signatures.
    pub(super) name: String,
    pub(super) api_version: String,
    pub(super) operations: BTreeMap<String, Operation>,
    shapes: BTreeMap<String, Shape>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Protocol {
    Ec2,
    Query,
    RestXml,
    RestJson,
}

#[derive(Deserialize)]
struct File {
    metadata: Metadata,
    operations: BTreeMap<String, Operation>,
    shapes: BTreeMap<String, Shape>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    protocol: Protocol,
    endpoint_prefix: String,
    api_version: String,
    service_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    pub(super) http: Http,
    pub(super) input: Option<Reference>,
    pub(super) output: Option<Reference>,
    pub(super) http_checksum: Option<Checksum>,
    #[serde(default)]
    pub(super) deprecated: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Http {
    pub(super) method: String,
    pub(super) request_uri: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Checksum {
    #[serde(default)]
    pub(super) request_checksum_required: bool,
}

/// Where a shape is used, and how it is named there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub(super) shape: String,
    pub(super) location: Option<String>,
    pub(super) location_name: Option<String>,
    pub(super) query_name: Option<String>,
    #[serde(default)]
    pub(super) flattened: bool,
    #[serde(default)]
    pub(super) xml_attribute: bool,
    pub(super) xml_namespace: Option<Namespace>,
    pub(super) result_wrapper: Option<String>,
    pub(super) timestamp_format: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Namespace {
    Text(String),
    Object { uri: String },
}

impl Namespace {
    pub(super) fn uri(&self) -> &str {
        match self {
            Self::Text(uri) | Self::Object { uri } => uri,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) members: BTreeMap<String, Reference>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    pub(super) payload: Option<String>,
    pub(super) member: Option<Reference>,
    pub(super) key: Option<Reference>,
    pub(super) value: Option<Reference>,
    #[serde(default)]
    pub(super) flattened: bool,
    #[serde(default, rename = "enum")]
    pub(super) values: Vec<String>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) timestamp_format: Option<String>,
    pub(super) location_name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Structure,
    List,
    Map,
    String,
    Character,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Timestamp,
    Blob,
}

impl Description {
    /// Reads a `service-2.json.gz`, or the same not compressed.
    ///
    /// # Errors
    /// If there is no such file or it is none of these.
    pub(super) fn load(path: &Path) -> Result<Self, Unreadable> {
        let bad = |error: &dyn fmt::Display| Unreadable(format!("{}: {error}", path.display()));
        let bytes = fs::read(path).map_err(|error| bad(&error))?;
        let mut text = String::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::GzDecoder::new(bytes.as_slice())
                .read_to_string(&mut text)
                .map_err(|error| bad(&error))?;
        } else {
            text = String::from_utf8(bytes).map_err(|error| bad(&error))?;
        }
        Self::parse(&text).map_err(|error| bad(&error))
    }

    /// Reads a description from its JSON.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn parse(json: &str) -> Result<Self, Unreadable> {
        let file: File = serde_json::from_str(json).map_err(|error| Unreadable(error.to_string()))?;
        let name = file.metadata.endpoint_prefix;
        Ok(Self {
            id: file.metadata.service_id.unwrap_or_else(|| name.clone()),
            protocol: file.metadata.protocol,
            name,
            api_version: file.metadata.api_version,
            operations: file.operations,
            shapes: file.shapes,
        })
    }

    /// The shape of this name; one that is not described has no members, so that all in it is unknown.
    pub(super) fn shape(&self, reference: &Reference) -> &Shape {
        self.shapes.get(&reference.shape).unwrap_or(&EMPTY)
    }
}

/// A shape with nothing in it.
pub(super) static EMPTY: Shape = Shape {
    kind: Kind::Structure,
    members: BTreeMap::new(),
    required: Vec::new(),
    payload: None,
    member: None,
    key: None,
    value: None,
    flattened: false,
    values: Vec::new(),
    min: None,
    max: None,
    timestamp_format: None,
    location_name: None,
};

impl Shape {
    /// How a member of this name is called on the wire.
    pub(super) fn wire_name<'a>(name: &'a str, reference: &'a Reference) -> &'a str {
        reference.location_name.as_deref().unwrap_or(name)
    }

    /// The members in the body, under their names on the wire.
    pub(super) fn body_members(&self) -> impl Iterator<Item = (&str, &str, &Reference)> {
        let in_body = self.members.iter().filter(|(_, reference)| reference.location.is_none());
        in_body.map(|(name, reference)| (Self::wire_name(name, reference), name.as_str(), reference))
    }

    pub(super) fn requires(&self, name: &str) -> bool {
        self.required.iter().any(|required| required == name)
    }
}
