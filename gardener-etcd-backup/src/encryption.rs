//! Encryption of snapshots before they leave the process. Opt-in: etcd-backup-restore cannot read what was encrypted.
//!
//! # Format
//! The object's name carries `.enc` after the compression, so that a reader without keys refuses it rather than taking
//! it for damage. Inside, after compression:
//!
//! ```text
//! "GEPENC01"                 8 bytes
//! length of the header       4 bytes, big-endian
//! header                     JSON: the id of the wrapping key, the wrapped data key, the size of a segment
//! segments                   AES-256-GCM of so many bytes each, the last of fewer, with 16 bytes of tag each
//! ```
//! Every object has a data key of its own, so a nonce need not be random: it is the segment's number, and one bit for the
//! last, so that segments can be neither reordered nor cut off. What is authenticated with each segment is the header and
//! the snapshot's name: an object that was renamed does not open.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read},
    pin::Pin,
    sync::Arc,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand,
};
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt, future::BoxFuture, stream};
use gardener_provider_core::{Error, ErrorKind, Redacted, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{SnapshotName, error::damaged};

const MAGIC: &[u8; 8] = b"GEPENC01";
const TAG: usize = 16;
const NONCE: usize = 12;
const SEGMENT: usize = 64 << 10;
/// A header has some hundred bytes; a segment is never larger than this.
const MAX_HEADER: usize = 64 << 10;
const MAX_SEGMENT: usize = 16 << 20;

/// 256 bits that encrypt.
pub type Key = Redacted<[u8; 32]>;

/// A data key, encrypted by a key that does not leave its keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrappedKey {
    /// Which key wrapped it.
    pub key_id: String,
    /// The data key, wrapped.
    #[serde(with = "in_base64")]
    pub wrapped_key: Vec<u8>,
}

/// Who keeps the keys that wrap data keys: a key management service, or [`StaticKeys`].
pub trait KeyKeeper: Send + Sync + fmt::Debug {
    /// Wraps a data key with the newest key.
    fn wrap(&self, data_key: Key) -> BoxFuture<'_, Result<WrappedKey>>;

    /// Unwraps a data key.
    ///
    /// `NotFound` when the keeper has no key of this id, `DataLoss` when it does not fit.
    fn unwrap(&self, wrapped: WrappedKey) -> BoxFuture<'_, Result<Key>>;
}

/// Keys held in memory, by id. New snapshots are wrapped with one of them; the others read older ones, so keys can be
/// rotated.
///
/// ```
/// use gardener_etcd_backup::StaticKeys;
/// let keys = StaticKeys::new("2026-11", [7; 32]).with_older("2026-10", [6; 32]);
/// assert!(!format!("{keys:?}").contains("7, 7"));
/// ```
#[derive(Debug, Clone)]
pub struct StaticKeys {
    newest: String,
    keys: BTreeMap<String, Key>,
}

impl StaticKeys {
    /// The key for new snapshots.
    pub fn new(id: impl Into<String>, key: [u8; 32]) -> Self {
        let id = id.into();
        Self { keys: BTreeMap::from([(id.clone(), Redacted::new(key))]), newest: id }
    }

    /// A key that only reads.
    #[must_use]
    pub fn with_older(mut self, id: impl Into<String>, key: [u8; 32]) -> Self {
        self.keys.entry(id.into()).or_insert_with(|| Redacted::new(key));
        self
    }

    fn wrap_now(&self, data_key: &Key) -> Result<WrappedKey> {
        let key =
            self.keys.get(&self.newest).ok_or_else(|| Error::internal("the newest key is not there"))?;
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).map_err(|_| Error::internal("there are no random numbers"))?;
        let mut wrapped = nonce.to_vec();
        let mut body = data_key.expose().to_vec();
        let (nonce, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(self.newest.as_bytes()));
        aead(key)?
            .seal_in_place_append_tag(nonce, aad, &mut body)
            .map_err(|_| Error::internal("AES failed"))?;
        wrapped.extend(body);
        Ok(WrappedKey { key_id: self.newest.clone(), wrapped_key: wrapped })
    }

    fn unwrap_now(&self, wrapped: &WrappedKey) -> Result<Key> {
        let id = &wrapped.key_id;
        let key = self.keys.get(id).ok_or_else(|| {
            let has: Vec<_> = self.keys.keys().collect();
            Error::new(ErrorKind::NotFound, format!("there is no key {id:?} among {has:?}"))
        })?;
        let wrong = || damaged("the wrapped key", format!("it does not open with the key {id:?}"));
        let (nonce, body) = wrapped.wrapped_key.split_first_chunk::<NONCE>().ok_or_else(wrong)?;
        let mut body = body.to_vec();
        let (nonce, aad) = (Nonce::assume_unique_for_key(*nonce), Aad::from(id.as_bytes()));
        let opened = aead(key)?.open_in_place(nonce, aad, &mut body).map_err(|_| wrong())?;
        Ok(Redacted::new((&*opened).try_into().map_err(|_| wrong())?))
    }
}

impl KeyKeeper for StaticKeys {
    fn wrap(&self, data_key: Key) -> BoxFuture<'_, Result<WrappedKey>> {
        Box::pin(std::future::ready(self.wrap_now(&data_key)))
    }

    fn unwrap(&self, wrapped: WrappedKey) -> BoxFuture<'_, Result<Key>> {
        Box::pin(std::future::ready(self.unwrap_now(&wrapped)))
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    #[serde(flatten)]
    key: WrappedKey,
    segment: usize,
}

pub(crate) type Blocks = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// The blocks, encrypted for an object of this name.
pub(crate) async fn encrypt(keeper: &dyn KeyKeeper, name: &SnapshotName, blocks: Blocks) -> Result<Blocks> {
    let mut data_key = [0; 32];
    rand::fill(&mut data_key).map_err(|_| Error::internal("there are no random numbers"))?;
    let data_key = Redacted::new(data_key);
    let header = Header { key: keeper.wrap(data_key.clone()).await?, segment: SEGMENT };
    let header = serde_json::to_vec(&header).map_err(|error| Error::internal(error.to_string()))?;
    let length = u32::try_from(header.len()).unwrap_or(u32::MAX);
    let seal = Segments { key: aead(&data_key)?, context: context(&header, name), number: 0 };
    let first = Bytes::from([&MAGIC[..], &length.to_be_bytes(), &header].concat());
    let state = Some((blocks, BytesMut::new(), seal));
    let sealed = stream::try_unfold(state, |state| async move {
        let Some((mut blocks, mut held, mut seal)) = state else { return Ok(None) };
        // One byte more, because the last segment is not like the others.
        while held.len() <= SEGMENT {
            match blocks.next().await.transpose()? {
                Some(block) => held.extend_from_slice(&block),
                None => return Ok(Some((seal.seal(held, true)?, None))),
            }
        }
        let mut out = BytesMut::new();
        while held.len() > SEGMENT {
            out.extend_from_slice(&seal.seal(held.split_to(SEGMENT), false)?);
        }
        Ok(Some((out.freeze(), Some((blocks, held, seal)))))
    });
    Ok(Box::pin(stream::iter([Ok(first)]).chain(sealed)))
}

/// Opens the segments of an object, once its header was read.
pub(crate) struct Opener {
    segments: Segments,
    size: usize,
}

/// Reads the header from the beginning of an object, and answers what comes after it.
///
/// `None` when there is not enough of it yet.
pub(crate) async fn open(
    keeper: Option<&Arc<dyn KeyKeeper>>,
    name: &SnapshotName,
    begin: &mut BytesMut,
) -> Result<Option<Opener>> {
    let wrong = |problem: &str| damaged(name, problem);
    let Some((prefix, rest)) = begin.split_first_chunk::<12>() else { return Ok(None) };
    let length = u32::from_be_bytes([prefix[8], prefix[9], prefix[10], prefix[11]]) as usize;
    if &prefix[..8] != MAGIC || length > MAX_HEADER {
        return Err(wrong("it does not begin as an encrypted snapshot does"));
    }
    let Some(header) = rest.get(..length) else { return Ok(None) };
    let context = context(header, name);
    let header: Header =
        serde_json::from_slice(header).map_err(|error| damaged(name, format!("its header: {error}")))?;
    if !(1..=MAX_SEGMENT).contains(&header.segment) {
        return Err(wrong("its segments have an impossible size"));
    }
    let keeper = keeper.ok_or_else(|| {
        let message =
            format!("{name} is encrypted with the key {:?}; give the store its keys", header.key.key_id);
        Error::new(ErrorKind::FailedPrecondition, message)
    })?;
    let key = keeper.unwrap(header.key).await;
    // A key that is missing is no damage: the snapshot is good for whoever has it.
    let key = key.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Error::new(ErrorKind::FailedPrecondition, format!("{name}: {}", error.message()))
        }
        _ => error.context(format!("opening {name}")),
    })?;
    let segments = Segments { key: aead(&key)?, context, number: 0 };
    begin.advance(12 + length);
    Ok(Some(Opener { segments, size: header.segment + TAG }))
}

impl Opener {
    /// The plain bytes behind `inner`.
    pub(crate) fn reader<R: Read>(self, inner: R) -> impl Read {
        let size = self.size;
        Decrypting {
            inner,
            opener: self,
            next: Vec::with_capacity(size),
            plain: Bytes::new(),
            state: State::Begin,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Begin,
    More,
    Ended,
}

struct Decrypting<R> {
    inner: R,
    opener: Opener,
    /// A segment that was read and not opened: whether it is the last shows only when nothing comes after it.
    next: Vec<u8>,
    plain: Bytes,
    state: State,
}

impl<R: Read> Decrypting<R> {
    fn fill(&mut self) -> io::Result<Vec<u8>> {
        let mut segment = Vec::with_capacity(self.opener.size);
        let limit = self.opener.size as u64;
        self.inner.by_ref().take(limit).read_to_end(&mut segment)?;
        Ok(segment)
    }

    fn advance(&mut self) -> io::Result<()> {
        if self.state == State::Begin {
            self.next = self.fill()?;
            self.state = State::More;
        }
        let following = if self.next.len() < self.opener.size { Vec::new() } else { self.fill()? };
        let segment = std::mem::replace(&mut self.next, following);
        let last = self.next.is_empty();
        if last {
            self.state = State::Ended;
        }
        self.plain = self.opener.segments.open(segment, last)?.into();
        Ok(())
    }
}

impl<R: Read> Read for Decrypting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.plain.is_empty() && self.state != State::Ended {
            self.advance()?;
        }
        let length = buffer.len().min(self.plain.len());
        self.plain.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Seals or opens one segment after the other.
struct Segments {
    key: LessSafeKey,
    context: [u8; 32],
    number: u64,
}

impl Segments {
    fn nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; NONCE];
        nonce[..8].copy_from_slice(&self.number.to_be_bytes());
        nonce[NONCE - 1] = u8::from(last);
        self.number += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&mut self, mut segment: BytesMut, last: bool) -> Result<Bytes> {
        let nonce = self.nonce(last);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(self.context), &mut segment);
        segment.extend_from_slice(tag.map_err(|_| Error::internal("AES failed"))?.as_ref());
        Ok(segment.freeze())
    }

    fn open(&mut self, mut segment: Vec<u8>, last: bool) -> io::Result<Vec<u8>> {
        let (number, nonce) = (self.number, self.nonce(last));
        let opened = self.key.open_in_place(nonce, Aad::from(self.context), &mut segment);
        let length = opened.map(|plain| plain.len()).map_err(|_| {
            let problem = format!("segment {number} was changed, cut off or belongs elsewhere");
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })?;
        segment.truncate(length);
        Ok(segment)
    }
}

fn context(header: &[u8], name: &SnapshotName) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(header);
    hash.update([0]);
    hash.update(name.to_string());
    hash.finalize().into()
}

fn aead(key: &Key) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.expose())
        .map(LessSafeKey::new)
        .map_err(|_| Error::internal("AES failed"))
}

mod in_base64 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::{BASE64_STANDARD, Engine};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, TryStreamExt};
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> SnapshotName {
        text.parse().unwrap()
    }

    fn keys() -> StaticKeys {
        StaticKeys::new("new", [1; 32]).with_older("old", [2; 32])
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        // Nothing here waits for anything.
        future.now_or_never().unwrap()
    }

    fn sealed(keys: &StaticKeys, plain: &[u8], block: usize) -> Vec<u8> {
        let blocks: Vec<_> = plain.chunks(block.max(1)).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        let blocks = Box::pin(stream::iter(blocks));
        let sealed = run(encrypt(keys, &name("Full-00000000-00000007-1.gz.enc"), blocks)).unwrap();
        run(sealed.try_collect::<Vec<_>>()).unwrap().concat()
    }

    fn opened(keys: Option<StaticKeys>, sealed: &[u8], called: &str) -> Result<Vec<u8>, String> {
        let keeper = keys.map(|keys| Arc::new(keys) as Arc<dyn KeyKeeper>);
        let mut begin = BytesMut::from(sealed);
        let opener =
            run(open(keeper.as_ref(), &name(called), &mut begin)).map_err(|error| error.to_string())?;
        let opener = opener.ok_or("too short")?;
        let mut plain = Vec::new();
        opener.reader(&begin[..]).read_to_end(&mut plain).map_err(|error| error.to_string())?;
        Ok(plain)
    }

    const NAME: &str = "Full-00000000-00000007-1.gz.enc";

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for length in [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 3 * SEGMENT + 5] {
            let plain: Vec<_> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            for block in [1000, SEGMENT, 1 << 20] {
                assert_eq!(opened(Some(keys()), &sealed(&keys(), &plain, block), NAME).unwrap(), plain);
            }
        }
    }

    #[test]
    fn a_cut_a_swap_another_name_and_another_key_do_not_open() {
        let plain = vec![9; 3 * SEGMENT];
        let whole = sealed(&keys(), &plain, 1 << 20);
        let begin = whole.len() - 3 * (SEGMENT + TAG);
        for cut in [whole.len() - 1, whole.len() - SEGMENT - TAG, begin, begin + 7, 11] {
            assert!(opened(Some(keys()), &whole[..cut], NAME).is_err(), "cut at {cut}");
        }
        let mut swapped = whole.clone();
        let (first, second) = swapped[begin..].split_at_mut(SEGMENT + TAG);
        first.swap_with_slice(&mut second[..SEGMENT + TAG]);
        assert!(opened(Some(keys()), &swapped, NAME).unwrap_err().contains("segment 0"));
        assert!(opened(Some(keys()), &whole, "Full-00000000-00000008-1.gz.enc").is_err());
        let stranger = StaticKeys::new("new", [3; 32]);
        assert!(opened(Some(stranger), &whole, NAME).unwrap_err().contains("does not open with the key"));
        let rotated = StaticKeys::new("newer", [4; 32]);
        assert!(opened(Some(rotated), &whole, NAME).unwrap_err().contains("no key \"new\""));
        assert!(opened(None, &whole, NAME).unwrap_err().contains("give the store its keys"));
    }

    #[test]
    fn an_older_key_still_opens() {
        let old = StaticKeys::new("old", [2; 32]);
        assert_eq!(opened(Some(keys()), &sealed(&old, b"x", 1), NAME).unwrap(), b"x");
    }

    #[test]
    fn neither_keys_nor_data_show() {
        let sealed = sealed(&keys(), &vec![b'A'; 5000], 100);
        assert!(!sealed.windows(8).any(|window| window == [b'A'; 8] || window == [1; 8]));
    }

    proptest! {
        #[test]
        fn hostile_bytes_end_in_an_error(at in 0_usize..400, value: u8, length in 0_usize..500) {
            let mut bytes = sealed(&keys(), &[5; 100], 10);
            bytes.truncate(length.max(20));
            let at = at % bytes.len();
            prop_assume!(bytes[at] != value || length < bytes.len());
            bytes[at] = value;
            let _ = opened(Some(keys()), &bytes, NAME);
        }
    }
}
