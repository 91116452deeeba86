//! What a write is about to store.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};

use super::{id::ResourceId, kind::Kind, store::Stored, view::properties};
use crate::azure::{error::ArmError, kinds};

/// A resource on its way into the store.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) id: ResourceId,
    pub(crate) kind: &'static Kind,
    pub(crate) body: Map<String, Value>,
    /// What is there already.
    pub(crate) old: Option<Stored>,
    pub(crate) hidden: BTreeMap<&'static str, String>,
    /// What the write ends with, if it is accepted but does not succeed.
    pub(crate) failure: Option<ArmError>,
    pub(crate) takes: Option<Duration>,
    /// Other resources that come into being with it.
    pub(crate) beside: Vec<Stored>,
}

impl Draft {
    pub(crate) fn properties(&mut self) -> &mut Map<String, Value> {
        properties(&mut self.body)
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Value> {
        self.body.get("properties")?.get(name)
    }

    /// A member by its JSON pointer.
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

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.properties().insert(name.to_owned(), value.into());
    }

    /// A property that is `value` unless somebody said otherwise.
    pub(crate) fn default(&mut self, name: &str, value: impl Into<Value>) {
        self.properties().entry(name).or_insert(value.into());
    }

    /// A property that the cloud decides once: what it was, or `value`.
    pub(crate) fn once(&mut self, name: &str, value: impl FnOnce() -> Value) {
        let old = self.old.as_ref().and_then(|old| old.property(name)).cloned();
        self.set(name, old.unwrap_or_else(value));
    }

    pub(crate) fn location(&self) -> String {
        self.body.get("location").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    pub(crate) fn zones(&self) -> Vec<String> {
        let zones = self.body.get("zones").and_then(Value::as_array).into_iter().flatten();
        zones.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
/// Takes the lists of children out of a draft; each is written by itself.
pub(super) fn take_children(draft: &mut Draft) -> Vec<(&'static Kind, Vec<Value>)> {
    let mut taken = Vec::new();
    for (name, child) in draft.kind.children {
        let Some(kind) = kinds::named(child) else { continue };
        match properties(&mut draft.body).remove(*name) {
            Some(Value::Array(items)) => taken.push((kind, items)),
            // A virtual network that does not speak of its subnets keeps them.
            _ if matches!(*name, "subnets" | "virtualNetworkPeerings") => {}
            _ => taken.push((kind, Vec::new())),
        }
    }
    taken
}
