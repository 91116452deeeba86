//! The inventory's view of a resource.

use std::collections::BTreeMap;

/// Something that exists in the sandbox because somebody created it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Resource {
    /// The service it belongs to: `ec2`, `iam`, `s3`, …
    pub service: &'static str,
    /// The kind, in the vendor's word: `vpc`, `instance`, `role`, `bucket`, …
    pub kind: &'static str,
    /// The region; empty for global resources.
    pub region: String,
    /// The id, which is the name where the cloud has no other id.
    pub id: String,
    /// The name, or the `Name` tag; empty if there is none.
    pub name: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

impl Resource {
    pub(crate) fn new(service: &'static str, kind: &'static str, region: &str, id: &str) -> Self {
        Self {
            service,
            kind,
            region: region.to_owned(),
            id: id.to_owned(),
            name: String::new(),
            tags: BTreeMap::new(),
        }
    }

    pub(crate) fn with_tags(mut self, tags: &BTreeMap<String, String>) -> Self {
        if self.name.is_empty() {
            self.name = tags.get("Name").cloned().unwrap_or_default();
        }
        self.tags = tags.clone();
        self
    }
}
