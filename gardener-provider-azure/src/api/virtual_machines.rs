//! Virtual machines.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/compute/virtual-machines?view=rest-compute-2025-04-01>

use std::collections::BTreeMap;

use gardener_provider_client::{pages::Page, rest::RestRequest};
use gardener_provider_core::Redacted;
use http::{Method, header::IF_NONE_MATCH};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{
    Operation, ResourceId, SubResource, family, list, null_is_default, operations::Change, request, version,
};

mod samples;

pub(crate) use samples::samples;

/// A virtual machine, as it is read and as it is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualMachine {
    /// The id.
    #[serde(skip_serializing)]
    pub id: String,
    /// The name.
    #[serde(skip_serializing)]
    pub name: String,
    /// The region.
    pub location: String,
    /// The zone.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub zones: Vec<String>,
    /// The tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_default")]
    pub tags: BTreeMap<String, String>,
    /// Its managed identities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What was bought on the marketplace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// All else.
    pub properties: Properties,
}

/// Managed identities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// `UserAssigned`.
    #[serde(rename = "type")]
    pub kind: String,
    /// By their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_default")]
    pub user_assigned_identities: BTreeMap<String, Map<String, Value>>,
}

/// What an image of the marketplace is sold as.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// The plan.
    pub name: String,
    /// The offer.
    pub product: String,
    /// Who sells it.
    pub publisher: String,
}

/// Most of a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Properties {
    /// The size.
    pub hardware_profile: HardwareProfile,
    /// The disks.
    pub storage_profile: StorageProfile,
    /// What the operating system begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_profile: Option<OsProfile>,
    /// The network interfaces.
    pub network_profile: NetworkProfile,
    /// The availability set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_set: Option<SubResource>,
    /// The scale set, of flexible orchestration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_machine_scale_set: Option<SubResource>,
    /// Where the console of the start goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostics_profile: Option<DiagnosticsProfile>,
    /// Trusted launch, confidential computing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<SecurityProfile>,
    /// Which reserved capacity it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservation: Option<CapacityReservation>,
    /// Ultra disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_capabilities: Option<AdditionalCapabilities>,
    /// `Creating`, `Updating`, `Succeeded`, `Failed`, `Deleting`.
    #[serde(skip_serializing)]
    pub provisioning_state: String,
    /// How it is at the moment; only where it was asked for.
    #[serde(skip_serializing)]
    pub instance_view: Option<InstanceView>,
}

/// The size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HardwareProfile {
    /// Such as `Standard_D4s_v5`.
    pub vm_size: String,
}

/// The disks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageProfile {
    /// What the OS disk is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_reference: Option<ImageReference>,
    /// `SCSI` or `NVMe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_controller_type: Option<String>,
    /// The disk that it starts from.
    pub os_disk: OsDisk,
    /// The others.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub data_disks: Vec<DataDisk>,
}

/// An image: by its id, in the marketplace, or in a gallery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageReference {
    /// The id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who offers it on the marketplace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// The offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// The edition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The version, or `latest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id in a gallery that is shared with all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community_gallery_image_id: Option<String>,
    /// The id in a gallery that is shared with this subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_gallery_image_id: Option<String>,
}

/// The disk that a virtual machine starts from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OsDisk {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `None`, `ReadOnly` or `ReadWrite`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caching: Option<String>,
    /// `FromImage` or `Attach`.
    pub create_option: String,
    /// `Linux`, where the image does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_type: Option<String>,
    /// GiB.
    #[serde(rename = "diskSizeGB", skip_serializing_if = "Option::is_none")]
    pub disk_size_gb: Option<i32>,
    /// The disk as a resource of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_disk: Option<ManagedDisk>,
    /// What becomes of it when the machine is deleted: `Delete` or `Detach`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_option: Option<String>,
    /// What else Azure says of it, written as it was read.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Another disk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataDisk {
    /// The place at the controller.
    pub lun: i32,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `None`, `ReadOnly` or `ReadWrite`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caching: Option<String>,
    /// `Empty` or `Attach`.
    pub create_option: String,
    /// GiB.
    #[serde(rename = "diskSizeGB", skip_serializing_if = "Option::is_none")]
    pub disk_size_gb: Option<i32>,
    /// The disk as a resource of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_disk: Option<ManagedDisk>,
    /// What becomes of it when the machine is deleted: `Delete` or `Detach`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_option: Option<String>,
    /// True while it is being taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_be_detached: Option<bool>,
    /// What else Azure says of it, written as it was read.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A disk as a resource of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedDisk {
    /// The id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The type, such as `Premium_LRS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_account_type: Option<String>,
    /// Confidential computing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<DiskSecurityProfile>,
    /// What else Azure says of it, written as it was read.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// How the disk of a confidential virtual machine is encrypted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiskSecurityProfile {
    /// `VMGuestStateOnly`, `DiskWithVMGuestState` or `NonPersistedTPM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_encryption_type: Option<String>,
    /// What else Azure says of it, written as it was read.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What the operating system begins with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OsProfile {
    /// The host name.
    pub computer_name: String,
    /// The first user.
    pub admin_username: String,
    /// That user's password.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub admin_password: Option<Redacted<String>>,
    /// The user data, in base64. Never read back.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub custom_data: Option<Redacted<String>>,
    /// How one logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_configuration: Option<LinuxConfiguration>,
}

#[allow(clippy::ref_option, reason = "serde hands the field over so")]
fn exposed<S: Serializer>(secret: &Option<Redacted<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.expose()),
        None => serializer.serialize_none(),
    }
}

/// How one logs in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxConfiguration {
    /// By key only.
    pub disable_password_authentication: bool,
    /// The keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<Ssh>,
}

/// SSH keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ssh {
    /// The keys.
    #[serde(deserialize_with = "null_is_default")]
    pub public_keys: Vec<SshPublicKey>,
}

/// An SSH key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SshPublicKey {
    /// The file that it is written to.
    pub path: String,
    /// The key.
    pub key_data: String,
}

/// The network interfaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkProfile {
    /// The network interfaces.
    #[serde(deserialize_with = "null_is_default")]
    pub network_interfaces: Vec<NetworkInterfaceReference>,
}

/// A network interface of a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkInterfaceReference {
    /// The id.
    pub id: String,
    /// All else.
    pub properties: NetworkInterfaceReferenceProperties,
}

/// Which of several network interfaces it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkInterfaceReferenceProperties {
    /// The first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// What becomes of it when the machine is deleted: `Delete` or `Detach`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_option: Option<String>,
}

/// Where the console of the start goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiagnosticsProfile {
    /// The console and a screenshot.
    pub boot_diagnostics: BootDiagnostics,
}

/// The console and a screenshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BootDiagnostics {
    /// Whether they are kept.
    pub enabled: bool,
    /// In which storage account; in one of Azure's if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_uri: Option<String>,
}

/// Trusted launch, confidential computing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityProfile {
    /// `TrustedLaunch`, `ConfidentialVM` or `Standard`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_type: Option<String>,
    /// The firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uefi_settings: Option<UefiSettings>,
}

/// The firmware.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UefiSettings {
    /// Whether only signed systems start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot_enabled: Option<bool>,
    /// A virtual TPM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_tpm_enabled: Option<bool>,
}

/// Which reserved capacity is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityReservation {
    /// The group of reservations.
    pub capacity_reservation_group: SubResource,
}

/// Ultra disks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AdditionalCapabilities {
    /// Whether ultra disks may be attached.
    #[serde(rename = "ultraSSDEnabled", skip_serializing_if = "Option::is_none")]
    pub ultra_ssd_enabled: Option<bool>,
}

/// How a virtual machine is at the moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceView {
    /// `ProvisioningState/failed/AllocationFailed`, `PowerState/running`.
    #[serde(deserialize_with = "null_is_default")]
    pub statuses: Vec<InstanceStatus>,
}

/// One thing about a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceStatus {
    /// What.
    pub code: String,
    /// In words.
    pub message: Option<String>,
}

/// A change of what becomes of disks and network interfaces when their machine is deleted. Lists are replaced as a whole,
/// so they hold all that is attached.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DeleteOptions {
    /// What is changed.
    pub properties: DeleteOptionsProperties,
}

/// What is changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOptionsProperties {
    /// The disks.
    pub storage_profile: AttachedDisks,
    /// The network interfaces.
    pub network_profile: NetworkProfile,
}

/// The disks of a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachedDisks {
    /// The disk that it starts from.
    pub os_disk: OsDisk,
    /// The others.
    pub data_disks: Vec<DataDisk>,
}

fn look(id: &ResourceId) -> RestRequest {
    request("VirtualMachines_Get", family::READ, Method::GET, id, version::COMPUTE)
}

/// Reads a virtual machine.
pub fn get(id: &ResourceId) -> Operation<VirtualMachine> {
    Operation::json(look(id))
}

/// Reads a virtual machine and how it is at the moment.
pub fn get_with_instance_view(id: &ResourceId) -> Operation<VirtualMachine> {
    Operation::json(look(id).query("$expand", "instanceView"))
}

/// Lists the virtual machines of a group, those of its flexible scale sets too.
pub fn list_in(group: &ResourceId) -> Operation<Page<VirtualMachine>> {
    let id = format!("{group}/providers/Microsoft.Compute/virtualMachines");
    list(
        RestRequest::new("VirtualMachines_List", family::READ, Method::GET)
            .path(&id)
            .query("api-version", version::COMPUTE),
    )
}

/// Creates a virtual machine; one of that name that exists is not touched, but answered with 412.
pub fn create(id: &ResourceId, machine: &VirtualMachine) -> Change<VirtualMachine> {
    let put = request("VirtualMachines_CreateOrUpdate", family::WRITE, Method::PUT, id, version::COMPUTE);
    Change::new(put.header(IF_NONE_MATCH, "*").json(machine), look(id))
}

/// Changes what becomes of disks and network interfaces when the machine is deleted.
pub fn update(id: &ResourceId, update: &DeleteOptions) -> Change<VirtualMachine> {
    let patch = request("VirtualMachines_Update", family::WRITE, Method::PATCH, id, version::COMPUTE);
    let patch = patch.idempotency(gardener_provider_client::call::Idempotency::Idempotent);
    Change::new(patch.json(update), look(id))
}

/// Deletes a virtual machine.
pub fn delete(id: &ResourceId) -> Change<()> {
    Change::deletion("VirtualMachines_Delete", "VirtualMachines_Get", family::DELETE, id, version::COMPUTE)
}

#[cfg(test)]
mod tests;
