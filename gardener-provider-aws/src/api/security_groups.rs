//! Security groups and their rules
//! ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html)).

use std::{collections::BTreeSet, fmt};

use gardener_provider_client::pages::Page;
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, element, idempotent, once, page},
    query::{self, Form},
    tags::{self, Tags},
};

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityGroup {
    /// The id.
    pub group_id: String,
    /// The name, unique in its VPC.
    pub group_name: String,
    /// The VPC.
    pub vpc_id: String,
    /// What may come in.
    #[serde(rename = "ipPermissions", deserialize_with = "query::items")]
    pub ingress: Vec<Permission>,
    /// What may go out.
    #[serde(rename = "ipPermissionsEgress", deserialize_with = "query::items")]
    pub egress: Vec<Permission>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// Ports of a protocol and who they are open to, as EC2 groups them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Permission {
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub ip_protocol: String,
    /// The first port.
    pub from_port: Option<i32>,
    /// The last port.
    pub to_port: Option<i32>,
    /// Security groups.
    #[serde(deserialize_with = "query::items")]
    pub groups: Vec<GroupPair>,
    /// IPv4 blocks.
    #[serde(deserialize_with = "query::items")]
    pub ip_ranges: Vec<IpRange>,
    /// IPv6 blocks.
    #[serde(deserialize_with = "query::items")]
    pub ipv6_ranges: Vec<Ipv6Range>,
    /// Prefix lists.
    #[serde(deserialize_with = "query::items")]
    pub prefix_list_ids: Vec<PrefixList>,
}

/// A security group as a peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupPair {
    /// The group.
    pub group_id: String,
}

/// An IPv4 block as a peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpRange {
    /// The block.
    pub cidr_ip: String,
}

/// An IPv6 block as a peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ipv6Range {
    /// The block.
    pub cidr_ipv6: String,
}

/// A prefix list as a peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrefixList {
    /// The list.
    pub prefix_list_id: String,
}

/// Which way the traffic goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Inward.
    Ingress,
    /// Outward.
    Egress,
}

/// Whom a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// An IPv4 block.
    V4(String),
    /// An IPv6 block.
    V6(String),
    /// A security group.
    Group(String),
    /// A prefix list.
    PrefixList(String),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(text) | Self::V6(text) | Self::Group(text) | Self::PrefixList(text) => f.write_str(text),
        }
    }
}

/// One rule: one protocol, one span of ports, one peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Which way.
    pub direction: Direction,
    /// The protocol, `-1` for all.
    pub protocol: String,
    /// The ports; none for all of a protocol that has them.
    pub ports: Option<(i32, i32)>,
    /// The peer.
    pub peer: Peer,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.direction == Direction::Ingress { "from" } else { "to" };
        let protocol = if self.protocol == "-1" { "all" } else { &self.protocol };
        match self.ports {
            Some((first, last)) => write!(f, "{protocol} {first}-{last} {way} {}", self.peer),
            None => write!(f, "{protocol} {way} {}", self.peer),
        }
    }
}

impl SecurityGroup {
    /// Its rules one by one.
    pub fn rules(&self) -> BTreeSet<Rule> {
        let ingress = self.ingress.iter().flat_map(|permission| permission.rules(Direction::Ingress));
        let egress = self.egress.iter().flat_map(|permission| permission.rules(Direction::Egress));
        ingress.chain(egress).collect()
    }
}

impl Permission {
    fn rules(&self, direction: Direction) -> impl Iterator<Item = Rule> {
        let groups = self.groups.iter().map(|pair| Peer::Group(pair.group_id.clone()));
        let v4 = self.ip_ranges.iter().map(|range| Peer::V4(range.cidr_ip.clone()));
        let v6 = self.ipv6_ranges.iter().map(|range| Peer::V6(range.cidr_ipv6.clone()));
        let lists = self.prefix_list_ids.iter().map(|list| Peer::PrefixList(list.prefix_list_id.clone()));
        let ports = if self.ip_protocol == "-1" { None } else { self.from_port.zip(self.to_port) };
        let rule = move |peer| Rule { direction, protocol: self.ip_protocol.clone(), ports, peer };
        groups.chain(v4).chain(v6).chain(lists).map(rule)
    }
}

/// Finds security groups.
pub fn describe_security_groups(query: &Query) -> Operation<Page<SecurityGroup>> {
    let request = query.request("DescribeSecurityGroups", "GroupId", Some(1000));
    Operation::new(request, page!("securityGroupInfo", SecurityGroup))
}

/// Makes a security group; answers its id. EC2 gives it the rule that everything may go out over IPv4.
pub fn create_security_group(vpc: &str, name: &str, description: &str, tags: &Tags) -> Operation<String> {
    let form = Form::new()
        .put("VpcId", vpc)
        .put("GroupName", name)
        .put("GroupDescription", description)
        .tag_specification("security-group", tags);
    Operation::new(once(form, "CreateSecurityGroup"), element!("groupId", String))
}

/// Deletes a security group.
pub fn delete_security_group(id: &str) -> Operation<()> {
    Operation::new(idempotent(Form::new().put("GroupId", id), "DeleteSecurityGroup"), query::nothing)
}

/// Allows what these rules say; all must be of one direction. One of them there already: `AlreadyExists`, and none is
/// added.
pub fn authorize(id: &str, direction: Direction, rules: &[Rule]) -> Operation<()> {
    let operation = match direction {
        Direction::Ingress => "AuthorizeSecurityGroupIngress",
        Direction::Egress => "AuthorizeSecurityGroupEgress",
    };
    Operation::new(idempotent(permissions(id, rules), operation), query::nothing)
}

/// No longer allows what these rules say; all must be of one direction.
pub fn revoke(id: &str, direction: Direction, rules: &[Rule]) -> Operation<()> {
    let operation = match direction {
        Direction::Ingress => "RevokeSecurityGroupIngress",
        Direction::Egress => "RevokeSecurityGroupEgress",
    };
    Operation::new(idempotent(permissions(id, rules), operation), query::nothing)
}

fn permissions(id: &str, rules: &[Rule]) -> Form {
    Form::new().put("GroupId", id).each("IpPermissions", rules, |form, rule| {
        let form = form
            .put("IpProtocol", &rule.protocol)
            .opt("FromPort", rule.ports.map(|ports| ports.0))
            .opt("ToPort", rule.ports.map(|ports| ports.1));
        match &rule.peer {
            Peer::V4(cidr) => form.put("IpRanges.1.CidrIp", cidr),
            Peer::V6(cidr) => form.put("Ipv6Ranges.1.CidrIpv6", cidr),
            Peer::Group(id) => form.put("Groups.1.GroupId", id),
            Peer::PrefixList(id) => form.put("PrefixListIds.1.PrefixListId", id),
        }
    })
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    let rules: Vec<_> = [
        Peer::V4("0.0.0.0/0".into()),
        Peer::V6("::/0".into()),
        Peer::Group("sg-1".into()),
        Peer::PrefixList("pl-1".into()),
    ]
    .map(|peer| Rule {
        direction: Direction::Ingress,
        protocol: "tcp".into(),
        ports: Some((30000, 32767)),
        peer,
    })
    .into();
    vec![
        describe_security_groups(&Query::sample()).request,
        describe_security_groups(&Query::ids(["sg-1"])).request,
        create_security_group("vpc-1", "n", "d", &tags).request,
        delete_security_group("sg-1").request,
        authorize("sg-1", Direction::Ingress, &rules).request,
        authorize("sg-1", Direction::Egress, &rules).request,
        revoke("sg-1", Direction::Ingress, &rules).request,
        revoke("sg-1", Direction::Egress, &rules).request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn permissions_are_read_as_single_rules() {
        let reply = Response::new(Bytes::from_static(
            b"<R><securityGroupInfo><item><groupId>sg-1</groupId><groupName>n</groupName><vpcId>vpc-1</vpcId>
            <ipPermissions><item><ipProtocol>-1</ipProtocol><groups><item><userId>1</userId><groupId>sg-1</groupId></item>
            </groups><ipRanges/><ipv6Ranges/><prefixListIds/></item><item><ipProtocol>tcp</ipProtocol>
            <fromPort>30000</fromPort><toPort>32767</toPort><groups/><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item>
            <item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges><ipv6Ranges/></item></ipPermissions>
            <ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item>
            </ipRanges></item></ipPermissionsEgress></item></securityGroupInfo></R>",
        ));
        let group = &(describe_security_groups(&Query::default()).parse)(&reply).unwrap().items[0];
        let rules: Vec<_> = group.rules().iter().map(ToString::to_string).collect();
        assert_eq!(
            rules,
            [
                "all from sg-1",
                "tcp 30000-32767 from 0.0.0.0/0",
                "tcp 30000-32767 from 10.0.0.0/8",
                "all to 0.0.0.0/0",
            ]
        );
    }
}
