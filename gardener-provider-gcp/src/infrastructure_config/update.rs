//! What may not change once the infrastructure stands.

use gardener_provider_client::config::fixed;
use gardener_provider_core::Violation;
use ipnet::IpNet;

use super::InfrastructureConfig;

/// Everything that is wrong with the step from `old` to `new`.
pub(super) fn update(old: &InfrastructureConfig, new: &InfrastructureConfig) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let (was, is) = (&old.networks, &new.networks);
    if was.uses_given_subnets() != is.uses_given_subnets() {
        let problem = "cannot be added or removed once the infrastructure exists; set it back";
        return vec![Violation::new("networks.subnetWorkers", problem)];
    }
    fixed("networks.subnetWorkers", &was.subnet_workers, &is.subnet_workers, &mut wrong);
    fixed("networks.subnetServices", &was.subnet_services, &is.subnet_services, &mut wrong);
    match (&was.vpc, &is.vpc) {
        (Some(was), Some(is)) => {
            fixed("networks.vpc.name", &was.name, &is.name, &mut wrong);
            fixed("networks.vpc.cloudRouter", &was.cloud_router, &is.cloud_router, &mut wrong);
        }
        (None, None) => {}
        (None, Some(_)) => {
            let problem = "cannot be added: the infrastructure stands in a VPC of its own; leave it out";
            wrong.push(Violation::new("networks.vpc", problem));
        }
        (Some(was), None) => {
            let problem =
                format!("cannot be removed: the infrastructure stands in {:?}; set it back", was.name);
            wrong.push(Violation::new("networks.vpc", problem));
        }
    }
    // A subnet for internal load balancers can be added, not moved from under them.
    if was.internal.is_some() {
        fixed("networks.internal", &was.internal, &is.internal, &mut wrong);
    }
    fixed("networks.mtu", &was.mtu, &is.mtu, &mut wrong);
    workers(was.nodes_cidr().1, is.nodes_cidr(), &mut wrong);
    wrong
}

/// A subnet can be extended in place and not shrunk
/// ([source](https://cloud.google.com/vpc/docs/create-modify-vpc-networks#expand-subnet)).
fn workers(was: &str, (field, is): (&str, &str), wrong: &mut Vec<Violation>) {
    let (Ok(old), Ok(new)) = (was.parse::<IpNet>(), is.parse::<IpNet>()) else { return };
    if !new.contains(&old) {
        wrong.push(Violation::new(field, format!("{is} must hold all of {was}: it can only be extended")));
    }
}
