//! From IPv4 alone to both families. With IPv4 alone each node's pods are reached by a route that Kubernetes makes; with
//! both they have their addresses from a range of the nodes' subnet, of which each node has a part as an alias range. The
//! cloud takes no such range while there are routes into it
//! ([source](https://cloud.google.com/vpc/docs/routes#static-routes)), so the routes go first; what they said is kept in
//! the saved state until every node has its alias range.
//!
//! Who calls sees to it that Kubernetes makes no new routes meanwhile.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Difference, Error, Result};

use super::{
    Context,
    kubernetes::{delete_routes, our_routes},
    links, nodes,
    subnet::PODS_RANGE,
};
use crate::api::{
    instances::{self, AliasRange, NetworkInterface},
    network_interfaces::set_alias_ranges,
    routes::Route,
};

/// What the state holds when nothing is pending.
const NOTHING: &str = "none";

/// A part of the pods' range that belongs to a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PodRange {
    zone: String,
    instance: String,
    cidr: String,
}

impl PodRange {
    fn of(route: &Route) -> Option<Self> {
        let (zone, instance) = links::instance(route.next_hop_instance.as_deref()?)?;
        let cidr = route.dest_range.clone();
        Some(Self { zone: zone.to_owned(), instance: instance.to_owned(), cidr })
    }

    fn node(&self) -> String {
        format!("{}/{}", self.zone, self.instance)
    }
}

/// As the state keeps them: `<zone>/<instance>=<CIDR>`, separated by `,`.
fn written(ranges: &[PodRange]) -> String {
    if ranges.is_empty() {
        return NOTHING.to_owned();
    }
    let all = ranges.iter().map(|range| format!("{}={}", range.node(), range.cidr));
    all.collect::<Vec<_>>().join(",")
}

/// What cannot be read was not written here and is passed over.
fn read(text: &str) -> Vec<PodRange> {
    let one = |text: &str| {
        let (node, cidr) = text.split_once('=')?;
        let (zone, instance) = node.split_once('/')?;
        let good = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let known = good(zone) && good(instance) && cidr.parse::<ipnet::IpNet>().is_ok();
        known.then(|| PodRange {
            zone: zone.to_owned(),
            instance: instance.to_owned(),
            cidr: cidr.to_owned(),
        })
    };
    text.split(',').filter_map(one).collect()
}

/// The routes that are to go, and the pods' ranges of nodes whose routes went already and that have no alias range yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    routes: Vec<Route>,
    pending: Vec<PodRange>,
}

impl Routes {
    /// The pods' ranges of all nodes that are to have an alias range.
    fn ranges(&self) -> Vec<PodRange> {
        let mut ranges: Vec<_> = self.routes.iter().filter_map(PodRange::of).collect();
        ranges.extend(self.pending.iter().cloned());
        ranges.sort();
        ranges.dedup();
        ranges
    }
}

/// The first network interface of a node; none if the node is gone.
async fn interface(cx: &Context, range: &PodRange) -> Result<Option<NetworkInterface>> {
    let found = cx.look(instances::get(cx.project(), &range.zone, &range.instance)).await?;
    Ok(found.and_then(|instance| instance.network_interfaces.into_iter().next()))
}

fn lacks(interface: &NetworkInterface, range: &PodRange) -> bool {
    !interface.alias_ip_ranges.iter().any(|alias| alias.ip_cidr_range == range.cidr)
}

/// Routes to pods; there should be none.
#[derive(Debug)]
pub(crate) struct RoutesToPods(pub(crate) Arc<Context>);

#[async_trait]
impl Resource for RoutesToPods {
    type Observed = Routes;

    fn kind(&self) -> &'static str {
        "routes of Kubernetes"
    }

    /// Kept in the state before the routes are deleted.
    fn id(&self, observed: &Routes) -> String {
        written(&observed.ranges())
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Routes>> {
        if self.0.lacks_vpc(scope) {
            return Ok(Some(Routes::default()));
        }
        let saved = read(scope.hint(nodes::KUBERNETES_ROUTES).unwrap_or_default());
        let pending = saved.into_iter().map(|range| async {
            let interface = interface(&self.0, &range).await?;
            Ok::<_, Error>(interface.is_some_and(|interface| lacks(&interface, &range)).then_some(range))
        });
        let (routes, pending) = futures::try_join!(our_routes(&self.0), try_join_all(pending))?;
        Ok(Some(Routes { routes, pending: pending.into_iter().flatten().collect() }))
    }

    async fn create(&self, _: &Scope) -> Result<Routes> {
        Err(Error::internal("these routes are made by Kubernetes"))
    }

    fn differs(&self, _: &Scope, observed: &Routes) -> Result<Change> {
        let differences = observed.routes.iter();
        Ok(Change::update(
            differences.map(|route| Difference::new(&route.name, &route.dest_range, "-")).collect(),
        ))
    }

    async fn update(&self, _: &Scope, observed: &Routes) -> Result<Routes> {
        delete_routes(&self.0, &observed.routes).await?;
        Ok(Routes { routes: Vec::new(), pending: observed.ranges() })
    }

    async fn delete(&self, _: &Scope, observed: &Routes) -> Result<()> {
        delete_routes(&self.0, &observed.routes).await
    }
}

/// The alias ranges of nodes whose routes went.
#[derive(Debug)]
pub(crate) struct AliasRanges(pub(crate) Arc<Context>);

/// The nodes that lack theirs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lacking(Vec<(PodRange, NetworkInterface)>);

#[async_trait]
impl Resource for AliasRanges {
    type Observed = Lacking;

    fn kind(&self) -> &'static str {
        "alias ranges"
    }

    fn id(&self, observed: &Lacking) -> String {
        written(&observed.0.iter().map(|(range, _)| range.clone()).collect::<Vec<_>>())
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Lacking>> {
        let routes = scope.get::<Routes>(nodes::KUBERNETES_ROUTES)?;
        let lacking = routes.ranges().into_iter().map(|range| async {
            let interface = interface(&self.0, &range).await?;
            let lacking = interface.filter(|interface| lacks(interface, &range));
            Ok::<_, Error>(lacking.map(|interface| (range, interface)))
        });
        Ok(Some(Lacking(try_join_all(lacking).await?.into_iter().flatten().collect())))
    }

    async fn create(&self, _: &Scope) -> Result<Lacking> {
        Err(Error::internal("alias ranges come with instances"))
    }

    fn differs(&self, _: &Scope, observed: &Lacking) -> Result<Change> {
        let differences = observed.0.iter().map(|(range, _)| Difference::new(range.node(), "-", &range.cidr));
        Ok(Change::update(differences.collect()))
    }

    async fn update(&self, _: &Scope, observed: &Lacking) -> Result<Lacking> {
        let cx = &self.0;
        let updates = observed.0.iter().map(|(range, interface)| async {
            let mut aliases = interface.alias_ip_ranges.clone();
            aliases.push(AliasRange {
                ip_cidr_range: range.cidr.clone(),
                subnetwork_range_name: Some(PODS_RANGE.to_owned()),
            });
            let update = set_alias_ranges(cx.project(), &range.zone, &range.instance, interface, &aliases);
            // A node that is gone meanwhile needs none.
            cx.remove(update).await
        });
        try_join_all(updates).await?;
        Ok(Lacking::default())
    }

    async fn delete(&self, _: &Scope, _: &Lacking) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(instance: &str, cidr: &str) -> PodRange {
        PodRange { zone: "europe-west1-b".into(), instance: instance.into(), cidr: cidr.into() }
    }

    #[test]
    fn what_is_kept_in_the_state_is_read_again() {
        let ranges = vec![range("a-1", "100.64.0.0/24"), range("b", "100.64.1.0/24")];
        assert_eq!(written(&ranges), "europe-west1-b/a-1=100.64.0.0/24,europe-west1-b/b=100.64.1.0/24");
        assert_eq!(read(&written(&ranges)), ranges);
        assert_eq!(written(&[]), NOTHING);
        for odd in
            ["", NOTHING, "a", "a/b", "a/b=c", "a=100.64.0.0/24", "/=100.64.0.0/24", "../x/b=1.0.0.0/8"]
        {
            assert_eq!(read(odd), [], "{odd}");
        }
    }

    #[test]
    fn routes_and_what_is_pending_are_told_once() {
        let route = Route {
            name: "r".to_owned(),
            dest_range: "100.64.0.0/24".to_owned(),
            next_hop_instance: Some("projects/p/zones/europe-west1-b/instances/a-1".to_owned()),
            ..Route::default()
        };
        let routes = Routes {
            routes: vec![route],
            pending: vec![range("b", "100.64.1.0/24"), range("a-1", "100.64.0.0/24")],
        };
        assert_eq!(routes.ranges(), [range("a-1", "100.64.0.0/24"), range("b", "100.64.1.0/24")]);
    }
}
