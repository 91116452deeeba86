//! What a call to compute is about: its path, taken apart.

use http::Method;

use super::{
    kind::{Kind, Level},
    links::{Key, Scope},
};

/// A path below `projects/PROJECT`.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) project: String,
    pub(crate) scope: Scope,
    pub(crate) what: What,
    verb: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// The project itself, or a verb on it.
    Project(Option<String>),
    Region(Option<String>),
    Zone(Option<String>),
    /// A collection over all scopes.
    Aggregated(Kind),
    Collection(Kind),
    Resource(Key),
    /// A verb on a resource.
    Verb(Key, String),
    ImageFamily(String),
}

impl Target {
    /// `None` if there is no such path.
    pub(crate) fn parse(method: &Method, path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/compute/v1/projects/")?;
        let decoded = rest.splitn(9, '/').map(|part| {
            percent_encoding::percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
        });
        let parts = decoded.collect::<Option<Vec<String>>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let verb = match method.as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => return None,
        };
        let (project, rest) = parts.split_first().filter(|(project, _)| !project.is_empty())?;
        let (scope, what) = place(rest)?;
        Some(Self { project: (*project).to_owned(), scope, what, verb })
    }

    /// The HTTP method.
    pub(crate) fn verb(&self) -> &'static str {
        self.verb
    }

    /// The method's name in the discovery document, without `compute.`; empty if there is none.
    pub(crate) fn method(&self) -> String {
        let level = self.scope.level();
        let (service, method) = match (&self.what, self.verb) {
            (What::Project(None), "GET") => ("projects", "get"),
            (What::Project(Some(verb)), "POST") => ("projects", verb.as_str()),
            (What::Region(None), "GET") => ("regions", "list"),
            (What::Region(Some(_)), "GET") => ("regions", "get"),
            (What::Zone(None), "GET") => ("zones", "list"),
            (What::Zone(Some(_)), "GET") => ("zones", "get"),
            (What::Aggregated(kind), "GET") => (kind.service(kind.levels()[0]), "aggregatedList"),
            (What::Collection(kind), "GET") => (kind.service(level), "list"),
            (What::Collection(kind), "POST") => (kind.service(level), "insert"),
            (What::Resource(key), "GET") => (key.kind.service(level), "get"),
            (What::Resource(key), "DELETE") => (key.kind.service(level), "delete"),
            (What::Resource(key), "PATCH") if key.kind == Kind::Disk => ("disks", "update"),
            (What::Resource(key), "PATCH") => (key.kind.service(level), "patch"),
            (What::Resource(key), "PUT") => (key.kind.service(level), "update"),
            (What::Verb(key, verb), _) => (key.kind.service(level), verb.as_str()),
            (What::ImageFamily(_), "GET") => ("images", "getFromFamily"),
            _ => return String::new(),
        };
        let service = if (service, method) == ("zoneOperations", "aggregatedList") {
            "globalOperations"
        } else {
            service
        };
        let method: String = method.chars().take(60).collect();
        format!("{service}.{method}")
    }

    /// The parts of the path, by the names that the discovery document gives them.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let mut found = vec![("project".to_owned(), self.project.clone())];
        match &self.scope {
            Scope::Global => {}
            Scope::Region(region) => found.push(("region".to_owned(), region.clone())),
            Scope::Zone(zone) => found.push(("zone".to_owned(), zone.clone())),
        }
        match &self.what {
            What::Resource(key) | What::Verb(key, _) => {
                found.push((key.kind.word().to_owned(), key.name.clone()));
            }
            What::Region(Some(region)) => found.push(("region".to_owned(), region.clone())),
            What::Zone(Some(zone)) => found.push(("zone".to_owned(), zone.clone())),
            What::ImageFamily(family) => found.push(("family".to_owned(), family.clone())),
            _ => {}
        }
        found
    }
}

fn place(parts: &[&str]) -> Option<(Scope, What)> {
    let name = |name: &&str| (!name.is_empty()).then(|| (*name).to_owned());
    Some(match parts {
        [] => (Scope::Global, What::Project(None)),
        ["regions"] => (Scope::Global, What::Region(None)),
        ["regions", region] => (Scope::Global, What::Region(Some(name(region)?))),
        ["zones"] => (Scope::Global, What::Zone(None)),
        ["zones", zone] => (Scope::Global, What::Zone(Some(name(zone)?))),
        ["aggregated", collection] => (Scope::Global, What::Aggregated(Kind::of_collection(collection)?)),
        ["global", "images", "family", family] => (Scope::Global, What::ImageFamily(name(family)?)),
        ["global", rest @ ..] => within(Scope::Global, rest)?,
        ["regions", region, rest @ ..] => within(Scope::Region(name(region)?), rest)?,
        ["zones", zone, rest @ ..] => within(Scope::Zone(name(zone)?), rest)?,
        [verb] => (Scope::Global, What::Project(Some(name(verb)?))),
        _ => return None,
    })
}

fn within(scope: Scope, parts: &[&str]) -> Option<(Scope, What)> {
    let (collection, rest) = parts.split_first()?;
    let kind = Kind::of_collection(collection)?;
    if !kind.levels().contains(&scope.level()) {
        return None;
    }
    let key = |name: &str| (!name.is_empty()).then(|| Key::new(kind, scope.clone(), name));
    let what = match rest {
        [] => What::Collection(kind),
        [name] => What::Resource(key(name)?),
        [name, verb] => What::Verb(key(name)?, (*verb).to_owned()),
        _ => return None,
    };
    Some((scope, what))
}

/// True if the calls of this level may go there.
pub(crate) fn scope_exists(scope: &Scope, regions: &[(String, Vec<String>)]) -> bool {
    match (scope.level(), scope.name()) {
        (Level::Global, _) => true,
        (Level::Region, name) => regions.iter().any(|(region, _)| region == name),
        (Level::Zone, name) => regions.iter().any(|(_, zones)| zones.iter().any(|zone| zone == name)),
    }
}
