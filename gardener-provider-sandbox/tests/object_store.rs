//! The sandbox's S3 under object_store's own integration suite, in process.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportErrorKind};
use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions};
use http::Request;
use http_body_util::BodyExt;
use object_store::{
    ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt,
    aws::{AmazonS3, AmazonS3Builder, Checksum, S3CopyIfNotExists},
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
        HttpService,
    },
    integration,
};

const BUCKET: &str = "test-bucket";

#[derive(Debug, Clone)]
struct InProcess(Sandbox);

impl HttpConnector for InProcess {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for InProcess {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let reply = self.0.send(Request::from_parts(parts, body)).await.map_err(|error| {
            let kind = match error.kind {
                TransportErrorKind::Connect => HttpErrorKind::Connect,
                TransportErrorKind::Timeout => HttpErrorKind::Timeout,
                _ => HttpErrorKind::Interrupted,
            };
            HttpError::new(kind, error)
        })?;
        Ok(reply.map(HttpResponseBody::from))
    }
}

fn builder(sandbox: &Sandbox) -> AmazonS3Builder {
    let key = sandbox.aws().access_key();
    AmazonS3Builder::new()
        .with_bucket_name(BUCKET)
        .with_region("us-east-1")
        .with_access_key_id(&key.id)
        .with_secret_access_key(key.secret.expose())
        .with_http_connector(InProcess(sandbox.clone()))
}

/// A sandbox with an empty bucket, which object_store itself cannot create: a signed PUT of the empty key does.
async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(SandboxOptions::instant());
    let creator = builder(&sandbox).build().unwrap();
    let created = signed_put(&creator, &sandbox).await;
    assert_eq!(created, 200);
    sandbox
}

async fn signed_put(store: &AmazonS3, sandbox: &Sandbox) -> u16 {
    use object_store::signer::Signer;
    let lifetime = std::time::Duration::from_secs(60);
    let url =
        store.signed_url(http::Method::PUT, &object_store::path::Path::default(), lifetime).await.unwrap();
    let request = Request::put(url.as_str()).body(Bytes::new()).unwrap();
    sandbox.send(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_suite_passes() {
    let sandbox = sandbox().await;
    let store = builder(&sandbox).with_copy_if_not_exists(S3CopyIfNotExists::Multipart).build().unwrap();
    integration::put_get_delete_list(&store).await;
    integration::list_with_offset_exclusivity(&store).await;
    integration::get_opts(&store).await;
    integration::list_uses_directories_correctly(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::rename_and_copy(&store).await;
    integration::stream_get(&store).await;
    integration::put_get_attributes(&store).await;
    integration::list_paginated(&store, &store).await;
    integration::copy_if_not_exists(&store).await;
    integration::copy_rename_nonexistent_object(&store).await;
    integration::put_opts(&store, true).await;
}

#[tokio::test]
async fn the_multipart_suite_passes() {
    let sandbox = sandbox().await;
    let store = builder(&sandbox).build().unwrap();
    integration::multipart(&store, &store).await;
    integration::multipart_with_opts(&store, &store).await;
    integration::multipart_put_part_out_of_order(&store, &store).await;
    integration::multipart_race_condition(&store, true).await;
    integration::multipart_out_of_order(&store).await;
}

#[tokio::test]
async fn all_ways_to_address_and_sign_work() {
    let sandbox = sandbox().await;
    for builder in [
        builder(&sandbox).with_virtual_hosted_style_request(true),
        builder(&sandbox).with_unsigned_payload(true),
        builder(&sandbox).with_checksum_algorithm(Checksum::SHA256),
        builder(&sandbox).with_checksum_algorithm(Checksum::CRC64NVME),
    ] {
        integration::put_get_delete_list(&builder.build().unwrap()).await;
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let sandbox = sandbox().await;
    let store: Arc<dyn ObjectStore> =
        Arc::new(builder(&sandbox).with_secret_access_key("wrong").build().unwrap());
    let error = store.put(&"key".into(), "x".into()).await.unwrap_err();
    assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
}

#[tokio::test]
async fn faults_hit_the_calls_they_name() {
    let sandbox = sandbox().await;
    let store = builder(&sandbox).build().unwrap();
    sandbox.faults().add(Fault::throttled().on("s3", "PutObject").when("Key", "dir/*").times(1));
    store.put(&"dir/key".into(), "x".into()).await.unwrap();
    let calls = sandbox.journal().calls();
    let codes: Vec<_> =
        calls.iter().filter(|call| call.operation == "PutObject").map(|call| call.code.clone()).collect();
    assert_eq!(codes, [Some("SlowDown".to_owned()), None]);
}

#[tokio::test]
async fn an_upload_whose_last_reply_is_lost_can_be_completed_again() {
    let sandbox = sandbox().await;
    let store = builder(&sandbox).build().unwrap();
    sandbox.faults().add(Fault::reply_lost().on("s3", "CompleteMultipartUpload").times(1));
    let mut upload = store.put_multipart(&"key".into()).await.unwrap();
    upload.put_part("data".into()).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(store.get(&"key".into()).await.unwrap().bytes().await.unwrap(), "data");
}
