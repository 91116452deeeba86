//! Target groups.

use std::time::SystemTime;

use super::{Elb, Tags, check_name, required, v2::not_found};
use crate::aws::{context::Reply, error::AwsError, xml::Xml};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TargetGroup {
    pub(super) name: String,
    protocol: String,
    port: u16,
    vpc: Option<String>,
    target: String,
    visible_from: SystemTime,
    pub(super) tags: Tags,
}

impl Elb<'_> {
    pub(super) fn create_target_group(&mut self) -> Reply {
        let name = required(self.params, "Name")?.to_owned();
        check_name(&name)?;
        let vpc = self.params.filled("VpcId").map(str::to_owned);
        if let Some(vpc) = &vpc {
            self.check_vpc(vpc)?;
        }
        let protocols = ["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE"];
        let group = TargetGroup {
            protocol: self.params.one_of("Protocol", &protocols)?.unwrap_or("HTTP").to_owned(),
            port: self.params.parsed("Port")?.unwrap_or(80),
            target: self
                .params
                .one_of("TargetType", &["instance", "ip", "lambda", "alb"])?
                .unwrap_or("instance")
                .to_owned(),
            visible_from: self.context.visible_from(),
            tags: self.tags()?,
            name,
            vpc,
        };
        let mut others = self.seen().into_iter().flat_map(|state| &state.groups);
        if let Some((arn, other)) = others.find(|(_, other)| other.name == group.name) {
            let same =
                TargetGroup { visible_from: group.visible_from, tags: group.tags.clone(), ..other.clone() }
                    == group;
            if !same {
                let message = "A target group with the same name exists, but with different settings";
                return Err(AwsError::new("DuplicateTargetGroupName", message));
            }
            let arn = arn.clone();
            return Ok(self.group_reply(&arn));
        }
        let arn = self.new_target_group(group);
        Ok(self.group_reply(&arn))
    }

    fn new_target_group(&mut self, group: TargetGroup) -> String {
        let number = self.state.ids.number();
        let arn =
            self.context.arn("elasticloadbalancing", &format!("targetgroup/{}/{number:016x}", group.name));
        self.region().groups.insert(arn.clone(), group);
        arn
    }

    /// As Kubernetes creates one for a service.
    pub(super) fn plant_target_group(&mut self, name: &str, vpc: &str, tags: Tags) -> String {
        self.new_target_group(TargetGroup {
            name: name.to_owned(),
            protocol: "TCP".to_owned(),
            port: 30443,
            vpc: Some(vpc.to_owned()),
            target: "instance".to_owned(),
            visible_from: self.context.now,
            tags,
        })
    }

    fn group_reply(&self, arn: &str) -> Xml {
        let mut xml = Xml::new();
        let found = self.seen().and_then(|state| state.groups.get(arn));
        xml.members("TargetGroups", found, |xml, group| self.write_group(arn, group, xml));
        xml
    }

    fn write_group(&self, arn: &str, group: &TargetGroup, xml: &mut Xml) {
        xml.text("TargetGroupArn", arn)
            .text("TargetGroupName", &group.name)
            .text("Protocol", &group.protocol)
            .text("Port", group.port)
            .opt("VpcId", group.vpc.as_ref())
            .text("HealthCheckProtocol", "TCP")
            .text("HealthCheckPort", "traffic-port")
            .text("HealthCheckEnabled", true)
            .text("HealthCheckIntervalSeconds", 30)
            .text("HealthCheckTimeoutSeconds", 10)
            .text("HealthyThresholdCount", 3)
            .text("UnhealthyThresholdCount", 3);
        let listeners = self.seen().into_iter().flat_map(|state| state.listeners.values());
        let mut users: Vec<String> = listeners
            .filter(|listener| listener.group == arn)
            .map(|listener| listener.balancer.clone())
            .collect();
        users.dedup();
        super::write_words(xml, "LoadBalancerArns", &users);
        xml.text("TargetType", &group.target).text("IpAddressType", "ipv4");
    }

    pub(super) fn describe_target_groups(&mut self) -> Reply {
        let (arns, names) = (self.params.members("TargetGroupArns"), self.params.members("Names"));
        let balancer = self.params.filled("LoadBalancerArn");
        let all = self.seen().into_iter().flat_map(|state| &state.groups);
        let used = |arn: &String| {
            let mut listeners = self.seen().into_iter().flat_map(|state| state.listeners.values());
            balancer.is_none_or(|balancer| listeners.any(|one| one.balancer == balancer && one.group == *arn))
        };
        let found: Vec<(&String, &TargetGroup)> = all
            .filter(|(arn, one)| one.visible_from <= self.context.now && used(arn))
            .filter(|(arn, one)| {
                (arns.is_empty() && names.is_empty()) || arns.contains(arn) || names.contains(&one.name)
            })
            .collect();
        let is_missing =
            |wanted: &&String| !found.iter().any(|(arn, one)| arn == wanted || one.name == **wanted);
        if let Some(missing) = arns.iter().chain(&names).find(is_missing) {
            return Err(not_found("Target groups", missing));
        }
        self.page("TargetGroups", &found, |xml, (arn, one)| self.write_group(arn, one, xml))
    }

    /// Deleting what does not exist succeeds.
    pub(super) fn delete_target_group(&mut self) -> Reply {
        let arn = required(self.params, "TargetGroupArn")?.to_owned();
        let state = self.region();
        if state.listeners.values().any(|listener| listener.group == arn) {
            let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
            return Err(AwsError::new("ResourceInUse", message));
        }
        state.groups.remove(&arn);
        Ok(Xml::new())
    }
}
