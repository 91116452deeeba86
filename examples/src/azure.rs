//! Azure for the examples: in the sandbox, with the blobs on Azurite if that is installed, or a real subscription.

use std::{sync::Arc, time::Duration};

use gardener_provider_azure::{
    AzureProvider,
    credentials::CredentialSource,
    endpoints::{Endpoints, Service},
};
use gardener_provider_client::{
    clock::{Clock, SystemClock},
    observe::CallStats,
    transport::Transport,
};
use gardener_provider_conformance::tools;
use gardener_provider_core::{
    BucketName, ClusterId, Infrastructure, Provider, Region, Result, SecretData, Zone,
};
use gardener_provider_sandbox::{
    Sandbox, SandboxOptions,
    azure::{AzureOptions, Durations},
};
use serde_json::{Value, json};

use crate::{
    args::Target,
    azurite::{BLOBS, WithAzurite},
    lab::{
        self, Lab, Manifests, Place, USER_DATA, find, from_environment, is_installed, missing, no_emulator,
    },
};

/// What an example makes in a real subscription.
pub const CREATES: &str = "a resource group with a virtual network of three subnets and three NAT gateways with public IP \
    addresses, three Standard_D2s_v5 machines with disks and network interfaces, and a storage account with a container, \
    for about fifteen minutes and one dollar";

/// Azure as the command line says.
///
/// # Errors
/// `FailedPrecondition` saying what is missing.
pub fn lab(target: Target) -> Result<Lab> {
    match target {
        Target::Sandbox => {
            let on_azurite = is_installed(tools::AZURITE);
            in_sandbox(Sandbox::new(demo_speed()), Arc::new(SystemClock::default()), on_azurite)
        }
        Target::Emulator => Err(no_emulator("Azure")),
        Target::Cloud => in_subscription(),
    }
}

/// Azure in this sandbox on the sandbox's clock; its blobs are there too. The example may hold on to the sandbox for its
/// faults and journal.
///
/// # Errors
/// None in practice; a fault of the provider's set-up.
pub fn in_sandbox_at(sandbox: Sandbox, clock: Arc<dyn Clock>) -> Result<Lab> {
    in_sandbox(sandbox, clock, false)
}

fn in_sandbox(sandbox: Sandbox, clock: Arc<dyn Clock>, on_azurite: bool) -> Result<Lab> {
    let stats = Arc::new(CallStats::new());
    let (mut transport, mut endpoints): (Arc<dyn Transport>, _) =
        (Arc::new(sandbox.azure().clone()), Endpoints::public());
    if on_azurite {
        transport = Arc::new(WithAzurite::new(transport)?);
        endpoints = endpoints.with_service(Service::Blob, lab::url(BLOBS)?);
    }
    let provider = AzureProvider::builder()
        .transport(transport)
        .endpoints(endpoints)
        .clock(clock)
        .observer(Arc::clone(&stats) as _)
        .build()?;
    let client = sandbox.azure().client();
    let secret = client.secret.ok_or_else(|| missing("the sandbox's application has no secret"))?;
    let secret = SecretData::new()
        .with("clientID", client.id)
        .with("clientSecret", secret.expose().as_str())
        .with("tenantID", sandbox.azure().options().tenant.as_str())
        .with("subscriptionID", sandbox.azure().subscription())
        .with("userData", USER_DATA);
    let mut place = Place::sandbox(sandbox, |sandbox| sandbox.azure().inventory(None), None);
    if on_azurite {
        place.description.push_str(", with its blobs on Azurite");
    }
    assemble(provider, stats, "westeurope", secret, "Canonical:ubuntu-24_04-lts:server:latest", place)
}

fn in_subscription() -> Result<Lab> {
    let stats = Arc::new(CallStats::new());
    let provider = AzureProvider::builder()
        .credentials(CredentialSource::AzureCli)
        .observer(Arc::clone(&stats) as _)
        .build()?;
    let subscription = from_environment("AZURE_SUBSCRIPTION_ID", "the subscription to work in")?;
    let region = from_environment("GARDENER_EXAMPLE_REGION", "the region to work in, such as westeurope")?;
    let image = from_environment("GARDENER_EXAMPLE_IMAGE", "an image, publisher:offer:sku:version")?;
    let secret = SecretData::new().with("subscriptionID", subscription.as_str()).with("userData", USER_DATA);
    let place = Place::account(format!("the subscription {subscription}, region {region}"));
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
    let zones = lab::zones(["1", "2", "3"].map(str::to_owned))?;
    let region = Region::new(region)?;
    let manifests = Box::new(Azure { region: region.clone(), image: image.to_owned() });
    Ok(Lab { provider, stats, region, zones, secret, manifests, place })
}

#[derive(Debug)]
struct Azure {
    region: Region,
    image: String,
}

impl Manifests for Azure {
    fn cloud(&self) -> &'static str {
        "Azure"
    }

    fn infrastructure(&self, zones: &[Zone]) -> Value {
        let zone = |(index, zone): (usize, &Zone)| {
            json!({
                "name": zone.as_str().parse::<u8>().unwrap_or_default(),
                "cidr": format!("10.250.{}.0/19", index * 32),
                "natGateway": { "enabled": true },
                "serviceEndpoints": ["Microsoft.Storage"],
            })
        };
        json!({
            "apiVersion": "azure.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "zoned": true,
            "networks": {
                "vnet": { "cidr": "10.250.0.0/16" },
                "zones": zones.iter().enumerate().map(zone).collect::<Vec<_>>(),
            },
        })
    }

    fn machine(&self, cluster: &ClusterId, infrastructure: &Infrastructure, zone: &Zone) -> Result<Value> {
        let status = &infrastructure.status;
        let zoned = |subnet: &&Value| subnet["purpose"] == "nodes" && subnet["zone"] == zone.as_str();
        let subnet = find(&status["networks"]["subnets"], zoned, "name")?;
        Ok(json!({
            "location": self.region,
            "resourceGroup": status["resourceGroup"]["name"],
            "subnetInfo": { "vnetName": status["networks"]["vnet"]["name"], "subnetName": subnet },
            "tags": { "Name": cluster, format!("kubernetes.io-cluster-{cluster}"): "1", "kubernetes.io-role-node": "1" },
            "properties": {
                "hardwareProfile": { "vmSize": "Standard_D2s_v5" },
                "storageProfile": {
                    "imageReference": { "urn": self.image },
                    "osDisk": { "caching": "None", "createOption": "FromImage", "diskSizeGB": 50, "managedDisk": { "storageAccountType": "Premium_LRS" } },
                    "dataDisks": [{ "name": "kubelet", "lun": 0, "diskSizeGB": 20, "storageAccountType": "StandardSSD_LRS" }],
                },
                "osProfile": { "adminUsername": "core", "linuxConfiguration": { "disablePasswordAuthentication": true } },
                "networkProfile": { "acceleratedNetworking": true },
                "zone": zone.as_str().parse::<u8>().unwrap_or_default(),
            },
        }))
    }

    fn bucket_removal(&self, bucket: &BucketName) -> String {
        format!("az group delete --name {bucket}")
    }
}

/// Slow enough to watch, fast enough for a demo.
fn demo_speed() -> SandboxOptions {
    let mut durations = Durations::instant();
    durations.nat_gateway = Duration::from_millis(1500);
    durations.vm_start = Duration::from_secs(1);
    durations.vm_stop = Duration::from_secs(1);
    durations.retry_after = Duration::from_secs(1);
    let mut azure = AzureOptions::default();
    azure.durations = durations;
    SandboxOptions::default().with_latency(Duration::from_millis(20)).with_azure(azure)
}
