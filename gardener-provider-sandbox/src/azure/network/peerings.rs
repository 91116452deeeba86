//! Peerings of virtual networks.

use serde_json::{Map, Value, json};

use super::{link_id, virtual_networks};
use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        id::ResourceId,
        kind::Kind,
        shape::{Field, any, flag, link, properties, shown, text, texts},
        store::Stored,
    },
    error::{Answer, ArmError},
    state::State,
};

const FIELDS: &[Field] = &[properties(&[
    flag("allowVirtualNetworkAccess"),
    flag("allowForwardedTraffic"),
    flag("allowGatewayTransit"),
    flag("useRemoteGateways"),
    link("remoteVirtualNetwork").required().fixed(),
    any("localAddressSpace"),
    any("localVirtualNetworkAddressSpace"),
    any("remoteAddressSpace"),
    any("remoteVirtualNetworkAddressSpace"),
    any("remoteBgpCommunities"),
    shown("remoteVirtualNetworkEncryption"),
    text("peeringState"),
    text("peeringSyncLevel"),
    flag("doNotVerifyRemoteGateways"),
    flag("peerCompleteVnets"),
    flag("enableOnlyIPv6Peering"),
    texts("localSubnetNames"),
    texts("remoteSubnetNames"),
    shown("resourceGuid"),
    shown("provisioningState"),
])
.required()];

pub(super) static PEERING: Kind = Kind {
    placed: false,
    prepare,
    show,
    ..Kind::new("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "VirtualNetworkPeerings", FIELDS)
};

fn prepare(arm: &mut Arm<'_>, draft: &mut Draft) -> Answer<()> {
    let remote = draft.property("remoteVirtualNetwork").and_then(link_id).unwrap_or_default().to_owned();
    let local = draft.id.parent().unwrap_or_default();
    if local.key() == remote.to_ascii_lowercase() {
        return Err(ArmError::bad(
            "CannotPeerVnetToItself",
            format!("Virtual network {local} cannot be peered to itself."),
        ));
    }
    let there = super::referred(arm, draft, &remote, &virtual_networks::VIRTUAL_NETWORK)?;
    let space = there.items("properties/addressSpace/addressPrefixes");
    let theirs = virtual_networks::prefixes(space, &remote)?;
    let here =
        arm.state.store.get(&local.key()).map(|vnet| vnet.items("properties/addressSpace/addressPrefixes"));
    let ours = virtual_networks::prefixes(here.unwrap_or_default(), &local.to_string())?;
    if ours.iter().any(|net| theirs.iter().any(|other| super::cidr::overlap(net, other))) {
        let message = format!("The address spaces of {local} and {remote} overlap; they cannot be peered.");
        return Err(ArmError::bad("VnetAddressSpacesOverlap", message));
    }
    for name in ["peeringState", "peeringSyncLevel"] {
        draft.properties().remove(name);
    }
    for (name, value) in [
        ("allowVirtualNetworkAccess", true),
        ("allowForwardedTraffic", false),
        ("allowGatewayTransit", false),
        ("useRemoteGateways", false),
        ("doNotVerifyRemoteGateways", false),
    ] {
        draft.default(name, value);
    }
    super::give_guid(arm, draft);
    Ok(())
}

/// Connected when the other side has its half.
fn show(state: &State, stored: &Stored, body: &mut Map<String, Value>) {
    let remote = stored.property("remoteVirtualNetwork").and_then(link_id).unwrap_or_default();
    let local = stored.id.parent().unwrap_or_default();
    let answered = state.store.uses(&local.key()).any(|one| {
        one.through == "remoteVirtualNetwork"
            && state.store.get(&one.by).is_some_and(|other| of_network(&other.id, remote))
    });
    let there = state.store.referred(remote);
    body["properties"]["peeringState"] = match (answered, there) {
        (true, _) => "Connected",
        (false, Some(_)) => "Initiated",
        (false, None) => "Disconnected",
    }
    .into();
    body["properties"]["peeringSyncLevel"] = if answered { "FullyInSync" } else { "RemoteNotInSync" }.into();
    let space = there.and_then(|there| there.property("addressSpace")).cloned().unwrap_or_else(|| json!({}));
    body["properties"]["remoteAddressSpace"] = space.clone();
    body["properties"]["remoteVirtualNetworkAddressSpace"] = space;
}

fn of_network(peering: &ResourceId, network: &str) -> bool {
    peering.parent().is_some_and(|parent| parent.key() == network.to_ascii_lowercase())
}
