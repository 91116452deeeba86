//! Address blocks.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::aws::error::AwsError;

fn no_block(text: &str, parameter: &str) -> AwsError {
    AwsError::new(
        "InvalidParameterValue",
        format!("Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block."),
    )
}

/// An IPv4 block in canonical form.
pub(crate) fn v4(text: &str, parameter: &str) -> Result<Ipv4Net, AwsError> {
    text.parse::<Ipv4Net>().map(|block| block.trunc()).map_err(|_| no_block(text, parameter))
}

/// An IPv6 block in canonical form.
pub(crate) fn v6(text: &str, parameter: &str) -> Result<Ipv6Net, AwsError> {
    text.parse::<Ipv6Net>().map(|block| block.trunc()).map_err(|_| no_block(text, parameter))
}

/// True if one holds the other.
pub(crate) fn overlap4(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// True if one holds the other.
pub(crate) fn overlap6(a: &Ipv6Net, b: &Ipv6Net) -> bool {
    a.contains(b) || b.contains(a)
}

/// The `index`-th /56 that the cloud hands out.
pub(crate) fn amazon_v6(index: u32, length: u8) -> Option<Ipv6Net> {
    let network = 0x2a05_d018_u128 << 96 | u128::from(index) << 72;
    Ipv6Net::new(Ipv6Addr::from(network), length).ok().map(|block| block.trunc())
}

/// The `index`-th public address that the cloud hands out.
pub(crate) fn amazon_v4(index: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(52, 16, 0, 0)) + (index & 0xf_ffff))
}
