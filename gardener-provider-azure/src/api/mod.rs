//! The calls that this crate makes: one file per family of resources, a request builder and a reply parser per call.
//!
//! - What answers at once is an [`Operation`]: `session.run(&operation)`; `session.find(&operation)` takes "not there" for
//!   an answer.
//! - What Azure carries out in the background is a [`Change`](operations::Change): `session.change(&change)` returns when
//!   it is done.
//! - Lists are operations that answer a [`Page`]: `session.all(&list)`.
//!
//! All can be tested without a server. Each file's `samples` builds all of its requests with every parameter set;
//! [`samples`] gathers them, so that a test can hold every request that this crate can make against the official
//! description of the API.

pub mod blob_containers;
pub mod blobs;
pub mod disks;
pub mod identities;
pub mod ids;
pub mod images;
pub mod load_balancers;
pub mod management_policies;
pub mod marketplace;
pub mod nat_gateways;
pub mod network;
pub mod network_interfaces;
pub mod oauth;
pub mod operations;
pub mod public_ip_addresses;
pub mod resource_groups;
pub mod resources;
pub mod route_tables;
pub mod security_groups;
pub mod storage_accounts;
pub mod subnets;
pub mod virtual_machines;
pub mod virtual_networks;

use bytes::Bytes;
use gardener_provider_client::pages::Page;
use gardener_provider_core::Result;
use http::{Method, Response};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

pub use gardener_provider_client::rest::{Operation, RestRequest, json, or_gone, or_missing};
pub use ids::ResourceId;

/// API families: each has its own rate limit.
pub mod family {
    /// Reads of the Resource Manager.
    pub const READ: &str = "arm/read";
    /// Creations and updates.
    pub const WRITE: &str = "arm/write";
    /// Deletions.
    pub const DELETE: &str = "arm/delete";
    /// Creations, updates and deletions of networks and their parts.
    pub const NETWORK_WRITE: &str = "network/write";
    /// Creations, updates and deletions of storage accounts.
    pub const STORAGE_WRITE: &str = "storage/write";
    /// Lists of storage accounts.
    pub const STORAGE_LIST: &str = "storage/list";
    /// The data of storage accounts.
    pub const BLOB: &str = "blob";
    /// Tokens of Entra ID.
    pub const LOGIN: &str = "login";
    /// Tokens of the instance metadata service.
    pub const INSTANCE_METADATA: &str = "instance-metadata";
}

/// Versions of the API, by resource provider.
pub mod version {
    /// Virtual machines and what belongs to them, but for disks and galleries.
    pub const COMPUTE: &str = "2025-04-01";
    /// Disks.
    pub const DISKS: &str = "2025-01-02";
    /// Networks.
    pub const NETWORK: &str = "2024-10-01";
    /// Resource groups.
    pub const RESOURCES: &str = "2025-04-01";
    /// Managed identities.
    pub const IDENTITY: &str = "2024-11-30";
    /// Storage accounts and what belongs to them.
    pub const STORAGE: &str = "2025-06-01";
    /// Agreements of the marketplace.
    pub const MARKETPLACE: &str = "2021-01-01";
}

/// A request about a resource, or below it.
pub fn request(
    operation: &'static str,
    family: &'static str,
    method: Method,
    id: &ResourceId,
    version: &str,
) -> RestRequest {
    RestRequest::new(operation, family, method).path(&id.to_string()).query("api-version", version)
}

/// Another resource, by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubResource {
    /// The id.
    pub id: String,
}

impl SubResource {
    /// The resource of this id.
    pub fn of(id: &ResourceId) -> Self {
        Self { id: id.to_string() }
    }
}

/// Azure writes `null` for what is empty.
pub(crate) fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A list's reply: `{"value": […], "nextLink": "https://…"}`.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned", rename_all = "camelCase")]
struct List<T> {
    value: Vec<T>,
    #[serde(default)]
    next_link: Option<String>,
}

/// An operation that answers one page of a list.
pub fn list<T: DeserializeOwned>(request: RestRequest) -> Operation<Page<T>> {
    Operation::new(request, page)
}

fn page<T: DeserializeOwned>(reply: &Response<Bytes>) -> Result<Page<T>> {
    let list: List<T> = json(reply)?;
    Ok(Page::new(list.value, list.next_link))
}

/// Every request that this crate can make, with every parameter set.
pub fn samples() -> Vec<RestRequest> {
    [
        blob_containers::samples(),
        disks::samples(),
        identities::samples(),
        images::samples(),
        load_balancers::samples(),
        management_policies::samples(),
        marketplace::samples(),
        nat_gateways::samples(),
        network_interfaces::samples(),
        public_ip_addresses::samples(),
        resource_groups::samples(),
        resources::samples(),
        route_tables::samples(),
        security_groups::samples(),
        storage_accounts::samples(),
        subnets::samples(),
        virtual_machines::samples(),
        virtual_networks::samples(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_empty_or_go_on() {
        let read = |body: &'static str| page::<u8>(&Response::new(Bytes::from_static(body.as_bytes())));
        let page = read(r#"{"value":[1,2],"nextLink":"https://x/?$skiptoken=3"}"#).unwrap();
        assert_eq!((page.items, page.next.as_deref()), (vec![1, 2], Some("https://x/?$skiptoken=3")));
        let page = read(r#"{"value":[],"nextLink":null}"#).unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
        assert!(read("{}").is_err(), "what cannot be read is not an empty list");
    }

    #[test]
    fn every_sample_is_of_another_operation_or_other_parameters() {
        let samples = samples();
        for (index, sample) in samples.iter().enumerate() {
            assert!(!samples[..index].contains(sample), "{sample:?} is there twice");
            assert!(sample.query.iter().any(|(key, _)| key == "api-version"), "{sample:?}");
        }
    }
}
