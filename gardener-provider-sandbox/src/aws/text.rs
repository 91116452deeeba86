//! Text forms that the replies of several services share.

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A point in time as the query protocols write it: `2026-01-31T12:00:00.000Z`.
pub(crate) fn iso(at: SystemTime) -> String {
    OffsetDateTime::from(at).format(ISO).unwrap_or_default()
}
