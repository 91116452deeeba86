//! Writing a delta: JSON as it grows, in memory up to a bound and then in a nameless file.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::Arc,
    time::SystemTime,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::{Stream, stream};
use gardener_provider_core::{Error, Result};
use sha2::{Digest, Sha256};

use crate::{
    error::{file, task},
    etcd::WatchEvent,
    fetch::nameless_file,
};

/// Handed to the compressor in pieces of this size.
const BLOCK: usize = 1 << 20;
/// What is collected before it is hashed, and written if there is a file.
const STAGE: usize = 256 << 10;

/// A delta that grows.
#[derive(Debug)]
pub(crate) struct DeltaWriter {
    limits: Limits,
    /// The revision before its first.
    after: i64,
    last: i64,
    events: u64,
    hash: Sha256,
    /// JSON that is not hashed yet.
    stage: Vec<u8>,
    body: Body,
    length: u64,
}

/// Where a growing delta goes.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// More than this is moved to a file.
    pub(crate) memory: usize,
    /// The directory of that file.
    pub(crate) directory: PathBuf,
}

#[derive(Debug)]
enum Body {
    Memory(Vec<u8>),
    File(File),
}

/// A delta that is complete: whole revisions, with its hash. Reading it again gives the same bytes.
#[derive(Debug, Clone)]
pub(crate) struct Delta {
    pub(crate) start: i64,
    pub(crate) last: i64,
    pub(crate) events: u64,
    /// When its last event was seen.
    pub(crate) length: u64,
    body: SharedBody,
}

#[derive(Debug, Clone)]
enum SharedBody {
    Memory(Bytes),
    File(Arc<File>),
}

impl DeltaWriter {
    /// A delta that begins after this revision.
    pub(crate) fn new(after: i64, limits: Limits) -> Self {
        let (hash, body) = (Sha256::new(), Body::Memory(Vec::new()));
        Self { limits, after, last: after, events: 0, hash, stage: Vec::new(), body, length: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events == 0
    }

    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// Bytes of JSON so far.
    pub(crate) fn length(&self) -> u64 {
        self.length + self.stage.len() as u64
    }

    /// Adds an event that was seen at `seen`.
    ///
    /// # Errors
    /// `DataLoss` when a revision is missing before it: it cannot be part of this delta.
    pub(crate) fn push(&mut self, event: &WatchEvent, seen: &str) -> Result<()> {
        let kv = event.key_value()?;
        let follows = kv.mod_revision == self.last + 1 || (kv.mod_revision == self.last && !self.is_empty());
        if !follows {
            return Err(crate::error::damaged(
                "the watch",
                format!("revision {} follows {}", kv.mod_revision, self.last),
            ));
        }
        let delete = event.kind != 0;
        let out = &mut self.stage;
        out.extend_from_slice(if self.events == 0 { b"[" } else { b"," });
        out.extend_from_slice(if delete {
            br#"{"etcdEvent":{"type":1,"kv":{"key":""#
        } else {
            br#"{"etcdEvent":{"kv":{"key":""#
        });
        base64(&kv.key, out);
        out.push(b'"');
        // As etcd's own marshaller: what is zero is left out, and a deletion has nothing else.
        number(",\"create_revision\":", if delete { 0 } else { kv.create_revision }, out);
        number(",\"mod_revision\":", kv.mod_revision, out);
        number(",\"version\":", if delete { 0 } else { kv.version }, out);
        if !kv.value.is_empty() && !delete {
            out.extend_from_slice(br#","value":""#);
            base64(&kv.value, out);
            out.push(b'"');
        }
        number(",\"lease\":", if delete { 0 } else { kv.lease }, out);
        out.extend_from_slice(br#"}},"time":""#);
        out.extend_from_slice(seen.as_bytes());
        out.extend_from_slice(br#""}"#);
        self.last = kv.mod_revision;
        self.events += 1;
        if self.stage.len() >= STAGE { self.settle() } else { Ok(()) }
    }

    /// Hashes what was staged and moves it to where it stays.
    fn settle(&mut self) -> Result<()> {
        self.hash.update(&self.stage);
        self.length += self.stage.len() as u64;
        self.store_staged().map_err(|error| file("write a temporary file in", &self.limits.directory, error))
    }

    fn store_staged(&mut self) -> io::Result<()> {
        match &mut self.body {
            Body::Memory(held) if held.len() + self.stage.len() <= self.limits.memory => {
                held.extend_from_slice(&self.stage);
            }
            Body::Memory(held) => {
                let mut file = nameless_file(&self.limits.directory)?;
                file.write_all(held)?;
                file.write_all(&self.stage)?;
                self.body = Body::File(file);
            }
            Body::File(file) => file.write_all(&self.stage)?,
        }
        self.stage.clear();
        Ok(())
    }

    /// Ends the delta with its hash.
    pub(crate) fn seal(mut self) -> Result<Delta> {
        if self.is_empty() {
            return Err(Error::internal("an empty delta was sealed"));
        }
        self.stage.push(b']');
        self.settle()?;
        let hash = std::mem::take(&mut self.hash).finalize();
        self.stage.extend_from_slice(&hash);
        self.length += hash.len() as u64;
        self.store_staged()
            .map_err(|error| file("write a temporary file in", &self.limits.directory, error))?;
        let body = match self.body {
            Body::Memory(bytes) => SharedBody::Memory(bytes.into()),
            Body::File(file) => SharedBody::File(Arc::new(file)),
        };
        let (start, last) = (self.after + 1, self.last);
        Ok(Delta { start, last, events: self.events, length: self.length, body })
    }
}

impl Delta {
    /// All bytes, in blocks.
    pub(crate) fn blocks(&self) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        let (body, length) = (self.body.clone(), self.length);
        stream::try_unfold(0_u64, move |at| {
            let body = body.clone();
            async move {
                let size = (length - at).min(BLOCK as u64);
                if size == 0 {
                    return Ok(None);
                }
                let block = body.block(at, usize::try_from(size).unwrap_or(BLOCK)).await?;
                Ok(Some((block, at + size)))
            }
        })
    }
}

impl SharedBody {
    async fn block(self, at: u64, size: usize) -> Result<Bytes> {
        match self {
            Self::Memory(bytes) => {
                let at = usize::try_from(at).map_err(|error| Error::internal(error.to_string()))?;
                Ok(bytes.slice(at..at + size))
            }
            Self::File(file) => {
                let read = tokio::task::spawn_blocking(move || {
                    let mut block = vec![0; size];
                    file.read_exact_at(&mut block, at).map(|()| block)
                });
                let block = read.await.map_err(task)?;
                block.map(Bytes::from).map_err(|error| {
                    crate::error::file("read back", std::path::Path::new("a temporary file"), error)
                })
            }
        }
    }
}

/// The time of an event, as a delta carries it.
pub(crate) fn seen_at(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let at = out.len();
    // Four characters for every three bytes begun.
    out.resize(at + bytes.len().div_ceil(3) * 4, 0);
    let written = BASE64_STANDARD.encode_slice(bytes, &mut out[at..]).unwrap_or_default();
    debug_assert_eq!(at + written, out.len());
}

fn number(name: &str, number: i64, out: &mut Vec<u8>) {
    if number != 0 {
        out.extend_from_slice(name.as_bytes());
        // Writing to memory does not fail.
        let _ = write!(out, "{number}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{delta::decode, mvcc::KeyValue};
    use futures::TryStreamExt;
    use std::ops::ControlFlow;

    fn put(revision: i64, value: &'static [u8]) -> WatchEvent {
        let kv = KeyValue {
            key: Bytes::from_static(b"/a"),
            create_revision: 5,
            mod_revision: revision,
            version: 3,
            value: Bytes::from_static(value),
            lease: 0,
        };
        WatchEvent { kind: 0, kv: Some(kv) }
    }

    fn delete(revision: i64) -> WatchEvent {
        let kv = KeyValue { key: Bytes::from_static(b"/a"), mod_revision: revision, ..KeyValue::default() };
        WatchEvent { kind: 1, kv: Some(kv) }
    }

    fn writer(after: i64, memory: usize) -> DeltaWriter {
        DeltaWriter::new(after, Limits { memory, directory: std::env::temp_dir() })
    }

    async fn bytes(delta: &Delta) -> Vec<u8> {
        let blocks: Vec<Bytes> = delta.blocks().try_collect().await.unwrap();
        blocks.concat()
    }

    #[tokio::test]
    async fn the_json_is_that_of_etcd_backup_restore() {
        let mut writer = writer(8, 1 << 20);
        writer.push(&put(9, b"x"), "2026-07-24T12:00:00Z").unwrap();
        writer.push(&delete(10), "2026-07-24T12:00:01Z").unwrap();
        let delta = writer.seal().unwrap();
        assert_eq!((delta.start, delta.last, delta.events), (9, 10, 2));
        let bytes = bytes(&delta).await;
        let (json, hash) = bytes.split_at(bytes.len() - 32);
        let expected = concat!(
            r#"[{"etcdEvent":{"kv":{"key":"L2E=","create_revision":5,"mod_revision":9,"version":3,"value":"eA=="}},"#,
            r#""time":"2026-07-24T12:00:00Z"},"#,
            r#"{"etcdEvent":{"type":1,"kv":{"key":"L2E=","mod_revision":10}},"time":"2026-07-24T12:00:01Z"}]"#,
        );
        assert_eq!(String::from_utf8_lossy(json), expected);
        assert_eq!(hash, Sha256::digest(json).as_slice());
    }

    #[tokio::test]
    async fn a_delta_beyond_its_memory_reads_the_same_from_a_file() {
        static LARGE: [u8; 100_000] = [7; 100_000];
        let (mut small, mut large) = (writer(0, 300_000), writer(0, 1 << 30));
        for revision in 1..=20 {
            small.push(&put(revision, &LARGE), "").unwrap();
            large.push(&put(revision, &LARGE), "").unwrap();
        }
        let (small, large) = (small.seal().unwrap(), large.seal().unwrap());
        assert!(matches!(small.body, SharedBody::File(_)) && matches!(large.body, SharedBody::Memory(_)));
        let first = bytes(&small).await;
        assert!(first == bytes(&large).await && first == bytes(&small).await);
        let mut seen = 0;
        decode("a delta", crate::delta::Json::Slice(&first[..first.len() - 32]), &mut |change| {
            seen += 1;
            assert_eq!((change.mod_revision, change.value.len()), (seen, LARGE.len()));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        assert_eq!(seen, 20);
    }

    #[test]
    fn a_missing_revision_is_not_written() {
        let mut writer = writer(8, 1 << 20);
        assert!(writer.push(&put(10, b"x"), "").is_err());
        assert!(writer.push(&put(8, b"x"), "").is_err());
        writer.push(&put(9, b"x"), "").unwrap();
        writer.push(&put(9, b"y"), "").unwrap();
        assert!(writer.push(&put(11, b"x"), "").is_err());
        assert_eq!(writer.last(), 9);
    }
}
