//! How cumulus is tested: a world for every case, samples, and knobs.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::clock::TokioClock;
use gardener_provider_conformance::{
    BadInput, CallInfo, InfrastructureSamples, Knob, MachineSamples, Secrets, StorageSamples, Tap, Testbed,
    World,
};
use gardener_provider_core::{
    BucketName, BucketSpec, CloudResource, ClusterId, CsiVolume, InfrastructureRequest, MachineClass,
    PersistentVolumeSpec, Provider, Region, SecretData, VolumeId,
};
use object_store::ObjectStore;
use serde_json::{Value, json};

use crate::{
    client::map,
    cloud::{Api, Cloud, Refusal, Reply, Request},
};

/// The token that the cloud accepts.
pub(crate) const TOKEN: &str = "tok-4f9a1c77d2";
const USER_DATA: &str = "#cloud-config: bootstrap-token 9d2e.aa41";

/// The testbed.
#[derive(Debug)]
pub(crate) struct Cumulus;

#[async_trait]
impl Testbed for Cumulus {
    fn name(&self) -> String {
        "cumulus".to_owned()
    }

    async fn fresh(&self) -> Box<dyn World> {
        Box::new(Account(Cloud::new(TOKEN)))
    }
}

/// A cloud of its own for one case.
#[derive(Debug)]
pub(crate) struct Account(pub(crate) Cloud);

/// The cloud with the suite's tap in front of it. With HTTP, `Tap::transport` does this.
#[derive(Debug)]
struct Tapped(Tap, Cloud);

#[async_trait]
impl Api for Tapped {
    async fn call(&self, token: &str, request: Request) -> Result<Reply, Refusal> {
        let info = match &request {
            Request::Create { kind, .. } => CallInfo::changing(format!("create {kind}")),
            Request::Update { id, .. } => CallInfo::changing(format!("update {id}")),
            Request::Delete { id } => CallInfo::changing(format!("delete {id}")),
            Request::List { kind, .. } => CallInfo::reading(format!("list {kind}")),
        };
        self.0.call(info, self.1.call(token, request)).await.unwrap_or(Err(Refusal::NoAnswer))
    }

    fn objects(&self, bucket: &str) -> Arc<dyn ObjectStore> {
        self.1.objects(bucket)
    }
}

/// The way to the cloud through a tap.
pub(crate) fn tapped(tap: &Tap, cloud: &Cloud) -> Arc<dyn Api> {
    Arc::new(Tapped(tap.clone(), cloud.clone()))
}

fn good() -> SecretData {
    SecretData::new().with("token", TOKEN).with("userData", USER_DATA)
}

#[allow(clippy::expect_used, reason = "fixed names, written here")]
fn infrastructure(cluster: &str, config: Value) -> InfrastructureRequest {
    let cluster = ClusterId::new(cluster).expect("a technical id");
    InfrastructureRequest::new(cluster, Region::new("north").expect("a region"), config, good())
}

fn config(zones: &[&str]) -> Value {
    let zones = zones.iter().enumerate();
    let zones: Vec<_> =
        zones.map(|(n, name)| json!({ "name": name, "subnet": format!("10.1.{n}.0/24") })).collect();
    json!({
        "apiVersion": "cumulus.provider.example/v1alpha1",
        "kind": "InfrastructureConfig",
        "network": "10.1.0.0/16",
        "zones": zones,
    })
}

fn with(mut config: Value, pointer: &str, value: Value) -> Value {
    if let Some(place) = config.pointer_mut(pointer) {
        *place = value;
    }
    config
}

#[async_trait]
#[allow(clippy::expect_used, reason = "fixed names, written here")]
impl World for Account {
    async fn provider(&self, tap: &Tap) -> Provider {
        crate::provider(tapped(tap, &self.0), Arc::new(TokioClock::default()))
    }

    async fn inventory(&self) -> Vec<CloudResource> {
        let state = self.0.state();
        state.things().iter().map(|thing| CloudResource::new(&thing.kind, &thing.id)).collect()
    }

    fn secrets(&self) -> Secrets {
        Secrets::new(good())
            .with_refused("an unknown token", good().with("token", "tok-somebody-else"))
            .with_incomplete("token", SecretData::new().with("userData", USER_DATA))
            .with_incomplete_for_machines("userData", SecretData::new().with("token", TOKEN))
            .with_confidential(TOKEN)
            .with_confidential("tok-somebody-else")
            .with_confidential(USER_DATA)
    }

    async fn machines(&self) -> Option<MachineSamples> {
        let subnet = {
            let mut state = self.0.state();
            state.plant("subnet", map([]), map([]));
            state.things()[0].id.clone()
        };
        let class = |cluster: &str, guarded: bool| {
            let spec = json!({ "cluster": cluster, "subnet": subnet, "size": "small", "guarded": guarded });
            MachineClass::new("worker", spec)
        };
        let good_class = class("shoot--demo--app", true);
        let bad = |problem: &str, pointer: &str, value: Value, field: &str| {
            let spec = with(good_class.provider_spec.clone(), pointer, value);
            BadInput::new(problem, MachineClass::new("worker", spec), field)
        };
        let mut samples = MachineSamples::new(good_class.clone(), good());
        samples.neighbour = Some(class("shoot--demo--app2", true));
        samples.uninitialized = Some(class("shoot--demo--app", false));
        samples.bad = vec![
            bad("an empty size", "/size", json!(""), "size"),
            bad("a number for a flag", "/guarded", json!(3), "providerSpec"),
            bad("a field missing", "", json!({ "cluster": "a", "subnet": "b" }), "size"),
            bad("an unknown field", "", json!({ "sise": "small" }), "sise"),
        ];
        let csi = |driver: &str, handle: &str| {
            let mut volume = PersistentVolumeSpec::default();
            volume.csi = Some(CsiVolume { driver: driver.to_owned(), volume_handle: handle.to_owned() });
            volume
        };
        samples.volumes = vec![
            (csi("disk.csi.cumulus.example", "disk-77"), Some(VolumeId::new("disk-77").expect("an id"))),
            (csi("ebs.csi.aws.com", "vol-1"), None),
            (PersistentVolumeSpec::default(), None),
        ];
        samples.bad_volumes = vec![csi("disk.csi.cumulus.example", "floppy")];
        Some(samples)
    }

    async fn infrastructure(&self) -> Option<InfrastructureSamples> {
        let ours = |config| infrastructure("shoot--demo--app", config);
        let mut samples = InfrastructureSamples::new("one zone", ours(config(&["n1"])))
            .with_shape("three zones", ours(config(&["n1", "n2", "n3"])));
        samples.neighbour = Some(infrastructure("shoot--demo--app2", config(&["n1"])));
        samples = samples.with_change("one zone", "three zones");
        samples.bad = vec![
            BadInput::new("no CIDR", ours(with(config(&["n1"]), "/network", json!("10.1.0.0"))), "network"),
            BadInput::new("a field missing", ours(json!({ "network": "10.1.0.0/16" })), "apiVersion"),
            BadInput::new(
                "a subnet elsewhere",
                ours(with(config(&["n1"]), "/zones/0/subnet", json!("10.2.0.0/24"))),
                "zones[0].subnet",
            ),
        ];
        Some(samples)
    }

    async fn storage(&self) -> Option<StorageSamples> {
        let name = BucketName::new("etcd-backups").expect("a name");
        let spec = BucketSpec::new(name, Region::new("north").expect("a region"));
        let mut samples = StorageSamples::new(spec.clone(), good());
        samples.bad =
            vec![BadInput::new("versions, which there are not", spec.with_versioning(true), "versioning")];
        Some(samples)
    }

    async fn turn(&self, knob: Knob<'_>) -> bool {
        let mut state = self.0.state();
        match knob {
            Knob::Lag(lag) => state.lag = lag,
            Knob::Throttle(calls) => state.throttled = calls.unwrap_or(u64::MAX),
            Knob::NoCapacity => state.full = true,
            Knob::PageSize(size) => state.page = size,
            Knob::DuplicateMachine(request) => {
                let name = request.machine.name.as_str();
                let labels = map([("cluster", "shoot--demo--app"), ("name", name), ("uid", "another")]);
                state.plant("machine", labels, map([("guarded", "true")]));
            }
            Knob::DuplicateInfrastructure(request) => {
                let labels = map([("cluster", request.cluster.as_str()), ("node", "network")]);
                state.plant("network", labels, map([("cidr", "10.1.0.0/16")]));
            }
            Knob::Drift(_) => state.tamper(|thing| {
                if thing.kind == "firewall" {
                    thing.fields.insert("default".to_owned(), "open".to_owned());
                }
                thing.kind != "subnet"
            }),
            Knob::Leftover(request) => {
                let subnet = state.things().iter().find(|thing| thing.kind == "subnet");
                let subnet = subnet.map(|subnet| subnet.id.clone()).unwrap_or_default();
                let labels = map([("cluster", request.cluster.as_str())]);
                state.plant("balancer", labels, map([("subnet", &subnet)]));
            }
            Knob::ForeignBucket(name, _) => {
                state.plant("bucket", map([("owner", "somebody"), ("name", name.as_str())]), map([]));
            }
            _ => return false,
        }
        true
    }
}
