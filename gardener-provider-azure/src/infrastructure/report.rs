//! What is told of an infrastructure after a run.

use std::sync::Arc;

use gardener_provider_client::{config, graph::Run};
use gardener_provider_core::{Infrastructure, Result};
use serde_json::Value;

use crate::{
    api::{
        ResourceId, identities::Identity, network::SubResource, public_ip_addresses::PublicIpAddress,
        subnets::Subnet,
    },
    graph::{Context, given::AddressFor, network, nodes, ways::Way},
    infrastructure_status::{
        IdentityStatus, InfrastructureStatus, NetworkLayout, OutboundAccess, PURPOSE_NODES, Purposed,
        SubnetStatus,
    },
};

/// The infrastructure as a run left it.
pub(super) fn infrastructure(cx: &Context, run: &Run) -> Result<Infrastructure> {
    let mut infrastructure = Infrastructure::default();
    infrastructure.status = status(cx, run)?;
    infrastructure.state = run.state.clone();
    infrastructure.egress_cidrs = egress(cx, run);
    infrastructure.networking = cx.networking.clone();
    Ok(infrastructure)
}

fn status(cx: &Context, run: &Run) -> Result<Value> {
    let mut status = InfrastructureStatus::default();
    cx.vnet.name().clone_into(&mut status.networks.vnet.name);
    status.networks.vnet.resource_group = cx.vnet_is_given().then(|| cx.vnet.group_name().to_owned());
    for way in &cx.ways {
        status.networks.subnets.push(subnet(cx, run, way)?);
    }
    if !cx.config.networks.is_single_subnet() {
        status.networks.layout = NetworkLayout::MultipleSubnet;
    }
    if status.networks.subnets.iter().all(|subnet| subnet.nat_gateway_id.is_some()) {
        status.networks.outbound_access_type = OutboundAccess::NatGateway;
    }
    cx.group.name().clone_into(&mut status.resource_group.name);
    status.route_tables = vec![Purposed::for_nodes(network::ROUTE_TABLE)];
    status.security_groups = vec![Purposed::for_nodes(cx.name("workers"))];
    if cx.config.networks.subnet.is_some() {
        given_subnet(&mut status, &*run.scope.get::<Subnet>(nodes::SUBNET)?)?;
    }
    if let Some(config) = &cx.config.identity {
        let identity = run.scope.get::<Identity>(nodes::IDENTITY)?;
        status.identity = Some(IdentityStatus {
            id: identity.id.clone(),
            client_id: identity.properties.client_id.clone(),
            acr_access: config.acr_access.unwrap_or(false),
        });
    }
    status.zoned = cx.config.zoned;
    config::write_status(&status)
}

fn subnet(cx: &Context, run: &Run, way: &Way) -> Result<SubnetStatus> {
    let subnet = run.scope.get::<Subnet>(&nodes::of(way.zone, nodes::SUBNET))?;
    Ok(SubnetStatus {
        name: subnet.name.clone(),
        purpose: PURPOSE_NODES.to_owned(),
        zone: way.zone.map(|zone| zone.to_string()),
        migrated: way.zone.is_some() && subnet.name == cx.name("nodes"),
        nat_gateway_id: subnet.properties.nat_gateway.as_ref().map(|gateway| gateway.id.clone()),
    })
}

/// What goes with a subnet of the user's may lie in any resource group.
fn given_subnet(status: &mut InfrastructureStatus, subnet: &Subnet) -> Result<()> {
    let purposed = |link: &Option<SubResource>| -> Result<Vec<Purposed>> {
        let ids = link.iter().map(|link| link.id.parse::<ResourceId>());
        ids.map(|id| id.map(|id| Purposed::of_the_user(id.name(), id.group_name()))).collect()
    };
    status.route_tables = purposed(&subnet.properties.route_table)?;
    status.security_groups = purposed(&subnet.properties.network_security_group)?;
    status.networks.outbound_access_type = OutboundAccess::UserManaged;
    let (name, purpose) = (subnet.name.clone(), PURPOSE_NODES.to_owned());
    status.networks.subnets = vec![SubnetStatus { name, purpose, ..SubnetStatus::default() }];
    Ok(())
}

/// The addresses from which the nodes' traffic comes: those of the NAT gateways, wherever they lie.
fn egress(cx: &Context, run: &Run) -> Vec<String> {
    let addresses = cx.ways.iter().flat_map(|way| of_way(run, way));
    addresses.map(|address| format!("{address}/32")).collect()
}

fn of_way(run: &Run, way: &Way) -> Vec<String> {
    let Some(nat) = &way.nat else { return Vec::new() };
    if nat.given.is_empty() {
        let own: Option<Arc<PublicIpAddress>> = run.scope.try_get(&nodes::of(way.zone, nodes::PUBLIC_IP));
        return own.and_then(|own| own.properties.ip_address.clone()).into_iter().collect();
    }
    let given = (0..nat.given.len()).filter_map(|index| {
        let given: Arc<AddressFor> = run.scope.try_get(&nodes::given_ip(way.zone, index))?;
        given.address.properties.ip_address.clone()
    });
    given.collect()
}
