//! Lists of resources of all types.

use serde_json::Value;

use super::groups::{matches_tag, summary};
use crate::azure::{
    arm::{Arm, id::ResourceId, store::Stored},
    context::Reply,
    error::{Answer, ArmError},
};

impl Arm<'_> {
    /// All top-level resources of a subscription or a resource group.
    pub(crate) fn resources(&self, scope: &ResourceId) -> Answer<Reply> {
        self.check_scope(scope)?;
        let filter = self.context.parameter("$filter");
        let mut items: Vec<Value> = Vec::new();
        for stored in self.visible_below(scope) {
            let is_resource = stored.id.path.len() == 1 && stored.kind.name != super::DEPLOYMENT.name;
            if is_resource && filter.map_or(Ok(true), |filter| matches(stored, filter))? {
                items.push(summary(stored));
            }
        }
        self.page(items)
    }
}

/// Filters by type, name, resource group, location or tag; `and` binds them.
fn matches(stored: &Stored, filter: &str) -> Answer<bool> {
    if filter.to_ascii_lowercase().contains("tagname") {
        return matches_tag(stored, filter);
    }
    for clause in filter.split(" and ") {
        let bad = || {
            let message = format!("Invalid $filter '{filter}' specified in the query string.");
            ArmError::bad("InvalidFilterInQueryString", message)
        };
        let (field, quoted) = clause.split_once(" eq ").ok_or_else(bad)?;
        let wanted = quoted.trim().trim_matches('\'');
        let group = stored.id.group.as_deref().unwrap_or_default();
        let found = match field.trim().to_ascii_lowercase().as_str() {
            "resourcetype" => stored.kind.name,
            "name" => stored.id.name(),
            "resourcegroup" => group,
            "location" => stored.location(),
            _ => return Err(bad()),
        };
        if !found.eq_ignore_ascii_case(wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}
