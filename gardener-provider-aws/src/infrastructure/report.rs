//! What is told of an infrastructure after a run.

use gardener_provider_client::{config, graph::Run};
use gardener_provider_core::{Infrastructure, IpFamily, Networking, Result};
use serde_json::Value;

use crate::{
    api::{
        addresses::Address, iam::Role, keypairs::KeyPair, nat::NatGateway, subnets::CidrReservation,
        vpcs::Ipv6Association,
    },
    graph::{Context, nodes, subnet::Purpose},
    infrastructure_status::{
        ElasticFileSystemStatus, InfrastructureStatus, InstanceProfileStatus, PURPOSE_INTERNAL,
        PURPOSE_NODES, PURPOSE_PUBLIC, RoleStatus, SecurityGroupStatus, SubnetStatus,
    },
};

/// The infrastructure as a run left it.
pub(super) fn infrastructure(cx: &Context, run: &Run) -> Result<Infrastructure> {
    let mut infrastructure = Infrastructure::default();
    infrastructure.status = status(cx, run)?;
    infrastructure.state = run.state.clone();
    infrastructure.egress_cidrs = egress(cx, run);
    infrastructure.networking = cx.networking.clone();
    let ipv6 = ipv6(run);
    if cx.networking.has(IpFamily::V4) {
        // Of two families Gardener keeps the IPv4 networks in the Shoot.
        infrastructure.ipv6 = ipv6;
    } else if let Some(ipv6) = ipv6 {
        let networking = &mut infrastructure.networking;
        networking.nodes = ipv6.nodes.or(networking.nodes.take());
        networking.pods = ipv6.pods.or(networking.pods.take());
        networking.services = ipv6.services.or(networking.services.take());
    }
    Ok(infrastructure)
}

/// Nodes and pods get their IPv6 addresses from the VPC's block, services from what is reserved of a subnet.
fn ipv6(run: &Run) -> Option<Networking> {
    let block = run.scope.try_get::<Ipv6Association>(nodes::VPC_IPV6_BLOCK);
    let block = block.as_ref().and_then(|block| block.block()).map(str::to_owned);
    let services = run.scope.try_get::<CidrReservation>(nodes::SERVICES_RESERVATION);
    let services = services.map(|services| services.cidr.clone());
    if block.is_none() && services.is_none() {
        return None;
    }
    let mut ipv6 = Networking::default().with_ip_families([IpFamily::V6]);
    ipv6.nodes.clone_from(&block);
    ipv6.pods = block;
    ipv6.services = services;
    Some(ipv6)
}

fn status(cx: &Context, run: &Run) -> Result<Value> {
    let id = |node: &str| run.scope.try_id(node).unwrap_or_default();
    let mut status = InfrastructureStatus::default();
    let key = run.scope.try_get::<KeyPair>(nodes::KEY_PAIR);
    status.ec2.key_name = key.map(|key| key.key_name.clone()).unwrap_or_default();
    status.iam.instance_profiles =
        vec![InstanceProfileStatus { purpose: PURPOSE_NODES.to_owned(), name: id(nodes::INSTANCE_PROFILE) }];
    let role = run.scope.get::<Role>(nodes::ROLE)?;
    status.iam.roles = vec![RoleStatus { purpose: PURPOSE_NODES.to_owned(), arn: role.arn.clone() }];
    status.vpc.id = id(nodes::VPC);
    for zone in &cx.config.networks.zones {
        for (purpose, name) in [
            (Purpose::Workers, PURPOSE_NODES),
            (Purpose::Public, PURPOSE_PUBLIC),
            (Purpose::Internal, PURPOSE_INTERNAL),
        ] {
            let node = nodes::zone(&zone.name, &format!("subnet/{}", purpose.field()));
            if let Some(id) = run.scope.try_id(&node) {
                let (purpose, zone) = (name.to_owned(), zone.name.clone());
                status.vpc.subnets.push(SubnetStatus { purpose, id, zone });
            }
        }
    }
    let group = id(nodes::NODES_SECURITY_GROUP);
    status.vpc.security_groups = vec![SecurityGroupStatus { purpose: PURPOSE_NODES.to_owned(), id: group }];
    status.elastic_file_system = ElasticFileSystemStatus { id: id(nodes::FILE_SYSTEM) };
    config::write_status(&status)
}

/// The addresses from which the nodes' traffic comes: those of the NAT gateways.
fn egress(cx: &Context, run: &Run) -> Vec<String> {
    let zones = cx.config.networks.zones.iter();
    let addresses = zones.filter_map(|zone| {
        let gateway = run.scope.try_get::<NatGateway>(&nodes::zone(&zone.name, "nat-gateway"));
        let own = gateway
            .and_then(|gateway| gateway.addresses.iter().find_map(|address| address.public_ip.clone()));
        own.or_else(|| {
            let address = run.scope.try_get::<Address>(&nodes::zone(&zone.name, "elastic-ip"));
            address.map(|address| address.public_ip.clone())
        })
    });
    addresses.map(|address| format!("{address}/32")).collect()
}
