//! The Query protocol of EC2, IAM, STS and ELB: a form as the request, XML as the reply.
//!
//! EC2 numbers lists as `Key.1`, the others as `Key.member.1`
//! ([EC2](https://docs.aws.amazon.com/ec2/latest/devguide/Query-Requests.html),
//! [IAM](https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html)).

use std::fmt;

use bytes::Bytes;
use gardener_provider_client::call::Idempotency;
use gardener_provider_core::{Error, Result};
use http::{Method, Response, header};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::ApiRequest;
use crate::endpoints::Service;

/// Collects the parameters of a request.
#[derive(Clone, Default)]
pub struct Form {
    pairs: Vec<(String, String)>,
    prefix: String,
}

impl Form {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter.
    pub fn put(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.pairs.push((format!("{}{key}", self.prefix), value.to_string()));
        self
    }

    /// Adds a parameter if it is there.
    pub fn opt<T: fmt::Display>(self, key: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// Adds a list as EC2 wants it: `Key.1`, `Key.2`, …
    pub fn list<T: fmt::Display>(mut self, key: &str, values: impl IntoIterator<Item = T>) -> Self {
        for (index, value) in values.into_iter().enumerate() {
            self = self.put(&format!("{key}.{}", index + 1), value);
        }
        self
    }

    /// Adds a list as IAM and ELB want it: `Key.member.1`, …
    pub fn members<T: fmt::Display>(self, key: &str, values: impl IntoIterator<Item = T>) -> Self {
        self.list(&format!("{key}.member"), values)
    }

    /// Adds a structure: what `fill` adds is put below `Key.`.
    pub fn nested(mut self, key: &str, fill: impl FnOnce(Self) -> Self) -> Self {
        let outer = self.prefix.len();
        self.prefix.push_str(key);
        self.prefix.push('.');
        let mut filled = fill(self);
        filled.prefix.truncate(outer);
        filled
    }

    /// Adds a list of structures: `Key.1.…`, `Key.2.…`.
    pub fn each<T>(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
        fill: impl Fn(Self, T) -> Self,
    ) -> Self {
        for (index, value) in values.into_iter().enumerate() {
            self = self.nested(&format!("{key}.{}", index + 1), |form| fill(form, value));
        }
        self
    }

    /// Adds EC2 filters: `Filter.1.Name`, `Filter.1.Value.1`, …
    pub fn filters(self, filters: &[Filter]) -> Self {
        self.each("Filter", filters, |form, filter| {
            form.put("Name", &filter.name).list("Value", &filter.values)
        })
    }

    /// The request.
    pub fn request(
        self,
        service: Service,
        operation: &'static str,
        family: &'static str,
        idempotency: Idempotency,
    ) -> ApiRequest {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("Action", operation).append_pair("Version", version(service));
        for (key, value) in &self.pairs {
            body.append_pair(key, value);
        }
        let mut request = ApiRequest::new(service, operation, family, Method::POST, idempotency);
        request.headers.push((header::CONTENT_TYPE, CONTENT_TYPE.to_owned()));
        request.body = Bytes::from(body.finish());
        request
    }
}

/// Values may be secrets: keys only.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.pairs.iter().map(|(key, _)| key)).finish()
    }
}

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The version of the API that the requests and parsers are written for.
pub const fn version(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "2016-11-15",
        Service::Iam => "2010-05-08",
        Service::Sts => "2011-06-15",
        Service::Elb => "2012-06-01",
        Service::ElbV2 => "2015-12-01",
        Service::S3 => "2006-03-01",
        Service::Efs => "2015-02-01",
    }
}

/// A filter of an EC2 describe call: all filters must match, and of each one value. Values match exactly; `*` and `?` in
/// them are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// What to look at: `vpc-id`, `tag:Name`, `tag-key`, …
    pub name: String,
    /// The values of which one must match.
    pub values: Vec<String>,
}

impl Filter {
    /// `name` is one of `values`, exactly.
    pub fn any<T: AsRef<str>>(name: impl Into<String>, values: impl IntoIterator<Item = T>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(|value| escape(value.as_ref())).collect() }
    }

    /// `name` is `value`, exactly.
    pub fn is(name: impl Into<String>, value: impl AsRef<str>) -> Self {
        Self::any(name, [value])
    }

    /// The tag `key` has the value `value`.
    pub fn tag(key: &str, value: impl AsRef<str>) -> Self {
        Self::is(format!("tag:{key}"), value)
    }

    /// There is a tag of this key.
    pub fn tag_key(key: impl AsRef<str>) -> Self {
        Self::is("tag-key", key)
    }
}

/// Filters read `*`, `?` and `\` as wildcards and escape
/// ([source](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html)).
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Reads an XML reply.
///
/// # Errors
/// `Internal` if it is not what the API's description says.
pub fn xml<R: DeserializeOwned>(reply: &Response<Bytes>) -> Result<R> {
    let text = std::str::from_utf8(reply.body())
        .map_err(|error| Error::internal("the reply is not UTF-8").with_source(error))?;
    quick_xml::de::from_str(text)
        .map_err(|error| Error::internal(format!("the reply could not be read: {error}")).with_source(error))
}

/// For operations whose reply says nothing more than that they succeeded.
pub fn nothing(_reply: &Response<Bytes>) -> Result<()> {
    Ok(())
}

/// Reads EC2's `<xSet><item>…</item></xSet>` as a list; use with `#[serde(default, deserialize_with = "items")]`.
pub fn items<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Items<T> {
        #[serde(default = "Vec::new")]
        item: Vec<T>,
    }
    Items::deserialize(deserializer).map(|items| items.item)
}

/// Reads IAM's and ELB's `<X><member>…</member></X>` as a list.
pub fn members<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Members<T> {
        #[serde(default = "Vec::new")]
        member: Vec<T>,
    }
    Members::deserialize(deserializer).map(|members| members.member)
}

/// Reads a text that may be absent or empty; both are `None`.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| text.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_and_nested() {
        let form = Form::new()
            .put("MaxResults", 5)
            .opt("NextToken", None::<&str>)
            .filters(&[Filter::tag("Name", "a*b?c\\d"), Filter::any("state", ["x", "y"])])
            .members("Arns", ["p"])
            .nested("Placement", |form| form.put("Tenancy", "host").nested("X", |form| form.put("Y", true)))
            .put("Last", "ü &");
        let request = form.request(Service::Ec2, "DescribeX", "f", Idempotency::Safe);
        let wanted = [
            ("Action", "DescribeX"),
            ("Version", "2016-11-15"),
            ("MaxResults", "5"),
            ("Filter.1.Name", "tag:Name"),
            ("Filter.1.Value.1", "a\\*b\\?c\\\\d"),
            ("Filter.2.Name", "state"),
            ("Filter.2.Value.1", "x"),
            ("Filter.2.Value.2", "y"),
            ("Arns.member.1", "p"),
            ("Placement.Tenancy", "host"),
            ("Placement.X.Y", "true"),
            ("Last", "ü &"),
        ];
        let wanted: Vec<_> = wanted.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(request.form(), wanted);
        assert_eq!(request.method, Method::POST);
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        #[serde(default, deserialize_with = "items")]
        tag_set: Vec<String>,
        #[serde(default, deserialize_with = "text")]
        dns: Option<String>,
    }

    fn parse(body: &'static str) -> Result<Reply> {
        xml(&Response::new(Bytes::from_static(body.as_bytes())))
    }

    #[test]
    fn lists_and_texts_may_be_absent_or_empty() {
        let full = parse(
            "<R xmlns=\"x\"><requestId>1</requestId><tagSet><item>a</item><item>b</item></tagSet><dns>d</dns></R>",
        );
        assert_eq!(full.unwrap(), Reply { tag_set: vec!["a".into(), "b".into()], dns: Some("d".into()) });
        let nothing = Reply { tag_set: Vec::new(), dns: None };
        for body in ["<R/>", "<R><tagSet/><dns/></R>", "<R>\n <tagSet></tagSet>\n <dns></dns>\n</R>"] {
            assert_eq!(parse(body).unwrap(), nothing, "{body}");
        }
        assert!(parse("<html>no").is_err());
    }
}
