//! Capacity reservation groups and their reservations.

use serde_json::{Map, Value, json};

use super::machines::{MACHINE, referred};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::{Kind, Style},
        shape::{Field, Tone, any, number, object, properties, shown, text, texts},
        store::Stored,
        view::{self, users},
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    texts("zones").fixed(),
    properties(&[
        shown("capacityReservations"),
        shown("virtualMachinesAssociated"),
        shown("instanceView"),
        any("sharingProfile"),
        text("reservationType"),
    ]),
];

const RESERVATION_FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    texts("zones").fixed(),
    object("sku", &[text("name").required().fixed(), shown("tier"), number("capacity")]).required(),
    properties(&[shown("provisioningState"), any("scheduleProfile")]),
];

pub(super) static GROUP: Kind = Kind {
    tone: Tone::Compute,
    style: Style::Prompt,
    list: "ListByResourceGroup",
    list_all: "ListBySubscription",
    update: "Update",
    etag: false,
    state: false,
    show,
    hinders,
    ..Kind::new("Microsoft.Compute/capacityReservationGroups", "CapacityReservationGroups", FIELDS)
};

pub(super) static RESERVATION: Kind = Kind {
    tone: Tone::Compute,
    style: Style::Prompt,
    list: "ListByCapacityReservationGroup",
    update: "Update",
    etag: false,
    prepare: prepare_reservation,
    ..Kind::new(
        "Microsoft.Compute/capacityReservationGroups/capacityReservations",
        "CapacityReservations",
        RESERVATION_FIELDS,
    )
};

fn prepare_reservation(_: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    if let Some(sku) = draft.body.get_mut("sku").and_then(Value::as_object_mut) {
        sku.entry("capacity").or_insert_with(|| json!(1));
    }
    Ok(())
}

/// A machine's reservation group must be there, in its zone, and have a reservation of its size.
pub(super) fn check_machine(arm: &Arm<'_>, draft: &Draft, size: &str) -> Answer<()> {
    let target = "capacityReservation.capacityReservationGroup.id";
    let Some(id) = draft.text("properties/capacityReservation/capacityReservationGroup/id") else {
        return Ok(());
    };
    let group = referred(arm, id, &GROUP, target)?;
    let zones: Vec<&str> = group.items("zones").iter().filter_map(Value::as_str).collect();
    let fits = draft.zones().iter().all(|zone| zones.contains(&zone.as_str()));
    if !fits || group.location() != draft.location() {
        let message = format!(
            "Capacity reservation group {id} is not in the location and zone of the virtual machine."
        );
        return Err(ArmError::parameter(target, message));
    }
    let reserved = arm.state.store.below(&group.key()).filter(|below| below.kind.name == RESERVATION.name);
    let mut of_size =
        reserved.filter(|below| below.text("sku/name").is_some_and(|name| name.eq_ignore_ascii_case(size)));
    let in_zone = |stored: &Stored| {
        let own: Vec<&str> = stored.items("zones").iter().filter_map(Value::as_str).collect();
        draft.zones().iter().all(|zone| own.contains(&zone.as_str()))
    };
    if of_size.any(in_zone) {
        return Ok(());
    }
    let message = format!(
        "Capacity reservation group {id} has no capacity reservation for the VM size {size} in the zone."
    );
    Err(ArmError::conflict("OperationNotAllowed", message))
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let reservations = state.store.below(&stored.key()).map(|below| view::link(&below.id));
    let machines = users(state, stored, MACHINE.name, "capacityReservationGroup").into_iter().map(view::link);
    let (reservations, machines): (Vec<Value>, Vec<Value>) = (reservations.collect(), machines.collect());
    body.insert(
        "properties".to_owned(),
        json!({ "capacityReservations": reservations, "virtualMachinesAssociated": machines }),
    );
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let machines = users(state, stored, MACHINE.name, "capacityReservationGroup");
    if machines.is_empty() && state.store.below(&stored.key()).next().is_none() {
        return Ok(());
    }
    let message = format!(
        "Capacity Reservation Group '{}' cannot be deleted as it contains reservations or is used by virtual machines.",
        stored.id.name()
    );
    Err(ArmError::conflict("OperationNotAllowed", message))
}
