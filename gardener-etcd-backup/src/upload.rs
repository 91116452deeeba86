//! Writing an object of unknown length in parallel parts while its bytes are still being made.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use gardener_provider_core::{Error, Result};
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use tokio::task::{JoinError, JoinSet};

use crate::error::{store, task};

/// Stores allow no fewer than this many parts (S3: 10,000), and no smaller ones than 5 MiB.
const MAX_PARTS: u64 = 9_000;
const MIN_PART: u64 = 5 << 20;

/// How an object is cut into parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) size: usize,
    /// How many may be under way at once.
    pub(crate) parallel: usize,
}

impl Parts {
    /// Parts so large that `expected` bytes, doubled to be safe, fit in the number that stores allow.
    pub(crate) fn for_size(expected: u64, at_least: u64, parallel: usize) -> Self {
        let size = (expected.saturating_mul(2) / MAX_PARTS).max(at_least).max(MIN_PART);
        Self { size: usize::try_from(size).unwrap_or(usize::MAX), parallel: parallel.max(1) }
    }
}

type Blocks = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Uploads all blocks as one object and answers its size. Nothing shows under `path` unless all of it arrived: a failure
/// of the blocks or of the store aborts the upload.
pub(crate) async fn upload(
    objects: &Arc<dyn ObjectStore>,
    path: &Path,
    parts: Parts,
    mut blocks: Blocks,
) -> Result<u64> {
    let mut buffer = Buffer::default();
    while buffer.length < parts.size {
        let Some(block) = blocks.next().await else {
            let length = buffer.length as u64;
            let put = objects.put(path, buffer.take()).await;
            return put.map(|_| length).map_err(|error| store(&format!("write {path}"), error));
        };
        buffer.push(block?);
    }
    let upload = objects.put_multipart(path).await;
    let upload = upload.map_err(|error| store(&format!("begin writing {path}"), error))?;
    let mut guard = Guard { upload: Some(upload), path: path.clone() };
    match in_parts(&mut guard, parts, buffer, blocks).await {
        Ok(length) => Ok(length),
        Err(error) => {
            guard.abort().await;
            Err(error)
        }
    }
}

async fn in_parts(guard: &mut Guard, parts: Parts, mut buffer: Buffer, mut blocks: Blocks) -> Result<u64> {
    let path = guard.path.clone();
    let done = |part: Result<object_store::Result<()>, JoinError>| -> Result<(), Error> {
        part.map_err(task)?.map_err(|error| store(&format!("write a part of {path}"), error))
    };
    let mut total = 0;
    // Dropping it stops what is under way.
    let mut pending = JoinSet::new();
    let mut ended = false;
    while !ended {
        while buffer.length < parts.size {
            let Some(block) = blocks.next().await else {
                ended = true;
                break;
            };
            buffer.push(block?);
        }
        if buffer.length == 0 {
            break;
        }
        total += buffer.length as u64;
        while pending.len() >= parts.parallel {
            pending.join_next().await.map_or(Ok(()), done)?;
        }
        if let Some(upload) = &mut guard.upload {
            pending.spawn(upload.put_part(buffer.take()));
        }
    }
    while let Some(part) = pending.join_next().await {
        done(part)?;
    }
    if let Some(upload) = &mut guard.upload {
        upload.complete().await.map_err(|error| store(&format!("complete {path}"), error))?;
    }
    guard.upload = None;
    Ok(total)
}

/// Aborts the upload when it is dropped unfinished, since stores keep and charge for parts without end.
struct Guard {
    upload: Option<Box<dyn MultipartUpload>>,
    path: Path,
}

impl Guard {
    async fn abort(&mut self) {
        if let Some(mut upload) = self.upload.take()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(path = %self.path, %error, "an unfinished upload could not be aborted");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Handle::try_current();
        if let (Some(mut upload), Ok(runtime)) = (self.upload.take(), runtime) {
            runtime.spawn(async move { upload.abort().await });
        }
    }
}

#[derive(Default)]
struct Buffer {
    blocks: Vec<Bytes>,
    length: usize,
}

impl Buffer {
    fn push(&mut self, block: Bytes) {
        self.length += block.len();
        self.blocks.push(block);
    }

    fn take(&mut self) -> PutPayload {
        self.length = 0;
        self.blocks.drain(..).collect()
    }
}
