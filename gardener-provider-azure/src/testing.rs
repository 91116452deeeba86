//! What tests of this crate share.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use gardener_provider_client::{clock::TokioClock, fake::FakeTransport, retry::RetryPolicy};
use gardener_provider_core::SecretData;
use http::{Request, Response};

use crate::{AzureProvider, AzureProviderBuilder, endpoints::Cloud, session::Session};

pub(crate) const SUBSCRIPTION: &str = "00000000-5b5c-0000-0000-000000000001";
pub(crate) const TENANT: &str = "00000000-7e4a-0000-0000-000000000002";
pub(crate) const CLIENT: &str = "00000000-c11e-0000-0000-000000000003";
pub(crate) const SECRET: &str = "hunter2~NotForYourEyes";

/// 2026-11-22 08:00 UTC.
pub(crate) fn day() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_334_400)
}

pub(crate) fn identity() -> SecretData {
    SecretData::new().with("clientID", CLIENT).with("tenantID", TENANT).with("subscriptionID", SUBSCRIPTION)
}

pub(crate) fn secret() -> SecretData {
    identity().with("clientSecret", SECRET)
}

/// A provider over the script, without retries.
pub(crate) fn builder(script: &Arc<FakeTransport>) -> AzureProviderBuilder {
    AzureProvider::builder()
        .transport(Arc::clone(script) as _)
        .clock(Arc::new(TokioClock::starting_at(day())))
        .retry(RetryPolicy::none())
        .rates(Vec::new())
}

pub(crate) fn session(script: &Arc<FakeTransport>) -> Arc<Session> {
    builder(script).sessions().unwrap().get(&secret(), Cloud::Public).unwrap()
}

/// A script that begins with a token.
pub(crate) fn script() -> FakeTransport {
    FakeTransport::new().reply(200, token("tok-1"))
}

pub(crate) fn token(text: &str) -> String {
    format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{text}"}}"#)
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut reply = Response::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(*name, *value);
    }
    reply.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

/// Methods and paths of what was sent, tokens left out.
pub(crate) fn sent(script: &FakeTransport) -> Vec<String> {
    let is_call = |request: &&Request<Bytes>| !request.uri().path().ends_with("/oauth2/v2.0/token");
    let requests = script.requests();
    let calls = requests.iter().filter(is_call);
    calls.map(|request| format!("{} {}", request.method(), request.uri().path())).collect()
}
