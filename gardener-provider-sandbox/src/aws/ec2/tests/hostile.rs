//! Nonsense from outside is answered like anything else; it never ends in a panic.

use super::*;

const OPERATIONS: [&str; 52] = [
    "AllocateAddress",
    "AssignIpv6Addresses",
    "AssociateAddress",
    "AssociateDhcpOptions",
    "AssociateRouteTable",
    "AssociateSubnetCidrBlock",
    "AssociateVpcCidrBlock",
    "AttachInternetGateway",
    "AuthorizeSecurityGroupIngress",
    "CreateDhcpOptions",
    "CreateEgressOnlyInternetGateway",
    "CreateNatGateway",
    "CreateNetworkInterface",
    "CreateRoute",
    "CreateRouteTable",
    "CreateSecurityGroup",
    "CreateSubnet",
    "CreateSubnetCidrReservation",
    "CreateTags",
    "CreateVpc",
    "CreateVpcEndpoint",
    "DeleteKeyPair",
    "DeleteTags",
    "DeleteVpc",
    "DeleteVpcEndpoints",
    "DescribeAddresses",
    "DescribeAvailabilityZones",
    "DescribeImages",
    "DescribeInstances",
    "DescribeInstanceTypes",
    "DescribeKeyPairs",
    "DescribeRegions",
    "DescribeSecurityGroupRules",
    "DescribeSecurityGroups",
    "DescribeTags",
    "DescribeVolumes",
    "DescribeVpcAttribute",
    "DisassociateAddress",
    "DisassociateVpcCidrBlock",
    "GetSubnetCidrReservations",
    "ImportKeyPair",
    "ModifyNetworkInterfaceAttribute",
    "ModifySubnetAttribute",
    "ModifyVpcAttribute",
    "ModifyVpcEndpoint",
    "ReleaseAddress",
    "ReplaceRoute",
    "RevokeSecurityGroupEgress",
    "RunInstances",
    "StopInstances",
    "TerminateInstances",
    "UnassignIpv6Addresses",
];

const NAMES: [&str; 36] = [
    "AllocationId",
    "AssociationId",
    "BlockDeviceMapping.1.Ebs.VolumeSize",
    "Cidr",
    "CidrBlock",
    "ClientToken",
    "DestinationCidrBlock",
    "DestinationIpv6CidrBlock",
    "DhcpConfiguration.1.Key",
    "Filter.1.Name",
    "Filter.1.Value.1",
    "GroupId",
    "InstanceId.1",
    "InstanceMarketOptions.SpotOptions.MaxPrice",
    "IpPermissions.1.FromPort",
    "IpPermissions.1.IpProtocol",
    "IpPermissions.1.Ipv6Ranges.1.CidrIpv6",
    "Ipv6AddressCount",
    "Ipv6CidrBlock",
    "Ipv6NetmaskLength",
    "Ipv6Prefix.1",
    "Ipv6PrefixCount",
    "MaxCount",
    "MaxResults",
    "MinCount",
    "NetworkInterface.1.DeviceIndex",
    "NetworkInterface.1.Ipv6PrefixCount",
    "NextToken",
    "PrivateIpAddress",
    "PublicKeyMaterial",
    "ResourceId.1",
    "SubnetId",
    "Tag.1.Key",
    "TagSpecification.99999999999.Tag.1.Key",
    "UserData",
    "VpcId",
];

const VALUES: [&str; 12] = [
    "",
    "-1",
    "0",
    "18446744073709551615",
    "99999999999999999999999999",
    "::/0",
    "0.0.0.0/0",
    "💥-💥",
    "\u{0}",
    "*\\?",
    "MTg0NDY3NDQwNzM3MDk1NTE2MTU",
    "<&>",
];

#[tokio::test]
async fn nonsense_is_answered() {
    let mut options = SandboxOptions::instant();
    options.aws.verify_signatures = false;
    let ec2 = with(options);
    let Network { vpc, subnet, .. } = ec2.network().await;
    let sane = [
        ("VpcId", vpc.as_str()),
        ("SubnetId", subnet.as_str()),
        ("ImageId", AMI),
        ("InstanceType", "m5.large"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ];
    for (row, action) in OPERATIONS.into_iter().enumerate() {
        for value in VALUES {
            let all: Vec<_> = NAMES.iter().map(|name| (*name, value)).collect();
            assert!(ec2.call(action, &all).await.status().as_u16() < 500, "{action} {value:?}");
        }
        for (column, name) in NAMES.into_iter().enumerate() {
            let value = VALUES[(row + column) % VALUES.len()];
            let mut parameters: Vec<_> = sane.into_iter().filter(|(sane, _)| *sane != name).collect();
            parameters.push((name, value));
            let status = ec2.call(action, &parameters).await.status().as_u16();
            assert!(status < 500, "{action} {name}={value:?}");
        }
    }
}
