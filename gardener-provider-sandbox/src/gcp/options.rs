//! How the GCP part is set up.

use std::time::Duration;

use super::compute::catalog;

/// The settings of the GCP part.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GcpOptions {
    /// The projects by their ids; the first is where service accounts come from. Their numbers are derived.
    pub projects: Vec<String>,
    /// The regions and their zones.
    pub regions: Vec<(String, Vec<String>)>,
    /// How long slow state changes take.
    pub durations: Durations,
    /// The images, by project and family.
    pub images: Vec<Image>,
    /// The machine types, in every zone.
    pub machine_types: Vec<MachineType>,
    /// Whether an instance's service account must exist; without it any email will do.
    pub check_service_accounts: bool,
    /// Whether an exhausted zone answers `ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS`, as it mostly does, or the code without
    /// details.
    pub exhausted_with_details: bool,
    /// How much of what there may be.
    pub quotas: Quotas,
    /// The largest page of a list; GCP's is 500.
    pub max_page: usize,
}

impl Default for GcpOptions {
    fn default() -> Self {
        Self {
            projects: vec!["sandbox-project".to_owned()],
            regions: catalog::default_regions(),
            durations: Durations::default(),
            images: catalog::default_images(),
            machine_types: catalog::default_machine_types(),
            check_service_accounts: false,
            exhausted_with_details: true,
            quotas: Quotas::default(),
            max_page: 500,
        }
    }
}

/// How long slow state changes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durations {
    /// An instance's creation or start, until it is running and the operation done.
    pub instance_start: Duration,
    /// An instance's stop or deletion.
    pub instance_stop: Duration,
    /// Any change of a network or subnetwork.
    pub network: Duration,
    /// Any change of a router, which carries the NATs.
    pub router: Duration,
    /// Every other change.
    pub other: Duration,
    /// How long an operation is `PENDING`, of the time above.
    pub pending: Duration,
    /// How long a request id is remembered.
    pub request_ids: Duration,
    /// How long a finished operation can still be looked at.
    pub operations_shown: Duration,
    /// How long an access token is good for.
    pub tokens: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            instance_start: Duration::from_secs(12),
            instance_stop: Duration::from_secs(45),
            network: Duration::from_secs(15),
            router: Duration::from_secs(8),
            other: Duration::from_secs(3),
            pending: Duration::from_secs(1),
            request_ids: Duration::from_secs(3600),
            operations_shown: Duration::from_secs(14 * 86_400),
            tokens: Duration::from_secs(3600),
        }
    }
}

impl Durations {
    /// All changes are over at once.
    pub fn instant() -> Self {
        Self {
            instance_start: Duration::ZERO,
            instance_stop: Duration::ZERO,
            network: Duration::ZERO,
            router: Duration::ZERO,
            other: Duration::ZERO,
            pending: Duration::ZERO,
            ..Self::default()
        }
    }
}

/// A project's limits, generous enough for tests.
///
/// <https://cloud.google.com/compute/resource-usage>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quotas {
    /// `NETWORKS`; GCP starts with 5 to 15.
    pub networks: usize,
    /// `SUBNETWORKS` of the project.
    pub subnetworks: usize,
    /// `FIREWALLS` of the project.
    pub firewalls: usize,
    /// `ROUTES` that somebody made.
    pub routes: usize,
    /// `ROUTERS` of the project.
    pub routers: usize,
    /// `STATIC_ADDRESSES` per region.
    pub static_addresses: usize,
    /// `IN_USE_ADDRESSES` per region: external addresses of instances.
    pub in_use_addresses: usize,
    /// `INSTANCES` per region.
    pub instances: usize,
    /// `CPUS` per region.
    pub cpus: u64,
    /// `DISKS_TOTAL_GB` per region.
    pub disks_total_gb: u64,
    /// Service accounts of the project.
    pub service_accounts: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            networks: 100,
            subnetworks: 1000,
            firewalls: 1000,
            routes: 1000,
            routers: 200,
            static_addresses: 200,
            in_use_addresses: 2000,
            instances: 10_000,
            cpus: 100_000,
            disks_total_gb: 10_000_000,
            service_accounts: 100,
        }
    }
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// The project that has it.
    pub project: String,
    /// The name.
    pub name: String,
    /// The family, whose newest image is the last one in the list.
    pub family: String,
    /// `X86_64` or `ARM64`.
    pub architecture: String,
    /// The size of a disk made of it, in GB.
    pub disk_size_gb: u64,
}

impl Image {
    /// An x86-64 image of 10 GB.
    pub fn new(project: impl Into<String>, name: impl Into<String>, family: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            name: name.into(),
            family: family.into(),
            architecture: "X86_64".to_owned(),
            disk_size_gb: 10,
        }
    }
}

/// A machine type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachineType {
    /// The name, such as `n2-standard-2`.
    pub name: String,
    /// Virtual CPUs.
    pub cpus: u32,
    /// Memory in MB.
    pub memory_mb: u32,
    /// `X86_64` or `ARM64`.
    pub architecture: String,
    /// The accelerators that come with it: type and count.
    pub accelerators: Option<(String, u32)>,
    /// Whether accelerators can be attached (N1).
    pub takes_accelerators: bool,
}

impl MachineType {
    /// An x86-64 type without accelerators.
    pub fn new(name: impl Into<String>, cpus: u32, memory_mb: u32) -> Self {
        Self {
            name: name.into(),
            cpus,
            memory_mb,
            architecture: "X86_64".to_owned(),
            accelerators: None,
            takes_accelerators: false,
        }
    }
}
