import boto3
from botocore.exceptions import ClientError

ec2, efs = boto3.client("ec2"), boto3.client("efs")
elb, elbv2 = boto3.client("elb"), boto3.client("elbv2")
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnets = [
    ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"]["SubnetId"]
    for n, zone in enumerate("ab")
]

system = efs.create_file_system(CreationToken="uid", Tags=[{"Key": "Name", "Value": "shoot"}])["FileSystemId"]
try:
    efs.create_file_system(CreationToken="uid")
    raise AssertionError("created twice")
except efs.exceptions.FileSystemAlreadyExists as error:
    assert error.response["FileSystemId"] == system, error.response
target = efs.create_mount_target(FileSystemId=system, SubnetId=subnets[0])["MountTargetId"]
assert efs.describe_mount_targets(FileSystemId=system)["MountTargets"][0]["VpcId"] == vpc
try:
    efs.delete_file_system(FileSystemId=system)
    raise AssertionError("deleted although in use")
except efs.exceptions.FileSystemInUse:
    pass

listener = {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 30080}
elb.create_load_balancer(
    LoadBalancerName="classic", Listeners=[listener], Subnets=subnets, Tags=[{"Key": "a", "Value": "1"}]
)
described = elb.describe_load_balancers()["LoadBalancerDescriptions"][0]
assert (described["LoadBalancerName"], described["VPCId"]) == ("classic", vpc), described
assert elb.describe_tags(LoadBalancerNames=["classic"])["TagDescriptions"][0]["Tags"] == [{"Key": "a", "Value": "1"}]
arn = elbv2.create_load_balancer(Name="second", Type="network", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
group = elbv2.create_target_group(Name="targets", Protocol="TCP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
action = {"Type": "forward", "TargetGroupArn": group}
elbv2.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=80, DefaultActions=[action])
try:
    ec2.delete_subnet(SubnetId=subnets[0])
    raise AssertionError("deleted although in use")
except ClientError as error:
    assert error.response["Error"]["Code"] == "DependencyViolation", error

elb.delete_load_balancer(LoadBalancerName="classic")
elbv2.delete_load_balancer(LoadBalancerArn=arn)
elbv2.delete_target_group(TargetGroupArn=group)
efs.delete_mount_target(MountTargetId=target)
efs.delete_file_system(FileSystemId=system)
for subnet in subnets:
    ec2.delete_subnet(SubnetId=subnet)
ec2.delete_vpc(VpcId=vpc)
