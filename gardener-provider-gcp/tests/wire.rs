//! Wire truth: every request that this crate can build, and every reply of the sandbox in its flows, against Google's
//! discovery documents.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use gardener_provider_conformance::{
    tools,
    wire::{Wire, on_the_wire},
};
use gardener_provider_gcp::{
    api::{self, family},
    endpoints::Service,
};
use url::Url;

const DOCUMENTS: &[&str] = &["compute.v1", "iam.v1", "iamcredentials.v1", "storage.v1", "sts.v1"];

/// The documents, or `None` after saying that `name` is skipped.
fn descriptions(name: &str) -> Option<Wire> {
    Some(Wire::discovery(&tools::discovery(name)?, DOCUMENTS).expect("Google's discovery documents"))
}

/// Token endpoints and the metadata server have no discovery document.
fn is_described(service: Service) -> bool {
    !matches!(service, Service::OAuth | Service::Metadata)
}

#[test]
fn every_request_is_as_described() {
    let Some(mut wire) = descriptions("every_request_is_as_described") else { return };
    let samples = api::samples();
    let services = samples.iter().map(|sample| (sample, family::service(sample.family).unwrap()));
    let described = services.filter(|(_, service)| is_described(*service));
    let requests = described.map(|(sample, service)| {
        let base = Url::parse(service.public_url()).unwrap();
        (sample.operation, on_the_wire(sample, &base).unwrap())
    });
    wire.review_samples(requests, &[]).assert_clean();
    println!("{wire}");
}
