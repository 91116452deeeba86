//! The `providerSpec` of a MachineClass, by Gardener's names.
//!
//! The fields are those of
//! [machine-controller-manager-provider-azure](https://github.com/gardener/machine-controller-manager-provider-azure/blob/master/pkg/azure/api/providerspec.go).
//! As in Go, `null` is the same as a field left out, and `Id` and `ID` at the end of a name are the same; a field that is
//! unknown is an error that names it. These are read and have no effect, as in the Go driver: `osProfile.computerName`
//! (the machine's name is taken), `osProfile.customData` (the secret's `userData` is), `osDisk.name`,
//! `osDisk.managedDisk.id` and `networkProfile.networkInterfaces` (the machine has its own).

use std::collections::BTreeMap;

use gardener_provider_client::config;
use gardener_provider_core::{MachineClass, Redacted, Region, Result, Violation};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    api::{ResourceId, images::Urn, virtual_machines::ImageReference},
    endpoints::Cloud,
};

mod validation;

/// How the machines of a class are.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ProviderSpec {
    #[serde(rename = "apiVersion")]
    _api_version: Option<String>,
    #[serde(rename = "kind")]
    _kind: Option<String>,
    /// The region.
    pub location: String,
    /// Tags of the machine, its disks and its network interface.
    pub tags: BTreeMap<String, String>,
    /// The machine itself.
    pub properties: Properties,
    /// The resource group that all of it lies in.
    pub resource_group: String,
    /// The subnet of its network interface.
    pub subnet_info: SubnetInfo,
    /// Which of the separate clouds; Azure's public one unless told.
    pub cloud_configuration: Option<CloudConfiguration>,
}

/// Which of the separate clouds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CloudConfiguration {
    /// `AzurePublic`, `AzureChina` or `AzureGovernment`.
    pub name: String,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubnetInfo {
    /// Its virtual network.
    pub vnet_name: String,
    /// The group of the virtual network; that of the machine unless told.
    pub vnet_resource_group: Option<String>,
    /// Its name.
    pub subnet_name: String,
}

/// The machine itself.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Properties {
    /// The size.
    pub hardware_profile: HardwareProfile,
    /// Image and disks.
    pub storage_profile: StorageProfile,
    /// What the operating system begins with.
    pub os_profile: OsProfile,
    /// The network interface.
    pub network_profile: NetworkProfile,
    /// The availability set. One of this, `zone` and `virtualMachineScaleSet`.
    pub availability_set: Option<Reference>,
    /// The user-assigned managed identity.
    #[serde(rename = "identityID", alias = "identityId")]
    pub identity_id: Option<String>,
    /// The zone, 1 to 3.
    pub zone: Option<i32>,
    /// The scale set, of flexible orchestration.
    pub virtual_machine_scale_set: Option<Reference>,
    /// Where the console of the start goes.
    pub diagnostics_profile: Option<DiagnosticsProfile>,
    /// Deprecated by `availabilitySet` and `virtualMachineScaleSet`.
    pub machine_set: Option<MachineSet>,
    /// Trusted launch, confidential computing.
    pub security_profile: Option<SecurityProfile>,
    /// Which reserved capacity to use.
    pub capacity_reservation: Option<CapacityReservation>,
}

/// The size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct HardwareProfile {
    /// Such as `Standard_D4s_v5`.
    pub vm_size: String,
}

/// Image and disks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct StorageProfile {
    /// The image.
    pub image_reference: Image,
    /// `SCSI` or `NVMe`; what the size has unless told.
    pub disk_controller_type: Option<String>,
    /// The disk that the machine starts from.
    pub os_disk: OsDisk,
    /// The others.
    pub data_disks: Vec<DataDisk>,
}

/// An image, by one of four names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Image {
    /// Its id.
    #[serde(alias = "ID")]
    pub id: String,
    /// Its name on the marketplace, `publisher:offer:sku:version`.
    pub urn: Option<String>,
    /// Its id in a gallery that is shared with all.
    #[serde(rename = "communityGalleryImageID", alias = "communityGalleryImageId")]
    pub community_gallery_image_id: Option<String>,
    /// Its id in a gallery that is shared with this subscription.
    #[serde(rename = "sharedGalleryImageID", alias = "sharedGalleryImageId")]
    pub shared_gallery_image_id: Option<String>,
    /// True if the image is not looked up on the marketplace: nothing is bought with it and no terms are accepted.
    /// Gardener's own chart spells it `skipMarketPlaceAgreement`.
    #[serde(alias = "skipMarketPlaceAgreement")]
    pub skip_marketplace_agreement: bool,
}

impl Image {
    /// The image as the virtual machine's request names it. Empty if the spec is not valid.
    pub(crate) fn reference(&self) -> ImageReference {
        let mut reference = ImageReference {
            id: Some(self.id.clone()).filter(|id| !id.is_empty()),
            community_gallery_image_id: given(self.community_gallery_image_id.as_ref()),
            shared_gallery_image_id: given(self.shared_gallery_image_id.as_ref()),
            ..ImageReference::default()
        };
        if let Some(urn) = self.urn() {
            reference.publisher = Some(urn.publisher);
            reference.offer = Some(urn.offer);
            reference.sku = Some(urn.sku);
            reference.version = Some(urn.version);
        }
        reference
    }

    /// Its name on the marketplace, if that is how it is named.
    pub(crate) fn urn(&self) -> Option<Urn> {
        given(self.urn.as_ref()).and_then(|urn| Urn::parse(&urn))
    }
}

/// Empty is left out, as in Go.
fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// The disk that a machine starts from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct OsDisk {
    /// Has no effect.
    pub name: String,
    /// `None`, `ReadOnly` or `ReadWrite`.
    pub caching: String,
    /// The type.
    pub managed_disk: ManagedDisk,
    /// GiB.
    #[serde(rename = "diskSizeGB", alias = "diskSizeGb")]
    pub disk_size_gb: i32,
    /// `FromImage` or `Attach`.
    pub create_option: String,
}

/// The type of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ManagedDisk {
    /// Has no effect.
    #[serde(alias = "ID")]
    pub id: String,
    /// Such as `Premium_LRS`; what the size defaults to unless told.
    pub storage_account_type: String,
    /// Confidential computing.
    pub security_profile: Option<DiskSecurityProfile>,
}

/// How the disk of a confidential machine is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DiskSecurityProfile {
    /// `VMGuestStateOnly`, `DiskWithVMGuestState` or `NonPersistedTPM`.
    pub security_encryption_type: Option<String>,
}

/// Another disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DataDisk {
    /// A part of its name.
    pub name: String,
    /// Its place at the controller; each one is taken once.
    pub lun: i32,
    /// `None`, `ReadOnly` or `ReadWrite`; `None` unless told.
    pub caching: String,
    /// The type, such as `Premium_LRS`.
    pub storage_account_type: String,
    /// GiB.
    #[serde(rename = "diskSizeGB", alias = "diskSizeGb")]
    pub disk_size_gb: i32,
    /// The image that it is a copy of; empty unless told.
    pub image_ref: Option<Image>,
}

/// What the operating system begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct OsProfile {
    /// Has no effect.
    pub computer_name: String,
    /// The first user.
    pub admin_username: String,
    /// That user's password, where logging in by password is allowed.
    pub admin_password: Redacted<String>,
    /// Has no effect.
    pub custom_data: Redacted<String>,
    /// How one logs in.
    pub linux_configuration: LinuxConfiguration,
}

/// How one logs in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LinuxConfiguration {
    /// By key only.
    pub disable_password_authentication: bool,
    /// The key.
    pub ssh: SshConfiguration,
}

/// SSH keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SshConfiguration {
    /// The one key.
    pub public_keys: SshPublicKey,
}

/// An SSH key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SshPublicKey {
    /// The file that it is written to; the first user's `authorized_keys` unless told.
    pub path: String,
    /// The key; unless told, one that nobody can log in with.
    pub key_data: String,
}

/// The network interface.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NetworkProfile {
    /// Has no effect.
    pub network_interfaces: Option<NetworkInterfaces>,
    /// Past the host's virtual switch; what Azure does unless told.
    pub accelerated_networking: Option<bool>,
}

/// Has no effect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NetworkInterfaces {
    /// Has no effect.
    pub id: String,
    /// Has no effect.
    pub properties: Option<NetworkInterfacesProperties>,
}

/// Has no effect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NetworkInterfacesProperties {
    /// Has no effect.
    pub primary: bool,
}

/// Another resource.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Reference {
    /// Its id.
    #[serde(alias = "ID")]
    pub id: String,
}

/// Where the console of the start goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DiagnosticsProfile {
    /// Whether it is kept.
    pub enabled: bool,
    /// In which storage account; in one of Azure's unless told.
    #[serde(rename = "storageURI", alias = "storageUri")]
    pub storage_uri: Option<String>,
}

/// Deprecated: an availability set or a scale set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct MachineSet {
    /// Its id.
    #[serde(alias = "ID")]
    pub id: String,
    /// `availabilityset` or `vmo`.
    pub kind: String,
}

/// Trusted launch, confidential computing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SecurityProfile {
    /// `TrustedLaunch`, `ConfidentialVM` or `Standard`.
    pub security_type: Option<String>,
    /// The firmware.
    pub uefi_settings: Option<UefiSettings>,
}

/// The firmware.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UefiSettings {
    /// A virtual TPM.
    #[serde(alias = "vTpmEnabled")]
    pub vtpm_enabled: Option<bool>,
    /// Whether only signed systems start.
    pub secure_boot_enabled: Option<bool>,
}

/// Which reserved capacity to use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CapacityReservation {
    /// The group of reservations.
    #[serde(rename = "capacityReservationGroupID", alias = "capacityReservationGroupId")]
    pub capacity_reservation_group_id: Option<String>,
}

/// The tag that marks what belongs to a cluster begins so, and ends with the cluster's technical id. Azure allows no `/`
/// in the names of tags.
pub const CLUSTER_TAG: &str = "kubernetes.io-cluster-";
/// The tag that says what a machine is for begins so.
pub const ROLE_TAG: &str = "kubernetes.io-role-";

const FIELD: &str = "providerSpec";

impl ProviderSpec {
    /// Reads the spec of a class and checks it.
    ///
    /// # Errors
    /// `InvalidArgument` naming every field that is wrong or unknown, or the first that is of the wrong type.
    pub fn of_class(class: &MachineClass) -> Result<Self> {
        let refuse = |violations| config::refusal(FIELD, violations);
        let spec: Self = config::parse_field(FIELD, &class.provider_spec).map_err(refuse)?;
        let violations = validation::violations(&spec);
        if violations.is_empty() { Ok(spec) } else { Err(refuse(violations)) }
    }

    /// All that is wrong with a spec; empty if it is good.
    pub fn violations(value: &Value) -> Vec<Violation> {
        match config::parse_field::<Self>(FIELD, value) {
            Ok(spec) => validation::violations(&spec),
            Err(violations) => violations,
        }
    }

    /// The region.
    ///
    /// # Errors
    /// `InvalidArgument` naming it.
    pub fn region(&self) -> Result<Region> {
        Region::new(&self.location).map_err(|error| {
            gardener_provider_core::Error::invalid("providerSpec.location", error.message().to_owned())
        })
    }

    /// The cloud: what is configured, else what the region's name says.
    ///
    /// # Errors
    /// `InvalidArgument` naming the region.
    pub fn cloud(&self) -> Result<Cloud> {
        let configured = self.cloud_configuration.as_ref().and_then(|cloud| Cloud::named(&cloud.name));
        configured.map_or_else(|| Ok(Cloud::of_region(&self.region()?)), Ok)
    }

    /// The keys of the tags by which the machines of this cluster and role are found, sorted.
    pub fn ownership_keys(&self) -> Vec<String> {
        let marks = |key: &&String| key.starts_with(CLUSTER_TAG) || key.starts_with(ROLE_TAG);
        self.tags.keys().filter(marks).cloned().collect()
    }

    /// The subnet of the machines.
    pub(crate) fn subnet(&self, subscription: &str) -> ResourceId {
        let info = &self.subnet_info;
        let group = given(info.vnet_resource_group.as_ref()).unwrap_or_else(|| self.resource_group.clone());
        ResourceId::group(subscription, group)
            .network("virtualNetworks", &info.vnet_name)
            .child("subnets", &info.subnet_name)
    }

    /// The availability set, by its new or its deprecated field.
    pub(crate) fn availability_set(&self) -> Option<&str> {
        self.set(self.properties.availability_set.as_ref(), validation::AVAILABILITY_SET)
    }

    /// The scale set, by its new or its deprecated field.
    pub(crate) fn scale_set(&self) -> Option<&str> {
        self.set(self.properties.virtual_machine_scale_set.as_ref(), validation::SCALE_SET)
    }

    fn set<'a>(&'a self, named: Option<&'a Reference>, kind: &str) -> Option<&'a str> {
        let named = named.map(|set| set.id.as_str()).filter(|id| !id.is_empty());
        let deprecated = || {
            let set = self.properties.machine_set.as_ref()?;
            (set.kind == kind).then_some(set.id.as_str()).filter(|id| !id.is_empty())
        };
        named.or_else(deprecated)
    }
}

#[cfg(test)]
pub(crate) mod tests;
