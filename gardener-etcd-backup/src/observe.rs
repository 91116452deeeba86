//! Telling others what happens: metrics, progress bars, alerts.

use std::{fmt, sync::Arc, time::Duration};

use crate::{Kind, Snapshot};

/// Is told what happens. It is called from the work itself, so it must not block; it may be called from several threads.
pub trait Observer: Send + Sync + fmt::Debug {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A snapshot was written.
    Taken {
        /// The snapshot.
        snapshot: Snapshot,
        /// How long that took.
        took: Duration,
    },
    /// A snapshot could not be written.
    NotTaken {
        /// Which kind.
        kind: Kind,
        /// How long that took.
        took: Duration,
        /// Why.
        error: String,
    },
    /// Whether etcd holds what no snapshot of this kind does. It is told when it changes.
    Required {
        /// Which kind: a full is required once there are deltas after the last one, a delta once there are changes.
        kind: Kind,
        /// Whether it is.
        required: bool,
    },
    /// What follows the newest full in the store.
    Deltas {
        /// How many deltas.
        count: u64,
        /// How many revisions they hold.
        revisions: i64,
    },
    /// The running backup met an obstacle, and goes on.
    Trouble {
        /// What is the matter.
        what: String,
    },
    /// The retention deleted, or could not delete.
    Deleted {
        /// Which kind; none for a part that an upload left.
        kind: Option<Kind>,
        /// Whether it is gone.
        gone: bool,
    },
    /// A restore ended.
    Restored {
        /// How long it took.
        took: Duration,
        /// Whether the data directory is there.
        succeeded: bool,
    },
    /// A verification ended.
    Verified {
        /// How long it took.
        took: Duration,
        /// Whether the backup is sound.
        sound: bool,
    },
    /// So much of a snapshot was read or written. It is told every few hundred KiB.
    Progress {
        /// Bytes of the object so far.
        done: u64,
        /// Bytes of all of it; for one that is being written the size of the database, which is a guess.
        of: u64,
        /// The name of the snapshot.
        what: String,
    },
}

/// Those who are told. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    /// Nobody.
    pub fn none() -> Self {
        Self::default()
    }

    /// One more.
    #[must_use]
    pub fn and(mut self, observer: Arc<dyn Observer>) -> Self {
        self.0.push(observer);
        self
    }

    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if !self.0.is_empty() {
            let event = event();
            self.0.iter().for_each(|observer| observer.event(&event));
        }
    }
}

impl From<Arc<dyn Observer>> for Observers {
    fn from(observer: Arc<dyn Observer>) -> Self {
        Self::none().and(observer)
    }
}

/// Equal if they are the same observers.
impl PartialEq for Observers {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Eq for Observers {}
