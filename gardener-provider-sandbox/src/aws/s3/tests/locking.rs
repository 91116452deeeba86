use super::*;

const MD5_OF_X: (&str, &str) = ("content-md5", "ndTkYSaMgDT1yFZOFVxnpg==");

/// With a locked bucket `lck`, protected for ten days by default.
async fn locked(mode: &str) -> Cloud {
    let cloud = Cloud::new();
    cloud.ok("PUT /lck", &[("x-amz-bucket-object-lock-enabled", "true")], LOCATION).await;
    cloud.ok("PUT /lck?object-lock", &[], &rule(mode, "<Days>10</Days>")).await;
    cloud
}

fn rule(mode: &str, period: &str) -> String {
    format!(
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
         <Mode>{mode}</Mode>{period}</DefaultRetention></Rule></ObjectLockConfiguration>"
    )
}

async fn put(cloud: &Cloud) -> String {
    let reply = cloud.send("PUT /lck/k", &[MD5_OF_X], "x").await;
    assert_eq!(reply.status(), 200, "{:?}", reply.body());
    header(&reply, "x-amz-version-id").to_owned()
}

#[tokio::test]
async fn md5_of_the_fixture() {
    assert_eq!(super::super::digest::md5_base64(b"x"), MD5_OF_X.1);
}

#[tokio::test]
async fn compliance_cannot_be_lifted_before_its_time() {
    let mut cloud = locked("COMPLIANCE").await;
    let id = put(&cloud).await;
    let version = format!("DELETE /lck/k?versionId={id}");
    assert_eq!(cloud.error(&version, &[], "").await, error(403, "AccessDenied"));
    let bypass = [("x-amz-bypass-governance-retention", "true")];
    assert_eq!(cloud.error(&version, &bypass, "").await, error(403, "AccessDenied"));
    let reply = cloud.send("HEAD /lck/k", &[], "").await;
    assert_eq!(header(&reply, "x-amz-object-lock-mode"), "COMPLIANCE");
    assert_eq!(header(&reply, "x-amz-object-lock-retain-until-date"), "2027-01-25T08:00:00.000Z");
    cloud.ok("DELETE /lck/k", &[], "").await;
    cloud.wait(DAY * 10);
    cloud.ok(&version, &[], "").await;
}

#[tokio::test]
async fn governance_can_be_bypassed() {
    let cloud = locked("GOVERNANCE").await;
    let id = put(&cloud).await;
    let version = format!("DELETE /lck/k?versionId={id}");
    assert_eq!(cloud.error(&version, &[], "").await, error(403, "AccessDenied"));
    cloud.ok(&version, &[("x-amz-bypass-governance-retention", "true")], "").await;
}

#[tokio::test]
async fn batches_report_what_is_protected() {
    let cloud = locked("COMPLIANCE").await;
    let id = put(&cloud).await;
    let delete = format!("<Delete><Object><Key>k</Key><VersionId>{id}</VersionId></Object></Delete>");
    let md5 = super::super::digest::md5_base64(delete.as_bytes());
    let reply = cloud.ok("POST /lck?delete", &[("content-md5", &md5)], &delete).await;
    assert_eq!(element(&element(&reply, "Error"), "Code"), "AccessDenied");
}

#[tokio::test]
async fn uploads_to_locked_buckets_need_a_digest() {
    let cloud = locked("GOVERNANCE").await;
    assert_eq!(cloud.error("PUT /lck/k", &[], "x").await, error(400, "InvalidRequest"));
    let upload = element(&cloud.ok("POST /lck/k?uploads", &[], "").await, "UploadId");
    let part = format!("PUT /lck/k?partNumber=1&uploadId={upload}");
    assert_eq!(cloud.error(&part, &[], "x").await, error(400, "InvalidRequest"));
    cloud.ok(&part, &[MD5_OF_X], "x").await;
}

#[tokio::test]
async fn retention_of_one_object() {
    let cloud = locked("COMPLIANCE").await;
    put(&cloud).await;
    let retention = |mode: &str, until: &str| {
        format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>")
    };
    let got = cloud.ok("GET /lck/k?retention", &[], "").await;
    assert_eq!(element(&got, "RetainUntilDate"), "2027-01-25T08:00:00.000Z");
    let shorter = retention("COMPLIANCE", "2027-01-20T00:00:00Z");
    assert_eq!(cloud.error("PUT /lck/k?retention", &[], &shorter).await, error(403, "AccessDenied"));
    let weaker = retention("GOVERNANCE", "2027-02-20T00:00:00Z");
    assert_eq!(cloud.error("PUT /lck/k?retention", &[], &weaker).await, error(403, "AccessDenied"));
    cloud.ok("PUT /lck/k?retention", &[], &retention("COMPLIANCE", "2027-02-20T00:00:00Z")).await;
    let past = retention("COMPLIANCE", "2026-01-01T00:00:00Z");
    assert_eq!(cloud.error("PUT /lck/k?retention", &[], &past).await, error(400, "InvalidArgument"));
}

#[tokio::test]
async fn a_legal_hold_holds_until_it_is_lifted() {
    let mut cloud = locked("GOVERNANCE").await;
    let id = put(&cloud).await;
    cloud.ok("PUT /lck/k?legal-hold", &[], "<LegalHold><Status>ON</Status></LegalHold>").await;
    cloud.wait(DAY * 11);
    let version = format!("DELETE /lck/k?versionId={id}");
    assert_eq!(cloud.error(&version, &[], "").await, error(403, "AccessDenied"));
    cloud.ok("PUT /lck/k?legal-hold", &[], "<LegalHold><Status>OFF</Status></LegalHold>").await;
    cloud.ok(&version, &[], "").await;
}

#[tokio::test]
async fn configurations_are_checked() {
    let cloud = locked("GOVERNANCE").await;
    for (bad, code) in [
        (rule("SOMETHING", "<Days>1</Days>"), "MalformedXML"),
        (rule("GOVERNANCE", "<Days>1</Days><Years>1</Years>"), "MalformedXML"),
        (rule("GOVERNANCE", ""), "MalformedXML"),
        (rule("GOVERNANCE", "<Days>0</Days>"), "InvalidArgument"),
        ("<ObjectLockConfiguration></ObjectLockConfiguration>".to_owned(), "MalformedXML"),
    ] {
        assert_eq!(cloud.error("PUT /lck?object-lock", &[], &bad).await, error(400, code), "{bad}");
    }
    let suspend = versioning("Suspended");
    assert_eq!(cloud.error("PUT /lck?versioning", &[], &suspend).await, error(409, "InvalidBucketState"));
    let no_rule =
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
    cloud.ok("PUT /lck?object-lock", &[], no_rule).await;
    let plain = Cloud::with_bucket().await;
    let refused = plain.error("PUT /bkt?object-lock", &[], &rule("GOVERNANCE", "<Days>1</Days>")).await;
    assert_eq!(refused, error(409, "InvalidBucketState"));
    plain.ok("PUT /bkt?versioning", &[], &versioning("Enabled")).await;
    plain.ok("PUT /bkt?object-lock", &[], &rule("GOVERNANCE", "<Days>1</Days>")).await;
    let mode = ("x-amz-object-lock-mode", "GOVERNANCE");
    let unlocked = Cloud::with_bucket().await;
    assert_eq!(unlocked.error("PUT /bkt/k", &[mode, MD5_OF_X], "x").await, error(400, "InvalidRequest"));
}
