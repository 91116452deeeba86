//! The conformance suite on the sandbox, in process.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{account::Operator, describe, samples};
use gardener_provider_aws::{AwsProvider, AwsProviderBuilder};
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
        "aws on the sandbox".to_owned()
    }

    async fn fresh(&self) -> Box<dyn World> {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(SandboxOptions::default().with_clock(Arc::new(clock)));
        Box::new(Account { sandbox, clock })
    }
}

#[derive(Debug)]
struct Account {
    sandbox: Sandbox,
    clock: TokioClock,
}

impl Account {
    fn builder(&self, transport: Arc<dyn Transport>) -> AwsProviderBuilder {
        AwsProvider::builder().transport(transport).clock(Arc::new(self.clock)).seed(1)
    }

    fn operator(&self) -> Operator {
        Operator::new(self.builder(Arc::new(self.sandbox.clone())), &self.secret())
    }

    fn secret(&self) -> SecretData {
        let key = self.sandbox.aws().access_key();
        samples::key_pair(&key.id, key.secret.expose())
    }
}

#[async_trait]
impl World for Account {
    async fn provider(&self, tap: &Tap) -> Provider {
        let transport = tap.transport(Arc::new(self.sandbox.clone()), describe);
        self.builder(transport).build().expect("a provider")
    }

    async fn inventory(&self) -> Vec<CloudResource> {
        let resources = self.sandbox.aws().inventory(None).into_iter();
        resources.map(|found| CloudResource::new(found.kind, found.id).with_name(found.name)).collect()
    }

    fn secrets(&self) -> Secrets {
        let key = self.sandbox.aws().access_key();
        samples::with_refused(samples::secrets(&key.id, key.secret.expose()), &key.id)
    }

    async fn machines(&self) -> Option<MachineSamples> {
        let network = self.operator().network().await;
        Some(samples::machines(&network, "ami-0a1b2c3d4e5f60001", self.secret()))
    }

    async fn infrastructure(&self) -> Option<InfrastructureSamples> {
        Some(samples::infrastructure(&self.secret()))
    }

    async fn storage(&self) -> Option<StorageSamples> {
        Some(samples::storage(&self.secret()))
    }

    async fn turn(&self, knob: Knob<'_>) -> bool {
        match knob {
            Knob::Lag(lag) => self.sandbox.set_lag(lag),
            Knob::Throttle(Some(calls)) => drop(self.sandbox.faults().add(Fault::throttled().times(calls))),
            Knob::Throttle(None) => drop(self.sandbox.faults().add(Fault::throttled())),
            Knob::NoCapacity => drop(self.sandbox.faults().add(Fault::no_capacity("*", "*"))),
            Knob::PageSize(items) => self.sandbox.set_max_page(items),
            Knob::DuplicateMachine(request) => self.operator().duplicate_machine(request).await,
            Knob::DuplicateInfrastructure(request) => self.operator().duplicate_vpc(request).await,
            Knob::Leftover(request) => self.operator().leave_a_balancer(request).await,
            Knob::Drift(request) => self.operator().drop_rules(request).await,
            Knob::ForeignBucket(name, region) => {
                self.sandbox.aws().plant_foreign_bucket(name.as_str(), region.as_str());
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
