//! Buckets themselves: create, find, list, delete.

use bytes::Bytes;
use gardener_provider_client::call::Idempotency;
use gardener_provider_core::Region;
use http::{HeaderName, Method, Response};
use serde::Deserialize;

use super::{Document, Target, element};
use crate::{
    api::{ApiRequest, Operation, family, query},
    endpoints::Service,
};

/// A page of [`list_buckets`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPage {
    /// Names of buckets.
    pub names: Vec<String>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// The buckets that the account owns, a page of up to 1000.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
pub fn list_buckets(page: Option<&str>) -> Operation<BucketPage> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        #[serde(default)]
        buckets: Buckets,
        #[serde(default, deserialize_with = "query::text")]
        continuation_token: Option<String>,
    }
    #[derive(Deserialize, Default)]
    struct Buckets {
        #[serde(default, rename = "Bucket")]
        bucket: Vec<Named>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        name: String,
    }
    let mut request = ApiRequest::new(Service::S3, "ListBuckets", family::S3, Method::GET, Idempotency::Safe);
    request.query.push(("max-buckets".to_owned(), "1000".to_owned()));
    request.query.extend(page.map(|token| ("continuation-token".to_owned(), token.to_owned())));
    Operation::new(request, |reply: &Response<Bytes>| {
        let reply: Reply = query::xml(reply)?;
        let names = reply.buckets.bucket.into_iter().map(|bucket| bucket.name).collect();
        Ok(BucketPage { names, next: reply.continuation_token })
    })
}

/// Creates a bucket that is private and, if `object_lock`, can retain objects.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
pub fn create_bucket(name: &str, region: &Region, object_lock: bool) -> Operation<()> {
    let mut request = Target::new(name).request("CreateBucket", Method::PUT, None);
    let ownership = HeaderName::from_static("x-amz-object-ownership");
    request.headers.push((ownership, "BucketOwnerEnforced".to_owned()));
    if object_lock {
        request
            .headers
            .push((HeaderName::from_static("x-amz-bucket-object-lock-enabled"), "true".to_owned()));
    }
    // us-east-1 is the default and is refused when it is named.
    if region.as_str() != "us-east-1" {
        let place = element("LocationConstraint", region.as_str());
        Document::xml("CreateBucketConfiguration", &place).attach(&mut request);
    }
    Operation::new(request, query::nothing)
}

/// The region that a bucket is in.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html>
pub fn get_bucket_location(target: &Target) -> Operation<String> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "$text", default)]
        region: Option<String>,
    }
    Operation::new(target.get("GetBucketLocation", "location"), |reply| {
        let region = query::xml::<Reply>(reply)?.region.unwrap_or_default();
        // The two regions that are older than the others go by other names.
        Ok(match region.trim() {
            "" => "us-east-1".to_owned(),
            "EU" => "eu-west-1".to_owned(),
            region => region.to_owned(),
        })
    })
}

/// Deletes an empty bucket.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html>
pub fn delete_bucket(target: &Target) -> Operation<()> {
    Operation::new(target.request("DeleteBucket", Method::DELETE, None), query::nothing)
}

pub(super) fn samples(target: &Target) -> Vec<ApiRequest> {
    let region = |name| Region::new(name).ok();
    let mut samples = vec![
        list_buckets(Some("token")).request,
        get_bucket_location(target).request,
        delete_bucket(target).request,
    ];
    samples.extend(region("eu-west-1").map(|region| create_bucket("backup", &region, true).request));
    samples.extend(region("us-east-1").map(|region| create_bucket("backup", &region, false).request));
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &'static str) -> Response<Bytes> {
        Response::new(Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn us_east_1_is_never_named() {
        let region = |name| Region::new(name).unwrap();
        let there = create_bucket("b", &region("us-east-1"), false).request;
        assert!(there.body.is_empty());
        let elsewhere = create_bucket("b", &region("cn-north-1"), true).request;
        assert_eq!(
            elsewhere.body,
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>cn-north-1</LocationConstraint></CreateBucketConfiguration>"
        );
        let lock = elsewhere.headers.iter().find(|(name, _)| name == "x-amz-bucket-object-lock-enabled");
        assert_eq!(lock.unwrap().1, "true");
    }

    #[test]
    fn old_regions_have_their_present_names() {
        let parse = get_bucket_location(&Target::new("b")).parse;
        for (body, region) in [
            ("<LocationConstraint xmlns=\"x\"/>", "us-east-1"),
            ("<LocationConstraint xmlns=\"x\"></LocationConstraint>", "us-east-1"),
            ("<LocationConstraint>EU</LocationConstraint>", "eu-west-1"),
            (
                "<?xml version=\"1.0\"?>\n<LocationConstraint>eu-central-1</LocationConstraint>",
                "eu-central-1",
            ),
        ] {
            assert_eq!(parse(&reply(body)).unwrap(), region);
        }
    }

    #[test]
    fn a_page_of_buckets_says_where_the_next_begins() {
        let parse = list_buckets(None).parse;
        let page = parse(&reply(
            "<ListAllMyBucketsResult><Owner><ID>1</ID></Owner><Buckets><Bucket><Name>a</Name>\
             <CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket><Bucket><Name>b</Name></Bucket></Buckets>\
             <ContinuationToken>t</ContinuationToken></ListAllMyBucketsResult>",
        ));
        assert_eq!(page.unwrap(), BucketPage { names: vec!["a".into(), "b".into()], next: Some("t".into()) });
        let empty = parse(&reply("<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>")).unwrap();
        assert_eq!(empty, BucketPage { names: vec![], next: None });
    }
}
