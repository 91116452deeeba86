//! Machines on Azure: inputs, and the network that they need.

use gardener_provider_azure::api::{
    ResourceId,
    network::{self, Properties},
    subnets::SubnetProperties,
    virtual_networks::VirtualNetworkProperties,
};
use gardener_provider_conformance::{BadInput, MachineSamples};
use gardener_provider_core::{
    AzureDisk, CsiVolume, MachineClass, PersistentVolumeSpec, SecretData, VolumeId,
};
use serde_json::{Value, json};

use super::{operator::Operator, samples::REGION};

/// The technical id of the cluster; its neighbour's begins with it.
pub(crate) const CLUSTER: &str = "shoot--demo--app";
const NEIGHBOUR: &str = "shoot--demo--app2";

/// A machine with a disk of its own and one that is the copy of an image, in the cluster's own group.
pub(crate) fn spec(cluster: &str) -> Value {
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

pub(crate) fn with(mut value: Value, pointer: &str, field: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    value.pointer_mut(parent).expect("the parent of a field")[key] = field;
    value
}

/// A class of this spec.
pub(crate) fn class(spec: Value) -> MachineClass {
    MachineClass::new("shoot--demo--app-worker-z1", spec)
}

/// Machines of a cluster, and of its neighbour in the same resource group and subnet.
pub(crate) fn machines(secret: SecretData) -> MachineSamples {
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

impl Operator {
    /// A group with a virtual network and a subnet for nodes, all of this name.
    pub(crate) async fn network(&self, name: &str) {
        let network = self.group(name).await.network("virtualNetworks", name);
        let body = json!({
            "location": REGION, "properties": { "addressSpace": { "addressPrefixes": ["10.250.0.0/16"] } },
        });
        self.put::<VirtualNetworkProperties>(&network, body).await;
        self.subnet(&network.child("subnets", &format!("{name}-nodes")), "10.250.0.0/19").await;
    }

    /// A subnet.
    pub(crate) async fn subnet(&self, id: &ResourceId, cidr: &str) {
        self.put::<SubnetProperties>(id, json!({ "properties": { "addressPrefix": cidr } })).await;
    }

    async fn put<P: Properties>(&self, id: &ResourceId, body: Value) {
        let resource = serde_json::from_value::<network::Resource<P>>(body).expect("a resource");
        self.session.change(&network::put(id, &resource, None)).await.expect("to be made");
    }
}
