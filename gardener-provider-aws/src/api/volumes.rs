//! Volumes ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html)).

use gardener_provider_client::{call::Idempotency, pages::Page};
use serde::Deserialize;

use super::{
    ApiRequest, Operation, family,
    query::{Filter, Form, items, nothing, text, xml},
    tags::{self, Tags},
};
use crate::endpoints::Service;

/// A volume, as far as anybody here looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    pub volume_id: String,
    /// `creating`, `available`, `in-use`, `deleting`, `deleted` or `error`.
    pub status: String,
    #[serde(rename = "attachmentSet", deserialize_with = "items")]
    pub attachments: Vec<Attachment>,
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

/// One page of the volumes that match all filters.
pub fn describe_volumes(filters: &[Filter], token: Option<&str>) -> Operation<Page<Volume>> {
    let request = Form::new().filters(filters).opt("NextToken", token).put("MaxResults", 500).request(
        Service::Ec2,
        "DescribeVolumes",
        family::EC2_READ,
        Idempotency::Safe,
    );
    Operation::new(request, |reply| {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Reply {
            #[serde(default, deserialize_with = "items")]
            volume_set: Vec<Volume>,
            #[serde(default, deserialize_with = "text")]
            next_token: Option<String>,
        }
        let reply: Reply = xml(reply)?;
        Ok(Page::new(reply.volume_set, reply.next_token))
    })
}

/// Deletes a volume that is attached nowhere.
pub fn delete_volume(id: &str) -> Operation<()> {
    let request = Form::new().put("VolumeId", id).request(
        Service::Ec2,
        "DeleteVolume",
        family::EC2_WRITE,
        Idempotency::Idempotent,
    );
    Operation::new(request, nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    vec![describe_volumes(&[Filter::tag("Name", "m")], Some("token")).request, delete_volume("vol-1").request]
}
