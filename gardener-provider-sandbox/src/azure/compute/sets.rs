//! Availability sets.

use serde_json::{Map, Value, json};

use super::machines::MACHINE;
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::{Kind, Style},
        shape::{Field, Tone, any, link, number, object, properties, shown, text},
        store::Stored,
        view::{self, users},
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    object("sku", &[text("name").one_of(&["Aligned", "Classic"]), shown("tier"), shown("capacity")]),
    properties(&[
        number("platformUpdateDomainCount").fixed(),
        number("platformFaultDomainCount").fixed(),
        shown("virtualMachines"),
        link("proximityPlacementGroup"),
        shown("statuses"),
        any("scheduledEventsPolicy"),
        shown("virtualMachineScaleSetMigrationInfo"),
    ]),
];

pub(crate) static AVAILABILITY_SET: Kind = Kind {
    tone: Tone::Compute,
    created: 200,
    style: Style::Prompt,
    list_all: "ListBySubscription",
    update: "Update",
    etag: false,
    state: false,
    prepare,
    show,
    hinders,
    ..Kind::new("Microsoft.Compute/availabilitySets", "AvailabilitySets", FIELDS)
};

fn prepare(_: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    draft.default("platformUpdateDomainCount", 5);
    draft.default("platformFaultDomainCount", 2);
    let faults = draft.property("platformFaultDomainCount").and_then(Value::as_i64).unwrap_or(2);
    let updates = draft.property("platformUpdateDomainCount").and_then(Value::as_i64).unwrap_or(5);
    if !(1..=3).contains(&faults) || !(1..=20).contains(&updates) {
        let message = format!(
            "The specified fault domain count {faults} must fall in the range 1 to 3, and the update domain count {updates} in 1 to 20."
        );
        return Err(ArmError::parameter("platformFaultDomainCount", message));
    }
    draft.body.entry("sku").or_insert_with(|| json!({ "name": "Classic" }));
    Ok(())
}

fn machines(state: &State, stored: &Stored) -> Vec<Value> {
    users(state, stored, MACHINE.name, "availabilitySet").into_iter().map(view::link).collect()
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let machines = machines(state, stored);
    if let Some(properties) = body.get_mut("properties") {
        properties["virtualMachines"] = machines.into();
    }
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    if machines(state, stored).is_empty() {
        return Ok(());
    }
    let message = format!(
        "Availability Set '{}' cannot be deleted. Before deleting an Availability Set please ensure that it does not contain any VM.",
        stored.id.name()
    );
    Err(ArmError::conflict("OperationNotAllowed", message))
}
