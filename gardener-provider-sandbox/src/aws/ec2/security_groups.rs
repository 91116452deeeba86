//! Security groups.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::{Ipv4Net, Ipv6Net};

use super::{
    Ec2, Region, Tags,
    filters::Filters,
    kind::{Getter, IdRules, Kind, View},
    permissions::{Rule, RuleKey, Source, write_permissions},
    tags::{done, tags_for},
    vpc::Vpc,
};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// A security group.
#[derive(Debug)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) vpc: String,
    /// By rule id.
    pub(crate) rules: BTreeMap<String, Rule>,
}

impl SecurityGroup {
    /// True for the group that comes and goes with its VPC.
    pub(crate) fn is_default(&self) -> bool {
        self.name == "default"
    }

    pub(crate) fn refers_to(&self, group: &str) -> bool {
        self.rules.values().any(|rule| matches!(&rule.key.source, Source::Group(id) if id == group))
    }

    fn of_direction(&self, egress: bool) -> impl Iterator<Item = &Rule> {
        self.rules.values().filter(move |rule| rule.key.egress == egress)
    }
}

/// Reads a member of all rules of one direction.
fn collect(group: &SecurityGroup, egress: bool, value: impl Fn(&RuleKey) -> Option<String>) -> Vec<String> {
    group.of_direction(egress).filter_map(|rule| value(&rule.key)).collect()
}

impl Kind for SecurityGroup {
    const ID: IdRules = IdRules {
        prefix: "sg",
        label: "security group",
        not_found: "InvalidGroup.NotFound",
        malformed: "InvalidGroupId.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.security_groups
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.security_groups
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "group-id" => |group, _| vec![group.id.clone()],
            "group-name" => |group, _| vec![group.name.clone()],
            "description" => |group, _| vec![group.description.clone()],
            "vpc-id" => |group, _| vec![group.vpc.clone()],
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            "ip-permission.cidr" => |group, _| collect(group, false, RuleKey::v4),
            "ip-permission.ipv6-cidr" => |group, _| collect(group, false, RuleKey::v6),
            "ip-permission.group-id" => |group, _| collect(group, false, RuleKey::group),
            "ip-permission.protocol" => |group, _| collect(group, false, |key| Some(key.protocol.clone())),
            "ip-permission.from-port" => {
                |group, _| collect(group, false, |key| key.ports.map(|p| p.0.to_string()))
            }
            "ip-permission.to-port" => {
                |group, _| collect(group, false, |key| key.ports.map(|p| p.1.to_string()))
            }
            "egress.ip-permission.cidr" => |group, _| collect(group, true, RuleKey::v4),
            "egress.ip-permission.ipv6-cidr" => |group, _| collect(group, true, RuleKey::v6),
            "egress.ip-permission.group-id" => |group, _| collect(group, true, RuleKey::group),
            "egress.ip-permission.protocol" => {
                |group, _| collect(group, true, |key| Some(key.protocol.clone()))
            }
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("groupId", &self.id)
            .text("groupName", &self.name)
            .text("groupDescription", &self.description);
        xml.text("vpcId", &self.vpc).text("ownerId", view.context.account());
        xml.text("securityGroupArn", view.context.arn("ec2", &format!("security-group/{}", self.id)));
        write_permissions(xml, "ipPermissions", self.of_direction(false), view);
        write_permissions(xml, "ipPermissionsEgress", self.of_direction(true), view);
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn new_default_security_group(&mut self, vpc: &str) {
        let id = self.new_group("default", "default VPC security group", vpc, Tags::new());
        let inside = self.ids.hex17("sgr");
        if let Some(group) = self.region.security_groups.get_mut(&id) {
            group.rules.insert(inside, Rule::everything(false, Source::Group(id)));
        }
    }

    /// A group that lets everything out and nothing in, as all groups start.
    pub(crate) fn new_group(&mut self, name: &str, description: &str, vpc: &str, tags: Tags) -> String {
        let id = self.create_id("sg", tags);
        let mut rules = BTreeMap::new();
        rules.insert(self.ids.hex17("sgr"), Rule::everything(true, Source::V4(Ipv4Net::default())));
        if self.region.vpcs.get(vpc).is_some_and(|vpc| !vpc.ipv6.is_empty()) {
            rules.insert(self.ids.hex17("sgr"), Rule::everything(true, Source::V6(Ipv6Net::default())));
        }
        let group = SecurityGroup {
            id: id.clone(),
            name: name.to_owned(),
            description: description.to_owned(),
            vpc: vpc.to_owned(),
            rules,
        };
        self.region.security_groups.insert(id.clone(), group);
        id
    }

    pub(crate) fn default_group_of(&self, vpc: &str) -> String {
        let mut groups = self.region.security_groups.values();
        groups
            .find(|group| group.vpc == vpc && group.is_default())
            .map(|group| group.id.clone())
            .unwrap_or_default()
    }

    pub(crate) fn create_security_group(&mut self, params: &Params) -> Reply {
        let name = params.required("GroupName")?.trim().to_owned();
        let description = params.required("GroupDescription")?.to_owned();
        check_text("groupName", &name)?;
        check_text("groupDescription", &description)?;
        if name == "default" {
            let message = "The security group 'default' is reserved, and cannot be used.";
            return Err(AwsError::new("InvalidGroup.Reserved", message));
        }
        if name.starts_with("sg-") {
            let message = format!(
                "Value ({name}) for parameter groupName is invalid. Group names may not start with sg-"
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let vpc = match params.filled("VpcId") {
            Some(id) => self.find::<Vpc>(id)?.id.clone(),
            None => self.default_vpc()?,
        };
        let mut groups = self.region.security_groups.values();
        if groups.any(|group| group.vpc == vpc && group.name == name) {
            let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
            return Err(AwsError::new("InvalidGroup.Duplicate", message));
        }
        if self.region.security_groups.len() >= self.context.options().quotas.security_groups {
            let message = "The maximum number of security groups has been reached.";
            return Err(AwsError::new("SecurityGroupLimitExceeded", message));
        }
        let tags = tags_for(params, "security-group")?;
        let id = self.new_group(&name, &description, &vpc, tags);
        let mut xml = Xml::new();
        xml.text("return", true).text("groupId", &id);
        xml.text("securityGroupArn", self.context.arn("ec2", &format!("security-group/{id}")));
        self.view().write_tags(&mut xml, &id);
        Ok(xml)
    }

    pub(crate) fn default_vpc(&self) -> Result<String, AwsError> {
        let vpc = self.region.vpcs.values().find(|vpc| vpc.is_default).map(|vpc| vpc.id.clone());
        vpc.ok_or_else(|| AwsError::new("VPCIdNotSpecified", "No default VPC for this user"))
    }

    /// The group that `GroupId`, or `GroupName` in the default VPC, names.
    pub(crate) fn group_named(&self, params: &Params) -> Result<&SecurityGroup, AwsError> {
        let Some(name) = params.filled("GroupName").filter(|_| params.filled("GroupId").is_none()) else {
            return self.named::<SecurityGroup>(params, "GroupId");
        };
        let vpc = self.default_vpc()?;
        let group = self.region.security_groups.values().find(|group| group.vpc == vpc && group.name == name);
        group.ok_or_else(|| SecurityGroup::ID.missing(name))
    }

    pub(crate) fn delete_security_group(&mut self, params: &Params) -> Reply {
        let group = self.group_named(params)?;
        let id = group.id.clone();
        if group.is_default() {
            let message =
                format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
            return Err(AwsError::new("CannotDelete", message));
        }
        let region = &self.region;
        let in_use = region.interfaces.values().any(|eni| eni.groups.contains(&id))
            || region.endpoints.values().any(|endpoint| endpoint.groups.contains(&id))
            || region.security_groups.values().any(|other| other.id != id && other.refers_to(&id));
        if in_use {
            let message = format!("resource {id} has a dependent object");
            return Err(AwsError::new("DependencyViolation", message));
        }
        self.remove::<SecurityGroup>(&id);
        let mut xml = done();
        xml.text("groupId", id);
        Ok(xml)
    }

    pub(crate) fn describe_security_groups(&self, params: &Params) -> Reply {
        let names: BTreeSet<String> = params.list("GroupName").into_iter().collect();
        if names.is_empty() {
            return self.describe::<SecurityGroup>(params, "GroupId", "securityGroupInfo");
        }
        // By name only groups of the default VPC can be found.
        let vpc = self.default_vpc()?;
        let filters = Filters::<SecurityGroup>::of(params)?;
        let view = self.view();
        let mut found = Vec::new();
        for name in names {
            let group =
                self.region.security_groups.values().find(|group| group.vpc == vpc && group.name == name);
            found.push(group.ok_or_else(|| SecurityGroup::ID.missing(&name))?);
        }
        found.retain(|group| filters.accept(group, &view));
        let mut xml = Xml::new();
        xml.list("securityGroupInfo", found, |xml, group| group.write(&view, xml));
        Ok(xml)
    }
}

/// Names and descriptions: up to 255 characters of a small set.
fn check_text(parameter: &str, text: &str) -> Result<(), AwsError> {
    const MARKS: &str = " ._-:/()#,@[]+=&;{}!$*";
    if text.len() <= 255 && text.chars().all(|c| c.is_ascii_alphanumeric() || MARKS.contains(c)) {
        return Ok(());
    }
    let message = format!(
        "Value ({text}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported, and at most \
         255 characters."
    );
    Err(AwsError::new("InvalidParameterValue", message))
}
