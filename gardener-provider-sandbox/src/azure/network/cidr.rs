//! Address ranges.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::azure::error::{Answer, ArmError};

/// Reads a range whose host bits are zero.
pub(super) fn parse(text: &str, of: &str) -> Answer<IpNet> {
    let invalid = || {
        let message = format!(
            "The address prefix {text} in resource {of} has an invalid CIDR notation. For the given prefix length, the \
             address prefix should be that of the network."
        );
        ArmError::bad("InvalidCIDRNotation", message)
    };
    let net: IpNet = text.parse().map_err(|_| invalid())?;
    if net.trunc() == net && net.prefix_len() > 0 { Ok(net) } else { Err(invalid()) }
}

pub(super) fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// The addresses of a subnet that machines can have: all but the first four and the last.
pub(super) fn usable(net: &IpNet) -> Box<dyn Iterator<Item = IpAddr>> {
    match net {
        IpNet::V4(net) => {
            let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
            Box::new((first.saturating_add(4)..last).map(|number| Ipv4Addr::from(number).into()))
        }
        IpNet::V6(net) => Box::new(net.hosts().skip(4).map(IpAddr::V6)),
    }
}

/// The `number`-th public address that the cloud hands out.
pub(super) fn public(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(20, 50, 0, 0)).wrapping_add(number))
}
