//! Changes that Azure carries out in the background.
//!
//! A reply with 200 or 204 and no more says that all is done. Else the reply names an address to look at
//! (`Azure-AsyncOperation`, or `Location`), or the resource's own `provisioningState` tells. `Retry-After` says when to look
//! again. Source: <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations>
//!
//! [`Session::change`](crate::session::Session::change) carries a [`Change`] out.

use std::time::Duration;

use bytes::Bytes;
use gardener_provider_client::rest::{Parse, RestRequest};
use gardener_provider_core::{Error, Result};
use http::{Method, Response, StatusCode, header::LOCATION};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ResourceId, family, json, request};
use crate::dialect;

/// A creation, update or deletion, and how to see whether it is done. It may be carried out twice.
#[derive(Debug, Clone)]
pub struct Change<R> {
    /// The request that begins it.
    pub request: RestRequest,
    /// Reads the resource.
    pub look: RestRequest,
    /// Reads what is there in the end.
    pub(crate) parse: Parse<R>,
    /// True if the resource is to be gone in the end.
    pub(crate) deletes: bool,
    /// When to give up. Azure goes on.
    pub(crate) limit: Duration,
}

/// What most changes are done within, by far.
const LIMIT: Duration = Duration::from_secs(15 * 60);

impl<R: DeserializeOwned> Change<R> {
    /// A creation or update: `request` is a PUT or PATCH, `look` the GET of the same resource.
    pub fn new(request: RestRequest, look: RestRequest) -> Self {
        Self { request, look, parse: json, deletes: false, limit: LIMIT }
    }
}

impl Change<()> {
    /// The deletion of a resource. That it is gone already is as good.
    pub fn deletion(
        operation: &'static str,
        read: &'static str,
        family: &'static str,
        id: &ResourceId,
        version: &str,
    ) -> Self {
        Self {
            request: request(operation, family, Method::DELETE, id, version),
            look: request(read, family::READ, Method::GET, id, version),
            parse: |_| Ok(()),
            deletes: true,
            limit: LIMIT,
        }
    }
}

impl<R> Change<R> {
    /// Sets when to give up; 15 minutes unless told.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Adds a pair to the query of the request that begins it.
    #[must_use]
    pub fn with_query(mut self, key: &str, value: &str) -> Self {
        self.request = self.request.query(key, value);
        self
    }
}

/// Where to see how a change is going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watch {
    /// Nowhere: it is done, and the reply is the resource.
    Done,
    /// At an address that answers `{"status": …}`.
    Status(String),
    /// At an address that answers 202 until it is done.
    Location(String),
    /// At the resource itself.
    Resource,
}

impl Watch {
    /// What the reply to the first request says.
    pub fn of(reply: &Response<Bytes>, deletes: bool) -> Self {
        let text = |name| reply.headers().get(name)?.to_str().ok().map(str::to_owned);
        if let Some(url) = text("azure-asyncoperation") {
            return Self::Status(url);
        }
        match text(LOCATION.as_str()) {
            Some(url) if matches!(reply.status(), StatusCode::ACCEPTED | StatusCode::CREATED) => {
                Self::Location(url)
            }
            _ if reply.status() == StatusCode::ACCEPTED => Self::Resource,
            _ if deletes || State::of(reply) == State::Done => Self::Done,
            _ => Self::Resource,
        }
    }
}

/// How a change is going.
#[derive(Debug)]
pub enum State {
    Running,
    Done,
    Failed(Error),
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl State {
    /// What the address of an operation answers.
    pub fn of_operation(reply: &Response<Bytes>) -> Result<Self> {
        let body: Value = json(reply)?;
        let status = body.get("status").and_then(Value::as_str);
        let status = status.ok_or_else(|| Error::internal("the reply says no status of the operation"))?;
        Ok(Self::named(status, &body))
    }

    /// What a resource says of itself; those without a `provisioningState` are done.
    pub fn of(reply: &Response<Bytes>) -> Self {
        let body: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
        match body.pointer("/properties/provisioningState").and_then(Value::as_str) {
            Some(state) => Self::named(state, &body),
            None => Self::Done,
        }
    }

    fn named(state: &str, body: &Value) -> Self {
        let is = |name: &str| state.eq_ignore_ascii_case(name);
        if is("Succeeded") {
            return Self::Done;
        }
        if !(is("Failed") || is("Canceled") || is("Cancelled")) {
            return Self::Running;
        }
        let told = body.get("error").or_else(|| body.pointer("/properties/error"));
        let told = told.filter(|error| error.is_object());
        let mut error = match told {
            Some(error) => dialect::describe(error, StatusCode::OK),
            None if is("Failed") => Error::internal("it failed, and Azure does not say why"),
            None => Error::new(
                gardener_provider_core::ErrorKind::Conflict,
                "it was cancelled, by somebody or by another change",
            ),
        };
        if let Some(id) = body.get("name").and_then(Value::as_str).filter(|_| body.get("status").is_some()) {
            error = error.with_request_id(id);
        }
        Self::Failed(error)
    }
}
