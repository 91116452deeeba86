//! Storage accounts and their keys.

use std::time::{Duration, SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::containers;
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        id::ResourceId,
        kind::{Kind, Style},
        shape::{Field, Tone, any, flag, number, object, properties, shown, text, texts},
        store::Stored,
    },
    context::Reply,
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    text("kind").required().one_of(&[
        "Storage",
        "StorageV2",
        "BlobStorage",
        "FileStorage",
        "BlockBlobStorage",
    ]),
    object(
        "sku",
        &[
            text("name").required().one_of(&[
                "Standard_LRS",
                "Standard_GRS",
                "Standard_RAGRS",
                "Standard_ZRS",
                "Premium_LRS",
                "Premium_ZRS",
                "Standard_GZRS",
                "Standard_RAGZRS",
            ]),
            shown("tier"),
        ],
    )
    .required(),
    any("identity"),
    texts("zones"),
    properties(&[
        text("accessTier").one_of(&["Hot", "Cool", "Premium", "Cold"]),
        flag("supportsHttpsTrafficOnly"),
        text("minimumTlsVersion").one_of(&["TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"]),
        flag("allowBlobPublicAccess"),
        flag("allowSharedKeyAccess"),
        flag("allowCrossTenantReplication"),
        flag("defaultToOAuthAuthentication"),
        text("publicNetworkAccess"),
        object("keyPolicy", &[number("keyExpirationPeriodInDays").required()]),
        any("sasPolicy"),
        any("encryption"),
        any("networkAcls"),
        flag("isHnsEnabled"),
        shown("creationTime"),
        shown("keyCreationTime"),
        shown("primaryEndpoints"),
        shown("primaryLocation"),
        shown("statusOfPrimary"),
    ]),
];

pub(super) static ACCOUNT: Kind = Kind {
    tone: Tone::Other,
    style: Style::Accepted,
    list: "ListByResourceGroup",
    list_all: "List",
    update: "Update",
    etag: false,
    prepare,
    show,
    hinders,
    removed,
    takes: |durations| (durations.disk, Duration::ZERO),
    ..Kind::new("Microsoft.Storage/storageAccounts", "StorageAccounts", FIELDS)
};

const KEYS: [(&str, &str); 2] = [("key1", "key1-made"), ("key2", "key2-made")];

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let name = draft.id.name().to_owned();
    check_name(&name)?;
    if draft.old.is_some() {
        // Only the creation takes its time.
        draft.takes = Some(Duration::ZERO);
    } else {
        if let Some(taken) = taken(arm.state, &name) {
            return Err(taken);
        }
        let now = text_of(arm.context.now);
        for (key, made) in KEYS {
            draft.hidden.insert(key, new_key(arm.state));
            draft.hidden.insert(made, now.clone());
        }
        draft.beside.push(containers::service_of(arm, &draft.id));
    }
    for (name, value) in [
        ("supportsHttpsTrafficOnly", json!(true)),
        ("minimumTlsVersion", json!("TLS1_0")),
        ("allowBlobPublicAccess", json!(false)),
        ("accessTier", json!("Hot")),
    ] {
        draft.default(name, value);
    }
    let location = draft.location();
    let now = arm.context.now;
    draft.once("creationTime", || text_of(now).into());
    draft.set("primaryLocation", location);
    draft.set("statusOfPrimary", "available");
    draft.set("primaryEndpoints", json!({ "blob": format!("https://{name}.blob.core.windows.net/") }));
    Ok(())
}

fn show(_: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let made =
        KEYS.map(|(key, made)| (key.to_owned(), stored.hidden.get(made).cloned().unwrap_or_default().into()));
    let properties = body.get_mut("properties").and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        properties.insert("keyCreationTime".to_owned(), Value::Object(Map::from_iter(made)));
    }
}

/// An account goes with all in it, unless a locked policy protects blobs.
fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let mut containers =
        state.store.below(&stored.key()).filter(|below| below.kind.is(containers::CONTAINER.name));
    if containers.any(|container| {
        super::policies::is_locked(state, container) && !state.blobs.is_empty(&container.key())
    }) {
        let message = format!(
            "The storage account {} cannot be deleted: a container in it is protected.",
            stored.id.name()
        );
        return Err(ArmError::conflict("AccountProtectedFromDeletion", message));
    }
    Ok(())
}

fn removed(state: &mut State, stored: &Stored, _: SystemTime) {
    state.blobs.forget_below(&stored.key());
}

/// A time as the service writes it.
pub(super) fn text_of(time: SystemTime) -> String {
    let time = time::OffsetDateTime::from(time);
    time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

fn new_key(state: &mut State) -> String {
    let bytes: Vec<u8> = (0..8).flat_map(|_| state.ids.number().to_be_bytes()).collect();
    BASE64_STANDARD.encode(bytes)
}

fn check_name(name: &str) -> Answer<()> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if (3..=24).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    let message = format!(
        "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only."
    );
    Err(ArmError::bad("AccountNameInvalid", message))
}

/// The account of this name, wherever it is.
pub(super) fn named<'s>(state: &'s State, name: &str) -> Option<&'s Stored> {
    state
        .store
        .all()
        .find(|stored| stored.kind.is(ACCOUNT.name) && stored.id.name().eq_ignore_ascii_case(name))
}

/// Names are unique in all of Azure.
fn taken(state: &State, name: &str) -> Option<ArmError> {
    if state.blobs.foreign.contains(name) {
        let message = format!("The storage account named {name} is already taken.");
        return Some(ArmError::conflict("StorageAccountAlreadyTaken", message));
    }
    named(state, name).map(|_| {
        let message = format!("The storage account named {name} already exists under the subscription.");
        ArmError::conflict("StorageAccountAlreadyExists", message)
    })
}

/// The value of a key, for signatures.
pub(super) fn key<'s>(stored: &'s Stored, key: &str) -> Option<&'s String> {
    stored.hidden.get(key)
}

/// The names of the keys.
pub(super) fn key_names() -> [&'static str; 2] {
    KEYS.map(|(key, _)| key)
}

impl Arm<'_> {
    pub(crate) fn check_storage_name(&self, body: &Map<String, Value>) -> Answer<Reply> {
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
        let problem = check_name(name).err().map(|error| ("AccountNameInvalid", error));
        let problem = problem.or_else(|| taken(self.state, name).map(|error| ("AlreadyExists", error)));
        Ok(Reply::ok(match problem {
            None => json!({ "nameAvailable": true }),
            Some((reason, error)) => {
                json!({ "nameAvailable": false, "reason": reason, "message": error.message })
            }
        }))
    }

    fn account(&self, id: &ResourceId) -> Answer<&Stored> {
        let missing = || {
            let message = format!("The Resource '{}/{}' was not found.", ACCOUNT.name, id.name());
            ArmError::missing("ResourceNotFound", message)
        };
        self.seen(id).ok_or_else(missing)
    }

    pub(super) fn list_keys(&self, id: &ResourceId) -> Answer<Reply> {
        let stored = self.account(id)?;
        let keys = KEYS.map(|(key, made)| {
            json!({
                "keyName": key,
                "value": stored.hidden.get(key),
                "permissions": "FULL",
                "creationTime": stored.hidden.get(made),
            })
        });
        Ok(Reply::ok(json!({ "keys": keys })))
    }

    pub(super) fn regenerate_key(&mut self, id: &ResourceId, body: &Map<String, Value>) -> Answer<Reply> {
        let name = body.get("keyName").and_then(Value::as_str).unwrap_or_default();
        let Some((key, made)) = KEYS.into_iter().find(|(key, _)| *key == name) else {
            return Err(ArmError::bad(
                "InvalidValuesForRequestParameters",
                format!("There is no key '{name}'."),
            ));
        };
        self.account(id)?;
        let (value, now) = (new_key(self.state), text_of(self.context.now));
        if let Some(stored) = self.state.store.get_mut(&id.key()) {
            stored.hidden.insert(key, value);
            stored.hidden.insert(made, now);
        }
        self.list_keys(id)
    }
}
