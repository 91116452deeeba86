//! The conformance suite must fail what is wrong: the provider of the example `new_cloud`, broken in typical ways.

#[allow(dead_code, reason = "the example uses all of it")]
#[path = "../examples/new_cloud/client.rs"]
mod client;
#[allow(dead_code, reason = "the example uses all of it")]
#[path = "../examples/new_cloud/cloud.rs"]
mod cloud;
#[path = "../examples/new_cloud/infrastructure.rs"]
mod infrastructure;
#[path = "../examples/new_cloud/machines.rs"]
mod machines;
#[path = "../examples/new_cloud/storage.rs"]
mod storage;
#[allow(dead_code, reason = "the example uses all of it")]
#[path = "../examples/new_cloud/testbed.rs"]
mod testbed;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use client::{Connection, map};
use cloud::{Api, Cloud, Request};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use gardener_provider_client::clock::Clock;
use gardener_provider_conformance::{
    InfrastructureSamples, Knob, MachineSamples, Secrets, StorageSamples, Suite, Tap, Testbed, Verdict, World,
};
use gardener_provider_core::{
    Bucket, BucketName, BucketRef, BucketSpec, CloudResource, DeletedObjects, Error, ErrorKind,
    Infrastructure, InfrastructureDriver, InfrastructureRequest, ListMachinesRequest, ListedMachine,
    MachineDriver, MachineRequest, MachineStatus, MachineUid, ObjectPrefix, ObjectStorage,
    PersistentVolumeSpec, Plan, Provider, Region, Result, RunOptions, SecretData, VolumeId,
};
use object_store::{ObjectStore, ObjectStoreExt};

fn provider(api: Arc<dyn Api>, clock: Arc<dyn Clock>) -> Provider {
    let connection = Connection { api, clock };
    Provider::builder("cumulus")
        .machines(machines::Machines(connection.clone()))
        .infrastructure(infrastructure::Networks(connection.clone()))
        .storage(storage::Buckets(connection))
        .build()
}

/// A way in which providers are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    CreatesTwice,
    ForgetsTheUid,
    LeaksADisk,
    ForgetsPages,
    MatchesPrefixes,
    GuessesAmongDuplicates,
    TakesAnOutageForAbsence,
    TellsTheSecret,
    WritesAlways,
    PlanWrites,
    DestroysHalf,
    TakesTheNeighbours,
    DeletesSiblings,
    None,
}

/// Every flaw, and a case that must find it.
const FOUND_BY: &[(Flaw, &str)] = &[
    (Flaw::CreatesTwice, "machine/create-again"),
    (Flaw::CreatesTwice, "kill/create-machine/after"),
    (Flaw::ForgetsTheUid, "machine/create-again"),
    (Flaw::ForgetsTheUid, "machine/create-concurrently"),
    (Flaw::ForgetsTheUid, "kill/create-machine/lost"),
    (Flaw::LeaksADisk, "machine/delete"),
    (Flaw::LeaksADisk, "kill/delete-machine/before"),
    (Flaw::ForgetsPages, "machine/list-pages"),
    (Flaw::MatchesPrefixes, "machine/delete-neighbour"),
    (Flaw::GuessesAmongDuplicates, "machine/duplicates"),
    (Flaw::TakesAnOutageForAbsence, "machine/unreachable"),
    (Flaw::TakesAnOutageForAbsence, "machine/throttled-forever"),
    (Flaw::TellsTheSecret, "machine/secrets"),
    (Flaw::WritesAlways, "infrastructure/apply-again"),
    (Flaw::WritesAlways, "kill/apply/before"),
    (Flaw::PlanWrites, "infrastructure/plan"),
    (Flaw::DestroysHalf, "infrastructure/destroy"),
    (Flaw::DestroysHalf, "kill/destroy/lost"),
    (Flaw::TakesTheNeighbours, "infrastructure/neighbour"),
    (Flaw::DeletesSiblings, "storage/delete-prefix"),
];

#[test]
fn every_flaw_is_found() {
    for (flaw, case) in FOUND_BY {
        let report = Suite::new(&Broken::by(*flaw)).only(*case).run();
        assert!(report.failed().contains(case), "{flaw:?} is not found by {case}:\n{report}");
        let report = Suite::new(&Broken::by(Flaw::None)).only(*case).run();
        assert_eq!(report.verdict(case), Some(&Verdict::Passed), "{report}");
    }
}

#[test]
fn a_known_gap_is_named_and_never_hides_another() {
    let gaps = vec![("machine/delete*", "this cloud keeps disks")];
    let leaky = Broken { flaw: Flaw::LeaksADisk, gaps: gaps.clone() };
    let report = Suite::new(&leaky).only("machine/delete").run();
    let verdict = report.verdict("machine/delete");
    assert!(matches!(verdict, Some(Verdict::KnownGap { reason, .. }) if reason == "this cloud keeps disks"));
    assert!(report.is_success(), "{report}");

    let sound = Broken { flaw: Flaw::None, gaps };
    assert!(Suite::new(&sound).only("machine/delete").run().is_success());
    let strict = Suite::new(&sound).only("machine/delete").strict().run();
    assert!(strict.failed().contains(&"machine/delete"), "{strict}");

    let unknown = Broken { flaw: Flaw::None, gaps: vec![("machine/delte", "a slip of the pen")] };
    assert_eq!(Suite::new(&unknown).only("machine/delete-again").run().failed(), ["machine/delte"]);
}

#[derive(Debug)]
struct Broken {
    flaw: Flaw,
    gaps: Vec<(&'static str, &'static str)>,
}

impl Broken {
    fn by(flaw: Flaw) -> Self {
        Self { flaw, gaps: Vec::new() }
    }
}

#[async_trait]
impl Testbed for Broken {
    fn name(&self) -> String {
        format!("cumulus with the flaw {:?}", self.flaw)
    }

    async fn fresh(&self) -> Box<dyn World> {
        let account = testbed::Account(Cloud::new(testbed::TOKEN));
        Box::new(BrokenAccount { account, flaw: self.flaw })
    }

    fn known_gaps(&self) -> Vec<(&'static str, &'static str)> {
        self.gaps.clone()
    }
}

#[derive(Debug)]
struct BrokenAccount {
    account: testbed::Account,
    flaw: Flaw,
}

#[async_trait]
impl World for BrokenAccount {
    async fn provider(&self, tap: &Tap) -> Provider {
        let mut provider = self.account.provider(tap).await;
        let (flaw, cloud) = (self.flaw, self.account.0.clone());
        let api = testbed::tapped(tap, &cloud);
        provider.machines = Arc::new(BrokenMachines { inner: provider.machines, flaw, cloud: cloud.clone() });
        provider.infrastructure =
            Arc::new(BrokenNetworks { inner: provider.infrastructure, flaw, cloud, api: Arc::clone(&api) });
        provider.storage = Arc::new(BrokenBuckets { inner: provider.storage, flaw, api });
        provider
    }

    async fn inventory(&self) -> Vec<CloudResource> {
        self.account.inventory().await
    }

    fn secrets(&self) -> Secrets {
        self.account.secrets()
    }

    async fn machines(&self) -> Option<MachineSamples> {
        self.account.machines().await
    }

    async fn infrastructure(&self) -> Option<InfrastructureSamples> {
        self.account.infrastructure().await
    }

    async fn storage(&self) -> Option<StorageSamples> {
        self.account.storage().await
    }

    async fn turn(&self, knob: Knob<'_>) -> bool {
        self.account.turn(knob).await
    }
}

#[derive(Debug)]
struct BrokenMachines {
    inner: Arc<dyn MachineDriver>,
    flaw: Flaw,
    cloud: Cloud,
}

static CREATIONS: AtomicUsize = AtomicUsize::new(0);

#[async_trait]
impl MachineDriver for BrokenMachines {
    async fn create_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let mut request = request.clone();
        let exists = self.cloud.state().things().iter().any(|thing| thing.kind == "machine");
        if self.flaw == Flaw::ForgetsTheUid {
            let any = CREATIONS.fetch_add(1, Ordering::Relaxed);
            request.machine.uid = MachineUid::new(format!("any-{any}"))?;
        }
        let status = self.inner.create_machine(&request).await?;
        if self.flaw == Flaw::CreatesTwice && exists {
            self.cloud.state().plant("machine", map([("name", "a-second-one")]), map([]));
        }
        Ok(status)
    }

    async fn initialize_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        self.inner.initialize_machine(request).await
    }

    async fn delete_machine(&self, request: &MachineRequest) -> Result<()> {
        self.inner.delete_machine(request).await?;
        match self.flaw {
            Flaw::LeaksADisk => self.cloud.state().plant("disk", map([]), map([])),
            Flaw::MatchesPrefixes => {
                let ours = request.class.provider_spec["cluster"].as_str().unwrap_or_default();
                let is_ours = |cluster: &String| cluster.starts_with(ours);
                self.cloud.state().tamper(|thing| !thing.labels.get("cluster").is_some_and(is_ours));
            }
            _ => {}
        }
        Ok(())
    }

    async fn get_machine_status(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let result = self.inner.get_machine_status(request).await;
        match (self.flaw, result) {
            (Flaw::GuessesAmongDuplicates, Err(error)) if error.kind() == ErrorKind::MultipleMatches => {
                Err(Error::not_found("the machine"))
            }
            (Flaw::TakesAnOutageForAbsence, Err(_)) => Err(Error::not_found("the machine")),
            (Flaw::TellsTheSecret, Err(error)) => {
                let token = request.secret.required(&["token"])?;
                Err(Error::new(error.kind(), format!("{} does not work", token.expose())))
            }
            (_, result) => result,
        }
    }

    fn list_machines(&self, request: ListMachinesRequest) -> BoxStream<'static, Result<ListedMachine>> {
        let all = self.inner.list_machines(request);
        if self.flaw == Flaw::ForgetsPages { all.take(5).boxed() } else { all }
    }

    async fn get_volume_ids(&self, volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
        self.inner.get_volume_ids(volumes).await
    }
}

#[derive(Debug)]
struct BrokenNetworks {
    inner: Arc<dyn InfrastructureDriver>,
    flaw: Flaw,
    cloud: Cloud,
    api: Arc<dyn Api>,
}

#[async_trait]
impl InfrastructureDriver for BrokenNetworks {
    async fn plan(&self, request: &InfrastructureRequest) -> Result<Plan> {
        if self.flaw == Flaw::PlanWrites {
            let (kind, key) = ("network".to_owned(), "a try".to_owned());
            let create = Request::Create { kind, key, labels: map([]), fields: map([]) };
            let _ = self.api.call(testbed::TOKEN, create).await;
        }
        self.inner.plan(request).await
    }

    async fn plan_destroy(&self, request: &InfrastructureRequest) -> Result<Plan> {
        self.inner.plan_destroy(request).await
    }

    async fn apply(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<Infrastructure> {
        let applied = self.inner.apply(request, options).await?;
        let network = self.cloud.state().things().iter().find(|thing| thing.kind == "network").cloned();
        if let Some(network) = network.filter(|_| self.flaw == Flaw::WritesAlways) {
            let update = Request::Update { id: network.id, fields: network.fields };
            let _ = self.api.call(testbed::TOKEN, update).await;
        }
        Ok(applied)
    }

    async fn destroy(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<()> {
        self.inner.destroy(request, options).await?;
        match self.flaw {
            Flaw::DestroysHalf => self.cloud.state().plant("firewall", map([]), map([])),
            Flaw::TakesTheNeighbours => self.cloud.state().tamper(|thing| thing.kind != "firewall"),
            _ => {}
        }
        Ok(())
    }

    async fn get(&self, request: &InfrastructureRequest) -> Result<Infrastructure> {
        self.inner.get(request).await
    }

    fn list(&self, request: InfrastructureRequest) -> BoxStream<'static, Result<CloudResource>> {
        self.inner.list(request)
    }

    fn picture(&self, request: &InfrastructureRequest) -> Result<String> {
        self.inner.picture(request)
    }
}

#[derive(Debug)]
struct BrokenBuckets {
    inner: Arc<dyn ObjectStorage>,
    flaw: Flaw,
    api: Arc<dyn Api>,
}

#[async_trait]
impl ObjectStorage for BrokenBuckets {
    async fn create_bucket(&self, spec: &BucketSpec, secret: &SecretData) -> Result<Bucket> {
        self.inner.create_bucket(spec, secret).await
    }

    async fn get_bucket(&self, bucket: &BucketRef) -> Result<Bucket> {
        self.inner.get_bucket(bucket).await
    }

    fn list_buckets(&self, region: Region, secret: SecretData) -> BoxStream<'static, Result<BucketName>> {
        self.inner.list_buckets(region, secret)
    }

    async fn delete_bucket(&self, bucket: &BucketRef) -> Result<()> {
        self.inner.delete_bucket(bucket).await
    }

    async fn delete_prefix(&self, bucket: &BucketRef, prefix: &ObjectPrefix) -> Result<DeletedObjects> {
        let deleted = self.inner.delete_prefix(bucket, prefix).await?;
        if self.flaw == Flaw::DeletesSiblings {
            // As a plain text the prefix matches what stands beside it.
            let text = prefix.as_str().trim_end_matches('/').to_owned();
            let store = self.api.objects(bucket.name.as_str());
            let all: Vec<_> = store.list(None).try_collect().await.unwrap_or_default();
            for object in all.iter().filter(|object| object.location.as_ref().starts_with(&text)) {
                let _ = store.delete(&object.location).await;
            }
        }
        Ok(deleted)
    }

    async fn open(&self, bucket: &BucketRef) -> Result<Arc<dyn ObjectStore>> {
        self.inner.open(bucket).await
    }
}
