//! Objects, so far as [`object_store`] lacks the calls: their versions, and marking them.
//!
//! Source: <https://cloud.google.com/storage/docs/json_api/v1/objects>

use gardener_provider_client::{
    call::Idempotency,
    rest::{Operation, RestRequest},
};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{STORAGE_OBJECTS, number, of_bucket};

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Object {
    /// The name.
    pub name: String,
    /// The version.
    #[serde(deserialize_with = "number")]
    pub generation: u64,
    /// Bytes.
    #[serde(deserialize_with = "number")]
    pub size: u64,
    /// The MD5 digest, base64; composed objects have none.
    pub md5_hash: Option<String>,
    /// The time from which lifecycle rules count, if somebody set one.
    pub custom_time: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Page {
    /// The objects.
    pub items: Vec<Object>,
    /// The token of the next page.
    pub next_page_token: Option<String>,
}

/// The objects below a prefix with all their versions.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/objects/list>
pub fn list_versions(bucket: &str, prefix: &str, page: Option<&str>) -> Operation<Page> {
    let request = of_bucket("storage.objects.list", STORAGE_OBJECTS, Method::GET, bucket)
        .segments(["o"])
        .query("prefix", prefix)
        .query("versions", true)
        .query("fields", "items(name,generation,size,md5Hash,customTime),nextPageToken")
        .opt_query("pageToken", page);
    Operation::json(request)
}

/// Deletes a version for good.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/objects/delete>
pub fn delete(bucket: &str, object: &Object) -> Operation<()> {
    Operation::nothing(of_object("storage.objects.delete", Method::DELETE, bucket, object))
}

/// Sets the time from which lifecycle rules count. It can be set where a retention forbids all else, and never back.
///
/// Source: <https://cloud.google.com/storage/docs/json_api/v1/objects/patch>
pub fn set_custom_time(bucket: &str, object: &Object, time: &str) -> Operation<()> {
    let request = of_object("storage.objects.patch", Method::PATCH, bucket, object)
        .json(&json!({ "customTime": time }))
        .idempotency(Idempotency::Idempotent);
    Operation::nothing(request)
}

fn of_object(operation: &'static str, method: Method, bucket: &str, object: &Object) -> RestRequest {
    let request = of_bucket(operation, STORAGE_OBJECTS, method, bucket).segments(["o", &object.name]);
    request.query("generation", object.generation)
}

pub(super) fn samples() -> Vec<RestRequest> {
    let object = Object { name: "a/b".to_owned(), generation: 7, ..Object::default() };
    vec![
        list_versions("b", "a/", Some("token")).request,
        delete("b", &object).request,
        set_custom_time("b", &object, "2026-01-02T03:04:05Z").request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn a_name_is_one_segment_and_a_version_is_named() {
        let object =
            Object { name: "a/ü b".to_owned(), generation: 1_700_000_000_000_001, ..Object::default() };
        let request = delete("b", &object).request;
        assert_eq!(request.path, "/storage/v1/b/b/o/a%2F%C3%BC%20b");
        assert_eq!(request.query, [("generation".to_owned(), "1700000000000001".to_owned())]);
    }

    #[test]
    fn a_page_is_read() {
        let body = r#"{"items":[{"name":"a","generation":"5","size":"1","customTime":"2026-01-01T00:00:00Z"}],
            "nextPageToken":"n"}"#;
        let page =
            (list_versions("b", "a/", None).parse)(&Response::new(Bytes::from_static(body.as_bytes())));
        let page = page.unwrap();
        assert_eq!((page.items[0].generation, page.items[0].size), (5, 1));
        assert!(page.items[0].custom_time.is_some());
        assert_eq!(page.next_page_token.as_deref(), Some("n"));
    }
}
