//! What goes with a machine, and what stays.

use gardener_provider_azure::api::{
    disks::{self, Disk, Sku},
    network_interfaces,
    operations::Change,
    version,
};
use gardener_provider_sandbox::Fault;
use http::Method;

use super::*;

impl World {
    /// Changes the machine as its owner may.
    async fn patch(&self, body: Value) {
        let id = self.machine_id();
        let patch = gardener_provider_azure::api::request(
            "VirtualMachines_Update",
            "arm/write",
            Method::PATCH,
            &id,
            version::COMPUTE,
        );
        let look = virtual_machines::get(&id).request;
        self.operator.session.change(&Change::<Value>::new(patch.json(&body), look)).await.unwrap();
    }

    /// The machine's disks and network interface are to stay, and the disk of a PersistentVolume is attached.
    async fn detach_on_deletion(&self) {
        self.volume("pvc-1").await;
        let machine = self.machine().await;
        let mut storage = serde_json::to_value(machine.properties.storage_profile).unwrap();
        storage.as_object_mut().unwrap().remove("imageReference");
        storage["osDisk"]["deleteOption"] = json!("Detach");
        let disks = storage.as_object_mut().unwrap().entry("dataDisks").or_insert(json!([]));
        for disk in disks.as_array_mut().unwrap() {
            disk["deleteOption"] = json!("Detach");
        }
        let id = self.group().compute("disks", "pvc-1").to_string();
        disks.as_array_mut().unwrap().push(json!({ "lun": 7, "name": "pvc-1", "createOption": "Attach",
            "caching": "None", "managedDisk": { "id": id } }));
        let mut interfaces = serde_json::to_value(machine.properties.network_profile).unwrap();
        interfaces["networkInterfaces"][0]["properties"]["deleteOption"] = json!("Detach");
        self.patch(json!({ "properties": { "storageProfile": storage, "networkProfile": interfaces } }))
            .await;
        self.sandbox.journal().clear();
    }

    /// A disk of the cluster that belongs to no machine.
    async fn volume(&self, name: &str) {
        let mut disk = Disk {
            location: REGION.to_owned(),
            zones: vec!["1".to_owned()],
            tags: serde_json::from_value(plain()["tags"].clone()).unwrap(),
            sku: Some(Sku { name: "Premium_LRS".to_owned() }),
            ..Disk::default()
        };
        "Empty".clone_into(&mut disk.properties.creation_data.create_option);
        disk.properties.disk_size_gb = Some(8);
        let id = self.group().compute("disks", name);
        self.operator.session.change(&disks::create_or_update(&id, &disk)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_takes_its_parts_along_and_no_volume() {
    let world = World::new().await;
    world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap();
    world.sandbox.journal().clear();
    world.driver().delete_machine(&world.request(spec(CLUSTER))).await.unwrap();
    assert_eq!(world.left(), Vec::<String>::new());
    let changes = world.sandbox.journal().mutating_calls();
    let operations: Vec<_> = changes.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(operations, ["VirtualMachines_Delete"], "one call is enough");
}

/// A machine of another tool, or of an older class.
#[tokio::test(start_paused = true)]
async fn a_machine_that_would_leave_its_parts_is_told_to_take_them() {
    let world = World::new().await;
    world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap();
    world.detach_on_deletion().await;
    world.driver().delete_machine(&world.request(spec(CLUSTER))).await.unwrap();
    assert_eq!(world.left(), ["disks/pvc-1"]);
    let changes = world.sandbox.journal().mutating_calls();
    let operations: Vec<_> = changes.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(operations, ["VirtualMachines_Update", "VirtualMachines_Delete"]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_cannot_be_told_leaves_its_parts_to_be_deleted() {
    let world = World::new().await;
    world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap();
    world.detach_on_deletion().await;
    let refusal = Fault::error_with("OperationNotAllowed", 409, "not while a disk is being detached");
    world.sandbox.faults().add(refusal.on("compute", "VirtualMachines_Update"));
    world.driver().delete_machine(&world.request(spec(CLUSTER))).await.unwrap();
    assert_eq!(world.left(), ["disks/pvc-1"]);
}

/// After a failed creation a network interface stays reserved for minutes.
#[tokio::test(start_paused = true)]
async fn a_part_that_holds_on_is_waited_for() {
    let world = World::new().await;
    world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap();
    world.detach_on_deletion().await;
    let refusal = Fault::error_with("OperationNotAllowed", 409, "no");
    world.sandbox.faults().add(refusal.on("compute", "VirtualMachines_Update"));
    let reserved = Fault::error_with("NicReservedForAnotherVm", 400, "reserved for 180 seconds").times(5);
    let interface = world.sandbox.faults().add(reserved.on("network", "NetworkInterfaces_Delete"));
    let detaching = Fault::error_with("AttachDiskWhileBeingDetached", 409, "being detached").times(3);
    world.sandbox.faults().add(detaching.on("compute", "Disks_Delete"));
    world.driver().delete_machine(&world.request(spec(CLUSTER))).await.unwrap();
    assert_eq!(world.left(), ["disks/pvc-1"]);
    assert_eq!(world.sandbox.faults().hits(interface), 5);
}

#[tokio::test(start_paused = true)]
async fn parts_without_a_machine_are_listed_and_deleted() {
    let world = World::new().await;
    // What a creation has made before it was interrupted.
    let interrupted = Fault::error_with("InternalServerError", 500, "trouble");
    let fault = world.sandbox.faults().add(interrupted.on("compute", "VirtualMachines_CreateOrUpdate"));
    world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap_err();
    world.sandbox.faults().remove(fault);
    world.volume("pvc-1").await;
    // What the Go driver made carries no name in its tags.
    for name in ["m-2-os-disk", "m-3-kubelet-0-data-disk", "m-4-other-0-data-disk"] {
        world.volume(name).await;
    }
    assert_eq!(world.listed(spec(CLUSTER)).await, ["m-1", "m-2", "m-3"]);
    let mut request = world.request(spec(CLUSTER));
    for name in ["m-1", "m-2", "m-3"] {
        request.machine.name = MachineName::new(name).unwrap();
        world.driver().delete_machine(&request).await.unwrap();
    }
    assert_eq!(world.left(), ["disks/m-4-other-0-data-disk", "disks/pvc-1"]);
    assert_eq!(world.listed(spec(CLUSTER)).await, Vec::<String>::new());
}

/// The class has lost its disks since; the tags still tell whose they are.
#[tokio::test(start_paused = true)]
async fn a_disk_that_the_class_no_longer_knows_goes_too() {
    let world = World::new().await;
    world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap();
    world.detach_on_deletion().await;
    let refusal = Fault::error_with("OperationNotAllowed", 409, "no");
    world.sandbox.faults().add(refusal.on("compute", "VirtualMachines_Update"));
    world.driver().delete_machine(&world.request(plain())).await.unwrap();
    assert_eq!(world.left(), ["disks/pvc-1"]);
}

#[tokio::test(start_paused = true)]
async fn without_its_resource_group_nothing_is_there() {
    let world = World::new().await;
    let gone = with(plain(), "/resourceGroup", json!("gone"));
    world.driver().delete_machine(&world.request(gone.clone())).await.unwrap();
    assert_eq!(world.listed(gone).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_interface_in_use_by_another_machine_stays() {
    let world = World::new().await;
    let mut other = world.request(plain());
    other.machine.name = MachineName::new("m-2").unwrap();
    world.driver().create_machine(&other).await.unwrap();
    let id = world.group().network("networkInterfaces", "m-2-nic");
    let found = world.operator.session.run(&network_interfaces::get(&id)).await.unwrap();
    assert!(found.properties.virtual_machine.is_some());
    world.driver().delete_machine(&world.request(plain())).await.unwrap();
    assert_eq!(world.left(), ["disks/m-2-os-disk", "networkInterfaces/m-2-nic", "virtualMachines/m-2"]);
}
