//! What must hold of a config by itself.

use std::collections::{BTreeMap, BTreeSet};

use gardener_provider_client::config::{Cidr, Findings};
use gardener_provider_core::{IpFamily, Networking, Region, Violation};
use ipnet::{IpNet, Ipv4Net};

use super::{API_VERSION, IgnoreTags, InfrastructureConfig, KIND, Zone};

/// What Gardener itself puts on resources.
const RESERVED_TAGS: &[&str] = &[
    "Name",
    "kubernetes.io/cluster/",
    "kubernetes.io/role/elb",
    "kubernetes.io/role/internal-elb",
    "gardener.cloud/managed-tag",
];

/// Everything that is wrong with a config.
pub(super) fn create(
    config: &InfrastructureConfig,
    region: &Region,
    networking: &Networking,
) -> Vec<Violation> {
    let mut check = Check { config, wrong: Findings::new() };
    check.constants();
    check.vpc(networking);
    check.zones(region, networking);
    check.subnets_given();
    check.addresses();
    check.security_group();
    check.file_system();
    if let Some(tags) = &config.ignore_tags {
        check.ignored_tags(tags);
    }
    check.cidrs(networking);
    check.wrong.into_violations()
}

struct Check<'a> {
    config: &'a InfrastructureConfig,
    wrong: Findings,
}

impl Check<'_> {
    fn say(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.wrong.say(field, problem);
    }

    fn constants(&mut self) {
        self.wrong.constant("apiVersion", self.config.api_version.as_deref(), API_VERSION);
        self.wrong.constant("kind", self.config.kind.as_deref(), KIND);
    }

    fn vpc(&mut self, networking: &Networking) {
        let vpc = &self.config.networks.vpc;
        match (&vpc.id, &vpc.cidr) {
            (None, None) => {
                self.say("networks.vpc", "give either the id of an existing VPC or the cidr of a new one");
            }
            (Some(_), Some(_)) => {
                self.say("networks.vpc", "give either id or cidr, not both: an existing VPC has its CIDR");
            }
            (Some(id), None) => self.id("networks.vpc.id", id, "vpc-"),
            (None, Some(_)) => {}
        }
        if vpc.id.is_some() && self.config.enable_dedicated_tenancy_for_vpc == Some(true) {
            self.say(
                "enableDedicatedTenancyForVPC",
                "goes with a new VPC only; an existing one has its tenancy",
            );
        }
        let mut seen = BTreeSet::new();
        for (index, endpoint) in vpc.gateway_endpoints.iter().enumerate() {
            let field = format!("networks.vpc.gatewayEndpoints[{index}]");
            if !is_dns_label(endpoint) {
                self.say(&field, format!("{endpoint:?} is not the name of a service, such as \"s3\""));
            }
            if !seen.insert(endpoint) {
                self.say(&field, format!("{endpoint:?} is there twice"));
            }
        }
        if !vpc.gateway_endpoints.is_empty() && self.config.uses_given_subnets() {
            self.say(
                "networks.vpc.gatewayEndpoints",
                "cannot be made for subnets that you give; make them yourself",
            );
        }
        self.ipam_pool(networking);
    }

    fn ipam_pool(&mut self, networking: &Networking) {
        let Some(pool) = &self.config.networks.vpc.ipv6_ipam_pool else { return };
        const FIELD: &str = "networks.vpc.ipv6IpamPool";
        match &pool.id {
            Some(id) => self.id(&format!("{FIELD}.id"), id, "ipam-pool-"),
            None => self.say(format!("{FIELD}.id"), "is missing"),
        }
        if self.config.networks.vpc.id.is_some() {
            self.say(FIELD, "goes with a new VPC only; an existing one has its IPv6 block");
        }
        if !self.config.uses_ipv6(networking) {
            self.say(FIELD, "is of no use without IPv6; enable dualStack or use the IP family IPv6");
        }
        if let Some(block) = &pool.cidr_block {
            let field = format!("{FIELD}.cidrBlock");
            let found = self.wrong.cidr(field, block);
            if let Some(found) =
                found.filter(|found| !matches!(found.net, IpNet::V6(net) if net.prefix_len() == 56))
            {
                let problem = format!("{} must be an IPv6 block with the prefix length /56", found.net);
                self.say(found.field, problem);
            }
        }
    }

    fn zones(&mut self, region: &Region, networking: &Networking) {
        let zones = &self.config.networks.zones;
        if zones.is_empty() {
            self.say("networks.zones", "give at least one zone");
        }
        let given = self.config.uses_given_subnets();
        let mut names = BTreeSet::new();
        for (index, zone) in zones.iter().enumerate() {
            let path = format!("networks.zones[{index}]");
            if !is_zone_of(&zone.name, region) {
                let problem = format!("{:?} is not a zone of {region}, such as {region}a", zone.name);
                self.say(format!("{path}.name"), problem);
            } else if !names.insert(zone.name.as_str()) {
                self.say(format!("{path}.name"), format!("{:?} is there twice", zone.name));
            }
            if given { self.given_zone(&path, zone) } else { self.managed_zone(&path, zone, networking) }
        }
    }

    fn managed_zone(&mut self, path: &str, zone: &Zone, networking: &Networking) {
        for (name, cidr) in
            [("workers", &zone.workers), ("public", &zone.public), ("internal", &zone.internal)]
        {
            // Nodes with IPv6 only live in a subnet without IPv4.
            let needed = name != "workers" || networking.has(IpFamily::V4);
            if cidr.is_none() && needed {
                self.say(format!("{path}.{name}"), "is missing; give the CIDR of a subnet to make");
            }
        }
    }

    fn given_zone(&mut self, path: &str, zone: &Zone) {
        if !zone.is_given() {
            self.say(path, "gives CIDRs while another zone gives subnets; all zones must do the same");
            return;
        }
        if zone.workers_subnet_id.is_none() {
            self.say(format!("{path}.workersSubnetID"), "is missing; the nodes need a subnet");
        }
        for (name, cidr) in
            [("workers", &zone.workers), ("public", &zone.public), ("internal", &zone.internal)]
        {
            if cidr.is_some() {
                self.say(format!("{path}.{name}"), "cannot be combined with subnets that you give");
            }
        }
    }

    fn subnets_given(&mut self) {
        if !self.config.uses_given_subnets() {
            return;
        }
        if self.config.networks.vpc.id.is_none() {
            self.say("networks.vpc.id", "is missing; subnets that you give lie in a VPC that you give");
        }
        let zones = &self.config.networks.zones;
        let mut seen = BTreeMap::new();
        for (index, zone) in zones.iter().enumerate() {
            for (name, id) in [
                ("workersSubnetID", &zone.workers_subnet_id),
                ("publicSubnetID", &zone.public_subnet_id),
                ("internalSubnetID", &zone.internal_subnet_id),
            ] {
                let field = format!("networks.zones[{index}].{name}");
                let Some(id) = id else { continue };
                self.id(&field, id, "subnet-");
                if let Some(other) = seen.insert(id.clone(), field.clone()) {
                    self.say(field, format!("{id} is {other} already"));
                }
            }
        }
        for (name, has) in [
            ("publicSubnetID", (|zone| zone.public_subnet_id.is_some()) as fn(&Zone) -> bool),
            ("internalSubnetID", |zone| zone.internal_subnet_id.is_some()),
        ] {
            if zones.iter().any(has) {
                for index in (0..zones.len()).filter(|index| !has(&zones[*index])) {
                    self.say(
                        format!("networks.zones[{index}].{name}"),
                        "is missing; give it in all zones or in none",
                    );
                }
            }
        }
    }

    fn addresses(&mut self) {
        let mut seen = BTreeMap::new();
        for (index, zone) in self.config.networks.zones.iter().enumerate() {
            let Some(id) = &zone.elastic_ip_allocation_id else { continue };
            let field = format!("networks.zones[{index}].elasticIPAllocationID");
            self.id(&field, id, "eipalloc-");
            if zone.is_given() {
                self.say(&field, "cannot be used with subnets that you give: there is no NAT gateway for it");
            }
            if let Some(other) = seen.insert(id.clone(), field.clone()) {
                self.say(field, format!("{id} is {other} already; every NAT gateway needs its own"));
            }
        }
    }

    fn security_group(&mut self) {
        let Some(id) = &self.config.networks.nodes_security_group_id else { return };
        const FIELD: &str = "networks.nodesSecurityGroupID";
        self.id(FIELD, id, "sg-");
        if self.config.networks.vpc.id.is_none() {
            self.say(FIELD, "needs networks.vpc.id: a security group of yours lies in a VPC of yours");
        }
    }

    fn file_system(&mut self) {
        let Some(efs) = &self.config.elastic_file_system else { return };
        if let Some(id) = &efs.id {
            self.id("elasticFileSystem.id", id, "fs-");
        } else if efs.enabled && self.config.uses_given_subnets() {
            self.say(
                "elasticFileSystem.id",
                "is missing; for subnets that you give, give the file system too",
            );
        }
    }

    fn ignored_tags(&mut self, tags: &IgnoreTags) {
        for (index, key) in tags.keys.iter().enumerate() {
            let field = format!("ignoreTags.keys[{index}]");
            self.tag_key(&field, key);
            if RESERVED_TAGS.iter().any(|tag| key == tag || (tag.ends_with('/') && key.starts_with(tag))) {
                self.say(field, format!("{key:?} is a tag that Gardener needs; it cannot be ignored"));
            }
        }
        for (index, prefix) in tags.key_prefixes.iter().enumerate() {
            let field = format!("ignoreTags.keyPrefixes[{index}]");
            self.tag_key(&field, prefix);
            if let Some(tag) = RESERVED_TAGS.iter().find(|tag| {
                tag.starts_with(prefix.as_str()) || (tag.ends_with('/') && prefix.starts_with(**tag))
            }) {
                self.say(
                    field,
                    format!("{prefix:?} covers {tag:?}, a tag that Gardener needs; make it longer"),
                );
            }
        }
    }

    /// <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>
    fn tag_key(&mut self, field: &str, key: &str) {
        let allowed =
            |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@');
        if key.is_empty() || key.chars().count() > 128 || !key.chars().all(allowed) {
            self.say(field, format!("{key:?} is no tag key: 1 to 128 letters, digits, blanks and _.:/=+-@"));
        }
    }

    fn cidrs(&mut self, networking: &Networking) {
        let mut workers = Vec::new();
        let mut subnets = Vec::new();
        for (index, zone) in self.config.networks.zones.iter().enumerate() {
            for (name, cidr) in
                [("internal", &zone.internal), ("public", &zone.public), ("workers", &zone.workers)]
            {
                let field = format!("networks.zones[{index}].{name}");
                let Some(subnet) = cidr.as_ref().and_then(|cidr| self.block(field, cidr)) else { continue };
                if name == "workers" {
                    workers.push(subnet.clone());
                }
                subnets.push(subnet);
            }
        }
        let vpc = self.config.networks.vpc.cidr.clone();
        let vpc = vpc.and_then(|cidr| self.block("networks.vpc.cidr".to_owned(), &cidr));
        let mut shoot =
            |field: &str, cidr: &Option<String>| cidr.as_ref().and_then(|cidr| self.wrong.cidr(field, cidr));
        let nodes = shoot("networking.nodes", &networking.nodes);
        let others =
            [shoot("networking.pods", &networking.pods), shoot("networking.services", &networking.services)];
        // The workers' IPv6 comes from the VPC's block, which is not known yet.
        if let Some(nodes) = nodes.filter(|nodes| matches!(nodes.net, IpNet::V4(_))) {
            self.wrong.all_within(&workers, &nodes);
            if let Some(vpc) = &vpc {
                self.wrong.within(&nodes, vpc);
            }
        }
        if let Some(vpc) = &vpc {
            self.wrong.all_within(&subnets, vpc);
        }
        for other in others.iter().flatten() {
            if let Some(vpc) = &vpc {
                self.wrong.apart(other, vpc);
            }
            self.wrong.all_apart_from(&subnets, other);
        }
        self.wrong.all_apart(&subnets);
    }

    /// A CIDR of a VPC or subnet: IPv4, /16 to /28
    /// ([source](https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html)).
    fn block(&mut self, field: String, text: &str) -> Option<Cidr> {
        let found = self.wrong.cidr(field, text)?;
        match found.net {
            IpNet::V4(v4) if is_size(v4) => {}
            net => self.say(&found.field, format!("{net} must be an IPv4 block from /16 to /28")),
        }
        Some(found)
    }

    fn id(&mut self, field: &str, id: &str, prefix: &str) {
        let hex = id.strip_prefix(prefix).unwrap_or_default();
        let digits = hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !(8..=40).contains(&hex.len()) || !digits {
            self.say(field, format!("{id:?} is not an id of the form {prefix}0123456789abcdef0"));
        }
    }
}

fn is_size(net: Ipv4Net) -> bool {
    (16..=28).contains(&net.prefix_len())
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// `eu-west-1a`, or a local or wavelength zone such as `us-west-2-lax-1a`.
fn is_zone_of(name: &str, region: &Region) -> bool {
    let Some(rest) = name.strip_prefix(region.as_str()) else { return false };
    let rest = match rest.rsplit_once('-') {
        Some((place, rest)) => {
            let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
            let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            if !place.strip_prefix('-').is_some_and(|place| place.split('-').all(word))
                || number.len() == rest.len()
            {
                return false;
            }
            number
        }
        None => rest,
    };
    rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_lowercase())
}
