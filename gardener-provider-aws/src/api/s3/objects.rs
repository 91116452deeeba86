//! Objects with all their versions: list, delete, tag.

use std::collections::BTreeMap;

use gardener_provider_core::Result;
use http::Method;
use serde::Deserialize;

use super::{Document, Target, decoded, element};
use crate::api::{ApiRequest, Operation, family, query};

/// S3 lists and deletes no more than this in one call.
pub const BATCH: usize = 1000;

/// One version of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// The object's key.
    pub key: String,
    /// The version's id; `null` for one from before versions were kept.
    pub id: Option<String>,
}

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The version.
    pub version: Version,
    /// It holds no data but hides the versions below it.
    pub is_marker: bool,
}

/// Where the next page of a listing begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMarker {
    /// The last key of the page.
    pub key: String,
    /// The last version of the page.
    pub id: Option<String>,
}

/// A page of versions, those of one key together, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionPage {
    /// The versions.
    pub versions: Vec<Listed>,
    /// Where the next page begins.
    pub next: Option<VersionMarker>,
}

/// All versions and delete markers of the objects whose key begins with `prefix`.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>
pub fn list_versions(target: &Target, prefix: &str, page: Option<&VersionMarker>) -> Operation<VersionPage> {
    let mut request = target.get("ListObjectVersions", "versions");
    request.family = family::S3_OBJECTS;
    let mut query = |key: &str, value: &str| request.query.push((key.to_owned(), value.to_owned()));
    query("encoding-type", "url");
    query("max-keys", &BATCH.to_string());
    if !prefix.is_empty() {
        query("prefix", prefix);
    }
    if let Some(page) = page {
        query("key-marker", &page.key);
        if let Some(id) = &page.id {
            query("version-id-marker", id);
        }
    }
    Operation::new(request, |reply| version_page(query::xml(reply)?))
}

#[derive(Deserialize)]
struct Listing {
    #[serde(rename = "$value", default)]
    lines: Vec<Line>,
}

#[derive(Deserialize)]
enum Line {
    IsTruncated(bool),
    EncodingType(String),
    NextKeyMarker(String),
    NextVersionIdMarker(String),
    Version(Entry),
    DeleteMarker(Entry),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    #[serde(default, deserialize_with = "query::text")]
    version_id: Option<String>,
}

fn version_page(listing: Listing) -> Result<VersionPage> {
    let (mut encoding, mut truncated, mut key_marker, mut id_marker) = (None, false, None, None);
    let mut entries = Vec::new();
    for line in listing.lines {
        match line {
            Line::IsTruncated(yes) => truncated = yes,
            Line::EncodingType(name) => encoding = Some(name),
            Line::NextKeyMarker(key) => key_marker = Some(key),
            Line::NextVersionIdMarker(id) => id_marker = Some(id).filter(|id| !id.is_empty()),
            Line::Version(entry) => entries.push((entry, false)),
            Line::DeleteMarker(entry) => entries.push((entry, true)),
            Line::Other => {}
        }
    }
    let encoding = encoding.as_deref();
    let listed = |(entry, is_marker): (Entry, bool)| {
        let version = Version { key: decoded(entry.key, encoding)?, id: entry.version_id };
        Ok(Listed { version, is_marker })
    };
    let versions = entries.into_iter().map(listed).collect::<Result<Vec<_>>>()?;
    let next = match key_marker.filter(|_| truncated) {
        Some(key) => Some(VersionMarker { key: decoded(key, encoding)?, id: id_marker }),
        None => None,
    };
    Ok(VersionPage { versions, next })
}

/// A version that could not be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDeleted {
    /// The version.
    pub version: Version,
    /// S3's code for the reason.
    pub code: String,
    /// S3's words for it.
    pub message: String,
}

impl NotDeleted {
    /// True if this is the version meant. A server that names no id means all versions of the key that were asked for:
    /// to ask again without an id would hide the object instead of deleting it.
    pub fn is_about(&self, version: &Version) -> bool {
        self.version.key == version.key && (self.version.id.is_none() || self.version.id == version.id)
    }
}

/// Deletes up to [`BATCH`] versions for good and answers which it could not. Those that are not there count as deleted.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
pub fn delete_objects(target: &Target, versions: &[Version]) -> Operation<Vec<NotDeleted>> {
    let object = |version: &Version| {
        let id = version.id.as_ref().map(|id| element("VersionId", id)).unwrap_or_default();
        format!("<Object>{}{id}</Object>", element("Key", &version.key))
    };
    let content = element("Quiet", "true") + &versions.iter().map(object).collect::<String>();
    let mut request = target.request("DeleteObjects", Method::POST, Some("delete"));
    request.family = family::S3_OBJECTS;
    Document::xml("Delete", &content).attach(&mut request);
    Operation::new(request, |reply| {
        let failures = query::xml::<DeleteResult>(reply)?.lines.into_iter();
        Ok(failures.filter_map(DeleteLine::into_failure).collect())
    })
}

/// True if S3 can be told of this key in XML: version 1.0 has no control characters.
pub fn fits_into_xml(key: &str) -> bool {
    key.chars().all(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[derive(Deserialize)]
struct DeleteResult {
    #[serde(rename = "$value", default)]
    lines: Vec<DeleteLine>,
}

#[derive(Deserialize)]
enum DeleteLine {
    Error(DeleteError),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteError {
    #[serde(default)]
    key: String,
    #[serde(default, deserialize_with = "query::text")]
    version_id: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl DeleteLine {
    fn into_failure(self) -> Option<NotDeleted> {
        let Self::Error(error) = self else { return None };
        let version = Version { key: error.key, id: error.version_id };
        Some(NotDeleted { version, code: error.code, message: error.message })
    }
}

/// Deletes one version for good.
///
/// # Errors
/// `InvalidArgument` if the key cannot be addressed.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>
pub fn delete_object(target: &Target, version: &Version) -> Result<Operation<()>> {
    let request = target.of_object("DeleteObject", Method::DELETE, None, version)?;
    Ok(Operation::new(request, query::nothing))
}

/// The tags of a version.
pub type Tags = BTreeMap<String, String>;

/// The tags of a version.
///
/// # Errors
/// `InvalidArgument` if the key cannot be addressed.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html>
pub fn get_tags(target: &Target, version: &Version) -> Result<Operation<Tags>> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "TagSet", default)]
        set: Set,
    }
    #[derive(Deserialize, Default)]
    struct Set {
        #[serde(rename = "Tag", default)]
        tags: Vec<Tag>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tag {
        key: String,
        #[serde(default)]
        value: String,
    }
    let request = target.of_object("GetObjectTagging", Method::GET, Some("tagging"), version)?;
    Ok(Operation::new(request, |reply| {
        let tags = query::xml::<Reply>(reply)?.set.tags;
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }))
}

/// Replaces the tags of a version.
///
/// # Errors
/// `InvalidArgument` if the key cannot be addressed.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html>
pub fn put_tags(target: &Target, version: &Version, tags: &Tags) -> Result<Operation<()>> {
    let tag = |(key, value)| format!("<Tag>{}{}</Tag>", element("Key", key), element("Value", value));
    let set: String = tags.iter().map(tag).collect();
    let mut request = target.of_object("PutObjectTagging", Method::PUT, Some("tagging"), version)?;
    Document::xml("Tagging", &format!("<TagSet>{set}</TagSet>")).attach(&mut request);
    Ok(Operation::new(request, query::nothing))
}

pub(super) fn samples(target: &Target) -> Vec<ApiRequest> {
    let version = Version { key: "etcd/ü &<>/Full-1".to_owned(), id: Some("v1".to_owned()) };
    let page = VersionMarker { key: "etcd/a".to_owned(), id: Some("v0".to_owned()) };
    let tags = Tags::from([("a&b".to_owned(), "ü".to_owned())]);
    let mut samples = vec![
        list_versions(target, "etcd/", Some(&page)).request,
        delete_objects(target, &[version.clone(), Version { key: "b".to_owned(), id: None }]).request,
    ];
    samples.extend(delete_object(target, &version).map(|op| op.request));
    samples.extend(get_tags(target, &version).map(|op| op.request));
    samples.extend(put_tags(target, &version, &tags).map(|op| op.request));
    samples
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    fn reply(body: &str) -> Response<Bytes> {
        Response::new(Bytes::from(body.to_owned()))
    }

    fn version(key: &str, id: Option<&str>) -> Version {
        Version { key: key.to_owned(), id: id.map(str::to_owned) }
    }

    const PAGE: &str = "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"x\"><Name>b</Name><Prefix>a%2F</Prefix>\
        <KeyMarker/><VersionIdMarker/><NextKeyMarker>a%2Fz+z</NextKeyMarker>\
        <NextVersionIdMarker>v3</NextVersionIdMarker><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>\
        <IsTruncated>true</IsTruncated>\
        <DeleteMarker><Key>a%2F+%0A</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest><Owner><ID>1</ID></Owner>\
        </DeleteMarker><Version><Key>a%2F+%0A</Key><VersionId>null</VersionId><Size>5</Size></Version>\
        <CommonPrefixes><Prefix>a%2Fx%2F</Prefix></CommonPrefixes>\
        <Version><Key>a%2Fz+z</Key><VersionId>v3</VersionId></Version></ListVersionsResult>";

    #[test]
    fn versions_and_markers_are_read_in_their_order() {
        let page = (list_versions(&Target::new("b"), "a/", None).parse)(&reply(PAGE)).unwrap();
        let lines: Vec<_> = page.versions.iter().map(|l| (l.version.clone(), l.is_marker)).collect();
        let key = "a/ \n";
        assert_eq!(
            lines,
            [
                (version(key, Some("v1")), true),
                (version(key, Some("null")), false),
                (version("a/z z", Some("v3")), false),
            ]
        );
        assert_eq!(page.next, Some(VersionMarker { key: "a/z z".into(), id: Some("v3".into()) }));
        let last = PAGE.replace("<IsTruncated>true", "<IsTruncated>false");
        let page = (list_versions(&Target::new("b"), "a/", None).parse)(&reply(&last)).unwrap();
        assert_eq!(page.next, None);
    }

    #[test]
    fn a_listing_that_does_not_say_it_is_encoded_is_taken_as_it_is() {
        let body = "<R><Version><Key> a%2F+&amp;b </Key></Version><IsTruncated>false</IsTruncated></R>";
        let page = (list_versions(&Target::new("b"), "", None).parse)(&reply(body)).unwrap();
        assert_eq!(page.versions[0].version, version(" a%2F+&b ", None));
    }

    #[test]
    fn the_request_names_prefix_and_page() {
        let page = VersionMarker { key: "k".into(), id: Some("v".into()) };
        let request = list_versions(&Target::new("b"), "etcd/", Some(&page)).request;
        let query: Vec<_> = request.query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            query,
            [
                "versions=",
                "encoding-type=url",
                "max-keys=1000",
                "prefix=etcd/",
                "key-marker=k",
                "version-id-marker=v"
            ]
        );
    }

    #[test]
    fn deletion_names_versions_and_reads_each_failure() {
        let versions = [version("a&<b>", Some("v1")), version(" c ", None)];
        let operation = delete_objects(&Target::new("b"), &versions);
        assert_eq!(
            operation.request.body,
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>\
             <Object><Key>a&amp;&lt;b&gt;</Key><VersionId>v1</VersionId></Object><Object><Key> c </Key></Object></Delete>"
        );
        let failures = (operation.parse)(&reply(
            "<DeleteResult><Error><Key>a</Key><VersionId>v1</VersionId><Code>AccessDenied</Code>\
             <Message>locked</Message></Error><Deleted><Key>b</Key></Deleted><Error><Key> c </Key>\
             <Code>InternalError</Code></Error></DeleteResult>",
        ))
        .unwrap();
        assert_eq!(failures.len(), 2);
        assert_eq!(
            failures[0],
            NotDeleted {
                version: version("a", Some("v1")),
                code: "AccessDenied".into(),
                message: "locked".into()
            }
        );
        assert_eq!(failures[1].version, version(" c ", None));
        assert!((operation.parse)(&reply("<DeleteResult/>")).unwrap().is_empty());
    }

    #[test]
    fn tags_are_read_as_they_are_written() {
        let tags = Tags::from([("a&b".to_owned(), " ü ".to_owned()), ("empty".to_owned(), String::new())]);
        let put = put_tags(&Target::new("b"), &version("k", Some("v")), &tags).unwrap().request;
        assert!(put.query.contains(&("versionId".to_owned(), "v".to_owned())));
        let parse = get_tags(&Target::new("b"), &version("k", None)).unwrap().parse;
        assert_eq!(parse(&reply(std::str::from_utf8(&put.body).unwrap())).unwrap(), tags);
        assert!(parse(&reply("<Tagging><TagSet/></Tagging>")).unwrap().is_empty());
    }

    #[test]
    fn control_characters_do_not_fit_into_xml() {
        assert!(fits_into_xml("a/ü b"));
        assert!(!fits_into_xml("a\u{1}"));
        assert!(!fits_into_xml("a\n"));
    }
}
