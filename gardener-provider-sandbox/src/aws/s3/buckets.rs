//! Creating, finding and deleting buckets.

use std::sync::LazyLock;

use s3s::{S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx, lock, settings,
    state::{Bucket, Versioning, custom_error, error},
};

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
pub(super) fn create(
    cx: &mut Cx<'_>,
    request: S3Request<dto::CreateBucketInput>,
) -> S3Result<dto::CreateBucketOutput> {
    let input = request.input;
    let wanted =
        input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint);
    let region = location_of(wanted.as_ref().map(dto::BucketLocationConstraint::as_str), &cx.visit.region)?;
    let output = dto::CreateBucketOutput { location: Some(format!("/{}", input.bucket)) };
    if let Some(bucket) = cx.state.buckets.get(&input.bucket) {
        return existing(bucket, &cx.visit.region).map(|()| output);
    }
    let mut bucket = Bucket::new(&input.bucket, &region, cx.now());
    bucket.settings = settings::initial(input.object_ownership);
    if input.object_lock_enabled_for_bucket == Some(true) {
        bucket.versioning = Versioning::Enabled;
        bucket.settings.lock = Some(lock::enabled());
    }
    cx.state.buckets.insert(input.bucket, bucket);
    Ok(output)
}

/// The region that a location constraint means at this endpoint.
fn location_of(wanted: Option<&str>, region: &str) -> S3Result<String> {
    let illegal = |constraint: &str| {
        let message = format!(
            "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        Err(error(S3ErrorCode::IllegalLocationConstraintException, message))
    };
    match wanted.filter(|wanted| !wanted.is_empty()) {
        None if region == "us-east-1" => Ok(region.to_owned()),
        None => illegal("unspecified"),
        Some("us-east-1") => Err(error(
            S3ErrorCode::InvalidLocationConstraint,
            "The specified location-constraint is not valid",
        )),
        Some("EU") if matches!(region, "eu-west-1" | "us-east-1") => Ok("eu-west-1".to_owned()),
        // The endpoint of us-east-1 is the global one, which creates buckets everywhere.
        Some(wanted) if wanted == region || region == "us-east-1" => Ok(wanted.to_owned()),
        Some(wanted) => illegal(wanted),
    }
}

/// In us-east-1 creating one's own bucket again succeeds, everywhere else it is an error.
fn existing(bucket: &Bucket, region: &str) -> S3Result<()> {
    if bucket.foreign {
        let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                       system. Please select a different name and try again.";
        return Err(error(S3ErrorCode::BucketAlreadyExists, message));
    }
    if bucket.region == "us-east-1" && region == "us-east-1" {
        return Ok(());
    }
    let message = "Your previous request to create the named bucket succeeded and you already own it.";
    Err(error(S3ErrorCode::BucketAlreadyOwnedByYou, message))
}

pub(super) fn head(
    cx: &mut Cx<'_>,
    request: S3Request<dto::HeadBucketInput>,
) -> S3Result<dto::HeadBucketOutput> {
    let region = cx.bucket(&request.input.bucket)?.region.clone();
    Ok(dto::HeadBucketOutput { bucket_region: Some(region), ..Default::default() })
}

pub(super) fn delete(
    cx: &mut Cx<'_>,
    request: S3Request<dto::DeleteBucketInput>,
) -> S3Result<dto::DeleteBucketOutput> {
    let bucket = cx.bucket(&request.input.bucket)?;
    if !bucket.objects.is_empty() {
        let message = if bucket.versioning == Versioning::Off {
            "The bucket you tried to delete is not empty"
        } else {
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        };
        return Err(custom_error("BucketNotEmpty", http::StatusCode::CONFLICT, message));
    }
    cx.state.buckets.remove(&request.input.bucket);
    Ok(dto::DeleteBucketOutput::default())
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
pub(super) fn list(
    cx: &mut Cx<'_>,
    request: S3Request<dto::ListBucketsInput>,
) -> S3Result<dto::ListBucketsOutput> {
    let input = request.input;
    let limit = usize::try_from(input.max_buckets.unwrap_or(10_000)).unwrap_or(0);
    let prefix = input.prefix.unwrap_or_default();
    let after = input.continuation_token.unwrap_or_default();
    let mut found = cx.state.own().filter(|bucket| {
        bucket.name.starts_with(&prefix)
            && bucket.name > after
            && input.bucket_region.as_ref().is_none_or(|region| *region == bucket.region)
    });
    let buckets: Vec<dto::Bucket> = found.by_ref().take(limit).map(entry).collect();
    let more = found.next().is_some();
    let continuation_token = buckets.last().filter(|_| more).and_then(|bucket| bucket.name.clone());
    Ok(dto::ListBucketsOutput {
        buckets: Some(buckets),
        continuation_token,
        owner: Some(owner(cx)),
        prefix: (!prefix.is_empty()).then_some(prefix),
    })
}

fn entry(bucket: &Bucket) -> dto::Bucket {
    dto::Bucket {
        name: Some(bucket.name.clone()),
        creation_date: Some(bucket.created.into()),
        bucket_region: Some(bucket.region.clone()),
    }
}

pub(super) fn location(
    cx: &mut Cx<'_>,
    request: S3Request<dto::GetBucketLocationInput>,
) -> S3Result<dto::GetBucketLocationOutput> {
    let region = cx.bucket(&request.input.bucket)?.region.clone();
    // Buckets of us-east-1 have no location constraint.
    let region = if region == "us-east-1" { String::new() } else { region };
    Ok(dto::GetBucketLocationOutput { location_constraint: Some(region.into()) })
}

/// The account as S3 names it: its canonical user id.
pub(super) fn owner(cx: &Cx<'_>) -> dto::Owner {
    static SALT: LazyLock<String> = LazyLock::new(|| "canonical-user".repeat(2));
    let half = super::digest::md5_hex(cx.visit.account.as_bytes());
    let other = super::digest::md5_hex(format!("{}{}", *SALT, cx.visit.account).as_bytes());
    dto::Owner { id: Some(half + &other), display_name: None }
}
