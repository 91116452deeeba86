//! An embedded cloud that speaks the wire protocols of EC2, IAM, STS and S3, with faults on demand.
