//! Google Cloud for the examples: in the sandbox, with the objects on fake-gcs-server if that is installed, or a real
//! project.

use std::{sync::Arc, time::Duration};

use gardener_provider_client::{
    clock::{Clock, SystemClock},
    observe::CallStats,
    transport::Transport,
};
use gardener_provider_conformance::tools::{self, FakeGcs};
use gardener_provider_core::{
    BucketName, ClusterId, Infrastructure, Networking, Provider, Region, Result, SecretData, Zone,
};
use gardener_provider_gcp::{
    GcpProvider,
    credentials::CredentialSource,
    endpoints::{Endpoints, Service},
};
use gardener_provider_sandbox::{
    Sandbox, SandboxOptions,
    gcp::{Durations, GcpOptions},
};
use serde_json::{Value, json};

use crate::{
    args::Target,
    lab::{
        self, Lab, Manifests, Place, USER_DATA, find, from_environment, is_installed, missing, no_emulator,
    },
    route::Beside,
};

/// What an example makes in a real project.
pub const CREATES: &str = "a VPC network with a subnet, a router with Cloud NAT, firewall rules, three n1-standard-2 \
    instances, and a bucket, for about ten minutes and half a dollar";

/// Google Cloud as the command line says.
///
/// # Errors
/// `FailedPrecondition` saying what is missing.
pub fn lab(target: Target) -> Result<Lab> {
    match target {
        Target::Sandbox => {
            let objects = is_installed(tools::FAKE_GCS)
                .then(|| FakeGcs::start_in("EUROPE-WEST1"))
                .transpose()
                .map_err(|error| missing(&format!("fake-gcs-server: {error}")))?;
            in_sandbox(Sandbox::new(demo_speed()), Arc::new(SystemClock::default()), objects)
        }
        Target::Emulator => Err(no_emulator("Google Cloud")),
        Target::Cloud => in_project(),
    }
}

/// Google Cloud in this sandbox on the sandbox's clock; its buckets are there too. The example may hold on to the sandbox for
/// its faults and journal.
///
/// # Errors
/// None in practice; a fault of the provider's set-up.
pub fn in_sandbox_at(sandbox: Sandbox, clock: Arc<dyn Clock>) -> Result<Lab> {
    in_sandbox(sandbox, clock, None)
}

fn in_sandbox(sandbox: Sandbox, clock: Arc<dyn Clock>, objects: Option<FakeGcs>) -> Result<Lab> {
    let stats = Arc::new(CallStats::new());
    let (mut transport, mut endpoints): (Arc<dyn Transport>, _) =
        (Arc::new(sandbox.gcp().clone()), Endpoints::public());
    if let Some(server) = &objects {
        transport = Arc::new(Beside::new(transport)?);
        endpoints = endpoints.with_service(Service::Storage, lab::url(&server.endpoint())?);
    }
    let provider = GcpProvider::builder()
        .transport(transport)
        .endpoints(endpoints)
        .clock(clock)
        .observer(Arc::clone(&stats) as _)
        .build()?;
    let key = sandbox.gcp().service_account_key().to_json();
    let secret =
        SecretData::new().with("serviceaccount.json", key.expose().as_str()).with("userData", USER_DATA);
    let objects = objects.map(|server| {
        (format!("its objects on fake-gcs-server at {}", server.endpoint()), Box::new(server) as Box<_>)
    });
    let place = Place::sandbox(sandbox, |sandbox| sandbox.gcp().inventory(None), objects);
    let image = "projects/debian-cloud/global/images/family/debian-12";
    assemble(provider, stats, "europe-west1", secret, image, place)
}

fn in_project() -> Result<Lab> {
    let stats = Arc::new(CallStats::new());
    let provider = GcpProvider::builder()
        .credentials(CredentialSource::Ambient)
        .observer(Arc::clone(&stats) as _)
        .build()?;
    let project = from_environment("GOOGLE_CLOUD_PROJECT", "the project to work in")?;
    let region = from_environment("GARDENER_EXAMPLE_REGION", "the region to work in, such as europe-west1")?;
    let image = from_environment("GARDENER_EXAMPLE_IMAGE", "an image, such as projects/P/global/images/I")?;
    let secret = SecretData::new().with("projectID", project.as_str()).with("userData", USER_DATA);
    let place = Place::account(format!("the project {project}, region {region}"));
    assemble(provider, stats, &region, secret, &image, place)
}

fn assemble(
    provider: Provider,
    stats: Arc<CallStats>,
    region: &str,
    secret: SecretData,
    image: &str,
    place: Place,
) -> Result<Lab> {
    let zones = lab::zones(["b", "c", "d"].map(|zone| format!("{region}-{zone}")))?;
    let region = Region::new(region)?;
    let manifests = Box::new(Gcp { region: region.clone(), image: image.to_owned() });
    Ok(Lab { provider, stats, region, zones, secret, manifests, place })
}

#[derive(Debug)]
struct Gcp {
    region: Region,
    image: String,
}

impl Manifests for Gcp {
    fn cloud(&self) -> &'static str {
        "Google Cloud"
    }

    fn infrastructure(&self, _: &[Zone]) -> Value {
        json!({
            "apiVersion": "gcp.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "networks": { "workers": "10.250.0.0/16", "cloudNAT": { "minPortsPerVM": 2048 } },
        })
    }

    fn networking(&self) -> Networking {
        let mut networking = Networking::default();
        networking.nodes = Some("10.250.0.0/16".to_owned());
        networking.pods = Some("100.64.0.0/12".to_owned());
        networking.services = Some("100.104.0.0/13".to_owned());
        networking
    }

    fn machine(&self, cluster: &ClusterId, infrastructure: &Infrastructure, zone: &Zone) -> Result<Value> {
        let networks = &infrastructure.status["networks"];
        let subnet = find(&networks["subnets"], |subnet| subnet["purpose"] == "nodes", "name")?;
        Ok(json!({
            "region": self.region,
            "zone": zone,
            "machineType": "n1-standard-2",
            "disks": [{ "boot": true, "autoDelete": true, "image": self.image, "sizeGb": 20, "type": "pd-balanced", "labels": { "name": cluster } }],
            "networkInterfaces": [{ "network": networks["vpc"]["name"], "subnetwork": subnet, "disableExternalIP": true }],
            "scheduling": { "automaticRestart": true, "onHostMaintenance": "MIGRATE", "preemptible": false },
            "canIpForward": true,
            "labels": { "name": cluster },
            "tags": [cluster, format!("kubernetes-io-cluster-{cluster}"), "kubernetes-io-role-node"],
        }))
    }

    fn bucket_removal(&self, bucket: &BucketName) -> String {
        format!("gcloud storage rm --recursive gs://{bucket}")
    }
}

/// Slow enough to watch, fast enough for a demo.
fn demo_speed() -> SandboxOptions {
    let mut durations = Durations::instant();
    durations.network = Duration::from_millis(500);
    durations.router = Duration::from_millis(500);
    durations.instance_start = Duration::from_secs(1);
    durations.instance_stop = Duration::from_secs(1);
    let mut gcp = GcpOptions::default();
    gcp.durations = durations;
    SandboxOptions::default().with_latency(Duration::from_millis(20)).with_gcp(gcp)
}
