//! The conformance suite on the sandbox, in process.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{
    account::Operator,
    describe,
    samples::{self, CLUSTER, Login},
};
use gardener_provider_azure::{AzureProvider, AzureProviderBuilder};
use gardener_provider_client::{clock::TokioClock, transport::Transport};
use gardener_provider_conformance::{
    self as conformance, Knob, MachineSamples, Secrets, Tap, Testbed, World,
};
use gardener_provider_core::{CloudResource, Provider};
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
        let options = SandboxOptions::default().with_clock(Arc::new(clock));
        Box::new(Account { sandbox: Sandbox::new(options), clock })
    }
}

#[derive(Debug)]
struct Account {
    sandbox: Sandbox,
    clock: TokioClock,
}

impl Account {
    fn builder(&self, transport: Arc<dyn Transport>) -> AzureProviderBuilder {
        AzureProvider::builder().transport(transport).clock(Arc::new(self.clock)).seed(1)
    }

    fn operator(&self) -> Operator {
        Operator::new(self.builder(Arc::new(self.sandbox.clone())), &self.login().data())
    }

    fn login(&self) -> Login {
        let azure = self.sandbox.azure();
        let client = azure.client();
        Login {
            secret: client.secret.as_ref().expect("a client with a secret").expose().clone(),
            client: client.id,
            tenant: azure.options().tenant.clone(),
            subscription: azure.subscription().to_owned(),
        }
    }
}

#[async_trait]
impl World for Account {
    async fn provider(&self, tap: &Tap) -> Provider {
        let transport = tap.transport(Arc::new(self.sandbox.clone()), describe);
        self.builder(transport).build().expect("a provider")
    }

    async fn inventory(&self) -> Vec<CloudResource> {
        let resources = self.sandbox.azure().inventory(None).into_iter();
        resources.map(|found| CloudResource::new(found.kind, found.id).with_name(found.name)).collect()
    }

    fn secrets(&self) -> Secrets {
        self.login().secrets()
    }

    async fn machines(&self) -> Option<MachineSamples> {
        self.operator().network(CLUSTER).await;
        Some(samples::machines(self.login().data()))
    }

    async fn turn(&self, knob: Knob<'_>) -> bool {
        match knob {
            Knob::Lag(lag) => self.sandbox.set_lag(lag),
            Knob::Throttle(Some(calls)) => drop(self.sandbox.faults().add(Fault::throttled().times(calls))),
            Knob::Throttle(None) => drop(self.sandbox.faults().add(Fault::throttled())),
            Knob::NoCapacity => drop(self.sandbox.faults().add(Fault::no_capacity("*", "*"))),
            Knob::PageSize(items) => self.sandbox.set_max_page(items),
            _ => return false,
        }
        true
    }
}

#[test]
fn conformance() {
    conformance::run(&OnSandbox);
}
