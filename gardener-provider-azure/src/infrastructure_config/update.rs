//! What may not change once the infrastructure stands.

use gardener_provider_client::config::fixed;
use gardener_provider_core::Violation;
use ipnet::IpNet;

use super::{InfrastructureConfig, Networks, validate::STANDARD};

/// Everything that is wrong with the step from `old` to `new`.
pub(super) fn update(old: &InfrastructureConfig, new: &InfrastructureConfig) -> Vec<Violation> {
    let mut wrong = Vec::new();
    fixed("resourceGroup", &old.resource_group, &new.resource_group, &mut wrong);
    fixed("zoned", &old.zoned, &new.zoned, &mut wrong);
    vnet(&old.networks, &new.networks, &mut wrong);
    fixed("networks.subnet", &old.networks.subnet, &new.networks.subnet, &mut wrong);
    match (old.networks.is_single_subnet(), new.networks.is_single_subnet()) {
        (true, true) => single(&old.networks, &new.networks, &mut wrong),
        (true, false) => migration(&old.networks, &new.networks, &mut wrong),
        (false, false) => zones(&old.networks, &new.networks, &mut wrong),
        (false, true) => wrong.push(Violation::new(
            "networks.zones",
            "cannot be removed: from a subnet for each zone there is no way back to one for all",
        )),
    }
    wrong
}

fn vnet(old: &Networks, new: &Networks, wrong: &mut Vec<Violation>) {
    fixed("networks.vnet.name", &old.vnet.name, &new.vnet.name, wrong);
    fixed("networks.vnet.resourceGroup", &old.vnet.resource_group, &new.vnet.resource_group, wrong);
    if old.vnet.given().is_some() || new.vnet.given().is_some() {
        return;
    }
    // Without a CIDR of its own, a new virtual network has that of the one subnet.
    let cidr = |networks: &Networks| -> Option<IpNet> {
        networks.vnet.cidr.as_ref().or(networks.workers.as_ref())?.parse().ok()
    };
    if let (Some(was), Some(is)) = (cidr(old), cidr(new))
        && !is.contains(&was)
    {
        let problem = format!("{is} must contain {was}: a virtual network can grow, not shrink or move");
        wrong.push(Violation::new("networks.vnet.cidr", problem));
    }
}

fn single(old: &Networks, new: &Networks, wrong: &mut Vec<Violation>) {
    fixed("networks.workers", &old.workers, &new.workers, wrong);
    if let (Some(was), Some(is)) = (&old.nat_gateway, &new.nat_gateway) {
        let skus = (sku(was.enabled, was.sku.as_deref()), sku(is.enabled, is.sku.as_deref()));
        same_sku("networks.natGateway.sku", skus, wrong);
    }
}

/// From one subnet for all to one for each zone: the old one goes on as that of a zone.
fn migration(old: &Networks, new: &Networks, wrong: &mut Vec<Violation>) {
    let Some(workers) = &old.workers else { return };
    let Some(index) = new.zones.iter().position(|zone| zone.cidr == *workers) else {
        let problem = format!("one of them must have the cidr {workers}, that of networks.workers before");
        wrong.push(Violation::new("networks.zones", problem));
        return;
    };
    if let (Some(was), Some(is)) = (&old.nat_gateway, &new.zones[index].nat_gateway) {
        let skus = (sku(was.enabled, was.sku.as_deref()), sku(is.enabled, is.sku.as_deref()));
        same_sku(&format!("networks.zones[{index}].natGateway.sku"), skus, wrong);
    }
}

fn zones(old: &Networks, new: &Networks, wrong: &mut Vec<Violation>) {
    for was in &old.zones {
        let Some(index) = new.zones.iter().position(|zone| zone.name == was.name) else {
            let problem = format!("zone {} cannot be removed; add it again with {}", was.name, was.cidr);
            wrong.push(Violation::new("networks.zones", problem));
            continue;
        };
        let is = &new.zones[index];
        fixed(&format!("networks.zones[{index}].cidr"), &was.cidr, &is.cidr, wrong);
        if let (Some(was), Some(is)) = (&was.nat_gateway, &is.nat_gateway) {
            let skus = (sku(was.enabled, was.sku.as_deref()), sku(is.enabled, is.sku.as_deref()));
            same_sku(&format!("networks.zones[{index}].natGateway.sku"), skus, wrong);
        }
    }
}

fn sku(enabled: bool, sku: Option<&str>) -> Option<&str> {
    enabled.then_some(sku.unwrap_or(STANDARD))
}

/// A NAT gateway that is taken away may come back as another.
fn same_sku(field: &str, skus: (Option<&str>, Option<&str>), wrong: &mut Vec<Violation>) {
    if let (Some(was), Some(is)) = skus
        && was != is
    {
        let problem =
            format!("cannot be changed from {was} to {is} while the NAT gateway is there; set it back");
        wrong.push(Violation::new(field, problem));
    }
}
