//! Wire truth: every request that this crate can build, and every reply of the sandbox in its flows, against Google's
//! discovery documents.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

mod common;

use std::{collections::BTreeSet, sync::Arc};

use common::{account::Operator, machines, storage};
use futures::TryStreamExt;
use gardener_provider_client::{clock::TokioClock, retry::RetryPolicy};
use gardener_provider_conformance::{
    tools,
    wire::{Exchange, Recorder, Wire, flows, on_the_wire},
};
use gardener_provider_core::{
    ClusterId, InfrastructureRequest, IpFamily, ListMachinesRequest, MachineDriverExt, Networking, Provider,
    Region, RunOptions, SecretData,
};
use gardener_provider_gcp::{
    GcpProvider, GcpProviderBuilder,
    api::{self, Operation, family},
    endpoints::Service,
};
use gardener_provider_sandbox::{Sandbox, SandboxOptions};
use serde_json::json;
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

#[test]
fn every_service_is_sampled() {
    let sampled: BTreeSet<_> =
        api::samples().iter().filter_map(|sample| family::service(sample.family)).collect();
    let all = [
        Service::Compute,
        Service::Storage,
        Service::Iam,
        Service::OAuth,
        Service::Sts,
        Service::IamCredentials,
    ];
    for service in all.into_iter().chain([Service::Metadata]) {
        assert!(sampled.contains(&service), "no sample of {service}");
    }
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
        let key = sandbox.gcp().service_account_key();
        let secret = SecretData::new()
            .with("serviceaccount.json", key.to_json().expose().as_str())
            .with("userData", "#!/bin/sh\ntrue");
        Self { recorder: Recorder::new(Arc::new(sandbox.clone())), sandbox, clock, secret }
    }

    fn builder(&self) -> GcpProviderBuilder {
        GcpProvider::builder()
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
        let session = sessions.get(&self.secret).unwrap();
        for sample in api::samples() {
            let _ = session.run(&Operation::new(sample, |_| Ok(()))).await;
        }
    }

    /// The life of a machine, its creation joined, its disks left behind.
    async fn machines(&self) {
        // What an operator does is not ours.
        let operator = Operator::new(self.builder().transport(Arc::new(self.sandbox.clone())), &self.secret);
        operator.give_a_network().await;
        let samples = machines::samples(self.secret.clone());
        let (first, second) = (samples.request(1), samples.request(2));
        let driver = self.provider().machines;
        let (one, other) =
            futures::future::join(driver.create_machine(&first), driver.create_machine(&first)).await;
        assert_eq!(one.unwrap().provider_id, other.unwrap().provider_id);
        driver.get_machine_status(&first).await.unwrap();
        driver.create_machine(&second).await.unwrap();
        let list = ListMachinesRequest::new(samples.class.clone(), self.secret.clone());
        assert_eq!(driver.all_machines(list).await.unwrap().len(), 2);
        operator.keep_disks(second.machine.name.as_str()).await;
        for request in [&first, &second] {
            driver.delete_machine(request).await.unwrap();
            driver.delete_machine(request).await.unwrap();
        }
        operator.take_the_network().await;
    }

    async fn infrastructure(&self) {
        let config = json!({
            "apiVersion": "gcp.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "networks": {
                "workers": "10.250.0.0/19",
                "internal": "10.251.0.0/24",
                "cloudNAT": { "minPortsPerVM": 128, "icmpIdleTimeoutSec": 31 },
                "flowLogs": { "aggregationInterval": "INTERVAL_5_SEC", "flowSampling": 0.25, "metadata": "INCLUDE_ALL_METADATA" },
                "mtu": 1500,
            },
        });
        let mut networking = Networking::default().with_ip_families([IpFamily::V4, IpFamily::V6]);
        networking.nodes = Some("10.250.0.0/16".to_owned());
        networking.pods = Some("100.64.0.0/12".to_owned());
        networking.services = Some("100.104.0.0/13".to_owned());
        let cluster = ClusterId::new("shoot--a--wire").unwrap();
        let request = InfrastructureRequest::new(cluster, region(), config, self.secret.clone())
            .with_networking(networking);
        let driver = self.provider().infrastructure;
        driver.plan(&request).await.unwrap();
        driver.apply(&request, &RunOptions::default()).await.unwrap();
        driver.apply(&request, &RunOptions::default()).await.unwrap();
        driver.get(&request).await.unwrap();
        driver.list(request.clone()).try_collect::<Vec<_>>().await.unwrap();
        driver.destroy(&request, &RunOptions::default()).await.unwrap();
    }
}

fn region() -> Region {
    Region::new("europe-west1").unwrap()
}

/// Where the description is known to differ from the service: operation and place, numbers of items left out.
const KNOWN: &[(&str, &str)] = &[
    // Errors of token exchanges are OAuth's (https://datatracker.ietf.org/doc/html/rfc6749#section-5.2).
    ("sts.token", "error.code"),
    ("sts.token", "error.message"),
];

/// Tokens, the metadata server, the data of buckets in the XML API, and the sessions of resumable uploads, whose addresses
/// the server gives (<https://cloud.google.com/storage/docs/performing-resumable-uploads>): discovery describes none of them.
fn has_a_document(exchange: &Exchange) -> bool {
    let uri = exchange.request.uri();
    let host = uri.host().unwrap_or_default();
    let xml = host == "storage.googleapis.com" && !uri.path().contains("/storage/v1/");
    let session = uri.query().is_some_and(|query| query.contains("upload_id="));
    !host.starts_with("oauth2.") && !host.starts_with("metadata.") && !xml && !session
}

#[tokio::test(start_paused = true)]
async fn every_reply_of_the_sandbox_is_as_described() {
    let Some(mut wire) = descriptions("every_reply_of_the_sandbox_is_as_described") else { return };
    let lab = Lab::new();
    lab.machines().await;
    lab.infrastructure().await;
    flows::buckets(&lab.provider(), &storage::samples(&lab.secret)).await.unwrap();
    lab.samples().await;
    let (described, others): (Vec<_>, Vec<_>) = lab.recorder.take().into_iter().partition(has_a_document);
    let review = wire.review_exchanges(&described, KNOWN);
    let sampled: BTreeSet<_> = api::samples().iter().map(|sample| sample.operation).collect();
    let called = wire.operations().iter().map(|(_, operation)| operation.as_str());
    let unsampled: Vec<_> = called.filter(|operation| !sampled.contains(operation)).collect();
    assert_eq!(unsampled, Vec::<&str>::new(), "called without a sample");
    println!(
        "{wire}, {} of them with a reply of success; {} exchanges that no document describes",
        review.successful.len(),
        others.len()
    );
    review.assert_clean();
}
