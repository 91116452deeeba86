use super::*;

async fn put(cloud: &Cloud, key: &str, body: &str) -> String {
    let reply = cloud.send(&format!("PUT /bkt/{key}"), &[], body.to_owned()).await;
    header(&reply, "x-amz-version-id").to_owned()
}

#[tokio::test]
async fn versions_and_delete_markers() {
    let cloud = Cloud::with_versions().await;
    let (one, two) = (put(&cloud, "k", "one").await, put(&cloud, "k", "two").await);
    assert_eq!(cloud.ok("GET /bkt/k", &[], "").await, "two");
    assert_eq!(cloud.ok(&format!("GET /bkt/k?versionId={one}"), &[], "").await, "one");
    let reply = cloud.send("DELETE /bkt/k", &[], "").await;
    assert_eq!((reply.status().as_u16(), header(&reply, "x-amz-delete-marker")), (204, "true"));
    let marker = header(&reply, "x-amz-version-id").to_owned();
    let reply = cloud.send("GET /bkt/k", &[], "").await;
    assert_eq!((reply.status().as_u16(), header(&reply, "x-amz-delete-marker")), (404, "true"));
    let by_id = cloud.error(&format!("GET /bkt/k?versionId={marker}"), &[], "").await;
    assert_eq!(by_id, error(405, "MethodNotAllowed"));
    let list = cloud.ok("GET /bkt?versions", &[], "").await;
    assert_eq!(elements(&list, "VersionId"), [marker.clone(), two.clone(), one.clone()]);
    assert_eq!(elements(&list, "IsLatest"), ["true", "false", "false"]);
    assert!(elements(&cloud.ok("GET /bkt?list-type=2", &[], "").await, "Key").is_empty());
    assert_eq!(cloud.error("DELETE /bkt", &[], "").await, error(409, "BucketNotEmpty"));
    cloud.ok(&format!("DELETE /bkt/k?versionId={marker}"), &[], "").await;
    assert_eq!(cloud.ok("GET /bkt/k", &[], "").await, "two");
    for id in [one, two] {
        cloud.ok(&format!("DELETE /bkt/k?versionId={id}"), &[], "").await;
    }
    cloud.ok("DELETE /bkt", &[], "").await;
}

#[tokio::test]
async fn unknown_versions() {
    let cloud = Cloud::with_versions().await;
    put(&cloud, "k", "one").await;
    let id = "0123456789ABCDEF0123456789ABCDEF";
    assert_eq!(
        cloud.error(&format!("GET /bkt/k?versionId={id}"), &[], "").await,
        error(404, "NoSuchVersion")
    );
    cloud.ok(&format!("DELETE /bkt/k?versionId={id}"), &[], "").await;
    assert_eq!(cloud.error("DELETE /bkt/k?versionId=!", &[], "").await, error(400, "InvalidArgument"));
}

#[tokio::test]
async fn suspended_versioning_overwrites_only_null() {
    let cloud = Cloud::with_bucket().await;
    cloud.ok("PUT /bkt/k", &[], "unversioned").await;
    cloud.ok("PUT /bkt?versioning", &[], &versioning("Enabled")).await;
    let kept = put(&cloud, "k", "kept").await;
    cloud.ok("PUT /bkt?versioning", &[], &versioning("Suspended")).await;
    assert_eq!(put(&cloud, "k", "newest").await, "null");
    assert_eq!(cloud.ok("GET /bkt/k?versionId=null", &[], "").await, "newest");
    let list = cloud.ok("GET /bkt?versions", &[], "").await;
    assert_eq!(elements(&list, "VersionId"), ["null".to_owned(), kept]);
    assert_eq!(element(&cloud.ok("GET /bkt?versioning", &[], "").await, "Status"), "Suspended");
}

#[tokio::test]
async fn pages_of_versions_survive_deletion_of_what_was_listed() {
    let cloud = Cloud::with_versions().await;
    let mut expected = Vec::new();
    for key in ["a", "b", "c"] {
        let mut ids =
            vec![put(&cloud, key, "1").await, put(&cloud, key, "2").await, put(&cloud, key, "3").await];
        ids.reverse();
        expected.extend(ids.into_iter().map(|id| (key.to_owned(), id)));
    }
    let (mut found, mut marker) = (Vec::new(), String::new());
    loop {
        let page = cloud.ok(&format!("GET /bkt?versions&max-keys=2{marker}"), &[], "").await;
        let entries: Vec<_> = elements(&page, "Key").into_iter().zip(elements(&page, "VersionId")).collect();
        for (key, id) in &entries {
            cloud.ok(&format!("DELETE /bkt/{key}?versionId={id}"), &[], "").await;
        }
        found.extend(entries);
        if element(&page, "IsTruncated") == "false" {
            break;
        }
        let (key, id) = (element(&page, "NextKeyMarker"), element(&page, "NextVersionIdMarker"));
        marker = format!("&key-marker={key}&version-id-marker={id}");
    }
    assert_eq!(found, expected);
    assert_eq!(
        cloud.error("GET /bkt?versions&version-id-marker=x", &[], "").await,
        error(400, "InvalidArgument")
    );
}

#[tokio::test]
async fn batches_of_deletions() {
    let cloud = Cloud::with_versions().await;
    let id = put(&cloud, "k", "1").await;
    let delete = format!(
        "<Delete><Object><Key>k</Key><VersionId>{id}</VersionId></Object><Object><Key>none</Key></Object></Delete>"
    );
    assert_eq!(cloud.error("POST /bkt?delete", &[], &delete).await, error(400, "InvalidRequest"));
    let md5 = super::super::digest::md5_base64(delete.as_bytes());
    let reply = cloud.ok("POST /bkt?delete", &[("content-md5", &md5)], &delete).await;
    assert_eq!(elements(&reply, "Deleted").len(), 2);
    assert_eq!(elements(&reply, "DeleteMarker"), ["true"]);
    let many = (0..1001).map(|n| format!("<Object><Key>{n}</Key></Object>")).collect::<Vec<_>>().concat();
    let many = format!("<Delete>{many}</Delete>");
    let sum = super::super::digest::of("CRC32", many.as_bytes()).checksum_crc32.unwrap();
    assert_eq!(
        cloud.error("POST /bkt?delete", &[("x-amz-checksum-crc32", &sum)], &many).await,
        error(400, "MalformedXML")
    );
}
