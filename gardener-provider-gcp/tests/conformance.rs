//! The conformance suite on the sandbox, in process.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{account::Operator, describe, machines, samples, storage};
use gardener_provider_client::{clock::TokioClock, transport::Transport};
use gardener_provider_conformance::{
    self as conformance, InfrastructureSamples, Knob, MachineSamples, Secrets, StorageSamples, Tap, Testbed,
    World,
};
use gardener_provider_core::{CloudResource, Provider, SecretData};
use gardener_provider_gcp::{GcpProvider, GcpProviderBuilder};
use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions, gcp::ServiceAccountKey};

#[derive(Debug)]
struct OnSandbox;

#[async_trait]
impl Testbed for OnSandbox {
    fn name(&self) -> String {
        "gcp on the sandbox".to_owned()
    }

    async fn fresh(&self) -> Box<dyn World> {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(SandboxOptions::default().with_clock(Arc::new(clock)));
        let [key, deleted] = [(); 2].map(|()| sandbox.gcp().service_account_key());
        sandbox.gcp().remove_service_account_key(&deleted.id);
        Box::new(Project { sandbox, clock, key, deleted })
    }
}

#[derive(Debug)]
struct Project {
    sandbox: Sandbox,
    clock: TokioClock,
    key: ServiceAccountKey,
    deleted: ServiceAccountKey,
}

impl Project {
    fn builder(&self, transport: Arc<dyn Transport>) -> GcpProviderBuilder {
        GcpProvider::builder().transport(transport).clock(Arc::new(self.clock)).seed(1)
    }

    fn operator(&self) -> Operator {
        Operator::new(self.builder(Arc::new(self.sandbox.clone())), &self.secret())
    }

    fn secret(&self) -> SecretData {
        samples::key_file(&self.key)
    }
}

#[async_trait]
impl World for Project {
    async fn provider(&self, tap: &Tap) -> Provider {
        let transport = tap.transport(Arc::new(self.sandbox.clone()), describe);
        self.builder(transport).build().expect("a provider")
    }

    async fn inventory(&self) -> Vec<CloudResource> {
        let resources = self.sandbox.gcp().inventory(None).into_iter();
        let resources = resources.map(|found| CloudResource::new(found.kind, found.id).with_name(found.name));
        // Not to be had while the cloud answers nobody.
        let nats = self.operator().nat_gateways().await.unwrap_or_default();
        resources.chain(nats).collect()
    }

    fn secrets(&self) -> Secrets {
        samples::secrets(&self.key, &self.deleted)
    }

    async fn machines(&self) -> Option<MachineSamples> {
        self.operator().give_a_network().await;
        Some(machines::samples(self.secret()))
    }

    async fn infrastructure(&self) -> Option<InfrastructureSamples> {
        self.operator().give_a_vpc().await;
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
            Knob::DuplicateMachine(request) => self.operator().duplicate_machine(request).await,
            Knob::Leftover(request) => self.operator().leave_rules_and_a_route(request).await,
            Knob::Drift(request) => self.operator().disturb(request).await,
            Knob::ForeignBucket(name, region) => {
                self.sandbox.gcp().plant_foreign_bucket(name.as_str(), region.as_str());
            }
            _ => return false,
        }
        true
    }
}

#[test]
fn conformance() {
    conformance::run(&OnSandbox);
}
