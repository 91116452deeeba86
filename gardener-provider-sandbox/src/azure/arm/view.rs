//! A resource as replies show it.

use serde_json::{Map, Value, json};

use super::{id::ResourceId, shape, store::Stored};
use crate::azure::state::State;

impl State {
    /// The JSON of a resource.
    pub(crate) fn view(&self, stored: &Stored) -> Value {
        let kind = stored.kind;
        let mut body = stored.body.clone();
        body.insert("id".to_owned(), stored.id.to_string().into());
        body.insert("name".to_owned(), stored.id.name().into());
        body.insert("type".to_owned(), kind.name.into());
        if kind.etag {
            body.insert("etag".to_owned(), stored.etag.clone().into());
        }
        for (name, child) in kind.children {
            let below = self.store.below(&stored.key());
            let children: Vec<Value> = below
                .filter(|below| below.kind.name == *child && below.id.path.len() == stored.id.path.len() + 1)
                .map(|below| self.view(below))
                .collect();
            properties(&mut body).insert((*name).to_owned(), children.into());
        }
        for name in kind.parts {
            let items = properties(&mut body).get_mut(*name).and_then(Value::as_array_mut);
            for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
                dress(item, stored, name);
            }
        }
        if kind.state {
            properties(&mut body).insert("provisioningState".to_owned(), stored.state.into());
        }
        (kind.show)(self, stored, &mut body);
        shape::hide(&mut body, kind.fields);
        Value::Object(body)
    }
}

/// Gives a part of a resource what it shows beyond what was asked for.
fn dress(item: &mut Map<String, Value>, owner: &Stored, list: &str) {
    let name = item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    item.insert("id".to_owned(), format!("{}/{list}/{name}", owner.id).into());
    item.insert("type".to_owned(), format!("{}/{list}", owner.kind.name).into());
    item.insert("etag".to_owned(), owner.etag.clone().into());
    properties(item).insert("provisioningState".to_owned(), owner.state.into());
}

/// The properties of a resource's JSON.
pub(crate) fn properties(body: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let entry = body.entry("properties").or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    match entry {
        Value::Object(properties) => properties,
        _ => unreachable!("it was made an object above"),
    }
}

/// A reference in a reply.
pub(crate) fn link(id: impl ToString) -> Value {
    json!({ "id": id.to_string() })
}

/// References to all users of a resource through a member whose way ends so, by whole ids of the kind that is asked for.
pub(crate) fn users(state: &State, stored: &Stored, kind: &str, suffix: &str) -> Vec<ResourceId> {
    let users = state.store.uses(&stored.id.key()).filter(|one| one.through.ends_with(suffix));
    let users = users.filter_map(|one| state.store.get(&one.by));
    let mut ids: Vec<ResourceId> =
        users.filter(|user| user.kind.name == kind).map(|user| user.id.clone()).collect();
    ids.dedup();
    ids
}

/// References to the parts that refer to a resource: `…/ipConfigurations/NAME`.
pub(crate) fn user_parts(state: &State, stored: &Stored, suffix: &str) -> Vec<String> {
    let users = state.store.uses(&stored.id.key()).filter_map(|one| {
        let part = one.through.strip_suffix(suffix)?;
        Some(format!("{}/{}", state.store.get(&one.by)?.id, part.trim_end_matches('/')))
    });
    users.collect()
}
