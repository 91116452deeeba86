//! Subnets.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::{
    addresses, cidr, link_id, nat_gateways::NAT_GATEWAY, route_tables::ROUTE_TABLE, same_region,
    security_groups::SECURITY_GROUP, virtual_networks,
};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::Kind,
        shape::{Field, Shape, any, flag, link, links, list, object, properties, shown, text, texts},
        store::{Store, Stored},
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[properties(&[
    text("addressPrefix"),
    texts("addressPrefixes"),
    link("networkSecurityGroup"),
    link("routeTable"),
    link("natGateway"),
    list(
        "serviceEndpoints",
        &Shape::Object(&[
            text("service").required(),
            texts("locations"),
            link("networkIdentifier"),
            shown("provisioningState"),
        ]),
    ),
    links("serviceEndpointPolicies"),
    shown("privateEndpoints"),
    shown("ipConfigurations"),
    shown("ipConfigurationProfiles"),
    links("ipAllocations"),
    shown("resourceNavigationLinks"),
    shown("serviceAssociationLinks"),
    list(
        "delegations",
        &Shape::Object(&[
            text("name").required(),
            object(
                "properties",
                &[text("serviceName").required(), shown("actions"), shown("provisioningState")],
            ),
        ]),
    ),
    shown("purpose"),
    shown("provisioningState"),
    text("privateEndpointNetworkPolicies").one_of(&[
        "Disabled",
        "Enabled",
        "NetworkSecurityGroupEnabled",
        "RouteTableEnabled",
    ]),
    text("privateLinkServiceNetworkPolicies").one_of(&["Disabled", "Enabled"]),
    any("applicationGatewayIPConfigurations"),
    text("sharingScope"),
    flag("defaultOutboundAccess"),
    any("ipamPoolPrefixAllocations"),
])
.required()];

pub(super) static SUBNET: Kind = Kind {
    placed: false,
    parts: &["delegations"],
    prepare,
    show,
    hinders,
    ..Kind::new("Microsoft.Network/virtualNetworks/subnets", "Subnets", FIELDS)
};

/// What delegates to a service and what a subnet may have of the cloud's own services.
const ENDPOINT_SERVICES: [&str; 12] = [
    "Microsoft.AzureActiveDirectory",
    "Microsoft.AzureCosmosDB",
    "Microsoft.CognitiveServices",
    "Microsoft.ContainerRegistry",
    "Microsoft.EventHub",
    "Microsoft.KeyVault",
    "Microsoft.ServiceBus",
    "Microsoft.Sql",
    "Microsoft.Storage",
    "Microsoft.Storage.Global",
    "Microsoft.Web",
    "Microsoft.Insights",
];

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let prefixes = wanted_prefixes(draft)?;
    check_place(arm, draft, &prefixes)?;
    let location = draft.id.parent().and_then(|vnet| arm.state.store.get(&vnet.key()));
    let location = location.map(|vnet| vnet.location().to_owned()).unwrap_or_default();
    same_region(arm, draft, &location, "properties/networkSecurityGroup", &SECURITY_GROUP)?;
    same_region(arm, draft, &location, "properties/routeTable", &ROUTE_TABLE)?;
    same_region(arm, draft, &location, "properties/natGateway", &NAT_GATEWAY)?;
    check_nat_gateway(arm, draft)?;
    complete_endpoints(draft, &location)?;
    draft.default("delegations", json!([]));
    draft.default("privateEndpointNetworkPolicies", "Disabled");
    draft.default("privateLinkServiceNetworkPolicies", "Enabled");
    Ok(())
}

fn wanted_prefixes(draft: &Draft) -> Answer<Vec<IpNet>> {
    let of = draft.id.to_string();
    let one = draft.property("addressPrefix").and_then(Value::as_str);
    let many = draft.items("properties/addressPrefixes");
    let found = match (one, many) {
        (Some(one), []) => vec![cidr::parse(one, &of)?],
        (_, many) => virtual_networks::prefixes(many, &of)?,
    };
    if found.is_empty() {
        let message = format!("Subnet {of} must have an address prefix.");
        return Err(ArmError::bad("NetcfgInvalidIPAddressPrefix", message));
    }
    if let Some(small) = found.iter().find(|net| net.prefix_len() > 29 && matches!(net, IpNet::V4(_))) {
        let message = format!("Invalid IP address prefix {small} of subnet {of}: it has too few addresses.");
        return Err(ArmError::bad("NetcfgInvalidIPAddressPrefix", message));
    }
    Ok(found)
}

/// Within the virtual network, beside the other subnets, and not moved from under its users.
fn check_place(arm: &Arm<'_>, draft: &Draft, wanted: &[IpNet]) -> Answer<()> {
    let Some(vnet) = draft.id.parent() else { return Ok(()) };
    let space =
        arm.state.store.get(&vnet.key()).map(|vnet| vnet.items("properties/addressSpace/addressPrefixes"));
    let space = virtual_networks::prefixes(space.unwrap_or_default(), &vnet.to_string())?;
    if wanted.iter().any(|net| !space.iter().any(|outer| outer.contains(net))) {
        let message =
            format!("Subnet '{}' is not valid in virtual network '{}'.", draft.id.name(), vnet.name());
        return Err(ArmError::bad("NetcfgInvalidSubnet", message));
    }
    let others = arm.state.store.below(&vnet.key());
    let others = others.filter(|other| other.kind.name == SUBNET.name && other.key() != draft.id.key());
    for other in others {
        let taken = prefixes(other);
        if wanted.iter().any(|net| taken.iter().any(|taken| cidr::overlap(net, taken))) {
            let message = format!(
                "Subnet '{}' is not valid because its IP address range overlaps with that of an existing subnet in virtual \
                 network '{}'.",
                draft.id.name(),
                vnet.name()
            );
            return Err(ArmError::bad("NetcfgSubnetRangesOverlap", message));
        }
    }
    let moved = draft.old.as_ref().is_some_and(|old| prefixes(old) != wanted);
    if moved && !taken(&arm.state.store, &draft.id.key()).is_empty() {
        let message = format!("Subnet {} is in use and cannot be updated.", draft.id.name());
        return Err(ArmError::bad("InUseSubnetCannotBeUpdated", message));
    }
    Ok(())
}

/// A NAT gateway serves one virtual network, and only subnets without basic resources.
fn check_nat_gateway(arm: &Arm<'_>, draft: &Draft) -> Answer<()> {
    let Some(id) = draft.property("natGateway").and_then(link_id) else { return Ok(()) };
    let vnet = draft.id.parent().map(|vnet| vnet.key()).unwrap_or_default();
    let elsewhere = arm
        .state
        .store
        .uses(&id.to_ascii_lowercase())
        .find(|one| one.through == "natGateway" && !one.by.starts_with(&format!("{vnet}/")));
    match elsewhere {
        None => Ok(()),
        Some(other) => Err(ArmError::bad(
            "NatGatewayCannotBeAttachedToSubnetsInDifferentVirtualNetworks",
            format!("NAT gateway {id} is attached to {} of another virtual network.", other.by),
        )),
    }
}

fn complete_endpoints(draft: &mut Draft, location: &str) -> Answer<()> {
    let Some(endpoints) = draft.properties().get_mut("serviceEndpoints").and_then(Value::as_array_mut) else {
        return Ok(());
    };
    for endpoint in endpoints {
        let service = endpoint.get("service").and_then(Value::as_str).unwrap_or_default();
        if !ENDPOINT_SERVICES.iter().any(|known| known.eq_ignore_ascii_case(service)) {
            let message = format!("Service endpoint {service} is not known in this region.");
            return Err(ArmError::bad("SubnetWithInvalidServiceEndpoint", message));
        }
        endpoint["provisioningState"] = "Succeeded".into();
        if endpoint.get("locations").is_none() {
            endpoint["locations"] = json!([location]);
        }
    }
    Ok(())
}

/// The ranges of a subnet.
pub(super) fn prefixes(subnet: &Stored) -> Vec<IpNet> {
    let one = subnet.text("properties/addressPrefix").into_iter();
    let many = subnet.items("properties/addressPrefixes").iter().filter_map(Value::as_str);
    let mut found: Vec<IpNet> = Vec::new();
    for net in one.chain(many).filter_map(|text| text.parse().ok()) {
        if !found.contains(&net) {
            found.push(net);
        }
    }
    found
}

/// The private addresses that somebody has in a subnet, and the parts that have them.
pub(super) fn taken(store: &Store, subnet: &str) -> Vec<(IpAddr, String)> {
    let uses = store.uses(subnet).filter_map(|one| {
        let part = one.through.strip_suffix("/subnet")?;
        let user = store.get(&one.by)?;
        let (list, name) = part.split_once('/')?;
        let items = user.items(&format!("properties/{list}")).iter();
        let item = items.into_iter().find(|item| item.get("name").and_then(Value::as_str) == Some(name))?;
        let address = item.pointer("/properties/privateIPAddress")?.as_str()?.parse().ok()?;
        Some((address, format!("{}/{part}", user.id)))
    });
    uses.collect()
}

/// An address for a part of a resource: the one wanted, or the first that is free.
pub(super) fn take_address(
    arm: &Arm<'_>,
    subnet: &Stored,
    part: &str,
    version: &str,
    wanted: Option<&str>,
    given: &BTreeSet<IpAddr>,
) -> Answer<IpAddr> {
    let mut taken: BTreeSet<IpAddr> = taken(&arm.state.store, &subnet.key())
        .into_iter()
        .filter(|(_, by)| !by.eq_ignore_ascii_case(part))
        .map(|(address, _)| address)
        .collect();
    taken.extend(given);
    let ranges: Vec<IpNet> = prefixes(subnet)
        .into_iter()
        .filter(|net| matches!(net, IpNet::V6(_)) == (version == "IPv6"))
        .collect();
    if let Some(text) = wanted {
        return addresses::check_private(text, &ranges, &taken, subnet);
    }
    let free = ranges.iter().flat_map(|net| cidr::usable(net)).find(|address| !taken.contains(address));
    free.ok_or_else(|| {
        let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        let message = format!(
            "Subnet {} with address prefix {} does not have enough capacity for 1 IP addresses.",
            subnet.id.name(),
            ranges.join(",")
        );
        ArmError::bad("SubnetIsFull", message)
    })
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let parts: Vec<Value> =
        taken(&state.store, &stored.key()).into_iter().map(|(_, part)| json!({ "id": part })).collect();
    if !parts.is_empty() {
        body["properties"]["ipConfigurations"] = parts.into();
    }
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let users = taken(&state.store, &stored.key());
    let Some((_, part)) = users.first() else { return Ok(()) };
    let message = format!(
        "Subnet {} is in use by {part} and cannot be deleted. In order to delete the subnet, delete all the resources within \
         the subnet. See aka.ms/deletesubnet.",
        stored.id.name()
    );
    Err(ArmError::bad("InUseSubnetCannotBeDeleted", message))
}
