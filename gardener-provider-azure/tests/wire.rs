//! Wire truth: every request that this crate can build, and every reply of the sandbox in its flows, against the
//! descriptions of Azure's own SDK.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use gardener_provider_azure::api;
use gardener_provider_conformance::{
    tools,
    wire::{Wire, on_the_wire},
};
use url::Url;

const PACKAGES: &[&str] = &[
    "arm-compute",
    "arm-marketplaceordering",
    "arm-msi",
    "arm-network",
    "arm-resources",
    "arm-resources-subscriptions",
    "arm-storage",
];

/// The descriptions, or `None` after saying that `name` is skipped.
fn descriptions(name: &str) -> Option<Wire> {
    Some(Wire::arm(&tools::arm(name)?, PACKAGES).expect("the descriptions of Azure's packages"))
}

/// Where the description is known to differ from the service: operation and place, numbers of items left out.
const KNOWN: &[(&str, &str)] = &[
    // The description lists the sizes of some years ago; what there is today is asked for by another call
    // (https://learn.microsoft.com/azure/virtual-machines/sizes/overview).
    ("virtualMachines.createOrUpdate", "properties.hardwareProfile.vmSize"),
];

#[test]
fn every_request_is_as_described() {
    let Some(mut wire) = descriptions("every_request_is_as_described") else { return };
    let base = Url::parse("https://management.azure.com/").unwrap();
    let samples = api::samples();
    let requests = samples.iter().map(|sample| (sample.operation, on_the_wire(sample, &base).unwrap()));
    wire.review_samples(requests, KNOWN).assert_clean();
    println!("{wire}");
}
