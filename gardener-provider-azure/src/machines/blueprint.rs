//! What a machine and its parts are to be like: the bodies of the requests that create them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gardener_provider_client::machines::user_data;
use gardener_provider_core::{Redacted, Result};

use super::{Job, NAME_TAG, UID_TAG};
use crate::{
    api::{
        SubResource,
        disks::{CreationData, Disk, ImageDiskReference, Properties as DiskProperties, Sku},
        network_interfaces::{
            IpConfiguration, IpConfigurationProperties, NetworkInterface, Properties as InterfaceProperties,
        },
        virtual_machines::{
            AdditionalCapabilities, BootDiagnostics, CapacityReservation, DataDisk, DiagnosticsProfile,
            DiskSecurityProfile, HardwareProfile, Identity, ImageReference, LinuxConfiguration, ManagedDisk,
            NetworkInterfaceReference, NetworkInterfaceReferenceProperties, NetworkProfile, OsDisk,
            OsProfile, Plan, Properties, SecurityProfile, Ssh, SshPublicKey, StorageProfile, UefiSettings,
            VirtualMachine,
        },
    },
    provider_spec::{self, Image},
};

/// The SSH key of machines whose class brings none. Azure wants a key where passwords are off; this one is the SHA-256 of
/// the sentence "Nobody has the private key of this public key.", taken for an Ed25519 public key
/// ([which Azure takes](https://learn.microsoft.com/en-us/azure/virtual-machines/linux/create-ssh-keys-detailed#supported-ssh-key-formats)),
/// so nobody has its private key. It is the same for all machines, as a repeated request must be the same.
pub(super) const NOBODYS_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN9/ntKuKiGVwHVhICqa6Yv/83je+OayJxsJ8XijzjCQ";

/// Azure's limit, before base64
/// ([source](https://learn.microsoft.com/en-us/azure/virtual-machines/custom-data)).
const MOST_USER_DATA: usize = 65_535;

const DELETE: &str = "Delete";

impl Job<'_> {
    /// The tags of everything that is created.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.spec.tags.clone();
        tags.insert(NAME_TAG.to_owned(), self.names.machine.clone());
        tags.insert(UID_TAG.to_owned(), self.request.machine.uid.to_string());
        tags
    }

    fn zones(&self) -> Vec<String> {
        self.spec.properties.zone.iter().map(ToString::to_string).collect()
    }

    pub(super) fn interface(&self) -> NetworkInterface {
        let subnet = self.spec.subnet(self.session.subscription());
        NetworkInterface {
            location: self.spec.location.clone(),
            tags: self.tags(),
            properties: InterfaceProperties {
                enable_accelerated_networking: self.spec.properties.network_profile.accelerated_networking,
                // Pods have addresses of their own.
                enable_ip_forwarding: Some(true),
                ip_configurations: vec![IpConfiguration {
                    name: self.names.interface.clone(),
                    properties: IpConfigurationProperties {
                        subnet: Some(SubResource::of(&subnet)),
                        private_ip_allocation_method: Some("Dynamic".to_owned()),
                        private_ip_address: None,
                    },
                }],
                ..InterfaceProperties::default()
            },
            ..NetworkInterface::default()
        }
    }

    /// A data disk that begins as a copy of an image.
    pub(super) fn disk(&self, disk: &provider_spec::DataDisk, source: ImageDiskReference) -> Disk {
        let by_id = source.id.is_some();
        let (by_id, gallery) = if by_id { (Some(source), None) } else { (None, Some(source)) };
        Disk {
            location: self.spec.location.clone(),
            zones: self.zones(),
            tags: self.tags(),
            sku: Some(Sku { name: disk.storage_account_type.clone() }),
            properties: DiskProperties {
                os_type: Some("Linux".to_owned()),
                disk_size_gb: Some(disk.disk_size_gb),
                creation_data: CreationData {
                    create_option: "FromImage".to_owned(),
                    image_reference: by_id,
                    gallery_image_reference: gallery,
                },
                ..DiskProperties::default()
            },
            ..Disk::default()
        }
    }

    /// The virtual machine, made of an image and what has to be bought with it.
    pub(super) fn virtual_machine(
        &self,
        image: ImageReference,
        plan: Option<Plan>,
    ) -> Result<VirtualMachine> {
        let properties = &self.spec.properties;
        let reference = |id: &str| SubResource { id: id.to_owned() };
        let group = properties.capacity_reservation.as_ref();
        let group = group.and_then(|group| group.capacity_reservation_group_id.as_deref());
        let identity = properties.identity_id.as_ref().map(|id| Identity {
            kind: "UserAssigned".to_owned(),
            user_assigned_identities: BTreeMap::from([(id.clone(), serde_json::Map::new())]),
        });
        Ok(VirtualMachine {
            location: self.spec.location.clone(),
            zones: self.zones(),
            tags: self.tags(),
            identity,
            plan,
            properties: Properties {
                hardware_profile: HardwareProfile { vm_size: properties.hardware_profile.vm_size.clone() },
                storage_profile: self.storage_profile(image),
                os_profile: Some(self.os_profile()?),
                network_profile: self.network_profile(),
                availability_set: self.spec.availability_set().map(reference),
                virtual_machine_scale_set: self.spec.scale_set().map(reference),
                diagnostics_profile: properties.diagnostics_profile.as_ref().map(diagnostics),
                security_profile: properties.security_profile.as_ref().map(security),
                capacity_reservation: group
                    .map(|id| CapacityReservation { capacity_reservation_group: reference(id) }),
                additional_capabilities: self.additional_capabilities(),
                ..Properties::default()
            },
            ..VirtualMachine::default()
        })
    }

    fn network_profile(&self) -> NetworkProfile {
        let interface = NetworkInterfaceReference {
            id: self.interface_id().to_string(),
            properties: NetworkInterfaceReferenceProperties {
                primary: Some(true),
                delete_option: Some(DELETE.to_owned()),
            },
        };
        NetworkProfile { network_interfaces: vec![interface] }
    }

    fn storage_profile(&self, image: ImageReference) -> StorageProfile {
        let storage = &self.spec.properties.storage_profile;
        let disk = &storage.os_disk;
        let encryption = disk.managed_disk.security_profile.as_ref();
        let encryption = encryption.and_then(|profile| given(profile.security_encryption_type.as_ref()));
        let data_disks = storage.data_disks.iter().zip(&self.names.data_disks);
        StorageProfile {
            image_reference: Some(image),
            disk_controller_type: storage.disk_controller_type.clone(),
            os_disk: OsDisk {
                name: Some(self.names.os_disk.clone()),
                caching: given(Some(&disk.caching)),
                create_option: disk.create_option.clone(),
                disk_size_gb: Some(disk.disk_size_gb),
                managed_disk: Some(ManagedDisk {
                    storage_account_type: given(Some(&disk.managed_disk.storage_account_type)),
                    security_profile: encryption.map(|kind| DiskSecurityProfile {
                        security_encryption_type: Some(kind),
                        ..DiskSecurityProfile::default()
                    }),
                    ..ManagedDisk::default()
                }),
                delete_option: Some(DELETE.to_owned()),
                ..OsDisk::default()
            },
            data_disks: data_disks.map(|(disk, name)| self.data_disk(disk, name)).collect(),
        }
    }

    fn data_disk(&self, disk: &provider_spec::DataDisk, name: &str) -> DataDisk {
        let is_copy = disk.image_ref.is_some();
        DataDisk {
            lun: disk.lun,
            name: Some(name.to_owned()),
            caching: Some(if disk.caching.is_empty() { "None".to_owned() } else { disk.caching.clone() }),
            create_option: if is_copy { "Attach" } else { "Empty" }.to_owned(),
            disk_size_gb: Some(disk.disk_size_gb),
            managed_disk: Some(ManagedDisk {
                id: is_copy.then(|| self.disk_id(name).to_string()),
                storage_account_type: Some(disk.storage_account_type.clone()),
                ..ManagedDisk::default()
            }),
            delete_option: Some(DELETE.to_owned()),
            ..DataDisk::default()
        }
    }

    /// Ultra disks want their machine to be made for them; Premium SSD v2 does not.
    fn additional_capabilities(&self) -> Option<AdditionalCapabilities> {
        let disks = &self.spec.properties.storage_profile.data_disks;
        let ultra = disks.iter().any(|disk| disk.storage_account_type.eq_ignore_ascii_case("UltraSSD_LRS"));
        ultra.then_some(AdditionalCapabilities { ultra_ssd_enabled: Some(true) })
    }

    fn os_profile(&self) -> Result<OsProfile> {
        let profile = &self.spec.properties.os_profile;
        let linux = &profile.linux_configuration;
        let key = &linux.ssh.public_keys;
        let or = |text: &str, other: &str| if text.is_empty() { other } else { text }.to_owned();
        let home = format!("/home/{}/.ssh/authorized_keys", profile.admin_username);
        let password = Some(&profile.admin_password).filter(|_| !linux.disable_password_authentication);
        Ok(OsProfile {
            computer_name: self.names.machine.clone(),
            admin_username: profile.admin_username.clone(),
            admin_password: password.filter(|password| !password.expose().is_empty()).cloned(),
            custom_data: Some(self.user_data()?),
            linux_configuration: Some(LinuxConfiguration {
                disable_password_authentication: linux.disable_password_authentication,
                ssh: Some(Ssh {
                    public_keys: vec![SshPublicKey {
                        path: or(&key.path, &home),
                        key_data: or(&key.key_data, NOBODYS_KEY),
                    }],
                }),
            }),
        })
    }

    /// The secret's user data, in base64.
    pub(super) fn user_data(&self) -> Result<Redacted<String>> {
        let data = user_data(&self.request.secret, "Azure", MOST_USER_DATA)?;
        Ok(Redacted::new(STANDARD.encode(data.expose())))
    }
}

fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

fn diagnostics(profile: &provider_spec::DiagnosticsProfile) -> DiagnosticsProfile {
    let boot_diagnostics =
        BootDiagnostics { enabled: profile.enabled, storage_uri: given(profile.storage_uri.as_ref()) };
    DiagnosticsProfile { boot_diagnostics }
}

fn security(profile: &provider_spec::SecurityProfile) -> SecurityProfile {
    SecurityProfile {
        security_type: given(profile.security_type.as_ref()),
        uefi_settings: profile.uefi_settings.as_ref().map(|firmware| UefiSettings {
            secure_boot_enabled: firmware.secure_boot_enabled,
            v_tpm_enabled: firmware.vtpm_enabled,
        }),
    }
}

/// An image as a disk's request names it. One of the marketplace has to be looked up for its id.
pub(super) fn image_of_disk(image: &Image) -> ImageDiskReference {
    let reference = image.reference();
    ImageDiskReference {
        id: reference.id,
        community_gallery_image_id: reference.community_gallery_image_id,
        shared_gallery_image_id: reference.shared_gallery_image_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[length] "ssh-ed25519" [length] [32 bytes]`: <https://www.rfc-editor.org/rfc/rfc8709#section-4>
    #[test]
    fn nobodys_key_is_a_key_and_made_of_its_sentence() {
        use sha2::Digest as _;
        let blob = STANDARD.decode(NOBODYS_KEY.strip_prefix("ssh-ed25519 ").unwrap()).unwrap();
        let key = blob.strip_prefix(b"\0\0\0\x0bssh-ed25519\0\0\0\x20".as_slice()).unwrap();
        let sentence = b"Nobody has the private key of this public key.";
        assert_eq!(key, &sha2::Sha256::digest(sentence)[..]);
        let point = curve25519_dalek::edwards::CompressedEdwardsY::from_slice(key).unwrap();
        assert!(point.decompress().is_some(), "a point on the curve");
    }
}
