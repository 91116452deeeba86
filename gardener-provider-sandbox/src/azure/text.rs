//! Text forms that many replies share.

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]+00:00");

/// A point in time as Azure's services write it: `2026-01-31T12:00:00.0000000+00:00`.
pub(crate) fn iso(at: SystemTime) -> String {
    OffsetDateTime::from(at).format(ISO).unwrap_or_default()
}
