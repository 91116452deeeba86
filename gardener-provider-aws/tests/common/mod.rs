//! What the conformance suite needs to know of AWS, whichever server stands in for it: samples, and what a call is.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod account;
pub(crate) mod samples;

use bytes::Bytes;
use gardener_provider_conformance::CallInfo;
use http::{Method, Request};

/// The operation of a request, and whether it changes something.
pub(crate) fn describe(request: &Request<Bytes>) -> CallInfo {
    let form = url::form_urlencoded::parse(request.body());
    if let Some((_, action)) = form.into_owned().find(|(key, _)| key == "Action") {
        let reads = ["Describe", "Get", "List", "AssumeRole"].iter().any(|verb| action.starts_with(verb));
        return if reads { CallInfo::reading(action) } else { CallInfo::changing(action) };
    }
    let uri = request.uri();
    let keys = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next());
    let operation = format!("{} {} ?{}", request.method(), uri.path(), keys.collect::<Vec<_>>().join("&"));
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        CallInfo::reading(operation)
    } else {
        CallInfo::changing(operation)
    }
}
