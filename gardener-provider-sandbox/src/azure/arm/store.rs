//! All resources, by their ids, and which of them refers to which.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::SystemTime,
};

use serde_json::{Map, Value};

use super::{id::ResourceId, kind::Kind};

/// A resource as it is kept.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) id: ResourceId,
    pub(crate) kind: &'static Kind,
    /// All that is shown but for id, name, type, ETag and provisioning state.
    pub(crate) body: Map<String, Value>,
    pub(crate) etag: String,
    pub(crate) state: &'static str,
    /// The operation that is at work on it.
    pub(crate) operation: Option<String>,
    pub(crate) visible_from: SystemTime,
    pub(crate) created: SystemTime,
    /// What is remembered but never shown.
    pub(crate) hidden: BTreeMap<&'static str, String>,
}

/// What is hidden may be a storage account's keys.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Stored {
    pub(crate) fn key(&self) -> String {
        self.id.key()
    }

    /// A member of the properties by its JSON pointer.
    pub(crate) fn get(&self, pointer: &str) -> Option<&Value> {
        let mut parts = pointer.trim_start_matches('/').split('/');
        let first = self.body.get(parts.next()?)?;
        parts.try_fold(first, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            value => value.get(part),
        })
    }

    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    pub(crate) fn items(&self, pointer: &str) -> &[Value] {
        self.get(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Value> {
        self.body.get("properties")?.get(name)
    }

    pub(crate) fn location(&self) -> &str {
        self.body.get("location").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        let tags = self.body.get("tags").and_then(Value::as_object).into_iter().flatten();
        tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }
}

/// One reference: who refers, and through which member (`ipConfigurations/NAME/subnet`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) by: String,
    pub(crate) through: String,
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    resources: BTreeMap<String, Stored>,
    uses: BTreeMap<String, BTreeSet<Use>>,
    targets: BTreeMap<String, BTreeSet<String>>,
}

impl Store {
    pub(crate) fn get(&self, key: &str) -> Option<&Stored> {
        self.resources.get(key)
    }

    /// The resource with an id as it stands in a reference.
    pub(crate) fn referred(&self, id: &str) -> Option<&Stored> {
        self.resources.get(&id.to_ascii_lowercase())
    }

    /// Changes what is no reference to another resource.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Stored> {
        self.resources.get_mut(key)
    }

    pub(crate) fn insert(&mut self, stored: Stored) {
        let key = stored.key();
        self.forget_references(&key);
        let mut found = Vec::new();
        for (name, value) in &stored.body {
            references(value, if name == "properties" { "" } else { name }, &mut found);
        }
        for (target, through) in found {
            self.targets.entry(key.clone()).or_default().insert(target.clone());
            self.uses.entry(target).or_default().insert(Use { by: key.clone(), through });
        }
        self.resources.insert(key, stored);
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Stored> {
        self.forget_references(key);
        self.resources.remove(key)
    }

    /// Changes the body of a resource, references and all.
    pub(crate) fn edit(&mut self, key: &str, change: impl FnOnce(&mut Stored)) {
        if let Some(mut stored) = self.resources.get(key).cloned() {
            change(&mut stored);
            self.insert(stored);
        }
    }

    /// Who refers to exactly this id.
    pub(crate) fn uses<'s>(&'s self, key: &str) -> impl Iterator<Item = &'s Use> + use<'s> {
        self.uses.get(key).into_iter().flatten()
    }

    /// Who refers to this id or to a part of it, but for the resource itself and its children.
    pub(crate) fn uses_within<'s>(&'s self, key: &str) -> impl Iterator<Item = &'s Use> + use<'s> {
        let inside = self.uses.range(format!("{key}/")..format!("{key}0")).map(|(_, uses)| uses);
        let key = key.to_owned();
        self.uses.get(&key).into_iter().chain(inside).flatten().filter(move |one| {
            !one.by.strip_prefix(&key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Everything below an id: children, or all of a resource group.
    pub(crate) fn below<'s>(&'s self, key: &str) -> impl Iterator<Item = &'s Stored> + use<'s> {
        // '0' follows '/' in ASCII, so this range is what begins with the key and a slash.
        self.resources.range(format!("{key}/")..format!("{key}0")).map(|(_, stored)| stored)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Stored> {
        self.resources.values()
    }

    fn forget_references(&mut self, key: &str) {
        for target in self.targets.remove(key).unwrap_or_default() {
            if let Some(uses) = self.uses.get_mut(&target) {
                uses.retain(|one| one.by != key);
                if uses.is_empty() {
                    self.uses.remove(&target);
                }
            }
        }
    }
}

/// Collects the ids that a value refers to, in lower case, with the way to them.
fn references(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    let step = |name: &str| match (path, name) {
        (path, "properties") => path.to_owned(),
        ("", name) => name.to_owned(),
        (path, name) => format!("{path}/{name}"),
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(id) if name == "id" && id.starts_with("/subscriptions/") => {
                        found.push((id.to_ascii_lowercase(), path.to_owned()));
                    }
                    Value::String(id) if name.ends_with("Id") && id.starts_with("/subscriptions/") => {
                        found.push((id.to_ascii_lowercase(), step(name)));
                    }
                    value => references(value, &step(name), found),
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let name =
                    item.get("name").and_then(Value::as_str).map_or_else(|| at.to_string(), str::to_owned);
                references(item, &step(&name), found);
            }
        }
        _ => {}
    }
}
