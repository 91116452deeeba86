//! An object store that fails where it is told.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "helpers of tests")]

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
    memory::InMemory, path::Path,
};

/// Numbers that look random and are the same for the same seed.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and nothing happened.
    Refused,
    /// The call fails, but what it asked for was done.
    ReplyLost,
    /// The bytes that are read end early, without an error.
    Short(usize),
    /// The bytes that are read end early, with an error.
    Cut(usize),
    /// One bit of the bytes that are read is another.
    Flipped(usize),
}

/// Where it goes wrong: the so manieth call of its kind, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Put,
    Begin,
    Part,
    Complete,
    Get,
    List,
}

#[derive(Debug, Clone)]
pub struct Planned {
    pub call: Call,
    pub at: usize,
    pub fault: Fault,
}

#[derive(Debug, Default)]
struct State {
    plan: Vec<Planned>,
    counts: [usize; 6],
    hit: usize,
}

#[derive(Debug, Clone)]
pub struct Flaky {
    inner: Arc<InMemory>,
    state: Arc<Mutex<State>>,
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flaky")
    }
}

fn failure() -> Error {
    Error::Generic { store: "flaky", source: "503 as planned".into() }
}

impl Flaky {
    pub fn new(inner: Arc<InMemory>, plan: Vec<Planned>) -> Self {
        Self { inner, state: Arc::new(Mutex::new(State { plan, ..State::default() })) }
    }

    /// How many of the planned faults happened.
    pub fn hits(&self) -> usize {
        self.state.lock().unwrap().hit
    }

    fn fault(&self, call: Call) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let at = state.counts[call as usize];
        state.counts[call as usize] += 1;
        let fault = state.plan.iter().find(|planned| planned.call == call && planned.at == at)?.fault;
        state.hit += 1;
        Some(fault)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let fault = self.fault(Call::Put);
        if fault == Some(Fault::Refused) {
            return Err(failure());
        }
        let result = self.inner.put_opts(path, payload, options).await;
        if fault.is_some() { Err(failure()) } else { result }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if self.fault(Call::Begin).is_some() {
            return Err(failure());
        }
        let inner = self.inner.put_multipart_opts(path, options).await?;
        Ok(Box::new(FlakyUpload { inner, store: self.clone() }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let fault = self.fault(Call::Get);
        if matches!(fault, Some(Fault::Refused | Fault::ReplyLost)) {
            return Err(failure());
        }
        let result = self.inner.get_opts(path, options).await?;
        let Some(fault) = fault else { return Ok(result) };
        let (meta, range, attributes, extensions) =
            (result.meta.clone(), result.range.clone(), result.attributes.clone(), result.extensions.clone());
        let bytes = result.bytes().await?;
        let stream = futures::stream::iter(spoil(bytes, fault)).boxed();
        Ok(GetResult { payload: GetResultPayload::Stream(stream), meta, range, attributes, extensions })
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.fault(Call::List).is_some() {
            return futures::stream::iter([Err(failure())]).boxed();
        }
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn spoil(bytes: Bytes, fault: Fault) -> Vec<Result<Bytes>> {
    match fault {
        Fault::Short(at) => vec![Ok(bytes.slice(..at % bytes.len().max(1)))],
        Fault::Cut(at) => vec![Ok(bytes.slice(..at % bytes.len().max(1))), Err(failure())],
        Fault::Flipped(at) if !bytes.is_empty() => {
            let mut bytes = bytes.to_vec();
            let place = at / 8 % bytes.len();
            bytes[place] ^= 1 << (at % 8);
            vec![Ok(bytes.into())]
        }
        _ => vec![Err(failure())],
    }
}

#[derive(Debug)]
struct FlakyUpload {
    inner: Box<dyn MultipartUpload>,
    store: Flaky,
}

#[async_trait::async_trait]
impl MultipartUpload for FlakyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        if self.store.fault(Call::Part).is_some() {
            return Box::pin(async { Err(failure()) });
        }
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let fault = self.store.fault(Call::Complete);
        if fault == Some(Fault::Refused) {
            return Err(failure());
        }
        let result = self.inner.complete().await;
        if fault.is_some() { Err(failure()) } else { result }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
