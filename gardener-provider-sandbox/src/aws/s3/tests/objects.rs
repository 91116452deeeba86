use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let cloud = Cloud::with_bucket().await;
    let headers = [
        ("content-type", "text/plain"),
        ("cache-control", "no-cache"),
        ("x-amz-meta-purpose", "test"),
        ("x-amz-tagging", "a=1&b=x%20y"),
    ];
    let reply = cloud.send("PUT /bkt/dir/k%20%C3%A9", &headers, "hello").await;
    assert_eq!(header(&reply, "etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(header(&reply, "x-amz-server-side-encryption"), "AES256");
    let reply = cloud.send("GET /bkt/dir/k%20%C3%A9", &[], "").await;
    assert_eq!(reply.body(), "hello");
    for (name, value) in [
        ("content-type", "text/plain"),
        ("cache-control", "no-cache"),
        ("x-amz-meta-purpose", "test"),
        ("content-length", "5"),
        ("accept-ranges", "bytes"),
        ("x-amz-tagging-count", "2"),
        ("last-modified", "Fri, 15 Jan 2027 08:00:00 GMT"),
    ] {
        assert_eq!(header(&reply, name), value, "{name}");
    }
    let reply = cloud.send("HEAD /bkt/dir/k%20%C3%A9", &[], "").await;
    assert_eq!((header(&reply, "content-length"), reply.body().len()), ("5", 0));
    assert_eq!(cloud.send("HEAD /bkt/none", &[], "").await.status(), 404);
    assert_eq!(cloud.error("GET /bkt/none", &[], "").await, error(404, "NoSuchKey"));
}

#[tokio::test]
async fn ranges() {
    let cloud = Cloud::with_bucket().await;
    cloud.ok("PUT /bkt/k", &[], "0123456789").await;
    for (range, body, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=8-", "89", "bytes 8-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=5-100", "56789", "bytes 5-9/10"),
    ] {
        let reply = cloud.send("GET /bkt/k", &[("range", range)], "").await;
        assert_eq!((reply.status().as_u16(), &reply.body()[..]), (206, body.as_bytes()), "{range}");
        assert_eq!(header(&reply, "content-range"), content_range);
    }
    assert_eq!(cloud.error("GET /bkt/k", &[("range", "bytes=10-")], "").await, error(416, "InvalidRange"));
}

#[tokio::test]
async fn conditional_writes() {
    let cloud = Cloud::with_bucket().await;
    let absent = [("if-none-match", "*")];
    let e_tag = header(&cloud.send("PUT /bkt/k", &absent, "one").await, "etag").to_owned();
    assert_eq!(cloud.error("PUT /bkt/k", &absent, "two").await, error(412, "PreconditionFailed"));
    assert_eq!(
        cloud.error("PUT /bkt/k", &[("if-match", "\"other\"")], "two").await,
        error(412, "PreconditionFailed")
    );
    assert_eq!(cloud.error("PUT /bkt/none", &[("if-match", &e_tag)], "two").await, error(404, "NoSuchKey"));
    cloud.ok("PUT /bkt/k", &[("if-match", &e_tag)], "two").await;
    assert_eq!(cloud.ok("GET /bkt/k", &[], "").await, "two");
}

#[tokio::test]
async fn conditional_reads() {
    let cloud = Cloud::with_bucket().await;
    let e_tag = header(&cloud.send("PUT /bkt/k", &[], "one").await, "etag").to_owned();
    let reply = cloud.send("GET /bkt/k", &[("if-none-match", &e_tag)], "").await;
    assert_eq!(
        (reply.status().as_u16(), reply.body().len(), header(&reply, "etag")),
        (304, 0, e_tag.as_str())
    );
    assert_eq!(
        cloud.error("GET /bkt/k", &[("if-match", "\"other\"")], "").await,
        error(412, "PreconditionFailed")
    );
    let (same, before) = ("Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2027 07:59:59 GMT");
    assert_eq!(cloud.send("GET /bkt/k", &[("if-modified-since", same)], "").await.status(), 304);
    assert_eq!(cloud.ok("GET /bkt/k", &[("if-modified-since", before)], "").await, "one");
    assert_eq!(cloud.ok("GET /bkt/k", &[("if-unmodified-since", same)], "").await, "one");
    assert_eq!(cloud.send("GET /bkt/k", &[("if-unmodified-since", before)], "").await.status(), 412);
}

#[tokio::test]
async fn digests_are_verified() {
    let cloud = Cloud::with_bucket().await;
    let sum = |algorithm: &str| {
        super::super::digest::get(&super::super::digest::of(algorithm, b"hello"), algorithm).unwrap()
    };
    cloud.ok("PUT /bkt/k", &[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")], "hello").await;
    assert_eq!(
        cloud.error("PUT /bkt/k", &[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")], "x").await,
        error(400, "BadDigest")
    );
    assert_eq!(
        cloud.error("PUT /bkt/k", &[("content-md5", "short")], "x").await,
        error(400, "InvalidDigest")
    );
    for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
        let name = format!("x-amz-checksum-{}", algorithm.to_lowercase());
        let sum = sum(algorithm);
        let reply = cloud.send("PUT /bkt/k", &[(&name, &sum)], "hello").await;
        assert_eq!((reply.status().as_u16(), header(&reply, &name)), (200, sum.as_str()));
        let reply = cloud.send("GET /bkt/k", &[("x-amz-checksum-mode", "ENABLED")], "").await;
        assert_eq!(header(&reply, &name), sum);
        assert_eq!(
            cloud.error("PUT /bkt/k", &[(&name, &sum)], "x").await,
            error(400, "BadDigest"),
            "{algorithm}"
        );
    }
    let sent = "0".repeat(64);
    let wrong = cloud.error("PUT /bkt/k", &[("x-amz-content-sha256", &sent)], "x").await;
    assert_eq!(wrong, error(400, "XAmzContentSHA256Mismatch"));
}

#[tokio::test]
async fn chunked_uploads_arrive_whole() {
    let cloud = Cloud::with_bucket().await;
    let sum = super::super::digest::of("CRC32", b"hello more").checksum_crc32.unwrap();
    let headers = [
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", "10"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("content-encoding", "aws-chunked"),
    ];
    let body = format!("6\r\nhello \r\n4\r\nmore\r\n0\r\nx-amz-checksum-crc32:{sum}\r\n\r\n");
    cloud.ok("PUT /bkt/k", &headers, &body).await;
    let reply = cloud.send("GET /bkt/k", &[], "").await;
    assert_eq!((&reply.body()[..], header(&reply, "content-encoding")), (&b"hello more"[..], ""));
    let cut = body.replace("more", "m0re");
    assert_eq!(cloud.error("PUT /bkt/k", &headers, &cut).await, error(400, "BadDigest"));
}

#[tokio::test]
async fn customer_keys_are_needed_to_read() {
    let cloud = Cloud::with_bucket().await;
    let key = |byte: u8| {
        let key = [byte; 32];
        (STANDARD.encode(key), super::super::digest::md5_base64(&key))
    };
    let headers = |key: &(String, String)| {
        [
            ("x-amz-server-side-encryption-customer-algorithm", "AES256".to_owned()),
            ("x-amz-server-side-encryption-customer-key", key.0.clone()),
            ("x-amz-server-side-encryption-customer-key-md5", key.1.clone()),
        ]
    };
    let (right, wrong) = (headers(&key(1)), headers(&key(2)));
    let right: Vec<_> = right.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let wrong: Vec<_> = wrong.iter().map(|(name, value)| (*name, value.as_str())).collect();
    cloud.ok("PUT /bkt/k", &right, "secret").await;
    assert_eq!(cloud.ok("GET /bkt/k", &right, "").await, "secret");
    assert_eq!(cloud.error("GET /bkt/k", &wrong, "").await, error(403, "AccessDenied"));
    assert_eq!(cloud.error("GET /bkt/k", &[], "").await, error(400, "InvalidRequest"));
}

#[tokio::test]
async fn copies() {
    let cloud = Cloud::with_bucket().await;
    cloud.ok("PUT /bkt/from", &[("x-amz-meta-a", "1"), ("x-amz-tagging", "t=1")], "text").await;
    let copied = cloud.ok("PUT /bkt/to", &[("x-amz-copy-source", "/bkt/from")], "").await;
    assert!(element(&copied, "ETag").contains("1cb251ec0d568de6a929b520c4aed8d1"), "{copied}");
    let reply = cloud.send("GET /bkt/to", &[], "").await;
    assert_eq!((&reply.body()[..], header(&reply, "x-amz-meta-a")), (&b"text"[..], "1"));
    assert!(cloud.ok("GET /bkt/to?tagging", &[], "").await.contains("<Key>t</Key>"));
    let onto_itself = [("x-amz-copy-source", "bkt/to")];
    assert_eq!(cloud.error("PUT /bkt/to", &onto_itself, "").await, error(400, "InvalidRequest"));
    let replaced =
        [("x-amz-copy-source", "bkt/to"), ("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-b", "2")];
    cloud.ok("PUT /bkt/to", &replaced, "").await;
    let reply = cloud.send("HEAD /bkt/to", &[], "").await;
    assert_eq!((header(&reply, "x-amz-meta-a"), header(&reply, "x-amz-meta-b")), ("", "2"));
    assert_eq!(
        cloud.error("PUT /bkt/x", &[("x-amz-copy-source", "/bkt/none")], "").await,
        error(404, "NoSuchKey")
    );
    let unmet = [("x-amz-copy-source", "/bkt/from"), ("x-amz-copy-source-if-match", "\"no\"")];
    assert_eq!(cloud.error("PUT /bkt/x", &unmet, "").await, error(412, "PreconditionFailed"));
}

#[tokio::test]
async fn tags_of_objects() {
    let cloud = Cloud::with_bucket().await;
    cloud.ok("PUT /bkt/k", &[], "x").await;
    let tags = |names: &[&str]| {
        let tags = names
            .iter()
            .map(|name| format!("<Tag><Key>{name}</Key><Value>v</Value></Tag>"))
            .collect::<Vec<_>>()
            .concat();
        format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
    };
    cloud.ok("PUT /bkt/k?tagging", &[], &tags(&["a", "b"])).await;
    assert_eq!(elements(&cloud.ok("GET /bkt/k?tagging", &[], "").await, "Key"), ["a", "b"]);
    assert_eq!(cloud.error("PUT /bkt/k?tagging", &[], &tags(&["a", "a"])).await, error(400, "InvalidTag"));
    let many = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
    assert_eq!(cloud.error("PUT /bkt/k?tagging", &[], &tags(&many)).await, error(400, "BadRequest"));
    cloud.ok("DELETE /bkt/k?tagging", &[], "").await;
    assert!(elements(&cloud.ok("GET /bkt/k?tagging", &[], "").await, "Key").is_empty());
}
