//! When fulls are taken: at times of day, or so often.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use gardener_provider_core::{Error, Result};

/// When fulls are taken, written as etcd-backup-restore's `--schedule` is
/// ([syntax](https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format)):
///
/// - five fields: minute, hour, day of the month, month, day of the week: `0 */6 * * *`
/// - `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`
/// - `@every 90m`: so long after the one before
///
/// Before the fields, `TZ=Europe/Berlin` or `CRON_TZ=Europe/Berlin` says whose clock is meant; else UTC. A time that is
/// skipped when that clock is set forward is made up for right after.
///
/// ```
/// use gardener_etcd_backup::Schedule;
/// let nightly: Schedule = "TZ=Europe/Berlin 30 2 * * *".parse()?;
/// assert!("0 0 30 2".parse::<Schedule>().is_err());
/// # Ok::<(), gardener_provider_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Schedule(When);

#[derive(Clone, PartialEq, Eq)]
enum When {
    Every(Duration),
    Times { cron: Box<Cron>, zone: Tz, text: String },
}

impl Schedule {
    /// So long after the one before.
    pub fn every(period: Duration) -> Self {
        Self(When::Every(period))
    }

    /// When the next one is due, if the last was taken at this time. None if there will never be one.
    pub fn next_after(&self, last: SystemTime) -> Option<SystemTime> {
        match &self.0 {
            When::Every(period) => last.checked_add(*period),
            When::Times { cron, zone, .. } => {
                let last = DateTime::<Utc>::from(last).with_timezone(zone);
                cron.find_next_occurrence(&last, false).ok().map(SystemTime::from)
            }
        }
    }
}

impl Default for Schedule {
    /// Each full hour, as upstream.
    fn default() -> Self {
        Self::every(Duration::from_secs(3600))
    }
}

impl FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |problem: String| Error::invalid("schedule", format!("{text:?} {problem}"));
        let trimmed = text.trim();
        let (zone, fields) = match trimmed.strip_prefix("TZ=").or_else(|| trimmed.strip_prefix("CRON_TZ=")) {
            Some(rest) => {
                let (zone, fields) = rest
                    .split_once(char::is_whitespace)
                    .ok_or_else(|| invalid("has a time zone and no times after it".to_owned()))?;
                let zone = zone.parse().map_err(|_| {
                    invalid(format!("names the time zone {zone:?}; take one such as Europe/Berlin or UTC"))
                })?;
                (zone, fields.trim())
            }
            None => (Tz::UTC, trimmed),
        };
        if let Some(period) = fields.strip_prefix("@every ") {
            let period = go_duration(period.trim()).filter(|period| *period >= Duration::from_secs(1));
            return period
                .map(Self::every)
                .ok_or_else(|| invalid("is no period; write one such as @every 1h30m".to_owned()));
        }
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).sloppy_ranges(true);
        let fields = fields.replace('?', "*").replace("@midnight", "@daily");
        let cron = parser.build().parse(&fields);
        let cron = cron.map_err(|problem| {
            invalid(format!("is no schedule: {problem}; write five fields such as 0 */1 * * *"))
        })?;
        let schedule = Self(When::Times { cron: Box::new(cron), zone, text: trimmed.to_owned() });
        if schedule.next_after(SystemTime::now()).is_none() {
            return Err(invalid("never comes; check day and month".to_owned()));
        }
        Ok(schedule)
    }
}

/// `1h30m`, `90s`: Go's way to write a duration, in whole units from hours to seconds.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        let (seconds, unit) = match rest.as_bytes()[digits] {
            b'h' => (3600, 1),
            b'm' => (60, 1),
            b's' => (1, 1),
            _ => return None,
        };
        total = total.checked_add(Duration::from_secs(count.checked_mul(seconds)?))?;
        rest = &rest[digits + unit..];
    }
    (!text.is_empty()).then_some(total)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            When::Every(period) => write!(f, "@every {}s", period.as_secs()),
            When::Times { text, .. } => f.write_str(text),
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> SystemTime {
        DateTime::parse_from_rfc3339(text).unwrap().into()
    }

    #[test]
    fn times_come_as_the_fields_say() {
        for (schedule, last, next) in [
            ("0 */1 * * *", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"),
            ("30 2 * * *", "2026-11-22T10:00:00Z", "2026-11-23T02:30:00Z"),
            ("0 0 1,15 * *", "2026-11-22T10:00:00Z", "2026-12-01T00:00:00Z"),
            ("0 3 ? * MON-FRI", "2026-11-20T10:00:00Z", "2026-11-23T03:00:00Z"),
            // Of two restricted days either is enough.
            ("0 0 25 * MON", "2026-11-22T10:00:00Z", "2026-11-23T00:00:00Z"),
            ("5/20 * * * *", "2026-11-22T10:06:00Z", "2026-11-22T10:25:00Z"),
            ("@hourly", "2026-11-22T10:59:59Z", "2026-11-22T11:00:00Z"),
            ("@midnight", "2026-11-22T10:00:00Z", "2026-11-23T00:00:00Z"),
            ("@weekly", "2026-11-22T10:00:00Z", "2026-11-29T00:00:00Z"),
            ("@every 1h30m", "2026-11-22T10:00:01Z", "2026-11-22T11:30:01Z"),
            ("TZ=Europe/Berlin 30 4 * * *", "2026-07-01T00:00:00Z", "2026-07-01T02:30:00Z"),
            ("CRON_TZ=Asia/Kolkata 0 0 * * *", "2026-11-22T10:00:00Z", "2026-11-22T18:30:00Z"),
        ] {
            let parsed: Schedule = schedule.parse().unwrap();
            assert_eq!(parsed.next_after(time(last)), Some(time(next)), "{schedule}");
        }
    }

    #[test]
    fn a_time_that_the_clock_skips_or_repeats_is_not_missed_and_comes_once() {
        let nightly: Schedule = "TZ=Europe/Berlin 30 2 * * *".parse().unwrap();
        // On 29 March 2026 there is no 2:30, on 25 October 2026 there are two.
        let skipped = nightly.next_after(time("2026-03-28T12:00:00Z")).unwrap();
        assert!(skipped >= time("2026-03-29T01:00:00Z") && skipped <= time("2026-03-29T01:30:00Z"));
        let first = nightly.next_after(time("2026-10-24T12:00:00Z")).unwrap();
        assert!(nightly.next_after(first).unwrap() > time("2026-10-25T12:00:00Z"));
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for (text, problem) in [
            ("", "is no schedule"),
            ("0 * * *", "is no schedule"),
            ("0 0 * * * *", "is no schedule"),
            ("61 * * * *", "is no schedule"),
            ("0 0 30 2 *", "never comes"),
            ("TZ=Mars/Base 0 * * * *", "names the time zone"),
            ("TZ=UTC", "has a time zone and no times"),
            ("@every soon", "is no period"),
            ("@every 0s", "is no period"),
            ("@every 99999999999999999999h", "is no period"),
            ("@sometimes", "is no schedule"),
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("schedule") && error.contains(problem), "{text:?}: {error}");
        }
    }
}
