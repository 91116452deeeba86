//! Load balancers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    addresses::ADDRESS,
    give_guid, link_id, referred,
    subnets::{self, SUBNET},
};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        id::ResourceId,
        kind::Kind,
        shape::{Field, Shape, any, flag, link, links, list, number, object, properties, shown, text, texts},
        store::Stored,
        view::{self, properties as inner},
    },
    error::{Answer, ArmError},
    state::State,
};

const FRONTEND: Shape = Shape::Object(&[
    text("name").required(),
    texts("zones"),
    properties(&[
        shown("inboundNatRules"),
        shown("inboundNatPools"),
        shown("outboundRules"),
        shown("loadBalancingRules"),
        text("privateIPAddress"),
        text("privateIPAllocationMethod").one_of(&["Static", "Dynamic"]),
        text("privateIPAddressVersion").one_of(&["IPv4", "IPv6"]),
        link("subnet"),
        link("publicIPAddress"),
        link("publicIPPrefix"),
        link("gatewayLoadBalancer"),
    ]),
]);

const POOL: Shape = Shape::Object(&[
    text("name").required(),
    properties(&[
        text("location"),
        any("tunnelInterfaces"),
        any("loadBalancerBackendAddresses"),
        shown("backendIPConfigurations"),
        shown("loadBalancingRules"),
        shown("outboundRule"),
        shown("outboundRules"),
        shown("inboundNatRules"),
        number("drainPeriodInSeconds"),
        link("virtualNetwork"),
        text("syncMode"),
    ]),
]);

const RULE: Shape = Shape::Object(&[
    text("name").required(),
    properties(&[
        link("frontendIPConfiguration").required(),
        link("backendAddressPool"),
        links("backendAddressPools"),
        link("probe"),
        text("protocol").required(),
        text("loadDistribution"),
        number("frontendPort").required(),
        number("backendPort"),
        number("idleTimeoutInMinutes"),
        flag("enableFloatingIP"),
        flag("enableTcpReset"),
        flag("disableOutboundSnat"),
        flag("enableConnectionTracking"),
    ])
    .required(),
]);

const PROBE: Shape = Shape::Object(&[
    text("name").required(),
    properties(&[
        shown("loadBalancingRules"),
        text("protocol").required(),
        number("port").required(),
        number("intervalInSeconds"),
        text("noHealthyBackendsBehavior"),
        number("numberOfProbes"),
        number("probeThreshold"),
        text("requestPath"),
    ])
    .required(),
]);

const OUTBOUND: Shape = Shape::Object(&[
    text("name").required(),
    properties(&[
        number("allocatedOutboundPorts"),
        links("frontendIPConfigurations").required(),
        link("backendAddressPool").required(),
        text("protocol").required(),
        flag("enableTcpReset"),
        number("idleTimeoutInMinutes"),
    ])
    .required(),
]);

const INBOUND: Shape = Shape::Object(&[
    text("name").required(),
    properties(&[
        link("frontendIPConfiguration"),
        shown("backendIPConfiguration"),
        text("protocol"),
        number("frontendPort"),
        number("backendPort"),
        number("idleTimeoutInMinutes"),
        flag("enableFloatingIP"),
        flag("enableTcpReset"),
        number("frontendPortRangeStart"),
        number("frontendPortRangeEnd"),
        link("backendAddressPool"),
    ]),
]);

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    any("extendedLocation"),
    object("sku", &[text("name").one_of(&["Basic", "Standard", "Gateway"]).fixed(), text("tier")]),
    properties(&[
        list("frontendIPConfigurations", &FRONTEND),
        list("backendAddressPools", &POOL),
        list("loadBalancingRules", &RULE),
        list("probes", &PROBE),
        list("inboundNatRules", &INBOUND),
        any("inboundNatPools"),
        list("outboundRules", &OUTBOUND),
        shown("resourceGuid"),
        shown("provisioningState"),
    ]),
];

const PARTS: &[&str] = &[
    "frontendIPConfigurations",
    "backendAddressPools",
    "loadBalancingRules",
    "probes",
    "inboundNatRules",
    "outboundRules",
];

pub(super) static LOAD_BALANCER: Kind = Kind {
    parts: PARTS,
    prepare,
    show,
    hinders,
    ..Kind::new("Microsoft.Network/loadBalancers", "LoadBalancers", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let mut frontends = draft.items("properties/frontendIPConfigurations").to_vec();
    let mut given = BTreeSet::new();
    for frontend in &mut frontends {
        complete_frontend(arm, draft, frontend, &mut given)?;
    }
    for name in PARTS {
        draft.default(name, json!([]));
    }
    draft.default("inboundNatPools", json!([]));
    draft.set("frontendIPConfigurations", frontends);
    let sku = draft.body.entry("sku").or_insert_with(|| json!({ "name": "Basic" }));
    if let Some(sku) = sku.as_object_mut() {
        sku.entry("tier").or_insert_with(|| "Regional".into());
    }
    check_own_parts(draft)?;
    give_guid(arm, draft);
    Ok(())
}

fn complete_frontend(
    arm: &Arm<'_>,
    draft: &Draft,
    frontend: &mut Value,
    given: &mut BTreeSet<std::net::IpAddr>,
) -> Answer<()> {
    let name = frontend.get("name").and_then(Value::as_str).unwrap_or_default();
    let own = format!("{}/frontendIPConfigurations/{name}", draft.id);
    let Some(frontend) = frontend.as_object_mut() else { return Ok(()) };
    let settings = inner(frontend);
    if let Some(id) = settings.get("publicIPAddress").and_then(link_id) {
        let address = referred(arm, draft, id, &ADDRESS)?;
        let other = view::user_parts(arm.state, address, "/publicIPAddress");
        if let Some(part) = other.iter().find(|part| !part.eq_ignore_ascii_case(&own)) {
            let message = format!(
                "Resource {own} is referencing public IP address {id} that is already allocated to resource {part}."
            );
            return Err(ArmError::bad("PublicIPAddressInUse", message));
        }
    } else if let Some(id) = settings.get("subnet").and_then(link_id) {
        let subnet = referred(arm, draft, id, &SUBNET)?;
        let wanted = settings.get("privateIPAddress").and_then(Value::as_str).filter(|text| !text.is_empty());
        let version = settings.get("privateIPAddressVersion").and_then(Value::as_str).unwrap_or("IPv4");
        let address = subnets::take_address(arm, subnet, &own, version, wanted, given)?;
        given.insert(address);
        settings.insert("privateIPAddress".to_owned(), address.to_string().into());
    } else {
        let message = format!("Frontend {own} refers to neither a subnet nor a public IP address.");
        return Err(ArmError::bad(
            "LoadBalancerFrontendIPConfigurationMustHaveSubnetOrPublicIPAddress",
            message,
        ));
    }
    settings.entry("privateIPAllocationMethod").or_insert_with(|| "Dynamic".into());
    Ok(())
}

/// Rules refer to frontends, pools and probes of the same load balancer.
fn check_own_parts(draft: &Draft) -> Answer<()> {
    let own = format!("{}/", draft.id.key());
    for list in ["loadBalancingRules", "inboundNatRules", "outboundRules"] {
        for item in draft.items(&format!("properties/{list}")) {
            let members = item.get("properties").and_then(Value::as_object).into_iter().flatten();
            let ids = members.flat_map(|(_, value)| match value {
                Value::Array(items) => items.iter().filter_map(link_id).collect::<Vec<_>>(),
                value => link_id(value).into_iter().collect(),
            });
            for id in ids.map(str::to_ascii_lowercase) {
                let part = id.strip_prefix(&own).and_then(|part| part.split_once('/'));
                if !part.is_some_and(|(list, name)| names(&draft.body, list).any(|known| known == name)) {
                    return Err(super::unknown_reference(&id, draft));
                }
            }
        }
    }
    Ok(())
}

/// The names in a list of the properties, in lower case.
fn names(body: &Map<String, Value>, list: &str) -> impl Iterator<Item = String> {
    let lists = body.get("properties").and_then(Value::as_object).into_iter().flatten();
    let list = lists.filter(move |(name, _)| name.eq_ignore_ascii_case(list));
    let items = list.filter_map(|(_, items)| items.as_array()).flatten();
    items
        .filter_map(|item| Some(item.get("name")?.as_str()?.to_ascii_lowercase()))
        .collect::<Vec<_>>()
        .into_iter()
}

/// True if the load balancer has this part.
pub(super) fn has_part(state: &State, owner: &ResourceId, part: &ResourceId) -> bool {
    let Some(stored) = state.store.get(&owner.key()).filter(|stored| stored.kind.name == LOAD_BALANCER.name)
    else {
        return false;
    };
    let list = part.path.last().map_or("", |(list, _)| list);
    names(&stored.body, list).any(|name| name.eq_ignore_ascii_case(part.name()))
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let Some(pools) = body["properties"]["backendAddressPools"].as_array_mut() else { return };
    for pool in pools.iter_mut() {
        let id = pool.get("id").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let members: Vec<Value> = state
            .store
            .uses(&id)
            .filter(|one| one.by != stored.key())
            .filter_map(|one| {
                let part = one.through.split('/').take(2).collect::<Vec<_>>().join("/");
                Some(view::link(format!("{}/{part}", state.store.get(&one.by)?.id)))
            })
            .collect();
        if !members.is_empty() {
            pool["properties"]["backendIPConfigurations"] = members.into();
        }
    }
}

/// Interfaces that are in its pools do not hold a load balancer; they let go of it.
fn hinders(_: &State, _: &Stored) -> Answer<()> {
    Ok(())
}
