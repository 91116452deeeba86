//! The pairs of a form as a tree: `Filter.1.Value.2=x` is four steps deep.

use std::collections::BTreeMap;

use super::{
    Problem,
    scalars::{self, Times},
    shapes::{Description, Kind, Protocol, Reference, Shape},
};

#[derive(Debug, Default)]
pub(super) struct Tree {
    text: Option<String>,
    parts: BTreeMap<String, Tree>,
}

impl Tree {
    /// The tree of these pairs, and the keys that are there twice.
    pub(super) fn of(pairs: impl Iterator<Item = (String, String)>) -> (Self, Vec<Problem>) {
        let mut root = Self::default();
        let mut problems = Vec::new();
        for (key, value) in pairs {
            let leaf =
                key.split('.').fold(&mut root, |tree, step| tree.parts.entry(step.to_owned()).or_default());
            if leaf.text.replace(value).is_some() {
                problems.push(Problem::new(key, "is there twice"));
            }
        }
        (root, problems)
    }

    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.parts.remove(key).and_then(|part| part.text)
    }
}

/// Checks a form against the shapes of one protocol.
pub(super) struct Check<'a> {
    pub(super) service: &'a Description,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn problem(&mut self, path: &str, problem: impl Into<String>) {
        self.problems.push(Problem::new(path, problem));
    }

    pub(super) fn structure(&mut self, shape: &'a Shape, path: &str, tree: &Tree) {
        if tree.text.is_some() {
            self.problem(path, "has a value where it should have parts");
        }
        let mut known = Vec::new();
        for (name, reference) in &shape.members {
            let step = self.name(name, reference);
            let member = self.service.shape(reference);
            // A flattened list of named items stands under its item's name.
            let step = match (self.service.protocol, flattened_name(member, reference)) {
                (Protocol::Query, Some(item)) => item,
                _ => step,
            };
            let below = join(path, &step);
            match tree.parts.get(&step) {
                Some(part) => self.value(member, reference, &below, part),
                None if shape.requires(name) => self.problem(&below, "is required and missing"),
                None => {}
            }
            known.push(step);
        }
        for step in tree.parts.keys().filter(|step| !known.contains(step)) {
            self.problem(&join(path, step), "is not a parameter of this operation here");
        }
    }

    fn value(&mut self, shape: &'a Shape, reference: &'a Reference, path: &str, tree: &Tree) {
        match shape.kind {
            Kind::Structure => self.structure(shape, path, tree),
            Kind::List => self.list(shape, reference, path, tree),
            Kind::Map => self.map(shape, reference, path, tree),
            _ => {
                for step in tree.parts.keys() {
                    self.problem(&join(path, step), "has parts where it should have a value");
                }
                let text = tree.text.as_deref().unwrap_or_default();
                self.problems.extend(scalars::check(shape, reference, Times::Iso, path, text));
            }
        }
    }

    fn list(&mut self, shape: &'a Shape, reference: &'a Reference, path: &str, tree: &Tree) {
        let Some(member) = &shape.member else { return };
        let flat = self.service.protocol == Protocol::Ec2 || shape.flattened || reference.flattened;
        if flat {
            return self.items(shape, member, path, tree);
        }
        // An empty list is the bare name.
        if tree.parts.is_empty() && tree.text.as_deref() == Some("") {
            return;
        }
        let step = member.location_name.as_deref().unwrap_or("member");
        for other in tree.parts.keys().filter(|other| other.as_str() != step) {
            self.problem(&join(path, other), format!("should be {step} in this list"));
        }
        if let Some(items) = tree.parts.get(step) {
            self.items(shape, member, &join(path, step), items);
        }
    }

    fn items(&mut self, shape: &'a Shape, member: &'a Reference, path: &str, tree: &Tree) {
        if tree.text.is_some() {
            self.problem(path, "has a value where it should have numbered items");
        }
        let count = tree.parts.len();
        for number in 1..=count {
            if !tree.parts.contains_key(&number.to_string()) {
                self.problem(path, format!("has {count} items but none of number {number}"));
            }
        }
        #[allow(clippy::cast_precision_loss, reason = "lists of this length do not occur")]
        let size = count as f64;
        if shape.min.is_some_and(|min| size < min) || shape.max.is_some_and(|max| size > max) {
            self.problem(path, format!("has {count} items, not {:?} to {:?}", shape.min, shape.max));
        }
        let item = self.service.shape(member);
        for (number, part) in &tree.parts {
            self.value(item, member, &join(path, number), part);
        }
    }

    fn map(&mut self, shape: &'a Shape, reference: &'a Reference, path: &str, tree: &Tree) {
        let (Some(key), Some(value)) = (&shape.key, &shape.value) else { return };
        let flat = shape.flattened || reference.flattened;
        let entries = if flat { Some(tree) } else { tree.parts.get("entry") };
        for (number, entry) in entries.into_iter().flat_map(|entries| &entries.parts) {
            let path = join(path, number);
            for (reference, fallback) in [(key, "key"), (value, "value")] {
                let step = Shape::wire_name(fallback, reference);
                match entry.parts.get(step) {
                    Some(part) => {
                        self.value(self.service.shape(reference), reference, &join(&path, step), part);
                    }
                    None => self.problem(&join(&path, step), "is required and missing"),
                }
            }
        }
    }

    /// EC2 has names of its own for forms, and else those of its XML with a capital.
    fn name(&self, name: &str, reference: &Reference) -> String {
        if self.service.protocol != Protocol::Ec2 {
            return Shape::wire_name(name, reference).to_owned();
        }
        if let Some(name) = &reference.query_name {
            return name.clone();
        }
        let name = Shape::wire_name(name, reference);
        let mut letters = name.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

fn flattened_name(shape: &Shape, reference: &Reference) -> Option<String> {
    let flat = shape.kind == Kind::List && (shape.flattened || reference.flattened);
    shape.member.as_ref().filter(|_| flat)?.location_name.clone()
}
