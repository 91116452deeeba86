//! Blobs, so far as [`object_store`] lacks the calls: their versions, why one cannot be deleted, and marking it.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/storageservices/blob-service-rest-api>

use std::collections::BTreeMap;

use bytes::Bytes;
use gardener_provider_client::rest::{Operation, RestRequest};
use gardener_provider_core::{Error, Result};
use http::{HeaderName, Method, Response, header};
use quick_xml::se::to_string;
use serde::{Deserialize, Serialize};

use super::family;

const DELETE_SNAPSHOTS: HeaderName = HeaderName::from_static("x-ms-delete-snapshots");

/// The tags of a blob.
pub type Tags = BTreeMap<String, String>;

/// A blob, or a version of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blob {
    /// The name.
    pub name: String,
    /// The version, where versions are kept.
    pub version: Option<String>,
    /// Whether it is what a plain read answers.
    pub is_current: bool,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The blobs.
    pub blobs: Vec<Blob>,
    /// Where the next page begins.
    pub next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnumerationResults {
    #[serde(default)]
    blobs: Blobs,
    #[serde(default)]
    next_marker: Option<String>,
}

#[derive(Default, Deserialize)]
struct Blobs {
    #[serde(rename = "Blob", default)]
    blob: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: Name,
    #[serde(default)]
    version_id: Option<String>,
    #[serde(default)]
    is_current_version: Option<bool>,
}

/// A name that XML cannot hold comes percent-encoded.
#[derive(Deserialize)]
struct Name {
    #[serde(rename = "@Encoded", default)]
    encoded: bool,
    #[serde(rename = "$text", default)]
    text: String,
}

impl From<Listed> for Blob {
    fn from(listed: Listed) -> Self {
        let Name { encoded, text } = listed.name;
        let name = if encoded {
            percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
        } else {
            text
        };
        let is_current = listed.is_current_version.unwrap_or(listed.version_id.is_none());
        Self { name, version: listed.version_id.filter(|version| !version.is_empty()), is_current }
    }
}

/// The blobs of a container below a prefix; with `versions` the old ones too.
///
/// Source: <https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs>
pub fn list(prefix: &str, versions: bool, page: Option<&str>) -> Operation<Page> {
    let request = RestRequest::new("ListBlobs", family::BLOB, Method::GET)
        .query("restype", "container")
        .query("comp", "list")
        .opt_query("prefix", Some(prefix).filter(|prefix| !prefix.is_empty()))
        .opt_query("include", versions.then_some("versions"))
        .opt_query("marker", page);
    Operation::new(request, |reply| {
        let results: EnumerationResults = xml(reply)?;
        let next = results.next_marker.filter(|marker| !marker.is_empty());
        Ok(Page { blobs: results.blobs.blob.into_iter().map(Blob::from).collect(), next })
    })
}

/// Deletes a blob with its snapshots. Where versions are kept, the current one becomes an old one.
///
/// Source: <https://learn.microsoft.com/en-us/rest/api/storageservices/delete-blob>
pub fn delete(blob: &str) -> Operation<()> {
    Operation::nothing(of_blob("DeleteBlob", Method::DELETE, blob).header(DELETE_SNAPSHOTS, "include"))
}

/// Deletes an old version for good.
pub fn delete_version(blob: &str, version: &str) -> Operation<()> {
    Operation::nothing(of_blob("DeleteBlob", Method::DELETE, blob).query("versionid", version))
}

/// Reads the tags of a blob.
///
/// Source: <https://learn.microsoft.com/en-us/rest/api/storageservices/get-blob-tags>
pub fn get_tags(blob: &Blob) -> Operation<Tags> {
    Operation::new(of_version("GetBlobTags", Method::GET, blob).query("comp", "tags"), |reply| {
        let tags: TagList = xml(reply)?;
        Ok(tags.tag_set.tag.into_iter().map(|tag| (tag.key, tag.value)).collect())
    })
}

/// Replaces the tags of a blob. It can be done where an immutability policy forbids all else.
///
/// Source: <https://learn.microsoft.com/en-us/rest/api/storageservices/set-blob-tags>
///
/// # Errors
/// `Internal` if they cannot be written as XML.
pub fn set_tags(blob: &Blob, tags: &Tags) -> Result<Operation<()>> {
    let tag = tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    let body = to_string(&TagList { tag_set: TagSet { tag } })
        .map_err(|error| Error::internal(format!("the tags of {:?}: {error}", blob.name)))?;
    let request = of_version("SetBlobTags", Method::PUT, blob).query("comp", "tags");
    let mut request = request.header(header::CONTENT_TYPE, "application/xml; charset=UTF-8");
    request = request.header(header::CONTENT_LENGTH, body.len().to_string());
    request.body = body.into();
    Ok(Operation::nothing(request))
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Tags", rename_all = "PascalCase")]
struct TagList {
    #[serde(default)]
    tag_set: TagSet,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagSet {
    #[serde(default)]
    tag: Vec<Tag>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

fn of_blob(operation: &'static str, method: Method, blob: &str) -> RestRequest {
    RestRequest::new(operation, family::BLOB, method).path(blob)
}

fn of_version(operation: &'static str, method: Method, blob: &Blob) -> RestRequest {
    let version = blob.version.as_ref().filter(|_| !blob.is_current);
    of_blob(operation, method, &blob.name).opt_query("versionid", version)
}

fn xml<'de, T: Deserialize<'de>>(reply: &'de Response<Bytes>) -> Result<T> {
    let text = std::str::from_utf8(reply.body());
    let text = text.map_err(|error| Error::internal(format!("the reply could not be read: {error}")))?;
    // Replies begin with a byte order mark.
    quick_xml::de::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Error::internal(format!("the reply could not be read: {error}")))
}

/// The code and message of an error.
pub(crate) fn error_of(reply: &Response<Bytes>) -> (String, String) {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Body {
        code: String,
        message: String,
    }
    let body: Body = xml(reply).unwrap_or_default();
    let header = reply.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok());
    let code = header.map_or(body.code, str::to_owned);
    let message = body.message.lines().next().unwrap_or_default().trim().to_owned();
    (code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &'static str) -> Response<Bytes> {
        Response::new(Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn a_list_tells_versions_and_odd_names() {
        let body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"c\"><Blobs>\
            <Blob><Name>a/1 &amp; 2</Name><VersionId>v1</VersionId><Properties><Etag>x</Etag></Properties></Blob>\
            <Blob><Name>a/1 &amp; 2</Name><VersionId>v2</VersionId><IsCurrentVersion>true</IsCurrentVersion></Blob>\
            <Blob><Name Encoded=\"true\">a/%EF%BF%BE</Name></Blob></Blobs><NextMarker>n</NextMarker></EnumerationResults>";
        let page = (list("a/", true, None).parse)(&reply(body)).unwrap();
        let blob = |name: &str, version: Option<&str>, is_current| Blob {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            is_current,
        };
        assert_eq!(
            page.blobs,
            [
                blob("a/1 & 2", Some("v1"), false),
                blob("a/1 & 2", Some("v2"), true),
                blob("a/\u{fffe}", None, true)
            ]
        );
        assert_eq!(page.next.as_deref(), Some("n"));
        let empty = "<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>";
        assert_eq!((list("", false, None).parse)(&reply(empty)).unwrap(), Page::default());
    }

    #[test]
    fn tags_are_read_as_they_are_written() {
        let blob = Blob { name: "k".to_owned(), version: Some("v".to_owned()), is_current: false };
        let tags = Tags::from([("a".to_owned(), "1 + 2".to_owned()), ("b".to_owned(), String::new())]);
        let request = set_tags(&blob, &tags).unwrap().request;
        assert!(request.query.contains(&("versionid".to_owned(), "v".to_owned())));
        let body: &'static str = String::from_utf8(request.body.to_vec()).unwrap().leak();
        assert!(body.starts_with("<Tags><TagSet><Tag><Key>a</Key>"), "{body}");
        assert_eq!((get_tags(&blob).parse)(&reply(body)).unwrap(), tags);
        assert!((get_tags(&blob).parse)(&reply("<Tags><TagSet/></Tags>")).unwrap().is_empty());
    }

    #[test]
    fn names_keep_their_slashes() {
        assert_eq!(delete("a/ü b%").request.path, "/a/%C3%BC%20b%25");
    }

    #[test]
    fn an_error_is_in_the_header_or_the_body() {
        let body = "\u{feff}<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code><Message>gone\nRequestId:1</Message></Error>";
        assert_eq!(error_of(&reply(body)), ("BlobNotFound".to_owned(), "gone".to_owned()));
        let head =
            Response::builder().header("x-ms-error-code", "ContainerNotFound").body(Bytes::new()).unwrap();
        assert_eq!(error_of(&head).0, "ContainerNotFound");
    }
}
