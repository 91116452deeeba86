//! Everything that is a cluster's, whether the graph knows it or not.

use gardener_provider_client::rest::or_missing;
use gardener_provider_core::{CloudResource, Result};

use crate::{
    api::{resource_groups, resources},
    graph::Context,
};

/// The cluster's resource group, all that lies in it, and its subnets by their exact names.
pub(super) async fn all(cx: &Context) -> Result<Vec<CloudResource>> {
    let (group, resources, subnets) = futures::try_join!(group(cx), resources(cx), cx.list_subnets())?;
    let ours = subnets.into_iter().filter(|subnet| cx.is_subnet_name(&subnet.name));
    let subnets = ours.map(|subnet| CloudResource::new("subnet", subnet.id).with_name(subnet.name));
    Ok(group.into_iter().chain(resources).chain(subnets).collect())
}

async fn group(cx: &Context) -> Result<Option<CloudResource>> {
    let found = cx.session.find(&resource_groups::get(&cx.group)).await?;
    Ok(found.map(|group| CloudResource::new("resource group", group.id).with_name(group.name)))
}

async fn resources(cx: &Context) -> Result<Vec<CloudResource>> {
    let found = or_missing(cx.session.all(&resources::in_group(&cx.group)).await)?.unwrap_or_default();
    Ok(found
        .into_iter()
        .map(|found| CloudResource::new(found.kind, found.id).with_name(found.name))
        .collect())
}
