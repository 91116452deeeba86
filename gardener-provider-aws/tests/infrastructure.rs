//! Infrastructures on the sandbox, in process.

use std::{collections::BTreeMap, sync::Arc};

use futures::TryStreamExt;
use gardener_provider_aws::{
    AwsProvider,
    session::{Session, Sessions},
};
use gardener_provider_client::clock::TokioClock;
use gardener_provider_core::{
    ClusterId, Infrastructure, InfrastructureDriver, InfrastructureRequest, Networking, Provider, Region,
    Result, RunOptions, SecretData,
};
use gardener_provider_sandbox::{JournalEntry, Sandbox, SandboxOptions};
use serde_json::{Value, json};

const CLUSTER: &str = "shoot--demo--app";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH2sMwJ0k6YcGZ3W8fJx0mQx3kN0lJ2bWm0o8hD5bq5W me@home";

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

#[tokio::test(start_paused = true)]
async fn three_zones_are_made_kept_and_removed() {
    let world = World::new();
    let request = world.request(managed("abc"));
    let made = world.apply(&request).await.unwrap();
    let calls = world.calls();
    println!(
        "fresh apply: {} calls, {} changing",
        calls.len(),
        calls.iter().filter(|call| call.mutating).count()
    );
    let again = world.apply(&request).await.unwrap();
    let calls = world.calls();
    println!(
        "again: {} calls {:?}",
        calls.len(),
        calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>()
    );
    assert_eq!(calls.iter().filter(|call| call.mutating).count(), 0);
    assert_eq!((again.status, again.egress_cidrs), (made.status, made.egress_cidrs));
    assert!(calls.len() <= 20);
    let listed: Vec<_> = world.driver().list(request.clone()).try_collect().await.unwrap();
    world.destroy(&request).await.unwrap();
    let calls = world.calls();
    println!(
        "destroy: {} calls {:?}",
        calls.len(),
        calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>()
    );
    assert_eq!(world.inventory(), BTreeMap::new());
    let listed: Vec<_> = world.driver().list(request).try_collect().await.unwrap();
    assert_eq!(listed, []);
}
