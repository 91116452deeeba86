//! Retention of backup buckets: what the `immutability` of a `BackupBucketConfig` says in every cloud, and which changes
//! of a retention in force a cloud allows.

use std::time::Duration;

use futures::{TryStreamExt, stream::BoxStream};
use gardener_provider_core::{
    BucketSpec, DeletedObjects, Error, ErrorKind, Result, Retention, RetentionMode, Violation,
};
use serde::Deserialize;

use crate::{config::Findings, go_duration};

/// The kind of every cloud's config.
pub const KIND: &str = "BackupBucketConfig";

const DAY: Duration = Duration::from_hours(24);

/// `immutability` as a user writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Immutability {
    /// What it applies to: `bucket`.
    pub retention_type: Option<String>,
    /// For how long, in Go's form.
    pub retention_period: Option<String>,
    /// `compliance` or `governance`, where the cloud says it so.
    pub mode: Option<String>,
    /// Whether the policy is locked, where the cloud says it so.
    pub locked: Option<bool>,
}

/// How users say how strictly a retention binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strictness {
    /// `mode: compliance` or `mode: governance`.
    Mode,
    /// `locked: true` or `locked: false`; false unless told.
    Locked,
}

/// What a cloud allows of retentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The service by the name that errors call it.
    pub service: &'static str,
    /// How strictness is said.
    pub strictness: Strictness,
    /// Whether periods are whole days.
    pub whole_days: bool,
    /// The most days of a period.
    pub most_days: u32,
}

impl Terms {
    /// The retention that a config asks for; adds to `findings` all that is wrong with it.
    pub fn read(&self, config: Option<&Immutability>, findings: &mut Findings) -> Option<Retention> {
        let config = config?;
        match config.retention_type.as_deref() {
            Some("bucket") => {}
            Some(other) => {
                findings.say("immutability.retentionType", format!("{other:?} must be \"bucket\""));
            }
            None => findings.say("immutability.retentionType", "is missing; write \"bucket\""),
        }
        let mode = self.mode(config, findings);
        let period = self.period(config.retention_period.as_deref(), findings);
        Some(Retention::new(period?, mode?))
    }

    fn mode(&self, config: &Immutability, findings: &mut Findings) -> Option<RetentionMode> {
        let mut unknown = |known: &str, field: &str| {
            findings
                .say(format!("immutability.{field}"), format!("is not a field of {KIND}; it has {known:?}"));
        };
        match self.strictness {
            Strictness::Locked if config.mode.is_some() => unknown("locked", "mode"),
            Strictness::Mode if config.locked.is_some() => unknown("mode", "locked"),
            _ => {}
        }
        let text = match self.strictness {
            Strictness::Locked if config.locked == Some(true) => return Some(RetentionMode::Compliance),
            Strictness::Locked => return Some(RetentionMode::Governance),
            Strictness::Mode => config.mode.as_deref(),
        };
        let problem = match text {
            Some("compliance") => return Some(RetentionMode::Compliance),
            Some("governance") => return Some(RetentionMode::Governance),
            Some(other) => format!("{other:?} must be \"compliance\" or \"governance\""),
            None => "is missing; write \"compliance\" or \"governance\"".to_owned(),
        };
        findings.say("immutability.mode", problem);
        None
    }

    fn period(&self, text: Option<&str>, findings: &mut Findings) -> Option<Duration> {
        let problem = match text.map(|text| go_duration::parse("", text)) {
            None => "is missing; write it like \"24h\"".to_owned(),
            Some(Err(error)) => error.message().trim_start_matches(": ").to_owned(),
            Some(Ok(period)) => match self.period_problem(period) {
                None => return Some(period),
                Some(problem) => problem,
            },
        };
        findings.say("immutability.retentionPeriod", problem);
        None
    }

    /// What is wrong with a period.
    pub fn period_problem(&self, period: Duration) -> Option<String> {
        let text = go_duration::format(period);
        let Self { service, most_days, .. } = self;
        if period < DAY {
            return Some(format!("{text} is too short; give at least \"24h\""));
        }
        if self.whole_days && !period.as_nanos().is_multiple_of(DAY.as_nanos()) {
            return Some(format!("{text} is not a multiple of 24h; {service} retains for whole days"));
        }
        if !period.as_nanos().is_multiple_of(1_000_000_000) {
            return Some(format!("{text} is not a multiple of a second"));
        }
        (period > of_days(*most_days))
            .then(|| format!("{text} is longer than {service} allows, {most_days} days"))
    }

    /// The retention that a bucket should have: what its config says, else its field.
    ///
    /// # Errors
    /// `InvalidArgument` naming the field that is wrong.
    pub fn wanted(&self, of_config: Option<Retention>, spec: &BucketSpec) -> Result<Option<Retention>> {
        if of_config.is_some() {
            return Ok(of_config);
        }
        match spec.retention.and_then(|retention| self.period_problem(retention.period)) {
            Some(problem) => Err(Error::invalid("retention.period", problem)),
            None => Ok(spec.retention),
        }
    }

    /// Why a retention in force may not become another one: nobody can lift compliance or make it shorter.
    pub fn forbidden_change(&self, old: Retention, new: Option<Retention>) -> Option<Violation> {
        if old.mode != RetentionMode::Compliance {
            return None;
        }
        let in_force = go_duration::format(old.period);
        let (state, field, remedy) = match self.strictness {
            Strictness::Mode => ("in compliance mode", "immutability.mode", "leave it at \"compliance\""),
            Strictness::Locked => ("under a locked policy", "immutability.locked", "leave it at true"),
        };
        let Some(new) = new else {
            let problem = format!("cannot be removed: the bucket retains objects {state} for {in_force}");
            return Some(Violation::new("immutability", problem));
        };
        if new.mode != RetentionMode::Compliance {
            let problem = format!("cannot be loosened: the bucket retains objects {state}; {remedy}");
            return Some(Violation::new(field, problem));
        }
        (new.period < old.period).then(|| {
            let new = go_duration::format(new.period);
            let problem = format!(
                "{new} is shorter than the {in_force} in force, and {state} only longer ones are allowed"
            );
            Violation::new("immutability.retentionPeriod", problem)
        })
    }
}

/// What became of an object that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is gone.
    Gone,
    /// A retention protects it; it is marked so that the cloud deletes it later.
    Retained,
}

/// Deletes all objects of a list, so many at a time, and counts what became of them.
///
/// # Errors
/// The first of the list or of a deletion; what is under way then is dropped.
pub async fn purge<T, F, Fut>(
    objects: BoxStream<'_, Result<T>>,
    at_once: usize,
    delete: F,
) -> Result<DeletedObjects>
where
    F: Fn(T) -> Fut,
    Fut: Future<Output = Result<Fate>>,
{
    let fates = objects.map_ok(delete).try_buffer_unordered(at_once);
    fates
        .try_fold(DeletedObjects::default(), |mut sum, fate| async move {
            match fate {
                Fate::Gone => sum.deleted += 1,
                Fate::Retained => sum.retained += 1,
            }
            Ok(sum)
        })
        .await
}

/// The error of a bucket that cannot be deleted because so many of its objects are under a retention.
pub fn still_retained(objects: u64) -> Error {
    let what = if objects == 1 { "object is" } else { "objects are" };
    Error::new(
        ErrorKind::FailedPrecondition,
        format!(
            "{objects} {what} under a retention; all else is deleted. Delete the bucket again when it has ended"
        ),
    )
}

/// The whole days of a period.
pub fn days(period: Duration) -> u32 {
    u32::try_from(period.as_secs() / DAY.as_secs()).unwrap_or(u32::MAX)
}

/// The period of so many days.
pub fn of_days(days: u32) -> Duration {
    DAY * days
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config;

    const MODE: Terms =
        Terms { service: "S3", strictness: Strictness::Mode, whole_days: true, most_days: 36_500 };
    const LOCKED: Terms =
        Terms { service: "GCS", strictness: Strictness::Locked, whole_days: false, most_days: 36_525 };

    fn read(terms: &Terms, value: &Value) -> (Option<Retention>, Vec<String>) {
        let config: Immutability = config::parse(KIND, value).unwrap();
        let mut findings = Findings::new();
        let retention = terms.read(Some(&config), &mut findings);
        let fields = findings.into_violations().into_iter();
        (retention, fields.map(|violation| violation.field.replace("immutability.", "")).collect())
    }

    #[test]
    fn strictness_is_a_mode_or_a_lock() {
        let period = |mode| Some(Retention::new(of_days(4), mode));
        let with = |key: &str, value: Value| json!({ "retentionType": "bucket", "retentionPeriod": "96h", key: value });
        let compliance = (period(RetentionMode::Compliance), vec![]);
        let governance = (period(RetentionMode::Governance), vec![]);
        assert_eq!(read(&MODE, &with("mode", json!("compliance"))), compliance);
        assert_eq!(read(&MODE, &with("mode", json!("governance"))), governance);
        assert_eq!(read(&LOCKED, &with("locked", json!(true))), compliance);
        assert_eq!(read(&LOCKED, &with("locked", json!(false))), governance);
        assert_eq!(read(&LOCKED, &with("locked", Value::Null)), governance);
        assert_eq!(read(&LOCKED, &with("mode", json!("compliance"))).1, ["mode"]);
        assert_eq!(read(&MODE, &with("locked", json!(true))).1, ["locked", "mode"]);
    }

    #[test]
    fn periods_are_as_the_cloud_counts_them() {
        let problem = |terms: &Terms, hours| terms.period_problem(Duration::from_hours(hours)).is_some();
        assert!(problem(&MODE, 36) && !problem(&LOCKED, 36));
        assert!(problem(&MODE, 23) && problem(&LOCKED, 23));
        assert!(problem(&MODE, 36_501 * 24) && !problem(&LOCKED, 36_501 * 24));
        assert!(LOCKED.period_problem(DAY + Duration::from_millis(1)).is_some());
        assert_eq!(read(&MODE, &json!({})).1, ["retentionType", "mode", "retentionPeriod"]);
        assert_eq!(
            read(&LOCKED, &json!({ "retentionType": "object" })).1,
            ["retentionType", "retentionPeriod"]
        );
    }

    #[test]
    fn compliance_can_only_grow() {
        let retention = |days, mode| Retention::new(of_days(days), mode);
        let (old, governance) =
            (retention(2, RetentionMode::Compliance), retention(2, RetentionMode::Governance));
        let field = |old, new| LOCKED.forbidden_change(old, new).map(|violation| violation.field);
        assert_eq!(field(old, None).as_deref(), Some("immutability"));
        assert_eq!(field(old, Some(governance)).as_deref(), Some("immutability.locked"));
        let shorter = retention(1, RetentionMode::Compliance);
        assert_eq!(field(old, Some(shorter)).as_deref(), Some("immutability.retentionPeriod"));
        assert_eq!(field(old, Some(retention(3, RetentionMode::Compliance))), None);
        assert_eq!(field(governance, None), None);
        assert_eq!(MODE.forbidden_change(old, Some(governance)).unwrap().field, "immutability.mode");
    }

    #[tokio::test]
    async fn what_becomes_of_objects_is_counted_and_errors_end_it() {
        use futures::{StreamExt, stream};
        let objects = || stream::iter((0..10).map(Ok)).boxed();
        let odd = |n: u32| async move { Ok(if n % 2 == 1 { Fate::Retained } else { Fate::Gone }) };
        assert_eq!(purge(objects(), 3, odd).await.unwrap(), DeletedObjects::new(5, 5));
        let failing = |n: u32| async move { if n < 5 { Ok(Fate::Gone) } else { Err(Error::internal("no")) } };
        assert!(purge(objects(), 3, failing).await.is_err());
        let broken = stream::iter([Ok(1), Err(Error::internal("no"))]).boxed();
        assert!(purge(broken, 3, odd).await.is_err());
    }
}
