//! Managed identities.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/managedidentity/user-assigned-identities>

use http::Method;
use serde::Deserialize;

use super::{Operation, ResourceId, RestRequest, family, request, version};

/// A managed identity that a user made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The rest of it.
    pub properties: IdentityProperties,
}

/// The properties of a managed identity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityProperties {
    /// The id by which tokens are asked for.
    pub client_id: String,
}

/// Reads one.
pub fn get(id: &ResourceId) -> Operation<Identity> {
    Operation::json(request("UserAssignedIdentities_Get", family::READ, Method::GET, id, version::IDENTITY))
}

/// The id of one.
pub fn id(group: &ResourceId, name: &str) -> ResourceId {
    group.resource("Microsoft.ManagedIdentity", "userAssignedIdentities", name)
}

pub(crate) fn samples() -> Vec<RestRequest> {
    vec![get(&id(&super::network::sample_group(), "my-identity")).request]
}

#[cfg(test)]
mod tests {
    use gardener_provider_client::rest::json;
    use http::Response;

    use super::*;

    #[test]
    fn an_identity_has_a_client_id() {
        let body = r#"{"id":"/subscriptions/s/i","name":"i","properties":{"tenantId":"t","principalId":"p","clientId":"c"}}"#;
        let identity: Identity = json(&Response::new(body.into())).unwrap();
        assert_eq!(identity.properties.client_id, "c");
    }
}
