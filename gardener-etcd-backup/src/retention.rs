//! Which snapshots are deleted when, by etcd-backup-restore's rules
//! ([documentation](https://github.com/gardener/etcd-backup-restore/blob/master/docs/concepts/garbage_collection.md)).

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::{StreamExt, stream};
use gardener_provider_core::{Error, Result};
use object_store::{ObjectStoreExt, path::Path};
use tracing::{info, warn};

use crate::{Event, Kind, Listing, Observers, Snapshot, Store, error};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// After so many failures the deltas of a stream are left for the next run.
const MAX_FAILURES: usize = 5;
/// A part whose snapshot is not there may belong to an upload that goes on.
const CHUNK_AGE: i64 = DAY;

/// Which fulls are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RetentionPolicy {
    /// All of the current hour, one for each earlier hour of today, one for each of the last 7 days, one for each of the
    /// last 4 weeks. Days and hours are those of UTC.
    #[default]
    Exponential,
    /// The newest so many.
    LimitBased(usize),
}

impl fmt::Display for RetentionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exponential => f.write_str("Exponential"),
            Self::LimitBased(limit) => write!(f, "LimitBased:{limit}"),
        }
    }
}

impl FromStr for RetentionPolicy {
    type Err = Error;

    /// `Exponential`, `LimitBased` (7, as upstream) or `LimitBased:3`.
    fn from_str(text: &str) -> Result<Self> {
        let invalid =
            || Error::invalid("retention policy", format!("{text:?} is not Exponential or LimitBased:N"));
        match text.split_once(':').unwrap_or((text, "7")) {
            ("Exponential", "7") if !text.contains(':') => Ok(Self::Exponential),
            ("LimitBased", limit) => {
                let limit = limit.parse().ok().filter(|limit| *limit > 0).ok_or_else(invalid)?;
                Ok(Self::LimitBased(limit))
            }
            _ => Err(invalid()),
        }
    }
}

/// What is kept and what is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionOptions {
    /// Which fulls are kept.
    pub policy: RetentionPolicy,
    /// Deltas before the newest full are kept this long; not at all unless told.
    pub delta_retention: Duration,
    /// Decide, but delete nothing.
    pub dry_run: bool,
    /// The time to decide by; the present unless told.
    pub now: Option<SystemTime>,
    /// Who is told of each deletion.
    pub observers: Observers,
}

impl RetentionOptions {
    /// Keeps fulls by this policy.
    pub fn new(policy: RetentionPolicy) -> Self {
        Self {
            policy,
            delta_retention: Duration::ZERO,
            dry_run: false,
            now: None,
            observers: Observers::none(),
        }
    }

    /// Sets how long deltas before the newest full are kept.
    pub fn with_delta_retention(mut self, retention: Duration) -> Self {
        self.delta_retention = retention;
        self
    }

    /// Sets whether nothing is deleted.
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Sets who is told of each deletion.
    pub fn with_observers(mut self, observers: impl Into<Observers>) -> Self {
        self.observers = observers.into();
        self
    }

    /// Sets the time to decide by.
    pub fn with_now(mut self, now: SystemTime) -> Self {
        self.now = Some(now);
        self
    }
}

/// What becomes of an object, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// The object.
    pub path: Path,
    /// True when it goes.
    pub delete: bool,
    /// The rule that says so.
    pub reason: String,
}

/// What a run of the retention did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionReport {
    /// Every snapshot and leftover part, in the order of the listing, parts last.
    pub decisions: Vec<Decision>,
    /// What was deleted.
    pub deleted: Vec<Path>,
    /// What should have been deleted and was not, with the reason: immutable for some time yet, for example. The next run
    /// tries again.
    pub failed: Vec<(Path, String)>,
}

/// Deletes what the policy no longer keeps. It lists once. The newest full, what follows it, and objects that are no
/// snapshots are never touched.
///
/// # Errors
/// Those of the LIST; what cannot be deleted is in the report.
pub async fn retain(store: &Store, options: &RetentionOptions) -> Result<RetentionReport> {
    let listing = store.list().await?;
    let streams = decide(&listing, options);
    let mut report = RetentionReport::default();
    for stream in &streams {
        report.decisions.extend(stream.all().cloned());
    }
    report.decisions.sort_by_key(|decision| {
        listing.snapshots.iter().position(|s| s.path == decision.path).unwrap_or(usize::MAX)
    });
    if !options.dry_run {
        for stream in streams {
            delete_stream(store, stream, &mut report, &options.observers).await;
        }
    }
    info!(
        deleted = report.deleted.len(),
        failed = report.failed.len(),
        dry_run = options.dry_run,
        "retention done"
    );
    Ok(report)
}

/// The decisions about a full and the deltas after it.
#[derive(Debug, Default)]
struct StreamDecisions {
    deltas: Vec<Decision>,
    /// Comes last: when a delta could not be deleted, the full stays for this run.
    full: Option<Decision>,
}

impl StreamDecisions {
    fn all(&self) -> impl Iterator<Item = &Decision> {
        self.full.iter().chain(&self.deltas)
    }
}

async fn delete_stream(
    store: &Store,
    decisions: StreamDecisions,
    report: &mut RetentionReport,
    observers: &Observers,
) {
    let doomed: Vec<_> = decisions.deltas.into_iter().filter(|delta| delta.delete).collect();
    let deletions = doomed.into_iter().map(|delta| delete(store, delta.path, observers));
    let mut deletions = stream::iter(deletions.collect::<Vec<_>>()).buffer_unordered(8);
    let mut failures = 0;
    while let Some((path, result)) = deletions.next().await {
        match result {
            Ok(()) => report.deleted.push(path),
            Err(error) => {
                failures += 1;
                report.failed.push((path, error.to_string()));
                if failures == MAX_FAILURES {
                    break;
                }
            }
        }
    }
    let Some(full) = decisions.full.filter(|full| full.delete) else { return };
    if failures > 0 {
        report.failed.push((full.path, "a delta after it could not be deleted".to_owned()));
        return;
    }
    match delete(store, full.path, observers).await {
        (path, Ok(())) => report.deleted.push(path),
        (path, Err(error)) => report.failed.push((path, error.to_string())),
    }
}

/// Deletes an object; one that is gone already is as good.
async fn delete(store: &Store, path: Path, observers: &Observers) -> (Path, Result<()>) {
    let result = match store.objects().delete(&path).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(problem) => Err(error::store(&format!("delete {path}"), problem)),
    };
    if let Err(error) = &result {
        warn!(%error, "left for the next run");
    }
    let name = path.filename().and_then(|name| name.parse::<crate::SnapshotName>().ok());
    observers.tell(|| Event::Deleted { kind: name.map(|name| name.kind), gone: result.is_ok() });
    (path, result)
}

fn decide(listing: &Listing, options: &RetentionOptions) -> Vec<StreamDecisions> {
    let now = seconds(options.now.unwrap_or_else(SystemTime::now));
    let snapshots = &listing.snapshots;
    // As upstream: what comes before the first full counts as a stream of its own, headed by its first delta.
    let mut heads: Vec<_> =
        (0..snapshots.len()).filter(|at| snapshots[*at].name.kind == Kind::Full).collect();
    let mut streams = Vec::new();
    if heads.is_empty() {
        let kept = snapshots.iter().map(|snapshot| keep(snapshot, "there is no full that could replace it"));
        streams.push(StreamDecisions { deltas: kept.collect(), full: None });
    } else {
        if heads[0] != 0 {
            heads.insert(0, 0);
        }
        let bounds: Vec<_> = heads.iter().copied().chain([snapshots.len()]).collect();
        let fulls: Vec<_> = heads.iter().map(|at| &snapshots[*at]).collect();
        let verdicts = judge(&fulls, options.policy, now);
        for ((bound, full), verdict) in bounds.windows(2).zip(&fulls).zip(verdicts) {
            let newest = bound[1] == snapshots.len();
            let deltas = snapshots[bound[0] + 1..bound[1]].iter();
            let deltas = deltas.map(|delta| judge_delta(delta, newest, options.delta_retention, now));
            let full = Decision { path: full.path.clone(), delete: verdict.0, reason: verdict.1 };
            streams.push(StreamDecisions { deltas: deltas.collect(), full: Some(full) });
        }
    }
    let chunks = listing.chunks.iter().map(|chunk| judge_chunk(chunk, listing, now));
    streams.push(StreamDecisions { deltas: chunks.collect(), full: None });
    streams
}

/// Whether each full goes, and why.
fn judge(fulls: &[&Snapshot], policy: RetentionPolicy, now: i64) -> Vec<(bool, String)> {
    let newest = (false, "the newest full".to_owned());
    match policy {
        RetentionPolicy::LimitBased(limit) => {
            let older = (0..fulls.len() - 1).map(|at| {
                let newer = fulls.len() - 1 - at;
                (newer >= limit, format!("{newer} newer fulls, {limit} fulls are kept"))
            });
            older.chain([newest]).collect()
        }
        RetentionPolicy::Exponential => {
            let mut verdicts = vec![newest];
            let mut end_of_day = now.div_euclid(DAY) * DAY + DAY - 1;
            let mut counting_weeks = false;
            for pair in fulls.windows(2).rev() {
                let (older, newer) = (pair[0].name.created, pair[1].name.created);
                let age = end_of_day - older;
                if (8 * DAY..5 * WEEK).contains(&age) && !counting_weeks {
                    // Weeks end on the day before.
                    end_of_day -= DAY;
                    counting_weeks = true;
                }
                verdicts.push(judge_pair(older, newer, age, end_of_day, now));
            }
            verdicts.reverse();
            verdicts
        }
    }
}

/// Whether the older of two neighbouring fulls goes: it does when both lie in the same hour, day or week that counts.
fn judge_pair(older: i64, newer: i64, age: i64, end_of_day: i64, now: i64) -> (bool, String) {
    let (hours, window) = match age {
        _ if age < DAY && older.rem_euclid(DAY) / HOUR == now.rem_euclid(DAY) / HOUR => {
            return (false, "of the current hour".to_owned());
        }
        _ if age < DAY => (1, "hour"),
        _ if age < 8 * DAY => (24, "day"),
        _ if age < 5 * WEEK => (24 * 7, "week"),
        _ => (i64::from(i32::MAX), "of the last four weeks"),
    };
    let change = |unit: i64| (end_of_day - older) / unit - (end_of_day - newer) / unit;
    let changes = [change(HOUR), change(DAY) * 24, change(WEEK) * 24 * 7];
    let differs = changes.iter().any(|change| change / hours != 0);
    match (differs, age < 5 * WEEK) {
        (true, _) => (false, format!("the last of its {window}")),
        (false, true) => (true, format!("a newer full of the same {window} is kept")),
        (false, false) => (true, "older than four weeks".to_owned()),
    }
}

fn judge_delta(delta: &Snapshot, newest: bool, retention: Duration, now: i64) -> Decision {
    let retention = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
    if newest {
        return keep(delta, "follows the newest full");
    }
    if delta.name.created >= now.saturating_sub(retention) {
        return keep(delta, "younger than the retention of deltas");
    }
    let reason = "a newer full replaces it".to_owned();
    Decision { path: delta.path.clone(), delete: true, reason }
}

/// Parts that a store composes of (GCS) are needless once their snapshot is there. Where the snapshot is empty it refers
/// to them (Swift), and they are the snapshot.
fn judge_chunk(chunk: &Path, listing: &Listing, now: i64) -> Decision {
    let parent = chunk.as_ref().rsplit_once('/').map_or("", |(parent, _)| parent);
    let complete = listing.snapshots.iter().find(|snapshot| snapshot.path.as_ref() == parent);
    let created = parent.rsplit_once('/').and_then(|(_, name)| name.parse::<crate::SnapshotName>().ok());
    let abandoned = created.is_some_and(|name| name.created < now - CHUNK_AGE);
    let (delete, reason) = match complete {
        Some(snapshot) if snapshot.size == 0 => (false, "its snapshot is made of such parts"),
        Some(_) => (true, "its snapshot is complete without it"),
        None if abandoned => (true, "its upload was given up"),
        None => (false, "its upload may be going on"),
    };
    Decision { path: chunk.clone(), delete, reason: reason.to_owned() }
}

fn keep(snapshot: &Snapshot, reason: &str) -> Decision {
    Decision { path: snapshot.path.clone(), delete: false, reason: reason.to_owned() }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    /// A Saturday, 15:07:00.
    const NOW: i64 = 1_784_992_020;

    fn snapshot(kind: &str, last: i64, created: i64) -> Snapshot {
        let start = if kind == "Full" { 0 } else { last };
        let name = format!("{kind}-{start:08}-{last:08}-{created}");
        Snapshot::new(name.parse().unwrap(), Path::from(format!("p/v2/{name}")), 1)
    }

    fn listing(mut snapshots: Vec<Snapshot>) -> Listing {
        snapshots.sort_by_key(Snapshot::order);
        Listing { snapshots, ..Listing::default() }
    }

    fn options(policy: RetentionPolicy) -> RetentionOptions {
        let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(NOW).unwrap());
        RetentionOptions::new(policy).with_now(now)
    }

    fn kept(listing: &Listing, options: &RetentionOptions) -> Vec<i64> {
        let streams = decide(listing, options);
        let mut kept: Vec<i64> = streams
            .iter()
            .flat_map(StreamDecisions::all)
            .filter(|decision| !decision.delete)
            .map(|decision| decision.path.filename().unwrap().parse::<crate::SnapshotName>().unwrap().created)
            .collect();
        kept.sort_unstable();
        kept
    }

    /// Three snapshots each half hour for 36 days, the first of them a full, all of the same revision.
    fn busy_month() -> Listing {
        let times = (0..).map(|n| NOW - 36 * DAY + n * 600).take_while(|time| *time <= NOW);
        listing(
            times
                .zip(0..)
                .map(|(at, n)| snapshot(if n % 3 == 0 { "Full" } else { "Incr" }, 1001, at))
                .collect(),
        )
    }

    #[test]
    fn exponential_keeps_hours_days_and_weeks() {
        let midnight = NOW - NOW % DAY;
        let hour = NOW - NOW % HOUR;
        let kept = kept(&busy_month(), &options(RetentionPolicy::Exponential));
        let count = |from: i64, to: i64| kept.iter().filter(|time| (from..to).contains(*time)).count();
        assert_eq!(
            count(midnight, hour),
            usize::try_from((hour - midnight) / HOUR).unwrap(),
            "one an hour today"
        );
        assert_eq!(count(midnight - 7 * DAY, midnight), 7, "one a day");
        for day in 1..=7 {
            assert_eq!(count(midnight - day * DAY, midnight - (day - 1) * DAY), 1, "day {day}");
        }
        assert_eq!(count(0, midnight - 7 * DAY), 4, "one a week");
        for week in 1..=4 {
            let end = midnight - 7 * DAY - (week - 1) * WEEK;
            assert_eq!(count(end - WEEK, end), 1, "week {week}");
        }
        let of_this_hour = busy_month().snapshots.iter().filter(|s| s.name.created >= hour).count();
        assert_eq!(count(hour, NOW + 1), of_this_hour, "all of the current hour");
    }

    #[test]
    fn the_limit_counts_fulls() {
        let snapshots = (0..10).flat_map(|n| {
            let at = NOW - (10 - n) * DAY;
            [snapshot("Full", n * 10 + 1, at), snapshot("Incr", n * 10 + 5, at + 60)]
        });
        let listing = listing(snapshots.collect());
        let kept = kept(&listing, &options(RetentionPolicy::LimitBased(3)));
        assert_eq!(kept, [NOW - 3 * DAY, NOW - 2 * DAY, NOW - DAY, NOW - DAY + 60]);
    }

    #[test]
    fn deltas_live_as_long_as_told_and_those_of_the_newest_full_always() {
        let listing = listing(vec![
            snapshot("Full", 1, NOW - 4 * HOUR),
            snapshot("Incr", 2, NOW - 3 * HOUR),
            snapshot("Incr", 3, NOW - HOUR),
            snapshot("Full", 4, NOW - 60),
            snapshot("Incr", 5, NOW - 9 * DAY),
        ]);
        let options = options(RetentionPolicy::LimitBased(9)).with_delta_retention(Duration::from_secs(7200));
        let kept = kept(&listing, &options);
        assert_eq!(kept, [NOW - 9 * DAY, NOW - 4 * HOUR, NOW - HOUR, NOW - 60]);
    }

    #[test]
    fn without_any_full_nothing_goes() {
        let listing = listing((0..5).map(|n| snapshot("Incr", n + 1, NOW - 90 * DAY)).collect());
        for policy in [RetentionPolicy::Exponential, RetentionPolicy::LimitBased(1)] {
            let streams = decide(&listing, &options(policy));
            assert!(streams.iter().flat_map(StreamDecisions::all).all(|decision| !decision.delete));
        }
    }

    #[test]
    fn parts_go_only_when_nothing_needs_them() {
        let whole = snapshot("Full", 9, NOW - DAY);
        let mut manifest = snapshot("Full", 8, NOW - 2 * DAY);
        manifest.size = 0;
        let part = |of: &str| Path::from(format!("p/v2/{of}/0000000001"));
        let chunks = vec![
            part(&whole.name.to_string()),
            part(&manifest.name.to_string()),
            part(&format!("Full-00000000-00000010-{}", NOW - HOUR)),
            part(&format!("Full-00000000-00000010-{}", NOW - 3 * DAY)),
        ];
        let listing = Listing { snapshots: vec![manifest, whole], chunks, ..Listing::default() };
        let streams = decide(&listing, &options(RetentionPolicy::Exponential));
        let deleted: Vec<_> = streams.last().unwrap().deltas.iter().map(|decision| decision.delete).collect();
        assert_eq!(deleted, [true, false, false, true]);
    }

    #[tokio::test]
    async fn a_dry_run_explains_and_deletes_nothing_and_a_real_one_spares_strangers() {
        let store = Store::new(Arc::new(InMemory::new()), "p").unwrap();
        let stranger = Path::from("p/v2/notes.txt");
        let sibling = Path::from("p-events/v2/Full-00000000-00000001-1");
        for snapshot in &busy_month().snapshots {
            store.objects().put(&snapshot.path, "x".into()).await.unwrap();
        }
        store.objects().put(&stranger, "x".into()).await.unwrap();
        store.objects().put(&sibling, "x".into()).await.unwrap();
        let options = options(RetentionPolicy::Exponential);
        let dry = retain(&store, &options.clone().with_dry_run(true)).await.unwrap();
        assert_eq!(dry.decisions.len(), busy_month().snapshots.len());
        assert!(dry.deleted.is_empty() && dry.decisions.iter().all(|decision| !decision.reason.is_empty()));
        assert_eq!(store.list().await.unwrap().snapshots.len(), dry.decisions.len());
        let real = retain(&store, &options).await.unwrap();
        assert_eq!(real.deleted.len(), dry.decisions.iter().filter(|decision| decision.delete).count());
        assert!(
            store.objects().head(&stranger).await.is_ok() && store.objects().head(&sibling).await.is_ok()
        );
    }

    #[test]
    fn policies_read_back() {
        for text in ["Exponential", "LimitBased:3"] {
            assert_eq!(text.parse::<RetentionPolicy>().unwrap().to_string(), text);
        }
        assert_eq!("LimitBased".parse::<RetentionPolicy>().unwrap(), RetentionPolicy::LimitBased(7));
        for bad in ["", "LimitBased:0", "exponential", "LimitBased:x", "Exponential:7"] {
            assert!(bad.parse::<RetentionPolicy>().is_err(), "{bad}");
        }
    }
}
