//! Application and network load balancers.

use std::{collections::BTreeSet, time::SystemTime};

use super::{Elb, Tags, check_name, invalid, required, write_tags, write_words};
use crate::aws::{context::Reply, error::AwsError, managed::Managed, text, xml::Xml};

#[derive(Debug, Clone)]
pub(super) struct Balancer {
    pub(super) name: String,
    dns: String,
    vpc: String,
    subnets: Vec<String>,
    groups: Vec<String>,
    network: bool,
    internal: bool,
    created: SystemTime,
    active_from: SystemTime,
    visible_from: SystemTime,
    pub(super) tags: Tags,
    interfaces: Vec<Managed>,
}

impl Balancer {
    fn write(&self, arn: &str, now: SystemTime, xml: &mut Xml) {
        xml.text("LoadBalancerArn", arn)
            .text("DNSName", &self.dns)
            .text("CanonicalHostedZoneId", "Z32O12XQLNTSW2")
            .text("CreatedTime", text::iso(self.created))
            .text("LoadBalancerName", &self.name)
            .text("Scheme", if self.internal { "internal" } else { "internet-facing" })
            .text("VpcId", &self.vpc)
            .node("State", |xml| {
                xml.text("Code", if now < self.active_from { "provisioning" } else { "active" });
            })
            .text("Type", if self.network { "network" } else { "application" })
            .members("AvailabilityZones", &self.interfaces, |xml, managed| {
                xml.text("ZoneName", &managed.zone).text("SubnetId", &managed.subnet);
            });
        write_words(xml, "SecurityGroups", &self.groups);
        xml.text("IpAddressType", "ipv4");
    }
}

/// What a load balancer is created with.
#[derive(Debug, Clone)]
pub(super) struct NewBalancer {
    pub(super) name: String,
    pub(super) subnets: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) network: bool,
    pub(super) internal: bool,
    pub(super) tags: Tags,
}

impl Elb<'_> {
    pub(super) fn create_balancer(&mut self) -> Reply {
        let name = required(self.params, "Name")?.to_owned();
        check_name(&name)?;
        let network = self.params.one_of("Type", &["application", "network"])? == Some("network");
        let internal = self.params.one_of("Scheme", &["internal", "internet-facing"])? == Some("internal");
        let mappings = self.params.member_structs("SubnetMappings");
        let mapped = mappings.iter().filter_map(|mapping| mapping.filled("SubnetId").map(str::to_owned));
        let subnets: Vec<String> = self.params.members("Subnets").into_iter().chain(mapped).collect();
        let tags = self.tags()?;
        let vpc = self.vpc_of(&subnets)?;
        let groups = self.groups(self.params.members("SecurityGroups"), &vpc, !network)?;
        let new = NewBalancer { name, subnets, groups, network, internal, tags };
        if let Some((arn, other)) =
            self.seen().and_then(|state| state.balancers.iter().find(|(_, other)| other.name == new.name))
        {
            if other.subnets == new.subnets && other.groups == new.groups && other.network == network {
                return Ok(self.balancer_reply(&arn.clone()));
            }
            let message = "A load balancer with the same name exists, but with different settings";
            return Err(AwsError::new("DuplicateLoadBalancerName", message));
        }
        let arn = self.new_balancer(new)?;
        Ok(self.balancer_reply(&arn))
    }

    pub(super) fn new_balancer(&mut self, new: NewBalancer) -> Result<String, AwsError> {
        let vpc = self.vpc_of(&new.subnets)?;
        let kind = if new.network { "net" } else { "app" };
        let path = format!("{kind}/{}/{:016x}", new.name, self.state.ids.number());
        let eni_kind = if new.network { "network_load_balancer" } else { "interface" };
        let interfaces = self.place(&new.subnets, &new.groups, &format!("ELB {path}"), eni_kind)?;
        let zones: BTreeSet<&str> = interfaces.iter().map(|managed| managed.zone.as_str()).collect();
        if !new.network && zones.len() < 2 {
            self.drop_now(&interfaces);
            return Err(invalid(
                "At least two subnets in two different Availability Zones must be specified",
            ));
        }
        let arn = self.context.arn("elasticloadbalancing", &format!("loadbalancer/{path}"));
        let (created, region) = (self.context.now, self.context.region());
        let balancer = Balancer {
            dns: format!(
                "{}-{:010}.elb.{region}.amazonaws.com",
                new.name,
                self.state.ids.number() % 10_000_000_000
            ),
            name: new.name,
            vpc,
            subnets: new.subnets,
            groups: new.groups,
            network: new.network,
            internal: new.internal,
            created,
            active_from: created + self.context.options().durations.load_balancer,
            visible_from: self.context.visible_from(),
            tags: new.tags,
            interfaces,
        };
        self.region().balancers.insert(arn.clone(), balancer);
        Ok(arn)
    }

    fn drop_now(&mut self, interfaces: &[Managed]) {
        let ec2 = super::Ec2::enter(self.context, self.state);
        for managed in interfaces {
            ec2.region.drop_interface(&managed.id);
        }
    }

    fn balancer_reply(&self, arn: &str) -> Xml {
        let mut xml = Xml::new();
        let found = self.seen().and_then(|state| state.balancers.get(arn));
        xml.members("LoadBalancers", found, |xml, balancer| balancer.write(arn, self.context.now, xml));
        xml
    }

    pub(super) fn describe_balancers(&mut self) -> Reply {
        let (arns, names) = (self.params.members("LoadBalancerArns"), self.params.members("Names"));
        let all = self.seen().into_iter().flat_map(|state| &state.balancers);
        let found: Vec<(&String, &Balancer)> = all
            .filter(|(_, one)| one.visible_from <= self.context.now)
            .filter(|(arn, one)| {
                (arns.is_empty() && names.is_empty()) || arns.contains(arn) || names.contains(&one.name)
            })
            .collect();
        let is_missing =
            |wanted: &&String| !found.iter().any(|(arn, one)| arn == wanted || one.name == **wanted);
        if let Some(missing) = arns.iter().chain(&names).find(is_missing) {
            return Err(not_found("Load balancers", missing));
        }
        self.page("LoadBalancers", &found, |xml, (arn, one)| one.write(arn, self.context.now, xml))
    }

    /// Deletes the listeners too. Deleting what does not exist succeeds.
    pub(super) fn delete_balancer(&mut self) -> Reply {
        let arn = required(self.params, "LoadBalancerArn")?.to_owned();
        let state = self.region();
        state.listeners.retain(|_, listener| listener.balancer != arn);
        if let Some(balancer) = state.balancers.remove(&arn) {
            self.release(&balancer.interfaces);
        }
        Ok(Xml::new())
    }

    pub(super) fn interfaces_of(&self, arn: &str) -> Vec<String> {
        let found = self.seen().and_then(|state| state.balancers.get(arn));
        found.into_iter().flat_map(|one| &one.interfaces).map(|managed| managed.id.clone()).collect()
    }

    pub(super) fn describe_tags(&mut self) -> Reply {
        let arns = self.params.members("ResourceArns");
        if arns.is_empty() || arns.len() > 20 {
            return Err(invalid("Between 1 and 20 ResourceArns must be given"));
        }
        let mut found = Vec::new();
        for arn in &arns {
            found.push((arn, self.region().tags_of(arn)?.clone()));
        }
        let mut xml = Xml::new();
        xml.members("TagDescriptions", found, |xml, (arn, tags)| {
            xml.text("ResourceArn", arn);
            write_tags(xml, &tags);
        });
        Ok(xml)
    }

    pub(super) fn add_tags(&mut self) -> Reply {
        let tags = self.tags()?;
        for arn in self.params.members("ResourceArns") {
            self.region().tags_of(&arn)?.extend(tags.clone());
        }
        Ok(Xml::new())
    }

    pub(super) fn remove_tags(&mut self) -> Reply {
        let keys = self.params.members("TagKeys");
        for arn in self.params.members("ResourceArns") {
            self.region().tags_of(&arn)?.retain(|key, _| !keys.contains(key));
        }
        Ok(Xml::new())
    }
}

impl super::State {
    fn tags_of(&mut self, arn: &str) -> Result<&mut Tags, AwsError> {
        if let Some(balancer) = self.balancers.get_mut(arn) {
            return Ok(&mut balancer.tags);
        }
        if let Some(group) = self.groups.get_mut(arn) {
            return Ok(&mut group.tags);
        }
        if let Some(listener) = self.listeners.get_mut(arn) {
            return Ok(&mut listener.tags);
        }
        let kind = arn.rsplit(':').next().and_then(|path| path.split('/').next());
        Err(match kind {
            Some("targetgroup") => not_found("Target groups", arn),
            Some("listener") => not_found("Listeners", arn),
            _ => not_found("Load balancers", arn),
        })
    }
}

pub(super) fn not_found(what: &str, name: &str) -> AwsError {
    let code = match what {
        "Target groups" => "TargetGroupNotFound",
        "Listeners" => "ListenerNotFound",
        _ => "LoadBalancerNotFound",
    };
    AwsError::new(code, format!("{what} '[{name}]' not found"))
}
