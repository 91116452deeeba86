//! The security group of the nodes.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Looks, Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::{Difference, ErrorKind, IpFamily, Result};

use super::{context::Context, nodes};
use crate::api::{
    security_groups::{
        Direction, Peer, Rule, SecurityGroup, authorize, create_security_group, delete_security_group, revoke,
    },
    tags::Tags,
};

/// The ports that services of type NodePort get
/// ([source](https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport)).
const NODE_PORTS: (i32, i32) = (30_000, 32_767);
/// The port of NFS, over which EFS is mounted.
const NFS: (i32, i32) = (2049, 2049);

/// The security group of the nodes.
#[derive(Debug)]
pub(crate) struct OwnNodesGroup(pub(crate) Arc<Context>, pub(crate) Looks);

impl OwnNodesGroup {
    fn name(&self) -> String {
        self.0.name("nodes")
    }

    fn tags(&self) -> Tags {
        self.0.named_tags(&self.name())
    }

    /// What nodes may receive and send.
    fn rules(&self, id: &str) -> BTreeSet<Rule> {
        let cx = &self.0;
        let rule = |direction, protocol: &str, ports, peer| Rule {
            direction,
            protocol: protocol.to_owned(),
            ports,
            peer,
        };
        let mut anywhere = Vec::new();
        if cx.networking.has(IpFamily::V4) {
            anywhere.push(Peer::V4("0.0.0.0/0".to_owned()));
        }
        if cx.uses_ipv6() {
            anywhere.push(Peer::V6("::/0".to_owned()));
        }
        let itself = Peer::Group(id.to_owned());
        let mut rules = BTreeSet::from([
            rule(Direction::Ingress, "-1", None, itself.clone()),
            // Elastic Fabric Adapters need this beside the rule for everything
            // (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-start.html#efa-start-security).
            rule(Direction::Egress, "-1", None, itself),
        ]);
        rules.extend(anywhere.iter().map(|peer| rule(Direction::Egress, "-1", None, peer.clone())));
        let zones = cx.config.networks.zones.iter();
        let balancers = zones.clone().flat_map(|zone| [&zone.internal, &zone.public]).flatten().cloned();
        for peer in anywhere.into_iter().chain(balancers.map(Peer::V4)) {
            for protocol in ["tcp", "udp"] {
                rules.insert(rule(Direction::Ingress, protocol, Some(NODE_PORTS), peer.clone()));
            }
        }
        if cx.config.uses_efs() {
            let workers = zones.filter_map(|zone| zone.workers.clone()).map(Peer::V4);
            rules.extend(workers.map(|peer| rule(Direction::Ingress, "tcp", Some(NFS), peer)));
        }
        rules
    }

    /// Rules that load balancer controllers of the cluster add for themselves name other groups or prefix lists; those stay.
    fn surplus(&self, observed: &SecurityGroup) -> Vec<Rule> {
        let wanted = self.rules(&observed.group_id);
        let is_foreign = |rule: &Rule| match &rule.peer {
            Peer::Group(id) => *id != observed.group_id,
            Peer::PrefixList(_) => true,
            Peer::V4(_) | Peer::V6(_) => false,
        };
        observed.rules().into_iter().filter(|rule| !wanted.contains(rule) && !is_foreign(rule)).collect()
    }

    fn missing(&self, observed: &SecurityGroup) -> Vec<Rule> {
        let has = observed.rules();
        self.rules(&observed.group_id).into_iter().filter(|rule| !has.contains(rule)).collect()
    }

    async fn authorize(&self, id: &str, direction: Direction, rules: &[Rule]) -> Result<()> {
        let rules: Vec<_> = rules.iter().filter(|rule| rule.direction == direction).cloned().collect();
        if rules.is_empty() {
            return Ok(());
        }
        match self.0.run(authorize(id, direction, &rules)).await {
            // One of them is there already, so none was added: one by one.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                for rule in rules {
                    match self.0.run(authorize(id, direction, &[rule])).await {
                        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                        other => other?,
                    }
                }
                Ok(())
            }
            other => other,
        }
    }

    async fn revoke(&self, id: &str, direction: Direction, rules: &[Rule]) -> Result<()> {
        let rules: Vec<_> = rules.iter().filter(|rule| rule.direction == direction).cloned().collect();
        if rules.is_empty() {
            return Ok(());
        }
        or_gone(self.0.run(revoke(id, direction, &rules)).await)
    }
}

#[async_trait]
impl Resource for OwnNodesGroup {
    type Observed = SecurityGroup;

    fn kind(&self) -> &'static str {
        "security group"
    }

    fn id(&self, observed: &SecurityGroup) -> String {
        observed.group_id.clone()
    }

    async fn find(&self, scope: &Scope) -> Result<Option<SecurityGroup>> {
        let (name, vpc) = (self.name(), scope.try_id(nodes::VPC));
        let is_it = |group: &SecurityGroup| {
            group.group_name == name && vpc.as_ref().is_none_or(|vpc| *vpc == group.vpc_id)
        };
        self.0
            .owned(&format!("security group {name}"), &self.1, &self.0.snapshot.security_groups, is_it)
            .await
    }

    async fn create(&self, scope: &Scope) -> Result<SecurityGroup> {
        let (vpc, name) = (scope.id(nodes::VPC)?, self.name());
        let create = create_security_group(&vpc, &name, "Nodes of the cluster", &self.tags());
        let id = self.0.run(create).await?;
        // A new group lets everything out over IPv4, and EC2 says so only when asked.
        let egress = crate::api::security_groups::Permission {
            ip_protocol: "-1".to_owned(),
            ip_ranges: vec![crate::api::security_groups::IpRange { cidr_ip: "0.0.0.0/0".to_owned() }],
            ..Default::default()
        };
        let tags = self.tags();
        Ok(SecurityGroup {
            group_id: id,
            group_name: name,
            vpc_id: vpc,
            egress: vec![egress],
            tags,
            ..Default::default()
        })
    }

    fn differs(&self, _: &Scope, observed: &SecurityGroup) -> Result<Change> {
        let mut differences = self.0.tag_differences(&self.tags(), &observed.tags);
        let missing = self.missing(observed).into_iter();
        differences.extend(missing.map(|rule| Difference::new("rule", "-", rule)));
        let surplus = self.surplus(observed).into_iter();
        differences.extend(surplus.map(|rule| Difference::new("rule", rule, "-")));
        Ok(Change::update(differences))
    }

    /// Allows before it forbids, so that nothing is cut off in between.
    async fn update(&self, _: &Scope, observed: &SecurityGroup) -> Result<SecurityGroup> {
        let id = &observed.group_id;
        let (wanted, mut tags) = (self.tags(), observed.tags.clone());
        let missing = self.missing(observed);
        futures::try_join!(
            self.0.retag(id, &wanted, &mut tags),
            self.authorize(id, Direction::Ingress, &missing),
            self.authorize(id, Direction::Egress, &missing),
        )?;
        let surplus = self.surplus(observed);
        futures::try_join!(
            self.revoke(id, Direction::Ingress, &surplus),
            self.revoke(id, Direction::Egress, &surplus),
        )?;
        Ok(SecurityGroup { tags, ..observed.clone() })
    }

    async fn delete(&self, _: &Scope, observed: &SecurityGroup) -> Result<()> {
        or_gone(self.0.run(delete_security_group(&observed.group_id)).await)
    }
}
