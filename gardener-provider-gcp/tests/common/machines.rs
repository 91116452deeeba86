//! Machines on Google Cloud: inputs, and what cases need to be done to them.

use gardener_provider_conformance::{BadInput, MachineSamples};
use gardener_provider_core::{
    CsiVolume, GcePersistentDisk, MachineClass, MachineRequest, PersistentVolumeSpec, Redacted, SecretData,
    VolumeId,
};
use gardener_provider_gcp::{
    UID_LABEL,
    api::{
        Mutation, Operation, RestRequest, compute,
        instances::{self, Insert, Labels},
    },
    provider_spec::ProviderSpec,
};
use serde_json::{Value, json};

use super::{account::Operator, samples::REGION};

/// The network of the machines and its subnet.
const NETWORK: &str = "machines";
const ZONE: &str = "europe-west1-b";
const OTHER_ZONE: &str = "europe-west1-c";

fn spec(cluster: &str) -> Value {
    json!({
        "canIpForward": true,
        "deletionProtection": false,
        "description": "Machine of Shoot app created by machine-controller-manager.",
        "disks": [
            {
                "autoDelete": true, "boot": true, "sizeGb": 50, "type": "pd-balanced",
                "image": "projects/debian-cloud/global/images/family/debian-12",
                "labels": { "name": "app" },
            },
            { "autoDelete": true, "boot": false, "sizeGb": 20, "type": "pd-ssd", "labels": { "name": "app" } },
        ],
        "labels": { "name": "app" },
        "machineType": "n1-standard-2",
        "networkInterfaces": [{ "subnetwork": NETWORK, "disableExternalIP": true }],
        "scheduling": { "automaticRestart": true, "onHostMaintenance": "MIGRATE", "preemptible": false },
        "serviceAccounts": [],
        "tags": [cluster, format!("kubernetes-io-cluster-{cluster}"), "kubernetes-io-role-node"],
        "region": REGION,
        "zone": ZONE,
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

/// Machines in the network of [`Operator::give_a_network`].
pub(crate) fn samples(secret: SecretData) -> MachineSamples {
    let class = |spec| MachineClass::new("shoot--demo--app-worker-z1", spec);
    let good = || spec("shoot--demo--app");
    let mut samples = MachineSamples::new(class(good()), secret);
    samples.neighbour = Some(class(with(spec("shoot--demo--app2"), "/zone", json!(OTHER_ZONE))));
    samples.coalesced = true;
    let bad = |problem: &str, spec: Value, field: &str| BadInput::new(problem, class(spec), field);
    samples.bad = vec![
        bad("an unknown field", with(good(), "/machineTyp", json!("n1")), "machineTyp"),
        bad("a wrong type", with(good(), "/canIpForward", json!("yes")), "canIpForward"),
        bad("no machine type", with(good(), "/machineType", json!("")), "machineType"),
        bad("no disk", with(good(), "/disks", json!([])), "disks"),
        bad("no image", with(good(), "/disks/0/image", json!("")), "disks[0].image"),
        bad("no network interface", with(good(), "/networkInterfaces", json!([])), "networkInterfaces"),
        bad("no cluster tag", with(good(), "/tags", json!(["kubernetes-io-role-node"])), "tags"),
        bad("a zone elsewhere", with(good(), "/zone", json!("us-central1-a")), "zone"),
        bad(
            "a spot machine that is to be restarted",
            with(good(), "/scheduling/provisioningModel", json!("SPOT")),
            "automaticRestart",
        ),
        bad(
            "the user data twice",
            with(good(), "/metadata", json!([{ "key": "user-data", "value": "x" }])),
            "metadata[0].key",
        ),
    ];
    let handle = "projects/p/zones/europe-west1-b/disks/pvc-1";
    samples.volumes = vec![
        (csi("pd.csi.storage.gke.io", handle), Some(volume(handle))),
        (csi("disk.csi.azure.com", "/subscriptions/s/disks/d"), None),
        (in_tree("pvc-2"), Some(volume("pvc-2"))),
        (PersistentVolumeSpec::default(), None),
    ];
    samples.bad_volumes = vec![csi("pd.csi.storage.gke.io", "pvc-1"), in_tree("")];
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

fn in_tree(name: &str) -> PersistentVolumeSpec {
    let mut spec = PersistentVolumeSpec::default();
    spec.gce_persistent_disk = Some(GcePersistentDisk { pd_name: name.to_owned() });
    spec
}

impl Operator {
    /// A network for machines.
    pub(crate) async fn give_a_network(&self) {
        let body = json!({ "name": NETWORK, "autoCreateSubnetworks": false });
        self.insert("compute.networks.insert", &["global", "networks"], body).await;
        let body = json!({
            "name": NETWORK, "ipCidrRange": "10.250.0.0/16",
            "network": format!("projects/{}/global/networks/{NETWORK}", self.project()),
        });
        self.insert("compute.subnetworks.insert", &["regions", REGION, "subnetworks"], body).await;
    }

    /// Takes the network for machines away.
    pub(crate) async fn take_the_network(&self) {
        let subnet = compute("compute.subnetworks.delete", self.project());
        self.finish(&Mutation::json(subnet.segments(["regions", REGION, "subnetworks", NETWORK]))).await;
        let network = compute("compute.networks.delete", self.project());
        self.finish(&Mutation::json(network.segments(["global", "networks", NETWORK]))).await;
    }

    /// A second instance with the name and tags of a machine, in another zone: in the same there cannot be one.
    pub(crate) async fn duplicate_machine(&self, request: &MachineRequest) {
        let class = with(request.class.provider_spec.clone(), "/zone", json!(OTHER_ZONE));
        let spec = ProviderSpec::of_class(&MachineClass::new("c", class)).expect("a spec");
        let mut labels = Labels::from([("name".to_owned(), "app".to_owned())]);
        labels.insert(UID_LABEL.to_owned(), request.machine.uid.to_string());
        let insert = Insert {
            project: self.project(),
            name: request.machine.name.as_str(),
            spec: &spec,
            labels: &labels,
            disk_labels: &Labels::new(),
            user_data: &Redacted::new("#!/bin/sh".to_owned()),
            request_id: "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d",
        };
        self.finish(&instances::insert(&insert)).await;
    }

    fn instances(&self, operation: &'static str, rest: &[&str]) -> RestRequest {
        let path = ["zones", ZONE, "instances"].into_iter().chain(rest.iter().copied());
        compute(operation, self.project()).segments(path)
    }

    /// An instance as Google shows it.
    pub(crate) async fn instance(&self, name: &str) -> Value {
        self.run(&Operation::json(self.instances("compute.instances.get", &[name]))).await
    }

    /// An instance that the driver has not made.
    pub(crate) async fn give_an_instance(&self, name: &str, tags: Value, labels: Value) {
        let image = "projects/debian-cloud/global/images/family/debian-12";
        let mut body = json!({
            "name": name,
            "machineType": format!("zones/{ZONE}/machineTypes/n1-standard-2"),
            "labels": labels,
            "disks": [{ "boot": true, "autoDelete": true, "initializeParams": { "sourceImage": image } }],
            "networkInterfaces": [{ "subnetwork": format!("regions/{REGION}/subnetworks/{NETWORK}") }],
        });
        if !tags.is_null() {
            body["tags"] = tags;
        }
        self.finish(&Mutation::json(self.instances("compute.instances.insert", &[]).json(&body))).await;
    }

    /// Deletes an instance behind the driver's back.
    pub(crate) async fn delete_instance(&self, name: &str) {
        self.finish(&instances::delete(self.project(), ZONE, name)).await;
    }

    /// Lets the disks of an instance stay when it goes.
    pub(crate) async fn keep_disks(&self, name: &str) {
        let disks = self.instance(name).await["disks"].clone();
        for disk in disks.as_array().expect("disks") {
            let device = disk["deviceName"].as_str().expect("a device name");
            let request = self.instances("compute.instances.setDiskAutoDelete", &[name, "setDiskAutoDelete"]);
            let request = request.query("autoDelete", false).query("deviceName", device);
            self.finish(&Mutation::json(request)).await;
        }
    }
}
