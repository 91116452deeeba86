//! What all resources of a network have in common, and how they are read and written.
//!
//! A PUT replaces the whole resource, so a resource is kept as it came, with all that this crate does not know, and
//! goes back changed in what is to change. `If-Match` with the ETag that was read keeps a change of somebody else from
//! being lost. Source: <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/>

use std::{collections::BTreeMap, fmt};

use gardener_provider_client::pages::Page;
use http::{Method, header::IF_MATCH};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    Operation, ResourceId, RestRequest, family, list as pages, operations::Change, request, version,
};

/// Tags.
pub type Tags = BTreeMap<String, String>;

/// The properties of a family of resources, and the names of its operations.
pub trait Properties: Clone + Default + PartialEq + fmt::Debug + Serialize + DeserializeOwned {
    /// The last part of the type: `virtualNetworks`.
    const KIND: &'static str;
    /// The operation that reads one.
    const GET: &'static str;
    /// The operation that lists all of a group, or of a resource that they lie in.
    const LIST: &'static str = "";
    /// The operation that creates or replaces one.
    const PUT: &'static str = "";
    /// The operation that deletes one.
    const DELETE: &'static str = "";
    /// Properties that Azure shows and does not take.
    const READ_ONLY: &'static [&'static str] = &[];

    /// How it is going: `Succeeded`, `Updating`, `Deleting`, `Failed`.
    fn provisioning_state(&self) -> Option<&str>;
}

/// A resource of the network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, bound = "P: Properties")]
pub struct Resource<P: Properties> {
    /// The id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The name.
    #[serde(skip_serializing)]
    pub name: String,
    /// The region; that of what it lies in, if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Which variant of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// The zones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<Vec<String>>,
    /// Names this state of it.
    #[serde(skip_serializing)]
    pub etag: Option<String>,
    /// The rest of it.
    pub properties: P,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Which variant of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sku {
    /// `Standard`, `StandardV2`.
    pub name: String,
    /// `Regional`, `Global`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// A resource that another one names. Its id is all that is sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SubResource {
    /// The id.
    pub id: String,
}

impl SubResource {
    /// The resource of this id.
    pub fn new(id: impl fmt::Display) -> Self {
        Self { id: id.to_string() }
    }
}

/// Ids are the same in large and small letters.
impl PartialEq for SubResource {
    fn eq(&self, other: &Self) -> bool {
        self.id.eq_ignore_ascii_case(&other.id)
    }
}

impl Eq for SubResource {}

impl<P: Properties> Resource<P> {
    /// A new one in a region.
    pub fn new(location: impl Into<String>) -> Self {
        Self { location: Some(location.into()), ..Self::default() }
    }

    /// How it is going; `Succeeded` if it does not say.
    pub fn state(&self) -> &str {
        self.properties.provisioning_state().unwrap_or("Succeeded")
    }

    /// True if it is as it was asked for.
    pub fn is_settled(&self) -> bool {
        self.state().eq_ignore_ascii_case("Succeeded")
    }

    /// True if it is going away.
    pub fn is_deleting(&self) -> bool {
        self.state().eq_ignore_ascii_case("Deleting")
    }

    /// The name of its variant; `Basic` is what Azure takes where none is named.
    pub fn sku_name(&self) -> &str {
        self.sku.as_ref().map_or("Basic", |sku| sku.name.as_str())
    }

    /// The zones.
    pub fn zones(&self) -> &[String] {
        self.zones.as_deref().unwrap_or_default()
    }

    /// A tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.as_ref()?.get(key).map(String::as_str)
    }

    /// As it is sent: without what Azure shows only.
    fn body(&self) -> Value {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        strip(&mut body);
        if let Some(fields) = body.as_object_mut() {
            fields.remove("type");
        }
        if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|key, _| !P::READ_ONLY.contains(&key.as_str()));
        }
        body
    }
}

/// What Azure shows of resources, and of those within them, and does not take.
const SHOWN: &[&str] = &[
    "etag",
    "provisioningState",
    "resourceGuid",
    "ipConfigurations",
    "ipConfigurationProfiles",
    "privateEndpoints",
    "resourceNavigationLinks",
    "serviceAssociationLinks",
    "purpose",
    "flowLogs",
];

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !SHOWN.contains(&key.as_str()));
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Reads one.
pub fn get<P: Properties>(id: &ResourceId) -> Operation<Resource<P>> {
    Operation::json(look::<P>(id))
}

fn look<P: Properties>(id: &ResourceId) -> RestRequest {
    request(P::GET, family::READ, Method::GET, id, version::NETWORK)
}

/// Lists all that lie in a group or resource; a group that is not there is an error.
pub fn list<P: Properties>(parent: &ResourceId) -> Operation<Page<Resource<P>>> {
    // The type is a part of the path that has no name behind it.
    let is_group = parent.is_kind("Microsoft.Resources/resourceGroups");
    let sample = if is_group { parent.network(P::KIND, "") } else { parent.child(P::KIND, "") };
    let path = sample.to_string();
    let request = RestRequest::new(P::LIST, family::READ, Method::GET).path(path.trim_end_matches('/'));
    pages(request.query("api-version", version::NETWORK))
}

/// Creates one, or replaces it: then in the state of this ETag only.
pub fn put<P: Properties>(
    id: &ResourceId,
    resource: &Resource<P>,
    etag: Option<&str>,
) -> Change<Resource<P>> {
    let request =
        request(P::PUT, family::NETWORK_WRITE, Method::PUT, id, version::NETWORK).json(&resource.body());
    let request = match etag {
        Some(etag) => request.header(IF_MATCH, etag),
        None => request,
    };
    Change::new(request, look::<P>(id))
}

/// Deletes one.
pub fn delete<P: Properties>(id: &ResourceId) -> Change<()> {
    Change::deletion(P::DELETE, P::GET, family::NETWORK_WRITE, id, version::NETWORK)
}

/// Ids for samples.
pub(super) fn sample_group() -> ResourceId {
    ResourceId::group("01234567-89ab-cdef-0123-456789abcdef", "shoot--demo--app")
}

#[cfg(test)]
mod tests {
    use gardener_provider_client::rest::json;
    use http::Response;
    use serde_json::json;

    use super::*;
    use crate::api::{subnets::SubnetProperties, virtual_networks::VirtualNetworkProperties};

    #[test]
    fn what_was_read_goes_back_whole_without_what_is_only_shown() {
        let shown = json!({
            "id": "/subscriptions/s/v", "name": "v", "type": "Microsoft.Network/virtualNetworks",
            "location": "westeurope", "etag": "W/\"1\"", "tags": { "a": "b" },
            "extendedLocation": { "name": "edge", "type": "EdgeZone" },
            "properties": {
                "provisioningState": "Succeeded", "resourceGuid": "g",
                "addressSpace": { "addressPrefixes": ["10.0.0.0/8"] },
                "subnets": [{
                    "id": "/subscriptions/s/v/n", "name": "n", "etag": "W/\"1\"",
                    "properties": {
                        "provisioningState": "Succeeded", "addressPrefix": "10.0.0.0/24",
                        "delegations": [{ "name": "d", "properties": { "serviceName": "x" } }],
                        "ipConfigurations": [{ "id": "/subscriptions/s/c" }],
                    },
                }],
                "dhcpOptions": { "dnsServers": ["10.0.0.4"] },
            },
        });
        let reply = Response::new(serde_json::to_vec(&shown).unwrap().into());
        let read: Resource<VirtualNetworkProperties> = json(&reply).unwrap();
        assert!(read.is_settled() && read.tag("a") == Some("b"));
        let mut expected = shown;
        for pointer in ["", "/properties", "/properties/subnets/0", "/properties/subnets/0/properties"] {
            let fields = expected.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            for key in ["etag", "provisioningState", "resourceGuid", "ipConfigurations"] {
                fields.remove(key);
            }
        }
        expected.as_object_mut().unwrap().retain(|key, _| !["name", "type"].contains(&key.as_str()));
        assert_eq!(read.body(), expected);
    }

    #[test]
    fn a_replacement_names_the_state_it_replaces() {
        let id = sample_group().network("virtualNetworks", "v").child("subnets", "n");
        let change = put(&id, &Resource::<SubnetProperties>::default(), Some("W/\"1\""));
        assert_eq!(change.request.headers, [(IF_MATCH, "W/\"1\"".to_owned())]);
        assert!(put(&id, &Resource::<SubnetProperties>::default(), None).request.headers.is_empty());
    }

    #[test]
    fn lists_are_of_a_group_or_of_a_resource() {
        let group = sample_group();
        let path = |request: RestRequest| request.path.rsplit_once("Microsoft.Network").unwrap().1.to_owned();
        assert_eq!(path(list::<VirtualNetworkProperties>(&group).request), "/virtualNetworks");
        let network = group.network("virtualNetworks", "v");
        assert_eq!(path(list::<SubnetProperties>(&network).request), "/virtualNetworks/v/subnets");
    }
}
