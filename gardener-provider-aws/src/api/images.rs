//! Machine images ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html)).

use gardener_provider_client::call::Idempotency;
use serde::Deserialize;

use super::{
    ApiRequest, Operation, family,
    query::{Filter, Form, items, text, xml},
};
use crate::endpoints::Service;

/// An image, as far as anybody here looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Image {
    pub image_id: String,
    /// The device name of the disk that the image starts from.
    #[serde(deserialize_with = "text")]
    pub root_device_name: Option<String>,
}

/// The image of this id; none if there is no such image, as a filter does not fail.
pub fn describe_image(id: &str) -> Operation<Vec<Image>> {
    let request = Form::new().filters(&[Filter::is("image-id", id)]).put("IncludeDeprecated", true).request(
        Service::Ec2,
        "DescribeImages",
        family::EC2_READ,
        Idempotency::Safe,
    );
    Operation::new(request, |reply| {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Reply {
            #[serde(default, deserialize_with = "items")]
            images_set: Vec<Image>,
        }
        xml::<Reply>(reply).map(|reply| reply.images_set)
    })
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    vec![describe_image("ami-1").request]
}
