//! S3's REST API: administration of buckets, and the deletion of objects with all their versions.
//!
//! Objects are read and written through [`object_store`], not here.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

pub mod bucket;
pub mod lifecycle;
pub mod lock;
pub mod objects;
pub mod protection;
pub mod uploads;

use base64::Engine as _;
use bytes::Bytes;
use gardener_provider_client::call::Idempotency;
use gardener_provider_core::{Error, Result};
use http::{HeaderName, Method, header};
use md5::{Digest, Md5};

use super::{ApiRequest, family};
use crate::endpoints::Service;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// The bucket that an operation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The bucket's name.
    pub bucket: String,
    /// The account that must own it, if it is known: S3 then refuses to touch a bucket of somebody else.
    pub owner: Option<String>,
}

impl Target {
    /// The bucket of this name, whoever owns it.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), owner: None }
    }

    /// Sets the account that must own it.
    pub fn with_owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    fn request(&self, operation: &'static str, method: Method, sub: Option<&str>) -> ApiRequest {
        let idempotency = match method {
            Method::GET => Idempotency::Safe,
            _ => Idempotency::Idempotent,
        };
        let mut request = ApiRequest::new(Service::S3, operation, family::S3, method, idempotency);
        request.bucket = Some(self.bucket.clone());
        if let Some(owner) = &self.owner {
            request.headers.push((HeaderName::from_static("x-amz-expected-bucket-owner"), owner.clone()));
        }
        request.query.extend(sub.map(|sub| (sub.to_owned(), String::new())));
        request
    }

    fn get(&self, operation: &'static str, sub: &str) -> ApiRequest {
        self.request(operation, Method::GET, Some(sub))
    }

    fn put(&self, operation: &'static str, sub: &str, document: Document) -> ApiRequest {
        let mut request = self.request(operation, Method::PUT, Some(sub));
        document.attach(&mut request);
        request
    }

    /// A request about one version of an object.
    ///
    /// # Errors
    /// `InvalidArgument` if the key has a `.` or `..` segment: on the way such an address becomes that of another object.
    fn of_object(
        &self,
        operation: &'static str,
        method: Method,
        sub: Option<&str>,
        version: &objects::Version,
    ) -> Result<ApiRequest> {
        check_key(&version.key)?;
        let mut request = self.request(operation, method, sub);
        request.family = family::S3_OBJECTS;
        request.path.clone_from(&version.key);
        request.query.extend(version.id.as_ref().map(|id| ("versionId".to_owned(), id.clone())));
        Ok(request)
    }
}

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key.split('/').any(|segment| matches!(segment, "." | "..")) {
        let problem = format!("{key:?} has an empty name or a '.' or '..' segment and cannot be addressed");
        return Err(Error::invalid("object key", problem));
    }
    Ok(())
}

/// A body: XML, or JSON for a policy.
struct Document {
    content_type: &'static str,
    body: String,
}

impl Document {
    /// An XML document whose root element is `name`.
    fn xml(name: &str, content: &str) -> Self {
        Self {
            content_type: "application/xml",
            body: format!("<{name} xmlns=\"{NAMESPACE}\">{content}</{name}>"),
        }
    }

    /// Sets body and headers. S3 wants a checksum with every document
    /// ([source](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html)).
    fn attach(self, request: &mut ApiRequest) {
        let md5 = base64::engine::general_purpose::STANDARD.encode(Md5::digest(&self.body));
        request.headers.push((header::CONTENT_TYPE, self.content_type.to_owned()));
        request.headers.push((HeaderName::from_static("content-md5"), md5));
        request.body = Bytes::from(self.body);
    }
}

/// `<name>text</name>`, escaped.
fn element(name: &str, text: impl AsRef<str>) -> String {
    format!("<{name}>{}</{name}>", quick_xml::escape::escape(text.as_ref()))
}

/// Text of a listing with `encoding-type=url`; other servers may ignore that, and their replies do not say it back.
fn decoded(text: String, encoding: Option<&str>) -> Result<String> {
    if encoding != Some("url") {
        return Ok(text);
    }
    let spaced = text.replace('+', " ");
    percent_decode(&spaced)
        .ok_or_else(|| Error::internal(format!("the listing holds a key that cannot be decoded: {text:?}")))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

/// Every request of this module, with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let target = Target::new("backup").with_owner(Some("123456789012".to_owned()));
    let parts: [fn(&Target) -> Vec<ApiRequest>; 6] = [
        bucket::samples,
        protection::samples,
        lifecycle::samples,
        lock::samples,
        objects::samples,
        uploads::samples,
    ];
    parts.iter().flat_map(|samples| samples(&target)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_carries_its_checksum() {
        let mut request = Target::new("b").request("X", Method::PUT, None);
        Document { content_type: "application/json", body: "{}".to_owned() }.attach(&mut request);
        let header = |name: &str| {
            request.headers.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(header("content-md5"), Some("mZFLkyvTelC5g8XnyQrpOw=="));
        assert_eq!(header("content-type"), Some("application/json"));
    }

    #[test]
    fn keys_that_would_become_another_address_are_refused() {
        for bad in ["", ".", "..", "a/../b", "../b", "a/."] {
            assert!(check_key(bad).unwrap_err().to_string().starts_with("object key: "), "{bad:?}");
        }
        for good in ["a", "a//b", "...", "a/.b/c..d"] {
            assert!(check_key(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn listings_are_decoded_only_if_they_say_so() {
        assert_eq!(decoded("a+b%2B%C3%BC".to_owned(), Some("url")).unwrap(), "a b+ü");
        assert_eq!(decoded("a+b%2B".to_owned(), None).unwrap(), "a+b%2B");
        for bad in ["%", "%1", "%zz", "%ff"] {
            assert!(decoded(bad.to_owned(), Some("url")).is_err(), "{bad}");
        }
    }
}
