//! Inputs for Azure.

use gardener_provider_conformance::{BadInput, InfrastructureSamples, Secrets};
use gardener_provider_core::{ClusterId, InfrastructureRequest, Region, SecretData};
use serde_json::{Value, json};

/// What only the machines know.
pub(crate) const USER_DATA: &str = "#cloud-config\nbootstrap-token: 9d2eaa41.f00dfeedbabe";
const USER_DATA_BASE64: &str = "I2Nsb3VkLWNvbmZpZwpib290c3RyYXAtdG9rZW46IDlkMmVhYTQxLmYwMGRmZWVkYmFiZQ";
const WRONG_SECRET: &str = "nobodys~client.secret_1111111111111111";
const NOBODY: &str = "dddddddd-0000-0000-0000-00000000000d";
/// The region of everything.
pub(crate) const REGION: &str = "westeurope";
/// The resource group of what the user gives.
pub(crate) const THEIRS: &str = "conformance-user";

pub(crate) fn region() -> Region {
    Region::new(REGION).expect("a region")
}

/// Credentials, the good ones being these.
pub(crate) fn secrets(good: &SecretData, client_secret: &str) -> Secrets {
    let without = |key: &str| {
        let keys: Vec<String> = good.keys().filter(|known| *known != key).map(str::to_owned).collect();
        let copied = keys.into_iter().map(|key| {
            let value = good.get(&key).map(|value| value.expose().clone()).unwrap_or_default();
            (key, value)
        });
        copied.collect::<SecretData>()
    };
    Secrets::new(good.clone())
        .with_refused("an unknown application", good.clone().with("clientID", NOBODY))
        .with_refused("a wrong secret", good.clone().with("clientSecret", WRONG_SECRET))
        .with_refused("an unknown tenant", good.clone().with("tenantID", NOBODY))
        .with_incomplete("clientID", without("clientID"))
        .with_incomplete("clientSecret", without("clientSecret"))
        .with_incomplete("tenantID", without("tenantID"))
        .with_incomplete("subscriptionID", without("subscriptionID"))
        .with_incomplete_for_machines("userData", without("userData"))
        .with_confidential(client_secret)
        .with_confidential(WRONG_SECRET)
        .with_confidential("9d2eaa41.f00dfeedbabe")
        .with_confidential(USER_DATA_BASE64)
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

fn config(networks: Value) -> Value {
    json!({
        "apiVersion": "azure.provider.extensions.gardener.cloud/v1alpha1",
        "kind": "InfrastructureConfig",
        "networks": networks,
        "zoned": true,
    })
}

/// One subnet in the user's network.
fn in_their_network(workers: &str) -> Value {
    config(json!({ "vnet": { "name": "theirs", "resourceGroup": THEIRS }, "workers": workers }))
}

/// One subnet with a NAT gateway.
fn one_subnet() -> Value {
    config(json!({
        "vnet": { "cidr": "10.250.0.0/16" },
        "workers": "10.250.0.0/19",
        "natGateway": { "enabled": true, "zone": 1 },
    }))
}

/// A subnet for each zone, with all that there can be. The first has the CIDR of the one subnet.
fn three_zones(identity: &str) -> Value {
    let zone = |number: u8| {
        json!({
            "name": number,
            "cidr": format!("10.250.{}.0/19", (number - 1) * 32),
            "natGateway": { "enabled": true, "idleConnectionTimeoutMinutes": 10 },
            "serviceEndpoints": ["Microsoft.Storage"],
        })
    };
    let config = config(json!({
        "vnet": { "cidr": "10.250.0.0/16" },
        "zones": (1..=3).map(zone).collect::<Vec<_>>(),
    }));
    let config =
        with(config, "/identity", json!({ "name": identity, "resourceGroup": THEIRS, "acrAccess": true }));
    let address = json!([{ "name": "egress", "resourceGroup": THEIRS }]);
    with(config, "/networks/zones/2/natGateway/ipAddresses", address)
}

/// Infrastructures in the user's network and in one of our own.
pub(crate) fn infrastructure(secret: &SecretData) -> InfrastructureSamples {
    let request = |cluster: &str, config| {
        let cluster = ClusterId::new(cluster).expect("a technical id");
        InfrastructureRequest::new(cluster, region(), config, secret.clone())
    };
    let ours = |config| request("shoot--demo--app", config);
    let mut samples =
        InfrastructureSamples::new("in an existing network", ours(in_their_network("10.100.0.0/24")))
            .with_shape("one subnet", ours(one_subnet()))
            .with_shape("three zones", ours(three_zones("nodes")))
            .with_change("one subnet", "three zones");
    samples.neighbour = Some(request("shoot--demo--app2", in_their_network("10.100.1.0/24")));
    let bad = |problem: &str, config: Value, field: &str| BadInput::new(problem, ours(config), field);
    samples.bad = vec![
        bad("an unknown field", with(one_subnet(), "/networks/vnets", json!({})), "vnets"),
        bad("a wrong type", with(one_subnet(), "/networks/zones", json!("1")), "zones"),
        bad("no CIDR", with(one_subnet(), "/networks/vnet/cidr", json!("10.250.0.0")), "cidr"),
        bad("a subnet elsewhere", with(one_subnet(), "/networks/workers", json!("10.1.0.0/24")), "workers"),
        bad("half a network", with(one_subnet(), "/networks/vnet/name", json!("theirs")), "resourceGroup"),
        bad(
            "a network that is not there",
            with(in_their_network("10.100.0.0/24"), "/networks/vnet/name", json!("none")),
            "networks.vnet.name",
        ),
        bad(
            "an address that is not there",
            with(
                three_zones("nodes"),
                "/networks/zones/2/natGateway/ipAddresses",
                json!([{ "name": "none", "resourceGroup": THEIRS }]),
            ),
            "networks.zones[2].natGateway.ipAddresses[0]",
        ),
        bad("an identity that is not there", three_zones("nobody"), "identity.name"),
    ];
    samples
}
