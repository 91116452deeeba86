//! Every request with every parameter set.

use std::collections::BTreeMap;

use super::{
    AdditionalCapabilities, AttachedDisks, BootDiagnostics, CapacityReservation, DataDisk, DeleteOptions,
    DeleteOptionsProperties, DiagnosticsProfile, DiskSecurityProfile, HardwareProfile, Identity,
    ImageReference, LinuxConfiguration, ManagedDisk, NetworkInterfaceReference,
    NetworkInterfaceReferenceProperties, NetworkProfile, OsDisk, OsProfile, Plan, Properties, RestRequest,
    SecurityProfile, Ssh, SshPublicKey, StorageProfile, SubResource, UefiSettings, VirtualMachine, create,
    delete, get, get_with_instance_view, list_in, update,
};
use crate::api::ResourceId;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn group() -> ResourceId {
    ResourceId::group("01234567-89ab-cdef-0123-456789abcdef", "shoot--demo--app")
}

fn image() -> ImageReference {
    ImageReference {
        publisher: some("sap"),
        offer: some("gardenlinux"),
        sku: some("greatest"),
        version: some("1443.3.0"),
        ..ImageReference::default()
    }
}

fn os_disk() -> OsDisk {
    OsDisk {
        name: some("worker-1-os-disk"),
        caching: some("ReadWrite"),
        create_option: "FromImage".to_owned(),
        os_type: some("Linux"),
        disk_size_gb: Some(50),
        managed_disk: Some(ManagedDisk {
            storage_account_type: some("Premium_LRS"),
            security_profile: Some(DiskSecurityProfile {
                security_encryption_type: some("VMGuestStateOnly"),
                ..DiskSecurityProfile::default()
            }),
            ..ManagedDisk::default()
        }),
        delete_option: some("Delete"),
        ..OsDisk::default()
    }
}

fn data_disk(lun: i32, id: Option<String>) -> DataDisk {
    DataDisk {
        lun,
        name: Some(format!("worker-1-{lun}-data-disk")),
        caching: some("None"),
        create_option: if id.is_some() { "Attach" } else { "Empty" }.to_owned(),
        disk_size_gb: Some(100),
        managed_disk: Some(ManagedDisk {
            id,
            storage_account_type: some("UltraSSD_LRS"),
            ..ManagedDisk::default()
        }),
        delete_option: some("Delete"),
        ..DataDisk::default()
    }
}

fn network() -> NetworkProfile {
    let interface = NetworkInterfaceReference {
        id: group().network("networkInterfaces", "worker-1-nic").to_string(),
        properties: NetworkInterfaceReferenceProperties {
            primary: Some(true),
            delete_option: some("Delete"),
        },
    };
    NetworkProfile { network_interfaces: vec![interface] }
}

fn os_profile() -> OsProfile {
    OsProfile {
        computer_name: "worker-1".to_owned(),
        admin_username: "core".to_owned(),
        admin_password: Some("Passw0rd-of-a-sample".to_owned().into()),
        custom_data: Some("I2Nsb3VkLWNvbmZpZwo=".to_owned().into()),
        linux_configuration: Some(LinuxConfiguration {
            disable_password_authentication: true,
            ssh: Some(Ssh {
                public_keys: vec![SshPublicKey {
                    path: "/home/core/.ssh/authorized_keys".to_owned(),
                    key_data: "ssh-ed25519 AAAA".to_owned(),
                }],
            }),
        }),
    }
}

fn machine() -> VirtualMachine {
    VirtualMachine {
        location: "westeurope".to_owned(),
        zones: vec!["1".to_owned()],
        tags: BTreeMap::from([("kubernetes.io-cluster-shoot--demo--app".to_owned(), "1".to_owned())]),
        identity: Some(Identity {
            kind: "UserAssigned".to_owned(),
            user_assigned_identities: BTreeMap::from([(
                group().resource("Microsoft.ManagedIdentity", "userAssignedIdentities", "nodes").to_string(),
                serde_json::Map::new(),
            )]),
        }),
        plan: Some(Plan {
            name: "greatest".to_owned(),
            product: "gardenlinux".to_owned(),
            publisher: "sap".to_owned(),
        }),
        properties: properties(),
        ..VirtualMachine::default()
    }
}

fn properties() -> Properties {
    let id = |kind: &str, name: &str| SubResource::of(&group().compute(kind, name));
    Properties {
        hardware_profile: HardwareProfile { vm_size: "Standard_D4s_v5".to_owned() },
        storage_profile: StorageProfile {
            image_reference: Some(image()),
            disk_controller_type: some("NVMe"),
            os_disk: os_disk(),
            data_disks: vec![data_disk(0, None), data_disk(1, Some(id("disks", "worker-1-1-data-disk").id))],
        },
        os_profile: Some(os_profile()),
        network_profile: network(),
        availability_set: Some(id("availabilitySets", "workers")),
        virtual_machine_scale_set: Some(id("virtualMachineScaleSets", "workers")),
        diagnostics_profile: Some(DiagnosticsProfile {
            boot_diagnostics: BootDiagnostics {
                enabled: true,
                storage_uri: some("https://diagnostics.blob.core.windows.net/"),
            },
        }),
        security_profile: Some(SecurityProfile {
            security_type: some("ConfidentialVM"),
            uefi_settings: Some(UefiSettings { secure_boot_enabled: Some(true), v_tpm_enabled: Some(true) }),
        }),
        capacity_reservation: Some(CapacityReservation {
            capacity_reservation_group: id("capacityReservationGroups", "reserved"),
        }),
        additional_capabilities: Some(AdditionalCapabilities { ultra_ssd_enabled: Some(true) }),
        ..Properties::default()
    }
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let id = group().compute("virtualMachines", "worker-1");
    let galleries = [
        ImageReference { id: some("/subscriptions/s/images/i"), ..ImageReference::default() },
        ImageReference {
            community_gallery_image_id: some("/CommunityGalleries/g/Images/i/Versions/1.0.0"),
            ..ImageReference::default()
        },
        ImageReference {
            shared_gallery_image_id: some("/SharedGalleries/g/Images/i/Versions/1.0.0"),
            ..ImageReference::default()
        },
    ];
    let from_gallery = galleries.into_iter().map(|image| {
        let mut machine = machine();
        machine.properties.storage_profile.image_reference = Some(image);
        create(&id, &machine).request
    });
    let options = DeleteOptions {
        properties: DeleteOptionsProperties {
            storage_profile: AttachedDisks { os_disk: os_disk(), data_disks: vec![data_disk(0, None)] },
            network_profile: network(),
        },
    };
    let mut samples = vec![
        get(&id).request,
        get_with_instance_view(&id).request,
        list_in(&group()).request,
        create(&id, &machine()).request,
        update(&id, &options).request,
        delete(&id).request,
    ];
    samples.extend(from_gallery);
    samples
}
