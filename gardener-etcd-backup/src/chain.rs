//! From a listing to the snapshots that lead to a wanted state: a full and the deltas after it.

use std::time::{Duration, SystemTime};

use gardener_provider_core::{Error, ErrorKind, Result};

use crate::{Kind, Snapshot};

/// Up to where a restore goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Target {
    /// As far as the backup reaches.
    #[default]
    Latest,
    /// Up to this revision, included.
    Revision(i64),
    /// Up to the last event that the backup saw at this time. Events carry the time at which they reached the process
    /// that made the backup, which is shortly after etcd committed them.
    Time(SystemTime),
}

/// A full and the deltas after it, in the order in which they are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain {
    /// The full snapshot.
    pub full: Snapshot,
    /// Deltas, each continuing the one before, perhaps overlapping it.
    pub deltas: Vec<Snapshot>,
    /// What was odd: overlaps, gaps, snapshots left out. Empty for a chain as it should be.
    pub remarks: Vec<String>,
}

impl Target {
    /// Up to which revision a full is taken over, of which the database holds `holds` and says what was compacted away.
    ///
    /// A full may hold somewhat more than its name says, of which nobody noted the time; deltas repeat that with times.
    pub(crate) fn within(self, full: &Snapshot, holds: i64, compacted: i64) -> i64 {
        match self {
            Self::Latest => holds,
            Self::Revision(revision) => revision.min(holds),
            Self::Time(_) => full.name.last.max(compacted).min(holds),
        }
    }
}

impl Snapshot {
    /// True if it was certainly begun before this time: its name says only the second.
    fn is_from_before(&self, time: SystemTime) -> bool {
        self.name.created_at() + Duration::from_secs(1) <= time
    }
}

impl Chain {
    /// The last revision that the names promise.
    pub fn last(&self) -> i64 {
        self.deltas.iter().map(|delta| delta.name.last).max().unwrap_or(0).max(self.full.name.last)
    }
}

/// The chains that could lead to `target`, best first: those that reach furthest, then those with the newest full.
///
/// `snapshots` are sorted as a [`Listing`](crate::Listing) has them.
///
/// # Errors
/// `NotFound` when there is no full at or before the target.
pub(crate) fn candidates(snapshots: &[Snapshot], target: Target) -> Result<Vec<Chain>> {
    let fulls = snapshots.iter().filter(|snapshot| snapshot.name.kind == Kind::Full);
    let usable = fulls.filter(|full| match target {
        Target::Latest => true,
        Target::Revision(revision) => full.name.last <= revision,
        Target::Time(time) => full.name.created_at() <= time,
    });
    let mut usable: Vec<_> = usable.collect();
    if let Target::Time(time) = target {
        // Of those of the same second the oldest is the one that may be from before.
        let certain = usable.iter().filter(|full| full.is_from_before(time)).count();
        usable.truncate(certain.max(1));
    }
    let mut chains: Vec<_> = usable.into_iter().rev().map(|full| chain_of(full, snapshots, target)).collect();
    if chains.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("no full snapshot at or before {target:?}")));
    }
    // A full that is newer than the other needs fewer deltas; the sort is stable and keeps that order.
    chains.sort_by_key(|chain| std::cmp::Reverse(chain.last()));
    Ok(chains)
}

fn chain_of(full: &Snapshot, snapshots: &[Snapshot], target: Target) -> Chain {
    let mut chain = Chain { full: full.clone(), deltas: Vec::new(), remarks: Vec::new() };
    let mut reached = full.name.last;
    let mut deltas: Vec<_> = snapshots.iter().filter(|s| s.name.kind == Kind::Delta).collect();
    // Of two deltas that begin together, the one that reaches further makes the other needless.
    deltas.sort_by_key(|delta| (delta.name.start, std::cmp::Reverse(delta.order())));
    for delta in deltas {
        let name = &delta.name;
        if name.last <= full.name.last {
            continue;
        }
        if name.last <= reached {
            chain.remarks.push(format!("{name} is left out: it brings nothing beyond revision {reached}"));
            continue;
        }
        let wanted = match target {
            Target::Revision(revision) => name.start <= revision,
            Target::Latest | Target::Time(_) => true,
        };
        if !wanted {
            break;
        }
        if name.start > reached + 1 {
            let gap = format!("revisions {} to {} are missing before {name}", reached + 1, name.start - 1);
            chain.remarks.push(gap);
            break;
        }
        if name.start <= reached && !chain.deltas.is_empty() {
            chain.remarks.push(format!("{name} overlaps the delta before it, which reached {reached}"));
        }
        reached = name.last;
        chain.deltas.push(delta.clone());
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::path::Path;

    fn snapshots(names: &[&str]) -> Vec<Snapshot> {
        let mut snapshots: Vec<_> = names
            .iter()
            .map(|name| Snapshot::new(name.parse().unwrap(), Path::from(format!("v2/{name}")), 1))
            .collect();
        snapshots.sort_by_key(Snapshot::order);
        snapshots
    }

    fn best(names: &[&str], target: Target) -> (String, Vec<i64>, usize) {
        let chain = candidates(&snapshots(names), target).unwrap().swap_remove(0);
        let reached = chain.deltas.iter().map(|delta| delta.name.last).collect();
        (chain.full.name.to_string(), reached, chain.remarks.len())
    }

    const OLD: &str = "Full-00000000-00000010-100";
    const NEW: &str = "Full-00000000-00000030-300";
    const D1: &str = "Incr-00000011-00000020-150";
    const D2: &str = "Incr-00000021-00000030-200";
    const D3: &str = "Incr-00000031-00000040-350";

    #[test]
    fn the_newest_full_with_its_deltas_is_best() {
        assert_eq!(best(&[OLD, D1, D2, NEW, D3], Target::Latest), (NEW.into(), vec![40], 0));
        let all = candidates(&snapshots(&[OLD, D1, D2, NEW, D3]), Target::Latest).unwrap();
        assert_eq!(all[1].full.name.to_string(), OLD);
        assert_eq!(all[1].deltas.len(), 3, "the previous full reaches as far through all deltas");
    }

    #[test]
    fn an_older_full_wins_when_it_reaches_further() {
        assert_eq!(best(&[OLD, D1, D2, D3, "Full-00000000-00000015-160"], Target::Latest).1, [20, 30, 40]);
        // The newer full's deltas have a gap before them.
        let (full, deltas, remarks) = best(&[OLD, D1, D3], Target::Latest);
        assert_eq!((full.as_str(), deltas, remarks), (OLD, vec![20], 1));
    }

    #[test]
    fn overlaps_and_duplicates_are_said() {
        let overlap = "Incr-00000018-00000025-180";
        let (_, deltas, remarks) = best(&[OLD, D1, overlap], Target::Latest);
        assert_eq!((deltas, remarks), (vec![20, 25], 1));
        let (_, deltas, remarks) = best(&[OLD, D1, "Incr-00000011-00000020-151"], Target::Latest);
        assert_eq!((deltas, remarks), (vec![20], 1));
    }

    #[test]
    fn a_full_that_lags_its_own_content_takes_the_delta_across_it() {
        assert_eq!(best(&[OLD, "Incr-00000005-00000012-101"], Target::Latest).1, [12]);
    }

    #[test]
    fn a_target_limits_the_chain() {
        let names = [OLD, D1, D2, NEW, D3];
        assert_eq!(best(&names, Target::Revision(25)), (OLD.into(), vec![20, 30], 0));
        assert_eq!(best(&names, Target::Revision(30)), (NEW.into(), vec![], 0));
        assert!(candidates(&snapshots(&names), Target::Revision(9)).is_err());
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(299);
        assert_eq!(best(&names, Target::Time(time)).0, OLD);
    }

    #[test]
    fn orphan_deltas_alone_are_no_chain() {
        assert!(candidates(&snapshots(&[D1, D2]), Target::Latest).is_err());
    }
}
