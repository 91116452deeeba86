//! What the conformance suite needs to know of Azure, whichever server stands in for it: samples, and what a call is.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod account;
pub(crate) mod samples;

use bytes::Bytes;
use gardener_provider_conformance::CallInfo;
use http::{Method, Request};

/// The operation of a request, and whether it changes something.
pub(crate) fn describe(request: &Request<Bytes>) -> CallInfo {
    let path = request.uri().path();
    let operation = format!("{} {path}", request.method());
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // A token and a list of keys are asked for with POST.
    let asks = ["/oauth2/v2.0/token", "/listKeys"].iter().any(|end| path.ends_with(end));
    if reads || asks { CallInfo::reading(operation) } else { CallInfo::changing(operation) }
}
