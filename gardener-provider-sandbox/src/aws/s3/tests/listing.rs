use super::*;

async fn filled() -> Cloud {
    let cloud = Cloud::with_bucket().await;
    for key in ["a", "dir/one", "dir/sub/two", "dir/three", "other/x", "z%20z"] {
        cloud.ok(&format!("PUT /bkt/{key}"), &[], "x").await;
    }
    cloud
}

#[tokio::test]
async fn prefix_and_delimiter() {
    let cloud = filled().await;
    let all = cloud.ok("GET /bkt?list-type=2", &[], "").await;
    assert_eq!(
        elements(&all, "Key"),
        ["a", "dir/one", "dir/sub/two", "dir/three", "other/x", "z z"]
            .map(str::to_owned)
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!((element(&all, "KeyCount"), element(&all, "IsTruncated")), ("6".into(), "false".into()));
    let top = cloud.ok("GET /bkt?list-type=2&delimiter=/", &[], "").await;
    assert_eq!(elements(&top, "Key"), ["a", "z z"]);
    let prefixes: Vec<String> =
        elements(&top, "CommonPrefixes").iter().map(|text| element(text, "Prefix")).collect();
    assert_eq!(prefixes, ["dir/", "other/"]);
    let dir = cloud.ok("GET /bkt?list-type=2&delimiter=/&prefix=dir/", &[], "").await;
    assert_eq!(elements(&dir, "Key"), ["dir/one", "dir/three"]);
    let later = cloud.ok("GET /bkt?list-type=2&start-after=dir/sub/two", &[], "").await;
    assert_eq!(elements(&later, "Key"), ["dir/three", "other/x", "z z"]);
    let coded = cloud.ok("GET /bkt?list-type=2&encoding-type=url&prefix=z", &[], "").await;
    assert_eq!(elements(&coded, "Key"), ["z%20z"]);
}

#[tokio::test]
async fn pages_of_v2_hold_each_entry_once() {
    let cloud = filled().await;
    for delimiter in ["", "&delimiter=/"] {
        let whole = cloud.ok(&format!("GET /bkt?list-type=2{delimiter}"), &[], "").await;
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let page = cloud.ok(&format!("GET /bkt?list-type=2&max-keys=1{delimiter}{token}"), &[], "").await;
            found.extend(elements(&page, "Key"));
            found.extend(elements(&page, "CommonPrefixes").iter().map(|text| element(text, "Prefix")));
            if element(&page, "IsTruncated") == "false" {
                break;
            }
            token = format!("&continuation-token={}", element(&page, "NextContinuationToken"));
        }
        let mut expected = elements(&whole, "Key");
        expected.extend(elements(&whole, "CommonPrefixes").iter().map(|text| element(text, "Prefix")));
        expected.sort();
        assert_eq!(found, expected);
    }
    assert_eq!(
        cloud.error("GET /bkt?list-type=2&continuation-token=x", &[], "").await,
        error(400, "InvalidArgument")
    );
    assert_eq!(cloud.error("GET /bkt?list-type=2&max-keys=-1", &[], "").await, error(400, "InvalidArgument"));
}

#[tokio::test]
async fn pages_of_v1_hold_each_entry_once() {
    let cloud = filled().await;
    let (mut found, mut marker) = (Vec::new(), String::new());
    loop {
        let page = cloud.ok(&format!("GET /bkt?max-keys=1&delimiter=/{marker}"), &[], "").await;
        found.extend(elements(&page, "Key"));
        found.extend(elements(&page, "CommonPrefixes").iter().map(|text| element(text, "Prefix")));
        if element(&page, "IsTruncated") == "false" {
            break;
        }
        marker = format!("&marker={}", element(&page, "NextMarker"));
    }
    assert_eq!(found, ["a", "dir/", "other/", "z z"]);
}

#[tokio::test]
async fn a_page_has_at_most_a_thousand_keys() {
    let cloud = Cloud::with_bucket().await;
    for number in 0..1001 {
        cloud.ok(&format!("PUT /bkt/{number:05}"), &[], "").await;
    }
    let page = cloud.ok("GET /bkt?list-type=2&max-keys=5000", &[], "").await;
    assert_eq!((elements(&page, "Key").len(), element(&page, "MaxKeys")), (1000, "1000".into()));
    assert_eq!(element(&page, "IsTruncated"), "true");
}
