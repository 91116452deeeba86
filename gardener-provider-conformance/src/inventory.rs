//! Comparing what exists with what should.

use std::{collections::BTreeMap, time::Duration};

use gardener_provider_core::CloudResource;

use crate::{
    Time, World,
    case::{Outcome, Stop},
};

/// How many resources there are of each kind.
pub(crate) type Kinds = BTreeMap<String, usize>;

pub(crate) fn kinds(resources: &[CloudResource]) -> Kinds {
    let mut kinds = Kinds::new();
    for resource in resources {
        *kinds.entry(resource.kind.clone()).or_default() += 1;
    }
    kinds
}

/// Where two multisets differ: `2 subnet where 3 are expected`.
pub(crate) fn difference(found: &Kinds, expected: &Kinds) -> Option<String> {
    let count = |kinds: &Kinds, kind: &str| kinds.get(kind).copied().unwrap_or_default();
    let mut names: Vec<_> = found.keys().chain(expected.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differing = names.into_iter().filter(|kind| count(found, kind) != count(expected, kind));
    let lines: Vec<_> = differing
        .map(|kind| format!("{} {kind} where {} should exist", count(found, kind), count(expected, kind)))
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// What `now` has beyond `before`.
pub(crate) fn beyond(now: &[CloudResource], before: &[CloudResource]) -> Vec<CloudResource> {
    now.iter().filter(|resource| !before.iter().any(|known| same(known, resource))).cloned().collect()
}

fn same(one: &CloudResource, other: &CloudResource) -> bool {
    one.kind == other.kind && one.id == other.id
}

fn listed(resources: &[CloudResource]) -> String {
    let texts: Vec<_> = resources.iter().take(12).map(ToString::to_string).collect();
    let more = if resources.len() > 12 { ", …" } else { "" };
    format!("{}{more}", texts.join(", "))
}

/// Waits until exactly what existed before exists; clouds delete slowly.
pub(crate) async fn expect_exactly(world: &dyn World, time: Time, before: &[CloudResource]) -> Outcome {
    settle(world, time, |now| {
        let (left, gone) = (beyond(now, before), beyond(before, now));
        if !left.is_empty() {
            return Some(format!("left behind: {}", listed(&left)));
        }
        (!gone.is_empty()).then(|| format!("gone, though it is not ours: {}", listed(&gone)))
    })
    .await
}

/// Waits until so many of each kind exist.
pub(crate) async fn expect_kinds(world: &dyn World, time: Time, expected: &Kinds) -> Outcome {
    settle(world, time, |now| difference(&kinds(now), expected)).await
}

async fn settle(
    world: &dyn World,
    time: Time,
    problem: impl Fn(&[CloudResource]) -> Option<String>,
) -> Outcome {
    let (step, most) = match time {
        Time::Virtual => (Duration::from_secs(10), 60),
        Time::Real => (Duration::from_millis(200), 25),
    };
    for attempt in 0.. {
        let Some(problem) = problem(&world.inventory().await) else { break };
        if attempt == most {
            return Err(Stop::Failed(problem));
        }
        tokio::time::sleep(step).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_kinds_and_numbers() {
        let found = kinds(&[CloudResource::new("disk", "d-1"), CloudResource::new("disk", "d-2")]);
        let expected = kinds(&[CloudResource::new("disk", "d-9"), CloudResource::new("machine", "m-1")]);
        assert_eq!(
            difference(&found, &expected).unwrap(),
            "2 disk where 1 should exist, 0 machine where 1 should exist"
        );
        assert_eq!(difference(&found, &found), None);
    }
}
