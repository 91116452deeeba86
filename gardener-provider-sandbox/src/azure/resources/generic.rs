//! Lists of resources of all types.

use serde_json::Value;

use super::groups::summary;
use crate::azure::{
    arm::{Arm, id::ResourceId, store::Stored},
    context::Reply,
    error::{Answer, ArmError},
};

impl Arm<'_> {
    /// All top-level resources of a subscription or a resource group.
    pub(crate) fn resources(&self, scope: &ResourceId) -> Answer<Reply> {
        self.check_scope(scope)?;
        let filter = self.context.parameter("$filter").map(Filter::read).transpose()?;
        let shown = self.visible_below(scope).filter(|stored| {
            stored.id.path.len() == 1
                && stored.kind.name != super::DEPLOYMENT.name
                && filter.as_ref().is_none_or(|filter| filter.fits(stored))
        });
        let items: Vec<Value> = shown.map(summary).collect();
        self.page(items)
    }
}

/// Filters by type, name, resource group, location or tag; `and` binds them.
struct Filter(Vec<(String, String)>);

impl Filter {
    fn read(text: &str) -> Answer<Self> {
        let bad = || {
            let message = format!("Invalid $filter '{text}' specified in the query string.");
            ArmError::bad("InvalidFilterInQueryString", message)
        };
        let clauses = text.split(" and ").map(|clause| {
            let (field, quoted) = clause.split_once(" eq ")?;
            let field = field.trim().to_ascii_lowercase();
            let known = ["resourcetype", "name", "resourcegroup", "location", "tagname", "tagvalue"];
            let value = quoted.trim().strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'");
            known.contains(&field.as_str()).then_some((field, value))
        });
        clauses.collect::<Option<Vec<_>>>().map(Self).ok_or_else(bad)
    }

    fn fits(&self, stored: &Stored) -> bool {
        self.0.iter().all(|(field, wanted)| {
            let group = stored.id.group.as_deref().unwrap_or_default();
            let found = match field.as_str() {
                "resourcetype" => stored.kind.name,
                "name" => stored.id.name(),
                "resourcegroup" => group,
                "location" => stored.location(),
                "tagname" => return stored.tags().contains_key(wanted),
                _ => return stored.tags().values().any(|value| value == wanted),
            };
            found.eq_ignore_ascii_case(wanted)
        })
    }
}
