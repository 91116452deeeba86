//! The conformance suite on the sandbox, in process.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{describe, machines, operator::Operator, samples, storage};
use gardener_provider_azure::{AzureProvider, AzureProviderBuilder, bucket_config::storage_account_of};
use gardener_provider_client::{clock::TokioClock, transport::Transport};
use gardener_provider_conformance::{
    self as conformance, InfrastructureSamples, Knob, MachineSamples, Secrets, StorageSamples, Tap, Testbed,
    World,
};
use gardener_provider_core::{CloudResource, Provider, SecretData};
use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions};

#[derive(Debug)]
struct OnSandbox;

#[async_trait]
impl Testbed for OnSandbox {
    fn name(&self) -> String {
        "azure on the sandbox".to_owned()
    }

    async fn fresh(&self) -> Box<dyn World> {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(SandboxOptions::default().with_clock(Arc::new(clock)));
        Box::new(Subscription { sandbox, clock })
    }
}

#[derive(Debug)]
struct Subscription {
    sandbox: Sandbox,
    clock: TokioClock,
}

impl Subscription {
    fn builder(&self, transport: Arc<dyn Transport>) -> AzureProviderBuilder {
        AzureProvider::builder().transport(transport).clock(Arc::new(self.clock)).seed(1)
    }

    fn operator(&self) -> Operator {
        Operator::new(self.builder(Arc::new(self.sandbox.clone())), &self.secret())
    }

    fn client_secret(&self) -> String {
        self.sandbox.azure().client().secret.expect("a client secret").expose().clone()
    }

    fn secret(&self) -> SecretData {
        let azure = self.sandbox.azure();
        SecretData::new()
            .with("clientID", azure.client().id)
            .with("clientSecret", self.client_secret())
            .with("tenantID", azure.options().tenant.as_str())
            .with("subscriptionID", azure.subscription())
            .with("userData", samples::USER_DATA)
    }
}

#[async_trait]
impl World for Subscription {
    async fn provider(&self, tap: &Tap) -> Provider {
        let transport = tap.transport(Arc::new(self.sandbox.clone()), describe);
        self.builder(transport).build().expect("a provider")
    }

    async fn inventory(&self) -> Vec<CloudResource> {
        let resources = self.sandbox.azure().inventory(None).into_iter();
        resources.map(|found| CloudResource::new(found.kind, found.id).with_name(found.name)).collect()
    }

    fn secrets(&self) -> Secrets {
        samples::secrets(&self.secret(), &self.client_secret())
    }

    async fn machines(&self) -> Option<MachineSamples> {
        self.operator().network(machines::CLUSTER).await;
        Some(machines::machines(self.secret()))
    }

    async fn infrastructure(&self) -> Option<InfrastructureSamples> {
        self.operator().given().await;
        Some(samples::infrastructure(&self.secret()))
    }

    async fn storage(&self) -> Option<StorageSamples> {
        Some(storage::samples(&self.secret()))
    }

    async fn turn(&self, knob: Knob<'_>) -> bool {
        match knob {
            Knob::Lag(lag) => self.sandbox.set_lag(lag),
            Knob::Throttle(Some(calls)) => drop(self.sandbox.faults().add(Fault::throttled().times(calls))),
            Knob::Throttle(None) => drop(self.sandbox.faults().add(Fault::throttled())),
            Knob::NoCapacity => drop(self.sandbox.faults().add(Fault::no_capacity("*", "*"))),
            Knob::PageSize(items) => self.sandbox.set_max_page(items),
            Knob::Leftover(request) => self.operator().leave_a_balancer(request).await,
            Knob::Drift(request) => self.operator().take_rules_off(request).await,
            Knob::ForeignBucket(name, _) => {
                let account = storage_account_of(name);
                self.sandbox.azure().plant_foreign_storage_account(&account);
            }
            // Names are unique in Azure: there can be no second network that matches.
            _ => return false,
        }
        true
    }
}

#[test]
fn conformance() {
    conformance::run(&OnSandbox);
}
