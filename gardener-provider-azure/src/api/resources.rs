//! What lies in a resource group, of whatever type.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/resources/resources/list-by-resource-group>

use gardener_provider_client::pages::Page;
use http::Method;
use serde::Deserialize;

use super::{Operation, ResourceId, RestRequest, family, list, version};

/// A resource as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Listed {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Lists all that lies in a group; a group that is not there is an error.
pub fn in_group(group: &ResourceId) -> Operation<Page<Listed>> {
    let path = format!("{}/resources", group.resource_group());
    let request = RestRequest::new("Resources_ListByResourceGroup", family::READ, Method::GET).path(&path);
    list(request.query("api-version", version::RESOURCES))
}

pub(crate) fn samples() -> Vec<RestRequest> {
    vec![in_group(&super::network::sample_group()).request]
}
