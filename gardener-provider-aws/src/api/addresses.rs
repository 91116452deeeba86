//! Elastic IP addresses
//! ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html)).

use gardener_provider_client::pages::Page;
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, idempotent, once, page},
    query::{self, Form},
    tags::{self, Tags},
};

/// An elastic IP address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    /// The id.
    pub allocation_id: String,
    /// The address.
    pub public_ip: String,
    /// Set while something uses it.
    #[serde(deserialize_with = "query::text")]
    pub association_id: Option<String>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// Finds addresses. There are no pages.
pub fn describe_addresses(query: &Query) -> Operation<Page<Address>> {
    Operation::new(query.request("DescribeAddresses", "AllocationId", None), page!("addressesSet", Address))
}

/// Takes a new address.
pub fn allocate_address(tags: &Tags) -> Operation<Address> {
    let form = Form::new().put("Domain", "vpc").tag_specification("elastic-ip", tags);
    Operation::new(once(form, "AllocateAddress"), query::xml::<Address>)
}

/// Gives an address back.
pub fn release_address(allocation: &str) -> Operation<()> {
    Operation::new(idempotent(Form::new().put("AllocationId", allocation), "ReleaseAddress"), query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    vec![
        describe_addresses(&Query { next: None, ..Query::sample() }).request,
        describe_addresses(&Query::ids(["eipalloc-1"])).request,
        allocate_address(&tags).request,
        release_address("eipalloc-1").request,
    ]
}
