import sys

import boto3
from botocore.exceptions import ClientError

image = sys.argv[1]
ec2 = boto3.client("ec2")


def code_of(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError("the call succeeded")


vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="eu-west-1a")["Subnet"]["SubnetId"]
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
group = ec2.create_security_group(VpcId=vpc, GroupName="nodes", Description="nodes")["GroupId"]
rule = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
assert code_of(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=rule) == "InvalidPermission.Duplicate"

request = {
    "ImageId": image,
    "InstanceType": "m5.large",
    "MinCount": 2,
    "MaxCount": 2,
    "ClientToken": "token",
    "SubnetId": subnet,
    "SecurityGroupIds": [group],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "node"}]}],
}
instances = [one["InstanceId"] for one in ec2.run_instances(**request)["Instances"]]
again = [one["InstanceId"] for one in ec2.run_instances(**request)["Instances"]]
assert sorted(instances) == sorted(again), (instances, again)
ec2.get_waiter("instance_running").wait(InstanceIds=instances)
pages = ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": "tag:Name", "Values": ["node"]}])
found = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
assert len(found) == 2 and all(one["VpcId"] == vpc for one in found), found
assert code_of(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"

ec2.terminate_instances(InstanceIds=instances)
ec2.get_waiter("instance_terminated").wait(InstanceIds=instances)
ec2.disassociate_route_table(AssociationId=association)
ec2.delete_route_table(RouteTableId=table)
ec2.delete_security_group(GroupId=group)
ec2.delete_subnet(SubnetId=subnet)
ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
ec2.delete_internet_gateway(InternetGatewayId=gateway)
ec2.delete_vpc(VpcId=vpc)
assert code_of(ec2.describe_vpcs, VpcIds=[vpc]) == "InvalidVpcID.NotFound"
