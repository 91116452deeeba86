//! Load balancers that a cluster leaves behind: classic
//! ([reference](https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/)) and second generation
//! ([reference](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/)).

use std::fmt::Display;

use gardener_provider_client::{call::Idempotency, pages::Page};
use serde::Deserialize;

use super::{
    ApiRequest, Operation, family,
    query::{self, Form},
    tags::{self, Tags},
};
use crate::endpoints::Service;

/// How many load balancers one `DescribeTags` takes.
pub const TAGS_AT_ONCE: usize = 20;

/// A classic load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ClassicLoadBalancer {
    /// The name; it is the id.
    pub load_balancer_name: String,
    /// The VPC.
    #[serde(rename = "VPCId", deserialize_with = "query::text")]
    pub vpc_id: Option<String>,
}

/// A load balancer of the second generation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LoadBalancer {
    /// The ARN.
    pub load_balancer_arn: String,
    /// The name.
    pub load_balancer_name: String,
    /// The VPC.
    #[serde(deserialize_with = "query::text")]
    pub vpc_id: Option<String>,
}

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TargetGroup {
    /// The ARN.
    pub target_group_arn: String,
    /// The name.
    pub target_group_name: String,
    /// The VPC.
    #[serde(deserialize_with = "query::text")]
    pub vpc_id: Option<String>,
}

/// The tags of one load balancer or target group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tagged {
    /// The name of a classic load balancer, or the ARN.
    #[serde(alias = "LoadBalancerName", alias = "ResourceArn")]
    pub id: String,
    /// The tags.
    #[serde(deserialize_with = "tags::member_set")]
    pub tags: Tags,
}

fn read(service: Service, form: Form, operation: &'static str) -> ApiRequest {
    form.request(service, operation, family::ELB, Idempotency::Safe)
}

fn delete(service: Service, form: Form, operation: &'static str) -> Operation<()> {
    Operation::new(form.request(service, operation, family::ELB, Idempotency::Idempotent), query::nothing)
}

macro_rules! list {
    ($result:literal, $list:literal, $item:ty) => {
        |reply: &http::Response<bytes::Bytes>| {
            #[derive(Deserialize)]
            struct Reply {
                #[serde(rename = $result)]
                result: Outcome,
            }
            #[derive(Deserialize)]
            struct Outcome {
                #[serde(default = "Vec::new", rename = $list, deserialize_with = "query::members")]
                items: Vec<$item>,
                #[serde(default, rename = "NextMarker", deserialize_with = "query::text")]
                next: Option<String>,
            }
            let read = query::xml::<Reply>(reply)?.result;
            Ok(Page::new(read.items, read.next))
        }
    };
}

/// A page of the classic load balancers in the region. There are no filters.
pub fn describe_classic(marker: Option<&str>) -> Operation<Page<ClassicLoadBalancer>> {
    let form = Form::new().put("PageSize", 400).opt("Marker", marker);
    let parse = list!("DescribeLoadBalancersResult", "LoadBalancerDescriptions", ClassicLoadBalancer);
    Operation::new(read(Service::Elb, form, "DescribeLoadBalancers"), parse)
}

/// The tags of classic load balancers, at most [`TAGS_AT_ONCE`].
pub fn describe_classic_tags<T: Display>(names: &[T]) -> Operation<Page<Tagged>> {
    let form = Form::new().members("LoadBalancerNames", names);
    let parse = list!("DescribeTagsResult", "TagDescriptions", Tagged);
    Operation::new(read(Service::Elb, form, "DescribeTags"), parse)
}

/// Deletes a classic load balancer. There is none: success.
pub fn delete_classic(name: &str) -> Operation<()> {
    delete(Service::Elb, Form::new().put("LoadBalancerName", name), "DeleteLoadBalancer")
}

/// A page of the load balancers of the second generation in the region. There are no filters.
pub fn describe_load_balancers(marker: Option<&str>) -> Operation<Page<LoadBalancer>> {
    let form = Form::new().put("PageSize", 400).opt("Marker", marker);
    let parse = list!("DescribeLoadBalancersResult", "LoadBalancers", LoadBalancer);
    Operation::new(read(Service::ElbV2, form, "DescribeLoadBalancers"), parse)
}

/// A page of the target groups in the region. There are no filters.
pub fn describe_target_groups(marker: Option<&str>) -> Operation<Page<TargetGroup>> {
    let form = Form::new().put("PageSize", 400).opt("Marker", marker);
    let parse = list!("DescribeTargetGroupsResult", "TargetGroups", TargetGroup);
    Operation::new(read(Service::ElbV2, form, "DescribeTargetGroups"), parse)
}

/// The tags of load balancers and target groups of the second generation, at most [`TAGS_AT_ONCE`].
pub fn describe_tags<T: Display>(arns: &[T]) -> Operation<Page<Tagged>> {
    let form = Form::new().members("ResourceArns", arns);
    let parse = list!("DescribeTagsResult", "TagDescriptions", Tagged);
    Operation::new(read(Service::ElbV2, form, "DescribeTags"), parse)
}

/// Deletes a load balancer with its listeners. There is none: success.
pub fn delete_load_balancer(arn: &str) -> Operation<()> {
    delete(Service::ElbV2, Form::new().put("LoadBalancerArn", arn), "DeleteLoadBalancer")
}

/// Deletes a target group that no listener uses. There is none: success.
pub fn delete_target_group(arn: &str) -> Operation<()> {
    delete(Service::ElbV2, Form::new().put("TargetGroupArn", arn), "DeleteTargetGroup")
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    vec![
        describe_classic(Some("marker")).request,
        describe_classic_tags(&["a", "b"]).request,
        delete_classic("a").request,
        describe_load_balancers(Some("marker")).request,
        describe_target_groups(Some("marker")).request,
        describe_tags(&["arn:1", "arn:2"]).request,
        delete_load_balancer("arn:1").request,
        delete_target_group("arn:2").request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn lists_and_tags_are_read() {
        let reply = |body: &'static str| Response::new(Bytes::from_static(body.as_bytes()));
        let page = (describe_classic(None).parse)(&reply(
            "<R><DescribeLoadBalancersResult><LoadBalancerDescriptions><member><LoadBalancerName>a</LoadBalancerName>
             <VPCId>vpc-1</VPCId><Subnets><member>subnet-1</member></Subnets></member></LoadBalancerDescriptions>
             <NextMarker>m</NextMarker></DescribeLoadBalancersResult><ResponseMetadata/></R>",
        ))
        .unwrap();
        assert_eq!(page.items[0].vpc_id.as_deref(), Some("vpc-1"));
        assert_eq!(page.next.as_deref(), Some("m"));
        for xml in [
            "<R><DescribeTagsResult><TagDescriptions><member><LoadBalancerName>a</LoadBalancerName><Tags><member>
             <Key>k</Key><Value>v</Value></member></Tags></member></TagDescriptions></DescribeTagsResult></R>",
            "<R><DescribeTagsResult><TagDescriptions><member><ResourceArn>a</ResourceArn><Tags><member>
             <Value>v</Value><Key>k</Key></member></Tags></member></TagDescriptions></DescribeTagsResult></R>",
        ] {
            let tagged = (describe_tags(&["a"]).parse)(&reply(xml)).unwrap().items;
            assert_eq!((tagged[0].id.as_str(), tagged[0].tags["k"].as_str()), ("a", "v"));
        }
    }
}
