use gardener_provider_client::call::Idempotency;
use gardener_provider_client::fake::FakeTransport;
use gardener_provider_core::Region;
use http::Method;

use super::*;
use crate::{
    api::{ApiRequest, Operation, family, query::nothing},
    endpoints::Endpoints,
    testing::{builder, region, secret},
};

fn operation(service: Service) -> Operation<()> {
    let request = ApiRequest::new(service, "DoIt", family::STS, Method::POST, Idempotency::Once);
    Operation::new(request, nothing)
}

async fn failure(service: Service, script: &FakeTransport) -> Error {
    let session = builder(script).sessions().unwrap().get(&secret(), &region()).unwrap();
    session.run(&operation(service)).await.unwrap_err()
}

fn ec2_error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>m &amp; n</Message></Error>\
         </Errors><RequestID>r-1</RequestID></Response>"
    )
}

/// Each row of the table, as EC2 words it: kind, machine code and Gardener code are those of the row.
#[tokio::test(start_paused = true)]
async fn every_code_of_the_table_has_its_kind() {
    for (code, kind) in errors::CODES {
        let error = failure(Service::Ec2, &FakeTransport::new().reply(400, ec2_error(code))).await;
        assert_eq!(error.kind(), *kind, "{code}");
        assert_eq!(error.machine_code(), kind.machine_code(), "{code}");
        assert_eq!(error.gardener_code(), kind.gardener_code(), "{code}");
        assert_eq!(error.cloud_code(), Some(*code));
        assert_eq!((error.message(), error.request_id()), ("m & n", Some("r-1")));
        assert_eq!(error.operation(), Some("DoIt"));
    }
}

#[tokio::test(start_paused = true)]
async fn each_protocols_errors_are_read() {
    let query = "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>gone</Message>\
                 </Error><RequestId>q</RequestId></ErrorResponse>";
    for service in [Service::Iam, Service::Sts, Service::Elb, Service::ElbV2] {
        let error = failure(service, &FakeTransport::new().reply(404, query)).await;
        assert_eq!((error.kind(), error.request_id()), (ErrorKind::NotFound, Some("q")), "{service}");
    }
    let listed = query.replace("<Error>", "<Errors><Error>").replace("</Error>", "</Error></Errors>");
    assert_eq!(
        failure(Service::Iam, &FakeTransport::new().reply(404, listed)).await.kind(),
        ErrorKind::NotFound
    );
    let s3 = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>BucketNotEmpty</Code><Message>m</Message>\
              <BucketName>b</BucketName><RequestId>s</RequestId><HostId>h</HostId></Error>";
    let error = failure(Service::S3, &FakeTransport::new().reply(409, s3)).await;
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::DependencyViolation, Some("s")));
    let moved = "<Error><Code>PermanentRedirect</Code><Message>m</Message></Error>";
    let script = FakeTransport::new().reply_with(301, ("x-amz-bucket-region", "eu-north-1"), moved);
    let error = failure(Service::S3, &script).await;
    assert_eq!(error.message(), "the bucket is in region eu-north-1: m");
    let efs = r#"{"ErrorCode":"FileSystemInUse","Message":"in use"}"#;
    let script = FakeTransport::new().reply_with(409, ("x-amzn-errortype", "FileSystemInUse:http://x/"), efs);
    let error = failure(Service::Efs, &script).await;
    assert_eq!((error.kind(), error.message()), (ErrorKind::DependencyViolation, "in use"));
    let efs =
        failure(Service::Efs, &FakeTransport::new().reply(404, r#"{"__type":"a#FileSystemNotFound"}"#)).await;
    assert_eq!(efs.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn s3_may_fail_with_status_200() {
    let late = "   \n<Error><Code>InternalError</Code><Message>try again</Message></Error>";
    assert_eq!(
        failure(Service::S3, &FakeTransport::new().reply(200, late)).await.kind(),
        ErrorKind::Unavailable
    );
    let session = builder(&FakeTransport::new().reply(200, "<CopyObjectResult/>")).sessions().unwrap();
    session.get(&secret(), &region()).unwrap().run(&operation(Service::S3)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn replies_without_a_readable_error_go_by_status_and_headers() {
    let script = FakeTransport::new().reply_with(503, ("x-amz-request-id", "h-1"), "<html>proxy</html>");
    let error = failure(Service::Ec2, &script).await;
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::Unavailable, Some("h-1")));
    assert_eq!(error.message(), "the server answered 503 Service Unavailable");
    let error = failure(Service::S3, &FakeTransport::new().reply(403, "")).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let script = FakeTransport::new().reply_with(503, ("retry-after", "7"), "");
    let error = failure(Service::Ec2, &script).await;
    assert!(error.to_string().contains("503"), "{error}");
}

/// The signature of the official example, which other signers give too:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html> (GET bucket lifecycle).
#[tokio::test(start_paused = true)]
async fn the_signature_is_that_of_the_official_example() {
    #[derive(Debug)]
    struct Then;
    impl Clock for Then {
        fn now(&self) -> std::time::SystemTime {
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_369_353_600)
        }
        fn monotonic(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }
        fn sleep(&self, _: std::time::Duration) -> futures::future::BoxFuture<'static, ()> {
            Box::pin(futures::future::pending())
        }
    }
    let script = FakeTransport::new().reply(200, "");
    let secret = gardener_provider_core::SecretData::new()
        .with("accessKeyID", "AKIAIOSFODNN7EXAMPLE")
        .with("secretAccessKey", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let url = url::Url::parse("http://examplebucket.s3.amazonaws.com/").unwrap();
    let sessions =
        builder(&script).clock(Arc::new(Then)).endpoints(Endpoints::all_at(url)).sessions().unwrap();
    let session = sessions.get(&secret, &Region::new("us-east-1").unwrap()).unwrap();
    let mut operation = operation(Service::S3);
    operation.request.method = Method::GET;
    operation.request.query = vec![("lifecycle".to_owned(), String::new())];
    session.run(&operation).await.unwrap();
    let authorization = script.requests()[0].headers()["authorization"].to_str().unwrap().to_owned();
    assert_eq!(
        authorization,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
         Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    );
}
