//! Classic load balancers.

use std::time::SystemTime;

use super::{Elb, Tags, check_name, invalid, required, write_tags, write_words};
use crate::aws::{context::Reply, error::AwsError, managed::Managed, query::Params, text, xml::Xml};

#[derive(Debug, Clone)]
pub(super) struct Classic {
    pub(super) name: String,
    dns: String,
    vpc: String,
    subnets: Vec<String>,
    groups: Vec<String>,
    internal: bool,
    listeners: Vec<ClassicListener>,
    created: SystemTime,
    visible_from: SystemTime,
    pub(super) tags: Tags,
    interfaces: Vec<Managed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClassicListener {
    protocol: String,
    port: u16,
    instance_protocol: String,
    instance_port: u16,
}

impl ClassicListener {
    fn of(params: &Params) -> Result<Self, AwsError> {
        let port = |name: &str| params.parsed(name)?.ok_or_else(|| invalid(&format!("{name} is required")));
        let protocol = required(params, "Protocol")?.to_uppercase();
        Ok(Self {
            port: port("LoadBalancerPort")?,
            instance_port: port("InstancePort")?,
            instance_protocol: params.filled("InstanceProtocol").unwrap_or(&protocol).to_uppercase(),
            protocol,
        })
    }

    fn write(&self, xml: &mut Xml) {
        xml.node("Listener", |xml| {
            xml.text("Protocol", &self.protocol)
                .text("LoadBalancerPort", self.port)
                .text("InstanceProtocol", &self.instance_protocol)
                .text("InstancePort", self.instance_port);
        });
        xml.node("PolicyNames", |_| {});
    }
}

impl Classic {
    fn write(&self, xml: &mut Xml) {
        xml.text("LoadBalancerName", &self.name)
            .text("DNSName", &self.dns)
            .members("ListenerDescriptions", &self.listeners, |xml, listener| listener.write(xml))
            .members("AvailabilityZones", &self.interfaces, |xml, managed| {
                xml.chars(&managed.zone);
            });
        write_words(xml, "Subnets", &self.subnets);
        xml.text("VPCId", &self.vpc).node("Instances", |_| {});
        write_words(xml, "SecurityGroups", &self.groups);
        xml.text("CreatedTime", text::iso(self.created))
            .text("Scheme", if self.internal { "internal" } else { "internet-facing" });
    }
}

impl Elb<'_> {
    /// Creating the same load balancer again succeeds; with other settings the name is taken.
    pub(super) fn create_classic(&mut self) -> Reply {
        let name = required(self.params, "LoadBalancerName")?.to_owned();
        check_name(&name)?;
        let listeners: Vec<ClassicListener> = self
            .params
            .member_structs("Listeners")
            .iter()
            .map(ClassicListener::of)
            .collect::<Result<_, _>>()?;
        if listeners.is_empty() {
            return Err(invalid("Listeners is required"));
        }
        let internal = self.params.one_of("Scheme", &["internal", "internet-facing"])? == Some("internal");
        let (subnets, tags) = (self.params.members("Subnets"), self.tags()?);
        let vpc = self.vpc_of(&subnets)?;
        let groups = self.groups(self.params.members("SecurityGroups"), &vpc, true)?;
        if let Some(other) = self.seen().and_then(|state| state.classic.get(&name)) {
            if other.subnets == subnets && other.groups == groups && other.listeners == listeners {
                return Ok(dns_reply(&other.dns));
            }
            let message = format!(
                "Load Balancer named {name} already exists and it is configured with different parameters."
            );
            return Err(AwsError::new("DuplicateLoadBalancerName", message));
        }
        let dns = self.new_classic(&name, vpc, subnets, groups, internal, listeners, tags)?;
        Ok(dns_reply(&dns))
    }

    #[expect(clippy::too_many_arguments, reason = "the settings of a load balancer, given once")]
    fn new_classic(
        &mut self,
        name: &str,
        vpc: String,
        subnets: Vec<String>,
        groups: Vec<String>,
        internal: bool,
        listeners: Vec<ClassicListener>,
        tags: Tags,
    ) -> Result<String, AwsError> {
        let interfaces = self.place(&subnets, &groups, &format!("ELB {name}"), "interface")?;
        let number = self.state.ids.number() % 10_000_000_000;
        let dns = format!("{name}-{number}.{}.elb.amazonaws.com", self.context.region());
        let (created, visible_from) = (self.context.now, self.context.visible_from());
        let classic = Classic {
            name: name.to_owned(),
            dns: dns.clone(),
            vpc,
            subnets,
            groups,
            internal,
            listeners,
            created,
            visible_from,
            tags,
            interfaces,
        };
        self.region().classic.insert(name.to_owned(), classic);
        Ok(dns)
    }

    /// As Kubernetes creates one for a service.
    pub(super) fn plant_classic(
        &mut self,
        name: &str,
        subnets: Vec<String>,
        groups: Vec<String>,
        tags: Tags,
    ) -> Result<Vec<String>, AwsError> {
        let vpc = self.vpc_of(&subnets)?;
        let listener = ClassicListener {
            protocol: "TCP".to_owned(),
            port: 443,
            instance_protocol: "TCP".to_owned(),
            instance_port: 30443,
        };
        self.new_classic(name, vpc, subnets, groups, false, vec![listener], tags)?;
        let planted = self.seen().and_then(|state| state.classic.get(name));
        Ok(planted.into_iter().flat_map(|one| &one.interfaces).map(|managed| managed.id.clone()).collect())
    }

    pub(super) fn describe_classic(&mut self) -> Reply {
        let names = self.params.members("LoadBalancerNames");
        let all = self.seen().into_iter().flat_map(|state| state.classic.values());
        let found: Vec<&Classic> = all
            .filter(|one| {
                one.visible_from <= self.context.now && (names.is_empty() || names.contains(&one.name))
            })
            .collect();
        if let Some(name) = names.iter().find(|name| !found.iter().any(|one| one.name == **name)) {
            return Err(not_found(name));
        }
        self.page("LoadBalancerDescriptions", &found, |xml, one| one.write(xml))
    }

    /// Deleting what does not exist succeeds.
    pub(super) fn delete_classic(&mut self) -> Reply {
        let name = required(self.params, "LoadBalancerName")?.to_owned();
        if let Some(classic) = self.region().classic.remove(&name) {
            self.release(&classic.interfaces);
        }
        Ok(Xml::new())
    }

    pub(super) fn describe_classic_tags(&mut self) -> Reply {
        let names = self.params.members("LoadBalancerNames");
        if names.is_empty() || names.len() > 20 {
            return Err(invalid("Between 1 and 20 LoadBalancerNames must be given"));
        }
        let mut found = Vec::new();
        for name in &names {
            let classic =
                self.seen().and_then(|state| state.classic.get(name)).ok_or_else(|| not_found(name))?;
            found.push((name, &classic.tags));
        }
        let mut xml = Xml::new();
        xml.members("TagDescriptions", found, |xml, (name, tags)| {
            xml.text("LoadBalancerName", name);
            write_tags(xml, tags);
        });
        Ok(xml)
    }

    pub(super) fn add_classic_tags(&mut self) -> Reply {
        let tags = self.tags()?;
        self.change_classic_tags(|own| own.extend(tags.clone()))
    }

    pub(super) fn remove_classic_tags(&mut self) -> Reply {
        let tags = self.params.member_structs("Tags");
        let keys: Vec<String> = tags.iter().filter_map(|tag| tag.get("Key").map(str::to_owned)).collect();
        self.change_classic_tags(|own| own.retain(|key, _| !keys.contains(key)))
    }

    fn change_classic_tags(&mut self, mut change: impl FnMut(&mut Tags)) -> Reply {
        for name in self.params.members("LoadBalancerNames") {
            change(&mut self.region().classic.get_mut(&name).ok_or_else(|| not_found(&name))?.tags);
        }
        Ok(Xml::new())
    }
}

fn dns_reply(dns: &str) -> Xml {
    let mut xml = Xml::new();
    xml.text("DNSName", dns);
    xml
}

fn not_found(name: &str) -> AwsError {
    AwsError::new("LoadBalancerNotFound", format!("There is no ACTIVE Load Balancer named '{name}'"))
}
