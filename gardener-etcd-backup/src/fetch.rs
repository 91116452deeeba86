//! Reading a snapshot: fetched while it is decompressed, and its hash checked before anything inside is believed.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::Path,
};

use bytes::{Buf, Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use gardener_provider_core::{Error, Result};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::{
    Event, Observers, Snapshot, Store,
    delta::Json,
    encryption::{self, Opener},
    error,
};

const HASH: usize = 32;
const BLOCK: usize = 256 << 10;

/// A snapshot without its hash, which was right.
#[derive(Debug)]
pub(crate) enum Content {
    Memory(Vec<u8>),
    File(File),
}

/// Where content goes.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    /// Content beyond this goes to a nameless file.
    pub(crate) memory: usize,
    /// The directory of that file.
    pub(crate) directory: std::path::PathBuf,
    /// More than this is refused: a small object may decompress to any size.
    pub(crate) limit: u64,
    /// Who is told how much was read.
    pub(crate) observers: Observers,
}

/// Fetches, decompresses and checks a snapshot.
pub(crate) async fn fetch(store: &Store, snapshot: &Snapshot, spool: &Spool) -> Result<Content> {
    let what = snapshot.path.to_string();
    let compression = snapshot.name.compression()?;
    let mut chunks = store.get(snapshot).await?.into_stream();
    let (opener, begin) = if snapshot.name.is_encrypted {
        opened(store, snapshot, &mut chunks).await?
    } else {
        (None, Bytes::new())
    };
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(16);
    let (spool, observers) = (spool.clone(), spool.observers.clone());
    let reader = tokio::task::spawn_blocking(move || {
        let object = ChannelReader { receiver, current: begin };
        let object: Box<dyn Read> = match opener {
            Some(opener) => Box::new(opener.reader(object)),
            None => Box::new(object),
        };
        read_checked(&mut *compression.decoder(object), &spool)
    });
    let (mut failed, mut done) = (None, 0);
    while let Some(chunk) = chunks.next().await {
        let stop = chunk.is_err();
        let chunk = chunk.map_err(|problem| {
            failed = Some(problem);
            io::Error::other("the object could not be read to its end")
        });
        if let Ok(chunk) = &chunk {
            done += chunk.len() as u64;
            let what = snapshot.name.to_string();
            observers.tell(|| Event::Progress { done, of: snapshot.size, what });
        }
        if sender.send(chunk).await.is_err() || stop {
            break;
        }
    }
    drop(sender);
    let content = reader.await.map_err(error::task)?;
    match (content, failed) {
        (Ok(content), None) => Ok(content),
        (_, Some(problem)) => Err(error::store(&format!("read {what}"), problem)),
        (Err(Unread::Damaged(problem)), None) => Err(error::damaged(what, problem)),
        (Err(Unread::Spool(problem)), None) => Err(problem),
    }
}

type Chunks = BoxStream<'static, object_store::Result<Bytes>>;

/// Reads the header of an encrypted object; what was read beyond it comes back.
async fn opened(store: &Store, snapshot: &Snapshot, chunks: &mut Chunks) -> Result<(Option<Opener>, Bytes)> {
    let mut begin = BytesMut::new();
    loop {
        if let Some(opener) = encryption::open(store.keys(), &snapshot.name, &mut begin).await? {
            return Ok((Some(opener), begin.freeze()));
        }
        match chunks.next().await {
            Some(Ok(chunk)) => begin.extend_from_slice(&chunk),
            Some(Err(problem)) => return Err(error::store(&format!("read {}", snapshot.path), problem)),
            None => return Err(error::damaged(&snapshot.path, "it ends within its header")),
        }
    }
}

enum Unread {
    Damaged(String),
    Spool(Error),
}

/// Reads to the end, keeping the last 32 bytes apart, and compares them with the hash of the rest.
fn read_checked(decoder: &mut dyn Read, spool: &Spool) -> Result<Content, Unread> {
    let mut content = Content::Memory(Vec::new());
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    let (mut held, mut total) = (0, 0_u64);
    loop {
        let read = match decoder.read(&mut block[held..]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => continue,
            Err(problem) => return Err(Unread::Damaged(problem.to_string())),
        };
        held += read;
        total += read as u64;
        if total > spool.limit {
            return Err(Unread::Damaged(format!("it holds more than the {} bytes allowed", spool.limit)));
        }
        if held == BLOCK {
            let body = BLOCK - HASH;
            hash.update(&block[..body]);
            content.append(&block[..body], spool).map_err(Unread::Spool)?;
            block.copy_within(body.., 0);
            held = HASH;
        }
    }
    let Some(body) = held.checked_sub(HASH) else {
        return Err(Unread::Damaged(format!("{total} bytes are too few to carry a hash")));
    };
    hash.update(&block[..body]);
    content.append(&block[..body], spool).map_err(Unread::Spool)?;
    if hash.finalize()[..] != block[body..held] {
        return Err(Unread::Damaged("its SHA-256 does not match its content".to_owned()));
    }
    Ok(content)
}

impl Content {
    fn append(&mut self, bytes: &[u8], spool: &Spool) -> Result<()> {
        let failed = |problem| error::file("write a temporary file in", &spool.directory, problem);
        match self {
            Self::Memory(held) if held.len() + bytes.len() <= spool.memory => held.extend_from_slice(bytes),
            Self::Memory(held) => {
                let mut file = nameless_file(&spool.directory).map_err(failed)?;
                file.write_all(held).and_then(|()| file.write_all(bytes)).map_err(failed)?;
                *self = Self::File(file);
            }
            Self::File(file) => file.write_all(bytes).map_err(failed)?,
        }
        Ok(())
    }

    /// As the JSON of a delta, from the beginning.
    pub(crate) fn json(&mut self) -> io::Result<Json<'_>> {
        match self {
            Self::Memory(bytes) => Ok(Json::Slice(bytes)),
            Self::File(file) => {
                file.rewind()?;
                Ok(Json::Reader(Box::new(io::BufReader::with_capacity(BLOCK, file))))
            }
        }
    }
}

/// A file that disappears with its last handle, so that nothing is left after a crash.
pub(crate) fn nameless_file(directory: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    for attempt in 0_u32.. {
        let path = directory.join(format!(".spool-{}-{attempt}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        match options.read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists && attempt < 10_000 => {}
            Err(problem) => return Err(problem),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The receiving end of a fetch, for a blocking thread. It ends when the sender is gone.
struct ChannelReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
