//! The account's two keys: which one clients get, and when the other one is made anew.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use gardener_provider_core::{Error, Result, SecretData};

use super::{
    Scope,
    access::{ACCOUNT, DOMAIN, KEY},
};
use crate::{
    api::storage_accounts::{Key, list_keys, regenerate_key},
    bucket_config::Rotation,
};

const DAY: Duration = Duration::from_secs(86_400);

/// The secret that clients of the bucket need, with the youngest key. If that is too old, the other one is made anew
/// first: whoever has the old one can go on with it until the next rotation.
pub(super) async fn secret(scope: &Scope, rotation: Option<Rotation>) -> Result<SecretData> {
    let mut keys = scope.session.run(&list_keys(&scope.account)).await?.keys;
    let now = scope.session.clock().now();
    if let Some(stale) = to_renew(&keys, rotation, now) {
        keys = scope.session.run(&regenerate_key(&scope.account, &stale)).await?.keys;
    }
    let key = youngest(&keys).ok_or_else(|| Error::internal("the storage account has no keys"))?;
    Ok(SecretData::new()
        .with(ACCOUNT, scope.account.name())
        .with(KEY, key.value.expose().clone())
        .with(DOMAIN, scope.session.cloud().blob_suffix()))
}

/// Of equally young keys the first by name. A key of unknown age is older than all others.
fn youngest(keys: &[Key]) -> Option<&Key> {
    keys.iter()
        .min_by(|one, other| made(other).cmp(&made(one)).then_with(|| one.key_name.cmp(&other.key_name)))
}

/// The key that is due to be made anew: the one that is not the youngest, once that is old enough.
fn to_renew(keys: &[Key], rotation: Option<Rotation>, now: SystemTime) -> Option<String> {
    let period = DAY * rotation?.period_days;
    let youngest = youngest(keys)?;
    let is_due = made(youngest).is_none_or(|made| made + period <= now);
    let other = keys.iter().find(|key| key.key_name != youngest.key_name)?;
    is_due.then(|| other.key_name.clone())
}

fn made(key: &Key) -> Option<SystemTime> {
    let text = key.creation_time.as_deref()?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc).into())
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::Redacted;

    use super::*;

    fn key(name: &str, made: Option<&str>) -> Key {
        Key {
            key_name: name.to_owned(),
            value: Redacted::new(name.to_owned()),
            creation_time: made.map(str::to_owned),
        }
    }

    fn day(day: u32) -> SystemTime {
        made(&key("", Some(&format!("2026-01-{day:02}T00:00:00.1234567Z")))).unwrap()
    }

    const FIRST: Option<&str> = Some("2026-01-01T00:00:00.0000000Z");
    const SIXTH: Option<&str> = Some("2026-01-06T00:00:00.0000000Z");

    #[test]
    fn the_youngest_key_is_used() {
        let name = |keys: &[Key]| youngest(keys).map(|key| key.key_name.clone());
        assert_eq!(name(&[key("key1", FIRST), key("key2", SIXTH)]).as_deref(), Some("key2"));
        assert_eq!(name(&[key("key2", FIRST), key("key1", FIRST)]).as_deref(), Some("key1"));
        assert_eq!(name(&[key("key1", None), key("key2", FIRST)]).as_deref(), Some("key2"));
        assert_eq!(name(&[]), None);
    }

    #[test]
    fn the_other_key_is_renewed_when_the_youngest_is_old() {
        let rotation = Some(Rotation { period_days: 5, expiration_days: None });
        let keys = [key("key1", FIRST), key("key2", SIXTH)];
        assert_eq!(to_renew(&keys, rotation, day(10)), None);
        assert_eq!(to_renew(&keys, rotation, day(11)).as_deref(), Some("key1"));
        assert_eq!(to_renew(&keys, None, day(31)), None);
        let unknown = [key("key1", None), key("key2", None)];
        assert_eq!(to_renew(&unknown, rotation, day(1)).as_deref(), Some("key2"));
    }
}
