//! What a call's handler knows besides the parameters.

use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{GcpOptions, auth::Caller};
use crate::{call::Call, world::World};

/// One authenticated call on its way to its handler.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) call: &'a Call,
    pub(crate) caller: Caller,
    pub(crate) now: SystemTime,
}

impl Context<'_> {
    pub(crate) fn options(&self) -> &GcpOptions {
        &self.world.options.gcp
    }

    pub(crate) fn after(&self, duration: Duration) -> SystemTime {
        after(self.now, duration)
    }

    /// From when on a resource created now is in lists: now, plus the eventual-consistency lag.
    pub(crate) fn listed_from(&self) -> SystemTime {
        self.after(self.world.lag())
    }
}

/// The time in so long; a duration beyond all calendars is a century.
pub(crate) fn after(time: SystemTime, duration: Duration) -> SystemTime {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    time + duration.min(CENTURY)
}

/// A time as compute writes it: `2026-11-22T01:02:03.456-00:00` is RFC 3339.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let time = time.replace_nanosecond(time.nanosecond() / 1_000_000 * 1_000_000).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}
