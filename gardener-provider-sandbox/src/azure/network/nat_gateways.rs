//! NAT gateways, Standard and StandardV2.
//!
//! <https://learn.microsoft.com/en-us/azure/nat-gateway/nat-sku>

use serde_json::{Map, Value};

use super::{
    addresses::{ADDRESS, PREFIX, check_idle_timeout, check_zones},
    give_guid, in_use, link_id, referred,
    subnets::SUBNET,
};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::Kind,
        shape::{Field, any, link, links, number, object, properties, shown, text, texts},
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
    object("sku", &[text("name").one_of(&["Standard", "StandardV2"]).fixed()]),
    properties(&[
        number("idleTimeoutInMinutes"),
        links("publicIpAddresses"),
        links("publicIpAddressesV6"),
        links("publicIpPrefixes"),
        links("publicIpPrefixesV6"),
        shown("subnets"),
        link("sourceVirtualNetwork"),
        shown("resourceGuid"),
        shown("provisioningState"),
    ]),
];

pub(super) static NAT_GATEWAY: Kind = Kind {
    prepare,
    show,
    hinders,
    takes: |durations| (durations.nat_gateway, durations.network),
    ..Kind::new("Microsoft.Network/natGateways", "NatGateways", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let Some(sku) = draft.text("sku/name").map(str::to_owned) else {
        return Err(ArmError::bad("InvalidRequestFormat", "Cannot parse the request.")
            .because("MissingJsonReferenceId", format!("Value for 'sku.name' of {} is missing.", draft.id)));
    };
    check_zones(arm, draft)?;
    if sku == "Standard" && draft.zones().len() > 1 {
        let message = format!("NAT gateway {} of the Standard sku can be in one zone only.", draft.id);
        return Err(ArmError::bad("NatGatewayWithMultipleZonesNotSupported", message));
    }
    check_idle_timeout(draft, 4..=120)?;
    for (name, kind, through) in [
        ("publicIpAddresses", &ADDRESS, "publicIPAddress"),
        ("publicIpAddressesV6", &ADDRESS, "publicIPAddress"),
        ("publicIpPrefixes", &PREFIX, "publicIPPrefix"),
        ("publicIpPrefixesV6", &PREFIX, "publicIPPrefix"),
    ] {
        for item in draft.items(&format!("properties/{name}")) {
            check_address(arm, draft, item, kind, &sku, through)?;
        }
    }
    draft.default("idleTimeoutInMinutes", 4);
    give_guid(arm, draft);
    Ok(())
}

/// An address must be in the same region, of the same SKU, in a fitting zone and nobody else's.
fn check_address(
    arm: &Arm<'_>,
    draft: &Draft,
    item: &Value,
    kind: &Kind,
    sku: &str,
    through: &str,
) -> Answer<()> {
    let id = link_id(item).unwrap_or_default();
    let stored = referred(arm, draft, id, kind)?;
    if stored.location() != draft.location() {
        return Err(super::unknown_reference(id, draft));
    }
    if stored.text("sku/name") != Some(sku) {
        let message = format!("The sku of {id} does not match the sku {sku} of NAT gateway {}.", draft.id);
        return Err(ArmError::bad("NatGatewaySkuMismatchWithPublicIp", message));
    }
    let zones: Vec<&str> = stored.items("zones").iter().filter_map(Value::as_str).collect();
    let strange = draft.zones().iter().any(|zone| !zones.contains(&zone.as_str()));
    if strange && sku == "Standard" && !zones.is_empty() {
        let message = format!("NAT gateway {} and {id} are in different availability zones.", draft.id);
        return Err(ArmError::bad("NatGatewayAndPublicIpZonesMismatch", message));
    }
    let other = arm.state.store.uses(&stored.key()).find(|one| {
        one.by != draft.id.key()
            && (one.through.ends_with(through) || one.through.to_ascii_lowercase().starts_with("publicip"))
            && arm.state.store.get(&one.by).is_some_and(|user| user.kind.name != ADDRESS.name)
    });
    match other {
        None => Ok(()),
        Some(other) => Err(ArmError::bad(
            "PublicIPAddressInUse",
            format!("Resource {} cannot use {id}: it is already associated with {}.", draft.id, other.by),
        )),
    }
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let subnets: Vec<Value> =
        users(state, stored, SUBNET.name, "natGateway").into_iter().map(view::link).collect();
    if !subnets.is_empty() {
        body["properties"]["subnets"] = subnets.into();
    }
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let subnets: Vec<String> =
        users(state, stored, SUBNET.name, "natGateway").iter().map(ToString::to_string).collect();
    in_use("InUseNatGatewayCannotBeDeleted", "Nat gateway", stored, &subnets)
}
