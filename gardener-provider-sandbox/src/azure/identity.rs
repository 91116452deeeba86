//! Microsoft.ManagedIdentity: user-assigned identities.
//!
//! <https://learn.microsoft.com/en-us/rest/api/managedidentity/user-assigned-identities>

use serde_json::Value;

use super::arm::{
    Arm,
    draft::Draft,
    kind::{Kind, Style},
    shape::{Field, Tone, any, properties, shown, text},
};
use super::error::Answer;

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    properties(&[shown("tenantId"), shown("principalId"), shown("clientId"), text("isolationScope")]),
];

pub(crate) static IDENTITY: Kind = Kind {
    tone: Tone::Other,
    style: Style::Prompt,
    list: "ListByResourceGroup",
    list_all: "ListBySubscription",
    update: "Update",
    etag: false,
    state: false,
    prepare,
    ..Kind::new("Microsoft.ManagedIdentity/userAssignedIdentities", "UserAssignedIdentities", FIELDS)
};

pub(crate) const KINDS: &[&Kind] = &[&IDENTITY];

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let tenant = Value::from(arm.context.options().tenant.as_str());
    draft.set("tenantId", tenant);
    for name in ["principalId", "clientId"] {
        draft.once(name, || arm.state.ids.uuid().into());
    }
    Ok(())
}
