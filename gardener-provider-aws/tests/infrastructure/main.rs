//! Infrastructures on the sandbox, in process.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, sync::Arc};

use gardener_provider_aws::{
    AwsProvider,
    api::Operation,
    session::{Session, Sessions},
};
use gardener_provider_client::clock::TokioClock;
use gardener_provider_core::{
    ClusterId, Infrastructure, InfrastructureDriver, InfrastructureRequest, Networking, Provider, Region,
    Result, RunOptions, SecretData,
};
use gardener_provider_sandbox::{JournalEntry, Resource, Sandbox, SandboxOptions};
use serde_json::{Value, json};

const CLUSTER: &str = "shoot--demo--app";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH2sMwJ0k6YcGZ3W8fJx0mQx3kN0lJ2bWm0o8hD5bq5W me@home";

mod drift;
mod families;
mod given;
mod leftovers;
mod managed;

struct World {
    sandbox: Sandbox,
    provider: Provider,
    session: Arc<Session>,
    _sessions: Sessions,
}

impl World {
    fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    fn with(options: SandboxOptions) -> Self {
        let clock = Arc::new(TokioClock::default());
        let sandbox = Sandbox::new(options.with_clock(clock.clone()));
        let builder =
            || AwsProvider::builder().transport(Arc::new(sandbox.clone())).clock(clock.clone()).seed(1);
        let sessions = builder().rates(Vec::new()).sessions().unwrap();
        let session = sessions.get(&secret(&sandbox), &region()).unwrap();
        Self { provider: builder().build().unwrap(), session, _sessions: sessions, sandbox }
    }

    fn driver(&self) -> &dyn InfrastructureDriver {
        &*self.provider.infrastructure
    }

    fn request(&self, config: Value) -> InfrastructureRequest {
        self.request_for(CLUSTER, config)
    }

    fn request_for(&self, cluster: &str, config: Value) -> InfrastructureRequest {
        let cluster = ClusterId::new(cluster).unwrap();
        let mut networking = Networking::default();
        networking.nodes = Some("10.250.0.0/16".to_owned());
        InfrastructureRequest::new(cluster, region(), config, secret(&self.sandbox))
            .with_networking(networking)
            .with_ssh_public_key(KEY)
    }

    async fn apply(&self, request: &InfrastructureRequest) -> Result<Infrastructure> {
        self.driver().apply(request, &RunOptions::default()).await
    }

    async fn destroy(&self, request: &InfrastructureRequest) -> Result<()> {
        self.driver().destroy(request, &RunOptions::default()).await
    }

    /// How many there are of each kind.
    fn inventory(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for resource in self.sandbox.aws().inventory(None) {
            *kinds.entry(resource.kind).or_default() += 1;
        }
        kinds
    }

    /// Carries out a call of somebody else.
    async fn run<R>(&self, operation: Operation<R>) -> R {
        self.session.run(&operation).await.unwrap()
    }

    /// The same, to be forgotten: what the tests set up counts as no call.
    async fn quietly<R>(&self, operation: Operation<R>) -> R {
        let done = self.run(operation).await;
        self.calls();
        done
    }

    /// The resources of a kind, by name.
    fn named(&self, kind: &str) -> BTreeMap<String, Resource> {
        let found = self.sandbox.aws().inventory(None).into_iter().filter(|found| found.kind == kind);
        found.map(|found| (found.name.clone(), found)).collect()
    }

    /// The id of the resource of this kind and name.
    fn id(&self, kind: &str, name: &str) -> String {
        self.named(kind).remove(name).unwrap_or_else(|| panic!("no {kind} {name}")).id
    }

    /// Applies once more and expects that nothing is changed.
    async fn settled(&self, request: &InfrastructureRequest) -> Infrastructure {
        self.calls();
        let infrastructure = self.apply(request).await.unwrap();
        assert_eq!(self.changes(), Vec::<String>::new());
        infrastructure
    }

    /// The calls since the last question.
    fn calls(&self) -> Vec<JournalEntry> {
        let calls = self.sandbox.journal().calls();
        self.sandbox.journal().clear();
        calls
    }

    /// The operations since the last question that change something.
    fn changes(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| call.mutating).map(|call| call.operation).collect()
    }
}

fn region() -> Region {
    Region::new("eu-west-1").unwrap()
}

fn secret(sandbox: &Sandbox) -> SecretData {
    let key = sandbox.aws().access_key();
    SecretData::new().with("accessKeyID", key.id).with("secretAccessKey", key.secret.expose().as_str())
}

fn zones(letters: &str) -> Value {
    let zone = |(n, letter): (usize, char)| {
        json!({
            "name": format!("eu-west-1{letter}"),
            "workers": format!("10.250.{n}.0/24"),
            "public": format!("10.250.{}.0/24", 96 + n),
            "internal": format!("10.250.{}.0/24", 112 + n),
        })
    };
    letters.chars().enumerate().map(zone).collect()
}

fn managed(letters: &str) -> Value {
    json!({ "networks": { "vpc": { "cidr": "10.250.0.0/16" }, "zones": zones(letters) } })
}
