//! What every write is checked for, whatever it is about.

use serde_json::Value;

use super::{
    Arm,
    draft::Draft,
    id::ResourceId,
    shape::{self, Tone},
    store::Stored,
};
use crate::azure::{
    error::{Answer, ArmError},
    kinds,
};

impl Arm<'_> {
    /// Location: there must be one, it must exist, and a resource never moves.
    pub(super) fn place(&self, draft: &mut Draft) -> Answer<()> {
        if !draft.kind.placed {
            return Ok(());
        }
        let Some(given) =
            draft.body.get("location").and_then(Value::as_str).filter(|given| !given.is_empty())
        else {
            return Err(ArmError::bad(
                "LocationRequired",
                "The location property is required for this definition.",
            ));
        };
        let location = self.location(given, draft.kind.name)?;
        match &draft.old {
            Some(old) if old.location() != location => {
                let group = draft.id.group.as_deref().unwrap_or_default();
                let message = format!(
                    "The resource '{}' already exists in location '{}' in resource group '{group}'. A resource with \
                     the same name cannot be created in location '{location}'. Please select a new resource name.",
                    draft.id.name(),
                    old.location()
                );
                let code = if draft.id.provider.is_empty() {
                    "InvalidResourceGroupLocation"
                } else {
                    "InvalidResourceLocation"
                };
                Err(ArmError::conflict(code, message))
            }
            _ => {
                draft.body.insert("location".to_owned(), location.into());
                Ok(())
            }
        }
    }

    pub(super) fn check_changes(draft: &Draft) -> Answer<()> {
        let Some(old) = &draft.old else { return Ok(()) };
        let Some(at) = shape::changed(&old.body, &draft.body, draft.kind.fields, "") else { return Ok(()) };
        if at == "zones" && draft.kind.tone == Tone::Network {
            let message = format!(
                "Resource {} has an existing availability zone constraint that cannot be changed.",
                draft.id
            );
            return Err(ArmError::bad("ResourceAvailabilityZonesCannotBeModified", message));
        }
        let name = at.strip_prefix("properties.").unwrap_or(&at).to_owned();
        Err(ArmError::conflict(
            "PropertyChangeNotAllowed",
            format!("Changing property '{name}' is not allowed."),
        )
        .at(name))
    }

    /// One operation at a time on a resource; in the network, on a resource with all its children.
    pub(super) fn check_busy(&self, draft: &Draft) -> Answer<()> {
        let busy = |stored: &Stored| stored.operation.clone().map(|operation| (stored.clone(), operation));
        let own = draft.old.as_ref().and_then(busy);
        let same = draft.old.as_ref().is_some_and(|old| old.body == draft.body);
        if let Some((stored, operation)) = own {
            if stored.state == "Deleting" {
                return Err(self.in_progress(&stored, &operation));
            }
            return if same { Ok(()) } else { Err(self.in_progress(&stored, &operation)) };
        }
        if draft.kind.tone != Tone::Network || !draft.kind.is_child() {
            return Ok(());
        }
        let Some(parent) = draft.id.parent() else { return Ok(()) };
        let writing = |key: &str| self.is_own_write(key);
        let around =
            self.state.store.get(&parent.key()).into_iter().chain(self.state.store.below(&parent.key()));
        match around.filter(|stored| !writing(&stored.key())).find_map(busy) {
            Some((stored, operation)) => Err(self.in_progress(&stored, &operation)),
            None => Ok(()),
        }
    }

    /// What this very call has written has no operation yet.
    fn is_own_write(&self, key: &str) -> bool {
        self.state.store.get(key).is_some_and(|stored| stored.operation.is_none())
    }

    pub(crate) fn in_progress(&self, stored: &Stored, operation: &str) -> ArmError {
        let url = self.operation_url(stored, operation, "operations");
        if stored.kind.tone == Tone::Network {
            let message = format!(
                "Another operation on this or dependent resource is in progress. To retrieve status of the operation \
                 use uri: {url}."
            );
            return ArmError::conflict("AnotherOperationInProgress", message).retry_after(5);
        }
        ArmError::conflict("Conflict", "The request failed due to conflict with a concurrent request.")
            .retry_after(5)
    }

    pub(crate) fn check_scope_for_write(&self, id: &ResourceId) -> Answer<()> {
        self.check_scope(id)?;
        let group = id.group.as_ref().and_then(|_| self.state.store.get(&id.group_id().key()));
        match group {
            Some(group) if group.state == "Deleting" && !id.provider.is_empty() => Err(ArmError::conflict(
                "ResourceGroupBeingDeleted",
                format!(
                    "The resource group '{}' is in deprovisioning state and cannot perform this operation.",
                    group.id.name()
                ),
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn check_parent(&self, id: &ResourceId) -> Answer<()> {
        let Some(parent) = id.parent().filter(|parent| !parent.path.is_empty()) else { return Ok(()) };
        if kinds::of(&parent).is_some() && self.state.store.get(&parent.key()).is_none() {
            let message = format!(
                "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
                parent.name()
            );
            return Err(ArmError::missing("ParentResourceNotFound", message));
        }
        Ok(())
    }

    /// `If-Match` and `If-None-Match`.
    pub(crate) fn preconditions(&self, id: &ResourceId) -> Answer<()> {
        let etag = self.state.store.get(&id.key()).map(|stored| stored.etag.as_str());
        let failed = |header: &str| {
            let message = format!("Precondition given in {header} header failed for resource {id}.");
            Err(ArmError::new(412, "PreconditionFailed", message))
        };
        if let Some(wanted) = &self.context.if_match {
            let met = etag.is_some_and(|etag| wanted == "*" || same_etag(wanted, etag));
            if !met {
                return failed("If-Match");
            }
        }
        match (&self.context.if_none_match, etag) {
            (Some(unwanted), Some(etag)) if unwanted == "*" || same_etag(unwanted, etag) => {
                failed("If-None-Match")
            }
            _ => Ok(()),
        }
    }
}

fn same_etag(given: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    bare(given) == bare(etag)
}
/// Names as Azure takes them: letters, digits, `_`, `-`, `.`, brackets in groups; not too long.
pub(super) fn check_name(id: &ResourceId) -> Answer<()> {
    let name = id.name();
    let fits = |c: char| c.is_alphanumeric() || "_-.()".contains(c);
    let good = (1..=90).contains(&name.chars().count()) && name.chars().all(fits) && !name.ends_with('.');
    if good {
        return Ok(());
    }
    let code = if id.provider.is_empty() { "InvalidResourceGroupName" } else { "InvalidResourceName" };
    let message = format!(
        "Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word \
         character, and it must end with a word character or with '_'. The name may contain word characters or '.', \
         '-', '_'."
    );
    Err(ArmError::bad(code, message))
}
