//! The loop of a running backup.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    time::{Duration, SystemTime},
};

use futures::{FutureExt, future::BoxFuture};
use gardener_provider_core::{Error, ErrorKind, Result};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, spawn_blocking},
    time::{Instant, Sleep, sleep_until},
};
use tracing::{info, warn};

use super::{Progress, Request, SnapshotterOptions};
use crate::{
    Backup, Etcd, Event, FullReport, Kind, Snapshot, SnapshotName, Store,
    delta::{Delta, DeltaWriter, Limits, seen_at},
    error::{damaged, task},
    etcd::{WatchEvent, WatchStream, Watched, pause},
    fence::Fence,
    full::compress,
    upload::{Parts, upload},
};

/// So far off that it never comes.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
/// The schedule goes by a clock that may be set: it is looked at this often.
const LOOK: Duration = Duration::from_secs(60);

/// How long to wait for a time of the clock before looking at the clock again; nothing if it has come.
fn until(due: SystemTime) -> Duration {
    due.duration_since(SystemTime::now()).unwrap_or_default().min(LOOK)
}

pub(super) struct Capture {
    pub(super) etcd: Etcd,
    pub(super) store: Store,
    pub(super) options: SnapshotterOptions,
    /// The right to write; there once the start claimed it.
    pub(super) fence: Option<Fence>,
    pub(super) progress: watch::Sender<Progress>,
    requests: mpsc::Receiver<Request>,
    /// The next thing from etcd; nothing while history is lost and a full must come first.
    watching: Option<BoxFuture<'static, Step>>,
    /// Tries to open the watch that failed.
    attempts: u32,
    current: DeltaWriter,
    /// When the growing delta is written at the latest.
    flush_at: Instant,
    /// Complete deltas in order, the first perhaps being uploaded.
    queue: VecDeque<(Delta, Option<SystemTime>)>,
    upload: Option<Work<Snapshot>>,
    failed_uploads: u32,
    upload_at: Instant,
    full: Option<(Work<FullReport>, Option<Reply<FullReport>>)>,
    /// Fulls that were asked for while one was under way.
    later_fulls: VecDeque<(bool, Reply<FullReport>)>,
    /// When the next full is due by the schedule; none while one is due for another reason.
    due: Option<SystemTime>,
    /// When to look whether it is due.
    full_at: Instant,
    failed_fulls: u32,
    /// Nothing captured from now on is of use before a full has come.
    lost: bool,
    /// A delta that is written must not end before this: the newest full may hold as much.
    pub(super) hold_until: i64,
    /// Deltas after the newest full, and the revisions in them.
    pub(super) deltas: (u64, i64),
    /// Whether a full and whether a delta is required, as was told last.
    required: Option<(bool, bool)>,
    /// The revision and the time of the full under way: no delta goes across it.
    boundary: Option<(i64, SystemTime)>,
    flushes: Vec<Flush>,
    stopping: bool,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("store", &self.store)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

type Reply<T> = oneshot::Sender<Result<T>>;

/// Somebody waits until everything up to a revision is in the store.
struct Flush {
    until: i64,
    written: Option<Snapshot>,
    reply: Reply<Option<Snapshot>>,
}

enum Step {
    Opened(Result<WatchStream>),
    Next(WatchStream, Result<Watched>),
}

/// What the loop woke up for.
enum Woke {
    Watch(Step),
    Flush,
    Retry,
    Uploaded(Result<Snapshot>),
    FullDue,
    FullDone(Result<FullReport>),
    Asked(Option<Request>),
}

impl Capture {
    pub(super) fn new(
        etcd: Etcd,
        store: Store,
        options: SnapshotterOptions,
        requests: mpsc::Receiver<Request>,
        progress: watch::Sender<Progress>,
    ) -> Self {
        let now = Instant::now();
        let limits = Limits { memory: options.memory, directory: options.temporary.clone() };
        Self {
            etcd,
            store,
            options,
            fence: None,
            progress,
            requests,
            watching: None,
            attempts: 0,
            current: DeltaWriter::new(0, limits),
            flush_at: now,
            queue: VecDeque::new(),
            upload: None,
            failed_uploads: 0,
            upload_at: now,
            full: None,
            later_fulls: VecDeque::new(),
            due: None,
            full_at: now + NEVER,
            failed_fulls: 0,
            lost: false,
            hold_until: 0,
            deltas: (0, 0),
            required: None,
            boundary: None,
            flushes: Vec::new(),
            stopping: false,
        }
    }

    pub(super) async fn run(&mut self) -> Result<()> {
        loop {
            self.write_what_is_due().await?;
            self.answer_flushes();
            self.tell_progress();
            self.tell_what_is_required();
            self.is_still_the_writer()?;
            if self.stopping && self.flushes.is_empty() && self.full.is_none() {
                return Ok(());
            }
            match self.wake().await {
                Woke::Watch(step) => self.watched(step).await?,
                Woke::Flush | Woke::Retry => {}
                Woke::Uploaded(result) => self.uploaded(result),
                Woke::FullDue => self.full_due().await,
                Woke::FullDone(result) => {
                    self.full_done(result);
                    if let Some((is_final, reply)) = self.later_fulls.pop_front() {
                        self.begin_full(is_final, Some(reply)).await;
                    }
                }
                Woke::Asked(Some(request)) => self.asked(request).await,
                Woke::Asked(None) => return Ok(()),
            }
        }
    }

    fn is_still_the_writer(&self) -> Result<()> {
        match self.fence.as_ref().and_then(Fence::loss) {
            Some(loss) => Err(Error::new(ErrorKind::FailedPrecondition, loss)),
            None => Ok(()),
        }
    }

    async fn wake(&mut self) -> Woke {
        let room = self.waiting() < self.options.max_waiting;
        let flush_at = (!self.current.is_empty() && !self.holding()).then_some(self.flush_at);
        let upload_at = (!self.queue.is_empty() && self.upload.is_none()).then_some(self.upload_at);
        let full_at = self.full.is_none().then_some(self.full_at);
        tokio::select! {
            biased;
            request = self.requests.recv(), if !self.stopping => Woke::Asked(request),
            result = joined(self.upload.as_mut()) => Woke::Uploaded(result),
            result = joined(self.full.as_mut().map(|(full, _)| full)) => Woke::FullDone(result),
            () = at(upload_at) => Woke::Retry,
            () = at(full_at) => Woke::FullDue,
            () = at(flush_at) => Woke::Flush,
            step = next(self.watching.as_mut()), if room => Woke::Watch(step),
        }
    }

    // What comes from etcd.

    /// Starts over with an empty delta after `revision`.
    pub(super) fn watch_after(&mut self, revision: i64) {
        self.current = self.new_delta(revision);
        self.lost = false;
        self.attempts = 0;
        self.open_watch(Duration::ZERO);
    }

    /// History is lost, or there is none: what comes next is a full.
    pub(super) fn need_full(&mut self) {
        self.lost = true;
        self.watching = None;
        self.full_now();
    }

    /// What waits for the store takes from the memory of what grows.
    fn new_delta(&self, after: i64) -> DeltaWriter {
        let queued: u64 = self.queue.iter().map(|(delta, _)| delta.length).sum();
        let memory = self.options.memory.saturating_sub(usize::try_from(queued).unwrap_or(usize::MAX));
        let limits = Limits { memory, directory: self.options.temporary.clone() };
        DeltaWriter::new(after, limits)
    }

    fn open_watch(&mut self, pause: Duration) {
        let (etcd, from) = (self.etcd.clone(), self.current.last() + 1);
        let open = async move {
            tokio::time::sleep(pause).await;
            Step::Opened(etcd.watch(from).await)
        };
        self.watching = Some(open.boxed());
    }

    async fn watched(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Opened(Ok(stream)) => self.watch_on(stream),
            Step::Next(stream, Ok(Watched::Events(events))) => {
                self.attempts = 0;
                match self.take(events).await {
                    Ok(()) => self.watch_on(stream),
                    Err(error) if error.kind() == ErrorKind::DataLoss => {
                        self.trouble("the watch left something out; a full follows", &error);
                        self.need_full();
                    }
                    Err(error) => return Err(error),
                }
            }
            Step::Next(_, Ok(Watched::Compacted(revision))) => {
                let error = damaged("the watch", format!("history up to {revision} was compacted away"));
                self.trouble("a full follows", &error);
                self.need_full();
            }
            Step::Opened(Err(error)) => {
                self.fail_flushes(&error);
                self.open_again(&error);
            }
            Step::Next(_, Err(error)) => self.open_again(&error),
        }
        Ok(())
    }

    fn open_again(&mut self, error: &Error) {
        self.trouble("the watch is lost and opened again", error);
        let wait = pause(self.attempts);
        self.attempts += 1;
        self.open_watch(wait);
    }

    fn watch_on(&mut self, mut stream: WatchStream) {
        let next = async move {
            let next = stream.next().await;
            Step::Next(stream, next)
        };
        self.watching = Some(next.boxed());
    }

    /// Adds events to the growing delta, ending it where a full is being taken.
    async fn take(&mut self, mut events: Vec<WatchEvent>) -> Result<()> {
        if let Some((boundary, _)) = self.boundary {
            let beyond = events.partition_point(|event| revision_of(event) <= boundary);
            let later = events.split_off(beyond);
            if !later.is_empty() {
                self.append(events).await?;
                self.end_at_boundary().await?;
                events = later;
            }
        }
        self.append(events).await
    }

    async fn append(&mut self, events: Vec<WatchEvent>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        if self.current.is_empty() {
            self.flush_at = Instant::now() + self.options.delta_period;
        }
        let after = self.current.last();
        let empty = self.new_delta(after);
        let mut writer = std::mem::replace(&mut self.current, empty);
        let seen = seen_at(SystemTime::now());
        let appended = spawn_blocking(move || {
            let result = events.iter().try_for_each(|event| writer.push(event, &seen));
            (writer, result)
        });
        let (writer, result) = appended.await.map_err(task)?;
        self.current = writer;
        result
    }

    // What goes to the store.

    /// True while a delta that is written now might end before what the newest full holds.
    fn holding(&self) -> bool {
        self.full.is_some() || self.lost || self.current.last() < self.hold_until
    }

    fn waiting(&self) -> u64 {
        self.current.length() + self.queue.iter().map(|(delta, _)| delta.length).sum::<u64>()
    }

    async fn end_at_boundary(&mut self) -> Result<()> {
        let before = self.boundary.take().map(|(_, time)| time - Duration::from_secs(1));
        self.seal(before).await
    }

    /// Completes the growing delta, if there is anything in it. Its name says the time `created`, or when it is written.
    async fn seal(&mut self, created: Option<SystemTime>) -> Result<()> {
        if self.current.is_empty() {
            return Ok(());
        }
        let next = self.new_delta(self.current.last());
        let writer = std::mem::replace(&mut self.current, next);
        let sealed = spawn_blocking(move || writer.seal()).await.map_err(task)??;
        self.queue.push_back((sealed, created));
        Ok(())
    }

    async fn write_what_is_due(&mut self) -> Result<()> {
        if self.boundary.is_some_and(|(boundary, _)| self.current.last() >= boundary) {
            self.end_at_boundary().await?;
        }
        let full = self.current.length() >= self.options.delta_size;
        let wanted = self.flushes.iter().any(|flush| flush.until <= self.current.last());
        if !self.holding() && (full || wanted || self.flush_at <= Instant::now()) {
            self.seal(None).await?;
        }
        if self.upload.is_none()
            && self.upload_at <= Instant::now()
            && let Some((delta, created)) = self.queue.front()
        {
            let created = created.unwrap_or_else(SystemTime::now);
            let name = SnapshotName::delta(delta.start, delta.last, created, self.options.compression);
            let name = self.store.name(name);
            self.upload =
                Some(Work::spawn(write_delta(self.store.clone(), self.fence.clone(), name, delta.clone())));
        }
        Ok(())
    }

    fn uploaded(&mut self, result: Result<Snapshot>) {
        self.upload = None;
        match result {
            Ok(snapshot) => {
                self.queue.pop_front();
                self.failed_uploads = 0;
                self.deltas.0 += 1;
                self.deltas.1 += snapshot.name.last - snapshot.name.start + 1;
                self.tell_deltas();
                for flush in &mut self.flushes {
                    flush.written = Some(snapshot.clone());
                }
                self.progress.send_modify(|progress| {
                    progress.safe_revision = progress.safe_revision.max(snapshot.name.last);
                    progress.delta = Some(snapshot);
                    progress.deltas += 1;
                    progress.trouble = None;
                });
            }
            Err(error) => {
                self.trouble("a delta was not written; it is kept and tried again", &error);
                self.upload_at = Instant::now() + pause(self.failed_uploads);
                self.failed_uploads += 1;
                self.fail_flushes(&error);
            }
        }
    }

    /// Nobody waits for what may take long to become possible.
    fn fail_flushes(&mut self, error: &Error) {
        for flush in self.flushes.drain(..) {
            // Nobody may be there any more.
            let _ = flush.reply.send(Err(Error::new(error.kind(), error.to_string())));
        }
    }

    // Fulls.

    fn full_now(&mut self) {
        self.due = None;
        self.full_at = Instant::now();
    }

    /// The next full comes when the schedule says, the last having been taken at this time.
    pub(super) fn schedule_full(&mut self, last: SystemTime) {
        self.due = self.options.schedule.next_after(last);
        self.full_at = Instant::now() + self.due.map_or(NEVER, until);
    }

    async fn full_due(&mut self) {
        match self.due.map(until) {
            Some(wait) if !wait.is_zero() => self.full_at = Instant::now() + wait,
            _ => self.begin_full(false, None).await,
        }
    }

    async fn begin_full(&mut self, is_final: bool, reply: Option<Reply<FullReport>>) {
        let source = match self.etcd.snapshot_source().await {
            Ok(source) => source,
            Err(error) => {
                self.full_failed(&error);
                if let Some(reply) = reply {
                    let _ = reply.send(Err(error));
                }
                return;
            }
        };
        let created = SystemTime::now();
        if self.lost {
            // Capture begins anew with this full, at once, so that nothing is missed while it is taken.
            self.watch_after(source.revision);
            self.lost = true;
        } else {
            // Read after the last event that was seen, so it cannot be older. The delta before it must sort before it,
            // also for readers that go by name only.
            self.boundary = Some((source.revision, created));
        }
        let backup = Backup::new(self.etcd.clone(), self.store.clone())
            .with_compression(self.options.compression)
            .with_spool(self.options.memory, self.options.max_waiting, &self.options.temporary)
            .with_fence(self.fence.clone())
            .with_observers(self.options.observers.clone());
        let full = Work::spawn(async move { backup.full_from(source, created, is_final).await });
        self.full = Some((full, reply));
    }

    fn full_done(&mut self, result: Result<FullReport>) {
        let Some((_, reply)) = self.full.take() else { return };
        match &result {
            Ok(report) => {
                self.lost = false;
                self.failed_fulls = 0;
                self.hold_until = report.newest;
                self.deltas = (0, 0);
                self.tell_deltas();
                self.schedule_full(report.snapshot.name.created_at());
                self.progress.send_modify(|progress| {
                    progress.full = Some(report.snapshot.clone());
                    progress.safe_revision = progress.safe_revision.max(report.snapshot.name.last);
                    progress.fulls += 1;
                    progress.trouble = None;
                });
            }
            Err(error) => self.full_failed(error),
        }
        if let Some(reply) = reply {
            let _ = reply.send(result);
        }
    }

    fn full_failed(&mut self, error: &Error) {
        self.trouble("the full snapshot failed and is tried again", error);
        self.fail_flushes(error);
        self.full_now();
        self.full_at += pause(self.failed_fulls);
        self.failed_fulls += 1;
    }

    // Requests.

    async fn asked(&mut self, request: Request) {
        match request {
            // One that is under way may lack what came since, and is not marked final.
            Request::Full { is_final, reply } if self.full.is_some() => {
                self.later_fulls.push_back((is_final, reply));
            }
            Request::Full { is_final, reply } => self.begin_full(is_final, Some(reply)).await,
            Request::Delta { reply } => self.flush(reply).await,
            Request::Stop { reply } => {
                self.stopping = true;
                self.flush(reply).await;
            }
        }
    }

    async fn flush(&mut self, reply: Reply<Option<Snapshot>>) {
        match self.etcd.revision().await {
            Ok(until) => self.flushes.push(Flush { until, written: None, reply }),
            Err(error) => {
                let _ = reply.send(Err(error));
            }
        }
    }

    fn answer_flushes(&mut self) {
        let safe = self.progress.borrow().safe_revision;
        for flush in self.flushes.extract_if(.., |flush| flush.until <= safe) {
            let _ = flush.reply.send(Ok(flush.written));
        }
    }

    fn tell_progress(&self) {
        let (seen, waiting) = (self.current.last(), self.waiting());
        self.progress.send_if_modified(|progress| {
            let changed = (progress.seen_revision, progress.waiting) != (seen, waiting);
            (progress.seen_revision, progress.waiting) = (seen, waiting);
            changed
        });
    }

    pub(super) fn tell_deltas(&self) {
        let (count, revisions) = self.deltas;
        self.options.observers.tell(|| Event::Deltas { count, revisions });
    }

    fn tell_what_is_required(&mut self) {
        let delta = !self.current.is_empty() || !self.queue.is_empty();
        let now = (self.lost || delta || self.deltas.0 > 0, delta);
        let before = self.required.replace(now);
        for (kind, required, before) in [
            (Kind::Full, now.0, before.map(|before| before.0)),
            (Kind::Delta, now.1, before.map(|before| before.1)),
        ] {
            if before != Some(required) {
                self.options.observers.tell(|| Event::Required { kind, required });
            }
        }
    }

    fn trouble(&self, what: &str, error: &Error) {
        warn!(%error, "{what}");
        self.options.observers.tell(|| Event::Trouble { what: format!("{what}: {error}") });
        self.progress.send_modify(|progress| progress.trouble = Some(format!("{what}: {error}")));
    }
}

fn revision_of(event: &WatchEvent) -> i64 {
    event.kv.as_ref().map_or(0, |kv| kv.mod_revision)
}

async fn write_delta(
    store: Store,
    fence: Option<Fence>,
    name: SnapshotName,
    delta: Delta,
) -> Result<Snapshot> {
    if let Some(fence) = fence {
        fence.check().await?;
    }
    let path = store.path_of(&name);
    let parts = Parts::for_size(delta.length, 8 << 20, 2).only_new();
    let blocks = compress(name.compression()?, delta.blocks());
    let blocks = store.sealed(&name, blocks).await?;
    let size = upload(store.objects(), &path, parts, blocks).await;
    let size = size.map_err(|error| error.context(format!("writing the delta {name}")))?;
    info!(snapshot = %path, size, events = delta.events, "delta snapshot written");
    Ok(Snapshot::new(name, path, size))
}

/// A task that is stopped when nobody waits for it any more.
struct Work<T>(JoinHandle<Result<T>>);

impl<T: Send + 'static> Work<T> {
    fn spawn(work: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The task's end; never if there is none.
async fn joined<T>(work: Option<&mut Work<T>>) -> Result<T> {
    match work {
        Some(work) => (&mut work.0).await.map_err(task)?,
        None => std::future::pending().await,
    }
}

async fn next(future: Option<&mut BoxFuture<'static, Step>>) -> Step {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    let wait: Option<Pin<Box<Sleep>>> = time.map(|time| Box::pin(sleep_until(time)));
    match wait {
        Some(wait) => wait.await,
        None => std::future::pending().await,
    }
}
