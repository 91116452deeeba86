//! Gateway endpoints of VPCs
//! ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html)).

use std::fmt::Display;

use bytes::Bytes;
use gardener_provider_client::pages::Page;
use gardener_provider_core::{Error, Result};
use http::{Response, StatusCode};
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, element, idempotent, page, with_token},
    query::{self, Form},
    tags::{self, Tags},
};

/// An endpoint of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VpcEndpoint {
    /// The id.
    pub vpc_endpoint_id: String,
    /// `Gateway`, `Interface`, …
    pub vpc_endpoint_type: String,
    /// The VPC.
    pub vpc_id: String,
    /// The service: `com.amazonaws.<region>.<name>`.
    pub service_name: String,
    /// `available`, `deleting`, …; some replies capitalize it.
    pub state: String,
    /// The route tables that lead to it.
    #[serde(rename = "routeTableIdSet", deserialize_with = "query::items")]
    pub route_tables: Vec<String>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

impl VpcEndpoint {
    /// True unless it is on its way out.
    pub fn is_alive(&self) -> bool {
        !["deleting", "deleted", "failed", "rejected", "expired"]
            .contains(&self.state.to_lowercase().as_str())
    }
}

/// Finds endpoints.
pub fn describe_vpc_endpoints(query: &Query) -> Operation<Page<VpcEndpoint>> {
    let request = query.request("DescribeVpcEndpoints", "VpcEndpointId", Some(1000));
    Operation::new(request, page!("vpcEndpointSet", VpcEndpoint))
}

/// Makes a gateway endpoint that these route tables lead to.
pub fn create_gateway_endpoint<T: Display>(
    vpc: &str,
    service: &str,
    route_tables: &[T],
    tags: &Tags,
    token: &str,
) -> Operation<VpcEndpoint> {
    let form = Form::new()
        .put("VpcEndpointType", "Gateway")
        .put("VpcId", vpc)
        .put("ServiceName", service)
        .list("RouteTableId", route_tables)
        .tag_specification("vpc-endpoint", tags);
    Operation::new(with_token(form, "CreateVpcEndpoint", token), element!("vpcEndpoint", VpcEndpoint))
}

/// Lets further route tables lead to an endpoint, and others no longer.
pub fn modify_vpc_endpoint<T: Display>(id: &str, add: &[T], remove: &[T]) -> Operation<()> {
    let form =
        Form::new().put("VpcEndpointId", id).list("AddRouteTableId", add).list("RemoveRouteTableId", remove);
    Operation::new(idempotent(form, "ModifyVpcEndpoint"), query::nothing)
}

/// Deletes endpoints. EC2 answers success and lists those that it did not delete: the first is the error.
pub fn delete_vpc_endpoints(ids: &[&str]) -> Operation<()> {
    Operation::new(idempotent(Form::new().list("VpcEndpointId", ids), "DeleteVpcEndpoints"), unsuccessful)
}

fn unsuccessful(reply: &Response<Bytes>) -> Result<()> {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        #[serde(default, deserialize_with = "query::items")]
        unsuccessful: Vec<Item>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Item {
        #[serde(default)]
        resource_id: String,
        error: Cause,
    }
    #[derive(Debug, Deserialize)]
    struct Cause {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let read: Reply = query::xml(reply)?;
    match read.unsuccessful.into_iter().next() {
        None => Ok(()),
        Some(item) => {
            let kind = crate::errors::kind(&item.error.code, StatusCode::BAD_REQUEST);
            let message = format!("{}: {}", item.resource_id, item.error.message);
            Err(Error::new(kind, message).with_cloud_code(item.error.code))
        }
    }
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    vec![
        describe_vpc_endpoints(&Query::sample()).request,
        describe_vpc_endpoints(&Query::ids(["vpce-1"])).request,
        create_gateway_endpoint("vpc-1", "com.amazonaws.eu-west-1.s3", &["rtb-1"], &tags, "token").request,
        modify_vpc_endpoint("vpce-1", &["rtb-1"], &["rtb-2"]).request,
        delete_vpc_endpoints(&["vpce-1"]).request,
    ]
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::ErrorKind;

    use super::*;

    #[test]
    fn a_deletion_that_partly_failed_is_an_error() {
        let reply = |body: &'static str| Response::new(Bytes::from_static(body.as_bytes()));
        assert!(unsuccessful(&reply("<R><unsuccessful/></R>")).is_ok());
        let error = unsuccessful(&reply(
            "<R><unsuccessful><item><resourceId>vpce-1</resourceId><error><code>InvalidVpcEndpointId.NotFound</code>
             <message>gone</message></error></item></unsuccessful></R>",
        ));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
