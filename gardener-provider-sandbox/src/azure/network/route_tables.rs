//! Route tables and their routes.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{check_quota, cidr, give_guid, in_use, subnets::SUBNET, used_by};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::Kind,
        shape::{Field, any, flag, properties, shown, text},
        store::Stored,
        view::{link, users},
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    properties(&[
        any("routes"),
        shown("subnets"),
        flag("disableBgpRoutePropagation"),
        shown("provisioningState"),
        shown("resourceGuid"),
    ]),
];

const ROUTE_FIELDS: &[Field] = &[properties(&[
    text("addressPrefix"),
    text("nextHopType").required().one_of(&[
        "VirtualNetworkGateway",
        "VnetLocal",
        "Internet",
        "VirtualAppliance",
        "None",
    ]),
    text("nextHopIpAddress"),
    shown("provisioningState"),
    shown("hasBgpOverride"),
])
.required()];

pub(super) static ROUTE_TABLE: Kind = Kind {
    children: &[("routes", "Microsoft.Network/routeTables/routes")],
    prepare,
    show,
    hinders,
    ..Kind::new("Microsoft.Network/routeTables", "RouteTables", FIELDS)
};

pub(super) static ROUTE: Kind = Kind {
    placed: false,
    prepare: prepare_route,
    ..Kind::new("Microsoft.Network/routeTables/routes", "Routes", ROUTE_FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    check_quota(arm, draft, arm.context.options().quotas.route_tables, "RouteTableCountLimitReached")?;
    draft.default("disableBgpRoutePropagation", false);
    give_guid(arm, draft);
    Ok(())
}

fn prepare_route(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let prefix = draft.property("addressPrefix").and_then(Value::as_str).unwrap_or_default().to_owned();
    // Service tags such as `AzureCloud` are destinations, too.
    let is_tag = prefix.starts_with(|c: char| c.is_ascii_alphabetic()) && !prefix.contains([':', '/']);
    if !is_tag && prefix != "0.0.0.0/0" && prefix != "::/0" {
        cidr::parse(&prefix, &draft.id.to_string())?;
    }
    let hop = draft.property("nextHopIpAddress").and_then(Value::as_str);
    let appliance = draft.property("nextHopType").and_then(Value::as_str) == Some("VirtualAppliance");
    match (appliance, hop) {
        (true, Some(hop)) if hop.parse::<IpAddr>().is_ok() => {}
        (false, None | Some("")) => {}
        _ => {
            let message = format!(
                "Route {}: nextHopIpAddress goes with the hop type VirtualAppliance and no other.",
                draft.id
            );
            return Err(ArmError::bad("InvalidNextHopIpAddress", message));
        }
    }
    let table = draft.id.parent().unwrap_or_default();
    let mut others = arm.state.store.below(&table.key()).filter(|other| other.key() != draft.id.key());
    if let Some(other) = others.find(|other| other.text("properties/addressPrefix") == Some(prefix.as_str()))
    {
        let message = format!(
            "Route {} conflicts with {}: routes cannot have the same address prefix.",
            draft.id, other.id
        );
        return Err(ArmError::bad("RouteConflict", message));
    }
    draft.set("hasBgpOverride", false);
    Ok(())
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let subnets: Vec<Value> = users(state, stored, SUBNET.name, "routeTable").into_iter().map(link).collect();
    if !subnets.is_empty() {
        body["properties"]["subnets"] = subnets.into();
    }
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    in_use("InUseRouteTableCannotBeDeleted", "Route table", stored, &used_by(state, stored))
}
