//! What is told of an infrastructure after a run.

use gardener_provider_client::{config, graph::Run};
use gardener_provider_core::{Error, Infrastructure, IpFamily, Networking, Result};
use ipnet::Ipv6Net;
use serde_json::Value;

use crate::{
    api::{addresses::Address, service_accounts::ServiceAccount, subnetworks::Subnetwork},
    graph::{Context, Kept, nodes, subnet::Purpose},
    infrastructure_config::CloudRouter,
    infrastructure_status::{InfrastructureStatus, NatIp, SubnetStatus},
};

/// Where Gardener looks for the IPv6 range of the nodes in the state.
const NODES_IPV6: &str = "nodes-subnet-ipv6-cidr";
/// Where Gardener looks for the IPv6 range of the services in the state.
const SERVICES_IPV6: &str = "services-subnet-ipv6-cidr";
/// How much of the range of their subnet services have: Kubernetes takes no larger range of IPv6 addresses for them
/// ([source](https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/)).
const SERVICES_PREFIX: u8 = 108;

/// The infrastructure as a run left it.
pub(super) fn infrastructure(cx: &Context, run: &Run) -> Result<Infrastructure> {
    let mut infrastructure = Infrastructure::default();
    infrastructure.status = status(cx, run)?;
    infrastructure.state = run.state.clone();
    infrastructure.networking = cx.networking.clone();
    let addresses = addresses(cx, run);
    infrastructure.egress_cidrs = addresses.iter().map(|address| format!("{address}/32")).collect();
    let ranges = ipv6_range(cx, run, Purpose::Nodes).zip(ipv6_range(cx, run, Purpose::Services));
    if let Some((nodes, services)) = ranges {
        let mut ipv6 = Networking::default().with_ip_families([IpFamily::V6]);
        ipv6.nodes = Some(nodes.clone());
        ipv6.pods = Some(nodes.clone());
        ipv6.services = Some(first_part(&services)?);
        infrastructure.ipv6 = Some(ipv6);
        // IPv6 leaves without NAT; which way it takes out of the user's subnets is not known.
        if !cx.config.networks.uses_given_subnets() {
            infrastructure.egress_cidrs.push(nodes.clone());
        }
        let data = &mut infrastructure.state.data;
        data.extend([(NODES_IPV6.to_owned(), nodes), (SERVICES_IPV6.to_owned(), services)]);
    }
    Ok(infrastructure)
}

fn status(cx: &Context, run: &Run) -> Result<Value> {
    let mut status = InfrastructureStatus::default();
    status.networks.vpc.name = run.scope.try_id(nodes::VPC).unwrap_or_default();
    status.networks.vpc.cloud_router = run.scope.try_id(nodes::ROUTER).map(|name| CloudRouter { name });
    for purpose in [Purpose::Nodes, Purpose::Internal, Purpose::Services] {
        if let Some(name) = run.scope.try_id(&nodes::subnet(purpose.name())) {
            status.networks.subnets.push(SubnetStatus { name, purpose: purpose.name().to_owned() });
        }
    }
    status.networks.nat_ips = addresses(cx, run).into_iter().map(|ip| NatIp { ip }).collect();
    status.networks.ip_families.push(IpFamily::V4);
    if cx.is_dual_stack() {
        status.networks.ip_families.push(IpFamily::V6);
    }
    let account = run.scope.try_get::<ServiceAccount>(nodes::SERVICE_ACCOUNT);
    let kept = run.scope.try_get::<Kept>(nodes::SERVICE_ACCOUNT);
    let kept = kept.as_ref().and_then(|kept| kept.0.as_ref());
    status.service_account_email =
        account.as_deref().or(kept).map(|account| account.email.clone()).unwrap_or_default();
    config::write_status(&status)
}

/// The user's addresses. Those that the cloud takes by itself are not stable and not told.
fn addresses(cx: &Context, run: &Run) -> Vec<String> {
    let given = cx.config.networks.given_addresses();
    let found = given.filter_map(|name| run.scope.try_get::<Address>(&nodes::address(name)));
    found.map(|address| address.address.clone()).collect()
}

fn ipv6_range(cx: &Context, run: &Run, purpose: Purpose) -> Option<String> {
    let subnet = run.scope.try_get::<Subnetwork>(&nodes::subnet(purpose.name()))?;
    subnet.ipv6_range().filter(|_| cx.is_dual_stack()).map(str::to_owned)
}

/// The beginning of a range, as large as the range of services may be.
fn first_part(range: &str) -> Result<String> {
    let net: Ipv6Net =
        range.parse().map_err(|_| Error::internal(format!("{range:?} is not an IPv6 range")))?;
    let part = Ipv6Net::new(net.network(), net.prefix_len().max(SERVICES_PREFIX));
    part.map(|part| part.to_string()).map_err(|_| Error::internal(format!("{range} has no part")))
}

#[cfg(test)]
mod tests {
    use super::first_part;

    #[test]
    fn services_have_the_beginning_of_their_subnet() {
        assert_eq!(first_part("2600:1900:4000:1::/64").unwrap(), "2600:1900:4000:1::/108");
        assert_eq!(first_part("2600:1900:4000:1::/112").unwrap(), "2600:1900:4000:1::/112");
        assert!(first_part("10.0.0.0/8").is_err());
    }
}
