//! AWS for the examples: in the sandbox, on moto, or a real account.

use std::{sync::Arc, time::Duration};

use gardener_provider_aws::{AwsProvider, credentials::CredentialSource, endpoints::Endpoints};
use gardener_provider_client::{
    clock::{Clock, SystemClock},
    observe::CallStats,
};
use gardener_provider_conformance::tools::{self, Moto, MotoOptions};
use gardener_provider_core::{
    BucketName, ClusterId, Error, ErrorKind, Infrastructure, InfrastructureRequest, ListMachinesRequest,
    Machine, MachineClass, MachineRequest, Provider, Region, Result, SecretData, Zone,
};
use gardener_provider_sandbox::{
    Sandbox, SandboxOptions,
    aws::{AwsOptions, Durations},
};
use serde_json::{Value, json};

use crate::args::{Args, Target};

/// What user data an example's machines start with.
const USER_DATA: &str = "#cloud-config\n";

/// A provider for AWS and all that an example needs to use it.
#[derive(Debug)]
pub struct Aws {
    /// The provider.
    pub provider: Provider,
    /// Counts its calls.
    pub stats: Arc<CallStats>,
    /// The region that examples work in.
    pub region: Region,
    /// Three of its zones.
    pub zones: Vec<Zone>,
    /// The secret that requests carry.
    pub secret: SecretData,
    image: String,
    place: Place,
}

/// What answers. Dropping an emulator stops it.
#[derive(Debug)]
enum Place {
    Sandbox(Sandbox),
    Emulator(Moto),
    Account,
}

impl Aws {
    /// AWS as the command line says.
    ///
    /// # Errors
    /// `FailedPrecondition` saying what is missing.
    pub fn new(args: &Args) -> Result<Self> {
        match args.target {
            Target::Sandbox => {
                Self::in_sandbox_at(Sandbox::new(demo_speed()), Arc::new(SystemClock::default()))
            }
            Target::Emulator => Self::on_moto(),
            Target::Cloud => Self::in_account(),
        }
    }

    /// AWS in this sandbox on the sandbox's clock. The example may hold on to the sandbox for its faults and journal.
    ///
    /// # Errors
    /// None in practice; a fault of the provider's set-up.
    pub fn in_sandbox_at(sandbox: Sandbox, clock: Arc<dyn Clock>) -> Result<Self> {
        let stats = Arc::new(CallStats::new());
        let provider = AwsProvider::builder()
            .transport(Arc::new(sandbox.aws().clone()))
            .clock(clock)
            .observer(Arc::clone(&stats) as _)
            .build()?;
        let key = sandbox.aws().access_key();
        let secret = key_pair(&key.id, key.secret.expose());
        Self::assemble(provider, stats, "eu-west-1", secret, "ami-0a1b2c3d4e5f60001", Place::Sandbox(sandbox))
    }

    fn on_moto() -> Result<Self> {
        let moto = tools::moto("--target emulator", &MotoOptions::default()).ok_or_else(|| {
            missing("moto is not installed; `cargo xtask demo --target emulator` installs it and runs the demo with it")
        })?;
        let stats = Arc::new(CallStats::new());
        let provider = AwsProvider::builder()
            .endpoints(Endpoints::all_at(moto_url(&moto)?))
            .rates(Vec::new())
            .observer(Arc::clone(&stats) as _)
            .build()?;
        let secret = key_pair("testing", "testing");
        Self::assemble(provider, stats, "eu-west-1", secret, "ami-12c6146b", Place::Emulator(moto))
    }

    fn in_account() -> Result<Self> {
        let stats = Arc::new(CallStats::new());
        let provider = AwsProvider::builder()
            .credentials(CredentialSource::Ambient)
            .observer(Arc::clone(&stats) as _)
            .build()?;
        let region = from_environment("AWS_REGION", "the region to work in")?;
        let image = from_environment("GARDENER_EXAMPLE_IMAGE", "the id of an AMI for x86_64 in that region")?;
        let secret = SecretData::new().with("userData", USER_DATA);
        Self::assemble(provider, stats, &region, secret, &image, Place::Account)
    }

    fn assemble(
        provider: Provider,
        stats: Arc<CallStats>,
        region: &str,
        secret: SecretData,
        image: &str,
        place: Place,
    ) -> Result<Self> {
        let zones =
            ["a", "b", "c"].iter().map(|zone| Zone::new(format!("{region}{zone}"))).collect::<Result<_>>()?;
        let (region, image) = (Region::new(region)?, image.to_owned());
        Ok(Self { provider, stats, region, zones, secret, image, place })
    }

    /// Where the resources are made, for people.
    pub fn describe(&self) -> String {
        match &self.place {
            Place::Sandbox(_) => "the embedded sandbox".to_owned(),
            Place::Emulator(moto) => format!("moto at {}", moto.endpoint()),
            Place::Account => {
                format!("the AWS account of the environment's credentials, region {}", self.region)
            }
        }
    }

    /// What there is in the cloud that the provider need not know of; `None` where only the provider can tell.
    pub fn inventory(&self) -> Option<Vec<String>> {
        match &self.place {
            Place::Sandbox(sandbox) => Some(
                sandbox
                    .aws()
                    .inventory(None)
                    .iter()
                    .map(|thing| format!("{} {}", thing.kind, thing.id))
                    .collect(),
            ),
            Place::Emulator(_) | Place::Account => None,
        }
    }

    /// A network over three zones.
    pub fn infrastructure(&self, cluster: &ClusterId) -> InfrastructureRequest {
        let zones: Vec<_> =
            self.zones.iter().enumerate().map(|(index, zone)| zone_config(zone, index * 64)).collect();
        let config = json!({
            "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "networks": { "vpc": { "cidr": "10.250.0.0/16", "gatewayEndpoints": ["s3"] }, "zones": zones },
        });
        InfrastructureRequest::new(cluster.clone(), self.region.clone(), config, self.secret.clone())
    }

    /// The class of the machines in a zone of that infrastructure.
    ///
    /// # Errors
    /// `FailedPrecondition` if the infrastructure's status lacks what a machine needs.
    pub fn machine_class(
        &self,
        cluster: &ClusterId,
        infrastructure: &Infrastructure,
        zone: &Zone,
    ) -> Result<MachineClass> {
        let status = &infrastructure.status;
        let zoned = |subnet: &&Value| subnet["purpose"] == "nodes" && subnet["zone"] == zone.as_str();
        let subnet = find(&status["vpc"]["subnets"], zoned, "id")?;
        let group = find(&status["vpc"]["securityGroups"], |group| group["purpose"] == "nodes", "id")?;
        let profile =
            find(&status["iam"]["instanceProfiles"], |profile| profile["purpose"] == "nodes", "name")?;
        let spec = json!({
            "ami": self.image,
            "region": self.region,
            "machineType": "m5.large",
            "iam": { "name": profile },
            "networkInterfaces": [{ "subnetID": subnet, "securityGroupIDs": [group] }],
            "blockDevices": [{ "ebs": { "volumeSize": 20, "volumeType": "gp3", "encrypted": true, "deleteOnTermination": true } }],
            "instanceMetadataOptions": { "httpTokens": "required", "httpPutResponseHopLimit": 2 },
            "srcAndDstChecksEnabled": false,
            "tags": { format!("kubernetes.io/cluster/{cluster}"): "1", "kubernetes.io/role/node": "1" },
        });
        Ok(MachineClass::new(format!("{cluster}-worker-{zone}"), spec))
    }

    /// A machine of a class. Its UID would come from its Machine object; here the name serves.
    ///
    /// # Errors
    /// `InvalidArgument` if the name is not a good one.
    pub fn machine(&self, class: &MachineClass, number: usize) -> Result<MachineRequest> {
        let name = format!("{}-{number}", class.name);
        let machine = Machine::new(name.parse()?, format!("uid-{name}").parse()?);
        Ok(MachineRequest::new(machine, class.clone(), self.secret.clone()))
    }

    /// A request for all machines of a class's cluster.
    pub fn machines(&self, class: &MachineClass) -> ListMachinesRequest {
        ListMachinesRequest::new(class.clone(), self.secret.clone())
    }

    /// A bucket name that nobody else has: bucket names are unique over all accounts.
    ///
    /// # Errors
    /// None in practice.
    pub fn bucket_name(&self) -> Result<BucketName> {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        BucketName::new(format!("gardener-example-{}-{}", now.as_secs(), std::process::id()))
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

fn find(list: &Value, matches: impl Fn(&&Value) -> bool, field: &str) -> Result<String> {
    let entry = list.as_array().into_iter().flatten().find(matches);
    let value = entry.and_then(|entry| entry[field].as_str());
    value
        .map(str::to_owned)
        .ok_or_else(|| missing(&format!("the infrastructure's status has no such {field}")))
}

fn from_environment(variable: &str, what: &str) -> Result<String> {
    std::env::var(variable).map_err(|_| missing(&format!("set {variable}: {what}")))
}

fn missing(message: &str) -> Error {
    Error::new(ErrorKind::FailedPrecondition, message)
}

fn moto_url(moto: &Moto) -> Result<url::Url> {
    url::Url::parse(&moto.endpoint()).map_err(|error| missing(&format!("moto's address is no URL: {error}")))
}
