//! What Kubernetes itself makes in the VPC: routes to the pods of each node, firewall rules of load balancers. Both have
//! no labels; what is this cluster's is told by exact name and tag.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use gardener_provider_client::graph::{Resource, Scope};
use gardener_provider_core::{Error, Result};
use ipnet::IpNet;

use super::{Context, links};
use crate::api::{
    firewalls::{Firewall, delete_firewall, list_firewalls},
    instances,
    routes::{Route, delete_route, list_routes},
};

/// What the cloud controller manager says of its routes
/// ([source](https://github.com/kubernetes/cloud-provider-gcp/blob/master/providers/gce/gce_routes.go)).
const ROUTE_DESCRIPTION: &str = "k8s-node-route";
/// How much of the cluster's name the cloud controller manager takes into the names of routes (same source).
const ROUTE_PREFIX: usize = 26;
/// How the names of all firewall rules begin that Kubernetes makes.
const FIREWALL_PREFIX: &str = "k8s";

/// True if the cloud controller manager of a cluster of this name made a route of that name: the name, cut off if it is
/// long, and a UID.
fn is_route_name(cluster: &str, name: &str) -> bool {
    let prefix = cluster.get(..ROUTE_PREFIX).unwrap_or(cluster);
    let uid = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    uid.is_some_and(is_uid)
}

fn is_uid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// True if Kubernetes in this cluster made the rule: it holds for this cluster's nodes and nobody else's.
fn is_our_firewall(cx: &Context, rule: &Firewall) -> bool {
    cx.is_in_vpc(&rule.network)
        && rule.name.starts_with(FIREWALL_PREFIX)
        && !rule.target_tags.is_empty()
        && rule.target_tags.iter().all(|tag| tag == cx.cluster.as_str())
}

/// The firewall rules that Kubernetes in this cluster made.
pub(crate) async fn our_firewalls(cx: &Context) -> Result<Vec<Firewall>> {
    let found = cx.all(&cx.in_vpc(), list_firewalls).await?;
    Ok(found.into_iter().filter(|rule| is_our_firewall(cx, rule)).collect())
}

/// The routes that Kubernetes in this cluster made.
pub(crate) async fn our_routes(cx: &Context) -> Result<Vec<Route>> {
    let found = cx.all(&cx.in_vpc(), list_routes).await?;
    let likely = found.into_iter().filter(|route| {
        cx.is_in_vpc(&route.network)
            && route.description == ROUTE_DESCRIPTION
            && is_route_name(cx.cluster.as_str(), &route.name)
            && route.next_hop_instance.is_some()
    });
    if cx.cluster.as_str().len() <= ROUTE_PREFIX || cx.config.networks.vpc.is_none() {
        // The whole name, or a VPC that no other cluster is in.
        return Ok(likely.collect());
    }
    let checked = likely.map(|route| async {
        let ours = leads_to_us(cx, &route).await?;
        Ok::<_, Error>(ours.then_some(route))
    });
    Ok(try_join_all(checked).await?.into_iter().flatten().collect())
}

/// True if a route whose name was cut off leads to a node of this cluster: one that has the cluster's tag; of a node
/// that is gone, that the route was for pods of this cluster.
async fn leads_to_us(cx: &Context, route: &Route) -> Result<bool> {
    let Some((zone, instance)) = route.next_hop_instance.as_deref().and_then(links::instance) else {
        return Ok(false);
    };
    if let Some(instance) = cx.look(instances::get(cx.project(), zone, instance)).await? {
        return Ok(instance.has_tags(&[cx.cluster.to_string()]));
    }
    let pods = cx.networking.pods.as_deref().and_then(|pods| pods.parse::<IpNet>().ok());
    let destination = route.dest_range.parse::<IpNet>().ok();
    Ok(pods.zip(destination).is_some_and(|(pods, destination)| pods.contains(&destination)))
}

pub(super) async fn delete_routes(cx: &Context, routes: &[Route]) -> Result<()> {
    let deletions = routes.iter().map(|route| cx.remove(delete_route(cx.project(), &route.name)));
    try_join_all(deletions).await.map(drop)
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(",")
}

/// The routes that the cluster left behind.
#[derive(Debug)]
pub(crate) struct LeftRoutes(pub(crate) Arc<Context>);

#[async_trait]
impl Resource for LeftRoutes {
    type Observed = Vec<Route>;

    fn kind(&self) -> &'static str {
        "routes of Kubernetes"
    }

    fn id(&self, observed: &Vec<Route>) -> String {
        names(observed.iter().map(|route| &route.name))
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Vec<Route>>> {
        if self.0.lacks_vpc(scope) {
            return Ok(None);
        }
        Ok(Some(our_routes(&self.0).await?).filter(|routes| !routes.is_empty()))
    }

    async fn create(&self, _: &Scope) -> Result<Vec<Route>> {
        Err(Error::internal("these routes are made by Kubernetes"))
    }

    async fn delete(&self, _: &Scope, observed: &Vec<Route>) -> Result<()> {
        delete_routes(&self.0, observed).await
    }
}

/// The firewall rules that the cluster left behind.
#[derive(Debug)]
pub(crate) struct LeftFirewalls(pub(crate) Arc<Context>);

#[async_trait]
impl Resource for LeftFirewalls {
    type Observed = Vec<Firewall>;

    fn kind(&self) -> &'static str {
        "firewall rules of Kubernetes"
    }

    fn id(&self, observed: &Vec<Firewall>) -> String {
        names(observed.iter().map(|rule| &rule.name))
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Vec<Firewall>>> {
        if self.0.lacks_vpc(scope) {
            return Ok(None);
        }
        Ok(Some(our_firewalls(&self.0).await?).filter(|rules| !rules.is_empty()))
    }

    async fn create(&self, _: &Scope) -> Result<Vec<Firewall>> {
        Err(Error::internal("these firewall rules are made by Kubernetes"))
    }

    async fn delete(&self, _: &Scope, observed: &Vec<Firewall>) -> Result<()> {
        let cx = &self.0;
        let deletions = observed.iter().map(|rule| cx.remove(delete_firewall(cx.project(), &rule.name)));
        try_join_all(deletions).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "7c0f3d6e-0001-4a51-9a3b-00005eed0001";

    #[test]
    fn a_route_is_known_by_the_whole_name_and_a_uid() {
        assert!(is_route_name("shoot--p--c", &format!("shoot--p--c-{UID}")));
        for other in [
            format!("shoot--p--c-2-{UID}"),
            format!("shoot--p--c2-{UID}"),
            format!("shoot--p--{UID}"),
            format!("shoot--p--c{UID}"),
            format!("shoot--p--c-{UID}-0"),
            "shoot--p--c-default".to_owned(),
            "shoot--p--c-".to_owned(),
            UID.to_owned(),
        ] {
            assert!(!is_route_name("shoot--p--c", &other), "{other}");
        }
    }

    #[test]
    fn a_long_name_is_cut_off() {
        let long = "shoot--project123--cluster-a";
        assert!(is_route_name(long, &format!("shoot--project123--cluster-{UID}")));
        assert!(!is_route_name(long, &format!("{long}-{UID}")));
    }
}
