//! The blob service of an account, and its containers.

use std::time::SystemTime;

use serde_json::{Map, json};

use super::{accounts::ACCOUNT, policies};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        id::ResourceId,
        kind::{Kind, Style},
        shape::{Field, Tone, any, flag, properties, shown, text},
        store::Stored,
    },
    error::{Answer, ArmError},
    state::State,
};

const SERVICE_FIELDS: &[Field] = &[properties(&[
    any("cors"),
    text("defaultServiceVersion"),
    any("deleteRetentionPolicy"),
    any("containerDeleteRetentionPolicy"),
    flag("isVersioningEnabled"),
    flag("automaticSnapshotPolicyEnabled"),
    any("changeFeed"),
    any("restorePolicy"),
    any("lastAccessTimeTrackingPolicy"),
])];

pub(super) static SERVICE: Kind = Kind {
    tone: Tone::Other,
    style: Style::Prompt,
    placed: false,
    etag: false,
    state: false,
    ..Kind::new("Microsoft.Storage/storageAccounts/blobServices", "BlobServices", SERVICE_FIELDS)
};

const CONTAINER_FIELDS: &[Field] = &[properties(&[
    text("publicAccess").one_of(&["None", "Container", "Blob"]),
    any("metadata"),
    text("defaultEncryptionScope"),
    flag("denyEncryptionScopeOverride"),
    any("immutableStorageWithVersioning"),
    shown("leaseStatus"),
    shown("leaseState"),
    shown("lastModifiedTime"),
    shown("hasImmutabilityPolicy"),
    shown("hasLegalHold"),
])];

pub(super) static CONTAINER: Kind = Kind {
    tone: Tone::Other,
    style: Style::Prompt,
    update: "Update",
    placed: false,
    state: false,
    prepare,
    show: |state, stored, body| {
        let has = policies::of(state, stored).is_some();
        if let Some(properties) = body.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
            properties.insert("hasImmutabilityPolicy".to_owned(), has.into());
            properties.insert("hasLegalHold".to_owned(), false.into());
        }
    },
    hinders,
    removed,
    ..Kind::new(
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        "BlobContainers",
        CONTAINER_FIELDS,
    )
};

/// What every account has from its beginning.
pub(super) fn service_of(arm: &mut Arm<'_>, account: &ResourceId) -> Stored {
    let body = json!({ "properties": { "cors": { "corsRules": [] }, "deleteRetentionPolicy": { "enabled": false } } });
    Stored {
        id: account.child("blobServices", "default"),
        kind: &SERVICE,
        body: body.as_object().cloned().unwrap_or_else(Map::new),
        etag: arm.state.etag(),
        state: "Succeeded",
        operation: None,
        visible_from: arm.context.visible_from(),
        created: arm.context.now,
        hidden: std::collections::BTreeMap::new(),
    }
}

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let name = draft.id.name().to_owned();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(3..=63).contains(&name.len())
        || !name.bytes().all(fits)
        || name.contains("--")
        || name.starts_with('-')
    {
        return Err(ArmError::bad(
            "InvalidResourceName",
            "The specified resource name contains invalid characters.",
        ));
    }
    let account = draft.id.parent().and_then(|service| service.parent());
    let account = account.and_then(|account| arm.state.store.get(&account.key()));
    let Some(account) = account.filter(|account| account.kind.is(ACCOUNT.name)) else {
        return Err(ArmError::missing("ParentResourceNotFound", "There is no such storage account."));
    };
    if account.state == "Creating" {
        let message = "The storage account is not in provisioning state 'Succeeded'.";
        return Err(ArmError::conflict("StorageAccountIsNotProvisioned", message));
    }
    let may_be_public =
        account.property("allowBlobPublicAccess").and_then(serde_json::Value::as_bool) == Some(true);
    if draft.text("/properties/publicAccess").is_some_and(|access| access != "None") && !may_be_public {
        let message = "Public access is not permitted on this storage account.";
        return Err(ArmError::conflict("PublicAccessNotPermitted", message));
    }
    draft.default("publicAccess", "None");
    draft.set("leaseStatus", "Unlocked");
    draft.set("leaseState", "Available");
    Ok(())
}

/// With a policy it must be empty.
fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    if policies::of(state, stored).is_some() && !state.blobs.is_empty(&stored.key()) {
        let message = "The container has an immutability policy, and blobs in it.";
        return Err(ArmError::conflict("ContainerImmutabilityPolicyFailure", message));
    }
    Ok(())
}

fn removed(state: &mut State, stored: &Stored, _: SystemTime) {
    state.blobs.forget_below(&stored.key());
}
