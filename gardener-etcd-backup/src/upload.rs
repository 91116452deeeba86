//! Writing an object of unknown length in parallel parts while its bytes are still being made.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use gardener_provider_core::{Error, Result};
use object_store::{
    Error as Exists, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    path::Path,
};
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
    /// Refuse to write over an object of other bytes, if it is small enough to go in one piece; stores offer no such
    /// condition for parts.
    pub(crate) only_new: bool,
}

impl Parts {
    /// Parts so large that `expected` bytes, doubled to be safe, fit in the number that stores allow.
    pub(crate) fn for_size(expected: u64, at_least: u64, parallel: usize) -> Self {
        let size = (expected.saturating_mul(2) / MAX_PARTS).max(at_least).max(MIN_PART);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        Self { size, parallel: parallel.max(1), only_new: false }
    }

    pub(crate) fn only_new(mut self) -> Self {
        self.only_new = true;
        self
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
            let bytes = buffer.take();
            if parts.only_new {
                create(objects, path, bytes).await?;
            } else {
                objects.put(path, bytes).await.map_err(|error| store(&format!("write {path}"), error))?;
            }
            return Ok(length);
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

/// Writes an object that is not there yet. One of the same bytes is: a repeated attempt made it.
async fn create(objects: &Arc<dyn ObjectStore>, path: &Path, bytes: PutPayload) -> Result<()> {
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let put = objects.put_opts(path, bytes.clone(), options).await;
    let failed = |error| store(&format!("write {path}"), error);
    let refusal = match put {
        Ok(_) => return Ok(()),
        Err(error @ (Exists::AlreadyExists { .. } | Exists::Precondition { .. })) => error,
        Err(Exists::NotImplemented { .. } | Exists::NotSupported { .. }) => {
            return objects.put(path, bytes).await.map(drop).map_err(failed);
        }
        Err(error) => return Err(failed(error)),
    };
    let there = objects.get(path).await.map_err(failed)?.bytes().await.map_err(failed)?;
    if bytes.iter().flat_map(AsRef::<[u8]>::as_ref).eq(&there) { Ok(()) } else { Err(failed(refusal)) }
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
