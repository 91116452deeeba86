//! One API call, described before it is sent.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use gardener_provider_core::{Error, Result};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use url::Url;

/// Whether a call may be repeated when nobody knows if it was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Idempotency {
    /// It changes nothing.
    Safe,
    /// Carried out twice, it leaves the same as carried out once: deletion by id, PUT by name, creation with a token.
    Idempotent,
    /// It may be sent again only if the server certainly did not carry it out.
    Once,
}

impl Idempotency {
    /// What a method promises: GET and HEAD change nothing, PUT and DELETE may be carried out twice.
    pub fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Safe,
            Method::PUT | Method::DELETE => Self::Idempotent,
            _ => Self::Once,
        }
    }
}

/// A request builder's product: everything about a call but the credentials.
#[derive(Clone)]
#[non_exhaustive]
pub struct Call {
    /// The operation by the cloud's name for it, for errors, traces and metrics.
    pub operation: Cow<'static, str>,
    /// The API family whose rate limit it counts against.
    pub family: &'static str,
    /// Whether it may be repeated.
    pub idempotency: Idempotency,
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The headers, without authorization.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// No longer than this for one attempt; the client's default unless told.
    pub timeout: Option<Duration>,
}

/// Query, headers and body may hold secrets (user data, keys, tokens), so none of them is shown.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.operation)
            .field("idempotency", &self.idempotency)
            .field("method", &self.method)
            .field("path", &self.url.path())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Call {
    /// A call without headers and body, to be repeated as its method may be ([`Idempotency::of`]) unless told.
    pub fn new(
        operation: impl Into<Cow<'static, str>>,
        family: &'static str,
        method: Method,
        url: Url,
    ) -> Self {
        let idempotency = Idempotency::of(&method);
        Self {
            operation: operation.into(),
            family,
            idempotency,
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
        }
    }

    /// Sets whether it may be repeated.
    pub fn with_idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }

    /// Sets a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the body and its content type.
    pub fn with_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Sets the longest one attempt may take.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The request of one attempt, not yet authorized.
    pub(crate) fn request(&self) -> Result<Request<Bytes>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.url.as_str())
            .body(self.body.clone())
            .map_err(|error| {
                Error::internal("the request could not be built")
                    .with_operation(self.operation.clone())
                    .with_source(error)
            })?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_that_may_be_secret() {
        let call =
            Call::new("PostThing", "things", Method::POST, Url::parse("https://x/t?sig=hunter2").unwrap())
                .with_header(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer hunter2"))
                .with_body("text/plain", "hunter2");
        assert_eq!(
            format!("{call:?}"),
            r#"Call { operation: "PostThing", idempotency: Once, method: POST, path: "/t", body_bytes: 7, .. }"#
        );
    }
}
