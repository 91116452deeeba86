//! The names of the nodes.

pub(crate) const VPC: &str = "vpc";
pub(crate) const VPC_DNS: &str = "vpc/dns";
pub(crate) const VPC_IPV6_BLOCK: &str = "vpc/ipv6-block";
pub(crate) const DHCP_OPTIONS: &str = "dhcp-options";
pub(crate) const DHCP_ASSOCIATION: &str = "vpc/dhcp-options";
pub(crate) const DEFAULT_SECURITY_GROUP: &str = "vpc/default-security-group";
pub(crate) const INTERNET_GATEWAY: &str = "internet-gateway";
pub(crate) const GATEWAY_ATTACHMENT: &str = "vpc/internet-gateway";
pub(crate) const EGRESS_ONLY_GATEWAY: &str = "egress-only-internet-gateway";
pub(crate) const MAIN_ROUTE_TABLE: &str = "route-table";
pub(crate) const MAIN_ROUTES: &str = "route-table/routes";
pub(crate) const SURPLUS_ENDPOINTS: &str = "gateway-endpoints/surplus";
pub(crate) const NODES_SECURITY_GROUP: &str = "nodes-security-group";
pub(crate) const FILE_SYSTEM: &str = "file-system";
pub(crate) const SERVICES_RESERVATION: &str = "services-cidr-reservation";
pub(crate) const ROLE: &str = "iam/role";
pub(crate) const INSTANCE_PROFILE: &str = "iam/instance-profile";
pub(crate) const ROLE_POLICY: &str = "iam/role-policy";
pub(crate) const KEY_PAIR: &str = "key-pair";
pub(crate) const LOAD_BALANCERS: &str = "leftover/load-balancers";
pub(crate) const BALANCER_GROUPS: &str = "leftover/security-groups";

/// Something of a zone.
pub(crate) fn zone(zone: &str, what: &str) -> String {
    format!("zone/{zone}/{what}")
}

/// The endpoint of a service.
pub(crate) fn endpoint(service: &str) -> String {
    format!("gateway-endpoint/{service}")
}
