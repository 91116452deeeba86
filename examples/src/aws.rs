//! AWS for the examples: in the sandbox, on moto, or a real account.

use std::{sync::Arc, time::Duration};

use gardener_provider_aws::{AwsProvider, credentials::CredentialSource, endpoints::Endpoints};
use gardener_provider_client::{
    clock::{Clock, SystemClock},
    observe::CallStats,
};
use gardener_provider_conformance::tools::{self, Moto, MotoOptions};
use gardener_provider_core::{
    BucketName, ClusterId, Infrastructure, Provider, Region, Result, SecretData, Zone,
};
use gardener_provider_sandbox::{
    Sandbox, SandboxOptions,
    aws::{AwsOptions, Durations},
};
use serde_json::{Value, json};

use crate::{
    args::Target,
    lab::{self, Lab, Manifests, Place, USER_DATA, find, from_environment, missing},
};

/// What an example makes in a real account.
pub const CREATES: &str = "a VPC with nine subnets, three NAT gateways with elastic IPs, three m5.large instances, an IAM \
    role with an instance profile, and a bucket, for about ten minutes and one dollar";

/// AWS as the command line says.
///
/// # Errors
/// `FailedPrecondition` saying what is missing.
pub fn lab(target: Target) -> Result<Lab> {
    match target {
        Target::Sandbox => in_sandbox_at(Sandbox::new(demo_speed()), Arc::new(SystemClock::default())),
        Target::Emulator => on_moto(),
        Target::Cloud => in_account(),
    }
}

/// AWS in this sandbox on the sandbox's clock. The example may hold on to the sandbox for its faults and journal.
///
/// # Errors
/// None in practice; a fault of the provider's set-up.
pub fn in_sandbox_at(sandbox: Sandbox, clock: Arc<dyn Clock>) -> Result<Lab> {
    let stats = Arc::new(CallStats::new());
    let provider = AwsProvider::builder()
        .transport(Arc::new(sandbox.aws().clone()))
        .clock(clock)
        .observer(Arc::clone(&stats) as _)
        .build()?;
    let key = sandbox.aws().access_key();
    let secret = key_pair(&key.id, key.secret.expose());
    let place = Place::sandbox(sandbox, |sandbox| sandbox.aws().inventory(None), None);
    assemble(provider, stats, "eu-west-1", secret, "ami-0a1b2c3d4e5f60001", place)
}

fn on_moto() -> Result<Lab> {
    let moto = tools::moto("--target emulator", &MotoOptions::default()).ok_or_else(|| {
        missing("moto is not installed; `cargo xtask demo --target emulator` installs it and runs the demo with it")
    })?;
    let stats = Arc::new(CallStats::new());
    let provider = AwsProvider::builder()
        .endpoints(Endpoints::all_at(lab::url(&moto.endpoint())?))
        .rates(Vec::new())
        .observer(Arc::clone(&stats) as _)
        .build()?;
    let place = at(moto);
    assemble(provider, stats, "eu-west-1", key_pair("testing", "testing"), "ami-12c6146b", place)
}

fn at(moto: Moto) -> Place {
    let description = format!("moto at {}", moto.endpoint());
    Place { description, sandbox: None, server: Some(Box::new(moto)) }
}

fn in_account() -> Result<Lab> {
    let stats = Arc::new(CallStats::new());
    let provider = AwsProvider::builder()
        .credentials(CredentialSource::Ambient)
        .observer(Arc::clone(&stats) as _)
        .build()?;
    let region = from_environment("AWS_REGION", "the region to work in")?;
    let image = from_environment("GARDENER_EXAMPLE_IMAGE", "the id of an AMI for x86_64 in that region")?;
    let secret = SecretData::new().with("userData", USER_DATA);
    let place = Place::account(format!("the AWS account of the environment's credentials, region {region}"));
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
    let zones = lab::zones(["a", "b", "c"].map(|zone| format!("{region}{zone}")))?;
    let region = Region::new(region)?;
    let manifests = Box::new(Aws { region: region.clone(), image: image.to_owned() });
    Ok(Lab { provider, stats, region, zones, secret, manifests, place })
}

#[derive(Debug)]
struct Aws {
    region: Region,
    image: String,
}

impl Manifests for Aws {
    fn cloud(&self) -> &'static str {
        "AWS"
    }

    fn infrastructure(&self, zones: &[Zone]) -> Value {
        let zones: Vec<_> =
            zones.iter().enumerate().map(|(index, zone)| zone_config(zone, index * 64)).collect();
        json!({
            "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "networks": { "vpc": { "cidr": "10.250.0.0/16", "gatewayEndpoints": ["s3"] }, "zones": zones },
        })
    }

    fn machine(&self, cluster: &ClusterId, infrastructure: &Infrastructure, zone: &Zone) -> Result<Value> {
        let status = &infrastructure.status;
        let zoned = |subnet: &&Value| subnet["purpose"] == "nodes" && subnet["zone"] == zone.as_str();
        let subnet = find(&status["vpc"]["subnets"], zoned, "id")?;
        let group = find(&status["vpc"]["securityGroups"], |group| group["purpose"] == "nodes", "id")?;
        let profile =
            find(&status["iam"]["instanceProfiles"], |profile| profile["purpose"] == "nodes", "name")?;
        Ok(json!({
            "ami": self.image,
            "region": self.region,
            "machineType": "m5.large",
            "iam": { "name": profile },
            "networkInterfaces": [{ "subnetID": subnet, "securityGroupIDs": [group] }],
            "blockDevices": [{ "ebs": { "volumeSize": 20, "volumeType": "gp3", "encrypted": true, "deleteOnTermination": true } }],
            "instanceMetadataOptions": { "httpTokens": "required", "httpPutResponseHopLimit": 2 },
            "srcAndDstChecksEnabled": false,
            "tags": { format!("kubernetes.io/cluster/{cluster}"): "1", "kubernetes.io/role/node": "1" },
        }))
    }

    fn bucket_removal(&self, bucket: &BucketName) -> String {
        format!("aws s3 rb --force s3://{bucket}")
    }
}

/// Slow enough to watch, fast enough for a demo.
fn demo_speed() -> SandboxOptions {
    let mut durations = Durations::instant();
    durations.nat_gateway_start = Duration::from_millis(1500);
    durations.nat_gateway_stop = Duration::from_secs(1);
    durations.instance_start = Duration::from_secs(1);
    durations.instance_stop = Duration::from_secs(1);
    let mut aws = AwsOptions::default();
    aws.durations = durations;
    SandboxOptions::default().with_latency(Duration::from_millis(20)).with_aws(aws)
}

fn key_pair(id: &str, secret: &str) -> SecretData {
    SecretData::new().with("accessKeyID", id).with("secretAccessKey", secret).with("userData", USER_DATA)
}

fn zone_config(zone: &Zone, third: usize) -> Value {
    json!({
        "name": zone,
        "workers": format!("10.250.{third}.0/19"),
        "public": format!("10.250.{}.0/20", third + 32),
        "internal": format!("10.250.{}.0/20", third + 48),
    })
}
