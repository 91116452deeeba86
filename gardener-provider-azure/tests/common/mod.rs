//! What the conformance suite needs to know of Azure: samples, and what a call is.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod machines;
pub(crate) mod operator;
pub(crate) mod samples;
pub(crate) mod storage;

use bytes::Bytes;
use gardener_provider_conformance::CallInfo;
use http::{Method, Request};

/// What a POST that only reads ends with.
const READING_POSTS: &[&str] = &[
    "/oauth2/v2.0/token",
    "/providers/microsoft.resourcegraph/resources",
    "/providers/microsoft.storage/checknameavailability",
    "/listkeys",
];

/// The operation of a request, and whether it changes something.
pub(crate) fn describe(request: &Request<Bytes>) -> CallInfo {
    let (method, path) = (request.method(), request.uri().path());
    let operation = format!("{method} {path}");
    let reads = match *method {
        Method::GET | Method::HEAD => true,
        Method::POST => READING_POSTS.iter().any(|end| path.to_ascii_lowercase().ends_with(end)),
        _ => false,
    };
    if reads { CallInfo::reading(operation) } else { CallInfo::changing(operation) }
}
