//! Resource groups.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/resources/resource-groups?view=rest-resources-2025-04-01>

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};

use super::{Operation, ResourceId, RestRequest, family, operations::Change, request, version};

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceGroup {
    /// The id.
    #[serde(skip_serializing)]
    pub id: String,
    /// The name.
    #[serde(skip_serializing)]
    pub name: String,
    /// The region.
    pub location: String,
    /// The tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The rest of it.
    #[serde(skip_serializing)]
    pub properties: GroupProperties,
}

/// The properties of a resource group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupProperties {
    /// How it is going.
    pub provisioning_state: Option<String>,
}

impl ResourceGroup {
    /// True if it is going away.
    pub fn is_deleting(&self) -> bool {
        let state = self.properties.provisioning_state.as_deref();
        state.is_some_and(|state| ["Deleting", "Deprovisioning"].contains(&state))
    }
}

/// Reads a group.
pub fn get(id: &ResourceId) -> Operation<ResourceGroup> {
    Operation::json(request("ResourceGroups_Get", family::READ, Method::GET, id, version::RESOURCES))
}

/// Creates a group, or sets its tags.
pub fn create_or_update(id: &ResourceId, group: &ResourceGroup) -> Operation<ResourceGroup> {
    let request =
        request("ResourceGroups_CreateOrUpdate", family::WRITE, Method::PUT, id, version::RESOURCES);
    Operation::json(request.json(group))
}

/// Deletes a group and all that is in it.
pub fn delete(id: &ResourceId) -> Change<()> {
    Change::deletion("ResourceGroups_Delete", "ResourceGroups_Get", family::DELETE, id, version::RESOURCES)
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let id = ResourceId::group("01234567-89ab-cdef-0123-456789abcdef", "shoot--demo--app");
    let group = ResourceGroup {
        location: "westeurope".to_owned(),
        tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        ..ResourceGroup::default()
    };
    vec![get(&id).request, create_or_update(&id, &group).request, delete(&id).request]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_addressed_by_its_id() {
        let samples = samples();
        let paths: Vec<_> =
            samples.iter().map(|sample| (sample.method.as_str(), sample.path.as_str())).collect();
        let path = "/subscriptions/01234567-89ab-cdef-0123-456789abcdef/resourceGroups/shoot--demo--app";
        assert_eq!(paths, [("GET", path), ("PUT", path), ("DELETE", path)]);
        assert_eq!(samples[1].body, r#"{"location":"westeurope","tags":{"a":"b"}}"#);
    }
}
