//! Listeners: what ties target groups to load balancers.

use super::{Elb, Tags, invalid, required, v2::not_found};
use crate::aws::{context::Reply, error::AwsError, xml::Xml};

#[derive(Debug, Clone)]
pub(super) struct Listener {
    /// ARN, as the following.
    pub(super) balancer: String,
    pub(super) group: String,
    protocol: String,
    port: u16,
    pub(super) tags: Tags,
}

impl Listener {
    fn write(&self, arn: &str, xml: &mut Xml) {
        xml.text("ListenerArn", arn)
            .text("LoadBalancerArn", &self.balancer)
            .text("Port", self.port)
            .text("Protocol", &self.protocol)
            .members("DefaultActions", [&self.group], |xml, group| {
                xml.text("Type", "forward").text("TargetGroupArn", group);
            });
    }
}

impl Elb<'_> {
    pub(super) fn create_listener(&mut self) -> Reply {
        let balancer = required(self.params, "LoadBalancerArn")?.to_owned();
        let actions = self.params.member_structs("DefaultActions");
        let [action] = actions.as_slice() else { return Err(invalid("One default action is required")) };
        if required(action, "Type")? != "forward" {
            return Err(AwsError::new(
                "InvalidConfigurationRequest",
                "Only forwarding actions are known here",
            ));
        }
        let group = required(action, "TargetGroupArn")?.to_owned();
        let port = self.params.parsed("Port")?.ok_or_else(|| invalid("Port is required"))?;
        let protocol = required(self.params, "Protocol")?.to_owned();
        let tags = self.tags()?;
        let number = self.state.ids.number();
        let state = self.region();
        if !state.balancers.contains_key(&balancer) {
            return Err(not_found("Load balancers", &balancer));
        }
        if !state.groups.contains_key(&group) {
            return Err(not_found("Target groups", &group));
        }
        if state.listeners.values().any(|other| other.balancer == balancer && other.port == port) {
            return Err(AwsError::new(
                "DuplicateListener",
                "A listener already exists on this port for this load balancer",
            ));
        }
        let arn = format!("{}/{number:016x}", balancer.replacen(":loadbalancer/", ":listener/", 1));
        let listener = Listener { balancer, group, protocol, port, tags };
        let mut xml = Xml::new();
        xml.members("Listeners", [&listener], |xml, listener| listener.write(&arn, xml));
        state.listeners.insert(arn, listener);
        Ok(xml)
    }

    /// As Kubernetes creates one for a service.
    pub(super) fn plant_listener(&mut self, balancer: &str, group: &str) {
        let arn = format!("{}/0000000000000001", balancer.replacen(":loadbalancer/", ":listener/", 1));
        let listener = Listener {
            balancer: balancer.to_owned(),
            group: group.to_owned(),
            protocol: "TCP".to_owned(),
            port: 443,
            tags: Tags::new(),
        };
        self.region().listeners.insert(arn, listener);
    }

    pub(super) fn describe_listeners(&mut self) -> Reply {
        let arns = self.params.members("ListenerArns");
        let balancer = self.params.filled("LoadBalancerArn");
        if arns.is_empty() && balancer.is_none() {
            return Err(invalid("You must specify either listener ARNs or a load balancer ARN"));
        }
        if let Some(balancer) = balancer
            && !self.seen().is_some_and(|state| state.balancers.contains_key(balancer))
        {
            return Err(not_found("Load balancers", balancer));
        }
        let all = self.seen().into_iter().flat_map(|state| &state.listeners);
        let found: Vec<(&String, &Listener)> =
            all.filter(|(arn, one)| arns.contains(arn) || balancer == Some(one.balancer.as_str())).collect();
        if let Some(missing) = arns.iter().find(|wanted| !found.iter().any(|(arn, _)| arn == wanted)) {
            return Err(not_found("Listeners", missing));
        }
        self.page("Listeners", &found, |xml, (arn, one)| one.write(arn, xml))
    }

    pub(super) fn delete_listener(&mut self) -> Reply {
        let arn = required(self.params, "ListenerArn")?.to_owned();
        self.region().listeners.remove(&arn).map(|_| Xml::new()).ok_or_else(|| not_found("Listeners", &arn))
    }
}
