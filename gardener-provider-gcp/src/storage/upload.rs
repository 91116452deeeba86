//! A large object on its way: parts are sent one after the other, and after a broken connection from where it broke.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use gardener_provider_core::{Error, ErrorKind, Result};
use object_store::{MultipartUpload, PutPayload, PutResult, UploadPart, path::Path};
use tokio::sync::{Mutex, watch};

use super::{
    Scope,
    objects::{told, written},
};
use crate::api::storage::{
    objects::Object,
    uploads::{self, GRAIN, Progress, Session},
};

/// No call carries more, so that each is over well within its time.
const LARGEST: usize = 16 << 20;
/// How often in a row a part may fail without a byte more being stored.
const ATTEMPTS: u32 = 6;

/// An object that is being written.
pub(super) struct Upload {
    shared: Arc<Shared>,
    parts: usize,
}

struct Shared {
    scope: Arc<Scope>,
    path: Path,
    session: Session,
    stream: Mutex<Stream>,
    /// The number of the part whose turn it is; `None` once a part failed or was dropped.
    turn: watch::Sender<Option<usize>>,
}

/// What is on its way.
#[derive(Default)]
struct Stream {
    stored: u64,
    /// What is too little for a part of its own.
    rest: BytesMut,
}

impl Upload {
    pub(super) fn new(scope: Arc<Scope>, path: Path, session: Session) -> Self {
        let turn = watch::Sender::new(Some(0));
        let stream = Mutex::default();
        Self { shared: Arc::new(Shared { scope, path, session, stream, turn }), parts: 0 }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("path", &self.shared.path)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let turn = Turn { shared: Arc::clone(&self.shared), part: self.parts, done: false };
        self.parts += 1;
        Box::pin(async move {
            let path = turn.shared.path.clone();
            turn.take(data).await.map_err(|error| told(&path, error))
        })
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let shared = &self.shared;
        let finished = async {
            if *shared.turn.borrow() != Some(self.parts) {
                return Err(Error::new(ErrorKind::FailedPrecondition, "a part was not written"));
            }
            let mut stream = shared.stream.lock().await;
            let data = stream.rest.split().freeze();
            let total = stream.stored + data.len() as u64;
            let done = shared.send(&mut stream, data, Some(total)).await?;
            done.ok_or_else(|| Error::internal("all parts are stored, and there is no object"))
        };
        finished.await.map(|object| written(&object)).map_err(|error| told(&shared.path, error))
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        let Shared { scope, session, path, .. } = &*self.shared;
        match scope.run(&uploads::cancel(session)).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(told(path, error)),
            // Anything else says that there is no such upload any more.
            _ => Ok(()),
        }
    }
}

/// The right of one part to be written after those before it. Dropped unused, no later part may be written.
struct Turn {
    shared: Arc<Shared>,
    part: usize,
    done: bool,
}

impl Turn {
    async fn take(mut self, data: PutPayload) -> Result<()> {
        let mut turn = self.shared.turn.subscribe();
        let reached = turn.wait_for(|now| now.is_none_or(|part| part == self.part)).await;
        let is_ours = reached.is_ok_and(|now| now.is_some());
        if !is_ours {
            return Err(Error::new(ErrorKind::FailedPrecondition, "a part before this one was not written"));
        }
        let mut stream = self.shared.stream.lock().await;
        for piece in &data {
            stream.rest.extend_from_slice(piece);
        }
        while stream.rest.len() >= GRAIN {
            let whole = (stream.rest.len() / GRAIN * GRAIN).min(LARGEST);
            let data = stream.rest.split_to(whole).freeze();
            self.shared.send(&mut stream, data, None).await?;
        }
        drop(stream);
        self.done = true;
        self.shared.turn.send_replace(Some(self.part + 1));
        Ok(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.done {
            self.shared.turn.send_replace(None);
        }
    }
}

impl Shared {
    /// Sends what follows the stored bytes until all of it is stored; the object, if that was the end.
    async fn send(
        &self,
        stream: &mut Stream,
        data: Bytes,
        total: Option<u64>,
    ) -> Result<Option<Box<Object>>> {
        let begin = stream.stored;
        let end = begin + data.len() as u64;
        let mut failures = 0;
        loop {
            let sent = usize::try_from(stream.stored - begin).unwrap_or(usize::MAX);
            let rest = data.slice(sent.min(data.len())..);
            let part = uploads::part(&self.session, stream.stored, rest, total);
            let progress = match self.scope.run(&part).await {
                Ok(progress) => progress,
                Err(error) if error.kind() == ErrorKind::Unavailable && failures < ATTEMPTS => {
                    failures += 1;
                    self.scope.session.clock().sleep(Duration::from_millis(500) * failures).await;
                    self.scope.run(&uploads::status(&self.session)).await?
                }
                Err(error) => return Err(error),
            };
            match progress {
                Progress::Done(object) if total.is_some() => return Ok(Some(object)),
                Progress::Done(_) => return Err(Error::internal("the object was ended before its end")),
                Progress::Stored(stored) if !(begin..=end).contains(&stored) => {
                    let message = format!("{stored} bytes are stored, between {begin} and {end} were sent");
                    return Err(Error::new(ErrorKind::DataLoss, message));
                }
                Progress::Stored(stored) => {
                    failures = if stored > stream.stored { 0 } else { failures + 1 };
                    stream.stored = stored;
                    if stored == end && total.is_none() {
                        return Ok(None);
                    }
                    if failures > ATTEMPTS {
                        return Err(Error::new(ErrorKind::Unavailable, "no more bytes are being stored"));
                    }
                }
            }
        }
    }
}
