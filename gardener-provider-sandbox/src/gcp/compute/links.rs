//! Where a resource is, and the texts that name it.

use super::kind::{Kind, Level};

const BASE: &str = "https://www.googleapis.com/compute/v1/";

/// Global, or one region or zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    Global,
    Region(String),
    Zone(String),
}

impl Scope {
    pub(crate) fn level(&self) -> Level {
        match self {
            Self::Global => Level::Global,
            Self::Region(_) => Level::Region,
            Self::Zone(_) => Level::Zone,
        }
    }

    /// The region it is or lies in; empty for global.
    pub(crate) fn region(&self) -> &str {
        match self {
            Self::Global => "",
            Self::Region(region) => region,
            Self::Zone(zone) => region_of(zone),
        }
    }

    /// The name of the region or zone; empty for global.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Global => "",
            Self::Region(name) | Self::Zone(name) => name,
        }
    }

    /// `global`, `regions/R` or `zones/Z`.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Global => "global".to_owned(),
            Self::Region(region) => format!("regions/{region}"),
            Self::Zone(zone) => format!("zones/{zone}"),
        }
    }
}

/// The region of a zone: all but its last part.
pub(crate) fn region_of(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

/// A resource within a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) scope: Scope,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: Kind, scope: Scope, name: impl Into<String>) -> Self {
        Self { kind, scope, name: name.into() }
    }

    /// `projects/P/regions/R/subnetworks/N`.
    pub(crate) fn path(&self, project: &str) -> String {
        format!("projects/{project}/{}/{}/{}", self.scope.path(), self.kind.collection(), self.name)
    }

    /// The resource's `selfLink`.
    pub(crate) fn url(&self, project: &str) -> String {
        url(&self.path(project))
    }
}

/// The full URL of a path from `projects/` on.
pub(crate) fn url(path: &str) -> String {
    format!("{BASE}{path}")
}

/// The path from `projects/` on that a URL ends with.
pub(crate) fn path_of(url: &str) -> &str {
    url.strip_prefix(BASE).unwrap_or(url)
}

/// A resource that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) project: String,
    pub(crate) key: Key,
    /// True if the name is that of an image family.
    pub(crate) family: bool,
}

impl Link {
    /// Reads a full URL, a path from `projects/` on, or one from `global/`, `regions/` or `zones/` on, which is in
    /// `project`.
    pub(crate) fn parse(text: &str, project: &str) -> Option<Self> {
        let text = match text.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?.1,
            None => text.trim_start_matches('/'),
        };
        let text = text
            .strip_prefix("compute/")
            .map_or(text, |rest| rest.split_once('/').map_or(rest, |(_version, path)| path));
        let (project, rest) = match text.strip_prefix("projects/") {
            Some(rest) => rest.split_once('/')?,
            None => (project, text),
        };
        let parts: Vec<&str> = rest.splitn(6, '/').collect();
        let (scope, rest) = match parts.as_slice() {
            ["global", rest @ ..] => (Scope::Global, rest),
            ["regions", region, rest @ ..] => (Scope::Region((*region).to_owned()), rest),
            ["zones", zone, rest @ ..] => (Scope::Zone((*zone).to_owned()), rest),
            _ => return None,
        };
        let (collection, name, family) = match rest {
            ["images", "family", name] | ["imageFamilyViews", name] => ("images", *name, true),
            [collection, name] => (*collection, *name, false),
            _ => return None,
        };
        let kind = Kind::of_collection(collection)?;
        // A family's image for one zone is the family's image.
        let scope = if family { Scope::Global } else { scope };
        let known = kind.levels().contains(&scope.level()) && !name.is_empty();
        known.then(|| Self { project: project.to_owned(), key: Key::new(kind, scope, name), family })
    }

    pub(crate) fn path(&self) -> String {
        self.key.path(&self.project)
    }

    pub(crate) fn url(&self) -> String {
        url(&self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_reference() {
        let full = "https://www.googleapis.com/compute/v1/projects/p/zones/a-b-c/disks/d";
        for text in [
            full,
            "https://compute.googleapis.com/compute/beta/projects/p/zones/a-b-c/disks/d",
            "http://127.0.0.1:80/compute/v1/projects/p/zones/a-b-c/disks/d",
            "projects/p/zones/a-b-c/disks/d",
            "zones/a-b-c/disks/d",
        ] {
            let link = Link::parse(text, "p").unwrap();
            assert_eq!(link.url(), full, "{text}");
            assert_eq!(link.key.scope.region(), "a-b");
        }
        let family = Link::parse("projects/debian-cloud/global/images/family/debian-12", "p").unwrap();
        assert!(family.family);
        let view = Link::parse("projects/debian-cloud/zones/-/imageFamilyViews/debian-12", "p").unwrap();
        assert_eq!(view, family);
        for text in ["", "x", "global/networks", "global/networks/", "global/disks/d", "zones/z/x/y", "a://"]
        {
            assert_eq!(Link::parse(text, "p"), None, "{text}");
        }
    }
}
