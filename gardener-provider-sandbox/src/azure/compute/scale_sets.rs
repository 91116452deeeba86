//! Scale sets with flexible orchestration: groups that machines are put into.

use serde_json::Value;

use super::machines::MACHINE;
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::Kind,
        shape::{Field, Tone, any, flag, link, number, object, properties, shown, text, texts},
        store::Stored,
        view::users,
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    any("sku"),
    any("plan"),
    any("identity"),
    texts("zones").fixed(),
    any("placement"),
    properties(&[
        object(
            "upgradePolicy",
            &[text("mode"), any("rollingUpgradePolicy"), any("automaticOSUpgradePolicy")],
        ),
        any("scheduledEventsPolicy"),
        any("automaticRepairsPolicy"),
        any("virtualMachineProfile"),
        shown("provisioningState"),
        flag("overprovision"),
        flag("doNotRunExtensionsOnOverprovisionedVMs"),
        shown("uniqueId"),
        flag("singlePlacementGroup").fixed(),
        flag("zoneBalance"),
        number("platformFaultDomainCount").fixed(),
        link("proximityPlacementGroup"),
        link("hostGroup"),
        any("additionalCapabilities"),
        any("scaleInPolicy"),
        text("orchestrationMode").one_of(&["Uniform", "Flexible"]).fixed(),
        any("spotRestorePolicy"),
        any("priorityMixPolicy"),
        shown("timeCreated"),
        flag("constrainedMaximumCapacity"),
        any("resiliencyPolicy"),
        text("zonalPlatformFaultDomainAlignMode"),
        any("skuProfile"),
        text("highSpeedInterconnectPlacement"),
    ])
    .required(),
];

pub(crate) static SCALE_SET: Kind = Kind {
    tone: Tone::Compute,
    update: "Update",
    prepare,
    hinders,
    takes: |durations| (durations.network, durations.network),
    ..Kind::new("Microsoft.Compute/virtualMachineScaleSets", "VirtualMachineScaleSets", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    if draft.text("properties/orchestrationMode") != Some("Flexible") {
        let message = "The sandbox has scale sets with flexible orchestration mode only.";
        return Err(ArmError::parameter("orchestrationMode", message));
    }
    let Some(domains) = draft.property("platformFaultDomainCount").and_then(Value::as_i64) else {
        let message = "Required parameter 'platformFaultDomainCount' is missing (null).";
        return Err(ArmError::parameter("platformFaultDomainCount", message));
    };
    let zonal = !draft.zones().is_empty();
    if !matches!((zonal, domains), (true, 1 | 5) | (false, 1..=5)) {
        let message =
            format!("The platform fault domain count {domains} is not supported for this scale set.");
        return Err(ArmError::parameter("platformFaultDomainCount", message));
    }
    draft.default("singlePlacementGroup", false);
    let now = crate::azure::text::iso(arm.context.now);
    draft.once("timeCreated", || now.into());
    draft.once("uniqueId", || arm.state.ids.uuid().into());
    Ok(())
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    if users(state, stored, MACHINE.name, "virtualMachineScaleSet").is_empty() {
        return Ok(());
    }
    let message = format!(
        "Scale set '{}' cannot be deleted as long as it contains virtual machines.",
        stored.id.name()
    );
    Err(ArmError::conflict("OperationNotAllowed", message))
}
