//! Public IP addresses and prefixes; checks of private addresses.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::{check_quota, cidr, give_guid, nat_gateways::NAT_GATEWAY, referred_at};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::Kind,
        shape::{Field, any, link, number, object, properties, shown, text, texts},
        store::Stored,
        view::{self, user_parts, users},
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    texts("zones").fixed(),
    any("extendedLocation"),
    object(
        "sku",
        &[
            text("name").one_of(&["Basic", "Standard", "StandardV2"]).fixed(),
            text("tier").one_of(&["Regional", "Global"]).fixed(),
        ],
    ),
    properties(&[
        text("publicIPAllocationMethod").one_of(&["Static", "Dynamic"]),
        text("publicIPAddressVersion").one_of(&["IPv4", "IPv6"]).fixed(),
        shown("ipConfiguration"),
        any("dnsSettings"),
        any("ddosSettings"),
        any("ipTags"),
        shown("ipAddress"),
        link("publicIPPrefix").fixed(),
        number("idleTimeoutInMinutes"),
        shown("resourceGuid"),
        shown("provisioningState"),
        shown("servicePublicIPAddress"),
        shown("natGateway"),
        text("migrationPhase"),
        shown("linkedPublicIPAddress"),
        text("deleteOption").one_of(&["Delete", "Detach"]),
    ]),
];

const PREFIX_FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    texts("zones").fixed(),
    any("extendedLocation"),
    object(
        "sku",
        &[
            text("name").one_of(&["Standard", "StandardV2"]).fixed(),
            text("tier").one_of(&["Regional", "Global"]),
        ],
    ),
    properties(&[
        text("publicIPAddressVersion").one_of(&["IPv4", "IPv6"]).fixed(),
        any("ipTags"),
        number("prefixLength").required().fixed(),
        shown("ipPrefix"),
        shown("publicIPAddresses"),
        shown("loadBalancerFrontendIpConfiguration"),
        link("customIPPrefix"),
        shown("resourceGuid"),
        shown("provisioningState"),
        shown("natGateway"),
    ])
    .required(),
];

pub(super) static ADDRESS: Kind = Kind {
    prepare,
    show,
    hinders,
    ..Kind::new("Microsoft.Network/publicIPAddresses", "PublicIPAddresses", FIELDS)
};

pub(super) static PREFIX: Kind = Kind {
    prepare: prepare_prefix,
    show: show_prefix,
    hinders: hinders_prefix,
    ..Kind::new("Microsoft.Network/publicIPPrefixes", "PublicIPPrefixes", PREFIX_FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    check_sku(arm, draft)?;
    check_zones(arm, draft)?;
    let method = draft.property("publicIPAllocationMethod").and_then(Value::as_str).unwrap_or("Dynamic");
    if method != "Static" {
        let message = format!(
            "Public IP address {} with Standard sku must have the allocation method Static.",
            draft.id
        );
        return Err(ArmError::bad("PublicIPAddressWithStandardSkuMustBeStatic", message));
    }
    check_idle_timeout(draft, 4..=30)?;
    let version =
        draft.property("publicIPAddressVersion").and_then(Value::as_str).unwrap_or("IPv4").to_owned();
    let prefix = referred_at(arm, draft, "properties/publicIPPrefix", &PREFIX)?.cloned();
    let address = match (&draft.old, &prefix) {
        (Some(_), _) => Value::Null,
        (None, Some(prefix)) => from_prefix(arm, prefix)?.into(),
        (None, None) => {
            arm.state.addresses += 1;
            if version == "IPv6" {
                format!("2603:1020:203::{:x}", arm.state.addresses).into()
            } else {
                cidr::public(arm.state.addresses).to_string().into()
            }
        }
    };
    draft.once("ipAddress", || address);
    draft.default("publicIPAddressVersion", "IPv4");
    draft.default("idleTimeoutInMinutes", 4);
    draft.default("ipTags", json!([]));
    draft.default("ddosSettings", json!({ "protectionMode": "VirtualNetworkInherited" }));
    complete_dns(arm, draft)?;
    give_guid(arm, draft);
    Ok(())
}

fn check_sku(arm: &Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let most = arm.context.options().quotas.public_ip_addresses;
    if draft.text("sku/name").unwrap_or("Basic") == "Basic" {
        // Basic addresses were retired on 30 September 2025.
        let message = "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in this region.";
        return Err(ArmError::bad("IPv4BasicSkuPublicIpCountLimitReached", message));
    }
    if let Some(sku) = draft.body.get_mut("sku").and_then(Value::as_object_mut) {
        sku.entry("tier").or_insert_with(|| "Regional".into());
    }
    check_quota(arm, draft, most, "PublicIPCountLimitReached")
}

/// Zones must be those of the location.
pub(super) fn check_zones(arm: &Arm<'_>, draft: &Draft) -> Answer<()> {
    let location = draft.location();
    let known = arm.context.options().locations.iter().find(|(name, _)| *name == location);
    let known: &[String] = known.map_or(&[], |(_, zones)| zones);
    match draft.zones().iter().find(|zone| !known.contains(zone)) {
        None => Ok(()),
        Some(zone) => {
            let message = format!(
                "The zone(s) '{zone}' for resource '{}' is not supported. The supported zones for location '{location}' are \
                 '{}'.",
                draft.id,
                known.join(",")
            );
            Err(ArmError::bad("InvalidAvailabilityZone", message))
        }
    }
}

pub(super) fn check_idle_timeout(draft: &Draft, allowed: std::ops::RangeInclusive<i64>) -> Answer<()> {
    let Some(minutes) = draft.property("idleTimeoutInMinutes").and_then(Value::as_i64) else { return Ok(()) };
    if allowed.contains(&minutes) {
        return Ok(());
    }
    let message = format!(
        "The value {minutes} of idleTimeoutInMinutes of {} is not between {} and {}.",
        draft.id,
        allowed.start(),
        allowed.end()
    );
    Err(ArmError::bad("InvalidIdleTimeout", message))
}

fn from_prefix(arm: &Arm<'_>, prefix: &Stored) -> Answer<String> {
    let taken: Vec<String> = arm
        .state
        .store
        .uses(&prefix.key())
        .filter_map(|one| arm.state.store.get(&one.by)?.text("properties/ipAddress").map(str::to_owned))
        .collect();
    let range: Option<IpNet> = prefix.text("properties/ipPrefix").and_then(|text| text.parse().ok());
    let mut all: Box<dyn Iterator<Item = String>> = match range {
        Some(IpNet::V4(net)) => {
            let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
            Box::new((first..=last).map(|number| std::net::Ipv4Addr::from(number).to_string()))
        }
        Some(IpNet::V6(net)) => Box::new(net.hosts().map(|address| address.to_string())),
        None => Box::new(std::iter::empty()),
    };
    all.find(|address| !taken.contains(address)).ok_or_else(|| {
        ArmError::bad(
            "PublicIpPrefixOutOfIpAddressesForVMScaleSet",
            format!("{} has no address left.", prefix.id),
        )
    })
}

fn complete_dns(arm: &Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let location = draft.location();
    let Some(label) = draft.text("properties/dnsSettings/domainNameLabel").map(str::to_owned) else {
        return Ok(());
    };
    let fqdn = format!("{label}.{location}.cloudapp.azure.com");
    let taken = arm.state.store.all().any(|other| {
        other.key() != draft.id.key() && other.text("properties/dnsSettings/fqdn") == Some(fqdn.as_str())
    });
    if taken {
        let message = format!("DNS record {fqdn} is already used by another public IP.");
        return Err(ArmError::bad("DnsRecordInUse", message));
    }
    draft.properties()["dnsSettings"]["fqdn"] = fqdn.into();
    Ok(())
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    if let Some(part) = user_parts(state, stored, "/publicIPAddress").first() {
        body["properties"]["ipConfiguration"] = view::link(part);
    }
    if let Some(gateway) = gateways(state, stored).first() {
        body["properties"]["natGateway"] = view::link(gateway);
    }
}

fn gateways(state: &State, stored: &Stored) -> Vec<String> {
    let users = state.store.uses(&stored.key()).filter_map(|one| state.store.get(&one.by));
    users.filter(|user| user.kind.name == NAT_GATEWAY.name).map(|user| user.id.to_string()).collect()
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let mut users = user_parts(state, stored, "/publicIPAddress");
    users.extend(gateways(state, stored));
    let Some(user) = users.first() else { return Ok(()) };
    let message = format!(
        "Public IP address {} can not be deleted since it is still allocated to resource {user}. In order to delete the public \
         IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see aka.ms/deletepublicip.",
        stored.id
    );
    Err(ArmError::bad("PublicIPAddressCannotBeDeleted", message))
}

fn prepare_prefix(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    check_zones(arm, draft)?;
    let length = draft.property("prefixLength").and_then(Value::as_i64).unwrap_or_default();
    let six = draft.property("publicIPAddressVersion").and_then(Value::as_str) == Some("IPv6");
    let allowed = if six { 124..=127 } else { 21..=31 };
    if !allowed.contains(&length) {
        let message = format!("Prefix length {length} of {} is not supported.", draft.id);
        return Err(ArmError::bad("InvalidPublicIPPrefixLength", message));
    }
    let length = u8::try_from(length).unwrap_or(31);
    let range = if draft.old.is_some() {
        Value::Null
    } else if six {
        arm.state.addresses += 1;
        format!("2603:1020:204:{:x}::/{length}", arm.state.addresses).into()
    } else {
        let size = 1_u32 << (32 - u32::from(length));
        let first = arm.state.addresses.div_ceil(size).max(1) * size;
        arm.state.addresses = first + size;
        format!("{}/{length}", cidr::public(first)).into()
    };
    draft.once("ipPrefix", || range);
    draft.default("publicIPAddressVersion", "IPv4");
    draft.default("ipTags", json!([]));
    give_guid(arm, draft);
    Ok(())
}

fn show_prefix(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let addresses = users(state, stored, ADDRESS.name, "publicIPPrefix");
    body["properties"]["publicIPAddresses"] = addresses.into_iter().map(view::link).collect();
    if let Some(gateway) = gateways(state, stored).first() {
        body["properties"]["natGateway"] = view::link(gateway);
    }
}

fn hinders_prefix(state: &State, stored: &Stored) -> Answer<()> {
    super::in_use(
        "InUsePublicIPPrefixCannotBeDeleted",
        "Public IP prefix",
        stored,
        &super::used_by(state, stored),
    )
}

/// A private address that somebody wants to have.
pub(super) fn check_private(
    text: &str,
    ranges: &[IpNet],
    taken: &BTreeSet<IpAddr>,
    subnet: &Stored,
) -> Answer<IpAddr> {
    let Ok(address) = text.parse::<IpAddr>() else {
        return Err(ArmError::bad(
            "InvalidPrivateIPAddress",
            format!("Private IP address {text} is invalid."),
        ));
    };
    let Some(range) = ranges.iter().find(|net| net.contains(&address)) else {
        let message =
            format!("Private static IP address {text} does not belong to the range of subnet {}.", subnet.id);
        return Err(ArmError::bad("PrivateIPAddressNotInSubnet", message));
    };
    let reserved = match (range, address) {
        (IpNet::V4(net), IpAddr::V4(address)) => {
            u32::from(address) < u32::from(net.network()).saturating_add(4) || address == net.broadcast()
        }
        _ => false,
    };
    if reserved {
        let message = format!(
            "Private static IP address {text} falls within reserved IP range of subnet {}.",
            subnet.id
        );
        return Err(ArmError::bad("PrivateIPAddressInReservedRange", message));
    }
    if taken.contains(&address) {
        let message = format!(
            "IP configuration uses the private ip address {text} which is already allocated in {}.",
            subnet.id
        );
        return Err(ArmError::bad("PrivateIPAddressIsAllocated", message));
    }
    Ok(address)
}
