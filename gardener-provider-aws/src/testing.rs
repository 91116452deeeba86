//! What the tests of this crate share.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use gardener_provider_client::{clock::TokioClock, fake::FakeTransport, retry::RetryPolicy};
use gardener_provider_core::{Region, SecretData};

use crate::{AwsProvider, AwsProviderBuilder};

/// The forms of the requests that were sent.
pub(crate) fn forms(script: &FakeTransport) -> Vec<BTreeMap<String, String>> {
    let requests = script.requests();
    requests.iter().map(|r| url::form_urlencoded::parse(r.body()).into_owned().collect()).collect()
}

/// 2026-11-22 08:00 UTC.
pub(crate) fn day() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_334_400)
}

pub(crate) const KEY: &str = "AKIDSECRETISH";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub(crate) fn secret() -> SecretData {
    SecretData::new().with("accessKeyID", KEY).with("secretAccessKey", SECRET)
}

pub(crate) fn region() -> Region {
    Region::new("eu-west-1").unwrap()
}

/// A provider over the script, without retries.
pub(crate) fn builder(script: &FakeTransport) -> AwsProviderBuilder {
    AwsProvider::builder()
        .transport(Arc::new(script.clone()))
        .clock(Arc::new(TokioClock::starting_at(day())))
        .retry(RetryPolicy::none())
}
