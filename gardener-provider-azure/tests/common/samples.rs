//! Inputs for Azure.

use gardener_provider_conformance::{BadInput, MachineSamples, Secrets};
use gardener_provider_core::{
    AzureDisk, CsiVolume, MachineClass, PersistentVolumeSpec, SecretData, VolumeId,
};
use serde_json::{Value, json};

pub(crate) const REGION: &str = "westeurope";
/// The technical id of the cluster; its neighbour's begins with it.
pub(crate) const CLUSTER: &str = "shoot--demo--app";
const NEIGHBOUR: &str = "shoot--demo--app2";

/// What only the machines know.
const USER_DATA: &str = "#cloud-config\nbootstrap-token: 9d2eaa41.f00dfeedbabe";
const USER_DATA_BASE64: &str = "I2Nsb3VkLWNvbmZpZwpib290c3RyYXAtdG9rZW46IDlkMmVhYTQxLmYwMGRmZWVkYmFiZQ";
const WRONG_SECRET: &str = "nobodys~client.secret~1111111111111";
const NOBODY: &str = "00000000-0000-0000-0000-00000000dead";

/// Who asks, in which subscription.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) client: String,
    pub(crate) secret: String,
    pub(crate) tenant: String,
    pub(crate) subscription: String,
}

impl Login {
    pub(crate) fn data(&self) -> SecretData {
        SecretData::new()
            .with("clientID", self.client.as_str())
            .with("clientSecret", self.secret.as_str())
            .with("tenantID", self.tenant.as_str())
            .with("subscriptionID", self.subscription.as_str())
            .with("userData", USER_DATA)
    }

    fn without(&self, key: &str) -> SecretData {
        let good = self.data();
        let kept = good.keys().filter(|known| *known != key);
        let value = |key: &str| good.get(key).map(|value| value.expose().clone()).unwrap_or_default();
        kept.map(|key| (key.to_owned(), value(key))).collect()
    }

    /// Credentials, the good ones being these.
    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::new(self.data())
            .with_refused("an unknown client", self.data().with("clientID", NOBODY))
            .with_refused("a wrong secret", self.data().with("clientSecret", WRONG_SECRET))
            .with_refused("an unknown tenant", self.data().with("tenantID", NOBODY))
            .with_incomplete_for_machines("userData", self.without("userData"));
        for key in ["clientID", "clientSecret", "tenantID", "subscriptionID"] {
            secrets = secrets.with_incomplete(key, self.without(key));
        }
        let confidential = [self.secret.as_str(), WRONG_SECRET, "9d2eaa41.f00dfeedbabe", USER_DATA_BASE64];
        confidential.into_iter().fold(secrets, Secrets::with_confidential)
    }
}

/// A machine with a disk of its own and one that is the copy of an image, in the cluster's own group.
fn spec(cluster: &str) -> Value {
    json!({
        "apiVersion": "mcm.gardener.cloud/v1alpha1",
        "location": REGION,
        "resourceGroup": CLUSTER,
        "subnetInfo": { "vnetName": CLUSTER, "subnetName": format!("{CLUSTER}-nodes") },
        "tags": {
            "Name": cluster,
            (format!("kubernetes.io-cluster-{cluster}")): "1",
            "kubernetes.io-role-node": "1",
        },
        "properties": {
            "hardwareProfile": { "vmSize": "Standard_D4s_v5" },
            "storageProfile": {
                "imageReference": { "urn": "sap:gardenlinux:greatest:1877.3.0" },
                "osDisk": { "diskSizeGB": 50, "createOption": "FromImage", "caching": "None",
                    "managedDisk": { "storageAccountType": "Premium_LRS" } },
                "dataDisks": [
                    { "name": "kubelet", "lun": 0, "storageAccountType": "Premium_LRS", "diskSizeGB": 20 },
                    { "name": "", "lun": 1, "storageAccountType": "StandardSSD_LRS", "diskSizeGB": 60,
                        "imageRef": { "urn": "Canonical:ubuntu-24_04-lts:server:latest" } },
                ],
            },
            "osProfile": { "adminUsername": "core",
                "linuxConfiguration": { "disablePasswordAuthentication": true } },
            "networkProfile": { "acceleratedNetworking": true },
            "zone": 1,
        },
    })
}

fn with(mut value: Value, pointer: &str, field: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    value.pointer_mut(parent).expect("the parent of a field")[key] = field;
    value
}

/// Machines of a cluster, and of its neighbour in the same resource group and subnet.
pub(crate) fn machines(secret: SecretData) -> MachineSamples {
    let class = |spec| MachineClass::new("shoot--demo--app-worker-z1", spec);
    let good = spec(CLUSTER);
    let mut samples = MachineSamples::new(class(good.clone()), secret);
    samples.neighbour = Some(class(spec(NEIGHBOUR)));
    samples.coalesced = true;
    let bad = |problem: &str, pointer: &str, value: Value, field: &str| {
        BadInput::new(problem, class(with(good.clone(), pointer, value)), field)
    };
    samples.bad = vec![
        bad("an unknown field", "/properties/hardwareProfile/size", json!("x"), "hardwareProfile.size"),
        bad("a wrong type", "/properties/zone", json!("1"), "properties.zone"),
        bad("no region", "/location", json!(null), "location"),
        bad("no subnet", "/subnetInfo/subnetName", json!(""), "subnetInfo.subnetName"),
        bad("no cluster tag", "/tags", json!({ "kubernetes.io-role-node": "1" }), "tags"),
        bad(
            "an image of three parts",
            "/properties/storageProfile/imageReference/urn",
            json!("sap:gardenlinux:greatest"),
            "imageReference.urn",
        ),
        bad(
            "two images",
            "/properties/storageProfile/imageReference/sharedGalleryImageID",
            json!("/SharedGalleries/g/Images/i/Versions/1.0.0"),
            "imageReference",
        ),
        bad("no place", "/properties/zone", json!(null), "properties.zone"),
    ];
    samples.volumes = vec![
        (csi("disk.csi.azure.com", DISK), Some(volume(DISK))),
        (csi("ebs.csi.aws.com", "vol-0a1b2c3d"), None),
        (in_tree("pvc-2"), Some(volume("pvc-2"))),
        (PersistentVolumeSpec::default(), None),
    ];
    samples.bad_volumes = vec![csi("disk.csi.azure.com", "pvc-1"), in_tree("a/b")];
    samples
}

const DISK: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/pvc-1";

fn volume(id: &str) -> VolumeId {
    VolumeId::new(id).expect("a volume id")
}

fn csi(driver: &str, handle: &str) -> PersistentVolumeSpec {
    let mut spec = PersistentVolumeSpec::default();
    spec.csi = Some(CsiVolume { driver: driver.to_owned(), volume_handle: handle.to_owned() });
    spec
}

fn in_tree(name: &str) -> PersistentVolumeSpec {
    let mut spec = PersistentVolumeSpec::default();
    spec.azure_disk = Some(AzureDisk { disk_name: name.to_owned() });
    spec
}
