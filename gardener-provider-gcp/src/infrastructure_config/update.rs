//! What may not change once the infrastructure stands.

use gardener_provider_core::Violation;
use ipnet::IpNet;

use super::InfrastructureConfig;

const FIXED: &str = "cannot be changed once the infrastructure exists; set it back";

/// Everything that is wrong with the step from `old` to `new`.
pub(super) fn update(old: &InfrastructureConfig, new: &InfrastructureConfig) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let (was, is) = (&old.networks, &new.networks);
    if was.uses_given_subnets() != is.uses_given_subnets() {
        let problem = "cannot be added or removed once the infrastructure exists; set it back";
        return vec![Violation::new("networks.subnetWorkers", problem)];
    }
    if was.subnet_workers != is.subnet_workers {
        wrong.push(Violation::new("networks.subnetWorkers", FIXED));
    }
    if was.subnet_services != is.subnet_services {
        wrong.push(Violation::new("networks.subnetServices", FIXED));
    }
    match (&was.vpc, &is.vpc) {
        (Some(was), Some(is)) => {
            if was.name != is.name {
                wrong.push(Violation::new("networks.vpc.name", FIXED));
            }
            if was.cloud_router != is.cloud_router {
                wrong.push(Violation::new("networks.vpc.cloudRouter", FIXED));
            }
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
    if was.internal.is_some() && was.internal != is.internal {
        wrong.push(Violation::new("networks.internal", FIXED));
    }
    if was.mtu != is.mtu {
        wrong.push(Violation::new("networks.mtu", FIXED));
    }
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
