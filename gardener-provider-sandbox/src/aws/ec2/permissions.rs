//! The rules of security groups.

use std::collections::BTreeMap;

use ipnet::{Ipv4Net, Ipv6Net};

use super::{
    Ec2, Tags, cidr, filters, kind::View, security_groups::SecurityGroup, tags::done, tags::tags_for,
};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// First and last port, or ICMP type and code; absent for protocols that have neither.
type Ports = Option<(i32, i32)>;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) key: RuleKey,
    pub(crate) description: Option<String>,
}

/// What makes a rule different from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleKey {
    pub(crate) egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub(crate) protocol: String,
    pub(crate) ports: Ports,
    pub(crate) source: Source,
}

/// The other side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    V4(Ipv4Net),
    V6(Ipv6Net),
    Group(String),
    PrefixList(String),
}

impl Rule {
    pub(crate) fn everything(egress: bool, source: Source) -> Self {
        Self { key: RuleKey { egress, protocol: "-1".to_owned(), ports: None, source }, description: None }
    }
}

impl RuleKey {
    pub(crate) fn v4(&self) -> Option<String> {
        if let Source::V4(net) = &self.source { Some(net.to_string()) } else { None }
    }

    pub(crate) fn v6(&self) -> Option<String> {
        if let Source::V6(net) = &self.source { Some(net.to_string()) } else { None }
    }

    pub(crate) fn group(&self) -> Option<String> {
        if let Source::Group(id) = &self.source { Some(id.clone()) } else { None }
    }

    fn prefix_list(&self) -> Option<String> {
        if let Source::PrefixList(id) = &self.source { Some(id.clone()) } else { None }
    }

    fn describe(&self) -> String {
        let peer = self.v4().or(self.v6()).or(self.group()).or(self.prefix_list()).unwrap_or_default();
        let ports =
            self.ports.map(|(from, to)| format!(", from port: {from}, to port: {to}")).unwrap_or_default();
        format!("peer: {peer}, {}{ports}, ALLOW", self.protocol.to_uppercase())
    }

    fn write(&self, xml: &mut Xml) {
        let (from, to) = self.ports.unwrap_or((-1, -1));
        xml.text("isEgress", self.egress).text("ipProtocol", &self.protocol);
        xml.text("fromPort", from).text("toPort", to);
        xml.opt("cidrIpv4", self.v4()).opt("cidrIpv6", self.v6()).opt("prefixListId", self.prefix_list());
    }
}

pub(crate) fn rule_missing(id: &str) -> AwsError {
    AwsError::new(
        "InvalidSecurityGroupRuleId.NotFound",
        format!("The security group rule ID '{id}' does not exist"),
    )
}

/// Writes rules grouped by protocol and ports.
pub(crate) fn write_permissions<'a>(
    xml: &mut Xml,
    name: &str,
    rules: impl Iterator<Item = &'a Rule>,
    view: &View<'_>,
) {
    let mut grouped: BTreeMap<(&str, Ports), Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        grouped.entry((&rule.key.protocol, rule.key.ports)).or_default().push(rule);
    }
    xml.list(name, grouped, |xml, ((protocol, ports), rules)| {
        xml.text("ipProtocol", protocol);
        if let Some((from, to)) = ports {
            xml.text("fromPort", from).text("toPort", to);
        }
        let of = |value: fn(&RuleKey) -> Option<String>| {
            let rules = rules.clone();
            rules.into_iter().filter_map(move |rule| Some((value(&rule.key)?, rule)))
        };
        xml.list("groups", of(RuleKey::group), |xml, (id, rule)| {
            xml.text("userId", view.context.account()).text("groupId", id);
            xml.opt("description", rule.description.as_ref());
        });
        xml.list("ipRanges", of(RuleKey::v4), |xml, (net, rule)| {
            xml.text("cidrIp", net).opt("description", rule.description.as_ref());
        });
        xml.list("ipv6Ranges", of(RuleKey::v6), |xml, (net, rule)| {
            xml.text("cidrIpv6", net).opt("description", rule.description.as_ref());
        });
        xml.list("prefixListIds", of(RuleKey::prefix_list), |xml, (id, rule)| {
            xml.text("prefixListId", id).opt("description", rule.description.as_ref());
        });
    });
}

impl Ec2<'_> {
    /// All rules of a call are added, or none.
    pub(crate) fn authorize(&mut self, params: &Params, egress: bool) -> Reply {
        let group = self.group_named(params)?;
        let id = group.id.clone();
        let rules = self.read_rules(params, egress, group)?;
        let tags = tags_for(params, "security-group-rule")?;
        for (index, rule) in rules.iter().enumerate() {
            let duplicate = group.rules.values().chain(&rules[..index]).any(|other| other.key == rule.key);
            if duplicate {
                let message = format!("the specified rule \"{}\" already exists", rule.key.describe());
                return Err(AwsError::new("InvalidPermission.Duplicate", message));
            }
        }
        let count = group.rules.values().filter(|rule| rule.key.egress == egress).count() + rules.len();
        if count > self.context.options().quotas.rules_per_security_group {
            let message = "The maximum number of rules per security group has been reached.";
            return Err(AwsError::new("RulesPerSecurityGroupLimitExceeded", message));
        }
        let mut created = Vec::new();
        for rule in rules {
            let rule_id = self.ids.hex17("sgr");
            if !tags.is_empty() {
                self.region.tags.insert(rule_id.clone(), tags.clone());
            }
            self.find_mut::<SecurityGroup>(&id)?.rules.insert(rule_id.clone(), rule);
            created.push(rule_id);
        }
        let mut xml = done();
        let view = self.view();
        if let Some(group) = self.region.security_groups.get(&id) {
            xml.list("securityGroupRuleSet", &created, |xml, rule_id| write_rule(xml, group, rule_id, &view));
        }
        Ok(xml)
    }

    /// All rules of a call are removed; if one is not there, none is.
    pub(crate) fn revoke(&mut self, params: &Params, egress: bool) -> Reply {
        let group = self.group_named(params)?;
        let id = group.id.clone();
        let mut doomed: Vec<String> = params.list("SecurityGroupRuleId");
        for rule in &doomed {
            if group.rules.get(rule).is_none_or(|rule| rule.key.egress != egress) {
                return Err(rule_missing(rule));
            }
        }
        if doomed.is_empty() {
            for wanted in self.read_rules(params, egress, group)? {
                let mut found = group.rules.iter().filter(|(_, rule)| rule.key == wanted.key);
                let Some((rule_id, _)) = found.next() else {
                    let message = "The specified rule does not exist in this security group.";
                    return Err(AwsError::new("InvalidPermission.NotFound", message));
                };
                doomed.push(rule_id.clone());
            }
        }
        let group = self.find_mut::<SecurityGroup>(&id)?;
        let removed: Vec<(String, Rule)> =
            doomed.iter().filter_map(|rule_id| group.rules.remove_entry(rule_id)).collect();
        for (rule_id, _) in &removed {
            self.region.tags.remove(rule_id);
        }
        let mut xml = done();
        xml.list("unknownIpPermissionSet", None::<()>, |_, ()| {});
        xml.list("revokedSecurityGroupRuleSet", &removed, |xml, (rule_id, rule)| {
            xml.text("securityGroupRuleId", rule_id).text("groupId", &id);
            rule.key.write(xml);
            xml.opt("referencedGroupId", rule.key.group()).opt("description", rule.description.as_ref());
        });
        Ok(xml)
    }

    pub(crate) fn describe_security_group_rules(&self, params: &Params) -> Reply {
        let wanted = params.list("SecurityGroupRuleId");
        for id in &wanted {
            if !self.exists(id) {
                return Err(rule_missing(id));
            }
        }
        let mut shown = Vec::new();
        for group in self.region.security_groups.values() {
            for id in group.rules.keys().filter(|id| wanted.is_empty() || wanted.contains(id)) {
                if passes(params, group, id, self.region.tags_of(id))? {
                    shown.push((group, id));
                }
            }
        }
        let view = self.view();
        let mut xml = Xml::new();
        xml.list("securityGroupRuleSet", shown, |xml, (group, id)| write_rule(xml, group, id, &view));
        Ok(xml)
    }

    /// The rules that a call names, in `IpPermissions` or in the older flat form.
    fn read_rules(
        &self,
        params: &Params,
        egress: bool,
        group: &SecurityGroup,
    ) -> Result<Vec<Rule>, AwsError> {
        let mut rules = Vec::new();
        for permission in params.structs("IpPermissions") {
            self.read_permission(&permission, egress, group, &mut rules)?;
        }
        if params.filled("IpProtocol").is_some() {
            let (protocol, ports) = read_ports(params)?;
            let source = match params.filled("CidrIp") {
                Some(text) => Source::V4(cidr::v4(text, "cidrIp")?),
                None => {
                    Source::Group(self.group_by_name(params.required("SourceSecurityGroupName")?, group)?)
                }
            };
            rules.push(Rule { key: RuleKey { egress, protocol, ports, source }, description: None });
        }
        if rules.is_empty() {
            let message = "The request must contain the parameter ipPermissions with at least one source";
            return Err(AwsError::new("MissingParameter", message));
        }
        Ok(rules)
    }

    fn read_permission(
        &self,
        permission: &Params,
        egress: bool,
        group: &SecurityGroup,
        rules: &mut Vec<Rule>,
    ) -> Result<(), AwsError> {
        permission.required("IpProtocol")?;
        let (protocol, ports) = read_ports(permission)?;
        let mut add = |source: Source, entry: &Params| {
            let key = RuleKey { egress, protocol: protocol.clone(), ports, source };
            rules.push(Rule { key, description: entry.filled("Description").map(str::to_owned) });
        };
        for range in permission.structs("IpRanges") {
            add(Source::V4(cidr::v4(range.required("CidrIp")?, "cidrIp")?), &range);
        }
        for range in permission.structs("Ipv6Ranges") {
            add(Source::V6(cidr::v6(range.required("CidrIpv6")?, "cidrIpv6")?), &range);
        }
        for list in permission.structs("PrefixListIds") {
            add(Source::PrefixList(list.required("PrefixListId")?.to_owned()), &list);
        }
        for pair in permission.structs("Groups") {
            let other = if let Some(id) = pair.filled("GroupId") {
                self.find::<SecurityGroup>(id)?
            } else {
                let id = self.group_by_name(pair.required("GroupName")?, group)?;
                self.region.security_groups.get(&id).unwrap_or(group)
            };
            if other.vpc != group.vpc {
                let message = "You have specified two resources that belong to different networks.";
                return Err(AwsError::new("InvalidGroup.NotFound", message));
            }
            add(Source::Group(other.id.clone()), &pair);
        }
        Ok(())
    }

    fn group_by_name(&self, name: &str, beside: &SecurityGroup) -> Result<String, AwsError> {
        let mut groups = self.region.security_groups.values();
        let found = groups.find(|group| group.vpc == beside.vpc && group.name == name);
        found.map(|group| group.id.clone()).ok_or_else(|| {
            AwsError::new("InvalidGroup.NotFound", format!("The security group '{name}' does not exist"))
        })
    }
}

fn write_rule(xml: &mut Xml, group: &SecurityGroup, id: &str, view: &View<'_>) {
    let Some(rule) = group.rules.get(id) else { return };
    xml.text("securityGroupRuleId", id)
        .text("groupId", &group.id)
        .text("groupOwnerId", view.context.account());
    rule.key.write(xml);
    if let Some(other) = rule.key.group() {
        xml.node("referencedGroupInfo", |xml| {
            xml.text("groupId", other).text("userId", view.context.account());
        });
    }
    xml.opt("description", rule.description.as_ref());
    xml.text("securityGroupRuleArn", view.context.arn("ec2", &format!("security-group-rule/{id}")));
    view.write_tags(xml, id);
}

fn passes(params: &Params, group: &SecurityGroup, id: &str, tags: &Tags) -> Result<bool, AwsError> {
    for filter in params.structs("Filter") {
        let name = filter.required("Name")?;
        let values: Vec<&str> = match name {
            "group-id" => vec![&group.id],
            "security-group-rule-id" => vec![id],
            "tag-key" => tags.keys().map(String::as_str).collect(),
            _ => match name.strip_prefix("tag:") {
                Some(key) => tags.get(key).map(String::as_str).into_iter().collect(),
                None => return Err(filters::unknown(name)),
            },
        };
        let patterns = filter.list("Value");
        if !values.iter().any(|value| filters::any(&patterns, value)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Protocol and ports in the form that EC2 keeps them in.
fn read_ports(params: &Params) -> Result<(String, Ports), AwsError> {
    let given = params.get("IpProtocol").unwrap_or_default();
    let protocol = match given.to_ascii_lowercase().as_str() {
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        "-1" | "all" => return Ok(("-1".to_owned(), None)),
        number if number.parse::<u8>().is_ok() => return Ok((number.to_owned(), None)),
        _ => return Err(params.invalid("IpProtocol", given)),
    };
    let (from, to) = (params.parsed::<i32>("FromPort")?, params.parsed::<i32>("ToPort")?);
    if protocol.starts_with("icmp") {
        return Ok((protocol.to_owned(), Some((from.unwrap_or(-1), to.unwrap_or(-1)))));
    }
    let invalid = |message: String| Err(AwsError::new("InvalidParameterValue", message));
    match (from, to) {
        (Some(from), Some(to)) if !(0..=65535).contains(&from) || !(0..=65535).contains(&to) => {
            let wrong = if (0..=65535).contains(&from) { to } else { from };
            invalid(format!("TCP/UDP port ({wrong}) out of range"))
        }
        (Some(from), Some(to)) if from > to => invalid(format!("Invalid TCP/UDP port range ({from}:{to})")),
        (Some(from), Some(to)) => Ok((protocol.to_owned(), Some((from, to)))),
        _ => invalid("Must specify both from and to ports with TCP/UDP.".to_owned()),
    }
}
