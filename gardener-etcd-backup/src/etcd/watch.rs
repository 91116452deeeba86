//! Watching every key of the cluster.

use std::time::Duration;

use futures::FutureExt;
use gardener_provider_core::{Error, Result};
use http::uri::PathAndQuery;
use prost::Message;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use super::{
    client::{Etcd, Token, authorized},
    proto::{ResponseHeader, WATCH},
};
use crate::mvcc::KeyValue;

#[derive(Clone, PartialEq, Eq, Message)]
struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    create: Option<WatchCreate>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct WatchCreate {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    start_revision: i64,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct WatchResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<ResponseHeader>,
    #[prost(bool, tag = "3")]
    created: bool,
    #[prost(bool, tag = "4")]
    canceled: bool,
    #[prost(int64, tag = "5")]
    compact_revision: i64,
    #[prost(string, tag = "6")]
    cancel_reason: String,
    #[prost(message, repeated, tag = "11")]
    events: Vec<WatchEvent>,
}

/// A change as etcd reports it.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct WatchEvent {
    /// 0 is a put, 1 a deletion.
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) kv: Option<KeyValue>,
}

/// What a watch says next.
#[derive(Debug)]
pub(crate) enum Watched {
    /// Changes in order, whole revisions only. `cluster` is the id of the cluster that reported them.
    Events(Vec<WatchEvent>),
    /// The revision to watch from was compacted away.
    Compacted(i64),
}

/// A watch under way.
pub(crate) struct WatchStream {
    stream: Streaming<WatchResponse>,
    /// The watch ends when this is dropped.
    _requests: mpsc::Sender<WatchRequest>,
    etcd: Etcd,
    member: usize,
}

impl Etcd {
    /// Watches all keys from this revision on.
    pub(crate) async fn watch(&self, start_revision: i64) -> Result<WatchStream> {
        self.on_any(|member| self.watch_at(member, start_revision).boxed()).await
    }

    async fn watch_at(&self, member: usize, start_revision: i64) -> Result<WatchStream> {
        let opened = self.with_login(|token| self.open_watch(member, start_revision, token).boxed());
        let (stream, requests) = opened.await.map_err(|status| self.error(member, WATCH, &status))?;
        Ok(WatchStream { stream, _requests: requests, etcd: self.clone(), member })
    }

    async fn open_watch(
        &self,
        member: usize,
        start_revision: i64,
        token: Option<Token>,
    ) -> Result<Opened, Status> {
        let (requests, mut receiver) = mpsc::channel(1);
        // One zero byte to one zero byte is every key.
        let create = WatchCreate { key: vec![0], range_end: vec![0], start_revision };
        let create = WatchRequest { create: Some(create) };
        requests.send(create).await.map_err(|_| Status::internal("the request was not taken"))?;
        let receiver = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
        let mut client = self.client(member).await?;
        let request = authorized(receiver, token);
        let call = client.streaming(request, PathAndQuery::from_static(WATCH), ProstCodec::default());
        Ok((self.in_time(call).await?, requests))
    }
}

type Opened = (Streaming<WatchResponse>, mpsc::Sender<WatchRequest>);

impl WatchStream {
    /// Waits for the next changes. Waiting is safe to give up and take up again.
    pub(crate) async fn next(&mut self) -> Result<Watched> {
        loop {
            let response = self.stream.message().await;
            let response = response.map_err(|status| self.etcd.error(self.member, WATCH, &status))?;
            let Some(response) = response else {
                let status = Status::unavailable("the watch ended");
                return Err(self.etcd.error(self.member, WATCH, &status));
            };
            if response.compact_revision > 0 {
                return Ok(Watched::Compacted(response.compact_revision));
            }
            if response.canceled {
                let status =
                    Status::unavailable(format!("the watch was cancelled: {}", response.cancel_reason));
                return Err(self.etcd.error(self.member, WATCH, &status));
            }
            if !response.events.is_empty() {
                return Ok(Watched::Events(response.events));
            }
        }
    }
}

/// How long to wait before the `attempt`th try, from half a second to half a minute.
pub(crate) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(500 << attempt.min(6)).min(Duration::from_secs(30))
}

impl WatchEvent {
    /// The change, which etcd always sends.
    pub(crate) fn key_value(&self) -> Result<&KeyValue> {
        self.kv.as_ref().ok_or_else(|| Error::internal("etcd sent an event without a key"))
    }
}
