//! GET: one resource, or lists with pages.

use serde_json::{Value, json};

use super::{Arm, id::ResourceId, kind::Kind, store::Stored};
use crate::azure::{
    context::Reply,
    error::{Answer, ArmError},
};

impl Arm<'_> {
    pub(crate) fn get(&self, id: &ResourceId) -> Answer<Reply> {
        self.check_scope(id)?;
        self.check_existing_parent(id)?;
        let stored = self.seen(id).ok_or_else(|| super::not_found(id))?;
        let reply = Reply::ok(self.state.view(stored));
        Ok(if stored.kind.etag { reply.with("etag", &stored.etag) } else { reply })
    }

    /// All resources of a kind directly below `scope`: a subscription, a group or a parent.
    pub(crate) fn list(&self, scope: &ResourceId, kind: &'static Kind) -> Answer<Reply> {
        self.check_scope(scope)?;
        if !scope.path.is_empty() && self.state.store.get(&scope.key()).is_none() {
            return Err(super::not_found(scope));
        }
        let found = self.visible_below(scope).filter(|stored| stored.kind.name == kind.name);
        let items: Vec<Value> = found.map(|stored| self.state.view(stored)).collect();
        self.page(items)
    }

    /// What the caller sees below a scope.
    pub(crate) fn visible_below<'s>(
        &'s self,
        scope: &ResourceId,
    ) -> impl Iterator<Item = &'s Stored> + use<'s> {
        let now = self.context.now;
        self.state.store.below(&scope.key()).filter(move |stored| stored.visible_from <= now)
    }

    /// One page of a list, with a link to the next.
    pub(crate) fn page(&self, items: Vec<Value>) -> Answer<Reply> {
        let top = match self.context.parameter("$top") {
            None => usize::MAX,
            Some(text) => text.parse().ok().filter(|top| *top > 0).ok_or_else(|| {
                ArmError::bad(
                    "InvalidTopParameter",
                    format!("The value '{text}' of $top is no positive number."),
                )
            })?,
        };
        let start = match self.context.parameter("$skiptoken") {
            None => 0,
            Some(text) => {
                text.parse::<usize>().ok().filter(|start| *start <= items.len()).ok_or_else(|| {
                    ArmError::bad("InvalidSkipToken", format!("The skip token '{text}' is invalid."))
                })?
            }
        };
        let size = self.context.max_page().min(top);
        let total = items.len();
        let page: Vec<Value> = items.into_iter().skip(start).take(size).collect();
        let end = start + page.len();
        let mut body = json!({ "value": page });
        if end < total {
            body["nextLink"] = self.next_link(end).into();
        }
        Ok(Reply::ok(body))
    }

    fn next_link(&self, start: usize) -> String {
        let path = &self.context.path;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let others = self.context.query.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken"));
        query.extend_pairs(others).append_pair("$skiptoken", &start.to_string());
        format!("{}{path}?{}", self.context.base, query.finish())
    }
}
