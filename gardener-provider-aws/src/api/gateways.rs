//! Internet gateways and egress-only internet gateways
//! ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInternetGateway.html)).

use gardener_provider_client::pages::Page;
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, element, idempotent, once, page, with_token},
    query::{self, Form},
    tags::{self, Tags},
};

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InternetGateway {
    /// The id.
    pub internet_gateway_id: String,
    /// The VPC it is attached to.
    #[serde(rename = "attachmentSet", deserialize_with = "query::items")]
    pub attachments: Vec<Attachment>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// An egress-only internet gateway: IPv6 outward.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EgressOnlyGateway {
    /// The id.
    pub egress_only_internet_gateway_id: String,
    /// The VPC it is attached to.
    #[serde(rename = "attachmentSet", deserialize_with = "query::items")]
    pub attachments: Vec<Attachment>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// A gateway on a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    /// The VPC.
    pub vpc_id: String,
    /// `available` or `attached`, `attaching`, `detaching`, `detached`.
    pub state: String,
}

impl Attachment {
    /// True if it is attached or will be.
    pub fn is_alive(&self) -> bool {
        matches!(self.state.as_str(), "available" | "attached" | "attaching")
    }
}

/// Finds internet gateways.
pub fn describe_internet_gateways(query: &Query) -> Operation<Page<InternetGateway>> {
    let request = query.request("DescribeInternetGateways", "InternetGatewayId", Some(1000));
    Operation::new(request, page!("internetGatewaySet", InternetGateway))
}

/// Makes an internet gateway.
pub fn create_internet_gateway(tags: &Tags) -> Operation<InternetGateway> {
    let form = Form::new().tag_specification("internet-gateway", tags);
    Operation::new(once(form, "CreateInternetGateway"), element!("internetGateway", InternetGateway))
}

/// Attaches it to a VPC.
pub fn attach_internet_gateway(id: &str, vpc: &str) -> Operation<()> {
    let form = Form::new().put("InternetGatewayId", id).put("VpcId", vpc);
    Operation::new(idempotent(form, "AttachInternetGateway"), query::nothing)
}

/// Detaches it. Addresses in use in the VPC stand in the way: `DependencyViolation`.
pub fn detach_internet_gateway(id: &str, vpc: &str) -> Operation<()> {
    let form = Form::new().put("InternetGatewayId", id).put("VpcId", vpc);
    Operation::new(idempotent(form, "DetachInternetGateway"), query::nothing)
}

/// Deletes it.
pub fn delete_internet_gateway(id: &str) -> Operation<()> {
    let form = Form::new().put("InternetGatewayId", id);
    Operation::new(idempotent(form, "DeleteInternetGateway"), query::nothing)
}

/// Finds egress-only internet gateways.
pub fn describe_egress_only_gateways(query: &Query) -> Operation<Page<EgressOnlyGateway>> {
    let request =
        query.request("DescribeEgressOnlyInternetGateways", "EgressOnlyInternetGatewayId", Some(255));
    Operation::new(request, page!("egressOnlyInternetGatewaySet", EgressOnlyGateway))
}

/// Makes an egress-only internet gateway on a VPC.
pub fn create_egress_only_gateway(vpc: &str, tags: &Tags, token: &str) -> Operation<EgressOnlyGateway> {
    let form = Form::new().put("VpcId", vpc).tag_specification("egress-only-internet-gateway", tags);
    let parse = element!("egressOnlyInternetGateway", EgressOnlyGateway);
    Operation::new(with_token(form, "CreateEgressOnlyInternetGateway", token), parse)
}

/// Deletes it.
pub fn delete_egress_only_gateway(id: &str) -> Operation<()> {
    let form = Form::new().put("EgressOnlyInternetGatewayId", id);
    Operation::new(idempotent(form, "DeleteEgressOnlyInternetGateway"), query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    vec![
        describe_internet_gateways(&Query::sample()).request,
        describe_internet_gateways(&Query::ids(["igw-1"])).request,
        create_internet_gateway(&tags).request,
        attach_internet_gateway("igw-1", "vpc-1").request,
        detach_internet_gateway("igw-1", "vpc-1").request,
        delete_internet_gateway("igw-1").request,
        describe_egress_only_gateways(&Query::sample()).request,
        describe_egress_only_gateways(&Query::ids(["eigw-1"])).request,
        create_egress_only_gateway("vpc-1", &tags, "token").request,
        delete_egress_only_gateway("eigw-1").request,
    ]
}
