//! What the conformance suite needs to know of Google Cloud: samples, and what a call is.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod account;
pub(crate) mod machines;
pub(crate) mod samples;
pub(crate) mod storage;

use bytes::Bytes;
use gardener_provider_conformance::CallInfo;
use http::{Method, Request};

/// The operation of a request, and whether it changes something. Waiting for an operation and asking for a token are posted
/// and change nothing.
pub(crate) fn describe(request: &Request<Bytes>) -> CallInfo {
    let path = request.uri().path();
    let host = request.uri().host().unwrap_or_default();
    let operation = format!("{} {host}{path}", request.method());
    let is_token =
        ["oauth2.", "sts.", "iamcredentials.", "metadata."].iter().any(|name| host.starts_with(name));
    let reads =
        matches!(*request.method(), Method::GET | Method::HEAD) || path.ends_with("/wait") || is_token;
    if reads { CallInfo::reading(operation) } else { CallInfo::changing(operation) }
}
