//! Microsoft.Network.
//!
//! <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/>

mod addresses;
mod cidr;
mod interfaces;
mod load_balancers;
mod nat_gateways;
mod peerings;
mod route_tables;
mod security_groups;
mod subnets;
mod virtual_networks;

use serde_json::Value;

use super::{
    arm::{Arm, draft::Draft, id::ResourceId, kind::Kind, store::Stored},
    error::{Answer, ArmError},
    state::State,
};

pub(crate) use interfaces::INTERFACE;

pub(crate) const KINDS: &[&Kind] = &[
    &virtual_networks::VIRTUAL_NETWORK,
    &subnets::SUBNET,
    &peerings::PEERING,
    &security_groups::SECURITY_GROUP,
    &security_groups::RULE,
    &route_tables::ROUTE_TABLE,
    &route_tables::ROUTE,
    &addresses::ADDRESS,
    &addresses::PREFIX,
    &nat_gateways::NAT_GATEWAY,
    &load_balancers::LOAD_BALANCER,
    &interfaces::INTERFACE,
];

/// The resource that a reference names: of the right type, there, and done with its last write.
pub(super) fn referred<'a>(arm: &'a Arm<'_>, draft: &Draft, id: &str, kind: &Kind) -> Answer<&'a Stored> {
    let parsed = ResourceId::parse(id).ok_or_else(|| invalid_id(id))?;
    if !kind.is(&parsed.kind()) {
        return Err(ArmError::bad(
            "InvalidRequestFormat",
            format!("The reference {id} of {} is not of type {}.", draft.id, kind.name),
        ));
    }
    let Some(stored) = arm.state.store.referred(id) else { return Err(unknown_reference(id, draft)) };
    if matches!(stored.state, "Succeeded" | "Failed") || is_part_of(stored, draft) {
        return Ok(stored);
    }
    let message = format!(
        "Cannot proceed with operation because resource {id} used by resource {} is not in Succeeded state. Resource is \
         in {} state.",
        draft.id, stored.state
    );
    Err(ArmError::new(429, "RetryableError", "A retryable error occurred.")
        .because("ReferencedResourceNotProvisioned", message)
        .retry_after(10))
}

/// A resource may refer to what is written together with it.
fn is_part_of(stored: &Stored, draft: &Draft) -> bool {
    stored.operation.is_none() && stored.key().starts_with(&draft.id.key())
}

/// The resource that a property refers to.
pub(super) fn referred_at<'a>(
    arm: &'a Arm<'_>,
    draft: &Draft,
    pointer: &str,
    kind: &Kind,
) -> Answer<Option<&'a Stored>> {
    match draft.get(pointer).and_then(link_id) {
        Some(id) => referred(arm, draft, id, kind).map(Some),
        None => Ok(None),
    }
}

/// As [`referred_at`]; both must be in the same region.
pub(super) fn same_region<'a>(
    arm: &'a Arm<'_>,
    draft: &Draft,
    location: &str,
    pointer: &str,
    kind: &Kind,
) -> Answer<Option<&'a Stored>> {
    match referred_at(arm, draft, pointer, kind)? {
        Some(stored) if stored.location() != location => {
            Err(unknown_reference(&stored.id.to_string(), draft))
        }
        found => Ok(found),
    }
}

pub(super) fn unknown_reference(id: &str, draft: &Draft) -> ArmError {
    let message = format!(
        "Resource {id} referenced by resource {} was not found. Please make sure that the referenced resource exists, and \
         that both resources are in the same region.",
        draft.id
    );
    ArmError::bad("InvalidResourceReference", message)
}

fn invalid_id(id: &str) -> ArmError {
    ArmError::bad(
        "LinkedInvalidPropertyId",
        format!("Property id '{id}' is invalid. Expect fully qualified resource Id."),
    )
}

/// The id in `{"id": …}`.
pub(super) fn link_id(value: &Value) -> Option<&str> {
    value.get("id")?.as_str()
}

/// Somebody uses what is to be deleted.
pub(super) fn in_use(code: &'static str, what: &str, stored: &Stored, by: &[String]) -> Answer<()> {
    if by.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{what} {} cannot be deleted because it is in use by the following resources: {}. In order to delete it, remove \
         the association with the resource(s).",
        stored.id,
        by.join(", ")
    );
    Err(ArmError::bad(code, message))
}

/// Who uses a resource, by the ids of the users.
pub(super) fn used_by(state: &State, stored: &Stored) -> Vec<String> {
    let mut users: Vec<String> = state
        .store
        .uses_within(&stored.key())
        .filter_map(|one| Some(state.store.get(&one.by)?.id.to_string()))
        .collect();
    users.sort();
    users.dedup();
    users
}

/// Too many of a kind in one region.
pub(super) fn check_quota(arm: &Arm<'_>, draft: &Draft, most: usize, code: &'static str) -> Answer<()> {
    if draft.old.is_some() {
        return Ok(());
    }
    let location = draft.location();
    let count = arm.state.store.all().filter(|other| {
        other.kind.name == draft.kind.name
            && other.location() == location
            && other.id.subscription.eq_ignore_ascii_case(&draft.id.subscription)
    });
    if count.count() < most {
        return Ok(());
    }
    let message = format!(
        "Cannot create more than {most} {} for this subscription in this region.",
        draft.kind.short()
    );
    Err(ArmError::bad(code, message))
}

/// A new id of the form that `resourceGuid` has.
pub(super) fn give_guid(arm: &mut Arm<'_>, draft: &mut Draft) {
    draft.once("resourceGuid", || arm.state.ids.uuid().into());
}
