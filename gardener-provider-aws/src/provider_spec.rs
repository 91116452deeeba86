//! The `providerSpec` of a MachineClass, by Gardener's names.
//!
//! The fields are those of
//! [machine-controller-manager-provider-aws](https://github.com/gardener/machine-controller-manager-provider-aws/blob/master/pkg/aws/apis/aws_provider_spec.go).
//! All of them have an effect here, those included that the Go driver reads and ignores (`kmsKeyID`, `ebsOptimized`,
//! `monitoring`, `noDevice`, `virtualName`). As in Go, `null` is the same as a field left out, and `Id` and `ID` at the
//! end of a name are the same; a field that is unknown is an error that names it.

use std::collections::BTreeMap;

use gardener_provider_client::config;
use gardener_provider_core::{Error, Machine, MachineClass, Region, Result, Violation};
use serde::Deserialize;
use serde_json::Value;

mod samples;
mod validation;

pub(crate) use samples::samples;

/// How the machines of a class are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProviderSpec {
    #[serde(default, rename = "apiVersion")]
    _api_version: Option<String>,
    #[serde(default, rename = "kind")]
    _kind: Option<String>,
    /// The image.
    #[serde(default)]
    pub ami: String,
    /// The disks; those of the image if none.
    #[serde(default)]
    pub block_devices: Vec<BlockDevice>,
    /// Which reserved capacity to use.
    #[serde(default)]
    pub capacity_reservation: Option<CapacityReservation>,
    /// Dedicated throughput between the machine and its disks; the instance type's default unless true.
    #[serde(default)]
    pub ebs_optimized: bool,
    /// The role of the machine.
    #[serde(default)]
    pub iam: InstanceProfile,
    /// The instance type.
    #[serde(default)]
    pub machine_type: String,
    /// The SSH key pair.
    #[serde(default)]
    pub key_name: Option<String>,
    /// Detailed monitoring, every minute.
    #[serde(default)]
    pub monitoring: bool,
    /// The network interfaces; the first is the primary one.
    #[serde(default)]
    pub network_interfaces: Vec<NetworkInterface>,
    /// The region.
    #[serde(default)]
    pub region: String,
    /// Deprecated by `instanceMarketOptions`: a spot instance at this price per hour at most, or at any if empty.
    #[serde(default)]
    pub spot_price: Option<String>,
    /// False lets the machine route packets that are not its own.
    #[serde(default)]
    pub src_and_dst_checks_enabled: Option<bool>,
    /// Tags of the machine, its disks and its network interfaces.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The instance metadata service.
    #[serde(default)]
    pub instance_metadata_options: Option<MetadataOptions>,
    /// Cores and threads.
    #[serde(default)]
    pub cpu_options: Option<CpuOptions>,
    /// Placement group, tenancy, dedicated host.
    #[serde(default)]
    pub placement: Option<Placement>,
    /// How the machine is bought.
    #[serde(default)]
    pub instance_market_options: Option<MarketOptions>,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct BlockDevice {
    /// `/root` for the disk of the image, else a name such as `/dev/sdf`. A sole disk is that of the image.
    pub device_name: String,
    /// The volume.
    pub ebs: Ebs,
    /// Not empty: the image's disk of this name is left out.
    pub no_device: String,
    /// An instance store, `ephemeral<n>`, in place of a volume.
    pub virtual_name: String,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Ebs {
    /// Whether it goes with the machine; true unless told.
    pub delete_on_termination: Option<bool>,
    /// Whether it is encrypted. A key implies it.
    pub encrypted: bool,
    /// Operations per second.
    pub iops: i32,
    /// MiB per second, for `gp3`.
    pub throughput: Option<i32>,
    /// The key that encrypts it: id, alias or ARN.
    #[serde(rename = "kmsKeyID", alias = "kmsKeyId")]
    pub kms_key_id: Option<String>,
    /// The snapshot it starts from.
    #[serde(rename = "snapshotID", alias = "snapshotId")]
    pub snapshot_id: Option<String>,
    /// GiB.
    pub volume_size: i32,
    /// `gp2`, `gp3`, `io1`, `io2`, `st1`, `sc1` or `standard`.
    pub volume_type: String,
}

/// Which reserved capacity to use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CapacityReservation {
    /// `open`, `none` or `capacity-reservations-only`; excludes the other two.
    pub capacity_reservation_preference: String,
    /// One reservation.
    #[serde(alias = "capacityReservationID")]
    pub capacity_reservation_id: Option<String>,
    /// A group of reservations.
    pub capacity_reservation_resource_group_arn: Option<String>,
}

/// The role of the machine, by ARN or name of its instance profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InstanceProfile {
    /// The ARN.
    pub arn: String,
    /// The name.
    pub name: String,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NetworkInterface {
    /// Whether it gets a public IPv4 address; the subnet's default unless told.
    #[serde(rename = "associatePublicIPAddress", alias = "associatePublicIpAddress")]
    pub associate_public_ip_address: Option<bool>,
    /// How many IPv6 addresses it gets.
    pub ipv6_address_count: Option<i32>,
    /// How many IPv6 prefixes are delegated to it, after creation.
    pub ipv6_prefix_count: Option<i32>,
    /// Whether it goes with the machine; true unless told.
    pub delete_on_termination: Option<bool>,
    /// A description.
    pub description: Option<String>,
    /// Its security groups.
    #[serde(rename = "securityGroupIDs", alias = "securityGroupIds")]
    pub security_group_ids: Vec<String>,
    /// Its subnet.
    #[serde(rename = "subnetID", alias = "subnetId")]
    pub subnet_id: String,
    /// `interface`, `efa` or `efa-only`.
    pub interface_type: Option<String>,
    /// Which network card.
    pub network_card_index: Option<i32>,
    /// Which device of the card; the position in the list unless told.
    pub device_index: Option<i32>,
    /// Whether its first IPv6 address is the primary one.
    pub primary_ipv6: Option<bool>,
}

/// The instance metadata service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct MetadataOptions {
    /// `enabled` or `disabled`.
    pub http_endpoint: String,
    /// Over how many hops a reply may travel, 0 to 64.
    pub http_put_response_hop_limit: Option<i32>,
    /// `required` (IMDSv2 only) or `optional`.
    pub http_tokens: String,
    /// `enabled` or `disabled`.
    pub http_protocol_ipv6: String,
}

/// Cores and threads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CpuOptions {
    /// Cores.
    pub core_count: Option<i32>,
    /// Threads per core, 1 or 2.
    pub threads_per_core: Option<i32>,
    /// AMD SEV-SNP: `enabled` or `disabled`.
    pub amd_sev_snp: Option<String>,
}

/// Where the machine is placed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Placement {
    /// The placement group.
    #[serde(alias = "groupID")]
    pub group_id: Option<String>,
    /// `default`, `dedicated` or `host`.
    pub tenancy: Option<String>,
    /// The dedicated host; needs tenancy `host`.
    #[serde(alias = "hostID")]
    pub host_id: Option<String>,
    /// The partition of the placement group, from 1.
    pub partition_number: Option<i32>,
    /// `default` or `host`.
    pub affinity: Option<String>,
}

/// How the machine is bought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct MarketOptions {
    /// `spot`, `capacity-block` or `interruptible-capacity-reservation`.
    pub market_type: String,
}

/// The tag that marks what belongs to a cluster begins so, and ends with the cluster's technical id.
pub const CLUSTER_TAG: &str = "kubernetes.io/cluster/";
/// The tag that says what a machine is for begins so.
pub const ROLE_TAG: &str = "kubernetes.io/role/";
/// Placement as JSON, for Machines whose class has none.
pub const PLACEMENT_ANNOTATION: &str = "machine.sapcloud.io/awsPlacement";

/// Where the spec stands in a MachineClass.
const FIELD: &str = "providerSpec";

impl ProviderSpec {
    /// Reads the spec of a class and checks it.
    ///
    /// # Errors
    /// `InvalidArgument` naming every field that is unknown or wrong, or the first of a wrong type.
    pub fn of_class(class: &MachineClass) -> Result<Self> {
        Self::parse(&class.provider_spec).and_then(Self::checked).map_err(refusal)
    }

    /// Reads the spec of a Machine's class; what the class does not say about placement, the Machine's annotation may.
    ///
    /// # Errors
    /// As [`ProviderSpec::of_class`].
    pub fn of_machine(class: &MachineClass, machine: &Machine) -> Result<Self> {
        let mut spec = Self::parse(&class.provider_spec).map_err(refusal)?;
        if let (None, Some(text)) = (&spec.placement, machine.annotations.get(PLACEMENT_ANNOTATION)) {
            let field = format!("machine.spec.nodeTemplate.metadata.annotations[{PLACEMENT_ANNOTATION}]");
            let value = serde_json::from_str(text)
                .map_err(|error| Error::invalid(&field, format!("is not JSON: {error}")))?;
            spec.placement = Some(config::parse_field(&field, &value).map_err(refusal)?);
        }
        spec.checked().map_err(refusal)
    }

    /// Reads the spec without checking values.
    ///
    /// # Errors
    /// Every field that is unknown, or the first of a wrong type.
    pub fn parse(value: &Value) -> Result<Self, Vec<Violation>> {
        config::parse_field(FIELD, value)
    }

    /// All that is wrong with a spec; empty if it is good.
    pub fn violations(value: &Value) -> Vec<Violation> {
        Self::parse(value).and_then(Self::checked).err().unwrap_or_default()
    }

    fn checked(self) -> Result<Self, Vec<Violation>> {
        let violations = validation::violations(&self);
        if violations.is_empty() { Ok(self) } else { Err(violations) }
    }

    /// The region.
    ///
    /// # Errors
    /// `InvalidArgument` naming it.
    pub fn region(&self) -> Result<Region> {
        Region::new(&self.region)
            .map_err(|error| Error::invalid("providerSpec.region", error.message().to_owned()))
    }

    /// The keys of the tags by which the machines of this cluster and role are found, sorted.
    pub fn ownership_keys(&self) -> Vec<String> {
        let marks = |key: &&String| key.starts_with(CLUSTER_TAG) || key.starts_with(ROLE_TAG);
        self.tags.keys().filter(marks).cloned().collect()
    }
}

fn refusal(violations: Vec<Violation>) -> Error {
    config::refusal(FIELD, violations)
}

#[cfg(test)]
mod tests;
