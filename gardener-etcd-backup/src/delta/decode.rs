//! Reading the JSON of a delta, one event at a time.

use std::{fmt, io::Read, ops::ControlFlow};

use base64::{Engine, prelude::BASE64_STANDARD};
use gardener_provider_core::{Error, Result};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, SeqAccess, Visitor},
};

use crate::error::damaged;

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) delete: bool,
    pub(crate) key: Vec<u8>,
    pub(crate) create_revision: i64,
    pub(crate) mod_revision: i64,
    pub(crate) version: i64,
    pub(crate) value: Vec<u8>,
    pub(crate) lease: i64,
    /// When the process that made the backup saw it, as it wrote it (RFC 3339).
    pub(crate) time: String,
}

/// The JSON of a delta.
pub(crate) enum Json<'a> {
    /// In memory, which is read several times faster.
    Slice(&'a [u8]),
    Reader(Box<dyn Read + 'a>),
}

/// Hands every change to `each`, until it breaks or fails. `what` names the delta in errors.
pub(crate) fn decode(
    what: &str,
    json: Json<'_>,
    each: &mut dyn FnMut(Change) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut outcome = Outcome { stopped: false, error: None };
    let events = Events { each, outcome: &mut outcome };
    let parsed = match json {
        Json::Slice(bytes) => read_all(events, serde_json::Deserializer::from_slice(bytes)),
        Json::Reader(reader) => read_all(events, serde_json::Deserializer::from_reader(reader)),
    };
    match (outcome, parsed) {
        (Outcome { error: Some(error), .. }, _) => Err(error),
        (Outcome { stopped: true, .. }, _) | (_, Ok(())) => Ok(()),
        (_, Err(problem)) => Err(damaged(what, problem)),
    }
}

fn read_all<'de, R: serde_json::de::Read<'de>>(
    events: Events<'_>,
    mut json: serde_json::Deserializer<R>,
) -> serde_json::Result<()> {
    events.deserialize(&mut json)?;
    json.end()
}

struct Outcome {
    stopped: bool,
    error: Option<Error>,
}

struct Events<'a> {
    each: &'a mut dyn FnMut(Change) -> Result<ControlFlow<()>>,
    outcome: &'a mut Outcome,
}

impl<'de> DeserializeSeed<'de> for Events<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Events<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<(), A::Error> {
        while let Some(event) = events.next_element::<Event>()? {
            match (self.each)(event.into()) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => {
                    self.outcome.stopped = true;
                    return Err(de::Error::custom("stopped"));
                }
                Err(error) => {
                    self.outcome.error = Some(error);
                    return Err(de::Error::custom("stopped"));
                }
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "etcdEvent")]
    event: EtcdEvent,
    #[serde(default)]
    time: String,
}

#[derive(Deserialize)]
struct EtcdEvent {
    #[serde(default, rename = "type")]
    kind: EventKind,
    kv: KeyValue,
}

/// 0 or nothing is a put, 1 a deletion.
#[derive(Deserialize, Default, PartialEq)]
#[serde(try_from = "u8")]
enum EventKind {
    #[default]
    Put,
    Delete,
}

impl TryFrom<u8> for EventKind {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            0 => Ok(Self::Put),
            1 => Ok(Self::Delete),
            other => Err(format!("an event of the unknown type {other}")),
        }
    }
}

#[derive(Deserialize)]
struct KeyValue {
    key: Base64,
    #[serde(default)]
    create_revision: i64,
    mod_revision: i64,
    #[serde(default)]
    version: i64,
    #[serde(default)]
    value: Base64,
    #[serde(default)]
    lease: i64,
}

impl From<Event> for Change {
    fn from(Event { event, time }: Event) -> Self {
        let EtcdEvent { kind, kv } = event;
        Self {
            delete: kind == EventKind::Delete,
            key: kv.key.0,
            create_revision: kv.create_revision,
            mod_revision: kv.mod_revision,
            version: kv.version,
            value: kv.value.0,
            lease: kv.lease,
            time,
        }
    }
}

#[derive(Default)]
struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Base64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Base64, E> {
                BASE64_STANDARD.decode(text).map(Base64).map_err(E::custom)
            }

            // Go writes an empty byte slice that is nil as null.
            fn visit_unit<E: de::Error>(self) -> Result<Base64, E> {
                Ok(Base64::default())
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(json: &str) -> Result<Vec<Change>> {
        let read = |json: Json<'_>| {
            let mut changes = Vec::new();
            let result = decode("a delta", json, &mut |change| {
                changes.push(change);
                Ok(ControlFlow::Continue(()))
            });
            result.map(|()| changes)
        };
        let from_memory = read(Json::Slice(json.as_bytes()));
        let from_file = read(Json::Reader(Box::new(json.as_bytes())));
        assert_eq!(from_memory.as_ref().ok(), from_file.as_ref().ok());
        from_memory
    }

    const PUT: &str = r#"{"etcdEvent":{"kv":{"key":"L2E=","create_revision":5,"mod_revision":9,"version":3,
        "value":"eA==","lease":123}},"time":"2026-07-24T12:00:00.123456789+02:00"}"#;

    #[test]
    fn puts_and_deletions_are_read() {
        let delete =
            r#"{"time":"","etcdEvent":{"kv":{"mod_revision":10,"key":"L2E="},"type":1,"prev_kv":null}}"#;
        let changes = all(&format!("[{PUT},\n {delete}]")).unwrap();
        assert_eq!((changes[0].key.as_slice(), changes[0].value.as_slice()), (&b"/a"[..], &b"x"[..]));
        assert_eq!((changes[0].lease, changes[0].version, changes[0].delete), (123, 3, false));
        assert_eq!((changes[1].mod_revision, changes[1].delete), (10, true));
    }

    #[test]
    fn what_is_no_delta_names_itself() {
        let bad_base64 = PUT.replace("eA==", "eA");
        let bad_type = r#"[{"etcdEvent":{"type":2,"kv":{"key":"L2E=","mod_revision":10}}}]"#;
        let cases = ["", "{}", "[", "[1]", "[] []", &format!("[{PUT}"), &format!("[{bad_base64}]"), bad_type];
        for bad in cases {
            let error = all(bad).unwrap_err();
            assert!(error.to_string().starts_with("a delta is damaged"), "{bad}: {error}");
        }
    }

    #[test]
    fn reading_stops_when_asked() {
        let mut seen = 0;
        let json = format!("[{PUT},{PUT},broken");
        decode("a delta", Json::Slice(json.as_bytes()), &mut |_| {
            seen += 1;
            Ok(if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .unwrap();
        assert_eq!(seen, 2);
    }
}
