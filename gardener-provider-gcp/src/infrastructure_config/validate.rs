//! What must hold of a config by itself.

use std::collections::BTreeSet;

use gardener_provider_client::config::{Cidr, Findings};
use gardener_provider_core::{IpFamily, Networking, Violation};
use ipnet::IpNet;

use super::{
    API_VERSION, CloudNat, FlowLogs, InfrastructureConfig, KIND, Networks, SubnetReference, is_dual_stack,
};

/// How flow logs can be summed up
/// ([source](https://cloud.google.com/compute/docs/reference/rest/v1/subnetworks)).
const INTERVALS: &[&str] = &[
    "INTERVAL_5_SEC",
    "INTERVAL_30_SEC",
    "INTERVAL_1_MIN",
    "INTERVAL_5_MIN",
    "INTERVAL_10_MIN",
    "INTERVAL_15_MIN",
];
/// What flow logs can have added. Gardener has no field to list what `CUSTOM_METADATA` would take.
const METADATA: &[&str] = &["EXCLUDE_ALL_METADATA", "INCLUDE_ALL_METADATA", "CUSTOM_METADATA"];
/// How many ports an address has.
const PORTS: u32 = 65_536;
/// The smallest subnet ([source](https://cloud.google.com/vpc/docs/subnets#ipv4-ranges)).
const LONGEST_PREFIX: u8 = 29;
/// The sizes of packets that a network can have ([source](https://cloud.google.com/vpc/docs/mtu)).
const MTU: std::ops::RangeInclusive<u32> = 1300..=8896;

/// Everything that is wrong with a config.
pub(super) fn create(config: &InfrastructureConfig, networking: &Networking) -> Vec<Violation> {
    let mut findings = Findings::new();
    findings.constant("apiVersion", config.api_version.as_deref(), API_VERSION);
    findings.constant("kind", config.kind.as_deref(), KIND);
    let mut check = Check { networks: &config.networks, findings };
    check.vpc();
    check.mtu();
    if let Some(logs) = &config.networks.flow_logs {
        check.flow_logs(logs);
    }
    if let Some(nat) = &config.networks.cloud_nat {
        check.nat(nat);
        check.ports(nat);
    }
    check.families(networking);
    check.subnets_given(networking);
    check.cidrs(networking);
    check.findings.into_violations()
}

struct Check<'a> {
    networks: &'a Networks,
    findings: Findings,
}

impl Check<'_> {
    fn say(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.findings.say(field, problem);
    }

    /// Names are the identity of most resources
    /// ([source](https://cloud.google.com/compute/docs/naming-resources)).
    fn name(&mut self, field: &str, name: &str) {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = (1..=63).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(inner)
            && !name.ends_with('-');
        if name.is_empty() {
            self.say(field, "is missing");
        } else if !good {
            let problem = format!(
                "{name:?} is not a name: a small letter, then small letters, digits and '-', 63 at most, not \
                 ending with '-'"
            );
            self.say(field, problem);
        }
    }

    fn vpc(&mut self) {
        let Some(vpc) = &self.networks.vpc else { return };
        self.name("networks.vpc.name", &vpc.name);
        match &vpc.cloud_router {
            Some(router) => self.name("networks.vpc.cloudRouter.name", &router.name),
            None if self.networks.uses_given_subnets() => {}
            None => self.say(
                "networks.vpc.cloudRouter",
                "is missing; a VPC of yours needs a router of yours for the nodes' way to the internet",
            ),
        }
    }

    fn mtu(&mut self) {
        let Some(mtu) = self.networks.mtu else { return };
        if !MTU.contains(&mtu) {
            self.say("networks.mtu", format!("{mtu} must be {} to {}", MTU.start(), MTU.end()));
        }
        if self.networks.vpc.is_some() {
            self.say("networks.mtu", "goes with a new VPC only; an existing one has its MTU");
        }
    }

    fn flow_logs(&mut self, logs: &FlowLogs) {
        const FIELD: &str = "networks.flowLogs";
        if *logs == FlowLogs::default() {
            self.say(
                FIELD,
                "says nothing; give aggregationInterval, flowSampling or metadata, or leave it out",
            );
        }
        for (name, value, known) in [
            ("aggregationInterval", &logs.aggregation_interval, INTERVALS),
            ("metadata", &logs.metadata, METADATA),
        ] {
            if let Some(value) = value.as_ref().filter(|value| !known.contains(&value.as_str())) {
                self.say(format!("{FIELD}.{name}"), format!("{value:?} must be one of {}", known.join(", ")));
            }
        }
        if let Some(share) = logs.flow_sampling.filter(|share| !(0.0..=1.0).contains(share)) {
            self.say(format!("{FIELD}.flowSampling"), format!("{share} must be 0 to 1"));
        }
    }

    fn nat(&mut self, nat: &CloudNat) {
        for (name, seconds) in [
            ("icmpIdleTimeoutSec", nat.icmp_idle_timeout_sec),
            ("tcpEstablishedIdleTimeoutSec", nat.tcp_established_idle_timeout_sec),
            ("tcpTimeWaitTimeoutSec", nat.tcp_time_wait_timeout_sec),
            ("tcpTransitoryIdleTimeoutSec", nat.tcp_transitory_idle_timeout_sec),
            ("udpIdleTimeoutSec", nat.udp_idle_timeout_sec),
        ] {
            if seconds.is_some_and(|seconds| seconds == 0 || i32::try_from(seconds).is_err()) {
                self.say(format!("networks.cloudNAT.{name}"), "must be at least 1 second");
            }
        }
        let Some(addresses) = &nat.nat_ip_names else { return };
        const FIELD: &str = "networks.cloudNAT.natIPNames";
        if addresses.is_empty() {
            self.say(FIELD, "is empty; name your addresses, or leave it out and Google Cloud takes any");
        }
        let mut seen = BTreeSet::new();
        for (index, address) in addresses.iter().enumerate() {
            let field = format!("{FIELD}[{index}].name");
            self.name(&field, &address.name);
            if !seen.insert(address.name.as_str()) {
                self.say(field, format!("{:?} is there twice", address.name));
            }
        }
    }

    fn ports(&mut self, nat: &CloudNat) {
        let dynamic = nat.enable_dynamic_port_allocation;
        let independent = nat.endpoint_independent_mapping.as_ref().is_some_and(|mapping| mapping.enabled);
        if dynamic && independent {
            self.say(
                "networks.cloudNAT.enableDynamicPortAllocation",
                "cannot be combined with endpointIndependentMapping; enable one of the two",
            );
        }
        for (name, ports) in
            [("minPortsPerVM", nat.min_ports_per_vm), ("maxPortsPerVM", nat.max_ports_per_vm)]
        {
            let Some(ports) = ports else { continue };
            let field = format!("networks.cloudNAT.{name}");
            if !(1..=PORTS).contains(&ports) {
                self.say(field, format!("{ports} must be 1 to {PORTS}"));
            } else if dynamic && !ports.is_power_of_two() {
                let near = ports.next_power_of_two();
                self.say(
                    field,
                    format!("{ports} must be a power of two with dynamic port allocation, such as {near}"),
                );
            }
        }
        if nat.max_ports_per_vm.is_some() && !dynamic {
            self.say("networks.cloudNAT.maxPortsPerVM", "is of use with enableDynamicPortAllocation only");
        }
        if let (Some(min), Some(max)) = (nat.min_ports_per_vm, nat.max_ports_per_vm)
            && min > max
        {
            self.say(
                "networks.cloudNAT.minPortsPerVM",
                format!("{min} must not be greater than maxPortsPerVM, {max}"),
            );
        }
    }

    fn families(&mut self, networking: &Networking) {
        if !is_dual_stack(networking) {
            return;
        }
        if !networking.has(IpFamily::V4) {
            self.say("networking.ipFamilies", "IPv6 alone is not offered; use IPv4, or both IPv4 and IPv6");
        }
        for (field, cidr, use_of_it) in [
            ("networking.pods", &networking.pods, "a range of the nodes' subnet"),
            ("networking.services", &networking.services, "the IPv4 range of the services' subnet"),
        ] {
            if cidr.is_none() {
                self.say(field, format!("is missing; with IPv6 it is {use_of_it}"));
            }
        }
    }

    /// What the user gives, and what is made of no account by that.
    fn subnets_given(&mut self, networking: &Networking) {
        let networks = self.networks;
        let Some(workers) = &networks.subnet_workers else {
            if networks.subnet_services.is_some() {
                self.say("networks.subnetServices", "goes with subnetWorkers only");
            }
            return;
        };
        if networks.vpc.is_none() {
            self.say("networks.vpc.name", "is missing; subnets that you give lie in a VPC that you give");
        }
        let router = networks.vpc.as_ref().is_some_and(|vpc| vpc.cloud_router.is_some());
        for (name, is_there) in [
            ("vpc.cloudRouter", router),
            ("worker", !networks.worker.is_empty()),
            ("workers", !networks.workers.is_empty()),
            ("internal", networks.internal.is_some()),
            ("cloudNAT", networks.cloud_nat.is_some()),
            ("flowLogs", networks.flow_logs.is_some()),
        ] {
            if is_there {
                let problem = "cannot be combined with subnetWorkers: subnets that you give, and the way out of \
                               them, are yours";
                self.say(format!("networks.{name}"), problem);
            }
        }
        self.name("networks.subnetWorkers.name", &workers.name);
        self.services_given(workers, is_dual_stack(networking));
    }

    fn services_given(&mut self, workers: &SubnetReference, dual: bool) {
        const RANGE: &str = "podSecondaryRangeName";
        let services = self.networks.subnet_services.as_ref();
        let range = (format!("networks.subnetWorkers.{RANGE}"), &workers.pod_secondary_range_name);
        match (range, dual) {
            ((field, Some(name)), true) => self.name(&field, name),
            ((field, None), true) => {
                self.say(field, "is missing; with IPv6, pods have their addresses from it");
            }
            ((field, Some(_)), false) => self.say(field, "is of use with IPv6 only"),
            ((_, None), false) => {}
        }
        match (services, dual) {
            (Some(services), true) => self.name("networks.subnetServices.name", &services.name),
            (None, true) => {
                self.say(
                    "networks.subnetServices",
                    "is missing; with IPv6, services have their addresses from it",
                );
            }
            (Some(_), false) => self.say("networks.subnetServices", "is of use with IPv6 only"),
            (None, false) => {}
        }
        if services.is_some_and(|services| services.pod_secondary_range_name.is_some()) {
            self.say(format!("networks.subnetServices.{RANGE}"), "goes with subnetWorkers only");
        }
    }

    fn subnet(&mut self, field: &str, text: &str) -> Option<Cidr> {
        let cidr = self.findings.cidr(field, text)?;
        match cidr.net {
            IpNet::V4(net) if net.prefix_len() <= LONGEST_PREFIX => Some(cidr),
            IpNet::V4(net) => {
                self.say(field, format!("{net} must be a /{LONGEST_PREFIX} or larger"));
                None
            }
            IpNet::V6(net) => {
                self.say(field, format!("{net} must be an IPv4 CIDR"));
                None
            }
        }
    }

    fn cidrs(&mut self, networking: &Networking) {
        let networks = self.networks;
        if !networks.worker.is_empty() && !networks.workers.is_empty() && networks.worker != networks.workers
        {
            self.say("networks.worker", "is the former name of workers; give workers alone");
        }
        let (field, text) = networks.nodes_cidr();
        let workers = if networks.uses_given_subnets() {
            None
        } else if text.is_empty() {
            self.say(field, "is missing; give the CIDR of a subnet to make for the nodes");
            None
        } else {
            self.subnet(field, text)
        };
        let internal = networks.internal.as_deref();
        let internal = internal.and_then(|internal| self.subnet("networks.internal", internal));
        let mut known = |field: &str, cidr: &Option<String>| {
            cidr.as_deref().and_then(|cidr| self.findings.cidr(field, cidr))
        };
        let nodes = known("networking.nodes", &networking.nodes);
        let others =
            [known("networking.pods", &networking.pods), known("networking.services", &networking.services)];
        if let (Some(workers), Some(nodes)) = (&workers, &nodes) {
            self.findings.within(workers, nodes);
        }
        for (subnet, neighbours) in [(&workers, &[][..]), (&internal, &[workers.clone(), nodes.clone()][..])]
        {
            let Some(subnet) = subnet else { continue };
            for other in others.iter().chain(neighbours).flatten() {
                self.findings.apart(subnet, other);
            }
        }
    }
}
