//! What may not change once the infrastructure stands.

use gardener_provider_client::config::fixed;
use gardener_provider_core::Violation;

use super::{InfrastructureConfig, Zone};

/// Everything that is wrong with the step from `old` to `new`.
pub(super) fn update(old: &InfrastructureConfig, new: &InfrastructureConfig) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let (vpc, was) = (&new.networks.vpc, &old.networks.vpc);
    fixed("networks.vpc.id", &was.id, &vpc.id, &mut wrong);
    fixed("networks.vpc.cidr", &was.cidr, &vpc.cidr, &mut wrong);
    fixed("networks.vpc.ipv6IpamPool", &was.ipv6_ipam_pool, &vpc.ipv6_ipam_pool, &mut wrong);
    fixed(
        "networks.nodesSecurityGroupID",
        &old.networks.nodes_security_group_id,
        &new.networks.nodes_security_group_id,
        &mut wrong,
    );
    fixed(
        "enableDedicatedTenancyForVPC",
        &old.enable_dedicated_tenancy_for_vpc.unwrap_or(false),
        &new.enable_dedicated_tenancy_for_vpc.unwrap_or(false),
        &mut wrong,
    );
    if let Some(efs) = &old.elastic_file_system {
        fixed("elasticFileSystem", &Some(efs), &new.elastic_file_system.as_ref(), &mut wrong);
    }
    let dual = |config: &InfrastructureConfig| config.dual_stack.as_ref().is_some_and(|dual| dual.enabled);
    if dual(old) && !dual(new) {
        wrong.push(Violation::new("dualStack.enabled", "cannot be taken back; leave it true"));
    }
    zones(&old.networks.zones, &new.networks.zones, &mut wrong);
    wrong
}

fn zones(old: &[Zone], new: &[Zone], wrong: &mut Vec<Violation>) {
    if new.len() < old.len() {
        let names: Vec<_> = old.iter().map(|zone| zone.name.as_str()).collect();
        wrong.push(Violation::new(
            "networks.zones",
            format!("zones cannot be removed; keep {} in this order", names.join(", ")),
        ));
        return;
    }
    for (index, (was, zone)) in old.iter().zip(new).enumerate() {
        let mut field = |name: &str, was: &Option<String>, is: &Option<String>| {
            fixed(&format!("networks.zones[{index}].{name}"), was, is, wrong);
        };
        field("name", &Some(was.name.clone()), &Some(zone.name.clone()));
        field("workers", &was.workers, &zone.workers);
        field("public", &was.public, &zone.public);
        field("internal", &was.internal, &zone.internal);
        field("workersSubnetID", &was.workers_subnet_id, &zone.workers_subnet_id);
        field("publicSubnetID", &was.public_subnet_id, &zone.public_subnet_id);
        field("internalSubnetID", &was.internal_subnet_id, &zone.internal_subnet_id);
    }
}
