//! Settings of buckets.

use std::collections::BTreeSet;

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx, bucket_policy,
    state::{Settings, Versioning, custom_error, error},
};

/// What every new bucket has: no public access, no access control lists.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>
pub(super) fn initial(ownership: Option<dto::ObjectOwnership>) -> Settings {
    let enforced = || dto::ObjectOwnership::from_static(dto::ObjectOwnership::BUCKET_OWNER_ENFORCED);
    let rule = dto::OwnershipControlsRule { object_ownership: ownership.unwrap_or_else(enforced) };
    Settings {
        public_access: Some(dto::PublicAccessBlockConfiguration {
            block_public_acls: Some(true),
            block_public_policy: Some(true),
            ignore_public_acls: Some(true),
            restrict_public_buckets: Some(true),
        }),
        ownership: Some(dto::OwnershipControls { rules: vec![rule] }),
        ..Settings::default()
    }
}

pub(super) fn get_versioning(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetBucketVersioningInput>,
) -> S3Result<dto::GetBucketVersioningOutput> {
    let status = match cx.bucket(&request.input.bucket)?.versioning {
        Versioning::Off => None,
        Versioning::Enabled => Some(dto::BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(dto::BucketVersioningStatus::SUSPENDED),
    };
    let status = status.map(dto::BucketVersioningStatus::from_static);
    Ok(dto::GetBucketVersioningOutput { status, mfa_delete: None })
}

pub(super) fn put_versioning(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutBucketVersioningInput>,
) -> S3Result<dto::PutBucketVersioningOutput> {
    let status = request.input.versioning_configuration.status;
    let bucket = cx.bucket(&request.input.bucket)?;
    bucket.versioning = match status.as_ref().map(dto::BucketVersioningStatus::as_str) {
        Some(dto::BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(dto::BucketVersioningStatus::SUSPENDED) if bucket.settings.lock.is_some() => {
            let message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
            return Err(error(S3ErrorCode::InvalidBucketState, message));
        }
        Some(dto::BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => {
            let message = "The Versioning element must be specified with Enabled or Suspended";
            return Err(error(S3ErrorCode::IllegalVersioningConfigurationException, message));
        }
    };
    Ok(dto::PutBucketVersioningOutput::default())
}

/// Every bucket is encrypted with AES256 unless somebody chose otherwise.
pub(super) fn get_encryption(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetBucketEncryptionInput>,
) -> S3Result<dto::GetBucketEncryptionOutput> {
    let set = cx.bucket(&request.input.bucket)?.settings.encryption.clone();
    Ok(dto::GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(set.unwrap_or_else(aes256)),
    })
}

fn aes256() -> dto::ServerSideEncryptionConfiguration {
    let by_default = dto::ServerSideEncryptionByDefault {
        sse_algorithm: dto::ServerSideEncryption::from_static(dto::ServerSideEncryption::AES256),
        kms_master_key_id: None,
    };
    dto::ServerSideEncryptionConfiguration {
        rules: vec![dto::ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(by_default),
            bucket_key_enabled: Some(false),
        }],
    }
}

pub(super) fn put_encryption(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutBucketEncryptionInput>,
) -> S3Result<dto::PutBucketEncryptionOutput> {
    let input = request.input;
    let configuration = input.server_side_encryption_configuration;
    let [rule] = configuration.rules.as_slice() else { return Err(malformed()) };
    let by_default = rule.apply_server_side_encryption_by_default.as_ref();
    let known = ["AES256", "aws:kms", "aws:kms:dsse"];
    if by_default.is_some_and(|by_default| !known.contains(&by_default.sse_algorithm.as_str())) {
        return Err(malformed());
    }
    if by_default.is_some_and(|by_default| {
        by_default.sse_algorithm.as_str() == "AES256" && by_default.kms_master_key_id.is_some()
    }) {
        let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms";
        return Err(error(S3ErrorCode::InvalidArgument, message));
    }
    cx.bucket(&input.bucket)?.settings.encryption = Some(configuration);
    Ok(dto::PutBucketEncryptionOutput::default())
}

pub(super) fn delete_encryption(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteBucketEncryptionInput>,
) -> S3Result<dto::DeleteBucketEncryptionOutput> {
    cx.bucket(&request.input.bucket)?.settings.encryption = None;
    Ok(dto::DeleteBucketEncryptionOutput::default())
}

pub(super) fn get_public_access(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetPublicAccessBlockInput>,
) -> S3Result<dto::GetPublicAccessBlockOutput> {
    let set = cx.bucket(&request.input.bucket)?.settings.public_access.clone();
    let set = set.ok_or_else(|| {
        let message = "The public access block configuration was not found";
        custom_error("NoSuchPublicAccessBlockConfiguration", StatusCode::NOT_FOUND, message)
    })?;
    Ok(dto::GetPublicAccessBlockOutput { public_access_block_configuration: Some(set) })
}

pub(super) fn put_public_access(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutPublicAccessBlockInput>,
) -> S3Result<dto::PutPublicAccessBlockOutput> {
    let input = request.input;
    let asked = input.public_access_block_configuration;
    let whole = |setting: Option<bool>| Some(setting.unwrap_or(false));
    cx.bucket(&input.bucket)?.settings.public_access = Some(dto::PublicAccessBlockConfiguration {
        block_public_acls: whole(asked.block_public_acls),
        block_public_policy: whole(asked.block_public_policy),
        ignore_public_acls: whole(asked.ignore_public_acls),
        restrict_public_buckets: whole(asked.restrict_public_buckets),
    });
    Ok(dto::PutPublicAccessBlockOutput::default())
}

pub(super) fn delete_public_access(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeletePublicAccessBlockInput>,
) -> S3Result<dto::DeletePublicAccessBlockOutput> {
    cx.bucket(&request.input.bucket)?.settings.public_access = None;
    Ok(dto::DeletePublicAccessBlockOutput::default())
}

pub(super) fn get_policy(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetBucketPolicyInput>,
) -> S3Result<dto::GetBucketPolicyOutput> {
    let policy = cx.bucket(&request.input.bucket)?.settings.policy.clone();
    let missing = || error(S3ErrorCode::NoSuchBucketPolicy, "The bucket policy does not exist");
    Ok(dto::GetBucketPolicyOutput { policy: Some(policy.ok_or_else(missing)?) })
}

pub(super) fn put_policy(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutBucketPolicyInput>,
) -> S3Result<dto::PutBucketPolicyOutput> {
    let (input, partition) = (request.input, cx.visit.partition);
    let bucket = cx.bucket(&input.bucket)?;
    let public = bucket_policy::check(&input.policy, partition, &bucket.name)?;
    let blocked = bucket.settings.public_access.as_ref().and_then(|set| set.block_public_policy);
    if public && blocked == Some(true) {
        let message = "Access Denied: public policies are blocked by the BlockPublicPolicy block public access setting.";
        return Err(error(S3ErrorCode::AccessDenied, message));
    }
    bucket.settings.policy = Some(input.policy);
    Ok(dto::PutBucketPolicyOutput::default())
}

pub(super) fn delete_policy(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteBucketPolicyInput>,
) -> S3Result<dto::DeleteBucketPolicyOutput> {
    cx.bucket(&request.input.bucket)?.settings.policy = None;
    Ok(dto::DeleteBucketPolicyOutput::default())
}

pub(super) fn get_ownership(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetBucketOwnershipControlsInput>,
) -> S3Result<dto::GetBucketOwnershipControlsOutput> {
    let set = cx.bucket(&request.input.bucket)?.settings.ownership.clone();
    let missing = || {
        let message = "The bucket ownership controls were not found";
        error(S3ErrorCode::OwnershipControlsNotFoundError, message)
    };
    Ok(dto::GetBucketOwnershipControlsOutput { ownership_controls: Some(set.ok_or_else(missing)?) })
}

pub(super) fn put_ownership(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutBucketOwnershipControlsInput>,
) -> S3Result<dto::PutBucketOwnershipControlsOutput> {
    let input = request.input;
    if input.ownership_controls.rules.len() != 1 {
        return Err(malformed());
    }
    cx.bucket(&input.bucket)?.settings.ownership = Some(input.ownership_controls);
    Ok(dto::PutBucketOwnershipControlsOutput::default())
}

pub(super) fn delete_ownership(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteBucketOwnershipControlsInput>,
) -> S3Result<dto::DeleteBucketOwnershipControlsOutput> {
    cx.bucket(&request.input.bucket)?.settings.ownership = None;
    Ok(dto::DeleteBucketOwnershipControlsOutput::default())
}

pub(super) fn get_lifecycle(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetBucketLifecycleConfigurationInput>,
) -> S3Result<dto::GetBucketLifecycleConfigurationOutput> {
    let rules = cx.bucket(&request.input.bucket)?.settings.lifecycle.clone();
    let missing =
        || error(S3ErrorCode::NoSuchLifecycleConfiguration, "The lifecycle configuration does not exist");
    Ok(dto::GetBucketLifecycleConfigurationOutput {
        rules: Some(rules.ok_or_else(missing)?),
        transition_default_minimum_object_size: None,
    })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
pub(super) fn put_lifecycle(
    cx: &mut Cx<'_>,
    request: S3Request<dto::PutBucketLifecycleConfigurationInput>,
) -> S3Result<dto::PutBucketLifecycleConfigurationOutput> {
    let input = request.input;
    let mut rules = input.lifecycle_configuration.ok_or_else(malformed)?.rules;
    if rules.is_empty() || rules.len() > 1000 {
        return Err(malformed());
    }
    let mut names = BTreeSet::new();
    for rule in &mut rules {
        check_rule(rule)?;
        let name = rule.id.get_or_insert_with(|| cx.state.fresh_id().to_lowercase());
        if !names.insert(name.clone()) {
            return Err(error(
                S3ErrorCode::InvalidArgument,
                "Rule ID must be unique. Found same ID for more than one rule",
            ));
        }
    }
    cx.bucket(&input.bucket)?.settings.lifecycle = Some(rules);
    Ok(dto::PutBucketLifecycleConfigurationOutput::default())
}

fn check_rule(rule: &dto::LifecycleRule) -> S3Result<()> {
    let has_action = rule.expiration.is_some()
        || rule.noncurrent_version_expiration.is_some()
        || rule.abort_incomplete_multipart_upload.is_some()
        || rule.transitions.as_ref().is_some_and(|list| !list.is_empty())
        || rule.noncurrent_version_transitions.as_ref().is_some_and(|list| !list.is_empty());
    if !has_action {
        return Err(error(
            S3ErrorCode::InvalidRequest,
            "At least one action needs to be specified in a rule",
        ));
    }
    if rule.filter.is_some() == rule.prefix.is_some()
        || !matches!(rule.status.as_str(), "Enabled" | "Disabled")
    {
        return Err(malformed());
    }
    let days = [
        rule.expiration.as_ref().and_then(|expiration| expiration.days),
        rule.noncurrent_version_expiration.as_ref().and_then(|expiration| expiration.noncurrent_days),
        rule.abort_incomplete_multipart_upload.as_ref().and_then(|abort| abort.days_after_initiation),
    ];
    if days.into_iter().flatten().any(|days| days <= 0) {
        return Err(error(
            S3ErrorCode::InvalidArgument,
            "The number of days in a lifecycle action must be a positive integer",
        ));
    }
    let has_tags = rule.filter.as_ref().is_some_and(|filter| {
        filter.tag.is_some()
            || filter.and.as_ref().is_some_and(|and| and.tags.as_ref().is_some_and(|tags| !tags.is_empty()))
    });
    if has_tags && rule.abort_incomplete_multipart_upload.is_some() {
        let message = "AbortIncompleteMultipartUpload cannot be specified with Tags.";
        return Err(error(S3ErrorCode::InvalidRequest, message));
    }
    Ok(())
}

pub(super) fn delete_lifecycle(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteBucketLifecycleInput>,
) -> S3Result<dto::DeleteBucketLifecycleOutput> {
    cx.bucket(&request.input.bucket)?.settings.lifecycle = None;
    Ok(dto::DeleteBucketLifecycleOutput::default())
}

fn malformed() -> S3Error {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    error(S3ErrorCode::MalformedXML, message)
}
