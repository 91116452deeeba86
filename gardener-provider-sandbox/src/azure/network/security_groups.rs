//! Network security groups and their rules.

use serde_json::{Map, Value, json};

use super::{INTERFACE, check_quota, give_guid, in_use, subnets::SUBNET, used_by};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::Kind,
        shape::{Field, any, flag, links, number, properties, shown, text, texts},
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
        flag("flushConnection"),
        any("securityRules"),
        shown("defaultSecurityRules"),
        shown("networkInterfaces"),
        shown("subnets"),
        shown("flowLogs"),
        shown("resourceGuid"),
        shown("provisioningState"),
    ]),
];

const RULE_FIELDS: &[Field] = &[properties(&[
    text("description"),
    text("protocol").required().one_of(&["Tcp", "Udp", "Icmp", "Esp", "*", "Ah"]),
    text("sourcePortRange"),
    text("destinationPortRange"),
    text("sourceAddressPrefix"),
    texts("sourceAddressPrefixes"),
    links("sourceApplicationSecurityGroups"),
    text("destinationAddressPrefix"),
    texts("destinationAddressPrefixes"),
    links("destinationApplicationSecurityGroups"),
    texts("sourcePortRanges"),
    texts("destinationPortRanges"),
    text("access").required().one_of(&["Allow", "Deny"]),
    number("priority").required(),
    text("direction").required().one_of(&["Inbound", "Outbound"]),
    shown("provisioningState"),
])
.required()];

pub(super) static SECURITY_GROUP: Kind = Kind {
    children: &[("securityRules", "Microsoft.Network/networkSecurityGroups/securityRules")],
    prepare,
    show,
    hinders,
    ..Kind::new("Microsoft.Network/networkSecurityGroups", "NetworkSecurityGroups", FIELDS)
};

pub(super) static RULE: Kind = Kind {
    placed: false,
    prepare: prepare_rule,
    ..Kind::new("Microsoft.Network/networkSecurityGroups/securityRules", "SecurityRules", RULE_FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let most = arm.context.options().quotas.network_security_groups;
    check_quota(arm, draft, most, "NetworkSecurityGroupCountLimitReached")?;
    give_guid(arm, draft);
    Ok(())
}

fn prepare_rule(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let priority = draft.property("priority").and_then(Value::as_i64).unwrap_or_default();
    if !(100..=4096).contains(&priority) {
        let message = format!(
            "Security rule {} has an invalid priority {priority}: 100 to 4096 are allowed.",
            draft.id
        );
        return Err(ArmError::bad("SecurityRuleInvalidPriority", message));
    }
    for (one, many) in [
        ("sourcePortRange", "sourcePortRanges"),
        ("destinationPortRange", "destinationPortRanges"),
        ("sourceAddressPrefix", "sourceAddressPrefixes"),
        ("destinationAddressPrefix", "destinationAddressPrefixes"),
    ] {
        let groups = one.starts_with("source").then_some("sourceApplicationSecurityGroups");
        let groups = groups.unwrap_or("destinationApplicationSecurityGroups");
        let addresses = one.ends_with("AddressPrefix");
        let filled =
            |name: &str| draft.property(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        if draft.property(one).is_none() && !filled(many) && !(addresses && filled(groups)) {
            let message = format!("Security rule {} must specify {one} or {many}.", draft.id);
            return Err(ArmError::bad("SecurityRuleParameterNotSpecified", message));
        }
    }
    for (one, many) in
        [("sourcePortRange", "sourcePortRanges"), ("destinationPortRange", "destinationPortRanges")]
    {
        let ranges = draft.property(one).into_iter().chain(draft.items(&format!("properties/{many}")));
        if let Some(range) = ranges.filter_map(Value::as_str).find(|range| !is_port_range(range)) {
            let message = format!(
                "Security rule has invalid Port range. Value provided: {range}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535."
            );
            return Err(ArmError::bad("SecurityRuleInvalidPortRange", message));
        }
    }
    let direction = draft.property("direction").cloned();
    let group = draft.id.parent().unwrap_or_default();
    let mut others = arm.state.store.below(&group.key()).filter(|other| other.key() != draft.id.key());
    if let Some(other) = others.find(|other| {
        other.property("direction").cloned() == direction
            && other.property("priority").and_then(Value::as_i64) == Some(priority)
    }) {
        let message = format!(
            "Security rule {} conflicts with rule {}. Rules cannot have the same Priority and Direction.",
            draft.id.name(),
            other.id.name()
        );
        return Err(ArmError::bad("SecurityRuleConflict", message));
    }
    for name in
        ["sourcePortRanges", "destinationPortRanges", "sourceAddressPrefixes", "destinationAddressPrefixes"]
    {
        draft.default(name, json!([]));
    }
    Ok(())
}

fn is_port_range(text: &str) -> bool {
    match text.split_once('-') {
        _ if text == "*" => true,
        None => text.parse::<u16>().is_ok(),
        Some((from, to)) => match (from.parse::<u16>(), to.parse::<u16>()) {
            (Ok(from), Ok(to)) => from <= to,
            _ => false,
        },
    }
}

fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let linked =
        |kind, suffix| users(state, stored, kind, suffix).into_iter().map(link).collect::<Vec<Value>>();
    let subnets = linked(SUBNET.name, "networkSecurityGroup");
    if !subnets.is_empty() {
        body["properties"]["subnets"] = subnets.into();
    }
    let interfaces = linked(INTERFACE.name, "networkSecurityGroup");
    if !interfaces.is_empty() {
        body["properties"]["networkInterfaces"] = interfaces.into();
    }
    body["properties"]["defaultSecurityRules"] = default_rules(stored);
}

/// The rules that every group has.
///
/// <https://learn.microsoft.com/en-us/azure/virtual-network/network-security-groups-overview#default-security-rules>
fn default_rules(stored: &Stored) -> Value {
    let rules = [
        ("AllowVnetInBound", 65_000, "Allow", "Inbound", "VirtualNetwork", "VirtualNetwork"),
        ("AllowAzureLoadBalancerInBound", 65_001, "Allow", "Inbound", "AzureLoadBalancer", "*"),
        ("DenyAllInBound", 65_500, "Deny", "Inbound", "*", "*"),
        ("AllowVnetOutBound", 65_000, "Allow", "Outbound", "VirtualNetwork", "VirtualNetwork"),
        ("AllowInternetOutBound", 65_001, "Allow", "Outbound", "*", "Internet"),
        ("DenyAllOutBound", 65_500, "Deny", "Outbound", "*", "*"),
    ];
    let rules = rules.map(|(name, priority, access, direction, source, destination)| {
        json!({
            "name": name,
            "id": format!("{}/defaultSecurityRules/{name}", stored.id),
            "etag": stored.etag,
            "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
            "properties": {
                "provisioningState": "Succeeded",
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": destination,
                "access": access,
                "priority": priority,
                "direction": direction,
                "sourcePortRanges": [],
                "destinationPortRanges": [],
                "sourceAddressPrefixes": [],
                "destinationAddressPrefixes": [],
            }
        })
    });
    rules.to_vec().into()
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let users = used_by(state, stored);
    in_use("InUseNetworkSecurityGroupCannotBeDeleted", "Network security group", stored, &users)
}
