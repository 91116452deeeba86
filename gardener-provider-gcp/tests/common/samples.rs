//! Inputs for Google Cloud.

use gardener_provider_conformance::{BadInput, InfrastructureSamples, Secrets};
use gardener_provider_core::{ClusterId, InfrastructureRequest, IpFamily, Networking, Region, SecretData};
use gardener_provider_sandbox::gcp::ServiceAccountKey;
use serde_json::{Value, json};

pub(crate) const REGION: &str = "europe-west1";
/// The user's VPC and the router in it.
pub(crate) const THEIR_VPC: &str = "theirs";
pub(crate) const THEIR_ROUTER: &str = "their-router";
/// What only the machines know.
pub(crate) const USER_DATA: &str = "#cloud-config\nbootstrap-token: 9d2eaa41.f00dfeedbabe";
const KEY_FILE: &str = "serviceaccount.json";

pub(crate) fn region() -> Region {
    Region::new(REGION).expect("a region")
}

pub(crate) fn key_file(key: &ServiceAccountKey) -> SecretData {
    SecretData::new().with(KEY_FILE, key.to_json().expose().as_str()).with("userData", USER_DATA)
}

fn without(secret: &SecretData, key: &str) -> SecretData {
    let keys: Vec<String> = secret.keys().filter(|known| *known != key).map(str::to_owned).collect();
    let value = |key: &String| secret.get(key).map(|value| value.expose().clone()).unwrap_or_default();
    keys.into_iter().map(|key| (key.clone(), value(&key))).collect()
}

/// Credentials: a key that is good, and one that was deleted.
pub(crate) fn secrets(key: &ServiceAccountKey, deleted: &ServiceAccountKey) -> Secrets {
    let good = key_file(key);
    let mut secrets = Secrets::new(good.clone())
        .with_refused("a key that was deleted", key_file(deleted))
        .with_incomplete(KEY_FILE, without(&good, KEY_FILE))
        .with_incomplete_for_machines("userData", without(&good, "userData"))
        .with_confidential("9d2eaa41.f00dfeedbabe");
    let pem = key.private_key.expose();
    for line in pem.lines().filter(|line| !line.starts_with("-----")) {
        secrets = secrets.with_confidential(line);
    }
    secrets
}

fn with(mut value: Value, pointer: &str, field: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    value.pointer_mut(parent).expect("the parent of a field")[key] = field;
    value
}

fn config(workers: &str) -> Value {
    json!({
        "apiVersion": "gcp.provider.extensions.gardener.cloud/v1alpha1",
        "kind": "InfrastructureConfig",
        "networks": { "workers": workers },
    })
}

fn all_options() -> Value {
    let config = with(config("10.250.0.0/16"), "/networks/internal", json!("10.251.0.0/24"));
    let logs = json!({ "aggregationInterval": "INTERVAL_5_SEC", "flowSampling": 0.2 });
    let config = with(config, "/networks/flowLogs", logs);
    let nat = json!({
        "enableDynamicPortAllocation": true, "minPortsPerVM": 64, "maxPortsPerVM": 4096,
        "udpIdleTimeoutSec": 45,
    });
    with(config, "/networks/cloudNAT", nat)
}

/// Infrastructures: the smallest, one with both families and all options, one in a VPC of the user's.
pub(crate) fn infrastructure(secret: &SecretData) -> InfrastructureSamples {
    let request = |cluster: &str, config, families: &[IpFamily]| {
        let cluster = ClusterId::new(cluster).expect("a technical id");
        let mut networking = Networking::default().with_ip_families(families);
        networking.nodes = Some("10.250.0.0/16".to_owned());
        networking.pods = Some("192.168.0.0/16".to_owned());
        networking.services = Some("100.64.0.0/13".to_owned());
        InfrastructureRequest::new(cluster, region(), config, secret.clone()).with_networking(networking)
    };
    let ours = |config| request("shoot--demo--app", config, &[IpFamily::V4]);
    let all = request("shoot--demo--app", all_options(), &[IpFamily::V4, IpFamily::V6]);
    let vpc = json!({ "name": THEIR_VPC, "cloudRouter": { "name": THEIR_ROUTER } });
    let small = || config("10.250.0.0/18");
    let mut samples = InfrastructureSamples::new("workers alone", ours(small()))
        .with_shape("in a given VPC", ours(with(small(), "/networks/vpc", vpc)))
        .with_shape("both families and all options", all)
        .with_change("workers alone", "both families and all options");
    samples.neighbour = Some(request("shoot--demo--app-2", small(), &[IpFamily::V4]));
    let bad = |problem: &str, config: Value, field: &str| BadInput::new(problem, ours(config), field);
    samples.bad = vec![
        bad("an unknown field", with(small(), "/networks/vpcs", json!({})), "vpcs"),
        bad("a wrong type", with(small(), "/networks/workers", json!(["10.250.0.0/18"])), "workers"),
        bad("no CIDR", with(small(), "/networks/workers", json!("10.250.0.0")), "workers"),
        bad("no workers", with(small(), "/networks/workers", json!("")), "workers"),
        bad("workers elsewhere", with(small(), "/networks/workers", json!("10.1.0.0/24")), "workers"),
        bad(
            "a VPC without router",
            with(small(), "/networks/vpc", json!({ "name": THEIR_VPC })),
            "cloudRouter",
        ),
        bad(
            "a VPC that does not exist",
            with(
                small(),
                "/networks/vpc",
                json!({ "name": "none", "cloudRouter": { "name": THEIR_ROUTER } }),
            ),
            "networks.vpc.name",
        ),
        bad(
            "an odd number of ports",
            with(all_options(), "/networks/cloudNAT/minPortsPerVM", json!(65)),
            "minPortsPerVM",
        ),
    ];
    samples
}
