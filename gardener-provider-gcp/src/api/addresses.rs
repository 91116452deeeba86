//! Reserved addresses of a region
//! ([compute.addresses](https://cloud.google.com/compute/docs/reference/rest/v1/addresses)).

use serde::Deserialize;

use super::{Operation, RestRequest, compute};

/// A reserved address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Address {
    /// Its name, unique in the project's region.
    pub name: String,
    /// Its URL.
    pub self_link: String,
    /// The address.
    pub address: String,
    /// `EXTERNAL` or `INTERNAL`; external if it is not told.
    pub address_type: Option<String>,
    /// The URLs of what uses it.
    pub users: Vec<String>,
}

/// The address of this name.
pub fn get_address(project: &str, region: &str, name: &str) -> Operation<Address> {
    let request = compute("compute.addresses.get", project);
    Operation::json(request.segments(["regions", region, "addresses", name]))
}

pub(super) fn samples() -> Vec<RestRequest> {
    vec![get_address("p", "r", "a").request]
}
