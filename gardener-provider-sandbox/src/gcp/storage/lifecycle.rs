//! What time does to objects: rules that delete, and uploads that are forgotten.

use std::time::{Duration, SystemTime};

use super::{
    super::body::{Fields, Object},
    state::{Bucket, State, Version},
};

const DAY: Duration = Duration::from_secs(86_400);
/// A resumable upload is good for a week.
const UPLOAD: Duration = Duration::from_secs(7 * 86_400);

impl State {
    /// Carries out what was due by now.
    pub(super) fn settle(&mut self, now: SystemTime) {
        self.buckets.values_mut().for_each(|bucket| bucket.settle(now));
        self.uploads.retain(|_, upload| upload.begun + UPLOAD > now);
    }
}

impl Bucket {
    fn settle(&mut self, now: SystemTime) {
        let rules = self.settings.object("lifecycle").map(|lifecycle| lifecycle.list("rule").to_vec());
        for rule in rules.into_iter().flatten() {
            let deletes = rule["action"]["type"] == "Delete";
            let Some(condition) = rule["condition"].as_object().filter(|_| deletes) else { continue };
            while let Some((name, generation, live)) = self.first_due(condition, now) {
                if live { self.retire(&name, now) } else { self.remove(&name, generation) }
            }
        }
    }

    fn first_due(&self, condition: &Object, now: SystemTime) -> Option<(String, u64, bool)> {
        let all = self
            .objects
            .iter()
            .flat_map(|(name, versions)| versions.iter().map(move |version| (name, version)));
        all.into_iter()
            .filter(|(name, version)| {
                is_due(condition, version, now) && self.may_go(name, version, now).is_ok()
            })
            .map(|(name, version)| (name.clone(), version.generation, version.noncurrent.is_none()))
            .next()
    }
}

/// Whether all conditions hold; one that is not known here never does.
fn is_due(condition: &Object, version: &Version, now: SystemTime) -> bool {
    let older = |since: Option<SystemTime>, days: Option<i64>| {
        let days = days.and_then(|days| u32::try_from(days).ok());
        since.zip(days).is_some_and(|(since, days)| since + DAY * days <= now)
    };
    !condition.is_empty()
        && condition.keys().all(|name| match name.as_str() {
            "daysSinceCustomTime" => older(version.custom_time, condition.number(name)),
            "age" => older(Some(version.created), condition.number(name)),
            "daysSinceNoncurrentTime" => older(version.noncurrent, condition.number(name)),
            "isLive" => condition.flag(name) == Some(version.noncurrent.is_none()),
            _ => false,
        })
}
