//! NAT gateways ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html)).

use gardener_provider_client::pages::Page;
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, element, idempotent, page, with_token},
    query::{self, Form},
    tags::{self, Tags},
};

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NatGateway {
    /// The id.
    pub nat_gateway_id: String,
    /// `pending`, `available`, `failed`, `deleting` or `deleted`; deleted ones are shown for about an hour.
    pub state: String,
    /// Why it failed.
    #[serde(deserialize_with = "query::text")]
    pub failure_message: Option<String>,
    /// The VPC.
    pub vpc_id: String,
    /// The subnet.
    pub subnet_id: String,
    /// The addresses.
    #[serde(rename = "natGatewayAddressSet", deserialize_with = "query::items")]
    pub addresses: Vec<NatAddress>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// An address of a NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NatAddress {
    /// The elastic IP.
    #[serde(deserialize_with = "query::text")]
    pub allocation_id: Option<String>,
    /// The address, once it is associated.
    #[serde(deserialize_with = "query::text")]
    pub public_ip: Option<String>,
}

impl NatGateway {
    /// True unless it is on its way out; a failed one is still there.
    pub fn is_present(&self) -> bool {
        !matches!(self.state.as_str(), "deleting" | "deleted")
    }

    /// True if it works or will.
    pub fn is_alive(&self) -> bool {
        matches!(self.state.as_str(), "pending" | "available")
    }
}

/// Finds NAT gateways, deleted ones too unless filtered by `state`.
pub fn describe_nat_gateways(query: &Query) -> Operation<Page<NatGateway>> {
    let request = query.request("DescribeNatGateways", "NatGatewayId", Some(1000));
    Operation::new(request, page!("natGatewaySet", NatGateway))
}

/// Makes a NAT gateway with an elastic IP.
pub fn create_nat_gateway(subnet: &str, allocation: &str, tags: &Tags, token: &str) -> Operation<NatGateway> {
    let form = Form::new()
        .put("SubnetId", subnet)
        .put("AllocationId", allocation)
        .tag_specification("natgateway", tags);
    Operation::new(with_token(form, "CreateNatGateway", token), element!("natGateway", NatGateway))
}

/// Begins to delete it.
pub fn delete_nat_gateway(id: &str) -> Operation<()> {
    Operation::new(idempotent(Form::new().put("NatGatewayId", id), "DeleteNatGateway"), query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    vec![
        describe_nat_gateways(&Query::sample()).request,
        describe_nat_gateways(&Query::ids(["nat-1"])).request,
        create_nat_gateway("subnet-1", "eipalloc-1", &tags, "token").request,
        delete_nat_gateway("nat-1").request,
    ]
}
