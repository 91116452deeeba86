//! What is created, and when nothing is.

use gardener_provider_azure::{
    NAME_TAG, UID_TAG,
    api::{disks, network_interfaces, version},
};
use gardener_provider_core::{AddressKind, ErrorKind, MachineState};
use gardener_provider_sandbox::Fault;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_machine_is_as_its_class_says() {
    let world = World::new().await;
    let status = world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap();
    assert_eq!(status.provider_id.as_str(), "azure:///westeurope/m-1");
    assert_eq!((status.node_name.as_str(), status.state), ("m-1", MachineState::Running));
    let kinds: Vec<_> =
        status.addresses.iter().map(|address| (address.kind, address.address.as_str())).collect();
    assert_eq!(kinds, [(AddressKind::InternalIp, "10.250.0.4"), (AddressKind::Hostname, "m-1")]);
    assert_eq!(
        world.left(),
        [
            "disks/m-1-1-data-disk",
            "disks/m-1-kubelet-0-data-disk",
            "disks/m-1-os-disk",
            "networkInterfaces/m-1-nic",
            "virtualMachines/m-1",
        ]
    );
    let machine = world.machine().await;
    assert_eq!((machine.zones, machine.plan.unwrap().name.as_str()), (vec!["1".to_owned()], "greatest"));
    assert_eq!((machine.tags[UID_TAG].as_str(), machine.tags[NAME_TAG].as_str()), ("uid-1", "m-1"));
    let storage = machine.properties.storage_profile;
    let options: Vec<_> = storage.data_disks.iter().map(|disk| disk.delete_option.as_deref()).collect();
    assert_eq!(options, [Some("Delete"), Some("Delete")]);
    let interface = world.group().network("networkInterfaces", "m-1-nic");
    let interface = world.operator.session.run(&network_interfaces::get(&interface)).await.unwrap();
    assert_eq!(interface.properties.enable_ip_forwarding, Some(true));
    assert_eq!(interface.properties.enable_accelerated_networking, Some(true));
    for name in ["m-1-1-data-disk", "m-1-os-disk"] {
        let disk = disks::get(&world.group().compute("disks", name));
        let disk = world.operator.session.run(&disk).await.unwrap();
        assert!(disk.tags.contains_key("kubernetes.io-cluster-shoot--demo--app"), "{disk:?}");
    }
}

/// Interface and copy of an image take a while each; they are made at the same time.
#[tokio::test(start_paused = true)]
async fn parts_are_made_at_the_same_time() {
    let world = World::new().await;
    world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap();
    let calls = world.sandbox.journal().calls();
    let position = |operation: &str| calls.iter().position(|call| call.operation == operation).unwrap();
    let (interface, disk, machine) = (
        position("NetworkInterfaces_CreateOrUpdate"),
        position("Disks_CreateOrUpdate"),
        position("VirtualMachines_CreateOrUpdate"),
    );
    assert_eq!(calls[interface].at, calls[disk].at, "neither waits for the other");
    assert!(interface < machine && disk < machine);
}

#[tokio::test(start_paused = true)]
async fn terms_are_accepted_once_and_not_where_the_class_says_so() {
    let world = World::new().await;
    let mut request = world.request(spec(CLUSTER));
    for name in ["m-1", "m-2"] {
        request.machine.name = MachineName::new(name).unwrap();
        world.driver().create_machine(&request).await.unwrap();
    }
    assert_eq!((world.count("*Agreements_Get"), world.count("*Agreements_Create")), (1, 1));
    let world = World::new().await;
    world.driver().create_machine(&world.request(plain())).await.unwrap();
    assert_eq!(world.count("VirtualMachineImages_*") + world.count("*Agreements_*"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_offered_is_told_and_nothing_is_made() {
    let world = World::new().await;
    for urn in ["sap:gardenlinux:greatest:0.0.1", "sap:gardenlinux:smallest:latest", "nobody:a:b:latest"] {
        let spec = with(spec(CLUSTER), "/properties/storageProfile/imageReference/urn", json!(urn));
        let error = world.driver().create_machine(&world.request(spec)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(
            error.to_string().contains("imageReference.urn") && error.to_string().contains(urn),
            "{error}"
        );
    }
    assert_eq!(world.left(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn images_of_galleries_and_by_id_are_taken() {
    let images = [
        json!({ "communityGalleryImageID": "/CommunityGalleries/gl/Images/gl/Versions/1877.3.0" }),
        json!({ "sharedGalleryImageID": "/SharedGalleries/gl/Images/gl/Versions/1877.3.0" }),
    ];
    for image in images {
        let world = World::new().await;
        let spec = with(plain(), "/properties/storageProfile/imageReference", image.clone());
        let copy =
            json!([{ "lun": 0, "storageAccountType": "Premium_LRS", "diskSizeGB": 60, "imageRef": image }]);
        let spec = with(spec, "/properties/storageProfile/dataDisks", copy);
        world.driver().create_machine(&world.request(spec)).await.unwrap();
    }
    let world = World::new().await;
    let id = world.group().compute("images", "golden");
    let body = json!({ "properties": { "storageProfile": { "osDisk": { "osType": "Linux", "osState": "Generalized",
        "blobUri": "https://a.blob.core.windows.net/vhds/golden.vhd", "storageAccountType": "Standard_LRS",
        "diskSizeGB": 30 } } } });
    world.operator.make(&id, version::COMPUTE, body).await;
    let spec = with(plain(), "/properties/storageProfile/imageReference", json!({ "id": id.to_string() }));
    world.driver().create_machine(&world.request(spec)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_reply_was_lost_is_repeated_byte_for_byte() {
    let world = World::new().await;
    for operation in
        ["NetworkInterfaces_CreateOrUpdate", "Disks_CreateOrUpdate", "VirtualMachines_CreateOrUpdate"]
    {
        world.sandbox.faults().add(Fault::reply_lost().on("*", operation).times(1));
    }
    world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap();
    for end in ["/networkInterfaces/m-1-nic", "/disks/m-1-1-data-disk", "/virtualMachines/m-1"] {
        let bodies = world.wire.bodies("PUT", end);
        assert!(bodies.len() > 1 && bodies.iter().all(|body| *body == bodies[0]), "{end}: {}", bodies.len());
    }
    world.driver().delete_machine(&world.request(spec(CLUSTER))).await.unwrap();
    assert_eq!(world.left(), Vec::<String>::new());
}

/// Zones are what the other tests use.
#[tokio::test(start_paused = true)]
async fn machines_are_put_into_availability_sets_and_scale_sets() {
    let world = World::new().await;
    let set = world.group().compute("availabilitySets", "workers");
    let body = json!({ "sku": { "name": "Aligned" },
        "properties": { "platformFaultDomainCount": 2, "platformUpdateDomainCount": 5 } });
    world.operator.make(&set, version::COMPUTE, body).await;
    let scale_set = world.group().compute("virtualMachineScaleSets", "workers");
    let body = json!({ "properties": { "orchestrationMode": "Flexible", "platformFaultDomainCount": 1 } });
    world.operator.make(&scale_set, version::COMPUTE, body).await;
    let zoneless = with(plain(), "/properties/zone", json!(null));
    let deprecated = json!({ "kind": "vmo", "id": scale_set.to_string() });
    for (pointer, value, place) in [
        ("/properties/availabilitySet", json!({ "id": set.to_string() }), &set),
        ("/properties/virtualMachineScaleSet", json!({ "id": scale_set.to_string() }), &scale_set),
        ("/properties/machineSet", deprecated, &scale_set),
    ] {
        let request = world.request(with(zoneless.clone(), pointer, value));
        world.driver().create_machine(&request).await.unwrap();
        let properties = world.machine().await.properties;
        let found = properties.availability_set.or(properties.virtual_machine_scale_set).unwrap();
        assert_eq!(found.id.parse::<ResourceId>().unwrap(), *place, "{pointer}");
        world.driver().delete_machine(&request).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn reserved_capacity_security_and_fast_disks_are_asked_for() {
    let world = World::new().await;
    let reserved = world.group().compute("capacityReservationGroups", "reserved");
    world.operator.make(&reserved, version::COMPUTE, json!({ "zones": ["1"] })).await;
    let reservation = reserved.child("capacityReservations", "d4s");
    let body = json!({ "zones": ["1"], "sku": { "name": "Standard_D4s_v5", "capacity": 2 } });
    world.operator.make(&reservation, version::COMPUTE, body).await;
    let disk = |lun: u8, kind: &str| json!({ "lun": lun, "storageAccountType": kind, "diskSizeGB": 8 });
    let mut spec = with(
        plain(),
        "/properties/capacityReservation",
        json!({ "capacityReservationGroupID": reserved.to_string() }),
    );
    spec["properties"]["storageProfile"]["dataDisks"] =
        json!([disk(0, "UltraSSD_LRS"), disk(1, "PremiumV2_LRS")]);
    spec["properties"]["securityProfile"] = json!({ "securityType": "TrustedLaunch",
        "uefiSettings": { "vtpmEnabled": true, "secureBootEnabled": true } });
    spec["properties"]["diagnosticsProfile"] = json!({ "enabled": true });
    world.driver().create_machine(&world.request(spec)).await.unwrap();
    let properties = world.machine().await.properties;
    assert_eq!(properties.additional_capabilities.unwrap().ultra_ssd_enabled, Some(true));
    assert_eq!(properties.security_profile.unwrap().uefi_settings.unwrap().secure_boot_enabled, Some(true));
    assert!(properties.capacity_reservation.is_some());
    assert!(properties.diagnostics_profile.unwrap().boot_diagnostics.enabled);
}

#[tokio::test(start_paused = true)]
async fn what_others_have_by_that_name_is_not_touched() {
    let world = World::new().await;
    let mut theirs = plain();
    theirs["tags"] = json!({ "kubernetes.io-cluster-other": "1", "kubernetes.io-role-node": "1" });
    world.driver().create_machine(&world.request(theirs.clone())).await.unwrap();
    let (before, ours) = (world.machine().await, world.request(plain()));
    let error = world.driver().create_machine(&ours).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    world.driver().delete_machine(&ours).await.unwrap();
    assert_eq!(world.machine().await, before);
    // A network interface alone is in the way too.
    let session = &world.operator.session;
    world.driver().delete_machine(&world.request(theirs)).await.unwrap();
    let mut interface =
        network_interfaces::NetworkInterface { location: REGION.to_owned(), ..Default::default() };
    interface.properties.ip_configurations = before_configuration(&world);
    let id = world.group().network("networkInterfaces", "m-1-nic");
    session.change(&network_interfaces::create_or_update(&id, &interface)).await.unwrap();
    let error = world.driver().create_machine(&ours).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    world.driver().delete_machine(&ours).await.unwrap();
    assert_eq!(world.left(), ["networkInterfaces/m-1-nic"]);
}

fn before_configuration(world: &World) -> Vec<network_interfaces::IpConfiguration> {
    let subnet = world.group().network("virtualNetworks", CLUSTER).child("subnets", "shoot--demo--app-nodes");
    let properties = network_interfaces::IpConfigurationProperties {
        subnet: Some(gardener_provider_azure::api::SubResource::of(&subnet)),
        private_ip_allocation_method: Some("Dynamic".to_owned()),
        private_ip_address: None,
    };
    vec![network_interfaces::IpConfiguration { name: "a".to_owned(), properties }]
}

/// Somebody deleted the machine alone, before it was set to take its disks along.
#[tokio::test(start_paused = true)]
async fn a_disk_that_an_earlier_machine_left_makes_room() {
    let world = World::new().await;
    let mut disk = disks::Disk {
        location: REGION.to_owned(),
        zones: vec!["1".to_owned()],
        tags: serde_json::from_value(plain()["tags"].clone()).unwrap(),
        ..Default::default()
    };
    disk.sku = Some(disks::Sku { name: "Premium_LRS".to_owned() });
    disk.properties.creation_data.create_option = "Empty".to_owned();
    disk.properties.disk_size_gb = Some(50);
    let id = world.group().compute("disks", "m-1-os-disk");
    world.operator.session.change(&disks::create_or_update(&id, &disk)).await.unwrap();
    assert_eq!(world.listed(plain()).await, ["m-1"], "it shows as a machine");
    world.driver().create_machine(&world.request(plain())).await.unwrap();
    assert_eq!(world.left(), ["disks/m-1-os-disk", "networkInterfaces/m-1-nic", "virtualMachines/m-1"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_class_refers_to_must_be_there() {
    let world = World::new().await;
    let group = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shoot--demo--app";
    let identity = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/none");
    let set = format!("{group}/providers/Microsoft.Compute/availabilitySets/none");
    let zoneless = with(plain(), "/properties/zone", json!(null));
    for spec in [
        with(plain(), "/subnetInfo/subnetName", json!("none")),
        with(plain(), "/properties/identityID", json!(identity)),
        with(zoneless, "/properties/availabilitySet", json!({ "id": set })),
        with(plain(), "/resourceGroup", json!("none")),
    ] {
        let error = world.driver().create_machine(&world.request(spec.clone())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error} {spec}");
        assert!(error.to_string().contains("none"), "{error}");
        world.driver().delete_machine(&world.request(spec)).await.unwrap();
    }
}
