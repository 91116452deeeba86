//! Load balancers: classic (API version 2012-06-01) and those of the second generation (2015-12-01).
//!
//! They do no balancing. They are what Kubernetes leaves behind: while one exists, and for some time after, its network
//! interfaces keep subnets and security groups from being deleted.
//! <https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/>

mod classic;
mod leftovers;
mod listeners;
mod target_groups;
mod v2;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use super::{
    answer::unknown_action,
    context::{Context, Reply},
    ec2::{Ec2, Tags, Vpc},
    error::AwsError,
    managed::{self, Managed, Wanted},
    query::Params,
    state::State as Cloud,
    xml::Xml,
};
use crate::Resource;
use classic::Classic;
pub use leftovers::{Leftover, Planted};
use listeners::Listener;
use target_groups::TargetGroup;
use v2::Balancer;

/// What the service remembers of one region.
#[derive(Debug, Default)]
pub(crate) struct State {
    classic: BTreeMap<String, Classic>,
    /// By ARN, as the following.
    balancers: BTreeMap<String, Balancer>,
    groups: BTreeMap<String, TargetGroup>,
    listeners: BTreeMap<String, Listener>,
}

impl State {
    pub(crate) fn inventory(&self, region: &str, _now: SystemTime) -> Vec<Resource> {
        let resource = |kind, id: &str, name: &str, tags: &Tags| {
            let mut resource = Resource::new("elasticloadbalancing", kind, region, id);
            name.clone_into(&mut resource.name);
            resource.with_tags(tags)
        };
        let classic = self
            .classic
            .values()
            .map(|one| resource("classic-load-balancer", &one.name, &one.name, &one.tags));
        let balancers =
            self.balancers.iter().map(|(arn, one)| resource("load-balancer", arn, &one.name, &one.tags));
        let groups = self.groups.iter().map(|(arn, one)| resource("target-group", arn, &one.name, &one.tags));
        classic.chain(balancers).chain(groups).collect()
    }
}

/// Answers one call.
pub(crate) fn answer(context: &Context<'_>, state: &mut Cloud, params: &Params) -> Reply {
    let second = params.get("Version") == Some("2015-12-01");
    let operation = context.call.operation.as_str();
    let mut elb = Elb { context, state, params };
    match (operation, second) {
        ("CreateLoadBalancer", false) => elb.create_classic(),
        ("DescribeLoadBalancers", false) => elb.describe_classic(),
        ("DeleteLoadBalancer", false) => elb.delete_classic(),
        ("DescribeTags", false) => elb.describe_classic_tags(),
        ("AddTags", false) => elb.add_classic_tags(),
        ("RemoveTags", false) => elb.remove_classic_tags(),
        ("CreateLoadBalancer", true) => elb.create_balancer(),
        ("DescribeLoadBalancers", true) => elb.describe_balancers(),
        ("DeleteLoadBalancer", true) => elb.delete_balancer(),
        ("CreateTargetGroup", true) => elb.create_target_group(),
        ("DescribeTargetGroups", true) => elb.describe_target_groups(),
        ("DeleteTargetGroup", true) => elb.delete_target_group(),
        ("CreateListener", true) => elb.create_listener(),
        ("DescribeListeners", true) => elb.describe_listeners(),
        ("DeleteListener", true) => elb.delete_listener(),
        ("DescribeTags", true) => elb.describe_tags(),
        ("AddTags", true) => elb.add_tags(),
        ("RemoveTags", true) => elb.remove_tags(),
        _ => unknown_action(context, params),
    }
}

/// One call on its way through the service.
struct Elb<'a> {
    context: &'a Context<'a>,
    state: &'a mut Cloud,
    params: &'a Params,
}

impl Elb<'_> {
    fn region(&mut self) -> &mut State {
        self.state.elb.entry(self.context.region().to_owned()).or_default()
    }

    fn seen(&self) -> Option<&State> {
        self.state.elb.get(self.context.region())
    }

    /// The tags in the request.
    fn tags(&self) -> Result<Tags, AwsError> {
        let mut tags = Tags::new();
        for tag in self.params.member_structs("Tags") {
            let key = required(&tag, "Key")?.to_owned();
            if tags.insert(key.clone(), tag.get("Value").unwrap_or_default().to_owned()).is_some() {
                return Err(AwsError::new("DuplicateTagKeys", format!("The tag key {key} is given twice")));
            }
        }
        if tags.len() > 50 {
            return Err(AwsError::new("TooManyTags", "A resource can have at most 50 tags"));
        }
        Ok(tags)
    }

    /// The VPC of the subnets, all of which must exist.
    fn vpc_of(&mut self, subnets: &[String]) -> Result<String, AwsError> {
        let ec2 = Ec2::enter(self.context, self.state);
        let mut vpcs = BTreeSet::new();
        for id in subnets {
            let subnet = ec2.region.subnets.get(id).ok_or_else(|| {
                AwsError::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist"))
            })?;
            vpcs.insert(subnet.vpc.clone());
        }
        let mut vpcs = vpcs.into_iter();
        match (vpcs.next(), vpcs.next()) {
            (Some(vpc), None) => Ok(vpc),
            (None, _) => Err(invalid("Either AvailabilityZones or SubnetIds must be specified")),
            _ => Err(AwsError::new("InvalidConfigurationRequest", "The subnets belong to different VPCs")),
        }
    }

    /// Puts an interface into each subnet.
    fn place(
        &mut self,
        subnets: &[String],
        groups: &[String],
        description: &str,
        kind: &'static str,
    ) -> Result<Vec<Managed>, AwsError> {
        let mut ec2 = Ec2::enter(self.context, self.state);
        let mut placed = Vec::new();
        for subnet in subnets {
            let wanted = Wanted {
                subnet: subnet.clone(),
                groups: groups.to_vec(),
                description: description.to_owned(),
                kind,
                requester: "amazon-elb",
                ip: None,
            };
            match managed::place(&mut ec2, wanted) {
                Ok(managed) => placed.push(managed),
                Err(error) => {
                    for managed in &placed {
                        ec2.region.drop_interface(&managed.id);
                    }
                    return Err(as_elb_error(error));
                }
            }
        }
        Ok(placed)
    }

    /// Lets the interfaces of a deleted load balancer vanish after some time.
    fn release(&mut self, interfaces: &[Managed]) {
        let at = self.context.after(self.context.options().durations.load_balancer);
        let ec2 = Ec2::enter(self.context, self.state);
        for managed in interfaces {
            managed::release(ec2.region, &managed.id, at);
        }
    }

    /// Refuses security groups that do not exist, and chooses the VPC's default one where none is given.
    fn groups(&mut self, given: Vec<String>, vpc: &str, default: bool) -> Result<Vec<String>, AwsError> {
        let ec2 = Ec2::enter(self.context, self.state);
        if given.is_empty() && default {
            return Ok(vec![ec2.default_group_of(vpc)]);
        }
        for id in &given {
            if ec2.region.security_groups.get(id).is_none_or(|group| group.vpc != vpc) {
                let message = format!("One or more security groups are invalid: {id}");
                return Err(AwsError::new("InvalidSecurityGroup", message));
            }
        }
        Ok(given)
    }

    fn check_vpc(&mut self, id: &str) -> Result<(), AwsError> {
        let ec2 = Ec2::enter(self.context, self.state);
        ec2.find::<Vpc>(id).map(|_| ()).map_err(|_| invalid(&format!("The VPC ID '{id}' is not found")))
    }

    /// Writes one page of a list, and where the next page begins.
    fn page<T>(&self, name: &str, items: &[T], mut write: impl FnMut(&mut Xml, &T)) -> Reply {
        let most = self.context.world.max_page(self.context.options().max_page).min(400);
        let limit = self.params.parsed::<usize>("PageSize")?.unwrap_or(most).clamp(1, most);
        let start = match self.params.filled("Marker") {
            None => 0,
            Some(marker) => marker.parse::<usize>().map_err(|_| invalid("Invalid marker"))?,
        };
        let end = start.saturating_add(limit);
        let mut xml = Xml::new();
        xml.members(name, items.iter().skip(start).take(limit), |xml, item| write(xml, item));
        xml.opt("NextMarker", (end < items.len()).then_some(end));
        Ok(xml)
    }
}

fn write_tags(xml: &mut Xml, tags: &Tags) {
    xml.members("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
}

fn write_words(xml: &mut Xml, name: &str, words: &[String]) {
    xml.members(name, words, |xml, word| {
        xml.chars(word);
    });
}

fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, AwsError> {
    params.filled(name).ok_or_else(|| invalid(&format!("{name} is required")))
}

/// Names of load balancers and target groups: 32 letters, digits and hyphens.
fn check_name(name: &str) -> Result<(), AwsError> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !plain || name.len() > 32 || name.starts_with('-') || name.ends_with('-') {
        return Err(invalid(&format!(
            "The name '{name}' is invalid: it can have at most 32 letters, digits and hyphens, none at its ends"
        )));
    }
    Ok(())
}

fn invalid(message: &str) -> AwsError {
    AwsError::new("ValidationError", message)
}

/// EC2's errors about subnets and groups, in the words of this service.
fn as_elb_error(error: AwsError) -> AwsError {
    let code = match error.code.as_ref() {
        "InvalidSubnetID.NotFound" => "SubnetNotFound",
        "InvalidGroup.NotFound" | "InvalidParameter" => "InvalidSecurityGroup",
        "InsufficientFreeAddressesInSubnet" => "InvalidSubnet",
        _ => return error,
    };
    AwsError::new(code, error.message)
}

#[cfg(test)]
mod tests;
