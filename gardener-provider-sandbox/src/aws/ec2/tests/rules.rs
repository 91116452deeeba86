//! Security groups and their rules.

use super::*;
use crate::aws::testing::elements;

const SSH: [(&str, &str); 4] = [
    ("IpPermissions.1.IpProtocol", "tcp"),
    ("IpPermissions.1.FromPort", "22"),
    ("IpPermissions.1.ToPort", "22"),
    ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/8"),
];

fn of<'a>(group: &'a str, rule: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("GroupId", group)], rule].concat()
}

#[tokio::test]
async fn rules_are_added_all_or_none_and_never_twice() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let group = ec2.group(&vpc, "nodes").await;
    let reply = ec2.ok("AuthorizeSecurityGroupIngress", &of(&group, &SSH)).await;
    assert_eq!(elements(&reply, "securityGroupRuleId").len(), 1);
    ec2.fails("AuthorizeSecurityGroupIngress", &of(&group, &SSH), "InvalidPermission.Duplicate").await;
    // The same rule under another name of its protocol, together with a new one.
    let mixed = [
        ("IpPermissions.1.IpProtocol", "6"),
        SSH[1],
        SSH[2],
        ("IpPermissions.1.IpRanges.1.CidrIp", "192.168.0.0/16"),
        ("IpPermissions.1.IpRanges.2.CidrIp", "10.0.0.0/8"),
    ];
    ec2.fails("AuthorizeSecurityGroupIngress", &of(&group, &mixed), "InvalidPermission.Duplicate").await;
    let shown = ec2.ok("DescribeSecurityGroups", &[("GroupId.1", &group)]).await;
    assert_eq!(elements(&element(&shown, "ipPermissions"), "cidrIp"), ["10.0.0.0/8"]);
}

#[tokio::test]
async fn rules_are_revoked_by_content_or_id() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let group = ec2.group(&vpc, "nodes").await;
    ec2.fails("RevokeSecurityGroupIngress", &of(&group, &SSH), "InvalidPermission.NotFound").await;
    ec2.ok("AuthorizeSecurityGroupIngress", &of(&group, &SSH)).await;
    ec2.ok("RevokeSecurityGroupIngress", &of(&group, &SSH)).await;
    let filter = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", group.as_str())];
    let rest = ec2.ok("DescribeSecurityGroupRules", &filter).await;
    assert_eq!(elements(&rest, "isEgress"), ["true"], "the rule that every group starts with");
    let rule = element(&rest, "securityGroupRuleId");
    let by_id = of(&group, &[("SecurityGroupRuleId.1", &rule)]);
    ec2.fails("RevokeSecurityGroupIngress", &by_id, "InvalidSecurityGroupRuleId.NotFound").await;
    ec2.ok("RevokeSecurityGroupEgress", &by_id).await;
    ec2.fails("RevokeSecurityGroupEgress", &by_id, "InvalidSecurityGroupRuleId.NotFound").await;
}

#[tokio::test]
async fn bad_rules_are_refused() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let group = ec2.group(&vpc, "nodes").await;
    for (name, value) in [
        ("IpPermissions.1.IpProtocol", "carrier-pigeon"),
        ("IpPermissions.1.FromPort", "70000"),
        ("IpPermissions.1.FromPort", "23"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "everywhere"),
    ] {
        let mut rule = of(&group, &SSH);
        rule.retain(|(present, _)| *present != name);
        rule.push((name, value));
        ec2.fails("AuthorizeSecurityGroupIngress", &rule, "InvalidParameterValue").await;
    }
    ec2.fails("AuthorizeSecurityGroupIngress", &[("GroupId", &group)], "MissingParameter").await;
    let other = ec2.group(&ec2.vpc().await, "nodes").await;
    let foreign =
        [("IpPermissions.1.IpProtocol", "-1"), ("IpPermissions.1.Groups.1.GroupId", other.as_str())];
    ec2.fails("AuthorizeSecurityGroupIngress", &of(&group, &foreign), "InvalidGroup.NotFound").await;
}

#[tokio::test]
async fn names_are_unique_in_a_vpc_and_some_are_reserved() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    ec2.group(&vpc, "nodes").await;
    let create = |name| [("GroupName", name), ("GroupDescription", "d"), ("VpcId", vpc.as_str())];
    ec2.fails("CreateSecurityGroup", &create("nodes"), "InvalidGroup.Duplicate").await;
    ec2.fails("CreateSecurityGroup", &create("default"), "InvalidGroup.Reserved").await;
    ec2.fails("CreateSecurityGroup", &create("sg-1"), "InvalidParameterValue").await;
    ec2.fails("CreateSecurityGroup", &create("schön"), "InvalidParameterValue").await;
    ec2.group(&ec2.vpc().await, "nodes").await;
}

#[tokio::test]
async fn a_group_in_use_cannot_be_deleted() {
    let ec2 = ec2();
    let Network { vpc, subnet, .. } = ec2.network().await;
    let (group, other) = (ec2.group(&vpc, "nodes").await, ec2.group(&vpc, "other").await);
    let machine = element(&ec2.run(&subnet, &[("SecurityGroupId.1", &group)]).await, "instanceId");
    let refer = [("IpPermissions.1.IpProtocol", "-1"), ("IpPermissions.1.Groups.1.GroupId", group.as_str())];
    ec2.ok("AuthorizeSecurityGroupIngress", &of(&other, &refer)).await;
    ec2.fails("DeleteSecurityGroup", &[("GroupId", &group)], "DependencyViolation").await;
    ec2.ok("TerminateInstances", &[("InstanceId.1", &machine)]).await;
    ec2.fails("DeleteSecurityGroup", &[("GroupId", &group)], "DependencyViolation").await;
    ec2.ok("RevokeSecurityGroupIngress", &of(&other, &refer)).await;
    ec2.ok("DeleteSecurityGroup", &[("GroupId", &group)]).await;
    ec2.fails("DeleteSecurityGroup", &[("GroupId", &group)], "InvalidGroup.NotFound").await;
}
