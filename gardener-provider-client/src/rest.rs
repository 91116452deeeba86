//! Requests to APIs over HTTP, complete but for address and credentials, and the readers of their replies.
//!
//! A cloud's `api/` answers an [`Operation`]: what to send and how to read what comes back. Both can be tested without a
//! server, and a [`RestRequest`] can be held against the vendor's description of its API.

use std::{fmt, fmt::Write as _};

use bytes::Bytes;
use gardener_provider_core::{Error, Result};
use http::{HeaderName, HeaderValue, Method, Response};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::call::{Call, Idempotency};

/// A request to an API whose resources have paths and whose bodies are JSON, without address and credentials.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestRequest {
    /// The operation by the cloud's name for it.
    pub operation: &'static str,
    /// The API family whose rate limit it counts against.
    pub family: &'static str,
    /// Whether it may be repeated.
    pub idempotency: Idempotency,
    /// The method.
    pub method: Method,
    /// The path below the endpoint, percent-encoded, with its first `/`.
    pub path: String,
    /// The query string's pairs, not encoded.
    pub query: Vec<(String, String)>,
    /// Headers, without authorization.
    pub headers: Vec<(HeaderName, String)>,
    /// The body, written once: an attempt that is repeated sends the same bytes.
    pub body: Bytes,
}

impl RestRequest {
    /// A request without path, query, headers and body. It may be repeated if its method may ([`Call::new`]).
    pub fn new(operation: &'static str, family: &'static str, method: Method) -> Self {
        let idempotency = Idempotency::of(&method);
        Self {
            operation,
            family,
            idempotency,
            method,
            path: String::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Adds segments to the path, each percent-encoded: a `/` within one does not separate.
    pub fn segments<S: AsRef<str>>(mut self, segments: impl IntoIterator<Item = S>) -> Self {
        for segment in segments {
            self.path.push('/');
            self.path.push_str(&encode(segment.as_ref()));
        }
        self
    }

    /// Adds a path such as a resource's id: it is percent-encoded but for its `/`.
    pub fn path(mut self, path: &str) -> Self {
        if !path.starts_with('/') {
            self.path.push('/');
        }
        self.path.push_str(&encode_path(path));
        self
    }

    /// Adds a pair to the query.
    pub fn query(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.query.push((key.to_owned(), value.to_string()));
        self
    }

    /// Adds a pair to the query if there is a value.
    pub fn opt_query(self, key: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.query(key, value),
            None => self,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        // Our bodies have string keys and no failing serializers; an empty body is refused by every server.
        self.body = serde_json::to_vec(body).unwrap_or_default().into();
        self
    }

    /// Sets a form as the body, as token endpoints take it.
    pub fn form<'a>(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into();
        self.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
    }

    /// Sets whether it may be repeated.
    pub fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }

    /// The call below this address.
    ///
    /// # Errors
    /// `InvalidArgument` if a header holds what no header may hold.
    pub fn call(&self, base: &Url) -> Result<Call> {
        let mut call = Call::new(self.operation, self.family, self.method.clone(), self.url(base))
            .with_idempotency(self.idempotency);
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).map_err(|_| {
                Error::invalid(name, "holds a character that no header may hold")
                    .with_operation(self.operation)
            })?;
            call = call.with_header(name.clone(), value);
        }
        if !self.body.is_empty() {
            call.body = self.body.clone();
            let json = HeaderValue::from_static("application/json");
            call.headers.entry(http::header::CONTENT_TYPE).or_insert(json);
        }
        Ok(call)
    }

    fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), self.path));
        if !self.query.is_empty() {
            let pairs = self.query.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value)));
            url.set_query(Some(&pairs.collect::<Vec<_>>().join("&")));
        }
        url
    }
}

/// The body may hold secrets (user data, keys), so it is shown by its length only.
impl fmt::Debug for RestRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestRequest")
            .field("operation", &self.operation)
            .field("idempotency", &self.idempotency)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Reads the reply of a success.
pub type Parse<R> = fn(&Response<Bytes>) -> Result<R>;

/// A request and the reader of its reply.
pub struct Operation<R, Q = RestRequest> {
    /// The request.
    pub request: Q,
    /// Reads the reply of a success.
    pub parse: Parse<R>,
}

impl<R, Q> Operation<R, Q> {
    /// An operation.
    pub fn new(request: Q, parse: Parse<R>) -> Self {
        Self { request, parse }
    }
}

impl<R: DeserializeOwned> Operation<R> {
    /// An operation that answers JSON.
    pub fn json(request: RestRequest) -> Self {
        Self::new(request, json)
    }
}

impl Operation<()> {
    /// An operation whose reply says nothing more.
    pub fn nothing(request: RestRequest) -> Self {
        Self::new(request, |_| Ok(()))
    }
}

impl<R, Q: Clone> Clone for Operation<R, Q> {
    fn clone(&self) -> Self {
        Self { request: self.request.clone(), parse: self.parse }
    }
}

impl<R, Q: fmt::Debug> fmt::Debug for Operation<R, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.request, f)
    }
}

/// Reads a JSON reply.
///
/// # Errors
/// `Internal` if it is not what was expected.
pub fn json<T: DeserializeOwned>(reply: &Response<Bytes>) -> Result<T> {
    serde_json::from_slice(reply.body())
        .map_err(|error| Error::internal(format!("the reply could not be read: {error}")).with_source(error))
}

/// None if there is no such thing.
///
/// # Errors
/// All others.
pub fn or_missing<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gone already is as good as deleted.
///
/// # Errors
/// All but `NotFound`.
pub fn or_gone<T: Default>(result: Result<T>) -> Result<T> {
    or_missing(result).map(Option::unwrap_or_default)
}

/// Percent-encodes all but letters, digits and `-._~`.
pub fn encode(text: &str) -> String {
    encode_but(text, |_| false)
}

/// As [`encode`], but keeps `/`.
pub fn encode_path(path: &str) -> String {
    encode_but(path, |byte| byte == b'/')
}

fn encode_but(text: &str, kept: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::ErrorKind;
    use serde_json::{Value, json};

    use super::*;

    fn base() -> Url {
        Url::parse("http://127.0.0.1:9000/base/").unwrap()
    }

    #[test]
    fn the_address_is_put_together_below_the_base() {
        let request = RestRequest::new("PutThing", "things", Method::PUT)
            .segments(["things", "a/b ü"])
            .path("/x/y z")
            .query("filter", "name=\"a&b\"")
            .opt_query("page", None::<&str>);
        let call = request.call(&base()).unwrap();
        let expected = "http://127.0.0.1:9000/base/things/a%2Fb%20%C3%BC/x/y%20z?filter=name%3D%22a%26b%22";
        assert_eq!(call.url.as_str(), expected);
        assert_eq!(call.idempotency, Idempotency::Idempotent);
    }

    #[test]
    fn a_body_is_json_and_not_shown() {
        let request = RestRequest::new("PostThing", "things", Method::POST).json(&json!({ "p": "hunter2" }));
        assert!(!format!("{request:?}").contains("hunter2"));
        let call = request.call(&base()).unwrap();
        assert_eq!(call.headers["content-type"], "application/json");
        assert_eq!(call.idempotency, Idempotency::Once);
    }

    #[test]
    fn a_form_says_that_it_is_one() {
        let request = RestRequest::new("PostToken", "login", Method::POST).form([("scope", "a b&c")]);
        let call = request.call(&base()).unwrap();
        assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(call.body, "scope=a+b%26c");
    }

    #[test]
    fn a_bad_header_is_an_error() {
        let request =
            RestRequest::new("GetThing", "things", Method::GET).header(http::header::IF_MATCH, "a\nb");
        assert_eq!(request.call(&base()).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn a_reply_that_is_not_json_is_an_error() {
        let reply = Response::new(Bytes::from_static(b"<html>"));
        assert_eq!(json::<Value>(&reply).unwrap_err().kind(), ErrorKind::Internal);
    }

    #[test]
    fn what_is_missing_is_no_error_where_that_is_asked() {
        let missing = || Err::<(), _>(Error::new(ErrorKind::NotFound, "gone"));
        assert!(or_gone(missing()).is_ok());
        assert_eq!(or_missing(missing()).unwrap(), None);
        assert!(or_missing(Err::<(), _>(Error::internal("x"))).is_err());
    }
}
