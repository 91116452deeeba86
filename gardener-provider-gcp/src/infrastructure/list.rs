//! Everything that is a cluster's, whether the graph knows it or not.

use gardener_provider_client::pages::all_pages;
use gardener_provider_core::{CloudResource, Result};

use crate::{
    api::{
        Operation, disks,
        firewalls::get_firewall,
        instances,
        lists::{self, Aggregated},
        networks::get_network,
        routers::get_router,
        service_accounts::{email, get_service_account},
        subnetworks::get_subnetwork,
    },
    graph::{
        Context, Rule,
        kubernetes::{our_firewalls, our_routes},
        subnet::Purpose,
    },
    machines::{CLUSTER_LABEL, is_in},
};

/// Networks carry no labels: what has exactly the name of ours, what Kubernetes in the cluster made, and machines and disks
/// that carry the cluster's tag or label.
pub(super) async fn all(cx: &Context) -> Result<Vec<CloudResource>> {
    let (networks, subnets, routers, firewalls, accounts) =
        futures::try_join!(networks(cx), subnets(cx), routers(cx), firewalls(cx), accounts(cx))?;
    let (kubernetes, instances, disks) = futures::try_join!(of_kubernetes(cx), instances(cx), disks(cx))?;
    Ok([networks, subnets, routers, firewalls, accounts, kubernetes, instances, disks].concat())
}

async fn networks(cx: &Context) -> Result<Vec<CloudResource>> {
    if cx.config.networks.vpc.is_some() {
        return Ok(Vec::new());
    }
    let found = cx.look(get_network(cx.project(), cx.vpc())).await?;
    Ok(found.map(|network| CloudResource::new("VPC", network.name)).into_iter().collect())
}

async fn subnets(cx: &Context) -> Result<Vec<CloudResource>> {
    let purposes = [Purpose::Nodes, Purpose::Internal, Purpose::Services].map(|purpose| async move {
        cx.look(get_subnetwork(cx.project(), cx.region(), &cx.name(purpose.name()))).await
    });
    let found = futures::future::try_join_all(purposes).await?.into_iter().flatten();
    let ours = found.filter(|subnet| cx.is_in_vpc(&subnet.network));
    Ok(ours.map(|subnet| CloudResource::new("subnet", subnet.name)).collect())
}

/// A router of ours, with all that is in it; of the user's, our NAT gateway.
async fn routers(cx: &Context) -> Result<Vec<CloudResource>> {
    let found = cx.look(get_router(cx.project(), cx.region(), &cx.router())).await?;
    let Some(router) = found.filter(|router| cx.is_in_vpc(&router.network)) else { return Ok(Vec::new()) };
    if cx.config.networks.given_router().is_none() {
        return Ok(vec![CloudResource::new("router", router.name)]);
    }
    let nat = router.nat(&cx.nat()).map(|_| CloudResource::new("NAT gateway", cx.nat()));
    Ok(nat.into_iter().collect())
}

async fn firewalls(cx: &Context) -> Result<Vec<CloudResource>> {
    let rules = Rule::ALL
        .map(|rule| async move { cx.look(get_firewall(cx.project(), &cx.name(rule.suffix()))).await });
    let found = futures::future::try_join_all(rules).await?.into_iter().flatten();
    let ours = found.filter(|rule| cx.is_in_vpc(&rule.network));
    Ok(ours.map(|rule| CloudResource::new("firewall rule", rule.name)).collect())
}

async fn accounts(cx: &Context) -> Result<Vec<CloudResource>> {
    let email = email(cx.project(), cx.cluster.as_str());
    let found = cx.look(get_service_account(cx.project(), &email)).await?;
    let account = found.map(|account| CloudResource::new("service account", account.email));
    Ok(account.into_iter().collect())
}

async fn of_kubernetes(cx: &Context) -> Result<Vec<CloudResource>> {
    let (firewalls, routes) = futures::try_join!(our_firewalls(cx), our_routes(cx))?;
    let firewalls = firewalls.into_iter().map(|rule| CloudResource::new("firewall rule", rule.name));
    let routes = routes.into_iter().map(|route| CloudResource::new("route", route.name));
    Ok(firewalls.chain(routes).collect())
}

async fn instances(cx: &Context) -> Result<Vec<CloudResource>> {
    // Gardener names machines after the cluster; whose one is says its tag.
    let filter = format!("name eq \"{}-.*\"", cx.cluster);
    let found = everywhere(cx, &filter, instances::aggregated_list, instances::Instance::zone).await?;
    let tag = [format!("kubernetes-io-cluster-{}", cx.cluster)];
    let ours = found.into_iter().filter(|instance| instance.has_tags(&tag));
    Ok(ours.map(|instance| CloudResource::new("instance", instance.name)).collect())
}

async fn disks(cx: &Context) -> Result<Vec<CloudResource>> {
    let filter = lists::is(&format!("labels.{CLUSTER_LABEL}"), cx.cluster.as_str());
    let found = everywhere(cx, &filter, disks::aggregated_list, disks::Disk::zone).await?;
    let ours = found
        .into_iter()
        .filter(|disk| disk.labels.get(CLUSTER_LABEL).map(String::as_str) == Some(cx.cluster.as_str()));
    Ok(ours.map(|disk| CloudResource::new("disk", disk.name)).collect())
}

/// A page of a list over all zones: of a project, by a filter, at a token.
type List<T> = fn(&str, Option<&str>, Option<&str>) -> Operation<Aggregated<T>>;

/// What is in the zones of the region.
async fn everywhere<T>(cx: &Context, filter: &str, list: List<T>, zone: fn(&T) -> &str) -> Result<Vec<T>> {
    let here = |zone: &str| is_in(zone, cx.region());
    let mut found = all_pages(|next| {
        let operation = list(cx.project(), Some(filter), next.as_deref());
        async move { cx.run(operation).await?.complete_in(here) }
    })
    .await?;
    found.retain(|item| here(zone(item)));
    Ok(found)
}
