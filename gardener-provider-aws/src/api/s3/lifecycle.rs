//! Lifecycle rules: what S3 throws away by itself. Rules of others are handed through as they were read.

use bytes::Bytes;
use gardener_provider_core::{Error, Result};
use http::{HeaderName, Response};
use quick_xml::{Reader, events::Event};

use super::{Document, Target, element};
use crate::api::{ApiRequest, Operation, query};

/// The header that says how small objects must be to stay where they are; it is kept as it was.
const MINIMUM_SIZE: HeaderName = HeaderName::from_static("x-amz-transition-default-minimum-object-size");

/// The tag of objects that should go as soon as nothing retains them any more.
pub const DELETED_TAG: (&str, &str) = ("gardener.cloud/deleted", "true");

/// All rules of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lifecycle {
    /// The rules.
    pub rules: Vec<Rule>,
    /// How transitions treat small objects, if the bucket says so.
    pub minimum_size: Option<String>,
}

impl Lifecycle {
    /// This lifecycle with `wanted` in it, or `None` if they are all there as they should be. A rule replaces the one of
    /// its id; all others stay.
    pub fn with(&self, wanted: &[Rule]) -> Option<Self> {
        if wanted.iter().all(|rule| self.rules.iter().any(|there| there.same_as(rule))) {
            return None;
        }
        let mut merged = self.clone();
        merged.rules.retain(|there| wanted.iter().all(|rule| rule.id != there.id));
        merged.rules.extend_from_slice(wanted);
        Some(merged)
    }
}

/// A rule, as XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The id, by which rules are told apart.
    pub id: String,
    xml: String,
}

impl Rule {
    /// Throws away the parts of uploads that were not finished after so many days.
    pub fn abort_uploads(days: u32) -> Self {
        let days = element("DaysAfterInitiation", days.to_string());
        let action = format!("<AbortIncompleteMultipartUpload>{days}</AbortIncompleteMultipartUpload>");
        Self::new("gardener-abort-uploads", &element("Prefix", ""), &action)
    }

    /// Throws away what carries [`DELETED_TAG`], old versions included, once no retention protects it.
    pub fn expire_deleted() -> Self {
        let tag = format!("<Tag>{}{}</Tag>", element("Key", DELETED_TAG.0), element("Value", DELETED_TAG.1));
        let action = "<Expiration><Days>1</Days></Expiration>\
                      <NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>";
        Self::new("gardener-expire-deleted", &tag, action)
    }

    /// Throws away delete markers that no version is left under.
    pub fn expire_markers() -> Self {
        let action = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>";
        Self::new("gardener-expire-markers", &element("Prefix", ""), action)
    }

    fn new(id: &str, filter: &str, action: &str) -> Self {
        let head = element("ID", id);
        let xml = format!("<Rule>{head}<Filter>{filter}</Filter><Status>Enabled</Status>{action}</Rule>");
        Self { id: id.to_owned(), xml }
    }

    fn same_as(&self, other: &Self) -> bool {
        match (leaves(&self.xml), leaves(&other.xml)) {
            (Ok(these), Ok(those)) => these == those,
            _ => false,
        }
    }
}

/// The rules of a bucket.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html>
pub fn get_lifecycle(target: &Target) -> Operation<Lifecycle> {
    Operation::new(target.get("GetBucketLifecycleConfiguration", "lifecycle"), |reply| {
        let minimum_size = reply.headers().get(MINIMUM_SIZE).and_then(|value| value.to_str().ok());
        Ok(Lifecycle { rules: rules(reply)?, minimum_size: minimum_size.map(str::to_owned) })
    })
}

/// Replaces all rules of a bucket.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
pub fn put_lifecycle(target: &Target, lifecycle: &Lifecycle) -> Operation<()> {
    let rules: String = lifecycle.rules.iter().map(|rule| rule.xml.as_str()).collect();
    let document = Document::xml("LifecycleConfiguration", &rules);
    let mut request = target.put("PutBucketLifecycleConfiguration", "lifecycle", document);
    request.headers.extend(lifecycle.minimum_size.clone().map(|value| (MINIMUM_SIZE, value)));
    Operation::new(request, query::nothing)
}

fn rules(reply: &Response<Bytes>) -> Result<Vec<Rule>> {
    let text = std::str::from_utf8(reply.body()).map_err(|error| unreadable(&error))?;
    let mut reader = Reader::from_str(text);
    let mut rules = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    loop {
        let before = position(&reader);
        match reader.read_event().map_err(|error| unreadable(&error))? {
            Event::Start(_) => {
                depth += 1;
                if depth == 2 {
                    start = before;
                }
            }
            Event::End(end) => {
                if depth == 2 && end.local_name().as_ref() == b"Rule" {
                    rules.push(rule(&text[start..position(&reader)])?);
                }
                depth = depth.saturating_sub(1);
            }
            Event::Eof => return Ok(rules),
            _ => {}
        }
    }
}

fn rule(xml: &str) -> Result<Rule> {
    let id = leaves(xml)?.into_iter().find_map(|(path, text)| (path == "Rule/ID").then_some(text));
    Ok(Rule { id: id.unwrap_or_default(), xml: modern(xml)? })
}

/// Moves a prefix that stands beside the filter into one: S3 refuses rules of the old and the new form together.
fn modern(xml: &str) -> Result<String> {
    let mut reader = Reader::from_str(xml);
    let mut depth = 0_usize;
    let mut start = None;
    loop {
        let before = position(&reader);
        match reader.read_event().map_err(|error| unreadable(&error))? {
            Event::Start(element) => {
                if depth == 1 && element.local_name().as_ref() == b"Prefix" {
                    start = Some(before);
                }
                depth += 1;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if let (1, Some(start)) = (depth, start) {
                    let end = position(&reader);
                    return Ok(format!(
                        "{}<Filter>{}</Filter>{}",
                        &xml[..start],
                        &xml[start..end],
                        &xml[end..]
                    ));
                }
            }
            Event::Empty(element) if depth == 1 && element.local_name().as_ref() == b"Prefix" => {
                let end = position(&reader);
                return Ok(format!(
                    "{}<Filter>{}</Filter>{}",
                    &xml[..before],
                    &xml[before..end],
                    &xml[end..]
                ));
            }
            Event::Eof => return Ok(xml.to_owned()),
            _ => {}
        }
    }
}

/// The elements that hold text, by their paths and sorted. An empty one means the same as none.
fn leaves(xml: &str) -> Result<Vec<(String, String)>> {
    let mut reader = Reader::from_str(xml);
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut leaves = Vec::new();
    loop {
        match reader.read_event().map_err(|error| unreadable(&error))? {
            Event::Start(element) => {
                path.push(String::from_utf8_lossy(element.local_name().as_ref()).into_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&String::from_utf8_lossy(&part)),
            Event::GeneralRef(part) => {
                text.push('&');
                text.push_str(&String::from_utf8_lossy(&part));
                text.push(';');
            }
            Event::End(_) => {
                if !text.trim().is_empty() {
                    leaves.push((path.join("/"), text.trim().to_owned()));
                }
                text.clear();
                path.pop();
            }
            Event::Eof => {
                leaves.sort();
                return Ok(leaves);
            }
            _ => {}
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("the bucket's lifecycle rules could not be read: {error}"))
}

pub(super) fn samples(target: &Target) -> Vec<ApiRequest> {
    let lifecycle = Lifecycle {
        rules: vec![Rule::abort_uploads(7), Rule::expire_deleted(), Rule::expire_markers()],
        minimum_size: Some("varies_by_storage_class".to_owned()),
    };
    vec![get_lifecycle(target).request, put_lifecycle(target, &lifecycle).request]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Lifecycle {
        let parse = get_lifecycle(&Target::new("b")).parse;
        parse(&Response::new(Bytes::from(body.to_owned()))).unwrap()
    }

    fn written(lifecycle: &Lifecycle) -> String {
        String::from_utf8(put_lifecycle(&Target::new("b"), lifecycle).request.body.to_vec()).unwrap()
    }

    const FOREIGN: &str = "<?xml version=\"1.0\"?>\n<LifecycleConfiguration xmlns=\"x\">\n\
        <Rule><ID>logs &amp; more</ID><Filter><And><Prefix>logs/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And>\
        </Filter><Status>Disabled</Status><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>\
        </Rule>\n<Rule><ID>old</ID><Prefix>tmp/</Prefix><Status>Enabled</Status><Expiration><Days>3</Days></Expiration>\
        </Rule><Rule><ID>older</ID><Prefix/><Status>Enabled</Status></Rule></LifecycleConfiguration>";

    #[test]
    fn foreign_rules_are_kept_to_the_letter() {
        let there = read(FOREIGN);
        assert_eq!(there.rules.len(), 3);
        let merged = there.with(&[Rule::abort_uploads(7)]).unwrap();
        let body = written(&merged);
        assert!(body.contains("<Rule><ID>logs &amp; more</ID><Filter><And><Prefix>logs/</Prefix>"), "{body}");
        assert!(body.contains("<StorageClass>GLACIER</StorageClass>"), "{body}");
        assert!(body.contains("<ID>old</ID><Filter><Prefix>tmp/</Prefix></Filter><Status>"), "{body}");
        assert!(body.contains("<ID>older</ID><Filter><Prefix/></Filter><Status>"), "{body}");
        assert!(body.contains("<DaysAfterInitiation>7</DaysAfterInitiation>"), "{body}");
        assert_eq!(read(&body).with(&[Rule::abort_uploads(7)]), None);
    }

    #[test]
    fn a_rule_of_ours_that_differs_is_replaced() {
        let there = read(&written(&Lifecycle { rules: vec![Rule::abort_uploads(3)], minimum_size: None }));
        let merged = there.with(&[Rule::abort_uploads(7), Rule::expire_deleted()]).unwrap();
        assert_eq!(merged.rules, [Rule::abort_uploads(7), Rule::expire_deleted()]);
    }

    #[test]
    fn the_form_in_which_s3_gives_a_rule_back_does_not_matter() {
        let back = "<LifecycleConfiguration><Rule><Status>Enabled</Status>\n<Filter/>\
            <ID>gardener-abort-uploads</ID><AbortIncompleteMultipartUpload>\n\
            <DaysAfterInitiation> 7 </DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>";
        assert_eq!(read(back).with(&[Rule::abort_uploads(7)]), None);
        assert!(read(back).with(&[Rule::abort_uploads(8)]).is_some());
    }

    #[test]
    fn how_small_objects_are_treated_is_kept() {
        let request = put_lifecycle(
            &Target::new("b"),
            &Lifecycle { rules: vec![], minimum_size: Some("varies_by_storage_class".into()) },
        )
        .request;
        assert!(request.headers.iter().any(|(name, _)| name == MINIMUM_SIZE));
        let reply = Response::builder()
            .header(MINIMUM_SIZE, "all_storage_classes_128K")
            .body(Bytes::from_static(b"<LifecycleConfiguration/>"))
            .unwrap();
        let read = (get_lifecycle(&Target::new("b")).parse)(&reply).unwrap();
        assert_eq!(read.minimum_size.as_deref(), Some("all_storage_classes_128K"));
        assert_eq!(read.rules, []);
    }

    #[test]
    fn what_is_not_xml_is_an_error() {
        let parse = get_lifecycle(&Target::new("b")).parse;
        assert!(parse(&Response::new(Bytes::from_static(b"<a><b></a>"))).is_err());
    }
}
