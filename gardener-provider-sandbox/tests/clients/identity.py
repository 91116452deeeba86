import json

import boto3

iam, sts = boto3.client("iam"), boto3.client("sts")
account = sts.get_caller_identity()["Account"]
statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
trust = {"Version": "2012-10-17", "Statement": [statement]}
policy = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}],
}
role = iam.create_role(
    RoleName="nodes", AssumeRolePolicyDocument=json.dumps(trust), Tags=[{"Key": "a", "Value": "1"}]
)["Role"]
iam.get_waiter("role_exists").wait(RoleName="nodes")
assert iam.get_role(RoleName="nodes")["Role"]["AssumeRolePolicyDocument"] == trust
iam.put_role_policy(RoleName="nodes", PolicyName="p", PolicyDocument=json.dumps(policy))
assert iam.get_role_policy(RoleName="nodes", PolicyName="p")["PolicyDocument"] == policy
iam.create_instance_profile(InstanceProfileName="nodes")
iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="nodes")
profile = iam.get_instance_profile(InstanceProfileName="nodes")["InstanceProfile"]
assert [one["RoleName"] for one in profile["Roles"]] == ["nodes"], profile
for call, arguments in [
    (iam.delete_role, {"RoleName": "nodes"}),
    (iam.delete_instance_profile, {"InstanceProfileName": "nodes"}),
]:
    try:
        call(**arguments)
        raise AssertionError("deleted although in use")
    except iam.exceptions.DeleteConflictException:
        pass

credentials = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
session = boto3.client(
    "sts",
    aws_access_key_id=credentials["AccessKeyId"],
    aws_secret_access_key=credentials["SecretAccessKey"],
    aws_session_token=credentials["SessionToken"],
)
assert session.get_caller_identity()["Arn"] == f"arn:aws:sts::{account}:assumed-role/nodes/me"

iam.remove_role_from_instance_profile(InstanceProfileName="nodes", RoleName="nodes")
iam.delete_instance_profile(InstanceProfileName="nodes")
iam.delete_role_policy(RoleName="nodes", PolicyName="p")
iam.delete_role(RoleName="nodes")
try:
    iam.get_role(RoleName="nodes")
    raise AssertionError("the role is still there")
except iam.exceptions.NoSuchEntityException:
    pass
