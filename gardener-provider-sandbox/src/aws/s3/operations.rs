//! The operations of S3, each with the function that carries it out.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
#[allow(clippy::wildcard_imports, reason = "some hundred generated request and reply types")]
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::{
    Cx, buckets, copy, delete, list, list_versions, lock, multipart, multipart_list, objects, settings,
    state::State, tagging,
};

pub(super) struct Operations {
    state: Arc<Mutex<State>>,
}

impl Operations {
    pub(super) fn new(state: Arc<Mutex<State>>) -> Self {
        Self { state }
    }
}

macro_rules! operations {
    ($($name:ident: $input:ident -> $output:ident = $function:path;)*) => {
        #[async_trait]
        impl S3 for Operations {
            $(
                async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    let mut cx = Cx::open(&self.state, &request)?;
                    $function(&mut cx, request).map(S3Response::new)
                }
            )*
        }
    };
}

operations! {
    create_bucket: CreateBucketInput -> CreateBucketOutput = buckets::create;
    head_bucket: HeadBucketInput -> HeadBucketOutput = buckets::head;
    delete_bucket: DeleteBucketInput -> DeleteBucketOutput = buckets::delete;
    list_buckets: ListBucketsInput -> ListBucketsOutput = buckets::list;
    get_bucket_location: GetBucketLocationInput -> GetBucketLocationOutput = buckets::location;

    get_bucket_versioning: GetBucketVersioningInput -> GetBucketVersioningOutput = settings::get_versioning;
    put_bucket_versioning: PutBucketVersioningInput -> PutBucketVersioningOutput = settings::put_versioning;
    get_bucket_encryption: GetBucketEncryptionInput -> GetBucketEncryptionOutput = settings::get_encryption;
    put_bucket_encryption: PutBucketEncryptionInput -> PutBucketEncryptionOutput = settings::put_encryption;
    delete_bucket_encryption: DeleteBucketEncryptionInput -> DeleteBucketEncryptionOutput = settings::delete_encryption;
    get_public_access_block: GetPublicAccessBlockInput -> GetPublicAccessBlockOutput = settings::get_public_access;
    put_public_access_block: PutPublicAccessBlockInput -> PutPublicAccessBlockOutput = settings::put_public_access;
    delete_public_access_block: DeletePublicAccessBlockInput -> DeletePublicAccessBlockOutput = settings::delete_public_access;
    get_bucket_policy: GetBucketPolicyInput -> GetBucketPolicyOutput = settings::get_policy;
    put_bucket_policy: PutBucketPolicyInput -> PutBucketPolicyOutput = settings::put_policy;
    delete_bucket_policy: DeleteBucketPolicyInput -> DeleteBucketPolicyOutput = settings::delete_policy;
    get_bucket_ownership_controls: GetBucketOwnershipControlsInput -> GetBucketOwnershipControlsOutput = settings::get_ownership;
    put_bucket_ownership_controls: PutBucketOwnershipControlsInput -> PutBucketOwnershipControlsOutput = settings::put_ownership;
    delete_bucket_ownership_controls: DeleteBucketOwnershipControlsInput -> DeleteBucketOwnershipControlsOutput = settings::delete_ownership;
    get_bucket_lifecycle_configuration: GetBucketLifecycleConfigurationInput -> GetBucketLifecycleConfigurationOutput = settings::get_lifecycle;
    put_bucket_lifecycle_configuration: PutBucketLifecycleConfigurationInput -> PutBucketLifecycleConfigurationOutput = settings::put_lifecycle;
    delete_bucket_lifecycle: DeleteBucketLifecycleInput -> DeleteBucketLifecycleOutput = settings::delete_lifecycle;

    get_bucket_tagging: GetBucketTaggingInput -> GetBucketTaggingOutput = tagging::get_bucket;
    put_bucket_tagging: PutBucketTaggingInput -> PutBucketTaggingOutput = tagging::put_bucket;
    delete_bucket_tagging: DeleteBucketTaggingInput -> DeleteBucketTaggingOutput = tagging::delete_bucket;
    get_object_tagging: GetObjectTaggingInput -> GetObjectTaggingOutput = tagging::get_object;
    put_object_tagging: PutObjectTaggingInput -> PutObjectTaggingOutput = tagging::put_object;
    delete_object_tagging: DeleteObjectTaggingInput -> DeleteObjectTaggingOutput = tagging::delete_object;

    get_object_lock_configuration: GetObjectLockConfigurationInput -> GetObjectLockConfigurationOutput = lock::get_configuration;
    put_object_lock_configuration: PutObjectLockConfigurationInput -> PutObjectLockConfigurationOutput = lock::put_configuration;
    get_object_retention: GetObjectRetentionInput -> GetObjectRetentionOutput = lock::get_retention;
    put_object_retention: PutObjectRetentionInput -> PutObjectRetentionOutput = lock::put_retention;
    get_object_legal_hold: GetObjectLegalHoldInput -> GetObjectLegalHoldOutput = lock::get_legal_hold;
    put_object_legal_hold: PutObjectLegalHoldInput -> PutObjectLegalHoldOutput = lock::put_legal_hold;

    put_object: PutObjectInput -> PutObjectOutput = objects::put;
    get_object: GetObjectInput -> GetObjectOutput = objects::get;
    head_object: HeadObjectInput -> HeadObjectOutput = objects::head;
    copy_object: CopyObjectInput -> CopyObjectOutput = copy::object;
    delete_object: DeleteObjectInput -> DeleteObjectOutput = delete::one;
    delete_objects: DeleteObjectsInput -> DeleteObjectsOutput = delete::many;

    list_objects: ListObjectsInput -> ListObjectsOutput = list::v1;
    list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output = list::v2;
    list_object_versions: ListObjectVersionsInput -> ListObjectVersionsOutput = list_versions::page;

    create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput = multipart::create;
    upload_part: UploadPartInput -> UploadPartOutput = multipart::upload;
    upload_part_copy: UploadPartCopyInput -> UploadPartCopyOutput = copy::part;
    complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput = multipart::complete;
    abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput = multipart::abort;
    list_parts: ListPartsInput -> ListPartsOutput = multipart_list::parts;
    list_multipart_uploads: ListMultipartUploadsInput -> ListMultipartUploadsOutput = multipart_list::uploads;
}
