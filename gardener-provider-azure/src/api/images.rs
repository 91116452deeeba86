//! Images of the marketplace.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/compute/virtual-machine-images?view=rest-compute-2025-04-01>

use std::fmt;

use http::Method;
use serde::Deserialize;

use super::{Operation, RestRequest, family, version, virtual_machines::Plan};

/// Which image: `publisher:offer:sku:version`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Urn {
    /// Who offers it.
    pub publisher: String,
    /// The offer.
    pub offer: String,
    /// The edition.
    pub sku: String,
    /// The version, or `latest`.
    pub version: String,
}

impl Urn {
    /// Reads a URN of four parts; none if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(':').map(str::trim).collect();
        match parts.as_slice() {
            [publisher, offer, sku, version] if parts.iter().all(|part| !part.is_empty()) => Some(Self {
                publisher: (*publisher).to_owned(),
                offer: (*offer).to_owned(),
                sku: (*sku).to_owned(),
                version: (*version).to_owned(),
            }),
            _ => None,
        }
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.publisher, self.offer, self.sku, self.version)
    }
}

/// An image of the marketplace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Image {
    /// The id.
    pub id: String,
    /// The version.
    pub name: String,
    /// All else.
    pub properties: Properties,
}

/// Most of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// What has to be bought with it.
    pub plan: Option<Plan>,
}

fn versions(operation: &'static str, subscription: &str, location: &str, urn: &Urn) -> RestRequest {
    RestRequest::new(operation, family::READ, Method::GET)
        .segments(["subscriptions", subscription, "providers", "Microsoft.Compute", "locations", location])
        .segments(["publishers", &urn.publisher, "artifacttypes", "vmimage", "offers", &urn.offer])
        .segments(["skus", &urn.sku, "versions"])
}

/// Reads an image.
pub fn get(subscription: &str, location: &str, urn: &Urn) -> Operation<Image> {
    let request = versions("VirtualMachineImages_Get", subscription, location, urn);
    Operation::json(request.segments([&urn.version]).query("api-version", version::COMPUTE))
}

/// The newest version of an image, alone in a list.
pub fn latest(subscription: &str, location: &str, urn: &Urn) -> Operation<Vec<Image>> {
    let request = versions("VirtualMachineImages_List", subscription, location, urn);
    let request = request.query("$top", 1).query("$orderby", "name desc");
    Operation::json(request.query("api-version", version::COMPUTE))
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let subscription = "01234567-89ab-cdef-0123-456789abcdef";
    let urn = Urn {
        publisher: "sap".to_owned(),
        offer: "gardenlinux".to_owned(),
        sku: "greatest".to_owned(),
        version: "1443.3.0".to_owned(),
    };
    vec![get(subscription, "westeurope", &urn).request, latest(subscription, "westeurope", &urn).request]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_urn_has_four_parts() {
        let urn = Urn::parse("sap:gardenlinux:greatest:1443.3.0").unwrap();
        assert_eq!((urn.publisher.as_str(), urn.version.as_str()), ("sap", "1443.3.0"));
        for bad in ["", "a:b:c", "a:b:c:", "a:b:c:d:e", ":b:c:d"] {
            assert_eq!(Urn::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_image_is_addressed_by_its_urn() {
        let path = "/subscriptions/01234567-89ab-cdef-0123-456789abcdef/providers/Microsoft.Compute/locations/westeurope\
            /publishers/sap/artifacttypes/vmimage/offers/gardenlinux/skus/greatest/versions/1443.3.0";
        assert_eq!(samples()[0].path, path);
    }

    #[test]
    fn a_plan_is_there_or_not() {
        let image: Image = serde_json::from_str(
            r#"{"id":"/i","name":"1","properties":{"plan":{"name":"p","product":"o","publisher":"s"}}}"#,
        )
        .unwrap();
        assert_eq!(image.properties.plan.unwrap().product, "o");
        let image: Image = serde_json::from_str(r#"{"id":"/i","properties":{"plan":null}}"#).unwrap();
        assert_eq!(image.properties.plan, None);
    }
}
