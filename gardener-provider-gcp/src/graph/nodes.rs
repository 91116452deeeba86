//! The names of the nodes.

pub(crate) const SERVICE_ACCOUNT: &str = "service-account";
pub(crate) const VPC: &str = "vpc";
pub(crate) const ROUTER: &str = "router";
pub(crate) const NAT: &str = "nat";
pub(crate) const KUBERNETES_ROUTES: &str = "kubernetes/routes";
pub(crate) const KUBERNETES_FIREWALLS: &str = "kubernetes/firewalls";
pub(crate) const ALIAS_RANGES: &str = "kubernetes/alias-ranges";

/// A subnet, by its purpose.
pub(crate) fn subnet(purpose: &str) -> String {
    format!("subnet/{purpose}")
}

/// A firewall rule, by the end of its name.
pub(crate) fn firewall(rule: &str) -> String {
    format!("firewall/{rule}")
}

/// An address of the user's.
pub(crate) fn address(name: &str) -> String {
    format!("address/{name}")
}
