//! Lists: filtered, ordered, in pages.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{
    engine::{Engine, show},
    filters::Filter,
    kind::{Kind, Level},
    links::{Scope, url},
    zones,
};
use crate::gcp::{
    context::Context,
    error::{GcpError, Reply},
    query::Query,
};

/// The collection that the call's path names.
pub(super) fn list(engine: &Engine<'_>, kind: Kind) -> Reply {
    let scope = &engine.target.scope;
    let items = items(engine, kind, Some(scope)).into_iter().map(|(_, item)| item).collect();
    let place = format!("projects/{}/{}/{}", engine.project.id, scope.path(), kind.collection());
    page(engine.context, engine.query, &place, &format!("{}List", kind.tag()), items)
}

/// A page of `items`, which are all of the collection `place`.
pub(super) fn page(context: &Context<'_>, query: &Query, place: &str, tag: &str, items: Vec<Value>) -> Reply {
    let asked = Asked::read(context, query, place)?;
    let (items, next) = asked.cut(items.into_iter().map(|item| (String::new(), item)).collect());
    let items: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    let mut reply = json!({ "kind": tag, "id": place, "selfLink": url(place) });
    if !items.is_empty() {
        reply["items"] = items.into();
    }
    if let Some(next) = next {
        reply["nextPageToken"] = next.into();
    }
    Ok(reply)
}

/// A collection over all scopes.
pub(super) fn aggregated(engine: &Engine<'_>, kind: Kind) -> Reply {
    let place = format!("projects/{}/aggregated/{}", engine.project.id, kind.collection());
    let asked = Asked::read(engine.context, engine.query, &place)?;
    let down = silent(engine, kind)?;
    let mut all = items(engine, kind, None);
    all.retain(|(scope, _)| !down.contains(scope));
    let (found, next) = asked.cut(all);
    let mut scopes: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for scope in scopes_shown(engine, kind) {
        scopes.insert(scope, Map::new());
    }
    for (scope, item) in found {
        let of_kind = scopes.entry(scope).or_default().entry(kind.collection());
        if let Value::Array(list) = of_kind.or_insert_with(|| json!([])) {
            list.push(item);
        }
    }
    let items: Map<String, Value> = scopes
        .into_iter()
        .map(|(scope, content)| {
            let shown = match content {
                _ if down.contains(&scope) => silent_scope(&scope),
                content if content.is_empty() => empty_scope(&scope),
                content => Value::Object(content),
            };
            (scope, shown)
        })
        .collect();
    let mut reply = json!({
        "kind": format!("{}AggregatedList", kind.tag()),
        "id": place,
        "selfLink": url(&place),
        "items": items,
    });
    if let Some(next) = next {
        reply["nextPageToken"] = next.into();
    }
    if !down.is_empty() {
        reply["unreachables"] = down.into_iter().collect();
    }
    Ok(reply)
}

/// The zones that do not answer, if the caller takes a list without them.
fn silent(engine: &Engine<'_>, kind: Kind) -> Result<BTreeSet<String>, GcpError> {
    if !kind.levels().contains(&Level::Zone) {
        return Ok(BTreeSet::new());
    }
    match engine.zones_down.first() {
        Some(zone) if engine.query.flag("returnPartialSuccess") != Some(true) => Err(super::zone_down(zone)),
        _ => Ok(engine.zones_down.iter().map(|zone| format!("zones/{zone}")).collect()),
    }
}

fn silent_scope(scope: &str) -> Value {
    json!({ "warning": {
        "code": "UNREACHABLE",
        "message": format!("'{scope}' could not be reached."),
        "data": [{ "key": "scope", "value": scope }],
    } })
}

fn empty_scope(scope: &str) -> Value {
    json!({ "warning": {
        "code": "NO_RESULTS_ON_PAGE",
        "message": format!("There are no results for scope '{scope}' on this page."),
        "data": [{ "key": "scope", "value": scope }],
    } })
}

/// The scopes of the kind's levels, or of all levels with `includeAllScopes`.
fn scopes_shown(engine: &Engine<'_>, kind: Kind) -> Vec<String> {
    let all = engine.query.flag("includeAllScopes") == Some(true);
    let shown = |level| all || kind.levels().contains(&level);
    let mut scopes = Vec::new();
    if shown(Level::Global) {
        scopes.push("global".to_owned());
    }
    for (region, zones) in &engine.context.options().regions {
        if shown(Level::Region) {
            scopes.push(format!("regions/{region}"));
        }
        if shown(Level::Zone) {
            scopes.extend(zones.iter().map(|zone| format!("zones/{zone}")));
        }
    }
    scopes
}

/// All of a kind that lists have by now, in one scope or in all; with the scope.
fn items(engine: &Engine<'_>, kind: Kind, scope: Option<&Scope>) -> Vec<(String, Value)> {
    let (project, now) = (&*engine.project, engine.context.now);
    let wanted = |other: &Scope| scope.is_none_or(|scope| scope == other);
    if kind.is_catalog() {
        return match scope {
            Some(scope) => zones::catalog(engine.context, &project.id, kind, scope)
                .into_iter()
                .map(|item| (scope.path(), item))
                .collect(),
            None => zones::whole_catalog(engine.context, &project.id, kind),
        };
    }
    if kind == Kind::Operation {
        let listed = project
            .operations
            .values()
            .filter(|operation| wanted(&operation.scope) && operation.listed_from <= now);
        return listed.map(|operation| (operation.scope.path(), operation.show(&project.id, now))).collect();
    }
    let derived = project.derived(&BTreeSet::from([kind]));
    let listed = project.all(kind).filter(|(key, stored)| wanted(&key.scope) && stored.listed_from <= now);
    listed.map(|(key, stored)| (key.scope.path(), show(&project.id, key, stored, &derived))).collect()
}

/// What the parameters of a list say.
struct Asked {
    filter: Option<Filter>,
    newest_first: bool,
    most: usize,
    /// What the page before ended with.
    after: Option<(String, String)>,
    /// Names the list, so that no other takes its tokens.
    stamp: String,
}

impl Asked {
    fn read(context: &Context<'_>, query: &Query, place: &str) -> Result<Self, GcpError> {
        let filter = query.get("filter").map(Filter::parse).transpose()?;
        let newest_first = match query.get("orderBy") {
            None | Some("name" | "name asc") => false,
            Some("creationTimestamp desc") => true,
            Some(other) => {
                return Err(GcpError::invalid(
                    "orderBy",
                    other,
                    "Must be 'name' or 'creationTimestamp desc'.",
                ));
            }
        };
        let asked = match query.get("maxResults") {
            None => 500,
            Some(text) => text.parse::<usize>().ok().filter(|most| *most <= 500).ok_or_else(|| {
                GcpError::invalid("maxResults", text, "Must be an integer between 0 and 500.")
            })?,
        };
        let asked = if asked == 0 { 500 } else { asked };
        let stamp = format!("{place}?{}&{newest_first}", query.get("filter").unwrap_or_default());
        let stamp = super::fingerprint::of(&Value::String(stamp), "page");
        let after = query.get("pageToken").map(|token| last_of(token, &stamp)).transpose()?;
        let most = context.world.max_page(context.options().max_page).min(asked);
        Ok(Self { filter, newest_first, most, after, stamp })
    }

    /// The page, and the token of the next one. The items come with their scopes.
    fn cut(&self, items: Vec<(String, Value)>) -> (Vec<(String, Value)>, Option<String>) {
        let matches = |item: &Value| self.filter.as_ref().is_none_or(|filter| filter.matches(item));
        let mut keyed: Vec<_> = items
            .into_iter()
            .filter(|(_, item)| matches(item))
            .map(|(scope, item)| (self.key(&scope, &item), scope, item))
            .collect();
        keyed.sort_by(|(a, ..), (b, ..)| self.order(a, b));
        if let Some(after) = &self.after {
            keyed.retain(|(key, ..)| self.order(key, after).is_gt());
        }
        let more = keyed.len() > self.most;
        keyed.truncate(self.most);
        let next = keyed
            .last()
            .filter(|_| more)
            .map(|((a, b), ..)| URL_SAFE_NO_PAD.encode(json!([self.stamp, a, b]).to_string()));
        (keyed.into_iter().map(|(_, scope, item)| (scope, item)).collect(), next)
    }

    fn key(&self, scope: &str, item: &Value) -> (String, String) {
        let name = item["name"].as_str().unwrap_or_default();
        if !self.newest_first {
            return (scope.to_owned(), name.to_owned());
        }
        let made = item["creationTimestamp"].as_str().or(item["insertTime"].as_str()).unwrap_or_default();
        (made.to_owned(), format!("{scope}/{name}"))
    }

    fn order(&self, a: &(String, String), b: &(String, String)) -> std::cmp::Ordering {
        if self.newest_first { b.cmp(a) } else { a.cmp(b) }
    }
}

fn last_of(token: &str, stamp: &str) -> Result<(String, String), GcpError> {
    let read = || -> Option<(String, String)> {
        let (given, a, b): (String, String, String) =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        (given == stamp).then_some((a, b))
    };
    read().ok_or_else(|| GcpError::invalid("pageToken", token, "The page token is invalid for this list."))
}
