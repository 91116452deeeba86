//! A discovery document ([source](https://developers.google.com/discovery/v1/reference/apis)).

use std::{collections::BTreeMap, fmt, fs, path::Path};

use serde::Deserialize;

use crate::wire::Unreadable;

/// The API of one service.
#[derive(Debug)]
pub(super) struct Document {
    /// Name and version.
    pub(super) name: String,
    /// The host that serves it.
    pub(super) host: String,
    /// What every path begins with.
    pub(super) base: String,
    /// The parameters of every method.
    pub(super) parameters: BTreeMap<String, Schema>,
    pub(super) methods: Vec<Method>,
    schemas: BTreeMap<String, Schema>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    version: String,
    root_url: String,
    service_path: String,
    #[serde(default)]
    parameters: BTreeMap<String, Schema>,
    #[serde(flatten)]
    root: Collection,
    schemas: BTreeMap<String, Schema>,
}

#[derive(Deserialize)]
struct Collection {
    #[serde(default)]
    methods: BTreeMap<String, Method>,
    #[serde(default)]
    resources: BTreeMap<String, Collection>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Method {
    pub(super) id: String,
    path: String,
    /// With a name for each segment.
    flat_path: Option<String>,
    pub(super) http_method: String,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, Schema>,
    pub(super) request: Option<Schema>,
    pub(super) response: Option<Schema>,
    pub(super) media_upload: Option<MediaUpload>,
    #[serde(default)]
    pub(super) supports_media_download: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct MediaUpload {
    pub(super) protocols: BTreeMap<String, Upload>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Upload {
    pub(super) path: String,
}

/// A parameter, a body or a part of one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Schema {
    #[serde(rename = "$ref")]
    pub(super) reference: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) format: Option<String>,
    #[serde(rename = "enum")]
    pub(super) values: Vec<String>,
    pub(super) pattern: Option<String>,
    pub(super) minimum: Option<String>,
    pub(super) maximum: Option<String>,
    pub(super) items: Option<Box<Schema>>,
    pub(super) properties: BTreeMap<String, Schema>,
    pub(super) additional_properties: Option<Box<Schema>>,
    /// The service sets it; a client's value is ignored or refused.
    pub(super) read_only: bool,
    pub(super) annotations: Annotations,
    /// Of a parameter: `path` or `query`.
    pub(super) location: String,
    /// Of a parameter.
    pub(super) required: bool,
    /// Of a parameter.
    pub(super) repeated: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotations {
    /// The methods whose request must have it.
    pub(super) required: Vec<String>,
}

impl Document {
    pub(super) fn load(path: &Path) -> Result<Self, Unreadable> {
        let bad = |error: &dyn fmt::Display| Unreadable(format!("{}: {error}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| bad(&error))?;
        Self::parse(&text).map_err(|error| bad(&error))
    }

    pub(super) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let file: File = serde_json::from_str(json)?;
        let host = file.root_url.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let mut methods = Vec::new();
        gather(file.root, &mut methods);
        Ok(Self {
            name: format!("{}.{}", file.name, file.version),
            host,
            base: format!("/{}", file.service_path),
            parameters: file.parameters,
            methods,
            schemas: file.schemas,
        })
    }

    /// The schema itself, or the one that it names.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Schema) -> Option<&'a Schema> {
        match &schema.reference {
            None => Some(schema),
            Some(name) => self.schemas.get(name),
        }
    }
}

fn gather(collection: Collection, methods: &mut Vec<Method>) {
    methods.extend(collection.methods.into_values());
    for below in collection.resources.into_values() {
        gather(below, methods);
    }
}

impl Method {
    /// The path's template, with one name for each segment where the document has that.
    pub(super) fn template(&self) -> &str {
        self.flat_path.as_deref().unwrap_or(&self.path)
    }
}
