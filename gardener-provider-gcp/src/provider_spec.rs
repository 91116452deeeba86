//! The `providerSpec` of a MachineClass, by Gardener's names.
//!
//! The fields are those of
//! [machine-controller-manager-provider-gcp](https://github.com/gardener/machine-controller-manager-provider-gcp/blob/master/pkg/api/v1alpha1/provider_spec.go),
//! and some that users miss there: [`Scheduling::provisioning_model`] and what belongs to it,
//! [`ProviderSpec::reservation_affinity`] and [`ProviderSpec::resource_policies`], all by Compute Engine's names. As in
//! Go, `null` is the same as a field left out; a field that is unknown is an error that names it.

use std::collections::BTreeMap;

use gardener_provider_client::config;
use gardener_provider_core::{Error, MachineClass, Result, Violation};
use serde::Deserialize;
use serde_json::Value;

mod samples;
mod validation;

pub(crate) use samples::samples;
pub(crate) use validation::is_name;

/// How the machines of a class are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ProviderSpec {
    #[serde(rename = "apiVersion", alias = "APIVersion")]
    _api_version: Option<String>,
    #[serde(rename = "kind")]
    _kind: Option<String>,
    /// Whether the machine may send and receive packets that are not its own.
    #[serde(alias = "canIPForward")]
    pub can_ip_forward: bool,
    /// Whether Compute Engine refuses to delete the machine.
    pub deletion_protection: bool,
    /// A description.
    pub description: Option<String>,
    /// The disks; one of them is booted from.
    pub disks: Vec<Disk>,
    /// Accelerators.
    pub gpu: Option<Gpu>,
    /// Labels of the machine.
    pub labels: BTreeMap<String, String>,
    /// The machine type: its name, or a partial address such as `zones/<zone>/machineTypes/<name>`.
    pub machine_type: String,
    /// Metadata besides the user data.
    pub metadata: Vec<MetadataItem>,
    /// The oldest CPU platform that will do.
    #[serde(alias = "minCPUPlatform")]
    pub min_cpu_platform: Option<String>,
    /// The network interfaces; the first is the primary one.
    pub network_interfaces: Vec<NetworkInterface>,
    /// The region.
    pub region: String,
    /// Maintenance, restarts, and how the machine is bought.
    pub scheduling: Scheduling,
    /// The service account that the machine acts as; Compute Engine takes one.
    pub service_accounts: Vec<ServiceAccount>,
    /// Network tags. Two of them say to which cluster the machine belongs and in which role.
    pub tags: Vec<String>,
    /// The zone.
    pub zone: String,
    /// Protection against rootkits.
    pub shielded_instance_configuration: Option<ShieldedInstance>,
    /// Advanced features of the processor.
    pub advanced_machine_features: Option<AdvancedMachineFeatures>,
    /// Which reserved capacity to use.
    pub reservation_affinity: Option<ReservationAffinity>,
    /// Resource policies such as placement: names in the region, or partial addresses.
    pub resource_policies: Vec<String>,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Disk {
    /// Whether it goes with the machine; true unless told.
    pub auto_delete: Option<bool>,
    /// Whether the machine boots from it.
    pub boot: bool,
    /// GiB.
    pub size_gb: i64,
    /// The disk type such as `pd-balanced`, or `SCRATCH` for a local SSD.
    #[serde(rename = "type")]
    pub disk_type: String,
    /// `NVME` or `SCSI`, for a local SSD.
    pub interface: String,
    /// The image it starts as.
    pub image: String,
    /// With which key it is encrypted; Google's own if none.
    pub encryption: Option<Encryption>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Operations per second, for types that take it.
    pub provisioned_iops: i64,
    /// MiB per second, for types that take it.
    pub provisioned_throughput: i64,
    /// The storage pool it is taken from.
    pub storage_pool: Option<String>,
}

/// A key of Cloud KMS.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Encryption {
    /// `projects/<project>/locations/<location>/keyRings/<ring>/cryptoKeys/<key>`
    pub kms_key_name: String,
    /// The service account that uses the key; that of Compute Engine unless told.
    pub kms_key_service_account: String,
}

/// Accelerators.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Gpu {
    /// The type such as `nvidia-tesla-t4`.
    pub accelerator_type: String,
    /// How many.
    pub count: i64,
}

/// A pair of metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct MetadataItem {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Option<String>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NetworkInterface {
    /// False gives it a public IPv4 address.
    #[serde(rename = "disableExternalIP", alias = "disableExternalIp")]
    pub disable_external_ip: bool,
    /// The network: its name, or a partial address.
    pub network: String,
    /// The subnet: its name in the region, or a partial address.
    pub subnetwork: String,
    /// `IPV4_ONLY`, `IPV4_IPV6` or `IPV6_ONLY`.
    pub stack_type: String,
    /// `INTERNAL` or `EXTERNAL`.
    #[serde(rename = "ipv6accessType", alias = "ipv6AccessType")]
    pub ipv6_access_type: String,
    /// Whether pods get their addresses as alias addresses of the machine.
    #[serde(rename = "useAliasIPs", alias = "useAliasIps")]
    pub use_alias_ips: bool,
    /// The range of alias addresses: its size such as `/24`, or a CIDR.
    pub ip_cidr_range: String,
    /// The secondary range of the subnet that alias addresses are from; the primary one unless told.
    pub subnetwork_range_name: String,
}

/// Maintenance, restarts, and how the machine is bought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Scheduling {
    /// Whether Compute Engine starts the machine again when it has failed.
    pub automatic_restart: bool,
    /// `MIGRATE` or `TERMINATE`.
    pub on_host_maintenance: String,
    /// The older way to ask for a machine that may be taken away, for 24 hours at most.
    pub preemptible: bool,
    /// `STANDARD`, `SPOT`, `RESERVATION_BOUND` or `FLEX_START`.
    pub provisioning_model: Option<String>,
    /// What becomes of a machine that is taken away or has run for long enough: `STOP` or `DELETE`.
    pub instance_termination_action: Option<String>,
    /// For how long the machine may run.
    pub max_run_duration: Option<RunDuration>,
}

/// A span of time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RunDuration {
    /// Seconds.
    pub seconds: i64,
}

/// A service account that the machine acts as.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ServiceAccount {
    /// Its address.
    pub email: String,
    /// What it is used for.
    pub scopes: Vec<String>,
}

/// Protection against rootkits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ShieldedInstance {
    /// Whether the boot sequence is compared with that of the first boot.
    pub integrity_monitoring: Option<bool>,
    /// Whether only signed software boots.
    pub secure_boot: Option<bool>,
    /// Whether there is a virtual trusted platform module.
    pub vtpm: Option<bool>,
}

/// Advanced features of the processor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AdvancedMachineFeatures {
    /// Whether the machine may run virtual machines of its own.
    pub enable_nested_virtualization: Option<bool>,
}

/// Which reserved capacity to use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ReservationAffinity {
    /// `ANY_RESERVATION`, `SPECIFIC_RESERVATION` or `NO_RESERVATION`.
    pub consume_reservation_type: String,
    /// For a specific reservation: `compute.googleapis.com/reservation-name`.
    pub key: String,
    /// For a specific reservation: its name, or `projects/<project>/reservations/<name>`.
    pub values: Vec<String>,
}

/// The network tag that marks what belongs to a cluster begins so, and ends with the cluster's technical id.
pub const CLUSTER_TAG: &str = "kubernetes-io-cluster-";
/// The network tag that says what a machine is for begins so.
pub const ROLE_TAG: &str = "kubernetes-io-role-";
/// The disk type of a local SSD.
pub const SCRATCH: &str = "SCRATCH";

const FIELD: &str = "providerSpec";

impl ProviderSpec {
    /// Reads the spec of a class and checks it.
    ///
    /// # Errors
    /// `InvalidArgument` naming every field that is unknown or wrong, or the first of a wrong type.
    pub fn of_class(class: &MachineClass) -> Result<Self> {
        Self::checked(&class.provider_spec).map_err(|violations| config::refusal(FIELD, violations))
    }

    /// All that is wrong with a spec; empty if it is good.
    pub fn violations(value: &Value) -> Vec<Violation> {
        Self::checked(value).err().unwrap_or_default()
    }

    fn checked(value: &Value) -> Result<Self, Vec<Violation>> {
        let spec: Self = config::parse_field(FIELD, value)?;
        let violations = validation::violations(&spec);
        if violations.is_empty() { Ok(spec) } else { Err(violations) }
    }

    /// The tags by which the machines of this cluster and role are found, sorted.
    pub fn ownership_tags(&self) -> Vec<String> {
        let marks = |tag: &&String| tag.starts_with(CLUSTER_TAG) || tag.starts_with(ROLE_TAG);
        let mut tags: Vec<_> = self.tags.iter().filter(marks).cloned().collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// The technical id of the cluster.
    ///
    /// # Errors
    /// `InvalidArgument` naming the tags if none says it.
    pub fn cluster(&self) -> Result<&str> {
        let id = self.tags.iter().find_map(|tag| tag.strip_prefix(CLUSTER_TAG));
        id.ok_or_else(|| {
            Error::invalid("providerSpec.tags", format!("lacks a tag {CLUSTER_TAG}<technical id>"))
        })
    }

    /// The metadata key that the user data goes under: cloud-init reads `user-data`, Compute Engine's own agent runs
    /// `startup-script`.
    pub fn user_data_key(user_data: &str) -> &'static str {
        if user_data.starts_with("#cloud-config") { "user-data" } else { "startup-script" }
    }
}

#[cfg(test)]
mod tests;
