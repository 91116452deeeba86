//! Ranges of addresses.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;

use super::{kind::Kind, links::Key, project::Project};
use crate::gcp::{
    body::{Fields, Object},
    error::GcpError,
};

/// An IPv4 range whose address is the first of it.
pub(super) fn ipv4(field: &str, text: &str) -> Result<Ipv4Net, GcpError> {
    let range: Ipv4Net =
        text.parse().map_err(|_| GcpError::invalid(field, text, "Must be a CIDR address range."))?;
    if range.addr() == range.network() {
        Ok(range)
    } else {
        Err(GcpError::invalid(field, text, "IP address in CIDR block must be the network address."))
    }
}

/// A range of either family.
pub(super) fn any(field: &str, text: &str) -> Result<IpNet, GcpError> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse()
        .ok()
        .or_else(address)
        .ok_or_else(|| GcpError::invalid(field, text, "Must be a CIDR address range."))
}

/// A range of a subnetwork: primary or secondary.
pub(super) fn of_subnetwork(field: &str, text: &str) -> Result<Ipv4Net, GcpError> {
    let range = ipv4(field, text)?;
    if (4..=29).contains(&range.prefix_len()) {
        Ok(range)
    } else {
        Err(GcpError::invalid(field, text, "The prefix length must be between /4 and /29."))
    }
}

/// All ranges of a subnetwork.
pub(super) fn all_of(subnetwork: &Object) -> Vec<Ipv4Net> {
    let secondary = subnetwork.list("secondaryIpRanges").iter().filter_map(Value::as_object);
    let texts = subnetwork.text("ipCidrRange").into_iter();
    let texts = texts.chain(secondary.filter_map(|range| range.text("ipCidrRange")));
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// The ranges that instances, addresses and forwarding rules have of a subnetwork.
pub(super) fn taken(project: &Project, subnetwork: &str) -> Taken {
    taken_but(project, subnetwork, None)
}

/// As [`taken`], but for what `instance` has.
pub(super) fn taken_without(project: &Project, subnetwork: &str, instance: &Key) -> Taken {
    taken_but(project, subnetwork, Some(instance))
}

fn taken_but(project: &Project, subnetwork: &str, except: Option<&Key>) -> Taken {
    let mut taken = Taken::default();
    for (_, stored) in project.all(Kind::Instance).filter(|(key, _)| Some(*key) != except) {
        for interface in stored.body.list("networkInterfaces").iter().filter_map(Value::as_object) {
            if interface.text("subnetwork") == Some(subnetwork) {
                taken.add(interface.text("networkIP"));
                let aliases = interface.list("aliasIpRanges").iter().filter_map(Value::as_object);
                aliases.for_each(|alias| taken.add(alias.text("ipCidrRange")));
            }
        }
    }
    for (kind, field) in [(Kind::Address, "address"), (Kind::ForwardingRule, "IPAddress")] {
        for (_, stored) in project.all(kind) {
            if stored.body.text("subnetwork") == Some(subnetwork) {
                taken.add(stored.body.text(field));
            }
        }
    }
    taken
}

/// Addresses in use, as ranges without overlap.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// First and last address.
    ranges: BTreeSet<(u32, u32)>,
}

impl Taken {
    pub(super) fn add(&mut self, text: Option<&str>) {
        let range = text.and_then(|text| match text.parse::<Ipv4Addr>() {
            Ok(ip) => Some(Ipv4Net::from(ip)),
            Err(_) => text.parse().ok(),
        });
        if let Some(range) = range {
            self.ranges.insert((range.network().into(), range.broadcast().into()));
        }
    }

    pub(super) fn has(&self, range: Ipv4Net) -> bool {
        let (first, last) = (u32::from(range.network()), u32::from(range.broadcast()));
        self.ranges.range(..=(last, u32::MAX)).next_back().is_some_and(|(_, end)| *end >= first)
    }

    /// The first free range of this length within `within`, after `skip` addresses and without the last `spare`.
    pub(super) fn free(&self, within: Ipv4Net, prefix: u8, skip: u32, spare: u32) -> Option<Ipv4Net> {
        let size = 1_u64 << (32 - prefix.min(32));
        let align = |at: u64| at.div_ceil(size) * size;
        let end = u64::from(u32::from(within.broadcast())).checked_sub(u64::from(spare))?;
        let mut at = align(u64::from(u32::from(within.network())) + u64::from(skip));
        for (first, last) in &self.ranges {
            let (first, last) = (u64::from(*first), u64::from(*last));
            if last < at {
                continue;
            }
            if first >= at + size {
                break;
            }
            at = align(last + 1);
        }
        let fits = at + size - 1 <= end;
        fits.then(|| Ipv4Net::new(Ipv4Addr::from(u32::try_from(at).ok()?), prefix).ok()).flatten()
    }
}

/// The `number`-th external IPv6 range of a subnetwork (/64).
pub(super) fn external_ipv6(number: u32) -> String {
    let [_, a, b, c] = number.to_be_bytes().map(u16::from);
    let net = Ipv6Addr::new(0x2600, 0x1900, 0x4000 | (a & 0x0f), b << 8 | c, 0, 0, 0, 0);
    format!("{net}/64")
}

/// The `number`-th unique local range of a network (/48), within `fd20::/20` as GCP assigns them.
pub(super) fn internal_ipv6(number: u32) -> String {
    let [a, b, c, d] = number.to_be_bytes().map(u16::from);
    let net = Ipv6Addr::new(0xfd20, (a << 8 | b) & 0x0fff, c << 8 | d, 0, 0, 0, 0, 0);
    format!("{net}/48")
}

/// The `number`-th /64 of a /48.
pub(super) fn ipv6_subnetwork(network: &str, number: u32) -> Option<String> {
    let net: ipnet::Ipv6Net = network.parse().ok()?;
    let mut segments = net.network().segments();
    segments[3] = u16::try_from(number & 0xffff).ok()?;
    Some(format!("{}/64", Ipv6Addr::from(segments)))
}

/// The `number`-th address (/96) of an instance in a /64.
pub(super) fn ipv6_of_instance(subnetwork: &str, number: u32) -> Option<String> {
    let net: ipnet::Ipv6Net = subnetwork.parse().ok()?;
    let mut segments = net.network().segments();
    segments[4] = u16::try_from(number >> 16).ok()?;
    segments[5] = u16::try_from(number & 0xffff).ok()?;
    Some(Ipv6Addr::from(segments).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ranges_are_found_between_taken_ones() {
        let within: Ipv4Net = "10.0.0.0/24".parse().unwrap();
        let mut taken = Taken::default();
        let free = |taken: &Taken, prefix| taken.free(within, prefix, 2, 2).map(|range| range.to_string());
        assert_eq!(free(&taken, 32).as_deref(), Some("10.0.0.2/32"));
        taken.add(Some("10.0.0.2"));
        taken.add(Some("10.0.0.16/28"));
        assert_eq!(free(&taken, 32).as_deref(), Some("10.0.0.3/32"));
        assert_eq!(free(&taken, 28).as_deref(), Some("10.0.0.32/28"));
        assert!(taken.has("10.0.0.20/32".parse().unwrap()));
        assert!(!taken.has("10.0.0.40/32".parse().unwrap()));
        taken.add(Some("10.0.0.0/24"));
        assert_eq!(free(&taken, 32), None);
        assert_eq!(
            Taken::default().free(within, 24, 0, 0).map(|range| range.to_string()).as_deref(),
            Some("10.0.0.0/24")
        );
        assert_eq!(Taken::default().free(within, 16, 0, 0), None);
    }
}
