//! Network interfaces.

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::{Map, Value, json};

use super::{
    addresses::ADDRESS,
    check_quota, give_guid, link_id, load_balancers, referred, same_region,
    security_groups::SECURITY_GROUP,
    subnets::{self, SUBNET},
};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        id::ResourceId,
        kind::Kind,
        shape::{Field, Shape, any, flag, link, links, list, object, properties, shown, text, texts},
        store::Stored,
        view,
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    any("extendedLocation"),
    properties(&[
        shown("virtualMachine"),
        link("networkSecurityGroup"),
        shown("privateEndpoint"),
        list(
            "ipConfigurations",
            &Shape::Object(&[
                text("name").required(),
                properties(&[
                    link("gatewayLoadBalancer"),
                    any("virtualNetworkTaps"),
                    links("applicationGatewayBackendAddressPools"),
                    links("loadBalancerBackendAddressPools"),
                    links("loadBalancerInboundNatRules"),
                    text("privateIPAddress"),
                    shown("privateIPAddressPrefixLength"),
                    text("privateIPAllocationMethod").one_of(&["Static", "Dynamic"]),
                    text("privateIPAddressVersion").one_of(&["IPv4", "IPv6"]),
                    link("subnet"),
                    flag("primary"),
                    link("publicIPAddress"),
                    links("applicationSecurityGroups"),
                    shown("provisioningState"),
                    shown("privateLinkConnectionProperties"),
                ]),
            ]),
        ),
        shown("tapConfigurations"),
        object(
            "dnsSettings",
            &[
                texts("dnsServers"),
                shown("appliedDnsServers"),
                text("internalDnsNameLabel"),
                shown("internalFqdn"),
                shown("internalDomainNameSuffix"),
            ],
        ),
        shown("macAddress"),
        shown("primary"),
        shown("vnetEncryptionSupported"),
        shown("defaultOutboundConnectivityEnabled"),
        flag("enableAcceleratedNetworking"),
        flag("disableTcpStateTracking"),
        flag("enableIPForwarding"),
        shown("hostedWorkloads"),
        link("dscpConfiguration"),
        shown("resourceGuid"),
        shown("provisioningState"),
        text("workloadType"),
        text("nicType").one_of(&["Standard", "Elastic"]),
        shown("privateLinkService"),
        text("migrationPhase"),
        text("auxiliaryMode"),
        text("auxiliarySku"),
    ])
    .required(),
];

pub(crate) static INTERFACE: Kind = Kind {
    parts: &["ipConfigurations"],
    prepare,
    show,
    hinders,
    ..Kind::new("Microsoft.Network/networkInterfaces", "NetworkInterfaces", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    check_quota(
        arm,
        draft,
        arm.context.options().quotas.network_interfaces,
        "NetworkInterfaceCountLimitReached",
    )?;
    let location = draft.location();
    same_region(arm, draft, &location, "properties/networkSecurityGroup", &SECURITY_GROUP)?;
    let mut parts = draft.items("properties/ipConfigurations").to_vec();
    if parts.is_empty() {
        let message = format!("Network interface {} must have at least one IP configuration.", draft.id);
        return Err(ArmError::bad("NetworkInterfaceMustHaveAtLeastOneIpConfiguration", message));
    }
    let mut given = BTreeSet::new();
    let only = parts.len() == 1;
    for part in &mut parts {
        complete_part(arm, draft, part, only, &mut given)?;
    }
    draft.set("ipConfigurations", parts);
    draft.default("enableAcceleratedNetworking", false);
    draft.default("enableIPForwarding", false);
    draft.default("disableTcpStateTracking", false);
    draft.default("nicType", "Standard");
    draft.default("auxiliaryMode", "None");
    draft.default("auxiliarySku", "None");
    let mut dns = draft.property("dnsSettings").and_then(Value::as_object).cloned().unwrap_or_default();
    dns.entry("dnsServers").or_insert_with(|| json!([]));
    dns.insert("appliedDnsServers".to_owned(), json!([]));
    dns.insert("internalDomainNameSuffix".to_owned(), "sandbox.bx.internal.cloudapp.net".into());
    draft.set("dnsSettings", dns);
    draft.set("vnetEncryptionSupported", false);
    let number = arm.state.ids.number();
    draft.once("macAddress", || mac(number).into());
    give_guid(arm, draft);
    Ok(())
}

/// 00-0D-3A is Microsoft's.
fn mac(number: u64) -> String {
    format!("00-0D-3A-{:02X}-{:02X}-{:02X}", number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff)
}

/// Checks an IP configuration and gives it its address.
fn complete_part(
    arm: &Arm<'_>,
    draft: &Draft,
    part: &mut Value,
    only: bool,
    given: &mut BTreeSet<IpAddr>,
) -> Answer<()> {
    let name = part.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let own = format!("{}/ipConfigurations/{name}", draft.id);
    let Some(settings) = part.get_mut("properties").and_then(Value::as_object_mut) else {
        return Err(no_subnet(&own));
    };
    let subnet = settings.get("subnet").and_then(link_id).ok_or_else(|| no_subnet(&own))?;
    let subnet = referred(arm, draft, subnet, &SUBNET)?;
    check_region(arm, draft, subnet)?;
    check_public(arm, draft, settings, &own)?;
    check_pools(arm, draft, settings)?;
    let version =
        settings.get("privateIPAddressVersion").and_then(Value::as_str).unwrap_or("IPv4").to_owned();
    let fixed = settings.get("privateIPAllocationMethod").and_then(Value::as_str) == Some("Static");
    let asked = settings.get("privateIPAddress").and_then(Value::as_str).map(str::to_owned);
    if fixed && asked.is_none() {
        let message =
            format!("IP configuration {own} has the allocation method Static but no private IP address.");
        return Err(ArmError::bad("StaticIPAddressNotSpecified", message));
    }
    let before = if fixed { None } else { former_address(draft, &name, subnet) };
    let wanted = if fixed { asked } else { before };
    let address = subnets::take_address(arm, subnet, &own, &version, wanted.as_deref(), given)?;
    given.insert(address);
    settings.insert("privateIPAddress".to_owned(), address.to_string().into());
    settings.entry("privateIPAllocationMethod").or_insert_with(|| "Dynamic".into());
    settings.entry("privateIPAddressVersion").or_insert_with(|| "IPv4".into());
    settings.entry("primary").or_insert_with(|| only.into());
    Ok(())
}

fn no_subnet(part: &str) -> ArmError {
    ArmError::bad("InvalidRequestFormat", "Cannot parse the request.")
        .because("MissingJsonReferenceId", format!("Value for the subnet of {part} is missing."))
}

/// The address that the configuration has already in this subnet.
fn former_address(draft: &Draft, name: &str, subnet: &Stored) -> Option<String> {
    let old = draft.old.as_ref()?.items("properties/ipConfigurations").iter();
    let old = old.into_iter().find(|part| part.get("name").and_then(Value::as_str) == Some(name))?;
    let same = old.pointer("/properties/subnet/id")?.as_str()?.eq_ignore_ascii_case(&subnet.id.to_string());
    same.then(|| old.pointer("/properties/privateIPAddress")?.as_str().map(str::to_owned))?
}

fn check_region(arm: &Arm<'_>, draft: &Draft, subnet: &Stored) -> Answer<()> {
    let vnet = subnet.id.parent().and_then(|vnet| arm.state.store.get(&vnet.key()));
    match vnet {
        Some(vnet) if vnet.location() == draft.location() => Ok(()),
        _ => Err(super::unknown_reference(&subnet.id.to_string(), draft)),
    }
}

fn check_public(arm: &Arm<'_>, draft: &Draft, settings: &Map<String, Value>, own: &str) -> Answer<()> {
    let Some(id) = settings.get("publicIPAddress").and_then(link_id) else { return Ok(()) };
    let address = referred(arm, draft, id, &ADDRESS)?;
    let other = view::user_parts(arm.state, address, "/publicIPAddress");
    match other.iter().find(|part| !part.eq_ignore_ascii_case(own)) {
        None => Ok(()),
        Some(part) => Err(ArmError::bad(
            "PublicIPAddressInUse",
            format!(
                "Resource {own} is referencing public IP address {id} that is already allocated to resource {part}."
            ),
        )),
    }
}

/// Backend pools are parts of load balancers.
fn check_pools(arm: &Arm<'_>, draft: &Draft, settings: &Map<String, Value>) -> Answer<()> {
    for name in ["loadBalancerBackendAddressPools", "loadBalancerInboundNatRules"] {
        for id in settings.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(link_id) {
            let part = ResourceId::parse(id).and_then(|id| Some((id.parent()?, id)));
            let there = part.is_some_and(|(owner, part)| load_balancers::has_part(arm.state, &owner, &part));
            if !there {
                return Err(super::unknown_reference(id, draft));
            }
        }
    }
    Ok(())
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let machine = machine(state, stored);
    body["properties"]["tapConfigurations"] = json!([]);
    body["properties"]["hostedWorkloads"] = json!([]);
    if let Some((machine, primary)) = machine {
        body["properties"]["virtualMachine"] = view::link(machine);
        body["properties"]["primary"] = primary.into();
    } else if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("macAddress");
    }
}

/// The machine that has this interface, and whether it is its primary one.
fn machine(state: &State, stored: &Stored) -> Option<(ResourceId, bool)> {
    let key = stored.key();
    let user = state.store.uses(&key).find(|one| one.through.starts_with("networkProfile/"))?;
    let machine = state.store.get(&user.by)?;
    let items = machine.items("properties/networkProfile/networkInterfaces");
    let item = items.iter().find(|item| link_id(item).is_some_and(|id| id.eq_ignore_ascii_case(&key)))?;
    let primary = item.pointer("/properties/primary").and_then(Value::as_bool).unwrap_or(items.len() == 1);
    Some((machine.id.clone(), primary))
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let Some((machine, _)) = machine(state, stored) else { return Ok(()) };
    let message = format!(
        "Network Interface {} is used by existing resource {machine}. In order to delete the network interface, it must be \
         dissociated from the resource. To learn more, see aka.ms/deletenic.",
        stored.id
    );
    Err(ArmError::bad("NicInUse", message))
}
