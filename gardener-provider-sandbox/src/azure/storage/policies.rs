//! Policies: which blobs stay as they are, and which go by themselves.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        id::ResourceId,
        kind::{Kind, Style},
        shape::{Field, Tone, any, flag, number, properties, shown},
        store::Stored,
    },
    context::Reply,
    error::{Answer, ArmError},
    state::State,
};

const DAY: Duration = Duration::from_secs(86_400);
const MOST_DAYS: u64 = 146_000;
/// A locked policy may be made longer so many times.
const EXTENSIONS: usize = 5;
const PERIOD: &str = "immutabilityPeriodSinceCreationInDays";

const IMMUTABILITY_FIELDS: &[Field] = &[properties(&[
    number(PERIOD),
    flag("allowProtectedAppendWrites"),
    flag("allowProtectedAppendWritesAll"),
    shown("state"),
])];

pub(super) static IMMUTABILITY: Kind = Kind {
    tone: Tone::Other,
    style: Style::Prompt,
    created: 200,
    placed: false,
    state: false,
    prepare: prepare_immutability,
    hinders: |_, stored| match stored.text("/properties/state") {
        Some("Locked") => Err(locked()),
        _ => Ok(()),
    },
    ..Kind::new(
        "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies",
        "ImmutabilityPolicies",
        IMMUTABILITY_FIELDS,
    )
};

pub(super) static MANAGEMENT: Kind = Kind {
    tone: Tone::Other,
    style: Style::Prompt,
    created: 200,
    placed: false,
    etag: false,
    state: false,
    prepare: prepare_management,
    ..Kind::new(
        "Microsoft.Storage/storageAccounts/managementPolicies",
        "ManagementPolicies",
        &[properties(&[any("policy"), shown("lastModifiedTime")])],
    )
};

fn locked() -> ArmError {
    ArmError::conflict(
        "ContainerImmutabilityPolicyFailure",
        "Operation not allowed on a locked immutability policy.",
    )
}

fn check_days(days: Option<u64>) -> Answer<u64> {
    days.filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
        let message = format!("The immutability period must be between 1 and {MOST_DAYS} days.");
        ArmError::bad("InvalidValuesForRequestParameters", message)
    })
}

fn only_default(id: &ResourceId) -> Answer<()> {
    if id.name() == "default" {
        return Ok(());
    }
    Err(ArmError::bad("InvalidResourceName", "The name of a policy is 'default'."))
}

fn prepare_immutability(_: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    only_default(&draft.id)?;
    if draft.old.as_ref().and_then(|old| old.text("/properties/state")) == Some("Locked") {
        return Err(locked());
    }
    check_days(draft.property(PERIOD).and_then(Value::as_u64))?;
    draft.set("state", "Unlocked");
    Ok(())
}

fn prepare_management(_: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    only_default(&draft.id)?;
    let rules = draft.items("/properties/policy/rules");
    let complete = |rule: &Value| {
        let texts = ["/name", "/type", "/definition/filters/blobTypes/0"];
        texts.iter().all(|pointer| rule.pointer(pointer).is_some_and(Value::is_string))
            && rule.pointer("/definition/actions").is_some_and(Value::is_object)
    };
    let mut names: Vec<_> = rules.iter().map(|rule| rule["name"].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if rules.is_empty() || names.len() != rules.len() || !rules.iter().all(complete) {
        return Err(ArmError::bad(
            "InvalidRequestPropertyValue",
            "The rules of the management policy are not valid.",
        ));
    }
    Ok(())
}

/// The immutability policy of a container.
pub(super) fn of<'s>(state: &'s State, container: &Stored) -> Option<&'s Stored> {
    state.store.get(&container.id.child("immutabilityPolicies", "default").key())
}

pub(super) fn is_locked(state: &State, container: &Stored) -> bool {
    of(state, container).and_then(|policy| policy.text("/properties/state")) == Some("Locked")
}

/// For how long the blobs of a container stay as they are.
pub(super) fn period(state: &State, container: &Stored) -> Option<Duration> {
    let days = of(state, container)?.property(PERIOD)?.as_u64()?;
    Some(DAY * u32::try_from(days).unwrap_or(u32::MAX))
}

impl Arm<'_> {
    pub(super) fn lock_policy(&mut self, id: &ResourceId) -> Answer<Reply> {
        self.change_policy(id, |properties| {
            properties.insert("state".to_owned(), "Locked".into());
            Ok(())
        })
    }

    pub(super) fn extend_policy(&mut self, id: &ResourceId, body: &Map<String, Value>) -> Answer<Reply> {
        let days =
            body.get("properties").and_then(|properties| properties.get(PERIOD)).and_then(Value::as_u64);
        let days = check_days(days)?;
        self.change_policy(id, |properties| {
            if properties.get("state").and_then(Value::as_str) != Some("Locked") {
                let message = "The policy is not locked; set it instead.";
                return Err(ArmError::conflict("ContainerImmutabilityPolicyFailure", message));
            }
            if properties.get(PERIOD).and_then(Value::as_u64).is_some_and(|old| days < old) {
                return Err(locked());
            }
            let log = properties.entry("updateHistory").or_insert_with(|| Value::Array(Vec::new()));
            let log = log.as_array_mut().map_or(0, |log| {
                log.push(days.into());
                log.len()
            });
            if log > EXTENSIONS {
                return Err(locked());
            }
            properties.insert(PERIOD.to_owned(), days.into());
            Ok(())
        })
    }

    fn change_policy(
        &mut self,
        id: &ResourceId,
        change: impl FnOnce(&mut Map<String, Value>) -> Answer<()>,
    ) -> Answer<Reply> {
        let missing = || ArmError::missing("NotFound", "There is no immutability policy.");
        self.preconditions(id)?;
        let etag = self.state.etag();
        let stored = self.state.store.get_mut(&id.key()).ok_or_else(missing)?;
        let mut body = stored.body.clone();
        change(crate::azure::arm::view::properties(&mut body))?;
        stored.body = body;
        stored.etag = etag;
        self.get(id)
    }
}

/// Deletes the blobs whose time has come.
pub(super) fn expire(state: &mut State, now: SystemTime) {
    let due: Vec<(String, String, String)> = state
        .store
        .all()
        .filter(|stored| stored.kind.is(MANAGEMENT.name))
        .flat_map(|policy| policy.items("/properties/policy/rules").iter().map(move |rule| (policy, rule)))
        .flat_map(|(policy, rule)| due(state, policy, rule, now))
        .collect();
    for (container, name, version) in due {
        state.blobs.remove(&container, &name, &version);
    }
}

/// Container, name and version of what a rule deletes.
fn due(state: &State, policy: &Stored, rule: &Value, now: SystemTime) -> Vec<(String, String, String)> {
    let days = rule.pointer("/definition/actions/baseBlob/delete/daysAfterCreationGreaterThan");
    let Some(days) = days.and_then(Value::as_f64) else { return Vec::new() };
    let age = Duration::from_secs_f64(days.max(0.0) * DAY.as_secs_f64());
    let filters = &rule["definition"]["filters"];
    let texts = |name: &str| filters[name].as_array().cloned().unwrap_or_default();
    let (prefixes, tags) = (texts("prefixMatch"), texts("blobIndexMatch"));
    let Some(account) = policy.id.parent() else { return Vec::new() };
    let containers =
        state.store.below(&account.key()).filter(|below| below.kind.is(super::containers::CONTAINER.name));
    let mut found = Vec::new();
    for container in containers {
        let key = container.key();
        let period = period(state, container).unwrap_or_default();
        for (name, version) in state.blobs.all(&key) {
            let path = format!("{}/{name}", container.id.name());
            let fits = prefixes.is_empty()
                || prefixes.iter().filter_map(Value::as_str).any(|prefix| path.starts_with(prefix));
            let tagged = tags.iter().all(|tag| {
                let name = tag["name"].as_str().unwrap_or_default();
                version.tags.get(name).map(String::as_str) == tag["value"].as_str()
            });
            if fits && tagged && version.created + age < now && version.created + period <= now {
                found.push((key.clone(), name.to_owned(), version.id.clone()));
            }
        }
    }
    found
}
