//! A store that is slower than etcd must not keep etcd's read transaction open: what it did not take yet waits in memory,
//! and beyond that in a file, both with a bound.

use std::{collections::VecDeque, fs::File, os::unix::fs::FileExt, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, stream};
use gardener_provider_core::{Error, Result};
use tokio::{
    sync::{Mutex, Notify},
    task::{JoinHandle, spawn_blocking},
};

use crate::{
    encryption::Blocks,
    error::{file as file_error, task},
    fetch::nameless_file,
};

/// Read from the file at once.
const PIECE: u64 = 1 << 20;

/// How much may wait where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes in memory.
    pub(crate) memory: usize,
    /// Bytes in a file, once memory is full.
    pub(crate) disk: u64,
    /// The directory of that file.
    pub(crate) directory: PathBuf,
}

/// The same blocks, though perhaps cut elsewhere. They are asked for as fast as they come, until there is no room.
pub(crate) fn spooled(blocks: Blocks, room: Room) -> Blocks {
    let queue = Arc::new(Queue { room, state: Mutex::default(), changed: Notify::new() });
    let filling = Filling(tokio::spawn(fill(Arc::clone(&queue), blocks)));
    Box::pin(stream::try_unfold((queue, filling), |(queue, filling)| async move {
        let next = queue.take().await?;
        Ok(next.map(|block| (block, (queue, filling))))
    }))
}

struct Queue {
    room: Room,
    state: Mutex<State>,
    /// Something came, or something went.
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Older than all that is in the file.
    memory: VecDeque<Bytes>,
    held: usize,
    file: Option<Arc<File>>,
    written: u64,
    read: u64,
    ended: Option<Result<()>>,
}

async fn fill(queue: Arc<Queue>, mut blocks: Blocks) {
    let outcome = async {
        while let Some(block) = blocks.next().await {
            queue.put(block?).await?;
        }
        Ok(())
    };
    let outcome = outcome.await;
    queue.state.lock().await.ended = Some(outcome);
    queue.changed.notify_one();
}

impl Queue {
    async fn put(&self, block: Bytes) -> Result<()> {
        loop {
            let mut state = self.state.lock().await;
            let waiting = state.written - state.read;
            if waiting == 0 && (state.held + block.len() <= self.room.memory || state.memory.is_empty()) {
                state.held += block.len();
                state.memory.push_back(block);
                break;
            }
            if waiting + block.len() as u64 <= self.room.disk {
                self.write(&mut state, block).await?;
                break;
            }
            drop(state);
            self.changed.notified().await;
        }
        self.changed.notify_one();
        Ok(())
    }

    async fn write(&self, state: &mut State, block: Bytes) -> Result<()> {
        let (directory, file, at) = (self.room.directory.clone(), state.file.clone(), state.written);
        let length = block.len() as u64;
        let work = spawn_blocking(move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(nameless_file(&directory).map_err(|error| unwritable(&directory, error))?),
            };
            file.write_all_at(&block, at).map_err(|error| unwritable(&directory, error))?;
            Ok::<_, Error>(file)
        });
        state.file = Some(work.await.map_err(task)??);
        state.written += length;
        Ok(())
    }

    async fn take(&self) -> Result<Option<Bytes>> {
        loop {
            let mut state = self.state.lock().await;
            if let Some(block) = state.memory.pop_front() {
                state.held -= block.len();
                self.changed.notify_one();
                return Ok(Some(block));
            }
            if state.read < state.written {
                let block = self.read(&mut state).await?;
                self.changed.notify_one();
                return Ok(Some(block));
            }
            if let Some(ended) = state.ended.take() {
                state.ended = Some(Ok(()));
                return ended.map(|()| None);
            }
            drop(state);
            self.changed.notified().await;
        }
    }

    async fn read(&self, state: &mut State) -> Result<Bytes> {
        let Some(file) = state.file.clone() else { return Err(Error::internal("the spool has no file")) };
        let (at, length) = (state.read, PIECE.min(state.written - state.read));
        state.read += length;
        let drained = state.read == state.written;
        if drained {
            (state.read, state.written) = (0, 0);
        }
        let directory = self.room.directory.clone();
        let work = spawn_blocking(move || {
            let mut piece = vec![0; usize::try_from(length).unwrap_or_default()];
            file.read_exact_at(&mut piece, at)?;
            if drained {
                file.set_len(0)?;
            }
            Ok::<_, std::io::Error>(piece.into())
        });
        work.await.map_err(task)?.map_err(|error| file_error("read the temporary file in", &directory, error))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unwritable(directory: &std::path::Path, error: std::io::Error) -> Error {
    file_error("write a temporary file in", directory, error)
}

/// Ends with whoever takes.
struct Filling(JoinHandle<()>);

impl Drop for Filling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::TryStreamExt;

    use super::*;

    /// Numbered blocks of 1000 bytes, and how many were asked for.
    fn blocks(count: usize) -> (Blocks, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let blocks = stream::iter(0..count).map(move |number| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(Bytes::from(vec![u8::try_from(number % 251).unwrap(); 1000]))
        });
        (Box::pin(blocks), asked)
    }

    fn room(memory: usize, disk: u64) -> Room {
        Room { memory, disk, directory: std::env::temp_dir() }
    }

    async fn settled(asked: &AtomicUsize) -> usize {
        let mut before = usize::MAX;
        loop {
            let now = asked.load(Ordering::SeqCst);
            if now == before {
                return now;
            }
            before = now;
            // Time is paused: it goes on only when all tasks wait, those on other threads included.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_taken_from_the_source_while_nobody_takes_it_from_here() {
        let (source, asked) = blocks(100);
        let spooled = spooled(source, room(10_000, 1 << 20));
        assert_eq!(settled(&asked).await, 100);
        let all: Vec<Bytes> = spooled.try_collect().await.unwrap();
        let expected: Vec<u8> = (0..100_u8).flat_map(|number| vec![number; 1000]).collect();
        assert_eq!(all.concat(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn the_bounds_are_kept_and_the_room_is_used_again() {
        let (source, asked) = blocks(500);
        let mut spooled = spooled(source, room(10_000, 20_000));
        // Ten in memory, twenty in the file, and one in the hand.
        assert_eq!(settled(&asked).await, 31);
        let mut all = Vec::new();
        while let Some(block) = spooled.next().await {
            all.extend_from_slice(&block.unwrap());
        }
        assert_eq!(all.len(), 500_000);
        assert!(
            all.chunks(1000)
                .zip(0_usize..)
                .all(|(chunk, at)| chunk == vec![u8::try_from(at % 251).unwrap(); 1000])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_fails_and_a_disk_that_is_missing_are_told() {
        let failing = stream::iter([Ok(Bytes::from_static(b"x")), Err(Error::internal("broken"))]);
        let taken: Result<Vec<_>> = spooled(Box::pin(failing), room(10, 10)).try_collect().await;
        assert!(taken.unwrap_err().to_string().contains("broken"));
        let nowhere = Room { directory: "/nowhere/at/all".into(), ..room(1000, 1 << 20) };
        let (source, asked) = blocks(50);
        let spooled = spooled(source, nowhere);
        assert_eq!(settled(&asked).await, 2);
        let error = spooled.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
