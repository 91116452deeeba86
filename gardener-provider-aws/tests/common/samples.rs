//! Inputs for AWS.

use gardener_provider_conformance::{
    BadInput, InfrastructureSamples, MachineSamples, Secrets, StorageSamples,
};
use gardener_provider_core::{
    AwsElasticBlockStore, BucketName, BucketSpec, ClusterId, CsiVolume, InfrastructureRequest, MachineClass,
    PersistentVolumeSpec, Region, Retention, RetentionMode, SecretData, VolumeId,
};
use serde_json::{Value, json};
use std::time::Duration;

use super::account::Network;

/// The instance profile of the machines.
pub(crate) const PROFILE: &str = "conformance-nodes";
/// What only the machines know.
pub(crate) const USER_DATA: &str = "#cloud-config\nbootstrap-token: 9d2eaa41.f00dfeedbabe";
const USER_DATA_BASE64: &str = "I2Nsb3VkLWNvbmZpZwpib290c3RyYXAtdG9rZW46IDlkMmVhYTQxLmYwMGRmZWVkYmFiZQ";
const WRONG_KEY: &str = "nobodys/secret+access+key+1111111111111";
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn region() -> Region {
    Region::new("eu-west-1").expect("a region")
}

pub(crate) fn key_pair(id: &str, secret: &str) -> SecretData {
    SecretData::new().with("accessKeyID", id).with("secretAccessKey", secret).with("userData", USER_DATA)
}

/// Credentials, the good ones being these.
pub(crate) fn secrets(id: &str, secret: &str) -> Secrets {
    let without = |key: &str| {
        let good = key_pair(id, secret);
        let keys: Vec<String> = good.keys().filter(|known| *known != key).map(str::to_owned).collect();
        keys.into_iter()
            .map(|key| {
                let value = good.get(&key).map(|value| value.expose().clone()).unwrap_or_default();
                (key, value)
            })
            .collect::<SecretData>()
    };
    Secrets::new(key_pair(id, secret))
        .with_incomplete("accessKeyID", without("accessKeyID"))
        .with_incomplete("secretAccessKey", without("secretAccessKey"))
        .with_incomplete_for_machines("userData", without("userData"))
        .with_confidential(secret)
        .with_confidential(WRONG_KEY)
        .with_confidential("9d2eaa41.f00dfeedbabe")
        .with_confidential(USER_DATA_BASE64)
}

/// Adds what a server that checks signatures refuses.
pub(crate) fn with_refused(secrets: Secrets, id: &str) -> Secrets {
    secrets
        .with_refused("an unknown key", key_pair("AKIANOBODYNOBODY0000", WRONG_KEY))
        .with_refused("a wrong secret", key_pair(id, WRONG_KEY))
}

fn spec(cluster: &str, network: &Network) -> Value {
    json!({
        "apiVersion": "mcm.gardener.cloud/v1alpha1",
        "ami": "ami-0a1b2c3d4e5f60001",
        "machineType": "m5.large",
        "region": "eu-west-1",
        "iam": { "name": PROFILE },
        "networkInterfaces": [{ "subnetID": network.subnet, "securityGroupIDs": [network.group] }],
        "blockDevices": [{ "ebs": { "volumeSize": 50, "volumeType": "gp3", "encrypted": true } }],
        "tags": { (format!("kubernetes.io/cluster/{cluster}")): "1", "kubernetes.io/role/node": "1" },
    })
}

fn with(mut value: Value, pointer: &str, field: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = value.pointer_mut(parent).expect("the parent of a field");
    match (parent, key.parse::<usize>()) {
        (Value::Array(items), Ok(index)) => items[index] = field,
        (parent, _) => parent[key] = field,
    }
    value
}

fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().expect("an object").remove(key);
    value
}

/// Machines in this network.
pub(crate) fn machines(network: &Network, ami: &str, secret: SecretData) -> MachineSamples {
    let spec = |cluster| with(spec(cluster, network), "/ami", json!(ami));
    let class = |spec| MachineClass::new("shoot--demo--app-worker-z1", spec);
    let good = spec("shoot--demo--app");
    let mut samples = MachineSamples::new(class(good.clone()), secret);
    samples.neighbour = Some(class(spec("shoot--demo--app2")));
    samples.uninitialized = Some(class(with(good.clone(), "/srcAndDstChecksEnabled", json!(false))));
    samples.coalesced = true;
    let bad = |problem: &str, spec: Value, field: &str| BadInput::new(problem, class(spec), field);
    samples.bad = vec![
        bad("an unknown field", with(good.clone(), "/machineTyp", json!("m5.large")), "machineTyp"),
        bad("a wrong type", with(good.clone(), "/ebsOptimized", json!("yes")), "ebsOptimized"),
        bad("no image", without(good.clone(), "ami"), "ami"),
        bad("no network interface", with(good.clone(), "/networkInterfaces", json!([])), "networkInterfaces"),
        bad("no subnet", with(good.clone(), "/networkInterfaces/0/subnetID", json!("")), "subnetID"),
        bad("no cluster tag", with(good.clone(), "/tags", json!({ "kubernetes.io/role/node": "1" })), "tags"),
        bad(
            "an unknown volume type",
            with(good.clone(), "/blockDevices/0/ebs/volumeType", json!("gp9")),
            "volumeType",
        ),
        bad(
            "two ways to the role",
            with(good, "/iam/arn", json!("arn:aws:iam::1:instance-profile/p")),
            "iam",
        ),
    ];
    samples.volumes = vec![
        (csi("ebs.csi.aws.com", "vol-0a1b2c3d"), Some(volume("vol-0a1b2c3d"))),
        (csi("disk.csi.azure.com", "/subscriptions/s/disks/d"), None),
        (in_tree("aws://eu-west-1a/vol-0b2c3d4e"), Some(volume("vol-0b2c3d4e"))),
        (PersistentVolumeSpec::default(), None),
    ];
    samples.bad_volumes = vec![csi("ebs.csi.aws.com", "disk-1"), in_tree("aws://eu-west-1a/")];
    samples
}

fn volume(id: &str) -> VolumeId {
    VolumeId::new(id).expect("a volume id")
}

fn csi(driver: &str, handle: &str) -> PersistentVolumeSpec {
    let mut spec = PersistentVolumeSpec::default();
    spec.csi = Some(CsiVolume { driver: driver.to_owned(), volume_handle: handle.to_owned() });
    spec
}

fn in_tree(id: &str) -> PersistentVolumeSpec {
    let mut spec = PersistentVolumeSpec::default();
    spec.aws_elastic_block_store = Some(AwsElasticBlockStore { volume_id: id.to_owned() });
    spec
}

fn config(zones: &str) -> Value {
    let zone = |(n, zone): (usize, char)| {
        json!({
            "name": format!("eu-west-1{zone}"),
            "workers": format!("10.250.{n}.0/24"),
            "public": format!("10.250.{}.0/24", 96 + n),
            "internal": format!("10.250.{}.0/24", 112 + n),
        })
    };
    json!({
        "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1",
        "kind": "InfrastructureConfig",
        "networks": {
            "vpc": { "cidr": "10.250.0.0/16" },
            "zones": zones.chars().enumerate().map(zone).collect::<Vec<_>>(),
        },
    })
}

/// Infrastructures of one and of three zones.
pub(crate) fn infrastructure(secret: &SecretData) -> InfrastructureSamples {
    let request = |cluster: &str, config| {
        let cluster = ClusterId::new(cluster).expect("a technical id");
        InfrastructureRequest::new(cluster, region(), config, secret.clone()).with_ssh_public_key(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH2sMwJ0k6YcGZ3W8fJx0mQx3kN0lJ2bWm0o8hD5bq5W core",
        )
    };
    let ours = |config| request("shoot--demo--app", config);
    let three = with(config("abc"), "/networks/vpc/gatewayEndpoints", json!(["s3"]));
    let mut samples = InfrastructureSamples::new("one zone", ours(config("a")))
        .with_shape("three zones", ours(three))
        .with_change("one zone", "three zones");
    samples.neighbour = Some(request("shoot--demo--app2", config("a")));
    let bad = |problem: &str, config: Value, field: &str| BadInput::new(problem, ours(config), field);
    samples.bad = vec![
        bad("an unknown field", with(config("a"), "/networks/vpcs", json!({})), "vpcs"),
        bad("a wrong type", with(config("a"), "/networks/zones", json!("eu-west-1a")), "zones"),
        bad("no CIDR", with(config("a"), "/networks/vpc/cidr", json!("10.250.0.0")), "cidr"),
        bad(
            "a subnet elsewhere",
            with(config("a"), "/networks/zones/0/workers", json!("10.1.0.0/24")),
            "workers",
        ),
        bad("no zone", with(config("a"), "/networks/zones", json!([])), "zones"),
    ];
    samples
}

/// Buckets.
pub(crate) fn storage(secret: &SecretData) -> StorageSamples {
    let name = BucketName::new("shoot-demo-etcd-backups").expect("a name");
    let spec = BucketSpec::new(name, region());
    let mut samples = StorageSamples::new(spec.clone(), secret.clone());
    samples.versioned = Some(spec.clone().with_versioning(true));
    let config = |fields: Value| {
        let mut config = json!({
            "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "BackupBucketConfig",
        });
        config.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        spec.clone().with_config(config)
    };
    samples.bad = vec![
        BadInput::new("an unknown field", config(json!({ "imutability": {} })), "imutability"),
        BadInput::new(
            "less than a day",
            config(
                json!({ "immutability": { "retentionType": "bucket", "retentionPeriod": "1h", "mode": "governance" } }),
            ),
            "retentionPeriod",
        ),
    ];
    let governance = |days| Retention::new(DAY * days, RetentionMode::Governance);
    let compliance = |days| Retention::new(DAY * days, RetentionMode::Compliance);
    samples.retentions = vec![
        (governance(2), Some(governance(5)), true),
        (governance(5), Some(governance(2)), true),
        (governance(2), Some(compliance(2)), true),
        (compliance(2), Some(compliance(3)), true),
        (compliance(3), Some(compliance(2)), false),
        (compliance(3), Some(governance(3)), false),
        (compliance(3), None, false),
    ];
    samples
}
