use super::*;

#[tokio::test]
async fn a_bucket_lives_and_dies() {
    let cloud = Cloud::with_bucket().await;
    let reply = cloud.send("HEAD /bkt", &[], "").await;
    assert_eq!(header(&reply, "x-amz-bucket-region"), "eu-west-1");
    assert_eq!(elements(&cloud.ok("GET /", &[], "").await, "Name"), ["bkt"].map(str::to_owned).to_vec());
    assert!(cloud.ok("GET /bkt?location", &[], "").await.contains(">eu-west-1</LocationConstraint>"));
    cloud.ok("PUT /bkt/key", &[], "x").await;
    assert_eq!(cloud.error("DELETE /bkt", &[], "").await, error(409, "BucketNotEmpty"));
    cloud.ok("DELETE /bkt/key", &[], "").await;
    cloud.ok("DELETE /bkt", &[], "").await;
    assert_eq!(cloud.error("GET /bkt", &[], "").await, error(404, "NoSuchBucket"));
    assert_eq!(cloud.send("HEAD /bkt", &[], "").await.status(), 404);
    assert!(cloud.s3.inventory().is_empty());
}

#[tokio::test]
async fn names_are_taken() {
    let mut cloud = Cloud::with_bucket().await;
    assert_eq!(cloud.error("PUT /bkt", &[], LOCATION).await, error(409, "BucketAlreadyOwnedByYou"));
    let foreign = super::super::state::Bucket::foreign("theirs", "eu-west-1", cloud.visit.now);
    super::super::lock(&cloud.s3.state).buckets.insert("theirs".to_owned(), foreign);
    assert_eq!(cloud.error("PUT /theirs", &[], LOCATION).await, error(409, "BucketAlreadyExists"));
    let owner = |id| [("x-amz-expected-bucket-owner", id)];
    cloud.ok("HEAD /bkt", &owner("123456789012"), "").await;
    assert_eq!(cloud.send("HEAD /bkt", &owner("111111111111"), "").await.status(), 403);
    assert_eq!(cloud.error("GET /theirs", &[], "").await, error(403, "AccessDenied"));
    assert_eq!(cloud.s3.inventory().len(), 1);
    cloud.visit.region = "us-east-1".to_owned();
    cloud.ok("PUT /mine", &[], "").await;
    cloud.ok("PUT /mine", &[], "").await;
    assert_eq!(cloud.error("PUT /UPPER", &[], "").await, error(400, "InvalidBucketName"));
}

#[tokio::test]
async fn location_constraints_go_with_the_endpoint() {
    let mut cloud = Cloud::new();
    assert_eq!(cloud.error("PUT /ccc", &[], "").await, error(400, "IllegalLocationConstraintException"));
    let other = LOCATION.replace("eu-west-1", "eu-north-1");
    assert_eq!(cloud.error("PUT /ccc", &[], &other).await, error(400, "IllegalLocationConstraintException"));
    cloud.visit.region = "us-east-1".to_owned();
    let same = LOCATION.replace("eu-west-1", "us-east-1");
    assert_eq!(cloud.error("PUT /ccc", &[], &same).await, error(400, "InvalidLocationConstraint"));
    cloud.ok("PUT /ccc", &[], &other).await;
    assert_eq!(cloud.error("GET /ccc", &[], "").await, error(301, "PermanentRedirect"));
}

#[tokio::test]
async fn a_bucket_elsewhere_redirects() {
    let mut cloud = Cloud::with_bucket().await;
    cloud.visit.region = "us-west-2".to_owned();
    let reply = cloud.send("GET /bkt?versioning", &[], "").await;
    let body = String::from_utf8(reply.body().to_vec()).unwrap();
    assert_eq!(reply.status(), 301);
    assert_eq!(header(&reply, "x-amz-bucket-region"), "eu-west-1");
    assert_eq!(element(&body, "Code"), "PermanentRedirect");
    assert_eq!(element(&body, "Endpoint"), "bkt.s3.eu-west-1.amazonaws.com");
    assert_eq!(element(&body, "Bucket"), "bkt");
    assert_eq!(element(&body, "RequestId"), "4442587FB7D0A2F9");
    assert!(!reply.headers().keys().any(|name| name.as_str().starts_with("x-sandbox")));
}

#[tokio::test]
async fn settings_are_kept() {
    let cloud = Cloud::with_bucket().await;
    assert!(cloud.ok("GET /bkt?encryption", &[], "").await.contains("<SSEAlgorithm>AES256</SSEAlgorithm>"));
    let kms = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
               <KMSMasterKeyID>k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
    cloud.ok("PUT /bkt?encryption", &[], kms).await;
    assert!(cloud.ok("GET /bkt?encryption", &[], "").await.contains("<KMSMasterKeyID>k</KMSMasterKeyID>"));
    let reply = cloud.send("PUT /bkt/key", &[], "x").await;
    assert_eq!(header(&reply, "x-amz-server-side-encryption"), "aws:kms");

    cloud.ok("DELETE /bkt?publicAccessBlock", &[], "").await;
    assert_eq!(
        cloud.error("GET /bkt?publicAccessBlock", &[], "").await.1,
        "NoSuchPublicAccessBlockConfiguration"
    );
    let block = "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>";
    cloud.ok("PUT /bkt?publicAccessBlock", &[], block).await;
    let block = cloud.ok("GET /bkt?publicAccessBlock", &[], "").await;
    assert_eq!(
        (element(&block, "BlockPublicPolicy"), element(&block, "BlockPublicAcls")),
        ("true".into(), "false".into())
    );

    assert_eq!(cloud.error("GET /bkt?tagging", &[], "").await, error(404, "NoSuchTagSet"));
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    cloud.ok("PUT /bkt?tagging", &[], tags).await;
    assert!(cloud.ok("GET /bkt?tagging", &[], "").await.contains("<Key>a</Key><Value>1</Value>"));
    assert_eq!(cloud.s3.inventory()[0].tags["a"], "1");
    assert_eq!(cloud.error("PUT /bkt?tagging", &[], "<Tagging>").await, error(400, "MalformedXML"));
    assert_eq!(cloud.error("GET /bkt?lifecycle", &[], "").await, error(404, "NoSuchLifecycleConfiguration"));
    assert_eq!(
        cloud.error("GET /bkt?object-lock", &[], "").await,
        error(404, "ObjectLockConfigurationNotFoundError")
    );
}

#[tokio::test]
async fn a_policy_denies_plain_http() {
    let mut cloud = Cloud::with_bucket().await;
    assert_eq!(cloud.error("GET /bkt?policy", &[], "").await, error(404, "NoSuchBucketPolicy"));
    assert_eq!(cloud.error("PUT /bkt?policy", &[], "no json").await, error(400, "MalformedPolicy"));
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",
        "Resource":["arn:aws:s3:::bkt","arn:aws:s3:::bkt/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    cloud.ok("PUT /bkt?policy", &[], policy).await;
    assert_eq!(cloud.ok("GET /bkt?policy", &[], "").await, policy);
    cloud.ok("PUT /bkt/key", &[], "x").await;
    cloud.visit.secure = false;
    assert_eq!(cloud.error("GET /bkt/key", &[], "").await, error(403, "AccessDenied"));
    assert_eq!(cloud.error("GET /bkt?list-type=2", &[], "").await, error(403, "AccessDenied"));
}

#[tokio::test]
async fn public_policies_can_be_blocked() {
    let cloud = Cloud::with_bucket().await;
    let open = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/*"}}"#;
    assert_eq!(cloud.error("PUT /bkt?policy", &[], open).await, error(403, "AccessDenied"));
    cloud.ok("DELETE /bkt?publicAccessBlock", &[], "").await;
    cloud.ok("PUT /bkt?policy", &[], open).await;
}

#[tokio::test]
async fn unknown_operations_are_said_to_be_so() {
    let cloud = Cloud::with_bucket().await;
    assert_eq!(cloud.error("GET /bkt?replication", &[], "").await, error(501, "NotImplemented"));
}

#[tokio::test]
async fn lifecycle_rules_work_on_the_clock() {
    let mut cloud = Cloud::with_bucket().await;
    let rule = |inner: &str| {
        format!(
            "<LifecycleConfiguration><Rule><ID>r</ID><Filter><Prefix>p/</Prefix></Filter><Status>Enabled</Status>{inner}</Rule></LifecycleConfiguration>"
        )
    };
    assert_eq!(cloud.error("PUT /bkt?lifecycle", &[], &rule("")).await, error(400, "InvalidRequest"));
    let rules = rule(
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>\
         <Expiration><Days>2</Days></Expiration>",
    );
    cloud.ok("PUT /bkt?lifecycle", &[], &rules).await;
    assert!(
        cloud
            .ok("GET /bkt?lifecycle", &[], "")
            .await
            .contains("<DaysAfterInitiation>7</DaysAfterInitiation>")
    );
    let upload = element(&cloud.ok("POST /bkt/p/big?uploads", &[], "").await, "UploadId");
    cloud.ok("PUT /bkt/p/old", &[], "x").await;
    cloud.ok("PUT /bkt/other", &[], "x").await;
    cloud.wait(DAY * 2);
    cloud.ok("GET /bkt/p/old", &[], "").await;
    cloud.wait(DAY);
    assert_eq!(cloud.error("GET /bkt/p/old", &[], "").await, error(404, "NoSuchKey"));
    cloud.ok("GET /bkt/other", &[], "").await;
    let uploads = cloud.ok("GET /bkt?uploads", &[], "").await;
    assert_eq!(element(&uploads, "UploadId"), upload);
    cloud.wait(DAY * 5);
    assert!(elements(&cloud.ok("GET /bkt?uploads", &[], "").await, "UploadId").is_empty());
}
