//! The names of the nodes.

pub(crate) const RESOURCE_GROUP: &str = "resource-group";
pub(crate) const VNET: &str = "vnet";
pub(crate) const ROUTE_TABLE: &str = "route-table";
pub(crate) const SECURITY_GROUP: &str = "security-group";
pub(crate) const IDENTITY: &str = "identity";
pub(crate) const SUBNET: &str = "subnet";
pub(crate) const NAT_GATEWAY: &str = "nat-gateway";
pub(crate) const PUBLIC_IP: &str = "public-ip";
pub(crate) const LOAD_BALANCERS: &str = "leftover/load-balancers";

/// Something of a zone; without one, of the whole.
pub(crate) fn of(zone: Option<i32>, what: &str) -> String {
    zone.map_or_else(|| what.to_owned(), |zone| format!("zone/{zone}/{what}"))
}

/// What is removed because it is no longer wanted.
pub(crate) fn former(zone: Option<i32>, what: &str) -> String {
    of(zone, &format!("former-{what}"))
}

/// An address that the user gave.
pub(crate) fn given_ip(zone: Option<i32>, index: usize) -> String {
    of(zone, &format!("{PUBLIC_IP}/{index}"))
}
