//! Resource groups.

use serde_json::{Map, Value, json};

use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        id::ResourceId,
        kind::{Kind, Style},
        shape::{Field, Tone, any, properties, shown, text},
        store::Stored,
    },
    context::Reply,
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] =
    &[text("location"), any("tags"), text("managedBy"), properties(&[shown("provisioningState")])];

pub(crate) static GROUP: Kind = Kind {
    tone: Tone::Other,
    style: Style::Prompt,
    etag: false,
    update: "Update",
    prepare,
    hinders,
    takes: |durations| (std::time::Duration::ZERO, durations.group),
    ..Kind::new("Microsoft.Resources/resourceGroups", "ResourceGroups", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let groups = arm.state.store.all().filter(|other| other.id.provider.is_empty()).count();
    let most = arm.context.options().quotas.resource_groups;
    if draft.old.is_none() && groups >= most {
        let message =
            format!("Creating the resource group would exceed the quota of {most} resource groups.");
        return Err(ArmError::conflict("ResourceGroupQuotaExceeded", message));
    }
    Ok(())
}

/// What is used from outside the group keeps the whole group.
fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let inside = format!("{}/", stored.key());
    for resource in state.store.below(&stored.key()) {
        let outer = state.store.uses_within(&resource.key()).find(|one| !one.by.starts_with(&inside));
        let Some(outer) = outer else { continue };
        if (resource.kind.hinders)(state, resource).is_err() {
            let message = format!(
                "Deletion of resource group '{}' failed as resources with identifiers '{}' could not be deleted: it is in \
                 use by {}.",
                stored.id.name(),
                resource.id,
                outer.by
            );
            return Err(ArmError::conflict("ResourceGroupDeletionBlocked", message));
        }
    }
    Ok(())
}

impl Arm<'_> {
    /// GET of one group, with lists' shape of type and name.
    pub(crate) fn groups(&self, subscription: &str) -> Answer<Reply> {
        self.check_subscription(subscription)?;
        let scope = ResourceId { subscription: subscription.to_owned(), ..ResourceId::default() };
        let filter = self.context.parameter("$filter").map(tag_filter).transpose()?;
        let groups = self.visible_below(&scope).filter(|stored| stored.id.provider.is_empty());
        let groups = groups.filter(|stored| {
            filter.as_ref().is_none_or(|(name, value)| {
                stored.tags().get(name).is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
            })
        });
        let items: Vec<Value> = groups.map(|stored| self.state.view(stored)).collect();
        self.page(items)
    }

    /// HEAD: 204 or 404.
    pub(crate) fn group_exists(&self, id: &ResourceId) -> Answer<Reply> {
        self.check_subscription(&id.subscription)?;
        Ok(Reply::empty(if self.seen(id).is_some() { 204 } else { 404 }))
    }

    pub(crate) fn put_group(&mut self, id: &ResourceId, given: &Map<String, Value>) -> Answer<Reply> {
        self.check_subscription(&id.subscription)?;
        if let Some(group) = self.state.store.get(&id.key()).filter(|group| group.state == "Deleting") {
            let message = format!(
                "The resource group '{}' is in deprovisioning state and cannot perform this operation.",
                group.id.name()
            );
            return Err(ArmError::conflict("ResourceGroupBeingDeleted", message));
        }
        self.put_anywhere(id, &GROUP, given)
    }
}

/// Reads `tagName eq 'X' and tagValue eq 'Y'`.
fn tag_filter(text: &str) -> Answer<(String, Option<String>)> {
    let bad = || {
        ArmError::bad(
            "InvalidFilterInQueryString",
            format!("Invalid $filter '{text}' specified in the query string."),
        )
    };
    let mut name = None;
    let mut value = None;
    for clause in text.split(" and ") {
        let (field, quoted) = clause.split_once(" eq ").ok_or_else(bad)?;
        let quoted =
            quoted.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).ok_or_else(bad)?;
        match field.trim().to_ascii_lowercase().as_str() {
            "tagname" => name = Some(quoted.replace("''", "'")),
            "tagvalue" => value = Some(quoted.replace("''", "'")),
            _ => return Err(bad()),
        }
    }
    Ok((name.ok_or_else(bad)?, value))
}

/// What the generic list shows of a resource.
pub(super) fn summary(stored: &Stored) -> Value {
    let mut row = json!({
        "id": stored.id.to_string(),
        "name": stored.id.name(),
        "type": stored.kind.name,
        "location": stored.location(),
    });
    for name in ["tags", "sku", "identity", "plan", "kind", "managedBy"] {
        if let Some(value) = stored.body.get(name) {
            row[name] = value.clone();
        }
    }
    row
}
