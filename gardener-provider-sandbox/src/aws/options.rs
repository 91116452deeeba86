//! How the AWS part is set up.

use std::time::Duration;

use super::{
    auth::AccessKey,
    ec2::catalog::{default_images, default_instance_types, default_regions},
};

/// The settings of the AWS part.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AwsOptions {
    /// The account number.
    pub account: String,
    /// The regions and their zones; calls to other regions find no host.
    pub regions: Vec<(String, Vec<String>)>,
    /// The access keys that are accepted.
    pub access_keys: Vec<AccessKey>,
    /// Whether signatures are checked; keys and session tokens always are.
    pub verify_signatures: bool,
    /// How long slow state changes take.
    pub durations: Durations,
    /// The machine images, in every region.
    pub images: Vec<Image>,
    /// The machine types, in every zone.
    pub instance_types: Vec<InstanceType>,
    /// Whether an instance needs an instance profile that exists in IAM; without it any name will do.
    pub check_instance_profiles: bool,
    /// How much of what there may be.
    pub quotas: Quotas,
    /// The largest page of a list; AWS's is 1000.
    pub max_page: usize,
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            regions: default_regions(),
            access_keys: vec![AccessKey::sandbox()],
            verify_signatures: true,
            durations: Durations::default(),
            images: default_images(),
            instance_types: default_instance_types(),
            check_instance_profiles: false,
            quotas: Quotas::default(),
            max_page: 1000,
        }
    }
}

/// How long slow state changes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durations {
    /// An instance, from pending to running.
    pub instance_start: Duration,
    /// An instance, from shutting-down to terminated or from stopping to stopped.
    pub instance_stop: Duration,
    /// How long a terminated instance is still shown.
    pub terminated_shown: Duration,
    /// A VPC or subnet, from pending to available.
    pub vpc: Duration,
    /// The association of an IPv6 block.
    pub ipv6_association: Duration,
    /// A NAT gateway, from pending to available.
    pub nat_gateway_start: Duration,
    /// A NAT gateway, from deleting to deleted.
    pub nat_gateway_stop: Duration,
    /// An interface endpoint, from pending to available; gateway endpoints are available at once.
    pub endpoint: Duration,
    /// A file system or mount target, from creating to available and from deleting to gone.
    pub file_system: Duration,
    /// A load balancer, from provisioning to active, and how long its network interfaces outlive it.
    pub load_balancer: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            instance_start: Duration::from_secs(15),
            instance_stop: Duration::from_secs(40),
            terminated_shown: Duration::from_secs(3600),
            vpc: Duration::from_secs(1),
            ipv6_association: Duration::from_secs(5),
            nat_gateway_start: Duration::from_secs(90),
            nat_gateway_stop: Duration::from_secs(60),
            endpoint: Duration::from_secs(60),
            file_system: Duration::from_secs(30),
            load_balancer: Duration::from_secs(60),
        }
    }
}

impl Durations {
    /// All changes are over at once; terminated instances are still shown for an hour.
    pub fn instant() -> Self {
        Self {
            instance_start: Duration::ZERO,
            instance_stop: Duration::ZERO,
            vpc: Duration::ZERO,
            ipv6_association: Duration::ZERO,
            nat_gateway_start: Duration::ZERO,
            nat_gateway_stop: Duration::ZERO,
            endpoint: Duration::ZERO,
            file_system: Duration::ZERO,
            load_balancer: Duration::ZERO,
            ..Self::default()
        }
    }
}

/// The account's limits per region, with AWS's defaults where they are generous enough for tests.
///
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quotas {
    /// VPCs (`VpcLimitExceeded`); AWS starts with 5.
    pub vpcs: usize,
    /// Subnets per VPC (`SubnetLimitExceeded`).
    pub subnets_per_vpc: usize,
    /// Internet gateways (`InternetGatewayLimitExceeded`).
    pub internet_gateways: usize,
    /// Elastic IP addresses (`AddressLimitExceeded`); AWS starts with 5.
    pub addresses: usize,
    /// NAT gateways per zone (`NatGatewayLimitExceeded`).
    pub nat_gateways_per_zone: usize,
    /// Security groups (`SecurityGroupLimitExceeded`).
    pub security_groups: usize,
    /// Rules per security group and direction (`RulesPerSecurityGroupLimitExceeded`).
    pub rules_per_security_group: usize,
    /// Route tables per VPC (`RouteTableLimitExceeded`).
    pub route_tables_per_vpc: usize,
    /// Routes per table (`RouteLimitExceeded`).
    pub routes_per_table: usize,
    /// Gateway endpoints (`VpcEndpointLimitExceeded`).
    pub gateway_endpoints: usize,
    /// vCPUs of running instances (`VcpuLimitExceeded`).
    pub vcpus: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            vpcs: 100,
            subnets_per_vpc: 200,
            internet_gateways: 100,
            addresses: 100,
            nat_gateways_per_zone: 5,
            security_groups: 2500,
            rules_per_security_group: 60,
            route_tables_per_vpc: 200,
            routes_per_table: 500,
            gateway_endpoints: 20,
            vcpus: 100_000,
        }
    }
}

/// A machine image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// The id, `ami-…`.
    pub id: String,
    /// The name.
    pub name: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// The device of the root volume.
    pub root_device: String,
    /// The snapshot of the root volume.
    pub snapshot: String,
    /// The size of the root volume in GiB.
    pub volume_size: u32,
}

impl Image {
    /// An image with a root volume of 8 GiB on `/dev/xvda`.
    pub fn new(id: impl Into<String>, name: impl Into<String>, architecture: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            snapshot: id.replacen("ami-", "snap-", 1),
            id,
            name: name.into(),
            architecture: architecture.into(),
            root_device: "/dev/xvda".to_owned(),
            volume_size: 8,
        }
    }

    /// Sets the root device.
    #[must_use]
    pub fn with_root_device(mut self, device: impl Into<String>, volume_size: u32) -> Self {
        self.root_device = device.into();
        self.volume_size = volume_size;
        self
    }
}

/// A machine type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceType {
    /// The name, such as `m5.large`.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Hardware threads per core.
    pub threads_per_core: u32,
    /// Memory in MiB.
    pub memory: u64,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// How many network interfaces it takes.
    pub max_interfaces: u32,
    /// How many network cards it has.
    pub network_cards: u32,
    /// Whether it takes EFA interfaces.
    pub efa: bool,
    /// NVIDIA GPUs.
    pub gpus: u32,
}

impl InstanceType {
    /// An x86-64 type with two threads per core, four interfaces and neither EFA nor GPU.
    pub fn new(name: impl Into<String>, vcpus: u32, memory: u64) -> Self {
        Self {
            name: name.into(),
            vcpus,
            threads_per_core: 2,
            memory,
            architecture: "x86_64".to_owned(),
            max_interfaces: 4,
            network_cards: 1,
            efa: false,
            gpus: 0,
        }
    }
}
