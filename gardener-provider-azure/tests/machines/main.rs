//! Machines on the sandbox, in process.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;
mod creating;
mod deleting;
mod logins;
mod reading;
mod shortages;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use common::{
    machines::{CLUSTER, class, spec, with},
    operator::Operator,
    samples::REGION,
};
use gardener_provider_azure::{
    AzureProvider, AzureProviderBuilder,
    api::{
        ResourceId,
        virtual_machines::{self, VirtualMachine},
    },
};
use gardener_provider_client::{
    clock::TokioClock,
    transport::{Request, Response, Transport, TransportError},
};
use gardener_provider_core::{
    ListMachinesRequest, Machine, MachineDriver, MachineDriverExt, MachineName, MachineRequest, MachineUid,
    Provider, SecretData,
};
use gardener_provider_sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};

/// A subscription with a cluster's group and network, and a driver.
struct World {
    sandbox: Sandbox,
    clock: TokioClock,
    operator: Operator,
    wire: Arc<Wire>,
    provider: Provider,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(set: impl FnOnce(&mut SandboxOptions)) -> Self {
        let clock = TokioClock::default();
        let mut options = SandboxOptions::default().with_clock(Arc::new(clock));
        set(&mut options);
        let sandbox = Sandbox::new(options);
        let builder = |transport: Arc<dyn Transport>| {
            AzureProvider::builder().transport(transport).clock(Arc::new(clock)).seed(1)
        };
        let operator = Operator::new(builder(Arc::new(sandbox.clone())), &secret(&sandbox));
        operator.network(CLUSTER).await;
        let wire = Arc::new(Wire { sandbox: sandbox.clone(), sent: Mutex::default() });
        let provider = builder(Arc::clone(&wire) as _).build().unwrap();
        sandbox.journal().clear();
        Self { sandbox, clock, operator, wire, provider }
    }

    fn builder(&self) -> AzureProviderBuilder {
        AzureProvider::builder().transport(Arc::clone(&self.wire) as _).clock(Arc::new(self.clock)).seed(1)
    }

    fn driver(&self) -> &dyn MachineDriver {
        &*self.provider.machines
    }

    /// Machine `m-1` of this class.
    fn request(&self, spec: Value) -> MachineRequest {
        let machine = Machine::new(MachineName::new("m-1").unwrap(), MachineUid::new("uid-1").unwrap());
        MachineRequest::new(machine, class(spec), secret(&self.sandbox))
    }

    fn group(&self) -> ResourceId {
        self.operator.session.group(CLUSTER)
    }

    fn machine_id(&self) -> ResourceId {
        self.group().compute("virtualMachines", "m-1")
    }

    async fn machine(&self) -> VirtualMachine {
        self.operator.session.run(&virtual_machines::get(&self.machine_id())).await.unwrap()
    }

    /// What there is beside the group and its network, by the last parts of the ids.
    fn left(&self) -> Vec<String> {
        let found = self.sandbox.azure().inventory(None).into_iter();
        let mine =
            found.filter(|found| !["resourceGroups", "virtualNetworks", "subnets"].contains(&found.kind));
        let mut names: Vec<_> = mine.map(|found| format!("{}/{}", found.kind, found.name)).collect();
        names.sort();
        names
    }

    async fn listed(&self, spec: Value) -> Vec<String> {
        let request = ListMachinesRequest::new(class(spec), secret(&self.sandbox));
        let listed = self.driver().all_machines(request).await.unwrap();
        let mut names: Vec<_> = listed.into_iter().map(|machine| machine.name).collect();
        names.sort();
        names
    }

    fn count(&self, operation: &str) -> usize {
        self.sandbox.journal().count("*", operation)
    }
}

fn secret(sandbox: &Sandbox) -> SecretData {
    let azure = sandbox.azure();
    let client = azure.client();
    identity(sandbox).with("clientSecret", client.secret.unwrap().expose().as_str())
}

/// All but the proof.
fn identity(sandbox: &Sandbox) -> SecretData {
    let azure = sandbox.azure();
    SecretData::new()
        .with("clientID", azure.client().id)
        .with("tenantID", azure.options().tenant.as_str())
        .with("subscriptionID", azure.subscription())
        .with("userData", "#cloud-config\n")
}

/// A machine without data disks, of an image that costs nothing.
fn plain() -> Value {
    let spec = with(spec(CLUSTER), "/properties/storageProfile/dataDisks", json!([]));
    let image = json!({ "urn": "Canonical:ubuntu-24_04-lts:server:24.04.202610010", "skipMarketplaceAgreement": true });
    with(spec, "/properties/storageProfile/imageReference", image)
}

/// Remembers what was sent.
#[derive(Debug)]
struct Wire {
    sandbox: Sandbox,
    sent: Mutex<Vec<Request<Bytes>>>,
}

impl Wire {
    /// The bodies of requests of this method whose path ends so.
    fn bodies(&self, method: &str, end: &str) -> Vec<Bytes> {
        let sent = self.sent.lock().unwrap();
        let found = sent.iter().filter(|sent| sent.method() == method && sent.uri().path().ends_with(end));
        found.map(|sent| sent.body().clone()).collect()
    }

    fn hosts(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        let hosts: BTreeSet<_> = sent.iter().map(|sent| sent.uri().host().unwrap().to_owned()).collect();
        hosts.into_iter().collect()
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.sent.lock().unwrap().push(request.clone());
        self.sandbox.send(request).await
    }
}
