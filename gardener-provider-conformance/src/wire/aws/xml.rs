//! XML as elements, and its check against shapes.

use std::collections::BTreeMap;

use quick_xml::{Reader, events::Event};

use super::{
    Problem,
    scalars::{self, Times},
    shapes::{Description, Kind, Reference, Shape},
};

/// An element. Names are without their prefixes, but for attributes, whose prefixes are part of the description.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the document is not UTF-8".to_owned())?;
        let mut reader = Reader::from_str(text);
        let bad = |error: &dyn std::fmt::Display| format!("the document is not XML: {error}");
        let mut open: Vec<Element> = vec![Element::default()];
        loop {
            let event = reader.read_event().map_err(|error| bad(&error))?;
            match event {
                Event::Start(start) => open.push(Self::begun(&start).map_err(|error| bad(&error))?),
                Event::Empty(start) => {
                    let element = Self::begun(&start).map_err(|error| bad(&error))?;
                    top(&mut open).children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().unwrap_or_default();
                    top(&mut open).children.push(element);
                }
                Event::Text(part) => {
                    top(&mut open).text.push_str(&part.decode().map_err(|error| bad(&error))?);
                }
                Event::CData(part) => {
                    top(&mut open).text.push_str(&part.decode().map_err(|error| bad(&error))?);
                }
                Event::GeneralRef(name) => {
                    let name = name.decode().map_err(|error| bad(&error))?;
                    let text = quick_xml::escape::unescape(&format!("&{name};"))
                        .map_err(|error| bad(&error))?
                        .into_owned();
                    top(&mut open).text.push_str(&text);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let document = if open.len() == 1 { open.pop() } else { None };
        let mut roots = document.unwrap_or_default().children.into_iter();
        match (roots.next(), roots.next()) {
            (Some(root), None) => Ok(root),
            _ => Err("the document has not exactly one root element".to_owned()),
        }
    }

    fn begun(start: &quick_xml::events::BytesStart<'_>) -> Result<Self, quick_xml::Error> {
        let mut element = Self {
            name: String::from_utf8_lossy(start.local_name().as_ref()).into_owned(),
            ..Self::default()
        };
        for attribute in start.attributes() {
            let attribute = attribute?;
            let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            let value = String::from_utf8_lossy(&attribute.value).into_owned();
            element.attributes.insert(name, value);
        }
        Ok(element)
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn find(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The namespace that it sets.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.attributes.get("xmlns").map(String::as_str)
    }
}

fn top(open: &mut Vec<Element>) -> &mut Element {
    if open.is_empty() {
        open.push(Element::default());
    }
    let last = open.len() - 1;
    &mut open[last]
}

/// Checks elements against shapes.
pub(super) struct Check<'a> {
    pub(super) service: &'a Description,
    pub(super) times: Times,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn problem(&mut self, path: &str, problem: impl Into<String>) {
        self.problems.push(Problem::new(path, problem));
    }

    /// `extra` are elements that every reply may have.
    pub(super) fn structure(&mut self, shape: &'a Shape, path: &str, element: &Element, extra: &[&str]) {
        if !element.text.trim().is_empty() {
            self.problem(path, format!("has the text {:?} where it should have parts", element.text.trim()));
        }
        for (wire_name, name, reference) in shape.body_members() {
            let member = self.service.shape(reference);
            let below = join(path, wire_name);
            if reference.xml_attribute {
                if let Some(text) = element.attributes.get(wire_name) {
                    self.problems.extend(scalars::check(member, reference, self.times, &below, text));
                } else if shape.requires(name) {
                    self.problem(&below, "is required and missing");
                }
                continue;
            }
            let found: Vec<_> = element.children.iter().filter(|child| child.name == wire_name).collect();
            let flat = member.flattened || reference.flattened;
            if found.is_empty() {
                if shape.requires(name) && !(flat && member.kind == Kind::List) {
                    self.problem(&below, "is required and missing");
                }
            } else if flat && member.kind == Kind::List {
                self.items(member, &below, &found);
            } else {
                if found.len() > 1 {
                    self.problem(&below, format!("is there {} times", found.len()));
                }
                self.value(member, reference, &below, found[0]);
            }
        }
        let known: Vec<_> = shape.body_members().map(|(wire_name, ..)| wire_name).collect();
        for child in &element.children {
            if !known.contains(&child.name.as_str()) && !extra.contains(&child.name.as_str()) {
                self.problem(&join(path, &child.name), "is not described here");
            }
        }
    }

    pub(super) fn value(
        &mut self,
        shape: &'a Shape,
        reference: &'a Reference,
        path: &str,
        element: &Element,
    ) {
        match shape.kind {
            Kind::Structure => self.structure(shape, path, element, &[]),
            Kind::List => {
                let step = shape.member.as_ref().and_then(|member| member.location_name.as_deref());
                let step = step.unwrap_or("member");
                let (items, others): (Vec<_>, Vec<_>) =
                    element.children.iter().partition(|child| child.name == step);
                for other in others {
                    self.problem(&join(path, &other.name), format!("should be {step} in this list"));
                }
                if !element.text.trim().is_empty() {
                    self.problem(path, "has text where it should have items");
                }
                self.items(shape, &join(path, step), &items);
            }
            Kind::Map => self.map(shape, path, element),
            _ => {
                for child in &element.children {
                    self.problem(&join(path, &child.name), "is a part where there should be a value");
                }
                self.problems.extend(scalars::check(shape, reference, self.times, path, &element.text));
            }
        }
    }

    fn items(&mut self, shape: &'a Shape, path: &str, items: &[&Element]) {
        let Some(member) = &shape.member else { return };
        for (index, item) in items.iter().enumerate() {
            self.value(self.service.shape(member), member, &format!("{path}[{index}]"), item);
        }
    }

    fn map(&mut self, shape: &'a Shape, path: &str, element: &Element) {
        let (Some(key), Some(value)) = (&shape.key, &shape.value) else { return };
        for (index, entry) in element.children.iter().enumerate() {
            let path = format!("{path}[{index}]");
            for (reference, fallback) in [(key, "key"), (value, "value")] {
                let step = Shape::wire_name(fallback, reference);
                match entry.child(step) {
                    Some(part) => {
                        self.value(self.service.shape(reference), reference, &join(&path, step), part);
                    }
                    None => self.problem(&join(&path, step), "is required and missing"),
                }
            }
        }
    }
}

pub(super) fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}
