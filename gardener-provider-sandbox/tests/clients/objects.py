import io
import os
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

s3 = boto3.client("s3")
bucket = "a-bucket"


def code_of(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError("the call succeeded")


location = {"LocationConstraint": "eu-west-1"}
s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
assert (
    code_of(s3.create_bucket, Bucket=bucket, CreateBucketConfiguration=location) == "BucketAlreadyOwnedByYou"
)

key = "dir/a b+é"
s3.put_object(Bucket=bucket, Key=key, Body=b"hello", Metadata={"x": "y"})
got = s3.get_object(Bucket=bucket, Key=key)
assert (got["Body"].read(), got["Metadata"]) == (b"hello", {"x": "y"})
assert s3.get_object(Bucket=bucket, Key=key, Range="bytes=1-2")["Body"].read() == b"el"
assert code_of(s3.put_object, Bucket=bucket, Key=key, Body=b"x", IfNoneMatch="*") == "PreconditionFailed"
assert code_of(s3.get_object, Bucket=bucket, Key="none") == "NoSuchKey"
assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="dir/")["Contents"]] == [key]

data = os.urandom(11 * 1024 * 1024)
parts = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024)
s3.upload_fileobj(io.BytesIO(data), bucket, "big", Config=parts)
assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')
back = io.BytesIO()
s3.download_fileobj(bucket, "big", back, Config=parts)
assert back.getvalue() == data

presigner = boto3.client("s3", config=Config(signature_version="s3v4"))
url = presigner.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
assert urllib.request.urlopen(url).read() == b"hello"

s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
for number in range(5):
    s3.put_object(Bucket=bucket, Key="versioned", Body=str(number).encode())
s3.delete_object(Bucket=bucket, Key="versioned")
rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == lock
s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})

assert code_of(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
removed = 0
for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}):
    entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
    objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in entries]
    assert "Errors" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    removed += len(objects)
assert removed == 8, removed
s3.delete_bucket(Bucket=bucket)
assert code_of(s3.head_bucket, Bucket=bucket) == "404"
