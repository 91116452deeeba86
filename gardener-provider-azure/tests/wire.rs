//! Wire truth: every request that this crate can build, and every reply of the sandbox in its flows, against the
//! descriptions of Azure's own SDK.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

mod common;

use std::sync::Arc;

use common::{machines, operator::Operator, storage};
use futures::TryStreamExt;
use gardener_provider_azure::{
    AzureProvider, AzureProviderBuilder,
    api::{self, Operation},
    endpoints::Cloud,
};
use gardener_provider_client::{clock::TokioClock, retry::RetryPolicy};
use gardener_provider_conformance::{
    tools,
    wire::{Exchange, Recorder, Wire, flows, on_the_wire},
};
use gardener_provider_core::{
    ClusterId, InfrastructureRequest, Networking, Provider, Region, RunOptions, SecretData,
};
use gardener_provider_sandbox::{Sandbox, SandboxOptions};
use serde_json::json;
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
    ("virtualMachines.get", "properties.hardwareProfile.vmSize"),
    ("virtualMachines.update", "properties.hardwareProfile.vmSize"),
    ("virtualMachines.list", "value.properties.hardwareProfile.vmSize"),
    // In capitals in what the real cloud was recorded to say.
    ("storageAccounts.listKeys", "keys.permissions"),
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

/// The sandbox behind a recorder.
struct Lab {
    sandbox: Sandbox,
    recorder: Recorder,
    clock: TokioClock,
    secret: SecretData,
}

impl Lab {
    fn new() -> Self {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(SandboxOptions::default().with_clock(Arc::new(clock)));
        let (options, client) = (sandbox.azure().options(), sandbox.azure().client());
        let secret = SecretData::new()
            .with("clientID", client.id.as_str())
            .with("clientSecret", client.secret.unwrap().expose().as_str())
            .with("tenantID", options.tenant.as_str())
            .with("subscriptionID", options.subscriptions[0].as_str())
            .with("userData", "#!/bin/sh\ntrue");
        Self { recorder: Recorder::new(Arc::new(sandbox.clone())), sandbox, clock, secret }
    }

    fn builder(&self) -> AzureProviderBuilder {
        AzureProvider::builder()
            .transport(Arc::new(self.recorder.clone()))
            .clock(Arc::new(self.clock))
            .rates(Vec::new())
            .seed(1)
    }

    fn provider(&self) -> Provider {
        self.builder().build().unwrap()
    }

    /// Every request there is, most of them about things that do not exist.
    async fn samples(&self) {
        let sessions = self.builder().retry(RetryPolicy::none()).sessions().unwrap();
        let session = sessions.get(&self.secret, Cloud::Public).unwrap();
        for sample in api::samples() {
            let _ = session.run(&Operation::new(sample, |_| Ok(()))).await;
        }
    }

    async fn machines(&self) {
        // What an operator does is not ours.
        let builder = self.builder().transport(Arc::new(self.sandbox.clone()));
        Operator::new(builder, &self.secret).network(machines::CLUSTER).await;
        flows::machines(&self.provider(), &machines::machines(self.secret.clone())).await.unwrap();
    }

    async fn infrastructure(&self) {
        let zone = |number: u32| {
            json!({
                "name": number,
                "cidr": format!("10.250.{}.0/19", (number - 1) * 32),
                "natGateway": { "enabled": true },
                "serviceEndpoints": ["Microsoft.Storage"],
            })
        };
        let config = json!({
            "apiVersion": "azure.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "zoned": true,
            "networks": { "vnet": { "cidr": "10.250.0.0/16" }, "zones": [zone(1), zone(2)] },
        });
        let single = json!({
            "apiVersion": "azure.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "zoned": true,
            "networks": { "vnet": { "cidr": "10.250.0.0/16" }, "workers": "10.250.0.0/19" },
        });
        for (cluster, config) in [("shoot--a--wire", config), ("shoot--a--single", single)] {
            let cluster = ClusterId::new(cluster).unwrap();
            let request = InfrastructureRequest::new(cluster, region(), config, self.secret.clone())
                .with_networking(Networking::default());
            let driver = self.provider().infrastructure;
            driver.plan(&request).await.unwrap();
            driver.apply(&request, &RunOptions::default()).await.unwrap();
            driver.apply(&request, &RunOptions::default()).await.unwrap();
            driver.get(&request).await.unwrap();
            driver.list(request.clone()).try_collect::<Vec<_>>().await.unwrap();
            driver.destroy(&request, &RunOptions::default()).await.unwrap();
        }
    }
}

fn region() -> Region {
    Region::new("westeurope").unwrap()
}

/// Tokens and the data of storage accounts are not Resource Manager's.
fn is_resource_manager(exchange: &Exchange) -> bool {
    exchange.request.uri().host() == Some("management.azure.com")
}

#[tokio::test(start_paused = true)]
async fn every_reply_of_the_sandbox_is_as_described() {
    let Some(mut wire) = descriptions("every_reply_of_the_sandbox_is_as_described") else { return };
    let lab = Lab::new();
    lab.machines().await;
    lab.infrastructure().await;
    flows::buckets(&lab.provider(), &storage::samples(&lab.secret)).await.unwrap();
    lab.samples().await;
    let (described, others): (Vec<_>, Vec<_>) =
        lab.recorder.take().into_iter().partition(is_resource_manager);
    let review = wire.review_exchanges(&described, KNOWN);
    println!(
        "{wire}, {} of them with a reply of success; {} exchanges with other services",
        review.successful.len(),
        others.len()
    );
    review.assert_clean();
}
