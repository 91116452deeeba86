use super::*;

const MIB: usize = 1024 * 1024;

async fn start(cloud: &Cloud) -> String {
    element(&cloud.ok("POST /bkt/big?uploads", &[("content-type", "x/y")], "").await, "UploadId")
}

async fn part(cloud: &Cloud, upload: &str, number: u32, data: Vec<u8>) -> String {
    let reply = cloud.send(&format!("PUT /bkt/big?partNumber={number}&uploadId={upload}"), &[], data).await;
    assert_eq!(reply.status(), 200, "{:?}", reply.body());
    header(&reply, "etag").to_owned()
}

fn list(parts: &[(u32, &str)]) -> String {
    let parts = parts
        .iter()
        .map(|(number, e_tag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{e_tag}</ETag></Part>"))
        .collect::<Vec<_>>()
        .concat();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

#[tokio::test]
async fn parts_become_one_object() {
    let cloud = Cloud::with_bucket().await;
    let upload = start(&cloud).await;
    let one = part(&cloud, &upload, 1, vec![b'a'; 5 * MIB]).await;
    let two = part(&cloud, &upload, 3, b"end".to_vec()).await;
    let parts = cloud.ok(&format!("GET /bkt/big?uploadId={upload}&max-parts=1"), &[], "").await;
    assert_eq!(
        (elements(&parts, "PartNumber"), element(&parts, "NextPartNumberMarker")),
        (vec!["1".to_owned()], "1".to_owned())
    );
    let rest = cloud.ok(&format!("GET /bkt/big?uploadId={upload}&part-number-marker=1"), &[], "").await;
    assert_eq!((element(&rest, "PartNumber"), element(&rest, "IsTruncated")), ("3".into(), "false".into()));
    assert_eq!(cloud.error("GET /bkt/big", &[], "").await, error(404, "NoSuchKey"));
    let done =
        cloud.ok(&format!("POST /bkt/big?uploadId={upload}"), &[], &list(&[(1, &one), (3, &two)])).await;
    assert!(element(&done, "ETag").contains("-2"), "{done}");
    let reply = cloud.send("GET /bkt/big", &[], "").await;
    assert_eq!((reply.body().len(), header(&reply, "content-type")), (5 * MIB + 3, "x/y"));
    assert!(reply.body().ends_with(b"aend"));
    let last = cloud.send("GET /bkt/big?partNumber=2", &[], "").await;
    assert_eq!((&last.body()[..], header(&last, "x-amz-mp-parts-count")), (&b"end"[..], "2"));
    let repeated =
        cloud.ok(&format!("POST /bkt/big?uploadId={upload}"), &[], &list(&[(1, &one), (3, &two)])).await;
    assert_eq!(repeated, done);
    let again = cloud.error(&format!("POST /bkt/big?uploadId={upload}"), &[], &list(&[(1, &one)])).await;
    assert_eq!(again, error(404, "NoSuchUpload"));
}

#[tokio::test]
async fn bad_lists_of_parts() {
    let cloud = Cloud::with_bucket().await;
    let upload = start(&cloud).await;
    let (one, two) =
        (part(&cloud, &upload, 1, b"a".to_vec()).await, part(&cloud, &upload, 2, b"b".to_vec()).await);
    let complete = format!("POST /bkt/big?uploadId={upload}");
    for (parts, code) in [
        (list(&[(1, &one), (2, &two)]), "EntityTooSmall"),
        (list(&[(2, &two), (1, &one)]), "InvalidPartOrder"),
        (list(&[(1, &two)]), "InvalidPart"),
        (list(&[(7, &one)]), "InvalidPart"),
        (list(&[]), "MalformedXML"),
    ] {
        assert_eq!(cloud.error(&complete, &[], &parts).await, error(400, code));
    }
    let number = format!("PUT /bkt/big?partNumber=10001&uploadId={upload}");
    assert_eq!(cloud.error(&number, &[], "x").await, error(400, "InvalidArgument"));
    cloud.ok("PUT /bkt/big", &[], "there").await;
    let absent = [("if-none-match", "*")];
    assert_eq!(cloud.error(&complete, &absent, &list(&[(2, &two)])).await, error(412, "PreconditionFailed"));
    cloud.ok(&complete, &[], &list(&[(2, &two)])).await;
}

#[tokio::test]
async fn uploads_are_listed_and_aborted() {
    let cloud = Cloud::with_bucket().await;
    let mut ids = Vec::new();
    for key in ["a/1", "a/2", "b"] {
        ids.push(element(&cloud.ok(&format!("POST /bkt/{key}?uploads"), &[], "").await, "UploadId"));
    }
    let page = cloud.ok("GET /bkt?uploads&max-uploads=1", &[], "").await;
    assert_eq!((element(&page, "UploadId"), element(&page, "IsTruncated")), (ids[0].clone(), "true".into()));
    let markers = format!(
        "&key-marker={}&upload-id-marker={}",
        element(&page, "NextKeyMarker"),
        element(&page, "NextUploadIdMarker")
    );
    let rest = cloud.ok(&format!("GET /bkt?uploads{markers}"), &[], "").await;
    assert_eq!(elements(&rest, "UploadId"), ids[1..]);
    let grouped = cloud.ok("GET /bkt?uploads&delimiter=/", &[], "").await;
    assert_eq!(elements(&grouped, "UploadId"), ids[2..]);
    cloud.ok(&format!("DELETE /bkt/b?uploadId={}", ids[2]), &[], "").await;
    assert_eq!(
        cloud.error(&format!("DELETE /bkt/b?uploadId={}", ids[2]), &[], "").await,
        error(404, "NoSuchUpload")
    );
    let gone = cloud.error(&format!("PUT /bkt/b?partNumber=1&uploadId={}", ids[2]), &[], "x").await;
    assert_eq!(gone, error(404, "NoSuchUpload"));
    cloud.ok("DELETE /bkt", &[], "").await;
}

#[tokio::test]
async fn checksums_of_parts_are_composed() {
    let cloud = Cloud::with_bucket().await;
    let upload = cloud.ok("POST /bkt/big?uploads", &[("x-amz-checksum-algorithm", "SHA256")], "").await;
    let upload = element(&upload, "UploadId");
    let sum = super::super::digest::of("SHA256", b"x").checksum_sha256.unwrap();
    let reply = cloud
        .send(
            &format!("PUT /bkt/big?partNumber=1&uploadId={upload}"),
            &[("x-amz-checksum-sha256", &sum)],
            "x",
        )
        .await;
    let e_tag = header(&reply, "etag").to_owned();
    assert_eq!(header(&reply, "x-amz-checksum-sha256"), sum);
    let done = cloud.ok(&format!("POST /bkt/big?uploadId={upload}"), &[], &list(&[(1, &e_tag)])).await;
    assert!(element(&done, "ChecksumSHA256").ends_with("-1"), "{done}");
    assert_eq!(element(&done, "ChecksumType"), "COMPOSITE");
}

#[tokio::test]
async fn parts_can_be_copied() {
    let cloud = Cloud::with_bucket().await;
    cloud.ok("PUT /bkt/from", &[], "0123456789").await;
    let upload = start(&cloud).await;
    let line = format!("PUT /bkt/big?partNumber=1&uploadId={upload}");
    let copied = cloud
        .ok(&line, &[("x-amz-copy-source", "bkt/from"), ("x-amz-copy-source-range", "bytes=2-4")], "")
        .await;
    let e_tag = element(&copied, "ETag").replace("&quot;", "\"");
    cloud.ok(&format!("POST /bkt/big?uploadId={upload}"), &[], &list(&[(1, &e_tag)])).await;
    assert_eq!(cloud.ok("GET /bkt/big", &[], "").await, "234");
}
