//! Everything that is marked as a cluster's, whether the graph knows it or not.

use gardener_provider_client::pages::{Page, all_pages};
use gardener_provider_core::{CloudResource, Result};

use crate::{
    api::{
        Operation,
        describe::Query,
        iam::{get_instance_profile, get_role},
        instances::describe_instances,
        keypairs::describe_key_pairs,
        network_interfaces::describe_network_interfaces,
        query::Filter,
        tags::Tags,
        volumes::describe_volumes,
    },
    graph::{
        Context,
        files::tagged_file_systems,
        identity::{key_name, nodes_name},
        leftovers::balancers,
        snapshot::{Kind, Tagged},
    },
};

/// Everything that carries the cluster's tag by its exact key, and what has no tags by its exact name.
pub(super) async fn all(cx: &Context) -> Result<Vec<CloudResource>> {
    let snapshot = &cx.snapshot;
    let (vpcs, dhcp, subnets, tables, internet, egress, endpoints, nats, addresses, groups) = futures::try_join!(
        of(cx, "VPC", &snapshot.vpcs),
        of(cx, "DHCP options", &snapshot.dhcp_options),
        of(cx, "subnet", &snapshot.subnets),
        of(cx, "route table", &snapshot.route_tables),
        of(cx, "internet gateway", &snapshot.internet_gateways),
        of(cx, "egress-only internet gateway", &snapshot.egress_only),
        of(cx, "gateway endpoint", &snapshot.endpoints),
        of(cx, "NAT gateway", &snapshot.nat_gateways),
        of(cx, "elastic IP", &snapshot.addresses),
        of(cx, "security group", &snapshot.security_groups),
    )?;
    let (instances, volumes, interfaces, others, identities) =
        futures::try_join!(instances(cx), volumes(cx), interfaces(cx), services(cx), identities(cx))?;
    let kinds = [
        vpcs, dhcp, subnets, tables, internet, egress, endpoints, nats, addresses, groups, instances,
        volumes, interfaces, others, identities,
    ];
    Ok(kinds.concat())
}

async fn of<T: Tagged>(cx: &Context, kind: &str, list: &Kind<T>) -> Result<Vec<CloudResource>> {
    let found = list.fresh(cx).await?;
    // Exactly the cluster's tag, however a server filters.
    let ours = found.iter().filter(|item| item.is_alive() && item.tags().contains_key(&cx.tag));
    Ok(ours.map(|item| resource(kind, item.id(), item.tags())).collect())
}

fn resource(kind: &str, id: &str, tags: &Tags) -> CloudResource {
    let resource = CloudResource::new(kind, id);
    match tags.get("Name") {
        Some(name) => resource.with_name(name),
        None => resource,
    }
}

async fn tagged<T>(
    cx: &Context,
    describe: fn(&[Filter], Option<&str>) -> Operation<Page<T>>,
) -> Result<Vec<T>> {
    let filters = [Filter::tag_key(&cx.tag)];
    all_pages(|next| {
        let operation = describe(&filters, next.as_deref());
        async move { cx.run(operation).await }
    })
    .await
}

async fn instances(cx: &Context) -> Result<Vec<CloudResource>> {
    let found = tagged(cx, describe_instances).await?;
    let alive = found.iter().filter(|instance| !instance.is_terminated());
    Ok(alive.map(|instance| resource("instance", &instance.instance_id, &instance.tags)).collect())
}

async fn volumes(cx: &Context) -> Result<Vec<CloudResource>> {
    let found = tagged(cx, describe_volumes).await?;
    let alive = found.iter().filter(|volume| !matches!(volume.status.as_str(), "deleting" | "deleted"));
    Ok(alive.map(|volume| resource("volume", &volume.volume_id, &volume.tags)).collect())
}

async fn interfaces(cx: &Context) -> Result<Vec<CloudResource>> {
    let found = tagged(cx, describe_network_interfaces).await?;
    let interfaces = found.iter();
    Ok(interfaces
        .map(|interface| resource("network interface", &interface.network_interface_id, &interface.tags))
        .collect())
}

/// Load balancers, their target groups, file systems.
async fn services(cx: &Context) -> Result<Vec<CloudResource>> {
    let (balancers, file_systems) = futures::try_join!(balancers(cx, None), tagged_file_systems(cx))?;
    let classic = balancers.classic.into_iter().map(|id| CloudResource::new("classic load balancer", id));
    let second = balancers.load_balancers.into_iter().map(|id| CloudResource::new("load balancer", id));
    let groups = balancers.target_groups.into_iter().map(|id| CloudResource::new("target group", id));
    let files =
        file_systems.iter().map(|found| resource("EFS file system", &found.file_system_id, &found.tags()));
    Ok(classic.chain(second).chain(groups).chain(files).collect())
}

async fn identities(cx: &Context) -> Result<Vec<CloudResource>> {
    let name = nodes_name(cx);
    let query = Query::ids([key_name(cx)]);
    let (role, profile, keys) = futures::try_join!(
        cx.find(get_role(&name)),
        cx.find(get_instance_profile(&name)),
        cx.find(describe_key_pairs(&query)),
    )?;
    let role = role.map(|role| CloudResource::new("IAM role", role.role_name));
    let profile =
        profile.map(|profile| CloudResource::new("IAM instance profile", profile.instance_profile_name));
    let keys = keys.map(|page| page.items).unwrap_or_default().into_iter();
    let keys = keys.map(|key| CloudResource::new("key pair", key.key_pair_id).with_name(key.key_name));
    Ok(role.into_iter().chain(profile).chain(keys).collect())
}
