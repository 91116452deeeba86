//! `BackupBucketConfig` of `aws.provider.extensions.gardener.cloud/v1alpha1`, as Gardener reads and writes it.
//!
//! Source: <https://github.com/gardener/gardener-extension-provider-aws/blob/master/docs/usage/usage.md>

use std::time::Duration;

use gardener_provider_client::go_duration;
use gardener_provider_core::{BucketSpec, Result, Retention, RetentionMode, Violation};
use serde_json::{Map, Value};

const DAY: Duration = Duration::from_hours(24);
/// S3 takes no default retention of more days.
const MOST_DAYS: u32 = 36_500;

const API_VERSION: &str = "aws.provider.extensions.gardener.cloud/v1alpha1";
const KIND: &str = "BackupBucketConfig";

/// The retention that a config asks for.
///
/// # Errors
/// `InvalidArgument` with the first thing that is wrong.
pub fn retention_of(config: &Value) -> Result<Option<Retention>> {
    parse(config).map_err(|violations| {
        let first = violations.into_iter().next();
        first.unwrap_or_else(|| Violation::new(KIND, "is not valid")).into()
    })
}

/// The retention that a bucket should have: what its config says, else its field.
///
/// # Errors
/// `InvalidArgument` naming the field that is wrong.
pub fn wanted_retention(spec: &BucketSpec) -> Result<Option<Retention>> {
    if let Some(retention) = retention_of(&spec.config)? {
        return Ok(Some(retention));
    }
    if let Some(problem) = spec.retention.and_then(|retention| period_problem(retention.period)) {
        return Err(Violation::new("retention.period", problem).into());
    }
    Ok(spec.retention)
}

/// Everything that is wrong with a config, and with the step from `old` to it.
pub fn validate(new: &Value, old: Option<&Value>) -> Vec<Violation> {
    let new = match parse(new) {
        Ok(retention) => retention,
        Err(violations) => return violations,
    };
    let old = old.and_then(|old| parse(old).ok()).flatten();
    match (old, new) {
        (Some(old), Some(new)) => forbidden_change(old, Some(new)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Why a retention in force may not become another one: nobody can lift compliance or make it shorter.
///
/// Taking the default retention away is refused too where it is compliance, although S3 itself would allow that for
/// objects to come.
pub fn forbidden_change(old: Retention, new: Option<Retention>) -> Option<Violation> {
    if old.mode != RetentionMode::Compliance {
        return None;
    }
    let in_force = go_duration::format(old.period);
    let Some(new) = new else {
        let problem =
            format!("cannot be removed: the bucket retains objects in compliance mode for {in_force}");
        return Some(Violation::new("immutability", problem));
    };
    if new.mode != RetentionMode::Compliance {
        let problem = "cannot be changed from compliance to governance; leave it at \"compliance\"";
        return Some(Violation::new("immutability.mode", problem));
    }
    (new.period < old.period).then(|| {
        let problem = format!(
            "{} is shorter than the {in_force} in force, and compliance mode only allows longer ones",
            go_duration::format(new.period)
        );
        Violation::new("immutability.retentionPeriod", problem)
    })
}

/// The whole days of a retention's period.
pub(crate) fn days(period: Duration) -> u32 {
    u32::try_from(period.as_secs() / DAY.as_secs()).unwrap_or(u32::MAX)
}

/// The period of so many days.
pub(crate) fn of_days(days: u32) -> Duration {
    DAY * days
}

fn period_problem(period: Duration) -> Option<String> {
    let text = go_duration::format(period);
    if period < DAY {
        return Some(format!("{text} is too short; S3 retains for whole days, so give at least \"24h\""));
    }
    if !period.as_nanos().is_multiple_of(DAY.as_nanos()) {
        return Some(format!("{text} is not a multiple of 24h; S3 retains for whole days"));
    }
    (days(period) > MOST_DAYS).then(|| format!("{text} is longer than S3 allows, {MOST_DAYS} days"))
}

fn parse(config: &Value) -> Result<Option<Retention>, Vec<Violation>> {
    let fields = match config {
        Value::Null => return Ok(None),
        Value::Object(fields) => fields,
        _ => return Err(vec![Violation::new(KIND, "must be an object")]),
    };
    let mut wrong = Vec::new();
    only(fields, "", &["apiVersion", "kind", "immutability"], &mut wrong);
    constant(fields, "apiVersion", API_VERSION, &mut wrong);
    constant(fields, "kind", KIND, &mut wrong);
    let retention = match fields.get("immutability") {
        None | Some(Value::Null) => None,
        Some(Value::Object(fields)) => immutability(fields, &mut wrong),
        Some(_) => {
            wrong.push(Violation::new("immutability", "must be an object"));
            None
        }
    };
    if wrong.is_empty() { Ok(retention) } else { Err(wrong) }
}

fn immutability(fields: &Map<String, Value>, wrong: &mut Vec<Violation>) -> Option<Retention> {
    only(fields, "immutability.", &["retentionType", "retentionPeriod", "mode"], wrong);
    match text(fields, "immutability.", "retentionType", wrong) {
        Some("bucket") | None => {}
        Some(other) => {
            wrong.push(Violation::new("immutability.retentionType", format!("{other:?} must be \"bucket\"")));
        }
    }
    let mode = match text(fields, "immutability.", "mode", wrong) {
        Some("compliance") => Some(RetentionMode::Compliance),
        Some("governance") => Some(RetentionMode::Governance),
        Some(other) => {
            let problem = format!("{other:?} must be \"compliance\" or \"governance\"");
            wrong.push(Violation::new("immutability.mode", problem));
            None
        }
        None => None,
    };
    let period = text(fields, "immutability.", "retentionPeriod", wrong).and_then(|text| period(text, wrong));
    Some(Retention::new(period?, mode?))
}

fn period(text: &str, wrong: &mut Vec<Violation>) -> Option<Duration> {
    const FIELD: &str = "immutability.retentionPeriod";
    let problem = match go_duration::parse("", text) {
        Ok(period) => match period_problem(period) {
            None => return Some(period),
            Some(problem) => problem,
        },
        Err(error) => error.message().trim_start_matches(": ").to_owned(),
    };
    wrong.push(Violation::new(FIELD, problem));
    None
}

fn only(fields: &Map<String, Value>, path: &str, known: &[&str], wrong: &mut Vec<Violation>) {
    for field in fields.keys().filter(|field| !known.contains(&field.as_str())) {
        let problem = format!("is not a field of {KIND}; known here are {}", known.join(", "));
        wrong.push(Violation::new(format!("{path}{field}"), problem));
    }
}

fn constant(fields: &Map<String, Value>, field: &str, value: &str, wrong: &mut Vec<Violation>) {
    if fields.get(field).is_some_and(|found| found.as_str() != Some(value)) {
        wrong.push(Violation::new(field, format!("must be {value:?}")));
    }
}

fn text<'a>(
    fields: &'a Map<String, Value>,
    path: &str,
    field: &str,
    wrong: &mut Vec<Violation>,
) -> Option<&'a str> {
    let problem = match fields.get(field) {
        Some(Value::String(text)) => return Some(text),
        None | Some(Value::Null) => "is missing",
        Some(_) => "must be a string",
    };
    wrong.push(Violation::new(format!("{path}{field}"), problem));
    None
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::{BucketName, Region};
    use serde_json::json;

    use super::*;

    fn config(period: &str, mode: &str) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "immutability": { "retentionType": "bucket", "retentionPeriod": period, "mode": mode },
        })
    }

    fn fields(violations: &[Violation]) -> Vec<&str> {
        violations.iter().map(|violation| violation.field.as_str()).collect()
    }

    #[test]
    fn a_manifest_gives_its_retention() {
        let retention = retention_of(&config("96h", "compliance")).unwrap();
        assert_eq!(retention, Some(Retention::new(DAY * 4, RetentionMode::Compliance)));
        assert_eq!(retention_of(&Value::Null).unwrap(), None);
        assert_eq!(retention_of(&json!({ "kind": KIND })).unwrap(), None);
        assert_eq!(retention_of(&json!({ "immutability": null })).unwrap(), None);
    }

    #[test]
    fn the_config_wins_over_the_field() {
        let name = BucketName::new("backups").unwrap();
        let spec = BucketSpec::new(name, Region::new("eu-west-1").unwrap())
            .with_retention(Retention::new(DAY, RetentionMode::Governance));
        assert_eq!(wanted_retention(&spec).unwrap().unwrap().period, DAY);
        let spec = spec.with_config(config("48h", "compliance"));
        assert_eq!(wanted_retention(&spec).unwrap().unwrap().period, DAY * 2);
        let spec = spec
            .with_config(Value::Null)
            .with_retention(Retention::new(Duration::from_hours(25), RetentionMode::Governance));
        let error = wanted_retention(&spec).unwrap_err().to_string();
        assert!(error.starts_with("retention.period: 25h0m0s is not a multiple"), "{error}");
    }

    #[test]
    fn every_wrong_field_is_named() {
        for (config, expected) in [
            (json!([]), vec![KIND]),
            (json!({ "imutability": {} }), vec!["imutability"]),
            (json!({ "kind": "Bucket", "apiVersion": 1 }), vec!["apiVersion", "kind"]),
            (json!({ "immutability": true }), vec!["immutability"]),
            (
                json!({ "immutability": {} }),
                vec!["immutability.retentionType", "immutability.mode", "immutability.retentionPeriod"],
            ),
            (
                json!({ "immutability": { "retentionType": "object", "retentionPeriod": 24, "mode": "off", "x": 1 } }),
                vec![
                    "immutability.x",
                    "immutability.retentionType",
                    "immutability.mode",
                    "immutability.retentionPeriod",
                ],
            ),
            (config("23h", "governance"), vec!["immutability.retentionPeriod"]),
            (config("36h", "governance"), vec!["immutability.retentionPeriod"]),
            (config("1d", "governance"), vec!["immutability.retentionPeriod"]),
            (config("-24h", "governance"), vec!["immutability.retentionPeriod"]),
            (config("876024h", "governance"), vec!["immutability.retentionPeriod"]),
            (config("24h", "Compliance"), vec!["immutability.mode"]),
        ] {
            let violations = validate(&config, None);
            assert_eq!(fields(&violations), expected, "{config}");
            assert!(retention_of(&config).unwrap_err().to_string().contains(expected[0]));
        }
    }

    #[test]
    fn the_steps_that_gardener_allows_and_forbids() {
        for (old, new, expected) in [
            (config("24h", "governance"), config("24h", "compliance"), vec![]),
            (config("48h", "governance"), config("24h", "governance"), vec![]),
            (config("24h", "compliance"), config("48h", "compliance"), vec![]),
            (config("24h", "compliance"), Value::Null, vec![]),
            (Value::Null, config("24h", "compliance"), vec![]),
            (config("24h", "compliance"), config("48h", "governance"), vec!["immutability.mode"]),
            (config("48h", "compliance"), config("24h", "compliance"), vec!["immutability.retentionPeriod"]),
        ] {
            assert_eq!(fields(&validate(&new, Some(&old))), expected, "{old} -> {new}");
        }
    }

    #[test]
    fn compliance_in_force_cannot_be_taken_away() {
        let old = Retention::new(DAY, RetentionMode::Compliance);
        assert_eq!(forbidden_change(old, None).unwrap().field, "immutability");
        assert!(forbidden_change(Retention::new(DAY, RetentionMode::Governance), None).is_none());
    }
}
