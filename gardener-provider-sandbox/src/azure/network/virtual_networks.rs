//! Virtual networks.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{check_quota, cidr, give_guid, subnets};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        kind::Kind,
        shape::{Field, any, flag, link, links, number, object, properties, shown, text, texts},
        store::Stored,
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    properties(&[
        object("addressSpace", &[texts("addressPrefixes"), any("ipamPoolPrefixAllocations")]).required(),
        object("dhcpOptions", &[texts("dnsServers")]),
        number("flowTimeoutInMinutes"),
        any("subnets"),
        any("virtualNetworkPeerings"),
        shown("resourceGuid"),
        shown("provisioningState"),
        flag("enableDdosProtection"),
        flag("enableVmProtection"),
        link("ddosProtectionPlan"),
        any("bgpCommunities"),
        object("encryption", &[flag("enabled").required(), text("enforcement")]),
        links("ipAllocations"),
        shown("flowLogs"),
        text("privateEndpointVNetPolicies").one_of(&["Disabled", "Basic"]),
        link("defaultPublicNatGateway"),
    ])
    .required(),
];

pub(super) static VIRTUAL_NETWORK: Kind = Kind {
    children: &[
        ("subnets", "Microsoft.Network/virtualNetworks/subnets"),
        ("virtualNetworkPeerings", "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"),
    ],
    prepare,
    hinders,
    ..Kind::new("Microsoft.Network/virtualNetworks", "VirtualNetworks", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    check_quota(arm, draft, arm.context.options().quotas.virtual_networks, "VnetCountLimitReached")?;
    let prefixes = prefixes(draft.items("properties/addressSpace/addressPrefixes"), &draft.id.to_string())?;
    if prefixes.is_empty() {
        let message = format!("Virtual network {} must have at least one address prefix.", draft.id);
        return Err(ArmError::bad("VnetAddressSpaceEmpty", message));
    }
    for (at, prefix) in prefixes.iter().enumerate() {
        if prefixes[..at].iter().any(|other| cidr::overlap(other, prefix)) {
            let message =
                format!("Address prefix {prefix} of {} overlaps with another of its prefixes.", draft.id);
            return Err(ArmError::bad("NetcfgOverlappingVirtualNetworkAddressSpaces", message));
        }
    }
    let stray = arm
        .state
        .store
        .below(&draft.id.key())
        .filter(|below| below.kind.name == subnets::SUBNET.name)
        .find(|subnet| {
            subnets::prefixes(subnet).iter().any(|inner| !prefixes.iter().any(|outer| outer.contains(inner)))
        });
    if let (Some(subnet), true) = (stray, draft.old.is_some()) {
        let message =
            format!("Address prefix of subnet {} cannot be removed from the virtual network.", subnet.id);
        return Err(ArmError::bad("InUsePrefixCannotBeDeleted", message));
    }
    if draft.property("enableDdosProtection") == Some(&json!(true))
        && draft.property("ddosProtectionPlan").is_none()
    {
        let message = "A DDoS protection plan is needed to enable DDoS protection.";
        return Err(ArmError::bad("DdosProtectionPlanIsNull", message));
    }
    draft.default("enableDdosProtection", false);
    draft.default("privateEndpointVNetPolicies", "Disabled");
    give_guid(arm, draft);
    Ok(())
}

pub(super) fn prefixes(items: &[Value], of: &str) -> Answer<Vec<IpNet>> {
    items.iter().filter_map(Value::as_str).map(|text| cidr::parse(text, of)).collect()
}

fn hinders(state: &State, stored: &Stored) -> Answer<()> {
    let subnets = state.store.below(&stored.key()).filter(|below| below.kind.name == subnets::SUBNET.name);
    subnets.into_iter().try_for_each(|subnet| (subnets::SUBNET.hinders)(state, subnet))
}
