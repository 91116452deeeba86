//! Network interfaces
//! ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html)).

use gardener_provider_client::{call::Idempotency, pages::Page};
use serde::Deserialize;

use super::{
    ApiRequest, Operation, family,
    query::{Filter, Form, items, nothing, text, xml},
    tags::{self, Tags},
};
use crate::endpoints::Service;

/// A network interface, as far as anybody here looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkInterface {
    pub network_interface_id: String,
    pub vpc_id: String,
    pub subnet_id: String,
    /// What it is for, in words.
    pub description: String,
    /// `available`, `associated`, `attaching`, `in-use` or `detaching`.
    pub status: String,
    pub attachment: Attachment,
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// What it is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    #[serde(deserialize_with = "text")]
    pub instance_id: Option<String>,
}

/// One page of the network interfaces that match all filters.
pub fn describe_network_interfaces(
    filters: &[Filter],
    token: Option<&str>,
) -> Operation<Page<NetworkInterface>> {
    let request = Form::new().filters(filters).opt("NextToken", token).put("MaxResults", 1000).request(
        Service::Ec2,
        "DescribeNetworkInterfaces",
        family::EC2_READ,
        Idempotency::Safe,
    );
    Operation::new(request, |reply| {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Reply {
            #[serde(default, deserialize_with = "items")]
            network_interface_set: Vec<NetworkInterface>,
            #[serde(default, deserialize_with = "text")]
            next_token: Option<String>,
        }
        let reply: Reply = xml(reply)?;
        Ok(Page::new(reply.network_interface_set, reply.next_token))
    })
}

/// Lets an interface send and receive packets that are not its own, or not.
pub fn set_source_dest_check(id: &str, on: bool) -> Operation<()> {
    let request = Form::new().put("NetworkInterfaceId", id).put("SourceDestCheck.Value", on).request(
        Service::Ec2,
        "ModifyNetworkInterfaceAttribute",
        family::EC2_WRITE,
        Idempotency::Idempotent,
    );
    Operation::new(request, nothing)
}

/// Delegates this many more IPv6 prefixes to an interface.
pub fn assign_ipv6_prefixes(id: &str, count: u32) -> Operation<()> {
    let request = Form::new().put("NetworkInterfaceId", id).put("Ipv6PrefixCount", count).request(
        Service::Ec2,
        "AssignIpv6Addresses",
        family::EC2_WRITE,
        Idempotency::Once,
    );
    Operation::new(request, nothing)
}

/// Deletes an interface that is attached nowhere.
pub fn delete_network_interface(id: &str) -> Operation<()> {
    let request = Form::new().put("NetworkInterfaceId", id).request(
        Service::Ec2,
        "DeleteNetworkInterface",
        family::EC2_WRITE,
        Idempotency::Idempotent,
    );
    Operation::new(request, nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    vec![
        describe_network_interfaces(&[Filter::tag("Name", "m")], Some("token")).request,
        set_source_dest_check("eni-1", false).request,
        assign_ipv6_prefixes("eni-1", 1).request,
        delete_network_interface("eni-1").request,
    ]
}
