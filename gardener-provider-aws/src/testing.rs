//! A transport for tests: answers what it is told and remembers what was asked.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::{
    clock::TokioClock,
    retry::RetryPolicy,
    transport::{Request, Response, Transport, TransportError, TransportErrorKind},
};
use gardener_provider_core::{Region, SecretData};

use crate::{AwsProvider, AwsProviderBuilder};

#[derive(Default)]
pub(crate) struct Scripted {
    replies: Mutex<VecDeque<Response<Bytes>>>,
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The next reply. When there is none left the connection breaks.
    pub(crate) fn reply(self: &Arc<Self>, status: u16, body: impl Into<Bytes>) -> Arc<Self> {
        self.push(Response::builder().status(status).body(body.into()).unwrap())
    }

    pub(crate) fn reply_with(
        self: &Arc<Self>,
        status: u16,
        (name, value): (&'static str, &str),
        body: &str,
    ) -> Arc<Self> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.push(Response::builder().status(status).header(name, value).body(body).unwrap())
    }

    fn push(self: &Arc<Self>, reply: Response<Bytes>) -> Arc<Self> {
        self.replies.lock().unwrap().push_back(reply);
        Arc::clone(self)
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }

    /// The forms of the requests.
    pub(crate) fn forms(&self) -> Vec<std::collections::BTreeMap<String, String>> {
        let requests = self.requests();
        requests.iter().map(|r| url::form_urlencoded::parse(r.body()).into_owned().collect()).collect()
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.requests.lock().unwrap().push(request);
        let reply = self.replies.lock().unwrap().pop_front();
        reply.ok_or_else(|| TransportError::new(TransportErrorKind::Broken, "no reply left"))
    }
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
pub(crate) fn builder(script: &Arc<Scripted>) -> AwsProviderBuilder {
    AwsProvider::builder()
        .transport(Arc::clone(script) as _)
        .clock(Arc::new(TokioClock::starting_at(day())))
        .retry(RetryPolicy::none())
}
