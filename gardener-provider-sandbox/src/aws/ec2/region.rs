//! All of EC2 in one region, and the changes that happen with time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use super::{
    acls::NetworkAcl, addresses::Address, cidr_reservations::CidrReservation, dhcp::DhcpOptions,
    egress_gateways::EgressGateway, endpoints::Endpoint, gateways::InternetGateway, instances::Instance,
    key_pairs::KeyPair, nat::NatGateway, network_interfaces::NetworkInterface, routes::RouteTable,
    security_groups::SecurityGroup, subnets::Subnet, tokens::Tokens, volumes::Volume, vpc::Vpc,
};
use crate::Resource;

pub(crate) type Tags = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub(crate) struct Region {
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(crate) dhcp_options: BTreeMap<String, DhcpOptions>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) cidr_reservations: BTreeMap<String, CidrReservation>,
    pub(crate) internet_gateways: BTreeMap<String, InternetGateway>,
    pub(crate) egress_gateways: BTreeMap<String, EgressGateway>,
    pub(crate) addresses: BTreeMap<String, Address>,
    pub(crate) nat_gateways: BTreeMap<String, NatGateway>,
    pub(crate) route_tables: BTreeMap<String, RouteTable>,
    pub(crate) acls: BTreeMap<String, NetworkAcl>,
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    pub(crate) key_pairs: BTreeMap<String, KeyPair>,
    pub(crate) interfaces: BTreeMap<String, NetworkInterface>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) instances: BTreeMap<String, Instance>,
    /// The tags of every resource, by its id.
    pub(crate) tags: BTreeMap<String, Tags>,
    pub(crate) tokens: Tokens,
    /// From when on a resource is seen; absent for those that always were.
    visible_from: BTreeMap<String, SystemTime>,
    /// What the account had from the start.
    seeded: BTreeSet<String>,
    due: BTreeMap<(SystemTime, u64), Event>,
    events: u64,
    /// How many addresses and blocks of the cloud's own were handed out, so that none is handed out twice.
    pub(crate) handed_out: u32,
}

/// Longer than any sandbox lives.
const LONG: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A change that happens later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    VpcAvailable(String),
    SubnetAvailable(String),
    Ipv6Associated {
        vpc: String,
        association: String,
    },
    Ipv6Disassociated {
        vpc: String,
        association: String,
    },
    NatStarted(String),
    NatStopped(String),
    EndpointAvailable(String),
    /// Another service gives up its interface.
    InterfaceReleased(String),
    InstanceRunning(String),
    InstanceStopped(String),
    InstanceTerminated(String),
    /// A terminated instance or deleted NAT gateway is shown no longer.
    Forgotten(String),
}

impl Region {
    /// Makes the change happen at `at`.
    pub(crate) fn schedule(&mut self, at: SystemTime, event: Event) {
        self.events += 1;
        self.due.insert((at, self.events), event);
    }

    /// Lets everything happen that is due.
    pub(crate) fn settle(&mut self, now: SystemTime, durations: &crate::aws::Durations) {
        while let Some(entry) = self.due.first_entry() {
            let at = entry.key().0;
            if at > now {
                return;
            }
            let event = entry.remove();
            self.happen(event, at, durations);
        }
    }

    fn happen(&mut self, event: Event, at: SystemTime, durations: &crate::aws::Durations) {
        match event {
            Event::VpcAvailable(id) => {
                if let Some(vpc) = self.vpcs.get_mut(&id) {
                    vpc.state = "available";
                }
            }
            Event::SubnetAvailable(id) => {
                if let Some(subnet) = self.subnets.get_mut(&id) {
                    subnet.state = "available";
                }
            }
            Event::Ipv6Associated { vpc, association } => {
                if let Some(vpc) = self.vpcs.get_mut(&vpc) {
                    vpc.ipv6_associated(&association);
                }
            }
            Event::Ipv6Disassociated { vpc, association } => {
                if let Some(vpc) = self.vpcs.get_mut(&vpc) {
                    vpc.ipv6.retain(|block| block.association != association);
                }
            }
            Event::NatStarted(id) => self.nat_started(&id),
            Event::NatStopped(id) => {
                self.nat_stopped(&id);
                self.schedule(at + durations.terminated_shown.min(LONG), Event::Forgotten(id));
            }
            Event::EndpointAvailable(id) => {
                if let Some(endpoint) = self.endpoints.get_mut(&id) {
                    endpoint.state = "available";
                }
            }
            Event::InterfaceReleased(id) => self.drop_interface(&id),
            Event::InstanceRunning(id) => self.instance_running(&id),
            Event::InstanceStopped(id) => self.instance_stopped(&id),
            Event::InstanceTerminated(id) => {
                self.instance_terminated(&id);
                self.schedule(at + durations.terminated_shown.min(LONG), Event::Forgotten(id));
            }
            Event::Forgotten(id) => {
                self.instances.remove(&id);
                self.nat_gateways.remove(&id);
                self.forget(&id);
            }
        }
    }

    /// Registers a resource that was just created.
    pub(crate) fn born(&mut self, id: &str, visible_from: SystemTime, tags: Tags) {
        self.visible_from.insert(id.to_owned(), visible_from);
        if !tags.is_empty() {
            self.tags.insert(id.to_owned(), tags);
        }
    }

    /// Drops what is kept about a resource that is gone.
    pub(crate) fn forget(&mut self, id: &str) {
        self.visible_from.remove(id);
        self.tags.remove(id);
        self.tokens.forget(id);
    }

    /// False while a new resource is hidden by the eventual-consistency lag.
    pub(crate) fn is_visible(&self, id: &str, now: SystemTime) -> bool {
        self.visible_from.get(id).is_none_or(|from| *from <= now)
    }

    pub(crate) fn tags_of(&self, id: &str) -> &Tags {
        const NONE: &Tags = &Tags::new();
        self.tags.get(id).unwrap_or(NONE)
    }

    /// Marks everything there is as there from the start.
    pub(crate) fn seal(&mut self) {
        self.seeded = self.visible_from.keys().cloned().collect();
    }

    /// Ends the lag of everything there is.
    pub(crate) fn reveal(&mut self) {
        self.visible_from.clear();
    }

    /// See [`Aws::inventory`](crate::aws::Aws::inventory).
    pub(crate) fn inventory(&self, region: &str) -> Vec<Resource> {
        let owned_groups = self.security_groups.values().filter(|group| !group.is_default());
        let owned_tables = self.route_tables.values().filter(|table| !table.is_main());
        let instances = self.instances.values().filter(|instance| instance.state != "terminated");
        let gateways = self.nat_gateways.values().filter(|nat| nat.state != "deleted");
        let lists: [(&'static str, Vec<&String>); 15] = [
            ("vpc", self.vpcs.keys().collect()),
            ("dhcp-options", self.dhcp_options.keys().collect()),
            ("subnet", self.subnets.keys().collect()),
            ("subnet-cidr-reservation", self.cidr_reservations.keys().collect()),
            ("internet-gateway", self.internet_gateways.keys().collect()),
            ("egress-only-internet-gateway", self.egress_gateways.keys().collect()),
            ("elastic-ip", self.addresses.keys().collect()),
            ("natgateway", gateways.map(|nat| &nat.id).collect()),
            ("route-table", owned_tables.map(|table| &table.id).collect()),
            ("security-group", owned_groups.map(|group| &group.id).collect()),
            ("vpc-endpoint", self.endpoints.keys().collect()),
            ("key-pair", self.key_pairs.keys().collect()),
            ("network-interface", self.interfaces.keys().collect()),
            ("volume", self.volumes.keys().collect()),
            ("instance", instances.map(|instance| &instance.id).collect()),
        ];
        let mut found = Vec::new();
        for (kind, ids) in lists {
            for id in ids.into_iter().filter(|id| !self.seeded.contains(*id)) {
                let mut resource = Resource::new("ec2", kind, region, id).with_tags(self.tags_of(id));
                if let Some(key) = self.key_pairs.get(id) {
                    resource.name.clone_from(&key.name);
                }
                found.push(resource);
            }
        }
        found
    }
}
