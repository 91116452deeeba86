//! How the Azure part is set up.

use std::time::Duration;

use gardener_provider_core::Redacted;

use super::catalog;

/// The settings of the Azure part.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AzureOptions {
    /// The subscriptions; the first is the one that the helpers speak of.
    pub subscriptions: Vec<String>,
    /// The tenant (directory) of all subscriptions.
    pub tenant: String,
    /// The applications that may log in.
    pub clients: Vec<Client>,
    /// The client id of the managed identity of the machine that a program seems to run on; `None` if it has none.
    pub managed_identity: Option<String>,
    /// The value of `IDENTITY_HEADER` that the App Service form of the managed identity endpoint asks for.
    pub identity_header: Redacted<String>,
    /// How long an access token is good for.
    pub token_lifetime: Duration,
    /// The regions and their zones; other locations are refused.
    pub locations: Vec<(String, Vec<String>)>,
    /// How long slow state changes take.
    pub durations: Durations,
    /// The marketplace images.
    pub images: Vec<Image>,
    /// The machine sizes.
    pub vm_sizes: Vec<VmSize>,
    /// How much of what there may be.
    pub quotas: Quotas,
    /// The largest page of a list.
    pub max_page: usize,
}

impl Default for AzureOptions {
    fn default() -> Self {
        Self {
            subscriptions: vec!["11111111-2222-3333-4444-555555555555".to_owned()],
            tenant: "66666666-7777-8888-9999-aaaaaaaaaaaa".to_owned(),
            clients: vec![Client::sandbox()],
            managed_identity: Some("bbbbbbbb-cccc-dddd-eeee-ffffffffffff".to_owned()),
            identity_header: Redacted::new("sandbox-identity-header".to_owned()),
            token_lifetime: Duration::from_secs(3599),
            locations: catalog::default_locations(),
            durations: Durations::default(),
            images: catalog::default_images(),
            vm_sizes: catalog::default_vm_sizes(),
            quotas: Quotas::default(),
            max_page: 100,
        }
    }
}

/// An application (service principal) that may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// The client (application) id.
    pub id: String,
    /// The client secret, if it has one.
    pub secret: Option<Redacted<String>>,
    /// Federated credentials: issuer and subject of the tokens that are accepted in place of a secret.
    pub federated: Vec<(String, String)>,
    /// Certificates (DER) whose keys may sign client assertions.
    pub certificates: Vec<Vec<u8>>,
}

impl Client {
    /// An application without any credential.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), secret: None, federated: Vec::new(), certificates: Vec::new() }
    }

    /// The application that every sandbox knows unless its options say otherwise.
    pub fn sandbox() -> Self {
        Self::new("cccccccc-dddd-eeee-ffff-000000000000")
            .with_secret("sandbox~client.secret_0000000000000000")
    }

    /// Sets the client secret.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(Redacted::new(secret.into()));
        self
    }

    /// Accepts tokens of this issuer about this subject, for the audience `api://AzureADTokenExchange`.
    #[must_use]
    pub fn with_federation(mut self, issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        self.federated.push((issuer.into(), subject.into()));
        self
    }

    /// Accepts assertions signed with the key of this certificate (DER).
    #[must_use]
    pub fn with_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(der.into());
        self
    }
}

/// How long slow state changes take. Zero means that the call itself is answered with the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durations {
    /// Any write to a network resource that has no duration of its own.
    pub network: Duration,
    /// The creation of a NAT gateway.
    pub nat_gateway: Duration,
    /// The creation or update of a virtual machine.
    pub vm_start: Duration,
    /// The deletion of a virtual machine.
    pub vm_stop: Duration,
    /// The deletion of a virtual machine by force.
    pub vm_force_stop: Duration,
    /// The creation or deletion of a disk.
    pub disk: Duration,
    /// The deletion of a resource group.
    pub group: Duration,
    /// What `Retry-After` says on operations that go on.
    pub retry_after: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            network: Duration::from_secs(4),
            nat_gateway: Duration::from_secs(12),
            vm_start: Duration::from_secs(45),
            vm_stop: Duration::from_secs(50),
            vm_force_stop: Duration::from_secs(15),
            disk: Duration::from_secs(3),
            group: Duration::from_secs(60),
            retry_after: Duration::from_secs(10),
        }
    }
}

impl Durations {
    /// All changes are over at once.
    pub fn instant() -> Self {
        Self {
            network: Duration::ZERO,
            nat_gateway: Duration::ZERO,
            vm_start: Duration::ZERO,
            vm_stop: Duration::ZERO,
            vm_force_stop: Duration::ZERO,
            disk: Duration::ZERO,
            group: Duration::ZERO,
            retry_after: Duration::ZERO,
        }
    }
}

/// The subscription's limits per region.
///
/// <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/azure-subscription-service-limits>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quotas {
    /// Virtual CPUs of all machines (`OperationNotAllowed` with a message about the quota).
    pub cores: u32,
    /// Virtual networks.
    pub virtual_networks: usize,
    /// Network interfaces.
    pub network_interfaces: usize,
    /// Network security groups.
    pub network_security_groups: usize,
    /// Route tables.
    pub route_tables: usize,
    /// Standard public IP addresses (`PublicIPCountLimitReached`).
    pub public_ip_addresses: usize,
    /// Resource groups of the subscription (`ResourceGroupQuotaExceeded`).
    pub resource_groups: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            cores: 100_000,
            virtual_networks: 1000,
            network_interfaces: 65_536,
            network_security_groups: 5000,
            route_tables: 200,
            public_ip_addresses: 1000,
            resource_groups: 980,
        }
    }
}

/// A marketplace image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// Who publishes it.
    pub publisher: String,
    /// The offer.
    pub offer: String,
    /// The SKU.
    pub sku: String,
    /// The version, `major.minor.patch`.
    pub version: String,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// `V1` or `V2`.
    pub hyper_v_generation: String,
    /// The size of the OS disk in GiB.
    pub disk_size: u32,
    /// True if it is sold with a plan, whose terms must be accepted.
    pub has_plan: bool,
    /// The disk controllers it can boot from; empty: SCSI alone.
    pub disk_controllers: Vec<String>,
}

impl Image {
    /// A free x64 image of generation 2 with a disk of 30 GiB.
    pub fn new(publisher: &str, offer: &str, sku: &str, version: &str) -> Self {
        Self {
            publisher: publisher.to_owned(),
            offer: offer.to_owned(),
            sku: sku.to_owned(),
            version: version.to_owned(),
            architecture: "x64".to_owned(),
            hyper_v_generation: "V2".to_owned(),
            disk_size: 30,
            has_plan: false,
            disk_controllers: Vec::new(),
        }
    }

    /// Sells it with a plan.
    #[must_use]
    pub fn with_plan(mut self) -> Self {
        self.has_plan = true;
        self
    }

    /// Sets the architecture, `x64` or `Arm64`.
    #[must_use]
    pub fn with_architecture(mut self, architecture: impl Into<String>) -> Self {
        self.architecture = architecture.into();
        self
    }
}

/// A machine size.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VmSize {
    /// The name, such as `Standard_D2s_v5`.
    pub name: String,
    /// Virtual CPUs.
    pub cores: u32,
    /// Memory in MiB.
    pub memory: u32,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// How many data disks it takes.
    pub max_data_disks: usize,
    /// How many network interfaces it takes.
    pub max_interfaces: usize,
    /// Whether it takes accelerated networking.
    pub accelerated_networking: bool,
    /// The locations where the subscription cannot have it (`SkuNotAvailable`).
    pub restricted_in: Vec<String>,
}

impl VmSize {
    /// An x64 size for 8 data disks and 2 network interfaces, with accelerated networking.
    pub fn new(name: impl Into<String>, cores: u32, memory: u32) -> Self {
        Self {
            name: name.into(),
            cores,
            memory,
            architecture: "x64".to_owned(),
            max_data_disks: 8,
            max_interfaces: 2,
            accelerated_networking: true,
            restricted_in: Vec::new(),
        }
    }

    /// Takes it away from a location.
    #[must_use]
    pub fn restricted_in(mut self, location: impl Into<String>) -> Self {
        self.restricted_in.push(location.into());
        self
    }

    /// Sets the architecture, `x64` or `Arm64`.
    #[must_use]
    pub fn with_architecture(mut self, architecture: impl Into<String>) -> Self {
        self.architecture = architecture.into();
        self
    }
}
